//! Somebody behind the same firewall as the client of a zone: he comes from its address, and knows everything but the
//! password. Between two Pinholes that gives him nothing; that it does where the client does no more than the standard
//! shows that the tests can fail.

use pinhole::face::StreamId;
use pinhole_crypto::token::HASH;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{Content, H323UUPDUH323MessageBody as Body, RasMessage, SetupUUIE};
use pinhole_h323::asn::h245::{
    IndicationMessage, MultimediaSystemControlMessage, ParameterIdentifier, ParameterValue,
};
use pinhole_h323::control::Control;
use pinhole_h323::generic::Parameters as _;
use pinhole_h323::h46018::Correlation;
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
fn facility(CallId(call): CallId) -> Vec<u8> {
    let guid = octets("f81f8d79a5e3f11187699e7406960308");
    let mut message = octets(TPKT[0]);
    let place = message.windows(16).position(|window| window == guid).expect("a call identifier");
    message[place..place + 16].copy_from_slice(&call);
    message
}

/// The call that the server has announced to the client.
fn announced(zone: &Zone, node: HostId) -> Option<CallId> {
    let events = zone.lab.world.events(node);
    let callid = events.iter().find_map(|(_, event)| match event {
        Event::Pinhole { callid, step: "announced", .. } => Some(octets(callid)),
        _ => None,
    });
    Some(CallId(callid?.try_into().expect("sixteen octets")))
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

/// What he makes of a question in call signalling: an answer with the number itself in place of the hash, as long as that is.
fn answer(got: &[u8]) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes(*got.get(2..)?.first_chunk()?));
    let mut signal = Signal::decode(got.get(4..length)?).ok()?;
    let mut asked = false;
    signal.edit(|pdu| {
        for said in pdu.generic_data.iter_mut().flatten() {
            let like_it = said.raw(1).and_then(|number| number.get(..HASH)).map(<[u8]>::to_vec);
            said.set(2, like_it.map(|octets| Content::raw(octets.into())));
            asked = said.has(2);
        }
    });
    pinhole_h323::tpkt::wrap(&signal.encode().ok()?).ok().filter(|_| asked)
}

/// He answers whatever questions he has got, wrongly; how many.
fn answers(zone: &mut Zone, host: HostId) -> usize {
    zone.lab.world.with(host, |raw: &mut Raw, _| {
        let lines = raw.lines.iter().filter(|(_, line)| !line.closed);
        let said = lines.filter_map(|(stream, line)| Some((*stream, answer(&line.got)?)));
        let said: Vec<_> = said.collect();
        said.iter().for_each(|(stream, octets)| raw.send(*stream, octets));
        said.len()
    })
}

/// He comes for a call before the client does; whether he got it.
fn comes_first(inside: bool, pinhole: bool) -> bool {
    let patient = "[RasSrv::LRQFeatures]\nNeighborTimeout=50\n[Proxy]\n";
    let (mut zone, host) = zone(inside, pinhole, patient);
    // The client is slow, so that there is time.
    zone.lab.world.link(zone.inner).latency = seconds(1);
    let [alice, bob] = zone.pair(false, Some(20), |_| {});
    let node = zone.lab.node;
    let opened = |event: &Event| matches!(event, Event::Pinhole { step: "announced", .. });
    zone.lab.world.must("announced", |w| w.told(node, opened), seconds(30));
    let callid = announced(&zone, node).expect("a call");
    for again in 0..3 {
        zone.lab.world.with(host, |raw: &mut Raw, _| {
            let stream = raw.connect(at(&format!("{NODE}:1720")));
            // Once more after the question, as if that were an answer.
            (0..=again).for_each(|_| raw.send(stream, &facility(callid)));
        });
    }
    zone.lab.world.run_for(millis(300));
    let answered = answers(&mut zone, host);
    assert_eq!(answered > 0, inside && pinhole, "he was asked");
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
            answers(&mut zone, host);
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

/// True when he got more of H.245 than a question.
fn is_told(got: &[u8]) -> bool {
    let Some(length) = got.get(2..4) else { return false };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let asks = |octets: &[u8]| {
        Control::decode(octets).is_ok_and(|control| {
            matches!(control.message(), MultimediaSystemControlMessage::indication(indication)
                if matches!(**indication, IndicationMessage::genericIndication(_)))
        })
    };
    got.len() > length || !got.get(4..length).is_some_and(asks)
}

/// What he makes of a question on a connection for H.245.
fn answer_control(got: &[u8]) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes(*got.get(2..)?.first_chunk()?));
    let mut control = Control::decode(got.get(4..length)?).ok()?;
    let mut asked = false;
    control.edit(|message| {
        let MultimediaSystemControlMessage::indication(indication) = message else { return };
        let IndicationMessage::genericIndication(generic) = &mut **indication else { return };
        for said in generic.message_content.iter_mut().flatten() {
            asked = said.parameter_identifier == ParameterIdentifier::standard(1);
            said.parameter_identifier = ParameterIdentifier::standard(2);
            said.parameter_value = ParameterValue::octetString(vec![7; HASH].into());
        }
    });
    pinhole_h323::tpkt::wrap(&control.encode().ok()?).ok().filter(|_| asked)
}

/// He connects to the port for H.245 before the client does, and says what it will say, if he knows that, and a wrong answer; whether he got a
/// message of the call.
fn controls_first(pinhole: bool, speaks: bool) -> bool {
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
    // The client is slow, so that there is time.
    world.link(zone.inner).latency = millis(300);
    let [alice, bob] = zone.pair(false, Some(20), |options| options.tunnelling = false);
    let node = zone.lab.node;
    let mut lines = Vec::new();
    for _ in 0..1000 {
        zone.lab.world.run_for(millis(10));
        let call = announced(&zone, node).filter(|_| speaks);
        zone.lab.world.with(host, |raw: &mut Raw, _| {
            let asked = raw.lines.iter().filter(|(_, line)| speaks && !line.closed);
            let said =
                asked.filter_map(|(stream, line)| Some((*stream, answer_control(&line.got)?)));
            let said: Vec<_> = said.collect();
            said.iter().for_each(|(stream, octets)| raw.send(*stream, octets));
        });
        zone.lab.world.with(host, |raw: &mut Raw, _| {
            for port in [45_000, 45_001] {
                // As few as that are let wait.
                let waits = |stream: &StreamId| raw.lines.get(stream).is_some_and(|l| !l.closed);
                if lines.iter().filter(|stream| waits(stream)).count() < 4 {
                    let stream = raw.connect(at(&format!("{NODE}:{port}")));
                    lines.push(stream);
                    let words = call.map(|call_id| Correlation { call_id, answer_call: false });
                    if let Some(words) = words {
                        let octets = words.to_control().encode().unwrap();
                        raw.send(stream, &pinhole_h323::tpkt::wrap(&octets).unwrap());
                    }
                }
            }
        });
    }
    let (told, asked) = zone.lab.world.with(host, |raw: &mut Raw, _| {
        let told = raw.lines.values().any(|line| !line.got.is_empty() && is_told(&line.got));
        (told, raw.lines.values().filter(|line| !line.got.is_empty()).count())
    });
    assert!(asked > 0, "he was there first");
    if !told {
        hears(&zone.lab.record(alice, 1, seconds(60)), BOB);
        hears(&zone.lab.record(bob, 1, seconds(10)), ALICE);
        zone.lab.world.run_for(seconds(20));
        zone.lab.nothing_left();
    }
    told
}

#[test]
fn a_connection_for_h245_is_not_given_to_anybody_else() {
    for speaks in [false, true] {
        assert!(!controls_first(true, speaks), "{speaks}");
    }
    assert!(controls_first(false, false));
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
