//! Hostile messages by all three ways: RAS datagrams, signalling connections, H.245 within the attackers' own calls.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pinhole::net::now;
use pinhole_h323::id::CallId;

use crate::hostile::{Hostile, framed};
use crate::raw::{Callee, connect, receive, register, send, setup};
use crate::town::Town;

/// The attackers, and who probes meanwhile whether others are served.
pub(crate) struct Attack {
    hostile: Hostile,
    ras: SocketAddr,
    signalling: SocketAddr,
    sources: [IpAddr; 2],
    socket: UdpSocket,
    probe: UdpSocket,
    probes: u16,
    callee: Callee,
    own: Option<Call>,
    /// How many messages went over RAS, H.225 and H.245.
    pub(crate) struck: [usize; 3],
    /// How many calls the attackers made.
    pub(crate) calls: usize,
    /// The slowest answer to a probe.
    pub(crate) slowest: Duration,
}

/// A call between two attackers.
struct Call {
    /// Both signalling connections.
    _signalling: [TcpStream; 2],
    /// Both H.245 connections.
    control: [TcpStream; 2],
    /// One of them has been closed by the gatekeeper.
    over: Arc<AtomicBool>,
}

impl Attack {
    pub(crate) fn new(town: &Town, hostile: Hostile) -> Self {
        let socket = |host| UdpSocket::bind((town.host(host), 0)).unwrap();
        let callee = Callee::listen(town.host(68));
        Self {
            hostile,
            ras: town.gatekeeper(1719),
            signalling: town.gatekeeper(1720),
            sources: [66, 67].map(|host| town.host(host)),
            socket: socket(66),
            probe: socket(70),
            probes: 0,
            callee,
            own: None,
            struck: [0; 3],
            calls: 0,
            slowest: Duration::ZERO,
        }
    }

    /// One message.
    pub(crate) fn strike(&mut self, n: usize) {
        match n % 3 {
            0 => {
                let message = self.hostile.ras();
                // A message may be longer than any datagram.
                let _ = self.socket.send_to(&message.octets, self.ras);
            }
            1 => {
                let message = self.hostile.signalling();
                let mut stream = connect(self.sources[0], self.signalling).expect("it listens");
                // It may be closed before all of it is sent.
                let _ = stream.write_all(&message.octets);
            }
            _ => self.control(n),
        }
        self.struck[n % 3] += 1;
    }

    /// Within a call of ours; one that has not survived is made again.
    fn control(&mut self, n: usize) {
        let message = framed(&self.hostile.control().octets);
        for _ in 0..5 {
            if self.own.is_none() {
                self.own = self.call();
            }
            let Some(call) = &mut self.own else { continue };
            if call.over.load(Ordering::Relaxed) {
                self.own = None;
                continue;
            }
            let side = &mut call.control[n / 3 % 2];
            if side.write_all(&message).is_ok() {
                return;
            }
            self.own = None;
        }
        panic!("the attackers cannot call any more");
    }

    fn call(&mut self) -> Option<Call> {
        self.calls += 1;
        let mut id = [6; 16];
        id[..8].copy_from_slice(&self.calls.to_be_bytes());
        let mut caller = connect(self.sources[1], self.signalling).ok()?;
        send(&mut caller, &setup(CallId(id), self.callee.at())).ok()?;
        let called = self.callee.answer().ok()?;
        let at = loop {
            let signal = receive(&mut caller).ok()?;
            if let Some(at) = signal.h245_address() {
                break at;
            }
        };
        let control = connect(self.sources[1], at).ok()?;
        let other = self.callee.control().ok()?;
        let over = Arc::new(AtomicBool::new(false));
        for stream in [&caller, &called, &control, &other] {
            swallow(stream, &over);
        }
        Some(Call { _signalling: [caller, called], control: [control, other], over })
    }

    /// Somebody else registers meanwhile; nothing when that is not answered.
    pub(crate) fn probe(&mut self) -> Option<()> {
        self.probes = self.probes % 60_000 + 1;
        let begun = now();
        register(&self.probe, self.ras, "probe", self.probes)?;
        self.slowest = self.slowest.max(begun.elapsed());
        Some(())
    }
}

/// Reads whatever comes, so that nothing waits for us; when nothing more can come, the call is over.
fn swallow(stream: &TcpStream, over: &Arc<AtomicBool>) {
    let mut stream = stream.try_clone().expect("another handle");
    let over = Arc::clone(over);
    std::thread::spawn(move || {
        let _ = stream.set_read_timeout(None);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        over.store(true, Ordering::Relaxed);
    });
}
