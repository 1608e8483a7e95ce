//! A NAT, or a firewall without translation, as a state machine: what passes, and under which address.
//!
//! It has no socket and no clock: the simulated world asks it for every packet, and `pinhole demo` asks it for
//! the packets of real loopback sockets. UDP follows RFC 4787, TCP the common practice of RFC 5382 with one
//! hardness: nothing but what was opened from inside passes, and what was idle too long is forgotten silently.
//!
//! Expiry is always asked before anything is refreshed. A NAT that refreshes first obstructs nothing.

mod rules;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use rules::{Dependence, PortChoice, Rules};

/// What was dropped, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drops {
    /// Datagrams from outside that no mapping or filter permitted.
    pub uninvited: u64,
    /// TCP connections that someone outside tried to open.
    pub syns: u64,
    /// TCP segments, of either direction, of connections not known (any more).
    pub forgotten: u64,
    /// Packets from inside for which no port, no room or no route was left.
    pub refused: u64,
}

/// The state of one NAT or firewall.
#[derive(Debug)]
pub struct Firewall {
    rules: Rules,
    udp: udp::Mappings,
    tcp: tcp::Connections,
    ports: Ports,
    drops: Drops,
}

impl Firewall {
    /// A NAT whose outside address is `outside`; random ports come from `seed`.
    #[must_use]
    pub fn nat(outside: IpAddr, rules: Rules, seed: [u8; 32]) -> Self {
        Self::new(Some(outside), rules, seed)
    }

    /// A firewall that translates nothing. Of the rules, the mapping and the ports mean nothing to it.
    #[must_use]
    pub fn plain(rules: Rules) -> Self {
        Self::new(None, rules, [0; 32])
    }

    fn new(outside: Option<IpAddr>, rules: Rules, seed: [u8; 32]) -> Self {
        Self {
            ports: Ports {
                outside,
                choice: rules.ports,
                retired: BTreeSet::new(),
                random: ChaCha8Rng::from_seed(seed),
            },
            rules,
            udp: udp::Mappings::default(),
            tcp: tcp::Connections::default(),
            drops: Drops::default(),
        }
    }

    /// A datagram leaves. Returns the source address that the outside sees, or nothing if it is dropped.
    pub fn udp_out(
        &mut self,
        now: Instant,
        inside: SocketAddr,
        to: SocketAddr,
    ) -> Option<SocketAddr> {
        let seen = if self.bounces(to) {
            None
        } else {
            self.udp.outbound(now, &self.rules, &mut self.ports, inside, to)
        };
        self.drops.refused += u64::from(seen.is_none());
        seen
    }

    /// A datagram arrives at an outside address. Returns the inside address it goes to, or nothing if it is
    /// dropped.
    pub fn udp_in(
        &mut self,
        now: Instant,
        from: SocketAddr,
        outside: SocketAddr,
    ) -> Option<SocketAddr> {
        let inside = self.udp.inbound(now, &self.rules, from, outside);
        self.drops.uninvited += u64::from(inside.is_none());
        inside
    }

    /// A connection is opened from inside. Returns the source address that the outside sees, or nothing if its
    /// SYN is dropped.
    pub fn tcp_open(
        &mut self,
        now: Instant,
        inside: SocketAddr,
        to: SocketAddr,
    ) -> Option<SocketAddr> {
        let seen = if self.bounces(to) {
            None
        } else {
            self.tcp.open(now, &self.rules, &mut self.ports, inside, to)
        };
        self.drops.refused += u64::from(seen.is_none());
        seen
    }

    /// A connection is opened from outside: its SYN is dropped and counted.
    pub const fn tcp_syn_in(&mut self) {
        self.drops.syns += 1;
    }

    /// A segment of a connection, in either direction. False if the connection is not known (any more): the
    /// segment is lost, and nobody is told.
    pub fn tcp_segment(&mut self, now: Instant, inside: SocketAddr, to: SocketAddr) -> bool {
        let known = self.tcp.segment(now, &self.rules, inside, to);
        self.drops.forgotten += u64::from(!known);
        known
    }

    /// A connection ended by FIN or RST, which passed.
    pub fn tcp_close(&mut self, inside: SocketAddr, to: SocketAddr) {
        self.tcp.close(inside, to);
    }

    /// Forgets everything, as a NAT that restarts or changes its line does. New mappings get other ports.
    pub fn rebind(&mut self) {
        self.rebind_udp();
        self.tcp = tcp::Connections::default();
    }

    /// Forgets what it knows of UDP only.
    pub fn rebind_udp(&mut self) {
        self.ports.retired.extend(self.udp.ports());
        self.udp = udp::Mappings::default();
    }

    /// The address on the outside, if this is a NAT.
    #[must_use]
    pub const fn outside(&self) -> Option<IpAddr> {
        self.ports.outside
    }

    /// The rules it was made with.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What was dropped so far.
    #[must_use]
    pub const fn drops(&self) -> Drops {
        self.drops
    }

    /// The UDP mappings that live at this time: inside and outside address of each.
    pub fn udp_mappings(&self, now: Instant) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        self.udp.live(now, self.rules.udp_idle)
    }

    /// The number of TCP connections known at this time.
    #[must_use]
    pub fn tcp_connections(&self, now: Instant) -> usize {
        self.tcp.live(now, self.rules.tcp_idle)
    }

    /// A packet from inside to our own outside address, which only hairpinning brings back.
    fn bounces(&self, to: SocketAddr) -> bool {
        !self.rules.hairpin && self.ports.outside == Some(to.ip())
    }
}

/// Gives outside ports.
#[derive(Debug)]
struct Ports {
    outside: Option<IpAddr>,
    choice: PortChoice,
    retired: BTreeSet<u16>,
    random: ChaCha8Rng,
}

impl Ports {
    /// How many random ports are tried before a packet is refused.
    const TRIES: usize = 64;

    /// An outside address for an inside one: the same without translation, else one that `taken` denies.
    fn give(
        &mut self,
        inside: SocketAddr,
        taken: impl Fn(SocketAddr) -> bool,
    ) -> Option<SocketAddr> {
        let Some(outside) = self.outside else { return Some(inside) };
        if outside.is_ipv4() != inside.is_ipv4() {
            return None;
        }
        let free = |retired: &BTreeSet<u16>, port| {
            let at = SocketAddr::new(outside, port);
            (!retired.contains(&port) && !taken(at)).then_some(at)
        };
        if self.choice == PortChoice::Preserved
            && let Some(at) = free(&self.retired, inside.port())
        {
            return Some(at);
        }
        (0..Self::TRIES)
            .find_map(|_| free(&self.retired, self.random.random_range(1024..=u16::MAX)))
    }
}
