//! What the gatekeeper holds: by what it says of itself, and by what the system says of it.

use std::path::Path;
use std::time::Duration;

use pinhole::net;
use serde_json::Value;

use crate::cmd::status;

/// How long the gatekeeper may take to let go of everything: connections linger for 5 s, answers are kept for 10 s.
const SETTLING: Duration = Duration::from_secs(30);

/// By how much its memory may be greater afterwards than after the first call, in KiB.
pub(super) const SLACK: u64 = 4 << 10;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: usize,
    connections: u64,
    media_pairs: u64,
    listeners: u64,
    waiting: u64,
    descriptors: usize,
}

/// What the gatekeeper holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) counts: Counts,
    /// Resident, and the most that ever was, in KiB.
    pub(super) memory: u64,
    pub(super) most_memory: u64,
}

/// Where a gatekeeper is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) socket: &'a Path,
    pub(super) process: u32,
}

impl Watch<'_> {
    /// What it holds now.
    pub(super) fn look(self) -> Result<Held, String> {
        let text = status::ask(self.socket).map_err(|error| format!("no status: {error}"))?;
        let document: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", self.process));
        let counts = Counts {
            calls: document.get("calls").and_then(Value::as_array).map_or(0, Vec::len),
            connections: number("/ports/streams"),
            media_pairs: number("/ports/media_pairs"),
            listeners: number("/ports/h245_listeners"),
            waiting: ["admissions", "requests", "streams", "announced"]
                .iter()
                .map(|key| number(&format!("/waiting/{key}")))
                .sum(),
            descriptors: descriptors.map_or(0, Iterator::count),
        };
        let memory = std::fs::read_to_string(format!("/proc/{}/status", self.process));
        let memory = memory.map_err(|error| format!("the gatekeeper is gone: {error}"))?;
        let field = |name: &str| {
            let line = memory.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        Ok(Held { counts, memory: field("VmRSS:"), most_memory: field("VmHWM:") })
    }

    /// What it holds once that is no more than `before`, or once it has had the time.
    pub(super) fn settled(self, before: &Held) -> Result<Held, String> {
        let end = net::now() + SETTLING;
        loop {
            let now = self.look()?;
            if now.left(before).is_empty() || net::now() >= end {
                return Ok(now);
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

impl Held {
    /// The heads of [`Self::row`].
    pub(super) const HEAD: [&'static str; 8] = [
        "gatekeeper",
        "calls",
        "connections",
        "media pairs",
        "H.245 listeners",
        "waiting",
        "descriptors",
        "memory",
    ];

    /// As a row of a table.
    pub(super) fn row(&self, when: &str) -> Vec<String> {
        let Counts { calls, connections, media_pairs, listeners, waiting, descriptors } =
            self.counts;
        let mut row = vec![when.to_owned(), calls.to_string()];
        row.extend([connections, media_pairs, listeners, waiting].map(|n| n.to_string()));
        row.extend([descriptors.to_string(), megabytes(self.memory)]);
        row
    }

    /// What it holds more than before, each in a few words.
    pub(super) fn left(&self, before: &Self) -> Vec<String> {
        let more = |now: u64, before: u64, what: &str| {
            (now > before).then(|| format!("{} {what}", now - before))
        };
        let (now, then) = (self.counts, before.counts);
        let mut left: Vec<String> = [
            more(now.calls as u64, then.calls as u64, "calls"),
            more(now.connections, then.connections, "connections"),
            more(now.media_pairs, then.media_pairs, "media pairs"),
            more(now.listeners, then.listeners, "H.245 listeners"),
            more(now.waiting, then.waiting, "waiting"),
            more(now.descriptors as u64, then.descriptors as u64, "descriptors"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if self.memory > before.memory + SLACK {
            left.push(format!("{} of memory", megabytes(self.memory - before.memory)));
        }
        left
    }
}

/// So many KiB.
pub(super) fn megabytes(kib: u64) -> String {
    format!("{:.1} MB", kib as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named() {
        let counts = Counts {
            calls: 0,
            connections: 0,
            media_pairs: 0,
            listeners: 0,
            waiting: 0,
            descriptors: 42,
        };
        let before = Held { counts, memory: 12_000, most_memory: 12_000 };
        let fewer = Counts { descriptors: 41, ..counts };
        let little = Held { counts: fewer, memory: 12_000 + SLACK, most_memory: 90_000 };
        assert_eq!(little.left(&before), [""; 0]);
        let more = Counts { media_pairs: 2, descriptors: 46, ..counts };
        let much = Held { counts: more, memory: 12_000 + SLACK + 1024, ..before };
        assert_eq!(much.left(&before), ["2 media pairs", "4 descriptors", "5.0 MB of memory"]);
    }
}
