//! What a receiver knows about an RTP stream: loss, duplicates, order, jitter (RFC 3550 §6.4 and appendix A).

use std::time::{Duration, Instant};

use pinhole_h323::rtcp::ReportBlock;

/// A jump ahead of up to this many packets is loss; a longer one is a new start (RFC 3550 A.1 `MAX_DROPOUT`).
const MAX_DROPOUT: u16 = 3000;

/// Packets behind the newest whose arrival is remembered, to tell a late packet from a duplicate.
const HISTORY: u64 = 128;

/// What a packet was in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Ahead of all before it; so many packets are missing between.
    Next {
        /// Packets missing before it.
        gap: u64,
    },
    /// Behind a packet that came earlier.
    Late,
    /// Seen before.
    Duplicate,
    /// The first after a new start of the stream.
    Start,
}

/// Statistics of one received stream.
#[derive(Debug)]
pub struct Receiver {
    /// Ticks of the RTP clock per second.
    clock: f64,
    run: Option<Run>,
    /// Counts of the runs that ended with a new start of the stream.
    past: Counts,
}

/// The counts of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that arrived, duplicates left out.
    pub packets: u64,
    /// Packets that were due by their sequence numbers and never came.
    pub lost: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came behind a later one.
    pub reordered: u64,
}

/// One uninterrupted stream of one synchronisation source.
#[derive(Debug)]
struct Run {
    ssrc: u32,
    first: u64,
    highest: u64,
    /// Bit `n`: the packet `n` behind the highest has come.
    seen: u128,
    counts: Counts,
    transit: Option<Transit>,
    jitter: f64,
    reported: (u64, u64),
    stray: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
struct Transit {
    at: Instant,
    timestamp: u32,
}

impl Receiver {
    /// Of a stream whose RTP clock has so many ticks in a second.
    #[must_use]
    pub fn new(clock: u32) -> Self {
        Self { clock: f64::from(clock), run: None, past: Counts::default() }
    }

    /// Takes the header of a packet that arrived.
    pub fn receive(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: u32) -> Place {
        if let Some(run) = self.run.as_mut().filter(|run| run.ssrc == ssrc)
            && let Some(place) = run.place(sequence)
        {
            if place != Place::Duplicate {
                run.hear(now, timestamp, self.clock);
            }
            return place;
        }
        self.past = self.counts();
        let mut run = Run::new(ssrc, sequence);
        run.hear(now, timestamp, self.clock);
        self.run = Some(run);
        Place::Start
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let now = self.run.as_ref().map(Run::counts).unwrap_or_default();
        Counts {
            packets: self.past.packets + now.packets,
            lost: self.past.lost + now.lost,
            duplicates: self.past.duplicates + now.duplicates,
            reordered: self.past.reordered + now.reordered,
        }
    }

    /// The interarrival jitter in milliseconds; nothing before the second packet.
    #[must_use]
    pub fn jitter_ms(&self) -> Option<f64> {
        let run = self.run.as_ref()?;
        (run.counts.packets > 1).then(|| run.jitter / self.clock * 1000.0)
    }

    /// What to report of the stream now; the next report counts from here. The times of sender reports are left
    /// to who knows them.
    pub fn report(&mut self) -> Option<ReportBlock> {
        let run = self.run.as_mut()?;
        let counts = run.counts();
        let (expected, received) = (run.highest - run.first + 1, counts.packets);
        let (expected_before, received_before) = run.reported;
        run.reported = (expected, received);
        let due = expected.saturating_sub(expected_before);
        let missing = due.saturating_sub(received.saturating_sub(received_before));
        Some(ReportBlock {
            ssrc: run.ssrc,
            fraction_lost: (missing * 256).checked_div(due).unwrap_or(0).min(255) as u8,
            lost: counts.lost.min(0x7f_ffff) as i32,
            highest_sequence: run.highest as u32,
            jitter: run.jitter as u32,
            ..ReportBlock::default()
        })
    }
}

impl Run {
    fn new(ssrc: u32, sequence: u16) -> Self {
        let counts = Counts { packets: 1, ..Counts::default() };
        let first = u64::from(sequence);
        Self {
            ssrc,
            first,
            highest: first,
            seen: 1,
            counts,
            transit: None,
            jitter: 0.0,
            reported: (0, 0),
            stray: None,
        }
    }

    /// Where a sequence number stands; nothing if the stream has started anew (RFC 3550 A.1).
    fn place(&mut self, sequence: u16) -> Option<Place> {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead == 0 {
            self.counts.duplicates += 1;
            return Some(Place::Duplicate);
        }
        if ahead < MAX_DROPOUT {
            self.stray = None;
            self.advance(u64::from(ahead));
            return Some(Place::Next { gap: u64::from(ahead) - 1 });
        }
        let behind = u64::from(ahead.wrapping_neg());
        if behind < HISTORY {
            return Some(self.fall_behind(behind));
        }
        // Two in a row from elsewhere are a new start; one alone is a stray.
        if self.stray == Some(sequence) {
            return None;
        }
        self.stray = Some(sequence.wrapping_add(1));
        self.counts.duplicates += 1;
        Some(Place::Duplicate)
    }

    fn advance(&mut self, by: u64) {
        self.highest += by;
        self.seen = if by < HISTORY { self.seen << by | 1 } else { 1 };
        self.counts.packets += 1;
    }

    fn fall_behind(&mut self, behind: u64) -> Place {
        let bit = 1u128 << behind;
        if self.seen & bit != 0 {
            self.counts.duplicates += 1;
            return Place::Duplicate;
        }
        self.seen |= bit;
        self.counts.packets += 1;
        self.counts.reordered += 1;
        // A packet from before the first one heard was not due: the stream began earlier than thought.
        self.first = self.first.min(self.highest.saturating_sub(behind));
        Place::Late
    }

    /// Interarrival jitter (RFC 3550 A.8).
    fn hear(&mut self, at: Instant, timestamp: u32, clock: f64) {
        // The packets of a picture have one time, and are spread on purpose: the first of them counts.
        if self.transit.as_ref().is_some_and(|last| last.timestamp == timestamp) {
            return;
        }
        if let Some(last) = self.transit.replace(Transit { at, timestamp }) {
            let arrived = at.saturating_duration_since(last.at).as_secs_f64() * clock;
            let sent = f64::from(timestamp.wrapping_sub(last.timestamp).cast_signed());
            let difference = (arrived - sent).abs().min(clock);
            self.jitter += (difference - self.jitter) / 16.0;
        }
    }

    fn counts(&self) -> Counts {
        let expected = self.highest - self.first + 1;
        Counts { lost: expected.saturating_sub(self.counts.packets), ..self.counts }
    }
}

/// The time between a sender report and the report block that answers it.
#[must_use]
pub fn round_trip(now_middle: u32, last_report: u32, delay: u32) -> Option<Duration> {
    if last_report == 0 {
        return None;
    }
    let ticks = now_middle.wrapping_sub(last_report).wrapping_sub(delay);
    // A peer that counts its own delay a little too long makes it negative.
    let ticks = if ticks > u32::MAX / 2 { 0 } else { ticks };
    let trip = Duration::from_secs_f64(f64::from(ticks) / 65_536.0);
    (trip < Duration::from_secs(60)).then_some(trip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, n: u32) -> Instant {
        start + Duration::from_millis(u64::from(n) * 20)
    }

    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn receive(receiver: &mut Receiver, start: Instant, first: u16, order: &[u32]) -> Vec<Place> {
        let place = |n: &u32| {
            let sequence = first.wrapping_add(*n as u16);
            receiver.receive(at(start, *n), 1, sequence, n * 160)
        };
        order.iter().map(place).collect()
    }

    #[test]
    fn a_clean_stream_across_the_wrap() {
        let (mut receiver, start) = (Receiver::new(8000), start());
        for n in 0..70_000u32 {
            let sequence = 65_000u16.wrapping_add(n as u16);
            receiver.receive(at(start, n), 9, sequence, n.wrapping_mul(160));
        }
        let expected = Counts { packets: 70_000, ..Counts::default() };
        assert_eq!(receiver.counts(), expected);
        assert!(receiver.jitter_ms().unwrap() < 0.001);
        assert_eq!(receiver.report().unwrap().highest_sequence, 65_000 + 69_999);
    }

    #[test]
    fn loss_order_and_duplicates() {
        let (mut receiver, start) = (Receiver::new(8000), start());
        let places = receive(&mut receiver, start, 65_534, &[0, 1, 4, 2, 2, 4, 6]);
        let next = |gap| Place::Next { gap };
        let late = Place::Late;
        let again = Place::Duplicate;
        assert_eq!(places, [Place::Start, next(0), next(2), late, again, again, next(1)]);
        let expected = Counts { packets: 5, lost: 2, duplicates: 2, reordered: 1 };
        assert_eq!(receiver.counts(), expected);
        assert_eq!(receiver.report().unwrap().fraction_lost, (2 * 256 / 7) as u8);
        assert_eq!(receiver.report().unwrap().fraction_lost, 0, "nothing since");
    }

    #[test]
    fn a_packet_before_the_first_is_no_loss() {
        let (mut receiver, start) = (Receiver::new(8000), start());
        receive(&mut receiver, start, 100, &[1, 0, 2]);
        let expected = Counts { packets: 3, lost: 0, duplicates: 0, reordered: 1 };
        assert_eq!(receiver.counts(), expected);
    }

    #[test]
    fn a_new_source_keeps_the_counts() {
        let (mut receiver, start) = (Receiver::new(8000), start());
        receive(&mut receiver, start, 0, &[0, 2]);
        assert_eq!(receiver.receive(start, 2, 40_000, 0), Place::Start);
        assert_eq!(receiver.receive(start, 2, 40_001, 160), Place::Next { gap: 0 });
        let expected = Counts { packets: 4, lost: 1, duplicates: 0, reordered: 0 };
        assert_eq!(receiver.counts(), expected);
    }

    #[test]
    fn a_jump_is_believed_the_second_time() {
        let (mut receiver, start) = (Receiver::new(8000), start());
        receive(&mut receiver, start, 0, &[0, 1]);
        assert_eq!(receiver.receive(start, 1, 30_000, 0), Place::Duplicate);
        assert_eq!(receiver.receive(start, 1, 30_001, 160), Place::Start);
        assert_eq!(receiver.counts().lost, 0);
    }

    #[test]
    fn jitter_is_measured() {
        let (mut receiver, start) = (Receiver::new(8000), start());
        for n in 0..400u32 {
            let late = Duration::from_millis(if n % 2 == 0 { 0 } else { 10 });
            receiver.receive(at(start, n) + late, 1, n as u16, n * 160);
        }
        let jitter = receiver.jitter_ms().unwrap();
        assert!((jitter - 10.0).abs() < 0.1, "{jitter}");
    }

    #[test]
    fn round_trips() {
        let half_second = 0x8000;
        assert_eq!(round_trip(0x1_8000, 0x8000, half_second), Some(Duration::from_millis(500)));
        assert_eq!(round_trip(0x8000, 0, 0), None, "no sender report yet");
        assert_eq!(round_trip(5, 4, 9), Some(Duration::ZERO), "a peer's clock may round");
        assert_eq!(round_trip(3, u32::MAX - 1, 1).map(|trip| trip.as_micros()), Some(61));
        assert_eq!(round_trip(0x0100_0000, 1, 0), None, "four minutes are no round trip");
    }
}
