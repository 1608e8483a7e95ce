//! The call flow of a capture as a text ladder: a column per host, an arrow per message.
//!
//! `step` says what an arrow tells, `media` sums up RTP, `draw` sets it on lines.

mod draw;
mod media;
mod names;
mod step;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::capture::Packet;
use super::dissector::Entry;
use media::Media;
use step::{Kind, Step};

/// Arrows that are remembered; the messages after them are only counted.
const MAX_STEPS: usize = 200_000;

/// How a ladder is drawn.
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// Characters of a line; at least 60 are used.
    pub width: usize,
    /// What goes wrong or ends a call is coloured (ECMA-48).
    pub colour: bool,
    /// Only the calls whose identifier begins so, and nothing outside calls.
    pub call: Option<String>,
}

/// Collects what a ladder shows.
#[derive(Debug, Default)]
pub struct Ladder {
    begin: Option<Duration>,
    steps: Vec<Step>,
    /// Where an arrow that is repeated outside calls was drawn first.
    repeated: BTreeMap<(SocketAddr, SocketAddr, String), usize>,
    /// Requests that keep something alive, whose answers are of the same kind.
    periodic: BTreeMap<(SocketAddr, SocketAddr, u16), ()>,
    media: Media,
    left_out: usize,
}

impl Ladder {
    /// Takes a packet of the capture after its entries, for its media.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.begin.get_or_insert(packet.time);
        self.media.packet(packet);
    }

    /// Takes the entries that one packet completed.
    pub fn entries(&mut self, entries: &[Entry]) {
        let mut rest = entries;
        while let Some((first, after)) = rest.split_first() {
            let inside = after.iter().take_while(|entry| entry.depth > first.depth).count();
            let (inside, after) = after.split_at(inside);
            rest = after;
            self.message(first, inside);
        }
    }

    fn message(&mut self, entry: &Entry, inside: &[Entry]) {
        self.begin.get_or_insert(entry.time);
        for entry in std::iter::once(entry).chain(inside) {
            self.media.told(entry);
        }
        let mut step = Step::new(entry, inside);
        if self.folds(entry, &mut step) {
            let key = (step.from, step.to, step.label.clone());
            let first = self.repeated.get(&key).and_then(|place| self.steps.get_mut(*place));
            if let Some(first) = first {
                first.times += 1;
                first.last = step.time;
                return;
            }
            if self.repeated.len() < MAX_STEPS {
                self.repeated.insert(key, self.steps.len());
            }
        }
        if self.steps.len() < MAX_STEPS {
            self.steps.push(step);
        } else {
            self.left_out += 1;
        }
    }

    /// Whether this is one of many of its kind that tell nothing new: keepalives and what answers them, and media in
    /// signalling (H.460.26).
    fn folds(&mut self, entry: &Entry, step: &mut Step) -> bool {
        if step.kind == Kind::Media {
            return true;
        }
        let Some(sequence) = entry.message.sequence else { return step.periodic };
        if step.periodic {
            if entry.message.name != "registrationRequest" {
                return true;
            }
            if self.periodic.len() >= MAX_STEPS {
                self.periodic.clear();
            }
            self.periodic.insert((entry.from, entry.to, sequence), ());
            return true;
        }
        let answers = entry.message.name == "registrationConfirm"
            && self.periodic.contains_key(&(entry.to, entry.from, sequence));
        if answers {
            // What it confirms is what the first one did.
            let name = step.label.split(' ').next().unwrap_or_default();
            step.label = format!("{name} (to keepalive)");
        }
        answers
    }

    /// Draws what was collected.
    #[must_use]
    pub fn draw(mut self, style: &Style) -> String {
        let begin = self.begin.unwrap_or_default();
        self.steps.extend(self.media.steps());
        self.steps.sort_by_key(|step| step.time);
        let hosts = hosts(&self.steps);
        let mut sections: Vec<(Option<&str>, Vec<&Step>)> = Vec::new();
        let mut places: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        if style.call.is_none() && self.steps.iter().any(|step| step.call.is_none()) {
            places.insert(None, 0);
            sections.push((None, Vec::new()));
        }
        for step in &self.steps {
            let call = step.call.as_deref();
            let wanted = match (&style.call, call) {
                (Some(prefix), Some(call)) => begins(call, prefix),
                (Some(_), None) => false,
                (None, _) => true,
            };
            if !wanted {
                continue;
            }
            let place = *places.entry(call).or_insert_with(|| {
                sections.push((call, Vec::new()));
                sections.len() - 1
            });
            if let Some((_, steps)) = sections.get_mut(place) {
                steps.push(step);
            }
        }
        let mut text = String::new();
        for (call, steps) in &sections {
            draw::section(&mut text, style, begin, *call, steps, &hosts);
        }
        if sections.is_empty() {
            text.push_str(match style.call {
                Some(_) => "no call whose identifier begins so\n\n",
                None => "no H.323 messages\n\n",
            });
        }
        if self.left_out > 0 {
            text.push_str(&format!("{} more messages are not drawn\n\n", self.left_out));
        }
        text
    }
}

fn begins(call: &str, prefix: &str) -> bool {
    call.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The hosts, numbered by their first appearance.
fn hosts(steps: &[Step]) -> BTreeMap<IpAddr, usize> {
    let mut hosts = BTreeMap::new();
    for ip in steps.iter().flat_map(|step| [step.from.ip(), step.to.ip()]) {
        let next = hosts.len();
        hosts.entry(ip).or_insert(next);
    }
    hosts
}
