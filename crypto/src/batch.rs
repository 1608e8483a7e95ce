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
use crate::lanes::{Blocks, KeyRow, LANES, Octets};
use crate::rounds::ROUND_KEYS;
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
    groups: [Group; Algorithm::ALL.len()],
    /// Buffers whose packet has been encrypted when it was taken in.
    done: [bool; LANES],
}

impl Batch {
    /// How many buffers it can have packets in.
    pub const LANES: usize = LANES;

    /// An empty batch for a certain kernel, if this processor has what it takes.
    #[must_use]
    pub fn with(kernel: Kernel) -> Option<Self> {
        let groups = Algorithm::ALL.map(Group::new);
        kernel.is_available().then_some(Self { kernel, groups, done: [false; LANES] })
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
        let payload = packet.payload_mut(layout.start);
        let (blocks, _) = Block::slice_as_chunks_mut(payload);
        let start = offset + layout.start;
        let task = Task { start, end: start + blocks.len() * size_of::<Octets>() };
        let group = self.groups.get_mut(seal.algorithm() as usize);
        let group = group.filter(|_| self.kernel != Kernel::Alone);
        let taken = group.is_some_and(|group| group.enter(lane, task, &layout.iv, seal));
        if !taken {
            seal.cipher().chain(&layout.iv.into(), blocks);
        }
        if let Some(done) = self.done.get_mut(lane) {
            *done = !taken;
        }
        Ok(())
    }

    /// Encrypts every packet that was taken in, and is empty again. True for each buffer whose packet is encrypted now: one
    /// that was not taken in, or does not lie where it was said to, is still in clear, and must not be sent.
    pub fn seal<B: AsMut<[u8]>>(&mut self, buffers: &mut [B]) -> [bool; LANES] {
        let mut done = std::mem::take(&mut self.done);
        for group in self.groups.iter_mut().filter(|group| group.waiting) {
            group.seal(self.kernel, buffers, &mut done);
            group.clear();
        }
        done
    }
}

impl Default for Batch {
    /// An empty batch for the fastest kernel of this processor.
    fn default() -> Self {
        let groups = Algorithm::ALL.map(Group::new);
        Self { kernel: Kernel::fastest(), groups, done: [false; LANES] }
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

const fn no_keys() -> [KeyRow; ROUND_KEYS] {
    [const { KeyRow([const { Cell::new([0; 16]) }; LANES]) }; ROUND_KEYS]
}

/// Packets of one algorithm.
struct Group {
    algorithm: Algorithm,
    waiting: bool,
    tasks: [Option<Task>; LANES],
    chain: [Octets; LANES],
    keys: [KeyRow; ROUND_KEYS],
}

impl Group {
    const fn new(algorithm: Algorithm) -> Self {
        let (tasks, chain) = ([None; LANES], [[0; 16]; LANES]);
        Self { algorithm, waiting: false, tasks, chain, keys: no_keys() }
    }

    /// False when there is no such lane.
    fn enter(&mut self, lane: usize, task: Task, iv: &Octets, seal: &Seal) -> bool {
        if lane >= LANES {
            return false;
        }
        (self.tasks[lane], self.chain[lane], self.waiting) = (Some(task), *iv, true);
        // All fifteen, whether there are as many or not: a loop of known length is faster than a shorter one.
        for (row, key) in self.keys.iter().zip(seal.rounds().keys()) {
            row.0[lane].set(*key);
        }
        true
    }

    fn seal<B: AsMut<[u8]>>(
        &mut self,
        kernel: Kernel,
        buffers: &mut [B],
        done: &mut [bool; LANES],
    ) {
        let mut left: [Blocks<'_>; LANES] = [&[]; LANES];
        let lanes = left.iter_mut().zip(&self.tasks).zip(done);
        for (((left, task), done), buffer) in lanes.zip(buffers) {
            let octets = task.and_then(|task| buffer.as_mut().get_mut(task.start..task.end));
            *done |= octets.is_some();
            let (blocks, _) = octets.unwrap_or_default().as_chunks_mut();
            *left = Cell::from_mut(blocks).as_slice_of_cells();
        }
        let keys = self.keys.get(..self.algorithm.round_keys()).unwrap_or_default();
        let mut idle = [[0; 16]; SPAN];
        let idle: Blocks<'_> = Cell::from_mut(&mut idle[..]).as_slice_of_cells();
        loop {
            let used =
                left.iter().rposition(|blocks| !blocks.is_empty()).map_or(0, |last| last + 1);
            let busy = left.iter().map(|blocks| blocks.len()).filter(|length| *length > 0);
            let Some(steps) = busy.min().map(|steps| steps.min(SPAN)) else { return };
            let mut now = [&idle[..steps]; LANES];
            for (now, left) in now.iter_mut().zip(&mut left).filter(|(_, left)| !left.is_empty()) {
                (*now, *left) = left.split_at(steps);
            }
            kernel.encrypt(keys, &mut self.chain, &now, used);
        }
    }

    fn clear(&mut self) {
        let mut taken = (0..LANES).filter(|lane| self.tasks[*lane].is_some());
        let alone = taken.next().filter(|_| taken.next().is_none());
        (self.waiting, self.tasks) = (false, [None; LANES]);
        // Octet by octet, as `Zeroize` would, takes as long as encrypting.
        if let Some(lane) = alone {
            self.keys.iter().for_each(|row| row.0[lane].set([0; 16]));
        } else {
            self.keys = no_keys();
        }
        optimization_barrier(&self.keys);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests;
