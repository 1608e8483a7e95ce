//! An agent behind a NAT, on one machine and without root: the pure [`Firewall`] stands between it and real sockets on
//! the firewall's outside address.
//!
//! Each UDP mapping has a real socket. What arrives there passes the firewall or is dropped and counted, and never
//! answered. Connections only lead outwards. The firewall's own table of TCP connections is not used, because the system
//! keeps them.
//!
//! An agent lives at a private address that no system knows, and is alone there; or on a network with neighbours
//! ([`Behind::among`]), at an address of this machine. Then it has real sockets there, too, and what comes to them from
//! anybody but a neighbour is dropped and counted: the way to them leads through the firewall.

mod media;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use tokio::sync::watch;
use tracing::debug;

use self::media::{Departure, Media};
use super::arrival::Hall;
use super::bind;
use super::clock;
use super::ground::{Ground, Pair};
use super::tcp::Listener;
use super::udp::Udp;
use crate::face::{Bind, FlowCommand, FlowFact, FlowId, ListenerId, PairId, SocketId};
use crate::firewall::{Drops, Firewall};
use crate::media::Channel;

/// The ports given for `0..=0` (RFC 6335 §6: the dynamic ones).
const DYNAMIC: RangeInclusive<u16> = 49_152..=65_535;

/// To whom a datagram goes.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Agent(SocketId),
    Media(PairId, Channel),
}

/// Real UDP sockets, by their address and by their number.
#[derive(Debug, Default)]
struct Sockets {
    open: HashMap<SocketAddr, (u64, Udp)>,
    addresses: HashMap<u64, SocketAddr>,
}

impl Sockets {
    fn start(
        &mut self,
        hall: &mut Hall,
        at: SocketAddr,
        socket: std::net::UdpSocket,
    ) -> io::Result<()> {
        let (serial, arrivals) = hall.enter();
        self.open.insert(at, (serial, Udp::start(socket, serial, arrivals)?));
        self.addresses.insert(serial, at);
        Ok(())
    }

    fn retain(&mut self, keep: impl Fn(&SocketAddr) -> bool) {
        self.open.retain(|at, _| keep(at));
        self.addresses.retain(|_, at| self.open.contains_key(at));
    }

    fn remove(&mut self, at: SocketAddr) {
        if let Some((serial, _)) = self.open.remove(&at) {
            self.addresses.remove(&serial);
        }
    }
}

/// The place behind the firewall.
#[derive(Debug)]
pub struct Behind {
    firewall: Firewall,
    private: IpAddr,
    neighbours: Vec<IpAddr>,
    /// What the agent has bound, by its private address.
    owners: HashMap<SocketAddr, Owner>,
    addresses: HashMap<SocketId, SocketAddr>,
    listeners: HashMap<ListenerId, (SocketAddr, Option<(u64, Listener)>)>,
    /// The real socket of each mapping, by its outside address.
    outside: Sockets,
    /// The real sockets for the neighbours, by the private address.
    near: Sockets,
    /// In a box, because its room for packets is large, and a driver is moved about on the stack.
    media: Box<Media>,
    drops: watch::Sender<Drops>,
}

/// The odd address of a pair.
const fn odd_of(even: SocketAddr) -> SocketAddr {
    let mut odd = even;
    odd.set_port(even.port() | 1);
    odd
}

impl Behind {
    /// A place at `private`, alone behind a firewall, whose outside address has to be one of this host.
    #[must_use]
    pub fn new(firewall: Firewall, private: IpAddr) -> Self {
        Self::among(firewall, private, Vec::new())
    }

    /// A place with neighbours on the same side of the firewall; then `private` has to be an address of this host, too.
    #[must_use]
    pub fn among(firewall: Firewall, private: IpAddr, neighbours: Vec<IpAddr>) -> Self {
        Self {
            firewall,
            private,
            neighbours,
            owners: HashMap::new(),
            addresses: HashMap::new(),
            listeners: HashMap::new(),
            outside: Sockets::default(),
            near: Sockets::default(),
            media: Box::default(),
            drops: watch::Sender::new(Drops::default()),
        }
    }

    /// Watches what the firewall drops.
    #[must_use]
    pub fn drops(&self) -> watch::Receiver<Drops> {
        self.drops.subscribe()
    }

    fn is_near(&self, ip: IpAddr) -> bool {
        self.neighbours.contains(&ip)
    }

    /// A private address on one of the ports, with what `take` takes there.
    fn place<T>(
        &self,
        ip: IpAddr,
        ports: &RangeInclusive<u16>,
        step: u16,
        take: impl Fn(SocketAddr) -> io::Result<T>,
    ) -> io::Result<(SocketAddr, T)> {
        if ip != self.private && !ip.is_unspecified() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let ports = if *ports == (0..=0) { &DYNAMIC } else { ports };
        bind::search(ports, step, |port| {
            let at = SocketAddr::new(self.private, port);
            take(at).map(|taken| (at, taken))
        })
    }

    /// Binds one port for each owner.
    fn bind_udp(
        &mut self,
        hall: &mut Hall,
        owners: &[Owner],
        ip: IpAddr,
        ports: &RangeInclusive<u16>,
    ) -> io::Result<SocketAddr> {
        let step = u16::try_from(owners.len()).unwrap_or(u16::MAX);
        let all = |even: SocketAddr| {
            (0..step).map(move |n| SocketAddr::new(even.ip(), even.port().saturating_add(n)))
        };
        let (even, sockets) = self.place(ip, ports, step, |even| {
            if all(even).any(|at| self.owners.contains_key(&at)) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            if self.neighbours.is_empty() {
                return Ok(Vec::new());
            }
            all(even).map(|at| bind::udp(at.ip(), &(at.port()..=at.port()))).collect()
        })?;
        for (at, socket) in all(even).zip(sockets) {
            self.near.start(hall, at, socket)?;
        }
        for (at, owner) in all(even).zip(owners) {
            if let Owner::Agent(id) = owner {
                self.remove(*id);
                self.addresses.insert(*id, at);
            }
            self.owners.insert(at, *owner);
        }
        Ok(even)
    }

    fn bind_tcp(
        &mut self,
        hall: &mut Hall,
        id: ListenerId,
        ip: IpAddr,
        ports: &RangeInclusive<u16>,
    ) -> io::Result<SocketAddr> {
        let (at, socket) = self.place(ip, ports, 1, |at| {
            if self.listeners.values().any(|(other, _)| *other == at) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let real = !self.neighbours.is_empty();
            real.then(|| bind::tcp(at.ip(), &(at.port()..=at.port()))).transpose()
        })?;
        let start = |socket| {
            let (serial, arrivals) = hall.enter();
            Listener::start(socket, serial, arrivals).map(|listener| (serial, listener))
        };
        self.listeners.insert(id, (at, socket.map(start).transpose()?));
        Ok(at)
    }

    fn remove(&mut self, id: SocketId) {
        if let Some(at) = self.addresses.remove(&id) {
            self.release(at);
        }
    }

    fn remove_pair(&mut self, pair: PairId) {
        if let Some(even) = self.media.remove(pair) {
            self.release(even);
            self.release(odd_of(even));
        }
    }

    fn release(&mut self, at: SocketAddr) {
        self.owners.remove(&at);
        self.near.remove(at);
    }

    /// The real socket of the mapping that is seen as `outside`.
    fn real(&mut self, hall: &mut Hall, outside: SocketAddr) -> io::Result<&Udp> {
        if !self.outside.open.contains_key(&outside) {
            self.sweep();
            let port = outside.port();
            let socket = bind::udp(outside.ip(), &(port..=port))?;
            self.outside.start(hall, outside, socket)?;
        }
        let real = self.outside.open.get(&outside).map(|(_, udp)| udp);
        real.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Lets go of the sockets whose mappings have ended. Until then they swallow what arrives, as a NAT does.
    fn sweep(&mut self) {
        let mut live: Vec<_> =
            self.firewall.udp_mappings(clock::now()).map(|(_, outside)| outside).collect();
        live.sort_unstable();
        self.outside.retain(|outside| live.binary_search(outside).is_ok());
    }

    /// Sends from a private address: to a neighbour, or out through the firewall.
    fn launch(&mut self, hall: &mut Hall, (inside, to, bytes): (SocketAddr, SocketAddr, &[u8])) {
        if self.is_near(to.ip()) {
            if let Some((_, udp)) = self.near.open.get(&inside) {
                udp.send(to, bytes);
            }
            return;
        }
        let Some(outside) = self.firewall.udp_out(clock::now(), inside, to) else {
            self.tell();
            return;
        };
        match self.real(hall, outside) {
            Ok(udp) => udp.send(to, bytes),
            Err(error) => debug!(%outside, %error, "the firewall has no socket for a mapping"),
        }
    }

    fn launch_all(&mut self, hall: &mut Hall, departures: Vec<Departure>) {
        for (inside, to, bytes) in departures {
            self.launch(hall, (inside, to, &bytes));
        }
    }

    /// The private address to which a datagram goes, if it gets there.
    fn admit(&mut self, serial: u64, from: SocketAddr) -> Option<SocketAddr> {
        if let Some(at) = self.near.addresses.get(&serial).copied()
            && self.is_near(from.ip())
        {
            return Some(at);
        }
        // No mapping is seen as a private address: who sends there from outside is uninvited.
        let all = [&self.outside, &self.near];
        let to = all.iter().find_map(|sockets| sockets.addresses.get(&serial).copied())?;
        let inside = self.firewall.udp_in(clock::now(), from, to);
        self.tell();
        inside
    }

    fn tell(&self) {
        let now = self.firewall.drops();
        self.drops.send_if_modified(|told| std::mem::replace(told, now) != now);
    }
}

impl Ground for Behind {
    fn bind(
        &mut self,
        hall: &mut Hall,
        bind: Bind,
        ip: IpAddr,
        (ports, _): (&RangeInclusive<u16>, u8),
    ) -> io::Result<SocketAddr> {
        match bind {
            Bind::Udp(id) => self.bind_udp(hall, &[Owner::Agent(id)], ip, ports),
            Bind::UdpPair(even, odd) => {
                self.bind_udp(hall, &[Owner::Agent(even), Owner::Agent(odd)], ip, ports)
            }
            Bind::Tcp(id) => self.bind_tcp(hall, id, ip, ports),
            Bind::Media(id) => {
                let owners = [Channel::Rtp, Channel::Rtcp].map(|channel| Owner::Media(id, channel));
                let even = self.bind_udp(hall, &owners, ip, ports)?;
                self.media.add(id, even);
                Ok(even)
            }
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
            Bind::Media(id) if self.media.uses(id) => {}
            Bind::Media(id) => self.remove_pair(id),
        }
    }

    fn send(&mut self, hall: &mut Hall, socket: SocketId, to: SocketAddr, bytes: &[u8]) {
        if let Some(inside) = self.addresses.get(&socket).copied() {
            self.launch(hall, (inside, to, bytes));
        }
    }

    fn socket(
        &mut self,
        hall: &mut Hall,
        serial: u64,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Option<SocketId> {
        let inside = self.admit(serial, from)?;
        match self.owners.get(&inside).copied()? {
            Owner::Agent(id) => Some(id),
            Owner::Media(pair, channel) => {
                let leaving = self.media.relay(clock::now(), (pair, channel), from, bytes);
                self.launch_all(hall, leaving);
                None
            }
        }
    }

    fn listener(&mut self, serial: u64, peer: SocketAddr) -> Option<ListenerId> {
        if !self.is_near(peer.ip()) {
            self.firewall.tcp_syn_in();
            self.tell();
            return None;
        }
        let is = |real: &Option<(u64, Listener)>| real.as_ref().is_some_and(|(n, _)| *n == serial);
        self.listeners.iter().find_map(|(id, (_, real))| is(real).then_some(*id))
    }

    fn source(&self, _: Option<IpAddr>, to: IpAddr) -> Option<IpAddr> {
        let outside = self.firewall.outside().filter(|_| !self.is_near(to));
        outside.or(Some(self.private))
    }

    fn local(&self, local: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.private, local.port())
    }

    fn take_pair(&mut self, _: PairId) -> Option<Pair> {
        None
    }

    fn flow(&mut self, hall: &mut Hall, command: FlowCommand) -> Option<FlowCommand> {
        if !self.media.can(&command) {
            return Some(command);
        }
        let (leaving, ended) = self.media.command(command);
        self.launch_all(hall, leaving);
        for pair in ended {
            self.remove_pair(pair);
        }
        None
    }

    fn take_facts(&mut self) -> Vec<(FlowId, FlowFact)> {
        self.media.take_facts()
    }
}
