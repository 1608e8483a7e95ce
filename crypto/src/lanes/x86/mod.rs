//! The AES instructions of x86-64, each block in a register all the way through. The only file of the project with
//! `unsafe`: two blocks, which call functions for instructions that the processor was just asked for.
//!
//! Why it is worth it: the `aes` crate's own rounds across packets go through memory after each round, and give 1.4 to
//! 2.3 times the speed of packets one by one, where this gives 5.6 to 9.3 (with AES-NI alone 4 to 5). And it decrypts but
//! the longest runs of blocks one by one, which takes two to three times as long (`pinhole bench crypto` shows all of it).

mod open;
mod register;
mod seal;

use super::{Blocks, Kernel, KeyCells, LANES, Octets};
use open::{open_by_pairs, open_one_by_one};
use seal::{pairs, singles};

pub(super) fn has_vaes() -> bool {
    std::arch::is_x86_feature_detected!("vaes")
        && std::arch::is_x86_feature_detected!("avx2")
        && has_aes()
}

pub(super) fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes")
}

/// See [`Kernel::encrypt`]. False when the kernel is not one of these, or the processor has no instructions for it:
/// nothing has happened then.
///
/// Eight registers hide how long an instruction takes, and are as many as there are beside the operands. With four, a
/// step is as short as that of a packet alone. Registers of four blocks do not make it faster: the processor works on as
/// many octets at a time, and on some it is slower at all else for a while.
pub(super) fn encrypt<const KEYS: usize>(
    kernel: Kernel,
    keys: &KeyCells<KEYS>,
    chain: &mut [Octets; LANES],
    blocks: &[Blocks<'_>; LANES],
    used: usize,
) -> bool {
    let steps = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
    #[expect(unsafe_code, reason = "calls functions for processors that have their instructions")]
    // SAFETY: `pairs` and `singles` are safe code and need nothing but the instructions that `has_vaes` and `has_aes` have
    // just asked the processor for.
    unsafe {
        match (kernel, used) {
            (Kernel::Vaes | Kernel::AesNi, ..=1) if has_aes() => {
                singles::<KEYS, 1, 0>(keys, chain, blocks, steps);
            }
            (Kernel::Vaes, ..=8) if has_vaes() => pairs::<KEYS, 4, 0>(keys, chain, blocks, steps),
            (Kernel::Vaes, _) if has_vaes() => pairs::<KEYS, 8, 0>(keys, chain, blocks, steps),
            (Kernel::AesNi, ..=4) if has_aes() => {
                singles::<KEYS, 4, 0>(keys, chain, blocks, steps);
            }
            (Kernel::AesNi, ..=8) if has_aes() => {
                singles::<KEYS, 8, 0>(keys, chain, blocks, steps);
            }
            (Kernel::AesNi, _) if has_aes() => {
                singles::<KEYS, 8, 0>(keys, chain, blocks, steps);
                singles::<KEYS, 8, 8>(keys, chain, blocks, steps);
            }
            _ => return false,
        }
    }
    true
}

/// See [`Kernel::decrypt`]. False when the kernel is not one of these, or the processor has no instructions for it:
/// nothing has happened then.
pub(super) fn decrypt<const KEYS: usize>(
    kernel: Kernel,
    keys: &[Octets; KEYS],
    iv: Octets,
    blocks: &mut [Octets],
) -> bool {
    #[expect(unsafe_code, reason = "calls functions for processors that have their instructions")]
    // SAFETY: `open_by_pairs` and `open_one_by_one` are safe code and need nothing but the instructions that `has_vaes` and
    // `has_aes` have just asked the processor for.
    unsafe {
        match kernel {
            Kernel::Vaes if has_vaes() => open_by_pairs(keys, iv, blocks),
            Kernel::AesNi if has_aes() => open_one_by_one(keys, iv, blocks),
            _ => return false,
        }
    }
    true
}
