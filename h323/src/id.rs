//! Identifiers as types, so that one is not taken for another.

use crate::asn::h225::{
    CallIdentifier, ConferenceIdentifier, EndpointIdentifier, GatekeeperIdentifier,
    GloballyUniqueID, RequestSeqNum,
};
use std::fmt;

/// A call reference value: 15 bits, meaningful on one signalling connection only (Q.931 §4.3).
///
/// Zero is the global call reference, which H.460.17 and the H.460.18 pinhole use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Crv(u16);

impl Crv {
    /// The reference that means the connection rather than one of its calls.
    pub const GLOBAL: Self = Self(0);

    /// A call reference of the low 15 bits of `value`; the top bit is a flag and not part of it.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(value & 0x7fff)
    }

    /// The 15-bit value.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Crv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The sequence number by which a RAS answer belongs to its request, `1..=65535` (H.225.0 requestSeqNum).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u16);

impl Seq {
    /// The first number.
    pub const FIRST: Self = Self(1);

    /// A number; zero does not exist and becomes one.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(if value == 0 { 1 } else { value })
    }

    /// The value, `1..=65535`.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }

    /// The number of the next request; one follows the last.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0.wrapping_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl From<&RequestSeqNum> for Seq {
    fn from(number: &RequestSeqNum) -> Self {
        Self::new(number.0)
    }
}

impl From<Seq> for RequestSeqNum {
    fn from(seq: Seq) -> Self {
        Self(seq.0)
    }
}

/// Declares an identifier of sixteen octets, written as hexadecimal digits in groups of 8-4-4-4-12.
macro_rules! guid {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (place, octet) in self.0.iter().enumerate() {
                    if matches!(place, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{octet:02x}")?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAGuid;

            /// Reads 32 hexadecimal digits, with hyphens anywhere.
            fn from_str(text: &str) -> Result<Self, NotAGuid> {
                let mut octets = [0; 16];
                let mut digits = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16));
                for octet in &mut octets {
                    let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) else {
                        return Err(NotAGuid);
                    };
                    // Two hexadecimal digits fit an octet.
                    *octet = (high << 4 | low) as u8;
                }
                if digits.next().is_some() { Err(NotAGuid) } else { Ok(Self(octets)) }
            }
        }
    };
}

/// The text is not an identifier of 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of 32 hexadecimal digits")]
pub struct NotAGuid;

guid! {
    /// A call, the same on all its legs (H.225.0 callIdentifier).
    CallId
}

guid! {
    /// A conference (H.225.0 conferenceID); several calls may share it.
    ConferenceId
}

impl From<&CallIdentifier> for CallId {
    fn from(identifier: &CallIdentifier) -> Self {
        Self(*identifier.guid.0)
    }
}

impl From<CallId> for CallIdentifier {
    fn from(id: CallId) -> Self {
        Self { guid: GloballyUniqueID(id.0.into()), unknown_ext: None }
    }
}

impl From<&ConferenceIdentifier> for ConferenceId {
    fn from(identifier: &ConferenceIdentifier) -> Self {
        Self(*identifier.0.0)
    }
}

impl From<ConferenceId> for ConferenceIdentifier {
    fn from(id: ConferenceId) -> Self {
        Self(GloballyUniqueID(id.0.into()))
    }
}

/// Declares an identifier of up to 128 characters.
macro_rules! name {
    ($(#[$meta:meta])* $name:ident, $asn:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<&$asn> for $name {
            fn from(identifier: &$asn) -> Self {
                Self(identifier.0.to_string())
            }
        }

        impl From<&$name> for $asn {
            fn from(id: &$name) -> Self {
                Self(id.0.as_str().into())
            }
        }
    };
}

name! {
    /// The name a gatekeeper gives a registration (H.225.0 endpointIdentifier), 1 to 128 characters.
    EndpointId, EndpointIdentifier
}

name! {
    /// The name of a gatekeeper (H.225.0 gatekeeperIdentifier), 1 to 128 characters.
    GatekeeperId, GatekeeperIdentifier
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: [u8; 16] = [
        0xf8, 0x1f, 0x8d, 0x79, 0xa5, 0xe3, 0xf1, 0x11, 0x87, 0x69, 0x9e, 0x74, 0x06, 0x96, 0x03,
        0x08,
    ];

    #[test]
    fn a_call_identifier_is_written_in_groups() {
        let text = "f81f8d79-a5e3-f111-8769-9e7406960308";
        assert_eq!(CallId(GUID).to_string(), text);
        assert_eq!(text.parse(), Ok(CallId(GUID)));
        assert_eq!(text.replace('-', "").parse(), Ok(CallId(GUID)));
        assert_eq!(format!("{:?}", CallId(GUID)), format!("CallId({text})"));
        for wrong in ["", "f8", "g81f8d79-a5e3-f111-8769-9e7406960308", &format!("{text}0")] {
            assert_eq!(wrong.parse::<ConferenceId>(), Err(NotAGuid), "{wrong}");
        }
    }

    #[test]
    fn identifiers_go_to_asn_and_back() {
        assert_eq!(CallId::from(&CallIdentifier::from(CallId(GUID))), CallId(GUID));
        let conference = ConferenceIdentifier::from(ConferenceId(GUID));
        assert_eq!(ConferenceId::from(&conference), ConferenceId(GUID));
        let endpoint = EndpointId::from("2685_endp");
        assert_eq!(EndpointId::from(&EndpointIdentifier::from(&endpoint)), endpoint);
        let gatekeeper = GatekeeperId::from("Pinhole\u{e9}");
        assert_eq!(GatekeeperId::from(&GatekeeperIdentifier::from(&gatekeeper)), gatekeeper);
    }

    #[test]
    fn sequence_numbers_skip_zero() {
        assert_eq!(Seq::new(0), Seq::FIRST);
        assert_eq!(Seq::new(65_535).next(), Seq::FIRST);
        assert_eq!(Seq::from(&RequestSeqNum::from(Seq::new(7))).value(), 7);
    }

    #[test]
    fn a_call_reference_has_no_flag() {
        assert_eq!(Crv::new(0x8005), Crv::new(5));
    }
}
