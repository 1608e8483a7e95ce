//! When a worker rests. One wake-up for each packet is what a busy relay spends its time on: with many packets a
//! second it sleeps a moment after each wake-up, and then finds several at once. An idle one does not, and adds no
//! delay.

use std::time::{Duration, Instant};

/// Over how long the rate is measured.
const WINDOW: Duration = Duration::from_millis(100);

/// Packets per second from which on a worker rests.
const BUSY: u32 = 5_000;

/// How long it rests: well below the jitter that receivers of RTP are made for.
const REST: Duration = Duration::from_millis(1);

/// Measures the rate, and says when to rest.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    packets: u32,
    busy: bool,
}

impl Pace {
    /// A pace that begins idle.
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, packets: 0, busy: false }
    }

    /// Takes note of a wake-up that found so many packets; says how long to rest before the next.
    pub(super) fn woken(&mut self, now: Instant, packets: u32) -> Option<Duration> {
        self.packets = self.packets.saturating_add(packets);
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed >= WINDOW {
            self.busy = f64::from(self.packets) > f64::from(BUSY) * elapsed.as_secs_f64();
            self.since = now;
            self.packets = 0;
        }
        self.busy.then_some(REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::clock;

    /// Wakes up once a millisecond for `length` milliseconds; the last answer.
    fn run(pace: &mut Pace, now: &mut Instant, length: u32, packets: u32) -> Option<Duration> {
        (0..length).fold(None, |_, _| {
            *now += Duration::from_millis(1);
            pace.woken(*now, packets)
        })
    }

    #[test]
    fn rests_only_while_it_is_busy() {
        let mut now = clock::now();
        let mut pace = Pace::new(now);
        assert_eq!(run(&mut pace, &mut now, 200, 5), None, "5000 a second are not busy");
        assert_eq!(run(&mut pace, &mut now, 200, 6), Some(REST));
        assert_eq!(run(&mut pace, &mut now, 200, 1), None);
    }

    #[test]
    fn a_burst_after_silence_is_not_busy() {
        let mut now = clock::now();
        let mut pace = Pace::new(now);
        now += Duration::from_secs(60);
        assert_eq!(pace.woken(now, 1000), None);
    }
}
