//! Parties whose keepalives are sealed: nobody else's packets say where they are.

use std::time::Duration;

use super::*;
use crate::face::KeepaliveKey;
use crate::media::seal;

const KEY: KeepaliveKey = KeepaliveKey([7; 12]);
const HERE: u16 = 40000;
const THERE: u16 = 41000;

fn sealed() -> Table {
    let mut table = table(Some(127));
    let ports = Ports::Learned { keepalive: Some(127), key: Some(KEY) };
    let party = Party { ip: CLIENT, ports };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::A, party });
    table
}

/// A packet of A's address from a port; where media of B goes then.
fn says(table: &mut Table, now: Instant, port: u16, packet: &[u8]) -> Option<u16> {
    table.forward(now, PAIRS[0], Channel::Rtp, at(CLIENT, port), packet);
    let back = table.forward(now, PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA);
    back.map(|egress| egress.to.port())
}

fn keepalive(sequence: u16) -> [u8; 12] {
    seal::rtp(KEY, 127, sequence)
}

fn media(sequence: u16) -> [u8; 16] {
    let mut media = MEDIA;
    media[2..4].copy_from_slice(&sequence.to_be_bytes());
    media
}

#[test]
fn only_a_sealed_keepalive_shows_where_the_party_is() {
    let (mut table, now) = (sealed(), now());
    let other = seal::rtp(KeepaliveKey([8; 12]), 127, 1);
    for packet in [&KEEPALIVE[..], &other] {
        assert_eq!(says(&mut table, now, THERE, packet), None);
    }
    for sequence in 1..20 {
        assert_eq!(says(&mut table, now, THERE, &media(sequence)), None);
    }
    assert_eq!(says(&mut table, now, HERE, &keepalive(1)), Some(HERE));
    // Then its media passes, and nobody else's.
    let passes = |table: &mut Table, port| {
        table.forward(now, PAIRS[0], Channel::Rtp, at(CLIENT, port), &media(30)).is_some()
    };
    assert!(passes(&mut table, HERE));
    assert!(!passes(&mut table, THERE));
}

#[test]
fn a_copy_moves_nothing_and_a_new_port_does() {
    let (mut table, start) = (sealed(), now());
    says(&mut table, start, HERE, &keepalive(1));
    says(&mut table, start, HERE, &keepalive(2));
    let later = start + Duration::from_secs(5);
    // Silence or not: a number counts once, and the party's stream is not enough.
    assert_eq!(says(&mut table, later, THERE, &keepalive(2)), Some(HERE));
    for sequence in 2..20 {
        assert_eq!(says(&mut table, later, THERE, &media(sequence)), Some(HERE));
    }
    assert_eq!(says(&mut table, later, THERE, &keepalive(3)), Some(THERE), "another port");
    assert_eq!(says(&mut table, later, HERE, &media(2)), Some(THERE));
}

#[test]
fn while_the_party_is_heard_it_has_not_moved() {
    let (mut table, start) = (sealed(), now());
    says(&mut table, start, HERE, &keepalive(1));
    says(&mut table, start, HERE, &media(1));
    assert_eq!(says(&mut table, start, THERE, &keepalive(2)), Some(HERE));
}

#[test]
fn a_copy_that_overtakes_its_original_gains_nothing_when_that_comes() {
    let (mut table, start) = (sealed(), now());
    says(&mut table, start, HERE, &keepalive(1));
    let later = start + Duration::from_secs(5);
    assert_eq!(says(&mut table, later, THERE, &keepalive(2)), Some(THERE));
    let soon = later + Duration::from_millis(30);
    assert_eq!(says(&mut table, soon, HERE, &keepalive(2)), Some(HERE));
    assert_eq!(says(&mut table, soon, THERE, &keepalive(2)), Some(HERE));
}

/// Nor where the original is lost, or all are overtaken, and whoever has copied them talks as if he were the party.
#[test]
fn a_copy_that_overtakes_its_original_gains_nothing_when_the_next_one_comes() {
    for lost in [true, false] {
        let (mut table, start) = (sealed(), now());
        says(&mut table, start, HERE, &keepalive(1));
        let mut now = start + Duration::from_secs(5);
        assert_eq!(says(&mut table, now, THERE, &keepalive(2)), Some(THERE));
        now += Duration::from_secs(2);
        says(&mut table, now, THERE, &media(9));
        if !lost {
            assert_eq!(says(&mut table, now, THERE, &keepalive(3)), Some(THERE));
        }
        assert_eq!(says(&mut table, now, HERE, &keepalive(3)), Some(HERE));
        assert_eq!(says(&mut table, now, THERE, &keepalive(3)), Some(HERE));
    }
}

#[test]
fn a_channel_opened_anew_believes_only_what_is_sealed_either() {
    let (mut table, now) = (sealed(), now());
    says(&mut table, now, HERE, &keepalive(1));
    table.command(FlowCommand::Rearm { flow: FLOW });
    for sequence in 2..20 {
        assert_eq!(says(&mut table, now, THERE, &media(sequence)), Some(HERE));
    }
    assert_eq!(says(&mut table, now, THERE, &keepalive(1)), Some(HERE));
    assert_eq!(says(&mut table, now, THERE, &keepalive(2)), Some(THERE));
}

#[test]
fn rtcp_has_a_seal_of_its_own() {
    let mut table = sealed();
    let from_a = |table: &mut Table, port, packet: &[u8]| {
        table.forward(now(), PAIRS[0], Channel::Rtcp, at(CLIENT, port), packet);
        let report = [&[0x80, 201, 0, 1, 0, 0, 0, 9][..]].concat();
        let back = table.forward(now(), PAIRS[1], Channel::Rtcp, at(PLAIN, 5001), &report);
        back.map(|egress| egress.to.port())
    };
    assert_eq!(from_a(&mut table, THERE, &pinhole_h323::rtcp::KEEPALIVE), None);
    assert_eq!(from_a(&mut table, THERE, &keepalive(1)), None);
    assert_eq!(from_a(&mut table, HERE, &seal::rtcp(KEY, 1)), Some(HERE));
}
