//! Reading and writing bits, most significant first.

use std::ops::Range;

use crate::error::Malformed;

/// The bits a value out of `count` values takes (X.691 §11.5.7).
pub(super) fn width(count: u64) -> u32 {
    if count <= 1 { 0 } else { 64 - (count - 1).leading_zeros() }
}

/// A position in octets, counted in bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    octets: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { octets, position: 0 }
    }

    /// Bits not read yet.
    pub(super) fn left(&self) -> usize {
        self.octets.len() * 8 - self.position
    }

    /// Where the next bit is.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The bit at `position`; 0 past the end.
    pub(super) fn bit_at(&self, position: usize) -> bool {
        self.octets.get(position >> 3).is_some_and(|octet| octet >> (7 - (position & 7)) & 1 == 1)
    }

    pub(super) fn bit(&mut self) -> Result<bool, Malformed> {
        self.skip(1).map(|position| self.bit_at(position))
    }

    /// Goes `count` bits on; returns where they began.
    pub(super) fn skip(&mut self, count: usize) -> Result<usize, Malformed> {
        if count > self.left() {
            return Err(Malformed::Truncated);
        }
        let position = self.position;
        self.position += count;
        Ok(position)
    }

    /// Up to 64 bits as a number.
    pub(super) fn bits(&mut self, count: u32) -> Result<u64, Malformed> {
        let mut position = self.skip(count as usize)?;
        let mut value = 0;
        let mut left = count;
        while left > 0 {
            let octet = self.octets.get(position >> 3).copied().unwrap_or_default();
            let free = 8 - (position & 7) as u32;
            let take = free.min(left);
            let part = u64::from(octet) >> (free - take) & ((1 << take) - 1);
            value = value << take | part;
            position += take as usize;
            left -= take;
        }
        Ok(value)
    }

    /// Goes to the next octet boundary.
    pub(super) fn align(&mut self) {
        self.position = self.position.next_multiple_of(8);
    }

    /// Octets from an octet boundary, which the caller has gone to.
    pub(super) fn slice(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let bits = count.checked_mul(8).ok_or(Malformed::Truncated)?;
        let first = self.skip(bits)? >> 3;
        self.octets.get(first..first + count).ok_or(Malformed::Truncated)
    }

    /// Appends octets from wherever we are.
    pub(super) fn append(&mut self, count: usize, to: &mut Vec<u8>) -> Result<(), Malformed> {
        let shift = self.position & 7;
        if shift == 0 {
            to.extend_from_slice(self.slice(count)?);
            return Ok(());
        }
        let bits = count.checked_mul(8).ok_or(Malformed::Truncated)?;
        let first = self.skip(bits)? >> 3;
        let octets = self.octets.get(first..first + count + 1).ok_or(Malformed::Truncated)?;
        to.extend(octets.windows(2).map(|pair| match pair {
            [high, low] => high << shift | low >> (8 - shift),
            _ => 0,
        }));
        Ok(())
    }
}

/// Octets being written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    octets: Vec<u8>,
    /// Bits of the last octet not used yet.
    free: u32,
}

impl Writer {
    /// Where the next bit will be.
    pub(super) fn position(&self) -> usize {
        self.octets.len() * 8 - self.free as usize
    }

    /// Sets a bit that was written as 0.
    pub(super) fn set(&mut self, position: usize) {
        if let Some(octet) = self.octets.get_mut(position >> 3) {
            *octet |= 0x80 >> (position & 7);
        }
    }

    pub(super) fn bit(&mut self, value: bool) {
        self.bits(u64::from(value), 1);
    }

    /// The lowest `count` bits of `value`; 64 at most.
    pub(super) fn bits(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.octets.push(0);
                self.free = 8;
            }
            let take = self.free.min(left);
            let part = value >> (left - take) & ((1 << take) - 1);
            if let Some(octet) = self.octets.last_mut() {
                *octet |= (part << (self.free - take)) as u8;
            }
            self.free -= take;
            left -= take;
        }
    }

    /// Goes to the next octet boundary.
    pub(super) fn align(&mut self) {
        self.free = 0;
    }

    pub(super) fn append(&mut self, octets: &[u8]) {
        let free = self.free;
        if free == 0 {
            self.octets.extend_from_slice(octets);
            return;
        }
        self.octets.reserve(octets.len());
        for octet in octets {
            if let Some(last) = self.octets.last_mut() {
                *last |= octet >> (8 - free);
            }
            self.octets.push(octet << free);
        }
    }

    /// A whole encoding is one octet at least (X.691 §11.1).
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.octets.is_empty() {
            self.octets.push(0);
        }
        self.octets
    }
}

/// Splits `length` as X.691 §11.9.3.8 does: whole fragments of 16K items, then the rest.
/// Calls `write` with the header octets and the range of items of each part.
pub(super) fn fragments(
    length: usize,
    mut write: impl FnMut(&[u8], Range<usize>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    const FRAGMENT: usize = 16 * 1024;
    let mut start = 0;
    loop {
        let left = length - start;
        if left < 0x80 {
            return write(&[left as u8], start..length);
        }
        if left < FRAGMENT {
            return write(&(0x8000 | left as u16).to_be_bytes(), start..length);
        }
        let count = (left / FRAGMENT).min(4);
        write(&[0xc0 | count as u8], start..start + count * FRAGMENT)?;
        start += count * FRAGMENT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_of_a_range() {
        let widths = [0, 1, 2, 3, 4, 5, 255, 256, 257].map(width);
        assert_eq!(widths, [0, 0, 1, 2, 2, 3, 8, 8, 9]);
    }

    #[test]
    fn unaligned_octets_read_as_written() {
        let mut writer = Writer::default();
        writer.bits(0b101, 3);
        writer.append(&[0xab, 0xcd]);
        writer.bits(0x1_2345_6789, 36);
        writer.align();
        writer.append(&[0xef]);
        let octets = writer.finish();
        assert_eq!(octets, [0xb5, 0x79, 0xa2, 0x46, 0x8a, 0xcf, 0x12, 0xef]);

        let mut reader = Reader::new(&octets);
        assert_eq!(reader.bits(3), Ok(0b101));
        let mut both = Vec::new();
        assert_eq!(reader.append(2, &mut both), Ok(()));
        assert_eq!(both, [0xab, 0xcd]);
        assert_eq!(reader.bits(36), Ok(0x1_2345_6789));
        reader.align();
        assert_eq!(reader.slice(1), Ok([0xef].as_slice()));
        assert_eq!(reader.left(), 0);
        assert_eq!(reader.bit(), Err(Malformed::Truncated));
    }

    #[test]
    fn reading_past_the_end_takes_nothing() {
        let mut reader = Reader::new(&[0xff, 0xff]);
        assert_eq!(reader.bits(3), Ok(7));
        assert_eq!(reader.append(2, &mut Vec::new()), Err(Malformed::Truncated));
        assert_eq!(reader.slice(usize::MAX), Err(Malformed::Truncated));
        assert_eq!(reader.bits(13), Ok(0x1fff));
    }

    #[test]
    fn a_value_of_no_bits_is_one_octet() {
        assert_eq!(Writer::default().finish(), [0]);
    }

    #[test]
    fn fragments_of_long_values() {
        let mut parts = Vec::new();
        let collected = fragments(0x1_4000 + 200, |header, part| {
            parts.push((header.to_vec(), part));
            Ok(())
        });
        assert_eq!(collected, Ok(()));
        let expected = [
            (vec![0xc4], 0..0x1_0000),
            (vec![0xc1], 0x1_0000..0x1_4000),
            (vec![0x80, 200], 0x1_4000..0x1_4000 + 200),
        ];
        assert_eq!(parts, expected);
    }
}
