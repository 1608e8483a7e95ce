//! The status of the gatekeeper is the truth: of a call while it lasts, and of what is left of it.

use pinhole::face::Agent as _;
use pinhole::firewall::Rules;
use pinhole::node::{Node, Status};

use super::lab::{Lab, NAT, NODE, Place, Plan, connected, heard, lab};
use crate::world::{Chop, Raw, at, ip, seconds};
use Place::{Inside, Outside};

/// What the gatekeeper says of itself.
fn status(lab: &mut Lab) -> Status {
    lab.world.with(lab.node, |node: &mut Node, now| node.status(now))
}

/// Without what changes by itself.
fn still(mut status: Status) -> Status {
    status.uptime_s = 0;
    for one in &mut status.registrations {
        (one.age_s, one.silent_s) = (0, 0);
    }
    status
}

fn it_shows_a_call_while_it_lasts_and_nothing_after(chop: Chop) {
    let mut lab = lab(Plan { rules: Rules::symmetric(), ..Plan::with(chop) });
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 10), |_| {});
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    lab.world.run_for(seconds(5));
    let during = status(&mut lab);
    assert_eq!(during.state, "working");
    let names: Vec<_> = during.registrations.iter().map(|one| one.aliases.join(",")).collect();
    assert!(names.contains(&"alice".into()) && names.contains(&"bob".into()), "{names:?}");
    let behind = during.registrations.iter().find(|one| one.aliases == ["bob"]).unwrap();
    assert_eq!((behind.natted, behind.traversal, behind.ttl_s), (true, "H.460.18", Some(19)));
    assert_eq!((behind.ras, behind.ras.ip()), (lab.seen("bob"), ip(NAT)));
    assert_eq!(behind.signalling.map(|at| at.ip()), Some(ip("10.0.0.11")));
    let [call] = &during.calls[..] else { panic!("{during:#?}") };
    assert_eq!((call.state, call.mode, call.talking_s), ("talking", "proxied", Some(5)));
    assert_eq!(call.legs.each_ref().map(|leg| leg.party.as_str()), ["alice", "bob"]);
    assert_eq!(call.legs[1].peer, ip(NAT));
    let [session] = &call.sessions[..] else { panic!("{call:#?}") };
    assert_eq!(session.channels.len(), 2, "one each way");
    let codecs = session.media.iter().flatten().map(|media| (media.kind, media.codec.as_str()));
    assert_eq!(codecs.collect::<Vec<_>>(), [("audio", "pcma"); 2]);
    assert_eq!(session.sides[1].known, "learned");
    assert_eq!(session.sides[1].rtp.map(|at| at.ip()), Some(ip(NAT)), "as the NAT shows it");
    assert_eq!(during.ports.media_pairs, 2);
    assert_eq!(during.ports.streams, lab.world.streams(lab.node).len());

    heard(&lab.record(alice, 1, seconds(60)), 10, 880.0);
    lab.record(bob, 1, seconds(5));
    lab.nothing_left();
    let after = status(&mut lab);
    assert_eq!(after.calls, []);
    assert_eq!(
        (after.ports.media_pairs, after.ports.streams, after.ports.h245_listeners),
        (0, 0, 0)
    );
    assert_eq!((after.waiting.admissions, after.waiting.streams), (0, 0));
}

fn what_strangers_send_is_counted_and_changes_nothing_else(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    lab.answering("bob", Outside, 880.0, |_| {});
    let before = still(status(&mut lab));
    for n in 0..5000 {
        let from = at("192.0.2.66:4000");
        let bytes = [0xff, n as u8];
        lab.world.inject_datagram(from, at(&format!("{NODE}:1719")), &bytes);
    }
    lab.world.run_for(seconds(1));
    let mut after = still(status(&mut lab));
    let counted = after.counters.malformed_ras + after.counters.throttled;
    assert_eq!(counted, 5000);
    assert!(after.counters.throttled >= 3000, "{:?}", after.counters);
    after.counters = before.counters;
    assert_eq!(after, before);
}

fn it_shows_who_says_nothing(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let mallory = lab.world.host("mallory", "192.0.2.66", Raw::default());
    lab.world.with(mallory, |raw: &mut Raw, _| {
        raw.connect(at(&format!("{NODE}:1720")));
    });
    lab.world.run_for(seconds(1));
    assert_eq!(status(&mut lab).waiting.streams, 1);
    lab.world.run_for(seconds(60));
    let after = status(&mut lab);
    assert_eq!((after.waiting.streams, after.counters.refused_streams), (0, 1));
    let document = lab.world.with(lab.node, |node: &mut Node, now| node.status_document(now));
    let read: serde_json::Value = serde_json::from_str(&document.unwrap()).unwrap();
    assert_eq!(read["counters"]["refused_streams"], 1);
}

as_sent_and_octet_by_octet! {
    it_shows_a_call_while_it_lasts_and_nothing_after,
    what_strangers_send_is_counted_and_changes_nothing_else,
    it_shows_who_says_nothing,
}
