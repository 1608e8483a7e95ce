//! How long a firewall keeps an idle UDP mapping: a search by trials. In each a fresh mapping is left alone for a time,
//! and then tried from outside.

use std::time::Duration;

/// The first trial, in seconds.
const FIRST: u32 = 20;
/// What lives so long is not tried any longer.
const MOST: u32 = 180;
/// The shortest and longest time between keepalives that is chosen, in seconds.
const KEEP_ALIVES: (u32, u32) = (2, 120);

/// The search. All times are whole seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Search {
    lives: u32,
    dies: Option<u32>,
}

/// How long a mapping lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// It was still there after so many seconds.
    pub at_least: u32,
    /// After so many it was not, if that was tried.
    pub less_than: Option<u32>,
}

impl Search {
    /// How long the next trial leaves its mapping alone; nothing when enough is known.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        let seconds = match self.dies {
            None if self.lives >= MOST => return None,
            None => (self.lives * 2).clamp(FIRST, MOST),
            // A sixteenth is exact enough.
            Some(dies) if dies.saturating_sub(self.lives) <= (self.lives / 16).max(1) => {
                return None;
            }
            Some(dies) => self.lives.midpoint(dies),
        };
        Some(Duration::from_secs(seconds.into()))
    }

    /// The mapping of a trial that took so long was still there, or was not.
    pub fn tried(&mut self, time: Duration, lived: bool) {
        let seconds = u32::try_from(time.as_secs()).unwrap_or(MOST);
        if lived {
            self.lives = self.lives.max(seconds);
        } else {
            self.dies = Some(self.dies.map_or(seconds, |dies| dies.min(seconds)));
        }
    }

    /// What is known once no trial is missing.
    #[must_use]
    pub fn found(&self) -> Option<Lifetime> {
        let done = self.next().is_none();
        done.then_some(Lifetime { at_least: self.lives, less_than: self.dies })
    }
}

/// The time between keepalives for a firewall that keeps a mapping at least so many seconds: two thirds, so that a lost
/// one can be repeated.
#[must_use]
pub fn keep_alive(at_least: u32) -> Duration {
    let seconds = at_least.saturating_mul(2) / 3;
    Duration::from_secs(seconds.clamp(KEEP_ALIVES.0, KEEP_ALIVES.1).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found of a firewall that keeps mappings so long, and after how many seconds of trials.
    fn of(life: u64) -> (Lifetime, u64) {
        let (mut search, mut took) = (Search::default(), 0);
        while let Some(time) = search.next() {
            search.tried(time, time.as_secs() < life);
            took += time.as_secs();
        }
        (search.found().unwrap(), took)
    }

    #[test]
    fn the_lifetime_is_found_in_minutes() {
        for life in 3..180 {
            let (found, took) = of(life);
            let (least, less) = (u64::from(found.at_least), u64::from(found.less_than.unwrap()));
            assert!(least < life && life <= less, "{life}: {found:?}");
            assert!(less - least <= (least / 16).max(1), "{life}: {found:?}");
            assert!(took < 900, "{life}: {took} s");
            let kept = keep_alive(found.at_least).as_secs();
            assert!(kept <= life && (life < 10 || kept * 2 >= life), "{life}: {kept}");
        }
        let forever = Lifetime { at_least: 180, less_than: None };
        assert_eq!(of(10_000), (forever, 20 + 40 + 80 + 160 + 180));
        assert_eq!(keep_alive(180).as_secs(), 120);
        assert_eq!(of(30).0, Lifetime { at_least: 29, less_than: Some(30) });
    }
}
