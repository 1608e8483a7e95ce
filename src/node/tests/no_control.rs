//! A call whose H.245 cannot come about must not stay connected in silence.

use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::{Signal, address, tpkt};

use super::fast_start::{CONNECT, Line, call_edited, sent};
use super::*;

/// Nobody tunnels; the called party tells where it listens; the caller connects to us.
fn half_open() -> (Line, StreamId) {
    let mut line = call_edited(Settings::default(), |setup| setup.set_h245_tunnelling(false));
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    connect.set_fast_start(Vec::new());
    connect.set_h245_tunnelling(false);
    connect.set_h245_address(Some("198.51.100.20:4000".parse().unwrap()));
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let connect = sent(&outputs, line.caller).expect("Connect");
    let Some(Body::connect(connect)) = connect.body() else { panic!() };
    let at = connect.h245_address.as_ref().and_then(address::from_h225).expect("our address");
    let listener = line.desk.listener(at);
    let (stream, peer) = (StreamId::accepted(7), "198.51.100.10:6000".parse().unwrap());
    let outputs = line.desk.tell(Input::Accepted { listener, stream, local: at, peer });
    let dialled = outputs.iter().find_map(|output| match output {
        Output::Connect { stream, to, .. } if to.port() == 4000 => Some(*stream),
        _ => None,
    });
    (line, dialled.expect("we connect to the called party"))
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
