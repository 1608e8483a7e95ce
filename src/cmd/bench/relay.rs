//! Pinhole's media plane without calls: an agent that binds pairs, opens flows between two known peers, and leaves the
//! rest to the plane.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use pinhole::face::{
    Agent, Bind, FlowCommand, FlowId, Input, Outbox, Output, PairId, Party, Ports, Side,
};
use pinhole::net::{self, Driver, Limits};

use super::cipher::{CLEAR, Cipher};

/// What a contender relays.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// So many flows.
    pub(super) flows: u32,
    /// On ports of this address.
    pub(super) ip: IpAddr,
    /// Between one of these and one of those, in turn.
    pub(super) peers: [Vec<SocketAddr>; 2],
    /// With B's side encrypted.
    pub(super) cipher: Option<Cipher>,
}

impl Task {
    /// The two peers of a flow.
    pub(super) fn peers_of(&self, flow: u32) -> Option<[SocketAddr; 2]> {
        let [a, b] = &self.peers;
        let of = |side: &Vec<SocketAddr>| side.get(flow as usize % side.len().max(1)).copied();
        Some([of(a)?, of(b)?])
    }
}

/// Is told the ports of each flow.
type Ready = Box<dyn FnOnce(&[[u16; 2]])>;

struct Relay {
    task: Task,
    out: Outbox,
    ports: Vec<[u16; 2]>,
    bound: u32,
    ready: Option<Ready>,
}

impl Relay {
    fn new(task: Task, ready: Ready) -> Self {
        let mut out = Outbox::default();
        for pair in 0..task.flows * 2 {
            let bind = Bind::Media(PairId(pair));
            out.push(Output::Bind { bind, ip: task.ip, ports: 0..=0, class: 0 });
        }
        let ports = vec![[0; 2]; task.flows as usize];
        Self { task, out, ports, bound: 0, ready: Some(ready) }
    }

    fn bound(&mut self, PairId(pair): PairId, at: Option<SocketAddr>) {
        let side = usize::from(pair % 2 == 1);
        let flow = self.ports.get_mut((pair / 2) as usize);
        if let Some(port) = flow.and_then(|ports| ports.get_mut(side)) {
            *port = at.map_or(0, |at| at.port());
        }
        self.bound += 1;
        if self.bound == self.task.flows * 2 {
            (0..self.task.flows).for_each(|flow| self.open(flow));
            if let Some(ready) = self.ready.take() {
                ready(&self.ports);
            }
        }
    }

    fn open(&mut self, flow: u32) {
        let pairs = [PairId(flow * 2), PairId(flow * 2 + 1)];
        let peers = self.task.peers_of(flow);
        let keys = self.task.cipher.and_then(|cipher| cipher.keys(flow));
        let flow = FlowId(flow);
        self.out.push(Output::Flow(FlowCommand::Open { flow, pairs }));
        if let Some([to_b, from_b]) = keys {
            let (side, clear, most) = (Side::B, Some(CLEAR), u64::MAX);
            self.out.push(Output::Flow(FlowCommand::Encrypt {
                flow,
                side,
                channel: 1,
                key: to_b,
                clear,
                most,
            }));
            self.out.push(Output::Flow(FlowCommand::Decrypt {
                flow,
                side,
                channel: 1,
                key: from_b,
                clear,
                most,
            }));
        }
        for (side, peer) in [Side::A, Side::B].into_iter().zip(peers.into_iter().flatten()) {
            let ports = Ports::Signalled { rtp: Some(peer.port()), rtcp: None };
            let party = Party { ip: peer.ip(), ports };
            self.out.push(Output::Flow(FlowCommand::Party { flow, side, party }));
        }
    }
}

impl Agent for Relay {
    fn handle_input(&mut self, _: Instant, input: Input<'_>) {
        if let Input::Bound { bind: Bind::Media(pair), at } = input {
            self.bound(pair, at);
        }
    }

    fn poll_output(&mut self) -> Output {
        self.out.pop().unwrap_or(Output::Timeout(None))
    }
}

/// Relays for ever, with one media thread, as the other contender has one.
pub(super) fn run(task: Task, ready: impl FnOnce(&[[u16; 2]]) + 'static) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let relay = Box::new(Relay::new(task, Box::new(ready)));
        let limits = Limits { media_workers: 1, ..Limits::default() };
        let (_stopper, stop) = net::stopper();
        Driver::start(relay, limits, |_| ()).run(stop).await;
        Ok(())
    })
}
