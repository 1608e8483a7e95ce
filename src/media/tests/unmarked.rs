//! Reports that come to a shared pair without their multiplexID (some Polycom).

use super::*;

/// A receiver report of nothing, by whom `MEDIA` is from, and by somebody else.
const REPORT: [u8; 8] = [0x80, 0xc9, 0, 1, 1, 2, 3, 4];
const OTHER: [u8; 8] = [0x80, 0xc9, 0, 1, 9, 9, 9, 9];

/// A second flow of the same party, and its multiplexID.
const SECOND: FlowId = FlowId(2);
const MARK: u32 = 0x0506_0708;

fn rtcp(table: &mut Table, from: SocketAddr, packet: &[u8]) -> Option<SocketAddr> {
    table.forward(now(), SHARED, Channel::Rtcp, from, packet).map(|egress| egress.to)
}

/// Where reports of the plain party of a flow go.
fn goes_to(table: &mut Table, port: u16) -> Option<SocketAddr> {
    let (pair, from) = if port == 5001 { (PAIRS[1], 5001) } else { (PairId(12), port) };
    table.forward(now(), pair, Channel::Rtcp, at(PLAIN, from), &OTHER).map(|egress| egress.to)
}

/// The party's media has come, so that its SSRC is known.
fn heard(table: &mut Table, (mark, ssrc): (u32, u8)) {
    let mut media = MEDIA;
    media[11] = ssrc;
    let from = at(CLIENT, 2776);
    table.relay_tagged(mark, from, &media);
}

impl Table {
    fn relay_tagged(&mut self, mark: u32, from: SocketAddr, packet: &[u8]) {
        let packet = tagged(mark, packet);
        let mut batch = Batch::default();
        batch.room().unwrap()[..packet.len()].copy_from_slice(&packet);
        self.relay(now(), (SHARED, Channel::Rtp), from, &mut batch, packet.len());
    }
}

/// The same party has another session through the pair.
fn with_second(table: &mut Table) {
    table.command(FlowCommand::Open { flow: SECOND, pairs: [SHARED, PairId(12)] });
    let (receive, send) = (Some(MARK), Some(7));
    table.command(FlowCommand::Multiplex { flow: SECOND, side: Side::A, receive, send });
    let party = Party { ip: CLIENT, ports: Ports::Learned { keepalive: Some(127), key: None } };
    table.command(FlowCommand::Party { flow: SECOND, side: Side::A, party });
    let ports = Ports::Signalled { rtp: Some(6000), rtcp: Some(6001) };
    let party = Party { ip: PLAIN, ports };
    table.command(FlowCommand::Party { flow: SECOND, side: Side::B, party });
}

#[test]
fn they_are_known_by_where_the_partys_reports_come_from() {
    let mut table = multiplexed();
    let from = at(CLIENT, 2777);
    assert_eq!(rtcp(&mut table, from, &OTHER), Some(at(PLAIN, 5001)), "it can be nobody else's");
    assert_eq!(goes_to(&mut table, 5001), None, "but it teaches nothing");
    rtcp(&mut table, from, &tagged(OURS, &REPORT));
    assert_eq!(goes_to(&mut table, 5001), Some(from));
    with_second(&mut table);
    assert_eq!(rtcp(&mut table, from, &OTHER), Some(at(PLAIN, 5001)));
    assert_eq!(table.strays(), 0);
    // From another port of the address it may be the other session's alone.
    assert_eq!(rtcp(&mut table, at(CLIENT, 4001), &OTHER), Some(at(PLAIN, 6001)));
    assert_eq!(goes_to(&mut table, 5001), Some(from));
    assert_eq!(goes_to(&mut table, 6001), None);
}

#[test]
fn of_two_sessions_the_one_that_they_report_of_gets_them() {
    let mut table = multiplexed();
    with_second(&mut table);
    let from = at(CLIENT, 2777);
    assert_eq!(rtcp(&mut table, from, &REPORT), None, "it may be of either");
    assert_eq!(table.strays(), 1);
    heard(&mut table, (OURS, 4));
    heard(&mut table, (MARK, 9));
    assert_eq!(rtcp(&mut table, from, &REPORT), Some(at(PLAIN, 5001)));
    let second = [0x80, 0xc9, 0, 1, 1, 2, 3, 9];
    assert_eq!(rtcp(&mut table, from, &second), Some(at(PLAIN, 6001)));
    assert_eq!(rtcp(&mut table, from, &OTHER), None, "nobody's");
    assert_eq!(table.strays(), 2);
    table.command(FlowCommand::Close { flow: SECOND });
    assert_eq!(rtcp(&mut table, from, &second), None);
    assert_eq!(rtcp(&mut table, from, &REPORT), Some(at(PLAIN, 5001)));
    table.command(FlowCommand::Close { flow: FLOW });
    assert_eq!(rtcp(&mut table, from, &REPORT), None);
}

/// The empty report that holds a pinhole open; and what it may not look like.
#[test]
fn a_strangers_moves_nothing_and_nothing_else_is_taken() {
    let mut table = multiplexed();
    let (party, stranger) = (at(CLIENT, 2777), at("203.0.113.66".parse().unwrap(), 2777));
    rtcp(&mut table, party, &tagged(OURS, &REPORT));
    heard(&mut table, (OURS, 4));
    let keepalive = [&[0x80, 0xc8, 0, 6][..], &[0; 24]].concat();
    table.take_facts();
    for packet in [&REPORT[..], &OTHER, &keepalive] {
        assert_eq!(rtcp(&mut table, stranger, packet), None);
        // Nor one behind the same NAT, once it is known where the party is.
        assert_eq!(rtcp(&mut table, at(CLIENT, 2779), packet), None);
        assert_eq!(goes_to(&mut table, 5001), Some(party));
    }
    assert_eq!(table.strays(), 6);
    assert!(table.take_facts().iter().all(|(_, fact)| matches!(fact, FlowFact::Strays { .. })));
    assert_eq!(rtcp(&mut table, party, &keepalive), None);
    for packet in [&[0x80, 0xc9, 0][..], &MEDIA, &[0; 16]] {
        assert_eq!(rtcp(&mut table, party, packet), None, "no report");
    }
    assert_eq!(table.forward(now(), SHARED, Channel::Rtp, party, &REPORT), None, "no media");
    assert_eq!(table.strays(), 10);
    assert_eq!(counts(table)[0].keepalives, 1);
}
