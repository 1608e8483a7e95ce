//! Addresses from which nothing comes.

use std::time::Duration;

use super::*;
use crate::face::Patience;

const FIRST: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(300);
/// Where B's signalling comes from, while it wants its media at `PLAIN`.
const BOARD: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 4));

/// A talks all the time; B has told an address that is not its own.
struct Talk {
    table: Table,
    now: Instant,
    sequence: u16,
}

impl Talk {
    fn new(first: Duration) -> Self {
        let mut table = table(None);
        let patience = Some(Patience { first, later: LATER });
        table.command(FlowCommand::Patience { flow: FLOW, side: Side::B, patience });
        table.command(FlowCommand::Beside { flow: FLOW, side: Side::B, ip: BOARD });
        table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, 40_000), &KEEPALIVE);
        table.take_facts();
        Self { table, now: now(), sequence: 0 }
    }

    /// Where the packets of so long go, one in 100 ms, and how many go anywhere.
    fn talks(&mut self, time: Duration) -> (Option<SocketAddr>, u128) {
        let (end, mut to, mut sent) = (self.now + time, None, 0);
        while self.now < end {
            let packet = self.packet();
            let egress =
                self.table.forward(self.now, PAIRS[0], Channel::Rtp, at(CLIENT, 40_000), &packet);
            to = egress.map(|egress| egress.to);
            sent += u128::from(to.is_some());
            self.now += Duration::from_millis(100);
        }
        (to, sent)
    }

    fn packet(&mut self) -> [u8; 16] {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = MEDIA;
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet
    }

    /// B's side sends so many packets.
    fn answers(&mut self, from: SocketAddr, packets: usize) {
        for _ in 0..packets {
            let packet = self.packet();
            self.table.forward(self.now, PAIRS[1], Channel::Rtp, from, &packet);
        }
    }

    fn told(&mut self) -> Vec<FlowFact> {
        self.table.take_facts().into_iter().map(|(_, fact)| fact).collect()
    }
}

const UNANSWERED: FlowFact = FlowFact::Unanswered { side: Side::B, instead: None };
const ANSWERED: FlowFact = FlowFact::Answered { side: Side::B };
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn an_address_from_which_nothing_comes_gets_media_for_a_while_only() {
    let mut talk = Talk::new(FIRST);
    assert_eq!(talk.talks(HOUR), (None, FIRST.as_millis() / 100));
    assert_eq!(talk.told(), [UNANSWERED], "once");
    // Packets of others open nothing, nor do those of the party's other address.
    talk.answers(at(CLIENT, 5000), 9);
    talk.answers(at(PLAIN, 5002), 2);
    assert_eq!(talk.talks(FIRST).1, 0);
    let dropped = (HOUR + FIRST - FIRST).as_millis() / 100;
    talk.answers(at(PLAIN, 5000), 1);
    assert!(talk.told().contains(&ANSWERED));
    assert_eq!(talk.talks(FIRST), (Some(at(PLAIN, 5000)), 150), "it goes on at once");
    let counts = counts(talk.table);
    assert_eq!(u128::from(counts[0].unanswered), dropped);
}

#[test]
fn who_answers_may_be_silent_for_longer() {
    let mut talk = Talk::new(FIRST);
    talk.talks(FIRST / 2);
    talk.answers(at(PLAIN, 5000), 1);
    assert_eq!(talk.told(), [ANSWERED]);
    for _ in 0..3 {
        assert_eq!(talk.talks(LATER).1, LATER.as_millis() / 100);
        talk.answers(at(PLAIN, 5000), 1);
    }
    assert_eq!(talk.told(), [], "that is not news");
    assert_eq!(talk.talks(HOUR).1, LATER.as_millis() / 100);
    assert_eq!(talk.told(), [UNANSWERED]);
    // As long as nothing is sent, nothing has to come.
    talk.answers(at(PLAIN, 5000), 1);
    talk.now += HOUR;
    assert_eq!(talk.talks(FIRST).1, 150);
}

#[test]
fn reports_are_answers_and_go_nowhere_without() {
    let report = [&[0x80, 201, 0, 7, 0, 0, 0, 9][..], &[7; 24]].concat();
    let mut talk = Talk::new(FIRST);
    talk.talks(HOUR);
    let (a, b) = (at(CLIENT, 40_001), at(PLAIN, 5001));
    for _ in 0..3 {
        let out = talk.table.forward(talk.now, PAIRS[0], Channel::Rtcp, a, &report);
        assert_eq!(out, None);
    }
    talk.told();
    talk.table.forward(talk.now, PAIRS[1], Channel::Rtcp, b, &report);
    assert_eq!(talk.told(), [ANSWERED]);
    assert_eq!(talk.talks(FIRST).1, 150);
    let out = talk.table.forward(talk.now, PAIRS[0], Channel::Rtcp, a, &report);
    assert_eq!(out.map(|egress| egress.to), Some(b));
}

#[test]
fn who_has_been_named_too_often_has_to_send_first() {
    let mut talk = Talk::new(Duration::ZERO);
    assert_eq!(talk.talks(HOUR).1, 0);
    talk.answers(at(PLAIN, 5000), 1);
    assert_eq!(talk.talks(FIRST).1, 150);
}

/// A host of two addresses that tells one and sends from the other.
#[test]
fn where_its_media_comes_from_its_other_address_it_goes_there() {
    let mut talk = Talk::new(FIRST);
    talk.answers(at(BOARD, 6000), 5);
    assert_eq!(talk.talks(FIRST), (Some(at(PLAIN, 5000)), 150), "at first where it is told");
    assert_eq!(talk.talks(HOUR), (Some(at(BOARD, 6000)), 36_000));
    let instead = Some(at(BOARD, 6000));
    assert_eq!(talk.told(), [FlowFact::Unanswered { side: Side::B, instead }]);
}

#[test]
fn the_network_can_say_sooner_that_nobody_is_there() {
    let unreachable = |talk: &mut Talk, to| talk.table.unreachable(talk.now, PAIRS[1], to);
    let mut talk = Talk::new(FIRST);
    unreachable(&mut talk, at(PLAIN, 5000));
    let second = Duration::from_secs(1);
    assert_eq!(talk.talks(second).1, 10);
    unreachable(&mut talk, at(CLIENT, 5000));
    assert_eq!(talk.talks(second).1, 10, "that was another");
    unreachable(&mut talk, at(PLAIN, 5000));
    assert_eq!(talk.talks(second).1, 0);
    assert_eq!(talk.told(), [UNANSWERED]);
    talk.answers(at(PLAIN, 5000), 1);
    unreachable(&mut talk, at(PLAIN, 5000));
    assert_eq!(talk.talks(FIRST).1, 150, "whoever answers is there");
}

#[test]
fn another_address_is_looked_at_anew() {
    let mut talk = Talk::new(FIRST);
    talk.talks(HOUR);
    let ports = Ports::Signalled { rtp: Some(7000), rtcp: Some(7001) };
    let tell = |ip| FlowCommand::Party { flow: FLOW, side: Side::B, party: Party { ip, ports } };
    talk.table.command(tell(PLAIN));
    assert_eq!(talk.talks(FIRST).1, 0, "another port of it");
    talk.table.command(tell(BOARD));
    assert_eq!(talk.talks(HOUR), (Some(at(BOARD, 7000)), 36_000), "no bound was told for it");
}
