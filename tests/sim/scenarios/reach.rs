//! Every address that a phone is told it can reach, wherever it and the gatekeeper are. The world itself holds all
//! messages to that (`world/reach`); here are the networks in which it is hard.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use pinhole::firewall::Rules;
use pinhole::node::{Lookup, Mode, Node, Settings};
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
    let known = at(spot.gatekeeper);
    // Who calls looks for its gatekeeper first.
    let gatekeeper = match options.destination {
        Some(_) => Gatekeeper::Discover(SocketAddr::new(known.ip(), 1718)),
        None => Gatekeeper::At(known),
    };
    let options = Options {
        gatekeeper,
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

/// The fields in which a gatekeeper tells a phone of this world an address. What else there is in the messages is
/// never said, or comes in calls that these phones do not make (T.120, early H.245): `node/tests/addresses` lists it.
const FIELDS: [&str; 21] = [
    "admissionConfirm.dest_call_signal_address",
    "connect.h245_address",
    "facility.h245_address",
    "fastStart.keep_alive_channel",
    "fastStart.media_channel",
    "fastStart.media_control_channel",
    "fastStart.multiplexed_media_channel",
    "fastStart.multiplexed_media_control_channel",
    "gatekeeperConfirm.ras_address",
    "openLogicalChannel.keep_alive_channel",
    "openLogicalChannel.media_control_channel",
    "openLogicalChannel.multiplexed_media_channel",
    "openLogicalChannel.multiplexed_media_control_channel",
    "openLogicalChannelAck.media_channel",
    "openLogicalChannelAck.media_control_channel",
    "openLogicalChannelAck.multiplexed_media_channel",
    "openLogicalChannelAck.multiplexed_media_control_channel",
    "registrationConfirm.call_signal_address",
    "serviceControlIndication.call_signalling_address",
    "setup.dest_call_signal_address",
    "setup.source_call_signal_address",
];

/// Each of them was told, and so held to the law.
fn complete(told: &BTreeSet<String>) {
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(told, FIELDS);
}

/// Every call between every two spots, in every way, each in a world of its own. The fields in which addresses were told.
fn everywhere(build: impl Fn(&mut World, Settings) -> Vec<Spot>) -> BTreeSet<String> {
    in_these_ways(&WAYS, build)
}

/// The same in the ways in which every field is told.
fn in_short(build: impl Fn(&mut World, Settings) -> Vec<Spot>) -> BTreeSet<String> {
    in_these_ways(&WAYS[..4], build)
}

fn in_these_ways(
    ways: &[Way],
    build: impl Fn(&mut World, Settings) -> Vec<Spot>,
) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for way in ways.iter().copied() {
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
                told.extend(world.advertised());
            }
        }
    }
    told
}

fn node(world: &mut World, settings: Settings, ips: &[&str]) -> HostId {
    let locals = ips.iter().map(|text| ip(text)).collect();
    let node = Node::new(settings, locals, [9; 32], world.now());
    world.host_at("node", ips, node)
}

#[test]
fn over_ipv4() {
    let told = everywhere(|world, settings| {
        node(world, settings, &["198.51.100.10"]);
        let gatekeeper = "198.51.100.10:1719";
        let gate = world.nat("203.0.113.1", Rules::symmetric());
        vec![
            Spot::open("198.51.100.21", gatekeeper),
            Spot::open("198.51.100.22", gatekeeper),
            Spot::behind(gate, "10.0.0.2", gatekeeper),
        ]
    });
    complete(&told);
}

#[test]
fn over_ipv6() {
    let told = everywhere(|world, settings| {
        node(world, settings, &["2001:db8::10"]);
        let gatekeeper = "[2001:db8::10]:1719";
        let gate = world.firewall(Rules::port_restricted());
        vec![
            Spot::open("2001:db8::21", gatekeeper),
            Spot::open("2001:db8::22", gatekeeper),
            Spot::behind(gate, "2001:db8:1::2", gatekeeper),
        ]
    });
    complete(&told);
}

#[test]
fn between_ipv4_and_ipv6() {
    let told = everywhere(|world, settings| {
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
    complete(&told);
}

/// The gatekeeper has an address in each of two networks, of which one cannot reach the other.
#[test]
fn between_two_interfaces() {
    let told = everywhere(|world, settings| {
        let gate = world.nat("203.0.113.1", Rules::port_restricted());
        node(world, settings, &["198.51.100.10", "198.51.100.11"]);
        vec![
            Spot::open("198.51.100.21", "198.51.100.10:1719").parted("198.51.100.11"),
            Spot::open("198.51.100.22", "198.51.100.11:1719").parted("198.51.100.10"),
            Spot::behind(gate, "10.0.0.2", "198.51.100.11:1719").parted("198.51.100.10"),
        ]
    });
    complete(&told);
}

/// The gatekeeper is behind a router that forwards everything to it: inside it has another address than outside.
#[test]
fn behind_a_router_that_forwards() {
    let told = everywhere(|world, settings| {
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
    complete(&told);
}

/// The gatekeeper has one of the host's addresses, by which alone the phones reach the host.
#[test]
fn at_one_address_of_several() {
    let told = in_short(|world, settings| {
        let node = Node::new(settings, vec![ip("198.51.100.11")], [9; 32], world.now());
        world.host_at("node", &["198.51.100.10", "198.51.100.11"], node);
        let gate = world.nat("203.0.113.1", Rules::port_restricted());
        let (gatekeeper, other) = ("198.51.100.11:1719", "198.51.100.10");
        vec![
            Spot::open("198.51.100.21", gatekeeper).parted(other),
            Spot::open("198.51.100.22", gatekeeper).parted(other),
            Spot::behind(gate, "10.0.0.2", gatekeeper).parted(other),
        ]
    });
    complete(&told);
}

/// A phone inside has a public address: the configuration says that it is inside.
#[test]
fn behind_a_router_with_a_public_network_inside() {
    let told = in_short(|world, settings| {
        let home = world.nat("203.0.113.9", Rules::full_cone());
        world.forward(home, "192.168.0.10");
        let external = Some(ip("203.0.113.9"));
        let internal = vec!["192.0.2.0/24".parse().expect("a network")];
        let settings = Settings { external, internal, ..settings };
        let node = Node::new(settings, vec![ip("192.168.0.10")], [9; 32], world.now());
        world.host_behind(home, "node", "192.168.0.10", node);
        vec![
            Spot::behind(home, "192.0.2.21", "192.168.0.10:1719").parted("203.0.113.9"),
            Spot::behind(home, "192.168.0.21", "192.168.0.10:1719").parted("203.0.113.9"),
            Spot::open("198.51.100.22", "203.0.113.9:1719"),
        ]
    });
    complete(&told);
}

/// Who is not registered is called from the address that `Bind` says, which alone it can reach.
#[test]
fn from_the_address_that_the_configuration_says() {
    const PEER: &str = "198.51.100.77";
    for way in [SLOW, Way { tunnelling: [true, false], fast_start: true, ..SLOW }] {
        let mut world = World::new(7);
        let settings = Settings { bind: Some(ip("198.51.100.11")), ..Settings::default() };
        node(&mut world, settings, &["198.51.100.10", "198.51.100.11"]);
        let options = Options {
            ip: ip(PEER),
            incoming: Incoming::Answer,
            tunnelling: way.tunnelling[1],
            source: Source::Tone(BOB),
            ..Options::new("peer")
        };
        let peer = world.host("peer", PEER, Phone::new(options, [3; 32], world.now()));
        world.part(peer, "198.51.100.10");
        let spot = Spot::open("198.51.100.21", "198.51.100.10:1719").parted("198.51.100.11");
        let calling = Options {
            destination: Some(Destination::parse(PEER)),
            hold: Some(seconds(TALK)),
            source: Source::Tone(ALICE),
            fast_start: way.fast_start,
            ..Options::new("alice")
        };
        let alice = phone(&mut world, "alice", spot, calling);
        world.must("it is over", |world| world.told(alice, ended), seconds(60));
        world.run_for(seconds(2));
        heard(&records(&world, alice)[0], TALK, BOB);
        heard(&records(&world, peer)[0], TALK, ALICE);
        assert!(world.advertised().contains("setup.source_call_signal_address"));
    }
}

/// The same router, known by its name.
#[test]
fn behind_a_router_that_has_a_name() {
    behind_a_router(&Lookup::Name("home.example.org".to_owned()));
}

/// The same router, whose address a server on the net sees.
#[test]
fn behind_a_router_that_a_server_sees() {
    behind_a_router(&Lookup::Stun { server: "home.example.org".to_owned(), port: 3478 });
}

fn behind_a_router(lookup: &Lookup) {
    let told = in_short(|world, settings| {
        let home = world.nat("203.0.113.9", Rules::full_cone());
        world.forward(home, "192.168.0.10");
        world.name("home.example.org", Some(ip("203.0.113.9")));
        let settings = Settings { external_lookup: Some(lookup.clone()), ..settings };
        let node = Node::new(settings, vec![ip("192.168.0.10")], [9; 32], world.now());
        world.host_behind(home, "node", "192.168.0.10", node);
        vec![
            Spot::behind(home, "192.168.0.21", "192.168.0.10:1719"),
            Spot::open("198.51.100.22", "203.0.113.9:1719"),
        ]
    });
    complete(&told);
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
