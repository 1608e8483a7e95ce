//! A zone whose other end is no Pinhole: it says nothing that only a Pinhole says, and leaves what it does not know.

use pinhole::event::Event;
use pinhole_h323::asn::h225::{GenericIdentifier, RasMessage};
use pinhole_h323::ras::Ras;

use super::*;

/// A datagram without what only a Pinhole puts into it.
pub(super) fn without_marks(bytes: Vec<u8>) -> Vec<u8> {
    let Ok(mut ras) = Ras::decode(&bytes) else { return bytes };
    if !matches!(
        ras.message(),
        RasMessage::serviceControlIndication(_) | RasMessage::serviceControlResponse(_)
    ) {
        return bytes;
    }
    let ours = |id: &GenericIdentifier| matches!(id, GenericIdentifier::nonStandard(_));
    ras.edit(|message| match message {
        RasMessage::serviceControlIndication(sci) => {
            let set = sci.feature_set.as_mut().and_then(|set| set.supported_features.as_mut());
            set.into_iter().for_each(|all| all.retain(|feature| !ours(&feature.0.id)));
        }
        RasMessage::serviceControlResponse(scr) => {
            scr.generic_data.iter_mut().for_each(|all| all.retain(|data| !ours(&data.id)));
        }
        _ => {}
    });
    ras.encode().unwrap_or(bytes)
}

/// A call with fast start over a zone with a key more at its client; whether both ends have media from Connect on.
fn is_fast(foreign_server: bool, key: &str, from_inside: bool) -> bool {
    let inner = settings(&format!(
        "[Gatekeeper::Main]\nName=Inner\n{MODE}[RasSrv::Neighbors]\nOuter=GnuGk\n[Neighbor::Outer]\nHost={NODE}\n\
         SendPrefixes=*\nH46018Client=1\nSendAuthUser=clientuser\nSendPassword=clientpw\n{key}"
    ));
    let mut zone = zone_of(outer(PLAIN), inner, Rules::symmetric(), Chop::AsSent);
    if foreign_server {
        zone.lab.world.edits.insert(zone.lab.node, without_marks);
    }
    zone.up();
    let says = |event: &Event| {
        matches!(event, Event::Zone { state: "up", sentence, .. }
        if sentence.ends_with("; it is no Pinhole, so fast start is withheld (DisableFastStart)"))
    };
    let said = zone.lab.world.told(zone.inner, says);
    assert_eq!(said, foreign_server && !key.ends_with("=0\n"), "{key}");
    let [alice, bob] = zone.pair(from_inside, Some(TALK), |options| options.fast_start = true);
    let record = zone.lab.record(alice, 1, seconds(60));
    heard(&record, TALK, BOB);
    // With fast start audio is open with Connect; H.245 alone needs some round trips more.
    let fast = record.duration_s <= TALK as f64;
    heard(&zone.lab.record(bob, 1, seconds(5)), TALK, ALICE);
    zone.lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    zone.lab.nothing_left();
    fast
}

/// GnuGk does not learn then where the client's media comes from.
#[test]
fn fast_start_is_withheld_where_the_server_is_no_pinhole() {
    for from_inside in [true, false] {
        for (foreign, key, fast) in [
            (false, "", true),
            (true, "", false),
            (true, "DisableFastStart=0\n", true),
            (false, "DisableFastStart=1\n", false),
        ] {
            assert_eq!(is_fast(foreign, key, from_inside), fast, "{foreign} {key} {from_inside}");
        }
    }
}

/// How many keepalives of RTP the client of a zone sends in half a minute of a call.
fn keepalives(foreign: bool, every: u32) -> usize {
    let text = outer_text(PLAIN).replace("=19\n", &format!("={every}\n"));
    let mut zone =
        zone_of(settings(&text), inner(NODE, "clientpw", PLAIN), Rules::symmetric(), Chop::AsSent);
    if foreign {
        zone.lab.world.edits.insert(zone.lab.node, without_marks);
    }
    zone.up();
    zone.converse(true, |_| {});
    zone.lab.world.tap(zone.inner);
    zone.lab.world.run_for(seconds(30));
    let sent = zone.lab.world.tap(zone.inner);
    sent.iter().filter(|(_, bytes)| bytes.len() == 12 && bytes[1] == 127).count()
}

/// As often as the server asks for, and where both are Pinholes every two seconds, as nothing else shows where media is.
#[test]
fn keepalives_of_media_go_as_often_as_the_server_asks_for() {
    assert_eq!(keepalives(true, 5), 6);
    assert_eq!(keepalives(true, 10), 3);
    assert_eq!(keepalives(true, 30), 1);
    assert_eq!(keepalives(false, 30), 15);
}

/// The gatekeeper inside starts anew.
fn starts_anew(zone: &mut Zone) {
    let now = zone.lab.world.now();
    let node = Node::new(inner(NODE, "clientpw", PLAIN), vec![ip(INNER)], [6; 32], now);
    zone.lab.world.restart(zone.inner, node);
}

/// Behind the same address or another one. It cannot be told from somebody who has only overheard the Pinhole, so it is
/// told why nothing works; and after a restart of the server it does.
#[test]
fn a_pinhole_that_is_replaced_by_another_program_is_told_of() {
    for elsewhere in [false, true] {
        let mut zone = zone_with(Rules::symmetric(), Chop::AsSent, PLAIN);
        zone.up();
        zone.lab.world.run_for(seconds(20));
        zone.lab.world.edits.insert(zone.inner, without_marks);
        if elsewhere {
            zone.lab.world.gate(zone.lab.gate).rebind();
        }
        starts_anew(&mut zone);
        zone.lab.world.run_for(seconds(57));
        let seen = zone.seen_by(zone.lab.node);
        assert_eq!((seen.address, seen.reason), (None, Some("proof-bare")), "{elsewhere} {seen:?}");
        assert!(seen.sentence.unwrap().contains("another program"));
        zone.lab.world.run_for(seconds(1000));
        let seen = zone.seen_by(zone.lab.node);
        assert_eq!((seen.address, seen.reason), (None, Some("proof-bare")), "{elsewhere} {seen:?}");
        assert!(zone.seen_by(zone.inner).up_s.is_none(), "nor is it up inside");
        let now = zone.lab.world.now();
        let node = Node::new(outer(PLAIN), vec![ip(NODE)], [5; 32], now);
        zone.lab.world.restart(zone.lab.node, node);
        zone.lab.world.run_for(seconds(57));
        zone.talk(true, |_| {});
        zone.talk(false, |_| {});
    }
}

/// One that is a Pinhole again seals its address before it is missed.
#[test]
fn a_pinhole_that_starts_anew_is_not_taken_for_another_program() {
    let mut zone = zone_with(Rules::symmetric(), Chop::AsSent, PLAIN);
    zone.up();
    for _ in 0..5 {
        zone.lab.world.run_for(seconds(23));
        starts_anew(&mut zone);
        zone.lab.world.run_for(seconds(7));
    }
    let node = zone.lab.node;
    assert!(!zone.lab.world.told(node, state("down")));
    let bare = |event: &Event| matches!(event, Event::Zone { reason: "proof-bare", .. });
    assert!(!zone.lab.world.told(node, bare));
    zone.talk(false, |_| {});
}
