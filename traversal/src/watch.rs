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
//! back is of no use either. A client that does not any more is down, and is told of: it may be another program, or
//! somebody who has nothing but its proofs.

mod words;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use words::Candidate;
pub use words::{Due, Heard, Stamp};

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
    /// The newest time of one that was sealed: what nobody else can have made is not used up by copies.
    newest_sealed: u32,
    /// By how many seconds its clock is ahead of ours, once that is known.
    skew: Option<i64>,
    candidate: Option<Candidate>,
    /// It can bind its proofs to its address, so it has to.
    seals: bool,
    /// Since when nothing that comes from its address is sealed, though that has to be.
    bare: Option<Instant>,
    /// When it fell silent.
    lost: Option<Instant>,
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
            newest_sealed: 0,
            skew: None,
            candidate: None,
            seals: false,
            bare: None,
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
            _ if self.is_used(stamp) => Heard::Used,
            // Who can seal its address does not lose it to one who cannot.
            Some(known) if known.sealed && !stamp.sealed => Heard::Again,
            _ => self.begins(now, from, stamp),
        }
    }

    /// True when it, or a newer one, was heard before. A copy is not sealed, so it does not use up what is.
    const fn is_used(&self, stamp: Stamp) -> bool {
        stamp.time <= if stamp.sealed { self.newest_sealed } else { self.newest }
    }

    fn uses(&mut self, stamp: Stamp) {
        self.newest = self.newest.max(stamp.time);
        if stamp.sealed {
            self.newest_sealed = self.newest_sealed.max(stamp.time);
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
        self.ends(now, thief);
        // It never was the client.
        (self.holder, self.candidate) = (self.before.take(), None);
        Heard::Copied(thief)
    }

    /// It is down, as [`Self::poll`] tells.
    fn ends(&mut self, now: Instant, client: SocketAddr) {
        let silence = self.interval * SILENCE;
        self.heard = now.checked_sub(silence).map(|long_ago| (long_ago, client));
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
        if self.seals && !self.is_its_word(from, stamp) {
            return self.no_word(now, from, stamp);
        }
        if stamp.time <= self.newest_elsewhere && !self.is_its_word(from, stamp) {
            let copied = |rival: &mut Candidate| rival.newest == stamp.time && !rival.sealed;
            let rival = self.candidate.take_if(copied);
            return rival.map_or(Heard::Again, |rival| Heard::Shared(rival.address));
        }
        if stamp.time > self.newest_there {
            (self.newest_there, self.skew) = (stamp.time, Some(stamp.skew));
        }
        self.uses(stamp);
        self.seals |= stamp.sealed;
        (self.heard, self.bare) = (Some((now, from)), None);
        // What is sealed is no copy.
        let less = |rival: &&mut Candidate| stamp.sealed || !rival.sealed;
        let rival = self.candidate.take_if(|rival| rival.newest <= stamp.time && less(&rival));
        if let Some(rival) = self.candidate.as_mut().filter(less) {
            rival.proven = None;
        }
        rival.map_or(Heard::Same, |rival| Heard::Kept(rival.address))
    }

    /// A proof from the address of a client that seals, which anybody can have sent who comes from there or feigns to. A
    /// client that has started anew learns with the answer what it has to seal.
    fn no_word(&mut self, now: Instant, from: SocketAddr, stamp: Stamp) -> Heard {
        if stamp.sealed {
            let again = stamp.time == self.newest_there;
            return if again { Heard::Again } else { Heard::Used };
        }
        self.uses(stamp);
        let since = *self.bare.get_or_insert(now);
        let moves = self.candidate.is_some_and(|known| known.sealed);
        if moves || !self.is_late(now) || !longer(now, since, AGAIN + LATE) {
            return Heard::Again;
        }
        self.ends(now, from);
        Heard::Bare
    }

    /// True when nothing came from the client's address for longer than an interval.
    #[must_use]
    pub fn is_late(&self, now: Instant) -> bool {
        self.heard.is_none_or(|(last, _)| longer(now, last, self.interval + LATE))
    }

    /// The first proof from an address that may become the client's.
    fn begins(&mut self, now: Instant, address: SocketAddr, stamp: Stamp) -> Heard {
        self.uses(stamp);
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
        self.uses(stamp);
        self.newest_elsewhere = self.newest_elsewhere.max(stamp.time);
        let fresh = self.is_fresh(stamp);
        let believed = known.fresh && fresh || longer(now, known.since, self.good);
        // What is sealed is no copy: it need not wait for one that may be.
        let alone = self.is_late(now) || stamp.sealed && !self.seals;
        // One that has been away for long may be another program.
        let seals = self.seals && !self.lost.is_some_and(|lost| longer(now, lost, FORGOTTEN));
        let enough = believed && alone;
        let bare = enough && seals && !stamp.sealed;
        let proven = (enough && !bare).then(|| known.proven.unwrap_or(now));
        self.candidate = Some(Candidate {
            last: now,
            newest: stamp.time,
            fresh,
            skew: stamp.skew,
            sealed: stamp.sealed,
            proven,
            ..known
        });
        // It may not have been told its address yet.
        let told = longer(now, known.since, AGAIN + LATE);
        let otherwise = if bare && told { Heard::Bare } else { Heard::Again };
        self.settled(now).unwrap_or(otherwise)
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
        (self.candidate, self.lost, self.bare) = (None, None, None);
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
