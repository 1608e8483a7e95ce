//! How many calls each endpoint has, for gateways that are full, or less used than others.

use std::collections::BTreeMap;

use pinhole_h323::id::EndpointId;

use super::endpoint::Registration;

/// How many calls endpoints have.
#[derive(Debug, Default)]
pub(crate) struct Usage(BTreeMap<EndpointId, u32>);

impl Usage {
    /// How many calls an endpoint has.
    fn of(&self, id: &EndpointId) -> u32 {
        self.0.get(id).copied().unwrap_or(0)
    }

    /// An endpoint has one call more.
    pub(super) fn take(&mut self, id: &EndpointId) {
        *self.0.entry(id.clone()).or_default() += 1;
    }

    /// An endpoint has one call less.
    pub(super) fn give_back(&mut self, id: &EndpointId) {
        if let Some(calls) = self.0.get_mut(id) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                self.0.remove(id);
            }
        }
    }

    /// True when no further call can be sent to an endpoint.
    pub(super) fn is_full(&self, known: &Registration) -> bool {
        known
            .own
            .as_ref()
            .and_then(|own| own.capacity)
            .is_some_and(|most| self.of(&known.id) >= most)
    }

    /// How much an endpoint is used: its calls in thousandths of what it can have, or, when nobody has said that, of a
    /// thousand.
    pub(super) fn share(&self, known: &Registration) -> u64 {
        let most = known.own.as_ref().and_then(|own| own.capacity).unwrap_or(1000);
        u64::from(self.of(&known.id)) * 1000 / u64::from(most.max(1))
    }

    /// How many endpoints have calls.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
