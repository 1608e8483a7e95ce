//! RTCP (RFC 3550 §6): reports read and made, and the RTCP keepalive of H.460.19.

use crate::error::Malformed;
use std::time::Duration;

/// Packet type of a Sender Report.
pub const SENDER_REPORT: u8 = 200;
/// Packet type of a Receiver Report.
pub const RECEIVER_REPORT: u8 = 201;
/// Packet type of a BYE.
pub const BYE: u8 = 203;

/// The RTCP keepalive of H.460.19: a Sender Report of nothing.
pub const KEEPALIVE: [u8; 28] = {
    let mut octets = [0; 28];
    octets[0] = 0x80;
    octets[1] = SENDER_REPORT;
    octets[3] = 6;
    octets
};

/// Most reports that one packet can hold.
const MAX_REPORTS: usize = 31;

/// One packet of a compound RTCP datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A report of one who sends media.
    Sender(SenderReport),
    /// A report of one who only receives.
    Receiver(ReceiverReport),
    /// Any other packet.
    Other {
        /// Its packet type.
        packet_type: u8,
        /// The count in its first octet.
        count: u8,
        /// Its octets after the first four.
        body: &'a [u8],
    },
}

/// What a sender says of its stream (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SenderReport {
    /// The sender.
    pub ssrc: u32,
    /// Wall clock when the report was sent: NTP timestamp, seconds since 1900 in units of 2⁻³² s.
    pub ntp: u64,
    /// The same instant in units of the media clock.
    pub rtp_timestamp: u32,
    /// RTP packets sent so far.
    pub packets: u32,
    /// Payload octets sent so far.
    pub octets: u32,
    /// What it says of the streams it receives; at most 31 are written.
    pub reports: Vec<ReportBlock>,
}

/// What a receiver says (RFC 3550 §6.4.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiverReport {
    /// The receiver.
    pub ssrc: u32,
    /// What it says of the streams it receives; at most 31 are written.
    pub reports: Vec<ReportBlock>,
}

/// What is said of one received stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The sender of the stream.
    pub ssrc: u32,
    /// Packets lost since the last report, in units of 1/256.
    pub fraction_lost: u8,
    /// Packets lost so far; 24 bits, negative when duplicates outnumber losses.
    pub lost: i32,
    /// The highest sequence number received, with the count of wraps above it.
    pub highest_sequence: u32,
    /// Interarrival jitter, in units of the media clock.
    pub jitter: u32,
    /// LSR: the middle 32 bits of the NTP timestamp of the last Sender Report, zero if none came.
    pub last_sender_report: u32,
    /// DLSR: how long ago that was, in units of 1/65536 s.
    pub delay_since: u32,
}

impl ReportBlock {
    const LENGTH: usize = 24;

    /// Round-trip time, when this block arrived at `arrival` (the middle 32 bits of an NTP timestamp). `None` if
    /// the peer had no Sender Report of ours yet, or if its numbers are impossible.
    #[must_use]
    pub fn round_trip(&self, arrival: u32) -> Option<Duration> {
        if self.last_sender_report == 0 {
            return None;
        }
        let since = arrival.wrapping_sub(self.last_sender_report);
        let trip = since.checked_sub(self.delay_since)?;
        // A difference over half the range is a report from the future.
        (since < 1 << 31).then(|| Duration::from_nanos((u64::from(trip) * 1_000_000_000) >> 16))
    }

    fn read(octets: &[u8; Self::LENGTH]) -> Self {
        let lost = [0, octets[5], octets[6], octets[7]];
        Self {
            ssrc: word(octets, 0),
            fraction_lost: octets[4],
            lost: i32::from_be_bytes(lost) << 8 >> 8,
            highest_sequence: word(octets, 8),
            jitter: word(octets, 12),
            last_sender_report: word(octets, 16),
            delay_since: word(octets, 20),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = self.lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[self.fraction_lost, lost[1], lost[2], lost[3]]);
        for value in [self.highest_sequence, self.jitter, self.last_sender_report, self.delay_since]
        {
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

impl SenderReport {
    /// The packet.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(24 + self.reports.len() * ReportBlock::LENGTH);
        body.extend_from_slice(&self.ssrc.to_be_bytes());
        body.extend_from_slice(&self.ntp.to_be_bytes());
        for value in [self.rtp_timestamp, self.packets, self.octets] {
            body.extend_from_slice(&value.to_be_bytes());
        }
        assemble(SENDER_REPORT, body, &self.reports)
    }
}

impl ReceiverReport {
    /// The packet.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        assemble(RECEIVER_REPORT, self.ssrc.to_be_bytes().to_vec(), &self.reports)
    }
}

/// The middle 32 bits of an NTP timestamp, which LSR and [`ReportBlock::round_trip`] speak of.
#[must_use]
pub const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// The packets of a datagram, in order. Ends after the first error.
pub fn packets(datagram: &[u8]) -> impl Iterator<Item = Result<Packet<'_>, Malformed>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let first = read_first(rest);
        rest = first.as_ref().map_or(&[], |(_, rest)| rest);
        Some(first.map(|(packet, _)| packet))
    })
}

/// Whether a datagram looks like RTCP: version 2 and a packet type that RTP payload types leave free
/// (RFC 5761 §4).
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, _, _, ..] if first >> 6 == 2)
}

/// Whether a datagram is an H.460.19 keepalive: a Sender Report of no source and without reports.
#[must_use]
pub fn is_keepalive(datagram: &[u8]) -> bool {
    datagram.len() == KEEPALIVE.len() && datagram.get(..8) == KEEPALIVE.get(..8)
}

fn read_first(octets: &[u8]) -> Result<(Packet<'_>, &[u8]), Malformed> {
    let (head, rest) = octets.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
    if head[0] >> 6 != 2 {
        return Err(Malformed::RtpVersion);
    }
    let length = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    let (body, rest) = rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
    let count = head[0] & 0x1f;
    let packet = match head[1] {
        SENDER_REPORT => {
            let (info, blocks) = body.split_first_chunk::<24>().ok_or(Malformed::Truncated)?;
            Packet::Sender(SenderReport {
                ssrc: word(info, 0),
                ntp: u64::from(word(info, 4)) << 32 | u64::from(word(info, 8)),
                rtp_timestamp: word(info, 12),
                packets: word(info, 16),
                octets: word(info, 20),
                reports: read_reports(count, blocks)?,
            })
        }
        RECEIVER_REPORT => {
            let (ssrc, blocks) = body.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
            Packet::Receiver(ReceiverReport {
                ssrc: u32::from_be_bytes(*ssrc),
                reports: read_reports(count, blocks)?,
            })
        }
        packet_type => Packet::Other { packet_type, count, body },
    };
    Ok((packet, rest))
}

fn read_reports(count: u8, blocks: &[u8]) -> Result<Vec<ReportBlock>, Malformed> {
    let (blocks, _) = blocks.as_chunks::<{ ReportBlock::LENGTH }>();
    let blocks = blocks.get(..usize::from(count)).ok_or(Malformed::Truncated)?;
    Ok(blocks.iter().map(ReportBlock::read).collect())
}

fn assemble(packet_type: u8, mut body: Vec<u8>, reports: &[ReportBlock]) -> Vec<u8> {
    let count = reports.len().min(MAX_REPORTS);
    reports.iter().take(count).for_each(|report| report.write(&mut body));
    // At most 24 + 31 × 24 octets: both casts are exact.
    let [high, low] = ((body.len() / 4) as u16).to_be_bytes();
    let mut packet = vec![0x80 | count as u8, packet_type, high, low];
    packet.append(&mut body);
    packet
}

fn word(octets: &[u8], at: usize) -> u32 {
    let word = octets.get(at..).and_then(|rest| rest.first_chunk::<4>());
    word.copied().map(u32::from_be_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> ReportBlock {
        ReportBlock {
            ssrc: 0x0102_0304,
            fraction_lost: 5,
            lost: -2,
            highest_sequence: 0x0001_fffe,
            jitter: 12,
            last_sender_report: 0x8000_0000,
            delay_since: 0x0001_0000,
        }
    }

    #[test]
    fn reads_a_receiver_report_of_literal_octets() {
        let octets = [
            0x81, 201, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 5, 0xff, 0xff, 0xfe, 0, 1, 0xff, 0xfe, 0, 0,
            0, 12, 0x80, 0, 0, 0, 0, 1, 0, 0,
        ];
        let expected = ReceiverReport { ssrc: 9, reports: vec![report()] };
        let read: Vec<_> = packets(&octets).collect();
        assert_eq!(read, [Ok(Packet::Receiver(expected.clone()))]);
        assert_eq!(expected.octets(), octets);
    }

    #[test]
    fn writes_a_sender_report_and_reads_a_compound() {
        let sender = SenderReport {
            ssrc: 1,
            ntp: 0x0102_0304_0506_0708,
            rtp_timestamp: 2,
            packets: 3,
            octets: 4,
            reports: vec![report(), report()],
        };
        let mut datagram = sender.octets();
        assert_eq!(datagram[..16], [0x82, 200, 0, 18, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]);
        datagram.extend_from_slice(&[0x81, BYE, 0, 1, 0, 0, 0, 1]);
        let read: Vec<_> = packets(&datagram).collect();
        let bye = Packet::Other { packet_type: BYE, count: 1, body: &[0, 0, 0, 1] };
        assert_eq!(read, [Ok(Packet::Sender(sender)), Ok(bye)]);
    }

    #[test]
    fn refuses_more_reports_than_there_are_octets() {
        let mut octets = ReceiverReport { ssrc: 9, reports: vec![report()] }.octets();
        octets[0] = 0x82;
        assert_eq!(packets(&octets).collect::<Vec<_>>(), [Err(Malformed::Truncated)]);
        octets[0] = 0x41;
        assert_eq!(packets(&octets).collect::<Vec<_>>(), [Err(Malformed::RtpVersion)]);
        assert_eq!(packets(&octets[..3]).collect::<Vec<_>>(), [Err(Malformed::Truncated)]);
    }

    #[test]
    fn measures_the_round_trip() {
        let half_a_second_later = report().last_sender_report + 0x0001_8000;
        assert_eq!(report().round_trip(half_a_second_later), Some(Duration::from_millis(500)));
        assert_eq!(report().round_trip(report().last_sender_report + 1), None);
        assert_eq!(report().round_trip(report().last_sender_report - 1), None);
        assert_eq!(ReportBlock::default().round_trip(7), None);
        assert_eq!(middle(0x0102_0304_0506_0708), 0x0304_0506);
    }

    #[test]
    fn writes_at_most_31_reports() {
        let many = ReceiverReport { ssrc: 1, reports: vec![report(); 40] };
        let octets = many.octets();
        let Some(Ok(Packet::Receiver(read))) = packets(&octets).next() else { panic!() };
        assert_eq!(read.reports.len(), 31);
    }

    #[test]
    fn knows_the_keepalive() {
        assert_eq!(SenderReport::default().octets(), KEEPALIVE);
        assert!(is_keepalive(&KEEPALIVE));
        assert!(is_rtcp(&KEEPALIVE));
        assert!(!is_keepalive(&SenderReport { ssrc: 1, ..SenderReport::default() }.octets()));
        assert!(!is_rtcp(&crate::rtp::keepalive(8, 1)));
    }
}
