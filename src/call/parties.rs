//! Who the parties of all live calls are: what is asked for every request, whatever number of calls there are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use pinhole_h323::id::EndpointId;

use super::{Call, CallKey, Calls};
use crate::face::Side;
use crate::node::limits::source;

/// See the head of the file. Of IPv6 a network of 64 bits is one address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parties {
    /// Calls made from an address.
    made: BTreeMap<IpAddr, usize>,
    /// Legs with an address.
    peers: BTreeMap<IpAddr, usize>,
    /// The calls of a registered endpoint.
    endpoints: BTreeMap<EndpointId, BTreeSet<CallKey>>,
}

impl Parties {
    pub(super) fn enter(&mut self, call: &Call) {
        *self.made.entry(source(call.leg(Side::A).peer)).or_default() += 1;
        for leg in &call.legs {
            *self.peers.entry(source(leg.peer)).or_default() += 1;
            if let Some(endpoint) = &leg.endpoint {
                self.endpoints.entry(endpoint.clone()).or_default().insert(call.key);
            }
        }
    }

    pub(super) fn leave(&mut self, call: &Call) {
        fewer(&mut self.made, source(call.leg(Side::A).peer));
        for leg in &call.legs {
            fewer(&mut self.peers, source(leg.peer));
            if let Some(endpoint) = &leg.endpoint
                && let Some(calls) = self.endpoints.get_mut(endpoint)
            {
                calls.remove(&call.key);
                if calls.is_empty() {
                    self.endpoints.remove(endpoint);
                }
            }
        }
    }

    /// The live calls of an endpoint.
    pub(super) fn of(&self, endpoint: &EndpointId) -> impl Iterator<Item = CallKey> {
        self.endpoints.get(endpoint).into_iter().flatten().copied()
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

impl Calls {
    /// How many calls run that were made from an address.
    pub(crate) fn made_from(&self, peer: IpAddr) -> usize {
        self.parties.made.get(&source(peer)).copied().unwrap_or(0)
    }

    /// True for an address of a party of a call.
    pub(crate) fn are_with(&self, peer: IpAddr) -> bool {
        self.parties.peers.contains_key(&source(peer))
    }

    /// Whether an endpoint is in a call.
    pub(crate) fn has_party(&self, endpoint: &EndpointId) -> bool {
        self.parties.endpoints.contains_key(endpoint)
    }

    /// True when the index says what the calls say.
    #[cfg(test)]
    pub(crate) fn know_their_parties(&self) -> bool {
        let mut parties = Parties::default();
        self.calls.values().filter(|call| call.is_live()).for_each(|call| parties.enter(call));
        parties == self.parties
    }

    /// Changes who the parties of a live call are, or ends it.
    pub(super) fn change(&mut self, key: CallKey, change: impl FnOnce(&mut Call)) {
        let Some(call) = self.calls.get_mut(&key).filter(|call| call.is_live()) else { return };
        self.parties.leave(call);
        change(call);
        if call.is_live() {
            self.parties.enter(call);
        }
    }
}
