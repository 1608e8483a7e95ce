//! Fast start from phone to phone: channels in Setup and Connect, and none a second time.

use std::sync::{Arc, Mutex};

use pinhole_h323::asn::decode_h245;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::asn::h245::{MultimediaSystemControlMessage as Message, RequestMessage};
use pinhole_h323::tpkt;
use pinhole_h323::{Signal, q931::MessageType};

use super::host::{Lab, answering, calling, channel};
use crate::phone::g711::Law;
use crate::phone::options::{Options, Source};

/// What went over the wire: fast-start elements of each message, and how often a channel was opened by H.245.
#[derive(Debug, Default)]
struct Wire {
    elements: Vec<(MessageType, usize)>,
    opened: usize,
    capabilities: usize,
}

impl Wire {
    fn h245(&mut self, octets: &[u8]) {
        match decode_h245(octets) {
            Ok(Message::request(RequestMessage::openLogicalChannel(_))) => self.opened += 1,
            Ok(Message::request(RequestMessage::terminalCapabilitySet(_))) => {
                self.capabilities += 1;
            }
            _ => {}
        }
    }

    fn segment(&mut self, bytes: &[u8]) {
        let Ok(Some((payload, _))) = tpkt::split_first(bytes) else { return };
        match Signal::decode(payload) {
            Ok(signal) => {
                self.elements.push((signal.message_type(), signal.fast_start().len()));
                signal.h245_control().iter().for_each(|octets| self.h245(octets));
            }
            Err(_) => self.h245(payload),
        }
    }

    fn elements_of(&self, message: MessageType) -> usize {
        self.elements.iter().filter(|(of, _)| *of == message).map(|(_, count)| count).sum()
    }
}

fn watched(lab: &mut Lab) -> Arc<Mutex<Wire>> {
    let wire = Arc::new(Mutex::new(Wire::default()));
    let tap = wire.clone();
    lab.tap = Some(Box::new(move |bytes| tap.lock().unwrap().segment(bytes)));
    wire
}

/// Changes the messages of one type on their way.
fn edited(lab: &mut Lab, message: MessageType, mut edit: impl FnMut(&mut Signal) + 'static) {
    lab.tap = Some(Box::new(move |bytes| {
        let Ok(Some((payload, _))) = tpkt::split_first(bytes) else { return };
        let Ok(mut signal) = Signal::decode(payload) else { return };
        if signal.message_type() == message {
            edit(&mut signal);
            *bytes = tpkt::wrap(&signal.encode().unwrap()).unwrap();
        }
    }));
}

fn caller(fast_start: bool, tunnelling: bool) -> Options {
    let source = Source::Tone(1000.0);
    Options { fast_start, tunnelling, source, ..calling("alice", Some(3)) }
}

fn callee(fast_start: bool, tunnelling: bool) -> Options {
    Options { fast_start, tunnelling, ..answering("bob") }
}

/// Both heard each other without loss; returns the codecs that alice sent and received.
fn both_heard(lab: &Lab, bob: usize, alice: usize) -> (String, String) {
    assert!(lab.has_finished(alice), "{:?}", lab.events(alice));
    assert_eq!((lab.leftovers(alice), lab.leftovers(bob)), (0, 1));
    for (guest, tone) in [(alice, 440.0), (bob, 1000.0)] {
        let record = lab.record(guest);
        let heard = channel(&record, "receive");
        assert!((heard.tone_hz.unwrap() - tone).abs() < 1.0, "{record:?}");
        assert_eq!(heard.lost, 0, "{record:?}");
        assert!((140..160).contains(&heard.packets), "{record:?}");
        assert!(channel(&record, "transmit").latency_ms.is_some(), "{record:?}");
        assert_eq!(record.cause, Some(16), "{record:?}");
    }
    let record = lab.record(alice);
    (channel(&record, "transmit").codec, channel(&record, "receive").codec)
}

#[test]
fn channels_are_opened_once_whoever_wants_fast_start() {
    for (calls, answers) in [(true, true), (true, false), (false, true)] {
        for (first, second) in [(true, true), (false, false), (true, false), (false, true)] {
            let mut lab = Lab::new();
            let wire = watched(&mut lab);
            let bob = lab.phone(callee(answers, second));
            let alice = lab.phone(caller(calls, first));
            lab.seconds(6);
            both_heard(&lab, bob, alice);
            let wire = wire.lock().unwrap();
            let fast = calls && answers;
            let expected = (if calls { 4 } else { 0 }, if fast { 2 } else { 0 });
            let (setup, connect) = (MessageType::Setup, MessageType::Connect);
            assert_eq!((wire.elements_of(setup), wire.elements_of(connect)), expected);
            assert_eq!(wire.opened, if fast { 0 } else { 2 }, "{first} {second} {wire:?}");
            assert_eq!(wire.capabilities, 2, "H.245 begins all the same");
        }
    }
}

#[test]
fn each_sends_its_codec() {
    let mut lab = Lab::new();
    let bob = lab.phone(Options { law: Law::Mu, ..callee(true, true) });
    let alice = lab.phone(caller(true, true));
    lab.seconds(6);
    assert_eq!(both_heard(&lab, bob, alice), ("pcma".to_owned(), "pcmu".to_owned()));
}

#[test]
fn a_refusal_leaves_the_channels_to_h245() {
    let mut lab = Lab::new();
    // The refusal comes before channels that are nobody's any more.
    edited(&mut lab, MessageType::Alerting, |signal| {
        signal.edit(|pdu| {
            if let Body::alerting(body) = &mut pdu.h323_message_body {
                body.fast_connect_refused = Some(());
            }
        });
    });
    let bob = lab.phone(callee(false, true));
    let alice = lab.phone(caller(true, true));
    lab.seconds(6);
    both_heard(&lab, bob, alice);
}

#[test]
fn what_is_left_of_an_answer_is_taken() {
    for kept in 0..2 {
        let mut lab = Lab::new();
        edited(&mut lab, MessageType::Connect, move |signal| {
            let answers: Vec<Vec<u8>> =
                signal.fast_start().into_iter().map(<[u8]>::to_vec).collect();
            signal.set_fast_start(vec![answers[kept].clone(), vec![0xff; 7]]);
        });
        lab.phone(callee(true, true));
        let alice = lab.phone(caller(true, true));
        lab.seconds(6);
        assert!(lab.has_finished(alice));
        let record = lab.record(alice);
        let direction = if kept == 0 { "transmit" } else { "receive" };
        assert!(channel(&record, direction).packets > 100, "{record:?}");
    }
}
