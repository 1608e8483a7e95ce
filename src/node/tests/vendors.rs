//! What equipment in the field does otherwise than the standard says, or than one would think.

use pinhole_h323::asn::h245::{
    H245NonStandardIdentifier, H245NonStandardIdentifierH221NonStandard, H245NonStandardParameter,
    IndicationMessage as Indication, MultimediaSystemControlMessage as Message,
    ResponseMessage as Response, UserInputIndication,
};
use pinhole_h323::control::{Accept, Control};
use pinhole_h323::h46019::Traversal;
use pinhole_h323::mux::MultiplexId;

use super::channels::{at, open, opened};
use super::talk::{Said, Talk};
use super::*;
use crate::face::{FlowCommand, Ports, Side};

/// OpenLogicalChannel of an h323plus client without multiplexed media: an H.460.19 element with no content.
const H323PLUS_BARE: &str =
    "038000640c201380188d0001000a0a0102138c00800b300080b080018001fc004004400a0100070008834c130001";
/// OpenLogicalChannel of GnuGk: its own H.460.19 element, and the empty one of h323plus behind it.
const GNUGK_TWO: &str = "038000640c201380188d000100c633640ac35100800b300080b080018001fc00400440210220070008834c1300010100160a0a00c633640ac350001200070008834c130001";
/// OpenLogicalChannelAck of h323plus: keepalives have payload type 127.
const H323PLUS_ACK: &str =
    "22c0006406a0135c00000a0a0102138b000a0a0102138c010100100120070008834c1300010100160205fc";

fn accepted(said: &Said) -> (Accept, Option<Traversal>) {
    let forwarded = said.forwarded();
    let Message::response(response) = forwarded.message() else { panic!("{forwarded:?}") };
    let Response::openLogicalChannelAck(ack) = &**response else { panic!("{forwarded:?}") };
    (Accept::read(ack), Traversal::read(ack.generic_information.as_ref()).unwrap())
}

/// The acknowledgement of a plain endpoint.
fn plain_ack(channel: u16) -> Control {
    let media = Some(at("198.51.100.20:5000"));
    let control = Some(at("198.51.100.20:5001"));
    Control::accept(Accept { channel, session: Some(1), media, control }.to_asn())
}

fn keepalive_type(said: &Said) -> Option<Option<u8>> {
    said.parties().into_iter().rev().find_map(|(_, party)| match party.ports {
        Ports::Learned { keepalive, .. } => Some(keepalive),
        _ => None,
    })
}

#[test]
fn an_empty_element_of_h460_19_is_not_passed_on() {
    for (from, hex) in [(Side::A, H323PLUS_BARE), (Side::B, GNUGK_TWO)] {
        let mut talk = Talk::of_client(None);
        let said = talk.say(from, &octets(hex));
        let forwarded = said.forwarded();
        let information = opened(&forwarded).generic_information.as_ref();
        let elements = information.map_or(0, Vec::len);
        // The client gets ours alone, the plain endpoint none.
        assert_eq!(elements, usize::from(from == Side::B));
        let told = Traversal::read(information).unwrap();
        let punch = told.and_then(|told| told.keep_alive_channel);
        assert_eq!(
            punch.map(|at| at.ip().to_string()),
            (from == Side::B).then(|| "198.51.100.2".into())
        );
    }
}

/// RTCP of a second video at another host, or none: EdgeProtect, Radvision. Of a client nothing that it tells counts.
#[test]
fn what_a_client_tells_of_its_addresses_is_not_believed() {
    for told in ["192.0.2.99:5001", "10.10.1.2:0", "0.0.0.0:5001"] {
        let mut talk = Talk::of_client(None);
        let said = talk.tell(Side::A, &Control::open(open(7, 0, told)));
        let learned = |party: &crate::face::Party| {
            matches!(party.ports, Ports::Learned { .. }) && party.ip.to_string() == "203.0.113.9"
        };
        assert!(said.parties().iter().all(|(side, party)| *side != Side::A || learned(party)));
        assert!(said.parties().iter().any(|(side, _)| *side == Side::A));
    }
}

/// LifeSize sends multiplexed media to the ordinary addresses.
#[test]
fn the_ordinary_addresses_are_those_of_multiplexed_media_too() {
    let mut talk = Talk::of_client(Some(3000));
    talk.tell(Side::A, &Control::open(open(7, 1, "10.10.1.2:5001")));
    let (accept, told) = accepted(&talk.tell(Side::B, &plain_ack(7)));
    let told = told.expect("multiplexed media");
    assert_eq!((told.media, told.control), (accept.media, accept.control));
    assert_eq!(accept.media.map(|media| media.port()), Some(3000));
    let said = talk.tell(Side::B, &Control::open(open(8, 1, "198.51.100.20:5001")));
    let forwarded = said.forwarded();
    let olc = opened(&forwarded);
    let again = Traversal::read(olc.generic_information.as_ref()).unwrap().unwrap();
    // RTCP of keepalives goes to the next port (h323plus) or to mediaControlChannel (GnuGk): they are the same.
    assert_eq!(again.keep_alive_channel.map(|at| at.port() + 1), Some(3001));
    assert_eq!(again.multiplex_id, told.multiplex_id, "one identifier for a session");
}

#[test]
fn identifiers_cannot_be_guessed_and_zero_is_none() {
    let mut seen = std::collections::BTreeSet::new();
    let mut talk = Talk::of_client(Some(3000));
    for number in 1..=16 {
        let said = talk.tell(Side::A, &Control::open(open(number, 0, "10.10.1.2:5001")));
        assert!(said.forward.is_some());
        let (_, told) = accepted(&talk.tell(Side::B, &plain_ack(number)));
        let MultiplexId(id) = told.and_then(|told| told.multiplex_id).unwrap();
        assert!(id != 0 && seen.insert(id));
    }
    // A counter, or sixteen bits, would show.
    let gaps = seen.iter().zip(seen.iter().skip(1)).map(|(a, b)| b - a);
    assert!(gaps.max() > Some(1 << 24) && seen.last() > Some(&(1 << 28)), "{seen:x?}");
}

#[test]
fn a_client_that_does_not_multiplex_is_not_asked_to() {
    // The gatekeeper does, and the client has not said that it can: what it opens has ports of its own.
    let mut talk = Talk::of_client(None);
    let said = talk.tell(Side::A, &Control::open(open(7, 1, "10.10.1.2:5001")));
    assert!(said.forward.is_some());
    assert_eq!(accepted(&talk.tell(Side::B, &plain_ack(7))).1, None);
    let told = |o: &Output| matches!(o, Output::Flow(FlowCommand::Multiplex { .. }));
    assert!(!said.outputs.iter().any(told));
}

/// Some tell one payload type for keepalives and use another: CheckH46019KeepAlivePT=0.
#[test]
fn the_payload_type_of_keepalives_is_checked_unless_configured_otherwise() {
    for (check, expected) in [(true, Some(127)), (false, None)] {
        let mut talk = Talk::of_client(None);
        talk.desk.node.core.settings.check_keepalive = check;
        let opening = talk.tell(Side::B, &Control::open(open(101, 1, "198.51.100.20:5001")));
        assert_eq!(keepalive_type(&opening), Some(None), "any, until one is told");
        let said = talk.say(Side::A, &octets(H323PLUS_ACK));
        assert_eq!(keepalive_type(&said).unwrap_or(None), expected);
        assert_eq!(accepted(&said).1, None, "it is said to us alone");
    }
}

/// NetMeeting and others close a channel of the other side.
#[test]
fn a_channel_is_closed_by_its_opener_only() {
    let mut talk = Talk::plain();
    assert_eq!(
        talk.tell(Side::A, &Control::open(open(101, 1, "198.51.100.10:5001"))).flows(),
        (1, 0)
    );
    let said = talk.tell(Side::B, &Control::close(101));
    assert_eq!(said.flows(), (0, 0));
    assert_eq!(said.forwarded(), Control::close(101), "the other party judges");
    assert_eq!(talk.tell(Side::A, &Control::close(101)).flows(), (0, 1));
}

/// GnuGk as a client holds an H.245 connection open with a userInput of its own (138 is Poland).
#[test]
fn keepalives_of_an_h245_connection_end_here_others_pass() {
    let input = |manufacturer_code| {
        let id = H245NonStandardIdentifierH221NonStandard {
            t35_country_code: 138,
            t35_extension: 3,
            manufacturer_code,
        };
        let parameter = H245NonStandardParameter {
            non_standard_identifier: H245NonStandardIdentifier::h221NonStandard(id),
            data: vec![0].into(),
        };
        let input = UserInputIndication::nonStandard(parameter);
        Control::indication(Indication::userInput(Box::new(input)))
    };
    let mut talk = Talk::of_client(None);
    assert_eq!(talk.tell(Side::A, &input(2)).forward, None);
    assert_eq!(talk.tell(Side::A, &input(3)).forwarded(), input(3));
    assert_eq!(
        talk.tell(Side::B, &input(2)).forwarded(),
        input(2),
        "of a plain endpoint it is what it is"
    );
}

/// Indications with nothing in them, or with what nobody knows, have ended gatekeepers.
#[test]
fn odd_indications_pass() {
    let mut talk = Talk::plain();
    let empty = Control::indication(Indication::userInput(Box::new(
        UserInputIndication::alphanumeric("".into()),
    )));
    assert_eq!(talk.tell(Side::A, &empty).forwarded(), empty);
}
