//! What the rooms of a gatekeeper share, and the moment in which they act on it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole_h323::asn::h225::{EndpointIdentifier, GatekeeperIdentifier};
use pinhole_h323::id::{EndpointId, GatekeeperId};
use pinhole_traversal::Timers;
use pinhole_traversal::server::Server;
use rand_chacha::ChaCha20Rng;

use super::limits::Bucket;
use super::ports::Ports;
use super::streams::Streams;
use super::{Allowance, Counters, Limiter, Settings, marks, outside, seqs};
use crate::call::{CallKey, CallTimer};
use crate::event::Event;
use crate::face::{Bind, ListenerId, Outbox, Output, StreamId};
use crate::ras;
use crate::ras::socket::Socket;
use crate::ras::table::Registrations;
use crate::zone::Zones;

/// What the rooms share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) locals: Vec<IpAddr>,
    /// The ports of the signalling listeners.
    pub(super) listening: BTreeMap<IpAddr, u16>,
    pub(crate) out: Outbox,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) ports: Ports,
    /// The multiplexIDs in use.
    pub(crate) marks: marks::Marks,
    pub(crate) streams: Streams,
    pub(crate) timers: Timers<Timer>,
    pub(crate) pinholes: Server,
    pub(crate) registrations: Registrations,
    pub(crate) admissions: ras::admission::Admissions,
    pub(crate) zones: Zones,
    /// Whether the last look-up of ExternalIP found nothing, once there was one.
    pub(super) external_lost: Option<bool>,
    /// The time of day, in seconds since 1970, at some moment.
    pub(super) clock: Option<(Instant, u64)>,
    pub(crate) bandwidth: ras::bandwidth::Ledger,
    pub(crate) repeats: ras::repeat::Repeats,
    pub(crate) load: ras::load::Load,
    /// Searches for a gatekeeper that came in the group.
    pub(crate) sought: ras::discovery::Heard,
    pub(crate) counters: Counters,
    pub(crate) ras_limit: Limiter,
    pub(crate) setup_limit: Limiter,
    /// New calls of all sources.
    pub(super) setups_in_all: Option<Bucket>,
    pub(super) refusal_limit: Limiter,
    pub(super) presence_limit: Limiter,
    pub(super) seqs: seqs::Seqs,
    /// Media addresses from which nothing has come.
    pub(crate) unanswered: super::unanswered::Unanswered,
}

/// Refusals that are told.
pub(super) const REFUSALS: Allowance = Allowance { rate: 5, burst: 50 };

/// Every deadline of the node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A new connection has to say what it is for.
    FirstMessage(StreamId),
    /// The server of a zone hears which call a connection to it is for.
    Named(StreamId),
    /// A connection was not read for long enough.
    Halted(StreamId),
    /// The rest of a message has to come.
    Rest(StreamId),
    /// A registration ends unless it is refreshed.
    Registration(EndpointId),
    /// An admission that no Setup followed is forgotten.
    Admission(pinhole_h323::id::CallId),
    /// RAS requests wait until there is time for them.
    Waiting,
    /// The name in ExternalIP is looked up again.
    External,
    /// Ports of which there were none are sought again.
    Ports,
    /// A deadline of a call.
    Call(CallKey, CallTimer),
}

/// The moment, and what the rooms share.
pub(crate) struct Cx<'a> {
    pub(crate) now: Instant,
    pub(crate) core: &'a mut Core,
}

impl Cx<'_> {
    /// Sets a deadline from now.
    pub(crate) fn set(&mut self, timer: Timer, after: Duration) {
        self.core.timers.set(timer, self.now + after);
    }

    pub(crate) fn stop(&mut self, timer: &Timer) {
        self.core.timers.stop(timer);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.core.out.push(Output::Event(event));
    }

    /// Tells that somebody was refused. Anybody can be, as often as they like, so of a flood only a few are told.
    pub(crate) fn refusal(&mut self, event: Event) {
        if self.core.refusal_limit.allow(self.now, IpAddr::V4(Ipv4Addr::UNSPECIFIED)) {
            self.event(event);
        }
    }

    /// Tells that an endpoint has come or gone, which one can do as fast as it can ask: all of a site may do so at once, but
    /// not for ever.
    pub(crate) fn came_or_went(&mut self, from: IpAddr, event: Event) {
        if self.core.presence_limit.allow(self.now, from) {
            self.event(event);
        }
    }

    /// Sends a message on a connection.
    pub(crate) fn send(&mut self, stream: StreamId, message: &[u8]) {
        self.core.streams.send(stream, message, &mut self.core.out);
    }

    /// Closes a connection once what is queued is sent.
    pub(crate) fn close(&mut self, stream: StreamId) {
        self.core.streams.close(stream, &mut self.core.out);
    }

    /// Our gatekeeperIdentifier.
    pub(crate) fn gatekeeper_identifier(&self) -> GatekeeperIdentifier {
        (&GatekeeperId(self.core.settings.name.clone())).into()
    }

    /// The endpoint that a RAS request names, if the request comes from where it is registered; it is still there.
    pub(crate) fn heard(
        &mut self,
        id: &EndpointIdentifier,
        from: SocketAddr,
    ) -> Option<EndpointId> {
        let id = EndpointId::from(id);
        let known = self.core.registrations.get(&id);
        let own = known.is_some_and(|known| known.speaks_from(from));
        own.then(|| {
            if self.core.registrations.seen(&id, self.now)
                && let Some(known) = self.core.registrations.get(&id)
            {
                let life = ras::lifetime::of(known.ttl_s);
                self.set(Timer::Registration(id.clone()), life);
            }
            id
        })
    }
}

impl Core {
    /// Takes an answer of the host to what was asked for in the course of work.
    pub(crate) fn port_bound(&mut self, now: Instant, bind: Bind, at: Option<SocketAddr>) {
        self.ports.bound(now, bind, at, &mut self.out);
        match self.ports.seeks_at() {
            Some(at) => self.timers.set(Timer::Ports, at),
            None => self.timers.stop(&Timer::Ports),
        }
    }

    /// The next requestSeqNum for a request of ours, 1 to 65535.
    pub(crate) fn next_seq(&mut self) -> u16 {
        self.seqs.draw(&mut self.rng)
    }

    /// The time of day, in seconds since 1970.
    pub(crate) fn unix(&self, now: Instant) -> Option<u32> {
        let (then, unix) = self.clock?;
        let passed = now.saturating_duration_since(then).as_secs();
        u32::try_from(unix.saturating_add(passed)).ok()
    }

    /// Our address for a peer, where we have just one of its kind: the host may choose one that it made for the day only
    /// (RFC 8981), at which nobody finds us.
    pub(crate) fn only_local(&self, peer: IpAddr) -> Option<IpAddr> {
        let kind = |ip: &IpAddr| (ip.is_ipv4(), ip.is_loopback());
        let mut all = self.locals.iter().copied().filter(|ip| kind(ip) == kind(&peer));
        all.next().filter(|_| all.next().is_none())
    }

    /// The signalling address by which a peer reaches a local address.
    pub(crate) fn signalling_at(&self, local: IpAddr, peer: IpAddr) -> SocketAddr {
        let port = self.listening.get(&local).copied().unwrap_or(self.settings.signalling_port);
        self.told(SocketAddr::new(local, port), peer)
    }

    /// The address that a peer is told in place of a local one.
    pub(crate) fn told(&self, local: SocketAddr, peer: IpAddr) -> SocketAddr {
        outside::told(&self.settings, local, peer)
    }

    /// True for a listener of call signalling.
    pub(super) fn is_signalling(&self, ListenerId(number): ListenerId) -> bool {
        usize::try_from(number).is_ok_and(|number| number < self.locals.len())
    }

    /// The address of a RAS socket, or of one for discovery.
    pub(crate) fn local_of(&self, socket: Socket) -> Option<IpAddr> {
        self.locals.get(usize::try_from(socket.index()).ok()?).copied()
    }
}
