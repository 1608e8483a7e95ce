//! Floods from one address: they are refused, and who calls or registers from another does not notice.

use std::time::Duration;

use pinhole::node::{Counters, Node, Settings};
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{H323UUPDUH323MessageBody as Body, RasMessage};
use pinhole_h323::id::CallId;
use pinhole_h323::ras::Ras;
use pinhole_h323::signal::Signal;

use super::lab::{Lab, NODE, Place, Plan, connected, heard, lab};
use crate::hostile::framed;
use crate::hostile::stock::{RAS, TPKT, octets};
use crate::world::{Chop, HostId, Raw, at, millis, seconds};
use Place::{Inside, Outside};

const MALLORY: &str = "192.0.2.66";

/// A flood: what happens every other millisecond.
type Flood = fn(&mut Lab, HostId, u64);

/// How long calls take to be answered while a flood comes, and what the gatekeeper has counted.
fn under(flood: Option<Flood>) -> (Duration, Counters) {
    let settings =
        Settings { accept_unregistered: true, unregistered_anywhere: true, ..Settings::default() };
    let mut lab = lab(Plan { settings, ..Plan::with(Chop::AsSent) });
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    let mallory = lab.world.host("mallory", MALLORY, Raw::default());
    let flooded = |lab: &mut Lab, from: u64, time: u64| {
        for n in (from..from + time).step_by(2) {
            if let Some(flood) = flood {
                flood(lab, mallory, n);
            }
            lab.world.run_for(millis(2));
        }
    };
    flooded(&mut lab, 0, 6000);
    let mut setups = Vec::new();
    for (n, name) in ["alice", "anna", "asta"].into_iter().enumerate() {
        let caller = lab.calling(name, Outside, ("bob", 440.0, 2), |_| {});
        let begun = lab.world.elapsed();
        flooded(&mut lab, 6000 + 4000 * n as u64, 4000);
        let answered = lab.world.events(caller).iter().find(|(_, event)| connected(event));
        setups.push(answered.unwrap_or_else(|| panic!("{name} is not answered")).0 - begun);
        heard(&lab.record(caller, 1, seconds(10)), 2, 880.0);
        heard(&lab.record(bob, n + 1, seconds(10)), 2, 440.0);
    }
    let node = lab.node;
    let counters = lab.world.with(node, |node: &mut Node, _| node.counters());
    (setups.into_iter().max().expect("calls"), counters)
}

fn unharmed(flood: Flood) -> Counters {
    let (idle, quiet) = under(None);
    assert_eq!(quiet, Counters::default());
    let (flooded, counters) = under(Some(flood));
    assert!(flooded <= idle * 2, "{flooded:?} instead of {idle:?}");
    counters
}

/// A Setup for a number that nobody has, or for one who does not answer.
fn setup(n: u64) -> Vec<u8> {
    let mut setup = Signal::decode(&octets(TPKT[1])[4..]).expect("sound");
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!("it is a Setup") };
        let mut id = [8; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        setup.call_identifier = Some(CallId(id).into());
        let nobody = at("192.0.2.99:1720");
        setup.dest_call_signal_address = Some(pinhole_h323::address::to_h225(nobody));
        setup.destination_address = None;
    });
    framed(&setup.encode().expect("in bounds"))
}

fn setups(lab: &mut Lab, mallory: HostId, n: u64) {
    lab.world.with(mallory, |raw: &mut Raw, _| {
        let stream = raw.connect(at(&format!("{NODE}:1720")));
        raw.send(stream, &setup(n));
    });
}

#[test]
fn a_flood_of_setups() {
    let counters = unharmed(setups);
    assert!(counters.throttled > 5000, "{counters:?}");
}

fn half_open(lab: &mut Lab, mallory: HostId, n: u64) {
    lab.world.with(mallory, |raw: &mut Raw, _| {
        let stream = raw.connect(at(&format!("{NODE}:1720")));
        raw.send(stream, &[3, 0, 1, 0, 8][..n as usize / 2 % 5]);
    });
}

#[test]
fn a_flood_of_connections_that_say_nothing() {
    let counters = unharmed(half_open);
    assert!(counters.refused_streams > 7000, "{counters:?}");
}

fn registrations(lab: &mut Lab, _: HostId, n: u64) {
    for m in 0..2 {
        let mut rrq = Ras::decode(&octets(RAS[0])).expect("sound");
        rrq.edit(|message| {
            let RasMessage::registrationRequest(request) = message else { panic!("it is an RRQ") };
            request.terminal_alias = Some(vec![Alias::from_text(&format!("m{m}n{n}")).to_asn()]);
        });
        let bytes = rrq.encode().expect("in bounds");
        let from = at(&format!("{MALLORY}:{}", 2000 + n % 1000));
        lab.world.inject_datagram(from, at(&format!("{NODE}:1719")), &bytes);
    }
}

#[test]
fn a_flood_of_registrations() {
    let counters = unharmed(registrations);
    assert!(counters.throttled > 10_000, "{counters:?}");
}

/// What comes on a connection of a call that lasts, far more than it may, and for a minute.
#[test]
fn a_flood_on_its_own_connection_ends_no_call() {
    let mut lab = lab(Plan::with(Chop::AsSent));
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 90), |_| {});
    lab.world.must("they talk", |world| world.told(alice, connected), seconds(30));
    lab.world.run_for(seconds(5));
    let node = lab.node;
    for (stream, _) in lab.world.streams(node) {
        lab.world.inject_stream(node, stream, &[3, 0, 0, 4].repeat(6500));
    }
    heard(&lab.record(alice, 1, seconds(120)), 90, 880.0);
    heard(&lab.record(bob, 1, seconds(90)), 90, 440.0);
    let counters = lab.world.with(node, |node: &mut Node, _| node.counters());
    assert!(counters.throttled > 50, "{counters:?}");
}
