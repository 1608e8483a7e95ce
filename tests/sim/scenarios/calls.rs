//! Calls through a NAT, in every way they can be set up.

use pinhole::event::Event;
use pinhole::firewall::Rules;

use super::lab::{Lab, NAT, Place, Plan, heard, lab, relayed};
use crate::world::{Chop, ip, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 5;

/// Calls from one place to another and looks at every record.
fn talk(lab: &mut Lab, from: Place, to: Place, tunnelling: [bool; 2]) {
    let bob = lab.answering("bob", to, BOB, |options| options.tunnelling = tunnelling[1]);
    lab.world.mark_rest();
    let adjust =
        |options: &mut pinhole::phone::options::Options| options.tunnelling = tunnelling[0];
    let alice = lab.calling("alice", from, ("bob", ALICE, TALK), adjust);
    let record = lab.record(alice, 1, seconds(60));
    heard(&record, TALK, BOB);
    assert_eq!(record.direction, "out");
    let record = lab.record(bob, 1, seconds(5));
    heard(&record, TALK, ALICE);
    assert_eq!(record.direction, "in");
    let record = lab.record(lab.node, 1, seconds(5));
    relayed(&record, TALK);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
}

const NATS: [fn() -> Rules; 3] = [Rules::full_cone, Rules::port_restricted, Rules::symmetric];
const WAYS: [(Place, Place); 4] =
    [(Inside, Outside), (Outside, Inside), (Inside, Inside), (Outside, Outside)];

fn every_way(tunnelling: [bool; 2], chop: Chop) {
    for rules in NATS {
        for (from, to) in WAYS {
            let mut lab = lab(Plan { rules: rules(), ..Plan::with(chop) });
            talk(&mut lab, from, to, tunnelling);
        }
    }
}

#[test]
fn a_phone_registers_through_the_nat() {
    let mut lab = lab(Plan::with(Chop::AsSent));
    let bob = lab.answering("bob", Inside, BOB, |_| {});
    let through = |event: &Event| match event {
        Event::Registered { alias, ttl_s, traversal, .. } => {
            alias == "bob" && *ttl_s == 19 && *traversal == "H.460.18"
        }
        _ => false,
    };
    assert!(lab.world.told(bob, through));
    assert!(lab.world.told(lab.node, through));
    let seen =
        |event: &Event| matches!(event, Event::Registered { peer, .. } if peer.ip() == ip(NAT));
    assert!(lab.world.told(lab.node, seen), "under the address the NAT gives it");
}

/// Each NAT keeps calls out: without H.460.18 nobody behind it is called, and it is told why.
#[test]
fn behind_every_nat_a_phone_without_h46018_can_only_call() {
    for rules in NATS {
        let mut lab = lab(Plan { rules: rules(), ..Plan::with(Chop::AsSent) });
        let bob = lab.answering("bob", Inside, BOB, |options| options.traversal = false);
        let anna = lab.answering("anna", Outside, ALICE, |_| {});
        lab.world.mark_rest();
        let alice = lab.calling("alice", Outside, ("bob", ALICE, TALK), |_| {});
        let record = lab.record(alice, 1, seconds(60));
        assert_eq!((record.setup_ms, record.cause), (None, Some(3)), "{record:#?}");
        let told = lab.record(lab.node, 1, seconds(5)).sentence;
        assert!(told.contains("behind a NAT"), "{told}");
        let carl = lab.calling("carl", Inside, ("anna", BOB, TALK), |options| {
            options.traversal = false;
        });
        heard(&lab.record(carl, 1, seconds(60)), TALK, ALICE);
        heard(&lab.record(anna, 1, seconds(5)), TALK, BOB);
        assert_eq!(lab.world.count(bob, super::lab::connected), 0);
        lab.nothing_left();
    }
}

#[test]
fn calls_with_tunnelled_h245() {
    every_way([true, true], Chop::AsSent);
}

#[test]
fn calls_with_h245_on_its_own_connection() {
    every_way([false, false], Chop::AsSent);
}

#[test]
fn calls_between_one_that_tunnels_and_one_that_does_not() {
    every_way([true, false], Chop::AsSent);
    every_way([false, true], Chop::AsSent);
}

#[test]
fn calls_whose_streams_come_octet_by_octet() {
    every_way([true, true], Chop::EachByte);
    every_way([false, false], Chop::EachByte);
}

#[test]
fn calls_whose_streams_are_cut_and_glued_at_random() {
    every_way([true, true], Chop::Random);
    every_way([false, false], Chop::Random);
}
