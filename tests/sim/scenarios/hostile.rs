//! Messages with the flaws that have brought systems down: nobody's call, registration or memory is harmed.

use pinhole::event::Event;
use pinhole::face::StreamId;
use pinhole::node::{Counters, Node};
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::signal::{Leg, Signal};

use super::lab::{Lab, NODE, Place, Plan, connected, ended, heard, lab};
use crate::hostile::{Hostile, framed, takes_away};
use crate::world::{Chop, HostId, Raw, at, millis, seconds};
use Place::{Inside, Outside};

const MALLORY: &str = "192.0.2.66";

/// A call of so many seconds between two places, which goes on while the messages come and has no gap.
fn unharmed(seed: u64, talk: u64, storm: impl FnOnce(&mut Lab, HostId, Hostile)) {
    let mut lab = lab(Plan { seed, ..Plan::with(Chop::AsSent) });
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    let mallory = lab.world.host("mallory", MALLORY, Raw::default());
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, talk), |_| {});
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    let call = lab.world.events(alice).iter().find_map(|(_, event)| match event {
        Event::CallStarted { callid, .. } => Some(callid.clone()),
        _ => None,
    });
    let hostile = Hostile::new(seed, identifier(&call.expect("a call")));
    storm(&mut lab, mallory, hostile);
    assert!(!lab.world.told(alice, ended), "the storm must not outlast the call");
    heard(&lab.record(alice, 1, seconds(200)), talk, 880.0);
    heard(&lab.record(bob, 1, seconds(5)), talk, 440.0);
    let own =
        |event: &Event| matches!(event, Event::CallEnded(record) if record.peer == "alice -> bob");
    assert_eq!(lab.world.count(lab.node, own), 1);
    let gone = |event: &Event| matches!(event, Event::Unregistered { alias, .. } if alias == "bob");
    assert!(!lab.world.told(lab.node, gone));
    lab.world.run_for(seconds(20));
    lab.world.with(mallory, |raw: &mut Raw, _| {
        let open = raw.lines.iter().filter(|(_, line)| !line.closed).map(|(id, _)| *id);
        open.collect::<Vec<_>>().into_iter().for_each(|stream| raw.close(stream));
    });
    lab.nothing_left();
}

/// The call identifier in a text of hexadecimal digits with hyphens.
fn identifier(text: &str) -> CallId {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    let octets: Vec<u8> = digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect();
    CallId(octets.try_into().expect("sixteen octets"))
}

#[test]
fn hostile_datagrams_at_the_ras_port() {
    unharmed(41, 30, |lab, _, mut hostile| {
        for n in 0..3000 {
            // Some come from where a phone is registered, as far as anybody can tell.
            let from = if n % 3 == 0 { lab.seen("bob") } else { at(&format!("{MALLORY}:4000")) };
            let mut message = hostile.ras();
            while n % 3 == 0 && takes_away(&message.octets) {
                message = hostile.ras();
            }
            lab.world.inject_datagram(from, at(&format!("{NODE}:1719")), &message.octets);
            lab.world.run_for(millis(6));
        }
        assert!(counted(lab).malformed_ras > 1000, "{:?}", counted(lab));
    });
}

#[test]
fn hostile_messages_at_the_signalling_port() {
    unharmed(42, 60, |lab, mallory, mut hostile| {
        for _ in 0..2000 {
            let message = hostile.signalling();
            lab.world.with(mallory, |raw: &mut Raw, _| {
                let stream = raw.connect(at(&format!("{NODE}:1720")));
                raw.send(stream, &message.octets);
            });
            lab.world.run_for(millis(25));
        }
        let counted = counted(lab);
        assert!(counted.malformed_messages > 600 && counted.refused_streams > 100, "{counted:?}");
    });
}

/// What the gatekeeper has counted.
fn counted(lab: &mut Lab) -> Counters {
    let node = lab.node;
    lab.world.with(node, |node: &mut Node, _| node.counters())
}

/// The gatekeeper's ends of all connections of two phones, once they have H.245 connections.
fn ends(lab: &Lab, phones: [HostId; 2]) -> Vec<(HostId, StreamId)> {
    let of = |phone: HostId| {
        let mine = lab.world.streams(phone);
        let ends =
            mine.into_iter().filter_map(move |(stream, _)| lab.world.other_end(phone, stream));
        ends.map(|stream| (lab.node, stream)).collect::<Vec<_>>()
    };
    phones.into_iter().flat_map(of).collect()
}

/// Two who are in a call themselves send hostile H.245 and signalling within it; whatever becomes of their call, and of
/// the next one, the other call has no gap.
#[test]
fn hostile_messages_within_a_call() {
    unharmed(43, 120, |lab, _, mut hostile| {
        let carla = lab.answering("carla", Outside, 600.0, |options| options.tunnelling = false);
        let mut sent = 0;
        for n in 0..60 {
            let name = ["dora", "emma", "fritz", "gustl"][n % 4];
            let tunnelling = n % 2 == 0;
            let caller = lab.calling(name, Outside, ("carla", 700.0, 1), |options| {
                options.tunnelling = tunnelling;
            });
            // What was sent before may have harmed them: then it is not answered.
            let _ = lab.world.run_until(|world| world.told(caller, connected), seconds(5));
            lab.world.run_for(millis(300));
            for (node, stream) in ends(lab, [caller, carla]) {
                for _ in 0..6 {
                    let bytes = match n % 3 {
                        0 => hostile.signalling().octets,
                        1 => framed(&hostile.control().octets),
                        _ => carried(&mut hostile),
                    };
                    if lab.world.streams(node).iter().any(|(open, _)| *open == stream) {
                        lab.world.inject_stream(node, stream, &bytes);
                        sent += 1;
                    }
                }
            }
            lab.world.run_for(millis(400));
        }
        let malformed = counted(lab).malformed_messages;
        assert!(sent > 300 && malformed > 100, "{sent}, of them {malformed} were not understood");
        lab.world.run_for(seconds(20));
        lab.world.shutdown(carla);
        lab.world.run_for(seconds(5));
    });
}

/// A Facility with hostile H.245 messages.
fn carried(hostile: &mut Hostile) -> Vec<u8> {
    let call_id = CallId([5; 16]);
    let leg = Leg { crv: Crv::GLOBAL, from_destination: false, call_id, tunnelling: true };
    let mut facility = Signal::transport(leg);
    facility.set_h245_control((0..8).map(|_| hostile.control().octets).collect());
    facility.encode().map_or_else(|_| Vec::new(), |octets| framed(&octets))
}
