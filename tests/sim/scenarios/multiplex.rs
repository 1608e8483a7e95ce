//! Multiplexed media (H.460.19) through NATs: each side of the call and the gatekeeper may do it or not.

use pinhole::event::CallRecord;
use pinhole::firewall::Rules;
use pinhole::node::Settings;

use super::lab::{Lab, Place, Plan, connected, heard, lab, records, relayed};
use crate::world::{Chop, World, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 3;

const WAYS: [(Place, Place); 4] =
    [(Inside, Outside), (Outside, Inside), (Inside, Inside), (Outside, Outside)];

/// A gatekeeper that multiplexes, or not.
fn lab_of(multiplexes: bool, rules: Rules) -> Lab {
    let multiplex_port = multiplexes.then_some(3000);
    let settings = Settings { multiplex_port, ..Settings::default() };
    lab(Plan { rules, settings, ..Plan::with(Chop::AsSent) })
}

fn talk(lab: &mut Lab, (from, to): (Place, Place), [caller, called]: [bool; 2], fast_start: bool) {
    let bob = lab.answering("bob", to, BOB, |options| {
        (options.multiplex, options.fast_start) = (called, fast_start);
    });
    lab.world.mark_rest();
    let alice = lab.calling("alice", from, ("bob", ALICE, TALK), |options| {
        (options.multiplex, options.fast_start) = (caller, fast_start);
    });
    heard(&lab.record(alice, 1, seconds(60)), TALK, BOB);
    heard(&lab.record(bob, 1, seconds(5)), TALK, ALICE);
    relayed(&lab.record(lab.node, 1, seconds(5)), TALK);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
}

fn every_way(server: bool, fast_start: bool) {
    for phones in [[true, true], [true, false], [false, true]] {
        for way in WAYS {
            for rules in [Rules::port_restricted(), Rules::symmetric()] {
                talk(&mut lab_of(server, rules), way, phones, fast_start);
            }
        }
    }
}

#[test]
fn phones_that_multiplex_and_a_gatekeeper_that_does() {
    every_way(true, false);
}

#[test]
fn phones_that_multiplex_and_a_gatekeeper_that_does_not() {
    every_way(false, false);
}

#[test]
fn fast_start_with_multiplexed_media() {
    every_way(true, true);
    every_way(false, true);
}

#[test]
fn many_calls_share_the_sockets_of_both_phones() {
    // A gatekeeper that does not multiplex is not asked to: each call has sockets of its own then.
    for (server, rules, phones, mappings) in [
        (true, Rules::symmetric(), true, 6),
        (true, Rules::full_cone(), true, 6),
        (false, Rules::full_cone(), true, 22),
        (true, Rules::full_cone(), false, 22),
    ] {
        let mut lab = lab_of(server, rules);
        let bob = lab.answering("bob", Inside, BOB, |options| options.multiplex = phones);
        lab.world.mark_rest();
        let alice = lab.calling("alice", Inside, ("bob", ALICE, 25), |options| {
            (options.multiplex, options.calls, options.rate) = (phones, 5, 2.0);
        });
        let all_talk = |world: &World| world.count(alice, connected) == 5;
        lab.world.must("five calls", all_talk, seconds(10));
        lab.world.run_for(seconds(2));
        let now = lab.world.now();
        // RAS of both, and RTP and RTCP of both: for all calls, or for each.
        let found: Vec<_> = lab.world.gate(lab.gate).udp_mappings(now).collect();
        assert_eq!(found.len(), mappings, "{server} {phones} {found:?}");
        lab.record(alice, 5, seconds(60));
        lab.record(bob, 5, seconds(5));
        let all = |of| -> Vec<CallRecord> { records(&lab.world, of) };
        all(alice).iter().for_each(|record| heard(record, 25, BOB));
        all(bob).iter().for_each(|record| heard(record, 25, ALICE));
        lab.nothing_left();
    }
}

/// With fast start a called party hears where to send media before it can say that it multiplexes. It is believed to do
/// in the next call what it did in the last.
#[test]
fn fast_start_uses_the_shared_sockets_from_the_second_call_on() {
    for (phones, shared) in [(true, true), (false, false)] {
        let mut lab = lab_of(true, Rules::symmetric());
        let bob = lab.answering("bob", Inside, BOB, |options| {
            (options.multiplex, options.fast_start) = (phones, true);
        });
        lab.world.mark_rest();
        for (name, call) in [("alice", 1), ("anna", 2)] {
            let caller = lab.calling(name, Outside, ("bob", ALICE, 20), |options| {
                options.fast_start = true;
            });
            lab.world.must("talking", |world| world.told(caller, connected), seconds(20));
            lab.world.run_for(seconds(2));
            // RTP and RTCP through the pair that all calls share, or through one of this call.
            let pairs = lab.world.own_pairs(lab.node);
            let own = if call == 1 || !shared { 2 } else { 1 };
            assert_eq!(pairs, own, "{name} {phones}");
            heard(&lab.record(caller, 1, seconds(60)), 20, BOB);
            heard(&lab.record(bob, call, seconds(5)), 20, ALICE);
        }
        lab.nothing_left();
    }
}
