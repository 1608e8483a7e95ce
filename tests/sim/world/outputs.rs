//! What agents want, and what the world does about it.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use pinhole::face::{Answer, Bind, FlowCommand, FlowId, Output, Question, QuestionId};
use pinhole::media::Channel;
use pinhole::security::agreement::Work;

use super::host::{Arrival, Owner};
use super::trace::Fact;
use super::{Parcel, World};

impl World {
    /// More outputs than this without a timeout are no drain.
    const DRAIN: usize = 100_000;

    /// Gives a host's agent what waits for it, one by one, drained after each.
    pub(super) fn settle(&mut self, host: usize) {
        while let Some(arrival) = self.hosts[host].inbox.pop_front() {
            if self.hosts[host].gone {
                return;
            }
            let now = self.now;
            self.hosts[host].media_ways = None;
            self.hosts[host].agent.handle_input(now, arrival.input());
            self.drain(host);
        }
    }

    /// Does what a host's agent wants, until it wants nothing. Returns how much that was.
    pub(super) fn drain(&mut self, host: usize) -> usize {
        for wanted in 0..Self::DRAIN {
            match self.hosts[host].agent.poll_output() {
                Output::Timeout(deadline) => {
                    self.hosts[host].deadline = deadline;
                    return wanted;
                }
                output => self.act(host, output),
            }
            if self.hosts[host].gone {
                return wanted;
            }
        }
        self.violation(host, "its outputs do not end with a timeout")
    }

    /// A host's deadline has come.
    pub(super) fn wake(&mut self, host: usize) {
        self.note(host, Fact::Timeout);
        let now = self.now;
        self.hosts[host].media_ways = None;
        self.hosts[host].agent.handle_input(now, Arrival::Timeout.input());
        let wanted = self.drain(host);
        let past = self.hosts[host].deadline.is_some_and(|deadline| deadline <= now);
        let barren = if past && wanted == 0 { self.hosts[host].barren + 1 } else { 0 };
        self.hosts[host].barren = barren;
        if barren >= 2 {
            self.violation(host, "its deadline stays in the past, and nothing comes of it");
        }
        self.settle(host);
    }

    fn act(&mut self, host: usize, output: Output) {
        match output {
            Output::Bind { bind, ip, ports, .. } => self.bind(host, bind, ip, &ports),
            Output::Join { socket, group, .. } => {
                let (bind, at) = (Bind::Udp(socket), group.into());
                let it = &mut self.hosts[host];
                it.binds.insert(bind, at);
                it.sockets.insert(socket, at);
                it.owners.insert(at, Owner::Agent(socket));
                self.hosts[host].inbox.push_back(Arrival::Bound { bind, at: Some(at) });
            }
            Output::Unbind(bind) => self.unbind(host, bind),
            Output::Datagram { socket, to, bytes } => {
                let Some(at) = self.hosts[host].sockets.get(&socket).copied() else {
                    self.violation(host, &format!("a datagram from {socket:?}, not bound"));
                };
                self.check_wire(host, to, &bytes);
                self.launch(host, at, to, bytes);
            }
            Output::Connect { stream, from, ports, to, .. } => {
                self.connect(host, stream, (from, &ports), to);
            }
            Output::Send { stream, bytes } => self.send(host, stream, bytes),
            Output::Close { stream } => self.close(host, stream),
            Output::Ask { id, question } => {
                let answer = match question {
                    Question::HalfKeys(work) => match self.labour {
                        Some(labour) => return self.work(host, id, work, labour),
                        None => Some(Answer::HalfKeys(work.done())),
                    },
                    Question::Addresses { hosts } => {
                        Some(Answer::Addresses(self.addresses(&hosts)))
                    }
                    // A server whose name leads to the address that it sees.
                    Question::Mapped { server, .. } => {
                        Some(Answer::Addresses(self.addresses(&[server])))
                    }
                };
                self.hosts[host].inbox.push_back(Arrival::Answer { id, answer });
            }
            // Queues of this world have no end.
            Output::Pace { stream, by } => {
                for id in [stream, by] {
                    if !self.hosts[host].streams.contains_key(&id) {
                        self.violation(host, &format!("{id:?} is paced, which is not open"));
                    }
                }
            }
            Output::Halt { stream, time } => self.halt(host, stream, time),
            Output::Flow(command) => self.flow(host, command),
            Output::Event(event) => {
                self.note(host, Fact::Event { what: format!("{event:?}") });
                let at = self.elapsed();
                self.hosts[host].events.push((at, event));
            }
            Output::Finished => self.finish(host),
            Output::Timeout(_) => {}
        }
    }

    /// Work is done one after the other; what does not fit into the queue is not done.
    fn work(&mut self, host: usize, id: QuestionId, work: Work, (each, most): (Duration, usize)) {
        let it = &mut self.hosts[host];
        if it.labour.1 >= most {
            it.inbox.push_back(Arrival::Answer { id, answer: None });
            return;
        }
        let due = it.labour.0.map_or(self.now, |until| until.max(self.now)) + each;
        it.labour = (Some(due), it.labour.1 + 1);
        let answer = Some(Answer::HalfKeys(work.done()));
        self.post(due, Parcel::Worked { host, id, answer });
    }

    /// What names lead to.
    fn addresses(&self, hosts: &[(String, u16)]) -> Vec<SocketAddr> {
        let address = |(name, port): &(String, u16)| {
            let ip = name.parse().ok().or_else(|| self.names.get(name).copied())?;
            Some(SocketAddr::new(ip, *port))
        };
        hosts.iter().filter_map(address).collect()
    }

    fn bind(&mut self, host: usize, bind: Bind, ip: IpAddr, ports: &RangeInclusive<u16>) {
        let it = &mut self.hosts[host];
        if it.binds.contains_key(&bind) {
            self.violation(host, &format!("{bind:?} is already bound"));
        }
        let pair = matches!(bind, Bind::UdpPair(..) | Bind::Media(_));
        let book = if matches!(bind, Bind::Tcp(_)) { &mut it.tcp } else { &mut it.udp };
        let at = if it.ips.contains(&ip) || ip.is_unspecified() {
            book.take(ip, ports, pair, &mut self.random)
        } else {
            None
        };
        if let Some(at) = at {
            let it = &mut self.hosts[host];
            it.binds.insert(bind, at);
            match bind {
                Bind::Udp(socket) => {
                    it.sockets.insert(socket, at);
                    it.owners.insert(at, Owner::Agent(socket));
                }
                Bind::UdpPair(even, odd) => {
                    for (socket, at) in [(even, at), (odd, odd_of(at))] {
                        it.sockets.insert(socket, at);
                        it.owners.insert(at, Owner::Agent(socket));
                    }
                }
                Bind::Tcp(listener) => {
                    it.listeners.insert(at, listener);
                }
                Bind::Media(pair) => {
                    it.owners.insert(at, Owner::Media(pair, Channel::Rtp));
                    it.owners.insert(odd_of(at), Owner::Media(pair, Channel::Rtcp));
                }
            }
        }
        self.note(host, Fact::Bind { bind, at });
        self.hosts[host].inbox.push_back(Arrival::Bound { bind, at });
    }

    fn unbind(&mut self, host: usize, bind: Bind) {
        self.note(host, Fact::Unbind { bind });
        let it = &mut self.hosts[host];
        let Some(at) = it.binds.remove(&bind) else {
            self.violation(host, &format!("{bind:?} is given back, but not bound"));
        };
        it.left.insert(at, self.now);
        match bind {
            Bind::Udp(socket) => {
                it.sockets.remove(&socket);
            }
            Bind::UdpPair(even, odd) => {
                it.sockets.remove(&even);
                it.sockets.remove(&odd);
            }
            Bind::Tcp(_) => {
                it.listeners.remove(&at);
                it.tcp.give_back(at);
                return;
            }
            Bind::Media(_) => {}
        }
        it.owners.remove(&at);
        it.udp.give_back(at);
        if matches!(bind, Bind::UdpPair(..) | Bind::Media(_)) {
            it.owners.remove(&odd_of(at));
            it.udp.give_back(odd_of(at));
            it.left.insert(odd_of(at), self.now);
        }
    }

    fn flow(&mut self, host: usize, command: FlowCommand) {
        self.note(host, Fact::Flow { what: format!("{command:?}") });
        match &command {
            FlowCommand::Open { flow, pairs } => {
                let it = &mut self.hosts[host];
                if pairs.iter().any(|pair| !it.binds.contains_key(&Bind::Media(*pair))) {
                    self.violation(host, &format!("{flow:?} relays between pairs not bound"));
                }
                if it.flows.insert(*flow, *pairs).is_some() {
                    self.violation(host, &format!("{flow:?} is already open"));
                }
            }
            FlowCommand::Share { pair } => {
                let it = &mut self.hosts[host];
                if !it.binds.contains_key(&Bind::Media(*pair)) {
                    self.violation(host, &format!("{pair:?} is shared, but not bound"));
                }
                it.shared.insert(*pair);
            }
            FlowCommand::Lock { flow, side } => {
                self.hosts[host].locked.entry((*flow, *side)).or_default();
            }
            FlowCommand::Multiplex { flow, side, send, .. } => {
                if let Some(prefix) = self.hosts[host].locked.get_mut(&(*flow, *side)) {
                    *prefix = *send;
                }
            }
            FlowCommand::Beside { .. }
            | FlowCommand::Patience { .. }
            | FlowCommand::Datagrams { .. }
            | FlowCommand::Rearm { .. }
            | FlowCommand::Listen { .. }
            | FlowCommand::Decrypt { .. }
            | FlowCommand::Encrypt { .. }
            | FlowCommand::Pass { .. }
            | FlowCommand::ForgetOld { .. }
            | FlowCommand::Forget { .. }
            | FlowCommand::Punch { .. }
            | FlowCommand::Party { .. } => {}
            FlowCommand::Close { flow } => {
                self.hosts[host].locked.retain(|(of, _), _| of != flow);
                self.close_pairs(host, *flow);
            }
        }
        for command in self.spoilt(host, command) {
            self.hosts[host].media.command(command);
        }
        for (egress, packet) in self.hosts[host].media.take_own() {
            self.relay(host, egress, packet);
        }
        self.tell_facts(host);
    }

    /// A flow that ends gives its pairs back.
    fn close_pairs(&mut self, host: usize, flow: FlowId) {
        for pair in self.hosts[host].flows.remove(&flow).into_iter().flatten() {
            let it = &self.hosts[host];
            if it.binds.contains_key(&Bind::Media(pair)) && !it.shared.contains(&pair) {
                self.unbind(host, Bind::Media(pair));
            }
        }
    }

    /// What the media plane has to tell waits for the agent.
    pub(super) fn tell_facts(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        if it.media.has_facts() {
            let facts = it.media.take_facts();
            it.inbox.extend(facts.into_iter().map(|(flow, fact)| Arrival::Flow { flow, fact }));
        }
    }

    fn finish(&mut self, host: usize) {
        let streams: Vec<_> = self.hosts[host].streams.keys().copied().collect();
        for stream in streams {
            self.close(host, stream);
        }
        let binds: Vec<_> = self.hosts[host].binds.keys().copied().collect();
        for bind in binds {
            self.unbind(host, bind);
        }
        self.hosts[host].gone = true;
        self.hosts[host].inbox.clear();
    }

    /// A datagram from outside the world, with whatever source address, to a host on the open net or a gate.
    pub(crate) fn inject_datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.note_clear(bytes);
        self.arrive_from_afar(from, to, bytes.to_vec());
    }

    /// A datagram leaves a host from an address it has bound.
    pub(super) fn launch(&mut self, host: usize, at: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        if bytes.len() > 65_507 {
            self.violation(host, "a datagram longer than UDP carries");
        }
        self.overhear(host, &bytes);
        let now = self.now;
        if at.ip().is_multicast() {
            self.violation(host, "a datagram from a multicast group");
        }
        let it = &mut self.hosts[host];
        let Some(ip) = it.source(at.ip(), to) else {
            self.note(host, Fact::Dropped { from: at, to, why: "no such address family" });
            return;
        };
        let from = SocketAddr::new(ip, at.port());
        if let Some(tap) = &mut it.tap {
            tap.push((to, bytes.clone()));
        }
        let due = it.up.datagram(now, &it.link, bytes.len(), &mut self.random);
        let content = super::trace::digest(&bytes);
        self.note(host, Fact::Sent { from, to, length: bytes.len(), content });
        match due {
            Some(due) => self.post(due, Parcel::Out { host, from, to, bytes }),
            None => self.note(host, Fact::Dropped { from, to, why: "lost" }),
        }
    }
}

/// The next port.
pub(super) fn odd_of(at: SocketAddr) -> SocketAddr {
    SocketAddr::new(at.ip(), at.port().saturating_add(1))
}
