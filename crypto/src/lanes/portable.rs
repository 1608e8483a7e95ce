//! Rounds of the `aes` crate, eight blocks a call, on whatever processor has AES instructions.

use aes::Block;
use aes::hazmat::{Block8, cipher_round_par, inv_mix_columns, mix_columns};
use zeroize::optimization_barrier;

use super::{Blocks, LANES, Octets, PairKeys};

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
pub(super) fn encrypt<const KEYS: usize>(
    keys: &[PairKeys<KEYS>; LANES / 2],
    chain: &mut [Octets; LANES],
    blocks: &[Blocks<'_>; LANES],
) {
    let (keys, _) = keys.as_chunks::<{ EIGHT / 2 }>();
    let (chains, _) = chain.as_chunks_mut::<EIGHT>();
    let (blocks, _) = blocks.as_chunks::<EIGHT>();
    for ((chain, blocks), keys) in chains.iter_mut().zip(blocks).zip(keys) {
        let mut laid_out = [Block8::default(); KEYS];
        for (pair, keys) in keys.iter().enumerate() {
            for (row, [one, other]) in laid_out.iter_mut().zip(keys) {
                (row[2 * pair], row[2 * pair + 1]) = ((*one).into(), (*other).into());
            }
        }
        // The last round of AES has no MixColumns, but the round at hand has. So it is applied to the last round key,
        // too, and taken back from what the last round gives: it is linear, and cancels.
        if let Some(last) = laid_out.last_mut() {
            last.iter_mut().for_each(mix_columns);
        }
        half_of(&laid_out, chain, blocks);
        laid_out = [Block8::default(); KEYS];
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
