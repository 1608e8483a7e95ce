//! The registrations: who is reachable under which alias, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use pinhole_h323::alias::Alias;
use pinhole_h323::id::EndpointId;

use crate::face::SocketId;

/// How many endpoints can be registered.
const MOST: usize = 50_000;
/// How many aliases one endpoint can have.
const MOST_ALIASES: usize = 64;

/// A registered endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) id: EndpointId,
    pub(crate) aliases: Vec<Alias>,
    /// The RAS address as its packets show it: behind a NAT, the pinhole.
    pub(crate) ras: SocketAddr,
    /// The socket its registration came in on; what is sent to it leaves there.
    pub(crate) socket: SocketId,
    /// The local address that socket has.
    pub(crate) local: IpAddr,
    /// The signalling address it told, which behind a NAT nobody can reach.
    pub(crate) signalling: Option<SocketAddr>,
    /// True when it asked for H.460.18 and was granted it.
    pub(crate) traversal: bool,
    /// True when its packets come from another address than the one it told.
    pub(crate) natted: bool,
    /// True when its last call has shown that it can send multiplexed media (H.460.19). A called party says so only in
    /// its answer, too late for the channels that fast start proposes to it.
    pub(crate) multiplexes: bool,
    /// Seconds that it lives without refresh.
    pub(crate) ttl_s: Option<u32>,
    /// True when its time is over and it was asked whether it is still there.
    pub(crate) polled: bool,
}

impl Registration {
    /// The name by which people know it.
    pub(crate) fn name(&self) -> String {
        self.aliases.first().map_or_else(|| self.id.to_string(), ToString::to_string)
    }

    /// True when a message from this source can be the endpoint's: behind a NAT the port may change, the address
    /// does not.
    pub(crate) fn is_from(&self, source: SocketAddr) -> bool {
        self.ras.ip() == source.ip()
    }
}

/// Why a registration is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another endpoint has this alias.
    DuplicateAlias(Alias),
    /// No alias, or too many.
    InvalidAlias,
    /// The table is full.
    Full,
    /// As many endpoints as may be are registered from the address already.
    TooManyFromAddress,
}

/// All registrations.
#[derive(Debug, Default)]
pub(crate) struct Registrations {
    endpoints: BTreeMap<EndpointId, Registration>,
    aliases: BTreeMap<Alias, EndpointId>,
    sources: BTreeMap<IpAddr, BTreeSet<EndpointId>>,
    signalling: BTreeMap<SocketAddr, EndpointId>,
}

impl Registrations {
    pub(crate) fn get(&self, id: &EndpointId) -> Option<&Registration> {
        self.endpoints.get(id)
    }

    /// Notes that an endpoint is asked whether it is still there; nothing when it has been asked already.
    pub(crate) fn poll(&mut self, id: &EndpointId) -> Option<Registration> {
        let known = self.endpoints.get_mut(id).filter(|known| !known.polled)?;
        known.polled = true;
        Some(known.clone())
    }

    /// A call has shown whether the endpoint can send multiplexed media.
    pub(crate) fn note_multiplexing(&mut self, id: &EndpointId, multiplexes: bool) {
        if let Some(known) = self.endpoints.get_mut(id) {
            known.multiplexes = multiplexes;
        }
    }

    /// Behind the same address the endpoint sends from another port, or through another socket, now.
    pub(crate) fn moved(
        &mut self,
        id: &EndpointId,
        ras: SocketAddr,
        socket: SocketId,
        local: IpAddr,
    ) -> bool {
        let Some(known) = self.endpoints.get_mut(id).filter(|known| known.is_from(ras)) else {
            return false;
        };
        (known.ras, known.socket, known.local) = (ras, socket, local);
        known.polled = false;
        true
    }

    /// The endpoint with an alias.
    pub(crate) fn find(&self, alias: &Alias) -> Option<&Registration> {
        self.aliases.get(alias).and_then(|id| self.endpoints.get(id))
    }

    /// The endpoint that told this signalling address and is reachable there.
    pub(crate) fn at(&self, signalling: SocketAddr) -> Option<&Registration> {
        self.endpoints.get(self.signalling.get(&signalling)?)
    }

    /// The only endpoint that sends from an address, if there is exactly one.
    pub(crate) fn only_from(&self, source: IpAddr) -> Option<&Registration> {
        let mut from = self.sources.get(&source)?.iter();
        let first = from.next().filter(|_| from.next().is_none())?;
        self.endpoints.get(first)
    }

    /// Enters an endpoint, or replaces the one with its identifier. An endpoint that lost its identifier (it was
    /// restarted) takes its place again when it comes from the same address and tells the same one.
    ///
    /// # Errors
    /// When another endpoint has one of its aliases, when it has none, and when the table is full.
    pub(crate) fn enter(
        &mut self,
        new: Registration,
        most_from_address: usize,
    ) -> Result<Option<EndpointId>, Refusal> {
        if new.aliases.is_empty() || new.aliases.len() > MOST_ALIASES {
            return Err(Refusal::InvalidAlias);
        }
        let mut replaced = None;
        for alias in &new.aliases {
            let Some(old) = self.find(alias).filter(|old| old.id != new.id) else { continue };
            let same_host = old.ras.ip() == new.ras.ip()
                && old.signalling.map(|a| a.ip()) == new.signalling.map(|a| a.ip());
            if !same_host {
                return Err(Refusal::DuplicateAlias(alias.clone()));
            }
            replaced = Some(old.id.clone());
        }
        if self.endpoints.len() >= MOST && !self.endpoints.contains_key(&new.id) {
            return Err(Refusal::Full);
        }
        let from_address = self.sources.get(&new.ras.ip());
        let others = from_address.map_or(0, |ids| ids.iter().filter(|id| **id != new.id).count());
        if others.saturating_sub(usize::from(replaced.is_some())) >= most_from_address {
            return Err(Refusal::TooManyFromAddress);
        }
        if let Some(old) = &replaced {
            self.remove(old);
        }
        self.remove(&new.id);
        for alias in &new.aliases {
            self.aliases.insert(alias.clone(), new.id.clone());
        }
        self.sources.entry(new.ras.ip()).or_default().insert(new.id.clone());
        // What cannot be reached there must not stand in the way of who can.
        if let Some(signalling) = new.signalling.filter(|_| !new.traversal && !new.natted) {
            self.signalling.insert(signalling, new.id.clone());
        }
        self.endpoints.insert(new.id.clone(), new);
        Ok(replaced)
    }

    /// Removes an endpoint and its aliases.
    pub(crate) fn remove(&mut self, id: &EndpointId) -> Option<Registration> {
        let old = self.endpoints.remove(id)?;
        for alias in &old.aliases {
            if self.aliases.get(alias) == Some(id) {
                self.aliases.remove(alias);
            }
        }
        if let Some(told) = old.signalling.filter(|told| self.signalling.get(told) == Some(id)) {
            self.signalling.remove(&told);
        }
        let source = old.ras.ip();
        if let Some(ids) = self.sources.get_mut(&source) {
            ids.remove(id);
            if ids.is_empty() {
                self.sources.remove(&source);
            }
        }
        Some(old)
    }

    /// Removes all.
    pub(crate) fn drain(&mut self) -> Vec<Registration> {
        self.aliases.clear();
        self.sources.clear();
        self.signalling.clear();
        std::mem::take(&mut self.endpoints).into_values().collect()
    }

    /// How many endpoints are registered.
    pub(crate) fn len(&self) -> usize {
        self.endpoints.len()
    }
}
