//! Everything after Setup: each message of one leg is understood, edited where it speaks of one leg only, and sent on
//! the other.

use pinhole_h323::asn::h225::{FacilityReason, H323UUPDUH323MessageBody as Body};
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::generic;
use pinhole_h323::h46019::Ability;
use pinhole_h323::id::Crv;
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::{Leg as SignalLeg, Signal};
use tracing::trace;

use super::early::{Carrier, Early};
use super::{
    Call, CallKey, CallTimer, Calls, NOT_UNDERSTOOD, State, Why, carrier, disclose, old, silence,
    words,
};
use crate::control;
use crate::event::Event;
use crate::face::Side;
use crate::node::{Cx, Mode, Timer};
use crate::zone;

/// Features that belong to one leg and are never passed on: signalling and media traversal, their kin and the
/// negotiation of security (H.460.17, .18, .19, .22, .23, .24, .26).
const PER_LEG: [u16; 7] = [17, 18, H460_19, 22, 23, 24, 26];
/// Media traversal.
const H460_19: u16 = 19;

impl Calls {
    /// Takes a signalling message of one leg.
    pub(crate) fn signal(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side, octets: &[u8]) {
        if self.asked(cx, key, side, octets) || self.hold(cx, key, side, octets) {
            return;
        }
        let Some(call) = self.live(key) else { return };
        let Some(stream) = call.leg(side).stream else { return };
        let signal = match Signal::decode(octets) {
            Ok(signal) => signal,
            Err(malformed) => {
                let Some(peer) = cx.core.streams.get(stream).map(|s| s.peer) else { return };
                cx.malformed(peer, "h225", malformed);
                if cx.core.settings.handling.drops_undecodable {
                    return;
                }
                return self.stream_broken(cx, stream, NOT_UNDERSTOOD);
            }
        };
        if !cx.may_carry(stream, &signal) {
            return;
        }
        let setup = signal.message_type() == MessageType::Setup;
        if !setup && ![call.crv, Crv::GLOBAL].contains(&signal.crv()) {
            // Of another call that this connection does not carry, perhaps the one refused below.
            return;
        }
        let (message, from) = (signal.name(), &call.leg(side).name);
        trace!(call = %call.id, from, message, "received");
        if matches!(call.state, State::Placing) {
            return self.while_placing(cx, key, side, (&signal, octets));
        }
        match signal.message_type() {
            // One call a connection: a repeated Setup is ignored, another one needs another connection.
            MessageType::Setup => another_setup(cx, call, stream, &signal),
            MessageType::ReleaseComplete => self.released(cx, key, side, signal),
            MessageType::Facility if signal.is_keepalive() => {}
            MessageType::Facility if side == Side::B && self.redirected(cx, key, &signal) => {}
            _ => {
                if self.waits_for_secret(cx, key, side, &signal) {
                    if let Some(call) = self.live(key) {
                        call.held.push_front((side, octets.to_vec()));
                    }
                    return;
                }
                self.advance(cx, key, side, signal.message_type());
                if let Some(call) = self.live(key) {
                    if side == Side::A {
                        call.keep_early(Carrier::Signalling, octets);
                    }
                    let version = old::version_of(&signal);
                    if version.is_some() {
                        call.version[side.index()] = version;
                    }
                    carrier::heard(call, side, &signal);
                }
                self.relay(cx, key, side, signal);
            }
        }
    }

    /// The server of a zone asks whether it is us who call; true if it does.
    fn asked(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side, octets: &[u8]) -> bool {
        let Some(call) = self.calls.get_mut(&key) else { return false };
        let id = call.id;
        let leg = call.leg_mut(side);
        let (true, Some(zone), Some(stream)) = (leg.server, leg.zone, leg.stream) else {
            return false;
        };
        if leg.bond.is_some() || !zone::may_ask(cx, zone) {
            return false;
        }
        let Ok(signal) = Signal::decode(octets) else { return false };
        leg.bond = zone::asked(cx, zone, id, stream, &signal);
        leg.bond.is_some()
    }

    /// The called party is not reached yet: only the caller can speak, to give up, or for the called party to hear later.
    fn while_placing(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        side: Side,
        (signal, octets): (&Signal, &[u8]),
    ) {
        let Some(call) = self.live(key).filter(|_| side == Side::A) else { return };
        if signal.message_type() == MessageType::ReleaseComplete {
            let sentence = format!("{} gave up before the call was placed", call.leg(side).name);
            let (cause, reason) = reasons(signal);
            self.end(cx, key, &Why { reason, cause, sentence, by: Some(side) });
        } else if signal.message_type() != MessageType::Setup && !signal.is_keepalive() {
            self.speaks_early(cx, key, Carrier::Signalling, octets);
        }
    }

    /// Moves the state on.
    fn advance(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side, message: MessageType) {
        if side != Side::B {
            return;
        }
        let Some(call) = self.live(key) else { return };
        let calling = matches!(call.state, State::Calling);
        let unanswered = calling || matches!(call.state, State::Ringing);
        match message {
            MessageType::Connect if unanswered => {
                call.state = State::Talking(cx.now);
                call.route.setup = None;
                call.route.early = Early::default();
                let setup_ms = cx.now.duration_since(call.started).as_millis();
                let setup_ms = u64::try_from(setup_ms).unwrap_or(u64::MAX);
                let callid = call.id.to_string();
                cx.stop(&Timer::Call(key, CallTimer::Answer));
                cx.stop(&Timer::Call(key, CallTimer::Alerting));
                cx.stop(&Timer::Call(key, CallTimer::Limit));
                if let Some(limit) = cx.core.settings.handling.longest_call {
                    cx.set(Timer::Call(key, CallTimer::Limit), limit);
                }
                cx.event(Event::CallConnected { callid, setup_ms });
                silence::watch(cx, key);
            }
            MessageType::Alerting | MessageType::CallProceeding | MessageType::Progress
                if calling =>
            {
                // Once: a called party that goes on saying so must not make it ring for ever.
                call.state = State::Ringing;
                let wait = cx.core.settings.alerting_timeout;
                cx.stop(&Timer::Call(key, CallTimer::Answer));
                cx.set(Timer::Call(key, CallTimer::Alerting), wait);
            }
            _ => {}
        }
    }

    /// Edits a message of one leg for the other and sends it there.
    pub(super) fn relay(&mut self, cx: &mut Cx<'_>, key: CallKey, from: Side, mut signal: Signal) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if let Some(feature) = signal.feature(H460_19)
            && call.leg(from).traverses()
        {
            let leg = call.leg_mut(from);
            leg.multiplexes = Ability::read(feature).transmit_multiplexed;
            if let Some(endpoint) = &leg.endpoint {
                cx.core.registrations.note_multiplexing(endpoint, leg.multiplexes);
            }
        }
        Self::secure_answer(call, from, &mut signal);
        let proxied = call.mode == Mode::Proxied;
        control::restricted::fast_start(cx, call, &mut signal);
        let brought = self.take_control(cx, key, from, &mut signal);
        if proxied {
            self.adapt_fast_start(cx, key, from, &mut signal);
        }
        let Some(call) = self.calls.get_mut(&key) else { return };
        if cx.core.settings.handling.removes_h460 {
            old::remove_features(&mut signal);
        }
        adapt_features(cx.core.settings.ability(), call, from, &mut signal);
        carrier::say(call, from.other(), &mut signal);
        self.adapt_h245_address(cx, key, from, &mut signal);
        let Some(call) = self.calls.get(&key) else { return };
        if proxied {
            disclose::clean(cx, call, from.other(), &mut signal);
        }
        let dropped =
            brought.emptied || is_pointless(&signal) || self.said_already(key, from, &signal);
        let Some(call) = self.calls.get_mut(&key) else { return };
        if from == Side::B {
            call.route.committed |= brought.any || !signal.fast_start().is_empty();
        }
        words::set_display(cx, call, from, &mut signal);
        old::adapt(cx, call, from.other(), &mut signal);
        signal.set_one_call();

        if let (Some(stream), Ok(octets), false) =
            (call.leg(from.other()).stream, signal.encode(), dropped)
        {
            let to = &call.leg(from.other()).name;
            trace!(call = %call.id, to, message = signal.name(), "sent");
            cx.send(stream, &octets);
        }
        for message in brought.aside {
            self.send_control(cx, key, from.other(), message);
        }
        for answer in brought.answers {
            self.send_control(cx, key, from, answer);
        }
        self.after_relay(cx, key, from, &signal);
        self.check_security(cx, key);
    }

    /// Fast start: proposals of the caller and answers of the called party get our addresses. What is not answered when
    /// it is refused, or the call is connected, never will be.
    fn adapt_fast_start(&mut self, cx: &mut Cx<'_>, key: CallKey, from: Side, signal: &mut Signal) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let channels = signal.fast_start();
        let through = match (from, signal.message_type()) {
            _ if channels.is_empty() => None,
            (Side::A, MessageType::Setup) => {
                Some(control::fast::proposed(cx, call, &mut self.index, &channels))
            }
            (Side::B, _) => Some(control::fast::accepted(cx, call, &channels)),
            (Side::A, _) => Some(Vec::new()),
        };
        if let Some(through) = through {
            signal.set_fast_start(through);
        }
        let answered =
            signal.fast_connect_refused() || signal.message_type() == MessageType::Connect;
        if from == Side::B && answered {
            call.route.former.refused |= signal.fast_connect_refused();
            call.sessions.settle(cx);
        }
    }

    /// A party ended the call; the other is told with the same words, or with the usual ones if there are none.
    fn released(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side, mut signal: Signal) {
        let (cause, reason) = reasons(&signal);
        if signal.cause().is_none() && signal.release().is_none() {
            signal.q931_mut().set_cause(cause.value());
        }
        let Some(call) = self.live(key) else { return };
        let became = words::cause(cx, call, side, cause);
        if became != cause {
            signal.q931_mut().set_cause(became.value());
            set_reason(&mut signal, became);
        }
        let name = call.leg(side).name.clone();
        let sentence = format!("{name} ended the call: {}", cause.sentence());
        let why = Why { reason, cause, sentence, by: Some(side) };
        if side == Side::B && self.retry(cx, key, &why) {
            return;
        }
        self.relay(cx, key, side, signal);
        self.close(cx, key, &why);
    }
}

/// Why a party ends a call, as far as it says so.
fn reasons(signal: &Signal) -> (Cause, Release) {
    let (cause, reason) = (signal.cause(), signal.release());
    let cause = cause.or_else(|| reason.map(Release::cause)).unwrap_or(Cause::NORMAL_CLEARING);
    (cause, reason.unwrap_or_else(|| Release::from(cause)))
}

/// The reason of ReleaseComplete, if it tells one, is that of this cause: a party may read either.
fn set_reason(signal: &mut Signal, cause: Cause) {
    let told = |body: &Body| matches!(body, Body::releaseComplete(body) if body.reason.is_some());
    if signal.body().is_some_and(told) {
        signal.edit(|pdu| {
            if let Body::releaseComplete(body) = &mut pdu.h323_message_body {
                body.reason = Some(Release::from(cause).into());
            }
        });
    }
}

/// A second Setup on a connection that carries a call.
fn another_setup(cx: &mut Cx<'_>, call: &Call, stream: crate::face::StreamId, signal: &Signal) {
    let Some(id) = signal.call_id().filter(|id| *id != call.id) else { return };
    let reason = Release::NewConnectionNeeded;
    let leg = SignalLeg { crv: signal.q931().crv(), call_id: id, ..call.speaks_to(Side::A) };
    let release = Signal::release_complete(leg, reason, None);
    if let Ok(octets) = release.encode() {
        cx.send(stream, &octets);
    }
}

/// True for a request to connect to nowhere: the party is connected already.
fn is_pointless(signal: &Signal) -> bool {
    matches!(signal.facility_reason(), Some(FacilityReason::startH245(())))
        && signal.h245_address().is_none()
}

/// Takes the features of the leg away, and adds ours for the other.
pub(super) fn adapt_features(ours: Ability, call: &Call, from: Side, signal: &mut Signal) {
    for feature in PER_LEG {
        signal.remove_feature(feature);
    }
    let negotiates = matches!(
        signal.message_type(),
        MessageType::Setup
            | MessageType::CallProceeding
            | MessageType::Alerting
            | MessageType::Connect
    );
    let to = call.leg(from.other());
    if negotiates && to.traverses() {
        let ours = Ability { server: to.client, ..ours };
        signal.set_feature(generic::Need::Supported, ours.to_feature());
    }
}
