//! Packets of many flows in one batch: each leaves as it would alone, and each flow's in their order.

use super::*;
use pinhole_crypto::Algorithm;
use pinhole_crypto::session::SessionKey;

use crate::security::MediaKey;

/// A flow between two parties with ports told, on pairs of its own. B's leg is encrypted by what the flow's number says: not
/// at all, with AES-128 or with AES-256.
fn open(table: &mut Table, n: u32) {
    let flow = FlowId(n);
    table.command(FlowCommand::Open { flow, pairs: [PairId(2 * n), PairId(2 * n + 1)] });
    for (side, ip) in [(Side::A, PLAIN), (Side::B, CLIENT)] {
        let ports = Ports::Signalled { rtp: Some(5000 + 2 * n as u16), rtcp: None };
        table.command(FlowCommand::Party { flow, side, party: Party { ip, ports } });
    }
    let algorithm = match n % 4 {
        0 => return,
        1 => Algorithm::Aes256,
        _ => Algorithm::Aes128,
    };
    let key = SessionKey::from_octets(algorithm, &vec![n as u8; algorithm.key_length()]).unwrap();
    let key = MediaKey { payload_type: 109, key };
    table.command(FlowCommand::Encrypt {
        flow,
        side: Side::B,
        channel: 1,
        key,
        clear: Some(8),
        most: u64::MAX,
    });
}

/// The `sequence`-th packet of A: of a length that differs from one to the next.
fn packet(n: u32, sequence: u8) -> Vec<u8> {
    let length = 20 + (n * 37 + u32::from(sequence) * 11) % 300;
    let mut packet = vec![n as u8; length as usize];
    packet[..12].copy_from_slice(&[0x80, 8, 0, sequence, 0, 0, 1, sequence, 0, 0, 0, n as u8]);
    packet
}

/// What leaves when this flow's packet arrives, and what does not at once.
fn arrive(
    table: &mut Table,
    batch: &mut Batch,
    n: u32,
    packet: &[u8],
) -> Option<(Egress, Vec<u8>)> {
    batch.room().expect("room")[..packet.len()].copy_from_slice(packet);
    let from = at(PLAIN, 5000 + 2 * n as u16);
    let leaving = table.relay(now(), (PairId(2 * n), Channel::Rtp), from, batch, packet.len())?;
    Some((leaving.egress(), leaving.octets().to_vec()))
}

fn sealed(batch: &mut Batch) -> Vec<(Egress, Vec<u8>)> {
    batch.sealed().map(|leaving| (leaving.egress(), leaving.octets().to_vec())).collect()
}

#[test]
fn together_packets_leave_as_they_would_alone_and_in_order() {
    const FLOWS: u32 = 60;
    let [mut alone, mut together] = [0; 2].map(|_| {
        let mut table = Table::default();
        (0..FLOWS).for_each(|n| open(&mut table, n));
        table
    });
    let (mut one, mut many) = (Batch::default(), Batch::default());
    let (mut expected, mut left) = (Vec::new(), Vec::new());
    let (mut waited, mut full) = (0, 0);
    for sequence in 1..=6 {
        for n in 0..FLOWS {
            let packet = packet(n, sequence);
            let at_once = arrive(&mut alone, &mut one, n, &packet);
            let then = sealed(&mut one);
            assert_eq!(at_once.is_some(), n % 4 == 0, "what is in clear does not wait");
            assert_eq!(then.len(), usize::from(n % 4 != 0), "and the other leaves encrypted");
            expected.extend(at_once.into_iter().chain(then));
            if many.room().is_none() {
                full += 1;
                left.extend(sealed(&mut many));
            }
            let at_once = arrive(&mut together, &mut many, n, &packet);
            waited += usize::from(at_once.is_none());
            left.extend(at_once);
        }
        // The end of a wake-up.
        left.extend(sealed(&mut many));
    }
    assert_eq!((waited, full), (270, 12));
    assert!(sealed(&mut many).is_empty());
    for n in 0..FLOWS {
        let of = |all: &[(Egress, Vec<u8>)]| {
            all.iter()
                .filter(|(egress, _)| egress.pair == PairId(2 * n + 1))
                .cloned()
                .collect::<Vec<_>>()
        };
        let (expected, left) = (of(&expected), of(&left));
        assert_eq!(expected.len(), 6);
        assert!(expected == left, "flow {n}");
        for (sequence, (egress, octets)) in (1..).zip(&left) {
            assert_eq!((egress.to, octets[3]), (at(CLIENT, 5000 + 2 * n as u16), sequence));
            let clear = packet(n, sequence);
            assert_eq!(octets[..] == clear[..], n % 4 == 0);
            assert!(n % 4 == 0 || (octets[1] == 109 && octets[12..20] != clear[12..20]));
        }
    }
}

#[test]
fn a_full_batch_has_no_room_and_a_sealed_one_has() {
    let mut table = Table::default();
    open(&mut table, 2);
    let mut batch = Batch::default();
    for sequence in 1..=Batch::MOST as u8 {
        assert_eq!(arrive(&mut table, &mut batch, 2, &packet(2, sequence)), None);
    }
    assert!(batch.room().is_none());
    let from = at(PLAIN, 5004);
    let relayed = table.relay(now(), (PairId(4), Channel::Rtp), from, &mut batch, 12);
    assert_eq!(relayed, None, "there is no packet");
    assert_eq!(sealed(&mut batch).len(), Batch::MOST);
    assert!(batch.room().is_some());
}

#[test]
fn what_is_dropped_leaves_its_room_to_the_next() {
    let mut table = Table::default();
    open(&mut table, 2);
    let mut batch = Batch::default();
    for sequence in 1..=40 {
        // Comfort noise: there is no key for it.
        let mut noise = packet(2, sequence);
        noise[1] = 13;
        assert_eq!(arrive(&mut table, &mut batch, 2, &noise), None);
    }
    assert!(sealed(&mut batch).is_empty());
    arrive(&mut table, &mut batch, 2, &packet(2, 41));
    assert_eq!(sealed(&mut batch).len(), 1);
}

#[test]
fn a_multiplex_id_goes_before_what_is_encrypted() {
    let mut table = Table::default();
    open(&mut table, 2);
    let (flow, side) = (FlowId(2), Side::B);
    table.command(FlowCommand::Multiplex { flow, side, receive: None, send: Some(0x0102_0304) });
    let mut batch = Batch::default();
    arrive(&mut table, &mut batch, 2, &packet(2, 1));
    let [(_, octets)] = &sealed(&mut batch)[..] else { panic!("one packet") };
    assert_eq!(octets[..6], [1, 2, 3, 4, octets[4], 109]);
    assert_eq!((octets.len() - 4 - 12) % 16, 0);
}
