//! How long the firewall keeps a mapping is measured, and the keepalives follow.

use std::time::Duration;

use pinhole_crypto::token::HASH;
use pinhole_h323::asn::h225::{Content, RasMessage};
use pinhole_h323::generic::Parameters as _;
use pinhole_h323::ras::Ras;

use super::*;
use crate::world::{Raw, World};

/// Settings in which nothing is set by hand.
fn free(mut settings: Settings) -> Settings {
    settings.zones.keepalive = None;
    settings
}

fn zone(idle: u64, symmetric: bool) -> Zone {
    let rules = if symmetric { Rules::symmetric() } else { Rules::port_restricted() };
    let rules = Rules { udp_idle: seconds(idle), ..rules };
    let (outer, inner) = (free(outer(PLAIN)), free(inner(NODE, "clientpw", PLAIN)));
    let mut zone = zone_of(outer, inner, rules, Chop::AsSent);
    zone.up();
    zone
}

type Found = (u32, Option<u32>, u64);

const fn measured(event: &Event) -> Option<Found> {
    match event {
        Event::PinholeMeasured { at_least_s, less_than_s, keepalive_s, .. } => {
            Some((*at_least_s, *less_than_s, *keepalive_s))
        }
        _ => None,
    }
}

/// Lets the measuring end; what was found, and how long it took.
fn ends(zone: &mut Zone, count: usize) -> (Found, Duration) {
    let (inner, begin) = (zone.inner, zone.lab.world.elapsed());
    let found = |w: &World| w.count(inner, |event| measured(event).is_some()) >= count;
    zone.lab.world.must("it is measured", found, seconds(1800));
    let events = zone.lab.world.events(inner).iter();
    let last = events.filter_map(|(_, event)| measured(event)).next_back().unwrap();
    (last, zone.lab.world.elapsed() - begin)
}

#[test]
fn firewalls_of_half_a_minute_one_and_two() {
    for (idle, symmetric) in [(30, false), (30, true), (60, true), (120, false), (10, true)] {
        let mut zone = zone(idle, symmetric);
        let ((least, less, keepalive), took) = ends(&mut zone, 1);
        assert!(u64::from(least) < idle && u64::from(less.unwrap()) >= idle, "{idle}: {least}");
        assert!(u64::from(less.unwrap() - least) <= (idle / 16).max(1), "{idle}: {least} {less:?}");
        assert!(took < seconds(900), "{idle}: {took:?}");
        assert_eq!(keepalive, u64::from(least) * 2 / 3);
        // Both ends keep to it, and show it.
        zone.lab.world.run_for(seconds(200));
        for host in [zone.inner, zone.lab.node] {
            let seen = zone.seen_by(host);
            assert_eq!((seen.state, seen.pinhole_s), ("up", Some(least)), "{idle} {seen:?}");
            assert_eq!(seen.interval_s, Some(keepalive), "{idle} {seen:?}");
            assert!(!zone.lab.world.told(host, state("down")), "{idle}");
        }
        // The live pinhole was never at risk, and is not with the new interval. One of ten seconds is lost between
        // keepalives as long as nobody knows how short it is.
        let moved = zone.lab.world.count(zone.lab.node, state("moved"));
        assert!(moved == 0 || idle == 10, "{idle}: {moved}");
        zone.lab.world.run_for(seconds(600));
        assert_eq!(zone.lab.world.count(zone.lab.node, state("moved")), moved, "{idle}");
        zone.talk(false, |_| {});
    }
}

#[test]
fn a_firewall_that_never_forgets() {
    let mut zone = zone(100_000, true);
    assert_eq!(ends(&mut zone, 1).0, (180, None, 120));
    zone.lab.world.run_for(seconds(3600));
    assert_eq!(zone.seen_by(zone.lab.node).interval_s, Some(120));
    zone.talk(false, |_| {});
}

#[test]
fn another_state_of_the_firewall_is_measured_again() {
    let mut zone = zone(60, true);
    ends(&mut zone, 1);
    zone.lab.world.run_for(seconds(100));
    let gate = zone.lab.gate;
    zone.lab.world.gate(gate).rebind_udp();
    zone.lab.world.run_for(seconds(60));
    let seen = zone.seen_by(zone.lab.node);
    assert_eq!((seen.interval_s, seen.pinhole_s), (Some(19), None), "{seen:?}");
    ends(&mut zone, 2);
    zone.lab.world.run_for(seconds(100));
    assert!(zone.seen_by(zone.lab.node).interval_s > Some(30));
}

#[test]
fn an_interval_set_by_hand_wins() {
    let rules = Rules { udp_idle: seconds(60), ..Rules::symmetric() };
    // At the server: it is measured, and not followed. At the client: there is nothing to measure for.
    let client = || inner(NODE, "clientpw", PLAIN);
    let mut zone = zone_of(outer(PLAIN), free(client()), rules, Chop::AsSent);
    zone.up();
    ends(&mut zone, 1);
    zone.lab.world.run_for(seconds(100));
    let seen = zone.seen_by(zone.lab.node);
    assert!(seen.pinhole_s > Some(50), "{seen:?}");
    assert_eq!(seen.interval_s, Some(19), "{seen:?}");
    let mut zone = zone_of(free(outer(PLAIN)), client(), rules, Chop::AsSent);
    zone.up();
    zone.lab.world.run_for(seconds(900));
    assert_eq!(zone.lab.world.count(zone.inner, |event| measured(event).is_some()), 0);
    assert_eq!(zone.seen_by(zone.lab.node).interval_s, Some(19));
}

/// A keepalive that says another lifetime.
fn forged(bytes: &[u8]) -> Vec<u8> {
    let mut ras = Ras::decode(bytes).unwrap();
    ras.edit(|message| {
        let RasMessage::serviceControlIndication(sci) = message else { return };
        let features = sci.feature_set.iter_mut().flat_map(|set| &mut set.supported_features);
        features.flatten().for_each(|said| {
            said.0.set(1, Some(Content::number32(180)));
        });
    });
    ras.encode().unwrap()
}

/// Neither what was said before, nor what nobody has sealed, from the client's own address.
#[test]
fn nobody_else_sets_the_interval() {
    let server = at("198.51.100.10:1719");
    let mut zone = zone(60, false);
    zone.lab.world.tap(zone.inner);
    ends(&mut zone, 1);
    zone.lab.world.run_for(seconds(100));
    let client = zone.seen_by(zone.lab.node).address.unwrap();
    let every = zone.seen_by(zone.lab.node).interval_s;
    assert!(every > Some(30) && every < Some(60), "{every:?}");
    let before = zone.lab.world.tap(zone.inner);
    let mut tried = 0;
    for (_, bytes) in before.iter().filter(|(to, _)| *to == server) {
        for bytes in [bytes.clone(), forged(bytes)] {
            zone.lab.world.inject_datagram(client, server, &bytes);
            zone.lab.world.run_for(millis(20));
            assert_eq!(zone.seen_by(zone.lab.node).interval_s, every, "{tried}");
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
    // Before the original arrives.
    for _ in 0..10_000 {
        zone.lab.world.run_for(millis(10));
        let said = zone.lab.world.tap(zone.inner);
        for (_, bytes) in said.iter().filter(|(to, _)| *to == server) {
            zone.lab.world.inject_datagram(client, server, &forged(bytes));
            tried += 1;
        }
        assert_eq!(zone.seen_by(zone.lab.node).interval_s, every, "{tried}");
    }
    assert_eq!(zone.seen_by(zone.inner).interval_s, every);
}

/// What the server can be made to send: nothing to anybody else, and nothing twice.
#[test]
fn nobody_else_gets_an_answer() {
    let strangers = [at("192.0.2.66:1719"), at("203.0.113.1:9")];
    let mut zone = zone(60, true);
    zone.lab.world.host("mallory", "192.0.2.66", Raw::default());
    zone.lab.world.tap(zone.inner);
    zone.lab.world.run_for(seconds(200));
    let said = zone.lab.world.tap(zone.inner);
    // A keepalive has a proof of its own.
    let trial = |bytes: &[u8]| match Ras::decode(bytes).unwrap().message() {
        RasMessage::serviceControlIndication(sci) => sci.crypto_tokens.is_none(),
        _ => false,
    };
    let trials = said.into_iter().map(|(_, bytes)| bytes).filter(|bytes| trial(bytes));
    let trials: Vec<Vec<u8>> = trials.collect();
    assert!(trials.len() >= 3, "{}", trials.len());
    let before = zone.lab.world.with(zone.lab.node, |node: &mut Node, _| node.counters());
    zone.lab.world.tap(zone.lab.node);
    for bytes in &trials {
        for from in strangers {
            zone.lab.world.inject_datagram(from, at("198.51.100.10:1719"), bytes);
            zone.lab.world.run_for(millis(500));
        }
    }
    zone.lab.world.run_for(seconds(200));
    let sent = zone.lab.world.tap(zone.lab.node);
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|(to, _)| !strangers.contains(to)));
    let after = zone.lab.world.with(zone.lab.node, |node: &mut Node, _| node.counters());
    assert_eq!(after.unbelieved - before.unbelieved, 2 * trials.len() as u64);
}

/// The first answer to a trial, made a late one by somebody who has not the password.
fn late(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut ras = Ras::decode(bytes).ok()?;
    let mut trial = false;
    ras.edit(|message| {
        let RasMessage::serviceControlResponse(scr) = message else { return };
        for said in scr.generic_data.iter_mut().flatten() {
            // A keepalive is told the address.
            trial = !said.has(2);
            said.set(3, Some(Content::raw(vec![7; HASH].into())));
        }
    });
    ras.encode().ok().filter(|_| trial)
}

/// That the server answers late, before the mapping is idle.
#[test]
fn nobody_else_answers_for_the_server() {
    let server = at("198.51.100.10:1719");
    let mut zone = zone(30, false);
    let (node, inner) = (zone.lab.node, zone.inner);
    zone.lab.world.tap(node);
    let mut forged = 0;
    for _ in 0..10_000 {
        zone.lab.world.run_for(millis(100));
        for (to, bytes) in zone.lab.world.tap(node) {
            if let Some(bytes) = late(&bytes) {
                zone.lab.world.run_for(millis(200));
                zone.lab.world.inject_datagram(server, to, &bytes);
                forged += 1;
            }
        }
        if zone.lab.world.told(inner, |event| measured(event).is_some()) {
            break;
        }
    }
    assert!(forged > 3, "{forged}");
    let found = zone.seen_by(inner).pinhole_s;
    assert!(found > Some(20) && found <= Some(30), "{found:?}");
}
