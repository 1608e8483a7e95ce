//! The sockets of RAS, by number: on each local address one for RAS, and for discovery (H.225.0 §7.8) one on the port of
//! discovery and one in its multicast group.

use std::net::{IpAddr, SocketAddrV4};

use crate::face::{Bind, Outbox, Output, SocketId};

/// The first number of the sockets on the port of discovery.
const DISCOVERY: u32 = 1 << 16;
/// The first number of those in the group.
const GROUP: u32 = 1 << 17;

/// The first number of those of trials.
const SPARE: u32 = 1 << 18;

/// A socket, and the place of its address among the local ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Socket {
    /// On the port of RAS.
    Ras(u32),
    /// On the port of discovery.
    Discovery(u32),
    /// In the group of discovery. Nothing is sent from it.
    Group(u32),
    /// For a trial of how long a firewall keeps a mapping; the number is the zone's.
    Spare(u32),
}

impl Socket {
    /// The place of its address among the local ones.
    pub(crate) const fn index(self) -> u32 {
        match self {
            Self::Ras(n) | Self::Discovery(n) | Self::Group(n) | Self::Spare(n) => n,
        }
    }

    /// The socket for a trial of a zone.
    pub(crate) const fn spare(zone: u32) -> SocketId {
        SocketId(SPARE.saturating_add(zone))
    }

    /// The socket from which what comes here is answered.
    pub(super) const fn answers(self) -> SocketId {
        SocketId(match self {
            // A client behind a NAT hears an answer only from where it asked.
            Self::Discovery(n) => DISCOVERY + n,
            Self::Ras(n) | Self::Group(n) => n,
            Self::Spare(n) => SPARE + n,
        })
    }
}

impl From<SocketId> for Socket {
    fn from(SocketId(number): SocketId) -> Self {
        match number {
            SPARE.. => Self::Spare(number - SPARE),
            GROUP.. => Self::Group(number - GROUP),
            DISCOVERY.. => Self::Discovery(number - DISCOVERY),
            _ => Self::Ras(number),
        }
    }
}

/// Asks for the sockets of discovery on each local address.
pub(crate) fn discover(
    locals: &[IpAddr],
    discovery: Option<SocketAddrV4>,
    class: u8,
    out: &mut Outbox,
) {
    let Some(group) = discovery else { return };
    let port = group.port();
    for (n, ip) in (0..).zip(locals) {
        let bind = Bind::Udp(SocketId(DISCOVERY + n));
        out.push(Output::Bind { bind, ip: *ip, ports: port..=port, class });
        if let IpAddr::V4(interface) = *ip {
            out.push(Output::Join { socket: SocketId(GROUP + n), group, interface });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_what_a_socket_is_for() {
        for n in [0, 1, 65_535] {
            assert_eq!(Socket::from(SocketId(n)), Socket::Ras(n));
            assert_eq!(Socket::from(SocketId(DISCOVERY + n)), Socket::Discovery(n));
            assert_eq!(Socket::from(SocketId(GROUP + n)), Socket::Group(n));
            assert_eq!(Socket::from(Socket::spare(n)), Socket::Spare(n));
        }
        assert_eq!(Socket::Group(3).answers(), SocketId(3));
        assert_eq!(Socket::Discovery(3).answers(), SocketId(DISCOVERY + 3));
    }
}
