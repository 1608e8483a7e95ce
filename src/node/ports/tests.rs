use super::*;

const RANGES: [RangeInclusive<u16>; 3] = [5000..=6000, 7000..=8000, 9000..=9999];

fn ip() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "there is no other way to an Instant")]
    Instant::now()
}

fn ports(quota: Quota) -> Ports {
    let [media, h245, t120] = RANGES;
    Ports::new(&[ip()], Ranges { media, h245, t120, h245_class: 0 }, quota)
}

fn free() -> Quota {
    Quota::new(&(1024..=65_535), &[ip()], 0, 0)
}

/// Answers every bind asked for; returns how many there were.
fn answer(ports: &mut Ports, now: Instant, out: &mut Outbox, free: bool) -> usize {
    let mut asked = 0;
    while let Some(output) = out.pop() {
        let Output::Bind { bind, ip, ports: range, .. } = output else { panic!("{output:?}") };
        asked += 1;
        let at = free.then(|| SocketAddr::new(ip, *range.start() + 2 * asked as u16));
        assert!(ports.bound(now, bind, at, out));
    }
    asked
}

#[test]
fn what_is_taken_is_replaced() {
    let (mut ports, mut out, now) = (ports(free()), Outbox::default(), now());
    assert_eq!(ports.pair(now, ip(), None, &mut out), Err(Lack::Ports), "nothing is bound yet");
    assert_eq!(answer(&mut ports, now, &mut out, true), SPARE_PAIRS + SPARE_LISTENERS + SPARE_DATA);
    let pair = ports.pair(now, ip(), None, &mut out).expect("a pair");
    assert!((5000..=6000).contains(&pair.rtp.port()));
    assert_eq!(pair.rtcp().port(), pair.rtp.port() + 1);
    assert!(ports.listener(now, ip(), &mut out).is_some());
    assert_eq!(answer(&mut ports, now, &mut out, true), 2);
    let other = "192.0.2.9".parse().unwrap();
    assert_eq!(ports.pair(now, other, None, &mut out), Err(Lack::Ports), "not our address");
}

#[test]
fn a_port_rests_while_there_are_others() {
    let (mut ports, mut out) = (ports(free()), Outbox::default());
    let start = now();
    ports.top_up(start, &mut out);
    answer(&mut ports, start, &mut out, true);
    let first = ports.pair(start, ip(), None, &mut out).unwrap();
    ports.left(start, first.id);
    // The host gives the same port again, whatever is asked for.
    let mut take = |out: &mut Outbox| {
        while let Some(Output::Bind { bind, .. }) = out.pop() {
            ports.bound(start, bind, Some(first.rtp), out);
        }
        ports.pair(start, ip(), None, out).unwrap()
    };
    for _ in 1..SPARE_PAIRS {
        assert_ne!(take(&mut out).rtp, first.rtp);
    }
    assert_eq!(take(&mut out).rtp, first.rtp, "rather than none");
}

/// The host tries all ports for each answer, and does nothing else meanwhile.
#[test]
fn where_nothing_is_found_nothing_is_sought_for_a_while() {
    let (mut ports, mut out, start) = (ports(free()), Outbox::default(), now());
    ports.top_up(start, &mut out);
    assert_eq!(answer(&mut ports, start, &mut out, false), 3, "one search of each kind");
    for n in 0..1000 {
        let now = start + BARREN / 1001 * n;
        assert_eq!(ports.pair(now, ip(), None, &mut out), Err(Lack::Ports));
        assert_eq!(ports.has_pairs(now, [ip(); 2], None, &mut out), Err(Lack::Ports));
        assert_eq!(ports.listener(now, ip(), &mut out), None);
        assert_eq!(ports.data_listener(now, ip(), &mut out), None);
    }
    assert!(out.pop().is_none(), "nothing is asked for again");
    assert_eq!(ports.pair(start + BARREN, ip(), None, &mut out), Err(Lack::Ports));
    assert_eq!(answer(&mut ports, start + BARREN, &mut out, false), 3, "but after a while");
}

/// A host whose ports are tried one after the other, as the real one does.
struct Host {
    taken: BTreeSet<u16>,
    tries: usize,
    /// Where it begins is as good as chance.
    chance: u64,
}

impl Host {
    /// Answers what is asked for, until nothing is.
    fn answer(&mut self, ports: &mut Ports, now: Instant, out: &mut Outbox) {
        while let Some(output) = out.pop() {
            let Output::Bind { bind, ip, ports: range, .. } = output else { panic!("{output:?}") };
            let at = match bind {
                Bind::Media(_) => self.find(&range),
                _ => Some(*range.start()),
            };
            assert!(ports.bound(now, bind, at.map(|port| SocketAddr::new(ip, port)), out));
        }
    }

    fn find(&mut self, range: &RangeInclusive<u16>) -> Option<u16> {
        let all: Vec<u16> = range.clone().step_by(2).collect();
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let first = (self.chance >> 33) as usize % all.len();
        let (before, after) = all.split_at(first);
        let found = after.iter().chain(before).find(|port| {
            self.tries += 1;
            !self.taken.contains(port)
        });
        found.copied().inspect(|port| assert!(self.taken.insert(*port)))
    }

    /// A call ends.
    fn closes(&mut self, ports: &mut Ports, now: Instant, pairs: [Pair; 2], out: &mut Outbox) {
        pairs.iter().for_each(|pair| ports.left(now, pair.id));
        self.answer(ports, now, out);
        pairs.iter().for_each(|pair| assert!(self.taken.remove(&pair.rtp.port())));
        ports.given_back(now, pairs.map(|pair| pair.id), out);
        self.answer(ports, now, out);
    }
}

/// While a range is full, or all but full, calls end and others begin: nobody searches the range for each.
#[test]
fn where_few_ports_are_free_those_that_were_given_back_are_sought_first() {
    let range = 20_000..=21_999;
    for free in [0, 2, 10] {
        let quota = Quota::new(&range, &[ip()], 0, 0);
        let ranges = Ranges { media: range.clone(), h245: 7..=7, t120: 9..=9, h245_class: 0 };
        let (mut ports, mut out) = (Ports::new(&[ip()], ranges, quota), Outbox::default());
        let mut host = Host { taken: BTreeSet::new(), tries: 0, chance: 1 };
        let mut now = now();
        ports.top_up(now, &mut out);
        host.answer(&mut ports, now, &mut out);
        let take = |ports: &mut Ports, host: &mut Host, now, out: &mut Outbox| {
            let pair = ports.pair(now, ip(), None, out);
            host.answer(ports, now, out);
            pair
        };
        let mut calls = VecDeque::new();
        while host.taken.len() + free < 1000 {
            let pairs = [(); 2].map(|()| take(&mut ports, &mut host, now, &mut out).unwrap());
            calls.push_back(pairs);
        }
        if free == 0 {
            // Nothing is left but what is ready, and then not even that.
            while let Ok(one) = take(&mut ports, &mut host, now, &mut out) {
                calls.push_back([one, take(&mut ports, &mut host, now, &mut out).unwrap()]);
            }
        }
        let before = host.tries;
        for _ in 0..100 {
            now += Duration::from_millis(20);
            let ends = calls.pop_front().unwrap();
            host.closes(&mut ports, now, ends, &mut out);
            let begins = [(); 2].map(|()| take(&mut ports, &mut host, now, &mut out).unwrap());
            calls.push_back(begins);
        }
        let tries = host.tries - before;
        // Two seconds pass: the whole range is searched now and then, but not for each call.
        assert!(tries <= 200 + 3000, "{free} free: {tries}");
        assert!(free == 0 || tries <= 300, "{free} free: {tries}");
    }
}

/// What another program has taken meanwhile is not found there, and is not sought there again.
#[test]
fn a_port_that_somebody_else_has_taken_is_forgotten() {
    let range = 20_000..=20_039;
    let quota = Quota::new(&range, &[ip()], 0, 0);
    let ranges = Ranges { media: range, h245: 7..=7, t120: 9..=9, h245_class: 0 };
    let (mut ports, mut out, now) = (Ports::new(&[ip()], ranges, quota), Outbox::default(), now());
    let mut host = Host { taken: BTreeSet::new(), tries: 0, chance: 1 };
    ports.top_up(now, &mut out);
    host.answer(&mut ports, now, &mut out);
    let mut all = Vec::new();
    while let Ok(pair) = ports.pair(now, ip(), None, &mut out) {
        host.answer(&mut ports, now, &mut out);
        all.push(pair);
    }
    assert_eq!(all.len(), 20);
    let (lost, kept) = (all[0], all[1]);
    [lost, kept].iter().for_each(|pair| ports.left(now, pair.id));
    host.taken.remove(&kept.rtp.port());
    let before = host.tries;
    ports.given_back(now, [lost.id, kept.id], &mut out);
    host.answer(&mut ports, now, &mut out);
    assert_eq!((host.tries - before, ports.ready()[0]), (2, 1));
    assert_eq!(ports.pair(now, ip(), None, &mut out).unwrap().rtp, kept.rtp);
    host.answer(&mut ports, now, &mut out);
    assert_eq!(host.tries - before, 2, "nobody seeks the other again");
}

/// It is sought unasked, ever more rarely, until it is found.
#[test]
fn what_was_not_found_is_sought_again() {
    let (mut ports, mut out, mut time) = (ports(free()), Outbox::default(), now());
    ports.top_up(time, &mut out);
    assert_eq!(ports.seeks_at(), None, "the answer is open");
    for pause in [1, 2, 4, 8, 8] {
        assert_eq!(answer(&mut ports, time, &mut out, false), 3, "one search of each kind");
        assert_eq!(ports.seeks_at(), Some(time + BARREN * pause));
        time += BARREN * pause;
        ports.top_up(time, &mut out);
    }
    answer(&mut ports, time, &mut out, true);
    assert_eq!((ports.seeks_at(), ports.ready()), (None, [SPARE_PAIRS, SPARE_LISTENERS]));
}

#[test]
fn what_is_put_back_is_the_next_ones() {
    let quota = Quota::new(&(1024..=65_535), &[ip()], 0, 1);
    let (mut ports, mut out, now) = (ports(quota), Outbox::default(), now());
    let holder = Some("203.0.113.1".parse().unwrap());
    ports.top_up(now, &mut out);
    answer(&mut ports, now, &mut out, true);
    for _ in 0..3 {
        let pair = ports.pair(now, ip(), holder, &mut out).unwrap();
        assert_eq!(ports.pair(now, ip(), holder, &mut out), Err(Lack::Source));
        ports.put_back(ip(), pair);
        answer(&mut ports, now, &mut out, true);
        assert_eq!(ports.ready()[0], SPARE_PAIRS + 1);
    }
}

#[test]
fn closing_gives_all_back() {
    let (mut ports, mut out, now) = (ports(free()), Outbox::default(), now());
    ports.top_up(now, &mut out);
    answer(&mut ports, now, &mut out, true);
    ports.close(&mut out);
    let unbound = std::iter::from_fn(|| out.pop()).filter(|o| matches!(o, Output::Unbind(_)));
    assert_eq!(unbound.count(), SPARE_PAIRS + SPARE_LISTENERS + SPARE_DATA);
}
