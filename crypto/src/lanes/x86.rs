//! The AES instructions of x86-64, each packet's block in a register all the way through. The only file of the project
//! with `unsafe`: one block, which calls functions for instructions that the processor was just asked for.
//!
//! Why it is worth it: the `aes` crate's own rounds across packets go through memory after each round, and give 1.4 to
//! 2.3 times the speed of packets one by one, where this gives 5 to 8 (`pinhole bench crypto` shows both).

use std::arch::x86_64::{
    __m128i, __m256i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_cvtsi128_si64, _mm_set_epi64x,
    _mm_unpackhi_epi64, _mm_xor_si128, _mm256_aesenc_epi128, _mm256_aesenclast_epi128,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_set_epi64x, _mm256_xor_si256,
};

use super::{Blocks, Kernel, KeyRow, LANES, Octets};

pub(super) fn has_vaes() -> bool {
    std::arch::is_x86_feature_detected!("vaes") && std::arch::is_x86_feature_detected!("avx2")
}

pub(super) fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes")
}

/// See [`Kernel::encrypt`]. False when the kernel is not one of these, the processor has no instructions for it, or there
/// are not as many keys as AES-128 or AES-256 has: nothing has happened then.
pub(super) fn encrypt(
    kernel: Kernel,
    keys: &[KeyRow],
    chain: &mut [Octets; LANES],
    blocks: &[Blocks<'_>; LANES],
    used: usize,
) -> bool {
    if let Ok(keys) = keys.try_into() {
        run::<11>(kernel, keys, chain, blocks, used)
    } else if let Ok(keys) = keys.try_into() {
        run::<15>(kernel, keys, chain, blocks, used)
    } else {
        false
    }
}

/// Eight registers hide how long an instruction takes, and are as many as there are beside the operands. With four, a
/// step is as short as that of a packet alone.
fn run<const KEYS: usize>(
    kernel: Kernel,
    keys: &[KeyRow; KEYS],
    chain: &mut [Octets; LANES],
    blocks: &[Blocks<'_>; LANES],
    used: usize,
) -> bool {
    #[expect(unsafe_code, reason = "calls functions for processors that have their instructions")]
    // SAFETY: `pairs` and `singles` are safe code and need nothing but the instructions that `has_vaes` and `has_aes` have
    // just asked the processor for.
    unsafe {
        match (kernel, used) {
            (Kernel::Vaes, ..=8) if has_vaes() => pairs::<KEYS, 4, 0>(keys, chain, blocks),
            (Kernel::Vaes, _) if has_vaes() => pairs::<KEYS, 8, 0>(keys, chain, blocks),
            (Kernel::AesNi, ..=4) if has_aes() => singles::<KEYS, 4, 0>(keys, chain, blocks),
            (Kernel::AesNi, ..=8) if has_aes() => singles::<KEYS, 8, 0>(keys, chain, blocks),
            (Kernel::AesNi, _) if has_aes() => {
                singles::<KEYS, 8, 0>(keys, chain, blocks);
                singles::<KEYS, 8, 8>(keys, chain, blocks);
            }
            _ => return false,
        }
    }
    true
}

/// A kernel for registers of so many blocks. It works on as many registers as it is told, from the lane `FIRST` on.
macro_rules! kernel {
    (
        $name:ident, $features:literal, [$register:ty; $blocks:literal],
        $gather:ident, $scatter:ident, $sum:ident, $round:ident, $last:ident
    ) => {
        #[target_feature(enable = $features)]
        fn $name<const KEYS: usize, const REGISTERS: usize, const FIRST: usize>(
            keys: &[KeyRow; KEYS],
            chain: &mut [Octets; LANES],
            blocks: &[Blocks<'_>; LANES],
        ) {
            let steps = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
            // All of one length: inside the loop nothing needs to be checked.
            let mut blocks = *blocks;
            for lane in 0..LANES {
                blocks[lane] = &blocks[lane][..steps];
            }
            let mut state = [$gather([[0; 16]; $blocks]); REGISTERS];
            for register in 0..REGISTERS {
                let first = FIRST + register * $blocks;
                state[register] = $gather(std::array::from_fn(|part| chain[first + part]));
            }
            for step in 0..steps {
                for register in 0..REGISTERS {
                    let first = FIRST + register * $blocks;
                    let clear = std::array::from_fn(|part| blocks[first + part][step].get());
                    let key = std::array::from_fn(|part| keys[0].0[first + part].get());
                    state[register] = $sum(state[register], $sum($gather(clear), $gather(key)));
                }
                for round in 1..KEYS - 1 {
                    for register in 0..REGISTERS {
                        let first = FIRST + register * $blocks;
                        let key = std::array::from_fn(|part| keys[round].0[first + part].get());
                        state[register] = $round(state[register], $gather(key));
                    }
                }
                for register in 0..REGISTERS {
                    let first = FIRST + register * $blocks;
                    let key = std::array::from_fn(|part| keys[KEYS - 1].0[first + part].get());
                    state[register] = $last(state[register], $gather(key));
                    let sealed = $scatter(state[register]);
                    for part in 0..$blocks {
                        blocks[first + part][step].set(sealed[part]);
                    }
                }
            }
            for register in 0..REGISTERS {
                let first = FIRST + register * $blocks;
                let sealed = $scatter(state[register]);
                for part in 0..$blocks {
                    chain[first + part] = sealed[part];
                }
            }
        }
    };
}

kernel!(
    pairs,
    "vaes,avx2",
    [__m256i; 2],
    gather_pair,
    scatter_pair,
    _mm256_xor_si256,
    _mm256_aesenc_epi128,
    _mm256_aesenclast_epi128
);
kernel!(
    singles,
    "aes",
    [__m128i; 1],
    gather,
    scatter,
    _mm_xor_si128,
    _mm_aesenc_si128,
    _mm_aesenclast_si128
);

#[inline]
fn halves(octets: Octets) -> [i64; 2] {
    let both = u128::from_le_bytes(octets);
    [both as i64, (both >> 64) as i64]
}

#[inline]
#[target_feature(enable = "sse2")]
fn gather([octets]: [Octets; 1]) -> __m128i {
    let [low, high] = halves(octets);
    _mm_set_epi64x(high, low)
}

#[inline]
#[target_feature(enable = "sse2")]
fn scatter(register: __m128i) -> [Octets; 1] {
    let low = _mm_cvtsi128_si64(register).to_le_bytes();
    let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(register, register)).to_le_bytes();
    // Half by half: the compiler makes one store of this, but not of a number of 128 bits.
    let mut octets = [0; 16];
    let (start, end) = octets.split_at_mut(8);
    start.copy_from_slice(&low);
    end.copy_from_slice(&high);
    [octets]
}

#[inline]
#[target_feature(enable = "avx2")]
fn gather_pair([one, other]: [Octets; 2]) -> __m256i {
    let ([a, b], [c, d]) = (halves(one), halves(other));
    _mm256_set_epi64x(d, c, b, a)
}

#[inline]
#[target_feature(enable = "avx2")]
fn scatter_pair(register: __m256i) -> [Octets; 2] {
    let [one] = scatter(_mm256_castsi256_si128(register));
    let [other] = scatter(_mm256_extracti128_si256::<1>(register));
    [one, other]
}
