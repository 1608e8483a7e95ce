//! TPKT: message boundaries on a TCP connection (RFC 1006 §6; H.323 uses it for call signalling and H.245).
//!
//! A TPKT with nothing in it is a keepalive (H.460.18); it is yielded as an empty payload, to be swallowed.

use crate::error::Malformed;

/// Octets of the header: version, reserved, and the length of header and payload.
pub const HEADER: usize = 4;
/// The longest payload that a TPKT can carry.
pub const MAX_PAYLOAD: usize = u16::MAX as usize - HEADER;
/// The TPKT with nothing in it, which keeps a connection alive.
pub const KEEPALIVE: [u8; HEADER] = [3, 0, 0, 4];

/// The keepalive of some Tandberg systems, one octet out of step; taken for an empty TPKT.
const MISFRAMED_KEEPALIVE: [u8; HEADER] = [0, 3, 0, 4];

/// Splits the first TPKT off a stream: its payload, and how many octets it takes with its header. `None` when
/// the stream does not hold all of it yet.
///
/// The reserved octet is ignored, because some systems fill it.
///
/// # Errors
/// [`Malformed::TpktVersion`] and [`Malformed::ShortTpkt`], after which the stream has lost its boundaries.
pub fn split_first(stream: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    let Some((header, _)) = stream.split_first_chunk::<HEADER>() else {
        let plausible = stream.first().is_none_or(|&version| version == 3)
            || MISFRAMED_KEEPALIVE.starts_with(stream);
        return if plausible { Ok(None) } else { Err(Malformed::TpktVersion) };
    };
    if *header == MISFRAMED_KEEPALIVE {
        return Ok(Some((&[], HEADER)));
    }
    let [version, _, high, low] = *header;
    if version != 3 {
        return Err(Malformed::TpktVersion);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < HEADER {
        return Err(Malformed::ShortTpkt);
    }
    Ok(stream.get(HEADER..length).map(|payload| (payload, length)))
}

/// How long the payload of the TPKT at the beginning of a stream is to be, once its header is there.
fn announced(stream: &[u8]) -> Option<usize> {
    match stream.first_chunk::<HEADER>()? {
        [3, _, high, low] => {
            Some(usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(HEADER))
        }
        _ => None,
    }
}

/// Puts a payload into a TPKT.
///
/// # Errors
/// [`Malformed::FrameTooLong`] when the payload is longer than [`MAX_PAYLOAD`].
pub fn wrap(payload: &[u8]) -> Result<Vec<u8>, Malformed> {
    let length = u16::try_from(payload.len() + HEADER).map_err(|_| Malformed::FrameTooLong)?;
    let [high, low] = length.to_be_bytes();
    let mut tpkt = Vec::with_capacity(payload.len() + HEADER);
    tpkt.extend_from_slice(&[3, 0, high, low]);
    tpkt.extend_from_slice(payload);
    Ok(tpkt)
}

/// Finds the TPKTs in a stream that arrives split anywhere.
///
/// It holds at most one unfinished TPKT beside what was fed since it was last read empty.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
    /// Where the first octet that was not read yet is in the buffer.
    start: usize,
    failed: Option<Malformed>,
    /// The longest payload that is taken, when that is less than [`MAX_PAYLOAD`].
    most: Option<usize>,
}

impl Reader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader that takes no payload longer than `most` octets: it fails as soon as one is announced.
    #[must_use]
    pub fn bounded(most: usize) -> Self {
        Self { most: Some(most), ..Self::default() }
    }

    /// Takes octets of the stream. After an error they are dropped.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The payload of the next TPKT, empty for a keepalive; `None` until more is fed.
    ///
    /// # Errors
    /// Those of [`split_first`], and [`Malformed::Oversize`]; a stream that failed stays failed.
    pub fn read(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        if let Some(malformed) = self.failed {
            return Err(malformed);
        }
        let unread = self.buffer.get(self.start..).unwrap_or_default();
        let announced = announced(unread).unwrap_or(0);
        let split = match self.most {
            Some(most) if announced > most => Err(Malformed::Oversize),
            _ => split_first(unread),
        };
        match split {
            Ok(Some((payload, length))) => {
                let payload = payload.to_vec();
                self.start += length;
                Ok(Some(payload))
            }
            Ok(None) => {
                self.forget_what_was_read();
                Ok(None)
            }
            Err(malformed) => {
                *self = Self { failed: Some(malformed), most: self.most, ..Self::default() };
                Err(malformed)
            }
        }
    }

    /// How many octets wait for the rest of their TPKT.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// An idle connection holds no memory.
    fn forget_what_was_read(&mut self) {
        if self.pending() == 0 {
            self.buffer = Vec::new();
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Setup-less Facility of two octets, a keepalive, and one with a filled reserved octet.
    const STREAM: [u8; 17] = [3, 0, 0, 6, 0xaa, 0xbb, 3, 0, 0, 4, 3, 0x7f, 0, 7, 1, 2, 3];

    fn all(reader: &mut Reader) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| reader.read().unwrap()).collect()
    }

    #[test]
    fn splits_in_one_piece() {
        assert_eq!(split_first(&STREAM), Ok(Some((&[0xaa, 0xbb][..], 6))));
        let mut reader = Reader::new();
        reader.feed(&STREAM);
        assert_eq!(all(&mut reader), [vec![0xaa, 0xbb], vec![], vec![1, 2, 3]]);
        assert_eq!(reader.pending(), 0);
    }

    #[test]
    fn splits_octet_by_octet() {
        let mut reader = Reader::new();
        let mut payloads = Vec::new();
        for octet in STREAM {
            reader.feed(&[octet]);
            payloads.append(&mut all(&mut reader));
        }
        assert_eq!(payloads, [vec![0xaa, 0xbb], vec![], vec![1, 2, 3]]);
    }

    #[test]
    fn refuses_another_version_at_the_first_octet() {
        assert_eq!(split_first(&[2]), Err(Malformed::TpktVersion));
        assert_eq!(split_first(&[2, 0, 0, 9]), Err(Malformed::TpktVersion));
        assert_eq!(split_first(&[]), Ok(None));
    }

    #[test]
    fn refuses_a_length_below_the_header() {
        assert_eq!(split_first(&[3, 0, 0, 3]), Err(Malformed::ShortTpkt));
        assert_eq!(split_first(&[3, 0, 0, 4]), Ok(Some((&[][..], 4))));
    }

    #[test]
    fn takes_the_misframed_keepalive_and_nothing_like_it() {
        assert_eq!(split_first(&[0, 3]), Ok(None));
        assert_eq!(split_first(&[0, 3, 0, 4, 3]), Ok(Some((&[][..], 4))));
        assert_eq!(split_first(&[0, 3, 0, 5]), Err(Malformed::TpktVersion));
        assert_eq!(split_first(&[0, 4]), Err(Malformed::TpktVersion));
    }

    #[test]
    fn a_failed_stream_stays_failed_and_holds_nothing() {
        let mut reader = Reader::new();
        reader.feed(&[3, 0, 0, 1]);
        assert_eq!(reader.read(), Err(Malformed::ShortTpkt));
        reader.feed(&STREAM);
        assert_eq!(reader.read(), Err(Malformed::ShortTpkt));
        assert_eq!(reader.pending(), 0);
    }

    #[test]
    fn a_bounded_reader_fails_when_too_much_is_announced_and_not_before() {
        let mut reader = Reader::bounded(2);
        reader.feed(&[3, 0, 0, 6, 1, 2, 3, 0, 0]);
        assert_eq!(reader.read(), Ok(Some(vec![1, 2])));
        assert_eq!(reader.read(), Ok(None));
        reader.feed(&[7]);
        assert_eq!(reader.read(), Err(Malformed::Oversize));
        reader.feed(&[3, 0, 0, 4]);
        assert_eq!(reader.read(), Err(Malformed::Oversize));
    }

    #[test]
    fn wraps_up_to_the_longest() {
        assert_eq!(wrap(&[]), Ok(KEEPALIVE.to_vec()));
        let longest = vec![0x5a; MAX_PAYLOAD];
        let tpkt = wrap(&longest).unwrap();
        assert_eq!(split_first(&tpkt), Ok(Some((&longest[..], usize::from(u16::MAX)))));
        assert_eq!(wrap(&vec![0; MAX_PAYLOAD + 1]), Err(Malformed::FrameTooLong));
    }
}
