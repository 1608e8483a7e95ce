//! A media packet in a buffer with room behind it, and what a flow does to it.

use crate::Reject;

/// Octets of an RTP header without contributing sources and extension (RFC 3550 §5.1).
const HEADER: usize = 12;
/// The bit of the first octet that says padding ends the payload.
const PADDED: u8 = 0x20;

/// One RTP packet at the front of a buffer. What is behind it is room for padding.
#[derive(Debug)]
pub struct Packet<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> Packet<'a> {
    /// The most octets sealing adds to a packet: what a buffer needs behind it.
    pub const TAILROOM: usize = 15;

    /// The packet in the first `length` octets of `buffer`.
    ///
    /// # Errors
    /// [`Reject::Truncated`] if the buffer is shorter.
    pub fn new(buffer: &'a mut [u8], length: usize) -> Result<Self, Reject> {
        if length > buffer.len() {
            return Err(Reject::Truncated);
        }
        Ok(Self { buffer, length })
    }

    /// Sets the payload type (its low seven bits), unless there is no header.
    pub fn set_payload_type(&mut self, payload_type: u8) {
        if let Some(octet) = self.octets_mut().get_mut(1) {
            *octet = *octet & 0x80 | payload_type & 0x7f;
        }
    }

    /// The packet's octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// The packet's octets, to change. The cipher's start value is in its sequence number and timestamp: those stay.
    #[must_use]
    pub fn octets_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.length).unwrap_or_default()
    }

    /// Octets of the packet.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The payload type, if there is a header.
    #[must_use]
    pub fn payload_type(&self) -> Option<u8> {
        self.octets().get(1).map(|octet| octet & 0x7f)
    }

    /// Reads the header as far as a cipher needs it.
    #[inline]
    pub(crate) fn layout(&self) -> Result<Layout, Reject> {
        let octets = self.octets();
        let (header, _) = octets.split_first_chunk::<HEADER>().ok_or(Reject::Truncated)?;
        if header[0] >> 6 != 2 {
            return Err(Reject::Version);
        }
        let mut start = HEADER + 4 * usize::from(header[0] & 0x0f);
        if header[0] & 0x10 != 0 {
            let extension =
                octets.get(start..).and_then(<[u8]>::first_chunk::<4>).ok_or(Reject::Truncated)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        if start > octets.len() {
            return Err(Reject::Truncated);
        }
        let [first @ .., _, _, _, _] = *header;
        let six = u128::from(u64::from_be_bytes(first) << 16 >> 16);
        let iv = (six << 80 | six << 32 | six >> 16).to_be_bytes();
        Ok(Layout { start, padded: header[0] & PADDED != 0, iv })
    }

    /// The payload as it lies there, padding and all, when it begins at `start`.
    pub(crate) fn payload_mut(&mut self, start: usize) -> &mut [u8] {
        self.octets_mut().get_mut(start..).unwrap_or_default()
    }

    /// Lengthens or shortens the packet, and says whether padding ends it.
    pub(crate) fn resize(&mut self, length: usize, padded: bool) -> Result<(), Reject> {
        if length > self.buffer.len() {
            return Err(Reject::Tailroom);
        }
        self.length = length;
        if let Some(first) = self.octets_mut().first_mut() {
            *first = *first & !PADDED | if padded { PADDED } else { 0 };
        }
        Ok(())
    }
}

/// What a cipher must know of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Where the payload begins: behind the contributing sources and the extension.
    pub(crate) start: usize,
    /// Whether padding ends the payload.
    pub(crate) padded: bool,
    /// Sequence number and timestamp, repeated (H.235.6 §9.3.1.1).
    pub(crate) iv: [u8; 16],
}

/// What a flow does to each of its packets, chosen when the channel opens.
pub trait Transform {
    /// Changes the packet in place. After an error the packet must be dropped, without a word to its sender.
    ///
    /// # Errors
    /// Why the packet cannot be sent on.
    fn apply(&mut self, packet: &mut Packet<'_>) -> Result<(), Reject>;
}

/// Leaves packets as they are: both legs clear, or one cipher from end to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plain;

impl Transform for Plain {
    fn apply(&mut self, _: &mut Packet<'_>) -> Result<(), Reject> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::hex;

    fn layout(octets: &[u8]) -> Result<Layout, Reject> {
        let mut octets = octets.to_vec();
        let length = octets.len();
        Packet::new(&mut octets, length).unwrap().layout()
    }

    #[test]
    fn the_start_value_repeats_sequence_number_and_timestamp() {
        let plain = layout(&hex("80f810b4 315123c4 1252707a d5")).unwrap();
        assert_eq!(plain.iv[..], hex("10b4315123c410b4315123c410b43151"));
        assert_eq!((plain.start, plain.padded), (12, false));
    }

    #[test]
    fn sources_and_extension_are_before_the_payload() {
        assert_eq!(layout(&hex("a26d1234 56789abc deadbeef 00000001 00000002")).unwrap().start, 20);
        let both = hex("b1ed1234 56789abc deadbeef 0badcafe bede0001 10ff0000 aa");
        assert_eq!(layout(&both).unwrap().start, 24);
        assert!(layout(&both).unwrap().padded);
        let most_sources = [&hex("8f6d1234 56789abc deadbeef")[..], &[9; 60]].concat();
        assert_eq!(layout(&most_sources).unwrap().start, 72);
        let no_words = hex("906d1234 56789abc deadbeef bede0000");
        assert_eq!(layout(&no_words).unwrap().start, 16);
    }

    #[test]
    fn headers_that_end_too_early_are_refused() {
        let whole = hex("b1ed1234 56789abc deadbeef 0badcafe bede0001 10ff0000");
        for length in 0..whole.len() {
            assert_eq!(layout(&whole[..length]), Err(Reject::Truncated), "{length}");
        }
        assert!(layout(&whole).is_ok());
        // Fifteen sources and 65535 words that are not there.
        assert_eq!(layout(&hex("8f6d1234 56789abc deadbeef 00000000")), Err(Reject::Truncated));
        assert_eq!(
            layout(&hex("906d1234 56789abc deadbeef bedeffff 00000000")),
            Err(Reject::Truncated)
        );
    }

    #[test]
    fn other_versions_are_refused() {
        for first in [0x00, 0x40, 0xc0] {
            let mut octets = hex("806d1234 56789abc deadbeef aa");
            octets[0] = first;
            assert_eq!(layout(&octets), Err(Reject::Version));
        }
    }

    #[test]
    fn a_packet_lies_within_its_buffer() {
        let mut buffer = [0x80; 20];
        assert_eq!(Packet::new(&mut buffer, 21).unwrap_err(), Reject::Truncated);
        let mut packet = Packet::new(&mut buffer, 16).unwrap();
        assert_eq!(packet.resize(21, true), Err(Reject::Tailroom));
        assert_eq!((packet.length(), packet.octets()), (16, &[0x80; 16][..]));
        packet.resize(20, true).unwrap();
        assert_eq!((packet.length(), packet.octets()[0]), (20, 0xa0));
    }

    #[test]
    fn the_payload_type_leaves_the_marker_alone() {
        let mut octets = hex("80f810b4");
        let mut packet = Packet::new(&mut octets, 4).unwrap();
        assert_eq!(packet.payload_type(), Some(0x78));
        packet.set_payload_type(8);
        assert_eq!(packet.octets()[1], 0x88);
        let mut nothing = Packet::new(&mut [], 0).unwrap();
        nothing.set_payload_type(8);
        assert_eq!(nothing.payload_type(), None);
    }

    #[test]
    fn plain_changes_nothing() {
        let mut octets = hex("a06d1234 56789abc deadbeef 01020304");
        let length = octets.len();
        let mut packet = Packet::new(&mut octets, length).unwrap();
        assert_eq!(Plain.apply(&mut packet), Ok(()));
        assert_eq!(packet.octets(), hex("a06d1234 56789abc deadbeef 01020304"));
    }
}
