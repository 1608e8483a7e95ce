//! The client's half of a traversal zone (H.460.18 §12): a keepalive (ServiceControlIndication) to the server holds the
//! RAS pinhole open, at the interval that the server asks for; its answer says whether the zone is up.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::{AGAIN, Backoff};

/// The interval until the server tells one.
const FIRST_INTERVAL: Duration = Duration::from_secs(19);
/// The shortest and longest interval that a server can ask for.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));
/// The wait after a keepalive that is not answered; it doubles up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(3);
/// Intervals without an answer after which the zone is down.
const SILENCE: u32 = 3;
/// Keepalives without an answer after which the server's name is resolved again.
const RESOLVE_AFTER: u32 = 3;
/// Proofs that a server can ask for one after the other until it is up.
const MOST_PROOFS: u8 = 2;
/// Keepalives whose answer may still come.
const OPEN: usize = 8;

/// The connection to the server of a zone.
#[derive(Debug)]
pub struct Client {
    server: Option<SocketAddr>,
    interval: Duration,
    /// What the last answer told.
    told_interval: Duration,
    most: Option<Duration>,
    retry: Backoff,
    /// Sent and not answered: requestSeqNum, when, where to.
    open: Vec<(u16, Instant, SocketAddr)>,
    unanswered: u32,
    /// The server's name is being looked up.
    resolving: bool,
    /// How often in a row the server wanted another proof before the zone is up.
    proving: u8,
    last_answer: Option<Instant>,
    round_trip: Option<Duration>,
    up: bool,
    told: Option<Down>,
    due: Option<Instant>,
}

/// Why the zone is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// The server's name has no address.
    NotResolved,
    /// The server does not answer.
    NoAnswer,
    /// The server does not believe us.
    Refused,
}

/// What the client wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Find the server's addresses, and call [`Client::resolved`].
    Resolve,
    /// Send a keepalive with this requestSeqNum.
    KeepAlive {
        /// The server's RAS address.
        to: SocketAddr,
        /// The requestSeqNum.
        seq: u16,
    },
    /// The zone is down, or stays so for another reason than the last one told.
    Down(Down),
}

/// What an answer of the server changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The zone is up.
    Up,
    /// The zone is down: the server refused.
    Refused,
}

impl Client {
    /// A zone that begins now; keepalives are sent at least every `most`, if that is told.
    #[must_use]
    pub const fn new(now: Instant, most: Option<Duration>) -> Self {
        Self {
            server: None,
            interval: FIRST_INTERVAL,
            told_interval: FIRST_INTERVAL,
            most,
            retry: Backoff::new(FIRST_RETRY, FIRST_INTERVAL),
            open: Vec::new(),
            unanswered: 0,
            resolving: false,
            proving: 0,
            last_answer: None,
            round_trip: None,
            up: false,
            told: None,
            due: Some(now),
        }
    }

    /// The server's RAS address, once it is known.
    #[must_use]
    pub const fn server(&self) -> Option<SocketAddr> {
        self.server
    }

    /// True when the server has answered and has not fallen silent.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// When the server answered last.
    #[must_use]
    pub const fn last_answer(&self) -> Option<Instant> {
        self.last_answer
    }

    /// How long the last answer took.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// The time between keepalives: the server's, or the shorter one set by hand.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.most.map_or(self.interval, |most| most.min(self.interval))
    }

    /// The server's addresses, none when its name has none. The next one is tried when the last one did not answer.
    /// Tells that the zone is down because there is none, once.
    pub fn resolved(&mut self, now: Instant, addresses: &[SocketAddr]) -> Option<Down> {
        self.resolving = false;
        let at = addresses.iter().position(|address| Some(*address) == self.server);
        let next = match at {
            Some(at) if self.unanswered >= RESOLVE_AFTER => (at + 1) % addresses.len(),
            Some(at) => at,
            None => 0,
        };
        match addresses.get(next) {
            Some(server) => {
                if self.server.replace(*server) != Some(*server) {
                    self.retry.reset();
                    self.due = Some(now);
                }
                self.unanswered = 0;
                None
            }
            // A name that is lost does not make a server silent that still answers.
            None => {
                // It is asked about again after a while.
                self.due = Some(now + self.retry.wait());
                if !self.up {
                    self.server = None;
                }
                let news = !self.up && self.told != Some(Down::NotResolved);
                news.then(|| *self.told.insert(Down::NotResolved))
            }
        }
    }

    /// True when a keepalive with this requestSeqNum went there and has not been answered.
    #[must_use]
    pub fn asked(&self, from: SocketAddr, seq: u16) -> bool {
        self.open.iter().any(|(known, _, to)| *known == seq && *to == from)
    }

    /// An answer to a keepalive: `interval` as the server asks for, or nothing when it refuses. Counts only when it
    /// comes from where the keepalive went.
    pub fn answered(
        &mut self,
        now: Instant,
        from: SocketAddr,
        seq: u16,
        answer: Result<Option<Duration>, ()>,
    ) -> Option<Change> {
        let at = self.open.iter().position(|(known, _, to)| *known == seq && *to == from)?;
        let (_, sent, _) = self.open.remove(at);
        self.round_trip = Some(now.saturating_duration_since(sent));
        self.unanswered = 0;
        match answer {
            Ok(interval) => {
                let again = interval.is_some_and(|interval| interval <= AGAIN);
                if let Some(interval) = interval.filter(|_| !again) {
                    // Longer only when two answers agree: one is easily feigned, and a pinhole that closes is not
                    // noticed at this end.
                    let told = interval.clamp(INTERVALS.0, INTERVALS.1);
                    self.interval = told.min(self.told_interval);
                    self.told_interval = told;
                }
                self.open.clear();
                self.last_answer = Some(now);
                self.retry = Backoff::new(FIRST_RETRY, self.interval());
                self.due = Some(now + if again { AGAIN } else { self.interval() });
                // A server may well want one every two seconds.
                if again && !self.up && self.proving < MOST_PROOFS {
                    self.proving += 1;
                    return None;
                }
                (self.told, self.proving) = (None, 0);
                (!std::mem::replace(&mut self.up, true)).then_some(Change::Up)
            }
            Err(()) => {
                self.due = Some(now + self.retry.wait());
                let news = self.up || self.told != Some(Down::Refused);
                (self.up, self.told, self.proving) = (false, Some(Down::Refused), 0);
                news.then_some(Change::Refused)
            }
        }
    }

    /// When [`Self::poll`] has something next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        match (self.due, self.silent_at()) {
            (Some(due), Some(silent)) => Some(due.min(silent)),
            (due, silent) => due.or(silent),
        }
    }

    /// The next thing to do at this time; `seq` gives a fresh requestSeqNum.
    pub fn poll(&mut self, now: Instant, seq: impl FnOnce() -> u16) -> Option<Action> {
        if self.silent_at().is_some_and(|at| at <= now) {
            (self.up, self.proving) = (false, 0);
            self.told = Some(Down::NoAnswer);
            return Some(Action::Down(Down::NoAnswer));
        }
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        let lost = self.server.is_none() || self.unanswered >= RESOLVE_AFTER;
        if lost && !self.resolving {
            if self.server.is_some() && !self.up && self.told.is_none() {
                self.told = Some(Down::NoAnswer);
                return Some(Action::Down(Down::NoAnswer));
            }
            self.resolving = true;
            // While its name is looked up, it is still tried where it was.
            self.due = self.due.filter(|_| self.server.is_some());
            return Some(Action::Resolve);
        }
        let to = self.server?;
        self.due = Some(now + self.retry.wait());
        self.unanswered += 1;
        let seq = seq();
        if self.open.len() >= OPEN {
            self.open.remove(0);
        }
        self.open.push((seq, now, to));
        Some(Action::KeepAlive { to, seq })
    }

    fn silent_at(&self) -> Option<Instant> {
        self.last_answer.filter(|_| self.up).map(|last| last + self.interval() * SILENCE)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 10], port))
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    /// A zone that came up at once, with keepalives every 10 s.
    fn up(now: Instant) -> Client {
        let mut client = Client::new(now, None);
        assert_eq!(client.poll(now, || 1), Some(Action::Resolve));
        assert_eq!(client.next(), None, "nothing until the name is resolved");
        assert_eq!(client.resolved(now, &[at(1719)]), None);
        assert_eq!(client.poll(now, || 7), Some(Action::KeepAlive { to: at(1719), seq: 7 }));
        let later = now + Duration::from_millis(80);
        assert_eq!(client.answered(later, at(1719), 8, Ok(None)), None, "another number");
        assert_eq!(client.answered(later, at(1720), 7, Ok(None)), None, "another port");
        let answer = Ok(Some(seconds(10)));
        assert_eq!(client.answered(later, at(1719), 7, answer), Some(Change::Up));
        assert_eq!(client.round_trip(), Some(Duration::from_millis(80)));
        assert_eq!(client.next(), Some(later + seconds(10)));
        client
    }

    #[test]
    fn the_servers_interval_is_obeyed_and_silence_ends_the_zone() {
        let now = Instant::now();
        let mut client = up(now);
        let (mut sent, mut resolves, mut down) = (0, 0, None);
        let mut seq = 8;
        while down.is_none() {
            let at_ = client.next().unwrap();
            match client.poll(at_, || seq) {
                Some(Action::KeepAlive { .. }) => {
                    sent += 1;
                    seq += 1;
                }
                Some(Action::Resolve) => {
                    resolves += 1;
                    assert_eq!(client.resolved(at_, &[at(1719)]), None);
                }
                Some(Action::Down(why)) => down = Some((why, at_ - now)),
                None => {}
            }
        }
        assert_eq!(down, Some((Down::NoAnswer, seconds(30) + Duration::from_millis(80))));
        assert!(sent >= 3 && resolves >= 1, "{sent} {resolves}");
        assert!(!client.is_up());
    }

    #[test]
    fn it_goes_on_asking_and_comes_up_again_wherever_the_name_leads() {
        let mut now = Instant::now();
        let mut client = up(now);
        let mut seq = 8;
        let mut waits = Vec::new();
        for _ in 0..40 {
            let next = client.next().unwrap();
            waits.push(next.saturating_duration_since(now));
            now = next;
            match client.poll(now, || seq) {
                Some(Action::KeepAlive { .. }) => seq += 1,
                Some(Action::Resolve) => assert_eq!(client.resolved(now, &[at(2000)]), None),
                Some(Action::Down(_)) | None => {}
            }
        }
        assert!(waits.iter().all(|wait| *wait <= seconds(11)), "never longer than an interval");
        assert_eq!(client.server(), Some(at(2000)));
        assert_eq!(client.answered(now, at(2000), seq - 1, Ok(None)), Some(Change::Up));
    }

    #[test]
    fn a_server_that_wants_another_proof_is_not_up_before_the_next_answer() {
        let now = Instant::now();
        let mut client = Client::new(now, None);
        client.poll(now, || 1);
        client.resolved(now, &[at(1719)]);
        client.poll(now, || 1);
        assert_eq!(client.answered(now, at(1719), 1, Ok(Some(AGAIN))), None);
        assert_eq!((client.is_up(), client.next()), (false, Some(now + AGAIN)));
        let now = now + AGAIN;
        client.poll(now, || 2);
        assert_eq!(client.answered(now, at(1719), 2, Ok(Some(AGAIN))), None);
        let now = now + AGAIN;
        client.poll(now, || 2);
        assert_eq!(client.answered(now, at(1719), 2, Ok(Some(seconds(19)))), Some(Change::Up));
        assert_eq!(client.interval(), seconds(19));
        // One that is up stays so.
        let now = client.next().unwrap();
        client.poll(now, || 3);
        assert_eq!(client.answered(now, at(1719), 3, Ok(Some(AGAIN))), None);
        assert_eq!((client.is_up(), client.next()), (true, Some(now + AGAIN)));
    }

    #[test]
    fn a_slow_name_server_does_not_keep_it_silent() {
        let mut now = Instant::now();
        let mut client = up(now);
        let (mut sent, mut resolves) = (0, 0);
        for seq in 8..30 {
            now = client.next().unwrap();
            match client.poll(now, || seq) {
                Some(Action::KeepAlive { .. }) => sent += 1,
                Some(Action::Resolve) => resolves += 1,
                Some(Action::Down(_)) | None => {}
            }
        }
        assert!(sent > 15 && resolves == 1, "{sent} {resolves}");
    }

    #[test]
    fn refusals_and_missing_names_are_told_once() {
        let now = Instant::now();
        let mut client = Client::new(now, None);
        client.poll(now, || 1);
        assert_eq!(client.resolved(now, &[]), Some(Down::NotResolved));
        let now = client.next().unwrap();
        assert_eq!(client.poll(now, || 1), Some(Action::Resolve));
        assert_eq!(client.resolved(now, &[]), None);
        let now = client.next().unwrap();
        client.poll(now, || 1);
        client.resolved(now, &[at(1719)]);
        for (seq, change) in [(1, Some(Change::Refused)), (2, None), (3, None)] {
            let now = client.next().unwrap();
            assert!(matches!(client.poll(now, || seq), Some(Action::KeepAlive { .. })));
            assert_eq!(client.answered(now, at(1719), seq, Err(())), change);
        }
        let now = client.next().unwrap();
        client.poll(now, || 4);
        assert_eq!(client.answered(now, at(1719), 4, Ok(None)), Some(Change::Up));
    }

    #[test]
    fn keepalives_become_rarer_only_when_two_answers_agree() {
        let mut now = Instant::now();
        let mut client = up(now);
        let mut answers = |told| {
            now = client.next().unwrap();
            let seq = now.elapsed().as_nanos() as u16;
            assert!(matches!(client.poll(now, || seq), Some(Action::KeepAlive { .. })));
            client.answered(now, at(1719), seq, Ok(Some(seconds(told))));
            client.interval().as_secs()
        };
        assert_eq!(answers(120), 10, "one may be feigned");
        assert_eq!(answers(10), 10);
        assert_eq!(answers(60), 10);
        assert_eq!(answers(40), 40, "what both allow");
        assert_eq!(answers(40), 40);
        assert_eq!(answers(5), 5, "more often at once");
    }
}
