//! What equipment sends to media ports beside media, octet for octet.

use super::*;

/// h323plus in fast start: it has told no payload type, and sends 0 once and then 127, three in a row at first.
const BURST: [[u8; 12]; 3] = [
    [0x80, 0x80, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x80, 0xff, 0, 101, 0, 0, 3, 0x20, 0, 0, 0, 0],
    [0x80, 0xff, 0, 102, 0, 0, 6, 0x40, 0, 0, 0, 0],
];
/// GnuGk as a client: payload type 116, no marker, counted from 1.
const GNUGK: [u8; 12] = [0x80, 0x74, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
/// The RTCP keepalive of both: a sender report of nothing.
const REPORT: [u8; 28] =
    [0x80, 0xc8, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn keepalives_of_every_maker_are_learned_from_and_taken() {
    for (told, packets) in
        [(None, &BURST[..]), (Some(116), &[GNUGK]), (None, &[GNUGK]), (Some(127), &BURST[1..])]
    {
        let mut table = table(told);
        for packet in packets {
            let there = table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), packet);
            assert_eq!(there, None, "{packet:02x?}");
        }
        assert_eq!(table.take_facts().len(), 1);
        let to = at(PLAIN, 5001);
        table.forward(now(), PAIRS[0], Channel::Rtcp, at(CLIENT, 40001), &REPORT);
        let back = table.forward(now(), PAIRS[1], Channel::Rtcp, to, &REPORT);
        assert_eq!(back.map(|egress| egress.to), Some(at(CLIENT, 40001)));
        assert_eq!(counts(table)[0].keepalives, packets.len() as u64 + 1);
    }
}

/// A VCS lets keepalives have the payload type of its encrypted media.
#[test]
fn a_keepalive_with_the_payload_type_of_media_is_none_of_it() {
    let mut table = table(Some(8));
    let from = at(CLIENT, 40000);
    let keepalive = &MEDIA[..12];
    assert_eq!(table.forward(now(), PAIRS[0], Channel::Rtp, from, keepalive), None);
    let media = table.forward(now(), PAIRS[0], Channel::Rtp, from, &MEDIA);
    assert_eq!(media, Some(egress(PAIRS[1], at(PLAIN, 5000))));
    let [a, _] = counts(table);
    assert_eq!((a.keepalives, a.relayed), (1, 1));
}

/// Polycom RealPresence Group sends datagrams without content; others up to fifteen octets.
#[test]
fn datagrams_of_nothing_hold_pinholes_open_and_do_nothing_else() {
    let mut plain = table(None);
    let mut shared = multiplexed();
    for length in 0..12 {
        let packet = &[0; 16][..length];
        for (table, pair) in [(&mut plain, PAIRS[0]), (&mut shared, SHARED)] {
            for channel in [Channel::Rtp, Channel::Rtcp] {
                assert_eq!(table.forward(now(), pair, channel, at(CLIENT, 40000), packet), None);
            }
            let nobodys = |(_, fact): &(FlowId, FlowFact)| matches!(fact, FlowFact::Strays { .. });
            assert!(table.take_facts().iter().all(nobodys), "{length}");
        }
    }
    plain.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40000), &BURST[1]);
    let back = plain.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, 5000), &MEDIA);
    assert_eq!(back.map(|egress| egress.to), Some(at(CLIENT, 40000)));
    assert_eq!(counts(plain)[0].strangers, 0);
}

/// Yealink Mobile sends no keepalives for audio, Polycom m100 none for its camera: media itself is learned from, at either
/// end, whatever its payload type.
#[test]
fn two_clients_without_keepalives_hear_each_other() {
    let mut table = table(None);
    let party = Party { ip: PLAIN, ports: Ports::Learned { keepalive: None, key: None } };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::B, party });
    let mut relayed = [0, 0];
    for sequence in 1..=10 {
        for (side, ip) in [CLIENT, PLAIN].into_iter().enumerate() {
            let mut media = MEDIA;
            (media[1], media[3]) = (96 + side as u8, sequence);
            let there = table.forward(now(), PAIRS[side], Channel::Rtp, at(ip, 40000), &media);
            relayed[side] += usize::from(there.is_some());
        }
    }
    assert!(relayed.iter().all(|relayed| *relayed >= 7), "{relayed:?}");
}
