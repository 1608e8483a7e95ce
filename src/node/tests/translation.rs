//! H.245 between a party that tunnels it and one that does not.

use pinhole_h323::asn::h225::FacilityReason;
use pinhole_h323::{Signal, tpkt};

use super::fast_start::{CONNECT, Line, call_edited, sent};
use super::*;

/// masterSlaveDetermination, as h323plus says it.
const MSD: &str = "010032803948f7";
/// Where the called party listens for H.245.
const CALLED_H245: &str = "198.51.100.20:4000";
const CALLER_H245: &str = "198.51.100.10:4100";

fn wrapped(signal: &Signal) -> Vec<u8> {
    tpkt::wrap(&signal.encode().unwrap()).unwrap()
}

fn say(line: &mut Line, stream: StreamId, signal: &Signal) -> Vec<Output> {
    line.desk.tell(Input::Bytes { stream, bytes: &wrapped(signal) })
}

/// The called party's Connect, with or without a tunnel.
fn connect(tunnels: bool, at: Option<&str>, control: Vec<Vec<u8>>) -> Signal {
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    connect.set_fast_start(Vec::new());
    connect.set_h245_tunnelling(tunnels);
    connect.set_h245_address(at.map(|at| at.parse().unwrap()));
    connect.set_h245_control(control);
    connect
}

/// A Facility of a party that tunnels a message.
fn facility(line: &Line, from_destination: bool) -> Signal {
    let mut facility = Signal::transport(leg(line, from_destination));
    facility.set_h245_control(vec![octets(MSD)]);
    facility
}

fn leg(line: &Line, from_destination: bool) -> pinhole_h323::signal::Leg {
    pinhole_h323::signal::Leg {
        crv: line.setup.crv(),
        from_destination,
        call_id: line.setup.call_id().unwrap(),
        tunnelling: true,
    }
}

fn dialled(outputs: &[Output], to: &str) -> Option<StreamId> {
    outputs.iter().find_map(|output| match output {
        Output::Connect { stream, to: there, .. } if *there == to.parse().unwrap() => Some(*stream),
        _ => None,
    })
}

/// What is sent on an H.245 connection.
fn said(outputs: &[Output], on: StreamId) -> Vec<Vec<u8>> {
    let payload = |bytes: &[u8]| tpkt::split_first(bytes).unwrap().unwrap().0.to_vec();
    let on = outputs.iter().filter_map(|output| match output {
        Output::Send { stream, bytes } if *stream == on => Some(payload(bytes)),
        _ => None,
    });
    on.collect()
}

fn slow(settings: Settings, tunnels: bool) -> Line {
    call_edited(settings, |setup| {
        setup.set_fast_start(Vec::new());
        setup.set_h245_tunnelling(tunnels);
    })
}

#[test]
fn a_caller_that_tunnels_reaches_a_called_party_that_does_not() {
    let mut line = slow(Settings::default(), true);
    assert_eq!(line.setup.h245_tunnelling(), Some(true));
    let called = line.called;
    let outputs = say(&mut line, called, &connect(false, Some(CALLED_H245), Vec::new()));
    let answer = sent(&outputs, line.caller).expect("Connect");
    assert_eq!(answer.h245_tunnelling(), Some(true), "the caller may go on tunnelling");
    assert_eq!(answer.h245_address(), None, "and need not connect");
    let control = dialled(&outputs, CALLED_H245).expect("we connect instead");

    let tunnelled = facility(&line, false);
    let caller = line.caller;
    let outputs = say(&mut line, caller, &tunnelled);
    assert_eq!(said(&outputs, control), Vec::<Vec<u8>>::new(), "it does not stand yet");
    assert!(sent(&outputs, called).is_none(), "nothing is tunnelled to who does not tunnel");
    let local = "198.51.100.2:50000".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream: control, local });
    assert_eq!(said(&outputs, control), [octets(MSD)]);

    let bytes = tpkt::wrap(&octets(MSD)).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: control, bytes: &bytes });
    let facility = sent(&outputs, line.caller).expect("a Facility");
    assert_eq!(facility.h245_control(), [&octets(MSD)[..]]);
    assert_eq!(facility.h245_tunnelling(), Some(true));
}

#[test]
fn a_caller_that_does_not_tunnel_reaches_a_called_party_that_does() {
    let mut line = slow(Settings::default(), false);
    assert_eq!(line.setup.h245_tunnelling(), Some(true), "it is offered, each leg has its own way");
    let called = line.called;
    let outputs = say(&mut line, called, &connect(true, None, vec![octets(MSD)]));
    let answer = sent(&outputs, line.caller).expect("Connect");
    assert_eq!(answer.h245_tunnelling(), Some(false));
    assert!(answer.h245_control().is_empty(), "it would not read it there");
    let at = answer.h245_address().expect("an address of ours");
    let listener = line.desk.listener(at);
    let (stream, peer) = (StreamId::accepted(7), "198.51.100.10:6000".parse().unwrap());
    let outputs = line.desk.tell(Input::Accepted { listener, stream, local: at, peer });
    assert_eq!(said(&outputs, stream), [octets(MSD)]);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Connect { .. })), "{outputs:?}");
    let bytes = tpkt::wrap(&octets(MSD)).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream, bytes: &bytes });
    let facility = sent(&outputs, called).expect("a Facility");
    assert_eq!(facility.h245_control(), [&octets(MSD)[..]]);
}

#[test]
fn a_called_party_without_tunnel_and_address_is_asked_to_connect() {
    let mut line = slow(Settings::default(), true);
    let called = line.called;
    let outputs = say(&mut line, called, &connect(false, None, Vec::new()));
    let asked = sent(&outputs, called).expect("a Facility");
    assert!(matches!(asked.facility_reason(), Some(FacilityReason::startH245(()))));
    assert_eq!(asked.h245_tunnelling(), Some(false));
    let at = asked.h245_address().expect("our address");
    let listener = line.desk.listener(at);
    let tunnelled = facility(&line, false);
    let caller = line.caller;
    say(&mut line, caller, &tunnelled);
    let (stream, peer) = (StreamId::accepted(7), "198.51.100.20:6000".parse().unwrap());
    let outputs = line.desk.tell(Input::Accepted { listener, stream, local: at, peer });
    assert_eq!(said(&outputs, stream), [octets(MSD)]);
}

#[test]
fn what_was_tunnelled_in_setup_is_said_again_to_who_does_not_tunnel() {
    let with_control = |setup: &mut Signal| {
        setup.set_fast_start(Vec::new());
        setup.set_h245_control(vec![octets(MSD)]);
    };
    let mut line = call_edited(Settings::default(), with_control);
    assert_eq!(line.setup.h245_control(), [&octets(MSD)[..]]);
    let called = line.called;
    let outputs = say(&mut line, called, &connect(false, Some(CALLED_H245), Vec::new()));
    let control = dialled(&outputs, CALLED_H245).expect("a connection");
    let local = "198.51.100.2:50000".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream: control, local });
    assert_eq!(said(&outputs, control), [octets(MSD)]);
    // Who tunnels has read it in Setup.
    let mut line = call_edited(Settings::default(), with_control);
    let called = line.called;
    say(&mut line, called, &connect(true, None, Vec::new()));
    let mut moves = Signal::start_h245(leg(&line, true), CALLED_H245.parse().unwrap());
    moves.set_h245_tunnelling(false);
    let outputs = say(&mut line, called, &moves);
    let control = dialled(&outputs, CALLED_H245).expect("a connection");
    let outputs = line.desk.tell(Input::Connected { stream: control, local });
    assert_eq!(said(&outputs, control), Vec::<Vec<u8>>::new());
}

#[test]
fn one_party_can_leave_the_tunnel_in_the_midst_of_a_call() {
    let mut line = slow(Settings::default(), true);
    let (caller, called) = (line.caller, line.called);
    say(&mut line, called, &connect(true, None, vec![octets(MSD)]));
    let moves = Signal::start_h245(leg(&line, true), CALLED_H245.parse().unwrap());
    let outputs = say(&mut line, called, &moves);
    assert!(sent(&outputs, caller).is_none(), "the caller goes on tunnelling: {outputs:?}");
    let control = dialled(&outputs, CALLED_H245).expect("a connection");
    let tunnelled = facility(&line, false);
    say(&mut line, caller, &tunnelled);
    let local = "198.51.100.2:50000".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream: control, local });
    assert_eq!(said(&outputs, control), [octets(MSD)]);
    let again = say(&mut line, called, &moves);
    assert!(dialled(&again, CALLED_H245).is_none(), "once is enough");
}

#[test]
fn early_h245_of_a_caller_is_offered_by_an_address_of_ours() {
    let mut line = call_edited(Settings::default(), |setup| {
        setup.set_fast_start(Vec::new());
        setup.set_h245_tunnelling(false);
        setup.set_h245_address(Some(CALLER_H245.parse().unwrap()));
    });
    let at = line.setup.h245_address().expect("ours");
    assert_eq!(at.ip().to_string(), "198.51.100.2");
    let listener = line.desk.listener(at);
    let (stream, peer) = (StreamId::accepted(7), "198.51.100.20:6000".parse().unwrap());
    let outputs = line.desk.tell(Input::Accepted { listener, stream, local: at, peer });
    let control = dialled(&outputs, CALLER_H245).expect("the caller is connected to at once");
    let bytes = tpkt::wrap(&octets(MSD)).unwrap();
    line.desk.tell(Input::Bytes { stream, bytes: &bytes });
    let local = "198.51.100.2:50000".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream: control, local });
    assert_eq!(said(&outputs, control), [octets(MSD)]);
}

#[test]
fn early_h245_of_a_called_party_begins_when_the_caller_tunnels_something() {
    let mut line = slow(Settings::default(), true);
    let (caller, called) = (line.caller, line.called);
    let mut alerting = Signal::on(
        leg(&line, true),
        pinhole_h323::asn::h225::H323UUPDUH323MessageBody::alerting(Box::default()),
    );
    alerting.set_h245_tunnelling(false);
    alerting.set_h245_address(Some(CALLED_H245.parse().unwrap()));
    let outputs = say(&mut line, called, &alerting);
    let passed = sent(&outputs, caller).expect("Alerting");
    assert_eq!((passed.h245_address(), passed.h245_tunnelling()), (None, Some(true)));
    let tunnelled = facility(&line, false);
    let outputs = say(&mut line, caller, &tunnelled);
    let control = dialled(&outputs, CALLED_H245).expect("there is something to say");
    let local = "198.51.100.2:50000".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream: control, local });
    assert_eq!(said(&outputs, control), [octets(MSD)]);
}

#[test]
fn a_provisional_word_decides_nothing() {
    let mut line = slow(Settings::default(), true);
    let (caller, called) = (line.caller, line.called);
    let body = pinhole_h323::asn::h225::H323UUPDUH323MessageBody::callProceeding(Box::default());
    let mut proceeding = Signal::on(leg(&line, true), body);
    proceeding.set_h245_tunnelling(false);
    proceeding.edit(|pdu| pdu.provisional_resp_to_h245_tunneling = Some(()));
    say(&mut line, called, &proceeding);
    let tunnelled = facility(&line, false);
    let outputs = say(&mut line, caller, &tunnelled);
    let passed = sent(&outputs, called).expect("it may still tunnel");
    assert_eq!(passed.h245_control(), [&octets(MSD)[..]]);
}

#[test]
fn h245_beside_fast_start_passes() {
    let body = |setup: &mut Signal| {
        setup.edit(|pdu| {
            if let pinhole_h323::asn::h225::H323UUPDUH323MessageBody::setup(setup) =
                &mut pdu.h323_message_body
            {
                setup.parallel_h245_control = Some(vec![octets(MSD).into()]);
            }
        });
    };
    let line = call_edited(Settings::default(), body);
    assert_eq!(line.setup.parallel_h245_control(), [&octets(MSD)[..]]);
    assert_eq!(line.setup.fast_start().len(), 4);
}

#[test]
fn without_translation_a_no_of_one_party_counts_for_both() {
    let config = pinhole_config::Config::read("[RoutedMode]\nGKRouted=1\nH245Routed=1\n").0;
    let mut line = slow(Settings::from(&config), true);
    assert_eq!(line.desk.node.core.settings.mode, Mode::Control);
    let called = line.called;
    let outputs = say(&mut line, called, &connect(false, Some(CALLED_H245), Vec::new()));
    let answer = sent(&outputs, line.caller).expect("Connect");
    assert_eq!(answer.h245_tunnelling(), Some(false));
    assert_eq!(answer.h245_address().map(|at| at.ip().to_string()), Some("198.51.100.2".into()));
    assert!(dialled(&outputs, CALLED_H245).is_none(), "the caller connects first");
    let line = slow(Settings::from(&config), false);
    assert_eq!(line.setup.h245_tunnelling(), Some(false));
}

#[test]
fn nobody_tunnels_where_it_is_forbidden() {
    let mut settings = Settings::default();
    settings.handling.tunnelling = false;
    let mut line = slow(settings, true);
    assert_eq!(line.setup.h245_tunnelling(), Some(false));
    let called = line.called;
    let outputs = say(&mut line, called, &connect(false, Some(CALLED_H245), Vec::new()));
    let answer = sent(&outputs, line.caller).expect("Connect");
    assert_eq!(answer.h245_tunnelling(), Some(false));
    assert!(answer.h245_address().is_some());
}
