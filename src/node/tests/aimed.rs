//! Whom parties can have media sent to: nobody inside whom they could not reach, and nobody a word of another protocol. The
//! mirror of `reaching`.

use std::collections::BTreeSet;

use pinhole_h323::address::to_h245;
use pinhole_h323::asn::h245::{
    DataProtocolCapability as Protocol, H245TransportAddress, LogicalChannelNumber,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
};
use pinhole_h323::asn::{decode_olc, encode_olc};
use pinhole_h323::control::{Accept, Control};
use pinhole_h323::{Signal, tpkt};

use super::channels::{at, open};
use super::data::{ack as stack_ack, channel, fax};
use super::fast_start::{CONNECT, call_edited};
use super::talk::Talk;
use super::*;
use crate::event::Event;
use crate::face::{FlowCommand, FlowFact, FlowId, PairId, Side};
use crate::media::{Batch, Channel, Table};

/// Where the signalling of A and B comes from.
const OWN: [&str; 2] = ["198.51.100.10", "198.51.100.20"];
const THIRD: &str = "203.0.113.77:5000";

const INSIDE: [&str; 8] = [
    "10.0.0.5:161",
    "192.168.1.1:5000",
    "172.16.0.1:5004",
    "169.254.169.254:80",
    "[fd00::1]:5000",
    "[::ffff:10.0.0.5]:161",
    "127.0.0.1:53",
    "[::1]:53",
];

/// One session in the media plane.
struct Scene {
    table: Table,
    pairs: [PairId; 2],
    now: Instant,
    sequence: u8,
}

impl Scene {
    fn new(now: Instant, outputs: Vec<Output>) -> Self {
        let (mut table, mut found) = (Table::default(), None);
        for output in outputs {
            if let Output::Flow(command) = output {
                if let FlowCommand::Open { pairs, .. } = &command {
                    found = Some(*pairs);
                }
                table.command(command);
            }
        }
        Self { table, pairs: found.expect("a flow"), now, sequence: 0 }
    }

    /// Where a packet goes that comes to the port of a side.
    fn says(
        &mut self,
        side: Side,
        channel: Channel,
        from: SocketAddr,
        word: bool,
    ) -> Option<SocketAddr> {
        self.sequence += 1;
        let n = self.sequence;
        let packet: &[u8] = match (word, channel) {
            (true, _) => &[0x30, n, 2, 1, 0, 4, 6],
            (_, Channel::Rtp) => &[0x80, 8, 0, n, 0, 0, 0, 160, 0, 0, 0, 9, 0xd5],
            (_, Channel::Rtcp) => &[0x80, 201, 0, 1, 0, 0, 0, 9],
        };
        let mut batch = Batch::default();
        batch.room().unwrap()[..packet.len()].copy_from_slice(packet);
        let to = (self.pairs[side.index()], channel);
        let leaving = self.table.relay(self.now, to, from, &mut batch, packet.len());
        leaving.map(|leaving| leaving.egress().to)
    }

    /// Where media, reports and other words go that come to the ports of a side.
    fn goes(&mut self, side: Side, from: &str) -> BTreeSet<SocketAddr> {
        let (rtp, mut to) = (at(from), BTreeSet::new());
        let rtcp = SocketAddr::new(rtp.ip(), rtp.port() + 1);
        for (channel, from, word) in
            [(Channel::Rtp, rtp, false), (Channel::Rtcp, rtcp, false), (Channel::Rtp, rtp, true)]
        {
            to.extend((0..5).filter_map(|_| self.says(side, channel, from, word)));
        }
        to
    }

    fn words(&mut self, side: Side, from: &str) -> BTreeSet<SocketAddr> {
        (0..5).filter_map(|_| self.says(side, Channel::Rtp, at(from), true)).collect()
    }
}

fn next(told: SocketAddr) -> SocketAddr {
    SocketAddr::new(told.ip(), told.port() + 1)
}

fn accept(number: u16, session: u8, told: &str) -> Control {
    let (media, control) = (Some(at(told)), Some(next(at(told))));
    Control::accept(Accept { channel: number, session: Some(session), media, control }.to_asn())
}

/// Puts an address into all of fast start that names one.
fn aim(signal: &mut Signal, told: &str) {
    let put = |address: &mut Option<H245TransportAddress>, to| {
        if address.is_some() {
            *address = Some(to_h245(to));
        }
    };
    let (rtp, rtcp) = (at(told), next(at(told)));
    let elements = signal.fast_start().into_iter().map(|octets| {
        let mut olc = decode_olc(octets).unwrap();
        if let Forward::h2250LogicalChannelParameters(forward) =
            &mut olc.forward_logical_channel_parameters.multiplex_parameters
        {
            put(&mut forward.media_channel, rtp);
            put(&mut forward.media_control_channel, rtcp);
        }
        let reverse = olc.reverse_logical_channel_parameters.as_mut();
        if let Some(Reverse::h2250LogicalChannelParameters(reverse)) =
            reverse.and_then(|reverse| reverse.multiplex_parameters.as_mut())
        {
            put(&mut reverse.media_channel, rtp);
            put(&mut reverse.media_control_channel, rtcp);
        }
        encode_olc(&olc).unwrap()
    });
    let elements = elements.collect();
    signal.set_fast_start(elements);
}

/// How a party says where it wants its media.
type Says = fn(Settings, &str) -> Scene;

/// In both directions, so that both say where they want it.
fn audio(settings: Settings, told: &str) -> Scene {
    let mut talk = Talk::plain_with(settings);
    let mut outputs = talk.tell(Side::A, &Control::open(open(7, 1, "198.51.100.10:5001"))).outputs;
    outputs.extend(talk.tell(Side::B, &accept(7, 1, told)).outputs);
    outputs.extend(
        talk.tell(Side::B, &Control::open(open(8, 1, &next(at(told)).to_string()))).outputs,
    );
    outputs.extend(talk.tell(Side::A, &accept(8, 1, "198.51.100.10:5000")).outputs);
    Scene::new(talk.desk.now, outputs)
}

fn reports_alone(settings: Settings, told: &str) -> Scene {
    let mut talk = Talk::plain_with(settings);
    let mut outputs = talk.tell(Side::B, &Control::open(open(7, 1, told))).outputs;
    outputs.extend(talk.tell(Side::A, &accept(7, 1, "198.51.100.10:5000")).outputs);
    Scene::new(talk.desk.now, outputs)
}

fn fast_start_proposed(settings: Settings, told: &str) -> Scene {
    let mut line = call_edited(settings, |setup| aim(setup, told));
    let mut outputs = std::mem::take(&mut line.outputs);
    let bytes = octets(CONNECT);
    outputs.extend(line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes }));
    Scene::new(line.desk.now, outputs)
}

fn fast_start_accepted(settings: Settings, told: &str) -> Scene {
    let mut line = call_edited(settings, |_| {});
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    aim(&mut connect, told);
    let mut outputs = std::mem::take(&mut line.outputs);
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    outputs.extend(line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes }));
    Scene::new(line.desk.now, outputs)
}

fn fax_accepted(settings: Settings, told: &str) -> Scene {
    let mut talk = Talk::plain_with(settings);
    let olc = channel(fax(Protocol::udp(())), None);
    let mut outputs = talk.tell(Side::A, &Control::open(olc)).outputs;
    outputs.extend(talk.tell(Side::B, &accept(9, 3, told)).outputs);
    Scene::new(talk.desk.now, outputs)
}

fn fax_with_a_stack(settings: Settings, told: &str) -> Scene {
    let mut talk = Talk::plain_with(settings);
    let olc = channel(fax(Protocol::udp(())), Some("198.51.100.10:5020"));
    let mut outputs = talk.tell(Side::A, &Control::open(olc)).outputs;
    outputs.extend(talk.tell(Side::B, &stack_ack(Some(told))).outputs);
    Scene::new(talk.desk.now, outputs)
}

/// In which way, and which party.
const WAYS: [(&str, Says, Side); 6] = [
    ("OpenLogicalChannelAck", audio, Side::B),
    ("RTCP alone", reports_alone, Side::B),
    ("fast start proposed", fast_start_proposed, Side::A),
    ("fast start accepted", fast_start_accepted, Side::B),
    ("T.38", fax_accepted, Side::B),
    ("T.38 with a stack", fax_with_a_stack, Side::B),
];

fn own(side: Side, port: u16) -> SocketAddr {
    SocketAddr::new(at(&format!("{}:1", OWN[side.index()])).ip(), port)
}

#[test]
fn nothing_goes_inside_for_who_is_outside_and_nothing_of_it_comes_back() {
    for (way, says, teller) in WAYS {
        for told in INSIDE {
            let mut scene = says(Settings::default(), told);
            let there = own(teller.other(), 5000).to_string();
            let mut to = scene.goes(teller.other(), &there);
            assert_eq!(scene.goes(teller, told), BTreeSet::new(), "{way}: {told}");
            to.extend(scene.goes(teller.other(), &there));
            let only =
                |to: &BTreeSet<SocketAddr>| to.iter().all(|to| to.ip() == own(teller, 0).ip());
            assert!(only(&to), "{way}: {told}: {to:?}");
            // It is heard all the same, and it hears where it really is.
            let real = own(teller, 6000);
            assert!(!scene.goes(teller, &real.to_string()).is_empty(), "{way}: {told}");
            let to = scene.goes(teller.other(), &there);
            assert!(to.contains(&real) && only(&to), "{way}: {told}: {to:?}");
        }
    }
}

#[test]
fn who_is_inside_or_may_call_there_has_media_sent_there() {
    let internal = vec!["198.51.100.0/24".parse().unwrap()];
    let inside = Settings { internal, ..Settings::default() };
    let all = Settings { private_for_all: true, ..Settings::default() };
    for settings in [inside, all] {
        for told in ["10.0.0.5:5000", "[fd00::1]:5000"] {
            let mut scene = audio(settings.clone(), told);
            let to = scene.goes(Side::A, "198.51.100.10:5000");
            assert_eq!(to, BTreeSet::from([at(told), next(at(told))]));
            assert!(!scene.goes(Side::B, told).is_empty());
        }
    }
}

/// Behind a router that forwards its ports: it tells its own address, and the router's counts.
#[test]
fn a_forwarded_party_that_tells_a_private_address_is_heard_from_its_first_packet() {
    for (way, says, teller) in [WAYS[0], WAYS[2], WAYS[3]] {
        let mut scene = says(Settings::default(), "10.1.1.7:3230");
        let there = own(teller.other(), 5000).to_string();
        let router = own(teller, 3230);
        assert!(scene.goes(teller.other(), &there).contains(&router), "before it sends: {way}");
        let first = scene.says(teller, Channel::Rtp, router, false);
        assert_eq!(first, Some(own(teller.other(), 5000)), "{way}");
    }
}

#[test]
fn fax_to_a_third_address_waits_for_a_word_of_it() {
    for says in [fax_accepted as Says, fax_with_a_stack] {
        let mut scene = says(Settings::default(), THIRD);
        let here = "198.51.100.10:5000";
        assert_eq!(scene.goes(Side::A, here), BTreeSet::new());
        assert_eq!(scene.words(Side::B, "203.0.113.66:5000"), BTreeSet::new(), "of another");
        assert_eq!(scene.words(Side::A, here), BTreeSet::new());
        scene.says(Side::B, Channel::Rtp, at(THIRD), true);
        assert_eq!(scene.words(Side::A, here), BTreeSet::from([at(THIRD)]));
        // To where the party is, at once.
        let mut scene = says(Settings::default(), "198.51.100.20:5000");
        assert_eq!(scene.words(Side::A, here), BTreeSet::from([at("198.51.100.20:5000")]));
    }
}

fn patience(outputs: &[Output]) -> Option<(FlowId, Duration)> {
    outputs.iter().rev().find_map(|output| match output {
        Output::Flow(FlowCommand::Patience { flow, side: Side::B, patience }) => {
            patience.map(|patience| (*flow, patience.first))
        }
        _ => None,
    })
}

/// The media board of a gateway speaks in the audio channel; then that gives way to fax.
#[test]
fn where_audio_came_from_fax_goes_at_once() {
    for (heard, closed) in [(false, false), (true, false), (true, true)] {
        let mut talk = Talk::plain();
        talk.tell(Side::A, &Control::open(open(7, 1, "198.51.100.10:5001")));
        let (audio, first) = patience(&talk.tell(Side::B, &accept(7, 1, THIRD)).outputs).unwrap();
        assert_eq!(first, Duration::from_secs(15));
        if heard {
            talk.desk.tell(Input::Flow { flow: audio, fact: FlowFact::Answered { side: Side::B } });
        }
        if closed {
            talk.tell(Side::A, &Control::close(7));
        }
        talk.tell(Side::A, &Control::open(channel(fax(Protocol::udp(())), None)));
        let (fax, first) = patience(&talk.tell(Side::B, &accept(9, 3, THIRD)).outputs).unwrap();
        assert_eq!(first, Duration::ZERO);
        let fact = FlowFact::Unanswered { side: Side::B, instead: None };
        let outputs = talk.desk.tell(Input::Flow { flow: fax, fact });
        let goes_on = patience(&outputs) == Some((fax, Duration::from_secs(15)));
        let told = |o: &Output| matches!(o, Output::Event(Event::MediaUnanswered { .. }));
        assert_eq!((goes_on, outputs.iter().any(told)), (heard, !heard), "{outputs:?}");
    }
}

#[test]
fn a_session_of_audio_that_carries_fax_as_well_waits_too() {
    let mut talk = Talk::plain();
    let mut outputs = talk.tell(Side::A, &Control::open(open(7, 3, "198.51.100.10:5001"))).outputs;
    outputs.extend(talk.tell(Side::B, &accept(7, 3, THIRD)).outputs);
    let mut olc = channel(fax(Protocol::udp(())), None);
    olc.forward_logical_channel_number = LogicalChannelNumber(8);
    outputs.extend(talk.tell(Side::A, &Control::open(olc)).outputs);
    let mut scene = Scene::new(talk.desk.now, outputs);
    assert_eq!(scene.goes(Side::A, "198.51.100.10:5000"), BTreeSet::new());
    scene.goes(Side::B, THIRD);
    assert!(scene.words(Side::A, "198.51.100.10:5000").contains(&at(THIRD)));
}

#[test]
fn reports_of_somewhere_inside_leave_media_where_it_is() {
    let mut talk = Talk::plain();
    talk.tell(Side::A, &Control::open(open(7, 1, "198.51.100.10:5001")));
    talk.tell(Side::B, &accept(7, 1, "198.51.100.20:5000"));
    let said = talk.tell(Side::B, &Control::open(open(8, 1, "10.0.0.5:5001")));
    assert!(said.forward.is_some());
    assert_eq!(said.parties(), []);
}
