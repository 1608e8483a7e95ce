//! A party that tells a media address of no use, and nothing else says that it is behind a NAT (`IgnoreSignaledIPs`).

use pinhole::event::CallRecord;
use pinhole::phone::options::{Destination, Gatekeeper, Options};

use super::lab::{Lab, NODE, Place, Plan, connected, heard, lab};
use super::zone::settings;
use crate::world::{Chop, HostId, Raw, millis, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 3;
const MODE: &str = "[RoutedMode]\nGKRouted=1\nH245Routed=1\nAcceptUnregisteredCalls=1\n\
                    SupportCallingNATedEndpoints=0\n[Proxy]\nEnable=1\n";

fn lab_of(keys: &str) -> Lab {
    lab(Plan { settings: settings(&format!("{MODE}{keys}")), ..Plan::with(Chop::AsSent) })
}

/// Alice, who is registered nowhere, calls bob from behind a NAT.
fn begin(lab: &mut Lab, [tunnelling, fast_start]: [bool; 2]) -> [HostId; 2] {
    let way = |options: &mut Options| {
        (options.tunnelling, options.fast_start) = (tunnelling, fast_start);
        options.traversal = false;
    };
    let bob = lab.answering("bob", Outside, BOB, way);
    lab.world.mark_rest();
    let alice = lab.calling("alice", Inside, ("bob", ALICE, TALK), |options| {
        way(options);
        options.gatekeeper = Gatekeeper::None;
        options.destination = Some(Destination::parse(&format!("bob@{NODE}")));
    });
    [alice, bob]
}

fn end(mut lab: Lab, [alice, bob]: [HostId; 2]) -> [CallRecord; 2] {
    let records = [lab.record(alice, 1, seconds(60)), lab.record(bob, 1, seconds(5))];
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
    records
}

fn packets(record: &CallRecord) -> u64 {
    let received = record.channels.iter().filter(|channel| channel.direction == "receive");
    received.map(|channel| channel.packets).sum()
}

#[test]
fn media_goes_where_it_comes_from_when_told_addresses_are_ignored() {
    for way in [[true, false], [false, false], [true, true], [false, true]] {
        println!("tunnelling, fast start: {way:?}");
        let mut lab = lab_of("IgnoreSignaledIPs=1\n");
        let hosts = begin(&mut lab, way);
        let [alice, bob] = end(lab, hosts);
        heard(&alice, TALK, BOB);
        heard(&bob, TALK, ALICE);
    }
}

/// Without that key, too, where a private address is told by somebody outside: nobody can mean that one.
#[test]
fn a_private_address_of_somebody_outside_counts_for_nothing() {
    for way in [[true, false], [false, false], [true, true], [false, true]] {
        println!("tunnelling, fast start: {way:?}");
        let mut lab = lab_of("");
        let hosts = begin(&mut lab, way);
        let [alice, bob] = end(lab, hosts);
        heard(&alice, TALK, BOB);
        heard(&bob, TALK, ALICE);
    }
}

#[test]
fn else_it_goes_where_it_is_told() {
    let mut lab = lab_of("IgnoreSignaledIPs=1\nAllowSignaledIPs=10.0.0.0/8\n");
    let hosts = begin(&mut lab, [true, false]);
    let [alice, bob] = end(lab, hosts);
    assert_eq!(packets(&alice), 0, "{alice:#?}");
    // What comes from where the signalling does is taken all the same.
    assert!(packets(&bob) > TALK * 40, "{bob:#?}");
}

/// Whoever finds the ports and is first, gets nothing: his address is not that of the signalling.
#[test]
fn nobody_else_can_be_first() {
    let mut lab = lab_of("IgnoreSignaledIPs=1\n");
    let mallory = lab.world.host("mallory", "192.0.2.66", Raw::default());
    let hosts = begin(&mut lab, [true, false]);
    let socket = lab.world.with(mallory, |raw: &mut Raw, _| raw.udp("192.0.2.66", 5000));
    lab.world.run_for(millis(10));
    let mut sprayed = 0;
    for sequence in 0..2000_u16 {
        for port in lab.world.relaying_ports(lab.node) {
            let [high, low] = sequence.to_be_bytes();
            let packet = [0x80, 8, high, low, 0, 0, 0, 160, 0, 0, 0, 7, 1, 2, 3, 4];
            lab.world.with(mallory, |raw: &mut Raw, _| raw.say(socket, port, &packet));
            sprayed += 1;
        }
        lab.world.run_for(millis(1));
    }
    assert!(sprayed > 1000, "{sprayed}");
    assert!(lab.world.told(hosts[0], connected));
    let heard_of = lab.world.with(mallory, |raw: &mut Raw, _| raw.datagrams.len());
    assert_eq!(heard_of, 0);
    let records = hosts.map(|host| lab.record(host, 1, seconds(60)));
    let ours = lab.record(lab.node, 1, seconds(5));
    assert!(ours.channels.iter().any(|channel| channel.strangers > 100), "{ours:#?}");
    let [alice, bob] = records;
    heard(&alice, TALK, BOB);
    heard(&bob, TALK, ALICE);
}

/// Who only watches sends no media from which its port could be learned: the one that it tells counts until then.
#[test]
fn who_sends_nothing_gets_a_second_video_where_it_wants_it() {
    let mut lab = lab_of("IgnoreSignaledIPs=1\n");
    let plain = |options: &mut Options| options.traversal = false;
    let bob = lab.answering("bob", Outside, BOB, |options| {
        plain(options);
        options.presentation = Some(0);
    });
    let alice = lab.calling("alice", Outside, ("bob", ALICE, TALK), |options| {
        plain(options);
        options.presentation = Some(512);
    });
    heard(&lab.record(alice, 1, seconds(60)), TALK, BOB);
    let record = lab.record(bob, 1, seconds(5));
    let shown =
        record.channels.iter().find(|c| c.media == "presentation" && c.direction == "receive");
    let shown = shown.unwrap_or_else(|| panic!("no second video: {record:#?}"));
    assert!(shown.packets.abs_diff(75 * TALK) < 40 && shown.lost == 0, "{record:#?}");
}
