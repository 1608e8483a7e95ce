//! The way of a connection: opening, octets, ends.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use pinhole::face::StreamId;
use rand::RngExt;

use super::datagrams::Place;
use super::host::Arrival;
use super::link::retransmitted;
use super::stream::{Chop, Conn, ConnId, Piece, Pipe};
use super::trace::{Fact, digest};
use super::{HostId, Parcel, World};

impl World {
    /// Nothing passes a stream, in either direction, for a time.
    pub(crate) fn stall(&mut self, host: HostId, stream: StreamId, time: Duration) {
        let until = self.now + time;
        let conn = self.hosts[host.0].streams.get(&stream).map(|(conn, _)| *conn);
        if let Some(conn) = conn.and_then(|conn| self.conns.get_mut(&conn)) {
            for pipe in &mut conn.pipes {
                pipe.stalled = Some(until);
            }
        }
    }

    /// A host does not read from a stream for a time.
    pub(super) fn halt(&mut self, host: usize, stream: StreamId, time: Duration) {
        let Some((conn, end)) = self.hosts[host].streams.get(&stream).copied() else {
            self.violation(host, &format!("{stream:?} is not to be read, which is not open"));
        };
        let until = self.now + time;
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.pipes[1 - end].stalled = Some(until);
        }
    }

    /// A stream is reset: both ends are told at once.
    pub(crate) fn reset(&mut self, host: HostId, stream: StreamId) {
        if let Some((conn, _)) = self.hosts[host.0].streams.get(&stream).copied() {
            self.tell_dead(conn, 0, "reset");
            self.tell_dead(conn, 1, "reset");
        }
    }

    /// Octets come to a host on a stream as if the other end had sent them.
    pub(crate) fn inject_stream(&mut self, host: HostId, stream: StreamId, bytes: &[u8]) {
        self.forged = true;
        let Some((conn, end)) = self.hosts[host.0].streams.get(&stream).copied() else {
            self.fail(&format!("{stream:?} is not open, so nothing can come on it"));
        };
        self.put(conn, 1 - end, Piece::Bytes(bytes.to_vec()), self.patience.retransmission);
    }

    pub(super) fn connect(
        &mut self,
        host: usize,
        stream: StreamId,
        from: (Option<IpAddr>, &RangeInclusive<u16>),
        to: SocketAddr,
    ) {
        self.note(host, Fact::Connect { stream, to });
        let it = &self.hosts[host];
        if it.streams.contains_key(&stream) || it.past.contains(&stream) {
            self.violation(host, &format!("{stream:?} was used before"));
        }
        if stream.0 & StreamId::ACCEPTED != 0 {
            self.violation(host, &format!("{stream:?} has a number of the host"));
        }
        let Some(inside) = self.local_end(host, from, to) else {
            self.hosts[host].past.insert(stream);
            self.hosts[host].inbox.push_back(Arrival::NoRoom { stream });
            return;
        };
        self.sequence += 1;
        let id = ConnId(self.sequence);
        let scope = self.hosts[host].gate;
        let place = self.locate(scope, to.ip());
        let gate = scope.filter(|_| !matches!(place, Some(Place::Near(_))));
        let seen = match gate {
            Some(gate) => self.gates[gate].tcp_open(self.now, inside, to),
            None => Some(inside),
        };
        let target = match place {
            Some(Place::Near(target) | Place::Open(target)) => Some(target),
            Some(Place::Nat(gate)) if self.forwarded(gate, to).is_some() => {
                self.forwarded(gate, to).map(|(target, _)| target)
            }
            Some(Place::Behind(_, closed) | Place::Nat(closed)) => {
                if seen.is_some() {
                    self.gates[closed].tcp_syn_in();
                }
                None
            }
            None => None,
        };
        let reached = seen.and(target).filter(|target| !self.hosts[*target].gone);
        self.hosts[host].streams.insert(stream, (id, 0));
        let conn = Conn {
            ends: [Some((host, stream)), None],
            hosts: [host, reached.unwrap_or(host)],
            inside,
            seen: seen.unwrap_or(inside),
            to,
            gate,
            pipes: [Pipe::default(), Pipe::default()],
        };
        self.conns.insert(id, conn);
        match reached {
            Some(_) => self.put(id, 0, Piece::Open, self.patience.syn),
            None => {
                if let Some(conn) = self.conns.get_mut(&id) {
                    conn.pipes[0].broken = true;
                }
                let why = "nobody answers";
                self.post(self.now + self.patience.syn, Parcel::Dead { conn: id, end: 0, why });
            }
        }
    }

    fn local_end(
        &mut self,
        host: usize,
        (from, ports): (Option<IpAddr>, &RangeInclusive<u16>),
        to: SocketAddr,
    ) -> Option<SocketAddr> {
        let it = &mut self.hosts[host];
        let ip = it.source(from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), to)?;
        if !it.owns(ip) {
            return None;
        }
        it.tcp.take(ip, ports, false, &mut self.random)
    }

    pub(super) fn send(&mut self, host: usize, stream: StreamId, bytes: Vec<u8>) {
        let Some((conn, end)) = self.hosts[host].streams.get(&stream).copied() else {
            self.violation(host, &format!("octets sent on {stream:?}, which is not open"));
        };
        if let Some(receiver) = self.conns.get(&conn).map(|conn| conn.hosts[1 - end]) {
            self.check_tpkt(host, receiver, &bytes);
        }
        let content = digest(&bytes);
        self.note(host, Fact::Stream { stream, length: bytes.len(), content });
        let bytes = match &mut self.hosts[host].tamper {
            Some(tamper) => tamper(bytes),
            None => bytes,
        };
        if !bytes.is_empty() {
            self.put(conn, end, Piece::Bytes(bytes), self.patience.retransmission);
        }
    }

    pub(super) fn close(&mut self, host: usize, stream: StreamId) {
        let Some((conn, end)) = self.hosts[host].streams.get(&stream).copied() else {
            if self.hosts[host].past.contains(&stream) {
                return;
            }
            self.violation(host, &format!("{stream:?} is closed, but never was"));
        };
        self.note(host, Fact::Close { stream });
        self.put(conn, end, Piece::End, self.patience.retransmission);
        self.detach(conn, end);
    }

    /// Puts a piece into the pipe that leads away from an end. If it is lost for good the end hears of it after
    /// `patience`.
    fn put(&mut self, id: ConnId, end: usize, piece: Piece, patience: Duration) {
        let Some(conn) = self.conns.get(&id) else { return };
        if conn.pipes[end].broken {
            return;
        }
        let passes = match (conn.gate, &piece) {
            (Some(gate), Piece::Bytes(_) | Piece::End | Piece::Reset) if end == 0 => {
                self.gates[gate].tcp_segment(self.now, conn.inside, conn.to)
            }
            _ => true,
        };
        let length = if let Piece::Bytes(bytes) = &piece { bytes.len() } else { 0 };
        let hosts = conn.hosts;
        self.capture_piece(id, end, &piece);
        let due = if passes { self.journey(hosts[end], hosts[1 - end], length) } else { None };
        let Some(due) = due else { return self.break_pipe(id, end, patience) };
        let due = self.glued(due, &piece);
        if let Some(conn) = self.conns.get_mut(&id) {
            let pipe = &mut conn.pipes[end];
            let due = pipe.last_due().map_or(due, |last| due.max(last));
            pipe.queue.push_back((due, piece));
            self.post(due, Parcel::Piece { conn: id, from: end });
        }
    }

    fn capture_piece(&mut self, id: ConnId, end: usize, piece: &Piece) {
        let time = self.elapsed();
        let (Some(capture), Some(conn)) = (&mut self.capture, self.conns.get(&id)) else { return };
        let ends = if end == 0 { (conn.seen, conn.to) } else { (conn.to, conn.seen) };
        match piece {
            Piece::Open => capture.tcp(time, ends, if end == 0 { 0x02 } else { 0x12 }, &[]),
            Piece::Bytes(bytes) => capture.tcp(time, ends, 0x18, bytes),
            Piece::End => capture.tcp(time, ends, 0x11, &[]),
            Piece::Reset => capture.tcp(time, ends, 0x14, &[]),
        }
    }

    /// When a stretch of a stream that leaves one host now arrives at another.
    fn journey(&mut self, from: usize, to: usize, length: usize) -> Option<Instant> {
        // While a line is cut the system repeats what it sends, as long as it has patience.
        let cut = [from, to].map(|host| self.hosts[host].link.cut_for(self.now));
        let cut = cut.into_iter().max().unwrap_or_default();
        if cut > self.patience.retransmission {
            return None;
        }
        let it = &mut self.hosts[from];
        let halfway = it.up.stretch(self.now, &it.link, length, &mut self.random);
        let late = retransmitted(&it.link, &mut self.random)?;
        let it = &mut self.hosts[to];
        let due = it.down.stretch(halfway, &it.link, length, &mut self.random);
        Some(due + cut + late + retransmitted(&it.link, &mut self.random)?)
    }

    /// Under [`Chop::Random`] some octets wait for the next.
    fn glued(&mut self, due: Instant, piece: &Piece) -> Instant {
        let holds = self.chop == Chop::Random
            && matches!(piece, Piece::Bytes(_))
            && self.random.random_bool(0.5);
        if holds { due + Duration::from_millis(self.random.random_range(1..30)) } else { due }
    }

    fn expect_life(&mut self, id: ConnId, end: usize) {
        if let Some(idle) = self.patience.keepalive {
            self.post(self.now + idle, Parcel::Probe { conn: id, end });
        }
    }

    /// A system asks whether the other end of a connection lives. What passes refreshes the gate.
    pub(super) fn probe(&mut self, id: ConnId, end: usize) {
        let Some(conn) = self.conns.get(&id) else { return };
        if conn.ends[end].is_none() || conn.pipes[end].broken {
            return;
        }
        let (other, inside, to) = (1 - end, conn.inside, conn.to);
        let passes = match conn.gate {
            Some(gate) => self.gates[gate].tcp_segment(self.now, inside, to),
            None => true,
        };
        if !passes || self.hosts[conn.hosts[other]].gone {
            return self.break_pipe(id, end, self.patience.retransmission);
        }
        if conn.ends[other].is_none() && conn.pipes[other].queue.is_empty() {
            return self.tell_dead(id, end, "reset");
        }
        self.expect_life(id, end);
    }

    fn break_pipe(&mut self, id: ConnId, end: usize, patience: Duration) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if !std::mem::replace(&mut conn.pipes[end].broken, true) {
            conn.pipes[end].queue.clear();
            let why = "no answer any more";
            self.post(self.now + patience, Parcel::Dead { conn: id, end, why });
        }
    }

    /// Pieces sent by an end arrive at the other.
    pub(super) fn piece_due(&mut self, id: ConnId, from: usize) {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let pipe = &mut conn.pipes[from];
        if let Some(until) = pipe.stalled.filter(|until| *until > now) {
            self.post(until, Parcel::Piece { conn: id, from });
            return;
        }
        if pipe.broken || pipe.queue.front().is_none_or(|(due, _)| *due > now) {
            return;
        }
        let Some((_, mut piece)) = pipe.queue.pop_front() else { return };
        if self.chop == Chop::Random
            && let Piece::Bytes(bytes) = &mut piece
        {
            while let Some((due, Piece::Bytes(_))) = pipe.queue.front()
                && *due <= now
                && let Some((_, Piece::Bytes(more))) = pipe.queue.pop_front()
            {
                bytes.extend(more);
            }
        }
        let receiver = conn.hosts[1 - from];
        let (gate, inside, to) = (conn.gate, conn.inside, conn.to);
        let passes = match gate {
            Some(gate) if from == 1 => self.gates[gate].tcp_segment(now, inside, to),
            _ => true,
        };
        if !passes || self.hosts[receiver].gone {
            let patience = match piece {
                Piece::Open => self.patience.syn,
                Piece::Bytes(_) | Piece::End | Piece::Reset => self.patience.retransmission,
            };
            return self.break_pipe(id, from, patience);
        }
        match piece {
            Piece::Open if from == 0 => self.syn(id),
            Piece::Open => self.syn_ack(id),
            Piece::Bytes(bytes) => self.bytes(id, from, bytes),
            Piece::End => self.tell_dead(id, 1 - from, "closed by the peer"),
            Piece::Reset => self.tell_dead(id, 1 - from, "reset"),
        }
    }

    /// A connection reaches the host it is for.
    fn syn(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(&id) else { return };
        let host = conn.hosts[1];
        let (called, peer) = (conn.to, conn.seen);
        // Behind a NAT that forwards it is the inside address that is called.
        let gate = self.hosts[host].gate.filter(|_| !self.hosts[host].ips.contains(&called.ip()));
        let to = gate.and_then(|gate| self.forwarded(gate, called)).map_or(called, |found| found.1);
        let Some(listener) = self.hosts[host].listener(to) else {
            let back = self.journey(host, self.conns[&id].hosts[0], 0);
            let why = "refused";
            self.post(back.unwrap_or(self.now), Parcel::Dead { conn: id, end: 0, why });
            return;
        };
        self.hosts[host].accepted += 1;
        let stream = StreamId::accepted(self.hosts[host].accepted);
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.ends[1] = Some((host, stream));
        }
        self.hosts[host].streams.insert(stream, (id, 1));
        self.put(id, 1, Piece::Open, self.patience.retransmission);
        self.expect_life(id, 1);
        self.note(host, Fact::Accepted { stream, peer });
        let arrival = Arrival::Accepted { listener, stream, local: to, peer };
        self.hosts[host].inbox.push_back(arrival);
        self.settle(host);
    }

    fn syn_ack(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let local = conn.inside;
        let Some((host, stream)) = conn.ends[0] else { return };
        self.expect_life(id, 0);
        self.note(host, Fact::Connected { stream });
        self.hosts[host].inbox.push_back(Arrival::Connected { stream, local });
        self.settle(host);
    }

    /// Octets arrive: whole, one by one, or cut somewhere, as the world chops.
    fn bytes(&mut self, id: ConnId, from: usize, bytes: Vec<u8>) {
        let Some(conn) = self.conns.get(&id) else { return };
        let Some((host, stream)) = conn.ends[1 - from] else {
            // The receiver is no more: it answers with a reset, which does not overtake what it sent before.
            return self.put(id, 1 - from, Piece::Reset, self.patience.retransmission);
        };
        self.note(host, Fact::Bytes { stream, length: bytes.len() });
        let mut rest = bytes.as_slice();
        while !rest.is_empty() && self.hosts[host].streams.contains_key(&stream) {
            let length = match self.chop {
                Chop::AsSent => rest.len(),
                Chop::EachByte => 1,
                Chop::Random => self.random.random_range(1..=rest.len()),
            };
            let (part, after) = rest.split_at(length);
            rest = after;
            self.hosts[host].inbox.push_back(Arrival::Bytes { stream, bytes: part.to_vec() });
            self.settle(host);
        }
    }

    /// An end that still lives is told of the connection's end.
    pub(super) fn tell_dead(&mut self, id: ConnId, end: usize, why: &'static str) {
        let Some((host, stream)) = self.conns.get(&id).and_then(|conn| conn.ends[end]) else {
            return;
        };
        self.detach(id, end);
        self.note(host, Fact::Closed { stream, why });
        self.hosts[host].inbox.push_back(Arrival::Closed { stream });
        self.settle(host);
    }

    /// An end is no more, without a word: whoever still sends to it is answered with a reset.
    pub(super) fn forget_end(&mut self, id: ConnId, end: usize) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.ends[end] = None;
        if conn.ends == [None, None] {
            self.conns.remove(&id);
        }
    }

    /// An end lets go of its connection, which is no more when both have.
    fn detach(&mut self, id: ConnId, end: usize) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let Some((host, stream)) = conn.ends[end].take() else { return };
        let it = &mut self.hosts[host];
        it.streams.remove(&stream);
        it.past.insert(stream);
        if end == 0 {
            it.tcp.give_back(conn.inside);
        }
        if conn.ends == [None, None] {
            if let Some(gate) = conn.gate {
                self.gates[gate].tcp_close(conn.inside, conn.to);
            }
            self.conns.remove(&id);
        }
    }
}
