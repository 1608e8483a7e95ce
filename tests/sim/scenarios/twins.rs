//! Things that come twice: datagrams, addresses of the gatekeeper, callers.

use pinhole::event::Event;
use pinhole::firewall::Rules;
use pinhole::phone::options::{Gatekeeper, Incoming};

use super::lab::{Place, Plan, ended, heard, lab, lab_at, records, relayed};
use crate::world::{Chop, at, seconds};
use Place::{Inside, Outside};

/// Another address of the gatekeeper.
const OTHER: &str = "198.51.100.11";

fn every_datagram_comes_twice(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let node = lab.node;
    lab.world.link(node).repeats = 1.0;
    let bob = lab.phone("bob", Inside, |options| options.incoming = Incoming::Answer);
    lab.world.link(bob).repeats = 1.0;
    lab.world.run_for(seconds(60));
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 5), |_| {});
    let record = lab.record(alice, 1, seconds(60));
    assert_eq!(record.cause, Some(16), "{record:#?}");
    lab.record(bob, 1, seconds(5));
    lab.nothing_left();
    for host in [bob, lab.node] {
        assert_eq!(lab.world.count(host, ended), 1, "one call is one call");
        let started = |event: &Event| matches!(event, Event::CallStarted { .. });
        assert_eq!(lab.world.count(host, started), 1);
    }
}

/// A phone is served from the address at which it registered: another's packets its NAT would drop.
fn a_gatekeeper_with_two_addresses_keeps_to_the_one_it_was_asked_at(chop: Chop) {
    for (from, to) in [(Outside, Inside), (Inside, Outside), (Inside, Inside)] {
        let plan = Plan { rules: Rules::symmetric(), ..Plan::with(chop) };
        let mut lab = lab_at(plan, &[OTHER]);
        let other = Gatekeeper::At(at(&format!("{OTHER}:1719")));
        let bob = lab.answering("bob", to, 880.0, |options| options.gatekeeper = other);
        lab.world.mark_rest();
        lab.world.run_for(seconds(100));
        let alice = lab.calling("alice", from, ("bob", 440.0, 4), |_| {});
        heard(&lab.record(alice, 1, seconds(60)), 4, 880.0);
        heard(&lab.record(bob, 1, seconds(5)), 4, 440.0);
        relayed(&lab.record(lab.node, 1, seconds(5)), 4);
        lab.nothing_left();
    }
}

fn forty_calls_of_one_phone(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 3), |options| {
        options.calls = 40;
        options.rate = 10.0;
    });
    lab.record(alice, 40, seconds(120));
    for record in records(&lab.world, alice) {
        heard(&record, 3, 880.0);
    }
    lab.record(bob, 40, seconds(5));
    lab.record(lab.node, 40, seconds(5));
    lab.nothing_left();
}

as_sent_and_octet_by_octet! {
    every_datagram_comes_twice,
    a_gatekeeper_with_two_addresses_keeps_to_the_one_it_was_asked_at,
    forty_calls_of_one_phone,
}
