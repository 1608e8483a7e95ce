//! Encryption of many packets at once, each with its own key.
//!
//! Chaining makes each block of a packet wait for the one before, so a processor that could work on sixteen blocks works
//! on one. Blocks of different packets do not wait for one another: sixteen packets advance side by side, a round of the
//! cipher at a time. Each gives the same octets as alone.

use std::cell::Cell;
use std::fmt;

use zeroize::optimization_barrier;

use crate::cbc::Seal;
pub use crate::lanes::Kernel;
use crate::lanes::{Blocks, Keys, LANES, Octets};
use crate::rounds::{LONG, SHORT};
use crate::{Algorithm, Packet, Reject};
use aes::Block;

/// Blocks that lanes without a packet encrypt, to no effect: so many are done before the packets are looked at again.
const SPAN: usize = 32;

/// Packets that wait to be encrypted side by side: their keys, and where they lie in buffers of the caller's.
///
/// ```
/// use pinhole_crypto::{Algorithm, Packet, batch::Batch, cbc::{Fill, Seal}, session::SessionKey};
///
/// let mut buffers = [[0x80; 64]; 2];
/// let mut batch = Batch::default();
/// for (lane, buffer) in buffers.iter_mut().enumerate() {
///     let key = SessionKey::from_octets(Algorithm::Aes128, &[lane as u8; 16]).unwrap();
///     let mut packet = Packet::new(buffer, 12 + 32).unwrap();
///     batch.enter(lane, 0, &mut packet, &Seal::new(&key, Fill::Count)).unwrap();
/// }
/// batch.seal(&mut buffers);
/// assert_ne!(buffers[0][12..44], [0x80; 32]);
/// assert_ne!(buffers[0], buffers[1]);
/// ```
pub struct Batch {
    kernel: Kernel,
    /// By algorithm: all packets of a group go through as many rounds.
    short: Group<SHORT>,
    long: Group<LONG>,
    /// Buffers whose packet has been encrypted when it was taken in.
    done: [bool; LANES],
}

impl Batch {
    /// How many buffers it can have packets in.
    pub const LANES: usize = LANES;

    const fn new(kernel: Kernel) -> Self {
        Self { kernel, short: Group::EMPTY, long: Group::EMPTY, done: [false; LANES] }
    }

    /// An empty batch for a certain kernel, if this processor has what it takes.
    #[must_use]
    pub fn with(kernel: Kernel) -> Option<Self> {
        kernel.is_available().then_some(Self::new(kernel))
    }

    /// Pads a packet and takes it in. It lies at `offset` in the buffer that is number `lane` of those that [`Self::seal`]
    /// will be given; no other packet may be in the same buffer. It is not encrypted before then.
    ///
    /// # Errors
    /// As [`Seal`] gives: the packet must be dropped.
    pub fn enter(
        &mut self,
        lane: usize,
        offset: usize,
        packet: &mut Packet<'_>,
        seal: &Seal,
    ) -> Result<(), Reject> {
        let layout = seal.pad(packet)?;
        if lane >= LANES || self.kernel == Kernel::Alone {
            let (blocks, _) = Block::slice_as_chunks_mut(packet.payload_mut(layout.start));
            seal.cipher().chain(&layout.iv.into(), blocks);
            if let Some(done) = self.done.get_mut(lane) {
                *done = true;
            }
            return Ok(());
        }
        let task = Task { start: offset + layout.start, end: offset + packet.length() };
        let rounds = seal.rounds();
        match seal.algorithm() {
            Algorithm::Aes128 => self.short.enter(lane, task, layout.iv, rounds.keys()),
            Algorithm::Aes256 => self.long.enter(lane, task, layout.iv, rounds.keys()),
        }
        Ok(())
    }

    /// Encrypts every packet that was taken in, and is empty again. True for each buffer whose packet is encrypted now: one
    /// that was not taken in, or does not lie where it was said to, is still in clear, and must not be sent.
    pub fn seal<B: AsMut<[u8]>>(&mut self, buffers: &mut [B]) -> [bool; LANES] {
        let mut done = std::mem::take(&mut self.done);
        self.short.seal(self.kernel, buffers, &mut done);
        self.long.seal(self.kernel, buffers, &mut done);
        done
    }
}

impl Default for Batch {
    /// An empty batch for the fastest kernel of this processor.
    fn default() -> Self {
        Self::new(Kernel::fastest())
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("kernel", &self.kernel).finish_non_exhaustive()
    }
}

/// The octets of a buffer to encrypt: whole blocks.
#[derive(Clone, Copy)]
struct Task {
    start: usize,
    end: usize,
}

/// Packets of one algorithm.
struct Group<const KEYS: usize> {
    /// The lanes that have a packet, a bit each.
    taken: u16,
    tasks: [Task; LANES],
    chain: [Octets; LANES],
    keys: Keys<KEYS>,
}

impl<const KEYS: usize> Group<KEYS> {
    const EMPTY: Self = Self {
        taken: 0,
        tasks: [Task { start: 0, end: 0 }; LANES],
        chain: [[0; 16]; LANES],
        keys: Keys::NONE,
    };

    /// There must be such a lane.
    #[inline]
    fn enter(&mut self, lane: usize, task: Task, iv: Octets, keys: &[Octets; KEYS]) {
        self.taken |= 1 << lane;
        (self.tasks[lane], self.chain[lane]) = (task, iv);
        for (place, key) in self.keys.0[lane / 2].iter_mut().zip(keys) {
            place[lane % 2] = *key;
        }
    }

    fn seal<B: AsMut<[u8]>>(
        &mut self,
        kernel: Kernel,
        buffers: &mut [B],
        done: &mut [bool; LANES],
    ) {
        if self.taken == 0 {
            return;
        }
        let mut left: [Blocks<'_>; LANES] = [&[]; LANES];
        let lanes = left.iter_mut().zip(&self.tasks).zip(done).zip(buffers);
        for (lane, (((left, task), done), buffer)) in lanes.enumerate() {
            if self.taken >> lane & 1 == 1 {
                let octets = buffer.as_mut().get_mut(task.start..task.end);
                *done |= octets.is_some();
                let (blocks, _) = octets.unwrap_or_default().as_chunks_mut();
                *left = Cell::from_mut(blocks).as_slice_of_cells();
            }
        }
        self.advance(kernel, &mut left);
        self.clear();
    }

    /// Encrypts all blocks of the packets.
    fn advance(&mut self, kernel: Kernel, left: &mut [Blocks<'_>; LANES]) {
        let mut idle = [[0; 16]; SPAN];
        let idle: Blocks<'_> = Cell::from_mut(&mut idle[..]).as_slice_of_cells();
        loop {
            let (mut busy, mut used, mut shortest, mut longest) = (0, 0, usize::MAX, 0);
            for (lane, blocks) in left.iter().enumerate().filter(|(_, blocks)| !blocks.is_empty()) {
                (busy, used) = (busy + 1, lane + 1);
                (shortest, longest) = (shortest.min(blocks.len()), longest.max(blocks.len()));
            }
            match busy {
                0 => return,
                LANES if shortest == longest => {
                    return kernel.encrypt(&mut self.keys, &mut self.chain, left, used);
                }
                _ => {}
            }
            let steps = shortest.min(SPAN);
            let mut now = [&idle[..steps]; LANES];
            let lanes = now.iter_mut().zip(&mut *left);
            for (now, left) in lanes.filter(|(_, left)| !left.is_empty()) {
                (*now, *left) = left.split_at(steps);
            }
            kernel.encrypt(&mut self.keys, &mut self.chain, &now, used);
        }
    }

    /// Forgets the packets and their keys: the keys of every lane up to the last that had any.
    fn clear(&mut self) {
        let used = LANES - self.taken.leading_zeros() as usize;
        self.taken = 0;
        let (keys, _) = self.keys.0.split_at_mut(used.div_ceil(2));
        // Octet by octet, as `Zeroize` would, takes as long as encrypting. In parts, for beyond two kilobytes the C
        // library's way takes longer to begin than all the rest.
        for part in keys.chunks_mut(LANES / 4) {
            part.as_flattened_mut().as_flattened_mut().as_flattened_mut().fill(0);
        }
        optimization_barrier(&self.keys);
    }
}

impl<const KEYS: usize> Drop for Group<KEYS> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests;
