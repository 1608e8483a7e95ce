//! Packets on their way through a table. One that may leave as it is leaves at once. One that must be encrypted waits for
//! others, and all of them are encrypted side by side, whatever their flows and keys: alone, each would take several
//! times as long. Whoever fills a batch empties it before it waits for anything else; then a packet that came alone does not
//! wait.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};

use pinhole_crypto::batch::Batch as Lanes;
use pinhole_crypto::roll::Sealing;
use pinhole_crypto::{Packet, Reject};

use super::Egress;
use super::leg::Departure;
use super::shared::MULTIPLEX_ID;

/// The largest packet: what UDP can carry.
const LARGEST: usize = 65_535;
/// Octets of a slot: room before a packet for the multiplexID it may leave with, and behind it for padding. Not much like a
/// page: all packets would lie in the same few lines of the processor's cache.
const SLOT: usize = MULTIPLEX_ID + LARGEST + Packet::TAILROOM + 5 * 64;

/// Room for a packet that arrives, and for those that wait to be encrypted together.
pub struct Batch {
    slots: Box<[Slot]>,
    /// The first so many slots have a packet that waits.
    waiting: usize,
    lanes: Lanes,
}

/// Where a packet lies.
struct Slot {
    octets: Box<[u8]>,
    /// Where it will leave, and which octets.
    leaving: Option<(Egress, Range<usize>)>,
}

/// A packet that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving<'a> {
    egress: Egress,
    octets: &'a [u8],
}

impl<'a> Leaving<'a> {
    /// Where it leaves.
    #[must_use]
    pub const fn egress(&self) -> Egress {
        self.egress
    }

    /// What is sent.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
}

/// A packet that has arrived, with a place to be encrypted in.
#[derive(Debug)]
pub(super) struct Arrived<'a> {
    packet: Packet<'a>,
    lanes: &'a mut Lanes,
    /// Its slot, and where it begins there.
    place: (usize, usize),
    waits: bool,
}

impl Arrived<'_> {
    /// Has the packet encrypted before it leaves.
    pub(super) fn seal(&mut self, sealing: &mut Sealing) -> Result<(), Reject> {
        self.waits = true;
        sealing.enter(self.lanes, self.place, &mut self.packet)
    }

    /// Whether it is not encrypted yet, and must be.
    pub(super) const fn waits(&self) -> bool {
        self.waits
    }
}

impl<'a> Deref for Arrived<'a> {
    type Target = Packet<'a>;
    fn deref(&self) -> &Packet<'a> {
        &self.packet
    }
}

impl<'a> DerefMut for Arrived<'a> {
    fn deref_mut(&mut self) -> &mut Packet<'a> {
        &mut self.packet
    }
}

impl Batch {
    /// How many packets wait at most.
    pub const MOST: usize = Lanes::LANES;

    /// Where the next packet is to be received to. None while as many wait as can: [`Self::sealed`] makes room.
    #[must_use]
    pub fn room(&mut self) -> Option<&mut [u8]> {
        let slot = self.slots.get_mut(self.waiting)?;
        slot.octets.get_mut(MULTIPLEX_ID..MULTIPLEX_ID + LARGEST)
    }

    /// Encrypts all packets that wait; they leave, in the order in which they arrived. What was not encrypted does not leave,
    /// whatever the reason.
    pub fn sealed(&mut self) -> impl Iterator<Item = Leaving<'_>> {
        let (waiting, _) = self.slots.split_at_mut(std::mem::take(&mut self.waiting));
        let done = self.lanes.seal(waiting);
        waiting.iter_mut().zip(done).filter_map(|(slot, done)| {
            let (egress, range) = slot.leaving.take().filter(|_| done)?;
            Some(Leaving { egress, octets: slot.octets.get(range)? })
        })
    }

    /// The octets of the packet that has arrived in the room.
    pub(super) fn arrival(&self, length: usize) -> Option<&[u8]> {
        self.slots.get(self.waiting)?.octets.get(MULTIPLEX_ID..)?.get(..length)
    }

    /// The same as a packet, without the first octets.
    pub(super) fn arrived(&mut self, skip: usize, length: usize) -> Option<Arrived<'_>> {
        let place = (self.waiting, MULTIPLEX_ID + skip);
        let octets = self.slots.get_mut(self.waiting)?.octets.get_mut(place.1..)?;
        let packet = Packet::new(octets, length.checked_sub(skip)?).ok()?;
        Some(Arrived { packet, lanes: &mut self.lanes, place, waits: false })
    }

    /// What has arrived may leave, now or when it is encrypted; the multiplexID that it needs comes before it.
    pub(super) fn leaves(&mut self, skip: usize, departure: &Departure) -> Option<Leaving<'_>> {
        let slot = self.slots.get_mut(self.waiting)?;
        let (egress, mut start) = (departure.egress(), MULTIPLEX_ID + skip);
        let end = start + departure.end();
        if let Some(prefix) = egress.prefix {
            start -= MULTIPLEX_ID;
            let place = slot.octets.get_mut(start..start + MULTIPLEX_ID)?;
            place.copy_from_slice(&prefix.to_be_bytes());
        }
        if departure.waits() {
            slot.leaving = Some((egress, start..end));
            self.waiting += 1;
            return None;
        }
        Some(Leaving { egress, octets: slot.octets.get(start..end)? })
    }
}

impl Default for Batch {
    fn default() -> Self {
        let slot = || Slot { octets: vec![0; SLOT].into_boxed_slice(), leaving: None };
        let slots = std::iter::repeat_with(slot).take(Self::MOST).collect();
        Self { slots, waiting: 0, lanes: Lanes::default() }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl AsMut<[u8]> for Slot {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::PairId;
    use crate::media::Channel;

    #[test]
    fn what_waits_and_was_not_encrypted_never_leaves() {
        let to = "192.0.2.1:5000".parse().unwrap();
        let egress = Egress { pair: PairId(1), channel: Channel::Rtp, to, prefix: None };
        let mut batch = Batch::default();
        batch.slots[0].leaving = Some((egress, 0..20));
        batch.waiting = 1;
        assert_eq!(batch.sealed().count(), 0);
        assert!(batch.slots[0].leaving.is_none(), "nor later");
    }
}
