//! TCP connections: ordered pipes of octets that can be stalled, reset, cut anywhere, or silently forgotten.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pinhole::face::StreamId;

/// A connection of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnId(pub(crate) u64);

/// How octets of streams are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chop {
    /// As they were sent.
    AsSent,
    /// One at a time.
    EachByte,
    /// Cut at random, several sendings glued together.
    Random,
}

/// How long the systems of the hosts wait before they tell agents that a connection is dead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Until a connection to nowhere fails.
    pub(crate) syn: Duration,
    /// Until a connection that takes no octets any more fails.
    pub(crate) retransmission: Duration,
    /// How long a connection is silent before the system asks whether the other end lives, if it ever does.
    pub(crate) keepalive: Option<Duration>,
}

impl Patience {
    /// As `src/net` sets up its sockets.
    pub(crate) const fn shell() -> Self {
        Self {
            syn: Duration::from_secs(6),
            retransmission: Duration::from_secs(30),
            keepalive: Some(Duration::from_secs(60)),
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        // Linux: tcp_syn_retries 6 waits for 127 s, tcp_retries2 15 for about 15 minutes.
        let (syn, retransmission) = (Duration::from_secs(127), Duration::from_secs(924));
        Self { syn, retransmission, keepalive: None }
    }
}

/// What travels in a pipe.
#[derive(Debug)]
pub(crate) enum Piece {
    /// SYN one way, SYN and ACK the other.
    Open,
    Bytes(Vec<u8>),
    End,
    /// The answer to octets for an end that is no more.
    Reset,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// On the way, in order, with the time each is due.
    pub(crate) queue: VecDeque<(Instant, Piece)>,
    /// Nothing arrives before this time.
    pub(crate) stalled: Option<Instant>,
    /// Something was lost for good, and so is everything behind it.
    pub(crate) broken: bool,
}

impl Pipe {
    /// When the last piece in it is due; nothing overtakes it.
    pub(crate) fn last_due(&self) -> Option<Instant> {
        self.queue.back().map(|(due, _)| *due)
    }
}

/// One connection. End 0 opened it, end 1 accepted it.
#[derive(Debug)]
pub(crate) struct Conn {
    /// Host and stream of each end that has not closed and was not told of the end.
    pub(crate) ends: [Option<(usize, StreamId)>; 2],
    /// The host of each end, for good. The accepting one is not known before its SYN arrived.
    pub(crate) hosts: [usize; 2],
    /// The opener's own address.
    pub(crate) inside: SocketAddr,
    /// The opener's address as the other end sees it.
    pub(crate) seen: SocketAddr,
    /// The address that was called.
    pub(crate) to: SocketAddr,
    /// The gate that the opener went out through.
    pub(crate) gate: Option<usize>,
    /// What travels away from each end.
    pub(crate) pipes: [Pipe; 2],
}
