//! Neighbours: other gatekeepers, and the other ends of traversal zones (H.460.18 §12). Each is asked with LRQ where
//! somebody is who is not here, and asks us. Of a zone one end, the client, is behind a firewall: it keeps a pinhole to
//! the other, the server, open, and every connection is the client's.

mod answer;
mod challenge;
mod inward;
mod live;
mod locate;
mod mark;
mod meter;
mod ping;
mod route;
mod separate;
mod state;
pub(crate) mod token;
mod watched;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole_config::{Forward, Neighbor as Config, Seconds, Secret};
use pinhole_h323::id::CallId;
use pinhole_traversal::Timers;
use pinhole_traversal::client::Client;
use pinhole_traversal::watch::Watch;

use crate::face::{QuestionId, SocketId, StreamId};
use crate::node::Cx;
use crate::ras::destination::Destination;
pub(crate) use answer::{in_progress, lrq};
pub(crate) use challenge::{Asked, Bond, Proof, asked, asked_at_hole, may_ask, prove, unanswered};
pub(crate) use inward::{Caller, caller, connected, hole, name};
pub(crate) use live::{resolved, scr};
pub(crate) use locate::{
    Asker, Reply, Wanted, abandon, answered, ask, excuse, is_asked, is_reached_by, reply,
};
pub(crate) use meter::{bound as spare, heard as tried};
pub(crate) use ping::answered as pinged;
pub(crate) use separate::{ask_control, asked_for_control, prove_control};
pub use state::ZoneStatus;
pub(crate) use watched::{announce, sci};

/// The time between keepalives of a zone, where nothing else is known: many NATs forget UDP after half a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(19);
/// How long a call that was located may take to arrive.
const GRANT: Duration = Duration::from_secs(60);
/// Calls that were located and have not arrived yet.
const MOST_GRANTS: usize = 10_000;

/// Calls that are remembered to have been looked for.
const MOST_SOUGHT: usize = 10_000;

/// What the node is told of its neighbours.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[Neighbor::…]` by name.
    pub neighbors: Vec<(String, Config)>,
    /// How long an answer to LRQ is waited for.
    pub timeout: Duration,
    /// How often LRQ is sent before a neighbour counts as silent.
    pub tries: u32,
    /// The hopCount of LRQ.
    pub hop_count: Option<u8>,
    /// Whether LRQs are passed on.
    pub forward: Forward,
    /// Whether LRQs are taken that a neighbour passes on.
    pub accept_forwarded: bool,
    /// Whether neighbours are asked from time to time whether they answer, how often, and about whom.
    pub ping: bool,
    /// How often.
    pub ping_interval: Duration,
    /// About whom; such questions of others are not passed on.
    pub ping_alias: String,
    /// For how long a call is looked for only once; `None`: as often as is asked.
    pub loop_detection: Option<Duration>,
    /// Whether gatekeepers that are no neighbours get an answer to LRQ.
    pub accept_strangers: bool,
    /// Whether calls of neighbours are taken that no LRQ came before.
    pub accept_calls: bool,
    /// By how many seconds the clock of a peer may differ.
    pub grace_s: u32,
    /// The time between keepalives of a zone, if it is set by hand.
    pub keepalive: Option<Duration>,
}

impl From<&pinhole_config::Config> for Settings {
    fn from(config: &pinhole_config::Config) -> Self {
        let location = &config.location;
        Self {
            neighbors: config.neighbors.clone(),
            timeout: Duration::from_millis(u64::from(location.timeout.0) * 100),
            tries: location.retries.0,
            hop_count: location.hop_count.and_then(|count| u8::try_from(count.0).ok()),
            forward: location.forward,
            accept_forwarded: location.accept_forwarded,
            ping: location.ping,
            ping_interval: location.ping_interval.duration(),
            ping_alias: location.ping_alias.0.clone(),
            loop_detection: location.loop_detection.then(|| location.loop_time.duration()),
            accept_strangers: location.accept_strangers,
            accept_calls: config.routed.accept_neighbors,
            grace_s: config.tokens.grace.0,
            keepalive: config.routed.h46018_keepalive.map(Seconds::duration),
        }
    }
}

/// The number of a neighbour: its place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ZoneId(usize);

impl ZoneId {
    /// As the number of a socket.
    fn number(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    /// The neighbour of such a number.
    fn of(number: u32) -> Self {
        Self(usize::try_from(number).unwrap_or(usize::MAX))
    }
}

/// A deadline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    /// A question has waited long enough for its answers.
    Question(u32),
    /// A call that was located did not arrive.
    Grant(CallId),
    /// The name of a neighbour is looked up again.
    LookUp(ZoneId),
    /// The measuring of a firewall goes on.
    Meter(ZoneId),
    /// A neighbour is asked whether it answers, or has not answered.
    Ping(ZoneId),
    /// A call has been looked for long enough ago.
    Sought(CallId),
    /// The late answer to a trial is due.
    Late(meter::Late),
}

/// Which end of what a neighbour is.
#[derive(Debug)]
enum Role {
    /// The server of a zone, whose client we are.
    Server(Client),
    /// The client of a zone, whose server we are.
    Client(Watch),
    /// A gatekeeper that is reached without help.
    Plain,
}

/// A neighbour.
#[derive(Debug)]
pub(crate) struct Neighbor {
    pub(crate) name: String,
    config: Config,
    role: Role,
    /// The RAS socket towards it, and its address.
    socket: SocketId,
    local: IpAddr,
    /// The same towards an address that may become a client's.
    rival: Option<(SocketId, IpAddr)>,
    /// The addresses of `Host=`.
    hosts: Vec<SocketAddr>,
    /// The time stamp of its newest believed proof.
    last_proof: u32,
    /// What was told last of why it is not believed: whom it was about, and what.
    doubt: Option<(IpAddr, state::News)>,
    /// It has shown that it is a Pinhole, too.
    pinhole: bool,
    /// Our address as the server of a zone sees it.
    apparent: Option<SocketAddr>,
    /// The time stamp of the last proof that it was sent.
    last_proven: u32,
    /// Our firewall's memory, when we are the client.
    meter: meter::Meter,
    /// What is known of it from questions about nobody.
    ping: ping::Ping,
    /// The same of a client of ours, as it says.
    life_s: Option<u32>,
    /// Trials of a client of ours: when the newest was asked for, and how many wait for their late answer.
    last_trial: u32,
    open_trials: u8,
    up_since: Option<Instant>,
    last: Option<state::Transition>,
    calls: u64,
}

/// All neighbours.
#[derive(Debug)]
pub(crate) struct Zones {
    /// A RAS socket is bound: it can begin.
    ready: bool,
    all: Vec<Neighbor>,
    questions: locate::Questions,
    timers: Timers<Deadline>,
    grants: BTreeMap<CallId, Grant>,
    /// Calls that neighbours were asked about, and for which of them, if for one (`LoopDetection`).
    sought: BTreeMap<CallId, Option<ZoneId>>,
    /// Connections made to a server for a call that it announced.
    holes: BTreeMap<StreamId, Hole>,
    /// Whose name is being looked up.
    queries: BTreeMap<QuestionId, ZoneId>,
    last_query: u32,
}

/// A connection that we have made to the server of a zone for a call.
#[derive(Debug, Clone, Copy)]
struct Hole {
    zone: ZoneId,
    call: CallId,
    /// What was proven on it.
    bond: Option<Bond>,
}

/// A call that a neighbour was told it can make.
#[derive(Debug, Clone)]
struct Grant {
    zone: ZoneId,
    destination: Destination,
}

impl Neighbor {
    /// Where its RAS is, while it is up.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match &self.role {
            Role::Server(client) => client.server().filter(|_| client.is_up()),
            Role::Client(watch) => watch.address(),
            Role::Plain => self.hosts.first().copied().filter(|_| !self.ping.silent),
        }
    }

    /// True when a message from this address can be its.
    fn is_at(&self, from: IpAddr) -> bool {
        match &self.role {
            Role::Plain => self.has_host(from),
            Role::Server(_) | Role::Client(_) => self.address().is_some_and(|at| at.ip() == from),
        }
    }

    /// True when an answer to LRQ that comes from there can be its. The ends of a zone answer through the pinhole;
    /// others may have another socket for it, as H.225.0 has a replyAddress, but no port of the answer.
    fn answers_from(&self, from: SocketAddr) -> bool {
        match &self.role {
            Role::Plain => self.has_host(from.ip()),
            Role::Server(_) | Role::Client(_) => self.address() == Some(from),
        }
    }

    /// True when `Host=` names this address, or something that leads there.
    fn has_host(&self, ip: IpAddr) -> bool {
        self.hosts.iter().any(|address| address.ip() == ip)
    }

    /// True when it is the client of a zone.
    pub(crate) const fn is_client(&self) -> bool {
        matches!(self.role, Role::Client(_))
    }

    /// True when it is the server of a zone.
    pub(crate) const fn is_server(&self) -> bool {
        matches!(self.role, Role::Server(_))
    }

    /// True when fast start is withheld on calls with it.
    pub(crate) fn withholds_fast_start(&self) -> bool {
        self.config.disable_fast_start.unwrap_or_else(|| self.is_server() && !self.pinhole)
    }

    /// The RAS socket towards it, and its address.
    pub(crate) const fn local(&self) -> (SocketId, IpAddr) {
        (self.socket, self.local)
    }

    fn password(&self) -> Option<&str> {
        self.config.password.as_ref().map(|Secret(text)| text.as_str())
    }

    /// Its gatekeeperIdentifier.
    fn identifier(&self) -> &str {
        self.config.gatekeeper_identifier.as_ref().map_or(&self.name, |name| &name.0)
    }

    /// The name by which it proves its password.
    fn auth_user(&self) -> &str {
        self.config.auth_user.as_ref().map_or_else(|| self.identifier(), |name| &name.0)
    }
}

impl Zones {
    /// The neighbours of a configuration.
    pub(crate) fn new(settings: &Settings, locals: &[IpAddr], now: Instant) -> Self {
        let new = |(name, config): &(String, Config)| {
            let role = match (config.h46018_client, config.h46018_server) {
                (true, _) => Role::Server(Client::new(now, settings.keepalive)),
                (false, true) => {
                    let good = Duration::from_secs(settings.grace_s.into());
                    Role::Client(Watch::new(settings.keepalive.unwrap_or(KEEP_ALIVE), good))
                }
                (false, false) => Role::Plain,
            };
            let first =
                locals.first().copied().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
            Neighbor {
                name: name.clone(),
                config: config.clone(),
                role,
                socket: SocketId(0),
                local: first,
                hosts: Vec::new(),
                rival: None,
                last_proof: 0,
                doubt: None,
                pinhole: false,
                apparent: None,
                last_proven: 0,
                meter: meter::Meter::default(),
                ping: ping::Ping::default(),
                life_s: None,
                last_trial: 0,
                open_trials: 0,
                up_since: None,
                last: None,
                calls: 0,
            }
        };
        Self {
            ready: false,
            all: settings.neighbors.iter().map(new).collect(),
            questions: locate::Questions::default(),
            timers: Timers::default(),
            grants: BTreeMap::new(),
            sought: BTreeMap::new(),
            holes: BTreeMap::new(),
            queries: BTreeMap::new(),
            last_query: 0,
        }
    }

    pub(crate) fn get(&self, id: ZoneId) -> Option<&Neighbor> {
        self.all.get(id.0)
    }

    fn get_mut(&mut self, id: ZoneId) -> Option<&mut Neighbor> {
        self.all.get_mut(id.0)
    }

    fn each(&self) -> impl DoubleEndedIterator<Item = (ZoneId, &Neighbor)> {
        self.all.iter().enumerate().map(|(index, one)| (ZoneId(index), one))
    }

    /// The neighbour from whom a message from this address can be: of several at one address, whose password it proves,
    /// or who is at this port.
    fn from(&self, from: SocketAddr, proof: Option<&token::Proof>) -> Option<ZoneId> {
        let fits = |one: &Neighbor| {
            let proven = proof
                .is_some_and(|proof| one.password().is_some() && one.auth_user() == proof.name);
            (proven, one.address() == Some(from))
        };
        let here = self.each().filter(|(_, one)| one.is_at(from.ip()));
        // The first of equals.
        here.rev().max_by_key(|(_, one)| fits(one)).map(|(id, _)| id)
    }

    /// True when a neighbour is, or can be, at an address.
    pub(crate) fn has_at(&self, from: IpAddr) -> bool {
        self.all.iter().any(|one| one.is_at(from))
    }

    /// True when this was asked about the name of a neighbour.
    pub(crate) fn asked(&self, question: QuestionId) -> bool {
        self.queries.contains_key(&question)
    }

    /// A call came or went to a neighbour.
    pub(crate) fn carried(&mut self, id: ZoneId) {
        if let Some(neighbor) = self.get_mut(id) {
            neighbor.calls += 1;
        }
    }

    /// When [`poll`] has something next.
    pub(crate) fn next(&self) -> Option<Instant> {
        if !self.ready {
            return None;
        }
        let of = |one: &Neighbor| match &one.role {
            Role::Server(client) => client.next(),
            Role::Client(watch) => watch.next(),
            Role::Plain => None,
        };
        self.all.iter().filter_map(of).chain(self.timers.next()).min()
    }

    /// Notes that a call is looked for, until then, for a neighbour or for somebody here.
    fn seek(&mut self, until: Instant, call: CallId, by: Option<ZoneId>) {
        if self.sought.len() < MOST_SOUGHT && !self.sought.contains_key(&call) {
            self.sought.insert(call, by);
            self.timers.set(Deadline::Sought(call), until);
        }
    }

    /// Notes that a neighbour may make a call, so that it is taken when it comes.
    fn grant(&mut self, now: Instant, call: CallId, zone: ZoneId, destination: Destination) {
        if self.grants.len() < MOST_GRANTS || self.grants.contains_key(&call) {
            self.grants.insert(call, Grant { zone, destination });
            self.timers.set(Deadline::Grant(call), now + GRANT);
        }
    }
}

/// A RAS socket is bound: it begins. Looks up the names of neighbours that are reached without help.
pub(crate) fn start(cx: &mut Cx<'_>) {
    if std::mem::replace(&mut cx.core.zones.ready, true) {
        return;
    }
    let plain = |one: &Neighbor| {
        matches!(one.role, Role::Plain) || (one.is_client() && one.password().is_none())
    };
    let all: Vec<ZoneId> =
        cx.core.zones.each().filter(|(_, one)| plain(one)).map(|(id, _)| id).collect();
    for id in all {
        live::look_up(cx, id);
    }
}

/// Does what has come due.
pub(crate) fn poll(cx: &mut Cx<'_>, calls: &mut crate::call::Calls) {
    if !cx.core.zones.ready {
        return;
    }
    live::poll(cx);
    while let Some(deadline) = cx.core.zones.timers.expired(cx.now) {
        match deadline {
            Deadline::Question(number) => locate::expired(cx, calls, number),
            Deadline::Grant(call) => {
                cx.core.zones.grants.remove(&call);
            }
            Deadline::LookUp(id) => live::look_up(cx, id),
            Deadline::Meter(id) => meter::due(cx, id),
            Deadline::Ping(id) => ping::due(cx, id),
            Deadline::Sought(call) => {
                cx.core.zones.sought.remove(&call);
            }
            Deadline::Late(answer) => meter::late(cx, answer),
        }
    }
}
