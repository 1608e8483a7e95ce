//! What a packet is, as far as a relay has to know: RTP, RTCP, a keepalive of H.460.19, or nothing of these.

use super::{Channel, seal};
use crate::face::Ports;

/// RTP header without contents (H.460.19 keepalive): version 2, 12 octets.
const RTP_HEADER: usize = 12;
/// A sender report without reports, which H.460.19 clients send as RTCP keepalive.
const EMPTY_SENDER_REPORT: usize = 28;
/// Payload types that RTP must not use, since RTCP packets would look like it (RFC 3551 §6).
const RESERVED: std::ops::RangeInclusive<u8> = 72..=76;
/// How far sequence numbers of one stream may jump (RFC 3550 appendix A.1, MAX_DROPOUT).
const LONGEST_GAP: u16 = 3000;

/// What a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Media, or a report about it.
    Media,
    /// Holds a pinhole open, and says where it is.
    Keepalive,
}

/// What of a packet shows whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The synchronization source; of RTCP, that of the reporter.
    pub(super) ssrc: u32,
    /// The sequence number; RTCP has none.
    sequence: Option<u16>,
}

impl Stamp {
    /// Whether it counts packets, so that guessing it is hard.
    pub(super) const fn is_numbered(self) -> bool {
        self.sequence.is_some()
    }

    /// The sequence number.
    pub(super) const fn sequence(self) -> Option<u16> {
        self.sequence
    }

    /// Whether this comes directly after an earlier one.
    pub(super) fn follows(self, earlier: Self) -> bool {
        let next = earlier.sequence.map(|sequence| sequence.wrapping_add(1));
        self.ssrc == earlier.ssrc && self.sequence == next
    }

    /// Whether this comes later in the stream that an earlier one is of.
    pub(super) fn continues(self, earlier: Self) -> bool {
        let ahead = match (self.sequence, earlier.sequence) {
            (Some(this), Some(that)) => (1..=LONGEST_GAP).contains(&this.wrapping_sub(that)),
            (None, None) => true,
            _ => false,
        };
        self.ssrc == earlier.ssrc && ahead
    }
}

/// What a packet is; nothing for what neither RTP nor RTCP allow. Only a party behind a NAT sends keepalives.
pub(super) fn classify(channel: Channel, packet: &[u8], ports: Ports) -> Option<(Kind, Stamp)> {
    let (first, second) = (packet.first()?, packet.get(1)?);
    if first >> 6 != 2 {
        return None;
    }
    let (keepalive, key) = match ports {
        Ports::Learned { keepalive, key } => (Some(keepalive), key),
        Ports::Unknown | Ports::Signalled { .. } | Ports::Latched { .. } => (None, None),
    };
    let sealed = |key| {
        let sequence = Some(seal::sequence(key, channel, packet)?);
        Some((Kind::Keepalive, Stamp { ssrc: 0, sequence }))
    };
    match channel {
        Channel::Rtp => {
            let sequence = packet.get(2..4)?.first_chunk().copied().map(u16::from_be_bytes);
            let stamp = Stamp { ssrc: word(packet, 8)?, sequence };
            let payload_type = second & 0x7f;
            match (keepalive, key) {
                (Some(told), Some(key)) if packet.len() == RTP_HEADER => {
                    sealed(key).filter(|_| told.is_none_or(|told| payload_type == told))
                }
                (Some(Some(announced)), None) if packet.len() == RTP_HEADER => {
                    (payload_type == announced).then_some((Kind::Keepalive, stamp))
                }
                (Some(None), None) if packet.len() == RTP_HEADER => Some((Kind::Keepalive, stamp)),
                _ => (!RESERVED.contains(&payload_type)).then_some((Kind::Media, stamp)),
            }
        }
        Channel::Rtcp => {
            let stamp = Stamp { ssrc: word(packet, 4)?, sequence: None };
            let short = packet.len() == EMPTY_SENDER_REPORT;
            if let Some(found) = key.filter(|_| short).and_then(sealed) {
                return (192..=223).contains(second).then_some(found);
            }
            let empty = short && key.is_none() && packet[4..].iter().all(|octet| *octet == 0);
            let kind = if keepalive.is_some() && empty { Kind::Keepalive } else { Kind::Media };
            (192..=223).contains(second).then_some((kind, stamp))
        }
    }
}

/// A datagram that is no RTP. UDPTL, which carries T.38, begins with a sequence number (T.38 §9.1).
pub(super) fn datagram(packet: &[u8]) -> Option<(Kind, Stamp)> {
    let sequence = packet.get(..2)?.first_chunk().copied().map(u16::from_be_bytes);
    Some((Kind::Media, Stamp { ssrc: 0, sequence }))
}

fn word(packet: &[u8], at: usize) -> Option<u32> {
    packet.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(ssrc: u32, sequence: u16) -> Stamp {
        Stamp { ssrc, sequence: Some(sequence) }
    }

    #[test]
    fn one_stream_is_told_from_another() {
        assert!(stamp(7, 0).follows(stamp(7, 65_535)));
        assert!(!stamp(7, 2).follows(stamp(7, 0)));
        assert!(!stamp(8, 1).follows(stamp(7, 0)));
        assert!(stamp(7, 3000).continues(stamp(7, 0)));
        assert!(stamp(7, 10).continues(stamp(7, 65_500)));
        for other in [stamp(7, 3001), stamp(7, 0), stamp(7, 65_535), stamp(8, 1)] {
            assert!(!other.continues(stamp(7, 0)), "{other:?}");
        }
    }

    #[test]
    fn a_payload_type_that_looks_like_rtcp_is_no_rtp() {
        let mut packet = [0x80, 72, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3];
        let ports = Ports::Learned { keepalive: None, key: None };
        assert_eq!(classify(Channel::Rtp, &packet, ports), None);
        packet[1] = 8;
        assert_eq!(classify(Channel::Rtp, &packet, ports), Some((Kind::Media, stamp(9, 1))));
    }
}
