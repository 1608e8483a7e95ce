//! Media addresses that parties have told and from which nothing has come: each is sent something for a while, but nobody
//! can have that begin anew without end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::limits::source;
use super::outside::is_inside;
use super::{Cx, Settings};
use crate::face::Patience;

/// How often a source may name an address in vain.
const TRIES: u8 = 8;
/// How long it is remembered.
const MEMORY: Duration = Duration::from_secs(3600);
/// Addresses that are remembered of a source, the newest; so many times [`TRIES`] it may name addresses in vain in
/// [`MEMORY`], whichever they are. More of one that the configuration names: it speaks for many.
const MOST_OF_SOURCE: u32 = 64;
const MOST_OF_NAMED: u32 = 1024;
/// Sources that are remembered, and addresses of all of them; who has been silent for longest is forgotten first, and who
/// the configuration names last.
const MOST_SOURCES: usize = 4096;
const MOST: usize = 65_536;

/// What has been named in vain, by who did.
#[derive(Debug, Default)]
pub(crate) struct Unanswered {
    sources: BTreeMap<IpAddr, Source>,
    /// Addresses of all sources.
    addresses: usize,
}

/// Who has named addresses in vain.
#[derive(Debug)]
struct Source {
    addresses: BTreeMap<IpAddr, Named>,
    /// The configuration names it.
    named: bool,
    /// What it has tried of what it may, as the time after which all is forgotten.
    debt: Duration,
    /// When it named one last, which is when the debt was that.
    last: Instant,
}

/// An address that was named.
#[derive(Debug, Clone, Copy)]
struct Named {
    tries: u8,
    /// How many of them were granted.
    granted: u8,
    since: Instant,
}

impl Source {
    const fn new(now: Instant) -> Self {
        Self { addresses: BTreeMap::new(), named: false, debt: Duration::ZERO, last: now }
    }

    const fn most(&self) -> u32 {
        if self.named { MOST_OF_NAMED } else { MOST_OF_SOURCE }
    }

    /// What one try costs.
    fn price(&self) -> Duration {
        MEMORY / (self.most() * u32::from(TRIES))
    }

    fn tries(&mut self, now: Instant, told: IpAddr) -> bool {
        self.debt = self.debt.saturating_sub(now.saturating_duration_since(self.last));
        self.last = now;
        let is_old = |named: &Named| now.saturating_duration_since(named.since) >= MEMORY;
        if self.addresses.get(&told).is_some_and(is_old) {
            self.addresses.remove(&told);
        }
        let debt = self.debt + self.price();
        if !self.addresses.contains_key(&told) {
            if debt > MEMORY {
                return false;
            }
            if self.addresses.len() >= self.most() as usize {
                let oldest = self.addresses.iter().min_by_key(|(_, named)| named.since);
                oldest.map(|(at, _)| *at).and_then(|at| self.addresses.remove(&at));
            }
        }
        let fresh = Named { tries: 0, granted: 0, since: now };
        let named = self.addresses.entry(told).or_insert(fresh);
        let granted = named.tries < TRIES && debt <= MEMORY;
        named.tries = named.tries.saturating_add(1);
        if granted {
            named.granted += 1;
            self.debt = debt;
        }
        granted
    }

    /// So many tries were none.
    fn give_back(&mut self, tries: u8) {
        self.debt = self.debt.saturating_sub(self.price() * u32::from(tries));
    }

    fn answered(&mut self, told: IpAddr) {
        if let Some(named) = self.addresses.remove(&told) {
            self.give_back(named.granted);
        }
    }

    fn spared(&mut self, told: IpAddr) {
        let Some(named) = self.addresses.get_mut(&told) else { return };
        named.tries = named.tries.saturating_sub(1);
        let (granted, tries) = (named.granted, named.tries);
        named.granted = granted.min(tries);
        self.give_back(granted.saturating_sub(tries));
        if tries == 0 {
            self.addresses.remove(&told);
        }
    }
}

impl Unanswered {
    /// A source, which the configuration names or does not, names an address; whether media may go there before anything
    /// comes.
    pub(crate) fn tries(
        &mut self,
        now: Instant,
        (peer, named): (IpAddr, bool),
        told: IpAddr,
    ) -> bool {
        let (peer, told) = (source(peer), source(told));
        if !self.sources.contains_key(&peer) && self.sources.len() >= MOST_SOURCES {
            self.forget_one(peer);
        }
        let of = self.sources.entry(peer).or_insert_with(|| Source::new(now));
        of.named |= named;
        let before = of.addresses.len();
        let granted = of.tries(now, told);
        self.addresses = self.addresses.saturating_sub(before) + of.addresses.len();
        while self.addresses > MOST && self.forget_one(peer) {}
        granted
    }

    /// Something has come from there.
    pub(crate) fn answered(&mut self, peer: IpAddr, told: IpAddr) {
        self.change(peer, |of| of.answered(source(told)));
    }

    /// It was named, and nothing was sent there.
    pub(crate) fn spared(&mut self, peer: IpAddr, told: IpAddr) {
        self.change(peer, |of| of.spared(source(told)));
    }

    fn change(&mut self, peer: IpAddr, change: impl FnOnce(&mut Source)) {
        let Some(of) = self.sources.get_mut(&source(peer)) else { return };
        let before = of.addresses.len();
        change(of);
        self.addresses = self.addresses.saturating_sub(before) + of.addresses.len();
        if of.addresses.is_empty() && of.debt.is_zero() {
            self.sources.remove(&source(peer));
        }
    }

    /// Forgets a source, but not this one; false where there is no other.
    fn forget_one(&mut self, but: IpAddr) -> bool {
        let others = self.sources.iter().filter(|(ip, _)| **ip != but);
        let oldest = others.min_by_key(|(_, of)| (of.named, of.last)).map(|(ip, _)| *ip);
        let Some(gone) = oldest.and_then(|ip| self.sources.remove(&ip)) else { return false };
        self.addresses = self.addresses.saturating_sub(gone.addresses.len());
        true
    }
}

impl Settings {
    /// How long media goes to an address that a party at `peer` tells while nothing comes from there; `None`: for ever. Who
    /// is inside reaches the others inside himself.
    fn patience(&self, peer: IpAddr, told: IpAddr) -> Option<Patience> {
        let inside = |ip: IpAddr| is_inside(ip, &self.internal);
        let (peer, told) = (peer.to_canonical(), told.to_canonical());
        let free =
            told == peer || (inside(peer) && inside(told)) || self.media.unanswered.contains(told);
        self.media.patience.filter(|_| !free)
    }
}

impl Cx<'_> {
    /// How long media goes to an address that a party at `peer`, which the configuration names or does not, tells now, while
    /// nothing comes from there.
    pub(crate) fn patience(
        &mut self,
        (peer, named): (IpAddr, bool),
        told: IpAddr,
    ) -> Option<Patience> {
        let patience = self.core.settings.patience(peer, told)?;
        let may = self.core.unanswered.tries(self.now, (peer, named), told);
        let first = if may { patience.first } else { Duration::ZERO };
        Some(Patience { first, ..patience })
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use pinhole_config::Config;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn granted(all: &mut Unanswered, now: Instant, peer: &str, told: &str) -> usize {
        (0..100).filter(|_| all.tries(now, (ip(peer), false), ip(told))).count()
    }

    #[test]
    fn nobody_is_named_in_vain_without_end() {
        let (mut all, now) = (Unanswered::default(), Instant::now());
        assert_eq!(granted(&mut all, now, "203.0.113.66", "192.0.2.1"), 8);
        assert_eq!(granted(&mut all, now, "203.0.113.66", "192.0.2.2"), 8, "another");
        assert_eq!(granted(&mut all, now, "203.0.113.67", "192.0.2.1"), 8, "by another");
        let later = now + MEMORY - Duration::from_secs(1);
        assert_eq!(granted(&mut all, later, "203.0.113.66", "192.0.2.1"), 0);
        assert_eq!(granted(&mut all, now + MEMORY, "203.0.113.66", "192.0.2.1"), 8);
        all.answered(ip("203.0.113.67"), ip("192.0.2.1"));
        assert_eq!(granted(&mut all, now, "203.0.113.67", "192.0.2.1"), 8, "who answers is known");
        assert_eq!(granted(&mut all, now, "203.0.113.67", "192.0.2.1"), 0);
        all.answered(ip("203.0.113.67"), ip("192.0.2.1"));
        assert!((0..100).all(|_| {
            let granted = all.tries(now, (ip("203.0.113.67"), false), ip("192.0.2.1"));
            all.spared(ip("203.0.113.67"), ip("192.0.2.1"));
            granted
        }));
        // Of IPv6 a network counts.
        assert_eq!(granted(&mut all, now, "2001:db8::1", "2001:db8:1::1"), 8);
        assert_eq!(granted(&mut all, now, "2001:db8::2", "2001:db8:1::2"), 0);
    }

    fn of(n: u32) -> IpAddr {
        IpAddr::V4((0x0b00_0000 + n).into())
    }

    /// How often a source may name ever new addresses in vain.
    fn names_many(named: bool) -> (Unanswered, usize, Instant) {
        let (mut all, now) = (Unanswered::default(), Instant::now());
        let granted = (0..100_000).filter(|n| all.tries(now, (of(0), named), of(1 + n))).count();
        (all, granted, now)
    }

    #[test]
    fn the_oldest_addresses_of_a_source_are_forgotten_but_not_how_many_there_were() {
        let (mut all, granted, now) = names_many(false);
        assert_eq!((granted, all.addresses), (512, 64));
        // One that was forgotten is new again, and there is something for it after a while.
        let step = Duration::from_secs(8);
        assert!(!all.tries(now, (of(0), false), of(1)));
        assert!(all.tries(now + step, (of(0), false), of(1)));
        assert!(!all.tries(now + step, (of(0), false), of(2)));
        // What was refused cannot be given back.
        for n in 0..1000 {
            assert!(!all.tries(now + step, (of(0), false), of(3 + n)));
            all.spared(of(0), of(3 + n));
        }
        // Who answers costs nothing.
        all.answered(of(0), of(1));
        assert!(all.tries(now + step, (of(0), false), of(2)));
        let (all, granted, _) = names_many(true);
        assert_eq!((granted, all.addresses), (8192, 1024), "a neighbour has many");
    }

    #[test]
    fn neither_is_anybody_left_without_for_what_others_do_nor_is_there_more_to_remember() {
        let (mut all, now) = (Unanswered::default(), Instant::now());
        assert_eq!(granted(&mut all, now, "203.0.113.66", "192.0.2.1"), 8);
        assert!(all.tries(now, (ip("203.0.113.9"), true), ip("192.0.2.9")));
        // A network of 52 bits, from each of whose networks of 64 comes as much as may.
        let network = u128::from("2001:db8::".parse::<std::net::Ipv6Addr>().unwrap());
        let later = now + Duration::from_secs(1);
        for n in 0..4096_u32 {
            let peer = IpAddr::V6((network + (u128::from(n) << 64)).into());
            assert!((0..64).all(|m| all.tries(later, (peer, false), of(m))), "{n}");
            assert!(all.sources.len() <= MOST_SOURCES && all.addresses <= MOST, "{n}");
        }
        assert_eq!(all.addresses, all.sources.values().map(|of| of.addresses.len()).sum::<usize>());
        let known = |all: &Unanswered, peer: &str| all.sources.contains_key(&ip(peer));
        assert!(known(&all, "203.0.113.9"), "a neighbour is forgotten last");
        assert!(!known(&all, "203.0.113.66"));
        assert_eq!(granted(&mut all, later, "203.0.113.66", "192.0.2.1"), 8, "a newcomer");
        // What others name that never say more than one address.
        for n in 0..5000 {
            assert!(all.tries(later + Duration::from_secs(1), (of(n), false), of(n + 1)));
        }
        assert!(all.sources.len() <= MOST_SOURCES && known(&all, "203.0.113.9"));
    }

    #[test]
    fn who_has_to_answer() {
        let patience = |keys: &str, peer: &str, told: &str| {
            let (config, problems) = Config::read(keys);
            assert_eq!(problems, []);
            let found = Settings::from(&config).patience(ip(peer), ip(told));
            found.map(|found| (found.first.as_secs(), found.later.as_secs()))
        };
        let (public, other) = ("203.0.113.1", "203.0.113.2");
        assert_eq!(patience("", public, other), Some((15, 300)));
        assert_eq!(patience("", public, public), None, "its own");
        assert_eq!(patience("", "10.0.0.7", other), Some((15, 300)));
        assert_eq!(patience("", "10.0.0.7", "192.168.0.7"), None, "inside reaches inside");
        let keys = "[Proxy]\nInternalNetwork=203.0.113.0/24\n";
        assert_eq!(patience(keys, public, other), None);
        let limits = "[Pinhole::Limits]\n";
        assert_eq!(patience(&format!("{limits}UnansweredMedia=0\n"), public, other), None);
        let keys = format!("{limits}UnansweredMedia=5\nUnansweredMediaTo=203.0.113.2\n");
        assert_eq!(patience(&keys, public, other), None);
        assert_eq!(patience(&keys, public, "203.0.113.3"), Some((5, 100)));
    }
}
