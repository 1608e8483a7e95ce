//! Nobody gets a call, a registration or media that belong to another.

use pinhole::event::Event;
use pinhole::phone::options::{Incoming, Source};

use super::lab::{Lab, NODE, Place, Plan, channel, connected, heard, lab};
use super::mutants::{TPKT, octets};
use crate::world::{Chop, HostId, Raw, at, millis, seconds};
use Place::{Inside, Outside};

/// The Facility with which an H.460.18 client comes for a call, for this call.
fn facility(callid: &str) -> Vec<u8> {
    let (guid, call) = (octets("f81f8d79a5e3f11187699e7406960308"), octets(callid));
    let mut message = octets(TPKT[0]);
    let place = message.windows(16).position(|window| window == guid).expect("a call identifier");
    message[place..place + 16].copy_from_slice(&call);
    message
}

/// The call that a host's agent told of first.
fn announced(lab: &Lab, host: HostId) -> Option<String> {
    lab.world.events(host).iter().find_map(|(_, event)| match event {
        Event::Pinhole { callid, .. } => Some(callid.clone()),
        _ => None,
    })
}

/// Somebody else comes for a call that is announced to bob, from an address that is or is not the same NAT's.
fn comes_first(chop: Chop, place: Place) -> (Lab, HostId, bool) {
    let mut lab = lab(Plan::with(chop));
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    let mallory = match place {
        Inside => lab.world.host_behind(lab.gate, "mallory", "10.0.0.66", Raw::default()),
        Outside => lab.world.host("mallory", "192.0.2.66", Raw::default()),
    };
    lab.world.mark_rest();
    // Bob is slow, so that there is time.
    lab.world.link(bob).latency = seconds(1);
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 5), |_| {});
    let node = lab.node;
    let announces = |event: &Event| matches!(event, Event::Pinhole { .. });
    lab.world.must("announced", |world| world.told(node, announces), seconds(20));
    let callid = announced(&lab, node).unwrap();
    lab.world.with(mallory, |raw: &mut Raw, _| {
        let stream = raw.connect(at(&format!("{NODE}:1720")));
        raw.send(stream, &facility(&callid));
    });
    lab.world.run_for(seconds(20));
    let got_setup = lab.world.with(mallory, |raw: &mut Raw, _| {
        // TPKT header, protocol discriminator, call reference; then the message type, 5 for Setup.
        raw.lines.values().any(|line| line.got.get(8) == Some(&5))
    });
    (lab, alice, got_setup)
}

fn who_is_not_called_does_not_get_the_call(chop: Chop) {
    let (mut lab, alice, got_setup) = comes_first(chop, Outside);
    assert!(!got_setup);
    let record = lab.record(alice, 1, seconds(60));
    assert!(lab.world.told(alice, connected), "bob gets it: {record:#?}");
    assert_eq!(record.cause, Some(16), "{record:#?}");
    lab.nothing_left();
}

/// The address is all that can be checked: who shares the NAT and knows the call identifier, which is a secret, comes
/// first. This shows that the test above would notice.
fn who_shares_the_nat_and_knows_the_secret_gets_it(chop: Chop) {
    assert!(comes_first(chop, Inside).2);
}

fn replayed_datagrams_steal_no_registration(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let bob = lab.phone("bob", Inside, |options| {
        options.incoming = Incoming::Answer;
        options.source = Source::Tone(880.0);
    });
    lab.world.tap(bob);
    lab.world.run_for(seconds(100));
    let said = lab.world.tap(bob);
    assert!(said.len() > 5, "{}", said.len());
    lab.world.mark_rest();
    for (to, bytes) in &said {
        lab.world.inject_datagram(at("192.0.2.66:5000"), *to, bytes);
        lab.world.run_for(millis(100));
    }
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 3), |_| {});
    heard(&lab.record(alice, 1, seconds(60)), 3, 880.0);
    lab.nothing_left();
}

fn media_of_a_neighbour_behind_the_same_nat_is_not_taken(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    let mallory = lab.world.host_behind(lab.gate, "mallory", "10.0.0.66", Raw::default());
    let socket = lab.world.with(mallory, |raw: &mut Raw, _| raw.udp("10.0.0.66", 7000));
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 10), |_| {});
    lab.world.must("talking", |world| world.told(alice, connected), seconds(20));
    lab.world.run_for(seconds(2));
    let mut packet = vec![0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    packet.extend([0x2a; 160]);
    // Between any two packets of the call, in whatever order.
    for _ in 0..50 {
        lab.world.with(mallory, |raw: &mut Raw, _| {
            for port in 1024..1060 {
                raw.say(socket, at(&format!("{NODE}:{port}")), &packet);
            }
        });
        lab.world.run_for(millis(37));
    }
    let record = lab.record(alice, 1, seconds(60));
    heard(&record, 10, 880.0);
    let said = channel(&lab.record(bob, 1, seconds(5)), "transmit").packets;
    assert!(channel(&record, "receive").packets <= said, "{said} were sent: {record:#?}");
    let heard_by_mallory = lab.world.with(mallory, |raw: &mut Raw, _| raw.datagrams.len());
    assert_eq!(heard_by_mallory, 0, "nothing of the call is sent to him");
    lab.nothing_left();
}

as_sent_and_octet_by_octet! {
    who_is_not_called_does_not_get_the_call,
    who_shares_the_nat_and_knows_the_secret_gets_it,
    replayed_datagrams_steal_no_registration,
    media_of_a_neighbour_behind_the_same_nat_is_not_taken,
}
