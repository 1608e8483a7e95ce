//! TCP: listeners, and connections with a bounded queue in each direction.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

use super::arrival::Arrival;
use super::backlog::{Backlog, Most};
use super::bind;
use crate::face::StreamId;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);

/// How long a closed connection may take to deliver what is queued and to hear the peer's end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long sent octets may stay unacknowledged before the connection counts as dead.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Silence after which the system asks whether the peer still lives, and the pause between two questions.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));

/// Octets read at once: one connection's turn before the others have theirs.
const TURN: usize = 4 << 10;

/// Pause after an accept that failed, as without free descriptors it does.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Ports of a range that are tried for one connection.
const PORT_ATTEMPTS: u32 = 32;

/// The local end of a connection to be made: address and ports, of which any will do, and the class of what it sends.
pub(super) type Local = (Option<IpAddr>, RangeInclusive<u16>, u8);

/// Octets that may wait on a connection before the one that feeds it is not read, and how long that is then.
const MOST_AHEAD: usize = 64 << 10;
const PACE_PAUSE: Duration = Duration::from_millis(5);

/// How much waits on the connection that sets the pace, if one does.
type Pace = OnceLock<Arc<Backlog>>;

/// Until when a connection is not read.
type Halt = watch::Sender<Option<tokio::time::Instant>>;

/// A listener that accepts, until dropped.
#[derive(Debug)]
pub(super) struct Listener {
    acceptor: AbortHandle,
}

impl Listener {
    /// Starts to accept; what comes carries `serial`.
    ///
    /// # Errors
    /// When the runtime cannot watch the socket.
    pub(super) fn start(
        socket: std::net::TcpListener,
        serial: u64,
        arrivals: mpsc::Sender<Arrival>,
    ) -> io::Result<Self> {
        let socket = TcpListener::from_std(socket)?;
        Ok(Self { acceptor: tokio::spawn(accept(socket, serial, arrivals)).abort_handle() })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(socket: TcpListener, serial: u64, arrivals: mpsc::Sender<Arrival>) {
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                if arrivals.send(Arrival::Accepted { serial, stream, peer }).await.is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                warn!(%error, "cannot accept connections for now");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The driver's end of a connection. Dropping it delivers what is queued, then closes.
#[derive(Debug)]
pub(super) struct Stream {
    /// The agent's number for it.
    pub(super) id: StreamId,
    /// Whether it stands.
    pub(super) connected: bool,
    /// Whether anything was ever sent.
    used: bool,
    queue: mpsc::UnboundedSender<Vec<u8>>,
    queued: Arc<Backlog>,
    pace: Arc<Pace>,
    halt: Halt,
    task: AbortHandle,
    /// Its end tells the task that the agent has closed.
    _open: oneshot::Sender<()>,
}

/// The task's end of a connection.
struct Wire {
    serial: u64,
    queue: mpsc::UnboundedReceiver<Vec<u8>>,
    queued: Arc<Backlog>,
    pace: Arc<Pace>,
    halt: watch::Receiver<Option<tokio::time::Instant>>,
    arrivals: mpsc::Sender<Arrival>,
    closed: oneshot::Receiver<()>,
}

impl Stream {
    /// Takes over a connection that was accepted. The task joins `tasks`.
    pub(super) fn accepted(
        id: StreamId,
        serial: u64,
        stream: TcpStream,
        (arrivals, backlog): (mpsc::Sender<Arrival>, Backlog),
        tasks: &mut JoinSet<()>,
    ) -> Self {
        Self::start(id, serial, true, (arrivals, backlog), tasks, |wire| wire.carry(stream))
    }

    /// Opens a connection, from `from` if given. The task joins `tasks`.
    pub(super) fn connect(
        id: StreamId,
        serial: u64,
        (from, to): (Local, SocketAddr),
        (arrivals, backlog): (mpsc::Sender<Arrival>, Backlog),
        tasks: &mut JoinSet<()>,
    ) -> Self {
        Self::start(id, serial, false, (arrivals, backlog), tasks, move |wire| {
            wire.connect(from, to)
        })
    }

    /// Queues octets; false when the peer, or all together, have left more than `most` unread.
    #[must_use]
    pub(super) fn send(&mut self, bytes: Vec<u8>, most: Most) -> bool {
        self.used = true;
        let fits = self.queued.add(bytes.len(), most);
        // A task that has ended cannot take it, and has told so.
        let _ = self.queue.send(bytes);
        fits
    }

    /// Whether the peer loses nothing when the connection is closed at once: nothing waits, and the peer, if there is
    /// one, has not been told anything that it could still be reading.
    pub(super) fn owes_nothing(&self) -> bool {
        self.queued.octets() == 0 && !(self.connected && self.used)
    }

    /// The task that carries it.
    pub(super) fn task(&self) -> tokio::task::Id {
        self.task.id()
    }

    /// From now on it is read no faster than what waits on another leaves.
    pub(super) fn pace(&self, by: &Self) {
        // The first word stands.
        let _ = self.pace.set(Arc::clone(&by.queued));
    }

    /// It is not read for so long.
    pub(super) fn halt(&self, time: Duration) {
        self.halt.send_replace(Some(tokio::time::Instant::now() + time));
    }

    /// Closes at once, and forgets what is queued.
    pub(super) fn abort(self) {
        self.queued.forget();
        self.task.abort();
    }

    fn start<F>(
        id: StreamId,
        serial: u64,
        connected: bool,
        (arrivals, backlog): (mpsc::Sender<Arrival>, Backlog),
        tasks: &mut JoinSet<()>,
        run: impl FnOnce(Wire) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (queue, queue_end) = mpsc::unbounded_channel();
        let (open, closed) = oneshot::channel();
        let queued = Arc::new(backlog);
        let pace = Arc::new(Pace::new());
        let (queued_too, pace_too) = (Arc::clone(&queued), Arc::clone(&pace));
        let (halt, halt_end) = watch::channel(None);
        let wire = Wire {
            serial,
            queue: queue_end,
            queued: queued_too,
            pace: pace_too,
            halt: halt_end,
            arrivals,
            closed,
        };
        let task = tasks.spawn(run(wire));
        Self { id, connected, used: false, queue, queued, pace, halt, task, _open: open }
    }
}

impl Wire {
    async fn connect(self, from: Local, to: SocketAddr) {
        let outcome = match tokio::time::timeout(CONNECT_TIMEOUT, open(&from, to)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let serial = self.serial;
        match outcome.and_then(|stream| Ok((stream.local_addr()?, stream))) {
            Ok((local, stream)) => {
                // When nobody listens any more, what is queued is delivered all the same.
                let _ = self.arrivals.send(Arrival::Connected { serial, local }).await;
                self.carry(stream).await;
            }
            Err(error) => {
                debug!(%to, %error, "cannot connect");
                let told = match is_taken(&error) {
                    true => Arrival::NoRoom { serial },
                    false => Arrival::Closed { serial },
                };
                let _ = self.arrivals.send(told).await;
            }
        }
    }

    /// Carries octets both ways until both ends have closed, or this one has and the peer takes too long.
    async fn carry(mut self, mut stream: TcpStream) {
        prepare(&stream);
        let (reader, writer) = stream.split();
        let deaf = AtomicBool::new(false);
        let slow = (&*self.pace, &self.halt);
        let read = read(reader, &deaf, slow, self.serial, &self.arrivals);
        let write = write(writer, &deaf, &mut self.queue, &self.queued);
        let too_late = async {
            let _ = self.closed.await;
            tokio::time::sleep(CLOSE_TIMEOUT).await;
        };
        tokio::select! {
            _ = async { tokio::join!(read, write) } => {}
            () = too_late => {}
        }
    }
}

/// Connects, from a port of the range that is free for this destination.
async fn open((from, ports, class): &Local, to: SocketAddr) -> io::Result<TcpStream> {
    if *ports == (0..=0) {
        let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(ip) = from {
            socket.bind(SocketAddr::new(*ip, 0)).map_err(foreign)?;
        }
        bind::classify(&socket, *class, to.ip());
        return socket.connect(to).await;
    }
    let any =
        if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..PORT_ATTEMPTS {
        let bound = bind::outgoing(from.unwrap_or(any), ports).map_err(foreign)?;
        bind::classify(&bound, *class, to.ip());
        let socket = TcpSocket::from_std_stream(bound);
        match socket.connect(to).await {
            // An earlier connection between the same ends lingers.
            Err(error) if is_taken(&error) => last = error,
            done => return done,
        }
    }
    Err(last)
}

/// An address that is not this host's is no lack of ports.
fn foreign(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => io::Error::new(io::ErrorKind::InvalidInput, error),
        _ => error,
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
}

/// Sets what every connection has. A system that refuses an option loses no more than the option.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE.0).with_interval(KEEPALIVE.1);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(ACKNOWLEDGE_TIMEOUT));
}

/// Hands on what comes, to the peer's end; what comes after ours is dropped, so that the peer need not see a reset
/// that would cost it our last octets.
async fn read(
    reader: ReadHalf<'_>,
    deaf: &AtomicBool,
    (pace, halt): (&Pace, &watch::Receiver<Option<tokio::time::Instant>>),
    serial: u64,
    arrivals: &mpsc::Sender<Arrival>,
) {
    loop {
        give_way(pace).await;
        rest(halt, deaf).await;
        // One turn's octets, and the others have theirs: the agent, too, which has to pass them on before there are more.
        tokio::task::yield_now().await;
        if reader.readable().await.is_err() {
            break;
        }
        // The word may have come while there was nothing to read.
        if rest(halt, deaf).await {
            continue;
        }
        let bytes = match receive(&reader) {
            Ok(bytes) if bytes.is_empty() => break,
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => break,
        };
        if deaf.load(Ordering::Relaxed) {
            continue;
        }
        if arrivals.send(Arrival::Bytes { serial, bytes }).await.is_err() {
            deaf.store(true, Ordering::Relaxed);
        }
    }
    let _ = arrivals.send(Arrival::Closed { serial }).await;
}

/// Receives into a buffer of the moment, so that an idle connection holds no memory; nothing at the peer's end.
fn receive(reader: &ReadHalf<'_>) -> io::Result<Vec<u8>> {
    let mut buffer = [0; TURN];
    let length = reader.try_read(&mut buffer)?;
    Ok(buffer.get(..length).unwrap_or_default().to_vec())
}

/// Waits until what waits elsewhere has left.
async fn give_way(pace: &Pace) {
    while pace.get().is_some_and(|queued| queued.octets() > MOST_AHEAD) {
        tokio::time::sleep(PACE_PAUSE).await;
    }
}

/// Waits while a connection is not to be read; true when that took time. What comes after our end is dropped at once.
async fn rest(halt: &watch::Receiver<Option<tokio::time::Instant>>, deaf: &AtomicBool) -> bool {
    let until = *halt.borrow();
    let now = tokio::time::Instant::now();
    let Some(until) = until.filter(|until| *until > now && !deaf.load(Ordering::Relaxed)) else {
        return false;
    };
    tokio::time::sleep_until(until).await;
    true
}

/// Sends what is queued until the agent closes, and then our end.
async fn write(
    mut writer: WriteHalf<'_>,
    deaf: &AtomicBool,
    queue: &mut mpsc::UnboundedReceiver<Vec<u8>>,
    queued: &Backlog,
) {
    while let Some(bytes) = queue.recv().await {
        if let Err(error) = writer.write_all(&bytes).await {
            // The reader meets the same fate, and tells the agent.
            debug!(%error, "sending failed");
            break;
        }
        queued.sent(bytes.len());
    }
    deaf.store(true, Ordering::Relaxed);
    let _ = writer.shutdown().await;
}
