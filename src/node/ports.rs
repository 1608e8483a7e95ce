//! Ports kept ready, so that a channel can be opened in the very message that asks for it: binding is the host's
//! work and takes a round trip through it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::quota::{Lack, Quota};
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
/// How long nothing is sought where nothing was found: the host tries every port of a range for it, and does nothing
/// else meanwhile. It is twice as long after each further search in vain, [`MOST_DOUBLINGS`] times.
const BARREN: Duration = Duration::from_secs(1);
const MOST_DOUBLINGS: u32 = 3;
/// Ports that were given back of which is remembered where they are, on each local address.
const MOST_RETURNED: usize = 4096;

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

/// The ranges that ports are taken from; `0..=0` leaves it to the system.
#[derive(Debug)]
pub(crate) struct Ranges {
    pub(crate) media: RangeInclusive<u16>,
    pub(crate) h245: RangeInclusive<u16>,
    pub(crate) t120: RangeInclusive<u16>,
    /// The class of packets of H.245.
    pub(crate) h245_class: u8,
}

/// The ports kept ready.
#[derive(Debug)]
pub(crate) struct Ports {
    ranges: Ranges,
    next: u32,
    spare: BTreeMap<IpAddr, Spare>,
    asked: BTreeMap<Bind, IpAddr>,
    /// Of what was asked for, the listeners of T.120.
    asked_data: BTreeSet<ListenerId>,
    /// Pairs that are in use no longer, and that the host has not closed yet.
    closing: BTreeMap<PairId, SocketAddr>,
    rest: Rest,
    quota: Quota,
}

#[derive(Debug)]
struct Spare {
    /// The pair of multiplexed media, which all flows of the address share.
    shared: Option<Pair>,
    pairs: Shelf<Pair>,
    /// The even ports of pairs that were given back, the one first that was given back first. Where few are free these are
    /// found at once, and all others only by trying one after the other.
    returned: VecDeque<u16>,
    /// What is asked for is one of these.
    asked_again: bool,
    listeners: Shelf<Listener>,
    data: Shelf<Listener>,
}

impl Spare {
    /// The ports among which one more pair is to be sought now, if it is.
    fn seeks(
        &mut self,
        now: Instant,
        range: &RangeInclusive<u16>,
        is_scarce: bool,
    ) -> Option<RangeInclusive<u16>> {
        if (is_scarce || self.pairs.rests(now))
            && self.pairs.lacks()
            && let Some(port) = self.returned.pop_front()
        {
            (self.pairs.asked, self.asked_again) = (true, true);
            return Some(port..=port.saturating_add(1));
        }
        self.pairs.asks(now).then(|| range.clone())
    }

    /// The host has found a pair, or none.
    fn found(&mut self, now: Instant, pair: Option<Pair>) {
        if std::mem::take(&mut self.asked_again) {
            // That says nothing of the others.
            self.pairs.asked = false;
            self.pairs.ready.extend(pair);
            return;
        }
        if let Some(pair) = pair {
            self.returned.retain(|port| *port != pair.rtp.port());
        }
        self.pairs.answered(now, pair);
    }

    fn give_back(&mut self, port: u16) {
        if self.returned.len() >= MOST_RETURNED {
            self.returned.pop_front();
        }
        self.returned.push_back(port);
    }
}

/// What is ready of one kind on one address. What is missing is asked for one at a time: where there is none, one search
/// shows it.
#[derive(Debug)]
struct Shelf<T> {
    ready: VecDeque<T>,
    most: usize,
    asked: bool,
    /// Nothing was found; until then nothing is sought.
    barren: Option<Instant>,
    /// How often nothing was found since something was.
    misses: u32,
}

impl<T> Shelf<T> {
    const fn new(most: usize) -> Self {
        Self { ready: VecDeque::new(), most, asked: false, barren: None, misses: 0 }
    }

    /// Nothing was found a moment ago.
    fn rests(&self, now: Instant) -> bool {
        self.barren.is_some_and(|until| now < until)
    }

    fn lacks(&self) -> bool {
        !self.asked && self.ready.len() < self.most
    }

    /// Whether one more is to be asked for now, as it then is.
    fn asks(&mut self, now: Instant) -> bool {
        let asks = !self.rests(now) && self.lacks();
        if asks {
            (self.asked, self.barren) = (true, None);
        }
        asks
    }

    fn answered(&mut self, now: Instant, found: Option<T>) {
        self.asked = false;
        if found.is_some() {
            (self.barren, self.misses) = (None, 0);
        } else {
            self.barren = Some(now + BARREN * (1 << self.misses.min(MOST_DOUBLINGS)));
            self.misses = self.misses.saturating_add(1);
        }
        self.ready.extend(found);
    }
}

impl Ports {
    pub(crate) fn new(locals: &[IpAddr], ranges: Ranges, quota: Quota) -> Self {
        let spare = || Spare {
            shared: None,
            pairs: Shelf::new(SPARE_PAIRS),
            returned: VecDeque::new(),
            asked_again: false,
            listeners: Shelf::new(SPARE_LISTENERS),
            data: Shelf::new(SPARE_DATA),
        };
        Self {
            ranges,
            next: FIRST_LISTENER,
            spare: locals.iter().map(|ip| (*ip, spare())).collect(),
            asked: BTreeMap::new(),
            asked_data: BTreeSet::new(),
            closing: BTreeMap::new(),
            rest: Rest::default(),
            quota,
        }
    }

    /// Asks for what is missing on every local address.
    pub(crate) fn top_up(&mut self, now: Instant, out: &mut Outbox) {
        let Self { ranges, next, spare, asked, asked_data, quota, .. } = self;
        let mut ask =
            |number: &dyn Fn(u32) -> Bind, ip: IpAddr, ports: &RangeInclusive<u16>, class| {
                let bind = number(*next);
                *next = next.wrapping_add(1).max(FIRST_LISTENER);
                asked.insert(bind, ip);
                out.push(Output::Bind { bind, ip, ports: ports.clone(), class });
                bind
            };
        for (ip, spare) in spare {
            let is_scarce = quota.is_scarce(*ip, spare.pairs.ready.len());
            if let Some(ports) = spare.seeks(now, &ranges.media, is_scarce) {
                ask(&|n| Bind::Media(PairId(n)), *ip, &ports, 0);
            }
            if spare.listeners.asks(now) {
                ask(&|n| Bind::Tcp(ListenerId(n)), *ip, &ranges.h245, ranges.h245_class);
            }
            if spare.data.asks(now)
                && let Bind::Tcp(id) = ask(&|n| Bind::Tcp(ListenerId(n)), *ip, &ranges.t120, 0)
            {
                asked_data.insert(id);
            }
        }
    }

    /// Asks for the pair of multiplexed media on every local address.
    pub(crate) fn share(&mut self, port: u16, out: &mut Outbox) {
        let locals: Vec<IpAddr> = self.spare.keys().copied().collect();
        for (number, ip) in (0..).zip(locals) {
            // A range of ports has to hold the odd one, too.
            let (bind, ports) = (Bind::Media(PairId(number)), port..=port.saturating_add(1));
            self.asked.insert(bind, ip);
            out.push(Output::Bind { bind, ip, ports, class: 0 });
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

    /// Takes an answer of the host, and asks for what is missing still; false when it answers something not asked for
    /// here.
    pub(crate) fn bound(
        &mut self,
        now: Instant,
        bind: Bind,
        at: Option<SocketAddr>,
        out: &mut Outbox,
    ) -> bool {
        let Some(ip) = self.asked.remove(&bind) else { return false };
        let Some(spare) = self.spare.get_mut(&ip) else { return false };
        match bind {
            Bind::Media(id) if id.0 < FIRST_LISTENER => {
                spare.shared = at.map(|rtp| Pair { id, rtp });
                if at.is_some() {
                    out.push(Output::Flow(FlowCommand::Share { pair: id }));
                }
            }
            Bind::Media(id) => spare.found(now, at.map(|rtp| Pair { id, rtp })),
            Bind::Tcp(id) if self.asked_data.remove(&id) => {
                spare.data.answered(now, at.map(|at| Listener { id, at }));
            }
            Bind::Tcp(id) => spare.listeners.answered(now, at.map(|at| Listener { id, at })),
            Bind::Udp(_) | Bind::UdpPair(..) => {}
        }
        self.top_up(now, out);
        true
    }

    /// A media pair on a local address for a holder, if possible one that was not in use a moment ago.
    ///
    /// # Errors
    /// When none is ready, and when the holder has what it may have.
    pub(crate) fn pair(
        &mut self,
        now: Instant,
        ip: IpAddr,
        holder: Option<IpAddr>,
        out: &mut Outbox,
    ) -> Result<Pair, Lack> {
        self.quota.allows(ip, holder, 1)?;
        let Self { spare, rest, .. } = self;
        let taken = spare.get_mut(&ip).and_then(|spare| {
            let chosen = rest.choose(now, &spare.pairs.ready)?;
            spare.pairs.ready.remove(chosen)
        });
        if let Some(pair) = taken {
            rest.take(pair);
            self.quota.take(pair.id, ip, holder);
        }
        self.top_up(now, out);
        taken.ok_or(Lack::Ports)
    }

    /// Whether a holder can have ports for media on the local addresses of both sides of a call, or may be able to. If
    /// there are none, they are asked for again.
    ///
    /// # Errors
    /// Why it cannot.
    pub(crate) fn has_pairs(
        &mut self,
        now: Instant,
        locals: [IpAddr; 2],
        holder: Option<IpAddr>,
        out: &mut Outbox,
    ) -> Result<(), Lack> {
        let mut none = false;
        for ip in locals {
            let Some(spare) = self.spare.get(&ip).filter(|spare| spare.shared.is_none()) else {
                continue;
            };
            none |= spare.pairs.ready.is_empty() && !spare.pairs.asked;
            let sides = locals.iter().filter(|local| **local == ip).count();
            self.quota.allows(ip, holder, sides)?;
        }
        if none {
            self.top_up(now, out);
            return Err(Lack::Ports);
        }
        Ok(())
    }

    /// A pair is in use no longer.
    pub(crate) fn left(&mut self, now: Instant, pair: PairId) {
        if let Some(at) = self.rest.leave(now, pair) {
            self.closing.insert(pair, at);
        }
        self.quota.leave(pair);
    }

    /// A pair is not used after all, and kept for another.
    pub(crate) fn put_back(&mut self, ip: IpAddr, pair: Pair) {
        self.rest.forget_use(pair.id);
        self.quota.leave(pair.id);
        if let Some(spare) = self.spare.get_mut(&ip) {
            spare.pairs.ready.push_front(pair);
        }
    }

    /// When to seek again what was not found, unasked: else the next call would learn of ports that are there again only
    /// by being refused.
    pub(crate) fn seeks_at(&self) -> Option<Instant> {
        let barren = |spare: &Spare| {
            [spare.pairs.barren, spare.listeners.barren, spare.data.barren]
                .into_iter()
                .flatten()
                .min()
        };
        self.spare.values().filter_map(barren).min()
    }

    /// The host has closed pairs that were in use: where there was no port, there are these now.
    pub(crate) fn given_back(&mut self, now: Instant, pairs: [PairId; 2], out: &mut Outbox) {
        for pair in pairs {
            if let Some(at) = self.closing.remove(&pair)
                && let Some(spare) = self.spare.get_mut(&at.ip())
            {
                spare.give_back(at.port());
            }
        }
        self.top_up(now, out);
    }

    /// An H.245 listener on a local address; nothing when none is ready.
    pub(crate) fn listener(
        &mut self,
        now: Instant,
        ip: IpAddr,
        out: &mut Outbox,
    ) -> Option<Listener> {
        let taken = self.spare.get_mut(&ip).and_then(|spare| spare.listeners.ready.pop_front());
        self.top_up(now, out);
        taken
    }

    /// A T.120 listener on a local address; nothing when none is ready.
    pub(crate) fn data_listener(
        &mut self,
        now: Instant,
        ip: IpAddr,
        out: &mut Outbox,
    ) -> Option<Listener> {
        let taken = self.spare.get_mut(&ip).and_then(|spare| spare.data.ready.pop_front());
        self.top_up(now, out);
        taken
    }

    /// How many media pairs and how many H.245 listeners are ready.
    pub(crate) fn ready(&self) -> [usize; 2] {
        let pairs = self.spare.values().map(|spare| spare.pairs.ready.len()).sum();
        let listeners = self.spare.values().map(|spare| spare.listeners.ready.len()).sum();
        [pairs, listeners]
    }

    /// Gives everything that is ready back to the host.
    pub(crate) fn close(&mut self, out: &mut Outbox) {
        for spare in self.spare.values_mut() {
            for pair in spare.pairs.ready.drain(..) {
                out.push(Output::Unbind(Bind::Media(pair.id)));
            }
            for listener in spare.listeners.ready.drain(..).chain(spare.data.ready.drain(..)) {
                out.push(Output::Unbind(Bind::Tcp(listener.id)));
            }
        }
        self.spare.clear();
        self.closing.clear();
    }
}

#[cfg(test)]
mod tests;
