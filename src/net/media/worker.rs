//! One thread of the media plane. Per packet: receive, `relay`, send; no lock, no allocation, no log. Those that must be
//! encrypted are sent at the end of a wake-up, or when a batch is full.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use tokio::sync::mpsc::UnboundedSender;
use tracing::error;

use super::pace::Pace;
use super::unreachable;
use crate::face::{FlowCommand, FlowFact, FlowId, PairId, Side};
use crate::media::{Batch, Channel, Egress, Table};
use crate::net::clock;
use crate::net::ground::Pair;

/// Events taken from the system at once.
const EVENTS: usize = 1024;

/// Packets that one socket may have relayed before the others have their turn.
const TURN: u32 = 8;

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
    /// Whether it hears that nobody takes what is sent from it.
    watched: bool,
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
    batch: Batch,
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
            batch: Batch::default(),
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
        self.send_sealed();
        Some(packets)
    }

    fn take_turn(&mut self, now: Instant, token: usize) -> Option<u32> {
        for taken in 0..TURN {
            if self.batch.room().is_none() {
                self.send_sealed();
            }
            let Some(Some(port)) = self.ports.get_mut(token) else { return Some(taken) };
            port.queued = false;
            let at = (port.pair, port.channel);
            let Some(room) = self.batch.room() else { return Some(taken) };
            let (length, from) = match port.socket.recv_from(room) {
                Ok(received) => received,
                Err(error) => {
                    let empty = error.kind() == io::ErrorKind::WouldBlock;
                    if port.watched {
                        let (pair, table) = (port.pair, &mut self.table);
                        unreachable::destinations(&port.socket)
                            .for_each(|to| table.unreachable(now, pair, to));
                    }
                    match empty {
                        true => return Some(taken),
                        false => continue,
                    }
                }
            };
            // Every order that was given before the packet came: the packet may be the answer to a message that was sent
            // after the order, and the only one of its kind for a long time (a keepalive).
            if !self.obey() {
                return None;
            }
            let Self { ports, pairs, table, batch, .. } = self;
            if let Some(leaving) = table.relay(now, at, from, batch, length) {
                send(ports, pairs, &leaving.egress(), leaving.octets());
            }
        }
        self.queue(token);
        Some(TURN)
    }

    /// Sends what had to be encrypted.
    fn send_sealed(&mut self) {
        let Self { ports, pairs, batch, .. } = self;
        batch.sealed().for_each(|leaving| send(ports, pairs, &leaving.egress(), leaving.octets()));
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
                        | FlowCommand::Beside { .. }
                        | FlowCommand::Patience { .. }
                        | FlowCommand::Datagrams { .. }
                        | FlowCommand::Rearm { .. }
                        | FlowCommand::Listen { .. }
                        | FlowCommand::Lock { .. }
                        | FlowCommand::Decrypt { .. }
                        | FlowCommand::Encrypt { .. }
                        | FlowCommand::Pass { .. }
                        | FlowCommand::ForgetOld { .. }
                        | FlowCommand::Forget { .. }
                        | FlowCommand::Punch { .. }
                        | FlowCommand::Party { .. } => None,
                    };
                    if let FlowCommand::Patience { flow, side, patience: Some(_) } = &command {
                        self.watch(*flow, *side);
                    }
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

    /// It shall be heard when nobody takes what is sent to a side.
    fn watch(&mut self, flow: FlowId, side: Side) {
        let pair = self.table.pair(flow, side).and_then(|pair| self.pairs.get(&pair));
        for token in pair.into_iter().flatten() {
            if let Some(Some(port)) = self.ports.get_mut(*token)
                && !std::mem::replace(&mut port.watched, true)
            {
                unreachable::watch(&port.socket);
            }
        }
    }

    /// Sends keepalives of ours.
    fn send_own(&mut self) {
        for (egress, packet) in self.table.take_own() {
            send(&self.ports, &self.pairs, &egress, &packet);
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
            *slot = Some(Port { socket, pair, channel, queued: false, watched: false });
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

/// Sends a packet. What the system does not take at once is lost, as media may be; keepalives are followed by others. To who
/// watches, the system tells in place of sending that an earlier packet has reached nobody, which may have gone elsewhere.
fn send(
    ports: &[Option<Port>],
    pairs: &HashMap<PairId, [usize; 2]>,
    egress: &Egress,
    octets: &[u8],
) {
    let tokens = pairs.get(&egress.pair);
    let port = tokens.and_then(|tokens| ports.get(tokens[egress.channel as usize]));
    if let Some(Some(port)) = port {
        let sent = port.socket.send_to(octets, egress.to);
        if port.watched && sent.is_err_and(|error| unreachable::is_of_earlier(&error)) {
            let _ = port.socket.send_to(octets, egress.to);
        }
    }
}

#[cfg(test)]
mod tests;
