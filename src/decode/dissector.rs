//! Decides what of a capture is H.323, and in which of its protocols.
//!
//! Ports tell it, or messages seen before tell the addresses of those to come; what is left is recognised by
//! decoding it whole. What a port promises to be H.323 and is not is reported; anything else is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::capture::Packet;
use super::framing::{Frame, Framing, Loss};
use super::message::{self, Message, Protocol, Role};
use super::packet::{self, Carried, Segment};

/// Connections that are followed at a time; a capture with more loses the first of them.
const MAX_CONNECTIONS: usize = 65_536;
/// Addresses that are remembered of each kind; later ones are only recognised.
const MAX_ADDRESSES: usize = 65_536;

/// Calls of one connection whose identifiers are remembered.
const MAX_CALLS: usize = 256;

/// Call signalling (H.225.0).
const SIGNALLING: u16 = 1720;
/// RAS: discovery, and everything else.
const RAS: [u16; 2] = [1718, 1719];

/// One line of the output: a message, where and when it was seen.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When its last octet was captured, since 1970-01-01 UTC.
    pub time: Duration,
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// How many messages it is inside of.
    pub depth: usize,
    /// The message. Those inside it are entries of their own.
    pub message: Message,
}

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Unknown,
    Signalling,
    Control,
    /// Something that is not ours.
    Other,
}

/// The two ends of a connection, the smaller one first.
type Ends = (SocketAddr, SocketAddr);

#[derive(Debug)]
struct Connection {
    purpose: Use,
    /// The sequence number of the first SYN, which tells a repeated one from that of the next connection.
    syn: Option<u32>,
    /// What goes from the smaller end, and what goes to it.
    directions: [Framing; 2],
    ended: [bool; 2],
    /// Which calls it is used for, by their call reference, as far as messages on it have told. H.245 has none.
    calls: BTreeMap<Option<u16>, String>,
}

/// Takes packets, yields entries.
#[derive(Debug, Default)]
pub struct Dissector {
    connections: BTreeMap<Ends, Connection>,
    /// Where messages said that H.245 is spoken, and for which call.
    control: BTreeMap<SocketAddr, Option<String>>,
    /// Where messages said that RAS is spoken.
    ras: BTreeSet<SocketAddr>,
    /// Which call a RAS request is about, by who asked whom under which number.
    requests: BTreeMap<(SocketAddr, SocketAddr, u16), String>,
    entries: Vec<Entry>,
    last: Duration,
}

impl Dissector {
    /// Takes the next packet of the capture and returns what is complete now.
    pub fn packet(&mut self, packet: &Packet<'_>) -> Vec<Entry> {
        self.last = packet.time;
        if let Some((from, to, carried)) = packet::open(packet) {
            match carried {
                Carried::Datagram(bytes) => self.datagram(from, to, bytes),
                Carried::Segment(segment) => self.segment(from, to, segment),
                Carried::Fragment => self.fragment(from, to),
            }
        }
        std::mem::take(&mut self.entries)
    }

    /// The capture has ended: returns what could not be completed.
    pub fn finish(&mut self) -> Vec<Entry> {
        while let Some((ends, mut connection)) = self.connections.pop_first() {
            self.end(ends, &mut connection);
        }
        std::mem::take(&mut self.entries)
    }

    fn datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let ends = [from, to];
        let promised = ends.iter().any(|end| RAS.contains(&end.port()));
        let told = ends.iter().any(|end| self.ras.contains(end));
        if !promised && !told {
            return;
        }
        let mut message = message::ras(bytes);
        // An address that a message told may be used for something else as well.
        if promised || message.is_same() {
            // Behind a NAT the other end is known by no message.
            ends.into_iter().for_each(|end| remember(&mut self.ras, end));
            self.correlate(from, to, &mut message);
            self.tell(from, to, message);
        }
    }

    /// Gives an answer the call of its request.
    fn correlate(&mut self, from: SocketAddr, to: SocketAddr, message: &mut Message) {
        let Some(sequence) = message.sequence else { return };
        match &message.call {
            Some(call) => {
                if self.requests.len() >= MAX_ADDRESSES {
                    self.requests.clear();
                }
                self.requests.insert((from, to, sequence), call.clone());
            }
            None => {
                // The number of an older request, if it had been one's.
                self.requests.remove(&(from, to, sequence));
                // Either side counts its own requests: an answer's number means that of the other side.
                if message.name.ends_with("Request") || message.name.ends_with("Indication") {
                    return;
                }
                message.call = self.requests.get(&(to, from, sequence)).cloned();
            }
        }
    }

    /// Fragments are not put together; that is said where they would have held signalling.
    fn fragment(&mut self, from: SocketAddr, to: SocketAddr) {
        let mut ends = [from, to].into_iter();
        if ends.any(|end| {
            RAS.contains(&end.port()) || end.port() == SIGNALLING || self.ras.contains(&end)
        }) {
            self.undecodable(from, to, Protocol::Ip, "a fragment of an IP packet");
        }
    }

    fn segment(&mut self, from: SocketAddr, to: SocketAddr, segment: Segment<'_>) {
        let ends = if from <= to { (from, to) } else { (to, from) };
        let syn = (segment.syn && segment.ack.is_none()).then_some(segment.sequence);
        let same = self.connections.get(&ends).is_some_and(|known| known.syn == syn);
        if syn.is_some() && !same {
            // A new connection between the same ports.
            if let Some(mut old) = self.connections.remove(&ends) {
                self.end(ends, &mut old);
            }
        } else if segment.bytes.is_empty() && !self.connections.contains_key(&ends) {
            return;
        }
        let mut connection =
            self.connections.remove(&ends).unwrap_or_else(|| self.begin(ends, syn));
        let [first, second] = &mut connection.directions;
        let (framing, other, index) =
            if from == ends.0 { (first, second, 0) } else { (second, first, 1) };
        if let Some(sequence) = segment.ack {
            other.acknowledge(sequence);
        }
        if segment.fin {
            framing.close(segment.end());
        }
        if connection.purpose != Use::Other {
            let frames = framing.push(segment.sequence, segment.syn, segment.bytes);
            self.frames(from, to, &mut connection, frames);
        }
        if let Some(ended) = connection.ended.get_mut(index) {
            *ended |= segment.fin;
        }
        if segment.rst || connection.ended == [true; 2] {
            self.end(ends, &mut connection);
        }
        if self.connections.len() >= MAX_CONNECTIONS
            && let Some((ends, mut first)) = self.connections.pop_first()
        {
            self.end(ends, &mut first);
        }
        // An ended connection stays, so that what is sent again is known to be old.
        self.connections.insert(ends, connection);
    }

    fn begin(&self, ends: Ends, syn: Option<u32>) -> Connection {
        let ports = [ends.0.port(), ends.1.port()];
        let told = self.told(ends);
        let purpose = if ports.contains(&SIGNALLING) {
            Use::Signalling
        } else if told.is_some() {
            Use::Control
        } else {
            Use::Unknown
        };
        let call = told.cloned().flatten();
        let calls = call.into_iter().map(|call| (None, call)).collect();
        let directions = Default::default();
        Connection { purpose, syn, directions, ended: [false; 2], calls }
    }

    /// For which call a message said that H.245 is spoken at one of these addresses.
    fn told(&self, ends: Ends) -> Option<&Option<String>> {
        self.control.get(&ends.0).or_else(|| self.control.get(&ends.1))
    }

    fn end(&mut self, ends: Ends, connection: &mut Connection) {
        let [first, second] = &mut connection.directions;
        let (first, second) = (first.finish(), second.finish());
        self.frames(ends.0, ends.1, connection, first);
        self.frames(ends.1, ends.0, connection, second);
    }

    fn frames(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        connection: &mut Connection,
        frames: Vec<Frame>,
    ) {
        for frame in frames {
            match frame {
                Frame::Payload(payload) => self.payload(from, to, connection, &payload),
                Frame::Lost(loss) => self.lost(from, to, connection, loss),
            }
        }
    }

    fn payload(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        connection: &mut Connection,
        payload: &[u8],
    ) {
        if connection.purpose == Use::Unknown {
            self.recognise((from, to), connection, payload);
        }
        let mut message = match connection.purpose {
            Use::Signalling => message::signal(payload),
            Use::Control => message::control(payload),
            Use::Unknown | Use::Other => return,
        };
        // The global call reference is that of no call (Q.931 §4.3).
        if message.reference != Some(0) {
            let calls = &mut connection.calls;
            match &message.call {
                Some(call) if calls.len() < MAX_CALLS => {
                    calls.insert(message.reference, call.clone());
                }
                Some(_) => {}
                None => message.call = calls.get(&message.reference).cloned(),
            }
        }
        self.tell(from, to, message);
    }

    /// Finds out what a connection is used for by the first TPKT on it.
    fn recognise(&self, ends: Ends, connection: &mut Connection, payload: &[u8]) {
        // The address may have been told after the connection was made.
        if let Some(call) = self.told(ends) {
            connection.purpose = Use::Control;
            connection.calls.extend(call.iter().map(|call| (None, call.clone())));
        } else if message::control(payload).is_same() {
            connection.purpose = Use::Control;
        } else if message::signal(payload).is_same() {
            connection.purpose = Use::Signalling;
        } else {
            connection.purpose = Use::Other;
        }
    }

    fn lost(&mut self, from: SocketAddr, to: SocketAddr, connection: &mut Connection, loss: Loss) {
        let protocol = match connection.purpose {
            Use::Signalling => Protocol::H225,
            Use::Control => Protocol::H245,
            Use::Unknown | Use::Other => {
                if matches!(loss, Loss::NoFrame(_)) {
                    connection.purpose = Use::Other;
                }
                return;
            }
        };
        self.undecodable(from, to, protocol, &loss.to_string());
    }

    fn undecodable(&mut self, from: SocketAddr, to: SocketAddr, protocol: Protocol, why: &str) {
        self.tell(from, to, Message::undecodable(protocol, why));
    }

    fn tell(&mut self, from: SocketAddr, to: SocketAddr, message: Message) {
        self.tell_at(from, to, 0, message);
    }

    /// Notes what a message tells about connections to come, and makes entries of it and of those inside it.
    fn tell_at(&mut self, from: SocketAddr, to: SocketAddr, depth: usize, mut message: Message) {
        let inside = std::mem::take(&mut message.inside);
        for told in &message.addresses {
            match told.role {
                Role::Control if self.control.len() < MAX_ADDRESSES && usable(told.address) => {
                    self.control.insert(told.address, message.call.clone());
                }
                Role::Ras => remember(&mut self.ras, told.address),
                Role::Control | Role::Other => {}
            }
        }
        let call = message.call.clone();
        self.entries.push(Entry { time: self.last, from, to, depth, message });
        for mut message in inside {
            if message.call.is_none() {
                message.call.clone_from(&call);
            }
            self.tell_at(from, to, depth + 1, message);
        }
    }
}

fn remember(addresses: &mut BTreeSet<SocketAddr>, address: SocketAddr) {
    if addresses.len() < MAX_ADDRESSES && usable(address) {
        addresses.insert(address);
    }
}

fn usable(address: SocketAddr) -> bool {
    address.port() != 0 && !address.ip().is_unspecified()
}
