//! Capture files: pcap and pcapng, whatever byte order and resolution, as packets of a link.

use std::io::Read;
use std::time::Duration;

use pcap_parser::pcapng::{Block, EnhancedPacketBlock, InterfaceDescriptionBlock};
use pcap_parser::traits::PcapNGPacketBlock as _;
use pcap_parser::{Linktype, PcapBlockOwned, PcapError, create_reader};

/// Octets of the read buffer: enough for the largest packets of any link.
const BUFFER: usize = 1 << 20;
/// Interfaces that one pcapng section may describe; more are not remembered.
const MAX_INTERFACES: usize = 4096;
const NANOSECONDS: u64 = 1_000_000_000;

/// Why a capture cannot be read, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is neither pcap nor pcapng.
    #[error("neither a pcap nor a pcapng file")]
    Format,
    /// The file ends within a packet.
    #[error("the capture ends within a packet")]
    Truncated,
    /// A block or packet that contradicts the format, or is larger than any packet.
    #[error("the capture is damaged")]
    Damaged,
    /// The system could not read it.
    #[error("the capture could not be read to its end")]
    Read,
}

/// What a packet begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// A header of Linux' "any" interface, version 1 (`LINUX_SLL`).
    LinuxCooked,
    /// The same, version 2 (`LINUX_SLL2`).
    LinuxCooked2,
    /// Four octets that say which IP (BSD loopback).
    Loopback,
    /// IP itself.
    Ip,
    /// Something else, by its number in the registry of link types.
    Other(i32),
}

impl From<Linktype> for Link {
    fn from(linktype: Linktype) -> Self {
        match linktype {
            Linktype::ETHERNET => Self::Ethernet,
            Linktype::NULL | Linktype::LOOP => Self::Loopback,
            Linktype(12 | 14) | Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => Self::Ip,
            Linktype::LINUX_SLL => Self::LinuxCooked,
            Linktype::LINUX_SLL2 => Self::LinuxCooked2,
            Linktype(other) => Self::Other(other),
        }
    }
}

/// One packet of a capture.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// When it was captured, since 1970-01-01 UTC.
    pub time: Duration,
    /// What it begins with.
    pub link: Link,
    /// What was captured of it.
    pub bytes: &'a [u8],
}

/// Reads a capture and hands over its packets, in the order of the file.
///
/// # Errors
/// [`Unreadable`]; the packets before the damage have been handed over.
pub fn read(file: impl Read + Send, mut take: impl FnMut(Packet<'_>)) -> Result<(), Unreadable> {
    let mut reader = create_reader(BUFFER, file).map_err(|error| match error {
        PcapError::ReadError => Unreadable::Read,
        _ => Unreadable::Format,
    })?;
    let mut interfaces = Interfaces::default();
    // A refill that brings nothing for a block that is not whole would go on for ever.
    let mut refilled_at = None;
    loop {
        match reader.next() {
            Ok((length, block)) => {
                interfaces.handle(&block, &mut take);
                reader.consume(length);
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => {
                let held = (reader.consumed(), reader.data().len());
                if refilled_at == Some(held) {
                    return Err(Unreadable::Truncated);
                }
                refilled_at = Some(held);
                reader.refill().map_err(|_| Unreadable::Read)?;
            }
            Err(PcapError::UnexpectedEof) => return Err(Unreadable::Truncated),
            Err(PcapError::ReadError) => return Err(Unreadable::Read),
            Err(_) => return Err(Unreadable::Damaged),
        }
    }
}

/// What the blocks so far said about the packets to come.
#[derive(Debug, Default)]
struct Interfaces(Vec<Interface>);

#[derive(Debug, Clone, Copy)]
struct Interface {
    link: Link,
    /// Units of time stamps in a second.
    resolution: u64,
    /// Seconds to add to time stamps.
    offset: i64,
}

impl Interfaces {
    fn handle(&mut self, block: &PcapBlockOwned<'_>, take: &mut impl FnMut(Packet<'_>)) {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let resolution =
                    if header.is_nanosecond_precision() { NANOSECONDS } else { 1_000_000 };
                self.0 = vec![Interface { link: header.network.into(), resolution, offset: 0 }];
            }
            PcapBlockOwned::Legacy(packet) => {
                let Some(interface) = self.0.first() else { return };
                let stamp = u64::from(packet.ts_sec)
                    .saturating_mul(interface.resolution)
                    .saturating_add(u64::from(packet.ts_usec));
                take(interface.packet(stamp, packet.data));
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => self.0.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(block)) => self.describe(block),
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => self.enhanced(packet, take),
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                if let Some(interface) = self.0.first() {
                    take(interface.packet(0, packet.packet_data()));
                }
            }
            PcapBlockOwned::NG(_) => {}
        }
    }

    fn describe(&mut self, block: &InterfaceDescriptionBlock<'_>) {
        if self.0.len() < MAX_INTERFACES {
            self.0.push(Interface {
                link: block.linktype.into(),
                resolution: block.ts_resolution().unwrap_or(1_000_000),
                offset: block.if_tsoffset,
            });
        }
    }

    fn enhanced(&self, packet: &EnhancedPacketBlock<'_>, take: &mut impl FnMut(Packet<'_>)) {
        let index = usize::try_from(packet.if_id).unwrap_or(usize::MAX);
        if let Some(interface) = self.0.get(index) {
            let stamp = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            take(interface.packet(stamp, packet.packet_data()));
        }
    }
}

impl Interface {
    fn packet<'a>(&self, stamp: u64, bytes: &'a [u8]) -> Packet<'a> {
        let resolution = self.resolution.max(1);
        let seconds = (stamp / resolution).saturating_add_signed(self.offset);
        let fraction = u128::from(stamp % resolution) * u128::from(NANOSECONDS);
        let nanoseconds = u64::try_from(fraction / u128::from(resolution)).unwrap_or_default();
        let time = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds));
        Packet { time, link: self.link, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little-endian, microseconds, raw IP, one packet of two octets at 1.000002 s.
    const PCAP: [u8; 42] = [
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0,
        0, //
        1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0xaa, 0xbb,
    ];

    /// A section, an Ethernet interface with nanoseconds, and a packet of three octets at 5.000000007 s.
    fn pcapng() -> Vec<u8> {
        let mut file =
            vec![0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
        file.extend([0xff; 8]);
        file.extend([28, 0, 0, 0]);
        file.extend([1, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0]);
        // if_tsresol = 9, end of options
        file.extend([9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0]);
        let stamp: u64 = 5_000_000_007;
        let (high, low) = ((stamp >> 32) as u32, stamp as u32);
        file.extend([6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(high.to_le_bytes());
        file.extend(low.to_le_bytes());
        file.extend([3, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 0, 36, 0, 0, 0]);
        file
    }

    type Kept = (Duration, Link, Vec<u8>);

    fn packets(file: &[u8]) -> (Vec<Kept>, Result<(), Unreadable>) {
        let mut packets = Vec::new();
        let take = |p: Packet<'_>| packets.push((p.time, p.link, p.bytes.to_vec()));
        let result = read(file, take);
        (packets, result)
    }

    #[test]
    fn reads_pcap() {
        let packet = (Duration::from_micros(1_000_002), Link::Ip, vec![0xaa, 0xbb]);
        assert_eq!(packets(&PCAP), (vec![packet], Ok(())));
    }

    #[test]
    fn reads_pcapng() {
        let packet = (Duration::from_nanos(5_000_000_007), Link::Ethernet, vec![1, 2, 3]);
        assert_eq!(packets(&pcapng()), (vec![packet], Ok(())));
    }

    #[test]
    fn tells_a_cut_file_from_a_whole_one() {
        assert_eq!(packets(&PCAP[..41]), (vec![], Err(Unreadable::Truncated)));
        assert_eq!(packets(&PCAP[..24]), (vec![], Ok(())));
        let file = pcapng();
        assert_eq!(packets(&file[..file.len() - 1]), (vec![], Err(Unreadable::Truncated)));
    }

    #[test]
    fn refuses_what_is_no_capture() {
        assert_eq!(packets(b"").1, Err(Unreadable::Format));
        assert_eq!(packets(b"[Gatekeeper::Main]\nFourtytwo=42\n").1, Err(Unreadable::Format));
    }
}
