//! Somebody behind the same firewall as the client of a zone: he comes from its address, and knows everything but the
//! password. Between two Pinholes that gives him nothing; that it does where the client does no more than the standard
//! shows that the tests can fail.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{H323UUPDUH323MessageBody as Body, RasMessage, SetupUUIE};
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::ras::Ras;
use pinhole_h323::signal::Signal;

use super::attackers::MALLORY;
use super::foreign::without_marks;
use super::*;
use crate::scenarios::lab::channel;
use crate::scenarios::mutants::{TPKT, octets};
use crate::world::Raw;

const INSIDE: &str = "10.0.0.66";
const PORT: u16 = 7000;

/// A zone whose client may be no Pinhole, and somebody else.
fn zone(inside: bool, pinhole: bool, more: &str) -> (Zone, HostId) {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, more);
    if !pinhole {
        zone.lab.world.edits.insert(zone.inner, without_marks);
    }
    zone.up();
    let world = &mut zone.lab.world;
    let (host, own) = match inside {
        true => (world.host_behind(zone.lab.gate, "mallory", INSIDE, Raw::default()), INSIDE),
        false => (world.host("mallory", MALLORY, Raw::default()), MALLORY),
    };
    world.with(host, |raw: &mut Raw, _| raw.udp(own, PORT));
    world.run_for(millis(10));
    (zone, host)
}

/// The Facility with which a client comes for a call.
fn facility(callid: &str) -> Vec<u8> {
    let (guid, call) = (octets("f81f8d79a5e3f11187699e7406960308"), octets(callid));
    let mut message = octets(TPKT[0]);
    let place = message.windows(16).position(|window| window == guid).expect("a call identifier");
    message[place..place + 16].copy_from_slice(&call);
    message
}

/// True when one of his connections got this message of call signalling.
fn got(zone: &mut Zone, host: HostId, message: u8) -> bool {
    zone.lab.world.with(host, |raw: &mut Raw, _| {
        // TPKT header, protocol discriminator, call reference; then the message type.
        raw.lines.values().any(|line| line.got.get(8) == Some(&message))
    })
}

const SETUP: u8 = 5;
const RELEASE_COMPLETE: u8 = 0x5a;
const FACILITY: u8 = 0x62;

/// A party heard the other one, and the call ended as it should.
fn hears(record: &CallRecord, tone: f64) {
    assert_eq!(record.cause, Some(16), "{record:#?}");
    let heard = channel(record, "receive").tone_hz;
    assert!(heard.is_some_and(|heard| (heard - tone).abs() < 5.0), "{record:#?}");
}

/// He comes for a call before the client does; whether he got it.
fn comes_first(inside: bool, pinhole: bool) -> bool {
    let patient = "[RasSrv::LRQFeatures]\nNeighborTimeout=50\n[Proxy]\n";
    let (mut zone, host) = zone(inside, pinhole, patient);
    // The client is slow, so that there is time.
    zone.lab.world.link(zone.inner).latency = seconds(1);
    let [alice, bob] = zone.pair(false, Some(20), |_| {});
    let node = zone.lab.node;
    let pinhole = |event: &Event| match event {
        Event::Pinhole { callid, step: "announced", .. } => Some(callid.clone()),
        _ => None,
    };
    zone.lab.world.must("announced", |w| w.told(node, |e| pinhole(e).is_some()), seconds(30));
    let callid = zone.lab.world.events(node).iter().find_map(|(_, event)| pinhole(event)).unwrap();
    for again in 0..3 {
        zone.lab.world.with(host, |raw: &mut Raw, _| {
            let stream = raw.connect(at(&format!("{NODE}:1720")));
            // Once more after the question, as if that were an answer.
            (0..=again).for_each(|_| raw.send(stream, &facility(&callid)));
        });
    }
    zone.lab.world.run_for(seconds(20));
    let stolen = got(&mut zone, host, SETUP);
    if !stolen {
        let record = zone.lab.record(alice, 1, seconds(60));
        hears(&record, BOB);
        hears(&zone.lab.record(bob, 1, seconds(10)), ALICE);
        zone.lab.nothing_left();
    }
    stolen
}

#[test]
fn a_pending_call_is_not_given_to_anybody_else() {
    assert!(!comes_first(false, true));
    assert!(!comes_first(false, false));
    assert!(!comes_first(true, true));
    // Of a client that cannot do more than the standard asks for, the address is all that can be checked.
    assert!(comes_first(true, false));
}

/// The first message of a call, as he would make it.
fn setup(call: CallId) -> Vec<u8> {
    let body = SetupUUIE {
        protocol_identifier: pinhole_h323::version::h225(),
        destination_address: Some(vec![Alias::from_text("bob").to_asn()]),
        call_identifier: Some(call.into()),
        ..SetupUUIE::default()
    };
    let signal = Signal::of(Crv::new(7), false, Body::setup(Box::new(body)));
    pinhole_h323::tpkt::wrap(&signal.encode().unwrap()).unwrap()
}

/// He makes the call that the client has located, before the client does; whether bob was called by him.
fn calls_first(pinhole: bool) -> bool {
    let patient = "[RasSrv::LRQFeatures]\nNeighborTimeout=50\n[Proxy]\n";
    let (mut zone, host) = zone(true, pinhole, patient);
    zone.lab.world.link(zone.inner).latency = seconds(1);
    zone.lab.world.tap(zone.inner);
    let [alice, _] = zone.pair(true, Some(20), |_| {});
    let mut call = None;
    for _ in 0..100 {
        zone.lab.world.run_for(millis(100));
        for (_, bytes) in zone.lab.world.tap(zone.inner) {
            if let Ok(ras) = Ras::decode(&bytes)
                && let RasMessage::locationRequest(lrq) = ras.message()
            {
                call = lrq.call_identifier.as_ref().map(CallId::from);
            }
        }
        if let Some(call) = call {
            zone.lab.world.with(host, |raw: &mut Raw, _| {
                let stream = raw.connect(at(&format!("{NODE}:1720")));
                raw.send(stream, &setup(call));
            });
        }
    }
    assert!(call.is_some());
    let called = zone.lab.world.with(host, |raw: &mut Raw, _| {
        // Anything but a question, or the end of it.
        let taken = |kind: &u8| ![FACILITY, RELEASE_COMPLETE].contains(kind);
        raw.lines.values().any(|line| line.got.get(8).is_some_and(taken))
    });
    if !called {
        let record = zone.lab.record(alice, 1, seconds(60));
        hears(&record, BOB);
        assert!(got(&mut zone, host, FACILITY), "he was asked");
    }
    called
}

#[test]
fn a_located_call_is_not_made_by_anybody_else() {
    assert!(!calls_first(true));
    assert!(calls_first(false));
}

/// He connects to the port for H.245 before the client does; whether he got a message of it.
fn controls_first(pinhole: bool) -> bool {
    let separate = "DisableH245Tunneling=1\n";
    let apart =
        |text: String| settings(&text.replace("[Proxy]\n", &format!("{separate}[Proxy]\n")));
    let mut zone = zone_of(
        settings(
            &outer_text("")
                .replace("[Proxy]\n", &format!("{separate}H245PortRange=45000-45001\n[Proxy]\n")),
        ),
        apart(inner_text(NODE, "clientpw", PLAIN)),
        Rules::port_restricted(),
        Chop::AsSent,
    );
    if !pinhole {
        zone.lab.world.edits.insert(zone.inner, without_marks);
    }
    zone.up();
    let world = &mut zone.lab.world;
    let host = world.host_behind(zone.lab.gate, "mallory", INSIDE, Raw::default());
    let [alice, bob] = zone.pair(false, Some(TALK), |options| options.tunnelling = false);
    for _ in 0..1000 {
        zone.lab.world.run_for(millis(2));
        let mut open = Vec::new();
        zone.lab.world.with(host, |raw: &mut Raw, _| {
            open.extend([45_000, 45_001].map(|port| {
                let at = at(&format!("{NODE}:{port}"));
                raw.connect(at)
            }));
        });
    }
    let heard_it = zone
        .lab
        .world
        .with(host, |raw: &mut Raw, _| raw.lines.values().any(|line| !line.got.is_empty()));
    if !heard_it {
        heard(&zone.lab.record(alice, 1, seconds(60)), TALK, BOB);
        heard(&zone.lab.record(bob, 1, seconds(10)), TALK, ALICE);
        zone.lab.world.run_for(seconds(20));
        zone.lab.nothing_left();
    }
    heard_it
}

#[test]
fn a_connection_for_h245_is_not_given_to_anybody_else() {
    assert!(!controls_first(true));
    assert!(controls_first(false));
}

/// He sends keepalives and audio to every media port before the client does, and what the client has sent, again and as
/// if it went on. How many packets of the call he got.
fn listens_first(pinhole: bool, more: &str) -> usize {
    let (mut zone, host) = zone(true, pinhole, more);
    let node = zone.lab.node;
    let socket =
        zone.lab.world.with(host, |raw: &mut Raw, _| *raw.bound.keys().next().expect("his socket"));
    let pinhole::face::Bind::Udp(socket) = socket else { panic!("UDP") };
    // Both are far from the server, and near each other: he is there before the client is asked to, but what he copies
    // comes after the original.
    for end in [zone.inner, host] {
        zone.lab.world.link(end).latency = millis(300);
    }
    zone.lab.world.tap(zone.inner);
    let [alice, bob] = zone.pair(false, None, |_| {});
    let mut sequence = 0_u16;
    for _ in 0..2000 {
        zone.lab.world.run_for(millis(5));
        sequence = sequence.wrapping_add(1);
        let ports = zone.lab.world.relaying_ports(node);
        let copies = zone.lab.world.tap(zone.inner);
        zone.lab.world.with(host, |raw: &mut Raw, _| {
            let number = sequence.to_be_bytes();
            let header = [&[0x80, 127][..], &number, &[0; 8]].concat();
            let audio = [&[0x80, 8][..], &number, &[0, 0, 0, 0, 0, 0, 0, 9], &[0x2a; 160]].concat();
            for port in ports {
                raw.say(socket, port, &header);
                raw.say(socket, port, &audio);
                raw.say(socket, port, &pinhole_h323::rtcp::KEEPALIVE);
            }
            for (to, bytes) in copies.into_iter().filter(|(to, _)| to.port() != 1719) {
                raw.say(socket, to, &bytes);
                let at = if more.is_empty() { 3 } else { 7 };
                let mut later = bytes;
                later.iter_mut().skip(at).take(1).for_each(|octet| *octet = octet.wrapping_add(1));
                raw.say(socket, to, &later);
            }
        });
    }
    for phone in [alice, bob] {
        zone.lab.world.must("talking", |world| world.told(phone, connected), seconds(30));
    }
    zone.lab.world.run_for(seconds(5));
    zone.lab.world.shutdown(alice);
    let stolen = zone.lab.world.with(host, |raw: &mut Raw, _| raw.datagrams.len());
    if stolen == 0 {
        for (phone, tone) in [(alice, BOB), (bob, ALICE)] {
            hears(&zone.lab.record(phone, 1, seconds(5)), tone);
        }
    }
    stolen
}

#[test]
fn media_is_not_sent_to_anybody_else() {
    for more in [PLAIN, MULTIPLEXED] {
        assert_eq!(listens_first(true, more), 0, "{more}");
    }
    let stolen = listens_first(false, PLAIN);
    assert!(stolen > 100, "{stolen}");
}

/// He asks for a call of his own with what the client has just said, from a port of his or, as he cannot, from the
/// client's; whether he is believed.
fn locates(from_its_port: bool) -> bool {
    let (mut zone, host) = zone(true, true, PLAIN);
    let node = zone.lab.node;
    let bob = zone.outside("bob", |options| options.incoming = Incoming::Answer);
    zone.lab.world.must("registered", |world| world.told(bob, registered), seconds(20));
    zone.lab.world.tap(zone.inner);
    zone.inside("alice", |options| {
        options.destination = Some(Destination::parse("bob"));
        options.hold = Some(seconds(1));
    });
    zone.lab.world.run_for(seconds(3));
    let all = zone.lab.world.tap(zone.inner);
    let asks = |(_, bytes): &(_, Vec<u8>)| {
        Ras::decode(bytes).is_ok_and(|ras| matches!(ras.message(), RasMessage::locationRequest(_)))
    };
    let (to, bytes) = all.into_iter().find(asks).expect("LRQ");
    let mut ras = Ras::decode(&bytes).unwrap();
    ras.edit(|message| {
        let RasMessage::locationRequest(lrq) = message else { return };
        lrq.call_identifier = Some(CallId([9; 16]).into());
        lrq.request_seq_num.0 = 4711;
    });
    let bytes = ras.encode().unwrap();
    if from_its_port {
        let client = zone.seen_by(node).address.unwrap();
        zone.lab.world.inject_datagram(client, to, &bytes);
    } else {
        let socket = pinhole::face::SocketId(1);
        zone.lab.world.with(host, |raw: &mut Raw, _| raw.say(socket, to, &bytes));
    }
    zone.lab.world.run_for(seconds(1));
    zone.lab.world.with(node, |node: &mut Node, _| node.counters().unbelieved) == 0
}

#[test]
fn a_proof_that_was_just_used_locates_nothing_from_another_port() {
    assert!(!locates(false));
    assert!(locates(true));
}
