//! Every distinct message of the captures decodes, and encodes to the octets it came as.

use pinhole_h323::asn::{self, h225};
use pinhole_h323::error::Malformed;

fn octets(line: &str) -> Vec<u8> {
    (0..line.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

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
