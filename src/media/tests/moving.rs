//! Sources that move, and those that would like to.

use std::time::Duration;

use super::*;

const OLD: u16 = 40_000;
const NEW: u16 = 41_000;
const SSRC: u8 = 0x77;

/// A session that has been talking, at some time, in which A is behind a NAT.
struct Talk {
    table: Table,
    now: Instant,
    sequence: u16,
}

fn rtp(sequence: u16, ssrc: u8) -> [u8; 16] {
    let mut packet = MEDIA;
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[8..12].copy_from_slice(&[0, 0, 0, ssrc]);
    packet
}

fn report(ssrc: u8) -> [u8; 28] {
    let mut packet = [0; 28];
    packet[..8].copy_from_slice(&[0x80, 200, 0, 6, 0, 0, 0, ssrc]);
    packet
}

fn keepalive(sequence: u16) -> [u8; 12] {
    let mut packet = KEEPALIVE;
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet
}

impl Talk {
    fn begin() -> Self {
        let mut talk = Self { table: table(Some(127)), now: now(), sequence: 65_530 };
        talk.media(OLD, 10, true);
        talk
    }

    fn pass(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }

    fn a_says(&mut self, channel: Channel, port: u16, packet: &[u8]) -> bool {
        self.table.forward(self.now, PAIRS[0], channel, at(CLIENT, port), packet).is_some()
    }

    /// So much of A's media comes from this port, 20 ms apart; how much of it passes.
    fn media(&mut self, port: u16, packets: u16, own: bool) -> usize {
        let mut passed = 0;
        for _ in 0..packets {
            self.sequence = self.sequence.wrapping_add(1);
            let packet = rtp(self.sequence, if own { SSRC } else { 0x66 });
            passed += usize::from(self.a_says(Channel::Rtp, port, &packet));
            self.pass(0.02);
        }
        passed
    }

    /// The port to which media of B goes.
    fn goes_to(&mut self, channel: Channel) -> Option<u16> {
        let from = at(PLAIN, if channel == Channel::Rtp { 5000 } else { 5001 });
        let report = report(9);
        let packet = if channel == Channel::Rtp { &MEDIA[..] } else { &report };
        self.table.forward(self.now, PAIRS[1], channel, from, packet).map(|to| to.to.port())
    }
}

#[test]
fn a_stream_that_goes_on_from_another_port_after_a_silence_is_followed() {
    let mut talk = Talk::begin();
    // The first packets come too soon to be sure that the old port is silent.
    let lost = 60 - talk.media(NEW, 60, true);
    assert!((45..=53).contains(&lost), "{lost}");
    assert_eq!(talk.goes_to(Channel::Rtp), Some(NEW));
    assert_eq!(talk.media(OLD, 3, true), 0, "the old port is a stranger now");
}

#[test]
fn nobody_takes_over_while_the_old_port_speaks() {
    let mut talk = Talk::begin();
    for _ in 0..100 {
        talk.media(OLD, 5, true);
        let before = talk.sequence;
        assert_eq!(talk.media(NEW, 10, true), 0);
        talk.sequence = before;
    }
    assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD));
}

#[test]
fn another_stream_does_not_take_the_place_of_a_silent_one() {
    let mut talk = Talk::begin();
    talk.pass(600.0);
    assert_eq!(talk.media(NEW, 100, false), 0, "the SSRC is another's");
    talk.sequence = talk.sequence.wrapping_add(30_000);
    assert_eq!(talk.media(NEW, 100, true), 0, "the numbers are far off");
    assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD));
    assert_eq!(counts(talk.table)[0].strangers, 200);
}

/// A keeps its pinhole open and says nothing, every so many seconds.
fn listening(every: f64) -> Talk {
    let mut talk = Talk { table: table(Some(127)), now: now(), sequence: 100 };
    for _ in 0..4 {
        talk.a_says(Channel::Rtp, OLD, &keepalive(talk.sequence));
        talk.sequence += 1;
        talk.pass(every);
    }
    talk
}

#[test]
fn keepalives_are_followed_when_the_old_port_has_missed_its_own() {
    for (every, misses) in [(19.0, 2), (10.0, 2), (30.0, 2)] {
        let mut talk = listening(every);
        for _ in 1..misses {
            talk.a_says(Channel::Rtp, NEW, &keepalive(talk.sequence));
            assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD), "{every}");
            talk.sequence += 1;
            talk.pass(every);
        }
        talk.a_says(Channel::Rtp, NEW, &keepalive(talk.sequence));
        assert_eq!(talk.goes_to(Channel::Rtp), Some(NEW), "{every}");
    }
}

#[test]
fn keepalives_of_a_neighbour_move_nothing_while_the_old_port_lives() {
    let mut talk = listening(19.0);
    talk.a_says(Channel::Rtp, OLD, &keepalive(talk.sequence));
    talk.sequence += 1;
    for _ in 0..20 {
        for _ in 0..18 {
            talk.pass(1.0);
            for sequence in talk.sequence - 5..talk.sequence + 5 {
                talk.a_says(Channel::Rtp, NEW, &keepalive(sequence));
            }
        }
        talk.pass(1.0);
        talk.a_says(Channel::Rtp, OLD, &keepalive(talk.sequence));
        talk.sequence += 1;
        assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD));
    }
}

#[test]
fn what_was_believed_without_proof_gives_way_to_it() {
    let mut talk = Talk { table: table(Some(127)), now: now(), sequence: 0 };
    // A neighbour was faster, with one packet; then the client speaks.
    talk.a_says(Channel::Rtp, NEW, &keepalive(1));
    assert_eq!(talk.goes_to(Channel::Rtp), Some(NEW));
    assert_eq!(talk.media(OLD, 3, true), 1);
    assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD));
    assert_eq!(talk.media(NEW, 10, true), 0);
}

#[test]
fn many_rivals_do_not_keep_one_from_proving_itself() {
    let mut talk = Talk { table: table(Some(127)), now: now(), sequence: 0 };
    talk.a_says(Channel::Rtp, NEW, &keepalive(1));
    for port in 0..200 {
        talk.a_says(Channel::Rtp, 50_000 + port, &rtp(port, 0x55));
        if port % 50 == 0 {
            talk.media(OLD, 2, true);
        }
    }
    assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD));
}

#[test]
fn the_first_report_passes_when_it_names_the_media_or_comes_from_beside_it() {
    for (port, ssrc, passes) in [(OLD + 1, 0x11, true), (51_000, SSRC, true), (51_000, 0x11, false)]
    {
        let mut talk = Talk::begin();
        assert_eq!(talk.a_says(Channel::Rtcp, port, &report(ssrc)), passes, "{port} {ssrc}");
        assert_eq!(talk.goes_to(Channel::Rtcp), passes.then_some(port));
        assert!(talk.a_says(Channel::Rtcp, port, &report(ssrc)), "the second one in any case");
    }
    // Of a party that told its port, that one suffices.
    let mut table = table(None);
    table.forward(now(), PAIRS[0], Channel::Rtcp, at(CLIENT, OLD), &report(0));
    for (port, passes) in [(5009, false), (5001, true)] {
        let out = table.forward(now(), PAIRS[1], Channel::Rtcp, at(PLAIN, port), &report(1));
        assert_eq!(out.is_some(), passes, "{port}");
    }
}

#[test]
fn reports_of_a_neighbour_do_not_take_the_place_of_the_partys() {
    let mut talk = Talk::begin();
    talk.a_says(Channel::Rtcp, OLD + 1, &report(SSRC));
    for _ in 0..20 {
        talk.pass(5.0);
        assert!(!talk.a_says(Channel::Rtcp, NEW, &report(0x11)));
    }
    assert_eq!(talk.goes_to(Channel::Rtcp), Some(OLD + 1));
    // With the new port of RTP comes a new one of RTCP.
    assert!(talk.media(NEW, 60, true) > 0);
    assert!(talk.a_says(Channel::Rtcp, NEW + 1, &report(SSRC)));
    assert_eq!(talk.goes_to(Channel::Rtcp), Some(NEW + 1));
}

#[test]
fn a_source_named_by_signalling_is_believed_and_another_has_to_prove_itself() {
    let mut table = table(Some(127));
    table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, OLD), &KEEPALIVE);
    let mut from_b = |port, sequence| {
        table.forward(now(), PAIRS[1], Channel::Rtp, at(PLAIN, port), &rtp(sequence, 1)).is_some()
    };
    assert!(from_b(5000, 1));
    assert!(!from_b(7000, 2));
    assert!(!from_b(7000, 3));
    // Two packets from the signalled port are no proof; three from another are.
    assert!(from_b(7000, 4));
    assert!(!from_b(5000, 2));
}

#[test]
fn a_channel_opened_anew_may_come_from_another_port() {
    let mut talk = Talk::begin();
    assert_eq!(talk.media(NEW, 5, false), 0);
    talk.table.command(FlowCommand::Rearm { flow: FLOW });
    assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD), "until another has proven itself");
    assert!(talk.media(NEW, 5, false) >= 3);
    assert_eq!(talk.goes_to(Channel::Rtp), Some(NEW));
}

#[test]
fn a_multiplexed_client_that_moved_is_known_by_its_identifier() {
    let mut table = multiplexed();
    let mut time = now();
    let says = |table: &mut Table, time, port, packet: &[u8]| {
        table.forward(time, SHARED, Channel::Rtp, at(CLIENT, port), &tagged(OURS, packet)).is_some()
    };
    assert!(says(&mut table, time, 2776, &MEDIA), "nobody can guess it");
    time += Duration::from_millis(900);
    assert!(!says(&mut table, time, NEW, &MEDIA), "two places at once");
    time += Duration::from_millis(200);
    assert!(says(&mut table, time, NEW, &MEDIA));
    let thief = at("203.0.113.66".parse().unwrap(), 2776);
    time += Duration::from_secs(60);
    assert_eq!(table.forward(time, SHARED, Channel::Rtp, thief, &tagged(OURS, &MEDIA)), None);
}

/// Some keepalives have one number for ever.
#[test]
fn keepalives_that_count_nothing_are_followed_too() {
    let stays = |talk: &mut Talk, port, times: usize| {
        for _ in 0..times {
            talk.a_says(Channel::Rtp, port, &keepalive(7));
            talk.pass(19.0);
        }
    };
    // Of who only listens, and of who has talked before.
    for mut talk in [Talk { table: table(Some(127)), now: now(), sequence: 0 }, Talk::begin()] {
        stays(&mut talk, OLD, 3);
        // While it lives there, nobody else moves anything.
        for _ in 0..10 {
            talk.a_says(Channel::Rtp, NEW, &keepalive(7));
            talk.a_says(Channel::Rtp, NEW, &keepalive(8));
            assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD));
            stays(&mut talk, OLD, 1);
        }
        stays(&mut talk, NEW, 1);
        assert_eq!(talk.goes_to(Channel::Rtp), Some(OLD), "it has missed none yet");
        talk.a_says(Channel::Rtp, NEW, &keepalive(7));
        assert_eq!(talk.goes_to(Channel::Rtp), Some(NEW));
    }
}

#[test]
fn media_may_come_from_beside_the_address_that_was_told_until_that_one_has_proven_itself() {
    let beside = CLIENT;
    let mut table = table(Some(127));
    table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, OLD), &KEEPALIVE);
    table.command(FlowCommand::Beside { flow: FLOW, side: Side::B, ip: beside });
    let from_b = |table: &mut Table, ip, port, sequence: u16, ssrc| {
        let packet = rtp(sequence, ssrc);
        table.forward(now(), PAIRS[1], Channel::Rtp, at(ip, port), &packet).is_some()
    };
    // Nobody else, and not with a packet or two.
    let thief = "203.0.113.66".parse().unwrap();
    assert!(!(1..10).any(|n| from_b(&mut table, thief, 5000, n, 1)));
    let passed = (1..10).filter(|n| from_b(&mut table, beside, 5000, *n, 2)).count();
    assert_eq!(passed, 7, "from the third on, though it is the port that was told");
    assert!(!from_b(&mut table, PLAIN, 5000, 1, 3), "it is locked");
    // What is sent to the party goes where it told, or nowhere.
    let party = Party { ip: PLAIN, ports: Ports::Signalled { rtp: Some(6000), rtcp: None } };
    table.command(FlowCommand::Party { flow: FLOW, side: Side::B, party });
    assert!((1..10).all(|n| from_b(&mut table, PLAIN, 6000, n, 4)), "new signalling counts anew");
    assert!(!(10..20).any(|n| from_b(&mut table, beside, 5000, n, 2)), "and is proven now");
    let back = table.forward(now(), PAIRS[0], Channel::Rtp, at(CLIENT, OLD), &MEDIA);
    assert_eq!(back.map(|egress| egress.to), Some(at(PLAIN, 6000)));
}
