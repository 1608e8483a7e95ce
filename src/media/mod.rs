//! The fast path: where each RTP and RTCP packet of a proxied call goes. Pure: no socket, no lock, no allocation and
//! no log per packet. Workers of the shell and hosts of the simulated world call the same [`Table::relay`].

mod batch;
mod flow;
pub(crate) mod keyed;
mod learn;
mod leg;
mod packet;
mod patience;
mod seal;
mod shared;
mod source;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Instant;

use crate::face::{FlowCommand, FlowFact, FlowId, PairId, Side};
pub use batch::{Batch, Leaving};
use flow::Flow;
use learn::{Claim, Lesson, Mark};
use leg::Gate;
use shared::{MULTIPLEX_ID, Shared};

/// Flows whose room is kept in any case.
const SMALL: usize = 64;

/// Which port of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// The even one.
    Rtp,
    /// The odd one.
    Rtcp,
}

/// Where a packet leaves: through this port of this pair, to this address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Egress {
    /// The pair to send from.
    pub pair: PairId,
    /// Which of its ports.
    pub channel: Channel,
    /// The destination.
    pub to: SocketAddr,
    /// The multiplexID that it begins with.
    pub prefix: Option<u32>,
}

/// The flows of one worker (or of one simulated host).
#[derive(Debug, Default)]
pub struct Table {
    flows: HashMap<FlowId, Flow>,
    pairs: HashMap<PairId, (FlowId, Side)>,
    shared: Shared,
    facts: Vec<(FlowId, FlowFact)>,
    /// Packets of our own that wait to be sent.
    own: Vec<(Egress, Vec<u8>)>,
}

impl Table {
    /// Obeys a command. One that names an unknown flow is ignored: the flow has ended meanwhile.
    pub fn command(&mut self, command: FlowCommand) {
        match command {
            FlowCommand::Share { pair } => self.shared.add(pair),
            FlowCommand::Open { flow, pairs } => {
                for (pair, side) in pairs.into_iter().zip([Side::A, Side::B]) {
                    if !self.shared.has(pair) {
                        self.pairs.insert(pair, (flow, side));
                    }
                }
                self.flows.insert(flow, Flow::new(pairs));
            }
            FlowCommand::Multiplex { flow, side, receive, send } => {
                if let Some(open) = self.flows.get_mut(&flow) {
                    let state = open.side_mut(side);
                    state.prefix = send;
                    let (pair, ip) = (state.pair, state.ip());
                    self.shared.tag(pair, (flow, side), receive);
                    self.shared.place((flow, side), ip);
                }
            }
            FlowCommand::Punch { flow, side, to, payload_type, sequence, key } => {
                if let Some(open) = self.flows.get_mut(&flow) {
                    let own = open.side_mut(side).keepalives(to, (payload_type, sequence), key);
                    self.own.extend(own);
                }
            }
            FlowCommand::Party { flow, side, party } => {
                if let Some(open) = self.flows.get_mut(&flow) {
                    open.side_mut(side).arm(party);
                    self.shared.place((flow, side), Some(party.ip));
                }
            }
            FlowCommand::Beside { flow, side, ip } => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    flow.side_mut(side).beside = Some(ip);
                }
            }
            FlowCommand::Patience { flow, side, patience } => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    flow.side_mut(side).be_patient(patience);
                }
            }
            FlowCommand::Datagrams { flow } => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    for side in [Side::A, Side::B] {
                        flow.side_mut(side).datagrams = true;
                    }
                }
            }
            FlowCommand::Rearm { flow } => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    [Side::A, Side::B].into_iter().for_each(|side| flow.side_mut(side).doubt());
                }
            }
            FlowCommand::Listen { flow } => {
                if let Some(open) = self.flows.get_mut(&flow) {
                    let from = [Side::A, Side::B].map(|side| open.side_mut(side).take_heard());
                    self.facts.push((flow, FlowFact::Heard { from }));
                }
            }
            FlowCommand::Lock { flow, side } => self.gate(flow, side, Gate::lock),
            FlowCommand::Decrypt { flow, side, channel, key, clear, most } => {
                self.gate(flow, side, |gate| gate.decrypt(channel, &key, clear, most));
            }
            FlowCommand::Encrypt { flow, side, channel, key, clear, most } => {
                self.gate(flow, side, |gate| gate.encrypt(channel, &key, clear, most));
            }
            FlowCommand::Pass { flow, from, channel, payload_type } => {
                for (side, incoming) in [(from, true), (from.other(), false)] {
                    self.gate(flow, side, |gate| gate.pass(incoming, channel, payload_type));
                }
            }
            FlowCommand::ForgetOld { flow, side, channel } => {
                self.gate(flow, side, |gate| gate.forget_old(channel));
            }
            FlowCommand::Forget { flow, side, incoming, channel } => {
                self.gate(flow, side, |gate| gate.forget(incoming, channel));
            }
            FlowCommand::Close { flow } => {
                if let Some(ended) = self.flows.remove(&flow) {
                    for pair in ended.pairs() {
                        self.pairs.remove(&pair);
                    }
                    self.shared.forget(flow);
                    self.facts.push((flow, FlowFact::Ended { counts: ended.counts() }));
                    slim(&mut self.flows);
                    slim(&mut self.pairs);
                }
            }
        }
    }

    fn gate(&mut self, flow: FlowId, side: Side, change: impl FnOnce(&mut Gate)) {
        if let Some(flow) = self.flows.get_mut(&flow) {
            change(flow.gate_mut(side));
        }
    }

    /// Decides about a packet that arrived on a pair at this time, in the room of a batch, and is so long. It leaves at
    /// once; or, when it must be encrypted, from [`Batch::sealed`]; or it is taken or dropped (and counted). Packets of
    /// pairs without a flow are dropped.
    pub fn relay<'a>(
        &mut self,
        now: Instant,
        (pair, channel): (PairId, Channel),
        from: SocketAddr,
        batch: &'a mut Batch,
        length: usize,
    ) -> Option<Leaving<'a>> {
        let ((id, side), mark) = match self.pairs.get(&pair) {
            Some(owner) => (*owner, Mark::None),
            None => self.shared_owner(now, (pair, channel), from, batch.arrival(length)?)?,
        };
        let skip = if mark == Mark::Told { MULTIPLEX_ID } else { 0 };
        let flow = self.flows.get_mut(&id)?;
        let packet = batch.arrived(skip, length)?;
        let (departure, lesson) = flow.relay(now, (side, channel), from, packet, mark);
        if let Some(lesson) = lesson {
            let rtcp = channel == Channel::Rtcp;
            let fact = match lesson {
                Lesson::Learned => FlowFact::Learned { side, rtcp, from },
                Lesson::Stranger => FlowFact::Stranger { side, rtcp, from },
                Lesson::Strangers(count) => FlowFact::Strangers { side, count },
            };
            self.facts.push((id, fact));
        }
        for (side, incoming, channel) in flow.take_worn() {
            self.facts.push((id, FlowFact::Worn { side, incoming, channel }));
        }
        for fact in flow.take_answers() {
            self.facts.push((id, fact));
        }
        batch.leaves(skip, &departure?)
    }

    /// Whose packet it is that arrived on a shared pair, and how that is known; one that is nobody's is counted.
    fn shared_owner(
        &mut self,
        now: Instant,
        (pair, channel): (PairId, Channel),
        from: SocketAddr,
        packet: &[u8],
    ) -> Option<((FlowId, Side), Mark)> {
        if !self.shared.has(pair) {
            return None;
        }
        let told = self.shared.owner(pair, packet).map(|owner| (owner, Mark::Told));
        let found = told.or_else(|| {
            let owner = self.unmarked(pair, from, packet).filter(|_| channel == Channel::Rtcp);
            owner.map(|owner| (owner, Mark::Missing))
        });
        if found.is_none() {
            self.shared.stray(from);
        }
        let strays = self.shared.untold(now);
        self.facts.extend(strays.map(|strays| (FlowId::NONE, strays)));
        found
    }

    /// Whose report it is that came without its multiplexID, as some Polycom send them: that of the one with the best
    /// claim to it, or nobody's where two are as good.
    fn unmarked(&self, pair: PairId, from: SocketAddr, packet: &[u8]) -> Option<(FlowId, Side)> {
        let mut best: Option<(Claim, (FlowId, Side))> = None;
        let mut alone = true;
        for (id, side) in self.shared.at(pair, from.ip()) {
            let claim = self.flows.get(id).and_then(|flow| flow.side(*side).claim(from, packet));
            let Some(claim) = claim else { continue };
            match best.map_or(Ordering::Less, |(known, _)| known.cmp(&claim)) {
                Ordering::Less => (best, alone) = (Some((claim, (*id, *side))), true),
                Ordering::Equal => alone = false,
                Ordering::Greater => {}
            }
        }
        best.filter(|_| alone).map(|(_, owner)| owner)
    }

    /// The network says that nobody takes what was sent to an address from this port.
    pub fn unreachable(&mut self, now: Instant, pair: PairId, to: SocketAddr) {
        // Who shares the port cannot be told; it is for parties of H.460.19, whose addresses are learned.
        if let Some((flow, side)) = self.pairs.get(&pair)
            && let Some(flow) = self.flows.get_mut(flow)
        {
            flow.side_mut(*side).unreachable(now, to);
        }
    }

    /// The pair towards a side of a flow.
    pub(crate) fn pair(&self, flow: FlowId, side: Side) -> Option<PairId> {
        self.flows.get(&flow).map(|flow| flow.pairs()[side.index()])
    }

    /// Takes the keepalives that a [`FlowCommand::Punch`] left to be sent.
    pub fn take_own(&mut self) -> Vec<(Egress, Vec<u8>)> {
        std::mem::take(&mut self.own)
    }

    /// How many packets of shared pairs had a multiplexID of no flow. They were dropped.
    #[must_use]
    pub const fn strays(&self) -> u64 {
        self.shared.strays
    }

    /// Takes the oldest facts that have not been taken yet.
    pub fn take_facts(&mut self) -> Vec<(FlowId, FlowFact)> {
        std::mem::take(&mut self.facts)
    }

    /// True when a command or a packet left a fact to be taken.
    #[must_use]
    pub fn has_facts(&self) -> bool {
        !self.facts.is_empty()
    }

    /// How many flows are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// True when no flow is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }
}

/// Gives back the room of many that are gone: kilobytes for each flow. What is made smaller keeps room to grow, so that
/// this is rare.
fn slim<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > SMALL && map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}

#[cfg(test)]
mod tests;
