//! Who holds how many of the media ports: one source must not take what the calls of all others need.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::face::PairId;

/// Pairs that every source may hold while there are any: audio, two videos and far-end camera, on both sides of a call.
const LEAST: usize = 8;
/// Of how many pairs one has to be free, or they are scarce.
const SCARCE: usize = 16;
/// Pairs that systems have when the ports are left to them: half of 32768 to 60999.
const OF_THE_SYSTEM: usize = 14_116;

/// Why a media pair is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// No port is free.
    Ports,
    /// As many are in use as may be.
    All,
    /// The source holds as many as it may.
    Source,
}

impl Lack {
    /// For people, and the key that has to do with it.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Ports => "no port is free for media (RTPPortRange)",
            Self::All => "as many media ports are in use as may be (MediaPairs)",
            Self::Source => {
                "the caller's address holds as many media ports as it may (MediaPairsPerSource)"
            }
        }
    }
}

/// The pairs in use, by who holds them.
///
/// Without a number of its own, a source may hold no more than it leaves free for others. So one can take half, two a
/// third each, and something is left whoever comes.
#[derive(Debug)]
pub(crate) struct Quota {
    /// What one local address has.
    of_address: usize,
    /// What there may be in all.
    most: usize,
    /// What a source may have, if that is fixed.
    of_source: Option<usize>,
    used: BTreeMap<IpAddr, usize>,
    /// By source, and by local address.
    held: BTreeMap<IpAddr, BTreeMap<IpAddr, usize>>,
    pairs: BTreeMap<PairId, (IpAddr, Option<IpAddr>)>,
}

impl Quota {
    /// Of a range on each local address; no more than `most` in all, nor than `of_source` for one source. 0 is no number.
    pub(crate) fn new(
        range: &RangeInclusive<u16>,
        locals: &[IpAddr],
        most: usize,
        of_source: usize,
    ) -> Self {
        let of_address = match *range == (0..=0) {
            true => OF_THE_SYSTEM,
            false => usize::from(range.end().saturating_sub(*range.start()) / 2) + 1,
        };
        let there_are = of_address.saturating_mul(locals.len());
        Self {
            of_address,
            most: if most == 0 { there_are } else { most.min(there_are) },
            of_source: (of_source > 0).then_some(of_source),
            used: BTreeMap::new(),
            held: BTreeMap::new(),
            pairs: BTreeMap::new(),
        }
    }

    /// Whether a source may have so many more pairs on a local address; `None` is one that is trusted.
    pub(super) fn allows(
        &self,
        local: IpAddr,
        source: Option<IpAddr>,
        more: usize,
    ) -> Result<(), Lack> {
        let free = self.most.saturating_sub(self.pairs.len());
        if free < more {
            return Err(Lack::All);
        }
        let Some(source) = source else { return Ok(()) };
        let holds = self.held.get(&source);
        let held = holds.map_or(0, |by_local| by_local.values().sum());
        let here = holds.and_then(|by_local| by_local.get(&local)).copied().unwrap_or(0);
        if let Some(most) = self.of_source {
            return if held + more <= most { Ok(()) } else { Err(Lack::Source) };
        }
        let used = self.used.get(&local).copied().unwrap_or(0);
        let free_here = self.of_address.saturating_sub(used);
        // With each that it takes there is one less for others.
        let leaves = |has: usize, free: usize| has + 2 * more <= free + 1;
        let fair = held + more <= LEAST || (leaves(here, free_here) && leaves(held, free));
        if fair { Ok(()) } else { Err(Lack::Source) }
    }

    /// Whether a local address, of whose pairs so many are ready, has so few left that it would take long to find one.
    pub(super) fn is_scarce(&self, local: IpAddr, ready: usize) -> bool {
        let used = self.used.get(&local).copied().unwrap_or(0) + ready;
        self.of_address.saturating_sub(used) <= self.of_address / SCARCE
    }

    /// A source takes a pair.
    pub(super) fn take(&mut self, pair: PairId, local: IpAddr, source: Option<IpAddr>) {
        *self.used.entry(local).or_default() += 1;
        if let Some(source) = source {
            *self.held.entry(source).or_default().entry(local).or_default() += 1;
        }
        self.pairs.insert(pair, (local, source));
    }

    /// A pair is in use no longer.
    pub(super) fn leave(&mut self, pair: PairId) {
        let Some((local, source)) = self.pairs.remove(&pair) else { return };
        fewer(&mut self.used, local);
        if let Some(source) = source
            && let Some(by_local) = self.held.get_mut(&source)
        {
            fewer(by_local, local);
            if by_local.is_empty() {
                self.held.remove(&source);
            }
        }
    }
}

fn fewer(counts: &mut BTreeMap<IpAddr, usize>, key: IpAddr) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    /// How many a source gets now, of the numbers from one on.
    fn takes(quota: &mut Quota, local: IpAddr, source: Option<IpAddr>, from: u32) -> usize {
        let mut count = 0;
        while quota.allows(local, source, 1).is_ok() {
            quota.take(PairId(from + count), local, source);
            count += 1;
        }
        count as usize
    }

    #[test]
    fn whoever_comes_finds_something() {
        let mut quota = Quota::new(&(1024..=65_535), &[ip(1)], 0, 0);
        assert_eq!(takes(&mut quota, ip(1), Some(ip(100)), 0), 16_128, "half");
        assert_eq!(takes(&mut quota, ip(1), Some(ip(101)), 20_000), 8064, "half of the rest");
        for n in 0..8 {
            assert!(takes(&mut quota, ip(1), Some(ip(200 + n)), 40_000 + 10_000 * n) >= LEAST);
        }
        assert!(takes(&mut quota, ip(1), None, 200_000) > 0, "who is trusted takes the rest");
        assert_eq!(quota.allows(ip(1), Some(ip(300)), 1), Err(Lack::All));
    }

    #[test]
    fn one_local_address_cannot_be_emptied_for_what_others_have() {
        let mut quota = Quota::new(&(1000..=1999), &[ip(1), ip(2)], 0, 0);
        assert_eq!(takes(&mut quota, ip(1), Some(ip(100)), 0), 250);
        assert_eq!(takes(&mut quota, ip(2), Some(ip(100)), 1000), 250);
    }

    #[test]
    fn what_is_given_back_can_be_had_again_and_leaves_nothing() {
        for (most, of_source, expected) in [(0, 0, 50), (20, 0, 10), (0, 3, 3), (0, 1000, 100)] {
            let mut quota = Quota::new(&(1000..=1199), &[ip(1)], most, of_source);
            for _ in 0..2 {
                assert_eq!(takes(&mut quota, ip(1), Some(ip(9)), 0), expected);
                (0..200).for_each(|n| quota.leave(PairId(n)));
                assert!(quota.pairs.is_empty() && quota.used.is_empty() && quota.held.is_empty());
            }
        }
    }

    #[test]
    fn a_whole_call_can_be_made_in_a_small_range() {
        let mut quota = Quota::new(&(1000..=1015), &[ip(1)], 0, 0);
        assert_eq!(takes(&mut quota, ip(1), Some(ip(9)), 0), 8);
    }
}
