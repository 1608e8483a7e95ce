//! Hostile peers: they harm nobody but themselves.

use pinhole::event::Event;

use super::lab::{Lab, NODE, Place, Plan, connected, ended, heard, lab, relayed};
use super::mutants::{RAS, TPKT, mutants};
use crate::world::{Chop, HostId, Raw, at, millis, seconds};
use Place::{Inside, Outside};

/// A call that goes on while something happens, and must not be harmed.
fn unharmed(chop: Chop, seed: u64, storm: impl FnOnce(&mut Lab, HostId)) {
    let mut lab = lab(Plan { seed, ..Plan::with(chop) });
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    let mallory = lab.world.host("mallory", "192.0.2.66", Raw::default());
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 30), |_| {});
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    storm(&mut lab, mallory);
    assert!(!lab.world.told(alice, ended), "the storm must not outlast the call");
    heard(&lab.record(alice, 1, seconds(60)), 30, 880.0);
    heard(&lab.record(bob, 1, seconds(5)), 30, 440.0);
    relayed(&lab.record(lab.node, 1, seconds(5)), 30);
    let unregistered =
        |event: &Event| matches!(event, Event::Unregistered { alias, .. } if alias == "bob");
    assert!(!lab.world.told(lab.node, unregistered));
    lab.nothing_left();
}

fn malformed_datagrams_at_the_ras_port(chop: Chop) {
    for seed in 0..4 {
        unharmed(chop, seed, |lab, _| {
            for bytes in mutants(RAS, seed, 5000) {
                let from = at("192.0.2.66:4000");
                lab.world.inject_datagram(from, at(&format!("{NODE}:1719")), &bytes);
                lab.world.run_for(millis(2));
            }
        });
    }
}

fn malformed_datagrams_from_the_address_of_a_registered_phone(chop: Chop) {
    unharmed(chop, 9, |lab, _| {
        let seen = lab.seen("bob");
        for bytes in mutants(&RAS[1..], 9, 3000) {
            lab.world.inject_datagram(seen, at(&format!("{NODE}:1719")), &bytes);
            lab.world.run_for(millis(2));
        }
    });
}

fn malformed_messages_at_the_signalling_port(chop: Chop) {
    for seed in 0..4 {
        unharmed(chop, seed, |lab, mallory| {
            lab.world.chop(Chop::Random);
            for bytes in mutants(TPKT, seed, 1000) {
                let to = at(&format!("{NODE}:1720"));
                lab.world.with(mallory, |raw: &mut Raw, _| {
                    let stream = raw.connect(to);
                    raw.send(stream, &bytes);
                });
                lab.world.run_for(millis(10));
            }
            lab.world.chop(chop);
            lab.world.run_for(seconds(10));
            lab.world.with(mallory, |raw: &mut Raw, _| {
                let open: Vec<_> =
                    raw.lines.iter().filter(|(_, line)| !line.closed).map(|(id, _)| *id).collect();
                for stream in open {
                    raw.close(stream);
                }
            });
        });
    }
}

fn a_connection_that_says_nothing_is_closed(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let mallory = lab.world.host("mallory", "192.0.2.66", Raw::default());
    lab.world.mark_rest();
    let starts: [&[u8]; 4] = [b"", &[3], &[3, 0, 0, 200, 8, 2], b"\x03\x00\xff\xff\x08"];
    for start in starts {
        let stream = lab.world.with(mallory, |raw: &mut Raw, _| {
            let stream = raw.connect(at(&format!("{NODE}:1720")));
            if !start.is_empty() {
                raw.send(stream, start);
            }
            stream
        });
        lab.world.run_for(seconds(60));
        lab.world.with(mallory, |raw: &mut Raw, _| assert!(raw.lines[&stream].closed, "{start:?}"));
    }
    assert!(lab.world.leftovers().is_empty(), "{:?}", lab.world.leftovers());
}

fn strangers_do_not_get_into_the_media(chop: Chop) {
    unharmed(chop, 5, |lab, _| {
        let mut packet = vec![0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
        packet.extend([0xd5; 160]);
        for port in 1024..1200 {
            lab.world.inject_datagram(
                at("192.0.2.66:7000"),
                at(&format!("{NODE}:{port}")),
                &packet,
            );
        }
        lab.world.run_for(seconds(2));
    });
}

as_sent_and_octet_by_octet! {
    malformed_datagrams_at_the_ras_port,
    malformed_datagrams_from_the_address_of_a_registered_phone,
    malformed_messages_at_the_signalling_port,
    a_connection_that_says_nothing_is_closed,
    strangers_do_not_get_into_the_media,
}
