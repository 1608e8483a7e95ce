//! What GnuGk 5.15 was seen to say as the server of a traversal zone, and as a neighbour: its octets.

use pinhole_h323::asn::h225::{H323UUPDUH323MessageBody as Body, ServiceControlResponseResult};
use pinhole_h323::tpkt;

use super::fast_start::{captured_setup, sent};
use super::*;
use crate::event::Event;

const SERVER: &str = "203.0.113.2:1719";
/// ServiceControlResponse to a keepalive: started, to be repeated every 19 s. Its octets 3 and 4 are the number of the request.
const STARTED: &str = "861643cfda01000100001201400012000040000200020012";
/// The same to a wrong password, or an unknown name: failed.
const FAILED: &str = "860440ead110";
/// ServiceControlIndication that announces a call: its own address is missing, as in every zone of GnuGk.
const ANNOUNCED: &str =
    "852b00800001010000000140001200004000010018000000000006b80036e10d9953ebf11186c8f652223ac139";
/// LocationRequest for `ep1`, without a proof.
const LOCATE: &str = "4a800000014002006500700031408a01000205496e6e657200c633640206b71fc0960901400200650070003201800b08004f00750074006500720d01080a2b060104018185420009110036e10d9953ebf11186c8f652223ac139090140020065007000320100";

/// The client of a zone whose server is GnuGk, and the number of a keepalive.
fn client() -> (Desk, u16) {
    client_with("")
}

/// The same with more in `[RoutedMode]`.
fn client_with(more: &str) -> (Desk, u16) {
    let config = format!(
        "[RoutedMode]\nGKRouted=1\nH245Routed=1\n{more}[Proxy]\nEnable=1\n[RasSrv::Neighbors]\n\
         Outer=GnuGk\n[Neighbor::Outer]\nHost=203.0.113.2\nSendPrefixes=*\nH46018Client=1\n"
    );
    let (config, problems) = pinhole_config::Config::read(&config);
    assert!(problems.is_empty(), "{problems:?}");
    let mut desk = Desk::with(Settings::from(&config));
    // The first one went out at the start, and has not been answered.
    for _ in 0..30 {
        desk.now += Duration::from_secs(1);
        let outputs = desk.tell(Input::Timeout);
        let asked = outputs.iter().filter_map(said).find_map(|(to, message)| match message {
            RasMessage::serviceControlIndication(sci) if to == SERVER.parse().unwrap() => {
                Some(sci.request_seq_num.0)
            }
            _ => None,
        });
        if let Some(seq) = asked {
            return (desk, seq);
        }
    }
    panic!("no keepalive");
}

fn said(output: &Output) -> Option<(SocketAddr, RasMessage)> {
    match output {
        Output::Datagram { to, bytes, .. } => {
            Some((*to, Ras::decode(bytes).unwrap().into_message()))
        }
        _ => None,
    }
}

/// An answer of GnuGk with the number of our request in place of that of its capture.
fn answer(hex: &str, seq: u16) -> Vec<u8> {
    let mut octets = octets(hex);
    octets[3..5].copy_from_slice(&(seq - 1).to_be_bytes());
    octets
}

fn hear(desk: &mut Desk, from: &str, bytes: &[u8]) -> Vec<Output> {
    desk.tell(Input::Datagram { socket: SocketId(0), from: from.parse().unwrap(), bytes })
}

fn zone(outputs: &[Output]) -> Option<(&'static str, &str)> {
    outputs.iter().find_map(|output| match output {
        Output::Event(Event::Zone { state, sentence, .. }) => Some((*state, sentence.as_str())),
        _ => None,
    })
}

#[test]
fn its_answer_to_a_keepalive_says_how_often() {
    let (mut desk, seq) = client();
    let outputs = hear(&mut desk, SERVER, &answer(STARTED, seq));
    let (state, sentence) = zone(&outputs).expect("news of the zone");
    assert_eq!(state, "up");
    assert!(sentence.contains("every 19 s"), "{sentence}");
}

#[test]
fn its_refusal_is_told_in_words() {
    let (mut desk, seq) = client();
    let outputs = hear(&mut desk, SERVER, &answer(FAILED, seq));
    let (state, sentence) = zone(&outputs).expect("news of the zone");
    assert_eq!(state, "down");
    assert!(sentence.contains("SendPassword"), "{sentence}");
}

fn dialled(outputs: &[Output]) -> Option<(StreamId, String)> {
    outputs.iter().find_map(|output| match output {
        Output::Connect { stream, to, .. } => Some((*stream, to.to_string())),
        _ => None,
    })
}

/// The connections to it are kept open by us, in the way that the configuration wants.
#[test]
fn a_connection_to_it_is_kept_alive() {
    for (key, expected) in [
        ("", Some("facility")),
        ("H460KeepAliveMethodH225=Information\n", Some("information")),
        ("H460KeepAliveMethodH225=None\n", None),
    ] {
        let (mut desk, seq) = client_with(key);
        ras::register(&mut desk, "ep1", "192.0.2.10:1719");
        hear(&mut desk, SERVER, &answer(STARTED, seq));
        let (stream, _) = dialled(&hear(&mut desk, SERVER, &octets(ANNOUNCED))).expect("a call");
        let local = "198.51.100.2:40000".parse().unwrap();
        desk.tell(Input::Connected { stream, local });
        desk.now += Duration::from_millis(50);
        let outputs = desk.tell(Input::Timeout);
        let call = sent(&outputs, stream).and_then(|facility| facility.call_id());
        let mut setup = captured_setup();
        setup.edit(|pdu| {
            let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
            setup.call_identifier = call.map(Into::into);
            let called = pinhole_h323::alias::Alias::from_text("ep1");
            setup.destination_address = Some(vec![called.to_asn()]);
        });
        let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
        let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
        let (called, _) = dialled(&outputs).expect("the called party is connected to");
        let outputs = desk.tell(Input::Connected { stream: called, local });
        assert_eq!(sent(&outputs, called).map(|signal| signal.name()), Some("setup"));
        desk.now += Duration::from_secs(18);
        assert!(sent(&desk.tell(Input::Timeout), stream).is_none());
        desk.now += Duration::from_secs(1);
        let outputs = desk.tell(Input::Timeout);
        assert_eq!(sent(&outputs, stream).map(|signal| signal.name()), expected, "{key}");
        assert!(sent(&outputs, called).is_none(), "only it has a firewall before it");
    }
}

#[test]
fn a_call_that_it_announces_without_an_address_is_taken_up_at_its_own() {
    let (mut desk, seq) = client();
    let outputs = hear(&mut desk, SERVER, &octets(ANNOUNCED));
    assert_eq!(dialled(&outputs), None, "the zone is not up");
    hear(&mut desk, SERVER, &answer(STARTED, seq));
    let outputs = hear(&mut desk, "203.0.113.3:1719", &octets(ANNOUNCED));
    assert_eq!(dialled(&outputs), None, "of somebody else");

    let outputs = hear(&mut desk, SERVER, &octets(ANNOUNCED));
    let (stream, to) = dialled(&outputs).expect("a connection");
    assert_eq!(to, "203.0.113.2:1720");
    let answered = outputs.iter().filter_map(said).any(|(to, message)| {
        to == SERVER.parse().unwrap()
            && matches!(message, RasMessage::serviceControlResponse(scr)
                if !matches!(scr.result, Some(ServiceControlResponseResult::failed(()))))
    });
    assert!(answered, "{outputs:?}");
    let local = "198.51.100.2:40000".parse().unwrap();
    // It may not have noted yet that it waits for the connection, and would not look at it again.
    assert!(sent(&desk.tell(Input::Connected { stream, local }), stream).is_none(), "too early");
    desk.now += Duration::from_millis(50);
    let facility = sent(&desk.tell(Input::Timeout), stream);
    let named = facility.and_then(|facility| facility.call_id()).expect("the call is named");
    assert_eq!(named.to_string(), "36e10d99-53eb-f111-86c8-f652223ac139");
    // Repeated, as it may be, it is answered and no more.
    assert_eq!(dialled(&hear(&mut desk, SERVER, &octets(ANNOUNCED))), None);
}

#[test]
fn its_question_for_somebody_inside_is_answered() {
    let (mut desk, seq) = client();
    hear(&mut desk, SERVER, &answer(STARTED, seq));
    let reject = hear(&mut desk, SERVER, &octets(LOCATE));
    let rejected = reject.iter().filter_map(said);
    let rejected: Vec<_> = rejected.map(|(_, message)| message).collect();
    assert!(matches!(&rejected[..], [RasMessage::locationReject(_)]), "{rejected:?}");
    ras::register(&mut desk, "ep1", "192.0.2.10:1719");
    // Another question, since the same one gets the same answer.
    let mut again = octets(LOCATE);
    again[3] = 1;
    let outputs = hear(&mut desk, SERVER, &again);
    let confirmed: Vec<_> = outputs.iter().filter_map(said).collect();
    assert!(
        matches!(&confirmed[..], [(to, RasMessage::locationConfirm(_))] if *to == SERVER.parse().unwrap()),
        "{confirmed:?}"
    );
}
