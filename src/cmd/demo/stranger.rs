//! Somebody outside whom nobody has invited.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::TcpSocket;

/// How long a connection may take; on one machine it takes no time.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends where it is not wanted.
pub(super) struct Stranger {
    ip: IpAddr,
    socket: UdpSocket,
}

impl Stranger {
    pub(super) fn new(ip: IpAddr) -> io::Result<Self> {
        Ok(Self { ip, socket: UdpSocket::bind((ip, 0))? })
    }

    /// Sends a datagram that looks like RTP.
    pub(super) fn send(&self, to: SocketAddr) -> io::Result<()> {
        let mut packet = [0x55; 172];
        packet[..2].copy_from_slice(&[0x80, 8]);
        self.socket.send_to(&packet, to).map(drop)
    }

    /// Tries to connect; `Ok` when somebody took the connection.
    pub(super) async fn connect(&self, to: SocketAddr) -> io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.ip, 0).into())?;
        tokio::time::timeout(PATIENCE, socket.connect(to)).await??;
        Ok(())
    }
}
