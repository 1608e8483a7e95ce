//! H.245 connections that nearly do not come about, and calls that must not stay connected in silence without one.

use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, address, tpkt};

use super::fast_start::{CONNECT, Line, call_edited, sent};
use super::multiplexed;
use super::*;

const CALLER_H245: &str = "198.51.100.10:4100";
const CALLED_H245: &str = "198.51.100.20:4000";

/// Nobody tunnels; the called party tells where it listens; the caller connects to us.
fn half_open() -> (Line, StreamId) {
    let (mut line, at) = answered();
    let listener = line.desk.listener(at);
    let (stream, peer) = (StreamId::accepted(7), "198.51.100.10:6000".parse().unwrap());
    let outputs = line.desk.tell(Input::Accepted { listener, stream, local: at, peer });
    let dialled = dialled(&outputs, CALLED_H245);
    (line, dialled.expect("we connect to the called party"))
}

/// Nobody tunnels; the called party has told where it listens, and the caller where we do.
fn answered() -> (Line, SocketAddr) {
    answered_with(Settings::default())
}

fn answered_with(settings: Settings) -> (Line, SocketAddr) {
    let mut line = call_edited(settings, |setup| setup.set_h245_tunnelling(false));
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    connect.set_fast_start(Vec::new());
    connect.set_h245_tunnelling(false);
    connect.set_h245_address(Some(CALLED_H245.parse().unwrap()));
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let connect = sent(&outputs, line.caller).expect("Connect");
    let Some(Body::connect(connect)) = connect.body() else { panic!() };
    let at = connect.h245_address.as_ref().and_then(address::from_h225).expect("our address");
    (line, at)
}

fn dialled(outputs: &[Output], to: &str) -> Option<StreamId> {
    outputs.iter().find_map(|output| match output {
        Output::Connect { stream, to: there, .. } if *there == to.parse().unwrap() => Some(*stream),
        _ => None,
    })
}

/// A party says that it listens, and wants to be connected to.
fn wants(line: &mut Line, from: StreamId, at: &str) -> Vec<Output> {
    let leg = Leg {
        crv: line.setup.crv(),
        from_destination: from == line.called,
        call_id: line.setup.call_id().unwrap(),
        tunnelling: false,
    };
    let facility = Signal::start_h245(leg, at.parse().unwrap()).encode().unwrap();
    line.desk.tell(Input::Bytes { stream: from, bytes: &tpkt::wrap(&facility).unwrap() })
}

/// h323plus calls with fast start, and asks to be connected to for H.245 although Connect has told it an address. A called
/// h323plus that hears of a listener of ours gives up its own, to which we are about to connect.
#[test]
fn a_party_that_listens_already_is_not_told_where_we_do() {
    let (mut line, _) = answered();
    let (caller, called) = (line.caller, line.called);
    let outputs = wants(&mut line, caller, CALLER_H245);
    assert!(sent(&outputs, called).is_none(), "{outputs:?}");
    let to_caller = dialled(&outputs, CALLER_H245).expect("a connection to the caller");
    let local = "198.51.100.2:50000".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream: to_caller, local });
    assert!(dialled(&outputs, CALLED_H245).is_some(), "{outputs:?}");
}

/// The same without translation, where the caller is connected to last.
#[test]
fn who_wants_h245_gets_it_without_translation_too() {
    let config = pinhole_config::Config::read("[RoutedMode]\nGKRouted=1\nH245Routed=1\n").0;
    let (mut line, _) = answered_with(Settings::from(&config));
    let (caller, called) = (line.caller, line.called);
    let outputs = wants(&mut line, caller, CALLER_H245);
    assert!(sent(&outputs, called).is_none(), "{outputs:?}");
    let to_called = dialled(&outputs, CALLED_H245).expect("a connection to the called party");
    let local = "198.51.100.2:50000".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream: to_called, local });
    assert!(dialled(&outputs, CALLER_H245).is_some(), "{outputs:?}");
}

/// We are about to connect to the caller, which gives up its listener and connects to ours.
#[test]
fn of_two_connections_the_one_that_comes_is_taken() {
    for refused_first in [false, true] {
        let (mut line, at) = answered();
        let (caller, called) = (line.caller, line.called);
        let outputs = wants(&mut line, caller, CALLER_H245);
        let ours = dialled(&outputs, CALLER_H245).expect("a connection to the caller");
        if refused_first {
            let outputs = line.desk.tell(Input::Closed { stream: ours });
            assert_eq!(released(&outputs, called), None, "it may still come");
        }
        let listener = line.desk.listener(at);
        let (stream, peer) = (StreamId::accepted(7), "198.51.100.10:6000".parse().unwrap());
        let outputs = line.desk.tell(Input::Accepted { listener, stream, local: at, peer });
        let closed = |stream| {
            outputs.iter().any(|o| matches!(o, Output::Close { stream: on } if *on == stream))
        };
        assert_eq!((closed(ours), closed(stream)), (!refused_first, false), "{outputs:?}");
        let to_called = dialled(&outputs, CALLED_H245).expect("the other side is made");
        let local = "198.51.100.2:50000".parse().unwrap();
        line.desk.tell(Input::Connected { stream: to_called, local });
        let bytes = [3, 0, 0, 6, 0x4a, 0x40];
        let outputs = line.desk.tell(Input::Bytes { stream, bytes: &bytes });
        let passed = |o: &Output| matches!(o, Output::Send { stream, .. } if *stream == to_called);
        assert!(outputs.iter().any(passed), "{outputs:?}");
    }
}

fn released(outputs: &[Output], on: StreamId) -> Option<u8> {
    sent(outputs, on).and_then(|signal| signal.q931().cause())
}

#[test]
fn a_party_whose_h245_cannot_be_reached_ends_the_call() {
    let (mut line, dialled) = half_open();
    let outputs = line.desk.tell(Input::Closed { stream: dialled });
    assert_eq!(released(&outputs, line.caller), Some(41));
    assert_eq!(released(&outputs, line.called), Some(41));
}

#[test]
fn a_party_whose_h245_does_not_come_ends_the_call() {
    let (mut line, _) = half_open();
    line.desk.now += Duration::from_secs(14);
    assert_eq!(released(&line.desk.tell(Input::Timeout), line.caller), None);
    line.desk.now += Duration::from_secs(2);
    assert_eq!(released(&line.desk.tell(Input::Timeout), line.caller), Some(41));
}

/// The caller is dialled for H.245 before the call is answered, and cannot be reached; nobody has H.245 then. It must not
/// stay so for ever, but may come about by Connect.
#[test]
fn early_h245_that_fails_is_made_up_for_or_ends_the_call() {
    for tunnels in [false, true] {
        let mut line = call_edited(Settings::default(), |setup| {
            setup.set_h245_tunnelling(tunnels);
            setup.set_h245_address(None);
        });
        let (caller, called) = (line.caller, line.called);
        let outputs = wants(&mut line, called, CALLED_H245);
        let early = dialled(&outputs, CALLED_H245).expect("a connection to the called party");
        let outputs = line.desk.tell(Input::Closed { stream: early });
        assert_eq!(released(&outputs, caller), None, "it may still come");
        let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
        connect.set_fast_start(Vec::new());
        connect.set_h245_tunnelling(tunnels);
        connect.set_h245_address(None);
        let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
        let outputs = line.desk.tell(Input::Bytes { stream: called, bytes: &bytes });
        assert!(sent(&outputs, caller).is_some(), "Connect");
        line.desk.now += Duration::from_secs(16);
        let outputs = line.desk.tell(Input::Timeout);
        let cause = (!tunnels).then_some(41);
        assert_eq!((released(&outputs, caller), released(&outputs, called)), (cause, cause));
    }
}

/// A message of H.245 that was sent on a connection of its own.
fn said(outputs: &[Output], on: StreamId) -> Vec<&[u8]> {
    let to = outputs.iter().filter_map(|output| match output {
        Output::Send { stream, bytes } if *stream == on => Some(&bytes[..]),
        _ => None,
    });
    to.collect()
}

/// vendorIdentification of nobody, and endSessionCommand, in their TPKTs.
const INDICATION: [u8; 11] = [3, 0, 0, 11, 0x01, 0x00, 0x32, 0x80, 0x39, 0x48, 0xf7];
const END: [u8; 6] = [3, 0, 0, 6, 0x4a, 0x40];

/// The NAT of a client forgets its H.245 connection. Only the client can make another, and is asked to.
#[test]
fn a_client_whose_h245_connection_is_lost_is_asked_for_another() {
    let edit = |setup: &mut Signal| {
        setup.set_h245_tunnelling(false);
        setup.set_fast_start(Vec::new());
    };
    let (mut line, _) = multiplexed::line_with(None, edit);
    let call_id = line.setup.call_id().unwrap();
    let leg = Leg { crv: line.setup.crv(), from_destination: true, call_id, tunnelling: false };
    let mut connect = Signal::on(leg, Body::connect(Box::default()));
    connect.set_h245_address(Some(CALLED_H245.parse().unwrap()));
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let mut at = sent(&outputs, line.caller).and_then(|s| s.h245_address()).expect("an address");
    let mut to_called = None;
    for round in 7..10 {
        let (stream, peer) = (StreamId::accepted(round), "203.0.113.9:6000".parse().unwrap());
        let listener = line.desk.listener(at);
        let outputs = line.desk.tell(Input::Accepted { listener, stream, local: at, peer });
        let other = *to_called.get_or_insert_with(|| {
            dialled(&outputs, CALLED_H245).expect("we connect to the called party")
        });
        if round == 7 {
            line.desk.tell(Input::Connected { stream: other, local: line.local });
        } else {
            assert_eq!(said(&outputs, stream), [&INDICATION[..]], "what has waited");
            assert!(dialled(&outputs, CALLED_H245).is_none(), "that one still stands");
        }
        let outputs = line.desk.tell(Input::Bytes { stream, bytes: &INDICATION });
        assert_eq!(said(&outputs, other), [&INDICATION[..]]);
        if round == 9 {
            // A session that is over is not begun again.
            line.desk.tell(Input::Bytes { stream, bytes: &END });
            let outputs = line.desk.tell(Input::Closed { stream });
            assert!(sent(&outputs, line.caller).is_none(), "{outputs:?}");
            return;
        }
        let outputs = line.desk.tell(Input::Closed { stream });
        let closed =
            |output: &Output| matches!(output, Output::Close { stream } if *stream == other);
        assert!(!outputs.iter().any(closed), "the other party need not know");
        let facility = sent(&outputs, line.caller).expect("Facility");
        assert_eq!(facility.name(), "facility");
        at = facility.h245_address().expect("an address of ours");
        let outputs = line.desk.tell(Input::Bytes { stream: other, bytes: &INDICATION });
        assert!(said(&outputs, stream).is_empty());
    }
}
