//! The one face between a machine that decides and the world that acts for it.
//!
//! The gatekeeper (`node`) and the test endpoint (`phone`) are both [`Agent`]s. The shell (`net`) drives an
//! agent with real sockets, the simulated world of the tests drives it with a simulated network; neither agent
//! can tell the difference. An agent has no socket, no clock, no randomness of its own.
//!
//! Rules of the face:
//! - After every [`Agent::handle_input`] the host calls [`Agent::poll_output`] until it returns
//!   [`Output::Timeout`], carrying out each output as it comes.
//! - Every socket is asked for with [`Output::Bind`] and answered with [`Input::Bound`]; nothing is delivered
//!   from it before that.
//! - A stream delivers [`Input::Accepted`] or [`Input::Connected`] first, then [`Input::Bytes`], and exactly one
//!   [`Input::Closed`] at the end, unless the agent closed it itself: after [`Output::Close`] nothing more comes.

mod media;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::security::agreement::{Done, Work};
pub use media::{
    FlowCommand, FlowCounts, FlowFact, FlowId, KeepaliveKey, PairId, Party, Patience, Ports, Side,
};

/// A UDP socket, numbered by the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u32);

/// A listening TCP socket, numbered by the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u32);

/// A TCP connection. Connections the agent opens are numbered by the agent, accepted ones by the host, which
/// keeps to numbers with [`StreamId::ACCEPTED`] set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl StreamId {
    /// The bit that marks a number given by the host.
    pub const ACCEPTED: u64 = 1 << 63;

    /// The `n`-th stream accepted by a host.
    #[must_use]
    pub const fn accepted(n: u64) -> Self {
        Self(n | Self::ACCEPTED)
    }
}

/// A question to the host, numbered by the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u32);

/// What an agent asks, because finding it out would keep it from its work.
#[derive(Debug)]
pub enum Question {
    /// Half keys of a Diffie-Hellman agreement.
    HalfKeys(Work),
    /// The addresses of hosts, by name or address, each with its port; in their order.
    Addresses {
        /// The hosts.
        hosts: Vec<(String, u16)>,
    },
    /// The address by which a STUN server (RFC 5389) sees us, answered as one of [`Answer::Addresses`].
    Mapped {
        /// The server, by name or address, and its port.
        server: (String, u16),
        /// From which local address it is asked; `None` leaves it to the system.
        from: Option<IpAddr>,
    },
}

/// What the host answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Of a Diffie-Hellman agreement.
    HalfKeys(Done),
    /// Addresses; none when no name is known.
    Addresses(Vec<SocketAddr>),
}

/// What is bound, and the number by which the agent knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bind {
    /// A UDP socket whose datagrams come to the agent.
    Udp(SocketId),
    /// Two UDP sockets, the first on an even port, the second on the next, whose datagrams come to the agent.
    UdpPair(SocketId, SocketId),
    /// A TCP listener. It accepts nothing until it is bound, and then at once.
    Tcp(ListenerId),
    /// A pair of the media plane.
    Media(PairId),
}

/// What a host tells an agent.
#[derive(Debug)]
pub enum Input<'a> {
    /// The answer to [`Output::Bind`]: the address (of a pair: its even one), or nothing when no port of the
    /// range is free or the address is not this host's.
    Bound {
        /// What was asked for.
        bind: Bind,
        /// Where it listens now.
        at: Option<SocketAddr>,
    },
    /// A datagram arrived.
    Datagram {
        /// On which socket.
        socket: SocketId,
        /// Its source address.
        from: SocketAddr,
        /// Its payload.
        bytes: &'a [u8],
    },
    /// A peer connected.
    Accepted {
        /// To which listener.
        listener: ListenerId,
        /// The new connection.
        stream: StreamId,
        /// Our end.
        local: SocketAddr,
        /// The peer's end.
        peer: SocketAddr,
    },
    /// A connection asked for by [`Output::Connect`] stands.
    Connected {
        /// Which.
        stream: StreamId,
        /// Our end.
        local: SocketAddr,
    },
    /// Octets arrived on a connection, in order, split anywhere.
    Bytes {
        /// Which.
        stream: StreamId,
        /// What came.
        bytes: &'a [u8],
    },
    /// A connection ended (by the peer, the network, or because it could not be made).
    Closed {
        /// Which.
        stream: StreamId,
    },
    /// A connection asked for by [`Output::Connect`] could not be made because of this host: no port of the range is
    /// free, or it has as many connections as it may. It comes in place of `Closed`.
    NoRoom {
        /// Which.
        stream: StreamId,
    },
    /// The media plane has something to tell.
    Flow {
        /// Of which flow.
        flow: FlowId,
        /// What.
        fact: FlowFact,
    },
    /// The time of day. It comes first of all, and from time to time, since clocks are set.
    Clock {
        /// Seconds since 1970.
        unix: u64,
    },
    /// The operator wants the agent to end: calls are released, registrations given up. The agent answers with
    /// [`Output::Finished`] once that is done; the host waits for it, but not for ever.
    Shutdown,
    /// The answer to [`Output::Ask`]; nothing when it was not answered, because too many questions are open.
    Answer {
        /// To which question.
        id: QuestionId,
        /// What it is.
        answer: Option<Answer>,
    },
    /// The time of the last [`Output::Timeout`] has come.
    Timeout,
}

/// What an agent wants of its host.
#[derive(Debug)]
pub enum Output {
    /// Bind a port.
    Bind {
        /// What, and its number.
        bind: Bind,
        /// Which local address; unspecified for any.
        ip: IpAddr,
        /// Which ports, of a pair both; `0..=0` for any.
        ports: RangeInclusive<u16>,
        /// The class of what is sent from there (DSCP, RFC 2474), 0 for none; a media pair gets its own when its flow opens.
        class: u8,
    },
    /// Bind a UDP socket to a multicast group, on the interface that has an address; answered with `Bound` for
    /// [`Bind::Udp`]. Nothing can be sent from it.
    Join {
        /// Its number.
        socket: SocketId,
        /// The group, and the port.
        group: SocketAddrV4,
        /// An address of the interface.
        interface: Ipv4Addr,
    },
    /// Give a bound port back. Streams accepted from a listener live on.
    Unbind(Bind),
    /// Send a datagram.
    Datagram {
        /// From which socket.
        socket: SocketId,
        /// Where to.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Open a TCP connection; answered by `Connected`, `Closed` or `NoRoom`.
    Connect {
        /// Its number.
        stream: StreamId,
        /// From which local address; `None` leaves it to the system.
        from: Option<IpAddr>,
        /// From which local ports; `0..=0` leaves it to the system.
        ports: RangeInclusive<u16>,
        /// Where to.
        to: SocketAddr,
        /// The class of what is sent on it (DSCP, RFC 2474), 0 for none.
        class: u8,
    },
    /// Send octets on a connection.
    Send {
        /// Which.
        stream: StreamId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Send what is queued, then close. Nothing more is delivered from the stream.
    Close {
        /// Which.
        stream: StreamId,
    },
    /// Something that takes time; answered by [`Input::Answer`], in any order.
    Ask {
        /// Its number.
        id: QuestionId,
        /// What is asked.
        question: Question,
    },
    /// Read no faster from one connection than what is sent on another leaves: what comes on the first is passed on
    /// there.
    Pace {
        /// Which is read.
        stream: StreamId,
        /// Which sets the pace.
        by: StreamId,
    },
    /// Read nothing from a connection for so long: its peer has to wait, and sends more slowly then. What has been read
    /// already still comes.
    Halt {
        /// Which.
        stream: StreamId,
        /// How long.
        time: Duration,
    },
    /// A command to the media plane.
    Flow(FlowCommand),
    /// Something that people, records or checks want to know.
    Event(crate::event::Event),
    /// The agent has ended, after [`Input::Shutdown`] or of itself, and wants nothing any more: the host sends what
    /// is queued, closes everything and lets go of it.
    Finished,
    /// Nothing more to do until this time, or until some input (`None`).
    Timeout(Option<Instant>),
}

/// A machine that decides: the gatekeeper or the phone.
pub trait Agent {
    /// Takes one input. Whatever a peer sent, this neither fails nor panics.
    fn handle_input(&mut self, now: Instant, input: Input<'_>);

    /// The next thing to do. [`Output::Timeout`] means that there is nothing left for now.
    fn poll_output(&mut self) -> Output;

    /// What it holds at this moment, as one JSON document, if it has one to show.
    fn status_document(&self, _now: Instant) -> Option<String> {
        None
    }
}

/// The queue of outputs that the rooms of an agent push into.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: std::collections::VecDeque<Output>,
}

impl Outbox {
    /// Queues an output.
    pub fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// Takes the oldest output.
    pub fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }
}
