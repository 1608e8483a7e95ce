//! Makes a drawn world happen.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::census::Census;
use super::plan::{Act, Keeper, Manner, Plan, Who};
use crate::scenarios::lab::{NODE, registered};
use crate::scenarios::mutants::{TPKT, mutants};
use crate::world::{GateId, HostId, Link, Patience, Raw, World, ip, millis, seconds};
use pinhole::face::StreamId;
use pinhole::node::{Mode, Node, Renewal, Settings, Status};
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Encryption, Gatekeeper, Incoming, Options, Source};
use pinhole::security::{Demand, Terms};

/// The gatekeeper's other address.
const NODE6: &str = "2001:db8:1::10";
pub(super) const MALLORY: &str = "192.0.2.66";
pub(super) const RESIDENTS: [&str; 4] = ["anna", "bert", "carla", "dirk"];
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
    /// Its operator has ended it.
    left: bool,
}

/// A world in which things happen.
pub(super) struct Run {
    pub(super) world: World,
    pub(super) node: Party,
    pub(super) residents: Vec<Party>,
    pub(super) callers: Vec<Party>,
    /// What there was in the world.
    pub(super) census: Census,
    /// What calls were like that have been seen.
    pub(super) talks: BTreeSet<(String, &'static str)>,
    /// Where strangers have knocked as soon as somebody listened there for a call.
    pub(super) knocked: BTreeSet<(String, SocketAddr)>,
    pub(super) mallory: HostId,
    gates: Vec<GateId>,
    begun: u8,
    addresses: [u8; 3],
    keepers: [Keeper; 2],
    /// How often the gatekeeper has started again.
    starts: usize,
}

impl Run {
    /// The gatekeeper, the NATs and the residents, all registered.
    pub(super) fn begin(plan: &Plan) -> Self {
        let mut world = World::new(plan.seed);
        world.chop(plan.chop);
        *world.patience() = Patience::shell();
        let nat = |(n, rules): (usize, &_)| world.nat(&format!("203.0.113.{}", n + 1), *rules);
        let gates = plan.nats.iter().enumerate().map(nat).collect();
        let node = gatekeeper(0, plan.keepers[0], world.now());
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
            video: false,
            hold: None,
        };
        let node =
            Party { host, name: "node", manner, tone: 0.0, since: 0, vanished: false, left: false };
        let mut run = Self {
            world,
            node,
            residents: Vec::new(),
            callers: Vec::new(),
            census: Census::of(plan),
            talks: BTreeSet::new(),
            knocked: BTreeSet::new(),
            mallory,
            gates,
            begun: 0,
            addresses: [10; 3],
            keepers: plan.keepers,
            starts: 0,
        };
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
            super::sane::sane(self);
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
            if self.world.ended(self.residents[n].host) || self.residents[n].left {
                self.act(Act::Restart(n));
            }
        }
    }

    /// How the gatekeeper is configured at the moment.
    pub(super) const fn keeper(&self) -> Keeper {
        self.keepers[self.starts % 2]
    }

    /// A phone begins to call a resident.
    pub(super) fn call(&mut self, whom: usize, manner: Manner) -> usize {
        let n = self.callers.len();
        let tone = 1000.0 + 130.0 * n as f64;
        let party = self.phone(CALLERS[n], tone, manner, Some(RESIDENTS[whom]));
        self.callers.push(party);
        n
    }

    pub(super) fn seen(&self, name: &str) -> Option<SocketAddr> {
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
        self.keeper().mode == Mode::Proxied
            || [caller, called].map(|one| self.keeper().demand(one)) != [Demand::Off; 2]
            || helped(caller)
            || helped(called)
            || caller.ipv6 != called.ipv6
    }

    /// Makes something happen.
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Call { whom, manner } => {
                self.call(whom, manner);
            }
            Act::HangUp(n) => self.shutdown(Who::Caller(n), "phones ended in mid-call"),
            Act::Leave(n) => {
                self.residents[n].left = true;
                self.shutdown(Who::Resident(n), "phones ended and unregistered");
            }
            Act::Vanish(who) => self.vanish(who),
            Act::Restart(n) => self.restart(n, Incoming::Answer),
            Act::NodeEnds { politely: true } => self.shutdown(Who::Node, "gatekeepers ended"),
            Act::NodeEnds { politely: false } => self.vanish(Who::Node),
            Act::NodeStarts => self.node_starts(),
            Act::Weather(who, link) => {
                if let Some(host) = self.host(who) {
                    self.census.saw("bad lines");
                    *self.world.link(host) = link;
                }
            }
            Act::Rebind(n) => {
                let gate = self.gates[n];
                self.census.saw("rebinding NATs");
                self.world.gate(gate).rebind();
            }
            Act::Reset(who) => self.each_stream(who, "resets", World::reset),
            Act::Stall(who, time) => {
                self.each_stream(who, "stalls", |world, host, stream| {
                    world.stall(host, stream, time)
                });
            }
            Act::Exhaust(who, exhausted) => {
                if let Some(host) = self.host(who) {
                    self.census.saw("hosts without ports");
                    self.world.exhaust(host, exhausted);
                }
            }
            Act::RasStorm { seed, spoofed } => self.ras_storm(seed, spoofed),
            Act::Intruders { seed, at } => self.intruders(seed, at),
            Act::Garble { seed, at } => {
                let bytes = mutants(TPKT, seed, 1).swap_remove(0);
                let inject = |world: &mut World, host, s| world.inject_stream(host, s, &bytes);
                self.each_stream(at, "spoilt streams", inject);
            }
            Act::MediaStorm { seed } => self.media_storm(seed),
            Act::Flood { seed } => self.flood(seed),
            Act::Siege { seed, within } => self.siege(seed, within),
        }
    }

    /// Does something to all streams of somebody, which is called so.
    pub(super) fn each_stream(
        &mut self,
        who: Who,
        what: &'static str,
        mut then: impl FnMut(&mut World, HostId, StreamId),
    ) {
        let Some(host) = self.host(who).filter(|host| !self.world.ended(*host)) else { return };
        for (stream, _) in self.world.streams(host) {
            self.census.saw(what);
            then(&mut self.world, host, stream);
        }
    }

    /// The operator ends somebody.
    pub(super) fn shutdown(&mut self, who: Who, what: &'static str) {
        if let Some(host) = self.host(who).filter(|host| !self.world.ended(*host)) {
            self.census.saw(what);
            self.world.shutdown(host);
        }
    }

    pub(super) fn host(&self, who: Who) -> Option<HostId> {
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
            self.census.saw(match who {
                Who::Node => "gatekeepers vanished",
                Who::Resident(_) | Who::Caller(_) => "phones vanished",
            });
            party.vanished = true;
            self.world.vanish(party.host);
        }
    }

    pub(super) fn node_starts(&mut self) {
        if self.world.ended(self.node.host) {
            self.begun += 1;
            self.starts += 1;
            self.census.saw("gatekeepers configured anew");
            self.node.since = self.world.events(self.node.host).len();
            self.node.vanished = false;
            let node = gatekeeper(self.begun, self.keeper(), self.world.now());
            self.world.restart(self.node.host, node);
        }
    }

    pub(super) fn restart(&mut self, n: usize, incoming: Incoming) {
        let party = self.residents[n];
        self.begun += 1;
        self.census.saw("phones restarted");
        let ip = self.world.ip_of(party.host);
        let mut options = options(party.name, party.tone, party.manner, None, ip);
        options.incoming = incoming;
        let phone = Phone::new(options, [self.begun; 32], self.world.now());
        let party = &mut self.residents[n];
        party.since = self.world.events(party.host).len();
        (party.vanished, party.left) = (false, false);
        self.world.restart(party.host, phone);
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
        Party { host, name, manner, tone, since: 0, vanished: false, left: false }
    }
}

fn gatekeeper(generation: u8, keeper: Keeper, now: std::time::Instant) -> Node {
    let mode = match keeper.mode {
        Mode::Proxied | Mode::Direct => "[Proxy]\nEnable=1\n[RoutedMode]\nEnableH46018=1\n",
        Mode::Control => "[RoutedMode]\nEnableH46018=1\nGKRouted=1\nH245Routed=1\n",
        Mode::Routed => "[RoutedMode]\nEnableH46018=1\nGKRouted=1\n",
    };
    let (config, problems) =
        pinhole_config::Config::read(&format!("{mode}{}{}", keeper.rules(), keeper.words));
    let is_error = |one: &pinhole_config::Problem| one.severity == pinhole_config::Severity::Error;
    assert!(!problems.iter().any(is_error), "{problems:?}");
    let multiplex_port = keeper.multiplexes.then_some(3000);
    let mut settings = Settings { ttl_s: Some(60), multiplex_port, ..Settings::from(&config) };
    settings.ras.bandwidth.total = keeper.accounts.then_some(1_000_000);
    settings.handling.longest_call = keeper.longest;
    settings.signal_timeout = keeper.answer.unwrap_or(settings.signal_timeout);
    settings.alerting_timeout = keeper.ringing.unwrap_or(settings.alerting_timeout);
    let renewal = |packets| Renewal { after: seconds(3600), packets };
    settings.encryption.renewal = keeper.renews.map(renewal);
    Node::new(settings, vec![ip(NODE), ip(NODE6)], [generation ^ 0x80; 32], now)
}

/// Where the gatekeeper takes datagrams of an address.
pub(super) fn ras_port(from: SocketAddr) -> SocketAddr {
    SocketAddr::new(ip(if from.is_ipv6() { NODE6 } else { NODE }), 1719)
}

fn options(name: &str, tone: f64, manner: Manner, whom: Option<&str>, ip: IpAddr) -> Options {
    let mut options = Options::new(name);
    options.gatekeeper = Gatekeeper::At(ras_port(SocketAddr::new(ip, 1719)));
    options.ip = ip;
    options.source = Source::Tone(tone);
    options.hold = manner.hold;
    options.video = manner.video.then_some(384);
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
