//! One direction of a TCP connection that carries TPKTs: where its messages begin and end.

use pinhole_h323::{Malformed, tpkt};

use super::stream::{Piece, Stream};

/// What comes out of a direction, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The payload of a TPKT that is not a keepalive.
    Payload(Vec<u8>),
    /// Part of the stream could not be read.
    Lost(Loss),
}

/// Why part of a stream could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The capture lacks octets.
    #[error("{0} octets of the stream are not in the capture")]
    Missing(u32),
    /// The stream or the capture ends within a TPKT.
    #[error("the stream ends within a message")]
    Cut,
    /// The octets are no TPKT.
    #[error("{0}")]
    NoFrame(Malformed),
}

/// One direction.
#[derive(Debug, Default)]
pub struct Framing {
    stream: Stream,
    buffer: Vec<u8>,
    /// Boundaries are lost: a segment that begins like a TPKT is waited for.
    adrift: bool,
}

impl Framing {
    /// Takes a segment and returns what is complete now.
    pub fn push(&mut self, sequence: u32, syn: bool, bytes: &[u8]) -> Vec<Frame> {
        let pieces = self.stream.push(sequence, syn, bytes);
        self.read(pieces)
    }

    /// The peer says that no octets come after those before this sequence number.
    pub fn close(&mut self, sequence: u32) {
        self.stream.close(sequence);
    }

    /// The other end says that it has received what comes before this sequence number.
    pub fn acknowledge(&mut self, sequence: u32) {
        self.stream.acknowledge(sequence);
    }

    /// The direction has ended.
    pub fn finish(&mut self) -> Vec<Frame> {
        let pieces = self.stream.finish();
        let mut frames = self.read(pieces);
        if !std::mem::take(&mut self.buffer).is_empty() {
            frames.push(Frame::Lost(Loss::Cut));
        }
        frames
    }

    fn read(&mut self, pieces: Vec<Piece>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => self.bytes(&bytes, &mut frames),
                Piece::Missing(octets) => {
                    frames.push(Frame::Lost(Loss::Missing(octets)));
                    self.buffer.clear();
                    self.adrift = true;
                }
                Piece::Begun => self.adrift = true,
            }
        }
        frames
    }

    fn bytes(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) {
        if self.adrift && !begins_tpkt(bytes) {
            return;
        }
        self.adrift = false;
        self.buffer.extend_from_slice(bytes);
        let mut read = 0;
        loop {
            match tpkt::split_first(self.buffer.get(read..).unwrap_or_default()) {
                Ok(Some((payload, length))) => {
                    if !payload.is_empty() {
                        frames.push(Frame::Payload(payload.to_vec()));
                    }
                    read += length;
                }
                Ok(None) => {
                    self.buffer.drain(..read);
                    return;
                }
                Err(malformed) => {
                    frames.push(Frame::Lost(Loss::NoFrame(malformed)));
                    self.buffer = Vec::new();
                    self.adrift = true;
                    return;
                }
            }
        }
    }
}

/// Whether a segment begins like a TPKT with something in it that is not longer than H.323 messages are.
fn begins_tpkt(bytes: &[u8]) -> bool {
    matches!(bytes, [3, 0, high, low, ..] if (5..=8192).contains(&u16::from_be_bytes([*high, *low])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(octets: &[u8]) -> Frame {
        Frame::Payload(octets.to_vec())
    }

    fn begun() -> Framing {
        let mut framing = Framing::default();
        assert_eq!(framing.push(0, true, &[]), []);
        framing
    }

    #[test]
    fn finds_messages_across_segments_and_swallows_keepalives() {
        let mut framing = begun();
        assert_eq!(framing.push(1, false, &[3, 0, 0]), []);
        let rest = [6, 0xa, 0xb, 3, 0, 0, 4, 3, 0, 0, 5, 0xc];
        assert_eq!(framing.push(4, false, &rest), [payload(&[0xa, 0xb]), payload(&[0xc])]);
        assert_eq!(framing.finish(), []);
    }

    #[test]
    fn goes_on_at_the_next_message_after_a_hole() {
        let mut framing = begun();
        assert_eq!(framing.push(1, false, &[3, 0, 0, 9, 1]), []);
        assert_eq!(framing.push(10, false, &[0xff, 0xff]), []);
        assert_eq!(framing.push(12, false, &[3, 0, 0, 5, 7]), []);
        assert_eq!(framing.finish(), [Frame::Lost(Loss::Missing(4)), payload(&[7])]);
    }

    #[test]
    fn says_when_the_stream_ends_within_a_message() {
        let mut framing = begun();
        assert_eq!(framing.push(1, false, &[3, 0, 0, 9, 1]), []);
        assert_eq!(framing.finish(), [Frame::Lost(Loss::Cut)]);
    }

    #[test]
    fn says_once_that_there_is_no_frame() {
        let mut framing = begun();
        let lost = Frame::Lost(Loss::NoFrame(Malformed::TpktVersion));
        assert_eq!(framing.push(1, false, b"GET / HTTP/1.0"), [lost]);
        assert_eq!(framing.push(15, false, b"\r\n\r\n"), []);
    }

    #[test]
    fn begins_in_the_middle_where_a_message_begins() {
        let mut framing = Framing::default();
        assert_eq!(framing.push(50, false, &[1, 2, 3]), []);
        assert_eq!(framing.push(53, false, &[3, 0, 0, 5, 7]), [payload(&[7])]);
    }
}
