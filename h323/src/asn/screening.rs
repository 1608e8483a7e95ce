//! ScreeningIndicator, the only extensible ENUMERATED of all modules: by hand, to keep values that
//! a newer version may bring.

use rasn::types::{Constraints, Identifier, Tag};
use rasn::{AsnType, Decode, Decoder, Encode, Encoder};

use super::text::octets;
use crate::aper::tag;

/// Who provided the calling number, and whether it was checked (H.225.0 §7.2.2.6, Q.951).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScreeningIndicator {
    /// Provided by the user, not screened.
    #[default]
    UserProvidedNotScreened,
    /// Provided by the user, verified and passed.
    UserProvidedVerifiedAndPassed,
    /// Provided by the user, verified and failed.
    UserProvidedVerifiedAndFailed,
    /// Provided by the network.
    NetworkProvided,
    /// A value that this version does not know, by its place after the extension marker.
    Unknown(u16),
}

impl ScreeningIndicator {
    fn from_octets(octets: Vec<u8>) -> Self {
        match octets.as_slice() {
            [1, high, low] => Self::Unknown(u16::from_be_bytes([*high, *low])),
            [_, _, 1] => Self::UserProvidedVerifiedAndPassed,
            [_, _, 2] => Self::UserProvidedVerifiedAndFailed,
            [_, _, 3] => Self::NetworkProvided,
            _ => Self::UserProvidedNotScreened,
        }
    }

    fn to_octets(self) -> [u8; 3] {
        match self {
            Self::UserProvidedNotScreened => [0, 0, 0],
            Self::UserProvidedVerifiedAndPassed => [0, 0, 1],
            Self::UserProvidedVerifiedAndFailed => [0, 0, 2],
            Self::NetworkProvided => [0, 0, 3],
            Self::Unknown(place) => {
                let [high, low] = place.to_be_bytes();
                [1, high, low]
            }
        }
    }
}

octets!(ScreeningIndicator, tag::ENUMERATED_4);
