//! A party names the address of somebody else for its media: of one who knows nothing of it, or of a board of its own.

use pinhole::event::{CallRecord, Event};
use pinhole_h323::address::to_h245;
use pinhole_h323::asn::h245::{
    H245TransportAddress, MultimediaSystemControlMessage as Message,
    OpenLogicalChannelAckForwardMultiplexAckParameters as Ack,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
    RequestMessage as Request, ResponseMessage as Response,
};
use pinhole_h323::{Control, Signal};

use super::lab::{Lab, Place, Plan, connected, lab};
use super::zone::settings;
use crate::world::{Chop, HostId, Raw, at, seconds};
use Place::Outside;

const THERE: &str = "192.0.2.66";
/// Packets of audio in a second.
const RATE: usize = 50;
const TALK: u64 = 100;
const MODE: &str = "[RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\n";

/// Puts the address into what a party says of its media.
pub(super) fn names(control: &mut Control, rtp: &str, rtcp: &str) {
    control.edit(|message| match message {
        Message::request(Request::openLogicalChannel(olc)) => {
            let forward = &mut olc.forward_logical_channel_parameters.multiplex_parameters;
            if let Forward::h2250LogicalChannelParameters(parameters) = forward {
                parameters.media_control_channel = Some(to_h245(at(rtcp)));
            }
        }
        Message::response(response) => {
            if let Response::openLogicalChannelAck(ack) = &mut **response
                && let Some(Ack::h2250LogicalChannelAckParameters(parameters)) =
                    &mut ack.forward_multiplex_ack_parameters
            {
                parameters.media_channel = Some(to_h245(at(rtp)));
                parameters.media_control_channel = Some(to_h245(at(rtcp)));
            }
        }
        _ => {}
    });
}

/// Puts the address into all of fast start that names one.
pub(super) fn proposes(signal: &mut Signal, rtp: &str, rtcp: &str) {
    let put = |address: &mut Option<H245TransportAddress>, to: &str| {
        if address.is_some() {
            *address = Some(to_h245(at(to)));
        }
    };
    let mut elements = Vec::new();
    for octets in signal.fast_start() {
        let mut olc = pinhole_h323::asn::decode_olc(octets).unwrap();
        let forward = &mut olc.forward_logical_channel_parameters.multiplex_parameters;
        if let Forward::h2250LogicalChannelParameters(parameters) = forward {
            put(&mut parameters.media_channel, rtp);
            put(&mut parameters.media_control_channel, rtcp);
        }
        if let Some(reverse) = &mut olc.reverse_logical_channel_parameters
            && let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
                &mut reverse.multiplex_parameters
        {
            put(&mut parameters.media_channel, rtp);
            put(&mut parameters.media_control_channel, rtcp);
        }
        elements.push(pinhole_h323::asn::encode_olc(&olc).unwrap());
    }
    if !elements.is_empty() {
        signal.set_fast_start(elements);
    }
}

/// A call by mallory, who has her media sent elsewhere, to bob, who answers by himself.
struct Call {
    lab: Lab,
    mallory: HostId,
    there: HostId,
    socket: pinhole::face::SocketId,
}

impl Call {
    fn new(keys: &str) -> Self {
        let settings = settings(&format!("{MODE}{keys}"));
        let mut lab = lab(Plan { settings, ..Plan::with(Chop::AsSent) });
        let there = lab.world.host("there", THERE, Raw::default());
        let socket = lab.world.with(there, |raw: &mut Raw, _| raw.udp(THERE, 6001));
        lab.world.with(there, |raw: &mut Raw, _| raw.udp(THERE, 6000));
        lab.answering("bob", Outside, 880.0, |options| options.traversal = false);
        lab.world.mark_rest();
        let mallory = lab.calling("mallory", Outside, ("bob", 440.0, TALK), |options| {
            options.traversal = false;
        });
        let (rtp, rtcp) = (format!("{THERE}:6000"), format!("{THERE}:6001"));
        lab.world.tamper_control(mallory, move |control| names(control, &rtp, &rtcp));
        lab.world.must("talking", |world| world.told(mallory, connected), seconds(30));
        Self { lab, mallory, there, socket }
    }

    /// Packets that have come there since this was asked last.
    fn came(&mut self) -> usize {
        self.lab.world.with(self.there, |raw: &mut Raw, _| std::mem::take(&mut raw.datagrams)).len()
    }

    fn count(&self, wanted: fn(&Event) -> bool) -> usize {
        self.lab.world.count(self.lab.node, wanted)
    }

    fn end(mut self) -> CallRecord {
        self.lab.record(self.mallory, 1, seconds(2 * TALK));
        let record = self.lab.record(self.lab.node, 1, seconds(5));
        self.lab.nothing_left();
        record
    }
}

fn unanswered(event: &Event) -> bool {
    matches!(event, Event::MediaUnanswered { .. })
}

fn answered(event: &Event) -> bool {
    matches!(event, Event::MediaAnswered { .. })
}

#[test]
fn a_stream_cannot_be_pointed_at_anybody_for_long() {
    let mut call = Call::new("");
    call.lab.world.run_for(seconds(30));
    let came = call.came();
    assert!((14 * RATE..16 * RATE).contains(&came), "{came}");
    call.lab.world.run_for(seconds(50));
    assert_eq!(call.came(), 0);
    assert_eq!(call.count(unanswered), 1);
    call.end();
}

#[test]
fn then_it_goes_to_her_who_does_send() {
    let mut call = Call::new("[Pinhole::Limits]\nUnansweredMedia=2\n");
    let mut came = 0;
    for _ in 0..20 {
        call.lab.world.run_for(seconds(1));
        came += call.came();
    }
    assert!((RATE..3 * RATE).contains(&came), "{came}");
    let record = call.end();
    let to_her = record.channels.iter().find(|channel| channel.direction == "b-to-a").unwrap();
    assert_eq!(to_her.unanswered, 0, "it goes to her, who does send: {record:#?}");
}

#[test]
fn a_board_that_only_listens_gets_its_stream_for_its_reports() {
    let mut call = Call::new("");
    let (mut came, mut sequence) = (0, 0u32);
    for _ in 0..8 {
        let report = [&[0x80, 201, 0, 1][..], &7u32.to_be_bytes()].concat();
        for port in call.lab.world.relaying_ports(call.lab.node) {
            sequence += 1;
            let socket = call.socket;
            call.lab.world.with(call.there, |raw: &mut Raw, _| raw.say(socket, port, &report));
        }
        call.lab.world.run_for(seconds(10));
        came += call.came();
    }
    assert!(sequence > 8);
    assert!(came > 79 * RATE, "{came}");
    assert_eq!((call.count(unanswered), call.count(answered)), (0, 0));
    call.end();
}

#[test]
fn who_answers_late_is_heard_from_then_on() {
    let mut call = Call::new("");
    call.lab.world.run_for(seconds(40));
    call.came();
    let report = [&[0x80, 201, 0, 1][..], &7u32.to_be_bytes()].concat();
    for port in call.lab.world.relaying_ports(call.lab.node) {
        let socket = call.socket;
        call.lab.world.with(call.there, |raw: &mut Raw, _| raw.say(socket, port, &report));
    }
    call.lab.world.run_for(seconds(20));
    let came = call.came();
    assert!(came > 19 * RATE, "{came}");
    assert_eq!((call.count(unanswered), call.count(answered)), (1, 1));
    call.end();
}

#[test]
fn networks_may_be_sent_to_without_an_answer() {
    for keys in ["UnansweredMedia=0\n", "UnansweredMediaTo=192.0.2.0/24\n"] {
        let mut call = Call::new(&format!("[Pinhole::Limits]\n{keys}"));
        call.lab.world.run_for(seconds(60));
        let came = call.came();
        assert!(came > 59 * RATE, "{keys}: {came}");
        assert_eq!(call.count(unanswered), 0);
        call.end();
    }
}

/// The same with fast start, where addresses are told before there is any H.245.
#[test]
fn what_fast_start_names_has_to_answer_too() {
    let settings = settings(MODE);
    let mut lab = lab(Plan { settings, ..Plan::with(Chop::AsSent) });
    let there = lab.world.host("there", THERE, Raw::default());
    lab.world.with(there, |raw: &mut Raw, _| raw.udp(THERE, 6000));
    let plain = |options: &mut pinhole::phone::options::Options| {
        (options.traversal, options.fast_start) = (false, true);
    };
    lab.answering("bob", Outside, 880.0, plain);
    lab.world.mark_rest();
    let mallory = lab.calling("mallory", Outside, ("bob", 440.0, 60), plain);
    let (rtp, rtcp) = (format!("{THERE}:6000"), format!("{THERE}:6001"));
    lab.world.tamper_signals(mallory, move |signal| proposes(signal, &rtp, &rtcp));
    lab.record(mallory, 1, seconds(120));
    let came = lab.world.with(there, |raw: &mut Raw, _| raw.datagrams.len());
    assert!((14 * RATE..17 * RATE).contains(&came), "{came}");
    lab.nothing_left();
}
