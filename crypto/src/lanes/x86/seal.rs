//! Packets encrypted side by side.

use std::arch::x86_64::{
    _mm_aesenc_si128, _mm_aesenclast_si128, _mm_xor_si128, _mm256_aesenc_epi128,
    _mm256_aesenclast_epi128, _mm256_xor_si256,
};

use super::register::{gather, gather_pair, key, key_pair, scatter, scatter_pair};
use super::{Blocks, KeyCells, LANES, Octets};

/// A kernel for registers of so many blocks. It works on as many registers as it is told, from the lane `FIRST` on, and
/// takes so many steps, for which there must be blocks.
macro_rules! kernel {
    (
        $name:ident, $features:literal, $blocks:literal,
        $gather:ident, $scatter:ident, $key:ident, $sum:ident, $round:ident, $last:ident
    ) => {
        #[target_feature(enable = $features)]
        pub(super) fn $name<const KEYS: usize, const REGISTERS: usize, const FIRST: usize>(
            keys: &KeyCells<KEYS>,
            chain: &mut [Octets; LANES],
            blocks: &[Blocks<'_>; LANES],
            steps: usize,
        ) {
            // All of one length: inside the loop nothing needs to be checked.
            let mut blocks = *blocks;
            for lane in FIRST..FIRST + REGISTERS * $blocks {
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
                    let clear = $sum($gather(clear), $key(keys, first, 0));
                    state[register] = $sum(state[register], clear);
                }
                for round in 1..KEYS - 1 {
                    for register in 0..REGISTERS {
                        let key = $key(keys, FIRST + register * $blocks, round);
                        state[register] = $round(state[register], key);
                    }
                }
                for register in 0..REGISTERS {
                    let first = FIRST + register * $blocks;
                    state[register] = $last(state[register], $key(keys, first, KEYS - 1));
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
    2,
    gather_pair,
    scatter_pair,
    key_pair,
    _mm256_xor_si256,
    _mm256_aesenc_epi128,
    _mm256_aesenclast_epi128
);
kernel!(
    singles,
    "aes",
    1,
    gather,
    scatter,
    key,
    _mm_xor_si128,
    _mm_aesenc_si128,
    _mm_aesenclast_si128
);
