use super::*;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 9], port))
}

/// A client and a clock. A proof is as old as it is heard, unless a test says otherwise.
struct Bench {
    start: Instant,
    watch: Watch,
}

const UNIX: u32 = 1_700_000_000;

impl Bench {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            watch: Watch::new(Duration::from_secs(19), Duration::from_secs(300)),
        }
    }

    fn at(&self, s: u64) -> Instant {
        self.start + Duration::from_secs(s)
    }

    fn hears(&mut self, s: u64, port: u16) -> Heard {
        self.hears_old(s, port, s)
    }

    /// A proof that was made at another time.
    fn hears_old(&mut self, s: u64, port: u16, made: u64) -> Heard {
        self.hears_sealed(s, port, made, false)
    }

    fn hears_sealed(&mut self, s: u64, port: u16, made: u64, sealed: bool) -> Heard {
        let time = UNIX + made as u32;
        let stamp = Stamp { time, skew: made as i64 - s as i64, sealed };
        let now = self.at(s);
        self.watch.heard(now, address(port), Some(stamp))
    }

    fn polls(&mut self, s: u64) -> Option<Due> {
        let now = self.at(s);
        self.watch.poll(now)
    }

    fn up(port: u16) -> Self {
        let mut bench = Self::new();
        assert_eq!(bench.hears(0, port), Heard::Again);
        assert_eq!(bench.hears(0, port), Heard::Again, "in the same second");
        assert_eq!(bench.watch.address(), None);
        assert_eq!(bench.hears(2, port), Heard::Again);
        assert_eq!(bench.watch.next(), Some(bench.at(4)));
        assert_eq!(bench.polls(3), None);
        assert_eq!(bench.polls(4), Some(Due::Settled(Heard::Up)));
        bench
    }
}

#[test]
fn three_intervals_of_silence_are_the_end() {
    let mut bench = Bench::up(1);
    assert_eq!(bench.hears(19, 1), Heard::Same);
    assert_eq!(bench.watch.next(), Some(bench.at(19 + 57)));
    assert_eq!((bench.polls(75), bench.polls(76)), (None, Some(Due::Silent)));
    assert_eq!((bench.watch.next(), bench.watch.address()), (None, None));
    assert_eq!(bench.hears(80, 1), Heard::Again);
    assert_eq!(bench.hears(82, 1), Heard::Again);
    assert_eq!(bench.hears(84, 1), Heard::Up, "the keepalive is as good as the timer");
}

/// One that is never heard more often than once in an interval, and tells seconds.
#[test]
fn a_client_that_takes_its_time_is_up_within_three_intervals() {
    let mut bench = Bench::new();
    assert_eq!(bench.hears(18, 1), Heard::Again);
    assert_eq!(bench.hears(37, 1), Heard::Again);
    assert_eq!(bench.polls(39), Some(Due::Settled(Heard::Up)));
    // It moves.
    assert_eq!(bench.hears(56, 2), Heard::Again);
    assert_eq!(bench.hears(75, 2), Heard::Again);
    assert_eq!(bench.polls(77), Some(Due::Settled(Heard::Moved(address(1)))));
}

#[test]
fn a_nat_that_gives_another_port_is_followed_once_the_old_one_is_late() {
    let mut bench = Bench::up(1);
    assert_eq!(bench.hears(23, 2), Heard::Again);
    assert_eq!(bench.hears(25, 2), Heard::Again);
    assert_eq!(bench.polls(27), Some(Due::Settled(Heard::Moved(address(1)))));
    // Somebody who comes too early waits for it.
    for s in [28, 30, 44] {
        assert_eq!(bench.hears(s, 3), Heard::Again);
    }
    assert_eq!(bench.polls(46), None);
    assert_eq!(bench.hears(46, 3), Heard::Again);
    assert_eq!(bench.polls(48), Some(Due::Settled(Heard::Moved(address(2)))));
}

#[test]
fn a_copy_from_elsewhere_moves_nothing_while_the_original_arrives() {
    let mut bench = Bench::up(1);
    for s in [21, 40, 59] {
        assert_eq!(bench.hears(s, 66), Heard::Again, "faster than the original");
        assert_eq!(bench.hears_sealed(s, 1, s, true), Heard::Kept(address(66)));
        assert_eq!(bench.hears(s, 66), Heard::Used, "slower");
    }
    assert_eq!(bench.watch.address(), Some(address(1)));
    assert_eq!(bench.watch.next(), Some(bench.at(59 + 57)));
}

/// He held the client's keepalives back, and sends them from elsewhere; then the client is heard again.
#[test]
fn a_thief_does_not_stay_by_copies_nor_by_what_he_has_kept() {
    let mut bench = Bench::up(66);
    for s in [10, 20, 30, 40, 50] {
        assert_eq!(bench.hears(s, 1), Heard::Again);
        assert_eq!(bench.hears(s, 66), Heard::Shared(address(1)));
        assert_eq!(bench.hears_old(s, 66, s - 1), Heard::Again);
    }
    assert_eq!(bench.polls(59), Some(Due::Silent));
    // Old ones do not keep him there against the client that is heard.
    let mut bench = Bench::up(66);
    for s in [10, 15, 24] {
        assert_eq!(bench.hears(s, 1), Heard::Again);
        assert_eq!(bench.hears_old(s, 66, s - 7), Heard::Again);
    }
    assert_eq!(bench.polls(26), Some(Due::Settled(Heard::Moved(address(66)))));
}

#[test]
fn copies_do_not_come_up_in_the_place_of_the_original() {
    let mut bench = Bench::new();
    for s in [0, 3, 9] {
        assert_eq!(bench.hears(s, 66), Heard::Again);
        assert_eq!(bench.hears(s, 1), Heard::Copied(address(66)));
    }
    assert_eq!(bench.watch.address(), None);
    assert_eq!(bench.hears(21, 1), Heard::Again);
    assert_eq!(bench.hears(23, 1), Heard::Again);
    assert_eq!(bench.hears(24, 66), Heard::Again, "somebody else has the password");
}

/// The originals come later than the second copy, but they come.
#[test]
fn copies_that_are_all_faster_than_the_originals_are_held_until_those_come() {
    let mut bench = Bench::new();
    assert_eq!(bench.hears(1, 66), Heard::Again);
    assert_eq!(bench.hears(2, 66), Heard::Again);
    assert_eq!(bench.hears_old(2, 1, 1), Heard::Copied(address(66)));
    assert_eq!((bench.polls(5), bench.watch.address()), (None, None));
    // The same, when the proofs were of other messages than keepalives.
    assert_eq!(bench.hears(11, 66), Heard::Again);
    assert_eq!(bench.hears(12, 66), Heard::Again);
    bench.watch.note(address(1), UNIX + 12);
    assert_eq!((bench.polls(15), bench.watch.address()), (None, None));
}

#[test]
fn what_was_kept_does_not_outlive_a_restart() {
    let mut bench = Bench::new();
    assert_eq!(bench.hears_old(100, 66, 62), Heard::Again);
    assert_eq!(bench.hears_old(102, 66, 81), Heard::Again, "it is not fresh");
    assert_eq!(bench.polls(105), None);
    assert_eq!(bench.hears(110, 1), Heard::Again);
    assert_eq!(bench.hears_old(112, 66, 100), Heard::Used);
    assert_eq!(bench.hears(112, 1), Heard::Again);
    assert_eq!(bench.polls(114), Some(Due::Settled(Heard::Up)));
    // At its old pace neither, for as long as it is good.
    let mut bench = Bench::new();
    for s in (300..590).step_by(19) {
        assert_eq!(bench.hears_old(s, 66, s - 299), Heard::Again);
        assert_eq!(bench.polls(s + 3), None);
    }
    // A client whose clock is slow comes up when it says what is newer than all that there was at the beginning.
    let mut bench = Bench::new();
    for s in [100, 120, 140, 150, 152] {
        assert_eq!(bench.polls(s), None);
        assert_eq!(bench.hears_old(s, 1, s - 50), Heard::Again);
    }
    assert_eq!(bench.polls(154), Some(Due::Settled(Heard::Up)));
    // One whose clock is fast, when nothing of before is good any more.
    let mut bench = Bench::new();
    for s in (0..=304).step_by(19) {
        assert_eq!(bench.polls(s), None);
        assert_eq!(bench.hears_old(s, 1, s + 50), Heard::Again);
    }
    assert_eq!(bench.polls(306), Some(Due::Settled(Heard::Up)));
    // The first again.
    let mut bench = Bench::new();
    for s in [50, 80, 100, 102] {
        assert_eq!(bench.hears_old(s, 1, s - 50), Heard::Again);
    }
    assert_eq!(bench.polls(104), Some(Due::Settled(Heard::Up)));
    assert_eq!(bench.hears_old(120, 1, 70), Heard::Same);
    // The next time it is known how slow it is: no need to wait, and what is older was kept.
    assert_eq!(bench.polls(177), Some(Due::Silent));
    assert_eq!(bench.hears_old(300, 1, 250), Heard::Again);
    assert_eq!(bench.hears_old(302, 1, 252), Heard::Again);
    assert_eq!(bench.polls(304), Some(Due::Settled(Heard::Up)));
    assert_eq!(bench.polls(400), Some(Due::Silent));
    for s in [403, 405] {
        assert_eq!(bench.hears_old(s, 66, s - 70), Heard::Again);
    }
    assert_eq!(bench.polls(410), None);
}

/// A proof that was overheard long ago, and a copy of a fresh one that is faster: after a restart, and after some that
/// were lost on their way.
#[test]
fn an_old_proof_and_a_copy_of_a_fresh_one_are_not_enough() {
    let mut cut = Bench::up(1);
    assert_eq!(cut.polls(59), Some(Due::Silent));
    for mut bench in [Bench::new(), cut] {
        assert_eq!(bench.hears_old(100, 66, 61), Heard::Again);
        assert_eq!(bench.hears(100, 66), Heard::Again, "faster than the original");
        assert_eq!(bench.watch.address(), None);
        assert_eq!(bench.hears(100, 1), Heard::Copied(address(66)));
        assert_eq!(bench.polls(104), None);
        assert_eq!(bench.hears(104, 1), Heard::Again);
        assert_eq!(bench.hears(106, 1), Heard::Again);
        assert_eq!(bench.polls(108), Some(Due::Settled(Heard::Up)));
    }
}

/// Whoever copies all of it, faster or slower, does not even keep a client down that seals its address.
#[test]
fn a_client_that_seals_comes_up_whatever_is_copied() {
    for faster in [true, false] {
        let mut bench = Bench::new();
        assert_eq!(bench.hears(0, 66), Heard::Again);
        assert_eq!(bench.hears(0, 1), Heard::Copied(address(66)));
        for s in [3, 5] {
            if faster {
                assert_eq!(bench.hears(s, 66), Heard::Again);
            }
            assert_eq!(bench.hears_sealed(s, 1, s, true), Heard::Again);
            assert!(matches!(bench.hears(s, 66), Heard::Copied(_)));
        }
        assert_eq!(bench.polls(7), Some(Due::Settled(Heard::Up)));
        assert_eq!(bench.watch.address(), Some(address(1)));
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_shut_out_a_client_that_is_where_it_was() {
    let mut bench = Bench::up(1);
    assert_eq!(bench.hears_old(200, 1, 300), Heard::Same);
    assert_eq!(bench.hears(219, 1), Heard::Same);
    assert_eq!(bench.hears(230, 66), Heard::Used);
}

#[test]
fn who_can_seal_its_address_has_to() {
    let mut bench = Bench::new();
    assert_eq!(bench.hears(0, 1), Heard::Again);
    assert_eq!(bench.hears_sealed(2, 1, 2, true), Heard::Again);
    assert_eq!(bench.polls(4), Some(Due::Settled(Heard::Up)));
    assert_eq!(bench.hears(30, 66), Heard::Again);
    assert_eq!(bench.hears(32, 66), Heard::Again);
    for s in [34, 58] {
        assert_eq!(bench.hears(s, 66), Heard::Bare, "it is not sealed");
    }
    assert_eq!(bench.hears_sealed(59, 2, 59, true), Heard::Again);
    assert_eq!(bench.hears_sealed(61, 2, 61, true), Heard::Again);
    assert_eq!(bench.polls(63), Some(Due::Settled(Heard::Moved(address(1)))));
    // After an hour of silence another program may be there.
    assert_eq!(bench.polls(61 + 57), Some(Due::Silent));
    assert_eq!(bench.hears(3000, 3), Heard::Again);
    assert_eq!(bench.hears(3002, 3), Heard::Again);
    assert_eq!(bench.hears(3004, 3), Heard::Bare);
    assert_eq!(bench.polls(3010), None);
    assert_eq!(bench.hears(4000, 3), Heard::Again);
    assert_eq!(bench.hears(4002, 3), Heard::Again);
    assert_eq!(bench.polls(4004), Some(Due::Settled(Heard::Up)));
}

/// A client that seals, at 1.
fn sealing() -> Bench {
    let mut bench = Bench::up(1);
    assert_eq!(bench.hears_sealed(5, 1, 5, true), Heard::Same);
    bench
}

/// Another program has taken its place, at its address: it is down soon, and not without a word.
#[test]
fn who_does_not_seal_any_more_is_not_believed_where_it_was() {
    let mut bench = sealing();
    for s in [24, 25] {
        assert_eq!(bench.hears(s, 1), Heard::Again, "it may have started anew");
    }
    assert_eq!(bench.hears(28, 1), Heard::Bare);
    assert_eq!((bench.polls(28), bench.watch.address()), (Some(Due::Silent), None));
    for (s, heard) in [(30, Heard::Again), (34, Heard::Bare), (50, Heard::Bare)] {
        assert_eq!((bench.hears(s, 1), bench.polls(s)), (heard, None));
    }
    // The client is back.
    assert_eq!(bench.hears_sealed(60, 1, 60, true), Heard::Again);
    assert_eq!(bench.polls(62), Some(Due::Settled(Heard::Up)));
}

/// It says once what is not sealed, until it is told its address.
#[test]
fn a_client_that_seals_may_start_anew() {
    let mut bench = sealing();
    for s in [24, 100, 200] {
        let silent = bench.polls(s).is_some();
        let heard = if silent { Heard::Again } else { Heard::Same };
        assert_eq!(bench.hears(s, 1), Heard::Again);
        assert_eq!(
            bench.hears_sealed(s + 2, 1, s + 2, true),
            if s == 24 { heard } else { Heard::Again }
        );
        bench.hears_sealed(s + 4, 1, s + 4, true);
        bench.polls(s + 6);
        assert_eq!(bench.watch.address(), Some(address(1)), "{s}");
    }
}

/// Copies, and proofs of other messages, do not make one who seals look as if it did not.
#[test]
fn nobody_else_ends_a_client_that_seals() {
    let mut bench = sealing();
    for s in 6..200 {
        assert_ne!(bench.hears(s, 1), Heard::Bare);
        if s % 19 == 0 {
            assert_eq!(bench.hears_sealed(s, 1, s, true), Heard::Same);
        }
        assert_eq!(bench.polls(s), None);
    }
}

/// The client has moved, and somebody who has its old address copies all that it says, faster.
#[test]
fn the_old_address_of_a_client_that_seals_is_not_kept_by_copies() {
    let mut bench = sealing();
    for s in [24, 26] {
        assert_eq!(bench.hears(s, 1), Heard::Again, "faster");
        assert_eq!(bench.hears_sealed(s, 2, s, true), Heard::Again);
        // Slower.
        assert_eq!(bench.hears(s, 1), Heard::Again);
    }
    assert_eq!(bench.polls(28), Some(Due::Settled(Heard::Moved(address(1)))));
    assert_eq!(bench.watch.address(), Some(address(2)));
}

/// What was kept of a client that has ended does not show that it is there.
#[test]
fn old_words_of_a_client_that_seals_do_not_keep_it_up() {
    let mut bench = sealing();
    assert_eq!(bench.hears_sealed(24, 1, 24, true), Heard::Same);
    for s in [25, 40, 60, 80] {
        assert_eq!(bench.hears_sealed(s, 1, 24, true), Heard::Again);
        assert_eq!(bench.hears_sealed(s, 1, 5, true), Heard::Used);
    }
    assert_eq!(bench.polls(24 + 57), Some(Due::Silent));
    assert_eq!(bench.hears_sealed(90, 1, 24, true), Heard::Used);
}

/// A thief who was believed while nothing was known of the client, and copies on, faster, loses the place to it.
#[test]
fn what_is_sealed_does_not_wait_for_what_may_be_a_copy() {
    let mut bench = Bench::up(66);
    for s in [10, 12] {
        assert_eq!(bench.hears(s, 66), Heard::Same);
        assert_eq!(bench.hears_sealed(s, 1, s, true), Heard::Again);
        assert_eq!(bench.hears(s, 66), Heard::Again, "slower");
    }
    assert_eq!(bench.polls(14), Some(Due::Settled(Heard::Moved(address(66)))));
}

#[test]
fn its_word_is_what_is_sealed_and_new() {
    let bench = Bench::up(1);
    let is = |port, made: u32, sealed| {
        let stamp = Stamp { time: UNIX + made, skew: 0, sealed };
        bench.watch.is_its_word(address(port), stamp)
    };
    assert!(is(1, 3, true));
    assert!(!is(1, 3, false) && !is(1, 2, true) && !is(2, 3, true));
}

#[test]
fn without_a_password_the_last_address_counts() {
    let mut bench = Bench::new();
    let now = bench.at(0);
    assert_eq!(bench.watch.heard(now, address(1), None), Heard::Up);
    assert_eq!(bench.watch.heard(now, address(2), None), Heard::Moved(address(1)));
    assert_eq!(bench.watch.heard(now, address(2), None), Heard::Same);
}

/// Who is settled in the place of a client that was held back, and copies all of it faster, is not ousted by the client
/// but loses the place.
#[test]
fn a_thief_loses_the_place_when_the_client_says_the_same() {
    let [client, thief] = ["203.0.113.9:1", "192.0.2.66:1"].map(|at| at.parse().unwrap());
    let mut watch = Bench::new().watch;
    let start = Instant::now();
    let mut hears = |s: u64, from| {
        let stamp = Stamp { time: UNIX + s as u32, skew: 0, sealed: false };
        let now = start + Duration::from_secs(s);
        let heard = watch.heard(now, from, Some(stamp));
        (heard, watch.poll(now), watch.address())
    };
    assert_eq!(hears(0, client).0, Heard::Again);
    assert_eq!(hears(2, client).0, Heard::Again);
    assert_eq!(hears(5, client), (Heard::Up, None, Some(client)));
    for s in [30, 50, 55] {
        hears(s, thief);
    }
    assert_eq!(hears(60, thief), (Heard::Same, None, Some(thief)), "it was held back");
    let ousted = (Heard::Copied(thief), Some(Due::Silent), None);
    assert_eq!(hears(60, client), ousted);
    // Neither, while both say the same.
    for s in (63..200).step_by(3) {
        assert_eq!(hears(s, thief), (Heard::Again, None, None));
        assert_eq!(hears(s, client), (Heard::Copied(thief), None, None));
    }
    for s in [203, 205] {
        assert_eq!(hears(s, client).0, Heard::Again);
    }
    assert_eq!(hears(208, client), (Heard::Up, None, Some(client)));
    // A copy that comes later changes nothing.
    assert_eq!(hears(208, thief), (Heard::Used, None, Some(client)));
}
