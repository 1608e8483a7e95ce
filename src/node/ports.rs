//! Ports kept ready, so that a channel can be opened in the very message that asks for it: binding is the host's
//! work and takes a round trip through it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Instant;

use super::rest::Rest;
use crate::face::{Bind, FlowCommand, ListenerId, Outbox, Output, PairId};

/// Media pairs kept ready on each local address.
const SPARE_PAIRS: usize = 8;
/// H.245 listeners kept ready on each local address.
const SPARE_LISTENERS: usize = 4;
/// T.120 listeners kept ready on each local address.
const SPARE_DATA: usize = 1;
/// The first number of a dynamic listener or pair; the smaller ones are the static signalling listeners, and the pairs
/// of multiplexed media.
const FIRST_LISTENER: u32 = 1 << 16;

/// A media pair: its number and the address of its even port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) id: PairId,
    pub(crate) rtp: SocketAddr,
}

impl Pair {
    /// The address of its odd port.
    pub(crate) fn rtcp(self) -> SocketAddr {
        SocketAddr::new(self.rtp.ip(), self.rtp.port().saturating_add(1))
    }
}

/// A listener for the connections of one party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) id: ListenerId,
    pub(crate) at: SocketAddr,
}

/// The ports kept ready.
#[derive(Debug)]
pub(crate) struct Ports {
    media: RangeInclusive<u16>,
    h245: RangeInclusive<u16>,
    t120: RangeInclusive<u16>,
    next: u32,
    spare: BTreeMap<IpAddr, Spare>,
    asked: BTreeMap<Bind, IpAddr>,
    /// Of what was asked for, the listeners of T.120.
    asked_data: BTreeSet<ListenerId>,
    rest: Rest,
}

#[derive(Debug, Default)]
struct Spare {
    /// The pair of multiplexed media, which all flows of the address share.
    shared: Option<Pair>,
    pairs: VecDeque<Pair>,
    listeners: Vec<Listener>,
    data: Vec<Listener>,
    pairs_asked: usize,
    listeners_asked: usize,
    data_asked: usize,
}

impl Ports {
    pub(crate) fn new(
        locals: &[IpAddr],
        media: RangeInclusive<u16>,
        h245: RangeInclusive<u16>,
        t120: RangeInclusive<u16>,
    ) -> Self {
        let spare = locals.iter().map(|ip| (*ip, Spare::default())).collect();
        Self {
            media,
            h245,
            t120,
            next: FIRST_LISTENER,
            spare,
            asked: BTreeMap::new(),
            asked_data: BTreeSet::new(),
            rest: Rest::default(),
        }
    }

    /// Asks for what is missing on every local address.
    pub(crate) fn top_up(&mut self, out: &mut Outbox) {
        for (ip, spare) in &mut self.spare {
            while spare.pairs.len() + spare.pairs_asked < SPARE_PAIRS {
                let bind = Bind::Media(PairId(self.next));
                ask(&mut self.asked, bind, *ip, &self.media, out);
                self.next = self.next.wrapping_add(1).max(FIRST_LISTENER);
                spare.pairs_asked += 1;
            }
            while spare.listeners.len() + spare.listeners_asked < SPARE_LISTENERS {
                let bind = Bind::Tcp(ListenerId(self.next));
                ask(&mut self.asked, bind, *ip, &self.h245, out);
                self.next = self.next.wrapping_add(1).max(FIRST_LISTENER);
                spare.listeners_asked += 1;
            }
            while spare.data.len() + spare.data_asked < SPARE_DATA {
                let listener = ListenerId(self.next);
                self.asked_data.insert(listener);
                ask(&mut self.asked, Bind::Tcp(listener), *ip, &self.t120, out);
                self.next = self.next.wrapping_add(1).max(FIRST_LISTENER);
                spare.data_asked += 1;
            }
        }
    }

    /// Asks for the pair of multiplexed media on every local address.
    pub(crate) fn share(&mut self, port: u16, out: &mut Outbox) {
        let locals: Vec<IpAddr> = self.spare.keys().copied().collect();
        for (number, ip) in (0..).zip(locals) {
            // A range of ports has to hold the odd one, too.
            let pair = port..=port.saturating_add(1);
            ask(&mut self.asked, Bind::Media(PairId(number)), ip, &pair, out);
        }
    }

    /// The local address for which a pair of multiplexed media was asked for, if the answer is still open.
    pub(crate) fn shared_at(&self, bind: Bind) -> Option<IpAddr> {
        match bind {
            Bind::Media(id) if id.0 < FIRST_LISTENER => self.asked.get(&bind).copied(),
            _ => None,
        }
    }

    /// The pair of multiplexed media on a local address.
    pub(crate) fn shared(&self, ip: IpAddr) -> Option<Pair> {
        self.spare.get(&ip)?.shared
    }

    /// Takes an answer of the host; false when it answers something not asked for here.
    pub(crate) fn bound(&mut self, bind: Bind, at: Option<SocketAddr>, out: &mut Outbox) -> bool {
        let Some(ip) = self.asked.remove(&bind) else { return false };
        let Some(spare) = self.spare.get_mut(&ip) else { return false };
        match bind {
            Bind::Media(id) if id.0 < FIRST_LISTENER => {
                spare.shared = at.map(|rtp| Pair { id, rtp });
                if at.is_some() {
                    out.push(Output::Flow(FlowCommand::Share { pair: id }));
                }
            }
            Bind::Media(id) => {
                spare.pairs_asked -= 1;
                spare.pairs.extend(at.map(|rtp| Pair { id, rtp }));
            }
            Bind::Tcp(id) if self.asked_data.remove(&id) => {
                spare.data_asked -= 1;
                spare.data.extend(at.map(|at| Listener { id, at }));
            }
            Bind::Tcp(id) => {
                spare.listeners_asked -= 1;
                spare.listeners.extend(at.map(|at| Listener { id, at }));
            }
            Bind::Udp(_) | Bind::UdpPair(..) => {}
        }
        true
    }

    /// A media pair on a local address, if possible one that was not in use a moment ago; nothing when none is ready.
    pub(crate) fn pair(&mut self, now: Instant, ip: IpAddr, out: &mut Outbox) -> Option<Pair> {
        let Self { spare, rest, .. } = self;
        let taken = spare.get_mut(&ip).and_then(|spare| {
            let chosen = rest.choose(now, &spare.pairs)?;
            spare.pairs.remove(chosen)
        });
        if let Some(pair) = taken {
            rest.take(pair);
        }
        self.top_up(out);
        taken
    }

    /// Whether there are ports for media on a local address, or may be. If not, they are asked for again.
    pub(crate) fn has_pairs(&mut self, ip: IpAddr, out: &mut Outbox) -> bool {
        let Some(spare) = self.spare.get(&ip) else { return true };
        let has = !spare.pairs.is_empty() || spare.pairs_asked > 0 || spare.shared.is_some();
        if !has {
            self.top_up(out);
        }
        has
    }

    /// A pair is in use no longer.
    pub(crate) fn left(&mut self, now: Instant, pair: PairId) {
        self.rest.leave(now, pair);
    }

    /// An H.245 listener on a local address; nothing when none is ready.
    pub(crate) fn listener(&mut self, ip: IpAddr, out: &mut Outbox) -> Option<Listener> {
        let taken = self.spare.get_mut(&ip).and_then(|spare| spare.listeners.pop());
        self.top_up(out);
        taken
    }

    /// A T.120 listener on a local address; nothing when none is ready.
    pub(crate) fn data_listener(&mut self, ip: IpAddr, out: &mut Outbox) -> Option<Listener> {
        let taken = self.spare.get_mut(&ip).and_then(|spare| spare.data.pop());
        self.top_up(out);
        taken
    }

    /// How many media pairs and how many H.245 listeners are ready.
    pub(crate) fn ready(&self) -> [usize; 2] {
        let pairs = self.spare.values().map(|spare| spare.pairs.len()).sum();
        let listeners = self.spare.values().map(|spare| spare.listeners.len()).sum();
        [pairs, listeners]
    }

    /// Gives everything that is ready back to the host.
    pub(crate) fn close(&mut self, out: &mut Outbox) {
        for spare in self.spare.values_mut() {
            for pair in spare.pairs.drain(..) {
                out.push(Output::Unbind(Bind::Media(pair.id)));
            }
            for listener in spare.listeners.drain(..).chain(spare.data.drain(..)) {
                out.push(Output::Unbind(Bind::Tcp(listener.id)));
            }
        }
        self.spare.clear();
    }
}

fn ask(
    asked: &mut BTreeMap<Bind, IpAddr>,
    bind: Bind,
    ip: IpAddr,
    ports: &RangeInclusive<u16>,
    out: &mut Outbox,
) {
    asked.insert(bind, ip);
    out.push(Output::Bind { bind, ip, ports: ports.clone() });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    fn now() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "there is no other way to an Instant")]
        Instant::now()
    }

    /// Answers every bind asked for; returns how many there were.
    fn answer(ports: &mut Ports, out: &mut Outbox, free: bool) -> usize {
        let mut asked = 0;
        while let Some(output) = out.pop() {
            let Output::Bind { bind, ip, ports: range } = output else { panic!("{output:?}") };
            asked += 1;
            let at = free.then(|| SocketAddr::new(ip, *range.start() + 2 * asked as u16));
            assert!(ports.bound(bind, at, &mut Outbox::default()));
        }
        asked
    }

    #[test]
    fn what_is_taken_is_replaced() {
        let (mut ports, mut out) =
            (Ports::new(&[ip()], 5000..=6000, 7000..=8000, 9000..=9999), Outbox::default());
        assert_eq!(ports.pair(now(), ip(), &mut out), None, "nothing is bound yet");
        assert_eq!(answer(&mut ports, &mut out, true), SPARE_PAIRS + SPARE_LISTENERS + SPARE_DATA);
        let pair = ports.pair(now(), ip(), &mut out).expect("a pair");
        assert!((5000..=6000).contains(&pair.rtp.port()));
        assert_eq!(pair.rtcp().port(), pair.rtp.port() + 1);
        assert!(ports.listener(ip(), &mut out).is_some());
        assert_eq!(answer(&mut ports, &mut out, true), 2);
        assert_eq!(
            ports.pair(now(), "192.0.2.9".parse().unwrap(), &mut out),
            None,
            "not our address"
        );
    }

    #[test]
    fn a_port_rests_while_there_are_others() {
        let (mut ports, mut out) =
            (Ports::new(&[ip()], 5000..=6000, 1..=2, 1..=2), Outbox::default());
        ports.top_up(&mut out);
        answer(&mut ports, &mut out, true);
        let start = now();
        let first = ports.pair(start, ip(), &mut out).unwrap();
        ports.left(start, first.id);
        // The host gives the same port again, whatever is asked for.
        while let Some(Output::Bind { bind, .. }) = out.pop() {
            ports.bound(bind, Some(first.rtp), &mut Outbox::default());
        }
        for _ in 1..SPARE_PAIRS {
            assert_ne!(ports.pair(start, ip(), &mut out).unwrap().rtp, first.rtp);
        }
        while out.pop().is_some() {}
        let again = ports.pair(start, ip(), &mut out).unwrap();
        assert_eq!(again.rtp, first.rtp, "rather than none");
    }

    #[test]
    fn a_full_range_is_asked_again_only_when_a_port_is_wanted() {
        let (mut ports, mut out) = (Ports::new(&[ip()], 1..=2, 1..=2, 1..=2), Outbox::default());
        ports.top_up(&mut out);
        assert_eq!(answer(&mut ports, &mut out, false), SPARE_PAIRS + SPARE_LISTENERS + SPARE_DATA);
        assert!(out.pop().is_none());
        assert_eq!(ports.pair(now(), ip(), &mut out), None);
        assert_eq!(answer(&mut ports, &mut out, true), SPARE_PAIRS + SPARE_LISTENERS + SPARE_DATA);
        assert!(ports.pair(now(), ip(), &mut out).is_some());
    }

    #[test]
    fn closing_gives_all_back() {
        let (mut ports, mut out) = (Ports::new(&[ip()], 1..=2, 1..=2, 1..=2), Outbox::default());
        ports.top_up(&mut out);
        answer(&mut ports, &mut out, true);
        ports.close(&mut out);
        let unbound = std::iter::from_fn(|| out.pop()).filter(|o| matches!(o, Output::Unbind(_)));
        assert_eq!(unbound.count(), SPARE_PAIRS + SPARE_LISTENERS + SPARE_DATA);
    }
}
