//! A NAT forgets its mappings in the middle of a call.

use std::time::Duration;

use pinhole::event::{CallRecord, Event};
use pinhole::firewall::Rules;
use pinhole::node::Settings;

use super::lab::{Lab, Place, Plan, channel, connected, lab};
use crate::world::{Chop, HostId, millis, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
/// Packets of a second of audio.
const RATE: u64 = 50;
/// The time between keepalives, in which a registration has to recover.
const KEEPALIVE: u64 = 19;
/// How long media may be away: the old port has to be silent for a second, and a few packets have to prove the new
/// one.
const AWAY: Duration = millis(1300);

const NATS: [fn() -> Rules; 3] = [Rules::full_cone, Rules::port_restricted, Rules::symmetric];

fn lab_of(rules: Rules, multiplexes: bool) -> Lab {
    let multiplex_port = multiplexes.then_some(3000);
    let settings = Settings { multiplex_port, ..Settings::default() };
    lab(Plan { rules, settings, ..Plan::with(Chop::AsSent) })
}

/// Two phones talk, and their NAT forgets all of UDP after ten of thirty seconds.
fn interrupted(lab: &mut Lab, (from, to): (Place, Place), multiplex: bool) -> [CallRecord; 2] {
    let bob = lab.answering("bob", to, BOB, |options| options.multiplex = multiplex);
    lab.world.mark_rest();
    let hold = ("bob", ALICE, 30);
    let alice = lab.calling("alice", from, hold, |options| options.multiplex = multiplex);
    lab.world.must("talking", |world| world.told(alice, connected), seconds(20));
    lab.world.run_for(seconds(10));
    let learned =
        |lab: &Lab| lab.world.count(lab.node, |event| matches!(event, Event::MediaLearned { .. }));
    let before = learned(lab);
    lab.world.gate(lab.gate).rebind_udp();
    lab.world.run_for(AWAY + millis(200));
    assert!(learned(lab) > before, "the NAT has to give another port, or nothing was tried");
    let records = [alice, bob].map(|phone| lab.record(phone, 1, seconds(60)));
    lab.nothing_left();
    records
}

/// There was the tone all the time but for a short while.
fn recovered(record: &CallRecord, hertz: f64) {
    assert_eq!(record.cause, Some(16), "{record:#?}");
    let receive = channel(record, "receive");
    let away = RATE * AWAY.as_millis() as u64 / 1000;
    assert!(receive.lost <= away, "{record:#?}");
    assert!(receive.packets + away >= 30 * RATE * 98 / 100, "{record:#?}");
    assert!((receive.tone_hz.unwrap() - hertz).abs() < 5.0, "{record:#?}");
}

fn every_way(multiplex: bool) {
    for rules in NATS {
        for way in [(Inside, Outside), (Outside, Inside), (Inside, Inside)] {
            let mut lab = lab_of(rules(), multiplex);
            let [alice, bob] = interrupted(&mut lab, way, multiplex);
            recovered(&alice, BOB);
            recovered(&bob, ALICE);
            let lost = [&alice, &bob].map(|record| channel(record, "receive").lost);
            assert!(lost.iter().any(|lost| *lost > 0), "the NAT must obstruct: {lost:?}");
        }
    }
}

#[test]
fn media_recovers_when_the_nat_rebinds() {
    every_way(false);
}

#[test]
fn multiplexed_media_recovers_when_the_nat_rebinds() {
    every_way(true);
}

/// Bob's NAT forgets; how long after that a call reaches him that is made so much later.
fn called_after(rules: Rules, later: Duration, chop: Chop) -> (Duration, Lab, HostId) {
    let mut lab = lab(Plan { rules, ..Plan::with(chop) });
    let bob = lab.answering("bob", Inside, BOB, |_| {});
    lab.world.run_for(seconds(60));
    lab.world.mark_rest();
    lab.world.gate(lab.gate).rebind();
    lab.world.run_for(later);
    let called = lab.world.elapsed();
    let alice = lab.calling("alice", Outside, ("bob", ALICE, 3), |_| {});
    lab.world.must("talking", |world| world.told(alice, connected), seconds(60));
    let took = lab.world.elapsed() - called;
    (took, lab, bob)
}

fn the_registration_recovers_within_a_keepalive_interval(chop: Chop) {
    for rules in NATS {
        let (took, mut lab, _) = called_after(rules(), seconds(KEEPALIVE), chop);
        assert!(took < seconds(2), "{took:?}");
        lab.nothing_left();
        // At once, the announcement goes to where nobody is any more; it is repeated until the client has shown itself.
        let (took, mut lab, _) = called_after(rules(), Duration::ZERO, chop);
        assert!(took > seconds(2) && took < seconds(KEEPALIVE + 6), "{took:?}");
        assert!(lab.world.gate(lab.gate).drops().uninvited > 0);
        lab.nothing_left();
    }
}

fn a_call_whose_connections_the_nat_forgot_ends_on_both_sides(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let bob = lab.answering("bob", Inside, BOB, |_| {});
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", ALICE, 20), |_| {});
    lab.world.must("talking", |world| world.told(alice, connected), seconds(20));
    lab.world.run_for(seconds(5));
    lab.world.gate(lab.gate).rebind();
    lab.record(alice, 1, seconds(60));
    lab.record(bob, 1, seconds(300));
    lab.world.run_for(seconds(300));
    lab.nothing_left();
}

as_sent_and_octet_by_octet! {
    the_registration_recovers_within_a_keepalive_interval,
    a_call_whose_connections_the_nat_forgot_ends_on_both_sides,
}
