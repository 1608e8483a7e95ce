//! More to do than can be done: what concerns calls and registrations that exist goes on, what is new waits its turn. Who
//! waits is told so (RIP, H.225.0 §7.17); when too many wait, the newest is refused.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use pinhole_h323::asn::h225::{
    AdmissionReject, AdmissionRejectReason, RasMessage, RegistrationReject,
    RegistrationRejectReason, RequestInProgress, RequestSeqNum,
};
use pinhole_h323::id::{EndpointId, Seq};
use pinhole_h323::ras::Ras;
use pinhole_h323::version;

use super::Origin;
use crate::call::Calls;
use crate::node::limits::source;
use crate::node::{Allowance, Cx, Limiter, Timer};

/// How many requests can wait.
const MOST: usize = 1024;
/// How many of one address can wait.
const MOST_OF_ONE: usize = 32;
/// How long a client is asked to wait: by then its turn has come.
const DELAY_MS: u16 = 3000;
/// How often it is looked whether there is time for those that wait.
const TURN: Duration = Duration::from_millis(20);

/// New work, and who waits for it.
#[derive(Debug)]
pub(crate) struct Load {
    limiter: Limiter,
    waiting: VecDeque<(Origin, Seq, Vec<u8>)>,
    sources: BTreeMap<IpAddr, usize>,
}

/// What becomes of new work.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Now,
    Later,
    Never,
}

impl Load {
    pub(crate) fn new(allowance: Allowance) -> Self {
        let (waiting, sources) = (VecDeque::new(), BTreeMap::new());
        Self { limiter: Limiter::new(allowance), waiting, sources }
    }

    /// How many requests wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn has_time(&mut self, now: Instant) -> bool {
        self.limiter.allow(now, IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn take(&mut self, now: Instant, origin: Origin, seq: Seq, bytes: &[u8]) -> Turn {
        // Nobody overtakes those that wait.
        if self.waiting.is_empty() && self.has_time(now) {
            return Turn::Now;
        }
        let is_it = |known: &(Origin, Seq, Vec<u8>)| known.0.from == origin.from && known.1 == seq;
        let has = self.sources.get(&source(origin.from.ip())).copied().unwrap_or(0);
        if has > 0 && self.waiting.iter().any(is_it) {
            return Turn::Later;
        }
        if has >= MOST_OF_ONE || self.waiting.len() >= MOST {
            return Turn::Never;
        }
        self.sources.insert(source(origin.from.ip()), has + 1);
        self.waiting.push_back((origin, seq, bytes.to_vec()));
        Turn::Later
    }

    /// The next request whose turn has come.
    fn next(&mut self, now: Instant) -> Option<(Origin, Vec<u8>)> {
        if self.waiting.is_empty() || !self.has_time(now) {
            return None;
        }
        let (origin, _, bytes) = self.waiting.pop_front()?;
        if let Some(has) = self.sources.get_mut(&source(origin.from.ip())) {
            *has = has.saturating_sub(1);
            if *has == 0 {
                self.sources.remove(&source(origin.from.ip()));
            }
        }
        Some((origin, bytes))
    }
}

/// True for what begins something: a registration, a call, a search for a gatekeeper.
fn is_new(cx: &Cx<'_>, origin: Origin, ras: &Ras) -> bool {
    match ras.message() {
        RasMessage::gatekeeperRequest(_) => true,
        RasMessage::registrationRequest(request) => {
            let id = request.endpoint_identifier.as_ref().map(EndpointId::from);
            let known = id.and_then(|id| cx.core.registrations.get(&id));
            request.keep_alive != Some(true)
                && !known.is_some_and(|known| known.speaks_from(origin.from))
        }
        RasMessage::admissionRequest(request) => !request.answer_call,
        _ => false,
    }
}

/// Lets a request pass, or says what its sender is told instead.
pub(super) fn check(
    cx: &mut Cx<'_>,
    origin: Origin,
    ras: &Ras,
    bytes: &[u8],
) -> Result<(), Option<RasMessage>> {
    if !is_new(cx, origin, ras) {
        return Ok(());
    }
    let Some(seq) = ras.seq() else { return Ok(()) };
    match cx.core.load.take(cx.now, origin, seq, bytes) {
        Turn::Now => Ok(()),
        Turn::Later => {
            cx.core.counters.deferred_ras += 1;
            cx.set(Timer::Waiting, TURN);
            Err(Some(in_progress(seq)))
        }
        Turn::Never => Err(refusal(ras.message(), seq)),
    }
}

fn in_progress(seq: Seq) -> RasMessage {
    RasMessage::requestInProgress(Box::new(RequestInProgress {
        request_seq_num: RequestSeqNum::from(seq),
        delay: DELAY_MS,
        ..Default::default()
    }))
}

/// resourceUnavailable, in the reject of the request. A gatekeeper that has none to spare need not be found.
fn refusal(message: &RasMessage, seq: Seq) -> Option<RasMessage> {
    let request_seq_num = RequestSeqNum::from(seq);
    match message {
        RasMessage::registrationRequest(_) => {
            Some(RasMessage::registrationReject(Box::new(RegistrationReject {
                request_seq_num,
                protocol_identifier: version::h225(),
                reject_reason: RegistrationRejectReason::resourceUnavailable(()),
                ..Default::default()
            })))
        }
        RasMessage::admissionRequest(_) => {
            Some(RasMessage::admissionReject(Box::new(AdmissionReject {
                request_seq_num,
                reject_reason: AdmissionRejectReason::resourceUnavailable(()),
                ..Default::default()
            })))
        }
        _ => None,
    }
}

/// It is time for some of those that wait.
pub(crate) fn turn(cx: &mut Cx<'_>, calls: &mut Calls) {
    while let Some((origin, bytes)) = cx.core.load.next(cx.now) {
        if let Ok(ras) = Ras::decode(&bytes) {
            super::serve(cx, calls, origin, &ras, &bytes);
        }
    }
    if cx.core.load.len() > 0 {
        cx.set(Timer::Waiting, TURN);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use super::*;
    use crate::face::SocketId;

    fn origin(from: &str) -> Origin {
        let local = "198.51.100.2".parse().unwrap();
        let arrived = super::super::socket::Socket::Ras(0);
        Origin { from: from.parse().unwrap(), socket: SocketId(0), arrived, local }
    }

    #[test]
    fn what_is_too_much_waits_in_order_and_one_address_takes_only_its_share() {
        let now = Instant::now();
        let mut load = Load::new(Allowance { rate: 10, burst: 2 });
        let (mallory, alice) = (origin("192.0.2.66:1"), origin("192.0.2.1:1"));
        let mut take = |origin, seq| load.take(now, origin, Seq::new(seq), &[seq as u8]);
        assert_eq!(
            [take(mallory, 1), take(mallory, 2), take(mallory, 3)],
            [Turn::Now, Turn::Now, Turn::Later]
        );
        assert_eq!(take(mallory, 3), Turn::Later, "the same again");
        let rest: Vec<Turn> = (4..100).map(|seq| take(mallory, seq)).collect();
        assert_eq!(rest.iter().filter(|turn| **turn == Turn::Later).count(), MOST_OF_ONE - 1);
        assert_eq!(take(alice, 1), Turn::Later, "others can wait as well");
        assert_eq!(load.len(), MOST_OF_ONE + 1);
        assert!(load.next(now).is_none());
        let later = now + Duration::from_millis(100);
        assert_eq!(load.next(later).unwrap().1, [3]);
        assert!(load.next(later).is_none());
        let much_later = now + Duration::from_secs(60);
        assert_eq!(
            load.take(much_later, alice, Seq::new(9), &[9]),
            Turn::Later,
            "not before others"
        );
        for n in 1..60 {
            while load.next(much_later + Duration::from_secs(n)).is_some() {}
        }
        assert!(load.waiting.is_empty() && load.sources.is_empty());
        assert_eq!(
            load.take(much_later + Duration::from_secs(90), alice, Seq::new(9), &[9]),
            Turn::Now
        );
    }
}
