//! UDP sockets whose datagrams go to an agent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::debug;

use super::arrival::Arrival;

/// The largest UDP payload, and one octet.
const LARGEST: usize = 1 << 16;

/// Pause after an error of the socket itself, so that a lasting one does not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// A bound UDP socket with the task that reads it; both end when this is dropped.
#[derive(Debug)]
pub(super) struct Udp {
    socket: Arc<UdpSocket>,
    reader: AbortHandle,
}

impl Udp {
    /// Starts to read `socket`; what comes carries `serial`.
    ///
    /// # Errors
    /// When the runtime cannot watch the socket.
    pub(super) fn start(
        socket: std::net::UdpSocket,
        serial: u64,
        arrivals: mpsc::Sender<Arrival>,
    ) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::from_std(socket)?);
        let reader = tokio::spawn(read(Arc::clone(&socket), serial, arrivals)).abort_handle();
        Ok(Self { socket, reader })
    }

    /// Sends a datagram if the system takes it at once. What it does not take is lost, as datagrams may be.
    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8]) {
        // Not through tokio, which takes a socket for unwritable until it has first waited for it.
        let (socket, address) = (SockRef::from(&*self.socket), to.into());
        match socket.send_to(bytes, &address) {
            // A pending ICMP error of an earlier datagram is reported by the next call, in place of sending.
            Err(error) if is_icmp(&error) => {
                let _ = socket.send_to(bytes, &address);
            }
            Err(error) => debug!(%to, octets = bytes.len(), %error, "datagram not sent"),
            Ok(_) => {}
        }
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(socket: Arc<UdpSocket>, serial: u64, arrivals: mpsc::Sender<Arrival>) {
    loop {
        if let Err(error) = socket.readable().await {
            debug!(%error, "a socket cannot be watched any more");
            return;
        }
        // Room first: while the agent is busy, datagrams wait (and overflow) in the kernel, not in memory of ours.
        let Ok(room) = arrivals.reserve().await else { return };
        match receive(&socket) {
            Ok((bytes, from)) => room.send(Arrival::Datagram { serial, from, bytes }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_icmp(&error) => {}
            Err(error) => {
                drop(room);
                debug!(%error, "receiving failed");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

/// Receives into a buffer of the moment, so that an idle socket holds no memory. It is not cleared before, which would
/// take longer than the rest.
fn receive(socket: &UdpSocket) -> io::Result<(Vec<u8>, SocketAddr)> {
    let mut buffer = Vec::with_capacity(LARGEST);
    let (_, from) = socket.try_recv_buf_from(&mut buffer)?;
    Ok((buffer.as_slice().to_vec(), from))
}

/// Whether an error only says that an earlier datagram found nobody.
pub(super) fn is_icmp(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable
    )
}
