//! A world of simulated hosts, lines, NATs and time, in which whole agents run as they run behind real sockets.
//!
//! The world owns `now`. It takes the earliest of what is due, a parcel or an agent's deadline, sets `now` to it,
//! and hands it over; an hour in which nothing happens costs nothing. The same seed gives the same run.
//!
//! After every step it holds the agents to the rules of the face: see [`World::violation`] and its callers.

mod capture;
mod datagrams;
mod guard;
mod host;
mod link;
mod outputs;
mod ports;
mod probe;
mod raw;
mod reach;
mod restart;
mod secrecy;
mod sever;
mod stream;
mod streams;
mod tamper;
mod told;
mod trace;

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole::event::Event;
use pinhole::face::{Answer, QuestionId, StreamId};
use pinhole::firewall::{Firewall, Rules};
use pinhole::media::Batch;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use capture::Capture;
use host::{Arrival, Host, Inhabitant};
pub(crate) use link::Link;
pub(crate) use raw::Raw;
pub(crate) use secrecy::Sabotage;
pub(crate) use stream::{Chop, Patience};
use stream::{Conn, ConnId};
use trace::{Fact, Trace};

/// A host of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostId(usize);

/// A NAT or firewall of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GateId(usize);

/// What is on its way.
#[derive(Debug)]
enum Parcel {
    /// A datagram reaches the gate of its sender, or the open net.
    Out { host: usize, from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    /// A datagram reaches a host.
    In { host: usize, from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    /// The next piece of a stream, sent by this end, reaches the other.
    Piece { conn: ConnId, from: usize },
    /// The system of this end asks whether the other still lives.
    Probe { conn: ConnId, end: usize },
    /// Work that took its time is done.
    Worked { host: usize, id: QuestionId, answer: Option<Answer> },
    /// This end is told that the connection is no more.
    Dead { conn: ConnId, end: usize, why: &'static str },
}

/// What is done to a datagram on its way.
type Edit = fn(Vec<u8>) -> Vec<u8>;

/// The simulated world.
pub(crate) struct World {
    start: Instant,
    now: Instant,
    seed: u64,
    random: ChaCha8Rng,
    hosts: Vec<Host>,
    /// Where each media packet lies while a host decides about it.
    batch: Batch,
    gates: Vec<Firewall>,
    /// NATs that let everything in, to one host.
    forwards: BTreeMap<usize, IpAddr>,
    /// How many of the next RTP keepalives of a host (H.460.19) are lost.
    pub(crate) keepalives_lost: BTreeMap<HostId, u32>,
    /// What is done to the datagrams of a host on their way.
    pub(crate) edits: BTreeMap<HostId, Edit>,
    /// Hosts whose audio is lost, but not their keepalives.
    pub(crate) muted: BTreeSet<HostId>,
    /// Addresses that a host must not be told, as no way leads there.
    remote: BTreeSet<(usize, IpAddr)>,
    parcels: BTreeMap<(Instant, u64), Parcel>,
    sequence: u64,
    conns: BTreeMap<ConnId, Conn>,
    chop: Chop,
    patience: Patience,
    trace: Trace,
    capture: Option<Capture>,
    /// What names lead to.
    names: BTreeMap<String, IpAddr>,
    steps_at_now: u32,
    /// How long work takes, and how much may wait; without it takes none.
    labour: Option<(Duration, usize)>,
    /// Octets came on streams as if somebody had sent them who has not.
    forged: bool,
    /// The fields in which gatekeepers have told phones addresses.
    advertised: RefCell<BTreeSet<String>>,
    guard: guard::Guard,
}

impl World {
    /// How many steps may happen without time passing.
    const STEPS_AT_ONCE: u32 = 200_000;

    /// An empty world. All chance comes from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "there is no other way to an Instant; only differences count"
        )]
        let start = Instant::now();
        Self {
            start,
            now: start,
            seed,
            random: ChaCha8Rng::seed_from_u64(seed),
            hosts: Vec::new(),
            batch: Batch::default(),
            gates: Vec::new(),
            forwards: BTreeMap::new(),
            keepalives_lost: BTreeMap::new(),
            edits: BTreeMap::new(),
            muted: BTreeSet::new(),
            remote: BTreeSet::new(),
            parcels: BTreeMap::new(),
            sequence: 0,
            conns: BTreeMap::new(),
            chop: Chop::AsSent,
            patience: Patience::default(),
            trace: Trace::new(),
            capture: Capture::open(seed),
            names: BTreeMap::new(),
            steps_at_now: 0,
            labour: None,
            forged: false,
            advertised: RefCell::default(),
            guard: guard::Guard::default(),
        }
    }

    /// A host on the open net. The agent starts at once.
    pub(crate) fn host(&mut self, name: &'static str, ip: &str, agent: impl Inhabitant) -> HostId {
        self.host_at(name, &[ip], agent)
    }

    /// A host on the open net with several addresses.
    pub(crate) fn host_at(
        &mut self,
        name: &'static str,
        ips: &[&str],
        agent: impl Inhabitant,
    ) -> HostId {
        self.settle_in(name, ips, None, Box::new(agent))
    }

    /// A host behind a NAT or a firewall; several may share one.
    pub(crate) fn host_behind(
        &mut self,
        gate: GateId,
        name: &'static str,
        ip: &str,
        agent: impl Inhabitant,
    ) -> HostId {
        self.settle_in(name, &[ip], Some(gate.0), Box::new(agent))
    }

    /// A NAT with this outside address.
    pub(crate) fn nat(&mut self, outside: &str, rules: Rules) -> GateId {
        let seed = self.random.random();
        self.gates.push(Firewall::nat(ip(outside), rules, seed));
        GateId(self.gates.len() - 1)
    }

    /// What comes to a NAT goes to this address, whatever it is and to the same port: port forwarding.
    pub(crate) fn forward(&mut self, gate: GateId, inside: &str) {
        self.forwards.insert(gate.0, ip(inside));
    }

    /// No way leads from a host to this address, so it must not be told of it.
    pub(crate) fn part(&mut self, host: HostId, from: &str) {
        self.remote.insert((host.0, ip(from)));
    }

    /// A firewall without translation.
    pub(crate) fn firewall(&mut self, rules: Rules) -> GateId {
        self.gates.push(Firewall::plain(rules));
        GateId(self.gates.len() - 1)
    }

    /// A host's agent, in its own words; what it wants afterwards is done.
    pub(crate) fn with<T: Any, R>(
        &mut self,
        host: HostId,
        speak: impl FnOnce(&mut T, Instant) -> R,
    ) -> R {
        let agent: &mut dyn Any = self.hosts[host.0].agent.as_mut();
        let Some(agent) = agent.downcast_mut() else { panic!("another agent lives there") };
        let answer = speak(agent, self.now);
        self.hosts[host.0].media_ways = None;
        self.drain(host.0);
        self.settle(host.0);
        answer
    }

    /// Changes a host's line, from now on.
    pub(crate) fn link(&mut self, host: HostId) -> &mut Link {
        &mut self.hosts[host.0].link
    }

    /// From now on a name leads to this address, or nowhere.
    pub(crate) fn name(&mut self, name: &str, ip: Option<IpAddr>) {
        match ip {
            Some(ip) => self.names.insert(name.to_owned(), ip),
            None => self.names.remove(name),
        };
    }

    /// Sets a host's clock so many seconds wrong.
    pub(crate) fn set_clock(&mut self, host: HostId, skew: i64) {
        let unix = self.unix().saturating_add_signed(skew);
        self.hosts[host.0].inbox.push_back(Arrival::Clock { unix });
        self.settle(host.0);
    }

    /// The right time, in seconds since 1970.
    pub(crate) fn unix(&self) -> u64 {
        1_700_000_000 + self.elapsed().as_secs()
    }

    /// A NAT or firewall.
    pub(crate) fn gate(&mut self, gate: GateId) -> &mut Firewall {
        &mut self.gates[gate.0]
    }

    /// Begins to copy the datagrams that a host sends; returns those copied so far, with their destinations.
    pub(crate) fn tap(&mut self, host: HostId) -> Vec<(SocketAddr, Vec<u8>)> {
        self.hosts[host.0].tap.replace(Vec::new()).unwrap_or_default()
    }

    /// From now on the octets of all streams are delivered like this.
    pub(crate) const fn chop(&mut self, chop: Chop) {
        self.chop = chop;
    }

    /// How long the network takes to report dead connections.
    pub(crate) const fn patience(&mut self) -> &mut Patience {
        &mut self.patience
    }

    /// From now on work with half keys takes so long each, and so many wait at most.
    pub(crate) const fn labour(&mut self, each: Duration, most: usize) {
        self.labour = Some((each, most));
    }

    /// A host has no port to give any more, or has some again.
    pub(crate) fn exhaust(&mut self, host: HostId, exhausted: bool) {
        self.hosts[host.0].udp.exhaust(exhausted);
        self.hosts[host.0].tcp.exhaust(exhausted);
    }

    /// A host disappears without a word.
    pub(crate) fn vanish(&mut self, host: HostId) {
        self.hosts[host.0].gone = true;
    }

    /// The operator wants a host's agent to end.
    pub(crate) fn shutdown(&mut self, host: HostId) {
        self.hosts[host.0].inbox.push_back(Arrival::Shutdown);
        self.settle(host.0);
    }

    /// Runs until something is so; false if it is not within the limit.
    #[must_use]
    pub(crate) fn run_until(&mut self, mut so: impl FnMut(&Self) -> bool, limit: Duration) -> bool {
        let end = self.now + limit;
        while !so(self) {
            if !self.step(end) {
                return so(self);
            }
        }
        true
    }

    /// Runs until something is so, which it must be within the limit.
    pub(crate) fn must(&mut self, what: &str, so: impl FnMut(&Self) -> bool, limit: Duration) {
        if !self.run_until(so, limit) {
            self.fail(&format!("within {limit:?} it did not come to this: {what}"));
        }
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// The time, as the agents see it.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// The time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// What a host's agent told, and when.
    pub(crate) fn events(&self, host: HostId) -> &[(Duration, Event)] {
        &self.hosts[host.0].events
    }

    /// Whether a host's agent told this.
    pub(crate) fn told(&self, host: HostId, like: impl Fn(&Event) -> bool) -> bool {
        self.count(host, like) > 0
    }

    /// How often a host's agent told this.
    pub(crate) fn count(&self, host: HostId, like: impl Fn(&Event) -> bool) -> usize {
        self.hosts[host.0].events.iter().filter(|(_, event)| like(event)).count()
    }

    /// Whether a host's agent has ended.
    pub(crate) fn ended(&self, host: HostId) -> bool {
        self.hosts[host.0].gone
    }

    /// The streams of a host, and the addresses they run to: as it was called, for those it opened.
    pub(crate) fn streams(&self, host: HostId) -> Vec<(StreamId, SocketAddr)> {
        let peer = |conn: &ConnId, end: usize| {
            self.conns.get(conn).map(|conn| if end == 0 { conn.to } else { conn.seen })
        };
        let streams = self.hosts[host.0].streams.iter();
        streams.filter_map(|(stream, (conn, end))| Some((*stream, peer(conn, *end)?))).collect()
    }

    /// The other end of a stream of a host, if it lives.
    pub(crate) fn other_end(&self, host: HostId, stream: StreamId) -> Option<StreamId> {
        let (conn, end) = self.hosts[host.0].streams.get(&stream)?;
        self.conns.get(conn)?.ends[1 - end].map(|(_, stream)| stream)
    }

    /// What every agent holds now is what it may hold in rest.
    pub(crate) fn mark_rest(&mut self) {
        for host in &mut self.hosts {
            host.baseline = host.holdings();
        }
    }

    /// Of what agents hold more, or less, than in rest. The things themselves may be others.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for host in self.hosts.iter().filter(|host| !host.gone) {
            let held = host.holdings();
            for kind in held.keys().chain(host.baseline.keys()).collect::<BTreeSet<_>>() {
                let count = |of: &BTreeMap<_, usize>| of.get(kind).copied().unwrap_or(0);
                let (now, rest) = (count(&held), count(&host.baseline));
                if now != rest {
                    lines.push(format!("{}: {now} {kind} instead of {rest}", host.name));
                }
            }
        }
        lines
    }

    /// Equal for equal runs.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.trace.hash()
    }

    /// Ends the test: says why, and what happened last.
    pub(crate) fn fail(&self, what: &str) -> ! {
        let names: Vec<_> = self.hosts.iter().map(|host| host.name).collect();
        panic!(
            "{}{what}\nseed {}, at {:?}, hosts {names:?}",
            self.trace,
            self.seed,
            self.elapsed()
        );
    }

    /// An agent broke a rule of the face.
    fn violation(&self, host: usize, what: &str) -> ! {
        self.fail(&format!("{} broke the face: {what}", self.hosts[host].name));
    }

    fn settle_in(
        &mut self,
        name: &'static str,
        ips: &[&str],
        gate: Option<usize>,
        agent: Box<dyn Inhabitant>,
    ) -> HostId {
        let ips = ips.iter().map(|text| ip(text)).collect();
        self.hosts.push(Host::new(name, ips, gate, agent, self.now));
        let host = self.hosts.len() - 1;
        self.guard_as_configured(host);
        let unix = self.unix();
        self.hosts[host].inbox.push_back(Arrival::Clock { unix });
        self.drain(host);
        self.settle(host);
        HostId(host)
    }

    /// Does the next thing that is due by then; false if nothing is, and then it is that time.
    fn step(&mut self, by: Instant) -> bool {
        let parcel = self.parcels.keys().next().map(|(due, _)| *due);
        let waking = self.hosts.iter().enumerate().filter(|(_, host)| !host.gone);
        let waking = waking.filter_map(|(index, host)| Some((host.deadline?, index))).min();
        let due = match (parcel, waking) {
            (Some(parcel), Some((waking, _))) => parcel.min(waking),
            (Some(due), None) | (None, Some((due, _))) => due,
            (None, None) => by + Duration::from_nanos(1),
        };
        if due > by {
            self.set_now(by);
            return false;
        }
        self.set_now(due);
        self.steps_at_now += 1;
        if self.steps_at_now > Self::STEPS_AT_ONCE {
            self.fail("time does not pass any more");
        }
        match (self.parcels.first_entry(), waking) {
            (Some(entry), _) if entry.key().0 <= due => {
                let parcel = entry.remove();
                self.deliver(parcel);
            }
            (_, Some((_, host))) => self.wake(host),
            _ => {}
        }
        true
    }

    /// Time never runs back: what is overdue is done now.
    fn set_now(&mut self, now: Instant) {
        if now > self.now {
            self.now = now;
            self.steps_at_now = 0;
        }
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Out { host, from, to, bytes } => self.datagram_out(host, from, to, bytes),
            Parcel::In { host, from, to, bytes } => self.datagram_in(host, from, to, bytes),
            Parcel::Piece { conn, from } => self.piece_due(conn, from),
            Parcel::Probe { conn, end } => self.probe(conn, end),
            Parcel::Dead { conn, end, why } => self.tell_dead(conn, end, why),
            Parcel::Worked { host, id, answer } => {
                let it = &mut self.hosts[host];
                it.labour.1 -= 1;
                it.inbox.push_back(Arrival::Answer { id, answer });
                self.settle(host);
            }
        }
    }

    fn post(&mut self, due: Instant, parcel: Parcel) {
        self.sequence += 1;
        self.parcels.insert((due, self.sequence), parcel);
    }

    fn note(&mut self, host: usize, fact: Fact) {
        self.trace.note(self.now - self.start, host, fact);
    }
}

/// The address in a text.
pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an IP address")
}

/// The address and port in a text.
pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address and a port")
}

/// That many seconds.
pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// That many milliseconds.
pub(crate) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}
