//! Making a call: sockets, admission, connection, Setup.

use std::net::SocketAddr;

use pinhole_h323::address::from_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::AdmissionConfirm;
use pinhole_h323::cause::{Reject, Release};
use pinhole_h323::id::Crv;
use pinhole_h323::signal::Signal;

use super::messages;
use super::secure::Agreement;
use super::{Call, Carrier, Destination, Ending, Stage, patience};
use crate::event::Event;
use crate::face::StreamId;
use crate::phone::desk::{CallKey, Desk, StreamOwner};
use crate::phone::options::Gatekeeper;
use crate::phone::requests::{Purpose, Standing, Through};
use crate::phone::say_ras::{self, CallName, Parties};

/// What comes before a call is made, or answered.
enum First {
    /// The gatekeeper is asked.
    Ask,
    /// The call is made at this address.
    Connect(SocketAddr),
    /// The called party is alerted.
    Alert,
}

impl Call {
    /// Begins a call.
    pub(in super::super) fn place(desk: &mut Desk, key: CallKey, destination: Destination) -> Self {
        let (id, conference) = desk.random_ids();
        let crv = Crv::new((desk.random_u32() as u16).max(1));
        let name = CallName { id, conference, crv, answering: false };
        let peer = destination.to_string();
        desk.tell(Event::CallStarted {
            callid: id.to_string(),
            direction: "out",
            from: desk.options.name().to_owned(),
            to: peer.clone(),
        });
        let mut call = Self::new(desk, key, name, peer);
        call.destination = Some(destination);
        call.carrier = first_carrier(desk);
        call
    }

    /// The sockets are bound.
    pub(super) fn prepared(&mut self, desk: &mut Desk) {
        if self.name.answering && !self.admissible(desk) {
            return;
        }
        match (desk.ras.standing.clone(), desk.options.gatekeeper) {
            (Some(standing), _) => match self.first(desk, &standing) {
                First::Ask => {
                    self.stage = Stage::Admitting;
                    let parties = self.parties(desk);
                    let request = say_ras::admission(desk, &standing, &self.name, parties);
                    desk.request(Purpose::Admit(self.key), request);
                }
                First::Connect(to) => self.connect(desk, to),
                First::Alert => self.alert(desk),
            },
            (None, Gatekeeper::None) if self.name.answering => self.alert(desk),
            (None, Gatekeeper::None) => {
                match self.destination.as_ref().and_then(|destination| destination.address) {
                    Some(address) => self.connect(desk, address),
                    None => self.fail(desk, "without a gatekeeper only addresses can be called"),
                }
            }
            (None, _) => self.fail(desk, "the phone is not registered"),
        }
    }

    /// Whether the gatekeeper has to be asked, or has granted calls beforehand.
    fn first(&self, desk: &Desk, standing: &Standing) -> First {
        let through = standing.signalling;
        if self.name.answering {
            let from_there = through.is_some_and(|at| at.ip() == self.remote(desk).ip());
            return match standing.granted.answer {
                Some(Through::Anything) => First::Alert,
                Some(Through::Gatekeeper) if from_there => First::Alert,
                _ => First::Ask,
            };
        }
        let to = match standing.granted.make {
            Some(Through::Gatekeeper) => through,
            Some(Through::Anything) => self.destination.as_ref().and_then(|to| to.address),
            None => None,
        };
        to.map_or(First::Ask, First::Connect)
    }

    /// ACF.
    pub(in super::super) fn admitted(&mut self, desk: &mut Desk, confirm: &AdmissionConfirm) {
        if self.stage != Stage::Admitting {
            return;
        }
        self.admitted = true;
        if self.name.answering {
            return self.alert(desk);
        }
        let to = from_h225(&confirm.dest_call_signal_address);
        let usable = |to: &SocketAddr| to.port() != 0 && !to.ip().is_unspecified();
        match to.filter(usable) {
            Some(to) => self.connect(desk, to),
            None => self.fail(desk, "the gatekeeper gave no address to call"),
        }
    }

    /// ARJ.
    pub(in super::super) fn refused(&mut self, desk: &mut Desk, reject: Reject) {
        let sentence = format!("the gatekeeper refused the call: {}", reject.sentence());
        let ending = Ending::ours(reject.cause(), reject.release(), sentence);
        let through = desk.ras.standing.as_ref().and_then(|standing| standing.signalling);
        match through.filter(|_| self.name.answering && reject == Reject::RouteCallToGatekeeper) {
            // The caller has to call there, and releases this call (H.323 §8.1.4).
            Some(to) => {
                self.say(desk, &messages::route_to_gatekeeper(self.leg(desk), to));
                self.await_release(desk, ending);
            }
            None => self.release(desk, ending),
        }
    }

    /// The called party sends the call elsewhere: it is made there, as if this one had not been tried.
    pub(super) fn call_elsewhere(&mut self, desk: &mut Desk, to: SocketAddr) {
        self.redirections += 1;
        let reason = Release::FacilityCallDeflection;
        let release = Signal::release_complete(self.leg(desk), reason, Some(reason.cause()));
        self.say(desk, &release);
        let control = self.control_stream.take().map(|(stream, _)| stream);
        for stream in [self.stream.take(), control].into_iter().flatten() {
            desk.close(stream);
        }
        self.carrier = first_carrier(desk);
        (self.control_address, self.control) = (None, None);
        (self.offered_19, self.peer_marks) = (false, false);
        self.agreement = Agreement::default();
        self.waiting.clear();
        self.early.clear();
        self.connect(desk, to);
    }

    /// The connection that was asked for stands.
    pub(in super::super) fn connected(&mut self, desk: &mut Desk, stream: StreamId) {
        if self.stream == Some(stream) && self.stage == Stage::Connecting {
            self.signalling_stands(desk);
            self.set_up(desk);
        } else if self.control_stream == Some((stream, false)) {
            self.control_stands(desk, stream);
        }
    }

    fn connect(&mut self, desk: &mut Desk, to: SocketAddr) {
        self.stream = Some(desk.connect(StreamOwner::Signal(self.key), to));
        self.advance(desk, Stage::Connecting, patience::CONNECTION);
    }

    fn set_up(&mut self, desk: &mut Desk) {
        let called = self.destination.as_ref().and_then(|to| to.alias.as_deref());
        let called = called.map(Alias::from_text);
        let mut setup = messages::setup(desk, self.leg(desk), self.name.conference, called);
        messages::address(&mut setup, self.local_ip(desk), desk, self.remote(desk));
        if self.traversal {
            messages::offer_19(&mut setup, desk.shared.is_some());
        }
        setup.set_clear_tokens(self.offer_secret(desk));
        if desk.options.fast_start {
            let client = self.traversal;
            let proposals = self.control.as_mut().map(|control| control.propose(client));
            setup.set_fast_start(proposals.unwrap_or_default());
        }
        self.setup_at = Some(desk.now);
        self.advance(desk, Stage::Calling, patience::FIRST_ANSWER);
        self.say(desk, &setup);
    }

    fn parties(&self, desk: &Desk) -> Parties {
        let peer = || Alias::from_text(&self.peer).to_asn();
        match &self.destination {
            Some(destination) => Parties {
                destination: destination.alias.iter().map(|_| peer()).collect(),
                destination_address: destination.address,
                source: say_ras::aliases(desk),
                source_address: Some(say_ras::signalling(desk)),
            },
            None => Parties {
                destination: say_ras::aliases(desk),
                destination_address: Some(say_ras::signalling(desk)),
                source: vec![peer()],
                source_address: Some(self.remote(desk)),
            },
        }
    }
}

/// How H.245 is carried as far as it is clear before the called party has said anything.
const fn first_carrier(desk: &Desk) -> Carrier {
    if desk.options.tunnelling { Carrier::Undecided } else { Carrier::Separate }
}
