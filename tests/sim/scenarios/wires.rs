//! Each line of the world does what it says to datagrams.

use std::time::Duration;

use pinhole::face::{Bind, SocketId};

use crate::world::{HostId, Link, Raw, World, at, millis, seconds};

const SOCKET: SocketId = SocketId(1);

fn pair(seed: u64, link: Link) -> (World, HostId, HostId) {
    let mut world = World::new(seed);
    let hosts = [("a", "198.51.100.2"), ("b", "198.51.100.3")].map(|(name, ip)| {
        let host = world.host(name, ip, Raw::default());
        world.with(host, |raw: &mut Raw, _| raw.udp(ip, 1719));
        host
    });
    *world.link(hosts[0]) = link;
    *world.link(hosts[1]) = Link { latency: Duration::ZERO, ..Link::default() };
    (world, hosts[0], hosts[1])
}

fn send(world: &mut World, from: HostId, count: u32) {
    world.with(from, |raw: &mut Raw, _| {
        for n in 0..count {
            raw.say(SOCKET, at("198.51.100.3:1719"), &n.to_be_bytes());
        }
    });
}

fn came(world: &mut World, to: HostId) -> Vec<u32> {
    world.with(to, |raw: &mut Raw, _| {
        let number = |bytes: &Vec<u8>| u32::from_be_bytes(bytes.as_slice().try_into().unwrap());
        raw.datagrams.iter().map(|(_, _, bytes)| number(bytes)).collect()
    })
}

#[test]
fn latency_delays() {
    let (mut world, a, b) = pair(1, Link { latency: millis(40), ..Link::default() });
    send(&mut world, a, 1);
    world.run_for(millis(39));
    assert!(came(&mut world, b).is_empty());
    world.run_for(millis(1));
    assert_eq!(came(&mut world, b), [0]);
}

#[test]
fn loss_loses_its_share_and_no_more() {
    for (seed, loss) in [(2, 0.05), (3, 0.5), (4, 1.0), (5, 0.0)] {
        let (mut world, a, b) = pair(seed, Link { loss, ..Link::default() });
        send(&mut world, a, 10_000);
        world.run_for(seconds(1));
        let lost = 1.0 - f64::from(u32::try_from(came(&mut world, b).len()).unwrap()) / 10_000.0;
        assert!((lost - loss).abs() < 0.02, "{lost} of {loss}");
    }
}

#[test]
fn repeated_datagrams_come_twice() {
    let (mut world, a, b) = pair(10, Link::default());
    world.link(b).repeats = 0.5;
    assert!(world.tap(a).is_empty());
    send(&mut world, a, 1000);
    world.run_for(seconds(1));
    assert!((1400..1600).contains(&came(&mut world, b).len()));
    assert_eq!(world.tap(a).len(), 1000);
}

#[test]
fn jitter_reorders_only_where_it_may() {
    for reorders in [false, true] {
        let link = Link { jitter: millis(50), reorders, ..Link::default() };
        let (mut world, a, b) = pair(6, link);
        send(&mut world, a, 100);
        world.run_for(millis(20));
        assert!(came(&mut world, b).len() < 100, "jitter delays");
        world.run_for(seconds(1));
        let came = came(&mut world, b);
        assert_eq!(came.len(), 100);
        assert_eq!(came.is_sorted(), !reorders);
    }
}

#[test]
fn a_slow_line_spreads_what_is_sent_at_once() {
    // 4 octets and 28 of headers are 256 bits: a hundred a second.
    let (mut world, a, b) = pair(7, Link { rate: Some(25_600), ..Link::default() });
    send(&mut world, a, 100);
    world.run_for(millis(505));
    assert_eq!(came(&mut world, b).len(), 50);
}

#[test]
fn a_datagram_from_anywhere_can_be_made_up() {
    let (mut world, _, b) = pair(8, Link::default());
    world.inject_datagram(at("192.0.2.66:1"), at("198.51.100.3:1719"), b"boo");
    world.inject_datagram(at("192.0.2.66:1"), at("198.51.100.3:1718"), b"nobody listens");
    world.run_for(seconds(1));
    world.with(b, |raw: &mut Raw, _| {
        assert_eq!(raw.datagrams, [(SOCKET, at("192.0.2.66:1"), b"boo".to_vec())]);
    });
}

#[test]
fn ports_are_given_as_asked() {
    let mut world = World::new(9);
    let a = world.host_at("a", &["198.51.100.2", "198.51.100.9"], Raw::default());
    world.with(a, |raw: &mut Raw, _| {
        raw.bind(Bind::UdpPair(SocketId(1), SocketId(2)), "198.51.100.2", 5001..=5004);
        raw.bind(Bind::Udp(SocketId(3)), "198.51.100.2", 5002..=5004);
        raw.bind(Bind::Udp(SocketId(4)), "198.51.100.9", 5002..=5004);
        raw.bind(Bind::Udp(SocketId(5)), "0.0.0.0", 5002..=5003);
        raw.bind(Bind::Udp(SocketId(6)), "198.51.100.7", 5002..=5004);
        raw.bind(Bind::UdpPair(SocketId(7), SocketId(8)), "198.51.100.9", 0..=0);
        raw.bind(Bind::UdpPair(SocketId(9), SocketId(10)), "198.51.100.2", 5004..=5004);
    });
    let bound = world.with(a, |raw: &mut Raw, _| std::mem::take(&mut raw.bound));
    assert_eq!(bound[&Bind::UdpPair(SocketId(1), SocketId(2))], Some(at("198.51.100.2:5002")));
    assert_eq!(bound[&Bind::Udp(SocketId(3))], Some(at("198.51.100.2:5004")));
    assert_eq!(bound[&Bind::Udp(SocketId(4))], Some(at("198.51.100.9:5002")));
    assert_eq!(bound[&Bind::Udp(SocketId(5))], None, "taken by one address");
    assert_eq!(bound[&Bind::Udp(SocketId(6))], None, "not this host's");
    assert_eq!(bound[&Bind::UdpPair(SocketId(7), SocketId(8))].unwrap().port() % 2, 0);
    assert_eq!(bound[&Bind::UdpPair(SocketId(9), SocketId(10))], None, "no room for two");

    world.with(a, |raw: &mut Raw, _| {
        raw.unbind(Bind::Udp(SocketId(3)));
        raw.bind(Bind::Udp(SocketId(11)), "198.51.100.2", 5002..=5004);
    });
    let at_last = |raw: &mut Raw, _| raw.at(SocketId(11));
    assert_eq!(world.with(a, at_last), Some(at("198.51.100.2:5004")));

    world.exhaust(a, true);
    let refused = world.with(a, |raw: &mut Raw, _| raw.udp("198.51.100.2", 0));
    assert_eq!(world.with(a, move |raw: &mut Raw, _| raw.at(refused)), None);
    world.exhaust(a, false);
}
