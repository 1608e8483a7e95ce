//! What lasts: calls with a limit, connections that are kept alive; and what old parties, and those who speak RAS where
//! none is, get.

use pinhole_config::{ControlKeepAlive, SignallingKeepAlive};
use pinhole_h323::asn::h225::{Content, H323UUPDUH323MessageBody as Body, ProtocolIdentifier};
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, tpkt};

use super::fast_start::{CONNECT, call_edited, call_with, captured_setup, sent};
use super::*;

fn cause(outputs: &[Output], on: StreamId) -> Option<u8> {
    sent(outputs, on).and_then(|signal| signal.q931().cause())
}

#[test]
fn a_call_ends_when_it_has_lasted_as_long_as_it_may() {
    let mut settings = Settings::default();
    settings.handling.longest_call = Some(Duration::from_secs(60));
    settings.handling.longest_wait = Some(Duration::from_secs(20));
    let mut line = call_with(settings.clone());
    line.desk.now += Duration::from_secs(10);
    line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
    line.desk.now += Duration::from_secs(59);
    assert_eq!(cause(&line.desk.tell(Input::Timeout), line.caller), None);
    line.desk.now += Duration::from_secs(2);
    let outputs = line.desk.tell(Input::Timeout);
    assert_eq!([line.caller, line.called].map(|on| cause(&outputs, on)), [Some(102); 2]);
    let mut line = call_with(settings);
    line.desk.now += Duration::from_secs(21);
    let outputs = line.desk.tell(Input::Timeout);
    assert_eq!([line.caller, line.called].map(|on| cause(&outputs, on)), [Some(102); 2]);
}

#[test]
fn connections_are_kept_alive_in_every_way() {
    use SignallingKeepAlive as Kind;
    for (signalling, name) in [
        (Kind::EmptyFacility, Some("facility")),
        (Kind::Information, Some("information")),
        (Kind::Notify, Some("notify")),
        (Kind::Status, Some("status")),
        (Kind::StatusInquiry, Some("statusInquiry")),
        (Kind::None, None),
    ] {
        let mut settings = Settings::default();
        let (interval, control) = (Duration::from_secs(19), ControlKeepAlive::UserInput);
        settings.handling.keepalive = Some(KeepAlive { interval, signalling, control });
        let mut line = call_with(settings);
        line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
        for _ in 0..3 {
            line.desk.now += Duration::from_secs(18);
            let early = line.desk.tell(Input::Timeout);
            assert!(sent(&early, line.caller).is_none(), "{early:?}");
            line.desk.now += Duration::from_secs(1);
            let outputs = line.desk.tell(Input::Timeout);
            for on in [line.caller, line.called] {
                assert_eq!(sent(&outputs, on).map(|signal| signal.name()), name);
            }
        }
        assert_eq!(line.desk.node.calls(), 1);
    }
}

#[test]
fn the_caller_is_told_at_once_that_its_call_proceeds() {
    let mut settings =
        Settings { accept_unregistered: true, unregistered_anywhere: true, ..Settings::default() };
    settings.handling.proceeds_at_once = true;
    let mut desk = Desk::with(settings);
    let (stream, peer) = (StreamId::accepted(1), "198.51.100.10:5000".parse().unwrap());
    let local = "198.51.100.2:1720".parse().unwrap();
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let setup = captured_setup();
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    let proceeding = sent(&outputs, stream).expect("CallProceeding");
    assert_eq!(proceeding.name(), "callProceeding");
    assert_eq!((proceeding.crv(), proceeding.call_id()), (setup.crv(), setup.call_id()));
    assert_eq!(proceeding.h245_tunnelling(), Some(true));

    // It may tunnel from now on; what it says waits for the called party.
    let (crv, call_id) = (setup.crv(), setup.call_id().unwrap());
    let mut facility =
        Signal::transport(Leg { crv, from_destination: false, call_id, tunnelling: true });
    let message = octets("010032803948f7");
    facility.set_h245_control(vec![message.clone()]);
    let bytes = tpkt::wrap(&facility.encode().unwrap()).unwrap();
    let said = desk.tell(Input::Bytes { stream, bytes: &bytes });
    assert!(!said.iter().any(|output| matches!(output, Output::Send { .. })), "{said:?}");
    let called = outputs.iter().find_map(|output| match output {
        Output::Connect { stream, .. } => Some(*stream),
        _ => None,
    });
    let called = called.expect("a connection");
    let local = "198.51.100.2:40500".parse().unwrap();
    let outputs = desk.tell(Input::Connected { stream: called, local });
    let got = outputs.iter().filter_map(|output| match output {
        Output::Send { stream, bytes } if *stream == called => {
            let (message, _) = tpkt::split_first(bytes).unwrap().unwrap();
            Some(Signal::decode(message).unwrap())
        }
        _ => None,
    });
    let got: Vec<Signal> = got.collect();
    assert_eq!(got.iter().map(Signal::name).collect::<Vec<_>>(), ["setup", "facility"]);
    assert_eq!(got[1].h245_control(), [&message[..]]);
}

#[test]
fn a_party_of_an_old_version_gets_no_reason_that_it_does_not_know() {
    let msd = octets("010032803948f7");
    for (version, name) in [(2, "empty"), (4, "facility")] {
        let mut line = call_edited(Settings::default(), |setup| {
            setup.edit(|pdu| {
                let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
                let arcs = [0, 0, 8, 2250, 0, version];
                setup.protocol_identifier =
                    ProtocolIdentifier(pinhole_h323::asn::ObjectIdentifier::from(arcs));
            });
        });
        let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
        connect.set_h245_tunnelling(false);
        connect.set_h245_address(Some("198.51.100.20:4000".parse().unwrap()));
        let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
        let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
        let stream = outputs.iter().find_map(|output| match output {
            Output::Connect { stream, .. } => Some(*stream),
            _ => None,
        });
        let stream = stream.expect("an H.245 connection");
        line.desk.tell(Input::Connected { stream, local: "198.51.100.2:9".parse().unwrap() });
        let bytes = tpkt::wrap(&msd).unwrap();
        let outputs = line.desk.tell(Input::Bytes { stream, bytes: &bytes });
        let carrier = sent(&outputs, line.caller).expect("a Facility");
        assert_eq!((carrier.name(), carrier.h245_control()), (name, vec![&msd[..]]));
    }
}

/// RRQ of h323plus in a Facility (H.460.17).
#[rustfmt::skip]
const RRQ_IN_FACILITY: &str = "030000cb08020000621c007e00bd05281001001081018080b20140001100004000010080a60e8057e8060008914a000700000022c00900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233506c75732076312e32382e3029000000014002006500700031600900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233506c75732076312e32382e302900002e0b19220100018001800100027000013013100140001700024000011d0000021d0000071c0100";

#[test]
fn ras_in_call_signalling_is_refused_in_its_own_way() {
    let mut desk = Desk::new();
    let (stream, peer) = (StreamId::accepted(1), NAT.parse().unwrap());
    let local = "198.51.100.2:1720".parse().unwrap();
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let outputs = desk.tell(Input::Bytes { stream, bytes: &octets(RRQ_IN_FACILITY) });
    let answer = sent(&outputs, stream).expect("an answer");
    let data = answer.generic_data(17).expect("RAS");
    let parameter = &data.parameters.as_ref().unwrap()[0];
    let Some(Content::raw(ras)) = &parameter.content else { panic!("{parameter:?}") };
    let ras = Ras::decode(ras).unwrap();
    let RasMessage::registrationReject(reject) = ras.message() else { panic!("{ras:?}") };
    assert_eq!(reject.request_seq_num.0, 0x57e9);
    assert_eq!(desk.node.registrations(), 0);
}
