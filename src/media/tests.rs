use std::net::{IpAddr, Ipv4Addr};

use super::*;

mod batches;
mod latched;
mod moving;
mod patience;
mod quirks;
mod sealed;
mod strange;
mod unmarked;

/// Any time: where none passes, it does not matter which.
fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "there is no other way to an Instant")]
    Instant::now()
}
use crate::face::{Party, Ports};

impl Table {
    /// Where a packet leaves that is not changed on its way.
    fn forward(
        &mut self,
        now: Instant,
        pair: PairId,
        channel: Channel,
        from: SocketAddr,
        packet: &[u8],
    ) -> Option<Egress> {
        let mut batch = Batch::default();
        batch.room().unwrap()[..packet.len()].copy_from_slice(packet);
        let leaving = self.relay(now, (pair, channel), from, &mut batch, packet.len())?;
        let (egress, octets) = (leaving.egress(), leaving.octets());
        let untagged = packet.strip_prefix(&OURS.to_be_bytes()).unwrap_or(packet);
        let tag: Vec<u8> = egress.prefix.iter().flat_map(|id| id.to_be_bytes()).collect();
        assert_eq!(octets, [&tag, untagged].concat());
        Some(egress)
    }
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
const PLAIN: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 3));
const FLOW: FlowId = FlowId(1);
const PAIRS: [PairId; 2] = [PairId(10), PairId(11)];

/// A G.711 packet of four octets.
const MEDIA: [u8; 16] = [0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5, 0xd5, 0xd5, 0xd5];
/// The keepalive of h323plus: marker, payload type 127.
const KEEPALIVE: [u8; 12] = [0x80, 0xff, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0];

fn at(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}

/// RTP that leaves as it came.
fn egress(pair: PairId, to: SocketAddr) -> Egress {
    Egress { pair, channel: Channel::Rtp, to, prefix: None }
}

/// A is behind a NAT, B told its ports.
fn table(keepalive: Option<u8>) -> Table {
    let mut table = Table::default();
    table.command(FlowCommand::Open { flow: FLOW, pairs: PAIRS });
    let party = Party { ip: CLIENT, ports: Ports::Learned { keepalive, key: None } };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::A, party });
    let ports = Ports::Signalled { rtp: Some(5000), rtcp: Some(5001) };
    let party = Party { ip: PLAIN, ports };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::B, party });
    table
}

fn counts(mut table: Table) -> [crate::face::FlowCounts; 2] {
    table.command(FlowCommand::Close { flow: FLOW });
    let facts = table.take_facts();
    let Some((_, FlowFact::Ended { counts })) = facts.last() else { panic!("no end: {facts:?}") };
    assert!(table.is_empty());
    *counts
}

#[test]
fn a_keepalive_opens_the_way_back_and_is_not_relayed() {
    let mut table = table(Some(127));
    let from_b = |t: &mut Table| t.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA);
    assert_eq!(from_b(&mut table), None, "A's port is not known yet");
    assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &KEEPALIVE), None);
    let fact = FlowFact::Learned { side: Side::A, rtcp: false, from: at(CLIENT, 40000) };
    assert_eq!(table.take_facts(), [(FLOW, fact)]);
    let egress = egress(PAIRS[0], at(CLIENT, 40000));
    assert_eq!(from_b(&mut table), Some(egress));
    let [a, b] = counts(table);
    assert_eq!((a.keepalives, b.homeless, b.relayed), (1, 1, 1));
}

#[test]
fn media_of_the_client_is_learned_from_too() {
    let mut table = table(None);
    let mut media = MEDIA;
    for sequence in 1..=2 {
        media[3] = sequence;
        let early = table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &media);
        assert_eq!(early, None, "not proven yet");
        assert_eq!(table.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA), None);
    }
    media[3] = 3;
    let out = table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &media);
    let to = at(PLAIN, 5000);
    assert_eq!(out, Some(egress(PAIRS[1], to)));
    let back = table.forward(now(), PAIRS[1], Channel::Rtp, to, &MEDIA).map(|e| e.to);
    assert_eq!(back, Some(at(CLIENT, 40000)));
    assert_eq!(counts(table)[0].unproven, 2);
}

#[test]
fn strangers_move_nothing_before_and_after_learning() {
    let mut table = table(None);
    let stranger = at(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66)), 40000);
    assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtp, stranger, &KEEPALIVE), None);
    let fact = FlowFact::Stranger { side: Side::A, rtcp: false, from: stranger };
    assert_eq!(table.take_facts(), [(FLOW, fact)]);
    table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &KEEPALIVE);
    table.take_facts();
    // Neither another host nor another port behind the same NAT moves what is locked.
    for thief in [stranger, at(CLIENT, 40001)] {
        assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtp, thief, &MEDIA), None);
    }
    assert!(!table.has_facts(), "told once");
    let back = table.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA).map(|e| e.to);
    assert_eq!(back, Some(at(CLIENT, 40000)));
    assert_eq!(counts(table)[0].strangers, 3);
}

#[test]
fn rtp_and_rtcp_are_learned_apart() {
    let mut table = table(None);
    table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &KEEPALIVE);
    let mut report = [0u8; 28];
    report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
    assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtcp, at(CLIENT, 51234), &report), None);
    report[7] = 9;
    let back =
        table.forward(now(), PAIRS[1], Channel::Rtcp, at(PLAIN, 5001), &report).map(|e| e.to);
    assert_eq!(back, Some(at(CLIENT, 51234)));
}

#[test]
fn the_keepalive_payload_type_of_the_acknowledgement_forgets_nothing() {
    let mut table = table(None);
    table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &KEEPALIVE);
    let party = Party { ip: CLIENT, ports: Ports::Learned { keepalive: Some(96), key: None } };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::A, party });
    let back = |t: &mut Table| t.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA);
    assert_eq!(back(&mut table).map(|e| e.to), Some(at(CLIENT, 40000)));
    assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &KEEPALIVE), None);
    assert_eq!(counts(table)[0].malformed, 1, "payload type 127 is not 96");
}

#[test]
fn a_new_address_from_signalling_is_learned_anew() {
    let mut table = table(None);
    table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &KEEPALIVE);
    let party = Party { ip: PLAIN, ports: Ports::Learned { keepalive: None, key: None } };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::A, party });
    assert_eq!(table.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA), None);
}

#[test]
fn what_is_no_rtp_is_counted_and_dropped() {
    let mut table = table(None);
    for junk in [&[][..], &[0x80], &[0x00; 40], &MEDIA[..11]] {
        assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), junk), None);
        assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtcp, at(CLIENT, 40001), junk), None);
    }
    assert_eq!(counts(table)[0].malformed, 8);
}

#[test]
fn a_pair_without_a_flow_drops() {
    let mut table = table(None);
    assert_eq!(table.forward(now(), PairId(99), Channel::Rtp, at(CLIENT, 1), &MEDIA), None);
    table.command(FlowCommand::Close { flow: FlowId(77) });
    assert!(!table.has_facts());
}

/// The pair that many flows share.
const SHARED: PairId = PairId(3000);
const OURS: u32 = 0x0102_0304;
const THEIRS: u32 = 0x000e_250f;

/// A multiplexes both ways through the shared pair, B is plain.
fn multiplexed() -> Table {
    let mut table = Table::default();
    table.command(FlowCommand::Share { pair: SHARED });
    table.command(FlowCommand::Open { flow: FLOW, pairs: [SHARED, PAIRS[1]] });
    let (receive, send) = (Some(OURS), Some(THEIRS));
    table.command(FlowCommand::Multiplex { flow: FLOW, side: Side::A, receive, send });
    let party = Party { ip: CLIENT, ports: Ports::Learned { keepalive: Some(127), key: None } };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::A, party });
    let ports = Ports::Signalled { rtp: Some(5000), rtcp: Some(5001) };
    let party = Party { ip: PLAIN, ports };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::B, party });
    table
}

fn tagged(id: u32, packet: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes(), packet].concat()
}

#[test]
fn a_shared_pair_is_told_apart_by_its_identifiers() {
    let mut table = multiplexed();
    let from = at(CLIENT, 2776);
    assert_eq!(table.forward(now(), SHARED, Channel::Rtp, from, &tagged(OURS, &KEEPALIVE)), None);
    let out = table.forward(now(), SHARED, Channel::Rtp, from, &tagged(OURS, &MEDIA));
    assert_eq!(out, Some(egress(PAIRS[1], at(PLAIN, 5000))));
    let back = table.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA);
    assert_eq!(back, Some(Egress { prefix: Some(THEIRS), ..egress(SHARED, from) }));
}

#[test]
fn a_guessed_identifier_gets_nobody_anything() {
    let mut table = multiplexed();
    let thief = at("203.0.113.66".parse().unwrap(), 2776);
    assert_eq!(table.forward(now(), SHARED, Channel::Rtp, thief, &tagged(OURS ^ 1, &MEDIA)), None);
    assert_eq!(table.strays(), 1);
    // Even the right one, from another address, moves nothing.
    assert_eq!(table.forward(now(), SHARED, Channel::Rtp, thief, &tagged(OURS, &KEEPALIVE)), None);
    assert_eq!(table.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA), None);
    for short in [&[][..], &[1, 2, 3], &OURS.to_be_bytes()] {
        assert_eq!(table.forward(now(), SHARED, Channel::Rtp, thief, short), None);
    }
    table.command(FlowCommand::Close { flow: FLOW });
    assert_eq!(table.forward(now(), SHARED, Channel::Rtp, thief, &tagged(OURS, &MEDIA)), None);
    assert_eq!(table.strays(), 4, "one guess, two too short, one after the end");
}

#[test]
fn a_keepalive_with_its_identifier_in_the_wrong_byte_order_is_known() {
    let mut table = multiplexed();
    let wrong = |packet: &[u8]| tagged(OURS.swap_bytes(), packet);
    table.forward(now(), SHARED, Channel::Rtp, at(CLIENT, 2776), &wrong(&KEEPALIVE));
    assert!(table.has_facts());
    let long = [&MEDIA[..], &[0; 160]].concat();
    assert_eq!(table.forward(now(), SHARED, Channel::Rtp, at(CLIENT, 2776), &wrong(&long)), None);
    assert_eq!(table.strays(), 1, "but not media");
}

#[test]
fn what_is_no_rtp_passes_where_it_is_told_to() {
    // UDPTL of T.38: the sequence number, then an indication of V.21.
    let fax = |sequence: u8| [0, sequence, 1, 6, 0, 0];
    for told in [false, true] {
        let mut table = table(None);
        if told {
            table.command(FlowCommand::Datagrams { flow: FLOW });
        }
        let to = at(PLAIN, 5000);
        table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &KEEPALIVE);
        let there = table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &fax(1));
        assert_eq!(there, told.then(|| egress(PAIRS[1], to)));
        let back = table.forward(now(), PAIRS[1], Channel::Rtp, to, &fax(1));
        assert_eq!(back.map(|e| e.to), told.then(|| at(CLIENT, 40000)));
        // The rule of the right source holds for it, too; and RTCP stays RTCP.
        let thief = at(CLIENT, 40001);
        assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtp, thief, &fax(2)), None);
        assert_eq!(table.forward(now(), PAIRS[1], Channel::Rtcp, at(PLAIN, 5001), &fax(1)), None);
    }
}

/// A cipher's payload type may be that of keepalives: the length tells them apart (H.460.19 §7).
#[test]
fn keepalives_and_ciphers_may_share_a_payload_type() {
    use crate::security::MediaKey;
    use pinhole_crypto::cbc::Fill;
    use pinhole_crypto::roll::Sealing;
    use pinhole_crypto::session::SessionKey;
    use pinhole_crypto::{Algorithm, Packet, Transform as _};
    let session = SessionKey::from_octets(Algorithm::Aes128, &[7; 16]).unwrap();
    let key = MediaKey { payload_type: 127, key: session.clone() };
    let mut table = table(Some(127));
    let (flow, side, clear, most) = (FLOW, Side::A, Some(8), u64::MAX);
    table.command(FlowCommand::Decrypt { flow, side, channel: 1, key, clear, most });
    let from = at(CLIENT, 40_000);
    assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtp, from, &KEEPALIVE), None);
    let mut relayed = 0;
    for n in 0..5 {
        let mut buffer = [&[0x80, 8, 0, n, 0, 0, 0, 160, 1, 2, 3, 4][..], &[0xd5; 32]].concat();
        let length = buffer.len();
        buffer.resize(length + Packet::TAILROOM, 0);
        let mut packet = Packet::new(&mut buffer, length).unwrap();
        Sealing::new(127, &session, Fill::Count).apply(&mut packet).unwrap();
        let mut batch = Batch::default();
        batch.room().unwrap()[..packet.length()].copy_from_slice(packet.octets());
        let (at, length) = ((PAIRS[0], Channel::Rtp), packet.length());
        if let Some(leaving) = table.relay(now(), at, from, &mut batch, length) {
            relayed += 1;
            assert_eq!((leaving.octets()[1], &leaving.octets()[12..]), (8, &[0xd5; 32][..]));
        }
    }
    assert_eq!(relayed, 5);
    table.command(FlowCommand::Close { flow: FLOW });
    let ended = table.take_facts().into_iter().find_map(|(_, fact)| match fact {
        FlowFact::Ended { counts } => Some(counts[0]),
        _ => None,
    });
    let counts = ended.unwrap();
    assert_eq!((counts.keepalives, counts.relayed, counts.insecure), (1, 5, 0));
}

#[test]
fn the_room_of_many_flows_is_given_back() {
    let mut table = Table::default();
    for n in 0..1000 {
        let pairs = [PairId(n * 2), PairId(n * 2 + 1)];
        table.command(FlowCommand::Open { flow: FlowId(n), pairs });
    }
    let full = table.flows.capacity();
    for n in 0..990 {
        table.command(FlowCommand::Close { flow: FlowId(n) });
    }
    assert_eq!(table.len(), 10);
    let left = (table.flows.capacity(), table.pairs.capacity());
    assert!(full >= 1000 && left.0 < 100 && left.1 < 200, "{full}, {left:?}");
    // A few that come and go move nothing.
    for n in 2000..2010 {
        table.command(FlowCommand::Open { flow: FlowId(n), pairs: PAIRS });
        table.command(FlowCommand::Close { flow: FlowId(n) });
    }
    assert_eq!((table.flows.capacity(), table.pairs.capacity()), left);
}
