//! Whatever happens to a zone, it is back within three intervals of the end of it, without anybody's help; calls whose
//! way is still there go on, others end on both sides with a cause, and nothing is left over.

use pinhole::node::Node;

use super::*;
use crate::scenarios::lab::{channel, records};

/// Three times the interval of nineteen seconds.
const RECOVERY: u64 = 57;

/// What becomes of a call that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoesOn,
    Ends,
}

/// So that phones notice that their gatekeeper knows nothing of them any more.
const REFRESH: &str = "[Gatekeeper::Main]\nTimeToLive=60\n[Proxy]\n";

/// Something happens, in the midst of a call, to each kind of zone; `strike` comes back at its end.
fn befalls(fate: Fate, more: &str, strike: impl Fn(&mut Zone)) {
    for (symmetric, from_inside) in [(false, true), (false, false), (true, true), (true, false)] {
        let rules = if symmetric { Rules::symmetric() } else { Rules::port_restricted() };
        let tunnelling = symmetric != from_inside;
        let mux = if tunnelling { PLAIN } else { MULTIPLEXED };
        let more = format!("{mux}{more}");
        let mut zone = zone_at("gk.example.org", rules, Chop::AsSent, &more);
        zone.up();
        let call = zone.converse(from_inside, |options| options.tunnelling = tunnelling);
        strike(&mut zone);
        zone.lab.world.run_for(seconds(RECOVERY));
        is_back(&mut zone);
        let word = format!("{from_inside} {tunnelling} {more:?}");
        match fate {
            Fate::GoesOn => goes_on(&mut zone, call, &word),
            Fate::Ends => ends(&mut zone, call, &word),
        }
        zone.talk(true, |_| {});
        zone.talk(false, |_| {});
    }
}

/// Both ends see the zone as it is.
fn is_back(zone: &mut Zone) {
    let (inner, node) = (zone.inner, zone.lab.node);
    let inside = zone.seen_by(inner);
    assert_eq!(inside.state, "up", "{inside:?}");
    let outside = zone.seen_by(node);
    assert_eq!(outside.state, "up", "{outside:?}");
    let now = zone.lab.world.now();
    let ras = at(&format!("{INNER}:1719"));
    let gate = zone.lab.gate;
    let mut mappings = zone.lab.world.gate(gate).udp_mappings(now);
    let lives = mappings.any(|(from, seen)| from == ras && Some(seen) == outside.address);
    assert!(lives, "the server knows the pinhole: {outside:?}");
}

/// Nobody has noticed anything, and both are still heard.
fn goes_on(zone: &mut Zone, call: [HostId; 2], word: &str) {
    for phone in call {
        assert_eq!(zone.lab.world.count(phone, ended), 0, "{word}");
    }
    let held = zone.lab.world.elapsed();
    zone.lab.world.shutdown(call[0]);
    for (phone, tone) in call.into_iter().zip([BOB, ALICE]) {
        let record = zone.lab.record(phone, 1, seconds(5));
        assert_eq!(record.cause, Some(16), "{word} {record:#?}");
        let receive = channel(&record, "receive");
        assert!((receive.tone_hz.unwrap() - tone).abs() < 5.0, "{word} {record:#?}");
        // What is lost at most: three seconds.
        let expected = record.duration_s as u64 * 50;
        assert!(receive.packets + 150 >= expected, "{word} {expected} {record:#?} {held:?}");
    }
    for node in [zone.lab.node, zone.inner] {
        let record = zone.lab.record(node, 1, seconds(5));
        assert_eq!(record.cause, Some(16), "{word} {record:#?}");
    }
    zone.lab.nothing_left();
}

/// Both hear why.
fn ends(zone: &mut Zone, call: [HostId; 2], word: &str) {
    for phone in call {
        // Whoever only listens is asked by his system after a minute of silence.
        let record = zone.lab.record(phone, 1, seconds(120));
        assert!(record.cause.is_some_and(|cause| cause != 16), "{word} {record:#?}");
        assert!(!record.sentence.is_empty(), "{word} {record:#?}");
    }
    zone.lab.world.must("alice has ended", |world| world.ended(call[0]), seconds(60));
    zone.lab.nothing_left();
}

#[test]
fn the_nat_gives_other_ports() {
    befalls(Fate::GoesOn, "", |zone| {
        let gate = zone.lab.gate;
        let before = zone.seen_by(zone.lab.node).address;
        zone.lab.world.gate(gate).rebind_udp();
        // An interval, three proofs, and the time in which copies would be noticed.
        zone.lab.world.run_for(seconds(27));
        assert_ne!(zone.seen_by(zone.lab.node).address, before, "or nothing was tried");
    });
}

#[test]
fn the_firewall_forgets_everything() {
    befalls(Fate::Ends, "", |zone| zone.lab.world.gate(zone.lab.gate).rebind());
}

#[test]
fn the_server_starts_again() {
    befalls(Fate::Ends, REFRESH, |zone| {
        let mux = zone.multiplexes();
        let now = zone.lab.world.now();
        let node = Node::new(outer(&format!("{mux}{REFRESH}")), vec![ip(NODE)], [5; 32], now);
        zone.lab.world.restart(zone.lab.node, node);
    });
}

#[test]
fn the_client_starts_again() {
    befalls(Fate::Ends, REFRESH, |zone| {
        let more = format!("{}{REFRESH}", zone.multiplexes());
        zone.restart_inner("clientpw", &more);
    });
}

impl Zone {
    /// The key of multiplexing, if the gatekeeper outside has it.
    fn multiplexes(&self) -> &'static str {
        let shared = self
            .lab
            .world
            .told(self.lab.node, |event| matches!(event, Event::Listening { role: "media", .. }));
        if shared { MULTIPLEXED } else { PLAIN }
    }

    fn restart_inner(&mut self, password: &str, more: &str) {
        let now = self.lab.world.now();
        let settings = inner("gk.example.org", password, more);
        let node = Node::new(settings, vec![ip(INNER)], [6; 32], now);
        self.lab.world.restart(self.inner, node);
    }
}

#[test]
fn nothing_passes_for_a_minute() {
    befalls(Fate::Ends, "", |zone| {
        let until = zone.lab.world.now() + seconds(60);
        zone.lab.world.link(zone.inner).cut = Some(until);
        zone.lab.world.run_for(seconds(60));
        assert_eq!(zone.seen_by(zone.inner).state, "down");
    });
}

/// What the systems' patience with a connection outlasts, a call does, too. Of its media the rest is lost.
#[test]
fn nothing_passes_for_a_while() {
    for (away, from_inside) in [(20, true), (27, false)] {
        let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
        zone.up();
        let call = zone.converse(from_inside, |_| {});
        let until = zone.lab.world.now() + seconds(away);
        zone.lab.world.link(zone.inner).cut = Some(until);
        zone.lab.world.run_for(seconds(away + RECOVERY));
        is_back(&mut zone);
        zone.lab.world.shutdown(call[0]);
        for phone in call {
            let record = zone.lab.record(phone, 1, seconds(5));
            assert_eq!(record.cause, Some(16), "{away} {record:#?}");
            let lost = channel(&record, "receive").lost;
            assert!(lost.abs_diff(away * 50) < 150, "{away} {record:#?}");
        }
        zone.lab.nothing_left();
    }
}

/// A wrong password is told at both ends, and the right one is taken at once.
#[test]
fn the_password_is_wrong_and_then_right() {
    befalls(Fate::Ends, "", |zone| {
        let mux = zone.multiplexes();
        zone.restart_inner("other", mux);
        zone.lab.world.run_for(seconds(60));
        let seen = zone.seen_by(zone.inner);
        assert_eq!((seen.state, seen.reason), ("down", Some("wrong-password")), "{seen:?}");
        let seen = zone.seen_by(zone.lab.node);
        assert_eq!((seen.state, seen.reason), ("down", Some("wrong-password")), "{seen:?}");
        zone.restart_inner("clientpw", mux);
    });
}

/// A call needs no zone once it is there.
#[test]
fn a_clock_is_an_hour_off() {
    befalls(Fate::GoesOn, "", |zone| {
        zone.lab.world.set_clock(zone.inner, 3600);
        zone.lab.world.run_for(seconds(60));
        let seen = zone.seen_by(zone.inner);
        assert_eq!((seen.state, seen.reason), ("down", Some("clock-skew")), "{seen:?}");
        // The seconds of both need not begin together.
        let said =
            |s| format!("198.51.100.10:1719 refuses us: our clock is {s} s ahead of its own");
        let sentence = seen.sentence.unwrap();
        assert!([3599, 3600, 3601].map(said).contains(&sentence), "{sentence}");
        let seen = zone.seen_by(zone.lab.node);
        assert_eq!((seen.state, seen.reason), ("down", Some("clock-skew")), "{seen:?}");
        let sentence = seen.sentence.unwrap();
        let said = |s| sentence.contains(&format!("its clock is {s} s ahead of ours"));
        assert!([3599, 3600, 3601].into_iter().any(said), "{sentence}");
        zone.lab.world.set_clock(zone.inner, 0);
    });
}

#[test]
fn the_servers_name_leads_elsewhere() {
    const MOVED: &str = "198.51.100.20";
    for lost in [false, true] {
        let mut zone = zone_at("gk.example.org", Rules::port_restricted(), Chop::AsSent, PLAIN);
        zone.up();
        let call = zone.converse(true, |_| {});
        let (node, inner) = (zone.lab.node, zone.inner);
        zone.lab.world.vanish(node);
        if lost {
            zone.lab.world.name("gk.example.org", None);
            zone.lab.world.run_for(seconds(100));
            let seen = zone.seen_by(inner);
            assert_eq!((seen.state, seen.reason), ("down", Some("name-not-resolved")), "{seen:?}");
        }
        let now = zone.lab.world.now();
        let moved = Node::new(outer(PLAIN), vec![ip(MOVED)], [4; 32], now);
        zone.lab.node = zone.lab.world.host("moved", MOVED, moved);
        zone.lab.world.name("gk.example.org", Some(ip(MOVED)));
        zone.lab.world.run_for(seconds(RECOVERY));
        is_back(&mut zone);
        for phone in call {
            let record = zone.lab.record(phone, 1, seconds(120));
            assert!(record.cause.is_some_and(|cause| cause != 16), "{record:#?}");
        }
        assert_eq!(records(&zone.lab.world, inner).len(), 1);
        assert_eq!(zone.seen_by(inner).address, Some(at("198.51.100.20:1719")));
        zone.lab.world.run_for(seconds(60));
        // The one that moved had nothing before, and has what every gatekeeper has in rest.
        let left = zone.lab.world.leftovers();
        assert!(left.iter().all(|line| line.starts_with("moved:")), "{left:?}");
        zone.talk(true, |_| {});
    }
}

/// Media in one direction has nothing but the keepalive to open the way for it.
#[test]
fn the_first_keepalives_of_a_call_are_lost() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.up();
    // Those of audio and of the second video, which the outside phone shows.
    zone.lab.world.keepalives_lost.insert(zone.inner, 2);
    let call = zone.converse(false, |options| {
        let answers = matches!(options.incoming, Incoming::Answer);
        options.presentation = Some(if answers { 0 } else { 256 });
    });
    zone.lab.world.run_for(seconds(10));
    zone.lab.world.shutdown(call[0]);
    let records = call.map(|phone| zone.lab.record(phone, 1, seconds(5)));
    assert_eq!(zone.lab.world.keepalives_lost[&zone.inner], 0);
    let shown = records.iter().flat_map(|record| &record.channels);
    let shown = shown.filter(|c| c.media == "presentation" && c.direction == "receive");
    let shown: Vec<u64> = shown.map(|channel| channel.packets).collect();
    assert!(shown.len() == 1 && shown[0] > 50 * 8, "{shown:?} {records:#?}");
}
