//! H.245 and what carries it: tunnelled messages, or a connection of its own (H.323 §8.2; H.460.18 §11).

use std::net::SocketAddr;

use pinhole_h323::Malformed;
use pinhole_h323::asn::encode_h245;
use pinhole_h323::asn::h245::MultimediaSystemControlMessage;
use pinhole_h323::h46018::Correlation;
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Signal;

use super::{Call, Carrier, Door, Stage, messages};
use crate::event::Event;
use crate::face::{Bind, StreamId};
use crate::phone::control::Effect;
use crate::phone::desk::{CallTimer, Desk, ListenerOwner, StreamOwner};

/// H.245 messages that are kept until the sockets are there; more are dropped.
const MOST_EARLY: usize = 16;
/// H.245 connections of a call that may be there before one of them has proven itself.
const MOST_GUESTS: usize = 4;

impl Call {
    /// Sends a message of call signalling.
    pub(super) fn say(&self, desk: &mut Desk, signal: &Signal) {
        if let (Some(stream), Ok(octets)) = (self.stream, signal.encode()) {
            desk.send(stream, &octets);
        }
    }

    /// Says what H.245 begins with; it waits for its carrier.
    pub(super) fn begin_control(&mut self, desk: &mut Desk) {
        let effects = self.control.as_mut().map(super::Control::begin).unwrap_or_default();
        self.apply(desk, effects);
    }

    /// Takes an H.245 message.
    pub(in super::super) fn control_message(&mut self, desk: &mut Desk, octets: &[u8]) {
        let chance = desk.random_u32();
        if self.stage == Stage::Over {
            return;
        }
        let waits = self.awaits_secret();
        let Some(control) = self.control.as_mut().filter(|_| !waits) else {
            if self.early.len() < MOST_EARLY {
                self.early.push(octets.to_vec());
            }
            return;
        };
        control.set_time(desk.now);
        match control.receive(octets, chance) {
            Ok(effects) => self.apply(desk, effects),
            Err(malformed) => self.malformed(desk, malformed),
        }
    }

    fn malformed(&self, desk: &mut Desk, malformed: Malformed) {
        let sentence = malformed.to_string();
        let peer = self.remote(desk);
        desk.tell(Event::Malformed { peer, protocol: "h245", sentence });
    }

    pub(super) fn apply(&mut self, desk: &mut Desk, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Say(message) => self.queue(&message),
                Effect::Talk { medium, codec, to } => {
                    self.on_line(medium, |line| line.talk(desk, codec, to));
                }
                Effect::Hush(medium) => self.on_line(medium, |line| line.hush(desk)),
                Effect::Listen { medium, codec } => {
                    self.on_line(medium, |line| line.listen(desk, codec));
                }
                Effect::Unhear(medium) => self.on_line(medium, |line| line.unhear(desk)),
                Effect::Punch(medium, punch) => {
                    self.on_line(medium, |line| line.keep_open(desk, punch));
                }
                Effect::Lock(lock) => self.on_line(lock.medium, |line| line.lock(&lock)),
                Effect::Insecure(sentence) => return self.insecure(desk, sentence),
                Effect::Digits(digits) => self.user_input(desk, "receive", digits),
                Effect::Release(sentence) => return self.fail(desk, sentence),
                Effect::Ended => return self.session_ended(desk),
            }
        }
        if self.control.as_ref().is_some_and(super::Control::is_open) {
            desk.timers.stop(&self.timer(CallTimer::Control));
            self.begin_hold(desk);
        }
    }

    /// Wants media multiplexed, if the operator and the server do (H.460.19 §8): asked for only of a server that has said
    /// that it can send so, and before there are channels.
    pub(super) fn multiplex(&mut self, desk: &mut Desk) {
        let ip = self.local_ip(desk);
        let untouched = |control: &&mut super::Control| control.is_untouched();
        let Some(control) = self.control.as_mut().filter(untouched) else { return };
        if self.traversal && self.peer_marks {
            for (medium, (identifier, addresses)) in self.media.multiplex(desk, ip) {
                control.receive_marked(medium, identifier, addresses);
            }
        }
    }

    /// Accepts what the caller has proposed, if that is wanted: the answer, and what is to be done after it.
    pub(super) fn accept_proposals(&mut self) -> (Vec<Vec<u8>>, Vec<Effect>) {
        let proposals = std::mem::take(&mut self.proposals);
        self.control.as_mut().map(|control| control.accept(&proposals)).unwrap_or_default()
    }

    /// The called party has accepted, or refused, what we proposed.
    pub(super) fn proposals_answered(&mut self, desk: &mut Desk, signal: &Signal) {
        let Some(control) = &mut self.control else { return };
        let elements: Vec<Vec<u8>> = signal.fast_start().into_iter().map(<[u8]>::to_vec).collect();
        let effects = control.accepted(&elements);
        // What Connect does not accept is refused (H.323 §8.1.7.1).
        if signal.fast_connect_refused() || signal.message_type() == MessageType::Connect {
            control.settle();
        }
        self.apply(desk, effects);
    }

    pub(super) fn queue(&mut self, message: &MultimediaSystemControlMessage) {
        self.waiting.extend(encode_h245(message));
    }

    /// Sends the H.245 messages that wait, if their carrier stands.
    pub(in super::super) fn flush(&mut self, desk: &mut Desk) {
        if self.waiting.is_empty() {
            return;
        }
        match (self.carrier, self.control_stream) {
            (Carrier::Tunnel, _) => {
                let waiting = std::mem::take(&mut self.waiting);
                let facility = messages::carry(self.leg(desk), waiting);
                self.say(desk, &facility);
            }
            (Carrier::Separate, Some((stream, true))) => {
                for message in std::mem::take(&mut self.waiting) {
                    desk.send(stream, &message);
                }
            }
            _ => {}
        }
    }

    /// Dials the H.245 address of the peer. Without one, one behind a NAT waits to be told, and another asks the
    /// peer to dial.
    pub(super) fn dial_control(&mut self, desk: &mut Desk) {
        if self.control_stream.is_some() {
            return;
        }
        let usable = |to: &SocketAddr| to.port() != 0 && !to.ip().is_unspecified();
        match self.control_address.filter(usable) {
            Some(to) => {
                let stream = desk.connect(StreamOwner::Control(self.key), to);
                self.control_stream = Some((stream, false));
            }
            None if self.traversal || self.door.is_some() => {}
            None => {
                let listener = desk.bind_listener(ListenerOwner::Control(self.key), 0);
                self.door = Some(Door { listener, port: None });
            }
        }
    }

    /// Our H.245 listener is there, late in the call: asks the peer to dial it.
    pub(super) fn door_is_open(&self, desk: &mut Desk) {
        let Some(port) = self.door.and_then(|door| door.port) else { return };
        let at = (self.local_ip(desk), port).into();
        let facility = Signal::start_h245(self.leg(desk), at);
        self.say(desk, &facility);
    }

    /// Somebody dialled our H.245 listener; returns whether it is wanted.
    pub(in super::super) fn control_accepted(
        &mut self,
        desk: &mut Desk,
        stream: StreamId,
        peer: SocketAddr,
    ) -> bool {
        if self.control_stream.is_some() || self.stage == Stage::Over {
            return false;
        }
        if peer.ip() == self.remote(desk).ip() {
            self.control_stands(desk, stream);
            return true;
        }
        let room = desk.ras.standing.is_some() && self.guests.len() < MOST_GUESTS;
        if room {
            self.guests.push(stream);
        }
        room
    }

    /// Takes an H.245 message of a connection. A gatekeeper that routes call signalling only leaves it to the other
    /// party to connect, whose address nobody has told: it is the guest who first says what H.245 begins with.
    pub(in super::super) fn control_said(
        &mut self,
        desk: &mut Desk,
        stream: StreamId,
        octets: &[u8],
    ) {
        if let Some(at) = self.guests.iter().position(|guest| *guest == stream) {
            self.guests.swap_remove(at);
            if self.control_stream.is_some() || !super::Control::is_begun_by(octets) {
                return desk.close(stream);
            }
            self.control_stands(desk, stream);
        }
        self.control_message(desk, octets);
        self.flush(desk);
    }

    /// Sends guests of the H.245 listener away.
    pub(super) fn dismiss_guests(&mut self, desk: &mut Desk) {
        for guest in std::mem::take(&mut self.guests) {
            desk.close(guest);
        }
    }

    /// The H.245 connection stands.
    pub(super) fn control_stands(&mut self, desk: &mut Desk, stream: StreamId) {
        self.control_stream = Some((stream, true));
        if !self.control.as_ref().is_some_and(super::Control::is_ended) {
            self.stays(desk);
        }
        self.close_door(desk);
        self.dismiss_guests(desk);
        if self.traversal {
            let (call_id, answer_call) = (self.name.id, self.name.answering);
            let correlation = Correlation { call_id, answer_call }.to_control();
            if let Ok(octets) = correlation.encode() {
                desk.send(stream, &octets);
            }
        }
        self.begin_control(desk);
        self.flush(desk);
    }

    /// Gives the listener back; one that is not there yet, when it comes.
    pub(super) fn close_door(&mut self, desk: &mut Desk) {
        if let Some(door) = self.door.take()
            && door.port.is_some()
        {
            desk.unbind(Bind::Tcp(door.listener));
        }
    }

    /// One of the connections ended.
    pub(in super::super) fn closed(&mut self, desk: &mut Desk, stream: StreamId) {
        self.guests.retain(|guest| *guest != stream);
        if self.stream == Some(stream) {
            self.stream = None;
            if self.farewell.is_some() {
                return self.unexplained(desk);
            }
            let sentence = match self.stage {
                Stage::Connecting => "the other party's system cannot be connected to",
                _ => "the signalling connection was lost",
            };
            return self.fail(desk, sentence);
        }
        if let Some((_, stood)) = self.control_stream.filter(|(ours, _)| *ours == stream) {
            self.control_stream = None;
            let open = self.control.as_ref().is_some_and(super::Control::is_open);
            // After fast start there is a talk without H.245, too.
            if !stood && !open && self.farewell.is_none() {
                self.control_failed(desk);
            }
        }
    }
}
