//! Rounds of the `aes` crate, eight blocks a call, on whatever processor has AES instructions.

use aes::Block;
use aes::hazmat::{Block8, cipher_round_par, inv_mix_columns, mix_columns};
use zeroize::optimization_barrier;

use super::{Blocks, KeyRow, LANES, Octets};
use crate::rounds::ROUND_KEYS;

/// Blocks a call takes.
const EIGHT: usize = 8;

/// Whether this processor has instructions for a round of AES.
pub(super) fn has_instructions() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// See [`super::Kernel::encrypt`].
pub(super) fn encrypt(keys: &[KeyRow], chain: &mut [Octets; LANES], blocks: &[Blocks<'_>; LANES]) {
    let (chains, _) = chain.as_chunks_mut::<EIGHT>();
    let (blocks, _) = blocks.as_chunks::<EIGHT>();
    for (half, (chain, blocks)) in chains.iter_mut().zip(blocks).enumerate() {
        let mut laid_out = [Block8::default(); ROUND_KEYS];
        for (row, key) in laid_out.iter_mut().zip(keys) {
            for (to, from) in row.iter_mut().zip(&key.0[half * EIGHT..]) {
                *to = from.get().into();
            }
        }
        // The last round of AES has no MixColumns, but the round at hand has. So it is applied to the last round key,
        // too, and taken back from what the last round gives: it is linear, and cancels.
        if let Some(last) = laid_out.get_mut(keys.len().saturating_sub(1)) {
            last.iter_mut().for_each(mix_columns);
        }
        half_of(laid_out.get(..keys.len()).unwrap_or_default(), chain, blocks);
        laid_out = [Block8::default(); ROUND_KEYS];
        // Octet by octet, as `Zeroize` would, takes as long as encrypting.
        optimization_barrier(&laid_out);
    }
}

fn half_of(keys: &[Block8], chain: &mut [Octets; EIGHT], blocks: &[Blocks<'_>; EIGHT]) {
    let Some((first, rounds)) = keys.split_first() else { return };
    let mut state = Block8::default();
    state.iter_mut().zip(&*chain).for_each(|(state, chain)| *state = (*chain).into());
    let steps = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
    for step in 0..steps {
        for ((state, key), blocks) in state.iter_mut().zip(first).zip(blocks) {
            *state = sum(*state, sum(blocks[step].get().into(), *key));
        }
        for keys in rounds {
            cipher_round_par(&mut state, keys);
        }
        for (state, blocks) in state.iter_mut().zip(blocks) {
            inv_mix_columns(state);
            blocks[step].set((*state).into());
        }
    }
    chain.iter_mut().zip(state).for_each(|(chain, state)| *chain = state.into());
}

/// The sum in the field of AES. By value, or the compiler must fear that the two overlap, and adds octet by octet.
fn sum(mut one: Block, other: Block) -> Block {
    one.iter_mut().zip(other).for_each(|(one, other)| *one ^= other);
    one
}
