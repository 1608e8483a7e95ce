//! The keys of one channel over its life: an update brings a new key under a new payload type (H.245
//! `encryptionUpdateCommand`).

use crate::batch::Batch;
use crate::cbc::{Fill, Open, Seal};
use crate::cipher::BLOCK;
use crate::session::SessionKey;
use crate::{Packet, Reject, Transform};

/// Keys a receiver keeps at most: the present one, the one before, and one that was announced early.
const KEPT: usize = 3;
/// Blocks after which one key should give way to another: the birthday bound of a 128-bit block, with much to spare.
const WORN: u64 = 1 << 32;

/// A dynamic payload type (RFC 3551 §6) that is not among those in use: every roll needs another.
#[must_use]
pub fn free_payload_type(in_use: &[u8]) -> Option<u8> {
    (96..=127).find(|payload_type| !in_use.contains(payload_type))
}

/// The sending end of an encrypted channel: sets the payload type of the present key, and encrypts with it.
// In this order, as all that is on the way of a packet: what it needs is one run of octets, and few lines of the cache.
#[derive(Debug)]
#[repr(C)]
pub struct Sealing {
    blocks: u64,
    next: Option<Box<(u8, Seal)>>,
    fill: Fill,
    payload_type: u8,
    seal: Seal,
}

impl Sealing {
    /// Encrypts with `key`, under `payload_type`.
    #[must_use]
    pub fn new(payload_type: u8, key: &SessionKey, fill: Fill) -> Self {
        Self { payload_type, seal: Seal::new(key, fill), fill, next: None, blocks: 0 }
    }

    /// Holds a key ready that the receiver was told of. One held before is forgotten.
    pub fn prepare(&mut self, payload_type: u8, key: &SessionKey) {
        self.next = Some(Box::new((payload_type, Seal::new(key, self.fill))));
    }

    /// Begins to use the key held ready, if its payload type is the one the receiver acknowledged: a late
    /// acknowledgement of another changes nothing. Says whether it did.
    pub fn switch(&mut self, payload_type: u8) -> bool {
        let Some(mut next) = self.next.take_if(|next| next.0 == payload_type) else {
            return false;
        };
        // Swapped, not moved, so that neither key stays behind where nobody zeroes it.
        std::mem::swap(&mut self.seal, &mut next.1);
        self.payload_type = payload_type;
        self.blocks = 0;
        true
    }

    /// As [`Transform::apply`], in a batch (see [`Batch::enter`]).
    ///
    /// # Errors
    /// As [`Seal`] gives: the packet must be dropped.
    pub fn enter(
        &mut self,
        batch: &mut Batch,
        (lane, offset): (usize, usize),
        packet: &mut Packet<'_>,
    ) -> Result<(), Reject> {
        self.begin(packet);
        batch.enter(lane, offset, packet, &self.seal)
    }

    /// Sets the payload type and counts.
    fn begin(&mut self, packet: &mut Packet<'_>) {
        packet.set_payload_type(self.payload_type);
        self.blocks = self.blocks.saturating_add(packet.length().div_ceil(BLOCK) as u64);
    }

    /// The payload type of the present key.
    #[must_use]
    pub const fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// Whether the present key has encrypted so much that the master should roll.
    #[must_use]
    pub const fn worn(&self) -> bool {
        self.blocks >= WORN
    }
}

impl Transform for Sealing {
    fn apply(&mut self, packet: &mut Packet<'_>) -> Result<(), Reject> {
        self.begin(packet);
        self.seal.apply(packet)
    }
}

/// A key of a receiver, and the payload type that it is for.
#[derive(Debug)]
#[repr(C)]
struct Held {
    payload_type: u8,
    open: Open,
}

impl Held {
    fn new(payload_type: u8, key: &SessionKey) -> Self {
        Self { payload_type, open: Open::new(key) }
    }
}

/// The receiving end of an encrypted channel: decrypts with the key of the packet's payload type.
///
/// Holds three keys at most. How long an old one may serve, and how often a new one may come, is for the caller to
/// time.
#[derive(Debug)]
pub struct Opening {
    /// Newest first.
    keys: [Option<Held>; KEPT],
}

impl Opening {
    /// Decrypts with `key` what comes under `payload_type`.
    #[must_use]
    pub fn new(payload_type: u8, key: &SessionKey) -> Self {
        Self { keys: [Some(Held::new(payload_type, key)), None, None] }
    }

    /// Takes a new key. It replaces one of the same payload type, else the oldest of three.
    pub fn install(&mut self, payload_type: u8, key: &SessionKey) {
        let is_same = |held: &Option<Held>| {
            held.as_ref().is_some_and(|held| held.payload_type == payload_type)
        };
        let same = self.keys.iter().position(is_same);
        let (kept, _) = self.keys.split_at_mut(same.map_or(KEPT, |at| at + 1));
        kept.rotate_right(1);
        if let Some(newest) = kept.first_mut() {
            *newest = Some(Held::new(payload_type, key));
        }
    }

    /// Forgets every key but the newest, when the time of grace is over.
    pub fn forget_old(&mut self) {
        self.keys.iter_mut().skip(1).for_each(|held| *held = None);
    }

    /// Whether there is a key for this payload type.
    #[must_use]
    pub fn opens(&self, payload_type: u8) -> bool {
        self.keys.iter().flatten().any(|held| held.payload_type == payload_type)
    }
}

impl Transform for Opening {
    fn apply(&mut self, packet: &mut Packet<'_>) -> Result<(), Reject> {
        let payload_type = packet.payload_type().ok_or(Reject::Truncated)?;
        let mut held = self.keys.iter_mut().flatten();
        let held = held.find(|held| held.payload_type == payload_type);
        held.ok_or(Reject::PayloadType)?.open.apply(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    fn key(octet: u8) -> SessionKey {
        SessionKey::from_octets(Algorithm::Aes128, &[octet; 16]).unwrap()
    }

    /// A packet of twenty octets under payload type 8, in a buffer with room.
    fn clear() -> [u8; 40] {
        let mut buffer = [0x11; 40];
        buffer[..2].copy_from_slice(&[0x80, 0x88]);
        buffer
    }

    fn sealed(sealing: &mut Sealing) -> [u8; 28] {
        let mut buffer = clear();
        let mut packet = Packet::new(&mut buffer, 20).unwrap();
        sealing.apply(&mut packet).unwrap();
        packet.octets().try_into().unwrap()
    }

    fn open(opening: &mut Opening, mut octets: [u8; 28]) -> Result<Vec<u8>, Reject> {
        let mut packet = Packet::new(&mut octets, 28)?;
        opening.apply(&mut packet)?;
        Ok(packet.octets()[2..].to_vec())
    }

    #[test]
    fn the_present_key_gives_the_payload_type_and_leaves_the_marker() {
        let sealed = sealed(&mut Sealing::new(109, &key(1), Fill::Count));
        assert_eq!(sealed[1], 0x80 | 109);
    }

    #[test]
    fn in_a_batch_it_gives_the_same() {
        let mut sealing = Sealing::new(109, &key(1), Fill::Count);
        let expected = sealed(&mut sealing);
        let mut buffers = [clear(); 5];
        let mut batch = Batch::default();
        for (lane, buffer) in buffers.iter_mut().enumerate() {
            let mut packet = Packet::new(buffer, 20).unwrap();
            sealing.enter(&mut batch, (lane, 0), &mut packet).unwrap();
            assert_eq!(packet.length(), 28);
        }
        batch.seal(&mut buffers);
        assert!(buffers.iter().all(|buffer| buffer[..28] == expected));
        assert_eq!(sealing.blocks, 12);
    }

    #[test]
    fn a_sender_switches_only_to_what_was_acknowledged() {
        let mut sealing = Sealing::new(109, &key(1), Fill::Count);
        assert!(!sealing.switch(109), "nothing is held ready");
        sealing.prepare(110, &key(2));
        assert!(!sealing.switch(111));
        assert_eq!(sealed(&mut sealing)[1] & 0x7f, 109);
        assert!(sealing.switch(110));
        assert!(!sealing.switch(110));
        assert_eq!(sealing.payload_type(), 110);
        let mut opening = Opening::new(110, &key(2));
        assert_eq!(open(&mut opening, sealed(&mut sealing)).unwrap(), clear()[2..20]);
    }

    #[test]
    fn a_receiver_takes_old_and_new_until_told_to_forget() {
        let mut old = Sealing::new(109, &key(1), Fill::Count);
        let mut new = Sealing::new(110, &key(2), Fill::Zeros);
        let mut opening = Opening::new(109, &key(1));
        assert_eq!(open(&mut opening, sealed(&mut new)), Err(Reject::PayloadType));
        opening.install(110, &key(2));
        assert_eq!(open(&mut opening, sealed(&mut old)).unwrap(), clear()[2..20]);
        assert_eq!(open(&mut opening, sealed(&mut new)).unwrap(), clear()[2..20]);
        opening.forget_old();
        assert_eq!(open(&mut opening, sealed(&mut old)), Err(Reject::PayloadType));
        assert_eq!(open(&mut opening, sealed(&mut new)).unwrap(), clear()[2..20]);
    }

    #[test]
    fn a_receiver_keeps_three_keys() {
        let mut opening = Opening::new(100, &key(0));
        for n in 1..=100 {
            opening.install(100 + n % 28, &key(n));
            let held = (0..128).filter(|payload_type| opening.opens(*payload_type)).count();
            assert_eq!(held, usize::from(n + 1).min(KEPT));
        }
    }

    #[test]
    fn a_new_key_of_the_same_payload_type_replaces_the_old() {
        let mut opening = Opening::new(109, &key(1));
        opening.install(110, &key(2));
        opening.install(111, &key(3));
        opening.install(110, &key(4));
        let mut fourth = Sealing::new(110, &key(4), Fill::Count);
        assert_eq!(open(&mut opening, sealed(&mut fourth)).unwrap(), clear()[2..20]);
        assert!(opening.opens(109) && opening.opens(111), "the others stay");
        opening.forget_old();
        assert!(
            opening.opens(110) && !opening.opens(109) && !opening.opens(111),
            "and the new one is the newest"
        );
    }

    #[test]
    fn a_key_wears_out_and_a_new_one_is_fresh() {
        let mut sealing = Sealing::new(109, &key(1), Fill::Count);
        sealing.blocks = WORN - 2;
        sealed(&mut sealing);
        assert!(sealing.worn());
        sealing.prepare(110, &key(2));
        assert!(sealing.switch(110) && !sealing.worn());
        sealed(&mut sealing);
        assert_eq!(sealing.blocks, 2);
    }

    #[test]
    fn free_payload_types_are_dynamic_and_not_in_use() {
        assert_eq!(free_payload_type(&[]), Some(96));
        assert_eq!(free_payload_type(&[97, 96, 0, 99]), Some(98));
        let all: Vec<u8> = (0..=127).collect();
        assert_eq!(free_payload_type(&all), None);
        assert_eq!(free_payload_type(&all[..127]), Some(127));
    }

    #[test]
    fn a_packet_without_a_header_is_refused() {
        let mut opening = Opening::new(109, &key(1));
        let mut packet = Packet::new(&mut [], 0).unwrap();
        assert_eq!(opening.apply(&mut packet), Err(Reject::Truncated));
    }
}
