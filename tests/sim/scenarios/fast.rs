//! Fast start through NATs: whoever wants it, whatever carries H.245, wherever the parties are.

use pinhole::firewall::Rules;

use super::lab::{Lab, Place, Plan, heard, lab, relayed};
use crate::world::{Chop, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 3;

const WAYS: [(Place, Place); 4] =
    [(Inside, Outside), (Outside, Inside), (Inside, Inside), (Outside, Outside)];

/// What one phone is told: fast start, and tunnelling.
type Manner = (bool, bool);

fn talk(lab: &mut Lab, (from, to): (Place, Place), [caller, called]: [Manner; 2]) {
    let bob = lab.answering("bob", to, BOB, |options| {
        (options.fast_start, options.tunnelling) = called;
    });
    lab.world.mark_rest();
    let alice = lab.calling("alice", from, ("bob", ALICE, TALK), |options| {
        (options.fast_start, options.tunnelling) = caller;
    });
    let record = lab.record(alice, 1, seconds(60));
    heard(&record, TALK, BOB);
    // With fast start audio is open with Connect; H.245 alone needs some round trips more.
    let from_the_first = record.duration_s <= TALK as f64;
    assert_eq!(from_the_first, caller.0 && called.0, "{record:#?}");
    heard(&lab.record(bob, 1, seconds(5)), TALK, ALICE);
    relayed(&lab.record(lab.node, 1, seconds(5)), TALK);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
}

fn every_way(rules: fn() -> Rules, fast_start: [bool; 2]) {
    for tunnelling in [[true, true], [false, false], [true, false], [false, true]] {
        for way in WAYS {
            let mut lab = lab(Plan { rules: rules(), ..Plan::with(Chop::AsSent) });
            let manner = |side: usize| (fast_start[side], tunnelling[side]);
            talk(&mut lab, way, [manner(0), manner(1)]);
        }
    }
}

#[test]
fn both_want_fast_start() {
    every_way(Rules::port_restricted, [true, true]);
    every_way(Rules::symmetric, [true, true]);
}

#[test]
fn only_the_caller_wants_it() {
    every_way(Rules::port_restricted, [true, false]);
}

#[test]
fn only_the_called_party_would() {
    every_way(Rules::port_restricted, [false, true]);
}

#[test]
fn two_clients_behind_one_nat_hear_each_other_at_once() {
    for rules in [Rules::full_cone(), Rules::port_restricted(), Rules::symmetric()] {
        let mut lab = lab(Plan { rules, ..Plan::with(Chop::AsSent) });
        // Longer than the keepalives are apart: what was learned stays.
        let bob = lab.answering("bob", Inside, BOB, |options| options.fast_start = true);
        let alice = lab.calling("alice", Inside, ("bob", ALICE, 45), |options| {
            options.fast_start = true;
        });
        heard(&lab.record(alice, 1, seconds(90)), 45, BOB);
        heard(&lab.record(bob, 1, seconds(5)), 45, ALICE);
    }
}

/// `DisableFastStart`: the called party never hears of the channels that the caller proposes, and both talk by H.245.
#[test]
fn fast_start_that_is_withheld_leaves_h245() {
    for tunnelling in [[true, true], [false, false], [true, false], [false, true]] {
        for (from, to) in WAYS {
            let mut plan = Plan::with(Chop::AsSent);
            plan.settings.handling.withholds_fast_start = true;
            let mut lab = lab(plan);
            let bob = lab.answering("bob", to, BOB, |options| {
                (options.fast_start, options.tunnelling) = (true, tunnelling[1]);
            });
            let alice = lab.calling("alice", from, ("bob", ALICE, TALK), |options| {
                (options.fast_start, options.tunnelling) = (true, tunnelling[0]);
            });
            let record = lab.record(alice, 1, seconds(60));
            heard(&record, TALK, BOB);
            // As in a call without fast start, it takes some round trips more until audio is open.
            assert!(record.duration_s > TALK as f64, "{record:#?}");
            heard(&lab.record(bob, 1, seconds(5)), TALK, ALICE);
        }
    }
}
