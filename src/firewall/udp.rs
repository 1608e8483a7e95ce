//! UDP mappings and filters (RFC 4787).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{Dependence, Ports, Rules};

/// Whose packets share a mapping: the inside address, and as much of the destination as counts.
type Key = (SocketAddr, Option<IpAddr>, Option<u16>);

/// All UDP mappings.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    mappings: BTreeMap<Key, Mapping>,
    by_outside: BTreeMap<SocketAddr, Vec<Key>>,
}

#[derive(Debug)]
struct Mapping {
    outside: SocketAddr,
    refreshed: Instant,
    /// To whom datagrams went out, and when this last held their permission to answer.
    peers: BTreeMap<SocketAddr, Instant>,
}

fn key(rules: &Rules, inside: SocketAddr, to: SocketAddr) -> Key {
    match rules.mapping {
        Dependence::Independent => (inside, None, None),
        Dependence::Address => (inside, Some(to.ip()), None),
        Dependence::AddressAndPort => (inside, Some(to.ip()), Some(to.port())),
    }
}

/// Whether something refreshed then has run out. A clock that goes back makes nothing old.
fn expired(now: Instant, refreshed: Instant, idle: Duration) -> bool {
    now.saturating_duration_since(refreshed) >= idle
}

impl Mappings {
    /// The source address that the outside sees, from a mapping that lives or a new one.
    pub(super) fn outbound(
        &mut self,
        now: Instant,
        rules: &Rules,
        ports: &mut Ports,
        inside: SocketAddr,
        to: SocketAddr,
    ) -> Option<SocketAddr> {
        let key = key(rules, inside, to);
        if self.mappings.get(&key).is_none_or(|m| expired(now, m.refreshed, rules.udp_idle)) {
            self.forget(key);
            self.make(now, rules, ports, key)?;
        }
        let mapping = self.mappings.get_mut(&key)?;
        mapping.permit(now, rules, to);
        mapping.refreshed = now;
        Some(mapping.outside)
    }

    /// The inside address that a datagram from outside goes to.
    pub(super) fn inbound(
        &mut self,
        now: Instant,
        rules: &Rules,
        from: SocketAddr,
        outside: SocketAddr,
    ) -> Option<SocketAddr> {
        for key in self.by_outside.get(&outside)? {
            let Some(mapping) = self.mappings.get_mut(key) else { continue };
            if expired(now, mapping.refreshed, rules.udp_idle) || !mapping.permits(now, rules, from)
            {
                continue;
            }
            if rules.inbound_refreshes {
                mapping.refreshed = now;
                if let Some(refreshed) = mapping.peers.get_mut(&from) {
                    *refreshed = now;
                }
            }
            return Some(key.0);
        }
        None
    }

    /// Inside and outside address of each mapping that lives.
    pub(super) fn live(
        &self,
        now: Instant,
        idle: Duration,
    ) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        self.mappings
            .iter()
            .filter(move |(_, mapping)| !expired(now, mapping.refreshed, idle))
            .map(|(key, mapping)| (key.0, mapping.outside))
    }

    /// The outside ports in use.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.by_outside.keys().map(SocketAddr::port)
    }

    fn make(&mut self, now: Instant, rules: &Rules, ports: &mut Ports, key: Key) -> Option<()> {
        if self.mappings.len() >= rules.room {
            self.sweep(now, rules.udp_idle);
        }
        if self.mappings.len() >= rules.room {
            return None;
        }
        let outside = ports.give(key.0, |at| self.in_use(now, rules.udp_idle, at))?;
        let mapping = Mapping { outside, refreshed: now, peers: BTreeMap::new() };
        self.mappings.insert(key, mapping);
        self.by_outside.entry(outside).or_default().push(key);
        Some(())
    }

    fn in_use(&self, now: Instant, idle: Duration, at: SocketAddr) -> bool {
        self.by_outside.get(&at).is_some_and(|keys| {
            let live =
                |key| self.mappings.get(key).is_some_and(|m| !expired(now, m.refreshed, idle));
            keys.iter().any(live)
        })
    }

    fn sweep(&mut self, now: Instant, idle: Duration) {
        let old = |m: &Mapping| expired(now, m.refreshed, idle);
        let dead: Vec<_> =
            self.mappings.iter().filter(|(_, m)| old(m)).map(|(key, _)| *key).collect();
        for key in dead {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: Key) {
        let Some(mapping) = self.mappings.remove(&key) else { return };
        if let Some(keys) = self.by_outside.get_mut(&mapping.outside) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_outside.remove(&mapping.outside);
            }
        }
    }
}

impl Mapping {
    fn permit(&mut self, now: Instant, rules: &Rules, to: SocketAddr) {
        if self.peers.len() >= rules.room && !self.peers.contains_key(&to) {
            self.peers.retain(|_, refreshed| !expired(now, *refreshed, rules.udp_idle));
        }
        if self.peers.len() < rules.room || self.peers.contains_key(&to) {
            self.peers.insert(to, now);
        }
    }

    fn permits(&self, now: Instant, rules: &Rules, from: SocketAddr) -> bool {
        let live = |refreshed: &Instant| !expired(now, *refreshed, rules.udp_idle);
        match rules.filtering {
            Dependence::Independent => true,
            Dependence::Address => {
                self.peers.iter().any(|(peer, refreshed)| peer.ip() == from.ip() && live(refreshed))
            }
            Dependence::AddressAndPort => self.peers.get(&from).is_some_and(live),
        }
    }
}
