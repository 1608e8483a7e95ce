//! The blocks of one packet decrypted side by side: as many at a time as hide how long an instruction takes, then fewer
//! and fewer, so that a short packet or the rest of a long one need not go block by block.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_aesdec_si128, _mm_aesdeclast_si128, _mm_xor_si128, _mm256_aesdec_epi128,
    _mm256_aesdeclast_epi128, _mm256_xor_si256,
};

use super::Octets;
use super::register::{gather, gather_pair, scatter, scatter_pair};

/// Decrypts blocks, `COUNT` at a time, which fill so many registers; gives those that are left. They were chained, the
/// first to `chain`, which is then what the next is chained to.
macro_rules! opener {
    (
        $name:ident, $features:literal, [$register:ty; $blocks:literal],
        $gather:ident, $scatter:ident, $sum:ident, $round:ident, $last:ident
    ) => {
        #[inline]
        #[target_feature(enable = $features)]
        fn $name<'a, const KEYS: usize, const REGISTERS: usize, const COUNT: usize>(
            keys: &[Octets; KEYS],
            chain: &mut Octets,
            blocks: &'a mut [Octets],
        ) -> &'a mut [Octets] {
            const { assert!(COUNT == REGISTERS * $blocks) };
            let (chunks, rest) = blocks.as_chunks_mut::<COUNT>();
            for chunk in chunks {
                let sealed = *chunk;
                let key = $gather([keys[0]; $blocks]);
                let mut state: [$register; REGISTERS] = std::array::from_fn(|register| {
                    let first = register * $blocks;
                    $sum($gather(std::array::from_fn(|part| sealed[first + part])), key)
                });
                for key in &keys[1..KEYS - 1] {
                    let key = $gather([*key; $blocks]);
                    for register in 0..REGISTERS {
                        state[register] = $round(state[register], key);
                    }
                }
                let key = $gather([keys[KEYS - 1]; $blocks]);
                for register in 0..REGISTERS {
                    let first = register * $blocks;
                    let before = std::array::from_fn(|part| match first + part {
                        0 => *chain,
                        at => sealed[at - 1],
                    });
                    let clear = $scatter($sum($last(state[register], key), $gather(before)));
                    for part in 0..$blocks {
                        chunk[first + part] = clear[part];
                    }
                }
                *chain = sealed[COUNT - 1];
            }
            rest
        }
    };
}

opener!(
    pairs,
    "vaes,avx2",
    [__m256i; 2],
    gather_pair,
    scatter_pair,
    _mm256_xor_si256,
    _mm256_aesdec_epi128,
    _mm256_aesdeclast_epi128
);
opener!(
    singles,
    "aes",
    [__m128i; 1],
    gather,
    scatter,
    _mm_xor_si128,
    _mm_aesdec_si128,
    _mm_aesdeclast_si128
);

/// With two blocks in a register.
#[target_feature(enable = "aes,vaes,avx2")]
pub(super) fn open_by_pairs<const KEYS: usize>(
    keys: &[Octets; KEYS],
    mut chain: Octets,
    blocks: &mut [Octets],
) {
    let rest = pairs::<KEYS, 8, 16>(keys, &mut chain, blocks);
    let rest = pairs::<KEYS, 4, 8>(keys, &mut chain, rest);
    let rest = pairs::<KEYS, 2, 4>(keys, &mut chain, rest);
    let rest = pairs::<KEYS, 1, 2>(keys, &mut chain, rest);
    singles::<KEYS, 1, 1>(keys, &mut chain, rest);
}

/// With one block in a register.
#[target_feature(enable = "aes")]
pub(super) fn open_one_by_one<const KEYS: usize>(
    keys: &[Octets; KEYS],
    mut chain: Octets,
    blocks: &mut [Octets],
) {
    let rest = singles::<KEYS, 8, 8>(keys, &mut chain, blocks);
    let rest = singles::<KEYS, 4, 4>(keys, &mut chain, rest);
    let rest = singles::<KEYS, 2, 2>(keys, &mut chain, rest);
    singles::<KEYS, 1, 1>(keys, &mut chain, rest);
}
