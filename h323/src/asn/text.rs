//! Character strings and open types that keep whatever octets a peer sent.
//!
//! rasn's own types reject characters outside the ASN.1 alphabet; real peers send them.

use std::fmt;

use rasn::types::{Constraints, Identifier, Tag};
use rasn::{AsnType, Decode, Decoder, Encode, Encoder};

use crate::aper::tag;

/// A type that travels as octets under a tag of its own.
macro_rules! octets {
    ($name:ident, $tag:expr) => {
        impl AsnType for $name {
            const TAG: Tag = $tag;
        }

        impl Decode for $name {
            fn decode_with_tag_and_constraints<D: Decoder>(
                decoder: &mut D,
                _: Tag,
                constraints: &Constraints,
            ) -> Result<Self, D::Error> {
                decoder.decode_octet_string::<Vec<u8>>($tag, constraints).map(Self::from_octets)
            }
        }

        impl Encode for $name {
            fn encode_with_tag_and_constraints<'b, E: Encoder<'b>>(
                &self,
                encoder: &mut E,
                _: Tag,
                constraints: &Constraints,
                identifier: Identifier,
            ) -> Result<(), E::Error> {
                encoder
                    .encode_octet_string($tag, constraints, &self.to_octets(), identifier)
                    .map(drop)
            }
        }
    };
}
pub(super) use octets;

macro_rules! characters {
    ($($(#[$doc:meta])* $name:ident $tag:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// The string as received, one octet a character.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The string, if it is ASCII or UTF-8.
            pub fn as_str(&self) -> Option<&str> {
                std::str::from_utf8(&self.0).ok()
            }

            fn from_octets(octets: Vec<u8>) -> Self {
                Self(octets)
            }

            fn to_octets(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.as_bytes().to_vec())
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(octets: Vec<u8>) -> Self {
                Self(octets)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&String::from_utf8_lossy(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", String::from_utf8_lossy(&self.0))
            }
        }

        octets!($name, tag::$tag);
    )*};
}

characters! {
    /// GeneralString: any octets.
    GeneralString GENERAL;
    /// IA5String: ASCII; with a constraint, only the characters it permits can be written.
    Ia5String IA5;
    /// NumericString: digits and space.
    NumericString NUMERIC;
    /// PrintableString: letters, digits and some punctuation.
    PrintableString PRINTABLE;
}

/// BMPString: UTF-16 code units, surrogates included.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BmpString(Vec<u16>);

impl BmpString {
    /// The code units as received.
    pub fn units(&self) -> &[u16] {
        &self.0
    }

    fn from_octets(octets: Vec<u8>) -> Self {
        let (pairs, _) = octets.as_chunks();
        Self(pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
    }

    fn to_octets(&self) -> Vec<u8> {
        self.0.iter().flat_map(|unit| unit.to_be_bytes()).collect()
    }
}

impl From<&str> for BmpString {
    fn from(text: &str) -> Self {
        Self(text.encode_utf16().collect())
    }
}

impl From<Vec<u16>> for BmpString {
    fn from(units: Vec<u16>) -> Self {
        Self(units)
    }
}

impl fmt::Display for BmpString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf16_lossy(&self.0))
    }
}

impl fmt::Debug for BmpString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf16_lossy(&self.0))
    }
}

octets!(BmpString, tag::BMP);

/// The octets of an open type: an encoding of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OpenType(pub Vec<u8>);

impl OpenType {
    fn from_octets(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    fn to_octets(&self) -> &[u8] {
        &self.0
    }
}

octets!(OpenType, tag::OPEN);
