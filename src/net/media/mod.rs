//! The shell of the media plane: threads of their own, outside tokio, that receive, ask
//! [`Table::relay`](crate::media::Table::relay), and send.
//!
//! Each worker owns the flows that were given to it, with all four sockets of each. So no packet meets a lock;
//! commands come by a channel, facts go by another.

mod pace;
mod unreachable;
mod worker;

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::UdpSocket;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use mio::Waker;
use socket2::SockRef;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, warn};

use super::ground::Pair;
use crate::face::{FlowCommand, FlowFact, FlowId, PairId};
use worker::{Order, Worker};

/// What a socket may keep while its worker rests or is busy: hundreds of packets.
const RECEIVE_BUFFER: usize = 256 << 10;

/// Packets discarded from a socket when its flow opens; more cannot be waiting in a reserved one.
const STALE: u32 = 1024;

/// The workers, as their driver sees them. They start with the first flow: an agent without media has none.
#[derive(Debug)]
pub(super) struct Plane {
    wanted: usize,
    /// The class of what is sent (DSCP).
    class: u8,
    handles: Vec<Handle>,
    /// Which worker has which flow, until the flow has told its end.
    placed: HashMap<FlowId, usize>,
    shared: HashSet<PairId>,
    facts: UnboundedSender<(FlowId, FlowFact)>,
}

#[derive(Debug)]
struct Handle {
    /// Absent once the worker has been told to end.
    orders: Option<Sender<Order>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    flows: usize,
}

impl Plane {
    /// A plane of so many workers, which reports to `facts`. What it sends is of this class (DSCP).
    pub(super) fn new(
        workers: usize,
        class: u8,
        facts: UnboundedSender<(FlowId, FlowFact)>,
    ) -> Self {
        Self {
            wanted: workers.max(1),
            class,
            handles: Vec::new(),
            placed: HashMap::new(),
            shared: HashSet::new(),
            facts,
        }
    }

    /// Gives a pair that flows will share to the first worker. False when there is none.
    #[must_use]
    pub(super) fn share(&mut self, pair: PairId, sockets: Pair) -> bool {
        if self.handles.is_empty() {
            self.start();
        }
        self.shared.insert(pair);
        prepare(&sockets, self.class);
        self.handles.first().is_some_and(|handle| handle.order(Order::Share(pair, sockets)))
    }

    /// True for a pair that was given to be shared.
    pub(super) fn is_shared(&self, pair: PairId) -> bool {
        self.shared.contains(&pair)
    }

    /// Gives a flow with its sockets to the worker that has the fewest, or to the first when it has a shared pair (which
    /// comes without sockets). False when there is none.
    #[must_use]
    pub(super) fn open(&mut self, flow: FlowId, pairs: [(PairId, Option<Pair>); 2]) -> bool {
        if self.handles.is_empty() {
            self.start();
        }
        pairs
            .iter()
            .filter_map(|(_, sockets)| sockets.as_ref())
            .for_each(|sockets| prepare(sockets, self.class));
        let shared = pairs.iter().any(|(_, sockets)| sockets.is_none());
        let busy = |(index, handle): &(usize, &mut Handle)| match shared {
            true => *index,
            false => handle.flows,
        };
        let least = self.handles.iter_mut().enumerate().min_by_key(busy);
        let Some((index, handle)) = least else { return false };
        if !handle.order(Order::Open { flow, pairs }) {
            return false;
        }
        handle.flows += 1;
        self.placed.insert(flow, index);
        true
    }

    /// Passes a command on. False when no worker has its flow.
    #[must_use]
    pub(super) fn command(&self, flow: FlowId, command: FlowCommand) -> bool {
        let handle = self.placed.get(&flow).and_then(|index| self.handles.get(*index));
        handle.is_some_and(|handle| handle.order(Order::Command(command)))
    }

    /// Notes that a flow has told its end.
    pub(super) fn ended(&mut self, flow: FlowId) {
        if let Some(handle) =
            self.placed.remove(&flow).and_then(|index| self.handles.get_mut(index))
        {
            handle.flows = handle.flows.saturating_sub(1);
        }
    }

    fn start(&mut self) {
        for number in 0..self.wanted {
            match self.start_worker(number) {
                Ok(handle) => self.handles.push(handle),
                Err(error) => error!(%error, "a media worker cannot start"),
            }
        }
    }

    fn start_worker(&self, number: usize) -> io::Result<Handle> {
        let (orders, orders_end) = channel();
        let worker = Worker::new(orders_end, self.facts.clone())?;
        let waker = worker.waker()?;
        let name = format!("media-{number}");
        let thread = std::thread::Builder::new().name(name).spawn(move || worker.run())?;
        Ok(Handle { orders: Some(orders), waker, thread: Some(thread), flows: 0 })
    }
}

impl Handle {
    fn order(&self, order: Order) -> bool {
        let sent = self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok());
        sent && self.waker.wake().is_ok()
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        for handle in &mut self.handles {
            handle.orders = None;
            // A worker that cannot be woken is not waited for.
            if handle.waker.wake().is_err() {
                handle.thread = None;
            }
        }
        for thread in self.handles.iter_mut().filter_map(|handle| handle.thread.take()) {
            if thread.join().is_err() {
                error!("a media worker has panicked");
            }
        }
    }
}

/// Makes sockets ready for media. What came while they were only reserved belongs to no call, or to an earlier one, and is
/// discarded: now, before anybody is told of them, and not when the worker comes to it, which may find the first packet
/// of the call in them.
fn prepare(sockets: &Pair, class: u8) {
    let mut scrap = [0];
    for socket in sockets {
        for _ in 0..STALE {
            match socket.recv_from(&mut scrap) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                _ => {}
            }
        }
        let _ = SockRef::from(socket).set_recv_buffer_size(RECEIVE_BUFFER);
        if let Err(error) = classify(socket, class) {
            warn!(%error, class, "media is sent without its class (RTPDiffServ)");
        }
    }
}

/// Sets the class of what a socket sends: the upper six bits of the octet that IPv4 calls type of service and IPv6
/// traffic class.
fn classify(socket: &UdpSocket, class: u8) -> io::Result<()> {
    let octet = u32::from(class) << 2;
    let socket = SockRef::from(socket);
    match socket.local_addr()?.is_ipv6() {
        true => socket.set_tclass_v6(octet),
        false => socket.set_tos_v4(octet),
    }
}
