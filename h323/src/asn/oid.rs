//! OBJECT IDENTIFIER as its contents octets: any arc, and the peer's own way of writing it.

use std::fmt;

use rasn::types::{Constraints, Identifier, Tag};
use rasn::{AsnType, Decode, Decoder, Encode, Encoder};

use super::text::octets;
use crate::aper::tag;

/// An OBJECT IDENTIFIER. Made and compared by its arcs:
///
/// ```
/// use pinhole_h323::asn::ObjectIdentifier;
///
/// let version = ObjectIdentifier::from([0, 0, 8, 2250, 0, 7]);
/// assert_eq!(version, [0, 0, 8, 2250, 0, 7]);
/// assert_eq!(version.to_string(), "0.0.8.2250.0.7");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ObjectIdentifier(Vec<u8>);

impl ObjectIdentifier {
    /// The identifier with these arcs; the first two share an octet.
    pub fn new(arcs: &[u32]) -> Self {
        let (first, rest) = match arcs {
            [first, second, rest @ ..] => (first.saturating_mul(40).saturating_add(*second), rest),
            [first] => (first.saturating_mul(40), [].as_slice()),
            [] => return Self::default(),
        };
        let mut octets = Vec::new();
        for arc in std::iter::once(&first).chain(rest) {
            let groups = (32 - arc.leading_zeros()).div_ceil(7).max(1);
            for group in (0..groups).rev() {
                let more = if group > 0 { 0x80 } else { 0 };
                octets.push((arc >> (7 * group) & 0x7f) as u8 | more);
            }
        }
        Self(octets)
    }

    /// The contents octets (X.690 §8.19).
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The arcs; those beyond 64 bits as the largest number.
    pub fn arcs(&self) -> Vec<u64> {
        let mut arcs = Vec::new();
        let mut arc = 0_u64;
        for octet in &self.0 {
            arc = match arc.checked_mul(0x80) {
                Some(shifted) => shifted | u64::from(octet & 0x7f),
                None => u64::MAX,
            };
            if octet & 0x80 != 0 {
                continue;
            }
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.push(first);
                arc -= first * 40;
            }
            arcs.push(arc);
            arc = 0;
        }
        arcs
    }

    fn from_octets(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    fn to_octets(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> From<[u32; N]> for ObjectIdentifier {
    fn from(arcs: [u32; N]) -> Self {
        Self::new(&arcs)
    }
}

impl PartialEq<[u32]> for ObjectIdentifier {
    fn eq(&self, arcs: &[u32]) -> bool {
        *self == Self::new(arcs)
    }
}

impl<const N: usize> PartialEq<[u32; N]> for ObjectIdentifier {
    fn eq(&self, arcs: &[u32; N]) -> bool {
        *self == *arcs.as_slice()
    }
}

impl fmt::Display for ObjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, arc) in self.arcs().into_iter().enumerate() {
            let dot = if place > 0 { "." } else { "" };
            write!(f, "{dot}{arc}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

octets!(ObjectIdentifier, tag::OBJECT_IDENTIFIER);
