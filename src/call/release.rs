//! The end of a call: the other leg is told why, nothing is left over.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::alias::Alias;
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::signal::Signal;

use super::secure::dialled;
use super::{Call, CallKey, CallTimer, Calls, State, link, words};
use crate::event::{CallRecord, Event};
use crate::face::{Bind, Output, Side};
use crate::node::{Cx, Timer};
use crate::ras::disengage::Over;

/// How long the media plane may take to report.
const REPORT: Duration = Duration::from_secs(2);

/// Why a call ends.
#[derive(Debug, Clone)]
pub(crate) struct Why {
    /// For the party that is told.
    pub(crate) reason: Release,
    /// For the party that is told.
    pub(crate) cause: Cause,
    /// For people.
    pub(crate) sentence: String,
    /// The party that ended it, which is not told (any more).
    pub(crate) by: Option<Side>,
}

impl Why {
    /// The gatekeeper ends it for this reason.
    pub(crate) const fn own(reason: Release, sentence: String) -> Self {
        Self { reason, cause: reason.cause(), sentence, by: None }
    }

    /// A party broke the protocol; it is told, too, as its connection still stands.
    pub(super) const fn protocol_error(sentence: String) -> Self {
        let (reason, cause) = (Release::UndefinedReason, Cause::PROTOCOL_ERROR);
        Self { reason, cause, sentence, by: None }
    }

    /// The connection of a party was lost.
    const fn lost(side: Side, sentence: String) -> Self {
        let (reason, cause) = (Release::UndefinedReason, Cause::TEMPORARY_FAILURE);
        Self { reason, cause, sentence, by: Some(side) }
    }

    /// No connection to the called party could be made.
    const fn unreachable(sentence: String) -> Self {
        let (reason, cause) = (Release::UnreachableDestination, Cause::DESTINATION_OUT_OF_ORDER);
        Self { reason, cause, sentence, by: Some(Side::B) }
    }

    /// A party has told the gatekeeper, and not the other one, that it is over: both are told.
    pub(super) fn disengaged(sentence: String, told: Option<(Release, Cause)>) -> Self {
        let hung_up = (Release::DestinationRejection, Cause::NORMAL_CLEARING);
        let (reason, cause) = told.unwrap_or(hung_up);
        Self { reason, cause, sentence, by: None }
    }

    /// A party does not refresh its registration any more, or sends no media.
    pub(super) const fn silent(sentence: String) -> Self {
        let (reason, cause) = (Release::UndefinedReason, Cause::TEMPORARY_FAILURE);
        Self { reason, cause, sentence, by: None }
    }

    /// Only one party has an H.245 connection.
    pub(super) const fn no_control(sentence: String) -> Self {
        let (reason, cause) = (Release::UndefinedReason, Cause::TEMPORARY_FAILURE);
        Self { reason, cause, sentence, by: None }
    }

    /// The gatekeeper ends.
    fn shutdown() -> Self {
        let (reason, cause) = (Release::UndefinedReason, Cause::TEMPORARY_FAILURE);
        Self { reason, cause, sentence: "the gatekeeper is shutting down".into(), by: None }
    }

    /// The called party's system does not react.
    pub(super) const fn no_response(sentence: String) -> Self {
        let (reason, cause) = (Release::UnreachableDestination, Cause::NO_USER_RESPONDING);
        Self { reason, cause, sentence, by: None }
    }

    /// It has lasted as long as it may.
    pub(super) const fn too_long(sentence: String) -> Self {
        let (reason, cause) = (Release::UndefinedReason, Cause::TIMER_EXPIRED);
        Self { reason, cause, sentence, by: None }
    }

    /// The called party has no line left.
    pub(super) const fn full(sentence: String) -> Self {
        let (reason, cause) = (Release::GatewayResources, Cause::NO_CIRCUIT_AVAILABLE);
        Self { reason, cause, sentence, by: None }
    }

    /// It rang, and nobody picked up.
    pub(super) const fn no_answer(sentence: String) -> Self {
        let (reason, cause) = (Release::UndefinedReason, Cause::NO_ANSWER);
        Self { reason, cause, sentence, by: None }
    }
}

impl Calls {
    /// Ends a call: tells every party that has a signalling connection and did not end it itself, closes all
    /// connections and flows.
    pub(crate) fn end(&mut self, cx: &mut Cx<'_>, key: CallKey, why: &Why) {
        let Some(call) = self.calls.get_mut(&key).filter(|call| call.is_live()) else { return };
        for side in [Side::A, Side::B] {
            if why.by != Some(side) {
                tell(cx, call, side, why);
            }
        }
        self.close(cx, key, why);
    }

    /// A party sent ReleaseComplete, which has been passed on: the call is over.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>, key: CallKey, why: &Why) {
        if self.live(key).is_none() {
            return;
        }
        for side in [Side::A, Side::B] {
            self.drop_leg(cx, key, side);
        }
        let Some(call) = self.calls.get_mut(&key) else { return };
        let sides = [Side::A, Side::B];
        let gone = sides
            .into_iter()
            .flat_map(|side| [CallTimer::Disengaged(side), CallTimer::Unregistered(side)]);
        let others = [
            CallTimer::Answer,
            CallTimer::Alerting,
            CallTimer::Control,
            CallTimer::Limit,
            CallTimer::KeepAlive,
            CallTimer::Punch,
            CallTimer::Refresh,
            CallTimer::Silence,
            CallTimer::Keys,
        ];
        for timer in others.into_iter().chain(gone) {
            cx.stop(&Timer::Call(key, timer));
        }
        cx.core.pinholes.cancel(call.id);
        crate::zone::abandon(cx, key);
        cx.core.bandwidth.give_back(call.id);
        if self.index.ids.get(&call.id) == Some(&key) {
            self.index.ids.remove(&call.id);
        }
        call.data.close_all(cx, &mut self.index);
        call.sessions.close_all(cx);
        let record = Box::new(record(cx, call, why));
        self.change(key, |call| call.state = State::Ended(record));
        let Some(call) = self.calls.get(&key) else { return };
        if call.sessions.all_ended() {
            self.report(cx, key);
        } else {
            cx.set(Timer::Call(key, CallTimer::Report), REPORT);
        }
    }

    /// Tells a registered party whose connection is of no use that its call is over (DRQ).
    pub(super) fn order(&self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.calls.get(&key).filter(|call| call.is_live()) else { return };
        if let Some(endpoint) = &call.leg(side).endpoint
            && cx.core.settings.handling.sends_drq
        {
            let over = Over {
                call: call.id,
                crv: call.crv,
                conference: call.conference.clone(),
                answered: side == Side::B,
            };
            crate::ras::disengage::order(cx, endpoint, over);
        }
    }

    /// The call counts as one of a party's from here on.
    pub(super) fn occupy(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let dialled = dialled(call);
        let number = dialled.iter().find_map(Alias::digits).filter(|_| side == Side::B);
        let leg = call.leg_mut(side);
        if let Some(endpoint) = leg.endpoint.as_ref().filter(|_| !leg.counted) {
            leg.patterns = cx.core.registrations.occupy(endpoint, number);
            leg.counted = true;
        }
    }

    /// Closes everything that leads to a party.
    pub(super) fn drop_leg(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let leg = call.leg_mut(side);
        link::end_session(cx, leg);
        if std::mem::take(&mut leg.counted)
            && let Some(endpoint) = &leg.endpoint
        {
            cx.core.registrations.release(endpoint, &std::mem::take(&mut leg.patterns));
        }
        let streams = [leg.stream.take(), leg.control.stream()];
        leg.control = super::ControlLink::None;
        leg.queue.clear();
        let listener = leg.listener.take();
        for stream in streams.into_iter().flatten() {
            cx.close(stream);
        }
        if let Some(listener) = listener {
            self.index.listeners.remove(&listener.id);
            cx.core.out.push(Output::Unbind(Bind::Tcp(listener.id)));
        }
    }

    /// The record of an ended call is complete.
    pub(super) fn report(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(call) = self.calls.remove(&key) else { return };
        cx.stop(&Timer::Call(key, CallTimer::Report));
        for flow in call.sessions.flows() {
            self.index.flows.remove(&flow);
        }
        let State::Ended(mut record) = call.state else { return };
        record.channels = call.sessions.into_records();
        cx.event(Event::CallEnded(record));
    }

    /// The gatekeeper ends.
    pub(crate) fn release_all(&mut self, cx: &mut Cx<'_>) {
        let live: Vec<CallKey> = self.calls.keys().copied().collect();
        for key in live {
            self.end(cx, key, &Why::shutdown());
        }
    }

    /// The signalling connection of a party ended without ReleaseComplete, or could not be made.
    pub(super) fn party_lost(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        side: Side,
        peer: SocketAddr,
    ) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        call.leg_mut(side).stream = None;
        let name = &call.leg(side).name;
        // Who has not been connected to knows of no call.
        let unreached = side == Side::B && matches!(call.state, State::Placing);
        let why = if unreached {
            Why::unreachable(format!("no connection to {name} could be made at {peer}"))
        } else {
            Why::lost(side, format!("the signalling connection to {name} was lost"))
        };
        if !unreached {
            self.order(cx, key, side);
        }
        if side == Side::B {
            self.failed(cx, key, &why);
        } else {
            self.end(cx, key, &why);
        }
    }
}

/// Sends ReleaseComplete to a party.
pub(super) fn tell(cx: &mut Cx<'_>, call: &Call, side: Side, why: &Why) {
    let leg = call.leg(side);
    // A connection that is still being made carries nothing.
    let placing = side == Side::B && matches!(call.state, State::Placing);
    let Some(stream) = leg.stream.filter(|_| !placing) else { return };
    let cause = words::sent(cx, call, side, why.cause);
    let reason = if cause == why.cause { why.reason } else { Release::from(cause) };
    let release = Signal::release_complete(call.speaks_to(side), reason, Some(cause));
    if let Ok(octets) = release.encode() {
        cx.send(stream, &octets);
    }
}

fn record(cx: &Cx<'_>, call: &Call, why: &Why) -> CallRecord {
    let talking = match call.state {
        State::Talking(since) => Some(since),
        _ => None,
    };
    let millis = |since: std::time::Instant| since.duration_since(call.started).as_millis();
    CallRecord {
        callid: call.id.to_string(),
        direction: "routed",
        peer: format!("{} -> {}", call.leg(Side::A).name, call.leg(Side::B).name),
        cause: Some(why.cause.value()),
        release_reason: Some(why.reason.name().to_owned()),
        sentence: why.sentence.clone(),
        setup_ms: talking.map(|since| u64::try_from(millis(since)).unwrap_or(u64::MAX)),
        duration_s: talking.map_or(0.0, |since| cx.now.duration_since(since).as_secs_f64()),
        channels: Vec::new(),
        forwarded_by: call.route.forwarders.clone(),
        encryption: call.security.record(),
    }
}
