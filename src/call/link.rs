//! H.245 on connections of its own. Each party is offered a listener of ours in place of the other party's address.
//! When one party has connected, the other is connected to, or, if it is an H.460.18 client, asked to connect
//! (H.460.18 §5: a client opens every connection itself).

use std::net::SocketAddr;

use pinhole_h323::cause::Release;
use pinhole_h323::control::Control;
use pinhole_h323::h46018;
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Signal;

use tracing::debug;

use super::early::Carrier;
use super::lost::{self, CONTROL};
use super::{Call, CallKey, CallTimer, Calls, ControlLink, Leg, State, Why, carrier, old};
use crate::control;
use crate::face::Side;
use crate::node::streams::Owner;
use crate::node::{Cx, Mode, Timer, leads};
use crate::zone;

/// H.245 messages that may wait for a connection.
const MOST_QUEUED: usize = 64;
/// Octets of H.245 messages that may wait for a connection.
const MOST_QUEUED_OCTETS: usize = 128 << 10;

/// How often a party is connected to for H.245 in one call.
const MOST_DIALS: u8 = 8;

impl Calls {
    /// Puts our listener in place of the address a message tells, or adds it where the other party needs one.
    pub(super) fn adapt_h245_address(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        from: Side,
        signal: &mut Signal,
    ) {
        let Some(call) = self.calls.get_mut(&key).filter(|call| call.mode >= Mode::Control) else {
            return;
        };
        let told = signal.h245_address();
        if let Some(told) = told
            && !call.leg(from).client
        {
            let told = at_server(call.leg(from), told);
            let leads = leads(cx.core, call.leg(from).peer, told, false);
            call.leg_mut(from).h245 = leads.then_some(told);
        }
        let to = from.other();
        // In Setup a server can only take it for an address that it can connect to.
        if call.leg(to).server && signal.message_type() == MessageType::Setup {
            signal.set_h245_address(None);
            return;
        }
        let wanted = match signal.message_type() {
            MessageType::Setup => told.is_some() && may_tell(cx, call, signal),
            // Whoever has no tunnel has to be told by now, even if the called party has no address to tell: it may
            // tunnel, or be a client, to whom nobody could connect.
            MessageType::Connect if call.translates || call.leg(from).client => {
                !carrier::tunnelled(call, to)
            }
            _ if is_awaited(call, to, signal) => false,
            _ => told.is_some() && (!carrier::tunnelled(call, to) || parts(call, signal)),
        };
        let ours = match call.leg(to).control {
            ControlLink::None if wanted && !again(call, to, signal) => self.listener(cx, key, to),
            _ => None,
        };
        if told.is_some() || ours.is_some() {
            signal.set_h245_address(ours);
        }
        if let Some(call) = self.live(key)
            && ours.is_some()
            && carrier::leaves_tunnel(signal)
        {
            call.leg_mut(to).summoned = true;
        }
    }

    /// What follows from a message that has been sent on.
    pub(super) fn after_relay(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        from: Side,
        signal: &Signal,
    ) {
        let Some(call) = self.live(key).filter(|call| call.mode >= Mode::Control) else { return };
        let separate = !carrier::tunnelled(call, from);
        let leaves = carrier::leaves_tunnel(signal) && call.leg(from).control == ControlLink::None;
        if leaves && call.translates {
            call.leg_mut(from).tunnels = Some(false);
            self.reach(cx, key, from);
        } else if is_awaited(call, from.other(), signal) {
            self.reach(cx, key, from.other());
        } else if from == Side::B
            && call.leg(from).client
            && separate
            && signal.h245_address().is_some()
        {
            self.summon(cx, key, from);
        }
        if let Some(call) = self.live(key)
            && call.leg(from).server
            && !carrier::tunnelled(call, from)
            && call.leg(from).h245.is_some()
        {
            self.reach(cx, key, from);
        }
        // The caller's connection stands since an earlier called party was tried, so it is told no address again.
        let connect = signal.message_type() == MessageType::Connect;
        let reachable = |leg: &Leg| match leg.client {
            true => connect,
            false => leg.h245.is_some() && !leg.unreached,
        };
        if from == Side::B
            && let Some(call) = self.live(key)
            && matches!(call.leg(Side::A).control, ControlLink::Open(_))
            && !carrier::tunnelled(call, from)
            && reachable(call.leg(from))
        {
            self.reach(cx, key, from);
        }
        if from == Side::B && signal.message_type() == MessageType::Connect {
            for side in [Side::A, Side::B] {
                self.reach_after_connect(cx, key, side);
            }
            self.expect_control(cx, key);
        }
    }

    /// Once the call is connected, the H.245 connection of a party must come about while the other one tunnels: nobody
    /// but us can make it.
    fn reach_after_connect(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key).filter(|call| call.translates) else { return };
        if carrier::is_served(call, side) || !carrier::tunnelled(call, side.other()) {
            return;
        }
        cx.set(Timer::Call(key, CallTimer::Control), CONTROL);
        // The caller connects to the address that Connect has told it.
        if side == Side::B {
            self.reach(cx, key, side);
        }
    }

    /// Makes the H.245 connection of a party: to the address it has told, or by asking it to connect.
    pub(super) fn reach(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let leg = call.leg_mut(side);
        if leg.control != ControlLink::None {
            return;
        }
        match leg.h245.filter(|_| !leg.client) {
            // Who says again and again where it listens, and does not, wants something else of us.
            Some(_) if leg.dials >= MOST_DIALS => self.without_control(cx, key),
            Some(to) => {
                leg.dials += 1;
                let owner = Owner::Control(key, side);
                let dialled =
                    cx.core.streams.dial(cx.now, owner, Some(leg.local), to, &mut cx.core.out);
                leg.control = ControlLink::Dialling(dialled);
            }
            // The server of a zone cannot connect to us, and tells its address itself.
            None if leg.server => {}
            None => self.summon(cx, key, side),
        }
    }

    /// The listener of a leg, made if need be; its call ends when there is no port for it.
    fn listener(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) -> Option<SocketAddr> {
        let call = self.calls.get_mut(&key)?;
        let leg = call.leg_mut(side);
        if let Some(listener) = leg.listener {
            return Some(cx.core.told(listener.at, leg.peer));
        }
        let Some(listener) = cx.core.ports.listener(cx.now, leg.local, &mut cx.core.out) else {
            let sentence = "no port is free for an H.245 connection (H245PortRange)".to_owned();
            self.end(cx, key, &Why::own(Release::GatekeeperResources, sentence));
            return None;
        };
        leg.listener = Some(listener);
        let told = cx.core.told(listener.at, leg.peer);
        self.index.listeners.insert(listener.id, (key, side));
        Some(told)
    }

    /// Asks a client to connect to our listener (Facility with reason startH245).
    pub(super) fn summon(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let leg = call.leg(side);
        if leg.summoned || leg.control != ControlLink::None {
            return;
        }
        let Some(at) = self.listener(cx, key, side) else { return };
        let Some(call) = self.live(key) else { return };
        let id = call.id;
        let mut facility = Signal::start_h245(call.speaks_to(side), at);
        let leg = call.leg_mut(side);
        leg.summoned = true;
        debug!(call = %id, name = leg.name, %at, "asked to connect for H.245");
        let ours = cx.core.settings.ability();
        facility.set_feature(pinhole_h323::generic::Need::Supported, ours.to_feature());
        if let (Some(stream), Ok(octets)) = (leg.stream, facility.encode()) {
            cx.send(stream, &octets);
        }
    }

    /// A connection to a party stands.
    pub(super) fn control_connected(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let leg = call.leg_mut(side);
        if let ControlLink::Dialling(stream) = leg.control {
            leg.control = ControlLink::Open(stream);
            self.control_open(cx, key, side);
        }
    }

    /// One side stands: what waited for it is sent, and the other side is made.
    pub(super) fn control_open(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let call_id = call.id;
        let leg = call.leg_mut(side);
        let ControlLink::Open(stream) = leg.control else { return };
        (leg.unreached, leg.forsaken) = (false, false);
        let queued = std::mem::take(&mut leg.queue);
        // The first thing that a server hears: which call it is for (H.460.18 §11).
        if leg.server {
            let answer_call = side == Side::A;
            let correlation = h46018::Correlation { call_id, answer_call }.to_control();
            if let Ok(octets) = correlation.encode() {
                cx.send(stream, &octets);
            }
        }
        for message in queued {
            cx.send(stream, &message);
        }
        if call.leg(side.other()).control != ControlLink::None {
            return;
        }
        if carrier::tunnelled(call, side.other()) {
            return;
        }
        cx.set(Timer::Call(key, CallTimer::Control), CONTROL);
        let other = call.leg(side.other());
        if other.client || other.h245.is_some() {
            self.reach(cx, key, side.other());
        }
    }

    /// Takes an H.245 message of a connection of its own.
    pub(crate) fn control(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side, octets: &[u8]) {
        let Some(call) = self.calls.get_mut(&key).filter(|call| call.is_live()) else { return };
        if asked(cx, call, side, octets) {
            return;
        }
        if side == Side::A && matches!(call.state, State::Placing) {
            return self.speaks_early(cx, key, Carrier::Control, octets);
        }
        if side == Side::A {
            call.keep_early(Carrier::Control, octets);
        }
        call.route.committed |= side == Side::B;
        let verdict = control::receive(cx, call, &mut self.index, side, octets);
        if let Some(message) = verdict.forward {
            self.send_control(cx, key, side.other(), message);
        }
        if let Some(message) = verdict.reply {
            self.send_control(cx, key, side, message);
        }
        self.check_security(cx, key);
    }

    /// Sends an H.245 message to a party: on its connection, when it stands; in a Facility, when it tunnels.
    pub(super) fn send_control(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        side: Side,
        message: Vec<u8>,
    ) {
        let Some(call) = self.live(key) else { return };
        let tunnelled = carrier::tunnelled(call, side);
        let words = call.speaks_to(side);
        let lost = lost::is_lost(call, side);
        let may_wait = call.leg(side.other()).control != ControlLink::None || call.is_connected();
        let leg = call.leg_mut(side);
        match leg.control {
            ControlLink::Open(stream) => cx.send(stream, &message),
            ControlLink::None if tunnelled => {
                if leg.tunnels.is_none() {
                    carrier::keep(leg, std::slice::from_ref(&message));
                }
                let mut facility = Signal::transport(words);
                facility.set_h245_control(vec![message]);
                old::make_fit(call, side, &mut facility);
                if let (Some(stream), Ok(octets)) = (call.leg(side).stream, facility.encode()) {
                    cx.send(stream, &octets);
                }
            }
            // Whoever cannot be told the end of the session is told that of the call.
            _ if leg.forsaken && leg.session_ended => {}
            _ if !leg.forsaken && has_room(leg, &message) => {
                leg.queue.push(message);
                // Early H.245: whoever has told its address, or is a client, is reached before Connect.
                if !may_wait && (leg.client || leg.h245.is_some()) {
                    self.reach(cx, key, side);
                }
            }
            _ if lost => {
                let why = lost::for_good(&leg.name);
                self.end(cx, key, &why);
            }
            _ => {
                let sentence = format!("{} did not open its H.245 connection", leg.name);
                self.end(cx, key, &Why::own(Release::UndefinedReason, sentence));
            }
        }
    }
}

/// The server of a zone asks whether it is us who have connected for H.245; true if it does. Only the first thing that it
/// says can be that.
fn asked(cx: &mut Cx<'_>, call: &mut Call, side: Side, octets: &[u8]) -> bool {
    let id = call.id;
    let leg = call.leg_mut(side);
    let (Some(bond), Some(stream)) = (leg.bond.filter(|_| leg.server), leg.control.stream()) else {
        return false;
    };
    let first = leg.control_heard.replace(stream) != Some(stream);
    first && zone::asked_for_control(cx, stream, bond, id, octets)
}

/// True when a Setup may tell where we listen for H.245.
fn may_tell(cx: &Cx<'_>, call: &Call, setup: &Signal) -> bool {
    let handling = &cx.core.settings.handling;
    let tunnels = setup.h245_tunnelling() == Some(true);
    !handling.removes_setup_h245_address
        && !(tunnels && (handling.removes_h245_address || call.leg(Side::A).tunnels == Some(true)))
}

/// True for a wish to leave the tunnel that the other party has to hear of, since one carrier serves both.
fn parts(call: &Call, signal: &Signal) -> bool {
    !call.translates && carrier::leaves_tunnel(signal)
}

/// True for a wish to connect that the party has been told already.
fn again(call: &Call, to: Side, signal: &Signal) -> bool {
    call.leg(to).summoned && carrier::leaves_tunnel(signal)
}

/// True for a wish to connect to a party that listens itself already, and is connected to. Told of a listener of ours as
/// well, it would have to choose between the two, as we would.
fn is_awaited(call: &Call, party: Side, signal: &Signal) -> bool {
    let leg = call.leg(party);
    carrier::leaves_tunnel(signal)
        && leg.h245.is_some()
        && !leg.traverses()
        && !carrier::tunnelled(call, party)
}

/// True when one more H.245 message may wait for a party's connection.
pub(super) fn has_room(leg: &Leg, message: &[u8]) -> bool {
    let waiting: usize = leg.queue.iter().map(Vec::len).sum();
    leg.queue.len() < MOST_QUEUED && waiting + message.len() <= MOST_QUEUED_OCTETS
}

/// Says that the H.245 session is over on a connection of its own that is about to be closed, unless the other party
/// has said so: a connection that is closed without a word counts as broken (H.323 §8.5).
pub(super) fn end_session(cx: &mut Cx<'_>, leg: &Leg) {
    let ControlLink::Open(stream) = leg.control else { return };
    if let (false, Ok(octets)) = (leg.session_ended, Control::end_session().encode()) {
        cx.send(stream, &octets);
    }
}

/// Where a party listens for H.245: the server of a zone only at its own address.
fn at_server(leg: &Leg, told: SocketAddr) -> SocketAddr {
    if leg.server { SocketAddr::new(leg.peer, told.port()) } else { told }
}
