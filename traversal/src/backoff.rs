//! The one back-off of the house.

use std::time::Duration;

/// Waiting times that double up to a limit.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    next: Duration,
    first: Duration,
    most: Duration,
}

impl Backoff {
    /// Begins with `first`, never waits longer than `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { next: first, first, most }
    }

    /// The next waiting time.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        wait
    }

    /// Begins again after a success.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_limit_and_begins_again() {
        let mut backoff = Backoff::new(Duration::from_secs(3), Duration::from_secs(10));
        let waits: Vec<u64> = (0..4).map(|_| backoff.wait().as_secs()).collect();
        assert_eq!(waits, [3, 6, 10, 10]);
        backoff.reset();
        assert_eq!(backoff.wait().as_secs(), 3);
    }
}
