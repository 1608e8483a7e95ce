//! Every distinct message of the captures decodes, and encodes to the octets it came as.

mod common;

use common::octets;
use pinhole_h323::asn::{self, h225};
use pinhole_h323::error::Malformed;

fn round_trips<T>(
    lines: &str,
    decode: fn(&[u8]) -> Result<T, Malformed>,
    encode: fn(&T) -> Result<Vec<u8>, Malformed>,
) -> Vec<T> {
    lines
        .lines()
        .map(|line| {
            let pdu = octets(line);
            let value = decode(&pdu).unwrap_or_else(|why| panic!("{why}: {line}"));
            assert_eq!(encode(&value).as_ref(), Ok(&pdu), "{line}");
            value
        })
        .collect()
}

#[test]
fn ras() {
    let values = round_trips(include_str!("pdus/ras.hex"), asn::decode_ras, asn::encode_ras);
    assert!(values.len() > 100, "{}", values.len());
}

#[test]
fn h245() {
    let values = round_trips(include_str!("pdus/h245.hex"), asn::decode_h245, asn::encode_h245);
    assert!(values.len() > 20, "{}", values.len());
}

#[test]
fn uuie_and_what_it_carries() {
    let values = round_trips(include_str!("pdus/uuie.hex"), asn::decode_uuie, asn::encode_uuie);
    assert!(values.len() > 100, "{}", values.len());
    let mut tunnelled = 0;
    let mut channels = 0;
    for value in values {
        let pdu = value.h323_uu_pdu;
        for message in pdu.h245_control.iter().flatten() {
            let decoded = asn::decode_h245(message).unwrap();
            assert_eq!(asn::encode_h245(&decoded).unwrap(), **message);
            tunnelled += 1;
        }
        let h225::H323UUPDUH323MessageBody::setup(setup) = pdu.h323_message_body else { continue };
        for element in setup.fast_start.iter().flatten() {
            let decoded = asn::decode_olc(element).unwrap();
            assert_eq!(asn::encode_olc(&decoded).unwrap(), **element);
            channels += 1;
        }
    }
    assert!(tunnelled > 20 && channels > 5, "{tunnelled} tunnelled, {channels} in fastStart");
}

/// A datagram cut short says so, wherever it is cut.
#[test]
fn no_prefix_of_a_message_is_more_than_truncated() {
    for line in include_str!("pdus/ras.hex").lines().take(60) {
        let octets = octets(line);
        for end in 0..octets.len() {
            match asn::decode_ras(&octets[..end]) {
                Err(why) => assert_eq!(why, Malformed::Truncated, "{end} of {line}"),
                Ok(_) => panic!("{end} octets are enough: {line}"),
            }
        }
    }
}
