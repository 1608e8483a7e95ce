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
/// Addresses that a source may have named in vain; others have to send first.
const MOST_OF_SOURCE: usize = 64;
/// Sources that are remembered; what others name has to send first.
const MOST_SOURCES: usize = 4096;

/// What has been named in vain, by who did.
#[derive(Debug, Default)]
pub(crate) struct Unanswered {
    named: BTreeMap<IpAddr, BTreeMap<IpAddr, Named>>,
    swept: Option<Instant>,
}

/// An address that was named.
#[derive(Debug, Clone, Copy)]
struct Named {
    tries: u8,
    since: Instant,
}

impl Named {
    fn is_old(self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= MEMORY
    }
}

impl Unanswered {
    /// A source names an address; whether media may go there before anything comes.
    pub(crate) fn tries(&mut self, now: Instant, peer: IpAddr, told: IpAddr) -> bool {
        let (peer, told) = (source(peer), source(told));
        if self.named.len() >= MOST_SOURCES && !self.named.contains_key(&peer) {
            self.sweep(now);
            if self.named.len() >= MOST_SOURCES {
                return false;
            }
        }
        let all = self.named.entry(peer).or_default();
        if all.len() >= MOST_OF_SOURCE && !all.contains_key(&told) {
            all.retain(|_, named| !named.is_old(now));
            if all.len() >= MOST_OF_SOURCE {
                return false;
            }
        }
        let named = all.entry(told).or_insert(Named { tries: 0, since: now });
        if named.is_old(now) {
            *named = Named { tries: 0, since: now };
        }
        let granted = named.tries < TRIES;
        named.tries = named.tries.saturating_add(1);
        granted
    }

    /// Something has come from there.
    pub(crate) fn answered(&mut self, peer: IpAddr, told: IpAddr) {
        let (peer, told) = (source(peer), source(told));
        if let Some(all) = self.named.get_mut(&peer) {
            all.remove(&told);
            if all.is_empty() {
                self.named.remove(&peer);
            }
        }
    }

    /// It was named, and nothing was sent there.
    pub(crate) fn spared(&mut self, peer: IpAddr, told: IpAddr) {
        let named = self.named.get_mut(&source(peer)).and_then(|all| all.get_mut(&source(told)));
        let Some(named) = named else { return };
        named.tries = named.tries.saturating_sub(1);
        if named.tries == 0 {
            self.answered(peer, told);
        }
    }

    /// Forgets what is old. Looked at once a minute: it is all of it.
    fn sweep(&mut self, now: Instant) {
        let often = Duration::from_secs(60);
        if self.swept.is_some_and(|swept| now.saturating_duration_since(swept) < often) {
            return;
        }
        self.swept = Some(now);
        self.named.retain(|_, all| {
            all.retain(|_, named| !named.is_old(now));
            !all.is_empty()
        });
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
    /// How long media goes to an address that a party at `peer` tells now, while nothing comes from there.
    pub(crate) fn patience(&mut self, peer: IpAddr, told: IpAddr) -> Option<Patience> {
        let patience = self.core.settings.patience(peer, told)?;
        let may = self.core.unanswered.tries(self.now, peer, told);
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
        (0..100).filter(|_| all.tries(now, ip(peer), ip(told))).count()
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
            let granted = all.tries(now, ip("203.0.113.67"), ip("192.0.2.1"));
            all.spared(ip("203.0.113.67"), ip("192.0.2.1"));
            granted
        }));
        // Of IPv6 a network counts.
        assert_eq!(granted(&mut all, now, "2001:db8::1", "2001:db8:1::1"), 8);
        assert_eq!(granted(&mut all, now, "2001:db8::2", "2001:db8:1::2"), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut all, now) = (Unanswered::default(), Instant::now());
        let of = |n: u32| IpAddr::V4((0x0b00_0000 + n).into());
        let granted = (0..100_000).filter(|n| all.tries(now, of(0), of(1 + n))).count();
        assert_eq!(granted, MOST_OF_SOURCE);
        let granted = (0..100_000).filter(|n| all.tries(now, of(1 + n), of(0))).count();
        assert_eq!(granted, MOST_SOURCES - 1);
        assert!(all.named.len() <= MOST_SOURCES);
        let later = now + MEMORY;
        assert!(all.tries(later, of(200_000), of(0)), "what is old is forgotten");
        assert_eq!(all.named.len(), 1);
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
        assert_eq!(patience("", public, "10.0.0.7"), Some((15, 300)), "who is inside");
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
