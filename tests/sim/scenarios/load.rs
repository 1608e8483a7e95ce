//! Many calls at a time, and many one after the other: each is heard at both ends, and nothing is left of them.

use pinhole::event::{CallRecord, Event, LoadRecord};
use pinhole::node::{Allowance, Limits, Settings};

use super::lab::{Lab, Place, Plan, channel, ended, heard, lab, records, relayed};
use crate::world::{Chop, HostId, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;

/// A gatekeeper that lets one phone call as often as it likes.
fn patient() -> Settings {
    let plenty = Allowance { rate: 10_000, burst: 10_000 };
    let settings = Settings::default();
    Settings { limits: Limits { ras: plenty, setups: plenty, ..settings.limits }, ..settings }
}

fn summary(lab: &Lab, host: HostId) -> LoadRecord {
    let load = |event: &Event| match event {
        Event::LoadEnded(record) => Some((**record).clone()),
        _ => None,
    };
    let found = lab.world.events(host).iter().find_map(|(_, event)| load(event));
    found.unwrap_or_else(|| panic!("no summary"))
}

/// Every call of a phone had the other's tone.
fn all_heard(records: &[CallRecord], calls: usize, tone: f64) {
    assert_eq!(records.len(), calls);
    for record in records {
        let measured = channel(record, "receive").tone_hz.unwrap_or_else(|| panic!("{record:#?}"));
        assert!((measured - tone).abs() < 5.0, "{record:#?}");
        assert_eq!(channel(record, "receive").lost, 0, "{record:#?}");
    }
}

#[test]
fn five_hundred_calls_at_a_time() {
    const CALLS: usize = 500;
    let mut lab = lab(Plan { settings: patient(), ..Plan::with(Chop::AsSent) });
    let bob = lab.answering("bob", Inside, BOB, |_| {});
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", ALICE, 2), |options| {
        options.calls = CALLS as u32;
        options.rate = 500.0;
    });
    let connected = |event: &Event| matches!(event, Event::CallConnected { .. });
    let all_stand = |lab: &Lab| {
        let gone = lab.world.count(alice, ended);
        lab.world.count(alice, connected) == CALLS && gone == 0
    };
    let mut stood = false;
    for _ in 0..80 {
        lab.world.run_for(crate::world::millis(50));
        stood |= all_stand(&lab);
    }
    assert!(stood, "all at a time");
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(60));
    lab.world.run_for(seconds(1));
    all_heard(&records(&lab.world, alice), CALLS, BOB);
    all_heard(&records(&lab.world, bob), CALLS, ALICE);
    assert_eq!(records(&lab.world, lab.node).len(), CALLS);
    let load = summary(&lab, alice);
    assert_eq!((load.calls, load.connected, load.heard, load.lost), (500, 500, 500, 0));
    assert!(load.failures.is_empty(), "{load:?}");
    lab.nothing_left();
}

#[test]
fn calls_one_after_the_other() {
    const CALLS: usize = 300;
    let mut lab = lab(Plan::with(Chop::AsSent));
    let bob = lab.answering("bob", Inside, BOB, |options| options.tunnelling = false);
    lab.world.mark_rest();
    let alice = lab.calling("alice", Inside, ("bob", ALICE, 1), |options| {
        options.calls = CALLS as u32;
        options.rate = 1000.0;
        options.at_once = 1;
    });
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(1000));
    lab.world.run_for(seconds(1));
    for (host, tone) in [(alice, BOB), (bob, ALICE)] {
        let records = records(&lab.world, host);
        assert_eq!(records.len(), CALLS);
        records.iter().for_each(|record| heard(record, 1, tone));
    }
    records(&lab.world, lab.node).iter().for_each(|record| relayed(record, 1));
    let load = summary(&lab, alice);
    assert_eq!((load.calls, load.heard), (300, 300));
    lab.nothing_left();
}

/// On slow lines, as on a busy machine, audio opens long after Connect.
#[test]
fn a_short_talk_begins_when_audio_is_open() {
    let mut lab = lab(Plan::with(Chop::AsSent));
    let bob = lab.answering("bob", Outside, BOB, |_| {});
    let alice = lab.calling("alice", Outside, ("bob", ALICE, 1), |_| {});
    for host in [alice, bob] {
        lab.world.link(host).latency = crate::world::millis(150);
    }
    lab.record(alice, 1, seconds(60));
    lab.record(bob, 1, seconds(60));
    all_heard(&records(&lab.world, alice), 1, BOB);
    all_heard(&records(&lab.world, bob), 1, ALICE);
}
