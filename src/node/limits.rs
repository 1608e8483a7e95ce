//! What one source may ask for: a flood from one address must not keep another from registering or calling.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Sources that are told apart; more share one allowance, so that made-up addresses cannot fill memory.
const MOST_SOURCES: usize = 16_384;

/// How often quiet sources are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// The longest time that is waited for a token.
const LONGEST: Duration = Duration::from_secs(60);

/// How much of something a source may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Allowance {
    /// A second, in the long run.
    pub rate: u32,
    /// At once.
    pub burst: u32,
}

/// An allowance for each source.
#[derive(Debug)]
pub(crate) struct Limiter {
    allowance: Allowance,
    sources: BTreeMap<IpAddr, Bucket>,
    /// Sources that are known for something, and came when there was no room for others.
    known: BTreeMap<IpAddr, Bucket>,
    /// For the sources that are not told apart.
    others: Option<Bucket>,
    swept: Option<Instant>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A bucket from which nothing has been taken yet.
    pub(crate) fn full(allowance: Allowance, now: Instant) -> Self {
        Self { tokens: f64::from(allowance.burst), at: now }
    }

    fn refill(&mut self, allowance: Allowance, now: Instant) {
        let seconds = now.duration_since(self.at).as_secs_f64();
        self.tokens =
            seconds.mul_add(f64::from(allowance.rate), self.tokens).min(f64::from(allowance.burst));
        self.at = now;
    }

    /// Takes so many tokens, or none.
    pub(crate) fn take(&mut self, allowance: Allowance, now: Instant, tokens: usize) -> bool {
        self.refill(allowance, now);
        let wanted = f64::from(u32::try_from(tokens).unwrap_or(u32::MAX));
        let granted = self.tokens >= wanted;
        if granted {
            self.tokens -= wanted;
        }
        granted
    }

    /// Takes so many tokens, also those that there will be: until they are, there is nothing for anybody.
    fn spend(&mut self, allowance: Allowance, now: Instant, tokens: usize) {
        self.refill(allowance, now);
        self.tokens -= f64::from(u32::try_from(tokens).unwrap_or(u32::MAX));
    }

    /// How long it takes until there is a token; nothing when there is one.
    fn wait(&mut self, allowance: Allowance, now: Instant) -> Option<Duration> {
        self.refill(allowance, now);
        let missing = 1.0 - self.tokens;
        let time = missing / f64::from(allowance.rate.max(1));
        (missing > 0.0).then(|| Duration::try_from_secs_f64(time).unwrap_or(LONGEST).min(LONGEST))
    }
}

/// What can be done so often at a time, and how long it is until it can be done again: a bucket, and what it may hold.
#[derive(Debug)]
pub(crate) struct Turns<'a> {
    bucket: &'a mut Bucket,
    allowance: Allowance,
}

impl<'a> Turns<'a> {
    pub(crate) const fn new(bucket: &'a mut Bucket, allowance: Allowance) -> Self {
        Self { bucket, allowance }
    }

    pub(crate) fn spend(&mut self, now: Instant, tokens: usize) {
        self.bucket.spend(self.allowance, now, tokens);
    }

    pub(crate) fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.bucket.wait(self.allowance, now)
    }
}

impl Limiter {
    pub(crate) const fn new(allowance: Allowance) -> Self {
        let sources = BTreeMap::new();
        Self { allowance, sources, known: BTreeMap::new(), others: None, swept: None }
    }

    /// Whether a source may once more. IPv6 sources count by their network of 64 bits, which one host owns.
    pub(crate) fn allow(&mut self, now: Instant, from: IpAddr) -> bool {
        self.allow_many(now, from, 1, || false)
    }

    /// The same of so many at once. Who is `known`, by something that addresses which are made up have not, has an allowance
    /// of its own however many others there are.
    pub(crate) fn allow_many(
        &mut self,
        now: Instant,
        from: IpAddr,
        count: usize,
        known: impl FnOnce() -> bool,
    ) -> bool {
        let allowance = self.allowance;
        self.bucket(now, from, known).take(allowance, now, count)
    }

    /// What a source may do, whose address is not made up.
    pub(crate) fn turns(&mut self, now: Instant, from: IpAddr) -> Turns<'_> {
        let allowance = self.allowance;
        Turns::new(self.bucket(now, from, || true), allowance)
    }

    fn bucket(&mut self, now: Instant, from: IpAddr, known: impl FnOnce() -> bool) -> &mut Bucket {
        let (allowance, key) = (self.allowance, source(from));
        let fresh = Bucket::full(allowance, now);
        let full = |limiter: &Self| {
            !limiter.sources.contains_key(&key) && limiter.sources.len() >= MOST_SOURCES
        };
        if full(self) {
            self.sweep(now);
        }
        match full(self) {
            false => self.sources.entry(key).or_insert(fresh),
            true if known() => self.known.entry(key).or_insert(fresh),
            true => self.others.get_or_insert(fresh),
        }
    }

    /// A source whose allowance is whole again need not be known. Looked at once a second: to look at all of them for
    /// each made-up address would be what the flood wants.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now < swept + SWEEP) {
            return;
        }
        self.swept = Some(now);
        let allowance = self.allowance;
        let mut used = |_: &IpAddr, bucket: &mut Bucket| {
            bucket.refill(allowance, now);
            bucket.tokens < f64::from(allowance.burst)
        };
        self.sources.retain(&mut used);
        self.known.retain(&mut used);
    }
}

/// Whom an address stands for: of IPv6 a network of 64 bits, which one host owns.
pub(crate) fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use super::*;

    const TEN: Allowance = Allowance { rate: 10, burst: 20 };

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    /// How often a source may at one time.
    fn granted(limiter: &mut Limiter, now: Instant, source: IpAddr) -> usize {
        (0..100).filter(|_| limiter.allow(now, source)).count()
    }

    #[test]
    fn a_burst_and_then_the_rate_and_nobody_elses() {
        let now = Instant::now();
        let mut limiter = Limiter::new(TEN);
        assert_eq!(granted(&mut limiter, now, ip(1)), 20);
        assert_eq!(granted(&mut limiter, now, ip(2)), 20);
        let later = now + Duration::from_millis(500);
        assert_eq!(granted(&mut limiter, later, ip(1)), 5);
        let much_later = now + Duration::from_secs(3600);
        assert_eq!(granted(&mut limiter, much_later, ip(1)), 20);
    }

    #[test]
    fn hosts_of_one_ipv6_network_share() {
        let now = Instant::now();
        let mut limiter = Limiter::new(TEN);
        assert_eq!(granted(&mut limiter, now, "2001:db8::1".parse().unwrap()), 20);
        assert_eq!(granted(&mut limiter, now, "2001:db8::2".parse().unwrap()), 0);
        assert_eq!(granted(&mut limiter, now, "2001:db8:0:1::1".parse().unwrap()), 20);
        assert_eq!(granted(&mut limiter, now, "::ffff:0.0.0.9".parse().unwrap()), 20);
        assert_eq!(granted(&mut limiter, now, ip(9)), 0);
    }

    #[test]
    fn made_up_addresses_fill_no_memory_and_harm_nobody_known() {
        let now = Instant::now();
        let mut limiter = Limiter::new(TEN);
        limiter.allow(now, ip(u32::MAX));
        let made_up = (0..100_000).filter(|n| limiter.allow(now, ip(*n))).count();
        assert!(limiter.sources.len() <= MOST_SOURCES);
        assert_eq!(made_up, MOST_SOURCES - 1 + 20);
        assert_eq!(granted(&mut limiter, now, ip(u32::MAX)), 19);
        // Nor anybody who comes in the midst of it, and is known.
        for second in 0..5 {
            let now = now + Duration::from_secs(second);
            let _made_up = (0..100_000).filter(|n| limiter.allow(now, ip(*n))).count();
            let (bob, alice) = (ip(5_000_000), ip(5_000_001));
            assert!(limiter.allow_many(now, bob, 1, || true), "{second}");
            assert!(!limiter.allow_many(now, alice, 1, || false), "who is not, has to share");
        }
        assert!(limiter.known.len() <= 1);
        // Once the flood is over, newcomers are told apart again.
        let later = now + Duration::from_secs(60);
        assert_eq!(granted(&mut limiter, later, ip(4_000_000)), 20);
        assert!(limiter.sources.len() < 10);
    }
}
