//! Multiplexed media (H.460.19) through NATs: each side of the call and the gatekeeper may do it or not.

use pinhole::event::CallRecord;
use pinhole::firewall::Rules;
use pinhole::node::{Node, Settings};

use super::lab::{Lab, NAT, NODE, Place, Plan, channel, connected, heard, lab, records, relayed};
use crate::world::{Chop, World, at, seconds};
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

/// RTCP with its multiplexID before it, and no keepalive (which is a report of nothing).
fn is_marked_report(bytes: &[u8]) -> bool {
    let rtcp = bytes.get(4).is_some_and(|first| first >> 6 == 2)
        && bytes.get(5).is_some_and(|kind| (200..=204).contains(kind));
    rtcp && bytes.get(8..).is_some_and(|rest| rest.iter().any(|octet| *octet != 0))
}

/// Some Polycom: media and keepalives have their multiplexID, reports have none.
fn unmark(bytes: Vec<u8>) -> Vec<u8> {
    if is_marked_report(&bytes) { bytes[4..].to_vec() } else { bytes }
}

/// Both parties know how long reports take, which takes those of both.
#[test]
fn reports_without_their_identifier_arrive() {
    for to in [Inside, Outside] {
        for video in [false, true] {
            let mut lab = lab_of(true, Rules::port_restricted());
            let bob = lab.answering("bob", to, BOB, |options| {
                (options.multiplex, options.video) = (to == Inside, video.then_some(64));
            });
            lab.world.mark_rest();
            let alice = lab.calling("alice", Inside, ("bob", ALICE, 12), |options| {
                (options.multiplex, options.video) = (true, video.then_some(64));
            });
            lab.world.edits.insert(alice, unmark);
            let ends = [(alice, lab.record(alice, 1, seconds(60)), BOB)];
            let ends = ends.into_iter().chain([(bob, lab.record(bob, 1, seconds(5)), ALICE)]);
            for (phone, record, tone) in ends {
                heard(&record, 12, tone);
                let known = record.channels.iter().all(|one| one.latency_ms.is_some());
                assert!(known, "{phone:?} {record:#?}");
            }
            // Of two media, or two parties behind one NAT, it is not known whose a report is that comes before media.
            let (strays, most) = (strays(&mut lab), if video || to == Inside { 4 } else { 0 });
            assert!(strays <= most, "{to:?} {video} {strays}");
            lab.nothing_left();
        }
    }
}

fn strays(lab: &mut Lab) -> u64 {
    let node = lab.node;
    lab.world.with(node, |node: &mut Node, _| node.counters().stray_media)
}

/// Reports of a party that are none of its, without an identifier: from a stranger, and from another port of its NAT.
#[test]
fn a_strangers_report_without_identifier_moves_nothing() {
    let mut lab = lab_of(true, Rules::port_restricted());
    let bob = lab.answering("bob", Outside, BOB, |_| {});
    let alice =
        lab.calling("alice", Inside, ("bob", ALICE, 20), |options| options.multiplex = true);
    lab.world.edits.insert(alice, unmark);
    lab.world.must("talking", |world| world.told(alice, connected), seconds(20));
    lab.world.run_for(seconds(3));
    let bye = [0x81, 203, 0, 1, 1, 2, 3, 4];
    let keepalive = [&[0x80, 200, 0, 6][..], &[0; 24]].concat();
    let before = strays(&mut lab);
    for from in ["192.0.2.66:2777", &format!("{NAT}:61234")] {
        for _ in 0..5 {
            for packet in [&bye[..], &keepalive] {
                lab.world.inject_datagram(at(from), at(&format!("{NODE}:3001")), packet);
            }
            lab.world.run_for(seconds(1));
        }
    }
    lab.world.run_for(seconds(2));
    assert_eq!(strays(&mut lab) - before, 20);
    for (phone, tone) in [(alice, BOB), (bob, ALICE)] {
        let record = lab.record(phone, 1, seconds(60));
        heard(&record, 20, tone);
        assert!(record.channels.iter().any(|one| one.latency_ms.is_some()), "{record:#?}");
        assert_eq!(channel(&record, "receive").strangers, 0);
    }
}
