//! Reading the committed messages.

use pinhole_h323::asn;
use pinhole_h323::error::Malformed;

/// The octets of a line of hex digits.
pub(crate) fn octets(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16);
    (0..hex.len()).step_by(2).map(|at| digit(at).unwrap_or_else(|_| panic!("{hex}"))).collect()
}

/// Decodes and encodes a message of some kind.
pub(crate) fn reencode(kind: &str, octets: &[u8]) -> Result<Vec<u8>, Malformed> {
    match kind {
        "ras" => asn::encode_ras(&asn::decode_ras(octets)?),
        "uuie" => asn::encode_uuie(&asn::decode_uuie(octets)?),
        "h245" => asn::encode_h245(&asn::decode_h245(octets)?),
        "olc" => asn::encode_olc(&asn::decode_olc(octets)?),
        "clear_token" => asn::encode_clear_token(&asn::decode_clear_token(octets)?),
        _ => panic!("no such kind: {kind}"),
    }
}

/// Asserts that each line `kind hex …` survives; returns their number.
#[allow(dead_code, reason = "not every test that has this module uses all of it")]
pub(crate) fn survive(lines: &str) -> usize {
    for line in lines.lines() {
        let mut words = line.split(' ');
        let (kind, hex) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let octets = octets(hex);
        assert_eq!(reencode(kind, &octets).as_ref(), Ok(&octets), "{line}");
    }
    lines.lines().count()
}
