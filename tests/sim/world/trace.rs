//! What happened, for the one who looks for the reason of a failure, and as a number to compare two runs.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use pinhole::face::{Bind, StreamId};

/// One thing that happened.
#[derive(Debug, Clone, Hash)]
pub(crate) enum Fact {
    Sent { from: SocketAddr, to: SocketAddr, length: usize, content: u64 },
    Datagram { from: SocketAddr, to: SocketAddr, length: usize },
    Dropped { from: SocketAddr, to: SocketAddr, why: &'static str },
    Bind { bind: Bind, at: Option<SocketAddr> },
    Unbind { bind: Bind },
    Connect { stream: StreamId, to: SocketAddr },
    Accepted { stream: StreamId, peer: SocketAddr },
    Connected { stream: StreamId },
    Stream { stream: StreamId, length: usize, content: u64 },
    Bytes { stream: StreamId, length: usize },
    Close { stream: StreamId },
    Closed { stream: StreamId, why: &'static str },
    Flow { what: String },
    Event { what: String },
    Timeout,
}

/// The hash of all facts, and the last of them.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: DefaultHasher,
    last: VecDeque<(Duration, usize, Fact)>,
    loud: bool,
}

impl Trace {
    const KEPT: usize = 250;

    /// With `SIM_TRACE` in the environment every fact is also printed.
    pub(crate) fn new() -> Self {
        let loud = std::env::var_os("SIM_TRACE").is_some();
        Self { hash: DefaultHasher::new(), last: VecDeque::new(), loud }
    }

    pub(crate) fn note(&mut self, at: Duration, host: usize, fact: Fact) {
        (at, host, &fact).hash(&mut self.hash);
        if self.loud {
            eprintln!("{:>12.6} #{host} {fact:?}", at.as_secs_f64());
        }
        if self.last.len() == Self::KEPT {
            self.last.pop_front();
        }
        self.last.push_back((at, host, fact));
    }

    /// Equal for equal runs.
    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, host, fact) in &self.last {
            writeln!(f, "{:>12.6} #{host} {fact:?}", at.as_secs_f64())?;
        }
        Ok(())
    }
}

/// A number for some octets.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    let mut hash = DefaultHasher::new();
    bytes.hash(&mut hash);
    hash.finish()
}
