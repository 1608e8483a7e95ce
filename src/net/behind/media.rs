//! The media of an agent behind a firewall: the same [`Table`] that the workers of the open ground ask, in the task of
//! the agent, because every packet has to pass the firewall.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Instant;

use crate::face::{FlowCommand, FlowFact, FlowId, PairId};
use crate::media::{Batch, Channel, Egress, Leaving, Table};

/// A packet that leaves: from this private address, to that address.
pub(super) type Departure = (SocketAddr, SocketAddr, Vec<u8>);

/// The flows, and where their pairs are.
#[derive(Debug, Default)]
pub(super) struct Media {
    table: Table,
    batch: Batch,
    /// The even address of each pair.
    pairs: HashMap<PairId, SocketAddr>,
    shared: HashSet<PairId>,
    flows: HashMap<FlowId, [PairId; 2]>,
}

impl Media {
    pub(super) fn add(&mut self, pair: PairId, even: SocketAddr) {
        self.pairs.insert(pair, even);
    }

    /// Forgets a pair; its even address.
    pub(super) fn remove(&mut self, pair: PairId) -> Option<SocketAddr> {
        self.pairs.remove(&pair)
    }

    /// True for a pair that is in use. It is given back with its flow, and not before.
    pub(super) fn uses(&self, pair: PairId) -> bool {
        self.shared.contains(&pair) || self.flows.values().any(|pairs| pairs.contains(&pair))
    }

    /// True when the pairs that a command needs are bound, and the flow that it closes is open.
    pub(super) fn can(&self, command: &FlowCommand) -> bool {
        match command {
            FlowCommand::Share { pair } => self.pairs.contains_key(pair),
            FlowCommand::Open { pairs, .. } => {
                pairs.iter().all(|pair| self.pairs.contains_key(pair))
            }
            FlowCommand::Close { flow } => self.flows.contains_key(flow),
            _ => true,
        }
    }

    /// Obeys; the packets that leave then, and the pairs that have ended.
    pub(super) fn command(&mut self, command: FlowCommand) -> (Vec<Departure>, Vec<PairId>) {
        let mut ended = Vec::new();
        match &command {
            FlowCommand::Share { pair } => {
                self.shared.insert(*pair);
            }
            FlowCommand::Open { flow, pairs } => {
                self.flows.insert(*flow, *pairs);
            }
            FlowCommand::Close { flow } => {
                let pairs = self.flows.remove(flow).into_iter().flatten();
                ended.extend(pairs.filter(|pair| !self.shared.contains(pair)));
            }
            _ => {}
        }
        self.table.command(command);
        let own = self.table.take_own();
        let leaving =
            own.into_iter().filter_map(|(egress, packet)| self.departure(&egress, packet));
        (leaving.collect(), ended)
    }

    /// Relays a packet that has come to a pair.
    pub(super) fn relay(
        &mut self,
        now: Instant,
        at: (PairId, Channel),
        from: SocketAddr,
        bytes: &[u8],
    ) -> Vec<Departure> {
        let Some(room) = self.batch.room().and_then(|room| room.get_mut(..bytes.len())) else {
            return Vec::new();
        };
        room.copy_from_slice(bytes);
        let owned = |leaving: Leaving<'_>| (leaving.egress(), leaving.octets().to_vec());
        let left = self.table.relay(now, at, from, &mut self.batch, bytes.len()).map(owned);
        let left: Vec<_> = left.into_iter().chain(self.batch.sealed().map(owned)).collect();
        left.into_iter().filter_map(|(egress, packet)| self.departure(&egress, packet)).collect()
    }

    fn departure(&self, egress: &Egress, packet: Vec<u8>) -> Option<Departure> {
        let even = *self.pairs.get(&egress.pair)?;
        let own = match egress.channel {
            Channel::Rtp => even,
            Channel::Rtcp => super::odd_of(even),
        };
        Some((own, egress.to, packet))
    }

    /// Takes what the flows have to tell.
    pub(super) fn take_facts(&mut self) -> Vec<(FlowId, FlowFact)> {
        self.table.take_facts()
    }
}
