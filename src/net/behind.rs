//! An agent behind a NAT, on one machine and without root: it lives at a private address that no system knows, and
//! the pure [`Firewall`] stands between it and real sockets on the firewall's outside address.
//!
//! Each UDP mapping has a real socket. What arrives there passes the firewall or is dropped and counted, and never
//! answered. Connections only lead outwards: a listener in here hears nobody. The firewall's own table of TCP
//! connections is not used, because the system keeps them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use tokio::sync::watch;
use tracing::debug;

use super::arrival::Hall;
use super::bind;
use super::clock;
use super::ground::{Ground, Pair};
use super::udp::Udp;
use crate::face::{Bind, ListenerId, PairId, SocketId};
use crate::firewall::{Drops, Firewall};

/// The ports given for `0..=0` (RFC 6335 §6: the dynamic ones).
const DYNAMIC: RangeInclusive<u16> = 49_152..=65_535;

/// The place behind the firewall.
#[derive(Debug)]
pub struct Behind {
    firewall: Firewall,
    private: IpAddr,
    /// What the agent has bound, by its private address.
    sockets: HashMap<SocketAddr, SocketId>,
    addresses: HashMap<SocketId, SocketAddr>,
    listeners: HashMap<ListenerId, SocketAddr>,
    /// The real socket of each mapping, by its outside address.
    outside: HashMap<SocketAddr, (u64, Udp)>,
    outside_addresses: HashMap<u64, SocketAddr>,
    drops: watch::Sender<Drops>,
}

impl Behind {
    /// A place at `private` behind a firewall, whose outside address has to be one of this host.
    #[must_use]
    pub fn new(firewall: Firewall, private: IpAddr) -> Self {
        Self {
            firewall,
            private,
            sockets: HashMap::new(),
            addresses: HashMap::new(),
            listeners: HashMap::new(),
            outside: HashMap::new(),
            outside_addresses: HashMap::new(),
            drops: watch::Sender::new(Drops::default()),
        }
    }

    /// Watches what the firewall drops.
    #[must_use]
    pub fn drops(&self) -> watch::Receiver<Drops> {
        self.drops.subscribe()
    }

    /// The private address for what is bound to `ip` on one of the ports.
    fn place(
        &self,
        ip: IpAddr,
        ports: &RangeInclusive<u16>,
        step: u16,
        taken: impl Fn(SocketAddr) -> bool,
    ) -> io::Result<SocketAddr> {
        if ip != self.private && !ip.is_unspecified() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let ports = if *ports == (0..=0) { &DYNAMIC } else { ports };
        bind::search(ports, step, |port| {
            let mut all = (0..step).map(|n| SocketAddr::new(self.private, port.saturating_add(n)));
            if all.any(&taken) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            Ok(SocketAddr::new(self.private, port))
        })
    }

    fn add(&mut self, id: SocketId, at: SocketAddr) {
        self.remove(id);
        self.sockets.insert(at, id);
        self.addresses.insert(id, at);
    }

    fn remove(&mut self, id: SocketId) {
        if let Some(at) = self.addresses.remove(&id) {
            self.sockets.remove(&at);
        }
    }

    /// The real socket of the mapping that is seen as `outside`.
    fn real(&mut self, hall: &mut Hall, outside: SocketAddr) -> io::Result<&Udp> {
        if !self.outside.contains_key(&outside) {
            self.sweep();
            let port = outside.port();
            let socket = bind::udp(outside.ip(), &(port..=port))?;
            let (serial, arrivals) = hall.enter();
            self.outside.insert(outside, (serial, Udp::start(socket, serial, arrivals)?));
            self.outside_addresses.insert(serial, outside);
        }
        self.outside.get(&outside).map(|(_, udp)| udp).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Lets go of the sockets whose mappings have ended. Until then they swallow what arrives, as a NAT does.
    fn sweep(&mut self) {
        let mut live: Vec<_> =
            self.firewall.udp_mappings(clock::now()).map(|(_, outside)| outside).collect();
        live.sort_unstable();
        self.outside.retain(|outside, _| live.binary_search(outside).is_ok());
        self.outside_addresses.retain(|_, outside| self.outside.contains_key(outside));
    }

    fn tell(&self) {
        let now = self.firewall.drops();
        self.drops.send_if_modified(|told| std::mem::replace(told, now) != now);
    }
}

impl Ground for Behind {
    fn bind(
        &mut self,
        _: &mut Hall,
        bind: Bind,
        ip: IpAddr,
        ports: &RangeInclusive<u16>,
    ) -> io::Result<SocketAddr> {
        let udp_taken = |at| self.sockets.contains_key(&at);
        match bind {
            Bind::Udp(id) => {
                let at = self.place(ip, ports, 1, udp_taken)?;
                self.add(id, at);
                Ok(at)
            }
            Bind::UdpPair(even, odd) => {
                let at = self.place(ip, ports, 2, udp_taken)?;
                self.add(even, at);
                self.add(odd, SocketAddr::new(at.ip(), at.port().saturating_add(1)));
                Ok(at)
            }
            Bind::Tcp(id) => {
                let taken = |at| self.listeners.values().any(|other| *other == at);
                let at = self.place(ip, ports, 1, taken)?;
                self.listeners.insert(id, at);
                Ok(at)
            }
            // Only agents that relay media have such pairs, and their place is in the open.
            Bind::Media(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn unbind(&mut self, bind: Bind) {
        match bind {
            Bind::Udp(id) => self.remove(id),
            Bind::UdpPair(even, odd) => {
                self.remove(even);
                self.remove(odd);
            }
            Bind::Tcp(id) => {
                self.listeners.remove(&id);
            }
            Bind::Media(_) => {}
        }
    }

    fn send(&mut self, hall: &mut Hall, socket: SocketId, to: SocketAddr, bytes: &[u8]) {
        let Some(inside) = self.addresses.get(&socket).copied() else { return };
        let Some(outside) = self.firewall.udp_out(clock::now(), inside, to) else {
            self.tell();
            return;
        };
        match self.real(hall, outside) {
            Ok(udp) => udp.send(to, bytes),
            Err(error) => debug!(%outside, %error, "the firewall has no socket for a mapping"),
        }
    }

    fn socket(&mut self, serial: u64, from: SocketAddr) -> Option<SocketId> {
        let outside = self.outside_addresses.get(&serial).copied()?;
        let inside = self.firewall.udp_in(clock::now(), from, outside);
        self.tell();
        self.sockets.get(&inside?).copied()
    }

    fn listener(&self, _: u64) -> Option<ListenerId> {
        None
    }

    fn source(&self, _: Option<IpAddr>) -> Option<IpAddr> {
        self.firewall.outside().or(Some(self.private))
    }

    fn local(&self, local: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.private, local.port())
    }

    fn take_pair(&mut self, _: PairId) -> Option<Pair> {
        None
    }
}
