//! Fifty calls, and somebody who sends to each of their media ports what could be media.

use pinhole::event::Event;
use pinhole::face::SocketId;
use pinhole::firewall::Rules;
use pinhole::node::Node;
use pinhole::node::Settings;

use super::lab::{Lab, NODE, Place, Plan, channel, connected, heard, lab, records, relayed};
use crate::world::{Chop, HostId, Raw, World, at, millis, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const CALLS: u32 = 50;
const TALK: u64 = 8;

/// What could be media, or what holds a pinhole open, to all who do not know whose port it is.
fn packets(round: u16) -> Vec<Vec<u8>> {
    let [high, low] = round.to_be_bytes();
    let mut media = vec![0x80, 8, high, low, 0, 0, 0, 0, 0, 0, 0, 9];
    let keepalive = [&[0x80, 0xff, high, low], &[0; 8][..]].concat();
    media.extend([0x2a; 160]);
    let empty_report = [&[0x80, 200, 0, 6], &[0; 24][..]].concat();
    let report = [&[0x80, 201, 0, 1, 0, 0, 0, 9][..]].concat();
    let mut all = vec![media, keepalive, empty_report, report];
    // The same with the first multiplexIDs that a careless gatekeeper would give.
    for id in 1..=3u32 {
        for plain in 0..2 {
            all.push([&id.to_be_bytes()[..], &all[plain]].concat());
        }
    }
    all
}

/// Who sends, behind the same NAT as the inside phones, and his sockets.
struct Mallory {
    host: HostId,
    sockets: [SocketId; 2],
}

/// Fifty calls, one way or the other through the NAT, all talking.
fn fifty(rules: Rules, multiplexes: bool, way: (Place, Place)) -> (Lab, [HostId; 2], Mallory) {
    let multiplex_port = multiplexes.then_some(3000);
    let settings = Settings { multiplex_port, ..Settings::default() };
    let mut lab = lab(Plan { rules, settings, ..Plan::with(Chop::AsSent) });
    let bob = lab.answering("bob", way.1, BOB, |options| options.multiplex = multiplexes);
    let host = lab.world.host_behind(lab.gate, "mallory", "10.0.0.66", Raw::default());
    let sockets = lab
        .world
        .with(host, |raw: &mut Raw, _| [raw.udp("10.0.0.66", 7000), raw.udp("10.0.0.66", 7001)]);
    lab.world.mark_rest();
    let alice = lab.calling("alice", way.0, ("bob", ALICE, TALK), |options| {
        (options.multiplex, options.calls, options.rate) = (multiplexes, CALLS, 50.0);
    });
    let all = |world: &World| world.count(alice, connected) == CALLS as usize;
    lab.world.must("fifty calls", all, seconds(20));
    // Until the first reports, too, are on their way.
    lab.world.run_for(millis(5500));
    (lab, [alice, bob], Mallory { host, sockets })
}

fn sprayed(rules: Rules, multiplexes: bool, way: (Place, Place)) {
    let (mut lab, phones, Mallory { host: mallory, sockets }) = fifty(rules, multiplexes, way);
    let strays = lab.world.strays(lab.node);
    let ports = lab.world.relaying_ports(lab.node);
    let pairs = if multiplexes { 1 } else { 2 * CALLS as usize };
    assert_eq!(ports.len(), 2 * pairs, "{ports:?}");
    let learned = |event: &Event| matches!(event, Event::MediaLearned { .. });
    let before = lab.world.count(lab.node, learned);
    let mut sent = 0;
    for round in 0..3 {
        for packet in packets(round) {
            for port in &ports {
                // From nowhere, from the address of the other party, and from behind the same NAT.
                for from in ["192.0.2.66:7000", "198.51.100.101:7000", "198.51.100.102:7000"] {
                    lab.world.inject_datagram(at(from), *port, &packet);
                    sent += 1;
                }
                lab.world.with(mallory, |raw: &mut Raw, _| {
                    sockets.iter().for_each(|socket| raw.say(*socket, *port, &packet));
                });
                sent += 2;
            }
            lab.world.run_for(millis(7));
        }
    }
    lab.world.run_for(millis(500));
    let strays = lab.world.strays(lab.node) - strays;
    let status = lab.world.with(lab.node, |node: &mut Node, now| node.status(now));
    let sides = status.calls.iter().flat_map(|call| &call.sessions).flat_map(|one| &one.sides);
    let sides: Vec<_> = sides.map(|side| side.strangers).collect();
    assert!(
        sides.iter().all(|count| (*count > 0) != multiplexes),
        "strangers are shown: {sides:?}"
    );
    assert_eq!(status.counters.stray_media > 0, multiplexes, "and strays");
    assert_eq!(lab.world.count(lab.node, learned), before, "nobody has moved");
    let got = lab.world.with(mallory, |raw: &mut Raw, _| raw.datagrams.len());
    assert_eq!(got, 0, "nothing of the calls goes to him");
    let stranger = |event: &Event| matches!(event, Event::MediaStranger { .. });
    assert_eq!(lab.world.count(lab.node, stranger), if multiplexes { 0 } else { ports.len() });
    let [alice, bob] = phones.map(|phone| {
        lab.record(phone, CALLS as usize, seconds(60));
        records(&lab.world, phone)
    });
    assert!(alice.iter().chain(&bob).all(|record| record.channels.len() == 2));
    alice.iter().for_each(|record| heard(record, TALK, BOB));
    bob.iter().for_each(|record| heard(record, TALK, ALICE));
    let total = |of: &[pinhole::event::CallRecord], direction| -> u64 {
        of.iter().map(|record| channel(record, direction).packets).sum()
    };
    assert!(total(&alice, "receive") <= total(&bob, "transmit"), "nothing was slipped in");
    assert!(total(&bob, "receive") <= total(&alice, "transmit"), "nothing was slipped in");
    let node = records(&lab.world, lab.node);
    node.iter().for_each(|record| relayed(record, TALK));
    let counted: u64 =
        node.iter().flat_map(|record| &record.channels).map(|channel| channel.strangers).sum();
    assert_eq!(counted + strays, sent, "each is counted");
    lab.nothing_left();
}

#[test]
fn strangers_move_nothing_of_calls_from_inside() {
    sprayed(Rules::symmetric(), false, (Inside, Outside));
}

#[test]
fn strangers_move_nothing_of_calls_within_one_nat() {
    sprayed(Rules::full_cone(), false, (Inside, Inside));
}

#[test]
fn strangers_move_nothing_of_multiplexed_calls() {
    sprayed(Rules::port_restricted(), true, (Inside, Inside));
}

/// The multiplexIDs with which a phone sends, as many as it has calls.
fn identifiers(lab: &mut Lab, phone: HostId) -> Vec<u32> {
    lab.world.tap(phone);
    lab.world.run_for(millis(100));
    let to = at(&format!("{NODE}:3000"));
    let said = lab.world.tap(phone).into_iter().filter(|(there, _)| *there == to);
    let id = |bytes: Vec<u8>| bytes.first_chunk().map(|octets| u32::from_be_bytes(*octets));
    let all: std::collections::BTreeSet<u32> = said.filter_map(|(_, bytes)| id(bytes)).collect();
    assert_eq!(all.len(), CALLS as usize);
    all.into_iter().collect()
}

/// Guesses at multiplexIDs, from the right address, while calls go on: at random, and from one that is known.
#[test]
fn guessed_multiplex_identifiers_reach_nobody() {
    let (mut lab, phones, mallory) = fifty(Rules::port_restricted(), true, (Inside, Inside));
    let Mallory { host: mallory, sockets: [socket, _] } = mallory;
    let known = identifiers(&mut lab, phones[0]);
    let mut id = 0x9e37_79b9_u32;
    let mut guesses: Vec<u32> = (0..9000)
        .map(|_| {
            id = id.wrapping_mul(0x19660d).wrapping_add(0x3c6e_f35f);
            id
        })
        .collect();
    let own = known[0];
    guesses.extend((1..=400).flat_map(|n| [own.wrapping_add(n), own.wrapping_sub(n)]));
    guesses.extend((0..32).flat_map(|bit| [own ^ (1 << bit), own.rotate_left(bit + 1) ^ 1]));
    guesses.extend(1..=136);
    let say = |lab: &mut Lab, ids: &[u32]| {
        let strays = lab.world.strays(lab.node);
        for some in ids.chunks(100) {
            for id in some {
                let packet = [&id.to_be_bytes()[..], &packets(*id as u16)[0]].concat();
                let to = at(&format!("{NODE}:3000"));
                lab.world.with(mallory, |raw: &mut Raw, _| raw.say(socket, to, &packet));
            }
            lab.world.run_for(millis(5));
        }
        lab.world.run_for(millis(100));
        lab.world.strays(lab.node) - strays
    };
    assert_eq!(guesses.len(), 10_000);
    assert_eq!(say(&mut lab, &guesses), 10_000);
    // Those that there are would have been found. Whoever knows them moves nothing all the same, while the phone speaks.
    let stranger = |event: &Event| matches!(event, Event::MediaStranger { .. });
    assert_eq!(lab.world.count(lab.node, stranger), 0);
    assert_eq!(say(&mut lab, &known), 0);
    assert_eq!(lab.world.count(lab.node, stranger), known.len());
    let got = lab.world.with(mallory, |raw: &mut Raw, _| raw.datagrams.len());
    assert_eq!(got, 0, "nothing of the calls goes to him");
    for (phone, hertz) in phones.into_iter().zip([BOB, ALICE]) {
        lab.record(phone, CALLS as usize, seconds(60));
        records(&lab.world, phone).iter().for_each(|record| heard(record, TALK, hertz));
    }
    lab.nothing_left();
}
