//! Deadlines by name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// A set of named deadlines: each name has at most one.
#[derive(Debug, Clone)]
pub struct Timers<K> {
    deadlines: BTreeMap<K, Instant>,
    queue: BTreeSet<(Instant, K)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { deadlines: BTreeMap::new(), queue: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Timers<K> {
    /// Sets the deadline of a name, in place of an earlier one.
    pub fn set(&mut self, name: K, at: Instant) {
        if let Some(old) = self.deadlines.insert(name.clone(), at) {
            self.queue.remove(&(old, name.clone()));
        }
        self.queue.insert((at, name));
    }

    /// Forgets the deadline of a name.
    pub fn stop(&mut self, name: &K) {
        if let Some(old) = self.deadlines.remove(name) {
            self.queue.remove(&(old, name.clone()));
        }
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes one name whose deadline has come, the earliest first.
    pub fn expired(&mut self, now: Instant) -> Option<K> {
        let (at, _) = self.queue.first()?;
        if *at > now {
            return None;
        }
        let (_, name) = self.queue.pop_first()?;
        self.deadlines.remove(&name);
        Some(name)
    }

    /// True when no deadline is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn deadlines_come_in_order_and_once() {
        let start = Instant::now();
        let after = |s| start + Duration::from_secs(s);
        let mut timers = Timers::default();
        timers.set("late", after(9));
        timers.set("early", after(3));
        timers.set("moved", after(1));
        timers.set("moved", after(5));
        timers.set("stopped", after(2));
        timers.stop(&"stopped");
        assert_eq!(timers.next(), Some(after(3)));
        assert_eq!(timers.expired(after(2)), None);
        let mut order = Vec::new();
        while let Some(name) = timers.expired(after(9)) {
            order.push(name);
        }
        assert_eq!(order, ["early", "moved", "late"]);
        assert!(timers.is_empty());
        assert_eq!(timers.next(), None);
    }
}
