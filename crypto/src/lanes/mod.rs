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
/// The round keys of two packets, those of a round beside each other, for one load takes both.
pub(crate) type PairKeys<const KEYS: usize> = [[Octets; 2]; KEYS];
/// The round keys of all packets as a kernel reads them. Cells, or the compiler would copy keys to the stack, where nobody
/// zeroes them.
pub(crate) type KeyCells<const KEYS: usize> = [Cell<PairKeys<KEYS>>; LANES / 2];

/// The round keys of all packets. Aligned, or half of the loads would touch two lines of the cache.
#[repr(align(64))]
pub(crate) struct Keys<const KEYS: usize>(pub(crate) [PairKeys<KEYS>; LANES / 2]);

impl<const KEYS: usize> Keys<KEYS> {
    /// No packet's.
    pub(crate) const NONE: Self = Self([[[[0; 16]; 2]; KEYS]; LANES / 2]);
}

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
    pub(crate) fn encrypt<const KEYS: usize>(
        self,
        keys: &mut Keys<KEYS>,
        chain: &mut [Octets; LANES],
        blocks: &[Blocks<'_>; LANES],
        used: usize,
    ) {
        let Keys(keys) = keys;
        #[cfg(target_arch = "x86_64")]
        {
            let cells = Cell::from_mut(keys).as_array_of_cells();
            if x86::encrypt(self, cells, chain, blocks, used) {
                return;
            }
        }
        portable::encrypt(keys, chain, blocks);
    }

    /// Decrypts the blocks of one packet, which do not wait for one another: each was chained to the one before, the first
    /// to `iv`. The keys are those of the inverse cipher ([`crate::rounds::Rounds::inverse`]). False when this kernel has
    /// no way of its own to do it on this processor: nothing has happened then.
    pub(crate) fn decrypt<const KEYS: usize>(
        self,
        keys: &[Octets; KEYS],
        iv: Octets,
        blocks: &mut [Octets],
    ) -> bool {
        #[cfg(target_arch = "x86_64")]
        return x86::decrypt(self, keys, iv, blocks);
        #[cfg(not(target_arch = "x86_64"))]
        return {
            let _ = (keys, iv, blocks);
            false
        };
    }
}
