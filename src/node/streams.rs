//! The TCP connections of a node: whose each is, and the messages in them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use pinhole_h323::error::Malformed;
use pinhole_h323::tpkt;

use crate::call::CallKey;
use crate::face::{Outbox, Output, Side, StreamId};

/// Our end of a connection that does not stand yet.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's yet: its first message tells.
    Fresh,
    /// The signalling connection of a leg.
    Signalling(CallKey, Side),
    /// The H.245 connection of a leg.
    Control(CallKey, Side),
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) owner: Owner,
    /// Our end; unspecified until a connection of ours stands.
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    reader: tpkt::Reader,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: BTreeMap<StreamId, Stream>,
    dialled: u64,
}

impl Streams {
    /// Enters an accepted connection.
    pub(crate) fn accepted(
        &mut self,
        id: StreamId,
        owner: Owner,
        local: SocketAddr,
        peer: SocketAddr,
    ) {
        self.open.insert(id, Stream { owner, local, peer, reader: tpkt::Reader::new() });
    }

    /// Opens a connection, from a local address or from wherever the routes lead.
    pub(crate) fn dial(
        &mut self,
        owner: Owner,
        from: Option<IpAddr>,
        to: SocketAddr,
        out: &mut Outbox,
    ) -> StreamId {
        self.dialled += 1;
        let id = StreamId(self.dialled);
        self.accepted(id, owner, SocketAddr::new(from.unwrap_or(UNKNOWN), 0), to);
        out.push(Output::Connect { stream: id, from, to });
        id
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.open.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.open.get_mut(&id)
    }

    /// How many connections of a source have not said yet what they are for.
    pub(crate) fn fresh_from(&self, source: IpAddr) -> usize {
        let fresh = |stream: &&Stream| stream.owner == Owner::Fresh && stream.peer.ip() == source;
        self.open.values().filter(fresh).count()
    }

    /// Takes octets of a connection.
    pub(crate) fn feed(&mut self, id: StreamId, bytes: &[u8]) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.reader.feed(bytes);
        }
    }

    /// The next message of a connection; an empty one is a keepalive.
    pub(crate) fn read(&mut self, id: StreamId) -> Result<Option<Vec<u8>>, Malformed> {
        self.open.get_mut(&id).map_or(Ok(None), |stream| stream.reader.read())
    }

    /// Sends a message in a TPKT. One too long for a TPKT is dropped: no peer could read it.
    pub(crate) fn send(&self, id: StreamId, message: &[u8], out: &mut Outbox) {
        if let (true, Ok(bytes)) = (self.open.contains_key(&id), tpkt::wrap(message)) {
            out.push(Output::Send { stream: id, bytes });
        }
    }

    /// Closes a connection once what is queued is sent.
    pub(crate) fn close(&mut self, id: StreamId, out: &mut Outbox) {
        if self.open.remove(&id).is_some() {
            out.push(Output::Close { stream: id });
        }
    }

    /// The host says that a connection has ended; whose it was.
    pub(crate) fn closed(&mut self, id: StreamId) -> Option<Stream> {
        self.open.remove(&id)
    }

    /// The numbers of all connections.
    pub(crate) fn ids(&self) -> Vec<StreamId> {
        self.open.keys().copied().collect()
    }
}
