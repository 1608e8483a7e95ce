//! The TCP connections of a node: whose each is, and the messages in them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole_h323::error::Malformed;
use pinhole_h323::tpkt;

use super::limits::{Allowance, Bucket, Limiter, Turns, source};
use super::outgoing::Outgoing;
use crate::call::CallKey;
use crate::face::{Outbox, Output, Side, StreamId};

/// Our end of a connection that does not stand yet.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The shortest time that a connection is not read for.
const SHORTEST: Duration = Duration::from_millis(250);
/// Octets that may wait meanwhile: what the host had read already, and no more.
const MOST_WAITING: usize = 1 << 20;

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's yet: its first message tells.
    Fresh,
    /// One that we opened to the server of a zone: Setup comes on it.
    Hole,
    /// The signalling connection of a leg.
    Signalling(CallKey, Side),
    /// The H.245 connection of a leg.
    Control(CallKey, Side),
    /// A connection of a data channel, to the party of a leg.
    Data(CallKey, Side),
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Stream {
    owner: Owner,
    /// Our end; unspecified until a connection of ours stands.
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    reader: tpkt::Reader,
    pace: Bucket,
    /// Nothing is read for a while.
    halted: bool,
    /// It has to prove whose it is before it counts.
    pub(crate) asked: Option<Box<crate::zone::Asked>>,
    /// The leg whose H.245 connection it may turn out to be.
    pub(crate) may_control: Option<(CallKey, Side)>,
    /// It has proven whose it is: what others from its address send does not count against it.
    pub(crate) proven: bool,
    /// The rest of a message is waited for.
    unfinished: bool,
}

impl Stream {
    /// Whose it is.
    pub(crate) const fn owner(&self) -> Owner {
        self.owner
    }
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Streams {
    open: BTreeMap<StreamId, Stream>,
    /// Those that have not said yet what they are for, by the source they come from.
    fresh: BTreeMap<IpAddr, BTreeSet<StreamId>>,
    dialled: u64,
    outgoing: Outgoing,
    /// Octets that a message may have.
    message: usize,
    /// How many messages one connection may carry.
    messages: Allowance,
    /// How many those of one source may.
    sources: Limiter,
}

impl Streams {
    /// `message` octets may a message have; so many may come on a connection, and from a source.
    pub(crate) const fn new(
        outgoing: Outgoing,
        message: usize,
        [messages, of_source]: [Allowance; 2],
    ) -> Self {
        let fresh = BTreeMap::new();
        let sources = Limiter::new(of_source);
        Self { open: BTreeMap::new(), fresh, dialled: 0, outgoing, message, messages, sources }
    }

    /// Enters an accepted connection.
    pub(crate) fn accepted(
        &mut self,
        now: Instant,
        id: StreamId,
        owner: Owner,
        local: SocketAddr,
        peer: SocketAddr,
    ) {
        let reader = tpkt::Reader::bounded(self.message);
        let pace = Bucket::full(self.messages, now);
        let (asked, may_control, proven, unfinished) = (None, None, false, false);
        let halted = false;
        let stream = Stream {
            owner,
            local,
            peer,
            reader,
            pace,
            halted,
            asked,
            may_control,
            proven,
            unfinished,
        };
        if owner == Owner::Fresh {
            self.fresh.entry(source(peer.ip())).or_default().insert(id);
        }
        self.open.insert(id, stream);
    }

    /// Opens a connection, from the local address that the peer knows, if it knows one.
    pub(crate) fn dial(
        &mut self,
        now: Instant,
        owner: Owner,
        known: Option<IpAddr>,
        to: SocketAddr,
        out: &mut Outbox,
    ) -> StreamId {
        let (from, ports) = (self.outgoing.source(known, to), self.outgoing.ports(owner));
        self.dialled += 1;
        let id = StreamId(self.dialled);
        self.accepted(now, id, owner, SocketAddr::new(from.unwrap_or(UNKNOWN), 0), to);
        let class = self.outgoing.class(owner);
        out.push(Output::Connect { stream: id, from, ports, to, class });
        id
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.open.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.open.get_mut(&id)
    }

    /// A connection of ours stands, and this is our end of it.
    pub(crate) fn stands(&mut self, id: StreamId, local: SocketAddr) -> Option<Owner> {
        let stream = self.open.get_mut(&id)?;
        stream.local = local;
        Some(stream.owner)
    }

    /// A connection has said what it is for.
    pub(crate) fn belongs(&mut self, id: StreamId, owner: Owner) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.owner = owner;
            let source = source(stream.peer.ip());
            self.not_fresh(id, source);
        }
    }

    fn not_fresh(&mut self, id: StreamId, source: IpAddr) {
        if let Some(of_source) = self.fresh.get_mut(&source) {
            of_source.remove(&id);
            if of_source.is_empty() {
                self.fresh.remove(&source);
            }
        }
    }

    /// How many connections of a source have not said yet what they are for.
    pub(crate) fn fresh_from(&self, peer: IpAddr) -> usize {
        self.fresh.get(&source(peer)).map_or(0, BTreeSet::len)
    }

    /// The oldest connection that has not said yet what it is for, when there are more of them than that.
    pub(crate) fn too_fresh(&self, most: usize) -> Option<StreamId> {
        let count: usize = self.fresh.values().map(BTreeSet::len).sum();
        let oldest = || self.fresh.values().filter_map(BTreeSet::first).min().copied();
        (count > most).then(oldest).flatten()
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many of them have not said yet what they are for.
    pub(crate) fn fresh(&self) -> usize {
        self.open.values().filter(|stream| stream.owner == Owner::Fresh).count()
    }

    /// Takes octets of a connection.
    pub(crate) fn feed(&mut self, id: StreamId, bytes: &[u8]) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.reader.feed(bytes);
        }
    }

    /// The next message of a connection; an empty one is a keepalive.
    pub(crate) fn read(&mut self, id: StreamId) -> Result<Option<Vec<u8>>, Malformed> {
        let Some(stream) = self.open.get_mut(&id) else { return Ok(None) };
        let message = stream.reader.read();
        // Whatever comes next has its own time.
        stream.unfinished &= !matches!(message, Ok(Some(_)));
        message
    }

    /// True once for each message of which only a part has come.
    pub(crate) fn begins(&mut self, id: StreamId) -> bool {
        let Some(stream) = self.open.get_mut(&id) else { return false };
        let begins = !stream.unfinished && stream.reader.pending() > 0;
        stream.unfinished |= begins;
        begins
    }

    /// True while a part of a message is waited for.
    pub(crate) fn is_unfinished(&self, id: StreamId) -> bool {
        self.open.get(&id).is_some_and(|stream| stream.unfinished)
    }

    /// How long a connection has to wait until it may carry a message; nothing when it may now.
    pub(crate) fn wait(&mut self, id: StreamId, now: Instant) -> Option<Duration> {
        let stream = self.open.get_mut(&id)?;
        let own = Turns::new(&mut stream.pace, self.messages).wait(now);
        let others = match stream.proven {
            true => None,
            // Nobody makes up the address of a connection.
            false => self.sources.turns(now, stream.peer.ip()).wait(now),
        };
        own.max(others).map(|wait| wait.max(SHORTEST))
    }

    /// So many messages have come, some in another: what comes next has to wait for them.
    pub(crate) fn carried(&mut self, id: StreamId, now: Instant, messages: usize) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        Turns::new(&mut stream.pace, self.messages).spend(now, messages);
        if !stream.proven {
            self.sources.turns(now, stream.peer.ip()).spend(now, messages);
        }
    }

    /// A connection is not read for a while, or is again. The message of which a part has come is not late for it.
    pub(crate) fn halt(&mut self, id: StreamId, halted: bool) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.halted = halted;
            stream.unfinished &= !halted;
        }
    }

    /// True for a connection that is not read at the moment.
    pub(crate) fn is_halted(&self, id: StreamId) -> bool {
        self.open.get(&id).is_some_and(|stream| stream.halted)
    }

    /// True when there is something to read.
    pub(crate) fn has_octets(&self, id: StreamId) -> bool {
        self.open.get(&id).is_some_and(|stream| stream.reader.pending() > 0)
    }

    /// True for a connection of which more waits than a host can have read before it heard that it should not.
    pub(crate) fn overflows(&self, id: StreamId) -> bool {
        self.open.get(&id).is_some_and(|stream| stream.reader.pending() > MOST_WAITING)
    }

    /// Sends a message in a TPKT. One too long for a TPKT is dropped: no peer could read it.
    pub(crate) fn send(&self, id: StreamId, message: &[u8], out: &mut Outbox) {
        if let (true, Ok(bytes)) = (self.open.contains_key(&id), tpkt::wrap(message)) {
            out.push(Output::Send { stream: id, bytes });
        }
    }

    /// Sends octets as they are.
    pub(crate) fn send_octets(&self, id: StreamId, octets: &[u8], out: &mut Outbox) {
        if self.open.contains_key(&id) {
            out.push(Output::Send { stream: id, bytes: octets.to_vec() });
        }
    }

    /// Closes a connection once what is queued is sent.
    pub(crate) fn close(&mut self, id: StreamId, out: &mut Outbox) {
        if self.closed(id).is_some() {
            out.push(Output::Close { stream: id });
        }
    }

    /// The host says that a connection has ended; whose it was.
    pub(crate) fn closed(&mut self, id: StreamId) -> Option<Stream> {
        let stream = self.open.remove(&id)?;
        self.not_fresh(id, source(stream.peer.ip()));
        Some(stream)
    }

    /// The numbers of all connections.
    pub(crate) fn ids(&self) -> Vec<StreamId> {
        self.open.keys().copied().collect()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use super::*;
    use crate::node::Settings;

    /// The client of a zone has an address with others: what they send is not counted against what has proven itself.
    #[test]
    fn who_is_proven_does_not_pay_for_others_of_its_address() {
        let now = Instant::now();
        let allowance = |burst| Allowance { rate: 1, burst };
        let outgoing = Settings::default().outgoing(&[]);
        let mut streams = Streams::new(outgoing, 1000, [allowance(8), allowance(10)]);
        let [proven, other, third] = [1, 2, 3].map(StreamId::accepted);
        let local = SocketAddr::from(([192, 0, 2, 1], 1720));
        for (id, port) in [(proven, 1), (other, 2), (third, 3)] {
            let peer = SocketAddr::from(([203, 0, 113, 1], port));
            streams.accepted(now, id, Owner::Fresh, local, peer);
        }
        let sent = |streams: &mut Streams, id| {
            let turns = (0..20).take_while(|_| {
                let may = streams.wait(id, now).is_none();
                streams.carried(id, now, usize::from(may));
                may
            });
            turns.count()
        };
        assert_eq!(sent(&mut streams, other), 8);
        streams.get_mut(proven).expect("it is open").proven = true;
        assert_eq!(sent(&mut streams, third), 2);
        assert_eq!(sent(&mut streams, proven), 8);
    }
}
