//! A called party rings, has accepted fast start or begun H.245 even, and then sends the call on: the caller and the other
//! hear each other, and nothing is left of what was before.

use pinhole::face::StreamId;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AlertingUUIE, FacilityReason, FacilityUUIE, H323UUPDUH323MessageBody as Body,
};
use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as Message, OpenLogicalChannel, RequestMessage as Request,
};
use pinhole_h323::asn::{decode_olc, encode_olc};
use pinhole_h323::control::{Accept, Audio, Codec, Control, Offer};
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, tpkt, version};

use super::lab::{Lab, Place, Plan, heard, lab};
use crate::world::{Chop, HostId, Raw, at, millis, seconds};

const ALICE: f64 = 440.0;
const CAROL: f64 = 880.0;
const TALK: u64 = 3;
const BOB: &str = "198.51.100.40";

/// What the caller has had of the called party that sends the call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Had {
    /// Fast start is accepted.
    FastStart,
    /// H.245 is begun in the tunnel, and channels are open.
    Tunnelled,
    /// The same on connections of their own.
    Separate,
}

/// Somebody who rings, says more than others do while it rings, and sends the call on.
struct Bob {
    host: HostId,
    signalling: StreamId,
    setup: Signal,
    control: Option<StreamId>,
    taken: usize,
}

/// The messages that have come on a connection.
fn got(lab: &mut Lab, host: HostId, stream: StreamId) -> Vec<Vec<u8>> {
    let got = lab.world.with(host, |raw: &mut Raw, _| raw.lines[&stream].got.clone());
    let mut reader = tpkt::Reader::new();
    reader.feed(&got);
    let next = || reader.read().expect("TPKTs");
    std::iter::from_fn(next).filter(|payload| !payload.is_empty()).collect()
}

impl Bob {
    fn called(lab: &mut Lab, host: HostId) -> Self {
        lab.world.run_for(seconds(2));
        let signalling = lab.world.with(host, |raw: &mut Raw, _| raw.accepted()).expect("a call");
        let first = got(lab, host, signalling).swap_remove(0);
        let setup = Signal::decode(&first).unwrap();
        Self { host, signalling, setup, control: None, taken: 0 }
    }

    fn got(&self, lab: &mut Lab, stream: StreamId) -> Vec<Vec<u8>> {
        got(lab, self.host, stream)
    }

    fn words(&self) -> Leg {
        Leg {
            crv: self.setup.crv(),
            from_destination: true,
            call_id: self.setup.call_id().unwrap(),
            tunnelling: self.setup.h245_tunnelling() == Some(true),
        }
    }

    fn send(&self, lab: &mut Lab, stream: StreamId, octets: &[u8]) {
        let bytes = tpkt::wrap(octets).unwrap();
        lab.world.with(self.host, |raw: &mut Raw, _| raw.send(stream, &bytes));
        lab.world.run_for(millis(100));
    }

    fn say(&self, lab: &mut Lab, signal: &Signal) {
        self.send(lab, self.signalling, &signal.encode().unwrap());
    }

    fn alerting(&self) -> Signal {
        let body = AlertingUUIE {
            protocol_identifier: version::h225(),
            call_identifier: Some(self.words().call_id.into()),
            ..Default::default()
        };
        Signal::on(self.words(), Body::alerting(Box::new(body)))
    }

    /// Accepts a channel each way while it rings.
    fn accepts(&self, lab: &mut Lab) {
        let media = Some(at(&format!("{BOB}:5000")));
        let control = Some(at(&format!("{BOB}:5001")));
        let offers = self.setup.fast_start().into_iter().map(|octets| decode_olc(octets).unwrap());
        let offers: Vec<OpenLogicalChannel> = offers.collect();
        let reverse = |olc: &&OpenLogicalChannel| olc.reverse_logical_channel_parameters.is_some();
        let to_us = offers.iter().find(|olc| !reverse(olc)).and_then(Offer::read).unwrap();
        let from_us = offers.iter().find(reverse).and_then(Offer::read).unwrap();
        let answers = [
            Offer { media, control, ..to_us }.to_forward(),
            Offer { channel: 77, media: None, control, ..from_us }.to_reverse(),
        ];
        let mut alerting = self.alerting();
        alerting.set_fast_start(answers.iter().map(|olc| encode_olc(olc).unwrap()).collect());
        self.say(lab, &alerting);
    }

    fn control(&self, lab: &mut Lab, message: &Control) {
        let octets = message.encode().unwrap();
        match self.control {
            Some(stream) => self.send(lab, stream, &octets),
            None => {
                let mut facility = Signal::transport(self.words());
                facility.set_h245_control(vec![octets]);
                self.say(lab, &facility);
            }
        }
    }

    /// Answers what it is asked in H.245.
    fn answers(&mut self, lab: &mut Lab) {
        lab.world.run_for(millis(100));
        let all: Vec<Vec<u8>> = match self.control {
            Some(stream) => self.got(lab, stream),
            None => {
                let signals = self.got(lab, self.signalling);
                let signals = signals.iter().map(|octets| Signal::decode(octets).unwrap());
                let of = |s: Signal| s.h245_control().into_iter().map(<[u8]>::to_vec).collect();
                signals.flat_map::<Vec<_>, _>(of).collect()
            }
        };
        for octets in all.iter().skip(self.taken) {
            let answer = match Control::decode(octets).unwrap().message() {
                Message::request(Request::terminalCapabilitySet(set)) => {
                    Control::terminal_capability_set_ack(set.sequence_number.0)
                }
                Message::request(Request::masterSlaveDetermination(_)) => {
                    Control::master_slave_determination_ack(false)
                }
                Message::request(Request::openLogicalChannel(olc)) => {
                    let media = Some(at(&format!("{BOB}:5000")));
                    let channel = olc.forward_logical_channel_number.0;
                    let accept = Accept { channel, session: Some(1), media, control: None };
                    Control::accept(accept.to_asn())
                }
                _ => continue,
            };
            self.control(lab, &answer);
        }
        self.taken = all.len();
    }

    /// Has a talk while it rings.
    fn talks(&mut self, lab: &mut Lab, had: Had) {
        self.say(lab, &self.alerting());
        if had == Had::Separate {
            let words = Leg { tunnelling: false, ..self.words() };
            self.say(lab, &Signal::start_h245(words, at(&format!("{BOB}:2000"))));
            lab.world.run_for(seconds(1));
            let control = lab.world.with(self.host, |raw: &mut Raw, _| raw.accepted());
            assert_ne!(control, Some(self.signalling), "a connection for H.245");
            self.control = control;
        }
        let able = Audio { codec: Codec::Pcma, frames: 20 };
        self.control(lab, &Control::terminal_capability_set(1, &[able]));
        self.control(lab, &Control::master_slave_determination(240, 4711));
        for _ in 0..8 {
            self.answers(lab);
        }
        let control = Some(at(&format!("{BOB}:5001")));
        let offer = Offer { channel: 77, session: 1, audio: able, media: None, control };
        self.control(lab, &Control::open(offer.to_forward()));
        for _ in 0..4 {
            self.answers(lab);
        }
    }

    fn forwards(&self, lab: &mut Lab, to: &str) {
        let body = FacilityUUIE {
            protocol_identifier: version::h225(),
            alternative_alias_address: Some(vec![Alias::from_text(to).to_asn()]),
            reason: FacilityReason::callForwarded(()),
            call_identifier: Some(self.words().call_id.into()),
            ..Default::default()
        };
        self.say(lab, &Signal::on(self.words(), Body::facility(Box::new(body))));
        lab.world.run_for(millis(500));
        let last = self.got(lab, self.signalling).pop().unwrap();
        assert_eq!(Signal::decode(&last).unwrap().name(), "releaseComplete");
    }
}

/// Whether a phone tunnels, and wants fast start.
type Manner = (bool, bool);

fn call(had: Had, place: Place, alice: Manner, carol: Manner) {
    let case = format!("{had:?}, alice {place:?} {alice:?}, carol {carol:?}");
    let mut lab = lab(Plan::with(Chop::AsSent));
    let called = lab.answering("carol", Place::Outside, CAROL, |options| {
        (options.tunnelling, options.fast_start) = carol;
    });
    let host = lab.world.host("bob", BOB, Raw::default());
    lab.world.with(host, |raw: &mut Raw, _| {
        raw.listen(BOB, 1720);
        raw.listen(BOB, 2000);
    });
    lab.world.run_for(millis(100));
    lab.world.mark_rest();
    let caller = lab.calling("alice", place, (BOB, ALICE, TALK), |options| {
        (options.tunnelling, options.fast_start) = alice;
    });
    let mut bob = Bob::called(&mut lab, host);
    match had {
        Had::FastStart => bob.accepts(&mut lab),
        Had::Tunnelled | Had::Separate => bob.talks(&mut lab, had),
    }
    lab.world.run_for(seconds(1));
    bob.forwards(&mut lab, "carol");
    let mut of_alice = lab.record(caller, 1, seconds(60));
    // Before these two she had others, with him who has sent the call on.
    let former = of_alice.channels.len() - 2;
    of_alice.channels.drain(..former);
    heard(&of_alice, TALK, CAROL);
    heard(&lab.record(called, 1, seconds(5)), TALK, ALICE);
    let record = lab.record(lab.node, 1, seconds(5));
    assert_eq!(record.cause, Some(16), "{case}: {record:#?}");
    assert_eq!(record.forwarded_by, [format!("{BOB}:1720")], "{case}");
    assert_eq!(record.peer, "alice -> carol", "{case}");
    for direction in ["a-to-b", "b-to-a"] {
        let of = record.channels.iter().filter(|channel| channel.direction == direction);
        let most = of.map(|channel| channel.packets).max().unwrap_or(0);
        assert!(most >= TALK * 45, "{case}: {record:#?}");
    }
    lab.world.must("alice has ended", |world| world.ended(caller), seconds(30));
    lab.nothing_left();
}

const PLACES: [Place; 2] = [Place::Inside, Place::Outside];
const MANNERS: [Manner; 4] = [(true, true), (true, false), (false, true), (false, false)];

#[test]
fn after_fast_start_was_accepted() {
    for place in PLACES {
        for carol in MANNERS {
            for tunnels in [true, false] {
                call(Had::FastStart, place, (tunnels, true), carol);
            }
        }
    }
}

#[test]
fn after_h245_was_begun_in_the_tunnel() {
    for place in PLACES {
        for carol in MANNERS {
            for fast_start in [true, false] {
                call(Had::Tunnelled, place, (true, fast_start), carol);
            }
        }
    }
}

#[test]
fn after_h245_was_begun_on_connections_of_its_own() {
    for place in PLACES {
        for carol in MANNERS {
            for alice in [(false, false), (true, false)] {
                call(Had::Separate, place, alice, carol);
            }
        }
    }
}
