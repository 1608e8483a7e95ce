//! Somebody who knows everything but the password, and is elsewhere: neither the client's calls nor their media are his.

use std::net::SocketAddr;

use pinhole::face::SocketId;
use pinhole_h323::asn::h225::{LocationConfirm, RasMessage};
use pinhole_h323::ras::Ras;

use super::attackers::{MALLORY, RAS, believed, mallory, overheard};
use super::foreign::without_marks;
use super::*;
use crate::scenarios::lab::channel;
use crate::world::Raw;

/// An answer to a location request comes from the client's address, and another port, or from the client; whether it is
/// taken.
fn answers_first(port: Option<u16>) -> bool {
    let patient = "[RasSrv::LRQFeatures]\nNeighborTimeout=50\n[Proxy]\n";
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, patient);
    zone.up();
    let node = zone.lab.node;
    let client = believed(&mut zone).unwrap();
    zone.lab.world.link(zone.inner).latency = seconds(2);
    zone.lab.world.tap(node);
    zone.pair(false, Some(1), |_| {});
    let asked = |(_, bytes): &(SocketAddr, Vec<u8>)| {
        let ras = Ras::decode(bytes).ok()?;
        let RasMessage::locationRequest(lrq) = ras.message() else { return None };
        Some(lrq.request_seq_num.clone())
    };
    let mut seq = None;
    while seq.is_none() {
        zone.lab.world.run_for(millis(50));
        seq = zone.lab.world.tap(node).iter().find_map(asked);
    }
    let signalling = pinhole_h323::address::to_h225(at("203.0.113.1:1720"));
    let confirm = RasMessage::locationConfirm(Box::new(LocationConfirm {
        request_seq_num: seq.unwrap(),
        call_signal_address: signalling.clone(),
        ras_address: signalling,
        ..Default::default()
    }));
    let from = SocketAddr::new(client.ip(), port.unwrap_or_else(|| client.port()));
    let bytes = Ras::new(confirm).encode().unwrap();
    zone.lab.world.inject_datagram(from, at(RAS), &bytes);
    // The client's own cannot have come yet.
    zone.lab.world.run_for(seconds(1));
    zone.lab.world.told(node, |e| matches!(e, Event::Pinhole { step: "announced", .. }))
}

#[test]
fn an_answer_from_another_port_than_was_asked_answers_nothing() {
    assert!(!answers_first(Some(9)));
    assert!(answers_first(None));
}

#[test]
fn a_call_that_was_located_is_not_made_by_anybody_else() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.up();
    overheard(&mut zone);
    // A call from inside: LRQ, then a Setup; mallory says both himself.
    let [alice, _] = zone.pair(true, Some(TALK), |_| {});
    let located = |w: &crate::world::World| w.told(alice, connected);
    zone.lab.world.must("talking", located, seconds(30));
    let before = zone.lab.world.count(zone.lab.node, ended);
    for bytes in overheard(&mut zone) {
        zone.lab.world.inject_datagram(mallory(), at(RAS), &bytes);
    }
    zone.lab.world.run_for(seconds(1));
    let unbelieved = zone.lab.world.with(zone.lab.node, |node: &mut Node, _| node.counters());
    assert!(unbelieved.unbelieved > 0);
    zone.lab.record(alice, 1, seconds(60));
    zone.lab.world.run_for(seconds(5));
    assert_eq!(zone.lab.world.count(zone.lab.node, ended), before + 1);
}

/// From where mallory sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// His own address.
    Elsewhere,
    /// The address of the NAT, which he forges: its port is another.
    Forged,
    /// Behind the same NAT.
    Behind,
}

/// What came of it.
#[derive(Debug)]
struct Sprayed {
    /// Packets that the server took for a stranger's.
    strangers: u64,
    /// Packets that mallory got.
    got: usize,
    /// Both parties heard the other, and all of it.
    heard: bool,
}

/// Mallory sends keepalives and audio to every media port, from its first moment on, with every multiplexID there may be.
fn sprays(more: &str, place: Place, pinhole: bool) -> Sprayed {
    const BEHIND: &str = "10.0.0.66";
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, more);
    if !pinhole {
        zone.lab.world.edits.insert(zone.inner, without_marks);
    }
    zone.up();
    let world = &mut zone.lab.world;
    let (host, own) = match place {
        Place::Behind => {
            (world.host_behind(zone.lab.gate, "mallory", BEHIND, Raw::default()), BEHIND)
        }
        _ => (world.host("mallory", MALLORY, Raw::default()), MALLORY),
    };
    let socket = world.with(host, |raw: &mut Raw, _| raw.udp(own, 7000));
    world.run_for(millis(10));
    // The client is slower than he is.
    world.link(zone.inner).latency = millis(200);
    let [alice, bob] = zone.pair(false, None, |_| {});
    for number in 0..500_u16 {
        let number = number.to_be_bytes();
        let audio = [&[0x80, 8][..], &number, &[0, 0, 0, 0, 0, 0, 0, 9], &[0x2a; 160]].concat();
        let keepalive = [&[0x80, 127][..], &number, &[0; 8]].concat();
        let ids: Vec<Vec<u8>> = match more.is_empty() {
            true => vec![Vec::new()],
            false => (0..8_u32).map(|id| id.to_be_bytes().to_vec()).collect(),
        };
        for port in zone.lab.world.relaying_ports(zone.lab.node) {
            for packet in
                ids.iter().flat_map(|id| [&audio, &keepalive].map(|p| [&id[..], p].concat()))
            {
                say(&mut zone, place, (host, socket), port, &packet);
            }
        }
        zone.lab.world.run_for(millis(20));
    }
    for phone in [alice, bob] {
        zone.lab.world.must("talking", |world| world.told(phone, connected), seconds(30));
    }
    zone.lab.world.run_for(seconds(3));
    zone.lab.world.shutdown(alice);
    let heard = [(alice, BOB), (bob, ALICE)].map(|(phone, tone)| {
        let record = zone.lab.record(phone, 1, seconds(5));
        let receive = channel(&record, "receive");
        let right = |heard: f64| (heard - tone).abs() < 5.0;
        receive.lost == 0 && receive.tone_hz.is_some_and(right)
    });
    let record = zone.lab.record(zone.lab.node, 1, seconds(5));
    let strangers = record.channels.iter().map(|channel| channel.strangers).sum();
    let got = zone.lab.world.with(host, |raw: &mut Raw, _| raw.datagrams.len());
    Sprayed { strangers, got, heard: heard == [true; 2] }
}

fn say(
    zone: &mut Zone,
    place: Place,
    (host, socket): (HostId, SocketId),
    to: SocketAddr,
    packet: &[u8],
) {
    let world = &mut zone.lab.world;
    match place {
        Place::Forged => world.inject_datagram(at("203.0.113.1:9"), to, packet),
        _ => world.with(host, |raw: &mut Raw, _| raw.say(socket, to, packet)),
    }
}

#[test]
fn media_goes_to_nobody_else() {
    for more in [PLAIN, MULTIPLEXED] {
        let sprayed = sprays(more, Place::Elsewhere, true);
        assert!(sprayed.got == 0 && sprayed.heard, "{more} {sprayed:?}");
        assert!(sprayed.strangers > 0 || !more.is_empty(), "{more} {sprayed:?}");
    }
    // Of a client that seals nothing, its address is all that is asked for.
    let sprayed = sprays(PLAIN, Place::Elsewhere, false);
    assert!(sprayed.got == 0 && sprayed.heard, "{sprayed:?}");
    let sprayed = sprays(PLAIN, Place::Behind, false);
    assert!(sprayed.got > 100, "{sprayed:?}");
}

/// Nor when he forges the address of the NAT; where nothing is sealed it does.
#[test]
fn media_does_not_follow_a_forged_address() {
    for more in [PLAIN, MULTIPLEXED] {
        let sprayed = sprays(more, Place::Forged, true);
        assert!(sprayed.heard, "{more} {sprayed:?}");
    }
    let sprayed = sprays(PLAIN, Place::Forged, false);
    assert!(!sprayed.heard, "{sprayed:?}");
}
