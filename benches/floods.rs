//! What a flood from one address costs those who call from another: `cargo bench --bench floods`.
//!
//! A gatekeeper with the limits that it has by default, calls from one address of loopback to another, and meanwhile a
//! flood from a third. The figure is the ratio of the set-up times (from the connection to Connect, the median) with
//! and without the flood; each pair is measured one after the other in the same run. It fails where that is more than two,
//! twice in a row: another load of the machine can spoil one measurement.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on fails"
)]

#[path = "../tests/hostile/mod.rs"]
#[allow(dead_code, reason = "only its messages of real peers are used here")]
mod hostile;
#[path = "../tests/siege/raw.rs"]
#[allow(dead_code, reason = "who registers in the siege is not needed here")]
mod raw;
#[path = "../tests/siege/town.rs"]
#[allow(dead_code, reason = "no phones are needed here")]
mod town;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pinhole::net::now;
use pinhole_h323::cause::Release;
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::signal::{Leg, Signal};
use pinhole_h323::tpkt;

use raw::{Callee, connect, receive, registration, send, setup};
use town::Town;

/// Calls of one measurement.
const CALLS: u64 = 60;

/// How much longer a call may take to set up while a flood goes on.
const MOST: f64 = 2.0;

/// Pause between two calls: a source may make only so many a second.
const PAUSE: Duration = Duration::from_millis(30);

/// Messages that the flood of messages writes at a time.
const BATCH: usize = 32;

/// Whether the flood goes on, and how much it has done.
#[derive(Default)]
struct State {
    over: AtomicBool,
    count: AtomicUsize,
}

type Flood = fn(&State, u64, IpAddr, [SocketAddr; 2]);

fn main() {
    // Under `cargo test --benches` there is nothing to measure.
    if std::env::args().all(|arg| arg != "--bench") {
        return;
    }
    let town =
        Town::start(2, "[RoutedMode]\nAcceptUnregisteredCalls=1\nUnregisteredCallsTo=anybody\n");
    let floods: [(&str, Flood, u64); 4] = [
        ("Setups", setups, 4),
        ("half-open connections", dribble, 2),
        ("RRQs", rrqs, 2),
        ("messages of calls", talk, 1),
    ];
    for flood in floods {
        let mut ratio = under(&town, flood);
        if ratio > MOST {
            ratio = under(&town, flood);
        }
        assert!(ratio <= MOST, "{}: twice in a row more than {MOST}", flood.0);
    }
}

/// How much longer a call takes to set up under a flood.
fn under(town: &Town, (name, flood, threads): (&str, Flood, u64)) -> f64 {
    let idle = median(town);
    let state = Arc::new(State::default());
    let floods: Vec<_> = (0..threads)
        .map(|n| {
            let (state, from) = (Arc::clone(&state), town.host(66));
            let to = [1719, 1720].map(|port| town.gatekeeper(port));
            std::thread::spawn(move || flood(&state, n, from, to))
        })
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    let (before, begun) = (state.count.load(Ordering::Relaxed), now());
    let flooded = median(town);
    let rate =
        (state.count.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64();
    state.over.store(true, Ordering::Relaxed);
    assert!(rate > 0.0, "{name}: it stood still, so there was no flood");
    floods.into_iter().for_each(|flood| flood.join().expect("it ends"));
    println!(
        "{rate:6.0} {name} a second from one address: set-up of a call from another {:.2} ms, idle {:.2} ms, \
             ratio {:.2}; memory {} KiB",
        flooded.as_secs_f64() * 1e3,
        idle.as_secs_f64() * 1e3,
        flooded.as_secs_f64() / idle.as_secs_f64(),
        town.memory()
    );
    std::thread::sleep(Duration::from_secs(2));
    flooded.as_secs_f64() / idle.as_secs_f64()
}

/// The median of the set-up times. Every call must be answered.
fn median(town: &Town) -> Duration {
    let callee = Callee::listen(town.host(11));
    let mut all: Vec<Duration> = (0..CALLS).map(|n| one_call(town, &callee, n)).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

fn one_call(town: &Town, callee: &Callee, n: u64) -> Duration {
    std::thread::sleep(PAUSE);
    let mut id = [3; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    let begun = now();
    std::thread::scope(|scope| {
        let answered = scope.spawn(|| callee.answer().expect("it is called"));
        let mut caller = connect(town.host(10), town.gatekeeper(1720)).expect("a connection");
        send(&mut caller, &setup(CallId(id), callee.at())).expect("it takes Setup");
        let connect = receive(&mut caller).expect("Connect");
        assert_eq!(connect.name(), "connect");
        let took = begun.elapsed();
        let leg = Leg {
            crv: Crv::new(77),
            from_destination: false,
            call_id: CallId(id),
            tunnelling: false,
        };
        let release = Signal::release_complete(leg, Release::DestinationRejection, None);
        send(&mut caller, &release).expect("it takes ReleaseComplete");
        let mut called = answered.join().expect("it answers");
        let _ = called.read_to_end(&mut Vec::new());
        took
    })
}

/// Setups as fast as they are refused, four at a time.
fn setups(state: &State, thread: u64, from: IpAddr, [_, to]: [SocketAddr; 2]) {
    for n in 0.. {
        if state.over.load(Ordering::Relaxed) {
            return;
        }
        let mut id = [4; 16];
        id[..8].copy_from_slice(&(n * 64 + thread).to_be_bytes());
        let nobody = SocketAddr::new(from, 9);
        let tried = connect(from, to).and_then(|mut stream| {
            send(&mut stream, &setup(CallId(id), nobody))?;
            receive(&mut stream)
        });
        state.count.fetch_add(usize::from(tried.is_ok()), Ordering::Relaxed);
    }
}

/// As many connections as there may be, each with an octet now and then; what is closed is opened again.
fn dribble(state: &State, _: u64, from: IpAddr, [_, to]: [SocketAddr; 2]) {
    let mut open = std::collections::VecDeque::new();
    while !state.over.load(Ordering::Relaxed) {
        if let Ok(mut stream) = connect(from, to) {
            let _ = stream.write_all(&[3, 0, 1]);
            open.push_back(stream);
            state.count.fetch_add(1, Ordering::Relaxed);
        }
        if open.len() > 400 {
            let oldest = open.pop_front();
            drop(oldest);
        }
        if let Some(stream) = open.front_mut() {
            let _ = stream.write_all(&[0]);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Calls from one to another of its own, on which it talks as fast as it can; what is closed is called again.
fn talk(state: &State, _: u64, from: IpAddr, [_, to]: [SocketAddr; 2]) {
    let callee = Callee::listen(from);
    let mut lines = std::collections::VecDeque::new();
    for n in 0_u64.. {
        if lines.len() < 64
            && let Some(line) = own_call(&callee, n, from, to)
        {
            let begin = |(stream, words): (std::net::TcpStream, _)| {
                stream.set_nonblocking(true).expect("it is ours");
                (stream, words, 0)
            };
            lines.extend(line.map(begin));
        }
        for _ in 0..lines.len() {
            if state.over.load(Ordering::Relaxed) {
                return;
            }
            let Some((mut stream, words, mut at)) = lines.pop_front() else { break };
            while matches!(stream.read(&mut [0; 8192]), Ok(1..)) {}
            // A line on which the gatekeeper does not read now holds up no other.
            let ended = match stream.write(words.get(at..).unwrap_or(&[])) {
                Ok(sent) => {
                    let message = words.len() / BATCH;
                    let said = (at + sent) / message - at / message;
                    state.count.fetch_add(said, Ordering::Relaxed);
                    at = (at + sent) % words.len();
                    false
                }
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            };
            if !ended {
                lines.push_back((stream, words, at));
            }
        }
    }
}

/// The two ends of a call of its own, and what each says at a time.
fn own_call(
    callee: &Callee,
    n: u64,
    from: IpAddr,
    to: SocketAddr,
) -> Option<[(std::net::TcpStream, Vec<u8>); 2]> {
    let mut id = [5; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    let call_id = CallId(id);
    let (caller, called) = std::thread::scope(|scope| {
        let answered = scope.spawn(|| callee.answer());
        let caller = connect(from, to).and_then(|mut stream| {
            send(&mut stream, &setup(call_id, callee.at()))?;
            receive(&mut stream).map(|_| stream)
        });
        (caller, answered.join().expect("it ends"))
    });
    let words = |from_destination| {
        let leg = Leg { crv: Crv::new(77), from_destination, call_id, tunnelling: false };
        let message = Signal::transport(leg).encode().expect("a message");
        tpkt::wrap(&message).expect("it fits").repeat(BATCH)
    };
    Some([(caller.ok()?, words(false)), (called.ok()?, words(true))])
}

/// Full RRQs of names that nobody has.
fn rrqs(state: &State, thread: u64, from: IpAddr, [to, _]: [SocketAddr; 2]) {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let stock: Vec<_> = (0..2000)
        .map(|n| registration(&socket, &format!("flood{thread}x{n}"), n as u16 + 1))
        .collect();
    for request in stock.iter().cycle() {
        if state.over.load(Ordering::Relaxed) {
            return;
        }
        let sent = socket.send_to(request, to).is_ok();
        state.count.fetch_add(usize::from(sent), Ordering::Relaxed);
        while socket.recv(&mut [0; 2048]).is_ok() {}
        std::thread::sleep(Duration::from_micros(20));
    }
}
