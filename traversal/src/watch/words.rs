//! What is heard of a client, and what it means.

use std::net::SocketAddr;
use std::time::Instant;

/// The time stamp of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its sender's time, in seconds since 1970.
    pub time: u32,
    /// By how many seconds that is ahead of ours.
    pub skew: i64,
    /// The proof is bound to the address that it came from, as those of Pinholes can be.
    pub sealed: bool,
}

/// An address that may become the client's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    /// When its first proof came, and its last one.
    pub(super) since: Instant,
    pub(super) last: Instant,
    /// The times of both.
    pub(super) oldest: u32,
    pub(super) newest: u32,
    /// Of the last one: it was made just now; by how much it is ahead; it is bound to the address.
    pub(super) fresh: bool,
    pub(super) skew: i64,
    pub(super) sealed: bool,
    /// When it had proven enough.
    pub(super) proven: Option<Instant>,
}

impl Candidate {
    /// True when a proof of this time may be one of its own, sent from elsewhere.
    pub(super) fn has(&self, time: u32) -> bool {
        (self.oldest..=self.newest).contains(&time)
    }
}

/// What a keepalive changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The client is up.
    Up,
    /// Its pinhole moved: it was here before.
    Moved(SocketAddr),
    /// Nothing.
    Same,
    /// Nothing; but proofs that are as new came from there, too: somebody copies them, or two have the same name.
    Kept(SocketAddr),
    /// Nothing yet: it has to prove itself again, [`crate::AGAIN`] from now.
    Again,
    /// Nothing, it does not even show that the client is there: its proof came from there before. It has to prove
    /// itself again, too.
    Shared(SocketAddr),
    /// Nothing: its proof, or a newer one, was used before.
    Used,
    /// Nothing: what was bound to its address is not any more, and nothing else comes. If it was the client, it is down.
    Bare,
    /// Nothing: its proof came from there before, and who of both has copied it is not known.
    Copied(SocketAddr),
}

/// What time has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Another address is the client's now: it is up, or has moved.
    Settled(Heard),
    /// It has fallen silent: it is down.
    Silent,
}
