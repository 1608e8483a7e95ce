//! Where an agent stands: what its `Bind`s and datagrams mean. [`Open`] is the host itself, without anything in
//! between; `behind` puts a firewall there.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::ops::RangeInclusive;

use socket2::SockRef;

use super::arrival::Hall;
use super::bind;
use super::tcp::Listener;
use super::udp::Udp;
use crate::face::{Bind, FlowCommand, FlowFact, FlowId, ListenerId, PairId, SocketId};

/// The two bound sockets of a media pair: RTP, RTCP.
pub(super) type Pair = [UdpSocket; 2];

/// What lies between an agent and the sockets.
pub(super) trait Ground {
    /// Binds, and says where.
    ///
    /// # Errors
    /// Why it cannot be.
    fn bind(
        &mut self,
        hall: &mut Hall,
        bind: Bind,
        ip: IpAddr,
        ports: (&RangeInclusive<u16>, u8),
    ) -> io::Result<SocketAddr>;

    /// Binds a socket to a multicast group on the interface with an address, and says where.
    ///
    /// # Errors
    /// Why it cannot be; behind a firewall there is no multicast.
    fn join(
        &mut self,
        _hall: &mut Hall,
        _socket: SocketId,
        _group: SocketAddrV4,
        _interface: Ipv4Addr,
    ) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives back what was bound.
    fn unbind(&mut self, bind: Bind);

    /// Sends a datagram from a bound socket.
    fn send(&mut self, hall: &mut Hall, socket: SocketId, to: SocketAddr, bytes: &[u8]);

    /// The agent's socket to which a datagram belongs that arrived on the real socket `serial`. What belongs to media
    /// is relayed here.
    fn socket(
        &mut self,
        hall: &mut Hall,
        serial: u64,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Option<SocketId>;

    /// The agent's listener that is `serial`, if this peer may connect to it.
    fn listener(&mut self, serial: u64, peer: SocketAddr) -> Option<ListenerId>;

    /// The real source address of connections that the agent opens from `from`, to `to`.
    fn source(&self, from: Option<IpAddr>, _to: IpAddr) -> Option<IpAddr> {
        from
    }

    /// The agent's own end of a connection whose real end is `local`.
    fn local(&self, local: SocketAddr) -> SocketAddr {
        local
    }

    /// Hands out the sockets of a media pair, which is then no longer bound here.
    fn take_pair(&mut self, pair: PairId) -> Option<Pair>;

    /// Obeys a command about media if this ground carries media itself; else, and when what it is about is not there,
    /// gives the command back.
    fn flow(&mut self, _hall: &mut Hall, command: FlowCommand) -> Option<FlowCommand> {
        Some(command)
    }

    /// What the media that this ground carries has to tell.
    fn take_facts(&mut self) -> Vec<(FlowId, FlowFact)> {
        Vec::new()
    }
}

/// The host itself.
#[derive(Debug, Default)]
pub(super) struct Open {
    sockets: HashMap<SocketId, (u64, Udp)>,
    socket_ids: HashMap<u64, SocketId>,
    listeners: HashMap<ListenerId, (u64, Listener)>,
    listener_ids: HashMap<u64, ListenerId>,
    pairs: HashMap<PairId, Pair>,
}

impl Open {
    fn add(&mut self, hall: &mut Hall, id: SocketId, socket: UdpSocket) -> io::Result<()> {
        let (serial, arrivals) = hall.enter();
        self.sockets.insert(id, (serial, Udp::start(socket, serial, arrivals)?));
        self.socket_ids.insert(serial, id);
        Ok(())
    }

    fn remove(&mut self, id: SocketId) {
        if let Some((serial, _)) = self.sockets.remove(&id) {
            self.socket_ids.remove(&serial);
        }
    }
}

impl Ground for Open {
    fn bind(
        &mut self,
        hall: &mut Hall,
        bind: Bind,
        ip: IpAddr,
        (ports, class): (&RangeInclusive<u16>, u8),
    ) -> io::Result<SocketAddr> {
        match bind {
            Bind::Udp(id) => {
                let socket = bind::udp(ip, ports)?;
                bind::classify(&socket, class, ip);
                let at = socket.local_addr()?;
                self.add(hall, id, socket)?;
                Ok(at)
            }
            Bind::UdpPair(even_id, odd_id) => {
                let [even, odd] = bind::udp_pair(ip, ports)?;
                let at = even.local_addr()?;
                self.add(hall, even_id, even)?;
                self.add(hall, odd_id, odd)?;
                Ok(at)
            }
            Bind::Tcp(id) => {
                let socket = bind::tcp(ip, ports)?;
                // Connections that it accepts inherit it.
                bind::classify(&socket, class, ip);
                let at = socket.local_addr()?;
                let (serial, arrivals) = hall.enter();
                self.listeners.insert(id, (serial, Listener::start(socket, serial, arrivals)?));
                self.listener_ids.insert(serial, id);
                Ok(at)
            }
            Bind::Media(id) => {
                let pair = bind::udp_pair(ip, ports)?;
                let at = pair[0].local_addr()?;
                // Until its flow opens, it need not keep what arrives; the flow's worker enlarges it.
                for socket in &pair {
                    let _ = SockRef::from(socket).set_recv_buffer_size(0);
                }
                self.pairs.insert(id, pair);
                Ok(at)
            }
        }
    }

    fn join(
        &mut self,
        hall: &mut Hall,
        socket: SocketId,
        group: SocketAddrV4,
        interface: Ipv4Addr,
    ) -> io::Result<SocketAddr> {
        self.add(hall, socket, bind::group(group, interface)?)?;
        Ok(group.into())
    }

    fn unbind(&mut self, bind: Bind) {
        match bind {
            Bind::Udp(id) => self.remove(id),
            Bind::UdpPair(even, odd) => {
                self.remove(even);
                self.remove(odd);
            }
            Bind::Tcp(id) => {
                if let Some((serial, _)) = self.listeners.remove(&id) {
                    self.listener_ids.remove(&serial);
                }
            }
            Bind::Media(id) => {
                self.pairs.remove(&id);
            }
        }
    }

    fn send(&mut self, _: &mut Hall, socket: SocketId, to: SocketAddr, bytes: &[u8]) {
        if let Some((_, udp)) = self.sockets.get(&socket) {
            udp.send(to, bytes);
        }
    }

    fn socket(&mut self, _: &mut Hall, serial: u64, _: SocketAddr, _: &[u8]) -> Option<SocketId> {
        self.socket_ids.get(&serial).copied()
    }

    fn listener(&mut self, serial: u64, _: SocketAddr) -> Option<ListenerId> {
        self.listener_ids.get(&serial).copied()
    }

    fn take_pair(&mut self, pair: PairId) -> Option<Pair> {
        self.pairs.remove(&pair)
    }
}
