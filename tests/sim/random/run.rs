//! Makes a drawn world happen.

use pinhole::face::StreamId;
use pinhole::node::{Mode, Node, Settings, Status};
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Encryption, Gatekeeper, Incoming, Options, Source};
use pinhole::security::{Demand, Policy, Terms};
use pinhole_h323::id::CallId;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plan::{Act, Manner, Plan, Who};
use crate::hostile::stock::octets;
use crate::hostile::{Hostile, framed};
use crate::scenarios::lab::{NODE, registered};
use crate::scenarios::mutants::{RAS, TPKT, mutants};
use crate::world::{GateId, HostId, Link, Patience, Raw, World, at, ip, millis, seconds};

/// The gatekeeper's other address.
const NODE6: &str = "2001:db8:1::10";
const MALLORY: &str = "192.0.2.66";
const RESIDENTS: [&str; 4] = ["anna", "bert", "carla", "dirk"];
const CALLERS: [&str; 6] = ["emil", "frida", "gerd", "hanna", "ingo", "jana"];

/// A phone of the world, and what must be known to judge it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Party {
    pub(super) host: HostId,
    pub(super) name: &'static str,
    pub(super) manner: Manner,
    /// What it plays, in hertz.
    pub(super) tone: f64,
    /// What it told before it was started last.
    pub(super) since: usize,
    /// It was cut off without a word.
    pub(super) vanished: bool,
}

/// What the gatekeeper is like.
#[derive(Debug, Clone, Copy)]
struct Keeper {
    multiplexes: bool,
    /// It encrypts for whoever can.
    prefers: bool,
    mode: Mode,
}

/// A world in which things happen.
pub(super) struct Run {
    pub(super) world: World,
    pub(super) node: Party,
    pub(super) residents: Vec<Party>,
    pub(super) callers: Vec<Party>,
    gates: Vec<GateId>,
    mallory: HostId,
    begun: u8,
    addresses: [u8; 3],
    keeper: Keeper,
}

impl Run {
    /// The gatekeeper, the NATs and the residents, all registered.
    pub(super) fn begin(plan: &Plan) -> Self {
        let mut world = World::new(plan.seed);
        world.chop(plan.chop);
        *world.patience() = Patience::shell();
        let nat = |(n, rules): (usize, &_)| world.nat(&format!("203.0.113.{}", n + 1), *rules);
        let gates = plan.nats.iter().enumerate().map(nat).collect();
        let keeper =
            Keeper { multiplexes: plan.multiplexes, prefers: plan.prefers, mode: plan.mode };
        let node = gatekeeper(0, keeper, world.now());
        let host = world.host_at("node", &[NODE, NODE6], node);
        let mallory = world.host("mallory", MALLORY, Raw::default());
        let manner = Manner {
            place: None,
            traversal: false,
            tunnelling: false,
            fast_start: false,
            multiplex: false,
            ipv6: false,
            encrypts: false,
            hold: None,
        };
        let node = Party { host, name: "node", manner, tone: 0.0, since: 0, vanished: false };
        let (residents, callers) = (Vec::new(), Vec::new());
        let (begun, addresses) = (0, [10; 3]);
        let mut run =
            Self { world, node, residents, callers, gates, mallory, begun, addresses, keeper };
        run.world.run_for(millis(10));
        for (n, manner) in plan.residents.iter().enumerate() {
            let party = run.phone(RESIDENTS[n], 400.0 + 130.0 * n as f64, *manner, None);
            run.residents.push(party);
        }
        run.world.run_for(seconds(2));
        for party in &run.residents {
            if !run.world.told(party.host, registered) {
                run.world.fail(&format!("{} is not registered", party.name));
            }
        }
        run.world.mark_rest();
        run
    }

    /// Everything that goes wrong does.
    pub(super) fn chaos(&mut self, plan: &Plan) {
        let begin = self.world.elapsed();
        for (due, act) in &plan.acts {
            let wait = (begin + *due).saturating_sub(self.world.elapsed());
            self.world.run_for(wait);
            self.act(*act);
        }
    }

    /// All faults end; who has gone comes back, except for one.
    pub(super) fn calm(&mut self, plan: &Plan) {
        self.act(Act::NodeStarts);
        let all =
            std::iter::once(self.node).chain(self.residents.clone()).chain(self.callers.clone());
        for party in all {
            *self.world.link(party.host) = Link::default();
            self.world.exhaust(party.host, false);
        }
        if let Some(lost) = plan.lost {
            self.act(Act::Vanish(Who::Resident(lost)));
        }
        self.world.with(self.mallory, |raw: &mut Raw, _| {
            raw.lines.keys().copied().collect::<Vec<_>>().into_iter().for_each(|s| raw.close(s));
        });
        for n in (0..self.residents.len()).filter(|n| plan.lost != Some(*n)) {
            if self.world.ended(self.residents[n].host) {
                self.act(Act::Restart(n));
            }
        }
    }

    /// A phone begins to call a resident.
    pub(super) fn call(&mut self, whom: usize, manner: Manner) -> usize {
        let n = self.callers.len();
        let tone = 1000.0 + 130.0 * n as f64;
        let party = self.phone(CALLERS[n], tone, manner, Some(RESIDENTS[whom]));
        self.callers.push(party);
        n
    }

    /// A stranger's audio, and garbage, at every media port of the gatekeeper.
    pub(super) fn media_storm(&mut self, seed: u64) {
        let mut garbage = mutants(TPKT, seed, 1).swap_remove(0);
        let mut packet = vec![0x80, 8, 0, seed as u8, 0, 0, 0, 0, 0, 0, 0, 9];
        packet.extend((0..160).map(|n| if n % 4 < 2 { 0xaa } else { 0x2a }));
        garbage.truncate(200);
        for to in self.world.media_ports(self.node.host) {
            let from = if to.is_ipv6() { "2001:db8:66::1" } else { MALLORY };
            let from = std::net::SocketAddr::new(ip(from), 7000);
            self.world.inject_datagram(from, to, &packet);
            self.world.inject_datagram(from, to, &garbage);
        }
    }

    /// Malformed datagrams at the RAS port.
    pub(super) fn ras_storm(&mut self, seed: u64, spoofed: Option<usize>) {
        let name = spoofed.map(|n| RESIDENTS[n]);
        let from = name.and_then(|name| self.seen(name));
        for bytes in mutants(&RAS[usize::from(from.is_some())..], seed, 20) {
            let from = from.unwrap_or_else(|| at(&format!("{MALLORY}:4000")));
            self.world.inject_datagram(from, ras_port(from), &bytes);
            self.world.run_for(millis(1));
        }
    }

    fn seen(&self, name: &str) -> Option<std::net::SocketAddr> {
        use pinhole::event::Event;
        self.world.events(self.node.host).iter().rev().find_map(|(_, event)| match event {
            Event::Registered { alias, peer, .. } if alias == name => Some(*peer),
            _ => None,
        })
    }

    /// What the gatekeeper says of itself.
    pub(super) fn status(&mut self) -> Status {
        self.world.with(self.node.host, |node: &mut Node, now| node.status(now))
    }

    /// Whether the media of a call goes through the gatekeeper: that of who needs help always does.
    pub(super) fn is_proxied(&self, caller: Manner, called: Manner) -> bool {
        let helped = |one: Manner| one.traversal || one.place.is_some();
        self.keeper.mode == Mode::Proxied
            || self.keeper.prefers
            || helped(caller)
            || helped(called)
            || caller.ipv6 != called.ipv6
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Call { whom, manner } => {
                self.call(whom, manner);
            }
            Act::HangUp(n) => {
                if let Some(host) = self.host(Who::Caller(n)).filter(|h| !self.world.ended(*h)) {
                    self.world.shutdown(host);
                }
            }
            Act::Vanish(who) => self.vanish(who),
            Act::Restart(n) => self.restart(n),
            Act::NodeEnds { politely: true } => self.world.shutdown(self.node.host),
            Act::NodeEnds { politely: false } => self.vanish(Who::Node),
            Act::NodeStarts => self.node_starts(),
            Act::Weather(who, link) => {
                if let Some(host) = self.host(who) {
                    *self.world.link(host) = link;
                }
            }
            Act::Rebind(n) => {
                let gate = self.gates[n];
                self.world.gate(gate).rebind();
            }
            Act::Reset(who) => self.each_stream(who, World::reset),
            Act::Stall(who, time) => {
                self.each_stream(who, |world, host, stream| world.stall(host, stream, time));
            }
            Act::Exhaust(who, exhausted) => {
                if let Some(host) = self.host(who) {
                    self.world.exhaust(host, exhausted);
                }
            }
            Act::RasStorm { seed, spoofed } => self.ras_storm(seed, spoofed),
            Act::Intruders { seed, at } => self.intruders(seed, at),
            Act::Garble { seed, at } => {
                let bytes = mutants(TPKT, seed, 1).swap_remove(0);
                self.each_stream(at, |world, host, s| world.inject_stream(host, s, &bytes));
            }
            Act::MediaStorm { seed } => self.media_storm(seed),
            Act::Flood { seed } => self.flood(seed),
            Act::Siege { seed, within } => self.siege(seed, within),
        }
    }

    /// Many connections, of which some say nothing, some a part of a Setup, and some a Setup for nobody.
    fn flood(&mut self, seed: u64) {
        let setup = octets(TPKT[1]);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..100 {
            let length = random.random_range(0..=setup.len());
            self.knock(&setup[..length]);
            self.world.run_for(millis(2));
        }
    }

    /// A stranger connects to the gatekeeper, if that listens, and sends this.
    fn knock(&mut self, bytes: &[u8]) {
        let to = at(&format!("{NODE}:1720"));
        if self.world.listeners(self.node.host).contains(&to) && !self.world.ended(self.node.host) {
            self.world.with(self.mallory, |raw: &mut Raw, _| {
                let stream = raw.connect(to);
                raw.send(stream, bytes);
            });
        }
    }

    /// Messages with structured flaws.
    fn siege(&mut self, seed: u64, within: Option<Who>) {
        let mut hostile = Hostile::new(seed, CallId([seed as u8; 16]));
        for n in 0..10 {
            match within {
                Some(who) => {
                    let bytes = match n % 2 {
                        0 => hostile.signalling().octets,
                        _ => framed(&hostile.control().octets),
                    };
                    self.each_stream(who, |world, host, s| world.inject_stream(host, s, &bytes));
                }
                None => {
                    let from = at(&format!("{MALLORY}:4000"));
                    self.world.inject_datagram(from, ras_port(from), &hostile.ras().octets);
                    let bytes = hostile.signalling().octets;
                    self.knock(&bytes);
                }
            }
            self.world.run_for(millis(20));
        }
    }

    fn each_stream(&mut self, who: Who, mut then: impl FnMut(&mut World, HostId, StreamId)) {
        let Some(host) = self.host(who).filter(|host| !self.world.ended(*host)) else { return };
        for (stream, _) in self.world.streams(host) {
            then(&mut self.world, host, stream);
        }
    }

    fn host(&self, who: Who) -> Option<HostId> {
        match who {
            Who::Node => Some(self.node.host),
            Who::Resident(n) => self.residents.get(n).map(|party| party.host),
            Who::Caller(n) => self.callers.get(n).map(|party| party.host),
        }
    }

    fn vanish(&mut self, who: Who) {
        let party = match who {
            Who::Node => Some(&mut self.node),
            Who::Resident(n) => self.residents.get_mut(n),
            Who::Caller(n) => self.callers.get_mut(n),
        };
        if let Some(party) = party.filter(|party| !self.world.ended(party.host)) {
            party.vanished = true;
            self.world.vanish(party.host);
        }
    }

    fn node_starts(&mut self) {
        if self.world.ended(self.node.host) {
            self.begun += 1;
            self.node.since = self.world.events(self.node.host).len();
            self.node.vanished = false;
            let node = gatekeeper(self.begun, self.keeper, self.world.now());
            self.world.restart(self.node.host, node);
        }
    }

    fn restart(&mut self, n: usize) {
        let party = self.residents[n];
        self.begun += 1;
        let ip = self.world.ip_of(party.host);
        let options = options(party.name, party.tone, party.manner, None, ip);
        let phone = Phone::new(options, [self.begun; 32], self.world.now());
        let party = &mut self.residents[n];
        party.since = self.world.events(party.host).len();
        party.vanished = false;
        self.world.restart(party.host, phone);
    }

    fn intruders(&mut self, seed: u64, who: Who) {
        let Some(host) = self.host(who) else { return };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // The stranger knows only IPv4.
        let to = self.world.listeners(host).into_iter().filter(std::net::SocketAddr::is_ipv4);
        for (to, bytes) in to.zip(mutants(TPKT, seed, 8)).collect::<Vec<_>>() {
            self.world.with(self.mallory, |raw: &mut Raw, _| {
                let stream = raw.connect(to);
                raw.send(stream, &bytes);
            });
            self.world.run_for(millis(random.random_range(0..20)));
        }
    }

    fn phone(
        &mut self,
        name: &'static str,
        tone: f64,
        manner: Manner,
        whom: Option<&str>,
    ) -> Party {
        self.begun += 1;
        let lan = manner.place.map_or(2, |gate| gate);
        self.addresses[lan] += 1;
        // The same private addresses are in use behind both NATs.
        let net = match manner.place {
            Some(_) => "10.0.0.",
            None if manner.ipv6 => "2001:db8:2::",
            None => "198.51.100.",
        };
        let text = format!("{net}{}", self.addresses[lan]);
        let options = options(name, tone, manner, whom, ip(&text));
        let phone = Phone::new(options, [self.begun; 32], self.world.now());
        let host = match manner.place {
            Some(gate) => self.world.host_behind(self.gates[gate], name, &text, phone),
            None => self.world.host(name, &text, phone),
        };
        Party { host, name, manner, tone, since: 0, vanished: false }
    }
}

fn gatekeeper(generation: u8, keeper: Keeper, now: std::time::Instant) -> Node {
    let (config, _) = pinhole_config::Config::read(match keeper.mode {
        Mode::Proxied | Mode::Direct => "[RoutedMode]\nEnableH46018=1\n[Proxy]\nEnable=1\n",
        Mode::Control => "[RoutedMode]\nEnableH46018=1\nGKRouted=1\nH245Routed=1\n",
        Mode::Routed => "[RoutedMode]\nEnableH46018=1\nGKRouted=1\n",
    });
    let multiplex_port = keeper.multiplexes.then_some(3000);
    let mut settings = Settings { ttl_s: Some(60), multiplex_port, ..Settings::from(&config) };
    if keeper.prefers {
        settings.encryption.default = Policy::new(Demand::Preferred, Terms::up_to(1024));
    }
    Node::new(settings, vec![ip(NODE), ip(NODE6)], [generation ^ 0x80; 32], now)
}

/// Where the gatekeeper takes datagrams of an address.
fn ras_port(from: std::net::SocketAddr) -> std::net::SocketAddr {
    std::net::SocketAddr::new(ip(if from.is_ipv6() { NODE6 } else { NODE }), 1719)
}

fn options(
    name: &str,
    tone: f64,
    manner: Manner,
    whom: Option<&str>,
    ip: std::net::IpAddr,
) -> Options {
    let mut options = Options::new(name);
    options.gatekeeper = Gatekeeper::At(ras_port(std::net::SocketAddr::new(ip, 1719)));
    options.ip = ip;
    options.source = Source::Tone(tone);
    options.hold = manner.hold;
    options.traversal = manner.traversal;
    options.tunnelling = manner.tunnelling;
    options.fast_start = manner.fast_start;
    options.multiplex = manner.multiplex;
    options.encryption = if manner.encrypts { Encryption::Optional } else { Encryption::Off };
    options.terms = Terms::up_to(1024);
    match whom {
        Some(whom) => options.destination = Some(Destination::parse(whom)),
        None => options.incoming = Incoming::Answer,
    }
    options
}
