//! One relayed session: two sides, each with what is known of its party.

use std::net::SocketAddr;
use std::time::Instant;

use super::learn::{Arrival, Lesson, SideState};
use super::{Channel, Egress};
use crate::face::{FlowCounts, PairId, Side};

/// A session between two pairs.
#[derive(Debug)]
pub(super) struct Flow {
    sides: [SideState; 2],
}

impl Flow {
    pub(super) fn new(pairs: [PairId; 2]) -> Self {
        Self { sides: pairs.map(SideState::new) }
    }

    pub(super) fn side_mut(&mut self, side: Side) -> &mut SideState {
        &mut self.sides[side.index()]
    }

    pub(super) fn pairs(&self) -> [PairId; 2] {
        [self.sides[0].pair, self.sides[1].pair]
    }

    pub(super) fn counts(&self) -> [FlowCounts; 2] {
        [self.sides[0].counts, self.sides[1].counts]
    }

    /// Where a packet from `side` goes, and what it has taught. `tagged`: it came with its multiplexID.
    pub(super) fn forward(
        &mut self,
        now: Instant,
        (side, channel): (Side, Channel),
        from: SocketAddr,
        packet: &[u8],
        tagged: bool,
    ) -> (Option<Egress>, Option<Lesson>) {
        let here = &mut self.sides[side.index()];
        let (arrival, lesson) = here.receive(now, channel, from, packet, tagged);
        if arrival != Arrival::Relay {
            return (None, lesson);
        }
        let there = &self.sides[side.other().index()];
        let egress = there.destination(channel).map(|to| Egress {
            pair: there.pair,
            channel,
            to,
            skip: 0,
            prefix: there.prefix,
        });
        let counts = &mut self.sides[side.index()].counts;
        match (egress, channel) {
            (None, _) => counts.homeless += 1,
            (Some(_), Channel::Rtp) => counts.relayed += 1,
            (Some(_), Channel::Rtcp) => counts.control += 1,
        }
        (egress, lesson)
    }
}
