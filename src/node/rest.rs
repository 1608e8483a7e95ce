//! Ports that were in use a moment ago: what is still on its way to an ended call must not enter the next one.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::ports::Pair;
use crate::face::PairId;

/// How long the ports of an ended session rest, if others are free.
const REST: Duration = Duration::from_secs(30);
/// Ports whose rest is remembered.
const MOST: usize = 4096;

/// The pairs in use, and the addresses of those that were.
#[derive(Debug, Default)]
pub(super) struct Rest {
    used: BTreeMap<PairId, SocketAddr>,
    left: VecDeque<(Instant, SocketAddr)>,
}

impl Rest {
    /// A pair is taken into use.
    pub(super) fn take(&mut self, pair: Pair) {
        self.used.insert(pair.id, pair.rtp);
    }

    /// A pair is not in use any more; where it was.
    pub(super) fn leave(&mut self, now: Instant, pair: PairId) -> Option<SocketAddr> {
        let at = self.used.remove(&pair)?;
        self.forget(now);
        if self.left.len() >= MOST {
            self.left.pop_front();
        }
        self.left.push_back((now, at));
        Some(at)
    }

    /// A pair was not used after all.
    pub(super) fn forget_use(&mut self, pair: PairId) {
        self.used.remove(&pair);
    }

    /// Where in a queue the first pair is that has rested, or the first of all.
    pub(super) fn choose(&mut self, now: Instant, queue: &VecDeque<Pair>) -> Option<usize> {
        self.forget(now);
        let rests = |pair: &Pair| self.left.iter().any(|(_, at)| *at == pair.rtp);
        queue.iter().position(|pair| !rests(pair)).or_else(|| (!queue.is_empty()).then_some(0))
    }

    fn forget(&mut self, now: Instant) {
        while self.left.front().is_some_and(|(left, _)| now.duration_since(*left) >= REST) {
            self.left.pop_front();
        }
    }
}
