//! What waits to be read by peers: on each connection, and on all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Octets that may always wait on a connection, however many wait on others.
const LEAST: usize = 16 << 10;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// On one connection.
    pub(super) own: usize,
    /// On all together; then only a little on each.
    pub(super) all: usize,
}

/// What waits on a connection. All together are counted as well, until it is dropped.
#[derive(Debug)]
pub(super) struct Backlog {
    own: AtomicUsize,
    all: Arc<AtomicUsize>,
}

impl Backlog {
    pub(super) const fn new(all: Arc<AtomicUsize>) -> Self {
        Self { own: AtomicUsize::new(0), all }
    }

    /// More waits; false when that is too much.
    pub(super) fn add(&self, octets: usize, most: Most) -> bool {
        let own = self.own.fetch_add(octets, Ordering::Relaxed).saturating_add(octets);
        let all = self.all.fetch_add(octets, Ordering::Relaxed).saturating_add(octets);
        own <= most.own && (all <= most.all || own <= LEAST)
    }

    /// So much waits no longer.
    pub(super) fn sent(&self, octets: usize) {
        let less = |own: usize| Some(own.saturating_sub(octets));
        let own = self.own.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or(0);
        self.all.fetch_sub(own.min(octets), Ordering::Relaxed);
    }

    /// The connection is given up: what waits on it keeps nobody else from anything, though it goes a little later.
    pub(super) fn forget(&self) {
        self.sent(self.octets());
    }

    pub(super) fn octets(&self) -> usize {
        self.own.load(Ordering::Relaxed)
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.all.fetch_sub(*self.own.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_that_do_not_read_have_less_each_and_give_all_back() {
        let all = Arc::new(AtomicUsize::new(0));
        let most = Most { own: 256 << 10, all: 1 << 20 };
        let of_one = |backlog: &Backlog| (0..).take_while(|_| backlog.add(1024, most)).count();
        let one = Backlog::new(Arc::clone(&all));
        assert_eq!(of_one(&one), 256);
        let others: Vec<_> = (0..100).map(|_| Backlog::new(Arc::clone(&all))).collect();
        let waits: Vec<_> = others.iter().map(of_one).collect();
        assert_eq!(waits.iter().filter(|kib| **kib > 16).count(), 3, "{waits:?}");
        assert!(waits.iter().all(|kib| *kib >= 15), "{waits:?}");
        one.forget();
        one.sent(1024);
        assert_eq!(one.octets(), 0, "what is on its way was forgotten with the rest");
        drop(others);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}
