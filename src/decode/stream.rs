//! One direction of a TCP connection, put together again from segments in any order.

use std::collections::BTreeMap;

/// Octets that wait for an earlier segment; with more, the earlier one is taken for lost.
const MAX_HELD: usize = 1 << 20;
/// Segments that wait for an earlier one.
const MAX_SEGMENTS: usize = 1024;

/// What comes out of a stream, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Octets that follow what came before.
    Bytes(Vec<u8>),
    /// So many octets are not in the capture.
    Missing(u32),
    /// The capture begins within the stream.
    Begun,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Stream {
    /// The sequence number of the next octet.
    next: Option<u32>,
    /// Later segments, by their distance from `next` when the first of them came – so that they stay in order
    /// when sequence numbers begin again at zero.
    held: BTreeMap<u32, Vec<u8>>,
    /// The sequence number from which `held` counts.
    origin: u32,
    octets: usize,
    /// The sequence number after the last octet, once the peer has said that there are no more.
    end: Option<u32>,
    /// The sequence number up to which the other end says that it has received.
    acknowledged: Option<u32>,
}

impl Stream {
    /// Takes a segment and returns what is complete now.
    pub fn push(&mut self, sequence: u32, syn: bool, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let first = if syn { sequence.wrapping_add(1) } else { sequence };
        if self.next.is_none() && (syn || !bytes.is_empty()) {
            self.next = Some(first);
            if !syn {
                pieces.push(Piece::Begun);
            }
        }
        let Some(next) = self.next else { return pieces };
        if bytes.is_empty() {
            return pieces;
        }
        match distance(next, first) {
            Distance::Ahead(0) => self.accept(bytes.to_vec(), &mut pieces),
            Distance::Ahead(_) => self.hold(next, first, bytes),
            Distance::Behind(seen) => {
                let seen = usize::try_from(seen).unwrap_or(usize::MAX);
                if let Some(new) = bytes.get(seen..).filter(|new| !new.is_empty()) {
                    self.accept(new.to_vec(), &mut pieces);
                }
            }
        }
        self.release(&mut pieces);
        while self.octets > MAX_HELD || self.held.len() > MAX_SEGMENTS {
            self.skip(&mut pieces);
        }
        pieces
    }

    /// The peer says that no octets come after those before this sequence number.
    pub fn close(&mut self, sequence: u32) {
        self.end = Some(sequence);
    }

    /// The other end says that it has received what comes before this sequence number.
    pub fn acknowledge(&mut self, sequence: u32) {
        if self
            .acknowledged
            .is_none_or(|known| matches!(distance(known, sequence), Distance::Ahead(_)))
        {
            self.acknowledged = Some(sequence);
        }
    }

    /// The direction has ended: what waits for an earlier segment waits in vain.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while !self.held.is_empty() {
            self.skip(&mut pieces);
        }
        let Some(next) = self.next else { return pieces };
        let (end, missing) = match (self.end, self.acknowledged) {
            (Some(end), _) => (end, distance(next, end)),
            // One more than the octets may be the acknowledgement of an end that was not captured.
            (None, Some(acknowledged)) => match distance(next, acknowledged) {
                Distance::Ahead(0..=1) => return pieces,
                distance => (acknowledged, distance),
            },
            (None, None) => return pieces,
        };
        if let Distance::Ahead(missing @ 1..) = missing {
            pieces.push(Piece::Missing(missing));
            self.next = Some(end);
        }
        pieces
    }

    fn accept(&mut self, bytes: Vec<u8>, pieces: &mut Vec<Piece>) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.next = self.next.map(|next| next.wrapping_add(length));
        pieces.push(Piece::Bytes(bytes));
    }

    fn hold(&mut self, next: u32, first: u32, bytes: &[u8]) {
        if self.held.is_empty() {
            self.origin = next;
        }
        let key = first.wrapping_sub(self.origin);
        // Of two with the same beginning the longer one says more.
        let held = self.held.entry(key).or_default();
        if held.len() < bytes.len() {
            self.octets = self.octets.saturating_add(bytes.len() - held.len());
            *held = bytes.to_vec();
        }
    }

    /// Passes on the held segments that have become the next ones.
    fn release(&mut self, pieces: &mut Vec<Piece>) {
        while let (Some(next), Some((&key, _))) = (self.next, self.held.first_key_value()) {
            let seen = match distance(next, self.origin.wrapping_add(key)) {
                Distance::Ahead(0) => 0,
                Distance::Ahead(_) => return,
                Distance::Behind(seen) => usize::try_from(seen).unwrap_or(usize::MAX),
            };
            let Some((_, bytes)) = self.held.pop_first() else { return };
            self.octets = self.octets.saturating_sub(bytes.len());
            if let Some(new) = bytes.get(seen..).filter(|new| !new.is_empty()) {
                self.accept(new.to_vec(), pieces);
            }
        }
    }

    /// Goes on at the first held segment, without what should have come before it.
    fn skip(&mut self, pieces: &mut Vec<Piece>) {
        let (Some(next), Some((&key, _))) = (self.next, self.held.first_key_value()) else {
            return;
        };
        let first = self.origin.wrapping_add(key);
        pieces.push(Piece::Missing(first.wrapping_sub(next)));
        self.next = Some(first);
        self.release(pieces);
    }
}

enum Distance {
    Ahead(u32),
    Behind(u32),
}

/// How far a sequence number is from the next one, in a space that begins again at zero (RFC 9293 §3.4).
fn distance(next: u32, sequence: u32) -> Distance {
    let ahead = sequence.wrapping_sub(next);
    if ahead <= u32::MAX / 2 {
        Distance::Ahead(ahead)
    } else {
        Distance::Behind(next.wrapping_sub(sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(octets: &[u8]) -> Vec<Piece> {
        vec![Piece::Bytes(octets.to_vec())]
    }

    fn begun(sequence: u32) -> Stream {
        let mut stream = Stream::default();
        assert_eq!(stream.push(sequence, true, &[]), []);
        stream
    }

    #[test]
    fn passes_on_what_comes_in_order() {
        let mut stream = begun(100);
        assert_eq!(stream.push(101, false, b"ab"), bytes(b"ab"));
        assert_eq!(stream.push(103, false, b"c"), bytes(b"c"));
        assert_eq!(stream.finish(), []);
    }

    #[test]
    fn puts_segments_in_order_across_the_end_of_the_numbers() {
        let mut stream = begun(u32::MAX - 2);
        assert_eq!(stream.push(2, false, b"de"), []);
        assert_eq!(stream.push(0, false, b"bc"), []);
        let pieces = stream.push(u32::MAX - 1, false, b"xa");
        let expected = [b"xa", b"bc", b"de"].map(|octets| Piece::Bytes(octets.to_vec()));
        assert_eq!(pieces, expected);
    }

    #[test]
    fn takes_each_octet_once() {
        let mut stream = begun(0);
        assert_eq!(stream.push(1, false, b"abc"), bytes(b"abc"));
        assert_eq!(stream.push(1, false, b"abc"), []);
        assert_eq!(stream.push(2, false, b"bcd"), bytes(b"d"));
        // Held twice, and overlapped by what fills the gap.
        assert_eq!(stream.push(6, false, b"fg"), []);
        assert_eq!(stream.push(6, false, b"fg"), []);
        assert_eq!(
            stream.push(5, false, b"ef"),
            [Piece::Bytes(b"ef".to_vec()), Piece::Bytes(b"g".to_vec())]
        );
    }

    #[test]
    fn says_what_is_missing_at_the_end() {
        let mut stream = begun(0);
        assert_eq!(stream.push(11, false, b"late"), []);
        assert_eq!(stream.finish(), [Piece::Missing(10), Piece::Bytes(b"late".to_vec())]);
    }

    #[test]
    fn says_what_is_missing_before_the_last_word() {
        let mut stream = begun(0);
        assert_eq!(stream.push(1, false, b"ab"), bytes(b"ab"));
        stream.close(10);
        assert_eq!(stream.finish(), [Piece::Missing(7)]);
        assert_eq!(stream.finish(), []);
    }

    #[test]
    fn says_what_the_other_end_has_received_and_the_capture_has_not() {
        let mut stream = begun(0);
        assert_eq!(stream.push(1, false, b"ab"), bytes(b"ab"));
        stream.acknowledge(4);
        assert_eq!(stream.finish(), []);
        stream.acknowledge(13);
        stream.acknowledge(3);
        assert_eq!(stream.finish(), [Piece::Missing(10)]);
        assert_eq!(stream.finish(), []);
    }

    #[test]
    fn gives_up_waiting_when_much_is_held() {
        let mut stream = begun(0);
        let segment = vec![7; 60_000];
        let mut pieces = Vec::new();
        for n in 0..40 {
            pieces.append(&mut stream.push(2 + n * 60_000, false, &segment));
            assert!(stream.octets <= MAX_HELD);
        }
        assert_eq!(pieces.first(), Some(&Piece::Missing(1)));
        assert_eq!(pieces.len(), 41);
    }

    #[test]
    fn begins_where_the_capture_does() {
        let mut stream = Stream::default();
        assert_eq!(stream.push(70, false, &[]), []);
        assert_eq!(stream.push(71, false, b"mid"), [Piece::Begun, Piece::Bytes(b"mid".to_vec())]);
    }
}
