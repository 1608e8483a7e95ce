//! What all rooms of the phone share: the time, the outbox, the timers, the chance, and who owns which socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pinhole_h323::id::{CallId, ConferenceId};
use pinhole_h323::mux::MultiplexId;
use pinhole_h323::tpkt;
use pinhole_traversal::Timers;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use super::medium::Medium;
use super::options::Options;
use super::requests::Requests;
use super::tally::Tally;
use crate::event::Event;
use crate::face::{Bind, ListenerId, Outbox, Output, SocketId, StreamId};

/// The number of a call within the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallKey(pub(super) u32);

/// What the phone waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The answer to a RAS request.
    Request(u16),
    /// The registration must be refreshed, or tried again.
    Refresh,
    /// The next call of the load is due.
    Load,
    /// A connection must have said what it is for.
    Fresh(StreamId),
    /// Something of a call.
    Call(CallKey, CallTimer),
}

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallTimer {
    /// The peer must have brought the call a step further.
    Step,
    /// H.245 must have opened the media channels.
    Control,
    /// The talk is over.
    Hold,
    /// The next digit is due.
    Digit,
    /// The next packet of a medium is due.
    Talk(Medium),
    /// The next RTCP report is due.
    Report(Medium),
    /// The media pinholes must be kept open (H.460.19).
    Punch(Medium),
    /// The signalling pinhole must be kept open (H.460.18).
    Pinhole,
    /// The peer's ReleaseComplete must follow the end of H.245.
    Farewell,
}

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Stream {
    /// Whose it is.
    pub(super) owner: StreamOwner,
    /// Finds the messages in it.
    pub(super) reader: tpkt::Reader,
    /// The other end.
    pub(super) peer: SocketAddr,
    /// Our end, when it is known.
    pub(super) local: Option<SocketAddr>,
}

/// Whose a TCP connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamOwner {
    /// Nobody's yet: a Setup must come.
    Fresh,
    /// Opened towards the gatekeeper for a call announced by it: a Setup must come (H.460.18).
    Pinhole(CallId),
    /// The call signalling of a call.
    Signal(CallKey),
    /// The H.245 connection of a call.
    Control(CallKey),
}

/// Whose a UDP socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketOwner {
    /// RAS.
    Ras,
    /// The RTP of a medium of a call.
    Rtp(CallKey, Medium),
    /// Its RTCP.
    Rtcp(CallKey, Medium),
    /// The multiplexed RTP of all calls.
    SharedRtp,
    /// The multiplexed RTCP of all calls.
    SharedRtcp,
}

/// Whose a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenerOwner {
    /// The phone's: calls come in.
    Signal,
    /// A call's: its H.245 connection comes in.
    Control(CallKey),
}

/// The sockets of multiplexed media.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    /// RTP.
    pub(super) rtp: SocketId,
    /// RTCP.
    pub(super) rtcp: SocketId,
    /// The even port, once bound.
    pub(super) port: Option<u16>,
}

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Desk {
    /// The time of the input at hand.
    pub(super) now: Instant,
    /// What the operator wants.
    pub(super) options: Options,
    /// Deadlines.
    pub(super) timers: Timers<Timer>,
    /// RAS requests that wait for an answer, and the standing with the gatekeeper.
    pub(super) ras: Requests,
    /// Connections that stand or are being made.
    pub(super) streams: BTreeMap<StreamId, Stream>,
    /// The sockets of multiplexed media, if there shall be any.
    pub(super) shared: Option<Shared>,
    /// Whose packets the multiplexIDs that we gave begin.
    pub(super) multiplexed: BTreeMap<MultiplexId, (CallKey, Medium)>,
    /// What the calls so far came to.
    pub(super) tally: Tally,
    /// Whether there are so many calls that not all of their audio is measured.
    pub(super) is_busy: bool,
    sockets: BTreeMap<SocketId, SocketOwner>,
    listeners: BTreeMap<ListenerId, ListenerOwner>,
    out: Outbox,
    random: ChaCha20Rng,
    start: Instant,
    next_stream: u64,
    next_number: u32,
}

impl Desk {
    pub(super) fn new(options: Options, seed: [u8; 32], now: Instant) -> Self {
        Self {
            now,
            options,
            timers: Timers::default(),
            ras: Requests::default(),
            streams: BTreeMap::new(),
            shared: None,
            multiplexed: BTreeMap::new(),
            tally: Tally::default(),
            is_busy: false,
            sockets: BTreeMap::new(),
            listeners: BTreeMap::new(),
            out: Outbox::default(),
            random: ChaCha20Rng::from_seed(seed),
            start: now,
            next_stream: 0,
            next_number: 0,
        }
    }

    /// The next thing the host shall do.
    pub(super) fn poll(&mut self) -> Output {
        self.out.pop().unwrap_or_else(|| Output::Timeout(self.timers.next()))
    }

    pub(super) fn push(&mut self, output: Output) {
        self.out.push(output);
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }

    /// Sets a timer, so long from now.
    pub(super) fn after(&mut self, timer: Timer, wait: Duration) {
        self.timers.set(timer, self.now + wait);
    }

    /// How long the phone has been there.
    pub(super) fn age(&self) -> Duration {
        self.now.saturating_duration_since(self.start)
    }

    /// The time as an NTP timestamp of a clock that began with the phone (RFC 3550 §4 lets any clock do).
    pub(super) fn ntp(&self) -> u64 {
        let since = self.age();
        // One more than nothing, because zero means that there was no report.
        let seconds = since.as_secs() + 1;
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        seconds << 32 | fraction
    }

    pub(super) fn random_u32(&mut self) -> u32 {
        self.random.next_u32()
    }

    /// A seed for what needs a generator of its own.
    pub(super) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.random.fill_bytes(&mut seed);
        seed
    }

    /// A new call identifier and a new conference identifier.
    pub(super) fn random_ids(&mut self) -> (CallId, ConferenceId) {
        let (mut call, mut conference) = ([0; 16], [0; 16]);
        self.random.fill_bytes(&mut call);
        self.random.fill_bytes(&mut conference);
        (CallId(call), ConferenceId(conference))
    }
}

/// Sockets.
impl Desk {
    fn number(&mut self) -> u32 {
        self.next_number = self.next_number.wrapping_add(1);
        self.next_number
    }

    fn bind(&mut self, bind: Bind, ports: std::ops::RangeInclusive<u16>) {
        let ip = self.options.ip;
        self.out.push(Output::Bind { bind, ip, ports, class: 0 });
    }

    /// Asks for the RAS socket.
    pub(super) fn bind_ras(&mut self) -> SocketId {
        let socket = SocketId(self.number());
        self.sockets.insert(socket, SocketOwner::Ras);
        self.bind(Bind::Udp(socket), 0..=0);
        socket
    }

    /// Asks for the RTP and RTCP sockets of a medium of a call.
    pub(super) fn bind_media(&mut self, call: CallKey, medium: Medium) -> (SocketId, SocketId) {
        let (rtp, rtcp) = (SocketId(self.number()), SocketId(self.number()));
        self.sockets.insert(rtp, SocketOwner::Rtp(call, medium));
        self.sockets.insert(rtcp, SocketOwner::Rtcp(call, medium));
        self.bind(Bind::UdpPair(rtp, rtcp), 0..=0);
        (rtp, rtcp)
    }

    /// Asks for the sockets of multiplexed media.
    pub(super) fn bind_shared(&mut self) {
        let (rtp, rtcp) = (SocketId(self.number()), SocketId(self.number()));
        self.sockets.insert(rtp, SocketOwner::SharedRtp);
        self.sockets.insert(rtcp, SocketOwner::SharedRtcp);
        self.shared = Some(Shared { rtp, rtcp, port: None });
        self.bind(Bind::UdpPair(rtp, rtcp), 0..=0);
    }

    /// A multiplexID for a medium of a call: one that nobody can guess and that no RTP or RTCP packet begins with.
    pub(super) fn multiplex_id(&mut self, call: CallKey, medium: Medium) -> MultiplexId {
        loop {
            let id = MultiplexId(self.random_u32());
            let version = id.0 >> 30;
            if id.0 != 0 && version != 2 && !self.multiplexed.contains_key(&id) {
                self.multiplexed.insert(id, (call, medium));
                return id;
            }
        }
    }

    /// Asks for a listener.
    pub(super) fn bind_listener(&mut self, owner: ListenerOwner, port: u16) -> ListenerId {
        let listener = ListenerId(self.number());
        self.listeners.insert(listener, owner);
        self.bind(Bind::Tcp(listener), port..=port);
        listener
    }

    /// Gives a socket, a pair or a listener back.
    pub(super) fn unbind(&mut self, bind: Bind) {
        self.forget(bind);
        self.out.push(Output::Unbind(bind));
    }

    /// Forgets what could not be bound.
    pub(super) fn forget(&mut self, bind: Bind) {
        match bind {
            Bind::Udp(socket) => drop(self.sockets.remove(&socket)),
            Bind::UdpPair(rtp, rtcp) => {
                self.sockets.remove(&rtp);
                self.sockets.remove(&rtcp);
            }
            Bind::Tcp(listener) => drop(self.listeners.remove(&listener)),
            Bind::Media(_) => {}
        }
    }

    pub(super) fn socket_owner(&self, socket: SocketId) -> Option<SocketOwner> {
        self.sockets.get(&socket).copied()
    }

    pub(super) fn listener_owner(&self, listener: ListenerId) -> Option<ListenerOwner> {
        self.listeners.get(&listener).copied()
    }

    pub(super) fn datagram(&mut self, socket: SocketId, to: SocketAddr, bytes: Vec<u8>) {
        self.out.push(Output::Datagram { socket, to, bytes });
    }
}

/// Connections.
impl Desk {
    /// Opens a connection.
    pub(super) fn connect(&mut self, owner: StreamOwner, to: SocketAddr) -> StreamId {
        self.next_stream += 1;
        let stream = StreamId(self.next_stream);
        let from = Some(self.options.ip).filter(|ip| !ip.is_unspecified());
        self.adopt(stream, owner, to, None);
        self.out.push(Output::Connect { stream, from, ports: 0..=0, to, class: 0 });
        stream
    }

    /// Takes note of a connection.
    pub(super) fn adopt(
        &mut self,
        stream: StreamId,
        owner: StreamOwner,
        peer: SocketAddr,
        local: Option<SocketAddr>,
    ) {
        let reader = tpkt::Reader::new();
        self.streams.insert(stream, Stream { owner, reader, peer, local });
    }

    /// Gives a connection to another owner.
    pub(super) fn hand_over(&mut self, stream: StreamId, owner: StreamOwner) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.owner = owner;
        }
    }

    /// Sends a message, in a TPKT.
    pub(super) fn send(&mut self, stream: StreamId, message: &[u8]) {
        // A message too long for a TPKT cannot be made here: none has a part that a peer fills without bounds.
        if let Ok(bytes) = tpkt::wrap(message) {
            self.out.push(Output::Send { stream, bytes });
        }
    }

    /// Closes a connection, after what is queued on it.
    pub(super) fn close(&mut self, stream: StreamId) {
        self.timers.stop(&Timer::Fresh(stream));
        if self.streams.remove(&stream).is_some() {
            self.out.push(Output::Close { stream });
        }
    }
}
