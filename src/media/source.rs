//! Where the packets of one side really come from: learned, proven, and then locked (RTP bleed).
//!
//! A packet from the party's address is no proof, as others may share or feign it. So a source is believed for a
//! reason: because signalling named it or it behaves as H.460.19 says, or because several packets in a row are of one
//! stream. What was believed without proof gives way to proof; what is proven gives way to nothing but its own stream,
//! coming from elsewhere after a silence: that is a NAT that has forgotten its mapping.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::packet::{Kind, Stamp};

/// Packets in a row that prove a source.
const PROOF: u8 = 3;
/// How long a proven source is silent before its stream may come from elsewhere.
const SILENCE: Duration = Duration::from_secs(1);
/// The least and the longest time between the keepalives of a client.
const INTERVAL: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];
/// Sources that may be proving themselves at a time.
const RIVALS: usize = 4;

/// Why a source may be believed before it has proven itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// There is none but the address.
    None,
    /// It is the port that signalling or H.460.19 names.
    Told,
    /// It knows what only the party can know: a multiplexID, the SSRC of the party's media.
    Secret,
}

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It comes from the source.
    Known,
    /// It comes from the source, which became it with this packet.
    Learned,
    /// Nobody is believed yet, and it does not suffice.
    Unproven,
    /// The source is another.
    Stranger,
}

/// An arriving packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) from: SocketAddr,
    pub(super) kind: Kind,
    pub(super) stamp: Stamp,
    pub(super) reason: Reason,
    /// The party seals its keepalives: nothing else shows where it is.
    pub(super) sealed: bool,
}

/// How long a source that was left for a sealed keepalive can show that this was a copy: while some of its own come.
const RETURN: Duration = Duration::from_secs(10);

/// Where a source was before it moved with a sealed keepalive.
#[derive(Debug, Clone, Copy)]
struct Before {
    at: SocketAddr,
    moved: Instant,
}

/// The source of one channel of one side.
#[derive(Debug, Default)]
pub(super) struct Source {
    lock: Option<Lock>,
    before: Option<Before>,
    /// The newest number of a sealed keepalive.
    newest: Option<u16>,
    rivals: [Option<(SocketAddr, Run)>; RIVALS],
}

#[derive(Debug)]
struct Lock {
    at: SocketAddr,
    reason: Reason,
    proven: bool,
    run: Run,
    heard: Instant,
    /// When the last keepalive came, and the longest time between two.
    keepalive: Option<Instant>,
    interval: Option<Duration>,
}

/// Packets of one source, as far as they follow each other. Media and keepalives are streams of their own.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    media: Option<Stamp>,
    keepalive: Option<Stamp>,
    /// The last keepalive had the number of the one before: it does not count them.
    uncounted: bool,
    length: u8,
}

impl Run {
    fn add(&mut self, kind: Kind, stamp: Stamp) {
        let last = match kind {
            Kind::Media => &mut self.media,
            Kind::Keepalive => &mut self.keepalive,
        };
        let follows = last.is_none_or(|last| stamp.follows(last));
        if kind == Kind::Keepalive {
            self.uncounted = *last == Some(stamp);
        }
        self.length = if follows { self.length.saturating_add(1) } else { 1 };
        *last = Some(stamp);
    }
}

impl Source {
    /// The address it is known by.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.lock.as_ref().map(|lock| lock.at)
    }

    /// The SSRC of its media, once it is proven.
    pub(super) fn ssrc(&self) -> Option<u32> {
        let lock = self.lock.as_ref().filter(|lock| lock.proven)?;
        lock.run.media.map(|stamp| stamp.ssrc)
    }

    /// Whether it has proven itself.
    pub(super) fn is_proven(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.proven)
    }

    /// Signalling has begun anew: the source stays, but gives way to one that proves itself.
    pub(super) const fn doubt(&mut self) {
        if let Some(lock) = &mut self.lock {
            (lock.proven, lock.reason, lock.run.length) = (false, Reason::None, 0);
        }
    }

    /// Judges a packet. A source without any reason is believed after `proof` packets in a row.
    pub(super) fn judge(&mut self, now: Instant, packet: Packet, proof: u8) -> Judgement {
        if let Some(lock) = self.lock.as_mut().filter(|lock| lock.at == packet.from) {
            lock.hear(now, packet);
            if let (true, Reason::Secret) = (packet.sealed, packet.reason) {
                self.newest = newest(self.newest, packet.stamp.sequence());
            }
            return Judgement::Known;
        }
        if packet.sealed {
            return self.judge_sealed(now, packet);
        }
        let run = self.rival(packet);
        let believed = match &self.lock {
            None => packet.reason > Reason::None || run.length >= proof,
            Some(lock) if !lock.proven => lock.yields(now, packet, run),
            Some(lock) => lock.has_moved(now, packet, run),
        };
        match (believed, &self.lock) {
            (false, None) => Judgement::Unproven,
            (false, Some(_)) => Judgement::Stranger,
            (true, _) => {
                let interval = self.lock.as_ref().and_then(|old| old.interval);
                self.lock = Some(Lock::new(now, packet, run, interval));
                self.rivals = [None; RIVALS];
                Judgement::Learned
            }
        }
    }

    /// The same where only sealed keepalives count, each once: a copy of one is of no use after it. Whoever copies one so
    /// fast that it comes before the original loses what it has gained when that, or the next one, comes from where the
    /// source was.
    fn judge_sealed(&mut self, now: Instant, packet: Packet) -> Judgement {
        let other = if self.lock.is_some() { Judgement::Stranger } else { Judgement::Unproven };
        let Some(sequence) = packet.stamp.sequence().filter(|_| packet.reason == Reason::Secret)
        else {
            return other;
        };
        let newer =
            self.newest.is_none_or(|newest| (1..0x8000).contains(&sequence.wrapping_sub(newest)));
        let returns = (newer || self.newest == Some(sequence))
            && self.before.is_some_and(|before| {
                before.at == packet.from && now.saturating_duration_since(before.moved) <= RETURN
            });
        let silent = |lock: &Lock| now.saturating_duration_since(lock.heard) >= SILENCE;
        let moves = newer && self.lock.as_ref().is_none_or(|lock| !lock.proven || silent(lock));
        if !returns && !moves {
            return other;
        }
        self.newest = Some(sequence);
        let old = self.lock.take().filter(|_| !returns);
        self.before = old.map(|old| Before { at: old.at, moved: now });
        self.lock = Some(Lock::new(now, packet, Run::default(), None));
        Judgement::Learned
    }

    /// Notes a packet of one that is not the source. Who has come least far makes room.
    fn rival(&mut self, Packet { from, kind, stamp, .. }: Packet) -> Run {
        let known = self.rivals.iter().position(|rival| rival.is_some_and(|(at, _)| at == from));
        let least = || {
            let length = |(_, rival): &(usize, &Option<(_, Run)>)| rival.map_or(0, |r| r.1.length);
            self.rivals.iter().enumerate().min_by_key(length).map(|(index, _)| index)
        };
        let Some(slot) = known.or_else(least).and_then(|index| self.rivals.get_mut(index)) else {
            return Run::default();
        };
        let mut run = slot.filter(|(at, _)| *at == from).map_or_else(Run::default, |(_, run)| run);
        run.add(kind, stamp);
        *slot = Some((from, run));
        run
    }
}

/// The newer of two numbers, which begin anew after the last.
fn newest(known: Option<u16>, come: Option<u16>) -> Option<u16> {
    match (known, come) {
        (Some(known), Some(come)) if come.wrapping_sub(known) >= 0x8000 => Some(known),
        (known, come) => come.or(known),
    }
}

impl Lock {
    fn new(now: Instant, packet: Packet, run: Run, interval: Option<Duration>) -> Self {
        let Packet { from, kind, reason, .. } = packet;
        Self {
            at: from,
            reason,
            proven: reason == Reason::Secret || run.length >= PROOF,
            run,
            heard: now,
            keepalive: (kind == Kind::Keepalive).then_some(now),
            interval,
        }
    }

    fn hear(&mut self, now: Instant, packet: Packet) {
        self.run.add(packet.kind, packet.stamp);
        self.reason = self.reason.max(packet.reason);
        self.proven |=
            packet.reason == Reason::Secret || !packet.sealed && self.run.length >= PROOF;
        self.heard = now;
        if packet.kind == Kind::Keepalive {
            let pause = self.keepalive.map(|last| now.saturating_duration_since(last));
            self.interval = self.interval.max(pause);
            self.keepalive = Some(now);
        }
    }

    /// Unproven, it gives way to who knows a secret, to who is where it was told, and to RTP in a row. One that only sends
    /// keepalives, of whatever numbers, may never prove itself: when it has missed one, it may have moved.
    fn yields(&self, now: Instant, packet: Packet, run: Run) -> bool {
        let numbered = packet.stamp.is_numbered();
        packet.reason == Reason::Secret
            || packet.reason > self.reason
            || (numbered && packet.kind == Kind::Media && run.length >= PROOF)
            || (packet.kind == Kind::Keepalive && self.is_overdue(now))
    }

    /// While the party lives there, it is never silent for much longer than the time between its keepalives.
    fn is_overdue(&self, now: Instant) -> bool {
        let [least, longest] = INTERVAL;
        let known = self.interval.filter(|interval| *interval >= least);
        let interval = known.unwrap_or(longest).min(longest);
        now.saturating_duration_since(self.heard) > interval + interval / 2
    }

    /// Proven, it can only have moved: its own stream goes on from another port, and the old one is silent. Keepalives
    /// are easily guessed; but while the old port lives, it is never silent for much longer than their interval.
    fn has_moved(&self, now: Instant, packet: Packet, run: Run) -> bool {
        let silent = now.saturating_duration_since(self.heard);
        let goes_on = |last: Option<Stamp>| last.is_some_and(|last| packet.stamp.continues(last));
        match packet.kind {
            _ if packet.reason == Reason::Secret => silent >= SILENCE,
            Kind::Media => {
                // Without an SSRC there is little to guess.
                packet.stamp.is_numbered()
                    && packet.stamp.ssrc != 0
                    && goes_on(self.run.media)
                    && run.length >= PROOF
                    && silent >= SILENCE
            }
            Kind::Keepalive => {
                let same = self.run.uncounted && self.run.keepalive == Some(packet.stamp);
                (same || goes_on(self.run.keepalive)) && self.is_overdue(now)
            }
        }
    }
}
