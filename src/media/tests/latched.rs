//! Parties whose ports are told, and count until packets come from others.

use super::*;

const TOLD: u16 = 6000;
const REAL: u16 = 40_000;

/// A told its ports, but where its packets come from counts more; B told its ports.
fn latched() -> Table {
    let mut table = table(None);
    let ports = Ports::Latched { rtp: Some(TOLD), rtcp: Some(TOLD + 1) };
    let party = Party { ip: CLIENT, ports };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::A, party });
    table
}

fn says(table: &mut Table, from: SocketAddr, sequence: u8) -> bool {
    let mut media = MEDIA;
    media[3] = sequence;
    table.forward(now(), PAIRS[0], Channel::Rtp, from, &media).is_some()
}

/// Where B's media goes.
fn goes(table: &mut Table, channel: Channel) -> Option<SocketAddr> {
    let mut report = [0; 28];
    report[..8].copy_from_slice(&[0x80, 200, 0, 6, 0, 0, 0, 9]);
    let (packet, port): (&[u8], u16) = match channel {
        Channel::Rtp => (&MEDIA, 5000),
        Channel::Rtcp => (&report, 5001),
    };
    table.forward(now(), PAIRS[1], channel, at(PLAIN, port), packet).map(|egress| egress.to)
}

#[test]
fn it_is_sent_where_it_is_told_at_first_and_then_where_it_comes_from() {
    let mut table = latched();
    assert_eq!(goes(&mut table, Channel::Rtp), Some(at(CLIENT, TOLD)), "even if A sends nothing");
    assert_eq!(goes(&mut table, Channel::Rtcp), Some(at(CLIENT, TOLD + 1)));
    assert!(!says(&mut table, at(CLIENT, REAL), 1));
    assert_eq!(goes(&mut table, Channel::Rtp), Some(at(CLIENT, TOLD)), "one packet is no proof");
    assert!(!says(&mut table, at(CLIENT, REAL), 2));
    assert!(says(&mut table, at(CLIENT, REAL), 3));
    assert_eq!(goes(&mut table, Channel::Rtp), Some(at(CLIENT, REAL)));
    assert_eq!(goes(&mut table, Channel::Rtcp), Some(at(CLIENT, TOLD + 1)));
}

#[test]
fn who_sends_from_the_told_port_is_believed_at_once() {
    let mut table = latched();
    assert!(says(&mut table, at(CLIENT, TOLD), 1));
    for sequence in 2..9 {
        assert!(says(&mut table, at(CLIENT, TOLD), sequence));
        assert!(!says(&mut table, at(CLIENT, REAL), sequence), "a neighbour behind the same NAT");
    }
    assert_eq!(goes(&mut table, Channel::Rtp), Some(at(CLIENT, TOLD)));
}

#[test]
fn another_address_moves_nothing() {
    let mut table = latched();
    let stranger: IpAddr = "192.0.2.66".parse().unwrap();
    for sequence in 0..50 {
        assert!(!says(&mut table, at(stranger, TOLD), sequence));
    }
    assert_eq!(goes(&mut table, Channel::Rtp), Some(at(CLIENT, TOLD)));
    assert_eq!(counts(table)[0].strangers, 50);
}

#[test]
fn it_is_told_from_where_something_came_since_it_was_asked() {
    let mut table = table(None);
    let ask = |table: &mut Table| {
        table.command(FlowCommand::Listen { flow: FLOW });
        match table.take_facts()[..] {
            [.., (FLOW, FlowFact::Heard { from })] => from,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut table), [true; 2], "it has just been opened");
    assert_eq!(ask(&mut table), [false; 2]);
    table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, REAL), &KEEPALIVE);
    assert_eq!(ask(&mut table), [true, false], "a keepalive");
    goes(&mut table, Channel::Rtcp);
    assert_eq!(ask(&mut table), [false, true], "a report");
    let stranger = "192.0.2.66".parse().unwrap();
    table.forward(now(), PAIRS[0], Channel::Rtp, at(stranger, REAL), &MEDIA);
    assert_eq!(ask(&mut table), [false; 2], "strangers do not count");
    table.command(FlowCommand::Rearm { flow: FLOW });
    assert_eq!(ask(&mut table), [true; 2], "a channel is opened");
}
