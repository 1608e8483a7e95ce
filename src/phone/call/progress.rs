//! What the peer says in call signalling while the call goes on.

use std::net::SocketAddr;

use pinhole_h323::address::from_h225;
use pinhole_h323::asn::h225::{FacilityReason, H323UUPDUH323MessageBody as Body};
use pinhole_h323::cause::Release;
use pinhole_h323::generic::H460_19;
use pinhole_h323::h46019::Ability;
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::{Leg, Signal};

use super::messages;
use super::{Call, Carrier, Ending, Stage, patience};
use crate::phone::desk::Desk;

/// Call states (Q.931 §4.5.7).
const STATE_CALL_INITIATED: u8 = 1;
const STATE_CALL_DELIVERED: u8 = 4;
const STATE_CALL_RECEIVED: u8 = 7;
const STATE_ACTIVE: u8 = 10;

/// How often a call may be sent elsewhere.
const MOST_REDIRECTIONS: u8 = 5;

impl Call {
    /// Takes a message of call signalling.
    pub(in super::super) fn signalled(&mut self, desk: &mut Desk, signal: &Signal) {
        if self.stage == Stage::Over {
            return;
        }
        if signal.message_type() == MessageType::Setup {
            return self.second_setup(desk, signal);
        }
        if signal.crv() != self.name.crv {
            return;
        }
        if signal.message_type() == MessageType::ReleaseComplete {
            return self.release(desk, Ending::theirs(signal, self.connected_at.is_some()));
        }
        self.note(signal);
        if !self.name.answering {
            if !self.secret_answered(desk, signal) {
                return;
            }
            self.proposals_answered(desk, signal);
        }
        self.multiplex(desk);
        match signal.message_type() {
            MessageType::Connect if self.may_be_answered() => self.answered(desk, signal),
            MessageType::CallProceeding if self.stage == Stage::Calling => {
                self.advance(desk, Stage::Proceeding, patience::PROCEEDING);
            }
            MessageType::Progress | MessageType::Notify | MessageType::Information
                if self.stage == Stage::Calling =>
            {
                self.advance(desk, Stage::Proceeding, patience::PROCEEDING);
            }
            MessageType::Alerting if self.may_be_answered() => {
                self.advance(desk, Stage::Ringing, patience::RINGING);
            }
            MessageType::Facility => self.facility(desk, signal),
            MessageType::StatusInquiry => self.status(desk),
            _ => {}
        }
        self.tunnelled(desk, signal);
    }

    /// One connection carries one call (H.225.0 newConnectionNeeded); a repeated Setup is nothing new.
    fn second_setup(&self, desk: &mut Desk, signal: &Signal) {
        let (Some(stream), Some(call_id)) = (self.stream, signal.call_id()) else { return };
        if call_id == self.name.id {
            return;
        }
        let leg = Leg { crv: signal.crv(), from_destination: true, call_id, tunnelling: false };
        let release = Signal::release_complete(leg, Release::NewConnectionNeeded, None);
        if let Ok(octets) = release.encode() {
            desk.send(stream, &octets);
        }
    }

    /// Says how the call stands (Q.931 §3.1.16).
    fn status(&self, desk: &mut Desk) {
        let state = match self.stage {
            Stage::Talking => STATE_ACTIVE,
            _ if self.name.answering => STATE_CALL_RECEIVED,
            Stage::Ringing => STATE_CALL_DELIVERED,
            _ => STATE_CALL_INITIATED,
        };
        let signal = messages::status(self.leg(desk), state);
        self.say(desk, &signal);
    }

    const fn may_be_answered(&self) -> bool {
        !self.name.answering
            && matches!(self.stage, Stage::Calling | Stage::Proceeding | Stage::Ringing)
    }

    /// Remembers what any message may say.
    fn note(&mut self, signal: &Signal) {
        self.note_19(signal);
        if let Some(address) = signal.h245_address() {
            self.control_address = Some(address);
        }
    }

    /// Remembers what the peer says of H.460.19.
    pub(super) fn note_19(&mut self, signal: &Signal) {
        if let Some(feature) = signal.feature(H460_19) {
            self.offered_19 = true;
            self.peer_marks |= Ability::read(feature).transmit_multiplexed;
        }
    }

    fn answered(&mut self, desk: &mut Desk, signal: &Signal) {
        self.talking(desk);
        if self.carrier == Carrier::Undecided {
            let tunnels = signal.h245_tunnelling() == Some(true);
            self.carrier = if tunnels { Carrier::Tunnel } else { Carrier::Separate };
        }
        match self.carrier {
            Carrier::Tunnel => {
                self.begin_control(desk);
                self.flush(desk);
            }
            Carrier::Separate | Carrier::Undecided => self.dial_control(desk),
        }
        // What came before it was clear whether there is a secret.
        for octets in std::mem::take(&mut self.early) {
            self.control_message(desk, &octets);
        }
        self.flush(desk);
    }

    fn facility(&mut self, desk: &mut Desk, signal: &Signal) {
        match signal.facility_reason() {
            Some(FacilityReason::startH245(())) if self.carrier != Carrier::Tunnel => {
                self.carrier = Carrier::Separate;
                self.dial_control(desk);
            }
            Some(
                FacilityReason::callForwarded(())
                | FacilityReason::routeCallToGatekeeper(())
                | FacilityReason::routeCallToMC(()),
            ) if self.may_be_answered() => match alternative(signal) {
                Some(to) if self.redirections < MOST_REDIRECTIONS => self.call_elsewhere(desk, to),
                _ => self.fail(desk, "the other party asks to call somewhere else"),
            },
            _ => {}
        }
    }

    /// Takes the H.245 messages that a message carries.
    pub(super) fn tunnelled(&mut self, desk: &mut Desk, signal: &Signal) {
        let messages = signal.h245_control();
        if messages.is_empty() || !desk.options.tunnelling || self.carrier == Carrier::Separate {
            return;
        }
        self.carrier = Carrier::Tunnel;
        for octets in messages {
            self.control_message(desk, octets);
        }
        self.flush(desk);
    }
}

/// Where a Facility sends the call, if that can be called.
fn alternative(signal: &Signal) -> Option<SocketAddr> {
    let Some(Body::facility(facility)) = signal.body() else { return None };
    let to = facility.alternative_address.as_ref().and_then(from_h225)?;
    (to.port() != 0 && !to.ip().is_unspecified()).then_some(to)
}
