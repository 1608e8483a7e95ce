//! Eight packets side by side with the AES instructions of x86-64, each block in a register of its own all the way
//! through. The only file of the project with `unsafe`: one call, of a function that needs instructions which the
//! processor was just asked for.
#![cfg(target_arch = "x86_64")]

use std::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_cvtsi128_si64, _mm_set_epi64x,
    _mm_unpackhi_epi64, _mm_xor_si128,
};

use aes::Block;

/// Packets side by side.
pub(crate) const LANES: usize = 8;

/// Encrypts the blocks of eight packets, all of the same length, with eight keys of the same length, each block chained
/// to the one before, the first to `chain`; leaves there what the next one is chained to. False when this processor
/// cannot do it, or the keys have no known length: nothing has happened then.
pub(crate) fn encrypt(
    keys: [&[[u8; 16]]; LANES],
    chain: &mut [Block; LANES],
    blocks: &mut [&mut [Block]; LANES],
) -> bool {
    if !std::arch::is_x86_feature_detected!("aes") {
        return false;
    }
    let of = |length| keys.iter().all(|keys| keys.len() == length);
    if of(11) {
        run::<11>(keys, chain, blocks)
    } else if of(15) {
        run::<15>(keys, chain, blocks)
    } else {
        false
    }
}

fn run<const KEYS: usize>(
    keys: [&[[u8; 16]]; LANES],
    chain: &mut [Block; LANES],
    blocks: &mut [&mut [Block]; LANES],
) -> bool {
    let [a, b, c, d, e, f, g, h] = keys.map(|keys| keys.first_chunk::<KEYS>());
    let (Some(a), Some(b), Some(c), Some(d)) = (a, b, c, d) else { return false };
    let (Some(e), Some(f), Some(g), Some(h)) = (e, f, g, h) else { return false };
    #[expect(unsafe_code, reason = "calls a function for processors that have its instructions")]
    // SAFETY: `steps` is safe code and needs nothing but the instructions named in its `target_feature`; the only caller
    // of `run`, `encrypt`, has asked the processor whether it has them. It touches no memory but its arguments.
    unsafe {
        steps([a, b, c, d, e, f, g, h], chain, blocks);
    }
    true
}

#[expect(clippy::needless_range_loop, reason = "a round goes across all packets, not along one")]
#[target_feature(enable = "aes")]
fn steps<const KEYS: usize>(
    keys: [&[[u8; 16]; KEYS]; LANES],
    chain: &mut [Block; LANES],
    blocks: &mut [&mut [Block]; LANES],
) {
    let length = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
    let mut state = [load(&[0; 16]); LANES];
    for lane in 0..LANES {
        state[lane] = load(&chain[lane].0);
    }
    for step in 0..length {
        for lane in 0..LANES {
            let clear = _mm_xor_si128(load(&blocks[lane][step].0), load(&keys[lane][0]));
            state[lane] = _mm_xor_si128(state[lane], clear);
        }
        for round in 1..KEYS - 1 {
            for lane in 0..LANES {
                state[lane] = _mm_aesenc_si128(state[lane], load(&keys[lane][round]));
            }
        }
        for lane in 0..LANES {
            state[lane] = _mm_aesenclast_si128(state[lane], load(&keys[lane][KEYS - 1]));
            blocks[lane][step] = store(state[lane]);
        }
    }
    for lane in 0..LANES {
        chain[lane] = store(state[lane]);
    }
}

#[inline]
#[target_feature(enable = "aes")]
fn load(octets: &[u8; 16]) -> __m128i {
    let both = u128::from_le_bytes(*octets);
    _mm_set_epi64x((both >> 64) as i64, both as i64)
}

#[inline]
#[target_feature(enable = "aes")]
fn store(state: __m128i) -> Block {
    let low = _mm_cvtsi128_si64(state) as u64;
    let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(state, state)) as u64;
    (u128::from(high) << 64 | u128::from(low)).to_le_bytes().into()
}
