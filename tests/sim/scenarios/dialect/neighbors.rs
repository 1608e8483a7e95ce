//! Neighbours that are asked whether they answer, and calls that neighbours look for in a circle.

use pinhole::event::Event;
use pinhole::face::SocketId;
use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{LocationReject, LocationRequest, RasMessage, RequestSeqNum};
use pinhole_h323::id::{CallId, GatekeeperId};
use pinhole_h323::ras::Ras;

use super::super::lab::{Lab, NODE, Plan, lab};
use super::*;
use crate::world::{Chop, HostId, Raw, at, millis, seconds};

const OTHERS: [&str; 2] = ["198.51.100.41", "198.51.100.42"];

/// A gatekeeper with two neighbours that a test speaks for.
struct Circle {
    lab: Lab,
    hosts: [HostId; 2],
    sockets: [SocketId; 2],
}

impl Circle {
    fn new(features: &str, first: &str) -> Self {
        let text = format!(
            "[Gatekeeper::Main]\nName=Here\n{MODE}[RasSrv::LRQFeatures]\n{features}\n[RasSrv::Neighbors]\nOne=GnuGk\n\
             Two=GnuGk\n[Neighbor::One]\nHost={}\nSendPrefixes=*\n{first}\n[Neighbor::Two]\nHost={}\nSendPrefixes=*\n",
            OTHERS[0], OTHERS[1]
        );
        let mut lab = lab(Plan { settings: settings(&text), ..Plan::with(Chop::AsSent) });
        let hosts = OTHERS.map(|at| lab.world.host("neighbor", at, Raw::default()));
        let sockets =
            [0, 1].map(|n| lab.world.with(hosts[n], |raw: &mut Raw, _| raw.udp(OTHERS[n], 1719)));
        // The first datagrams of the gatekeeper came before anybody was there.
        lab.world.run_for(millis(600));
        Self { lab, hosts, sockets }
    }

    /// What has come to a neighbour, which forgets it.
    fn heard(&mut self, n: usize) -> Vec<RasMessage> {
        self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| {
            let all = std::mem::take(&mut raw.datagrams);
            all.iter().map(|(_, _, bytes)| Ras::decode(bytes).unwrap().into_message()).collect()
        })
    }

    fn asked(&mut self, n: usize) -> Vec<LocationRequest> {
        let questions = self.heard(n).into_iter().filter_map(|message| match message {
            RasMessage::locationRequest(request) => Some(*request),
            _ => None,
        });
        questions.collect()
    }

    fn say(&mut self, n: usize, message: RasMessage) {
        let bytes = Ras::new(message).encode().unwrap();
        let socket = self.sockets[n];
        self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| {
            raw.say(socket, at(&format!("{NODE}:1719")), &bytes);
        });
        self.lab.world.run_for(millis(100));
    }

    /// Answers that nobody is known.
    fn reject(&mut self, n: usize, seq: &RequestSeqNum) {
        let reject = LocationReject { request_seq_num: seq.clone(), ..Default::default() };
        self.say(n, RasMessage::locationReject(Box::new(reject)));
    }

    /// Asks about somebody for a call, as this gatekeeper.
    fn ask(&mut self, n: usize, (seq, call): (u16, u8), whom: &str, name: &str) {
        let request = LocationRequest {
            request_seq_num: RequestSeqNum(seq),
            destination_info: vec![Alias::from_text(whom).to_asn()],
            reply_address: to_h225(at(&format!("{}:1719", OTHERS[n]))),
            gatekeeper_identifier: Some((&GatekeeperId(name.to_owned())).into()),
            call_identifier: Some(CallId([call; 16]).into()),
            hop_count: Some(5),
            ..Default::default()
        };
        self.say(n, RasMessage::locationRequest(Box::new(request)));
    }

    /// Whether the gatekeeper has told that a neighbour is down, or up, since.
    fn states(&self, name: &str) -> Vec<&'static str> {
        let events = self.lab.world.events(self.lab.node);
        let told = events.iter().filter_map(|(_, event)| match event {
            Event::Zone { name: of, state, .. } if of == name => Some(*state),
            _ => None,
        });
        told.collect()
    }
}

#[test]
fn a_neighbour_that_does_not_answer_is_asked_about_nobody_until_it_does() {
    let mut circle = Circle::new("SendLRQPing=1\nLRQPingInterval=30\nPingAlias=my-ping\n", "");
    let wants = Alias::from_text("my-ping");
    // The first is asked twice, and does not answer; the second does.
    for n in [0, 1] {
        let asked = circle.asked(n);
        assert_eq!(asked.len(), 1);
        assert_eq!(Alias::read_all(&asked[0].destination_info), std::slice::from_ref(&wants));
        if n == 1 {
            circle.reject(1, &asked[0].request_seq_num);
        }
    }
    circle.lab.world.run_for(seconds(2));
    assert_eq!([circle.asked(0).len(), circle.asked(1).len()], [0, 0]);
    assert_eq!((circle.states("One"), circle.states("Two")), (vec!["up", "down"], vec!["up"]));
    // A call is looked for at the second only.
    circle.ask(1, (900, 9), "somebody", "Two");
    circle.ask(0, (901, 8), "somebody", "One");
    assert_eq!([circle.asked(0).len(), circle.asked(1).len()], [0, 1]);
    // It is asked again after half a minute, and answers now.
    circle.lab.world.run_for(seconds(29));
    let asked = circle.asked(0);
    let seq = asked.first().expect("a ping").request_seq_num.clone();
    circle.reject(0, &seq);
    assert_eq!(circle.states("One"), ["up", "down", "up"]);
    circle.ask(1, (902, 7), "somebody", "Two");
    assert_eq!(circle.asked(0).len(), 1);
}

#[test]
fn one_neighbour_can_be_asked_alone_and_otherwise_none_is() {
    for (features, first, asked) in [
        ("", "", [0, 0]),
        ("", "SendLRQPing=1", [1, 0]),
        ("SendLRQPing=1", "SendLRQPing=0", [0, 1]),
    ] {
        let mut circle = Circle::new(features, first);
        assert_eq!([0, 1].map(|n| circle.asked(n).len()), asked, "{features} {first}");
    }
}

#[test]
fn questions_about_nobody_are_answered_and_not_passed_on() {
    for (whom, passed) in [("gatekeeper-monitoring-check", 0), ("somebody", 1)] {
        let mut circle = Circle::new("ForwardLRQ=always", "");
        circle.ask(0, (5, 1), whom, "One");
        assert_eq!(circle.asked(1).len(), passed);
        let rejected = |message: &RasMessage| matches!(message, RasMessage::locationReject(_));
        assert_eq!(circle.heard(0).iter().any(rejected), passed == 0);
    }
}

#[test]
fn a_call_that_comes_around_is_not_looked_for_again() {
    for (features, again) in [("LoopDetection=1\nLoopDetectionExpireTime=20", false), ("", true)] {
        let mut circle = Circle::new(&format!("ForwardLRQ=always\n{features}"), "");
        circle.ask(0, (5, 1), "somebody", "One");
        let asked = circle.asked(1);
        circle.reject(1, &asked[0].request_seq_num);
        circle.heard(0);
        // The second has passed it on, and it comes back from there.
        circle.ask(1, (6, 1), "somebody", "Two");
        assert_eq!(circle.asked(0).len(), usize::from(again), "{features}");
        // Who asked first may ask again; and another call is another.
        circle.ask(1, (7, 2), "somebody", "Two");
        assert_eq!(circle.asked(0).len(), 1);
        circle.lab.world.run_for(seconds(21));
        circle.heard(0);
        circle.ask(1, (8, 1), "somebody", "Two");
        assert_eq!(circle.asked(0).len(), 1, "after a while");
    }
}

#[test]
fn what_a_neighbour_passes_on_for_others_is_taken_if_that_is_wanted() {
    for (features, first, taken) in [
        ("", "", true),
        ("AcceptForwardedLRQ=0", "", false),
        ("", "AcceptForwardedLRQ=0", false),
        ("AcceptForwardedLRQ=0", "AcceptForwardedLRQ=1", true),
    ] {
        let mut circle = Circle::new(&format!("ForwardLRQ=always\n{features}"), first);
        circle.ask(0, (5, 1), "somebody", "Another");
        assert_eq!(circle.asked(1).len(), usize::from(taken), "{features} {first}");
        circle.ask(0, (6, 2), "somebody", "One");
        assert_eq!(circle.asked(1).len(), 1, "its own");
    }
}

/// Of what is asked here, each neighbour gets its own number of hops.
#[test]
fn a_neighbour_has_a_hop_count_of_its_own() {
    let mut circle = Circle::new("ForwardHopCount=3", "ForwardHopCount=9");
    circle.lab.phone("alice", super::super::lab::Place::Outside, |options| {
        options.destination = Some(pinhole::phone::options::Destination::parse("somebody"));
    });
    circle.lab.world.run_for(millis(400));
    let hops = [0, 1].map(|n| circle.asked(n).first().and_then(|asked| asked.hop_count));
    assert_eq!(hops, [Some(9), Some(3)]);
}
