//! Every address that a phone is told it can reach, wherever it and the gatekeeper are. The world itself holds all
//! messages to that (`world/reach`); here are the networks in which it is hard.

use pinhole::firewall::Rules;
use pinhole::node::{Mode, Node, Settings};
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Gatekeeper, Incoming, Options, Source};

use super::lab::{connected, ended, heard, records, registered};
use crate::world::{GateId, HostId, World, at, ip, seconds};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 2;

/// Where a phone is: its address, its gatekeeper's, and the gate before it.
#[derive(Debug, Clone, Copy)]
struct Spot {
    ip: &'static str,
    gatekeeper: &'static str,
    behind: Option<GateId>,
    /// An address that it cannot reach.
    parted: Option<&'static str>,
}

impl Spot {
    const fn open(ip: &'static str, gatekeeper: &'static str) -> Self {
        Self { ip, gatekeeper, behind: None, parted: None }
    }

    const fn behind(gate: GateId, ip: &'static str, gatekeeper: &'static str) -> Self {
        Self { ip, gatekeeper, behind: Some(gate), parted: None }
    }

    const fn parted(self, address: &'static str) -> Self {
        Self { parted: Some(address), ..self }
    }
}

/// How a call is set up.
#[derive(Debug, Clone, Copy)]
struct Way {
    tunnelling: [bool; 2],
    fast_start: bool,
    multiplex: bool,
    /// Phones that need no help ask for H.460.18 all the same.
    traversal: bool,
}

const SLOW: Way =
    Way { tunnelling: [true, true], fast_start: false, multiplex: false, traversal: true };

const WAYS: [Way; 8] = [
    SLOW,
    Way { tunnelling: [false, true], multiplex: true, ..SLOW },
    Way { tunnelling: [false, false], ..SLOW },
    Way { tunnelling: [true, false], fast_start: true, multiplex: true, ..SLOW },
    Way { traversal: false, ..SLOW },
    Way { tunnelling: [false, false], traversal: false, ..SLOW },
    Way { tunnelling: [false, true], traversal: false, ..SLOW },
    Way { fast_start: true, traversal: false, ..SLOW },
];

fn phone(world: &mut World, name: &'static str, spot: Spot, options: Options) -> HostId {
    let options = Options {
        gatekeeper: Gatekeeper::At(at(spot.gatekeeper)),
        ip: ip(spot.ip),
        traversal: options.traversal || spot.behind.is_some(),
        ..options
    };
    let phone = Phone::new(options, [name.len() as u8; 32], world.now());
    let host = match spot.behind {
        Some(gate) => world.host_behind(gate, name, spot.ip, phone),
        None => world.host(name, spot.ip, phone),
    };
    spot.parted.into_iter().for_each(|address| world.part(host, address));
    host
}

/// One phone calls the other, and they hear each other.
fn talk(world: &mut World, from: Spot, to: Spot, way: Way) {
    let options = |name, hertz| Options {
        source: Source::Tone(hertz),
        fast_start: way.fast_start,
        multiplex: way.multiplex,
        traversal: way.traversal,
        ..Options::new(name)
    };
    let called = Options {
        incoming: Incoming::Answer,
        tunnelling: way.tunnelling[1],
        ..options("bob", BOB)
    };
    let bob = phone(world, "bob", to, called);
    world.must("registered", |world| world.told(bob, registered), seconds(60));
    let calling = Options {
        destination: Some(Destination::parse("bob")),
        hold: Some(seconds(TALK)),
        tunnelling: way.tunnelling[0],
        ..options("alice", ALICE)
    };
    let alice = phone(world, "alice", from, calling);
    world.must("it is over", |world| world.told(alice, ended), seconds(60));
    if !world.told(alice, connected) {
        let why = records(world, alice);
        world.fail(&format!("no call from {from:?} to {to:?}, {way:?}: {why:#?}"));
    }
    world.run_for(seconds(2));
    for (host, hertz) in [(alice, BOB), (bob, ALICE)] {
        records(world, host).iter().for_each(|record| heard(record, TALK, hertz));
    }
}

/// Every call between every two spots, in every way, each in a world of its own.
fn everywhere(build: impl Fn(&mut World, Settings) -> Vec<Spot>) {
    for way in WAYS {
        for mode in [Mode::Proxied, Mode::Control, Mode::Routed, Mode::Direct] {
            // With H.460.18 every call is proxied anyway.
            if mode != Mode::Proxied && way.traversal {
                continue;
            }
            let multiplex_port = way.multiplex.then_some(3000);
            let settings = Settings { mode, multiplex_port, ..Settings::default() };
            let count = build(&mut World::new(0), settings.clone()).len();
            for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
                if from == to {
                    continue;
                }
                let mut world = World::new(7);
                let spots = build(&mut world, settings.clone());
                println!("{mode:?}, {way:?}, from {:?} to {:?}", spots[from], spots[to]);
                talk(&mut world, spots[from], spots[to], way);
            }
        }
    }
}

fn node(world: &mut World, settings: Settings, ips: &[&str]) -> HostId {
    let locals = ips.iter().map(|text| ip(text)).collect();
    let node = Node::new(settings, locals, [9; 32], world.now());
    world.host_at("node", ips, node)
}

#[test]
fn over_ipv4() {
    everywhere(|world, settings| {
        node(world, settings, &["198.51.100.10"]);
        let gatekeeper = "198.51.100.10:1719";
        let gate = world.nat("203.0.113.1", Rules::symmetric());
        vec![
            Spot::open("198.51.100.21", gatekeeper),
            Spot::open("198.51.100.22", gatekeeper),
            Spot::behind(gate, "10.0.0.2", gatekeeper),
        ]
    });
}

#[test]
fn over_ipv6() {
    everywhere(|world, settings| {
        node(world, settings, &["2001:db8::10"]);
        let gatekeeper = "[2001:db8::10]:1719";
        let gate = world.firewall(Rules::port_restricted());
        vec![
            Spot::open("2001:db8::21", gatekeeper),
            Spot::open("2001:db8::22", gatekeeper),
            Spot::behind(gate, "2001:db8:1::2", gatekeeper),
        ]
    });
}

#[test]
fn between_ipv4_and_ipv6() {
    everywhere(|world, settings| {
        node(world, settings, &["198.51.100.10", "2001:db8::10"]);
        let gate = world.nat("203.0.113.1", Rules::port_restricted());
        let wall = world.firewall(Rules::port_restricted());
        vec![
            Spot::open("198.51.100.21", "198.51.100.10:1719"),
            Spot::open("2001:db8::21", "[2001:db8::10]:1719"),
            Spot::behind(gate, "10.0.0.2", "198.51.100.10:1719"),
            Spot::behind(wall, "2001:db8:1::2", "[2001:db8::10]:1719"),
        ]
    });
}

/// The gatekeeper has an address in each of two networks, of which one cannot reach the other.
#[test]
fn between_two_interfaces() {
    everywhere(|world, settings| {
        let gate = world.nat("203.0.113.1", Rules::port_restricted());
        node(world, settings, &["198.51.100.10", "198.51.100.11"]);
        vec![
            Spot::open("198.51.100.21", "198.51.100.10:1719").parted("198.51.100.11"),
            Spot::open("198.51.100.22", "198.51.100.11:1719").parted("198.51.100.10"),
            Spot::behind(gate, "10.0.0.2", "198.51.100.11:1719").parted("198.51.100.10"),
        ]
    });
}

/// The gatekeeper is behind a router that forwards everything to it: inside it has another address than outside.
#[test]
fn behind_a_router_that_forwards() {
    everywhere(|world, settings| {
        let home = world.nat("203.0.113.9", Rules::full_cone());
        world.forward(home, "192.168.0.10");
        let external = Some(ip("203.0.113.9"));
        let node = Node::new(
            Settings { external, ..settings },
            vec![ip("192.168.0.10")],
            [9; 32],
            world.now(),
        );
        world.host_behind(home, "node", "192.168.0.10", node);
        let gate = world.nat("203.0.113.1", Rules::symmetric());
        vec![
            Spot::behind(home, "192.168.0.21", "192.168.0.10:1719"),
            Spot::open("198.51.100.22", "203.0.113.9:1719"),
            Spot::behind(gate, "10.0.0.2", "203.0.113.9:1719"),
        ]
    });
}

/// The same router, known by its name.
#[test]
fn behind_a_router_that_has_a_name() {
    everywhere(|world, settings| {
        let home = world.nat("203.0.113.9", Rules::full_cone());
        world.forward(home, "192.168.0.10");
        world.name("home.example.org", Some(ip("203.0.113.9")));
        let external_name = Some("home.example.org".to_owned());
        let settings = Settings { external_name, ..settings };
        let node = Node::new(settings, vec![ip("192.168.0.10")], [9; 32], world.now());
        world.host_behind(home, "node", "192.168.0.10", node);
        vec![
            Spot::behind(home, "192.168.0.21", "192.168.0.10:1719"),
            Spot::open("198.51.100.22", "203.0.113.9:1719"),
        ]
    });
}

#[test]
#[should_panic(expected = "bob is told 192.0.2.200:1720 as call_signal_address: nobody is there")]
fn the_world_notices_an_address_that_cannot_be_reached() {
    let mut world = World::new(1);
    let external = Some(ip("192.0.2.200"));
    node(&mut world, Settings { external, ..Settings::default() }, &["198.51.100.10"]);
    let spot = Spot::open("198.51.100.21", "198.51.100.10:1719");
    talk(&mut world, spot, spot, WAYS[0]);
}
