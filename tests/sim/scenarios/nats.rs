//! Each NAT and firewall of the world obstructs what it should, and nothing else.

use pinhole::face::SocketId;
use pinhole::firewall::{Dependence, Rules};

use crate::world::{GateId, HostId, Raw, World, at, seconds};

const KINDS: [Dependence; 3] =
    [Dependence::Independent, Dependence::Address, Dependence::AddressAndPort];

/// A peer inside, and two outside of which the first has two sockets.
struct Lan {
    world: World,
    gate: GateId,
    inside: HostId,
    outside: [HostId; 2],
}

const INSIDE: SocketId = SocketId(1);
const FIRST: SocketId = SocketId(1);
const SECOND: SocketId = SocketId(2);

fn lan(seed: u64, rules: Rules) -> Lan {
    let mut world = World::new(seed);
    let gate = world.nat("203.0.113.1", rules);
    let inside = world.host_behind(gate, "inside", "10.0.0.2", Raw::default());
    world.with(inside, |raw: &mut Raw, _| raw.udp("10.0.0.2", 1719));
    let outside = [("one", "198.51.100.2"), ("two", "198.51.100.3")].map(|(name, ip)| {
        let host = world.host(name, ip, Raw::default());
        world.with(host, |raw: &mut Raw, _| (raw.udp(ip, 1719), raw.udp(ip, 5000)));
        host
    });
    Lan { world, gate, inside, outside }
}

impl Lan {
    /// The inside peer sends; returns the address it is seen under.
    fn sends(&mut self, host: usize, to: &str) -> std::net::SocketAddr {
        self.world.with(self.inside, |raw: &mut Raw, _| raw.say(INSIDE, at(to), b"out"));
        self.world.run_for(seconds(1));
        let came = |raw: &mut Raw, _| raw.datagrams.pop().expect("it arrives").1;
        self.world.with(self.outside[host], came)
    }

    /// Whether a datagram from an outside socket reaches the inside peer.
    fn reaches(&mut self, host: usize, socket: SocketId, seen: std::net::SocketAddr) -> bool {
        self.world.with(self.outside[host], |raw: &mut Raw, _| raw.say(socket, seen, b"in"));
        self.world.run_for(seconds(1));
        self.world.with(self.inside, |raw: &mut Raw, _| raw.datagrams.pop().is_some())
    }
}

#[test]
fn every_mapping_and_filtering_lets_through_what_rfc_4787_says() {
    for mapping in KINDS {
        for filtering in KINDS {
            let mut lan = lan(1, Rules::new(mapping, filtering));
            let seen = lan.sends(0, "198.51.100.2:1719");
            assert_eq!(seen.ip(), crate::world::ip("203.0.113.1"));
            assert!(lan.reaches(0, FIRST, seen), "whom it sent to may answer");
            let other_port = lan.reaches(0, SECOND, seen);
            assert_eq!(other_port, filtering != Dependence::AddressAndPort, "{filtering:?}");
            let stranger = lan.reaches(1, FIRST, seen);
            assert_eq!(stranger, filtering == Dependence::Independent, "{filtering:?}");
            let same_port = lan.sends(0, "198.51.100.2:5000") == seen;
            assert_eq!(same_port, mapping != Dependence::AddressAndPort, "{mapping:?}");
            let same_host = lan.sends(1, "198.51.100.3:1719") == seen;
            assert_eq!(same_host, mapping == Dependence::Independent, "{mapping:?}");
        }
    }
}

#[test]
fn an_address_behind_a_nat_is_nowhere() {
    let mut lan = lan(2, Rules::full_cone());
    assert!(!lan.reaches(0, FIRST, at("10.0.0.2:1719")));
    assert!(!lan.reaches(0, FIRST, at("203.0.113.1:1719")), "without a mapping nothing enters");
    assert_eq!(lan.world.gate(lan.gate).drops().uninvited, 1);
}

#[test]
fn two_peers_of_one_lan_reach_each_other_without_the_nat() {
    let mut lan = lan(3, Rules::symmetric());
    let other = lan.world.host_behind(lan.gate, "other", "10.0.0.3", Raw::default());
    lan.world.with(other, |raw: &mut Raw, _| raw.udp("10.0.0.3", 7000));
    lan.world.with(lan.inside, |raw: &mut Raw, _| raw.say(INSIDE, at("10.0.0.3:7000"), b"hi"));
    lan.world.run_for(seconds(1));
    let came = lan.world.with(other, |raw: &mut Raw, _| raw.datagrams.pop().unwrap());
    assert_eq!(came.1, at("10.0.0.2:1719"));
}

/// Whether the inside peer can be reached shortly before the next of many sendings at this interval.
fn held(every: u64, mut rules: Rules) -> bool {
    rules.udp_idle = seconds(30);
    let mut lan = lan(4, rules);
    let seen = lan.sends(0, "198.51.100.2:1719");
    let beat = |raw: &mut Raw, now| raw.beat(now, INSIDE, at("198.51.100.2:1719"), seconds(every));
    lan.world.with(lan.inside, beat);
    lan.world.run_for(seconds(20 * every + every - 2));
    lan.reaches(0, FIRST, seen)
}

#[test]
fn a_mapping_ends_when_idle_and_keepalives_hold_it() {
    for rules in [Rules::full_cone(), Rules::port_restricted(), Rules::symmetric()] {
        assert!(held(29, rules), "{rules:?}");
        assert!(!held(45, rules), "{rules:?}");
    }
}

#[test]
fn only_refreshing_inbound_lets_the_outside_hold_a_mapping() {
    for inbound_refreshes in [false, true] {
        let mut lan = lan(5, Rules { inbound_refreshes, ..Rules::port_restricted() });
        let seen = lan.sends(0, "198.51.100.2:1719");
        let beat = |raw: &mut Raw, now| raw.beat(now, FIRST, seen, seconds(20));
        lan.world.with(lan.outside[0], beat);
        lan.world.run_for(seconds(300));
        lan.world.with(lan.inside, |raw: &mut Raw, _| raw.datagrams.clear());
        assert_eq!(lan.reaches(0, FIRST, seen), inbound_refreshes);
    }
}

#[test]
fn a_nat_that_forgets_cuts_the_way_in_until_something_leaves() {
    let mut lan = lan(6, Rules::port_restricted());
    let before = lan.sends(0, "198.51.100.2:1719");
    lan.world.gate(lan.gate).rebind();
    assert!(!lan.reaches(0, FIRST, before));
    let after = lan.sends(0, "198.51.100.2:1719");
    assert_ne!(after, before);
    assert!(lan.reaches(0, FIRST, after));
}

#[test]
fn a_connection_goes_out_and_none_comes_in() {
    for plain in [false, true] {
        let mut world = World::new(7);
        let gate = if plain {
            world.firewall(Rules::port_restricted())
        } else {
            world.nat("203.0.113.1", Rules::full_cone())
        };
        let inside = world.host_behind(gate, "inside", "192.0.2.2", Raw::default());
        let outside = world.host("outside", "198.51.100.2", Raw::default());
        for (host, ip) in [(inside, "192.0.2.2"), (outside, "198.51.100.2")] {
            world.with(host, |raw: &mut Raw, _| raw.listen(ip, 1720));
        }
        let out = world.with(inside, |raw: &mut Raw, _| raw.connect(at("198.51.100.2:1720")));
        let target = if plain { "192.0.2.2:1720" } else { "203.0.113.1:1720" };
        let into = world.with(outside, |raw: &mut Raw, _| raw.connect(at(target)));
        world.run_for(seconds(126));
        world.with(inside, |raw: &mut Raw, _| {
            assert!(raw.lines[&out].ends.is_some());
            assert_eq!(raw.accepted(), None);
        });
        world.with(outside, |raw: &mut Raw, _| {
            assert!(raw.accepted().is_some());
            assert!(!raw.lines[&into].closed, "nobody tells that the SYN was dropped");
        });
        world.run_for(seconds(2));
        world.with(outside, |raw: &mut Raw, _| assert!(raw.lines[&into].closed));
        assert_eq!(world.gate(gate).drops().syns, 1);
    }
}

#[test]
fn an_idle_connection_is_forgotten_silently() {
    let mut world = World::new(8);
    let gate = world.nat("203.0.113.1", Rules { tcp_idle: seconds(60), ..Rules::symmetric() });
    let inside = world.host_behind(gate, "inside", "10.0.0.2", Raw::default());
    let outside = world.host("outside", "198.51.100.2", Raw::default());
    world.with(outside, |raw: &mut Raw, _| raw.listen("198.51.100.2", 1720));
    let near = world.with(inside, |raw: &mut Raw, _| raw.connect(at("198.51.100.2:1720")));
    world.run_for(seconds(1));
    let far = world.with(outside, |raw: &mut Raw, _| raw.accepted().unwrap());
    for _ in 0..5 {
        world.run_for(seconds(59));
        world.with(inside, |raw: &mut Raw, _| raw.send(near, b"k"));
    }
    world.run_for(seconds(59));
    world.with(outside, |raw: &mut Raw, _| raw.send(far, b"answer"));
    world.run_for(seconds(62));
    world.with(inside, |raw: &mut Raw, _| assert_eq!(raw.lines[&near].got, b"answer"));
    world.with(outside, |raw: &mut Raw, _| raw.send(far, b"too late"));
    world.run_for(seconds(900));
    world.with(inside, |raw: &mut Raw, _| {
        assert_eq!(raw.lines[&near].got, b"answer");
        assert!(!raw.lines[&near].closed);
        raw.send(near, b"too late too");
    });
    world.with(outside, |raw: &mut Raw, _| {
        assert_eq!(raw.lines[&far].got, b"kkkkk");
        assert!(!raw.lines[&far].closed, "nobody is told before TCP itself gives up");
    });
    world.run_for(seconds(30));
    world.with(outside, |raw: &mut Raw, _| assert!(raw.lines[&far].closed));
    assert_eq!(world.gate(gate).drops().forgotten, 2);
}
