//! Names that were given up by somebody of whom nothing shows that it hears us. Whoever sends with addresses that are not his
//! could else go and come again in one go, and would be the one that has only just come, over and over.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::lifetime::POLL;
use super::matching::Key;

/// How long that is remembered: who found the name taken has tried again by then.
const KEPT: Duration = POLL.saturating_mul(2);
/// Names that are remembered; then the oldest is forgotten.
const MOST: usize = 16_384;

/// What is known of a name that was given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    until: Instant,
    /// Since when nothing has shown that whoever had it hears us.
    pub(super) shown: Instant,
    /// The network of who wanted it. It has it for that time, if it still wants it.
    pub(super) wanted_by: Option<IpAddr>,
}

/// The names that were given up of late.
#[derive(Debug, Default)]
pub(super) struct GivenUp {
    names: BTreeMap<Key, Mark>,
    /// As they came; also those that were given up again since.
    order: VecDeque<(Instant, Key)>,
}

impl GivenUp {
    /// A name is given up by who has shown last at that time that it hears us, or has come then.
    pub(super) fn note(
        &mut self,
        now: Instant,
        name: Key,
        shown: Instant,
        wanted_by: Option<IpAddr>,
    ) {
        self.forget(now);
        let before = self.names.get(&name);
        let mark = Mark {
            until: now + KEPT,
            shown: before.map_or(shown, |before| before.shown.min(shown)),
            wanted_by: wanted_by.or_else(|| before.and_then(|before| before.wanted_by)),
        };
        self.order.push_back((mark.until, name.clone()));
        self.names.insert(name, mark);
        if self.order.len() > MOST {
            self.drop_first();
        }
    }

    /// What is known of a name that was given up a moment ago.
    pub(super) fn of(&self, now: Instant, name: &Key) -> Option<Mark> {
        self.names.get(name).filter(|mark| now < mark.until).copied()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some((until, name)) = self.order.pop_front() else { return };
        if self.names.get(&name).is_some_and(|mark| mark.until == until) {
            self.names.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use pinhole_h323::alias::Alias;

    use super::super::matching::Matching;
    use super::*;

    #[test]
    fn marks_end_and_cannot_fill_memory() {
        #[expect(
            clippy::disallowed_methods,
            reason = "any instant will do as the origin of a test"
        )]
        let now = Instant::now();
        let key = |n: usize| Matching::default().key(&Alias::from_text(&format!("n{n}")));
        let mut all = GivenUp::default();
        let by = Some("192.0.2.1".parse().unwrap());
        all.note(now, key(0), now, by);
        let later = now + KEPT / 2;
        all.note(later, key(0), later, None);
        let mark = all.of(now + KEPT, &key(0)).expect("the second");
        assert_eq!((mark.shown, mark.wanted_by), (now, by), "what was known stays");
        assert!(all.of(later + KEPT, &key(0)).is_none());
        for n in 0..3 * MOST {
            all.note(later, key(n % (2 * MOST)), later, None);
        }
        assert!(all.names.len() <= MOST && all.order.len() <= MOST);
        all.forget(later + KEPT);
        assert!(all.names.is_empty() && all.order.is_empty());
    }
}
