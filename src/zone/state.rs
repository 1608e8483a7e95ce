//! How it stands with a neighbour: up or down, since when, and why; told when it changes, and shown by `pinhole status`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pinhole_traversal::client::Down;
use serde::Serialize;

use super::token::Doubt;
use super::{Neighbor, Role, ZoneId};
use crate::event::Event;
use crate::node::Cx;
use crate::node::status::seconds;

/// Why a neighbour is as it is. Each has a name, in events and in the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The server of a zone answers.
    Answered,
    /// A keepalive of a client is believed.
    KeepAlive,
    /// Its name leads somewhere.
    Resolved,
    /// Its name has no address.
    NotResolved,
    /// It does not answer.
    NoAnswer,
    /// It does not believe us, and does not say why.
    Refused,
    /// No keepalive of it came for three intervals.
    NoKeepAlive,
    /// There is no such name (AuthUser).
    UnknownName,
    /// The password is another one.
    WrongPassword,
    /// The clocks differ by so many seconds: how far whoever sent the proof is ahead of who judges it.
    ClockSkew(i64),
    /// There is no proof of a password.
    NoProof,
    /// The proof was used before.
    ProofUsed,
    /// The same proof came from two addresses.
    ProofCopied,
    /// The proof is not bound to its address any more.
    ProofBare,
    /// Whoever judges the proof does not know the time.
    NoClock,
}

impl Reason {
    /// As events and documents name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::KeepAlive => "keepalive",
            Self::Resolved => "resolved",
            Self::NotResolved => "name-not-resolved",
            Self::NoAnswer => "no-answer",
            Self::Refused => "refused",
            Self::NoKeepAlive => "no-keepalive",
            Self::UnknownName => "unknown-name",
            Self::WrongPassword => "wrong-password",
            Self::ClockSkew(_) => "clock-skew",
            Self::NoProof => "no-proof",
            Self::ProofUsed => "proof-used",
            Self::ProofCopied => "proof-copied",
            Self::ProofBare => "proof-bare",
            Self::NoClock => "no-clock",
        }
    }

    const fn skew_s(self) -> Option<i64> {
        match self {
            Self::ClockSkew(skew) => Some(skew),
            _ => None,
        }
    }
}

impl From<Down> for Reason {
    fn from(down: Down) -> Self {
        match down {
            Down::NotResolved => Self::NotResolved,
            Down::NoAnswer => Self::NoAnswer,
            Down::Refused => Self::Refused,
        }
    }
}

impl From<&Doubt> for Reason {
    fn from(doubt: &Doubt) -> Self {
        match doubt {
            Doubt::Missing => Self::NoProof,
            Doubt::UnknownName(_) => Self::UnknownName,
            Doubt::WrongPassword => Self::WrongPassword,
            Doubt::Clock(skew) | Doubt::Unsure(skew, _) => Self::ClockSkew(*skew),
            Doubt::Replayed => Self::ProofUsed,
            Doubt::Copied(_) => Self::ProofCopied,
            Doubt::Bare => Self::ProofBare,
            Doubt::NoClock => Self::NoClock,
        }
    }
}

/// The last change of a neighbour.
#[derive(Debug, Clone)]
pub(super) struct Transition {
    at: Instant,
    state: &'static str,
    reason: Reason,
    sentence: String,
}

impl Transition {
    /// Its cause, in one sentence.
    pub(super) fn sentence(&self) -> &str {
        &self.sentence
    }
}

/// Something of a neighbour that is worth telling.
#[derive(Debug, Clone)]
pub(super) struct News {
    /// `up`, `down`, `moved`, `refused`.
    pub(super) state: &'static str,
    pub(super) reason: Reason,
    pub(super) sentence: String,
}

impl News {
    /// The event about somebody whose name is not known.
    pub(super) fn of_stranger(self, peer: SocketAddr) -> Event {
        Event::Zone {
            name: String::new(),
            state: self.state,
            reason: self.reason.name(),
            skew_s: self.reason.skew_s(),
            peer: Some(peer),
            round_trip_ms: None,
            calls: 0,
            sentence: self.sentence,
        }
    }
}

/// Notes a change of a neighbour, and tells of it.
pub(super) fn changed(cx: &mut Cx<'_>, id: ZoneId, news: News) {
    let now = cx.now;
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    match news.state {
        "up" => zone.up_since = Some(now),
        "down" => zone.up_since = None,
        _ => {}
    }
    note(cx, id, &news);
    let Some(zone) = cx.core.zones.get(id) else { return };
    let event = told(zone, zone.address(), news);
    cx.event(event);
}

/// Notes what keeps a neighbour down.
pub(super) fn note(cx: &mut Cx<'_>, id: ZoneId, news: &News) {
    let now = cx.now;
    if let Some(zone) = cx.core.zones.get_mut(id) {
        let News { state, reason, sentence } = news;
        let (reason, sentence) = (*reason, sentence.clone());
        zone.last = Some(Transition { at: now, state, reason, sentence });
    }
}

/// The event about a neighbour.
pub(super) fn told(zone: &Neighbor, peer: Option<SocketAddr>, news: News) -> Event {
    Event::Zone {
        name: zone.name.clone(),
        state: news.state,
        reason: news.reason.name(),
        skew_s: news.reason.skew_s(),
        peer,
        round_trip_ms: zone.round_trip().map(millis),
        calls: zone.calls,
        sentence: news.sentence,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A neighbour, as the status shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneStatus {
    /// Its name in the configuration.
    pub name: String,
    /// What it is to us: the `server` or a `client` of a traversal zone, or a `neighbor`.
    pub role: &'static str,
    /// `up`, `down`, or `waiting`: nothing is known of it yet.
    pub state: &'static str,
    /// Seconds since it is up.
    pub up_s: Option<u64>,
    /// Its address; behind a NAT, how its packets show it.
    pub address: Option<SocketAddr>,
    /// Our address as the server of a zone sees it, if it is a Pinhole.
    pub apparent: Option<SocketAddr>,
    /// How long the firewall keeps an idle mapping: at least so many seconds, when it was measured.
    pub pinhole_s: Option<u32>,
    /// How long the server's last answer to a keepalive took.
    pub round_trip_ms: Option<u64>,
    /// Seconds between keepalives.
    pub interval_s: Option<u64>,
    /// Seconds since its last keepalive, or its last answer to one.
    pub heard_s: Option<u64>,
    /// Calls carried since the start.
    pub calls: u64,
    /// What changed last: `up`, `down`, `moved`, `refused`.
    pub last: Option<&'static str>,
    /// Seconds since then.
    pub last_s: Option<u64>,
    /// Its cause, in one word.
    pub reason: Option<&'static str>,
    /// Its cause, in one sentence.
    pub sentence: Option<String>,
}

impl Neighbor {
    fn round_trip(&self) -> Option<Duration> {
        match &self.role {
            Role::Server(client) => client.round_trip(),
            Role::Client(_) | Role::Plain => None,
        }
    }

    fn status(&self, now: Instant) -> ZoneStatus {
        let (role, interval, heard) = match &self.role {
            Role::Server(client) => ("server", Some(client.interval()), client.last_answer()),
            Role::Client(watch) => ("client", Some(watch.interval()), watch.last()),
            Role::Plain => ("neighbor", None, None),
        };
        let last = self.last.as_ref();
        let state = match (self.address(), last) {
            (Some(_), _) => "up",
            (None, Some(_)) => "down",
            (None, None) => "waiting",
        };
        ZoneStatus {
            name: self.name.clone(),
            role,
            state,
            up_s: self.up_since.map(|since| seconds(since, now)),
            address: self.address(),
            apparent: self.apparent,
            pinhole_s: self.meter.found().map(|found| found.at_least).or(self.life_s),
            round_trip_ms: self.round_trip().map(millis),
            interval_s: interval.map(|interval| interval.as_secs()),
            heard_s: heard.map(|heard| seconds(heard, now)),
            calls: self.calls,
            last: last.map(|last| last.state),
            last_s: last.map(|last| seconds(last.at, now)),
            reason: last.map(|last| last.reason.name()),
            sentence: last.map(|last| last.sentence.clone()),
        }
    }
}

impl super::Zones {
    /// All neighbours, in the order of the configuration.
    pub(crate) fn status(&self, now: Instant) -> Vec<ZoneStatus> {
        self.all.iter().map(|one| one.status(now)).collect()
    }
}
