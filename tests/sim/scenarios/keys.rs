//! Session keys over the life of a call: renewed, forgotten, and made by workers that can only do so much.

use std::collections::BTreeSet;
use std::time::Duration;

use pinhole::event::Event;
use pinhole::phone::options::{Encryption, Options};
use pinhole::security::Terms;

use pinhole_h323::Control;

use super::lab::{Lab, NAT, Place, Plan, connected, heard, lab, records};
use super::watch::look;
use super::zone::settings;
use crate::hostile::framed;
use crate::world::{Chop, HostId, ip, millis, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const MODE: &str =
    "[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\nEnableH235HalfCallMedia=1\n";

fn lab_of(text: &str) -> Lab {
    let text = format!("{MODE}{text}[Proxy]\nEnable=1\n");
    lab(Plan { settings: settings(&text), ..Plan::with(Chop::AsSent) })
}

fn encrypting(options: &mut Options) {
    options.encryption = Encryption::Optional;
    options.terms = Terms::up_to(1024);
}

/// The payload types of the keys of one direction, in their order.
fn keys(lab: &Lab, host: HostId, wanted: &str) -> Vec<u8> {
    let key = |event: &Event| match event {
        Event::ChannelEncrypted { direction, payload_type, .. } if *direction == wanted => {
            Some(*payload_type)
        }
        _ => None,
    };
    lab.world.events(host).iter().filter_map(|(_, event)| key(event)).collect()
}

/// A call with a party that encrypts and one that does not; the keys of each direction of the encrypted leg.
fn talk(text: &str, talk: u64, caller_encrypts: bool, caller_is_master: bool) -> [Vec<u8>; 2] {
    let mut lab = lab_of(text);
    let adjust = |caller: bool| {
        move |options: &mut Options| {
            options.terminal_type = if caller == caller_is_master { 60 } else { 50 };
            if caller == caller_encrypts {
                encrypting(options);
            }
        }
    };
    let bob = lab.answering("bob", Outside, BOB, adjust(false));
    let encrypted = if caller_encrypts { NAT } else { "198.51.100.101" };
    lab.world.guard(&[&format!("{encrypted}/32")]);
    lab.world.mark_rest();
    lab.world.tap(lab.node);
    let alice = lab.calling("alice", Inside, ("bob", ALICE, talk), adjust(true));
    heard(&lab.record(alice, 1, seconds(talk + 60)), talk, BOB);
    heard(&lab.record(bob, 1, seconds(5)), talk, ALICE);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    let sent = lab.world.tap(lab.node);
    assert_eq!(look(&sent, ip(encrypted)).clear, 0);
    lab.nothing_left();
    ["from-party", "to-party"].map(|direction| keys(&lab, lab.node, direction))
}

/// Each key had another payload type than the one before.
fn are_renewed(keys: &[u8], least: usize) {
    assert!(keys.len() >= least, "{keys:?}");
    assert!(keys.windows(2).all(|two| two[0] != two[1]), "{keys:?}");
}

#[test]
fn keys_are_renewed_in_time_whoever_makes_them() {
    let text = "EnableH235HalfCallMediaKeyUpdates=1\n[Pinhole::Encryption]\nKeyUpdateInterval=10\n";
    for caller_encrypts in [true, false] {
        for caller_is_master in [true, false] {
            for keys in talk(text, 35, caller_encrypts, caller_is_master) {
                are_renewed(&keys, 4);
                assert!(keys.len() <= 5, "{keys:?}");
            }
        }
    }
}

#[test]
fn keys_are_renewed_after_so_many_packets() {
    let text =
        "EnableH235HalfCallMediaKeyUpdates=1\n[Pinhole::Encryption]\nKeyUpdatePackets=1000\n";
    for caller_is_master in [true, false] {
        for keys in talk(text, 45, true, caller_is_master) {
            are_renewed(&keys, 3);
        }
    }
}

#[test]
fn without_a_wish_for_it_keys_stay() {
    for keys in talk("", 30, true, true) {
        assert_eq!(keys.len(), 1);
    }
}

#[test]
fn a_flood_of_calls_that_need_keys_harms_no_call_and_makes_none_in_clear() {
    let mut lab = lab_of("");
    // A key agreement takes a tenth of a second, and eight may wait.
    lab.world.labour(millis(100), 8);
    let dora = lab.answering("dora", Outside, BOB, encrypting);
    let bob = lab.answering("bob", Outside, 600.0, encrypting);
    lab.world.mark_rest();
    lab.world.guard(&["198.51.100.101/32", "198.51.100.102/32"]);
    let alice = lab.calling("alice", Inside, ("dora", ALICE, 25), |_| {});
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    lab.world.tap(lab.node);
    let flood = lab.calling("carla", Inside, ("bob", 700.0, 1), |options| {
        (options.calls, options.rate) = (300, 40.0);
    });
    let calls = |lab: &Lab| records(&lab.world, lab.node);
    lab.world.must("the flood is over", |world| world.ended(flood), seconds(120));
    heard(&lab.record(alice, 1, seconds(60)), 25, BOB);
    heard(&lab.record(dora, 1, seconds(5)), 25, ALICE);
    let _ = bob;
    let calls = calls(&lab);
    let reasons: BTreeSet<_> =
        calls.iter().filter_map(|call| call.release_reason.clone()).collect();
    let refused = |sentence: &str| calls.iter().filter(|call| call.sentence == sentence).count();
    let none = refused("too many calls agree on keys at once");
    let through = calls.iter().filter(|call| call.setup_ms.is_some()).count();
    assert!(none > 100 && through >= 5, "{none} refused, {through} made, {reasons:?}");
    // Whatever came about is encrypted towards bob and dora.
    let sent = lab.world.tap(lab.node);
    for phone in ["198.51.100.101", "198.51.100.102"] {
        let seen = look(&sent, ip(phone));
        assert!(seen.packets > 100 && seen.clear == 0, "{phone} {seen:?}");
    }
    lab.world.run_for(Duration::from_secs(1));
}

/// A closed channel takes its key along: what goes on coming for it reaches nobody, though the other direction of the
/// session is open.
#[test]
fn a_closed_channel_has_no_key_any_more() {
    let mut lab = lab_of("");
    let separate = |options: &mut Options| options.tunnelling = false;
    lab.answering("bob", Outside, BOB, separate);
    let alice = lab.calling("alice", Inside, ("bob", ALICE, 20), |options| {
        separate(options);
        encrypting(options);
    });
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    lab.world.run_for(seconds(2));
    let flowing = |lab: &mut Lab, to: &str| {
        lab.world.tap(lab.node);
        lab.world.run_for(seconds(1));
        look(&lab.world.tap(lab.node), ip(to)).packets > 30
    };
    assert!(flowing(&mut lab, "198.51.100.101") && flowing(&mut lab, NAT));
    let channel = lab.world.events(lab.node).iter().find_map(|(_, event)| match event {
        Event::ChannelEncrypted { direction: "from-party", channel, .. } => Some(*channel),
        _ => None,
    });
    let close = Control::close(channel.expect("a key")).encode().unwrap();
    let stream = lab
        .world
        .streams(alice)
        .into_iter()
        .filter(|(_, to)| to.port() != 1720)
        .find_map(|(stream, _)| lab.world.other_end(alice, stream))
        .expect("an H.245 connection");
    let node = lab.node;
    lab.world.inject_stream(node, stream, &framed(&close));
    lab.world.run_for(seconds(1));
    // Alice knows nothing of it, and goes on sending.
    assert!(!flowing(&mut lab, "198.51.100.101"), "without a key nothing passes");
    assert!(flowing(&mut lab, NAT), "bob's channel is still open");
}
