//! The server's half of a traversal zone (H.460.18 §12): the client's address is where its believed keepalives come
//! from, and it is down once they stop.
//!
//! A proof of the password (H.235.0 cryptoGKPwdHash) says who made it and when, but neither for whom nor from where, so
//! whoever sees it on its way can send it from elsewhere. So an address becomes the client's only by two proofs, the
//! second newer than the first and both newer than all before, and only while nothing comes from the address that the
//! client has had: whoever cannot hold the client's own keepalives back for longer than an interval gains nothing. A
//! client that can bind its proofs to the address that it was told it has (a Pinhole) has to, once it has done so: then
//! holding them back and sending them from elsewhere is of no use either.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Intervals without a keepalive after which the client is down.
const SILENCE: u32 = 3;
/// How late a keepalive of a client that is where it was may be.
const LATE: Duration = Duration::from_secs(1);
/// A proof whose time differs from ours by no more, in seconds, was made just now; an older one may have been kept.
const FRESH_S: u64 = 10;
/// How long it has to be away until it is not expected to seal its address any more.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// A client of a zone, as its server sees it.
#[derive(Debug)]
pub struct Watch {
    interval: Duration,
    heard: Option<(Instant, SocketAddr)>,
    /// The newest time of a proof.
    newest: u32,
    candidate: Option<Candidate>,
    /// It can bind its proofs to its address, so it has to.
    seals: bool,
    /// When it fell silent.
    lost: Option<Instant>,
}

/// The time stamp of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its sender's time, in seconds since 1970.
    pub time: u32,
    /// By how many seconds that is ahead of ours.
    pub skew: i64,
    /// The proof is bound to the address that it came from, as those of Pinholes can be.
    pub sealed: bool,
}

/// An address that may become the client's.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    address: SocketAddr,
    newest: u32,
    since: Instant,
}

/// What a keepalive changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The client is up.
    Up,
    /// Its pinhole moved: it was here before.
    Moved(SocketAddr),
    /// Nothing.
    Same,
    /// Nothing; but the same proofs came from there, too: somebody copies them, or two have the same name.
    Kept(SocketAddr),
    /// Nothing yet: it has to prove itself again, [`crate::AGAIN`] from now.
    Again,
    /// Nothing: its proof, or a newer one, was used before.
    Used,
    /// Nothing: its proof came from there before, and who of both has copied it is not known.
    Copied(SocketAddr),
}

impl Watch {
    /// A client that has not been heard of, asked to send a keepalive every `interval`.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self { interval, heard: None, newest: 0, candidate: None, seals: false, lost: None }
    }

    /// The time between keepalives that it is asked for.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// Asks for a keepalive so often from now on.
    pub const fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Where it is, while it is up.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.heard.map(|(_, address)| address)
    }

    /// When it was heard of last, while it is up.
    #[must_use]
    pub fn last(&self) -> Option<Instant> {
        self.heard.map(|(last, _)| last)
    }

    /// A keepalive whose proof is right, with its time stamp; nothing where no proof is asked for.
    pub fn heard(&mut self, now: Instant, from: SocketAddr, stamp: Option<Stamp>) -> Heard {
        let Some(stamp) = stamp else { return self.settle(now, from) };
        if self.address() == Some(from) {
            // That is no news to anybody, whoever sends it: an old proof does no harm.
            self.newest = self.newest.max(stamp.time);
            self.seals |= stamp.sealed;
            self.heard = Some((now, from));
            let rival = self.candidate.take_if(|rival| rival.newest <= stamp.time);
            return rival.map_or(Heard::Same, |rival| Heard::Kept(rival.address));
        }
        match self.candidate {
            Some(known) if known.address == from => self.proven(now, known, stamp),
            Some(known) if known.newest == stamp.time => {
                self.candidate = None;
                Heard::Copied(known.address)
            }
            _ if stamp.time <= self.newest => Heard::Used,
            _ => {
                self.newest = stamp.time;
                self.candidate = Some(Candidate { address: from, newest: stamp.time, since: now });
                Heard::Again
            }
        }
    }

    /// A proof of something else than a keepalive: none that is as old can move it any more.
    pub fn note(&mut self, time: u32) {
        self.newest = self.newest.max(time);
    }

    /// Another proof from an address that may become the client's.
    fn proven(&mut self, now: Instant, known: Candidate, stamp: Stamp) -> Heard {
        if stamp.time < known.newest {
            return Heard::Used;
        }
        if stamp.time == known.newest {
            return Heard::Again;
        }
        self.newest = self.newest.max(stamp.time);
        self.candidate = Some(Candidate { newest: stamp.time, ..known });
        let longer = |since: Instant, than| now.saturating_duration_since(since) > than;
        // What was kept from before a restart loses against the client itself, which speaks within an interval.
        let fresh = stamp.skew.unsigned_abs() <= FRESH_S || longer(known.since, self.interval);
        let alone = self.heard.is_none_or(|(last, _)| longer(last, self.interval + LATE));
        // One that has been away for long may be another program.
        let seals = self.seals && !self.lost.is_some_and(|lost| longer(lost, FORGOTTEN));
        if !fresh || !alone || (seals && !stamp.sealed) {
            return Heard::Again;
        }
        self.seals = stamp.sealed;
        self.settle(now, known.address)
    }

    fn settle(&mut self, now: Instant, from: SocketAddr) -> Heard {
        (self.candidate, self.lost) = (None, None);
        match self.heard.replace((now, from)) {
            None => Heard::Up,
            Some((_, old)) if old != from => Heard::Moved(old),
            Some(_) => Heard::Same,
        }
    }

    /// When [`Self::poll`] has something next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.heard.map(|(last, _)| last + self.interval * SILENCE)
    }

    /// True when it has fallen silent: it is down.
    pub fn poll(&mut self, now: Instant) -> bool {
        let silent = self.next().is_some_and(|at| at <= now);
        if silent {
            (self.heard, self.lost) = (None, Some(now));
        }
        silent
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, 9], port))
    }

    /// A client and a clock. A proof is as old as it is heard, unless a test says otherwise.
    struct Bench {
        start: Instant,
        watch: Watch,
    }

    const UNIX: u32 = 1_700_000_000;

    impl Bench {
        fn new() -> Self {
            Self { start: Instant::now(), watch: Watch::new(Duration::from_secs(19)) }
        }

        fn at(&self, s: u64) -> Instant {
            self.start + Duration::from_secs(s)
        }

        fn hears(&mut self, s: u64, port: u16) -> Heard {
            self.hears_old(s, port, s)
        }

        /// A proof that was made at another time.
        fn hears_old(&mut self, s: u64, port: u16, made: u64) -> Heard {
            self.hears_sealed(s, port, made, false)
        }

        fn hears_sealed(&mut self, s: u64, port: u16, made: u64, sealed: bool) -> Heard {
            let time = UNIX + made as u32;
            let stamp = Stamp { time, skew: made as i64 - s as i64, sealed };
            let now = self.at(s);
            self.watch.heard(now, address(port), Some(stamp))
        }

        fn up(port: u16) -> Self {
            let mut bench = Self::new();
            assert_eq!(bench.hears(0, port), Heard::Again);
            assert_eq!(bench.hears(0, port), Heard::Again, "in the same second");
            assert_eq!(bench.watch.address(), None);
            assert_eq!(bench.hears(2, port), Heard::Up);
            bench
        }
    }

    #[test]
    fn three_intervals_of_silence_are_the_end() {
        let mut bench = Bench::up(1);
        assert_eq!(bench.hears(19, 1), Heard::Same);
        assert_eq!(bench.watch.next(), Some(bench.at(19 + 57)));
        let (before, then) = (bench.at(75), bench.at(76));
        assert!(!bench.watch.poll(before));
        assert!(bench.watch.poll(then));
        assert_eq!((bench.watch.next(), bench.watch.address()), (None, None));
        assert_eq!(bench.hears(80, 1), Heard::Again);
        assert_eq!(bench.hears(82, 1), Heard::Up);
    }

    #[test]
    fn a_nat_that_gives_another_port_is_followed_once_the_old_one_is_late() {
        let mut bench = Bench::up(1);
        assert_eq!(bench.hears(21, 2), Heard::Again);
        assert_eq!(bench.hears(23, 2), Heard::Moved(address(1)));
        // Somebody who comes too early waits for it.
        assert_eq!(bench.hears(25, 3), Heard::Again);
        assert_eq!(bench.hears(27, 3), Heard::Again);
        assert_eq!(bench.hears(43, 3), Heard::Again);
        assert_eq!(bench.hears(45, 3), Heard::Moved(address(2)));
    }

    #[test]
    fn a_copy_from_elsewhere_moves_nothing_while_the_original_arrives() {
        let mut bench = Bench::up(1);
        for s in [21, 40, 59] {
            assert_eq!(bench.hears(s, 66), Heard::Again, "faster than the original");
            assert_eq!(bench.hears(s, 1), Heard::Kept(address(66)));
            assert_eq!(bench.hears(s, 66), Heard::Used, "slower");
        }
        assert_eq!(bench.watch.address(), Some(address(1)));
    }

    #[test]
    fn copies_do_not_come_up_in_the_place_of_the_original() {
        let mut bench = Bench::new();
        for s in [0, 3, 9] {
            assert_eq!(bench.hears(s, 66), Heard::Again);
            assert_eq!(bench.hears(s, 1), Heard::Copied(address(66)));
        }
        assert_eq!(bench.watch.address(), None);
        assert_eq!(bench.hears(21, 1), Heard::Again);
        assert_eq!(bench.hears(23, 1), Heard::Up);
    }

    #[test]
    fn what_was_kept_does_not_outlive_a_restart() {
        let mut bench = Bench::new();
        assert_eq!(bench.hears_old(100, 66, 62), Heard::Again);
        assert_eq!(bench.hears_old(102, 66, 81), Heard::Again, "it is not fresh");
        assert_eq!(bench.hears(110, 1), Heard::Again);
        assert_eq!(bench.hears_old(112, 66, 100), Heard::Used);
        assert_eq!(bench.hears(112, 1), Heard::Up);
        // A client whose clock is slow comes up, too, after an interval.
        let mut bench = Bench::new();
        for (s, heard) in [(100, Heard::Again), (102, Heard::Again), (120, Heard::Up)] {
            assert_eq!(bench.hears_old(s, 1, s - 50), heard);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_shut_out_a_client_that_is_where_it_was() {
        let mut bench = Bench::up(1);
        assert_eq!(bench.hears_old(200, 1, 300), Heard::Same);
        assert_eq!(bench.hears(219, 1), Heard::Same);
        assert_eq!(bench.hears(230, 66), Heard::Used);
    }

    #[test]
    fn who_can_seal_its_address_has_to() {
        let mut bench = Bench::new();
        assert_eq!(bench.hears(0, 1), Heard::Again);
        assert_eq!(bench.hears_sealed(2, 1, 2, true), Heard::Up);
        for s in [30, 32, 90] {
            assert_eq!(bench.hears(s, 66), Heard::Again, "it is not sealed");
        }
        assert_eq!(bench.hears_sealed(92, 2, 92, true), Heard::Again);
        assert_eq!(bench.hears_sealed(94, 2, 94, true), Heard::Moved(address(1)));
        // After an hour of silence another program may be there.
        let silent = bench.at(94 + 57);
        assert!(bench.watch.poll(silent));
        assert_eq!(bench.hears(3000, 3), Heard::Again);
        assert_eq!(bench.hears(3002, 3), Heard::Again);
        assert_eq!(bench.hears(4000, 3), Heard::Up);
    }

    #[test]
    fn without_a_password_the_last_address_counts() {
        let mut bench = Bench::new();
        let now = bench.at(0);
        assert_eq!(bench.watch.heard(now, address(1), None), Heard::Up);
        assert_eq!(bench.watch.heard(now, address(2), None), Heard::Moved(address(1)));
        assert_eq!(bench.watch.heard(now, address(2), None), Heard::Same);
    }
}
