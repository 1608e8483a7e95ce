//! Reading values: what the trait's methods in [`super::rasn_decoder`] are made of.

use std::borrow::Cow;

use rasn::de::Error;
use rasn::types::{Constraints, IntegerType};
use rasn::{Codec, Decode};

use super::bits::{Reader, width};
use super::constraint::{Alphabet, Bounds, size_is_extensible};
use super::extension::UnknownExtensions;
use super::limits::Limits;
use crate::error::Malformed;

/// Decodes one value from the front of `octets`; what follows it is ignored.
pub(crate) fn decode<T: Decode>(octets: &[u8]) -> Result<T, Malformed> {
    let mut decoder = AperDecoder::new(octets, Limits::new(octets.len()));
    T::decode(&mut decoder).map_err(|_| decoder.fault)
}

/// An error on its way through rasn's derives, which wrap it at every field; the reason waits in
/// [`AperDecoder::fault`].
pub(super) type Fault = rasn::error::DecodeError;

/// Reads values from octets.
pub(super) struct AperDecoder<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) limits: Limits,
    /// The SEQUENCE whose fields are being read.
    pub(super) sequence: Sequence,
    /// Octets for the next type that comes under a tag of ours.
    pub(super) extra: Vec<u8>,
    pub(super) fault: Malformed,
}

/// Which fields of a SEQUENCE are there.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// Presence of the OPTIONAL fields of the root, the next one highest of `optional_left` bits.
    pub(super) optional: u64,
    pub(super) optional_left: u32,
    /// The extension bit.
    pub(super) extended: bool,
    pub(super) additions: Option<Additions>,
    /// What followed known additions' values.
    pub(super) trailing: Vec<(u16, Vec<u8>)>,
}

/// The extension bitmap of a SEQUENCE.
#[derive(Debug, Clone, Copy)]
pub(super) struct Additions {
    /// Position of its first bit.
    start: usize,
    /// Its length, bits.
    pub(super) length: u16,
    /// The next addition.
    pub(super) next: u16,
}

impl<'a> AperDecoder<'a> {
    pub(super) fn new(octets: &'a [u8], limits: Limits) -> Self {
        Self {
            reader: Reader::new(octets),
            limits,
            sequence: Sequence::default(),
            extra: Vec::new(),
            fault: Malformed::Truncated,
        }
    }

    /// Notes why decoding ends.
    pub(super) fn fail<T>(&mut self, why: Malformed) -> Result<T, Fault> {
        self.fault = why;
        Err(Fault::custom(why, Codec::Aper))
    }

    /// Notes the reason of a failure, if it is one.
    pub(super) fn note<T>(&mut self, result: Result<T, Malformed>) -> Result<T, Fault> {
        result.or_else(|why| self.fail(why))
    }

    /// Runs `read` one level deeper, with the state of the SEQUENCE above put aside.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let entered = self.limits.enter();
        self.note(entered)?;
        let above = std::mem::take(&mut self.sequence);
        let value = read(self)?;
        self.sequence = above;
        self.limits.leave();
        Ok(value)
    }

    /// Runs `read` on the contents of an open type; returns also what it left of them.
    pub(super) fn within<T>(
        &mut self,
        read: impl FnOnce(&mut AperDecoder<'_>) -> Result<T, Fault>,
    ) -> Result<(T, Vec<u8>), Fault> {
        let contents = self.open_type();
        let contents = self.note(contents)?;
        let mut inner = AperDecoder::new(&contents, self.limits);
        let result = read(&mut inner);
        self.limits = inner.limits;
        match result {
            Ok(value) => {
                inner.reader.align();
                let used = inner.reader.position() / 8;
                // A value of no bits still fills an octet (X.691 §11.2.1).
                let rest = contents.get(used.max(1)..).unwrap_or_default().to_vec();
                let charged = self.limits.charge(rest.len());
                self.note(charged)?;
                Ok((value, rest))
            }
            Err(fault) => {
                self.fault = inner.fault;
                Err(fault)
            }
        }
    }

    /// A length without upper bound: items that follow, and whether another part comes after them
    /// (X.691 §11.9.3.5-8).
    fn length(&mut self) -> Result<(usize, bool), Malformed> {
        self.reader.align();
        let first = self.reader.bits(8)? as usize;
        match first >> 6 {
            0 | 1 => Ok((first, false)),
            2 => Ok(((first & 0x3f) << 8 | self.reader.bits(8)? as usize, false)),
            _ => match first & 0x3f {
                count @ 1..=4 => Ok((count * 16 * 1024, true)),
                _ => Err(Malformed::Length),
            },
        }
    }

    /// The contents of an open type, or of anything written as a length and octets.
    pub(super) fn open_type(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        let (count, more) = self.length()?;
        let first = self.reader.slice(count)?;
        if !more {
            return Ok(Cow::Borrowed(first));
        }
        let mut all = first.to_vec();
        loop {
            let (count, more) = self.length()?;
            self.limits.charge(count)?;
            self.reader.append(count, &mut all)?;
            if !more {
                return Ok(Cow::Owned(all));
            }
        }
    }

    /// A normally small non-negative number (X.691 §11.6): which alternative, how many additions.
    fn small(&mut self) -> Result<usize, Malformed> {
        if !self.reader.bit()? {
            return Ok(self.reader.bits(6)? as usize);
        }
        match self.length()? {
            (count @ 1..=2, false) => Ok(self.reader.bits(8 * count as u32)? as usize),
            _ => Err(Malformed::Length),
        }
    }

    /// Place of an alternative among the extension alternatives.
    pub(super) fn extension_index(&mut self) -> Result<u16, Malformed> {
        u16::try_from(self.small()?).map_err(|_| Malformed::Choice)
    }

    /// Reads a length within `bounds`, then calls `read` for the items of each part.
    /// `aligned`: whether items within these bounds begin on an octet boundary.
    pub(super) fn items<E: From<Malformed>>(
        &mut self,
        bounds: Bounds,
        aligned: impl Fn(usize, usize) -> bool,
        mut read: impl FnMut(&mut Self, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some((low, high)) = bounds.short() {
            let count = low + self.offset((high - low) as u64 + 1)? as usize;
            if count > high {
                return Err(Malformed::Constraint.into());
            }
            if count > 0 && aligned(low, high) {
                self.reader.align();
            }
            return read(self, count);
        }
        let mut total = 0_usize;
        loop {
            let (count, more) = self.length()?;
            read(self, count)?;
            total = total.saturating_add(count);
            if !more {
                break;
            }
        }
        if bounds.contains(total) { Ok(()) } else { Err(Malformed::Constraint.into()) }
    }

    /// A number out of `range`, 64K at most: as few bits as it needs, or whole octets from 256 on
    /// (X.691 §11.5.7). May be out of range.
    fn offset(&mut self, range: u64) -> Result<u64, Malformed> {
        match range {
            0..=255 => self.reader.bits(width(range)),
            256 => {
                self.reader.align();
                self.reader.bits(8)
            }
            _ => {
                self.reader.align();
                self.reader.bits(16)
            }
        }
    }

    /// Bounds of a length in force here: after an extension bit that is set, none.
    pub(super) fn bounds(&mut self, constraints: &Constraints) -> Result<Bounds, Malformed> {
        if size_is_extensible(constraints) && self.reader.bit()? {
            return Ok(Bounds::ANY);
        }
        Ok(Bounds::of(constraints))
    }

    /// INTEGER (X.691 §13).
    pub(super) fn integer<I: IntegerType>(&mut self, limits: &Constraints) -> Result<I, Malformed> {
        let outside = limits.extensible() && self.reader.bit()?;
        let bounds = limits.value().filter(|_| !outside);
        match bounds.map(|value| value.constraint.start_and_end()) {
            Some((Some(&low), Some(&high))) => {
                let range = high - low + 1;
                let offset = match u64::try_from(range) {
                    Ok(range) if range <= 0x1_0000 => self.offset(range)?,
                    _ => self.wide(range)?,
                };
                if i128::from(offset) >= range {
                    return Err(Malformed::Constraint);
                }
                I::try_from(low + i128::from(offset)).map_err(|_| Malformed::Constraint)
            }
            Some((Some(&low), None)) => {
                let contents = self.open_type()?;
                if contents.len() > 8 {
                    return Err(Malformed::Constraint);
                }
                let offset = contents.iter().fold(0, |sum, octet| sum << 8 | i128::from(*octet));
                I::try_from(low + offset).map_err(|_| Malformed::Constraint)
            }
            _ => {
                let contents = self.open_type()?;
                self.limits.charge(contents.len())?;
                I::try_from_bytes(&contents, Codec::Aper).map_err(|_| Malformed::Constraint)
            }
        }
    }

    /// A number out of more than 64K: a length, then as many octets (X.691 §11.5.7.4).
    fn wide(&mut self, range: i128) -> Result<u64, Malformed> {
        let most = (128 - (range - 1).leading_zeros()).div_ceil(8);
        let count = self.reader.bits(width(u64::from(most)))? as u32 + 1;
        if count > 8 {
            return Err(Malformed::Constraint);
        }
        self.reader.align();
        self.reader.bits(8 * count)
    }

    /// OCTET STRING (X.691 §17).
    pub(super) fn octet_string(&mut self, constraints: &Constraints) -> Result<Vec<u8>, Malformed> {
        let bounds = self.bounds(constraints)?;
        let mut octets = Vec::new();
        let aligned = |low, high| low != high || high > 2;
        self.items(bounds, aligned, |decoder, count| {
            decoder.limits.charge(count)?;
            decoder.reader.append(count, &mut octets)
        })?;
        Ok(octets)
    }

    /// BIT STRING (X.691 §16): its bits from the highest, and their number.
    pub(super) fn bit_string(
        &mut self,
        limits: &Constraints,
    ) -> Result<(Vec<u8>, usize), Malformed> {
        let bounds = self.bounds(limits)?;
        let (mut octets, mut length) = (Vec::new(), 0);
        let aligned = |low, high| low != high || high > 16;
        self.items(bounds, aligned, |decoder, count| {
            decoder.limits.charge(count / 8 + 1)?;
            decoder.reader.append(count / 8, &mut octets)?;
            let rest = (count % 8) as u32;
            if rest > 0 {
                octets.push((decoder.reader.bits(rest)? << (8 - rest)) as u8);
            }
            length += count;
            Ok::<_, Malformed>(())
        })?;
        Ok((octets, length))
    }

    /// A known-multiplier string (X.691 §30.5), one octet a character, two if `full` is 16 bits.
    pub(super) fn string(
        &mut self,
        constraints: &Constraints,
        full: u32,
        own: Option<&'static [u32]>,
    ) -> Result<Vec<u8>, Malformed> {
        let bounds = self.bounds(constraints)?;
        let alphabet = Alphabet::of(constraints, full, own);
        let mut octets = Vec::new();
        let aligned = |low, high| alphabet.aligned(low, high);
        self.items(bounds, aligned, |decoder, count| {
            let size = count.saturating_mul(full as usize / 8);
            decoder.limits.charge(size)?;
            if alphabet.width == full {
                return decoder.reader.append(size, &mut octets);
            }
            if count.saturating_mul(alphabet.width as usize) > decoder.reader.left() {
                return Err(Malformed::Truncated);
            }
            for _ in 0..count {
                let value = decoder.reader.bits(alphabet.width)? as usize;
                let character = match alphabet.index {
                    Some(index) => *index.get(value).ok_or(Malformed::Alphabet)?,
                    None => value as u32,
                };
                octets.extend(character.to_be_bytes().iter().skip(4 - full as usize / 8));
            }
            Ok(())
        })?;
        Ok(octets)
    }

    /// ENUMERATED of four values and `...` (X.691 §14): 1 if it is an extension, then its number.
    pub(super) fn enumerated_4(&mut self) -> Result<Vec<u8>, Malformed> {
        if self.reader.bit()? {
            let [high, low] = self.extension_index()?.to_be_bytes();
            return Ok(vec![1, high, low]);
        }
        Ok(vec![0, 0, self.reader.bits(2)? as u8])
    }

    /// The extension bitmap, read when the first addition is asked for (X.691 §19.7-8).
    pub(super) fn additions(&mut self) -> Result<Option<Additions>, Malformed> {
        if !self.sequence.extended || self.sequence.additions.is_some() {
            return Ok(self.sequence.additions);
        }
        let length = if self.reader.bit()? {
            match self.length()? {
                (count, false) if count > 0 => count,
                _ => return Err(Malformed::Length),
            }
        } else {
            self.reader.bits(6)? as usize + 1
        };
        let start = self.reader.skip(length)?;
        let length = u16::try_from(length).map_err(|_| Malformed::Length)?;
        self.sequence.additions = Some(Additions { start, length, next: 0 });
        Ok(self.sequence.additions)
    }

    /// Goes to the next addition; true if it is there.
    pub(super) fn next_addition(&mut self) -> Result<bool, Malformed> {
        let Some(mut additions) = self.additions()? else { return Ok(false) };
        let present = additions.next < additions.length
            && self.reader.bit_at(additions.start + usize::from(additions.next));
        additions.next = additions.next.saturating_add(1);
        self.sequence.additions = Some(additions);
        Ok(present)
    }

    /// The additions after those known, which are `known` in number. None: as this version would
    /// write it.
    pub(super) fn unknown(&mut self) -> Result<Option<UnknownExtensions>, Malformed> {
        let Some(first) = self.additions()? else { return Ok(None) };
        let known = first.next;
        let mut any_known = false;
        for place in 0..known.min(first.length) {
            any_known |= self.reader.bit_at(first.start + usize::from(place));
        }
        let mut additions = Vec::new();
        for place in known..first.length {
            if self.next_addition()? {
                let contents = self.open_type()?;
                self.limits.charge(contents.len() + size_of::<(u16, Vec<u8>)>())?;
                additions.push((place - known, contents.into_owned()));
            }
        }
        let trailing = std::mem::take(&mut self.sequence.trailing);
        // An extension bit with nothing behind it says no more than none.
        let nothing = !any_known && additions.is_empty();
        let plain = first.length == known && trailing.is_empty() && additions.is_empty();
        Ok((!plain && !nothing).then_some(UnknownExtensions {
            bitmap: first.length,
            additions,
            trailing,
        }))
    }
}
