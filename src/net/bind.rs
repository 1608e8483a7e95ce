//! Binds real sockets: to one port, to any, or to a free one of a range.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;

use rand::RngExt as _;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tracing::warn;

/// Connections the system keeps for a listener until they are accepted.
const BACKLOG: i32 = 1024;

/// Ports of a range that are tried in one search: where so many in a row are taken, a free one would not be worth the time
/// in which nothing else is done.
const MOST_TRIED: u32 = 4096;

/// How often two neighbouring ports are sought when the system chooses them.
const PAIR_ATTEMPTS: u32 = 256;

/// A UDP socket on a free port of the range; `0..=0` leaves it to the system.
///
/// # Errors
/// Why the last port tried could not be bound.
pub(super) fn udp(ip: IpAddr, ports: &RangeInclusive<u16>) -> io::Result<UdpSocket> {
    search(ports, 1, |port| udp_at(SocketAddr::new(ip, port)))
}

/// Two UDP sockets, the first on an even port of the range and the second on the next.
///
/// # Errors
/// Why the last pair tried could not be bound.
pub(super) fn udp_pair(ip: IpAddr, ports: &RangeInclusive<u16>) -> io::Result<[UdpSocket; 2]> {
    if *ports != (0..=0) {
        return search(ports, 2, |even| {
            Ok([udp_at(SocketAddr::new(ip, even))?, udp_at(SocketAddr::new(ip, even + 1))?])
        });
    }
    let mut last = no_port();
    for _ in 0..PAIR_ATTEMPTS {
        let one = udp_at(SocketAddr::new(ip, 0))?;
        let port = one.local_addr()?.port();
        match udp_at(SocketAddr::new(ip, port ^ 1)) {
            Ok(other) if port % 2 == 0 => return Ok([one, other]),
            Ok(other) => return Ok([other, one]),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A TCP listener on a free port of the range; `0..=0` leaves it to the system.
///
/// # Errors
/// Why the last port tried could not be bound.
pub(super) fn tcp(ip: IpAddr, ports: &RangeInclusive<u16>) -> io::Result<TcpListener> {
    search(ports, 1, |port| {
        let at = SocketAddr::new(ip, port);
        let socket = open(at, Type::STREAM, Protocol::TCP)?;
        // Connections of an earlier run that linger in TIME_WAIT must not keep us from our port.
        socket.set_reuse_address(true)?;
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    })
}

/// A TCP socket on a port of the range, to connect with.
///
/// # Errors
/// Why the last port tried could not be bound.
pub(super) fn outgoing(ip: IpAddr, ports: &RangeInclusive<u16>) -> io::Result<std::net::TcpStream> {
    search(ports, 1, |port| {
        let at = SocketAddr::new(ip, port);
        let socket = open(at, Type::STREAM, Protocol::TCP)?;
        // One port serves connections to many peers.
        socket.set_reuse_address(true)?;
        socket.bind(&at.into())?;
        Ok(socket.into())
    })
}

/// A UDP socket that hears what is sent to a multicast group on the interface with an address, and nothing else.
///
/// # Errors
/// Why it cannot.
pub(super) fn group(group: SocketAddrV4, interface: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = open(group.into(), Type::DGRAM, Protocol::UDP)?;
    // Others on this host may listen to the group, too; and so do we, on our other interfaces.
    socket.set_reuse_address(true)?;
    socket.set_multicast_all_v4(false)?;
    socket.bind(&SocketAddr::from(group).into())?;
    socket.join_multicast_v4(group.ip(), &interface)?;
    Ok(socket.into())
}

fn udp_at(at: SocketAddr) -> io::Result<UdpSocket> {
    let socket = open(at, Type::DGRAM, Protocol::UDP)?;
    socket.bind(&at.into())?;
    Ok(socket.into())
}

fn open(at: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), kind, Some(protocol))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Tries the multiples of `step` in the range, each once (of a large range, many), from a random one on: ports that cannot be guessed make
/// blind attacks on media dearer. With the last one tried, the `step - 1` ports after it are in the range, too.
///
/// # Errors
/// Why the last one tried failed, or the first one that failed for another reason than being in use.
pub(super) fn search<T>(
    ports: &RangeInclusive<u16>,
    step: u16,
    mut attempt: impl FnMut(u16) -> io::Result<T>,
) -> io::Result<T> {
    let last = ports.end().saturating_sub(step - 1);
    let first = ports.start().checked_next_multiple_of(step).filter(|first| *first <= last);
    let Some(first) = first else { return Err(no_port()) };
    let candidates = u32::from((last - first) / step) + 1;
    let start = rand::rng().random_range(0..candidates);
    let mut last_error = no_port();
    for n in 0..candidates.min(MOST_TRIED) {
        let offset = (start + n) % candidates;
        let Ok(offset) = u16::try_from(offset) else { continue };
        match attempt(first + offset * step) {
            Ok(socket) => return Ok(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last_error = error,
            // The other ports would fail alike: no such address, no permission, no descriptors.
            Err(error) => return Err(error),
        }
    }
    Err(last_error)
}

/// Sets the class of what a socket sends (DSCP): the upper six bits of the octet that IPv4 calls type of service and IPv6
/// traffic class. Without it packets only wait longer.
pub(super) fn classify(socket: &impl AsFd, class: u8, ip: IpAddr) {
    let octet = u32::from(class) << 2;
    if octet == 0 {
        return;
    }
    let socket = SockRef::from(socket);
    let set = match ip.is_ipv6() {
        true => socket.set_tclass_v6(octet),
        false => socket.set_tos_v4(octet),
    };
    if let Err(error) = set {
        warn!(%error, class, "packets are sent without their class (DSCP)");
    }
}

fn no_port() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "no free port in the range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listener_accepts_has_its_class_and_so_has_what_is_sent() {
        for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), std::net::Ipv6Addr::LOCALHOST.into()] {
            let octet = |socket: SockRef<'_>| match ip.is_ipv6() {
                true => socket.tclass_v6().unwrap(),
                false => socket.tos_v4().unwrap(),
            };
            let Ok(listener) = tcp(ip, &(0..=0)) else {
                assert!(ip.is_ipv6(), "a host without IPv6");
                continue;
            };
            classify(&listener, 26, ip);
            listener.set_nonblocking(false).unwrap();
            let dialled = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            assert_eq!(
                (octet(SockRef::from(&accepted)), octet(SockRef::from(&dialled))),
                (26 << 2, 0)
            );
            classify(&dialled, 46, ip);
            let datagrams = udp(ip, &(0..=0)).unwrap();
            classify(&datagrams, 46, ip);
            for socket in [SockRef::from(&dialled), SockRef::from(&datagrams)] {
                assert_eq!(octet(socket), 46 << 2);
            }
        }
    }
}
