//! An hour in which nothing happens.

use super::*;

/// An hour passes behind a NAT that remembers for half a minute. In how many of its minutes did the server's messages
/// not reach the client?
fn an_hour(interval: u64) -> (Zone, usize) {
    let slowed = |mut settings: Settings| {
        settings.zones.keepalive = Some(seconds(interval));
        settings
    };
    let (outer, inner) = (slowed(outer(PLAIN)), slowed(inner(NODE, "clientpw", PLAIN)));
    let mut zone = zone_of(outer, inner, Rules::port_restricted(), Chop::AsSent);
    zone.up();
    let mut unreached = 0;
    for _ in 0..60 {
        // Not in step with the keepalives.
        zone.lab.world.run_for(millis(61_700));
        let address = zone.seen_by(zone.lab.node).address;
        let (gate, now) = (zone.lab.gate, zone.lab.world.now());
        let mut mappings = zone.lab.world.gate(gate).udp_mappings(now);
        unreached += usize::from(!mappings.any(|(_, seen)| Some(seen) == address));
    }
    (zone, unreached)
}

#[test]
fn a_zone_is_up_after_an_hour() {
    let (mut zone, unreached) = an_hour(19);
    assert_eq!(unreached, 0);
    for host in [zone.lab.node, zone.inner] {
        assert!(!zone.lab.world.told(host, state("down")), "{host:?}");
        assert!(!zone.lab.world.told(host, state("moved")), "{host:?}");
        let seen = zone.seen_by(host);
        assert!(seen.state == "up" && seen.up_s > Some(3590), "{seen:?}");
    }
    zone.talk(false, |_| {});
}

/// The same with keepalives that are slower than the NAT forgets, at both ends: that it is so noticed shows that the
/// test above can fail.
#[test]
fn it_is_not_with_slow_keepalives() {
    let (_, unreached) = an_hour(40);
    assert!(unreached >= 10, "{unreached}");
}
