//! How many calls each endpoint has, for gateways that are full, or less used than others.

use std::collections::BTreeMap;

use pinhole_config::PrefixCapacity;
use pinhole_h323::id::EndpointId;

use super::endpoint::Registration;
use super::particular::Particular;

/// How many calls endpoints have.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    calls: BTreeMap<EndpointId, u32>,
    /// Of them, those to numbers that begin in a way for which there is a capacity.
    prefixes: BTreeMap<(EndpointId, String), u32>,
}

impl Usage {
    /// How many calls an endpoint has.
    fn of(&self, id: &EndpointId) -> u32 {
        self.calls.get(id).copied().unwrap_or(0)
    }

    /// An endpoint has one call more, which counts for these patterns of numbers.
    pub(super) fn take(&mut self, id: &EndpointId, patterns: &[String]) {
        *self.calls.entry(id.clone()).or_default() += 1;
        for pattern in patterns {
            *self.prefixes.entry((id.clone(), pattern.clone())).or_default() += 1;
        }
    }

    /// An endpoint has one call less, which counted for these.
    pub(super) fn give_back(&mut self, id: &EndpointId, patterns: &[String]) {
        fewer(&mut self.calls, id);
        for pattern in patterns {
            fewer(&mut self.prefixes, &(id.clone(), pattern.clone()));
        }
    }

    /// True when no further call to a number, if it is called by one, can be sent to an endpoint.
    pub(super) fn is_full(&self, known: &Registration, number: Option<&str>) -> bool {
        let Some(own) = &known.own else { return false };
        let has = |one: &PrefixCapacity| {
            self.prefixes.get(&(known.id.clone(), one.pattern.clone())).copied().unwrap_or(0)
        };
        own.capacity.is_some_and(|most| self.of(&known.id) >= most)
            || fitting(own, number).any(|one| has(one) >= one.most)
    }

    /// How much an endpoint is used: its calls in thousandths of what it can have, or, when nobody has said that, of a
    /// thousand.
    pub(super) fn share(&self, known: &Registration) -> u64 {
        let most = known.own.as_ref().and_then(|own| own.capacity).unwrap_or(1000);
        u64::from(self.of(&known.id)) * 1000 / u64::from(most.max(1))
    }

    /// How many endpoints have calls, and how many of their capacities are used.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.calls.len() + self.prefixes.len()
    }
}

/// The capacities that a call to a number counts for.
pub(super) fn fitting<'a>(
    own: &'a Particular,
    number: Option<&'a str>,
) -> impl Iterator<Item = &'a PrefixCapacity> {
    own.capacities.iter().filter(move |one| number.is_some_and(|number| one.fits(number)))
}

fn fewer<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}
