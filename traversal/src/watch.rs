//! The server's half of a traversal zone (H.460.18 §12): the client's address is where its believed keepalives come
//! from, and it is down once they stop.
//!
//! A proof of the password (H.235.0 cryptoGKPwdHash) says who made it and when, but neither for whom nor from where, so
//! whoever sees it on its way can send it from elsewhere. So an address becomes the client's only by two proofs in a
//! row that were made just now, the second newer than the first and both newer than all before; only while nothing
//! comes from the address that the client has had; and only when none of its proofs comes from elsewhere, too, for a
//! while after the second. Whoever copies proofs, old or new, faster or slower, gains nothing while the originals arrive.
//!
//! Who holds them back can still use them: of a client that does no more than the standard, for as long as it is not
//! heard. What was kept from before is of no use: made just now means by our clock, by the client's once it is known how
//! they differ, or after all else that was heard of. Others wait for as long as any proof is good. Who took the place of
//! a client while that was not heard loses it when the same proofs come from where the client was. A client that can
//! bind its proofs to the address that it was told it has (a Pinhole) has to, once it has done so: then holding them
//! back is of no use either.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::AGAIN;

/// Intervals without a keepalive after which the client is down.
const SILENCE: u32 = 3;
/// How late a keepalive of a client that is where it was may be.
const LATE: Duration = Duration::from_secs(1);
/// A proof that is older than its client's are, by more than so many seconds, may have been kept.
const FRESH_S: i64 = 10;
/// How long the originals of copied proofs may take: an address becomes the client's no sooner after its second proof.
const HOLD: Duration = AGAIN;
/// How long it has to be away until it is not expected to seal its address any more.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// A client of a zone, as its server sees it.
#[derive(Debug)]
pub struct Watch {
    interval: Duration,
    /// For how long a proof is good.
    good: Duration,
    /// Our time when the first proof came, in seconds since 1970.
    began: Option<i64>,
    /// Who is or was the client last, and who before.
    holder: Option<SocketAddr>,
    before: Option<SocketAddr>,
    heard: Option<(Instant, SocketAddr)>,
    /// The newest time of a proof; of one from the address that it has; and of one that was seen elsewhere since.
    newest: u32,
    newest_there: u32,
    newest_elsewhere: u32,
    /// By how many seconds its clock is ahead of ours, once that is known.
    skew: Option<i64>,
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
    /// When its first proof came, and its last one.
    since: Instant,
    last: Instant,
    /// The times of both.
    oldest: u32,
    newest: u32,
    /// Of the last one: it was made just now; by how much it is ahead; it is bound to the address.
    fresh: bool,
    skew: i64,
    sealed: bool,
    /// When it had proven enough.
    proven: Option<Instant>,
}

impl Candidate {
    /// True when a proof of this time may be one of its own, sent from elsewhere.
    fn has(&self, time: u32) -> bool {
        (self.oldest..=self.newest).contains(&time)
    }
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
    /// Nothing; but proofs that are as new came from there, too: somebody copies them, or two have the same name.
    Kept(SocketAddr),
    /// Nothing yet: it has to prove itself again, [`crate::AGAIN`] from now.
    Again,
    /// Nothing, it does not even show that the client is there: its proof came from there before. It has to prove
    /// itself again, too.
    Shared(SocketAddr),
    /// Nothing: its proof, or a newer one, was used before.
    Used,
    /// Nothing: its proof came from there before, and who of both has copied it is not known.
    Copied(SocketAddr),
}

/// What time has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Another address is the client's now: it is up, or has moved.
    Settled(Heard),
    /// It has fallen silent: it is down.
    Silent,
}

fn longer(now: Instant, since: Instant, than: Duration) -> bool {
    now.saturating_duration_since(since) > than
}

impl Watch {
    /// A client that has not been heard of, asked to send a keepalive every `interval`. Its proofs are good for as long
    /// as `good`.
    #[must_use]
    pub const fn new(interval: Duration, good: Duration) -> Self {
        Self {
            interval,
            good,
            began: None,
            holder: None,
            before: None,
            heard: None,
            newest: 0,
            newest_there: 0,
            newest_elsewhere: 0,
            skew: None,
            candidate: None,
            seals: false,
            lost: None,
        }
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

    /// The address that may become its.
    #[must_use]
    pub fn candidate(&self) -> Option<SocketAddr> {
        self.candidate.map(|known| known.address)
    }

    /// When it was heard of last, while it is up.
    #[must_use]
    pub fn last(&self) -> Option<Instant> {
        self.heard.map(|(last, _)| last)
    }

    /// The newest time of a proof of its that was seen, from wherever it came.
    #[must_use]
    pub const fn newest(&self) -> u32 {
        self.newest
    }

    /// True when it has bound its proofs to the address that it has.
    #[must_use]
    pub const fn seals(&self) -> bool {
        self.seals
    }

    /// True when nobody but the client can say this, and it has not been said before: it is sealed, and newer than all
    /// that came from the client's address.
    #[must_use]
    pub fn is_its_word(&self, from: SocketAddr, stamp: Stamp) -> bool {
        self.address() == Some(from) && stamp.sealed && stamp.time > self.newest_there
    }

    /// A keepalive whose proof is right, with its time stamp; nothing where no proof is asked for.
    pub fn heard(&mut self, now: Instant, from: SocketAddr, stamp: Option<Stamp>) -> Heard {
        let Some(stamp) = stamp else { return self.settle(now, from) };
        self.began.get_or_insert_with(|| i64::from(stamp.time) - stamp.skew);
        let patience = self.interval * SILENCE;
        self.candidate.take_if(|known| longer(now, known.last, patience));
        if self.address() == Some(from) {
            return self.present(now, from, stamp);
        }
        if let Some(thief) = self.is_thief(from, stamp) {
            return self.ousts(now, thief);
        }
        match self.candidate {
            Some(known) if known.address == from => self.proves(now, known, stamp),
            Some(known) if known.has(stamp.time) => self.copied(now, known, from, stamp),
            _ if stamp.time <= self.newest => Heard::Used,
            // Who can seal its address does not lose it to one who cannot.
            Some(known) if known.sealed && !stamp.sealed => Heard::Again,
            _ => self.begins(now, from, stamp),
        }
    }

    /// Who is the client now, if it may only have copied this: the same came from where the client was before.
    fn is_thief(&self, from: SocketAddr, stamp: Stamp) -> Option<SocketAddr> {
        let now = self.address().filter(|now| now.ip() != from.ip() && !self.seals)?;
        let before = self.before.is_some_and(|before| before.ip() == from.ip());
        (before && stamp.time == self.newest_there).then_some(now)
    }

    /// It is down; who it is has to be proven again, by proofs that come from nowhere else.
    fn ousts(&mut self, now: Instant, thief: SocketAddr) -> Heard {
        let silence = self.interval * SILENCE;
        self.heard = now.checked_sub(silence).map(|long_ago| (long_ago, thief));
        // It never was the client.
        (self.holder, self.candidate) = (self.before.take(), None);
        Heard::Copied(thief)
    }

    /// A proof of something else than a keepalive: none that is as old can move it any more.
    pub fn note(&mut self, from: SocketAddr, time: u32) {
        self.newest = self.newest.max(time);
        let copies = |known: &Candidate| known.address != from && !known.sealed && known.has(time);
        self.candidate.take_if(|known| copies(known));
    }

    /// A proof from the address that it has: that is no news to anybody, so an old one does no harm, unless somebody
    /// else has shown the same one or a newer one.
    fn present(&mut self, now: Instant, from: SocketAddr, stamp: Stamp) -> Heard {
        if stamp.time <= self.newest_elsewhere && !self.is_its_word(from, stamp) {
            let rival = self.candidate.take_if(|rival| rival.newest == stamp.time);
            return rival.map_or(Heard::Again, |rival| Heard::Shared(rival.address));
        }
        if stamp.time > self.newest_there {
            (self.newest_there, self.skew) = (stamp.time, Some(stamp.skew));
        }
        self.newest = self.newest.max(stamp.time);
        self.seals |= stamp.sealed;
        self.heard = Some((now, from));
        let rival = self.candidate.take_if(|rival| rival.newest <= stamp.time);
        if let Some(rival) = &mut self.candidate {
            rival.proven = None;
        }
        rival.map_or(Heard::Same, |rival| Heard::Kept(rival.address))
    }

    /// The first proof from an address that may become the client's.
    fn begins(&mut self, now: Instant, address: SocketAddr, stamp: Stamp) -> Heard {
        self.newest = self.newest.max(stamp.time);
        self.newest_elsewhere = self.newest_elsewhere.max(stamp.time);
        self.candidate = Some(Candidate {
            address,
            since: now,
            last: now,
            oldest: stamp.time,
            newest: stamp.time,
            fresh: self.is_fresh(stamp),
            skew: stamp.skew,
            sealed: stamp.sealed,
            proven: None,
        });
        Heard::Again
    }

    /// A proof of an address that may become the client's came from elsewhere. If one of both is sealed, the other is
    /// the copy.
    fn copied(&mut self, now: Instant, known: Candidate, from: SocketAddr, stamp: Stamp) -> Heard {
        match (known.sealed, stamp.sealed) {
            (true, false) => Heard::Copied(known.address),
            (false, true) => self.begins(now, from, stamp),
            _ => {
                self.candidate = None;
                Heard::Copied(known.address)
            }
        }
    }

    /// True when a proof was made just now, as far as can be told.
    fn is_fresh(&self, stamp: Stamp) -> bool {
        match self.skew {
            Some(usual) => stamp.skew >= usual - FRESH_S,
            None if stamp.skew < -FRESH_S => {
                // Made by a slow clock, but since the first one came.
                self.began.is_some_and(|began| i64::from(stamp.time) >= began)
            }
            None => stamp.skew <= FRESH_S,
        }
    }

    /// True when this could have been kept, so that whoever sends it is believed only after all that was kept is void.
    #[must_use]
    pub fn may_be_kept(&self, stamp: Stamp) -> bool {
        !self.is_fresh(stamp)
    }

    /// Another proof from an address that may become the client's.
    fn proves(&mut self, now: Instant, known: Candidate, stamp: Stamp) -> Heard {
        if stamp.time < known.newest {
            return Heard::Used;
        }
        if stamp.time == known.newest {
            return Heard::Again;
        }
        self.newest = self.newest.max(stamp.time);
        self.newest_elsewhere = self.newest_elsewhere.max(stamp.time);
        let fresh = self.is_fresh(stamp);
        let believed = known.fresh && fresh || longer(now, known.since, self.good);
        let alone = self.heard.is_none_or(|(last, _)| longer(now, last, self.interval + LATE));
        // One that has been away for long may be another program.
        let seals = self.seals && !self.lost.is_some_and(|lost| longer(now, lost, FORGOTTEN));
        let enough = believed && alone && (stamp.sealed || !seals);
        let proven = enough.then(|| known.proven.unwrap_or(now));
        self.candidate = Some(Candidate {
            last: now,
            newest: stamp.time,
            fresh,
            skew: stamp.skew,
            sealed: stamp.sealed,
            proven,
            ..known
        });
        self.settled(now).unwrap_or(Heard::Again)
    }

    /// An address that had proven enough becomes the client's, once no original of its proofs can come any more.
    fn settled(&mut self, now: Instant) -> Option<Heard> {
        let ready = |known: &mut Candidate| known.proven.is_some_and(|at| at + HOLD <= now);
        let known = self.candidate.take_if(ready)?;
        (self.newest_there, self.newest_elsewhere) = (known.newest, 0);
        self.skew = Some(known.skew);
        self.seals = known.sealed;
        Some(self.settle(known.last, known.address))
    }

    fn settle(&mut self, heard: Instant, from: SocketAddr) -> Heard {
        (self.candidate, self.lost) = (None, None);
        if let Some(holder) = self.holder.replace(from).filter(|holder| *holder != from) {
            self.before = Some(holder);
        }
        match self.heard.replace((heard, from)) {
            None => Heard::Up,
            Some((_, old)) if old != from => Heard::Moved(old),
            Some(_) => Heard::Same,
        }
    }

    fn silent_at(&self) -> Option<Instant> {
        self.heard.map(|(last, _)| last + self.interval * SILENCE)
    }

    /// When [`Self::poll`] has something next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let settles = self.candidate.and_then(|known| known.proven).map(|at| at + HOLD);
        settles.into_iter().chain(self.silent_at()).min()
    }

    /// What time has changed.
    pub fn poll(&mut self, now: Instant) -> Option<Due> {
        if let Some(heard) = self.settled(now) {
            return Some(Due::Settled(heard));
        }
        self.silent_at().filter(|at| *at <= now)?;
        (self.heard, self.lost) = (None, Some(now));
        Some(Due::Silent)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests;
