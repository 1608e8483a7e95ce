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

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::time::Instant;

use crate::security::MediaKey;
use crate::security::agreement::{Done, Work};

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

/// A pair of UDP sockets of the media plane: RTP on an even port, RTCP on the next. Its packets never reach the
/// agent: the media plane relays them as [`FlowCommand`]s say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub u32);

/// One relayed RTP session: two pairs, one towards each leg of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

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
    /// Open a TCP connection; answered by `Connected` or `Closed`.
    Connect {
        /// Its number.
        stream: StreamId,
        /// From which local address; `None` leaves it to the system.
        from: Option<IpAddr>,
        /// From which local ports; `0..=0` leaves it to the system.
        ports: RangeInclusive<u16>,
        /// Where to.
        to: SocketAddr,
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

/// The two legs of a relayed session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The calling party's leg.
    A,
    /// The called party's leg.
    B,
}

impl Side {
    /// The other leg.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `0` for A, `1` for B.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }
}

/// Where the media of one side comes from and goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    /// The only address from which media of this side is accepted.
    pub ip: IpAddr,
    /// How its ports are known.
    pub ports: Ports,
}

/// How the ports of a party become known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Not yet: nothing is sent, nothing is accepted.
    Unknown,
    /// From signalling: media is sent there. A `None` port has not been told yet.
    Signalled {
        /// Where RTP is sent.
        rtp: Option<u16>,
        /// Where RTCP is sent.
        rtcp: Option<u16>,
    },
    /// The party is behind a NAT: learned from its keepalives (H.460.19) or from several packets of media in a row,
    /// from the party's address, and then locked.
    Learned {
        /// The payload type its RTP keepalives carry, if it has told one (H.460.19 keepAlivePayloadType).
        keepalive: Option<u8>,
    },
}

/// A command to the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowCommand {
    /// A bound pair serves many flows at once: what arrives on it says by its multiplexID which flow it is for
    /// (H.460.19 §8). It is never closed with a flow.
    Share {
        /// Which.
        pair: PairId,
    },
    /// The multiplexIDs of one side of an open flow (H.460.19 §8). Said again, it replaces what was said before.
    Multiplex {
        /// Of which flow.
        flow: FlowId,
        /// Which side.
        side: Side,
        /// What its packets begin with, when its pair is shared.
        receive: Option<u32>,
        /// What packets to it begin with, when it wants that.
        send: Option<u32>,
    },
    /// Relay between two pairs, which belong to the flow from now on unless they are shared.
    Open {
        /// The flow's number.
        flow: FlowId,
        /// The pair towards A and the pair towards B.
        pairs: [PairId; 2],
    },
    /// Says where one side's media is expected from and sent to. Another address than before forgets what was
    /// learned; the same one with a newly told keepalive payload type does not.
    Party {
        /// Of which flow.
        flow: FlowId,
        /// Which side.
        side: Side,
        /// What is known of it.
        party: Party,
    },
    /// The even ports of an open flow carry datagrams that are no RTP (T.38), beside whatever else.
    Datagrams {
        /// Of which flow.
        flow: FlowId,
    },
    /// A channel of an open flow is opened anew: packets may come from other ports than before, though from the same
    /// addresses. What was learned stays until another source has proven itself.
    Rearm {
        /// Of which flow.
        flow: FlowId,
    },
    /// A leg is encrypted for good: RTP in clear neither comes in from it nor leaves on it, and without keys none at all.
    Lock {
        /// Of which flow.
        flow: FlowId,
        /// Which leg.
        side: Side,
    },
    /// RTP from a leg is decrypted with this key, too, by its payload type; the leg is encrypted from now on.
    Decrypt {
        /// Of which flow.
        flow: FlowId,
        /// Which leg.
        side: Side,
        /// The key.
        key: MediaKey,
        /// The payload type of what was decrypted; `None` leaves it.
        clear: Option<u8>,
    },
    /// RTP to a leg is encrypted with this key; the leg is encrypted from now on.
    Encrypt {
        /// Of which flow.
        flow: FlowId,
        /// Which leg.
        side: Side,
        /// The key.
        key: MediaKey,
        /// The payload type of what is encrypted; packets with others are dropped. `None` takes any.
        clear: Option<u8>,
    },
    /// The time of grace of the keys before the newest one is over.
    ForgetOld {
        /// Of which flow.
        flow: FlowId,
        /// From which leg.
        side: Side,
    },
    /// The keys of one direction are no good any more.
    Forget {
        /// Of which flow.
        flow: FlowId,
        /// Of which leg.
        side: Side,
        /// True for what comes in from the leg, false for what leaves on it.
        incoming: bool,
    },
    /// Send one RTP and one RTCP keepalive (H.460.19 §7) from a side's pair, so that the server there learns our
    /// address and the NATs between stay open. With the multiplexID that the side wants, if it wants one.
    Punch {
        /// Of which flow.
        flow: FlowId,
        /// From which side's pair.
        side: Side,
        /// Where RTP and RTCP keepalives go.
        to: [SocketAddr; 2],
        /// The payload type of the RTP one.
        payload_type: u8,
        /// The sequence number of the RTP one.
        sequence: u16,
    },
    /// End a flow: its pairs are closed, [`FlowFact::Ended`] answers.
    Close {
        /// Which.
        flow: FlowId,
    },
}

/// What the media plane reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowFact {
    /// The media address of a side behind a NAT is known and locked; told again when the NAT has given it another.
    Learned {
        /// Which side.
        side: Side,
        /// True for the RTCP address.
        rtcp: bool,
        /// The address.
        from: SocketAddr,
    },
    /// Somebody else sends to a port of the flow, for the first time. It is dropped and counted, always.
    Stranger {
        /// To the port of which side.
        side: Side,
        /// True for the RTCP port.
        rtcp: bool,
        /// Who.
        from: SocketAddr,
    },
    /// The flow is closed; these were its counts.
    Ended {
        /// What came from A and what came from B.
        counts: [FlowCounts; 2],
    },
}

/// What happened to the packets that arrived from one side of a flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// RTP packets relayed to the other side.
    pub relayed: u64,
    /// RTCP packets relayed to the other side.
    pub control: u64,
    /// Keepalives taken.
    pub keepalives: u64,
    /// Packets from a stranger's address, or from another port than the one that is locked, dropped.
    pub strangers: u64,
    /// Packets from the right address before it was proven that they are the party's, dropped.
    pub unproven: u64,
    /// Packets dropped because the other side's address was not known (yet).
    pub homeless: u64,
    /// RTP packets dropped because a leg is encrypted and they could not be decrypted, or encrypted.
    pub insecure: u64,
    /// Packets that are no RTP or RTCP, dropped.
    pub malformed: u64,
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
