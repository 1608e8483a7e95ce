//! A peer without any protocol: it binds, connects and sends what a test tells it, and keeps what comes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use pinhole::face::{Agent, Bind, Input, ListenerId, Outbox, Output, SocketId, StreamId};

use super::ip;

/// What a raw peer knows of one of its streams.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The addresses of both ends, once it stands.
    pub(crate) ends: Option<(SocketAddr, SocketAddr)>,
    /// What came.
    pub(crate) got: Vec<u8>,
    /// In how many portions.
    pub(crate) portions: usize,
    /// The peer or the network ended it.
    pub(crate) closed: bool,
}

/// The raw peer.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    out: Outbox,
    streams: u64,
    sockets: u32,
    /// What was answered to each bind.
    pub(crate) bound: BTreeMap<Bind, Option<SocketAddr>>,
    /// Datagrams that came: on which socket, from where, what.
    pub(crate) datagrams: Vec<(SocketId, SocketAddr, Vec<u8>)>,
    /// Its streams.
    pub(crate) lines: BTreeMap<StreamId, Line>,
    /// Timeouts that came.
    pub(crate) timeouts: u32,
    /// It answers each datagram with the same octets.
    echoes: bool,
    /// It sends one octet there, so often.
    beat: Option<(SocketId, SocketAddr, Duration, Instant)>,
    /// A deadline that it claims, whatever the time is.
    pub(crate) claims: Option<Instant>,
}

impl Raw {
    /// A peer that answers each datagram with the same octets.
    pub(crate) fn echo() -> Self {
        Self { echoes: true, ..Self::default() }
    }

    /// Binds a UDP socket, to any port if 0.
    pub(crate) fn udp(&mut self, at: &str, port: u16) -> SocketId {
        let socket = self.next_socket();
        self.bind(Bind::Udp(socket), at, port..=port);
        socket
    }

    /// Asks for a bind.
    pub(crate) fn bind(&mut self, bind: Bind, at: &str, ports: RangeInclusive<u16>) {
        self.out.push(Output::Bind { bind, ip: ip(at), ports, class: 0 });
    }

    /// Gives a bind back.
    pub(crate) fn unbind(&mut self, bind: Bind) {
        self.out.push(Output::Unbind(bind));
    }

    /// Listens for connections.
    pub(crate) fn listen(&mut self, at: &str, port: u16) -> ListenerId {
        let listener = ListenerId(self.next_socket().0);
        self.bind(Bind::Tcp(listener), at, port..=port);
        listener
    }

    /// Sends a datagram.
    pub(crate) fn say(&mut self, socket: SocketId, to: SocketAddr, bytes: &[u8]) {
        self.out.push(Output::Datagram { socket, to, bytes: bytes.to_vec() });
    }

    /// Sends a datagram at once and then regularly.
    pub(crate) fn beat(&mut self, now: Instant, socket: SocketId, to: SocketAddr, every: Duration) {
        self.say(socket, to, b"beat");
        self.beat = Some((socket, to, every, now + every));
    }

    /// Opens a connection.
    pub(crate) fn connect(&mut self, to: SocketAddr) -> StreamId {
        self.streams += 1;
        let stream = StreamId(self.streams);
        self.lines.insert(stream, Line::default());
        self.out.push(Output::Connect { stream, from: None, ports: 0..=0, to, class: 0 });
        stream
    }

    /// Sends octets on a stream.
    pub(crate) fn send(&mut self, stream: StreamId, bytes: &[u8]) {
        self.out.push(Output::Send { stream, bytes: bytes.to_vec() });
    }

    /// Closes a stream.
    pub(crate) fn close(&mut self, stream: StreamId) {
        self.out.push(Output::Close { stream });
    }

    /// Does anything an agent can do.
    pub(crate) fn push(&mut self, output: Output) {
        self.out.push(output);
    }

    /// The stream accepted last.
    pub(crate) fn accepted(&self) -> Option<StreamId> {
        self.lines.keys().copied().rfind(|stream| stream.0 & StreamId::ACCEPTED != 0)
    }

    /// The address given to a socket.
    pub(crate) fn at(&self, socket: SocketId) -> Option<SocketAddr> {
        self.bound.get(&Bind::Udp(socket)).copied().flatten()
    }

    fn next_socket(&mut self) -> SocketId {
        self.sockets += 1;
        SocketId(self.sockets)
    }
}

impl Agent for Raw {
    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            // It asks nothing.
            Input::Answer { .. } => {}
            Input::Bound { bind, at } => {
                self.bound.insert(bind, at);
            }
            Input::Datagram { socket, from, bytes } => {
                if self.echoes {
                    self.say(socket, from, bytes);
                }
                self.datagrams.push((socket, from, bytes.to_vec()));
            }
            Input::Accepted { stream, local, peer, .. } => {
                let line = Line { ends: Some((local, peer)), ..Line::default() };
                self.lines.insert(stream, line);
            }
            Input::Connected { stream, local } => {
                let line = self.lines.entry(stream).or_default();
                line.ends = Some((local, local));
            }
            Input::Bytes { stream, bytes } => {
                let line = self.lines.entry(stream).or_default();
                line.got.extend(bytes);
                line.portions += 1;
            }
            Input::Closed { stream } | Input::NoRoom { stream } => {
                self.lines.entry(stream).or_default().closed = true
            }
            Input::Flow { .. } | Input::Clock { .. } => {}
            Input::Shutdown => self.out.push(Output::Finished),
            Input::Timeout => {
                self.timeouts += 1;
                if let Some((socket, to, every, next)) = self.beat.filter(|beat| beat.3 <= now) {
                    self.say(socket, to, b"beat");
                    self.beat = Some((socket, to, every, next + every));
                }
            }
        }
    }

    fn poll_output(&mut self) -> Output {
        let next = self.beat.map(|beat| beat.3);
        self.out.pop().unwrap_or_else(|| Output::Timeout(self.claims.or(next)))
    }
}
