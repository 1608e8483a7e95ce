//! Requests that come again: an answer can be lost, and then the endpoint sends the same octets once more. It gets the
//! same answer once more, and the request has no second effect (H.225.0 §7.19: requestSeqNum tells retransmissions).

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole_h323::asn::h225::RasMessage;

use crate::node::limits::source;

/// How long an endpoint may repeat a request: three times, with three seconds before each.
const KEEP: Duration = Duration::from_secs(10);
/// What may be kept in all, in octets.
const MOST: usize = 8 << 20;
/// What may be kept for one source address, in octets.
const MOST_OF_ONE: usize = 512 << 10;
/// What an entry takes beside its octets, about.
const ENTRY: usize = 128;

/// A source and its requestSeqNum.
type Key = (IpAddr, u16, u16);

/// What was answered of late.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    answers: BTreeMap<Key, Answer>,
    /// The entries as they came; those that were replaced or forgotten are in it, too, until their time is over.
    order: VecDeque<(Instant, Key)>,
    sources: BTreeMap<IpAddr, usize>,
    octets: usize,
}

#[derive(Debug)]
struct Answer {
    at: Instant,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Answer {
    const fn size(&self) -> usize {
        self.request.len() + self.answer.len() + ENTRY
    }
}

/// True for an answer to a request that had an effect. A reject had none: the request is looked at anew.
pub(super) const fn is_kept(answer: &RasMessage) -> bool {
    matches!(
        answer,
        RasMessage::registrationConfirm(_)
            | RasMessage::unregistrationConfirm(_)
            | RasMessage::admissionConfirm(_)
            | RasMessage::disengageConfirm(_)
            | RasMessage::bandwidthConfirm(_)
    )
}

impl Repeats {
    /// What was answered to these very octets from there.
    pub(super) fn find(
        &mut self,
        now: Instant,
        from: SocketAddr,
        seq: u16,
        request: &[u8],
    ) -> Option<Vec<u8>> {
        self.expire(now);
        let known = self.answers.get(&key(from, seq))?;
        (known.request == request).then(|| known.answer.clone())
    }

    /// Keeps an answer, if there is room for it.
    pub(super) fn keep(
        &mut self,
        now: Instant,
        from: SocketAddr,
        seq: u16,
        request: &[u8],
        answer: &[u8],
    ) {
        self.expire(now);
        let key = key(from, seq);
        self.remove(&key);
        let (request, answer) = (request.to_vec(), answer.to_vec());
        let new = Answer { at: now, request, answer };
        let size = new.size();
        let has = self.sources.get(&source(from.ip())).copied().unwrap_or(0);
        // What was forgotten stays in the order for its time; it must not grow without bound, either.
        if self.octets + size > MOST || has + size > MOST_OF_ONE || self.order.len() * ENTRY > MOST
        {
            return;
        }
        self.octets += size;
        self.sources.insert(source(from.ip()), has + size);
        self.answers.insert(key, new);
        self.order.push_back((now, key));
    }

    /// A registration from an address is no more: what was answered there is no longer true.
    pub(super) fn forget(&mut self, source: IpAddr) {
        let from = (source, u16::MIN, u16::MIN)..=(source, u16::MAX, u16::MAX);
        let keys: Vec<Key> = self.answers.range(from).map(|(key, _)| *key).collect();
        for key in keys {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        let Some(gone) = self.answers.remove(key) else { return };
        self.octets = self.octets.saturating_sub(gone.size());
        let source = source(key.0);
        if let Some(has) = self.sources.get_mut(&source) {
            *has = has.saturating_sub(gone.size());
            if *has == 0 {
                self.sources.remove(&source);
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some((at, key)) = self.order.front().copied().filter(|(at, _)| *at + KEEP <= now)
        {
            self.order.pop_front();
            if self.answers.get(&key).is_some_and(|answer| answer.at == at) {
                self.remove(&key);
            }
        }
    }
}

fn key(from: SocketAddr, seq: u16) -> Key {
    (from.ip(), from.port(), seq)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_octets_from_the_same_socket_get_the_same_answer_for_a_while() {
        let (now, mut all) = (Instant::now(), Repeats::default());
        let from = at("192.0.2.1:1719");
        all.keep(now, from, 7, b"request", b"answer");
        assert_eq!(all.find(now, from, 7, b"request").unwrap(), b"answer");
        assert_eq!(all.find(now, from, 8, b"request"), None);
        assert_eq!(all.find(now, from, 7, b"another"), None, "the number is used again");
        assert_eq!(all.find(now, at("192.0.2.1:1720"), 7, b"request"), None);
        assert_eq!(all.find(now, at("192.0.2.2:1719"), 7, b"request"), None);
        assert!(all.find(now + KEEP - Duration::from_millis(1), from, 7, b"request").is_some());
        assert_eq!(all.find(now + KEEP, from, 7, b"request"), None);
        assert!(all.order.is_empty() && all.sources.is_empty());
        assert_eq!(all.octets, 0);
    }

    #[test]
    fn a_newer_request_with_the_same_number_takes_its_place() {
        let (now, mut all) = (Instant::now(), Repeats::default());
        let from = at("192.0.2.1:1719");
        all.keep(now, from, 7, b"one", b"1");
        let later = now + Duration::from_secs(9);
        all.keep(later, from, 7, b"two", b"2");
        assert_eq!(all.find(now + KEEP, from, 7, b"two").unwrap(), b"2", "its time has not come");
        all.forget(from.ip());
        assert_eq!(all.find(later, from, 7, b"two"), None);
        assert_eq!((all.octets, all.answers.len()), (0, 0));
    }

    #[test]
    fn nobody_fills_memory_or_takes_the_room_of_others() {
        let (now, mut all) = (Instant::now(), Repeats::default());
        let request = [0; 1000];
        for seq in 0..u16::MAX {
            all.keep(now, at("192.0.2.66:1719"), seq, &request, &request);
        }
        assert!(all.octets <= MOST_OF_ONE);
        let from = at("192.0.2.1:1719");
        all.keep(now, from, 1, b"request", b"answer");
        assert!(all.find(now, from, 1, b"request").is_some());
        for n in 0..200_000_u32 {
            let from = SocketAddr::new(IpAddr::from((n + 1).to_be_bytes()), 1);
            all.keep(now, from, 1, &request, &request);
        }
        assert!(all.octets <= MOST);
        for _ in 0..200_000 {
            all.keep(now, from, 2, b"again", b"and again");
        }
        assert!(all.order.len() * ENTRY <= MOST + ENTRY);
        all.expire(now + KEEP);
        assert!(all.order.is_empty() && all.answers.is_empty() && all.sources.is_empty());
    }
}
