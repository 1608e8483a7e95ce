//! The server's half of a traversal zone (H.460.18 §12): the client's address is where its last believed keepalive
//! came from, and it is down once keepalives stop.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Intervals without a keepalive after which the client is down.
const SILENCE: u32 = 3;

/// A client of a zone, as its server sees it.
#[derive(Debug)]
pub struct Watch {
    interval: Duration,
    heard: Option<(Instant, SocketAddr)>,
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
}

impl Watch {
    /// A client that has not been heard of, asked to send a keepalive every `interval`.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self { interval, heard: None }
    }

    /// The time between keepalives that it is asked for.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// Where it is, while it is up.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.heard.map(|(_, address)| address)
    }

    /// A keepalive that is believed.
    pub fn heard(&mut self, now: Instant, from: SocketAddr) -> Heard {
        match self.heard.replace((now, from)) {
            None => Heard::Up,
            Some((_, old)) if old != from => Heard::Moved(old),
            Some(_) => Heard::Same,
        }
    }

    /// When [`Self::poll`] has something next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.heard.map(|(last, _)| last + self.interval * SILENCE)
    }

    /// True when it has fallen silent: it is down.
    pub fn poll(&mut self, now: Instant) -> bool {
        let silent = self.next().is_some_and(|at| at <= now);
        if silent {
            self.heard = None;
        }
        silent
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use super::*;

    #[test]
    fn three_intervals_of_silence_are_the_end() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let address = |port| SocketAddr::from(([203, 0, 113, 9], port));
        let mut watch = Watch::new(Duration::from_secs(19));
        assert_eq!((watch.next(), watch.address()), (None, None));
        assert_eq!(watch.heard(at(0), address(1)), Heard::Up);
        assert_eq!(watch.heard(at(19), address(1)), Heard::Same);
        assert_eq!(watch.heard(at(38), address(2)), Heard::Moved(address(1)));
        assert_eq!(watch.next(), Some(at(38 + 57)));
        assert!(!watch.poll(at(94)));
        assert!(watch.poll(at(95)));
        assert_eq!((watch.next(), watch.address()), (None, None));
        assert_eq!(watch.heard(at(99), address(2)), Heard::Up);
    }
}
