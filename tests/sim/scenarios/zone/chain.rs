//! Two inside networks that one server joins; and what else a zone carries beside audio.

use pinhole::node::Settings;
use pinhole_h323::address::to_h225;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::asn::h245::{
    DataApplicationCapabilityApplication as Application, DataProtocolCapability as Protocol,
};
use pinhole_h323::control::Accept;
use pinhole_h323::{Signal, tpkt};

use super::*;
use crate::scenarios::data::{Line, SETUP, ack, acked, open};
use crate::scenarios::mutants::octets;
use crate::world::{GateId, Raw};

/// The server of two zones.
fn joining(more: &str) -> Settings {
    let client = |name: &str| {
        format!(
            "[Neighbor::{name}]\nSendPrefixes=*\nH46018Server=1\nAuthUser={name}user\nPassword=pw{name}\n"
        )
    };
    settings(&format!(
        "[Gatekeeper::Main]\nName=Outer\n{MODE}{more}\n[RasSrv::Neighbors]\nA=GnuGk\nB=GnuGk\n{}{}",
        client("A"),
        client("B")
    ))
}

/// One of its clients.
fn joined(name: &str, more: &str) -> Settings {
    settings(&format!(
        "[Gatekeeper::Main]\nName={name}\n{MODE}{more}\n[RasSrv::Neighbors]\nOuter=GnuGk\n\
         [Neighbor::Outer]\nHost={NODE}\nSendPrefixes=*\nH46018Client=1\n\
         SendAuthUser={name}user\nSendPassword=pw{name}\n"
    ))
}

const INNER_B: &str = "10.0.0.3";

/// Alice at A calls bob at B, be it that they have NATs of their own or share one.
fn chain(shared: bool, more: &str, adjust: impl Fn(&mut Options)) -> [CallRecord; 2] {
    let rules = if shared { Rules::port_restricted() } else { Rules::symmetric() };
    let mut lab = lab(Plan { settings: joining(more), rules, ..Plan::with(Chop::AsSent) });
    let other = if shared { lab.gate } else { lab.world.nat("203.0.113.2", rules) };
    let mut keeper = |gate: GateId, name: &'static str, at: &str, seed: u8| {
        let node = Node::new(joined(name, more), vec![ip(at)], [seed; 32], lab.world.now());
        lab.world.host_behind(gate, name, at, node)
    };
    let gates = [lab.gate, other];
    let nodes = [keeper(gates[0], "A", INNER, 21), keeper(gates[1], "B", INNER_B, 22)];
    lab.world.run_for(seconds(5));
    assert_eq!(lab.world.count(lab.node, state("up")), 2);
    let mut phone = |gate: GateId, name: &'static str, at: (&str, &str), call: Option<&str>| {
        let mut options = plain(name, at.0, at.1);
        options.source = Source::Tone(if call.is_some() { ALICE } else { BOB });
        options.incoming = if call.is_some() { Incoming::Refused } else { Incoming::Answer };
        options.destination = call.map(Destination::parse);
        options.hold = call.map(|_| seconds(TALK));
        adjust(&mut options);
        let phone = Phone::new(options, [name.len() as u8; 32], lab.world.now());
        let host = lab.world.host_behind(gate, name, at.1, phone);
        lab.world.must("registered", |world| world.told(host, registered), seconds(20));
        lab.world.run_for(millis(100));
        if call.is_none() {
            lab.world.mark_rest();
        }
        host
    };
    let bob = phone(gates[1], "bob", (INNER_B, "10.0.0.112"), None);
    let alice = phone(gates[0], "alice", (INNER, "10.0.0.111"), Some("bob"));
    let records = [lab.record(alice, 1, seconds(60)), lab.record(bob, 1, seconds(5))];
    heard(&records[0], TALK, BOB);
    heard(&records[1], TALK, ALICE);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
    for node in nodes.into_iter().chain([lab.node]) {
        assert_eq!(lab.world.count(node, ended), 1);
    }
    records
}

#[test]
fn inside_to_inside() {
    for shared in [true, false] {
        for more in [PLAIN, MULTIPLEXED] {
            chain(shared, more, |_| {});
            chain(shared, more, |options| options.tunnelling = false);
            chain(shared, more, |options| options.fast_start = true);
        }
    }
}

/// Packets that came in a medium.
fn packets(record: &CallRecord, media: &str) -> u64 {
    let of = |c: &&pinhole::event::ChannelRecord| c.media == media && c.direction == "receive";
    record.channels.iter().find(of).map_or(0, |channel| {
        assert_eq!(channel.lost, 0, "{record:#?}");
        channel.packets
    })
}

fn shown(records: &[CallRecord; 2]) {
    for record in records {
        // Two packets a frame, 25 frames a second.
        assert!(packets(record, "video").abs_diff(50 * TALK) < 25, "{record:#?}");
    }
    let presented: u64 = records.iter().map(|record| packets(record, "presentation")).sum();
    assert!(presented.abs_diff(75 * TALK) < 40, "{records:#?}");
}

#[test]
fn two_videos_through_a_zone() {
    for more in [PLAIN, MULTIPLEXED] {
        for from_inside in [true, false] {
            let mut zone = zone_with(Rules::symmetric(), Chop::AsSent, more);
            zone.up();
            let [alice, bob] = zone.pair(from_inside, Some(TALK), |options| {
                options.video = Some(384);
                options.presentation = Some(512);
                options.tunnelling = from_inside;
            });
            let caller = zone.lab.record(alice, 1, seconds(60));
            let called = zone.lab.record(bob, 1, seconds(5));
            shown(&[caller, called]);
        }
    }
}

#[test]
fn two_videos_through_two_zones() {
    for more in [PLAIN, MULTIPLEXED] {
        let records = chain(false, more, |options| {
            options.video = Some(384);
            options.presentation = Some(512);
        });
        shown(&records);
    }
}

const CALLER: &str = "198.51.100.31";
const CALLED: &str = "10.0.0.150";

/// Two endpoints that say what they are told, one outside and one inside, and the call between them.
fn line(more: &str) -> Line {
    let known = |at: &str, name: &str| {
        format!("{more}[RasSrv::PermanentEndpoints]\n{at}={name}\n[Proxy]\n")
    };
    let outer = outer(&known(CALLER, "caller"));
    let inner = inner(NODE, "clientpw", &known(CALLED, "called"));
    let mut zone = zone_of(outer, inner, Rules::symmetric(), Chop::AsSent);
    zone.up();
    let caller = zone.lab.world.host("caller", CALLER, Raw::default());
    let called = zone.lab.world.host_behind(zone.lab.gate, "called", CALLED, Raw::default());
    zone.lab.world.with(called, |raw: &mut Raw, _| raw.listen(CALLED, 1720));
    let mut setup = Signal::decode(&octets(SETUP)[4..]).unwrap();
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        let name = pinhole_h323::alias::Alias::from_text("called");
        setup.destination_address = Some(vec![name.to_asn()]);
        setup.endpoint_identifier = None;
        setup.source_call_signal_address = Some(to_h225(at("198.51.100.31:1720")));
        setup.dest_call_signal_address = None;
    });
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let near = zone.lab.world.with(caller, |raw: &mut Raw, _| {
        let stream = raw.connect(at(&format!("{NODE}:1720")));
        raw.send(stream, &bytes);
        stream
    });
    zone.lab.world.run_for(seconds(2));
    let far = zone.lab.world.with(called, |raw: &mut Raw, _| raw.accepted().expect("the call"));
    Line { lab: zone.lab, hosts: [caller, called], streams: [near, far], setup }
}

/// Far-end camera control is H.224 in RTP, on a channel in each direction.
#[test]
fn far_end_camera_control() {
    for more in [PLAIN, MULTIPLEXED] {
        let mut line = line(more);
        let sockets = [(CALLER, 5000), (CALLED, 6000)];
        let mut bound = Vec::new();
        for (host, (at, port)) in line.hosts.into_iter().zip(sockets) {
            bound.push(line.lab.world.with(host, |raw: &mut Raw, _| raw.udp(at, port)));
        }
        let h224 = || Some(Application::h224(Box::new(Protocol::hdlcFrameTunnelling(()))));
        let media = |heard| Accept::read(acked(&heard)).media.expect("an address");
        line.say(0, &open(7, h224(), "198.51.100.31:5001")).expect("it is relayed");
        let to_called = media(line.say(1, &ack(7, "10.0.0.150:6000")).expect("it is relayed"));
        line.say(1, &open(8, h224(), "10.0.0.150:6001")).expect("it is relayed");
        let to_caller = media(line.say(0, &ack(8, "198.51.100.31:5000")).expect("it is relayed"));
        let packet = |n: u8| [&[0x80, 100, 0, n, 0, 0, 0, 0, 0, 0, 0, 9][..], &[n; 20]].concat();
        for n in 1..=20 {
            for (from, to) in [(0, to_called), (1, to_caller)] {
                let packet = packet(n + 100 * from as u8);
                line.lab.world.with(line.hosts[from], |raw: &mut Raw, _| {
                    raw.say(bound[from], to, &packet);
                });
                line.lab.world.run_for(millis(50));
            }
        }
        for to in [0, 1] {
            let got = line.lab.world.with(line.hosts[to], |raw: &mut Raw, _| {
                let all = raw.datagrams.iter().filter(|(socket, ..)| *socket == bound[to]);
                all.map(|(_, _, bytes)| bytes.clone()).collect::<Vec<_>>()
            });
            let sent: Vec<_> = (1..=20).map(|n| packet(n + 100 * (1 - to as u8))).collect();
            // Until a source has proven itself, a few are dropped.
            assert!(
                got.len() >= 15 && sent.ends_with(&got),
                "{more:?} to {to}: {} came",
                got.len()
            );
        }
    }
}
