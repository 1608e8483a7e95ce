//! Encryption of many packets at once, each with its own key.
//!
//! Chaining makes each block of a packet wait for the one before, so a processor that could work on eight blocks works
//! on one. Blocks of different packets do not wait for one another: eight packets advance side by side, a round of the
//! cipher at a time. Each gives the same octets as alone.

use crate::cbc::Seal;
#[cfg(target_arch = "x86_64")]
use crate::lanes;
use crate::rounds::{ROUND_KEYS, has_instructions};
use crate::{Algorithm, Packet, Reject};
use aes::Block;
use aes::hazmat::{Block8, cipher_round_par, inv_mix_columns};
use std::slice::IterMut;
use zeroize::optimization_barrier;

/// Packets side by side.
const LANES: usize = 8;
/// With no more packets than this left, one after the other is faster.
const FEW: usize = 2;

/// A packet to encrypt, with the flow's cipher.
#[derive(Debug)]
pub struct Job<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    seal: &'a Seal,
    outcome: Result<(), Reject>,
}

impl<'a> Job<'a> {
    /// Nothing happens to the packet before [`seal`].
    #[must_use]
    pub const fn new(packet: Packet<'a>, seal: &'a Seal) -> Self {
        Self { packet, seal, outcome: Ok(()) }
    }

    /// What became of it. After an error the packet must be dropped.
    ///
    /// # Errors
    /// As [`Seal`] gives.
    pub const fn outcome(&self) -> Result<(), Reject> {
        self.outcome
    }

    /// Pads the packet. What is then to encrypt, if anything is.
    fn task(&mut self) -> Option<Task<'_>> {
        match self.seal.pad(&mut self.packet) {
            Ok(layout) => {
                let (blocks, _) = Block::slice_as_chunks_mut(self.packet.payload_mut(layout.start));
                let task =
                    Task { seal: self.seal, chain: layout.iv.into(), blocks: blocks.iter_mut() };
                (!task.done()).then_some(task)
            }
            Err(reject) => {
                self.outcome = Err(reject);
                None
            }
        }
    }
}

/// Encrypts every packet, with the same octets as result as [`Seal`] alone.
pub fn seal(jobs: &mut [Job<'_>]) {
    for algorithm in Algorithm::ALL {
        let ours = jobs.iter_mut().filter(|job| job.seal.algorithm() == algorithm);
        let mut tasks = ours.filter_map(Job::task);
        if has_instructions() {
            Lanes::default().run(&mut tasks);
        }
        tasks.for_each(Task::finish);
    }
}

/// One packet on its way: the block its next one is chained to, and the blocks still clear.
struct Task<'a> {
    seal: &'a Seal,
    chain: Block,
    blocks: IterMut<'a, Block>,
}

impl Task<'_> {
    fn done(&self) -> bool {
        self.blocks.len() == 0
    }

    /// Encrypts what is left, alone.
    fn finish(self) {
        self.seal.cipher().chain(&self.chain, self.blocks.into_slice());
    }
}

/// Packets side by side, and their round keys, laid out as one round takes them.
struct Lanes<'a> {
    tasks: [Option<Task<'a>>; LANES],
    chain: Block8,
    keys: [Block8; ROUND_KEYS],
    rounds: usize,
}

impl Default for Lanes<'_> {
    fn default() -> Self {
        let keys = [Block8::default(); ROUND_KEYS];
        Self { tasks: [const { None }; LANES], chain: Block8::default(), keys, rounds: 0 }
    }
}

impl<'a> Lanes<'a> {
    /// Works on as many packets as there are lanes until few are left.
    fn run(&mut self, waiting: &mut impl Iterator<Item = Task<'a>>) {
        loop {
            for lane in 0..LANES {
                self.fill(lane, waiting);
            }
            let busy = || self.tasks.iter().flatten();
            if busy().count() <= FEW {
                break;
            }
            let steps = busy().map(|task| task.blocks.len()).min().unwrap_or_default();
            if self.all_at_once(steps) {
                continue;
            }
            for _ in 0..steps {
                self.step();
            }
        }
        for (place, chain) in self.tasks.iter_mut().zip(self.chain) {
            if let Some(task) = place.take() {
                Task { chain, ..task }.finish();
            }
        }
    }

    /// Gives a lane that has nothing to do the next packet.
    fn fill(&mut self, lane: usize, waiting: &mut impl Iterator<Item = Task<'a>>) {
        let (Some(place), Some(chain)) = (self.tasks.get_mut(lane), self.chain.get_mut(lane))
        else {
            return;
        };
        if place.as_ref().is_some_and(|task| !task.done()) {
            return;
        }
        *place = waiting.next();
        let Some(task) = place else { return };
        *chain = task.chain;
        let keys = task.seal.rounds().keys();
        self.rounds = keys.len();
        for (row, key) in self.keys.iter_mut().zip(keys) {
            row[lane] = Block::from(*key);
        }
    }

    /// Encrypts so many blocks of each packet with the instructions of this processor; false if it has none for that, or
    /// a lane has no packet.
    #[cfg(target_arch = "x86_64")]
    fn all_at_once(&mut self, steps: usize) -> bool {
        if self.tasks.iter().any(Option::is_none) {
            return false;
        }
        let mut keys = [&[][..]; LANES];
        let mut blocks: [&mut [Block]; LANES] = std::array::from_fn(|_| Default::default());
        for ((task, keys), blocks) in
            self.tasks.iter_mut().flatten().zip(&mut keys).zip(&mut blocks)
        {
            *keys = task.seal.rounds().published();
            let whole = std::mem::take(&mut task.blocks).into_slice();
            let (now, later) = whole.split_at_mut(steps.min(whole.len()));
            (*blocks, task.blocks) = (now, later.iter_mut());
        }
        if lanes::encrypt(keys, &mut self.chain.0, &mut blocks) {
            return true;
        }
        // Nothing has happened: what was taken is done one after the other.
        for ((task, chain), blocks) in self.tasks.iter().flatten().zip(&mut self.chain).zip(blocks)
        {
            task.seal.cipher().chain(chain, blocks);
            if let Some(last) = blocks.last() {
                *chain = *last;
            }
        }
        true
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn all_at_once(&mut self, _: usize) -> bool {
        false
    }

    /// Encrypts the next block of each packet.
    fn step(&mut self) {
        let Some(([first, rounds @ ..], _)) = self.keys.split_at_checked(self.rounds) else {
            return;
        };
        // A lane without a packet counts along to no effect.
        for ((chain, key), task) in self.chain.iter_mut().zip(first).zip(&self.tasks) {
            if let Some(clear) = task.as_ref().and_then(|task| task.blocks.as_slice().first()) {
                *chain = sum(*chain, sum(*clear, *key));
            }
        }
        for keys in rounds {
            cipher_round_par(&mut self.chain, keys);
        }
        for (chain, task) in self.chain.iter_mut().zip(&mut self.tasks) {
            inv_mix_columns(chain);
            if let Some(block) = task.as_mut().and_then(|task| task.blocks.next()) {
                *block = *chain;
            }
        }
    }
}

impl Drop for Lanes<'_> {
    fn drop(&mut self) {
        self.keys = [Block8::default(); ROUND_KEYS];
        // Octet by octet, as `Zeroize` would, takes as long as encrypting.
        optimization_barrier(&self.keys);
    }
}

/// The sum in the field of AES. By value, or the compiler must fear that the two overlap, and adds octet by octet.
fn sum(mut one: Block, other: Block) -> Block {
    one.iter_mut().zip(other).for_each(|(one, other)| *one ^= other);
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbc::{Fill, Open};
    use crate::session::SessionKey;
    use crate::{Algorithm, Transform};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// A flow of its own for each packet, in both algorithms and fills.
    fn flows(count: usize, rng: &mut ChaCha20Rng) -> Vec<(SessionKey, Fill)> {
        let kinds = [
            (Algorithm::Aes128, Fill::Count),
            (Algorithm::Aes256, Fill::Zeros),
            (Algorithm::Aes128, Fill::Zeros),
            (Algorithm::Aes256, Fill::Count),
            (Algorithm::Aes128, Fill::Count),
        ];
        (0..count)
            .map(|n| kinds[n % kinds.len()])
            .map(|(algorithm, fill)| (SessionKey::generate(algorithm, rng), fill))
            .collect()
    }

    #[test]
    fn a_batch_gives_what_each_alone_would() {
        let mut rng = ChaCha20Rng::from_seed([6; 32]);
        for count in [0, 1, 2, 7, 8, 9, 16, 23, 64] {
            for longest in [1, 40, 200, 1400] {
                let flows = flows(count, &mut rng);
                let mut seals: Vec<Seal> =
                    flows.iter().map(|(key, fill)| Seal::new(key, *fill)).collect();
                let mut lengths = Vec::new();
                let mut alone: Vec<Vec<u8>> = Vec::new();
                for _ in 0..count {
                    let length = 12 + rng.next_u32() as usize % longest;
                    let mut buffer = vec![0; length + Packet::TAILROOM];
                    rng.fill_bytes(&mut buffer);
                    buffer[0] = 0x80;
                    lengths.push(length);
                    alone.push(buffer);
                }
                let mut together = alone.clone();
                for ((buffer, length), seal) in alone.iter_mut().zip(&mut lengths).zip(&mut seals) {
                    let mut packet = Packet::new(buffer, *length).unwrap();
                    seal.apply(&mut packet).unwrap();
                }
                let buffers = together.iter_mut().zip(&lengths).zip(&seals);
                let mut jobs: Vec<Job<'_>> = buffers
                    .map(|((buffer, length), seal)| {
                        Job::new(Packet::new(buffer, *length).unwrap(), seal)
                    })
                    .collect();
                seal(&mut jobs);
                assert!(jobs.iter().all(|job| job.outcome() == Ok(())));
                assert!(jobs.iter().zip(&lengths).all(|(job, length)| {
                    job.packet.length() == 12 + (length - 12).next_multiple_of(16)
                }));
                drop(jobs);
                assert!(alone == together, "{count} of at most {longest}");
            }
        }
    }

    #[test]
    fn what_cannot_be_encrypted_does_not_keep_the_others() {
        let key = SessionKey::from_octets(Algorithm::Aes128, &[7; 16]).unwrap();
        let flow = Seal::new(&key, Fill::Count);
        let mut buffers: Vec<Vec<u8>> = (0..12).map(|n| [&[0x80][..], &[n; 63]].concat()).collect();
        let mut jobs: Vec<Job<'_>> = buffers
            .iter_mut()
            .enumerate()
            .map(|(n, buffer)| {
                // Every third has no header, every fourth no room; the others have 30 octets of payload.
                let length = if n % 3 == 0 {
                    11
                } else if n % 4 == 1 {
                    63
                } else {
                    42
                };
                Job::new(Packet::new(buffer, length).unwrap(), &flow)
            })
            .collect();
        seal(&mut jobs);
        for (n, job) in jobs.iter_mut().enumerate() {
            if n % 3 == 0 {
                assert_eq!(job.outcome(), Err(Reject::Truncated));
            } else if n % 4 == 1 {
                assert_eq!(job.outcome(), Err(Reject::Tailroom));
            } else {
                assert_eq!(job.outcome(), Ok(()));
                assert_eq!(job.packet.length(), 44);
                Open::new(&key).apply(&mut job.packet).unwrap();
                assert_eq!(job.packet.octets()[12..], [n as u8; 30]);
            }
        }
    }

    #[test]
    fn packets_of_one_flow_may_be_in_one_batch() {
        let key = SessionKey::from_octets(Algorithm::Aes256, &[7; 32]).unwrap();
        let flow = Seal::new(&key, Fill::Count);
        let mut one = [0x80; 44];
        let mut other = [0x80; 44];
        other[3] = 1;
        let mut jobs =
            [&mut one, &mut other].map(|buffer| Job::new(Packet::new(buffer, 44).unwrap(), &flow));
        seal(&mut jobs);
        assert_ne!(jobs[0].packet.octets()[12..], jobs[1].packet.octets()[12..]);
        for job in &mut jobs {
            Open::new(&key).apply(&mut job.packet).unwrap();
            assert_eq!(job.packet.octets()[12..], [0x80; 32]);
        }
    }
}
