//! What peers send that is unusual, wrong, or of another version, and that must not be lost.

mod common;

use common::octets;
use pinhole_h323::asn::{
    self, BmpString, Ia5String, Integer, ObjectIdentifier, ScreeningIndicator, UnknownAlternative,
    UnknownExtensions, h225, h235, h245,
};
use pinhole_h323::error::Malformed;

fn unregistration_confirm(unknown: UnknownExtensions) -> h225::RasMessage {
    let confirm = h225::UnregistrationConfirm {
        request_seq_num: h225::RequestSeqNum(7),
        unknown_ext: Some(unknown.into()),
        ..Default::default()
    };
    h225::RasMessage::unregistrationConfirm(confirm.into())
}

/// UnregistrationConfirm has five additions; this peer's has eight, and the seventh is there.
#[test]
fn an_addition_we_do_not_know() {
    let unknown =
        UnknownExtensions { bitmap: 8, additions: vec![(1, vec![0xbe, 0xef])], trailing: vec![] };
    let message = unregistration_confirm(unknown);
    let literal = octets("1e00060e0402beef");
    assert_eq!(asn::encode_ras(&message).as_ref(), Ok(&literal));
    assert_eq!(asn::decode_ras(&literal), Ok(message));
    // Where the bitmap should be, there is nothing.
    assert_eq!(asn::decode_ras(&literal[..3]), Err(Malformed::Truncated));
}

#[test]
fn bitmaps_longer_than_64_and_128_bits() {
    for (bitmap, place) in [(65, 1), (129, 100), (1000, 900)] {
        let unknown = UnknownExtensions {
            bitmap,
            additions: vec![(0, vec![1]), (place, vec![2, 3])],
            trailing: vec![],
        };
        let message = unregistration_confirm(unknown);
        let encoded = asn::encode_ras(&message).expect("encodable");
        assert_eq!(asn::decode_ras(&encoded), Ok(message));
    }
}

/// As an edit leaves it that takes the last addition away; and as nobody should send it.
#[test]
fn a_bitmap_without_additions() {
    let bitmap = UnknownExtensions { bitmap: 2, ..Default::default() };
    let message = unregistration_confirm(bitmap);
    assert_eq!(asn::encode_ras(&message), Ok(octets("1c0006")));
    assert_eq!(asn::decode_ras(&octets("1e00060200")), asn::decode_ras(&octets("1c0006")));
}

/// timeToLive in an RCF, with an octet after it in its open type.
#[test]
fn octets_after_an_addition_stay() {
    let plain = h225::RegistrationConfirm {
        request_seq_num: h225::RequestSeqNum(7),
        protocol_identifier: h225::ProtocolIdentifier([0, 0, 8, 2250, 0, 4].into()),
        endpoint_identifier: h225::EndpointIdentifier("e".into()),
        time_to_live: Some(h225::TimeToLive(19)),
        ..Default::default()
    };
    let encode = |rcf: h225::RegistrationConfirm| {
        asn::encode_ras(&h225::RasMessage::registrationConfirm(rcf.into())).expect("encodable")
    };
    let mut literal = encode(plain);
    assert!(literal.ends_with(&[2, 0x00, 0x12]));
    let length = literal.len();
    literal[length - 3] = 5;
    literal.extend([0xaa, 0xbb, 0xcc]);
    let Ok(h225::RasMessage::registrationConfirm(mut rcf)) = asn::decode_ras(&literal) else {
        panic!("not a registrationConfirm");
    };
    assert_eq!(rcf.time_to_live, Some(h225::TimeToLive(19)));
    assert_eq!(encode((*rcf).clone()), literal);
    rcf.time_to_live = Some(h225::TimeToLive(20));
    literal[length - 1] = 0x13;
    assert_eq!(encode((*rcf).clone()), literal);
    // Without the addition, nothing is after it.
    rcf.time_to_live = None;
    assert!(encode(*rcf).len() < length);
}

#[test]
fn an_alternative_we_do_not_know() {
    for index in [40, 63, 64, 255, 256, 65_535] {
        let unknown = UnknownAlternative { index, octets: vec![9; 300] };
        let message = h225::RasMessage::UnknownAlternative(unknown.into());
        let encoded = asn::encode_ras(&message).expect("encodable");
        assert_eq!(asn::decode_ras(&encoded), Ok(message), "{index}");
    }
    // 0x80 is the extension bit; 40, then one octet.
    let unknown = UnknownAlternative { index: 40, octets: vec![7] };
    let literal = asn::decode_ras(&[0x80 | 40, 1, 7]);
    assert_eq!(literal, Ok(h225::RasMessage::UnknownAlternative(unknown.into())));
}

#[test]
fn an_index_of_three_octets_is_refused() {
    assert_eq!(asn::decode_ras(&[0xc0, 3, 1, 0, 0, 1, 0]), Err(Malformed::Length));
}

#[test]
fn a_screening_indicator_of_the_future() {
    let progress = |screening| {
        let body = h225::ConnectUUIE {
            protocol_identifier: h225::ProtocolIdentifier([0, 0, 8, 2250, 0, 7].into()),
            screening_indicator: Some(screening),
            ..Default::default()
        };
        let body = h225::H323UUPDUH323MessageBody::connect(body.into());
        let pdu = h225::H323UUPDU { h323_message_body: body, ..Default::default() };
        h225::H323UserInformation { h323_uu_pdu: pdu, ..Default::default() }
    };
    for screening in [
        ScreeningIndicator::UserProvidedNotScreened,
        ScreeningIndicator::NetworkProvided,
        ScreeningIndicator::Unknown(0),
        ScreeningIndicator::Unknown(200),
    ] {
        let message = progress(screening);
        let encoded = asn::encode_uuie(&message).expect("encodable");
        assert_eq!(asn::decode_uuie(&encoded), Ok(message));
    }
}

/// A token with all kinds of strings, identifiers and numbers that strict types refuse.
#[test]
fn values_beyond_their_alphabets() {
    let surrogate = vec![0xd800, 0xffff, 0xfffe];
    let mut token = h235::ClearToken {
        token_oid: ObjectIdentifier::from([2, 25, u32::MAX]),
        general_id: Some(h235::Identifier(BmpString::from(surrogate.clone()))),
        random: Some(h235::RandomVal(Integer::from(i128::MAX))),
        ..Default::default()
    };
    let encoded = asn::encode_clear_token(&token).expect("encodable");
    assert_eq!(asn::decode_clear_token(&encoded), Ok(token.clone()));
    let decoded = asn::decode_clear_token(&encoded).expect("decodable");
    assert_eq!(decoded.general_id.expect("there").0.units(), surrogate);

    // 2.25 with an arc of 128 bits (a UUID), and one written with a needless 0x80 before it.
    for contents in ["695080808080808080808000", "698001"] {
        let contents = octets(contents);
        let mut literal = vec![0x00, 0x00, contents.len() as u8];
        literal.extend(&contents);
        let decoded = asn::decode_clear_token(&literal).expect("decodable");
        assert_eq!(decoded.token_oid.as_bytes(), contents);
        assert_eq!(asn::encode_clear_token(&decoded), Ok(literal));
    }
    token.time_stamp = Some(h235::TimeStamp(0));
    assert_eq!(asn::encode_clear_token(&token), Err(Malformed::Constraint));
}

#[test]
fn latin_1_in_an_ia5_string() {
    let name = Ia5String::from(vec![b'h', 0xe9, 0xff]);
    let alias = h225::AliasAddress::url_ID(name.clone());
    let request = h225::GatekeeperRequest {
        request_seq_num: h225::RequestSeqNum(1),
        protocol_identifier: h225::ProtocolIdentifier([0, 0, 8, 2250, 0, 7].into()),
        ras_address: h225::TransportAddress::nsap(vec![0x36].into()),
        endpoint_alias: Some(vec![alias]),
        ..Default::default()
    };
    let message = h225::RasMessage::gatekeeperRequest(request.into());
    let encoded = asn::encode_ras(&message).expect("encodable");
    assert!(encoded.windows(3).any(|window| window == name.as_bytes()));
    assert_eq!(asn::decode_ras(&encoded), Ok(message));
}

/// 257 in a CHOICE's INTEGER (0..16383, ...) is in its root, 20000 is an extension of it.
#[test]
fn a_number_beyond_an_extensible_bound() {
    let feature = |id: u32| {
        let id = h225::GenericIdentifier::standard(id.into());
        let set = h225::FeatureSet {
            needed_features: Some(vec![h225::FeatureDescriptor(h225::GenericData {
                id,
                ..Default::default()
            })]),
            ..Default::default()
        };
        let request = h225::LocationRequest {
            request_seq_num: h225::RequestSeqNum(1),
            reply_address: h225::TransportAddress::nsap(vec![0x36].into()),
            feature_set: Some(set),
            ..Default::default()
        };
        h225::RasMessage::locationRequest(request.into())
    };
    for id in [0, 18, 257, 16_383, 16_384, 20_000, u32::MAX] {
        let message = feature(id);
        let encoded = asn::encode_ras(&message).expect("encodable");
        assert_eq!(asn::decode_ras(&encoded), Ok(message), "{id}");
    }
}

#[test]
fn long_values_in_fragments() {
    for length in [127, 128, 16_383, 16_384, 16_385, 65_536, 100_000] {
        let data: Vec<u8> = (0..length).map(|place| place as u8).collect();
        let parameter = h245::H245NonStandardParameter {
            non_standard_identifier: h245::H245NonStandardIdentifier::object([1, 2].into()),
            data: data.into(),
        };
        let message =
            h245::H245NonStandardMessage { non_standard_data: parameter, ..Default::default() };
        let message = h245::RequestMessage::nonStandard(message.into());
        let message = h245::MultimediaSystemControlMessage::request(message);
        let encoded = asn::encode_h245(&message).expect("encodable");
        assert_eq!(asn::decode_h245(&encoded), Ok(message), "{length}");
    }
}

#[test]
fn a_fragment_of_no_size_is_refused() {
    // A token whose OID begins with a fragment of 0 and of 5 times 16K.
    for header in [0xc0, 0xc5, 0xff] {
        assert_eq!(asn::decode_clear_token(&[0, 0, header, 0]), Err(Malformed::Length));
    }
}
