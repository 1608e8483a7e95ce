//! The RTP header (RFC 3550 §5.1) as a view, packets made new, and the RTP keepalive of H.460.19.

use crate::error::Malformed;
use std::ops::Range;

/// Octets of a header without contributing sources and extension.
pub const HEADER: usize = 12;
/// Static payload type of G.711 µ-law (RFC 3551 §6).
pub const PCMU: u8 = 0;
/// Static payload type of G.711 A-law (RFC 3551 §6).
pub const PCMA: u8 = 8;

/// A view of one RTP packet whose header was found sound.
///
/// ```
/// let mut octets = pinhole_h323::rtp::Header { payload_type: 8, ..Default::default() }.packet(&[0xd5; 160]);
/// let mut packet = pinhole_h323::rtp::Packet::parse(&mut octets[..]).unwrap();
/// packet.set_payload_type(96);
/// assert_eq!((packet.payload_type(), packet.payload().len()), (96, 160));
/// ```
#[derive(Debug, Clone)]
pub struct Packet<B> {
    octets: B,
    payload: Range<usize>,
    extension: Option<(u16, Range<usize>)>,
}

impl<B: AsRef<[u8]>> Packet<B> {
    /// Checks the header, and that it, its extension and its padding lie within the packet.
    ///
    /// # Errors
    /// [`Malformed::Truncated`], [`Malformed::RtpVersion`], [`Malformed::Padding`].
    pub fn parse(octets: B) -> Result<Self, Malformed> {
        let bytes = octets.as_ref();
        let (first, _) = bytes.split_first_chunk::<HEADER>().ok_or(Malformed::Truncated)?;
        if first[0] >> 6 != 2 {
            return Err(Malformed::RtpVersion);
        }
        let mut start = HEADER + 4 * usize::from(first[0] & 0x0f);
        let mut extension = None;
        if first[0] & 0x10 != 0 {
            let head = bytes.get(start..start + 4).ok_or(Malformed::Truncated)?;
            let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let body = start + 4..start + 4 + 4 * words;
            start = body.end;
            extension = Some((u16::from_be_bytes([head[0], head[1]]), body));
        }
        let carried = bytes.len().checked_sub(start).ok_or(Malformed::Truncated)?;
        let padding = match bytes.last() {
            Some(&count) if first[0] & 0x20 != 0 => usize::from(count).max(1),
            _ => 0,
        };
        if padding > carried || (first[0] & 0x20 != 0 && bytes.last() == Some(&0)) {
            return Err(Malformed::Padding);
        }
        let payload = start..bytes.len() - padding;
        Ok(Self { octets, payload, extension })
    }

    /// Marks a significant event of the stream, such as the first packet after silence.
    #[must_use]
    pub fn marker(&self) -> bool {
        self.octet(1) & 0x80 != 0
    }

    /// The format of the payload, `0..=127`.
    #[must_use]
    pub fn payload_type(&self) -> u8 {
        self.octet(1) & 0x7f
    }

    /// Counts packets, modulo 2¹⁶.
    #[must_use]
    pub fn sequence_number(&self) -> u16 {
        u16::from_be_bytes([self.octet(2), self.octet(3)])
    }

    /// The sampling time of the first payload octet, in units of the payload's clock.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        self.word(4)
    }

    /// The synchronization source.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.word(8)
    }

    /// The contributing sources, at most 15.
    pub fn csrc(&self) -> impl Iterator<Item = u32> + '_ {
        (0..usize::from(self.octet(0) & 0x0f)).map(|n| self.word(HEADER + 4 * n))
    }

    /// The header extension: what its profile calls it, and its octets.
    #[must_use]
    pub fn extension(&self) -> Option<(u16, &[u8])> {
        let (profile, range) = self.extension.as_ref()?;
        Some((*profile, self.octets.as_ref().get(range.clone())?))
    }

    /// Where the payload lies within the packet, without padding.
    #[must_use]
    pub fn payload_range(&self) -> Range<usize> {
        self.payload.clone()
    }

    /// The payload, without padding.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.octets.as_ref().get(self.payload.clone()).unwrap_or_default()
    }

    /// Octets of padding after the payload, its count included.
    #[must_use]
    pub fn padding(&self) -> usize {
        self.octets.as_ref().len() - self.payload.end
    }

    fn octet(&self, at: usize) -> u8 {
        self.octets.as_ref().get(at).copied().unwrap_or_default()
    }

    fn word(&self, at: usize) -> u32 {
        let octets = self.octets.as_ref().get(at..).and_then(|rest| rest.first_chunk::<4>());
        octets.copied().map(u32::from_be_bytes).unwrap_or_default()
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Packet<B> {
    /// Sets or clears the marker.
    pub fn set_marker(&mut self, marker: bool) {
        let octet = self.payload_type() | if marker { 0x80 } else { 0 };
        self.write(1, &[octet]);
    }

    /// Sets the payload type (its low seven bits).
    pub fn set_payload_type(&mut self, payload_type: u8) {
        let octet = (self.octet(1) & 0x80) | (payload_type & 0x7f);
        self.write(1, &[octet]);
    }

    /// Sets the sequence number.
    pub fn set_sequence_number(&mut self, sequence_number: u16) {
        self.write(2, &sequence_number.to_be_bytes());
    }

    /// Sets the timestamp.
    pub fn set_timestamp(&mut self, timestamp: u32) {
        self.write(4, &timestamp.to_be_bytes());
    }

    /// Sets the synchronization source.
    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.write(8, &ssrc.to_be_bytes());
    }

    /// The payload, to be changed in place.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        self.octets.as_mut().get_mut(self.payload.clone()).unwrap_or_default()
    }

    fn write(&mut self, at: usize, value: &[u8]) {
        if let Some(place) = self.octets.as_mut().get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    }
}

/// A header without contributing sources, extension and padding, to make packets with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// The marker.
    pub marker: bool,
    /// The payload type, `0..=127`.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence_number: u16,
    /// The timestamp, in units of the payload's clock (8000 Hz for G.711).
    pub timestamp: u32,
    /// The synchronization source.
    pub ssrc: u32,
}

impl Header {
    /// The twelve octets.
    #[must_use]
    pub fn octets(&self) -> [u8; HEADER] {
        let mut octets = [0; HEADER];
        octets[0] = 0x80;
        octets[1] = (self.payload_type & 0x7f) | if self.marker { 0x80 } else { 0 };
        octets[2..4].copy_from_slice(&self.sequence_number.to_be_bytes());
        octets[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        octets[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        octets
    }

    /// A packet of this header and a payload.
    #[must_use]
    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        [&self.octets()[..], payload].concat()
    }
}

/// The RTP keepalive of H.460.19: a header of the signalled keepAlivePayloadType, without payload.
#[must_use]
pub fn keepalive(payload_type: u8, sequence_number: u16) -> [u8; HEADER] {
    Header { payload_type, sequence_number, ..Header::default() }.octets()
}

/// Whether a packet is an H.460.19 keepalive: a bare header, whatever its marker, source and numbers.
#[must_use]
pub fn is_keepalive(packet: &[u8]) -> bool {
    packet.len() == HEADER && packet.first().is_some_and(|first| first >> 6 == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One CSRC, an extension of one word, two octets of payload and two of padding.
    const FULL: [u8; 28] = [
        0xb1, 0xff, 0x01, 0x02, 0, 0, 0, 9, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 0xbe, 0xde, 0, 1,
        5, 6, 7, 8, 0x11, 0x22, 0, 2,
    ];

    #[test]
    fn reads_every_part() {
        let packet = Packet::parse(&FULL[..]).unwrap();
        assert!(packet.marker());
        assert_eq!(packet.payload_type(), 127);
        assert_eq!(packet.sequence_number(), 0x0102);
        assert_eq!(packet.timestamp(), 9);
        assert_eq!(packet.ssrc(), 0xdead_beef);
        assert_eq!(packet.csrc().collect::<Vec<_>>(), [0x0102_0304]);
        assert_eq!(packet.extension(), Some((0xbede, &[5, 6, 7, 8][..])));
        assert_eq!(packet.payload(), [0x11, 0x22]);
        assert_eq!(packet.payload_range(), 24..26);
        assert_eq!(packet.padding(), 2);
    }

    #[test]
    fn writes_one_field_and_leaves_the_rest() {
        let mut octets = FULL;
        let mut packet = Packet::parse(&mut octets[..]).unwrap();
        packet.set_payload_type(0x88);
        packet.set_sequence_number(7);
        packet.payload_mut()[0] = 0x33;
        let mut expected = FULL;
        expected[1] = 0x88;
        expected[2..4].copy_from_slice(&[0, 7]);
        expected[24] = 0x33;
        assert_eq!(octets, expected);
    }

    #[test]
    fn setters_do_not_touch_their_neighbours() {
        let mut octets = keepalive(8, 1);
        let mut packet = Packet::parse(&mut octets[..]).unwrap();
        packet.set_marker(true);
        packet.set_timestamp(0x0102_0304);
        packet.set_ssrc(0x0506_0708);
        assert_eq!(octets, [0x80, 0x88, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn refuses_every_cut_and_every_wrong_version() {
        for length in 0..24 {
            assert!(Packet::parse(&FULL[..length]).is_err(), "{length}");
        }
        let mut stun = [0; 20];
        stun[1] = 1;
        assert_eq!(Packet::parse(&stun[..]).unwrap_err(), Malformed::RtpVersion);
    }

    #[test]
    fn refuses_impossible_padding() {
        let mut octets = FULL;
        for (count, fine) in [(0, false), (1, true), (4, true), (5, false), (255, false)] {
            octets[27] = count;
            assert_eq!(Packet::parse(&octets[..]).is_ok(), fine, "{count}");
        }
    }

    #[test]
    fn makes_packets_and_keepalives() {
        let header = Header {
            payload_type: PCMA,
            sequence_number: 0x842d,
            timestamp: 160,
            ssrc: 1,
            marker: true,
        };
        assert_eq!(
            header.packet(&[0xd5, 0xd5]),
            [0x80, 0x88, 0x84, 0x2d, 0, 0, 0, 160, 0, 0, 0, 1, 0xd5, 0xd5]
        );
        // A keepalive of GnuGk without its multiplexID, and one of h323plus.
        assert_eq!(keepalive(116, 1), [0x80, 0x74, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(is_keepalive(&[0x80, 0xff, 0, 0x64, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!is_keepalive(&header.packet(&[1])));
        assert!(!is_keepalive(&[0; 12]));
    }
}
