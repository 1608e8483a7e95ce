//! A relayed RTP session of a call. Both directions of it share one pair of ports on each side.

mod answers;
mod status;
mod table;
mod told;

use std::net::IpAddr;

use pinhole_config::Medium;
use pinhole_h323::mux::MultiplexId;
use rand::RngExt as _;
use tracing::debug;

use super::codec;
use super::keys::Keyed;
use super::punch::{self, Punch};
use crate::call::CallKey;
use crate::call::{Index, Leg};
use crate::event::{ChannelRecord, LegCipher};
use crate::face::{FlowCommand, FlowCounts, FlowId, Output, Party, Ports, Side};
use crate::node::Cx;
use crate::node::ports::Pair;
use crate::node::quota::Lack;
use answers::Answer;
pub(crate) use table::Sessions;
pub(super) use told::sendable;

/// Channels that the record of a call tells of; a party that opens more does it to fill memory.
const MOST_RECORDS: usize = 128;

/// A relayed session.
#[derive(Debug)]
pub(crate) struct Session {
    /// The H.245 sessionID; 0 when the master has not assigned one yet.
    id: u8,
    pub(super) call: CallKey,
    pub(super) flow: FlowId,
    /// The pair towards A and the pair towards B.
    pairs: [Pair; 2],
    parties: [Party; 2],
    /// The parties' addresses as their signalling shows them.
    peers: [IpAddr; 2],
    /// Which of them the configuration names: they speak for many.
    named: [bool; 2],
    channels: Vec<Channel>,
    /// Proposed by fast start, and not answered yet.
    offered: bool,
    /// It carries datagrams that are no RTP.
    datagrams: bool,
    /// The multiplexIDs by which packets of each side arrive, when its pair is shared.
    receive: [Option<MultiplexId>; 2],
    /// What each side wants packets to begin with.
    send: [Option<MultiplexId>; 2],
    /// Where a server wants our keepalives.
    pub(super) punches: [Option<Punch>; 2],
    /// What each direction carries, for the record.
    contents: [Option<(&'static str, String)>; 2],
    /// What each direction is encrypted with on its legs.
    ciphers: [Vec<LegCipher>; 2],
    /// A channel of each direction is open, or was until the next one.
    accepted: [bool; 2],
    /// Each direction had a channel in clear, beside encrypted ones.
    was_clear: [bool; 2],
    /// The newest key of each channel, by opener, the oldest channel first.
    pub(super) keyed: [Vec<Keyed>; 2],
    /// Nothing in clear passes on these sides.
    locked: [bool; 2],
    /// How often in a row it was asked in vain whether something came from each side.
    silent: [u8; 2],
    /// Whether media of each side may also come from where its signalling does.
    beside: [bool; 2],
    /// Whether something comes from the addresses that the sides have told.
    answers: [Answer; 2],
    /// An address that a party named for media in clear, in a network where that may not be.
    exposed: Option<(Side, IpAddr)>,
}

/// A multiplexID nobody can guess, for a leg that can multiplex at an address of ours that has the ports for it.
fn multiplexed(cx: &mut Cx<'_>, leg: &Leg) -> Option<MultiplexId> {
    let possible = leg.traverses() && leg.multiplexes && cx.core.ports.shared(leg.local).is_some();
    let core = &mut *cx.core;
    possible.then(|| core.marks.draw(|| core.rng.random()))
}

/// The ports on the side of each leg: those that all share, or a pair of its own, which the caller holds.
fn ports(cx: &mut Cx<'_>, legs: &[Leg; 2], shared: [bool; 2]) -> Result<[Pair; 2], Lack> {
    let [a, b] = legs;
    let core = &mut *cx.core;
    let mut pair = |leg: &Leg, shared: bool| match core.ports.shared(leg.local) {
        Some(pair) if shared => Ok(pair),
        _ => core.ports.pair(cx.now, leg.local, a.holder(), &mut core.out),
    };
    let to_a = pair(a, shared[0])?;
    let to_b = pair(b, shared[1]).inspect_err(|_| {
        if !shared[0] {
            cx.core.ports.put_back(a.local, to_a);
        }
    })?;
    Ok([(to_a, a), (to_b, b)]
        .map(|(pair, leg)| Pair { rtp: cx.core.told(pair.rtp, leg.peer), ..pair }))
}

/// True for a neighbour and for a permanent endpoint.
fn is_named(cx: &Cx<'_>, leg: &Leg) -> bool {
    let registration = leg.endpoint.as_ref().and_then(|id| cx.core.registrations.get(id));
    leg.zone.is_some() || registration.is_some_and(|registration| registration.permanent)
}

/// A logical channel, named by its opener and its number.
#[derive(Debug, PartialEq, Eq)]
struct Channel {
    opener: Side,
    number: u16,
}

/// The session that a channel wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its sessionID. 0 is always a new one, whose number the master assigns in its answer (H.245 §C.3).
    pub(super) id: u8,
    /// The number of the opener's channel that it takes the place of (replacementFor): without a sessionID of its own,
    /// it stays in that one's session.
    pub(super) replaces: Option<u16>,
    /// It carries datagrams that are no RTP.
    pub(super) datagrams: bool,
}

/// Why no session can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSession {
    /// The call has as many as it may.
    TooMany,
    /// No pair of ports is to be had.
    NoPorts(Lack),
}

impl Session {
    fn new(
        cx: &mut Cx<'_>,
        key: CallKey,
        legs: &[Leg; 2],
        index: &mut Index,
        id: u8,
    ) -> Result<Self, NoSession> {
        let [a, b] = legs;
        let receive = [a, b].map(|leg| multiplexed(cx, leg));
        let [to_a, to_b] = ports(cx, legs, receive.map(|id| id.is_some())).map_err(|lack| {
            receive.into_iter().flatten().for_each(|id| cx.core.marks.free(id));
            cx.core.counters.crowded += 1;
            NoSession::NoPorts(lack)
        })?;
        let flow = index.new_flow(key);
        debug!(flow = flow.0, session = id, to_a = %to_a.rtp, to_b = %to_b.rtp, "media session opened");
        cx.core.out.push(Output::Flow(FlowCommand::Open { flow, pairs: [to_a.id, to_b.id] }));
        let parties = [a, b].map(|leg| Party { ip: leg.peer, ports: Ports::Unknown });
        let mut session = Self {
            id,
            call: key,
            flow,
            pairs: [to_a, to_b],
            parties,
            peers: [a.peer, b.peer],
            named: [a, b].map(|leg| is_named(cx, leg)),
            channels: Vec::new(),
            offered: false,
            datagrams: false,
            receive,
            send: [None; 2],
            punches: [None; 2],
            contents: [None, None],
            ciphers: [Vec::new(), Vec::new()],
            accepted: [false; 2],
            was_clear: [false; 2],
            keyed: [Vec::new(), Vec::new()],
            locked: [false; 2],
            silent: [0; 2],
            beside: [false; 2],
            answers: [Answer::Free; 2],
            exposed: None,
        };
        session.lock(cx, legs);
        for (side, leg) in [(Side::A, a), (Side::B, b)] {
            session.tell_identifiers(cx, side);
            if leg.media_is_learned() {
                session.learn(cx, side, leg, None);
            }
        }
        Ok(session)
    }

    /// Its number in the media plane.
    pub(super) const fn flow(&self) -> FlowId {
        self.flow
    }

    /// On legs that are encrypted nothing in clear passes from now on.
    fn lock(&mut self, cx: &mut Cx<'_>, legs: &[Leg; 2]) {
        let flow = self.flow;
        for (locked, leg) in self.locked.iter_mut().zip(legs) {
            *locked |= leg.encrypted;
        }
        for (side, _) in [Side::A, Side::B].into_iter().zip(legs).filter(|(_, leg)| leg.encrypted) {
            cx.core.out.push(Output::Flow(FlowCommand::Lock { flow, side }));
        }
    }

    /// True when it is locked on the legs that are encrypted, and on no other.
    pub(super) fn fits(&self, legs: &[Leg; 2]) -> bool {
        self.locked == legs.each_ref().map(|leg| leg.encrypted)
    }

    /// Our ports on the side of a leg.
    pub(super) const fn pair(&self, side: Side) -> Pair {
        self.pairs[side.index()]
    }

    /// From now on it carries datagrams that are no RTP, too.
    pub(super) fn carry_datagrams(&mut self, cx: &mut Cx<'_>) {
        if !self.datagrams {
            self.datagrams = true;
            cx.core.out.push(Output::Flow(FlowCommand::Datagrams { flow: self.flow }));
            self.await_first(cx);
        }
    }

    /// True when it carries datagrams that are no RTP.
    pub(super) const fn has_datagrams(&self) -> bool {
        self.datagrams
    }

    /// The multiplexID by which packets of a side arrive; none when its pair is its own.
    pub(super) const fn identifier(&self, side: Side) -> Option<MultiplexId> {
        self.receive[side.index()]
    }

    /// A party wants what is sent to it to begin with this.
    pub(super) fn wants(&mut self, cx: &mut Cx<'_>, side: Side, identifier: Option<MultiplexId>) {
        if let (Some(_), Some(slot)) = (identifier, self.send.get_mut(side.index()))
            && *slot != identifier
        {
            *slot = identifier;
            self.tell_identifiers(cx, side);
        }
    }

    fn tell_identifiers(&self, cx: &mut Cx<'_>, side: Side) {
        let [receive, send] = [self.receive, self.send].map(|all| all[side.index()].map(|id| id.0));
        if receive.is_some() || send.is_some() {
            let flow = self.flow;
            cx.core.out.push(Output::Flow(FlowCommand::Multiplex { flow, side, receive, send }));
        }
    }

    /// An acknowledgement tells the sessionID, which the master assigns if the opener did not know it.
    pub(super) const fn assign(&mut self, id: u8) {
        if self.id == 0 {
            self.id = id;
        }
    }

    /// The receiver of a channel has accepted it.
    pub(super) const fn is_accepted(&mut self, opener: Side) {
        self.accepted[opener.index()] = true;
    }

    /// What one party sends, in a channel that has no key yet: whatever encrypted one before it says nothing of this. The
    /// media plane counts the packets of both together, so if one of them was in clear, the record must not call them
    /// encrypted.
    pub(super) fn carries(&mut self, from: Side, content: (&'static str, String)) {
        let at = from.index();
        let clear = std::mem::take(&mut self.accepted[at]) && self.ciphers[at].is_empty();
        self.was_clear[at] |= clear;
        if let Some(slot) = self.contents.get_mut(from.index()) {
            *slot = Some(content);
        }
        if let Some(legs) = self.ciphers.get_mut(from.index()) {
            legs.clear();
        }
    }

    /// True when it carries a second video (H.239).
    fn presents(&self) -> bool {
        self.senders(Medium::H239) != [false; 2]
    }

    /// Which sides have a channel of a kind open.
    fn senders(&self, medium: Medium) -> [bool; 2] {
        let of = |(media, codec): &(&str, String)| match (*media, codec.as_str()) {
            ("audio", _) => medium == Medium::Audio,
            ("video", codec::PRESENTATION) => medium == Medium::H239,
            ("video", _) => medium == Medium::Video,
            _ => false,
        };
        let [a, b] = self.contents.each_ref().map(|content| content.as_ref().is_some_and(of));
        let opens = |side| self.channels.iter().any(|channel| channel.opener == side);
        [a && opens(Side::A), b && opens(Side::B)]
    }

    /// What one party sends is encrypted on a leg.
    pub(super) fn is_encrypted(&mut self, from: Side, cipher: LegCipher) {
        if let Some(legs) = self.ciphers.get_mut(from.index()) {
            legs.retain(|known| known.leg != cipher.leg);
            legs.push(cipher);
            legs.sort_unstable_by_key(|known| known.leg);
        }
    }

    /// The media address of a party has to be learned from its packets.
    pub(super) fn learn(&mut self, cx: &mut Cx<'_>, side: Side, leg: &Leg, keepalive: Option<u8>) {
        let (port, identifier) = (self.pair(side).rtp.port(), self.identifier(side));
        let key = leg.client.then_some(leg.bond).flatten();
        let key = key.map(|bond| punch::key(bond, port, identifier));
        self.tell(cx, side, Party { ip: leg.peer, ports: Ports::Learned { keepalive, key } });
    }

    /// What a side wants packets to begin with.
    pub(super) const fn wanted(&self, side: Side) -> Option<MultiplexId> {
        self.send[side.index()]
    }

    /// The payload type that a party has told for its keepalives.
    pub(super) fn keepalive_type(&self, side: Side) -> Option<u8> {
        match self.parties.get(side.index())?.ports {
            Ports::Learned { keepalive, .. } => keepalive,
            Ports::Unknown | Ports::Signalled { .. } | Ports::Latched { .. } => None,
        }
    }

    fn tell(&mut self, cx: &mut Cx<'_>, side: Side, party: Party) {
        let Some(known) = self.parties.get_mut(side.index()) else { return };
        if *known != party {
            let moved = known.ip != party.ip;
            *known = party;
            let flow = self.flow;
            cx.core.out.push(Output::Flow(FlowCommand::Party { flow, side, party }));
            if moved {
                self.await_answer(cx, side, party.ip);
            }
        }
    }

    fn record(self, counts: [FlowCounts; 2], records: &mut Vec<ChannelRecord>) {
        let directions = ["a-to-b", "b-to-a"];
        let mut ciphers = self.ciphers;
        for (legs, _) in ciphers.iter_mut().zip(self.was_clear).filter(|(_, clear)| *clear) {
            legs.clear();
        }
        let all = self.contents.into_iter().zip(ciphers).zip(counts).zip(directions);
        for (((content, legs), counts), direction) in all {
            let Some((media, codec)) = content.filter(|_| records.len() < MOST_RECORDS) else {
                continue;
            };
            records.push(ChannelRecord {
                media,
                direction,
                codec,
                packets: counts.relayed,
                lost: 0,
                jitter_ms: None,
                tone_hz: None,
                cipher: legs.first().map_or("none", |leg| leg.cipher).to_owned(),
                dh_bits: legs.first().map(|leg| leg.dh_bits),
                legs,
                strangers: counts.strangers,
                unanswered: counts.unanswered,
                latency_ms: None,
            });
        }
    }
}
