//! Blocks and round keys into registers, and back.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_unpackhi_epi64,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_set_epi64x,
};

use super::{KeyCells, Octets};

#[inline]
fn halves(octets: Octets) -> [i64; 2] {
    let both = u128::from_le_bytes(octets);
    [both as i64, (both >> 64) as i64]
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn gather([octets]: [Octets; 1]) -> __m128i {
    let [low, high] = halves(octets);
    _mm_set_epi64x(high, low)
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn scatter(register: __m128i) -> [Octets; 1] {
    let low = _mm_cvtsi128_si64(register).to_le_bytes();
    let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(register, register)).to_le_bytes();
    // Half by half: the compiler makes one store of this, but not of a number of 128 bits.
    let mut octets = [0; 16];
    let (start, end) = octets.split_at_mut(8);
    start.copy_from_slice(&low);
    end.copy_from_slice(&high);
    [octets]
}

/// A round key of the packet in this lane.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn key<const KEYS: usize>(keys: &KeyCells<KEYS>, lane: usize, round: usize) -> __m128i {
    gather([keys[lane / 2].as_array_of_cells()[round].as_array_of_cells()[lane % 2].get()])
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn gather_pair([one, other]: [Octets; 2]) -> __m256i {
    let ([a, b], [c, d]) = (halves(one), halves(other));
    _mm256_set_epi64x(d, c, b, a)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn scatter_pair(register: __m256i) -> [Octets; 2] {
    let [one] = scatter(_mm256_castsi256_si128(register));
    let [other] = scatter(_mm256_extracti128_si256::<1>(register));
    [one, other]
}

/// A round key of the packet in this lane, which is an even one, and of its neighbour.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn key_pair<const KEYS: usize>(
    keys: &KeyCells<KEYS>,
    lane: usize,
    round: usize,
) -> __m256i {
    gather_pair(keys[lane / 2].as_array_of_cells()[round].get())
}
