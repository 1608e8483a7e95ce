//! Writing values: what the trait's methods in [`super::rasn_encoder`] are made of.

use std::ops::Range;

use rasn::Encode;
use rasn::types::{Constraints, IntegerType};

use super::bits::{Writer, fragments, width};
use super::constraint::{Alphabet, Bounds, size_is_extensible};
use super::extension::UnknownExtensions;
use crate::error::Malformed;

/// Encodes one value.
pub(crate) fn encode<T: Encode>(value: &T) -> Result<Vec<u8>, Malformed> {
    let mut encoder = AperEncoder::default();
    value.encode(&mut encoder).map_err(|fault| fault.0)?;
    Ok(encoder.writer.finish())
}

/// Why a value cannot be written, on its way through rasn's derives.
#[derive(Debug)]
pub(super) struct Fault(pub(super) Malformed);

impl From<Malformed> for Fault {
    fn from(why: Malformed) -> Self {
        Self(why)
    }
}

/// Writes values as octets.
#[derive(Debug, Default)]
pub(super) struct AperEncoder {
    pub(super) writer: Writer,
    /// The SEQUENCE whose fields are being written.
    pub(super) sequence: Sequence,
    /// Octets that a type came with under a tag of ours, and that are not to be written here.
    pub(super) extra: Option<Vec<u8>>,
}

/// What is known of a SEQUENCE while its fields are written.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// Position of the next OPTIONAL field's presence bit.
    pub(super) optional: usize,
    pub(super) optional_left: usize,
    /// Encodings of the known additions.
    pub(super) additions: Vec<Option<Vec<u8>>>,
    pub(super) unknown: Option<UnknownExtensions>,
}

impl AperEncoder {
    /// Runs `write` with the state of the SEQUENCE above put aside; returns its own.
    pub(super) fn nested(
        &mut self,
        state: Sequence,
        write: impl FnOnce(&mut Self) -> Result<(), Fault>,
    ) -> Result<Sequence, Fault> {
        let above = std::mem::replace(&mut self.sequence, state);
        write(self)?;
        Ok(std::mem::replace(&mut self.sequence, above))
    }

    /// Notes the presence of the next OPTIONAL field of the root, if we are in a SEQUENCE.
    pub(super) fn present(&mut self, present: bool) {
        if let Some(left) = self.sequence.optional_left.checked_sub(1) {
            if present {
                self.writer.set(self.sequence.optional);
            }
            self.sequence.optional += 1;
            self.sequence.optional_left = left;
        }
    }

    /// An open type, or anything else written as a length and octets.
    pub(super) fn open_type(&mut self, contents: &[u8]) -> Result<(), Malformed> {
        self.parts(contents.len(), |encoder, part| {
            encoder.writer.append(contents.get(part).unwrap_or_default());
            Ok(())
        })
    }

    /// A length without upper bound, and the items of each part of it (X.691 §11.9.3.5-8).
    fn parts(
        &mut self,
        count: usize,
        mut write: impl FnMut(&mut Self, Range<usize>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        fragments(count, |header, part| {
            self.writer.align();
            self.writer.append(header);
            write(self, part)
        })
    }

    /// A normally small non-negative number (X.691 §11.6).
    pub(super) fn small(&mut self, value: u16) {
        if value < 64 {
            self.writer.bits(u64::from(value), 7);
            return;
        }
        self.writer.bit(true);
        self.writer.align();
        match u8::try_from(value) {
            Ok(value) => self.writer.append(&[1, value]),
            Err(_) => {
                self.writer.append(&[2]);
                self.writer.append(&value.to_be_bytes());
            }
        }
    }

    /// A length within `bounds`, and the items of each part of it.
    pub(super) fn items(
        &mut self,
        bounds: Bounds,
        count: usize,
        aligned: impl Fn(usize, usize) -> bool,
        mut write: impl FnMut(&mut Self, Range<usize>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if !bounds.contains(count) {
            return Err(Malformed::Constraint);
        }
        let Some((low, high)) = bounds.short() else { return self.parts(count, write) };
        self.offset((count - low) as u64, (high - low) as u64 + 1);
        if count > 0 && aligned(low, high) {
            self.writer.align();
        }
        write(self, 0..count)
    }

    /// A number out of `range`, 64K at most (X.691 §11.5.7).
    fn offset(&mut self, value: u64, range: u64) {
        match range {
            0..=255 => self.writer.bits(value, width(range)),
            256 => {
                self.writer.align();
                self.writer.bits(value, 8);
            }
            _ => {
                self.writer.align();
                self.writer.bits(value, 16);
            }
        }
    }

    /// Bounds in force for `count` items; writes the extension bit where there is one.
    pub(super) fn bounds(&mut self, constraints: &Constraints, count: usize) -> Bounds {
        let bounds = Bounds::of(constraints);
        if !size_is_extensible(constraints) {
            return bounds;
        }
        let outside = !bounds.contains(count);
        self.writer.bit(outside);
        if outside { Bounds::ANY } else { bounds }
    }

    /// INTEGER (X.691 §13).
    pub(super) fn integer<I: IntegerType>(
        &mut self,
        constraints: &Constraints,
        value: &I,
    ) -> Result<(), Malformed> {
        let inside = constraints.value().is_none_or(|bounds| bounds.constraint.in_bound(value));
        if constraints.extensible() {
            self.writer.bit(!inside);
        } else if !inside {
            return Err(Malformed::Constraint);
        }
        let bounds = constraints.value().filter(|_| inside);
        let (Some(&low), high) = bounds.map_or((None, None), |b| b.constraint.start_and_end())
        else {
            let (octets, count) = value.to_signed_bytes_be();
            return self.open_type(octets.as_ref().get(..count).unwrap_or_default());
        };
        let number = value.to_i128().ok_or(Malformed::Constraint)?;
        let offset = u64::try_from(number - low).map_err(|_| Malformed::Constraint)?;
        let octets = offset.to_be_bytes();
        let needed = (8 - octets.iter().take_while(|octet| **octet == 0).count()).max(1);
        let octets = octets.get(8 - needed..).unwrap_or_default();
        let Some(&high) = high else { return self.open_type(octets) };
        match u64::try_from(high - low + 1) {
            Ok(range) if range <= 0x1_0000 => self.offset(offset, range),
            _ => {
                let most = (128 - (high - low).leading_zeros()).div_ceil(8);
                self.writer.bits(needed as u64 - 1, width(u64::from(most)));
                self.writer.align();
                self.writer.append(octets);
            }
        }
        Ok(())
    }

    /// OCTET STRING (X.691 §17).
    pub(super) fn octet_string(
        &mut self,
        constraints: &Constraints,
        octets: &[u8],
    ) -> Result<(), Malformed> {
        let bounds = self.bounds(constraints, octets.len());
        let aligned = |low, high| low != high || high > 2;
        self.items(bounds, octets.len(), aligned, |encoder, part| {
            encoder.writer.append(octets.get(part).unwrap_or_default());
            Ok(())
        })
    }

    /// BIT STRING (X.691 §16); `octets`: the bits from the highest of the first octet.
    pub(super) fn bit_string(
        &mut self,
        constraints: &Constraints,
        octets: &[u8],
        length: usize,
    ) -> Result<(), Malformed> {
        let bounds = self.bounds(constraints, length);
        let aligned = |low, high| low != high || high > 16;
        self.items(bounds, length, aligned, |encoder, part| {
            // All parts but the last are whole octets.
            let whole = part.start / 8..part.end / 8;
            encoder.writer.append(octets.get(whole).unwrap_or_default());
            let rest = (part.end % 8) as u32;
            if let Some(octet) = octets.get(part.end / 8).filter(|_| rest > 0) {
                encoder.writer.bits(u64::from(octet >> (8 - rest)), rest);
            }
            Ok(())
        })
    }

    /// A known-multiplier string (X.691 §30.5), one octet a character, two if `full` is 16 bits.
    pub(super) fn string(
        &mut self,
        constraints: &Constraints,
        full: u32,
        own: Option<&'static [u32]>,
        octets: &[u8],
    ) -> Result<(), Malformed> {
        let size = full as usize / 8;
        let count = octets.len() / size;
        let bounds = self.bounds(constraints, count);
        let alphabet = Alphabet::of(constraints, full, own);
        let aligned = |low, high| alphabet.aligned(low, high);
        self.items(bounds, count, aligned, |encoder, part| {
            let part = octets.get(part.start * size..part.end * size).unwrap_or_default();
            if alphabet.width == full {
                encoder.writer.append(part);
                return Ok(());
            }
            for character in part.chunks_exact(size) {
                let character = character.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet));
                let value = match alphabet.index {
                    Some(index) => index.iter().position(|c| *c == character),
                    None => Some(character as usize).filter(|c| c >> alphabet.width == 0),
                };
                let value = value.ok_or(Malformed::Alphabet)?;
                encoder.writer.bits(value as u64, alphabet.width);
            }
            Ok(())
        })
    }

    /// ENUMERATED of four values and `...`, as the decoder gives it.
    pub(super) fn enumerated_4(&mut self, octets: &[u8]) -> Result<(), Malformed> {
        match octets {
            [0, 0, value @ 0..=3] => self.writer.bits(u64::from(*value), 3),
            [1, high, low] => {
                self.writer.bit(true);
                self.small(u16::from_be_bytes([*high, *low]));
            }
            _ => return Err(Malformed::Choice),
        }
        Ok(())
    }

    /// The extension bitmap and the additions after the root of a SEQUENCE (X.691 §19.7-9).
    /// `extension_bit`: where the bit is that tells of them.
    pub(super) fn additions(
        &mut self,
        extension_bit: usize,
        sequence: Sequence,
    ) -> Result<(), Malformed> {
        let Sequence { additions: mut known, unknown, .. } = sequence;
        let newer = unknown.as_ref().is_some_and(|unknown| !unknown.additions.is_empty());
        // A bitmap without additions would not be canonical: an edit may have taken them away.
        if !newer && known.iter().all(Option::is_none) {
            return Ok(());
        }
        self.writer.set(extension_bit);
        let places = known.len();
        let (bitmap, newer) = match unknown {
            Some(unknown) => {
                for (place, octets) in unknown.trailing {
                    if let Some(Some(addition)) = known.get_mut(usize::from(place)) {
                        addition.extend(octets);
                    }
                }
                (usize::from(unknown.bitmap), unknown.additions)
            }
            None => (places, Vec::new()),
        };
        let mut present: Vec<bool> = known.iter().map(Option::is_some).collect();
        let used = present.iter().rposition(|present| *present).map_or(0, |last| last + 1);
        present.truncate(used);
        for (place, _) in &newer {
            let place = places + usize::from(*place);
            if present.len() > place {
                return Err(Malformed::Constraint);
            }
            present.resize(place, false);
            present.push(true);
        }
        present.resize(present.len().max(bitmap), false);
        self.bitmap(&present)?;
        for addition in known.iter().flatten().chain(newer.iter().map(|(_, octets)| octets)) {
            self.open_type(addition)?;
        }
        Ok(())
    }

    fn bitmap(&mut self, present: &[bool]) -> Result<(), Malformed> {
        match present.len() {
            0 => return Err(Malformed::Length),
            count @ 1..=64 => self.writer.bits(count as u64 - 1, 7),
            count @ 65..0x4000 => {
                self.writer.bit(true);
                fragments(count, |header, _| {
                    self.writer.align();
                    self.writer.append(header);
                    Ok(())
                })?;
            }
            _ => return Err(Malformed::Length),
        }
        for bit in present {
            self.writer.bit(*bit);
        }
        Ok(())
    }
}
