//! The line between a host and the rest of the world.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What a host's line does to packets, in each direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Link {
    /// Every packet takes this long.
    pub(crate) latency: Duration,
    /// And up to this much longer.
    pub(crate) jitter: Duration,
    /// The share of packets that is lost: 0 to 1.
    pub(crate) loss: f64,
    /// The share of datagrams that arrive twice: 0 to 1.
    pub(crate) repeats: f64,
    /// Bits per second, if limited.
    pub(crate) rate: Option<u64>,
    /// Whether jitter lets a datagram overtake another.
    pub(crate) reorders: bool,
    /// Nothing at all passes before this time.
    pub(crate) cut: Option<Instant>,
}

impl Link {
    /// How long nothing passes from now on.
    pub(crate) fn cut_for(&self, now: Instant) -> Duration {
        self.cut.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

impl Default for Link {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(5),
            jitter: Duration::ZERO,
            loss: 0.0,
            repeats: 0.0,
            rate: None,
            reorders: false,
            cut: None,
        }
    }
}

/// One direction of a line: when it is free, and when its last datagram arrives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane {
    free: Instant,
    last: Instant,
}

impl Lane {
    /// Octets of IP and UDP or TCP headers, roughly.
    const HEADERS: u64 = 28;

    pub(crate) const fn new(now: Instant) -> Self {
        Self { free: now, last: now }
    }

    /// When a datagram sent now arrives, unless it is lost.
    pub(crate) fn datagram(
        &mut self,
        now: Instant,
        link: &Link,
        length: usize,
        random: &mut ChaCha8Rng,
    ) -> Option<Instant> {
        let due = self.pass(now, link, length, random);
        if lost(link, random) || !link.cut_for(now).is_zero() {
            return None;
        }
        let due = if link.reorders { due } else { due.max(self.last) };
        self.last = self.last.max(due);
        Some(due)
    }

    /// When a stretch of a stream that enters now leaves this lane, if nothing is lost.
    pub(crate) fn stretch(
        &mut self,
        now: Instant,
        link: &Link,
        length: usize,
        random: &mut ChaCha8Rng,
    ) -> Instant {
        self.pass(now, link, length, random)
    }

    fn pass(
        &mut self,
        now: Instant,
        link: &Link,
        length: usize,
        random: &mut ChaCha8Rng,
    ) -> Instant {
        let bits = (length as u64 + Self::HEADERS) * 8;
        let takes = link.rate.map_or(0, |rate| bits * 1_000_000_000 / rate.max(1));
        // Without a rate a lane is always free; what comes late over it delays nothing else.
        let begins = if link.rate.is_some() { self.free.max(now) } else { now };
        self.free = begins + Duration::from_nanos(takes);
        let jitter = match u64::try_from(link.jitter.as_nanos()) {
            Ok(nanos @ 1..) => Duration::from_nanos(random.random_range(0..=nanos)),
            _ => Duration::ZERO,
        };
        self.free + link.latency + jitter
    }
}

/// How much later a stretch of a stream arrives because it had to be sent again; nothing if it is lost for good.
pub(crate) fn retransmitted(link: &Link, random: &mut ChaCha8Rng) -> Option<Duration> {
    let mut late = Duration::ZERO;
    let mut wait = Duration::from_millis(200);
    for _ in 0..10 {
        if !lost(link, random) {
            return Some(late);
        }
        late += wait;
        wait *= 2;
    }
    None
}

/// Whether a datagram arrives twice.
pub(crate) fn repeated(link: &Link, random: &mut ChaCha8Rng) -> bool {
    link.repeats > 0.0 && random.random_bool(link.repeats.min(1.0))
}

fn lost(link: &Link, random: &mut ChaCha8Rng) -> bool {
    link.loss > 0.0 && random.random_bool(link.loss.min(1.0))
}
