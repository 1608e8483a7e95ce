//! What holds for any octets. The replay of the corpus and the fuzz targets share this.

use pinhole_h323::asn;
use pinhole_h323::error::Malformed;

/// What decodes also encodes, and that decodes to the same value.
fn stable<T: PartialEq + std::fmt::Debug>(
    octets: &[u8],
    decode: fn(&[u8]) -> Result<T, Malformed>,
    encode: fn(&T) -> Result<Vec<u8>, Malformed>,
) {
    let Ok(value) = decode(octets) else { return };
    let encoded = match encode(&value) {
        Ok(encoded) => encoded,
        Err(why) => panic!("decoded, not encoded ({why}): {value:?}"),
    };
    match decode(&encoded) {
        Ok(again) => assert_eq!(value, again),
        // The budget follows the octets: what was ignored at the end had added to it.
        Err(Malformed::Budget) if encoded.len() < octets.len() => {}
        Err(why) => panic!("not decoded again ({why}): {value:?}"),
    }
}

/// Panics where octets break a promise.
type Check = fn(&[u8]);

/// A function for each fuzz target, by its name.
pub(crate) const TARGETS: [(&str, Check); 4] =
    [("ras", ras), ("signal", signal), ("control", control), ("parts", parts)];

/// RAS messages.
pub(crate) fn ras(octets: &[u8]) {
    stable(octets, asn::decode_ras, asn::encode_ras);
}

/// User-user information of call signalling.
pub(crate) fn signal(octets: &[u8]) {
    stable(octets, asn::decode_uuie, asn::encode_uuie);
}

/// H.245 messages.
pub(crate) fn control(octets: &[u8]) {
    stable(octets, asn::decode_h245, asn::encode_h245);
}

/// What is carried within messages; the first octet chooses which.
pub(crate) fn parts(octets: &[u8]) {
    let Some((which, octets)) = octets.split_first() else { return };
    match which % 7 {
        0 => stable(octets, asn::decode_olc, asn::encode_olc),
        1 => stable(octets, asn::decode_clear_token, asn::encode_clear_token),
        2 => stable(octets, asn::decode_udp_frame, asn::encode_udp_frame),
        3 => stable(octets, asn::decode_incoming_call, asn::encode_incoming_call),
        4 => stable(octets, asn::decode_traversal_parameters, asn::encode_traversal_parameters),
        5 => stable(octets, asn::decode_alternate_addresses, asn::encode_alternate_addresses),
        _ => stable(octets, asn::decode_signalling_channel, asn::encode_signalling_channel),
    }
}
