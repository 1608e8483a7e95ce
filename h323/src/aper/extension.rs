//! What a newer peer says and this version does not know, kept as octets.

use rasn::types::{Constraints, Identifier, Tag};
use rasn::{AsnType, Decode, Decoder, Encode, Encoder};

use super::tag;

/// Additions to a SEQUENCE after those this version knows, and the length of the extension bitmap.
///
/// `None` in a message stands for a bitmap as long as this version's, or for no additions at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnknownExtensions {
    /// Bits in the extension bitmap, as the peer's version has them: less than ours from an older
    /// one.
    pub bitmap: u16,
    /// Additions by their place after the last known one, from 0, ascending; and their contents.
    pub additions: Vec<(u16, Vec<u8>)>,
    /// What followed the value within the open type of a known addition, by its place from 0.
    pub trailing: Vec<(u16, Vec<u8>)>,
}

/// An alternative of a CHOICE after those this version knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnknownAlternative {
    /// Place among all extension alternatives, from 0.
    pub index: u16,
    /// The value's encoding.
    pub octets: Vec<u8>,
}

impl UnknownExtensions {
    /// For the way through rasn's traits.
    pub(super) fn to_octets(&self) -> Vec<u8> {
        let mut octets = self.bitmap.to_be_bytes().to_vec();
        for list in [&self.additions, &self.trailing] {
            octets.extend((list.len() as u16).to_be_bytes());
            for (place, contents) in list {
                octets.extend(place.to_be_bytes());
                octets.extend((contents.len() as u32).to_be_bytes());
                octets.extend(contents);
            }
        }
        octets
    }

    /// Back from [`Self::to_octets`].
    pub(super) fn from_octets(octets: &[u8]) -> Option<Self> {
        let (bitmap, mut rest) = octets.split_first_chunk()?;
        let mut lists = [Vec::new(), Vec::new()];
        for list in &mut lists {
            let (count, mut after) = rest.split_first_chunk()?;
            for _ in 0..u16::from_be_bytes(*count) {
                let (place, more) = after.split_first_chunk()?;
                let (length, more) = more.split_first_chunk()?;
                let length = u32::from_be_bytes(*length) as usize;
                let (contents, more) = more.split_at_checked(length)?;
                list.push((u16::from_be_bytes(*place), contents.to_vec()));
                after = more;
            }
            rest = after;
        }
        let [additions, trailing] = lists;
        Some(Self { bitmap: u16::from_be_bytes(*bitmap), additions, trailing })
    }
}

impl AsnType for UnknownExtensions {
    const TAG: Tag = tag::EXTENSIONS;

    fn is_present(&self) -> bool {
        true
    }
}

impl Decode for UnknownExtensions {
    fn decode_with_tag_and_constraints<D: Decoder>(
        decoder: &mut D,
        _: Tag,
        constraints: &Constraints,
    ) -> Result<Self, D::Error> {
        let octets: Vec<u8> = decoder.decode_octet_string(tag::EXTENSIONS, constraints)?;
        Ok(Self::from_octets(&octets).unwrap_or_default())
    }
}

impl Encode for UnknownExtensions {
    fn encode_with_tag_and_constraints<'b, E: Encoder<'b>>(
        &self,
        encoder: &mut E,
        _: Tag,
        constraints: &Constraints,
        identifier: Identifier,
    ) -> Result<(), E::Error> {
        encoder
            .encode_octet_string(tag::EXTENSIONS, constraints, &self.to_octets(), identifier)
            .map(drop)
    }
}

impl AsnType for UnknownAlternative {
    const TAG: Tag = tag::ALTERNATIVE;
}

impl Decode for UnknownAlternative {
    fn decode_with_tag_and_constraints<D: Decoder>(
        decoder: &mut D,
        _: Tag,
        constraints: &Constraints,
    ) -> Result<Self, D::Error> {
        let octets: Vec<u8> = decoder.decode_octet_string(tag::ALTERNATIVE, constraints)?;
        Ok(match octets.split_first_chunk() {
            Some((index, octets)) => {
                Self { index: u16::from_be_bytes(*index), octets: octets.to_vec() }
            }
            None => Self::default(),
        })
    }
}

impl Encode for UnknownAlternative {
    fn encode_with_tag_and_constraints<'b, E: Encoder<'b>>(
        &self,
        encoder: &mut E,
        _: Tag,
        constraints: &Constraints,
        identifier: Identifier,
    ) -> Result<(), E::Error> {
        let mut octets = self.index.to_be_bytes().to_vec();
        octets.extend(&self.octets);
        encoder.encode_octet_string(tag::ALTERNATIVE, constraints, &octets, identifier).map(drop)
    }
}
