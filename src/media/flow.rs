//! One relayed session: two sides, each with what is known of its party.

use std::net::SocketAddr;
use std::time::Instant;

use super::batch::Arrived;
use super::learn::{Arrival, Lesson, Mark, SideState, Way};
use super::leg::{self, Departure, Gate};
use super::{Channel, Egress};
use crate::face::{FlowCounts, FlowFact, PairId, Side};

/// A session between two pairs.
#[derive(Debug)]
pub(super) struct Flow {
    sides: [SideState; 2],
    gates: [Gate; 2],
    /// See [`Flow::take_worn`].
    worn: Worn,
}

/// See [`Flow::take_worn`].
type Worn = [Option<(Side, bool, u16)>; 2];

impl Flow {
    pub(super) fn new(pairs: [PairId; 2]) -> Self {
        Self {
            sides: pairs.map(SideState::new),
            gates: [Gate::default(), Gate::default()],
            worn: [None; 2],
        }
    }

    pub(super) const fn side(&self, side: Side) -> &SideState {
        &self.sides[side.index()]
    }

    pub(super) fn side_mut(&mut self, side: Side) -> &mut SideState {
        &mut self.sides[side.index()]
    }

    pub(super) fn gate_mut(&mut self, side: Side) -> &mut Gate {
        &mut self.gates[side.index()]
    }

    /// The keys that the last packet has worn: of which leg, whether for what comes in from it, and of which channel.
    pub(super) fn take_worn(&mut self) -> impl Iterator<Item = (Side, bool, u16)> {
        std::mem::take(&mut self.worn).into_iter().flatten()
    }

    /// What has changed of whether something comes from where media goes.
    pub(super) fn take_answers(&mut self) -> impl Iterator<Item = FlowFact> {
        let [a, b] = &mut self.sides;
        [a.take_answer(Side::A), b.take_answer(Side::B)].into_iter().flatten()
    }

    pub(super) fn pairs(&self) -> [PairId; 2] {
        [self.sides[0].pair, self.sides[1].pair]
    }

    pub(super) fn counts(&self) -> [FlowCounts; 2] {
        [self.sides[0].counts, self.sides[1].counts]
    }

    /// Where a packet from `side` goes, and what it has taught.
    pub(super) fn relay(
        &mut self,
        now: Instant,
        (side, channel): (Side, Channel),
        from: SocketAddr,
        mut packet: Arrived<'_>,
        mark: Mark,
    ) -> (Option<Departure>, Option<Lesson>) {
        let here = &mut self.sides[side.index()];
        let (arrival, lesson) = here.receive(now, channel, from, packet.octets(), mark);
        if arrival != Arrival::Relay {
            return (None, lesson);
        }
        let there = &mut self.sides[side.other().index()];
        let way = there.way(now, channel);
        let egress = match way {
            Way::To(to) => Some(Egress { pair: there.pair, channel, to, prefix: there.prefix }),
            Way::Unknown | Way::Unanswered => None,
        };
        let departure = match (egress, channel) {
            (None, _) => None,
            (Some(egress), Channel::Rtcp) => {
                leg::control(&self.gates[side.other().index()], egress, &packet)
            }
            (Some(egress), Channel::Rtp) => {
                let [a, b] = &mut self.gates;
                let (from, to) = if side == Side::A { (a, b) } else { (b, a) };
                let crossed = leg::cross(from, to, egress, &mut packet).ok();
                if let Some((_, [incoming, outgoing])) = crossed {
                    self.worn = [(side, true, incoming), (side.other(), false, outgoing)]
                        .map(|(leg, incoming, worn)| Some((leg, incoming, worn?)));
                }
                crossed.map(|(departure, _)| departure)
            }
        };
        let counts = &mut self.sides[side.index()].counts;
        match (way, departure, channel) {
            (Way::Unknown, ..) => counts.homeless += 1,
            (Way::Unanswered, ..) => counts.unanswered += 1,
            (Way::To(_), None, _) => counts.insecure += 1,
            (_, Some(_), Channel::Rtp) => counts.relayed += 1,
            (_, Some(_), Channel::Rtcp) => counts.control += 1,
        }
        (departure, lesson)
    }
}
