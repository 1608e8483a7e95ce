//! Protocol versions: the object identifiers by which H.225.0 and H.245 messages say which they speak.

use crate::asn::ObjectIdentifier;
use crate::asn::h225::ProtocolIdentifier;

/// The version of H.225.0 that we speak.
pub const H225: u32 = 7;
/// The version of H.245 that we speak, that of H.323 version 7.
pub const H245: u32 = 15;

/// The protocolIdentifier of our H.225.0 version: {0 0 8 2250 0 7}.
#[must_use]
pub fn h225() -> ProtocolIdentifier {
    ProtocolIdentifier(ObjectIdentifier::from([0, 0, 8, 2250, 0, H225]))
}

/// The protocolIdentifier of our H.245 version: {0 0 8 245 0 15}.
#[must_use]
pub fn h245() -> ObjectIdentifier {
    ObjectIdentifier::from([0, 0, 8, 245, 0, H245])
}

/// The version that a protocolIdentifier of H.225.0 says; `None` if it is not one.
#[must_use]
pub fn of_h225(identifier: &ProtocolIdentifier) -> Option<u64> {
    match identifier.0.arcs()[..] {
        [0, 0, 8, 2250, 0, version] => Some(version),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_version_and_no_other_identifier() {
        assert_eq!(of_h225(&h225()), Some(7));
        assert_eq!(of_h225(&ProtocolIdentifier(h245())), None);
        assert_eq!(of_h225(&ProtocolIdentifier(ObjectIdentifier::from([0, 0, 8, 2250, 0]))), None);
    }
}
