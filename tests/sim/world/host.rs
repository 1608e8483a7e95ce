//! One host: an agent, its addresses, and what the agent has taken of them.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole::event::Event;
use pinhole::face::{
    Agent, Answer, Bind, FlowFact, FlowId, Input, ListenerId, PairId, QuestionId, Side, SocketId,
    StreamId,
};
use pinhole::media::{Channel, Table};

use super::link::{Lane, Link};
use super::ports::PortBook;
use super::secrecy::{MediaWay, Sabotage};
use super::stream::ConnId;
use super::tamper::Tamper;

/// An agent that a test can also speak to in its own words.
pub(crate) trait Inhabitant: Agent + Any {}
impl<T: Agent + Any> Inhabitant for T {}

/// An input that waits for its turn.
#[derive(Debug)]
pub(crate) enum Arrival {
    Bound { bind: Bind, at: Option<SocketAddr> },
    Datagram { socket: SocketId, from: SocketAddr, bytes: Vec<u8> },
    Accepted { listener: ListenerId, stream: StreamId, local: SocketAddr, peer: SocketAddr },
    Connected { stream: StreamId, local: SocketAddr },
    Bytes { stream: StreamId, bytes: Vec<u8> },
    Closed { stream: StreamId },
    NoRoom { stream: StreamId },
    Flow { flow: FlowId, fact: FlowFact },
    Answer { id: QuestionId, answer: Option<Answer> },
    Clock { unix: u64 },
    Shutdown,
    Timeout,
}

impl Arrival {
    pub(crate) fn input(&self) -> Input<'_> {
        match self {
            Self::Bound { bind, at } => Input::Bound { bind: *bind, at: *at },
            Self::Datagram { socket, from, bytes } => {
                Input::Datagram { socket: *socket, from: *from, bytes }
            }
            Self::Accepted { listener, stream, local, peer } => {
                Input::Accepted { listener: *listener, stream: *stream, local: *local, peer: *peer }
            }
            Self::Connected { stream, local } => {
                Input::Connected { stream: *stream, local: *local }
            }
            Self::Bytes { stream, bytes } => Input::Bytes { stream: *stream, bytes },
            Self::Closed { stream } => Input::Closed { stream: *stream },
            Self::NoRoom { stream } => Input::NoRoom { stream: *stream },
            Self::Flow { flow, fact } => Input::Flow { flow: *flow, fact: *fact },
            Self::Answer { id, answer } => Input::Answer { id: *id, answer: answer.clone() },
            Self::Clock { unix } => Input::Clock { unix: *unix },
            Self::Shutdown => Input::Shutdown,
            Self::Timeout => Input::Timeout,
        }
    }
}

/// Who gets the datagrams of a port.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    Agent(SocketId),
    Media(PairId, Channel),
}

/// One host.
pub(crate) struct Host {
    pub(crate) name: &'static str,
    pub(crate) ips: Vec<IpAddr>,
    pub(crate) gate: Option<usize>,
    pub(crate) link: Link,
    pub(crate) up: Lane,
    pub(crate) down: Lane,
    pub(crate) agent: Box<dyn Inhabitant>,
    pub(crate) inbox: VecDeque<Arrival>,
    pub(crate) deadline: Option<Instant>,
    /// How many timeouts in a row brought nothing and left the deadline in the past.
    pub(crate) barren: u32,
    pub(crate) udp: PortBook,
    pub(crate) tcp: PortBook,
    pub(crate) binds: BTreeMap<Bind, SocketAddr>,
    pub(crate) owners: BTreeMap<SocketAddr, Owner>,
    pub(crate) sockets: BTreeMap<SocketId, SocketAddr>,
    pub(crate) listeners: BTreeMap<SocketAddr, ListenerId>,
    pub(crate) streams: BTreeMap<StreamId, (ConnId, usize)>,
    /// Streams that were, so that closing one that has just ended is no error.
    pub(crate) past: BTreeSet<StreamId>,
    /// When it gave back what addresses.
    pub(crate) left: BTreeMap<SocketAddr, Instant>,
    pub(crate) accepted: u64,
    pub(crate) media: Table,
    /// Legs on which nothing in clear may leave, and what their packets begin with.
    pub(crate) locked: BTreeMap<(FlowId, Side), Option<u32>>,
    /// The ways of its media, as it was when it last did anything; none at all when nothing has to be encrypted.
    pub(crate) media_ways: Option<Vec<MediaWay>>,
    /// What is wrong with what its media plane hears of encryption.
    pub(crate) sabotage: Sabotage,
    /// Contents in clear that have come to it, and from where.
    pub(crate) heard: HashMap<Vec<u8>, BTreeSet<IpAddr>>,
    /// Media pairs that many flows share.
    pub(crate) shared: BTreeSet<PairId>,
    pub(crate) flows: BTreeMap<FlowId, [PairId; 2]>,
    pub(crate) events: Vec<(Duration, Event)>,
    /// Copies of the datagrams it sent, if somebody listens.
    pub(crate) tap: Option<Vec<(SocketAddr, Vec<u8>)>>,
    pub(crate) baseline: BTreeMap<&'static str, usize>,
    /// It has ended, or vanished.
    pub(crate) gone: bool,
    /// Until when its workers are busy, and how much waits for them.
    pub(crate) labour: (Option<Instant>, usize),
    /// Somebody changes what it says on its way.
    pub(crate) tamper: Option<Tamper>,
}

impl Host {
    pub(crate) fn new(
        name: &'static str,
        ips: Vec<IpAddr>,
        gate: Option<usize>,
        agent: Box<dyn Inhabitant>,
        now: Instant,
    ) -> Self {
        Self {
            name,
            ips,
            gate,
            link: Link::default(),
            up: Lane::new(now),
            down: Lane::new(now),
            agent,
            inbox: VecDeque::new(),
            deadline: None,
            barren: 0,
            udp: PortBook::default(),
            tcp: PortBook::default(),
            binds: BTreeMap::new(),
            owners: BTreeMap::new(),
            sockets: BTreeMap::new(),
            listeners: BTreeMap::new(),
            streams: BTreeMap::new(),
            past: BTreeSet::new(),
            left: BTreeMap::new(),
            accepted: 0,
            media: Table::default(),
            locked: BTreeMap::new(),
            media_ways: None,
            sabotage: Sabotage::None,
            heard: HashMap::new(),
            shared: BTreeSet::new(),
            flows: BTreeMap::new(),
            events: Vec::new(),
            tap: None,
            baseline: BTreeMap::new(),
            gone: false,
            labour: (None, 0),
            tamper: None,
        }
    }

    /// Whether it may bind this address.
    pub(crate) fn owns(&self, ip: IpAddr) -> bool {
        ip.is_unspecified() || self.ips.contains(&ip)
    }

    /// The address that packets to `to` have as their source, where `bound` leaves it open.
    pub(crate) fn source(&self, bound: IpAddr, to: SocketAddr) -> Option<IpAddr> {
        if bound.is_unspecified() {
            self.ips.iter().copied().find(|ip| ip.is_ipv4() == to.is_ipv4())
        } else {
            (bound.is_ipv4() == to.is_ipv4()).then_some(bound)
        }
    }

    /// Who gets a datagram sent to this address, and the address as bound.
    pub(crate) fn owner(&self, to: SocketAddr) -> Option<Owner> {
        let any = SocketAddr::new(wildcard(to.ip()), to.port());
        self.owners.get(&to).or_else(|| self.owners.get(&any)).copied()
    }

    /// Which listener takes a connection to this address.
    pub(crate) fn listener(&self, to: SocketAddr) -> Option<ListenerId> {
        let any = SocketAddr::new(wildcard(to.ip()), to.port());
        self.listeners.get(&to).or_else(|| self.listeners.get(&any)).copied()
    }

    /// What the agent holds at the moment: how many of each kind.
    pub(crate) fn holdings(&self) -> BTreeMap<&'static str, usize> {
        let kinds = self.binds.keys().map(|bind| match bind {
            Bind::Udp(_) => "UDP sockets",
            Bind::UdpPair(..) => "UDP pairs",
            Bind::Tcp(_) => "listeners",
            Bind::Media(_) => "media pairs",
        });
        let streams = self.streams.keys().map(|_| "streams");
        let flows = self.flows.keys().map(|_| "flows");
        let mut counts = BTreeMap::new();
        for kind in kinds.chain(streams).chain(flows) {
            *counts.entry(kind).or_default() += 1;
        }
        counts
    }
}

const fn wildcard(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}
