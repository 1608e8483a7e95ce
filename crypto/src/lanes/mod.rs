//! Sixteen packets side by side: their round keys and blocks as the processor takes them, and the ways it has to do it.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::cell::Cell;

/// Packets side by side.
pub(crate) const LANES: usize = 16;

/// A block of AES.
pub(crate) type Octets = [u8; 16];
/// Blocks that are changed in place. Lanes that have nothing to do share theirs, which is why they are cells.
pub(crate) type Blocks<'a> = &'a [Cell<Octets>];
/// A round key of each packet. Cells, or the compiler would copy keys to the stack, where nobody zeroes them; aligned, or
/// half of the loads would touch two lines of the cache.
#[derive(Clone)]
#[repr(align(64))]
pub(crate) struct KeyRow(pub(crate) [Cell<Octets>; LANES]);

/// How packets are encrypted side by side. The first one that a processor has is the fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kernel {
    /// Two blocks an instruction (VAES of x86-64).
    Vaes,
    /// A block an instruction (AES-NI of x86-64).
    AesNi,
    /// Rounds of the `aes` crate, eight blocks a call. They go through memory between rounds, so this is for processors
    /// without one of the above that have AES instructions all the same.
    Hazmat,
    /// One packet after the other: without instructions a round costs as much as a whole block.
    Alone,
}

impl Kernel {
    /// All of them, fastest first.
    pub const ALL: [Self; 4] = [Self::Vaes, Self::AesNi, Self::Hazmat, Self::Alone];

    /// The fastest of this processor.
    #[must_use]
    pub fn fastest() -> Self {
        Self::ALL.into_iter().find(|kernel| kernel.is_available()).unwrap_or(Self::Alone)
    }

    /// Whether this processor has what it takes.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vaes => x86::has_vaes(),
            #[cfg(target_arch = "x86_64")]
            Self::AesNi => x86::has_aes(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Vaes | Self::AesNi => false,
            Self::Hazmat => portable::has_instructions(),
            Self::Alone => true,
        }
    }

    /// Encrypts blocks of the packets in the first `used` lanes (and may do as much in others, which must have blocks, too),
    /// as many of each as the shortest has, each chained to the one before, the first to `chain`; leaves there what the
    /// next one is chained to. What this kernel cannot do on this processor is done by
    /// rounds of the `aes` crate, which can always be had: nothing stays clear.
    pub(crate) fn encrypt(
        self,
        keys: &[KeyRow],
        chain: &mut [Octets; LANES],
        blocks: &[Blocks<'_>; LANES],
        used: usize,
    ) {
        #[cfg(target_arch = "x86_64")]
        if x86::encrypt(self, keys, chain, blocks, used) {
            return;
        }
        portable::encrypt(keys, chain, blocks);
    }
}
