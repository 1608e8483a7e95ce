//! Orders and packets that come at the same time, and workers that come late to both.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Sender, channel};

use tokio::sync::mpsc::UnboundedReceiver;

use super::super::Plane;
use super::*;
use crate::face::{Party, Ports, Side};

const FLOW: FlowId = FlowId(1);
const PAIR: PairId = PairId(1);
const OTHER: PairId = PairId(2);
/// A multiplexID.
const ID: u32 = 0x1234_5678;

type Facts = UnboundedReceiver<(FlowId, FlowFact)>;

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn at(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().unwrap()
}

fn worker() -> (Worker, Sender<Order>, mio::Waker, Facts) {
    let (orders, orders_end) = channel();
    let (facts, told) = tokio::sync::mpsc::unbounded_channel();
    let worker = Worker::new(orders_end, facts).unwrap();
    let waker = worker.waker().unwrap();
    (worker, orders, waker, told)
}

/// A client on this host, whose port has to be learned.
fn client_expected() -> FlowCommand {
    let party = Party {
        ip: Ipv4Addr::LOCALHOST.into(),
        ports: Ports::Learned { keepalive: None, key: None },
    };
    FlowCommand::Party { flow: FLOW, side: Side::A, party }
}

/// RTP without payload, as H.460.19 has it.
fn keepalive(mark: Option<u32>) -> Vec<u8> {
    let mark = mark.map(u32::to_be_bytes);
    let header = [0x80, 127, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    mark.into_iter().flatten().chain(header).collect()
}

/// Opens a flow whose side A is multiplexed.
fn open_multiplexed(orders: &Sender<Order>) {
    let pairs = [(PAIR, None), (OTHER, Some([socket(), socket()]))];
    orders.send(Order::Open { flow: FLOW, pairs }).unwrap();
    let mark =
        FlowCommand::Multiplex { flow: FLOW, side: Side::A, receive: Some(ID), send: Some(7) };
    for command in [mark, client_expected()] {
        orders.send(Order::Command(command)).unwrap();
    }
}

/// Lets a worker do what it has to do, until a packet was among it.
fn work(worker: &mut Worker, waker: &mio::Waker, events: &mut Events) {
    let step = |_| {
        waker.wake().unwrap();
        worker.step(events).unwrap() > 0
    };
    assert!((0..10).any(step), "no packet has come");
}

fn assert_learned(facts: &mut Facts, client: &UdpSocket) {
    let mut fact = || facts.try_recv().unwrap();
    // What had come before the order was of nobody.
    let stray = |(_, fact): &(FlowId, FlowFact)| matches!(fact, FlowFact::Strays { .. });
    let first = fact();
    let (of, fact) = if stray(&first) { fact() } else { first };
    let learned = matches!(fact, FlowFact::Learned { from, .. } if from == at(client));
    assert!(of == FLOW && learned, "{fact:?}");
}

#[test]
fn a_keepalive_that_waits_together_with_the_order_that_expects_it_is_expected() {
    let (mut worker, orders, waker, mut told) = worker();
    let mut events = Events::with_capacity(EVENTS);
    let (shared, client) = (socket(), socket());
    let to = at(&shared);
    orders.send(Order::Share(PAIR, [shared, socket()])).unwrap();
    waker.wake().unwrap();
    worker.step(&mut events).unwrap();

    open_multiplexed(&orders);
    client.send_to(&keepalive(Some(ID)), to).unwrap();
    work(&mut worker, &waker, &mut events);
    assert_learned(&mut told, &client);
}

#[test]
fn a_keepalive_that_comes_with_its_order_while_the_worker_has_other_packets_is_expected() {
    let (mut worker, orders, waker, mut told) = worker();
    let mut events = Events::with_capacity(EVENTS);
    let (shared, client, other) = (socket(), socket(), socket());
    let to = at(&shared);
    orders.send(Order::Share(PAIR, [shared, socket()])).unwrap();
    waker.wake().unwrap();
    worker.step(&mut events).unwrap();

    // The worker wakes up for a packet of another flow, and before it reads it there is more.
    other.send_to(&keepalive(Some(!ID)), to).unwrap();
    assert!(worker.wait(&mut events));
    open_multiplexed(&orders);
    client.send_to(&keepalive(Some(ID)), to).unwrap();
    assert_eq!(worker.attend(&events), Some(2));
    assert_learned(&mut told, &client);
}

#[test]
fn a_keepalive_that_comes_before_a_late_worker_has_opened_the_flow_is_expected() {
    let (mut worker, orders, waker, mut told) = worker();
    let mut events = Events::with_capacity(EVENTS);
    let (own, client) = (socket(), socket());
    let to = at(&own);
    let pairs = [(PAIR, Some([own, socket()])), (OTHER, Some([socket(), socket()]))];
    orders.send(Order::Open { flow: FLOW, pairs }).unwrap();
    orders.send(Order::Command(client_expected())).unwrap();
    client.send_to(&keepalive(None), to).unwrap();
    work(&mut worker, &waker, &mut events);
    assert_learned(&mut told, &client);
}

#[test]
fn what_came_before_a_flow_was_opened_is_not_of_it() {
    let (facts, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut plane = Plane::new(1, 0, facts);
    let mut rounds = 0..3000;
    let (own, earlier, client) = (socket(), socket(), socket());
    let to = at(&own);
    earlier.send_to(&keepalive(None), to).unwrap();
    let pairs = [(PAIR, Some([own, socket()])), (OTHER, Some([socket(), socket()]))];
    assert!(plane.open(FLOW, pairs) && plane.command(FLOW, client_expected()));
    client.send_to(&keepalive(None), to).unwrap();
    let patience = std::time::Duration::from_millis(10);
    while told.is_empty() && rounds.next().is_some() {
        std::thread::sleep(patience);
    }
    assert_learned(&mut told, &client);
}

/// RTP, the next packet of a stream.
fn media(sequence: u16) -> [u8; 16] {
    let [high, low] = sequence.to_be_bytes();
    [0x80, 8, high, low, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5, 0xd5, 0xd5, 0xd5]
}

/// The host that is named has nobody at that port, and its system says so.
#[test]
fn nobody_is_sent_media_for_long_whose_host_says_that_it_is_not_wanted() {
    for address in ["127.0.0.1", "::1"] {
        let bind = || {
            let socket = UdpSocket::bind((address, 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let (mut worker, orders, waker, mut told) = worker();
        let mut events = Events::with_capacity(EVENTS);
        let (ours, talker) = (bind(), bind());
        let nobody = { at(&bind()) };
        let to = at(&ours);
        let pairs = [(PAIR, Some([ours, bind()])), (OTHER, Some([bind(), bind()]))];
        orders.send(Order::Open { flow: FLOW, pairs }).unwrap();
        let signalled = |at: SocketAddr| Party {
            ip: at.ip(),
            ports: Ports::Signalled { rtp: Some(at.port()), rtcp: None },
        };
        let hour = std::time::Duration::from_secs(3600);
        let patience = Some(crate::face::Patience { first: hour, later: hour });
        for command in [
            FlowCommand::Party { flow: FLOW, side: Side::A, party: signalled(at(&talker)) },
            FlowCommand::Party { flow: FLOW, side: Side::B, party: signalled(nobody) },
            FlowCommand::Patience { flow: FLOW, side: Side::B, patience },
        ] {
            orders.send(Order::Command(command)).unwrap();
        }
        let mut paused = false;
        for sequence in 0..200 {
            talker.send_to(&media(sequence), to).unwrap();
            work(&mut worker, &waker, &mut events);
            while let Ok((_, fact)) = told.try_recv() {
                paused |= fact == FlowFact::Unanswered { side: Side::B, instead: None };
            }
            if paused {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(paused, "{address}");
    }
}

/// What the host of one says must not cost another his packet.
#[test]
fn a_packet_leaves_although_an_earlier_one_has_reached_nobody() {
    for address in ["127.0.0.1", "::1"] {
        let bind = || UdpSocket::bind((address, 0)).unwrap();
        let (ours, listener) = (bind(), bind());
        listener.set_nonblocking(true).unwrap();
        ours.set_nonblocking(true).unwrap();
        let nobody = { at(&bind()) };
        let socket = mio::net::UdpSocket::from_std(ours);
        unreachable::watch(&socket);
        let port = Port { socket, pair: PAIR, channel: Channel::Rtp, queued: false, watched: true };
        let (ports, pairs) = ([Some(port)], HashMap::from([(PAIR, [0, 0])]));
        let egress = |to| Egress { pair: PAIR, channel: Channel::Rtp, to, prefix: None };
        for sequence in 0..20 {
            send(&ports, &pairs, &egress(nobody), &media(sequence));
            send(&ports, &pairs, &egress(at(&listener)), &media(sequence));
        }
        let mut got = [0; 32];
        let came = (0..20).filter(|_| listener.recv_from(&mut got).is_ok()).count();
        assert_eq!(came, 20, "{address}");
    }
}
