//! What all calls of a phone came to, for the summary of a load.

use std::collections::BTreeMap;

use super::tone;
use crate::event::{CallRecord, LoadRecord, SetupTimes};

/// Longer set-up times count as this many milliseconds.
const LONGEST: u32 = 60_000;

/// Kinds of failures that are told apart.
const MOST_KINDS: usize = 50;

/// Sums over ended calls. Its size does not depend on how many there were.
#[derive(Debug, Default)]
pub(super) struct Tally {
    calls: u64,
    connected: u64,
    heard: u64,
    packets: u64,
    lost: u64,
    /// How many calls took so many milliseconds.
    setups: BTreeMap<u32, u64>,
    failures: BTreeMap<String, u64>,
}

impl Tally {
    /// A call has ended.
    pub(super) fn count(&mut self, record: &CallRecord) {
        self.calls += 1;
        let received = || record.channels.iter().filter(|c| c.direction == "receive");
        let heard = received().any(|channel| channel.tone_hz.is_some());
        self.heard += u64::from(heard);
        let packets = received().map(|channel| channel.packets).sum::<u64>();
        self.packets += packets;
        self.lost += received().map(|channel| channel.lost).sum::<u64>();
        match record.setup_ms {
            Some(ms) => {
                self.connected += 1;
                let ms = u32::try_from(ms).unwrap_or(LONGEST).min(LONGEST);
                *self.setups.entry(ms).or_default() += 1;
                if !heard {
                    self.fail(unheard(packets));
                }
            }
            None => self.fail(&record.sentence),
        }
    }

    /// The summary; nothing if there was at most one call, whose record says all.
    pub(super) fn summary(&self) -> Option<LoadRecord> {
        (self.calls > 1).then(|| LoadRecord {
            calls: self.calls,
            connected: self.connected,
            heard: self.heard,
            packets: self.packets,
            lost: self.lost,
            setup_ms: self.setup_times(),
            failures: self.failures.clone(),
        })
    }

    fn fail(&mut self, sentence: &str) {
        let known = self.failures.contains_key(sentence) || self.failures.len() < MOST_KINDS;
        let kind = if known { sentence } else { "other failures" };
        *self.failures.entry(kind.to_owned()).or_default() += 1;
    }

    fn setup_times(&self) -> Option<SetupTimes> {
        let (max, _) = self.setups.last_key_value()?;
        Some(SetupTimes { p50: self.percentile(50), p95: self.percentile(95), max: *max })
    }

    /// The shortest time within which so many per cent of the calls were answered.
    fn percentile(&self, percent: u64) -> u32 {
        let wanted = (self.connected * percent).div_ceil(100);
        let mut sum = 0;
        let within = self.setups.iter().find(|(_, count)| {
            sum += **count;
            sum >= wanted
        });
        within.map_or(0, |(ms, _)| *ms)
    }
}

/// Why nothing was heard in a call that was answered.
const fn unheard(packets: u64) -> &'static str {
    match packets {
        0 => "connected, but no audio came",
        few if few < tone::FEWEST_PACKETS => "connected, but too briefly to hear a tone",
        _ => "connected, but no tone was heard",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ChannelRecord;

    fn record(setup_ms: Option<u64>, tone_hz: Option<f64>) -> CallRecord {
        let channel = ChannelRecord {
            media: "audio",
            direction: "receive",
            codec: "pcma".to_owned(),
            packets: 50,
            lost: 1,
            jitter_ms: None,
            tone_hz,
            cipher: "none".to_owned(),
            dh_bits: None,
            legs: Vec::new(),
            latency_ms: None,
            strangers: 0,
            unanswered: 0,
        };
        CallRecord {
            callid: "c".to_owned(),
            direction: "out",
            peer: "bob".to_owned(),
            cause: Some(16),
            release_reason: None,
            sentence: "nobody answered".to_owned(),
            setup_ms,
            duration_s: 1.0,
            channels: if setup_ms.is_some() { vec![channel] } else { Vec::new() },
            forwarded_by: Vec::new(),
            encryption: Vec::new(),
        }
    }

    #[test]
    fn sums_and_percentiles() {
        let mut tally = Tally::default();
        tally.count(&record(Some(1), Some(440.0)));
        assert_eq!(tally.summary(), None, "one call is no load");
        for ms in 2..=100 {
            tally.count(&record(Some(ms), Some(440.0)));
        }
        tally.count(&record(Some(900_000), None));
        tally.count(&record(None, None));
        let summary = tally.summary().unwrap();
        assert_eq!((summary.calls, summary.connected, summary.heard), (102, 101, 100));
        assert_eq!((summary.packets, summary.lost), (101 * 50, 101));
        let times = summary.setup_ms.unwrap();
        assert_eq!((times.p50, times.p95, times.max), (51, 96, LONGEST));
        let failures: Vec<(&str, u64)> =
            summary.failures.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        assert_eq!(failures, [("connected, but no tone was heard", 1), ("nobody answered", 1)]);
    }

    #[test]
    fn what_was_not_heard_is_told_by_what_came() {
        let told = [0, 12, 13].map(|packets| {
            let mut record = record(Some(1), None);
            record.channels.iter_mut().for_each(|channel| channel.packets = packets);
            let mut tally = Tally::default();
            tally.count(&record);
            tally.failures.into_keys().next().unwrap()
        });
        assert!(told[0].ends_with("no audio came"), "{told:?}");
        assert!(told[1].ends_with("too briefly to hear a tone"), "{told:?}");
        assert!(told[2].ends_with("no tone was heard"), "{told:?}");
    }

    #[test]
    fn kinds_of_failures_are_bounded() {
        let mut tally = Tally::default();
        for kind in 0..1000 {
            tally.count(&CallRecord { sentence: kind.to_string(), ..record(None, None) });
        }
        let summary = tally.summary().unwrap();
        assert_eq!(summary.failures.len(), MOST_KINDS + 1);
        assert_eq!(summary.failures["other failures"], 950);
        assert_eq!(summary.setup_ms, None);
    }
}
