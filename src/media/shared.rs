//! Pairs that serve many flows: the multiplexID before each packet says which (H.460.19 §8).

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use pinhole_h323::mux::MultiplexId;

use super::learn::TELL;
use crate::face::{FlowFact, FlowId, PairId, Side};

/// Octets of a multiplexID.
pub(super) const MULTIPLEX_ID: usize = MultiplexId::LENGTH;
/// The longest keepalive with its multiplexID.
const LONGEST_KEEPALIVE: usize = MULTIPLEX_ID + 28;
/// Among how many sessions of one address a report without identifier is looked for.
const MOST_AT_ONE: usize = 64;

/// The shared pairs, and who is reached through them.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pairs: HashSet<PairId>,
    owners: HashMap<(PairId, u32), (FlowId, Side)>,
    tags: HashMap<(FlowId, Side), (PairId, u32)>,
    /// Who is reached through a pair at an address.
    neighbours: HashMap<(PairId, IpAddr), Vec<(FlowId, Side)>>,
    /// Where that is.
    places: HashMap<(FlowId, Side), (PairId, IpAddr)>,
    /// Packets with a multiplexID of no flow.
    pub(super) strays: u64,
    /// Of them, those that have been told of.
    told: u64,
    /// When that was.
    last: Option<Instant>,
    /// Who sent the last of them.
    from: Option<SocketAddr>,
}

impl Shared {
    pub(super) fn add(&mut self, pair: PairId) {
        self.pairs.insert(pair);
    }

    pub(super) fn has(&self, pair: PairId) -> bool {
        self.pairs.contains(&pair)
    }

    /// Packets of the pair with this identifier are for this side of the flow, and no others any more.
    pub(super) fn tag(&mut self, pair: PairId, owner: (FlowId, Side), id: Option<u32>) {
        self.untag(owner);
        if let Some(id) = id.filter(|_| self.has(pair)) {
            self.owners.insert((pair, id), owner);
            self.tags.insert(owner, (pair, id));
        }
    }

    /// Signalling says at which address this side of a flow is.
    pub(super) fn place(&mut self, owner: (FlowId, Side), ip: Option<IpAddr>) {
        let tag = self.tags.get(&owner);
        let place = tag.zip(ip).map(|((pair, _), ip)| (*pair, ip));
        if self.places.get(&owner).copied() == place {
            return;
        }
        self.displace(owner);
        if let Some(place) = place {
            self.places.insert(owner, place);
            self.neighbours.entry(place).or_default().push(owner);
        }
    }

    fn displace(&mut self, owner: (FlowId, Side)) {
        let Some(place) = self.places.remove(&owner) else { return };
        if let Some(all) = self.neighbours.get_mut(&place) {
            all.retain(|one| *one != owner);
            if all.is_empty() {
                self.neighbours.remove(&place);
            }
        }
    }

    /// Who is reached through a pair at this address; nobody when they are too many to be looked at for each packet.
    pub(super) fn at(&self, pair: PairId, ip: IpAddr) -> &[(FlowId, Side)] {
        let all = self.neighbours.get(&(pair, ip)).map_or(&[][..], Vec::as_slice);
        if all.len() > MOST_AT_ONE { &[] } else { all }
    }

    /// The strays that have not been told of, when it is time to tell.
    pub(super) fn untold(&mut self, now: Instant) -> Option<FlowFact> {
        let count = self.strays - self.told;
        let from = self.from.filter(|_| count > 0)?;
        let due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= TELL);
        due.then(|| {
            (self.told, self.last) = (self.strays, Some(now));
            FlowFact::Strays { from, count }
        })
    }

    fn untag(&mut self, owner: (FlowId, Side)) {
        if let Some(tag) = self.tags.remove(&owner) {
            self.owners.remove(&tag);
        }
        self.displace(owner);
    }

    pub(super) fn forget(&mut self, flow: FlowId) {
        self.untag((flow, Side::A));
        self.untag((flow, Side::B));
    }

    /// Whose packet it is. One implementation writes the identifier of its keepalives in the wrong byte order.
    pub(super) fn owner(&self, pair: PairId, packet: &[u8]) -> Option<(FlowId, Side)> {
        let id = packet.first_chunk().map(|octets| u32::from_be_bytes(*octets));
        id.and_then(|id| {
            let swapped = (packet.len() <= LONGEST_KEEPALIVE).then(|| id.swap_bytes());
            let owner = |id| self.owners.get(&(pair, id)).copied();
            owner(id).or_else(|| swapped.and_then(owner))
        })
    }

    /// A packet of a shared pair is nobody's.
    pub(super) const fn stray(&mut self, from: SocketAddr) {
        self.strays += 1;
        self.from = Some(from);
    }
}
