//! Calls between phones that need no help, however much of them goes through the gatekeeper.

use pinhole::node::{Mode, Settings};
use pinhole::phone::options::Gatekeeper;

use super::lab::{Lab, Place, Plan, heard, lab, records, relayed};
use crate::world::{Chop, HostId, Raw, at, millis, seconds};
use Place::Outside;

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 3;

fn lab_of(mode: Mode) -> Lab {
    let config = pinhole_config::Config::read(match mode {
        Mode::Direct => "[RoutedMode]\nGKRouted=0\n",
        Mode::Routed => "[RoutedMode]\nGKRouted=1\nH245Routed=0\n",
        Mode::Control => "[RoutedMode]\nGKRouted=1\nH245Routed=1\n",
        Mode::Proxied => "[RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\n",
    });
    let settings = Settings::from(&config.0);
    assert_eq!(settings.mode, mode);
    lab(Plan { settings, ..Plan::with(Chop::AsSent) })
}

fn talk(mode: Mode, tunnelling: [bool; 2], fast_start: bool) {
    println!("{mode:?}, tunnelling {tunnelling:?}, fast start {fast_start}");
    talk_in(lab_of(mode), mode, tunnelling, fast_start);
}

/// A call that is handled in this mode.
fn talk_in(mut lab: Lab, mode: Mode, tunnelling: [bool; 2], fast_start: bool) {
    let bob = lab.answering("bob", Outside, BOB, |options| {
        (options.tunnelling, options.fast_start) = (tunnelling[1], fast_start);
        options.traversal = false;
    });
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", ALICE, TALK), |options| {
        (options.tunnelling, options.fast_start) = (tunnelling[0], fast_start);
        options.traversal = false;
    });
    heard(&lab.record(alice, 1, seconds(60)), TALK, BOB);
    heard(&lab.record(bob, 1, seconds(5)), TALK, ALICE);
    lab.world.run_for(seconds(5));
    let ours = records(&lab.world, lab.node);
    assert_eq!(ours.len(), usize::from(mode != Mode::Direct), "{ours:#?}");
    let relayed = ours.iter().map(|record| record.channels.len()).sum::<usize>();
    assert_eq!(relayed, if mode == Mode::Proxied { 2 } else { 0 }, "{ours:#?}");
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
}

#[test]
fn they_hear_each_other_in_every_mode() {
    for mode in [Mode::Direct, Mode::Routed, Mode::Control, Mode::Proxied] {
        for tunnelling in [[true, true], [true, false], [false, true], [false, false]] {
            for fast_start in [false, true] {
                talk(mode, tunnelling, fast_start);
            }
        }
    }
}

/// The phones say that they are a "Pinhole phone", where they register and where they call.
#[test]
fn what_a_product_needs_is_done_for_it() {
    for (rule, mode) in [("pinhole", Mode::Proxied), ("Acme", Mode::Routed)] {
        let text = format!("[RoutedMode]\nGKRouted=1\n[ModeVendorSelection]\n{rule}=PROXY\n");
        let (config, problems) = pinhole_config::Config::read(&text);
        assert_eq!(problems, []);
        let plan = Plan { settings: Settings::from(&config), ..Plan::with(Chop::AsSent) };
        talk_in(lab(plan), mode, [true, true], false);
    }
}

/// Somebody connects to every listener of a phone as soon as it is there.
fn intrude(lab: &mut Lab, mallory: HostId, phone: HostId, words: &[u8]) -> bool {
    let doors = lab.world.listeners(phone).into_iter().filter(|at| at.port() != 1720);
    let doors: Vec<_> = doors.collect();
    for door in &doors {
        lab.world.with(mallory, |raw: &mut Raw, _| {
            let stream = raw.connect(*door);
            raw.send(stream, words);
        });
    }
    !doors.is_empty()
}

/// In routed mode a phone does not know from where H.245 will come: from a stranger it does not.
#[test]
fn a_stranger_at_the_h245_listener_keeps_no_one_from_talking() {
    for words in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", &[3, 0, 0, 8, 0xff, 0xff, 0xff, 0xff]] {
        let mut lab = lab_of(Mode::Routed);
        let bob = lab.answering("bob", Outside, BOB, |options| {
            (options.tunnelling, options.traversal) = (false, false);
        });
        let mallory = lab.world.host("mallory", "192.0.2.66", Raw::default());
        let alice = lab.calling("alice", Outside, ("bob", ALICE, TALK), |options| {
            (options.tunnelling, options.traversal) = (false, false);
        });
        let mut tries = 0;
        for _ in 0..1000 {
            lab.world.run_for(millis(1));
            if tries < 3 && intrude(&mut lab, mallory, bob, words) {
                tries += 1;
            }
        }
        assert!(tries > 0, "it found the listener");
        heard(&lab.record(alice, 1, seconds(60)), TALK, BOB);
        heard(&lab.record(bob, 1, seconds(5)), TALK, ALICE);
        let refused =
            lab.world.with(mallory, |raw: &mut Raw, _| raw.lines.values().all(|l| l.closed));
        assert!(refused, "nobody stays connected");
        assert!(lab.world.listeners(bob).contains(&at(&format!("{}:1720", lab.world.ip_of(bob)))));
    }
}

/// Somebody without a gatekeeper calls a phone at its address whose gatekeeper wants all calls for itself: the phone sends
/// the caller there, and the call comes about through the gatekeeper.
#[test]
fn a_call_past_a_gatekeeper_that_routes_is_sent_through_it() {
    for tunnelling in [true, false] {
        let mut plan = Plan::with(Chop::AsSent);
        plan.settings.accept_unregistered = true;
        plan.settings.ras.route_to_gatekeeper = true;
        let mut lab = lab(plan);
        let bob = lab.answering("bob", Outside, 880.0, |options| {
            options.tunnelling = tunnelling;
            options.traversal = false;
        });
        let whom = format!("bob@{}", lab.world.ip_of(bob));
        let alice = lab.calling("alice", Outside, (&whom, 440.0, 3), |options| {
            options.gatekeeper = Gatekeeper::None;
            options.tunnelling = tunnelling;
        });
        heard(&lab.record(alice, 1, seconds(30)), 3, 880.0);
        // Two calls came to bob: the one that he sent away, and the one that came of it.
        let records = [1, 2].map(|count| lab.record(bob, count, seconds(5)));
        assert_eq!(records[0].setup_ms, None, "{records:#?}");
        heard(&records[1], 3, 440.0);
        relayed(&lab.record(lab.node, 1, seconds(5)), 3);
    }
}
