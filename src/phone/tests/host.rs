//! The tiny host: it carries out what agents want, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::event::{CallRecord, ChannelRecord, Event};
use crate::face::{Agent, Bind, Input, ListenerId, Output, SocketId, StreamId};
use crate::phone::Phone;
use crate::phone::options::{Destination, Incoming, Options};

/// An input that waits for its turn.
enum Parcel {
    Bound(Bind, Option<SocketAddr>),
    Datagram(SocketId, SocketAddr, Vec<u8>),
    Accepted(ListenerId, StreamId, SocketAddr, SocketAddr),
    Connected(StreamId, SocketAddr),
    Bytes(StreamId, Vec<u8>),
    Closed(StreamId),
    Shutdown,
}

/// Changes octets on their way.
type Tap = Box<dyn FnMut(&mut Vec<u8>)>;

struct Guest {
    ip: IpAddr,
    agent: Box<dyn Agent>,
    deadline: Option<Instant>,
    finished: bool,
    events: Vec<Event>,
}

/// The world.
pub(super) struct Lab {
    pub(super) now: Instant,
    guests: Vec<Guest>,
    queue: VecDeque<(usize, Parcel)>,
    udp: BTreeMap<SocketAddr, (usize, SocketId)>,
    tcp: BTreeMap<SocketAddr, (usize, ListenerId)>,
    pipes: BTreeMap<(usize, StreamId), Option<(usize, StreamId)>>,
    next_port: u16,
    next_accepted: u64,
    /// Takes connections and says nothing.
    pub(super) mute: Option<SocketAddr>,
    /// Datagrams to this address are lost.
    pub(super) deaf: Option<SocketAddr>,
    /// Changes every stream segment.
    pub(super) tap: Option<Tap>,
    /// Loses every n-th RTP packet.
    pub(super) lose: Option<u32>,
    counted: u32,
}

impl Lab {
    #[expect(clippy::disallowed_methods, reason = "a world needs some instant to begin at")]
    pub(super) fn new() -> Self {
        Self {
            now: Instant::now(),
            guests: Vec::new(),
            queue: VecDeque::new(),
            udp: BTreeMap::new(),
            tcp: BTreeMap::new(),
            pipes: BTreeMap::new(),
            next_port: 40_000,
            next_accepted: 0,
            mute: None,
            deaf: None,
            tap: None,
            lose: None,
            counted: 0,
        }
    }

    /// Lets an agent in, at 10.0.0.(number + 1); returns its number.
    pub(super) fn enter(&mut self, agent: Box<dyn Agent>) -> usize {
        let number = self.guests.len();
        let ip = IpAddr::from([10, 0, 0, number as u8 + 1]);
        let events = Vec::new();
        self.guests.push(Guest { ip, agent, deadline: None, finished: false, events });
        self.drain(number);
        number
    }

    pub(super) fn phone(&mut self, options: Options) -> usize {
        let seed = [self.guests.len() as u8 + 1; 32];
        self.enter(Box::new(Phone::new(options, seed, self.now)))
    }

    pub(super) fn shut_down(&mut self, guest: usize) {
        self.queue.push_back((guest, Parcel::Shutdown));
    }

    pub(super) fn events(&self, guest: usize) -> &[Event] {
        &self.guests[guest].events
    }

    pub(super) fn has_finished(&self, guest: usize) -> bool {
        self.guests[guest].finished
    }

    /// The records of a guest's calls.
    pub(super) fn records(&self, guest: usize) -> Vec<CallRecord> {
        let record = |event: &Event| match event {
            Event::CallEnded(record) => Some((**record).clone()),
            _ => None,
        };
        self.events(guest).iter().filter_map(record).collect()
    }

    /// The only record of a guest.
    pub(super) fn record(&self, guest: usize) -> CallRecord {
        let mut records = self.records(guest);
        assert_eq!(records.len(), 1, "{:?}", self.events(guest));
        records.remove(0)
    }

    /// Sockets, listeners and streams that are still there.
    pub(super) fn leftovers(&self, guest: usize) -> usize {
        let udp = self.udp.values().filter(|(owner, _)| *owner == guest).count();
        let tcp = self.tcp.values().filter(|(owner, _)| *owner == guest).count();
        udp + tcp + self.pipes.keys().filter(|(owner, _)| *owner == guest).count()
    }

    /// Runs for a time.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            while let Some((guest, parcel)) = self.queue.pop_front() {
                self.deliver(guest, parcel);
            }
            let living = self.guests.iter().enumerate().filter(|(_, guest)| !guest.finished);
            let next = living.filter_map(|(n, guest)| Some((guest.deadline?, n))).min();
            match next.filter(|(at, _)| *at <= end) {
                Some((at, guest)) => {
                    self.now = self.now.max(at);
                    self.tell(guest, Input::Timeout);
                }
                None => break,
            }
        }
        self.now = end;
    }

    pub(super) fn seconds(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    fn deliver(&mut self, guest: usize, parcel: Parcel) {
        match parcel {
            Parcel::Bound(bind, at) => self.tell(guest, Input::Bound { bind, at }),
            Parcel::Datagram(socket, from, bytes) => {
                self.tell(guest, Input::Datagram { socket, from, bytes: &bytes });
            }
            Parcel::Accepted(listener, stream, local, peer) => {
                self.tell(guest, Input::Accepted { listener, stream, local, peer });
            }
            Parcel::Connected(stream, local) => {
                self.tell(guest, Input::Connected { stream, local });
            }
            Parcel::Bytes(stream, bytes) if self.pipes.contains_key(&(guest, stream)) => {
                self.tell(guest, Input::Bytes { stream, bytes: &bytes });
            }
            Parcel::Closed(stream) if self.pipes.remove(&(guest, stream)).is_some() => {
                self.tell(guest, Input::Closed { stream });
            }
            Parcel::Bytes(..) | Parcel::Closed(_) => {}
            Parcel::Shutdown => self.tell(guest, Input::Shutdown),
        }
    }

    fn tell(&mut self, guest: usize, input: Input<'_>) {
        if !self.guests[guest].finished {
            let now = self.now;
            self.guests[guest].agent.handle_input(now, input);
            self.drain(guest);
        }
    }

    fn drain(&mut self, guest: usize) {
        for _ in 0..100_000 {
            match self.guests[guest].agent.poll_output() {
                Output::Timeout(at) => {
                    self.guests[guest].deadline = at.map(|at| at.max(self.now));
                    return;
                }
                output => self.carry_out(guest, output),
            }
        }
        panic!("an agent that never drains");
    }

    fn carry_out(&mut self, guest: usize, output: Output) {
        match output {
            Output::Ask { .. } => panic!("a phone asks nothing"),
            Output::Bind { bind, ports, .. } => self.bind(guest, bind, *ports.start()),
            Output::Join { .. } => panic!("a phone looks for gatekeepers, it is none"),
            Output::Unbind(bind) => self.unbind(guest, bind),
            Output::Datagram { socket, to, bytes } => self.datagram(guest, socket, to, bytes),
            Output::Connect { stream, to, .. } => self.connect(guest, stream, to),
            Output::Send { stream, mut bytes } => {
                if let Some(Some((peer, far))) = self.pipes.get(&(guest, stream)) {
                    self.tap.iter_mut().for_each(|tap| tap(&mut bytes));
                    self.queue.push_back((*peer, Parcel::Bytes(*far, bytes)));
                }
            }
            Output::Close { stream } => {
                if let Some(Some((peer, far))) = self.pipes.remove(&(guest, stream)) {
                    self.queue.push_back((peer, Parcel::Closed(far)));
                }
            }
            Output::Event(event) => self.guests[guest].events.push(event),
            Output::Finished => self.finish(guest),
            Output::Pace { .. } | Output::Halt { .. } => panic!("a phone joins nothing"),
            Output::Flow(_) => panic!("a phone relays nothing"),
            Output::Timeout(_) => {}
        }
    }

    fn finish(&mut self, guest: usize) {
        assert!(!self.guests[guest].finished, "finished once");
        self.guests[guest].finished = true;
        self.udp.retain(|_, (owner, _)| *owner != guest);
        self.tcp.retain(|_, (owner, _)| *owner != guest);
    }

    fn bind(&mut self, guest: usize, bind: Bind, wanted: u16) {
        self.next_port += 2;
        let port = if wanted == 0 { self.next_port } else { wanted };
        let at = SocketAddr::new(self.guests[guest].ip, port);
        match bind {
            Bind::Udp(socket) => drop(self.udp.insert(at, (guest, socket))),
            Bind::UdpPair(rtp, rtcp) => {
                self.udp.insert(at, (guest, rtp));
                self.udp.insert(SocketAddr::new(at.ip(), port + 1), (guest, rtcp));
            }
            Bind::Tcp(listener) => {
                if self.tcp.contains_key(&at) {
                    return self.queue.push_back((guest, Parcel::Bound(bind, None)));
                }
                self.tcp.insert(at, (guest, listener));
            }
            Bind::Media(_) => panic!("a phone relays nothing"),
        }
        self.queue.push_back((guest, Parcel::Bound(bind, Some(at))));
    }

    fn unbind(&mut self, guest: usize, bind: Bind) {
        let mine = |owner: usize, id: u32, ids: &[u32]| owner == guest && ids.contains(&id);
        match bind {
            Bind::Udp(socket) => self.udp.retain(|_, (o, s)| !mine(*o, s.0, &[socket.0])),
            Bind::UdpPair(a, b) => self.udp.retain(|_, (o, s)| !mine(*o, s.0, &[a.0, b.0])),
            Bind::Tcp(listener) => self.tcp.retain(|_, (o, l)| !mine(*o, l.0, &[listener.0])),
            Bind::Media(_) => {}
        }
    }

    fn datagram(&mut self, guest: usize, socket: SocketId, to: SocketAddr, bytes: Vec<u8>) {
        let from = self.udp.iter().find(|(_, owner)| **owner == (guest, socket));
        let from = *from.expect("sent from a bound socket").0;
        self.counted += u32::from(bytes.len() == 172);
        let lost = self.lose.is_some_and(|n| bytes.len() == 172 && self.counted.is_multiple_of(n));
        if lost || self.deaf == Some(to) {
            return;
        }
        if let Some((peer, far)) = self.udp.get(&to) {
            self.queue.push_back((*peer, Parcel::Datagram(*far, from, bytes)));
        }
    }

    fn connect(&mut self, guest: usize, stream: StreamId, to: SocketAddr) {
        self.next_port += 2;
        let local = SocketAddr::new(self.guests[guest].ip, self.next_port);
        self.pipes.insert((guest, stream), None);
        if self.mute == Some(to) {
            return self.queue.push_back((guest, Parcel::Connected(stream, local)));
        }
        let Some((peer, listener)) = self.tcp.get(&to).copied() else {
            return self.queue.push_back((guest, Parcel::Closed(stream)));
        };
        self.next_accepted += 1;
        let far = StreamId::accepted(self.next_accepted);
        self.pipes.insert((guest, stream), Some((peer, far)));
        self.pipes.insert((peer, far), Some((guest, stream)));
        self.queue.push_back((peer, Parcel::Accepted(listener, far, to, local)));
        self.queue.push_back((guest, Parcel::Connected(stream, local)));
    }
}

/// A phone that answers.
pub(super) fn answering(alias: &str) -> Options {
    Options { incoming: Incoming::Answer, ..Options::new(alias) }
}

/// A phone that calls the first guest.
pub(super) fn calling(alias: &str, hold: Option<u64>) -> Options {
    Options {
        destination: Some(Destination::parse("10.0.0.1")),
        hold: hold.map(Duration::from_secs),
        ..Options::new(alias)
    }
}

/// The channel of a direction in a record.
pub(super) fn channel(record: &CallRecord, direction: &str) -> ChannelRecord {
    let mut channels = record.channels.iter().filter(|channel| channel.direction == direction);
    let channel = channels.next().unwrap_or_else(|| panic!("no {direction} in {record:?}"));
    assert!(channels.next().is_none(), "{record:?}");
    channel.clone()
}
