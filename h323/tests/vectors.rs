//! Messages of an independent codec, of peers newer and older than our schema, and literal octets
//! whose meaning is known.

mod common;

use common::octets;
use pinhole_h323::asn::{self, h225, h245, h46018, h46019, h46026};
use pinhole_h323::error::Malformed;

/// Made by tests/tools/oracle.py from the same schema.
#[test]
fn random_messages_of_pycrate_survive() {
    assert_eq!(common::survive(include_str!("pdus/random.txt")), 300);
}

/// Three additions more in every extensible type (tests/tools/schemas.py).
#[test]
fn what_a_newer_peer_adds_survives() {
    assert_eq!(common::survive(include_str!("pdus/newer.txt")), 250);
}

/// SEQUENCEs with half of the additions (tests/tools/schemas.py): their bitmap stays short.
#[test]
fn an_older_peer_gets_its_own_bitmap_back() {
    assert_eq!(common::survive(include_str!("pdus/older.txt")), 200);
}

#[test]
fn traversal_messages_survive() {
    assert!(common::survive(include_str!("pdus/traversal.txt")) > 45);
}

const CALL: [u8; 16] = [
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
];

#[test]
fn incoming_call_indication() {
    let sci = octets(concat!(
        "852b0080006301000000014000120000400001001800cb00710a06b8",
        "00a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
    ));
    let Ok(h225::RasMessage::serviceControlIndication(sci)) = asn::decode_ras(&sci) else {
        panic!("not a serviceControlIndication");
    };
    assert_eq!(sci.request_seq_num, h225::RequestSeqNum(100));
    let generic = sci.generic_data.expect("generic data");
    assert_eq!(generic[0].id, h225::GenericIdentifier::standard(18.into()));
    let parameter = &generic[0].parameters.as_ref().expect("parameters")[0];
    let Some(h225::Content::raw(raw)) = &parameter.content else { panic!("{parameter:?}") };
    let indication = asn::decode_incoming_call(raw).expect("an IncomingCallIndication");
    let address = h225::TransportAddressIpAddress { ip: [203, 0, 113, 10].into(), port: 1720 };
    let expected = h46018::IncomingCallIndication {
        call_signalling_address: h225::TransportAddress::ipAddress(address),
        call_id: h225::CallIdentifier {
            guid: h225::GloballyUniqueID(CALL.into()),
            ..Default::default()
        },
        ..Default::default()
    };
    assert_eq!(indication, expected);
    assert_eq!(asn::encode_incoming_call(&expected).as_deref(), Ok(&raw[..]));
}

fn unicast(ip: [u8; 4], port: u16) -> h245::H245TransportAddress {
    let address = h245::UnicastAddressIPAddress {
        network: ip.into(),
        tsap_identifier: port,
        ..Default::default()
    };
    h245::H245TransportAddress::unicastAddress(h245::UnicastAddress::iPAddress(address).into())
}

#[test]
fn traversal_parameters_of_h245() {
    let expected = h46019::TraversalParameters {
        keep_alive_channel: Some(unicast([203, 0, 113, 10], 50001)),
        keep_alive_interval: Some(h225::TimeToLive(19)),
        ..Default::default()
    };
    let literal = octets("0a00cb00710ac3510012");
    assert_eq!(asn::decode_traversal_parameters(&literal).as_ref(), Ok(&expected));
    assert_eq!(asn::encode_traversal_parameters(&expected), Ok(literal));
}

#[test]
fn lrq_keep_alive() {
    let value = h46018::LRQKeepAliveData {
        lrq_keep_alive_interval: h225::TimeToLive(19),
        ..Default::default()
    };
    assert_eq!(asn::encode_lrq_keep_alive(&value), Ok(vec![0x00, 0x12]));
    assert_eq!(asn::decode_lrq_keep_alive(&[0x00, 0x12]), Ok(value));
}

#[test]
fn media_in_the_signalling_connection() {
    let value = h46026::UDPFrame {
        session_id: 1,
        data_frame: false,
        frame: vec![h46026::FrameData::rtp(vec![0x80; 12].into())],
    };
    let encoded = asn::encode_udp_frame(&value).expect("encodable");
    assert_eq!(encoded[..5], [0x01, 0x00, 0x01, 0x00, 0x00]);
    assert_eq!(asn::decode_udp_frame(&encoded), Ok(value));
}

#[test]
fn registration_confirm() {
    let rcf = include_str!("pdus/traversal.txt").lines().find(|line| line.ends_with("feature 18"));
    let rcf = octets(rcf.and_then(|line| line.split(' ').nth(1)).expect("the line"));
    let Ok(h225::RasMessage::registrationConfirm(mut rcf)) = asn::decode_ras(&rcf) else {
        panic!("not a registrationConfirm");
    };
    assert_eq!(rcf.time_to_live, Some(h225::TimeToLive(19)));
    assert_eq!(rcf.gatekeeper_identifier.as_ref().expect("identifier").0.to_string(), "PubGK");
    // An edit is seen, and changes nothing else.
    rcf.time_to_live = Some(h225::TimeToLive(4_294_967_295));
    let message = h225::RasMessage::registrationConfirm(rcf);
    let edited = asn::encode_ras(&message).expect("encodable");
    assert_eq!(asn::decode_ras(&edited), Ok(message));
}

#[test]
fn out_of_bounds_is_not_written() {
    let mut request = h225::UnregistrationConfirm::default();
    let encode = |request: &h225::UnregistrationConfirm| {
        asn::encode_ras(&h225::RasMessage::unregistrationConfirm(request.clone().into()))
    };
    assert_eq!(encode(&request), Err(Malformed::Constraint));
    request.request_seq_num = h225::RequestSeqNum(7);
    assert_eq!(encode(&request), Ok(vec![0x1c, 0x00, 0x06]));
}

/// dialedDigits has an alphabet of 13 characters, four bits each: 13 to 15 stand for none.
#[test]
fn a_character_outside_the_alphabet() {
    let lrq = |alias: &str| {
        let request = h225::LocationRequest {
            request_seq_num: h225::RequestSeqNum(1),
            destination_info: vec![h225::AliasAddress::dialedDigits(alias.into())],
            reply_address: h225::TransportAddress::ipAddress(h225::TransportAddressIpAddress {
                ip: [192, 0, 2, 1].into(),
                port: 1,
            }),
            ..Default::default()
        };
        asn::encode_ras(&h225::RasMessage::locationRequest(request.into()))
    };
    assert_eq!(lrq("12a"), Err(Malformed::Alphabet));
    let good = lrq("*9").expect("encodable");
    // '*' and '9' are places 1 and 12 among "#*,0123456789".
    let place = good.iter().position(|octet| *octet == 0x1c).expect("both digits in an octet");
    let mut bad = good.clone();
    bad[place] = 0x1d;
    assert_eq!(asn::decode_ras(&good).map(drop), Ok(()));
    assert_eq!(asn::decode_ras(&bad), Err(Malformed::Alphabet));
}
