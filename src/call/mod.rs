//! Calls: two legs and a state each. Setup is taken in `setup`, everything after it in `progress`, what carries H.245
//! in `carrier` and `link`, the end in `release`. What H.245 says is understood in `control`.

mod carrier;
mod data;
mod disclose;
mod early;
mod failover;
mod first;
mod former;
mod hole;
mod keepalive;
mod leg;
mod link;
mod lost;
mod old;
mod parties;
mod placing;
mod progress;
mod registered;
mod release;
mod secure;
mod setup;
mod silence;
pub mod status;
mod tunnelled_ras;
mod words;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use pinhole_crypto::dh::KeyPair;
use pinhole_h323::asn::h225::ConferenceIdentifier;
use pinhole_h323::cause::Release;
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::signal::Leg as SignalLeg;

use crate::control::{DataChannels, Sessions};
use crate::event::CallRecord;
use crate::face::{FlowFact, FlowId, ListenerId, Side, StreamId};
use crate::node::{Cx, Mode, Timer};
use crate::security::Security;
use crate::zone::{self, ZoneId};
pub(crate) use leg::{ControlLink, Leg};
pub(crate) use release::Why;

/// Why a connection ends whose messages are none.
pub(crate) const NOT_UNDERSTOOD: &str = "sent a message that could not be understood";

/// The number of a call inside the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallKey(u32);

/// A deadline of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallTimer {
    /// The called party has to answer Setup.
    Answer,
    /// The called party has to pick up.
    Alerting,
    /// The call has lasted as long as it may.
    Limit,
    /// It has to be asked whether media still comes.
    Silence,
    /// Something has to be said on its connections (`EnableGnuGkTcpKeepAlive`).
    Refresh,
    /// The other party's H.245 connection has to follow the first one, or another a lost one.
    Control,
    /// A party has sent DRQ: its ReleaseComplete, which says more, has to follow.
    Disengaged(Side),
    /// A party has unregistered: its ReleaseComplete, which says more, has to follow.
    Unregistered(Side),
    /// The connections and pinholes to the server of a zone have to be kept open.
    KeepAlive,
    /// Keepalives of its media to the server of a zone are due.
    Punch,
    /// Keys have to be renewed, or old ones forgotten.
    Keys,
    /// The media plane has to report the counts of an ended call.
    Report,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) key: CallKey,
    pub(crate) id: CallId,
    /// The conference that the Setup names.
    conference: ConferenceIdentifier,
    /// The call reference, the same on both legs.
    pub(crate) crv: Crv,
    /// Caller and called party.
    pub(crate) legs: [Leg; 2],
    pub(crate) sessions: Sessions,
    pub(crate) data: DataChannels,
    /// What is encrypted.
    pub(crate) security: Security,
    /// Half keys of ours that are to be offered.
    half_keys: Option<Vec<Arc<KeyPair>>>,
    /// What the caller is to be answered.
    to_caller: secure::ToCaller,
    /// Messages that wait for work with half keys.
    held: secure::Held,
    /// How much of it goes through us.
    pub(crate) mode: Mode,
    /// True when each leg carries H.245 in its own way.
    translates: bool,
    /// The versions of H.225.0 that the parties speak, as far as they have said.
    version: [Option<u64>; 2],
    /// What is tried until it is answered.
    route: failover::Route,
    /// What the media plane has learned, for who asks.
    learned: status::Learned,
    /// The packets of strangers at its ports, as far as told.
    strangers: status::Strangers,
    state: State,
    started: Instant,
}

/// How far a call has come.
#[derive(Debug)]
enum State {
    /// The connection to the called party is being made; Setup will be sent on it.
    Placing,
    /// Setup is sent.
    Calling,
    /// The called party has answered that it is working on it.
    Ringing,
    /// Connect is sent.
    Talking(Instant),
    /// Over; the media plane has not reported all counts yet.
    Ended(Box<CallRecord>),
}

impl Call {
    pub(crate) const fn leg(&self, side: Side) -> &Leg {
        &self.legs[side.index()]
    }

    pub(crate) const fn leg_mut(&mut self, side: Side) -> &mut Leg {
        &mut self.legs[side.index()]
    }

    /// What every message of ours to a party begins with: we speak for the other one.
    fn speaks_to(&self, side: Side) -> SignalLeg {
        SignalLeg {
            crv: self.crv,
            from_destination: side == Side::A,
            call_id: self.id,
            tunnelling: carrier::tunnelled(self, side),
        }
    }

    /// True once the called party has answered.
    const fn is_connected(&self) -> bool {
        matches!(self.state, State::Talking(_))
    }

    /// True while messages of the call are taken.
    const fn is_live(&self) -> bool {
        !matches!(self.state, State::Ended(_))
    }
}

/// All calls, and what leads to them.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: BTreeMap<CallKey, Call>,
    index: Index,
    parties: parties::Parties,
}

/// What leads to a call.
#[derive(Debug, Default)]
pub(crate) struct Index {
    ids: BTreeMap<CallId, CallKey>,
    listeners: BTreeMap<ListenerId, (CallKey, Side)>,
    pub(crate) data: BTreeMap<ListenerId, CallKey>,
    pub(crate) flows: BTreeMap<FlowId, CallKey>,
    questions: BTreeMap<u32, CallKey>,
    last_question: u32,
    last_call: u32,
    last_flow: u32,
}

impl Index {
    /// A new flow of a call.
    pub(crate) fn new_flow(&mut self, key: CallKey) -> FlowId {
        self.last_flow = self.last_flow.wrapping_add(1).max(1);
        let flow = FlowId(self.last_flow);
        self.flows.insert(flow, key);
        flow
    }

    fn new_question(&mut self, key: CallKey) -> u32 {
        self.last_question = self.last_question.wrapping_add(1);
        self.questions.insert(self.last_question, key);
        self.last_question
    }

    fn new_call(&mut self, id: CallId) -> CallKey {
        self.last_call = self.last_call.wrapping_add(1);
        let key = CallKey(self.last_call);
        self.ids.insert(id, key);
        key
    }
}

impl Calls {
    /// How many calls there are, ended ones that still report included.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The neighbour that a call is placed to.
    pub(crate) fn called_zone(&self, id: CallId) -> Option<ZoneId> {
        let key = self.index.ids.get(&id)?;
        self.calls.get(key)?.leg(Side::B).zone
    }

    /// True when there is a call with this identifier.
    pub(crate) fn has(&self, id: CallId) -> bool {
        self.index.ids.contains_key(&id)
    }

    /// A connection asked for by a call stands.
    pub(crate) fn connected(&mut self, cx: &mut Cx<'_>, stream: StreamId, local: SocketAddr) {
        use crate::node::streams::Owner;
        let Some(owner) = cx.core.streams.stands(stream, local) else { return };
        match owner {
            Owner::Signalling(key, _) => self.reached(cx, key, local.ip()),
            Owner::Control(key, side) => self.control_connected(cx, key, side),
            Owner::Data(..) => {}
            Owner::Hole => zone::connected(cx, stream),
            Owner::Fresh => cx.close(stream),
        }
    }

    /// A connection ended.
    pub(crate) fn stream_closed(&mut self, cx: &mut Cx<'_>, stream: StreamId) {
        use crate::node::streams::Owner;
        let Some(closed) = cx.core.streams.closed(stream) else { return };
        match closed.owner() {
            Owner::Fresh | Owner::Hole => {
                zone::hole(cx, stream);
                cx.stop(&Timer::FirstMessage(stream));
            }
            Owner::Signalling(key, side) => self.party_lost(cx, key, side, closed.peer),
            Owner::Control(key, side) => self.control_lost(cx, key, side),
            Owner::Data(key, _) => self.data_closed(cx, key, stream),
        }
    }

    /// How much of a call goes through us.
    #[cfg(test)]
    pub(crate) fn mode_of(&self, id: CallId) -> Option<Mode> {
        Some(self.calls.get(self.index.ids.get(&id)?)?.mode)
    }

    /// A connection to a party could not be made because this host has no port left for it, or no connection.
    pub(crate) fn no_room(&mut self, cx: &mut Cx<'_>, stream: StreamId) {
        use crate::node::streams::{Owner, Stream};
        let owner = cx.core.streams.get(stream).map(Stream::owner);
        let (key, ports) = match owner {
            Some(Owner::Signalling(key, _)) => (key, "Q931PortRange"),
            Some(Owner::Control(key, _))
                if self.calls.get(&key).is_some_and(|call| !call.sessions.are_open()) =>
            {
                (key, "H245PortRange")
            }
            _ => return self.stream_closed(cx, stream),
        };
        cx.core.streams.closed(stream);
        let Some(call) = self.live(key) else { return };
        for leg in &mut call.legs {
            if leg.stream == Some(stream) {
                leg.stream = None;
            }
            if leg.control.stream() == Some(stream) {
                leg.control = ControlLink::None;
            }
        }
        let name = &call.leg(Side::B).name;
        let sentence = format!("no port is free for a connection of the call to {name} ({ports})");
        let why = Why::own(Release::GatekeeperResources, sentence);
        match owner {
            Some(Owner::Signalling(..)) => self.failed(cx, key, &why),
            _ => self.end(cx, key, &why),
        }
    }

    /// A connection carried something that nobody wants, as `what` says: it ends, and with it the leg it belongs to.
    pub(crate) fn stream_broken(&mut self, cx: &mut Cx<'_>, stream: StreamId, what: &str) {
        use crate::node::streams::{Owner, Stream};
        let Some(owner) = cx.core.streams.get(stream).map(Stream::owner) else { return };
        match owner {
            Owner::Fresh | Owner::Hole => {
                zone::hole(cx, stream);
                cx.stop(&Timer::FirstMessage(stream));
                cx.close(stream);
            }
            Owner::Data(..) => {}
            Owner::Signalling(key, side) | Owner::Control(key, side) => {
                let Some(call) = self.calls.get(&key) else { return };
                let sentence = format!("{} {what}", call.leg(side).name);
                let why = Why::protocol_error(sentence);
                if side == Side::B { self.failed(cx, key, &why) } else { self.end(cx, key, &why) }
            }
        }
    }

    /// A deadline has come.
    pub(crate) fn timeout(&mut self, cx: &mut Cx<'_>, key: CallKey, timer: CallTimer) {
        let Some(call) = self.calls.get(&key) else { return };
        let called = call.leg(Side::B).name.clone();
        match timer {
            CallTimer::Answer => {
                self.failed(
                    cx,
                    key,
                    &Why::no_response(format!("{called} did not answer Setup in time")),
                );
            }
            CallTimer::Alerting => {
                self.failed(cx, key, &Why::no_answer(format!("{called} did not pick up in time")));
            }
            CallTimer::Limit => {
                let sentence = "the call has lasted as long as it may".to_owned();
                self.end(cx, key, &Why::too_long(sentence));
            }
            CallTimer::Silence => self.listen(cx, key),
            CallTimer::Refresh => self.refresh(cx, key),
            CallTimer::Disengaged(side) => self.disengage(cx, key, side, "ended the call (DRQ)"),
            CallTimer::Unregistered(side) => self.disengage(cx, key, side, "unregistered"),
            CallTimer::Control => self.without_control(cx, key),
            CallTimer::Keys => self.renew_keys(cx, key),
            CallTimer::KeepAlive => self.keep_alive(cx, key),
            CallTimer::Punch => self.punch(cx, key),
            CallTimer::Report => self.report(cx, key),
        }
    }

    /// The media plane reports.
    pub(crate) fn flow_fact(&mut self, cx: &mut Cx<'_>, flow: FlowId, fact: FlowFact) {
        let Some(key) = self.index.flows.get(&flow).copied() else { return };
        let Some(call) = self.calls.get_mut(&key) else { return };
        match fact {
            FlowFact::Learned { side, rtcp, from } => {
                call.learned.insert((flow, side, rtcp), from);
                let (callid, kind) = (call.id.to_string(), if rtcp { "rtcp" } else { "rtp" });
                cx.event(crate::event::Event::MediaLearned { callid, from, kind });
            }
            FlowFact::Stranger { side, rtcp, from } => {
                call.strangers.entry((flow, side)).or_insert(1);
                let (callid, kind) = (call.id.to_string(), if rtcp { "rtcp" } else { "rtp" });
                cx.event(crate::event::Event::MediaStranger { callid, from, kind });
            }
            FlowFact::Unanswered { side, instead } => {
                let whose = (call.id.to_string(), call.leg(side).name.clone());
                if let Some(event) = call.sessions.unanswered(cx, (flow, side), instead, whose) {
                    cx.refusal(event);
                }
            }
            FlowFact::Answered { side } => {
                let whose = (call.id.to_string(), call.leg(side).name.clone());
                if let Some(event) = call.sessions.answered(cx, (flow, side), whose) {
                    cx.refusal(event);
                }
            }
            FlowFact::Heard { from } => self.heard(cx, key, flow, from),
            FlowFact::Strangers { side, count } => {
                call.strangers.insert((flow, side), count);
            }
            FlowFact::Strays { .. } => {}
            FlowFact::Worn { side, incoming, channel } => {
                self.key_worn(cx, key, (flow, side, incoming, channel));
            }
            FlowFact::Ended { counts } => {
                self.index.flows.remove(&flow);
                call.learned.retain(|(of, _, _), _| *of != flow);
                call.strangers.retain(|(of, _), _| *of != flow);
                call.sessions.ended(cx, flow, counts);
                if !call.is_live() && call.sessions.all_ended() {
                    self.report(cx, key);
                }
            }
        }
    }
}
