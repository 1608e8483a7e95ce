//! RAS requests that wait for an answer, and what the gatekeeper has granted (H.225.0 §7.19 for the timers).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::asn::h225::{RasMessage, RegistrationConfirmPreGrantedARQ};
use pinhole_h323::id::{EndpointId, GatekeeperId, Seq};
use pinhole_h323::ras::Ras;
use pinhole_traversal::Backoff;

use super::desk::{CallKey, Desk, Timer};
use super::options::{Incoming, Options};
use crate::face::SocketId;

/// The first retransmission comes after this time.
const FIRST: Duration = Duration::from_secs(3);

/// Retransmissions come no rarer than this.
const MOST: Duration = Duration::from_secs(24);

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// GRQ.
    Discover,
    /// A full RRQ.
    Register,
    /// A lightweight RRQ.
    Refresh,
    /// URQ.
    Unregister,
    /// ARQ.
    Admit(CallKey),
    /// DRQ.
    Disengage(CallKey),
}

impl Purpose {
    /// How often it is sent before it is given up; without number it never is. Who waits for calls waits for the
    /// gatekeeper, too.
    fn tries(self, options: &Options) -> Option<u32> {
        match self {
            Self::Discover | Self::Register if options.incoming == Incoming::Refused => Some(4),
            Self::Discover | Self::Register => None,
            Self::Unregister => Some(2),
            Self::Refresh | Self::Admit(_) | Self::Disengage(_) => Some(3),
        }
    }
}

/// What became of a request that was not answered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It was sent again, after it had been sent so many times.
    Repeated(Purpose, u32),
    /// It was sent often enough.
    GivenUp(Purpose),
}

/// What a registration gives.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// The name the gatekeeper gave us.
    pub(super) endpoint: EndpointId,
    /// Its own, if it told.
    pub(super) gatekeeper: Option<GatekeeperId>,
    /// Whether it takes part in H.460.18.
    pub(super) traversal: bool,
    /// Where it takes calls, if it told.
    pub(super) signalling: Option<SocketAddr>,
    /// What it lets us do without asking.
    pub(super) granted: Granted,
}

/// Calls that need no admission (H.225.0 §7.9.2, preGrantedARQ).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Granted {
    /// Those that we make.
    pub(super) make: Option<Through>,
    /// Those that we answer.
    pub(super) answer: Option<Through>,
}

/// Where such calls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    /// Only to where the gatekeeper takes calls, or from there.
    Gatekeeper,
    /// To whom they are for, or from anywhere.
    Anything,
}

impl Granted {
    /// What a confirmation of a registration grants.
    pub(super) fn read(told: &RegistrationConfirmPreGrantedARQ) -> Self {
        let way = |granted: bool, through: bool| {
            granted.then_some(if through { Through::Gatekeeper } else { Through::Anything })
        };
        Self {
            make: way(told.make_call, told.use_gkcall_signal_address_to_make_call),
            answer: way(told.answer_call, told.use_gkcall_signal_address_to_answer),
        }
    }
}

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The RAS socket.
    pub(super) socket: Option<SocketId>,
    /// Its address.
    pub(super) local: Option<SocketAddr>,
    /// Where requests go.
    pub(super) gatekeeper: Option<SocketAddr>,
    /// Where the signalling listener is.
    pub(super) signalling: Option<SocketAddr>,
    /// The registration, while there is one.
    pub(super) standing: Option<Standing>,
    pending: BTreeMap<u16, Pending>,
    last: Option<Seq>,
}

#[derive(Debug)]
struct Pending {
    purpose: Purpose,
    octets: Vec<u8>,
    backoff: Backoff,
    tries: Option<u32>,
    sent: u32,
}

impl Requests {
    /// True when nothing waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// True when an answer to such a request is awaited.
    pub(super) fn waits_for(&self, is_meant: impl Fn(Purpose) -> bool) -> bool {
        self.pending.values().any(|pending| is_meant(pending.purpose))
    }

    /// True of the address whose word counts: the gatekeeper's, whatever its port.
    pub(super) fn is_gatekeeper(&self, from: SocketAddr) -> bool {
        self.gatekeeper.is_some_and(|gatekeeper| {
            gatekeeper.ip().is_multicast() || gatekeeper.ip() == from.ip().to_canonical()
        })
    }
}

impl Desk {
    /// Sends a request and repeats it until it is answered or given up.
    pub(super) fn request(&mut self, purpose: Purpose, message: RasMessage) {
        let seq = self.ras.last.map_or(Seq::FIRST, Seq::next);
        self.ras.last = Some(seq);
        let mut message = Ras::new(message);
        message.set_seq(seq);
        let Ok(octets) = message.encode() else { return };
        let tries = purpose.tries(&self.options);
        let pending =
            Pending { purpose, octets, backoff: Backoff::new(FIRST, MOST), tries, sent: 0 };
        self.ras.pending.insert(seq.value(), pending);
        self.transmit(seq.value());
    }

    /// Takes the request that an answer belongs to, if it is of the right kind.
    pub(super) fn answered(
        &mut self,
        seq: Seq,
        is_meant: impl Fn(Purpose) -> bool,
    ) -> Option<Purpose> {
        self.ras.pending.get(&seq.value()).filter(|pending| is_meant(pending.purpose))?;
        self.withdraw(seq.value())
    }

    /// Forgets all requests of a kind.
    pub(super) fn withdraw_all(&mut self, is_meant: impl Fn(Purpose) -> bool) {
        let meant = |pending: &Pending| is_meant(pending.purpose);
        let found = self.ras.pending.iter().filter(|(_, pending)| meant(pending));
        let found: Vec<u16> = found.map(|(seq, _)| *seq).collect();
        for seq in found {
            self.withdraw(seq);
        }
    }

    /// The gatekeeper needs more time (H.225.0 requestInProgress).
    pub(super) fn in_progress(&mut self, seq: Seq, delay: Duration) {
        if self.ras.pending.contains_key(&seq.value()) {
            self.after(Timer::Request(seq.value()), delay.max(FIRST));
        }
    }

    /// The answer to a request did not come in time.
    pub(super) fn request_overdue(&mut self, seq: u16) -> Option<Overdue> {
        let pending = self.ras.pending.get(&seq)?;
        let (purpose, sent) = (pending.purpose, pending.sent);
        if pending.tries == Some(0) {
            self.withdraw(seq);
            return Some(Overdue::GivenUp(purpose));
        }
        self.transmit(seq);
        Some(Overdue::Repeated(purpose, sent))
    }

    /// Sends a message that wants no answer.
    pub(super) fn reply(&mut self, to: SocketAddr, message: RasMessage) {
        if let (Some(socket), Ok(octets)) = (self.ras.socket, Ras::new(message).encode()) {
            self.datagram(socket, to, octets);
        }
    }

    fn transmit(&mut self, seq: u16) {
        let Some(pending) = self.ras.pending.get_mut(&seq) else { return };
        pending.tries = pending.tries.map(|tries| tries.saturating_sub(1));
        pending.sent = pending.sent.saturating_add(1);
        let (octets, wait) = (pending.octets.clone(), pending.backoff.wait());
        if let (Some(socket), Some(gatekeeper)) = (self.ras.socket, self.ras.gatekeeper) {
            self.datagram(socket, gatekeeper, octets);
        }
        self.after(Timer::Request(seq), wait);
    }

    fn withdraw(&mut self, seq: u16) -> Option<Purpose> {
        self.timers.stop(&Timer::Request(seq));
        self.ras.pending.remove(&seq).map(|pending| pending.purpose)
    }
}
