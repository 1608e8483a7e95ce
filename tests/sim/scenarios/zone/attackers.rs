//! Somebody who knows everything but the password: all addresses, all identifiers, and every message that was sent. He
//! does not become the client.

use std::net::SocketAddr;

use pinhole_h323::asn::h225::{
    Content, GenericData, GenericIdentifier, GloballyUniqueID, RasMessage,
};
use pinhole_h323::generic::{self, Parameters as _};
use pinhole_h323::h46018;
use pinhole_h323::id::Seq;
use pinhole_h323::ras::Ras;

use super::foreign::without_marks;
use super::*;
use crate::scenarios::lab::NAT;
use crate::world::Raw;

pub(super) const MALLORY: &str = "192.0.2.66";
pub(super) const RAS: &str = "198.51.100.10:1719";

pub(super) fn mallory() -> SocketAddr {
    at(&format!("{MALLORY}:1719"))
}

/// Moves an eavesdropper's copies: all that the client has sent to the server's RAS since the last time.
pub(super) fn overheard(zone: &mut Zone) -> Vec<Vec<u8>> {
    let sent = zone.lab.world.tap(zone.inner);
    sent.into_iter().filter(|(to, _)| *to == at(RAS)).map(|(_, bytes)| bytes).collect()
}

/// Where the server believes the client to be.
pub(super) fn believed(zone: &mut Zone) -> Option<SocketAddr> {
    zone.seen_by(zone.lab.node).address
}

fn is_mallory(address: Option<SocketAddr>) -> bool {
    address.is_some_and(|address| address.ip() == ip(MALLORY))
}

/// Mallory has a host, and hears what is sent there.
fn listening(zone: &mut Zone) -> HostId {
    let host = zone.lab.world.host("mallory", MALLORY, Raw::default());
    zone.lab.world.with(host, |raw: &mut Raw, _| raw.udp(MALLORY, 1719));
    zone.lab.world.run_for(millis(10));
    host
}

/// Announcements of calls that came there.
fn announced(zone: &mut Zone, host: HostId) -> usize {
    let got = zone.lab.world.with(host, |raw: &mut Raw, _| raw.datagrams.clone());
    let ras = got.iter().filter_map(|(_, _, bytes)| Ras::decode(bytes).ok());
    ras.filter(|ras| matches!(h46018::IncomingCall::announced(ras), Ok(Some(_)))).count()
}

/// For a minute, everything that the client says is said by mallory, too: before the client's own words arrive, or
/// after.
fn echo(zone: &mut Zone, first: bool) {
    overheard(zone);
    for _ in 0..6000 {
        zone.lab.world.run_for(millis(10));
        for bytes in overheard(zone) {
            if !first {
                zone.lab.world.run_for(millis(30));
            }
            zone.lab.world.inject_datagram(mallory(), at(RAS), &bytes);
        }
    }
}

#[test]
fn copies_of_keepalives_do_not_move_the_client() {
    for first in [true, false] {
        let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
        zone.up();
        let host = listening(&mut zone);
        echo(&mut zone, first);
        assert_eq!(believed(&mut zone).unwrap().ip(), ip(NAT));
        for node in [zone.lab.node, zone.inner] {
            assert!(!zone.lab.world.told(node, state("moved")));
            assert!(!zone.lab.world.told(node, state("down")));
        }
        let doubt = if first { "proof-copied" } else { "proof-used" };
        let told = |event: &Event| matches!(event, Event::Zone { reason, .. } if *reason == doubt);
        assert!(zone.lab.world.told(zone.lab.node, told), "{first}");
        zone.talk(false, |_| {});
        assert_eq!(announced(&mut zone, host), 0);
    }
}

#[test]
fn copies_of_keepalives_do_not_become_the_client() {
    // From the very first keepalive on.
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    for _ in 0..3000 {
        zone.lab.world.run_for(millis(1));
        for bytes in overheard(&mut zone) {
            zone.lab.world.inject_datagram(mallory(), at(RAS), &bytes);
        }
        assert!(!is_mallory(believed(&mut zone)));
    }
    zone.up();
    zone.talk(false, |_| {});
}

/// Mallory holds the client's line: nothing of it arrives, and he says it himself.
fn holds(zone: &mut Zone, time: u64) -> bool {
    overheard(zone);
    for _ in 0..time * 10 {
        // What was on its way arrived; from now on it is held. The sender notices nothing.
        let until = zone.lab.world.now() + millis(150);
        zone.lab.world.link(zone.inner).cut = Some(until);
        zone.lab.world.run_for(millis(100));
        for bytes in overheard(zone) {
            zone.lab.world.inject_datagram(mallory(), at(RAS), &bytes);
        }
        if is_mallory(believed(zone)) {
            return true;
        }
    }
    false
}

#[test]
fn who_holds_the_clients_line_cannot_speak_for_it() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.up();
    zone.lab.world.run_for(seconds(20));
    assert!(!holds(&mut zone, 90));
    zone.lab.world.link(zone.inner).cut = None;
    zone.lab.world.run_for(seconds(57));
    assert_eq!(believed(&mut zone).unwrap().ip(), ip(NAT));
    zone.talk(false, |_| {});
}

/// Mallory answers in the server's place, before it does, that the client is seen at his own address; so it would seal
/// that, and his copies would be the sealed ones.
#[test]
fn nobody_else_tells_the_client_its_address() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.up();
    let client = believed(&mut zone).unwrap();
    let (mut told, mut last) = (0, client);
    for _ in 0..9000 {
        zone.lab.world.run_for(millis(10));
        for bytes in overheard(&mut zone) {
            let Ok(ras) = Ras::decode(&bytes) else { continue };
            let RasMessage::serviceControlIndication(sci) = ras.message() else { continue };
            let seq = Seq::new(sci.request_seq_num.0);
            let mut answer = h46018::keep_alive_started(seq, 19).unwrap();
            answer.edit(|message| {
                let RasMessage::serviceControlResponse(scr) = message else { return };
                let id = [
                    0x6d, 0x1f, 0xa3, 0x52, 0x0e, 0x94, 0x4b, 0x7c, 0x9a, 0x2d, 0x50, 0x69, 0x6e,
                    0x68, 0x6f, 0x6c,
                ];
                let id = GenericIdentifier::nonStandard(GloballyUniqueID(id.into()));
                let mut data = GenericData { id, parameters: None, unknown_ext: None };
                data.set(2, Some(generic::transport(mallory())));
                data.set(4, Some(Content::raw(vec![7; 12].into())));
                scr.generic_data = Some(vec![data]);
            });
            let answer = answer.encode().unwrap();
            zone.lab.world.inject_datagram(at(RAS), last, &answer);
            zone.lab.world.inject_datagram(mallory(), at(RAS), &bytes);
            told += 1;
        }
        assert_ne!(zone.seen_by(zone.inner).apparent, Some(mallory()));
        last = believed(&mut zone).expect("up");
        assert_eq!(last, client);
    }
    assert!(told >= 4, "{told}");
}

/// What remains with the proof of the standard, which says nothing of addresses: who can hold the client's words back
/// for longer than an interval, and say them himself, is where the client is, as a NAT would be. A server that has not
/// heard yet that its client can do better has nothing else. This also shows that the tests above would notice.
#[test]
fn who_holds_the_line_of_a_client_that_seals_nothing_takes_its_place() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.up();
    // A server that has just started does not know that the client can do more.
    let now = zone.lab.world.now();
    let node = Node::new(outer(PLAIN), vec![ip(NODE)], [5; 32], now);
    zone.lab.world.restart(zone.lab.node, node);
    assert!(holds(&mut zone, 60));
    zone.lab.world.link(zone.inner).cut = None;
    zone.lab.world.run_for(seconds(57));
    assert_eq!(believed(&mut zone).unwrap().ip(), ip(NAT));
    zone.talk(false, |_| {});
}

#[test]
fn what_was_overheard_before_a_restart_is_worth_nothing_after_it() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.up();
    overheard(&mut zone);
    zone.lab.world.run_for(seconds(100));
    let kept = overheard(&mut zone);
    assert!(kept.len() >= 5, "{}", kept.len());
    let now = zone.lab.world.now();
    let node = Node::new(outer(PLAIN), vec![ip(NODE)], [5; 32], now);
    zone.lab.world.restart(zone.lab.node, node);
    zone.lab.world.run_for(millis(10));
    for bytes in &kept {
        zone.lab.world.inject_datagram(mallory(), at(RAS), bytes);
        for _ in 0..40 {
            zone.lab.world.run_for(millis(100));
            assert!(!is_mallory(believed(&mut zone)));
        }
    }
    zone.lab.world.run_for(seconds(20));
    assert_eq!(believed(&mut zone).unwrap().ip(), ip(NAT));
    zone.talk(false, |_| {});
}

/// Mallory shows a proof that he overheard long ago, and then copies what the client says before it arrives, or in its
/// place; whether he was believed.
fn kept_and_copied(pinhole: bool, arrives: bool, strike: impl Fn(&mut Zone)) -> bool {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    if !pinhole {
        zone.lab.world.edits.insert(zone.inner, without_marks);
    }
    zone.up();
    overheard(&mut zone);
    zone.lab.world.run_for(seconds(60));
    strike(&mut zone);
    let kept = overheard(&mut zone);
    let mut copies = 0;
    for _ in 0..6000 {
        if !arrives {
            let until = zone.lab.world.now() + millis(100);
            zone.lab.world.link(zone.inner).cut = Some(until);
        }
        zone.lab.world.run_for(millis(10));
        for bytes in overheard(&mut zone) {
            let old = kept.last().expect("a keepalive");
            for bytes in [old, &bytes] {
                zone.lab.world.inject_datagram(mallory(), at(RAS), bytes);
                copies += 1;
            }
        }
        if is_mallory(believed(&mut zone)) {
            return true;
        }
    }
    assert!(copies >= 6, "{copies}");
    // A client that seals its address comes up all the same.
    if pinhole {
        assert_eq!(believed(&mut zone).map(|at| at.ip()), Some(ip(NAT)));
        zone.talk(false, |_| {});
    }
    false
}

fn restarts(zone: &mut Zone) {
    let now = zone.lab.world.now();
    let node = Node::new(outer(PLAIN), vec![ip(NODE)], [5; 32], now);
    zone.lab.world.restart(zone.lab.node, node);
}

fn is_cut(zone: &mut Zone) {
    let until = zone.lab.world.now() + seconds(70);
    zone.lab.world.link(zone.inner).cut = Some(until);
    zone.lab.world.run_for(seconds(70));
    assert_eq!(believed(zone), None);
}

#[test]
fn an_old_proof_and_a_copied_one_are_not_enough_after_a_restart() {
    for pinhole in [true, false] {
        assert!(!kept_and_copied(pinhole, true, restarts), "{pinhole}");
    }
}

#[test]
fn nor_are_they_after_a_cut() {
    for pinhole in [true, false] {
        assert!(!kept_and_copied(pinhole, true, is_cut), "{pinhole}");
    }
}

/// Where the originals are held back, a client that seals nothing has no more than its proofs: so both tests above can
/// fail.
#[test]
fn in_place_of_the_originals_they_are() {
    assert!(kept_and_copied(false, false, restarts));
    assert!(kept_and_copied(false, false, is_cut));
}

/// The client has ended, and its server starts again: what was kept of it is said at its pace, for as long as it is good.
#[test]
fn what_was_kept_of_a_client_that_is_silent_does_not_take_its_place() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.lab.world.edits.insert(zone.inner, without_marks);
    zone.up();
    overheard(&mut zone);
    let mut kept = Vec::new();
    for _ in 0..280 {
        zone.lab.world.run_for(seconds(1));
        kept.extend(overheard(&mut zone).into_iter().map(|bytes| (zone.lab.world.now(), bytes)));
    }
    assert!(kept.len() > 10, "{}", kept.len());
    zone.lab.world.vanish(zone.inner);
    restarts(&mut zone);
    let behind = zone.lab.world.now() - kept[0].0;
    for (said, bytes) in kept {
        let wait = (said + behind).saturating_duration_since(zone.lab.world.now());
        zone.lab.world.run_for(wait);
        zone.lab.world.inject_datagram(mallory(), at(RAS), &bytes);
        zone.lab.world.run_for(seconds(4));
        assert_eq!(believed(&mut zone), None);
    }
    // It is told why.
    let seen = zone.seen_by(zone.lab.node);
    assert_eq!(seen.reason, Some("clock-skew"), "{seen:?}");
}

#[test]
fn whoever_has_no_password_is_nobody() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.up();
    let host = listening(&mut zone);
    // Without a proof, and one who has the name and another password.
    let bare = h46018::keep_alive(Seq::new(7)).encode().unwrap();
    for _ in 0..20 {
        zone.lab.world.inject_datagram(mallory(), at(RAS), &bare);
        zone.lab.world.run_for(seconds(3));
    }
    let settings = inner(NODE, "guess", PLAIN);
    let now = zone.lab.world.now();
    let rival = Node::new(settings, vec![ip("192.0.2.67")], [66; 32], now);
    let rival = zone.lab.world.host("rival", "192.0.2.67", rival);
    zone.lab.world.run_for(seconds(60));
    assert!(!zone.lab.world.told(rival, state("up")));
    assert_eq!(believed(&mut zone).unwrap().ip(), ip(NAT));
    zone.talk(false, |_| {});
    assert_eq!(announced(&mut zone, host), 0);
}

/// One who has the password, while the client is there: neither disturbs the other. Once it is not, he is the client;
/// so the test above would notice.
#[test]
fn a_second_one_with_the_password_waits_for_the_first_to_go() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, PLAIN);
    zone.up();
    let now = zone.lab.world.now();
    let twin = Node::new(inner(NODE, "clientpw", PLAIN), vec![ip("192.0.2.67")], [66; 32], now);
    zone.lab.world.host("twin", "192.0.2.67", twin);
    for _ in 0..30 {
        zone.lab.world.run_for(seconds(10));
        assert_eq!(believed(&mut zone).unwrap().ip(), ip(NAT));
    }
    let copied = |event: &Event| matches!(event, Event::Zone { reason: "proof-copied", .. });
    assert!(zone.lab.world.told(zone.lab.node, copied), "the operator is told");
    zone.lab.world.vanish(zone.inner);
    zone.lab.world.run_for(seconds(60));
    assert_eq!(believed(&mut zone).unwrap().ip(), ip("192.0.2.67"));
}
