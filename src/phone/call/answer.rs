//! Taking a call: Setup, admission, CallProceeding, Alerting, Connect.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{H323UUPDUH323MessageBody as Body, SetupUUIE};
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::generic::H460_19;
use pinhole_h323::id::CallId;
use pinhole_h323::signal::Signal;

use super::messages::{self, Answer};
use super::secure::Agreement;
use super::{Call, Carrier, Door, Ending, Stage, patience};
use crate::event::Event;
use crate::face::StreamId;
use crate::phone::control::MOST_PROPOSALS;
use crate::phone::desk::{CallKey, CallTimer, Desk, ListenerOwner, StreamOwner};
use crate::phone::options::Incoming;
use crate::phone::say_ras::CallName;

impl Call {
    /// Begins with a Setup that arrived; nothing if it lacks what a call needs.
    pub(in super::super) fn answer(
        desk: &mut Desk,
        key: CallKey,
        stream: StreamId,
        signal: &Signal,
    ) -> Option<Self> {
        let Some(Body::setup(setup)) = signal.body() else { return None };
        let name = CallName {
            // A peer of H.225.0 version 1 has no call identifier.
            id: setup.call_identifier.as_ref().map_or_else(|| desk.random_ids().0, CallId::from),
            conference: (&setup.conference_id).into(),
            crv: signal.crv(),
            answering: true,
        };
        let peer = caller(desk, stream, setup, signal);
        desk.tell(Event::CallStarted {
            callid: name.id.to_string(),
            direction: "in",
            from: peer.clone(),
            to: desk.options.name().to_owned(),
        });
        let mut call = Self::new(desk, key, name, peer);
        desk.hand_over(stream, StreamOwner::Signal(key));
        call.stream = Some(stream);
        call.setup_at = Some(desk.now);
        call.note_19(signal);
        call.offered_tunnel = signal.h245_tunnelling() == Some(true);
        call.asks_too_much = signal.needed_features().iter().any(|feature| *feature != H460_19);
        call.control_address = signal.h245_address();
        call.note_offer(desk, signal);
        // Proposed channels are in clear.
        if desk.options.fast_start && !matches!(call.agreement, Agreement::Asked(_)) {
            let proposals = signal.fast_start().into_iter().take(MOST_PROPOSALS);
            call.proposals = proposals.map(<[u8]>::to_vec).collect();
        }
        call.early.extend(signal.h245_control().into_iter().map(<[u8]>::to_vec));
        call.choose_carrier(desk);
        Some(call)
    }

    /// The sockets for an incoming call are there; false if the call is refused.
    pub(super) fn admissible(&mut self, desk: &mut Desk) -> bool {
        self.signalling_stands(desk);
        let (cause, reason, sentence) = match desk.options.incoming {
            _ if self.asks_too_much => {
                let reason = Release::NeededFeatureNotSupported;
                (reason.cause(), reason, "the caller needs a feature that the phone has not")
            }
            _ if !self.is_secure_enough(desk) => {
                let reason = Release::SecurityDenied;
                (reason.cause(), reason, "the caller offered no encryption, which is required")
            }
            Incoming::Refused => {
                let reason = Release::DestinationRejection;
                (Cause::CALL_REJECTED, reason, "the phone takes no calls")
            }
            Incoming::Ring | Incoming::Answer => return true,
        };
        self.release(desk, Ending::ours(cause, reason, sentence.to_owned()));
        false
    }

    /// The called party is free to take the call: alerts it, and answers if it shall.
    pub(super) fn alert(&mut self, desk: &mut Desk) {
        self.accept_secret(desk);
        self.respond(desk, Answer::CallProceeding, Vec::new());
        self.respond(desk, Answer::Alerting, Vec::new());
        self.advance(desk, Stage::Ringing, patience::RINGING);
        if self.carrier == Carrier::Tunnel {
            for octets in std::mem::take(&mut self.early) {
                self.control_message(desk, &octets);
            }
        }
        if self.stage == Stage::Ringing && Self::answers(desk) {
            self.pick_up(desk);
        } else {
            self.flush(desk);
        }
    }

    /// Nobody answered.
    pub(super) fn unanswered(&mut self, desk: &mut Desk) {
        let sentence = "nobody answered".to_owned();
        let reason = Release::from(Cause::NO_ANSWER);
        self.release(desk, Ending::ours(Cause::NO_ANSWER, reason, sentence));
    }

    fn pick_up(&mut self, desk: &mut Desk) {
        let (accepted, effects) = self.accept_proposals();
        if self.carrier == Carrier::Tunnel {
            self.begin_control(desk);
        }
        self.respond(desk, Answer::Connect, accepted);
        self.apply(desk, effects);
        self.talking(desk);
        if self.carrier == Carrier::Separate && self.traversal {
            self.dial_control(desk);
        }
    }

    /// Tunnels if both want to; otherwise opens a door for the caller, who is a stranger to one behind a NAT.
    fn choose_carrier(&mut self, desk: &mut Desk) {
        if self.offered_tunnel && desk.options.tunnelling {
            self.carrier = Carrier::Tunnel;
            return;
        }
        self.carrier = Carrier::Separate;
        if !self.traversal {
            let listener = desk.bind_listener(ListenerOwner::Control(self.key), 0);
            self.door = Some(Door { listener, port: None });
        }
    }

    fn respond(&mut self, desk: &mut Desk, answer: Answer, fast_start: Vec<Vec<u8>>) {
        let leg = self.leg(desk);
        let mut signal = messages::answer(leg, self.name.conference, answer);
        if self.traversal && self.offered_19 {
            messages::offer_19(&mut signal, desk.shared.is_some());
        }
        signal.set_fast_start(fast_start);
        if answer == Answer::Connect {
            signal.q931_mut().set_display(desk.options.name());
            signal.set_clear_tokens(self.secret_tokens());
            if let Some(port) = self.door.and_then(|door| door.port) {
                signal.set_h245_address(Some((self.local_ip(desk), port).into()));
            }
            if self.carrier == Carrier::Tunnel {
                signal.set_h245_control(std::mem::take(&mut self.waiting));
            }
        }
        self.say(desk, &signal);
    }

    /// Both parties know that the call is answered.
    pub(super) fn talking(&mut self, desk: &mut Desk) {
        self.stage = Stage::Talking;
        desk.timers.stop(&self.timer(CallTimer::Step));
        self.connected_at = Some(desk.now);
        let since = self.setup_at.unwrap_or(desk.now);
        let setup_time = desk.now.saturating_duration_since(since);
        self.setup_time = Some(setup_time);
        let callid = self.name.id.to_string();
        desk.tell(Event::CallConnected { callid, setup_ms: setup_time.as_millis() as u64 });
        let control = std::time::Duration::from_secs(patience::CONTROL);
        if !self.control.as_ref().is_some_and(crate::phone::control::Control::is_open) {
            desk.after(self.timer(CallTimer::Control), control);
        }
        self.begin_digits(desk);
        self.begin_hold(desk);
    }

    /// The talk lasts as long as it shall once there is a talk: answered, and audio is open. On a busy machine that is a
    /// good while after Connect, and a short talk would be over before anybody is heard. Where audio does not open, that
    /// is waited for no longer than `patience::AUDIO`.
    pub(super) fn begin_hold(&mut self, desk: &mut Desk) {
        let (Stage::Talking, Some(hold), false) = (self.stage, desk.options.hold, self.holds)
        else {
            return;
        };
        self.holds = self.control.as_ref().is_some_and(crate::phone::control::Control::is_open);
        let opening = if self.holds { 0 } else { patience::AUDIO };
        desk.after(self.timer(CallTimer::Hold), hold + std::time::Duration::from_secs(opening));
    }
}

/// The name of the caller: its first alias, its number, its display, its address.
fn caller(desk: &Desk, stream: StreamId, setup: &SetupUUIE, signal: &Signal) -> String {
    let aliases = Alias::read_all(setup.source_address.iter().flatten());
    let number = || signal.q931().calling_number().map(|number| number.digits);
    let address = || desk.streams.get(&stream).map(|stream| stream.peer.to_string());
    let alias = aliases.first().map(ToString::to_string);
    let known = |text: &String| !text.is_empty();
    let name = alias.or_else(number).filter(known).or_else(|| signal.q931().display());
    name.filter(known).or_else(address).unwrap_or_default()
}
