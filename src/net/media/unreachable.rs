//! What the network says of packets that nobody takes (ICMP "unreachable"). A socket that is not connected hears of it only
//! if it asks to (`IP_RECVERR`, ip(7)); those ask whose packets go where nobody has answered yet.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use mio::net::UdpSocket;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use tracing::debug;

/// Such messages that are read at once.
const AT_ONCE: usize = 8;

/// From now on a socket hears of it.
pub(super) fn watch(socket: &UdpSocket) {
    let done = match socket.local_addr() {
        Ok(SocketAddr::V6(_)) => setsockopt(socket, Ipv6RecvErr, &true),
        _ => setsockopt(socket, Ipv4RecvErr, &true),
    };
    if let Err(error) = done {
        debug!(%error, "it will not be known that nobody takes what is sent");
    }
}

/// True for what a socket that hears of it answers once for an earlier packet.
pub(super) fn is_of_earlier(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

/// Where nobody took what was sent from this socket.
pub(super) fn destinations(socket: &UdpSocket) -> impl Iterator<Item = SocketAddr> {
    std::iter::from_fn(move || next(socket)).take(AT_ONCE).flatten()
}

/// The next one; `None` at the end, and `Some(None)` where the address cannot be told.
fn next(socket: &UdpSocket) -> Option<Option<SocketAddr>> {
    use std::os::fd::AsRawFd as _;
    let mut scrap = [0];
    let mut into = [IoSliceMut::new(&mut scrap)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut into, None, flags).ok()?;
    Some(message.address.and_then(|address| {
        let v4 = address.as_sockaddr_in().map(|v4| SocketAddrV4::from(*v4).into());
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into()))
    }))
}
