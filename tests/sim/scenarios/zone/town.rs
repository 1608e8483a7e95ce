//! A whole town behind one zone.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::*;
use crate::scenarios::lab::{channel, records};

/// Endpoints inside.
const INHABITANTS: usize = 200;
/// Calls at a time, half of them from inside.
const CALLS: usize = 100;

/// Many phones, each with a name and an address of its own.
struct Town {
    zone: Zone,
    inside: Vec<HostId>,
    outside: Vec<HostId>,
}

fn name(prefix: &str, n: usize) -> &'static str {
    // Names of hosts live as long as the test.
    Box::leak(format!("{prefix}{n:03}").into_boxed_str())
}

impl Town {
    fn settle(&mut self, n: usize, inside: bool, call: Option<&str>) {
        let (prefix, net, keeper) =
            if inside { ("in", "10.0.1", INNER) } else { ("out", "198.51.101", NODE) };
        let (own, name) = (format!("{net}.{}", n + 1), name(prefix, n));
        let mut options = plain(name, keeper, &own);
        options.incoming = if call.is_some() { Incoming::Refused } else { Incoming::Answer };
        options.source = Source::Tone(if inside { ALICE } else { BOB });
        options.multiplex = false;
        options.destination = call.map(Destination::parse);
        options.hold = call.map(|_| seconds(3));
        let world = &mut self.zone.lab.world;
        let phone = Phone::new(options, [n as u8; 32], world.now());
        if inside {
            self.inside.push(world.host_behind(self.zone.lab.gate, name, &own, phone));
        } else {
            self.outside.push(world.host(name, &own, phone));
        }
    }

    /// Each with its address inside and the one that is seen outside: one address inside can have many.
    fn mappings(&mut self) -> BTreeSet<(SocketAddr, SocketAddr)> {
        let (gate, now) = (self.zone.lab.gate, self.zone.lab.world.now());
        self.zone.lab.world.gate(gate).udp_mappings(now).collect()
    }
}

#[test]
fn two_hundred_endpoints_and_a_hundred_calls_through_two_ports() {
    // The kind of NAT that gives every destination a mapping of its own.
    // And a limit of connections that have not said yet whose they are, which would cut the calls for anybody else.
    let more = format!("[Pinhole::Limits]\nHalfOpenPerSource=20\n[Proxy]\n{MULTIPLEXED}");
    let zone = zone_with(Rules::symmetric(), Chop::AsSent, &more);
    let mut town = Town { zone, inside: Vec::new(), outside: Vec::new() };
    town.zone.up();
    // Half of the calls go out to fifty who answer outside, half come from fifty who call inside.
    for n in 0..INHABITANTS - CALLS / 2 {
        town.settle(n, true, None);
    }
    for n in 0..CALLS / 2 {
        town.settle(n, false, None);
    }
    town.zone.lab.world.run_for(seconds(10));
    let idle = town.mappings();
    town.zone.lab.world.mark_rest();
    // They begin within a round trip: each connection has to say whose it is.
    let inner = town.zone.inner;
    town.zone.lab.world.link(inner).latency = millis(100);
    for n in 0..CALLS / 2 {
        let (answers, called) = (name("out", n), name("in", n));
        town.settle(INHABITANTS - CALLS / 2 + n, true, Some(answers));
        town.settle(CALLS / 2 + n, false, Some(called));
        town.zone.lab.world.run_for(millis(1));
    }
    town.zone.lab.world.run_for(millis(500));
    let registered = town.zone.lab.world.with(inner, |node: &mut Node, _| node.registrations());
    assert_eq!(registered, INHABITANTS);
    let all = |w: &crate::world::World| {
        [&town.inside[..], &town.outside[..]]
            .concat()
            .iter()
            .filter(|p| w.told(**p, connected))
            .count()
    };
    let stands = |w: &crate::world::World| all(w) == 2 * CALLS && !w.told(inner, ended);
    let stand = town.zone.lab.world.run_until(stands, seconds(20));
    assert!(stand, "{} connected", all(&town.zone.lab.world));
    let mut busiest = idle.clone();
    for _ in 0..10 {
        town.zone.lab.world.run_for(millis(100));
        busiest.extend(town.mappings());
    }
    // RAS is one; media of all calls, RTP and RTCP, two more; and they stay the same.
    let inside = |all: &BTreeSet<(SocketAddr, SocketAddr)>| -> Vec<SocketAddr> {
        all.iter().map(|(inside, _)| *inside).collect()
    };
    assert_eq!(inside(&idle), [at("10.0.0.2:1719")]);
    let shared = [at("10.0.0.2:1719"), at("10.0.0.2:3000"), at("10.0.0.2:3001")];
    assert_eq!(inside(&busiest), shared, "{busiest:?}");
    let callers = town.inside.iter().skip(INHABITANTS - CALLS / 2);
    let callers: Vec<HostId> =
        callers.chain(town.outside.iter().skip(CALLS / 2)).copied().collect();
    let over = |w: &crate::world::World| callers.iter().all(|phone| w.ended(*phone));
    town.zone.lab.world.must("all calls are over", over, seconds(60));
    town.zone.lab.world.run_for(seconds(1));
    for (phones, tone) in [(&town.inside, BOB), (&town.outside, ALICE)] {
        let told = phones.iter().flat_map(|phone| records(&town.zone.lab.world, *phone));
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), CALLS);
        for record in told {
            let receive = channel(&record, "receive");
            assert!(receive.packets > 130 && receive.lost == 0, "{record:#?}");
            assert!((receive.tone_hz.unwrap() - tone).abs() < 5.0, "{record:#?}");
        }
    }
    let seen = town.zone.seen_by(inner);
    assert_eq!((seen.state, seen.calls), ("up", CALLS as u64));
    town.zone.lab.nothing_left();
}

/// That the mappings are counted shows where each medium has its own: two for each call.
#[test]
fn without_multiplexing_each_call_has_mappings_of_its_own() {
    const FEW: usize = 10;
    let zone = zone_with(Rules::symmetric(), Chop::AsSent, PLAIN);
    let mut town = Town { zone, inside: Vec::new(), outside: Vec::new() };
    town.zone.up();
    for n in 0..FEW {
        town.settle(n, false, None);
    }
    town.zone.lab.world.run_for(seconds(5));
    assert_eq!(town.mappings().len(), 1);
    for n in 0..FEW {
        town.settle(n, true, Some(name("out", n)));
    }
    let stand = |w: &crate::world::World| town.inside.iter().all(|p| w.told(*p, connected));
    assert!(town.zone.lab.world.run_until(stand, seconds(20)));
    town.zone.lab.world.run_for(seconds(1));
    let busy = town.mappings();
    assert_eq!(busy.len(), 1 + 2 * FEW, "{busy:?}");
}
