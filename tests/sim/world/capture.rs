//! A run as a packet capture: with `SIM_PCAP` naming a folder, every world writes there what passes the open net,
//! for eyes and for other tools. IPv4 only.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// LINKTYPE_RAW: packets begin with their IP header.
const LINKTYPE: u32 = 101;

/// An open capture file.
pub(crate) struct Capture {
    file: BufWriter<File>,
    sent: BTreeMap<(SocketAddr, SocketAddr), u32>,
}

impl Capture {
    /// The file of this test and seed, if captures are wanted.
    pub(crate) fn open(seed: u64) -> Option<Self> {
        let folder = std::env::var_os("SIM_PCAP")?;
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("world").replace("::", ".");
        let name = |n: u32| std::path::Path::new(&folder).join(format!("{test}-{seed}-{n}.pcap"));
        let file = (0..).find_map(|n| File::create_new(name(n)).ok())?;
        let mut file = BufWriter::new(file);
        let head = [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 65_535, LINKTYPE];
        head.iter().try_for_each(|word: &u32| file.write_all(&word.to_le_bytes())).ok()?;
        Some(Self { file, sent: BTreeMap::new() })
    }

    /// A datagram.
    pub(crate) fn udp(&mut self, time: Duration, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let length = u16::try_from(bytes.len() + 8).unwrap_or(u16::MAX);
        let mut header = ports(from, to);
        header.extend(length.to_be_bytes());
        header.extend([0, 0]);
        self.packet(time, 17, (from, to), &header, bytes);
    }

    /// Octets of a stream; `flags` as in the TCP header.
    pub(crate) fn tcp(
        &mut self,
        time: Duration,
        (from, to): (SocketAddr, SocketAddr),
        flags: u8,
        bytes: &[u8],
    ) {
        for part in bytes.chunks(1400).chain(bytes.is_empty().then_some(bytes)) {
            let acknowledged = self.sent.get(&(to, from)).copied().unwrap_or(1);
            let sequence = self.sent.entry((from, to)).or_insert(1);
            let mut header = ports(from, to);
            header.extend(sequence.to_be_bytes());
            header.extend(acknowledged.to_be_bytes());
            header.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
            let steps = u32::try_from(part.len()).unwrap_or(0) + u32::from(flags & 3 != 0);
            *sequence = sequence.wrapping_add(steps);
            self.packet(time, 6, (from, to), &header, part);
        }
    }

    fn packet(
        &mut self,
        time: Duration,
        protocol: u8,
        (from, to): (SocketAddr, SocketAddr),
        header: &[u8],
        bytes: &[u8],
    ) {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (from.ip(), to.ip()) else { return };
        let length = 20 + header.len() + bytes.len();
        let (Ok(total), Ok(length)) = (u16::try_from(length), u32::try_from(length)) else {
            return;
        };
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let mut record = Vec::new();
        for word in [seconds, time.subsec_micros(), length, length] {
            record.extend(word.to_le_bytes());
        }
        record.extend([0x45, 0]);
        record.extend(total.to_be_bytes());
        record.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        record.extend(from.octets());
        record.extend(to.octets());
        record.extend(header);
        record.extend(bytes);
        // A capture that cannot be written is no reason for a test to fail.
        let _ = self.file.write_all(&record);
    }
}

fn ports(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    [from.port().to_be_bytes(), to.port().to_be_bytes()].concat()
}
