//! One thread of the media plane. Per packet: receive, `forward`, send; no lock, no allocation, no log.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use tokio::sync::mpsc::UnboundedSender;
use tracing::error;

use super::pace::Pace;
use crate::face::{FlowCommand, FlowFact, FlowId, PairId};
use crate::media::{Channel, Table};
use crate::net::clock;
use crate::net::ground::Pair;

/// Events taken from the system at once.
const EVENTS: usize = 1024;

/// Packets that one socket may have relayed before the others have their turn.
const TURN: u32 = 8;

/// Room before a packet for the multiplexID it may leave with.
const HEADROOM: usize = 4;

/// The largest UDP payload, and the room around it.
const LARGEST: usize = HEADROOM + 65_535 + Table::TAILROOM;

/// The token of the waker; sockets have smaller ones.
const WAKER: Token = Token(usize::MAX);

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Take over a pair that many flows share.
    Share(PairId, Pair),
    /// Take over a flow.
    Open {
        /// Its number.
        flow: FlowId,
        /// Its pairs: towards A, towards B; a shared one comes without its sockets.
        pairs: [(PairId, Option<Pair>); 2],
    },
    /// Obey a command about a flow that was taken over.
    Command(FlowCommand),
}

#[derive(Debug)]
struct Port {
    socket: UdpSocket,
    pair: PairId,
    channel: Channel,
    /// Whether it waits for its turn already.
    queued: bool,
}

/// The state of one thread.
#[derive(Debug)]
pub(super) struct Worker {
    poll: Poll,
    orders: Receiver<Order>,
    facts: UnboundedSender<(FlowId, FlowFact)>,
    table: Table,
    /// By token.
    ports: Vec<Option<Port>>,
    free: Vec<usize>,
    /// The tokens of a pair's ports: RTP, RTCP.
    pairs: HashMap<PairId, [usize; 2]>,
    /// The pairs that end with a flow.
    flows: HashMap<FlowId, Vec<PairId>>,
    /// Tokens of ports that may have packets.
    ready: Vec<usize>,
    turn: Vec<usize>,
    buffer: Box<[u8]>,
}

impl Worker {
    /// A worker without flows.
    ///
    /// # Errors
    /// When the system gives no poll.
    pub(super) fn new(
        orders: Receiver<Order>,
        facts: UnboundedSender<(FlowId, FlowFact)>,
    ) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            orders,
            facts,
            table: Table::default(),
            ports: Vec::new(),
            free: Vec::new(),
            pairs: HashMap::new(),
            flows: HashMap::new(),
            ready: Vec::new(),
            turn: Vec::new(),
            buffer: vec![0; LARGEST].into_boxed_slice(),
        })
    }

    /// What wakes it to read its orders. To be asked for once.
    ///
    /// # Errors
    /// When the system gives no waker.
    pub(super) fn waker(&self) -> io::Result<mio::Waker> {
        mio::Waker::new(self.poll.registry(), WAKER)
    }

    /// Works until the other end of the orders is gone.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut pace = Pace::new(clock::now());
        while let Some(packets) = self.step(&mut events) {
            if let Some(rest) = pace.woken(clock::now(), packets)
                && self.ready.is_empty()
            {
                std::thread::sleep(rest);
            }
        }
    }

    /// Waits until there is something to do, and does it; how many packets there were, or nothing when it is over.
    fn step(&mut self, events: &mut Events) -> Option<u32> {
        if !self.wait(events) {
            return None;
        }
        self.attend(events)
    }

    /// Waits until there is something to do; false when that is impossible.
    fn wait(&mut self, events: &mut Events) -> bool {
        // Ports whose turn was over before they were empty do not report again.
        let patience = (!self.ready.is_empty()).then_some(std::time::Duration::ZERO);
        match self.poll.poll(events, patience) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                error!(%error, "a media worker ends: its poll fails");
                false
            }
            _ => true,
        }
    }

    /// Does what there is to do; how many packets there were, or nothing when it is over.
    fn attend(&mut self, events: &Events) -> Option<u32> {
        let mut ordered = false;
        for event in events {
            if event.token() == WAKER {
                ordered = true;
            } else {
                self.queue(event.token().0);
            }
        }
        if ordered && !self.obey() {
            return None;
        }
        let packets = self.take_turns()?;
        self.report();
        Some(packets)
    }

    fn queue(&mut self, token: usize) {
        if let Some(Some(port)) = self.ports.get_mut(token)
            && !port.queued
        {
            port.queued = true;
            self.ready.push(token);
        }
    }

    /// Gives each waiting port its turn; how many packets they had, or nothing when it is over.
    fn take_turns(&mut self) -> Option<u32> {
        std::mem::swap(&mut self.ready, &mut self.turn);
        let (now, mut packets) = (clock::now(), 0);
        while let Some(token) = self.turn.pop() {
            packets += self.take_turn(now, token)?;
        }
        Some(packets)
    }

    fn take_turn(&mut self, now: Instant, token: usize) -> Option<u32> {
        for taken in 0..TURN {
            let Some(Some(port)) = self.ports.get_mut(token) else { return Some(taken) };
            port.queued = false;
            let place = (port.pair, port.channel);
            let Some(room) = self.buffer.get_mut(HEADROOM..HEADROOM + 65_535) else {
                return Some(taken);
            };
            let (length, from) = match port.socket.recv_from(room) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(taken),
                // An ICMP error of what was sent before.
                Err(_) => continue,
            };
            // Every order that was given before the packet came: the packet may be the answer to a message that was sent
            // after the order, and the only one of its kind for a long time (a keepalive).
            if !self.obey() {
                return None;
            }
            self.relay(now, place, from, length);
        }
        self.queue(token);
        Some(TURN)
    }

    /// Relays the packet that is in the buffer.
    fn relay(
        &mut self,
        now: Instant,
        (pair, channel): (PairId, Channel),
        from: SocketAddr,
        length: usize,
    ) {
        let Self { ports, table, pairs, buffer, .. } = self;
        let Some(packet) = buffer.get_mut(HEADROOM..) else { return };
        let Some(departure) = table.relay(now, pair, channel, from, packet, length) else { return };
        let egress = departure.egress();
        let tokens = pairs.get(&egress.pair);
        let Some(out) = tokens.map(|tokens| tokens[egress.channel as usize]) else { return };
        let mut start = HEADROOM + egress.skip;
        if let Some(prefix) = egress.prefix {
            start -= HEADROOM;
            if let Some(place) = buffer.get_mut(start..start + HEADROOM) {
                place.copy_from_slice(&prefix.to_be_bytes());
            }
        }
        let Some(packet) = buffer.get(start..HEADROOM + departure.end()) else { return };
        if let Some(Some(out)) = ports.get(out) {
            // What the system does not take at once is lost, as media may be.
            let _ = out.socket.send_to(packet, egress.to);
        }
    }

    /// Reads the orders; false when there will be none any more.
    fn obey(&mut self) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Share(pair, sockets)) => {
                    self.take_over(pair, sockets);
                    self.table.command(FlowCommand::Share { pair });
                }
                Ok(Order::Open { flow, pairs }) => self.open(flow, pairs),
                Ok(Order::Command(command)) => {
                    let closed = match &command {
                        FlowCommand::Close { flow } => Some(*flow),
                        FlowCommand::Share { .. }
                        | FlowCommand::Open { .. }
                        | FlowCommand::Multiplex { .. }
                        | FlowCommand::Datagrams { .. }
                        | FlowCommand::Rearm { .. }
                        | FlowCommand::Lock { .. }
                        | FlowCommand::Decrypt { .. }
                        | FlowCommand::Encrypt { .. }
                        | FlowCommand::Pass { .. }
                        | FlowCommand::ForgetOld { .. }
                        | FlowCommand::Forget { .. }
                        | FlowCommand::Punch { .. }
                        | FlowCommand::Party { .. } => None,
                    };
                    self.table.command(command);
                    self.send_own();
                    if let Some(flow) = closed {
                        self.close(flow);
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Sends keepalives of ours.
    fn send_own(&mut self) {
        for (egress, packet) in self.table.take_own() {
            let tokens = self.pairs.get(&egress.pair);
            let Some(out) = tokens.map(|tokens| tokens[egress.channel as usize]) else { continue };
            let mut octets: Vec<u8> =
                egress.prefix.iter().flat_map(|id| id.to_be_bytes()).collect();
            octets.extend(packet);
            if let Some(Some(port)) = self.ports.get(out) {
                // One that the system does not take is followed by another.
                let _ = port.socket.send_to(&octets, egress.to);
            }
        }
    }

    fn open(&mut self, flow: FlowId, pairs: [(PairId, Option<Pair>); 2]) {
        let ids = [pairs[0].0, pairs[1].0];
        let mut own = Vec::new();
        for (id, sockets) in pairs {
            if let Some(sockets) = sockets {
                self.take_over(id, sockets);
                own.push(id);
            }
        }
        self.flows.insert(flow, own);
        self.table.command(FlowCommand::Open { flow, pairs: ids });
    }

    fn take_over(&mut self, id: PairId, [rtp, rtcp]: Pair) {
        let rtp = self.add(rtp, id, Channel::Rtp);
        let rtcp = self.add(rtcp, id, Channel::Rtcp);
        self.pairs.insert(id, [rtp, rtcp]);
    }

    fn add(&mut self, socket: std::net::UdpSocket, pair: PairId, channel: Channel) -> usize {
        let mut socket = UdpSocket::from_std(socket);
        let token = self.free.pop().unwrap_or_else(|| {
            self.ports.push(None);
            self.ports.len() - 1
        });
        let registry = self.poll.registry();
        if let Err(error) = registry.register(&mut socket, Token(token), Interest::READABLE) {
            error!(%error, "a media socket cannot be watched");
        }
        if let Some(slot) = self.ports.get_mut(token) {
            *slot = Some(Port { socket, pair, channel, queued: false });
        }
        token
    }

    fn close(&mut self, flow: FlowId) {
        for pair in self.flows.remove(&flow).into_iter().flatten() {
            for token in self.pairs.remove(&pair).into_iter().flatten() {
                if let Some(mut port) = self.ports.get_mut(token).and_then(Option::take) {
                    let _ = self.poll.registry().deregister(&mut port.socket);
                    self.free.push(token);
                }
            }
        }
    }

    fn report(&mut self) {
        if self.table.has_facts() {
            for fact in self.table.take_facts() {
                // Nobody listens: the driver is gone, and the orders will say so.
                let _ = self.facts.send(fact);
            }
        }
    }
}

#[cfg(test)]
mod tests;
