//! One arrow: a message and those inside it, in few words.

use std::net::SocketAddr;
use std::time::Duration;

use super::names::short;
use crate::decode::dissector::Entry;
use crate::decode::message::{Message, Protocol, Verdict};

/// Characters of a label; longer ones are cut.
const MAX_LABEL: usize = 200;
/// Messages inside another one that are listed.
const MAX_INSIDE: usize = 24;

/// What an arrow stands for, which says how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    /// Something is refused, or cannot be decoded.
    Failure,
    /// A stream of packets.
    Media,
}

/// What makes a difference to the state of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Connect,
    Release,
}

/// One arrow.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub time: Duration,
    /// When the last of those it stands for was seen.
    pub last: Duration,
    /// How many it stands for.
    pub times: u64,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub call: Option<String>,
    pub label: String,
    /// What is listed beneath, or beside when there is room.
    pub inside: Vec<String>,
    pub kind: Kind,
    pub mark: Mark,
    /// A keepalive.
    pub periodic: bool,
}

impl Step {
    pub(super) fn new(entry: &Entry, inside: &[Entry]) -> Self {
        let message = &entry.message;
        let mut step = Self {
            time: entry.time,
            last: entry.time,
            times: 1,
            from: entry.from,
            to: entry.to,
            call: message.call.clone(),
            label: label(message),
            inside: list(entry.depth, inside),
            kind: kind(message),
            mark: match (message.protocol, message.name.as_str()) {
                (Protocol::H225, "connect") => Mark::Connect,
                (Protocol::H225, "releaseComplete") => Mark::Release,
                _ => Mark::None,
            },
            periodic: is_keepalive(message)
                || inside.iter().any(|entry| is_keepalive(&entry.message))
                || (message.name == "serviceControlIndication"
                    && message.call.is_none()
                    && inside.is_empty()),
        };
        if inside.iter().any(|entry| kind(&entry.message) == Kind::Failure) {
            step.kind = Kind::Failure;
        }
        // The call may only be named inside (H.460.17).
        if step.call.is_none() {
            step.call = inside.iter().find_map(|entry| entry.message.call.clone());
        }
        step.carried(inside);
        step
    }

    /// A message that is only there to carry others steps back behind them.
    fn carried(&mut self, inside: &[Entry]) {
        if inside.is_empty() {
            return;
        }
        if inside.iter().all(|entry| entry.message.protocol == Protocol::H46026) {
            self.kind = Kind::Media;
            // How many packets each holds would keep them apart.
            let notes = inside.first().map(|entry| entry.message.note.as_str());
            let session = notes.and_then(|note| note.split(',').next()).unwrap_or_default();
            self.label = format!("H.460.26 {session}");
            self.inside.clear();
        } else if inside.iter().all(|entry| entry.message.protocol == Protocol::H46019) {
            self.label.push_str(" (H.460.19)");
            self.inside.clear();
        }
    }
}

fn is_keepalive(message: &Message) -> bool {
    (message.protocol == Protocol::Ras && message.note == "keepAlive")
        || message.name == "LRQKeepAliveData"
}

fn kind(message: &Message) -> Kind {
    let refused = message.name.ends_with("Reject") || message.name.ends_with("Nak");
    if refused || !message.is_same() { Kind::Failure } else { Kind::Message }
}

/// The messages inside, one phrase each; alike ones are counted.
fn list(depth: usize, inside: &[Entry]) -> Vec<String> {
    let mut phrases: Vec<(String, usize)> = Vec::new();
    for entry in inside {
        let message = &entry.message;
        if entry.depth > depth + 1 && message.protocol == Protocol::H46019 {
            // It belongs to the channel before it.
            if let Some((phrase, 1)) = phrases.last_mut() {
                phrase.push_str(" (H.460.19)");
                continue;
            }
        }
        let phrase =
            if message.note == "fastStart" { "fastStart OLC".to_owned() } else { label(message) };
        if let Some((last, times)) = phrases.last_mut()
            && *last == phrase
        {
            *times += 1;
        } else if phrases.len() < MAX_INSIDE {
            phrases.push((phrase, 1));
        }
    }
    let count = |(phrase, times)| if times > 1 { format!("{phrase} ×{times}") } else { phrase };
    phrases.into_iter().map(count).collect()
}

/// A message in few words: its name, what tells it from others, and the address that matters to those who look for
/// the reason why it did not work.
fn label(message: &Message) -> String {
    let mut label = match &message.verdict {
        Verdict::Undecodable(why) => format!("{} UNDECODABLE: {why}", message.protocol),
        Verdict::Same | Verdict::Different => name(message),
    };
    if is_keepalive(message) && message.is_same() {
        // Its addresses are those of the registration.
        return format!("{label} (keepalive)");
    }
    if !message.note.is_empty() && message.note != "empty" && message.note != "fastStart" {
        label.push_str(&format!(" ({})", message.note));
    }
    let wanted = |names: &[&str]| {
        names.iter().find_map(|name| message.addresses.iter().find(|told| told.name == *name))
    };
    let control = wanted(&["h245Address"]);
    let other = wanted(&[
        "mediaChannel",
        "mediaControlChannel",
        "callSignallingAddress",
        "destCallSignalAddress",
        "callSignalAddress",
    ]);
    if let Some(told) = control.filter(|_| message.note == "startH245") {
        label.push_str(&format!(" {}", told.address));
    } else if let Some(told) = control {
        label.push_str(&format!(" H.245 at {}", told.address));
    } else if let Some(told) = other.filter(|_| message.name != "setup") {
        let what = if told.name == "mediaControlChannel" { "RTCP " } else { "" };
        label.push_str(&format!(" {what}{}", told.address));
    }
    if message.verdict == Verdict::Different {
        label.push_str(" RE-ENCODED DIFFERENTLY");
    }
    label.chars().map(|c| if c.is_control() { '?' } else { c }).take(MAX_LABEL).collect()
}

fn name(message: &Message) -> String {
    let short = short(&message.name);
    match message.protocol {
        Protocol::H225 => {
            let mut letters = short.chars();
            letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
        Protocol::H46015 | Protocol::H46019 | Protocol::H46026 => {
            format!("{} {short}", message.protocol)
        }
        _ => short.to_owned(),
    }
}
