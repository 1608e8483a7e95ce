//! One packet: from its link header to the datagram or the piece of a TCP stream in it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, IpNumber, Ipv6ExtensionSlice, LaxIpv6Slice, LaxNetSlice, LaxSlicedPacket, TcpSlice,
    TransportSlice, ether_type,
};

use super::capture::{Link, Packet};

/// Octets of the header of [`Link::LinuxCooked`], which ends in an EtherType.
const COOKED: usize = 16;
/// Octets of the header of [`Link::LinuxCooked2`], which begins with an EtherType.
const COOKED2: usize = 20;
/// Octets of the header of [`Link::Loopback`].
const LOOPBACK: usize = 4;

/// A piece of one direction of a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The sequence number of the first octet (of the SYN, if there is one).
    pub sequence: u32,
    /// The connection begins.
    pub syn: bool,
    /// The sequence number before which everything of the other direction has been received.
    pub ack: Option<u32>,
    /// This direction ends.
    pub fin: bool,
    /// The connection is broken off.
    pub rst: bool,
    /// The octets.
    pub bytes: &'a [u8],
}

impl Segment<'_> {
    /// The sequence number after the last octet.
    #[must_use]
    pub fn end(&self) -> u32 {
        let octets = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.sequence.wrapping_add(octets).wrapping_add(u32::from(self.syn))
    }
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried<'a> {
    /// A UDP datagram.
    Datagram(&'a [u8]),
    /// A piece of a TCP stream.
    Segment(Segment<'a>),
    /// The first fragment of an IP packet that holds either.
    Fragment,
}

/// A packet's ends, and what it carries between them. Nothing for packets that are neither UDP nor TCP, or cannot
/// be understood.
#[must_use]
pub fn open<'a>(packet: &Packet<'a>) -> Option<(SocketAddr, SocketAddr, Carried<'a>)> {
    let sliced = slice(packet)?;
    let network = network(sliced.net?)?;
    let (ports, carried) = match sliced.transport {
        Some(TransportSlice::Udp(udp)) => {
            ((udp.source_port(), udp.destination_port()), Carried::Datagram(udp.payload()))
        }
        Some(TransportSlice::Tcp(tcp)) => {
            let ports = (tcp.source_port(), tcp.destination_port());
            (ports, Carried::Segment(Segment::from(&tcp)))
        }
        None => {
            let [a, b, c, d] = *network.first_fragment?.first_chunk()?;
            ((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])), Carried::Fragment)
        }
        _ => return None,
    };
    let from = SocketAddr::new(network.source, ports.0);
    let to = SocketAddr::new(network.destination, ports.1);
    Some((from, to, carried))
}

struct Network<'a> {
    source: IpAddr,
    destination: IpAddr,
    /// What the first fragment of UDP or TCP holds; it begins with the ports.
    first_fragment: Option<&'a [u8]>,
}

fn network(slice: LaxNetSlice<'_>) -> Option<Network<'_>> {
    let (source, destination, first, payload): (IpAddr, IpAddr, _, _) = match &slice {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let first = header.fragments_offset().value() == 0;
            let ends = (header.source_addr(), header.destination_addr());
            (ends.0.into(), ends.1.into(), first, ip.payload().clone())
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let ends = (header.source_addr(), header.destination_addr());
            (ends.0.into(), ends.1.into(), first_of_v6(ip), ip.payload().clone())
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let ours = matches!(payload.ip_number, IpNumber::UDP | IpNumber::TCP);
    let first_fragment = (payload.fragmented && first && ours).then_some(payload.payload);
    Some(Network { source, destination, first_fragment })
}

/// Whether the fragment header, if there is one, is that of a first fragment.
fn first_of_v6(ip: &LaxIpv6Slice<'_>) -> bool {
    ip.extensions().clone().into_iter().any(|extension| {
        matches!(extension, Ipv6ExtensionSlice::Fragment(f) if f.fragment_offset().value() == 0)
    })
}

fn slice<'a>(packet: &Packet<'a>) -> Option<LaxSlicedPacket<'a>> {
    let bytes = packet.bytes;
    match packet.link {
        Link::Ethernet => LaxSlicedPacket::from_ethernet(bytes).ok(),
        Link::Ip => LaxSlicedPacket::from_ip(bytes).ok(),
        Link::Loopback => LaxSlicedPacket::from_ip(bytes.get(LOOPBACK..)?).ok(),
        Link::LinuxCooked => {
            let (header, rest) = bytes.split_at_checked(COOKED)?;
            cooked(header.last_chunk()?, rest)
        }
        Link::LinuxCooked2 => {
            let (header, rest) = bytes.split_at_checked(COOKED2)?;
            cooked(header.first_chunk()?, rest)
        }
        Link::Other(_) => None,
    }
}

fn cooked<'a>(protocol: &[u8; 2], rest: &'a [u8]) -> Option<LaxSlicedPacket<'a>> {
    let protocol = EtherType(u16::from_be_bytes(*protocol));
    let known = [
        ether_type::IPV4,
        ether_type::IPV6,
        ether_type::VLAN_TAGGED_FRAME,
        ether_type::PROVIDER_BRIDGING,
    ];
    known.contains(&protocol).then(|| LaxSlicedPacket::from_ether_type(protocol, rest))
}

impl<'a> From<&TcpSlice<'a>> for Segment<'a> {
    fn from(tcp: &TcpSlice<'a>) -> Self {
        Self {
            sequence: tcp.sequence_number(),
            syn: tcp.syn(),
            ack: tcp.ack().then(|| tcp.acknowledgment_number()),
            fin: tcp.fin(),
            rst: tcp.rst(),
            bytes: tcp.payload(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etherparse::PacketBuilder;

    use super::*;

    const FROM: [u8; 4] = [10, 0, 1, 2];
    const TO: [u8; 4] = [198, 51, 100, 2];

    fn datagram() -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4(FROM, TO, 64).udp(1719, 1720).write(&mut bytes, b"ras").unwrap();
        bytes
    }

    fn opened(link: Link, bytes: &[u8]) -> Option<(String, String, Carried<'_>)> {
        let (from, to, carried) = open(&Packet { time: Duration::ZERO, link, bytes })?;
        Some((from.to_string(), to.to_string(), carried))
    }

    #[test]
    fn opens_every_kind_of_link() {
        let ip = datagram();
        let expected =
            Some(("10.0.1.2:1719".into(), "198.51.100.2:1720".into(), Carried::Datagram(b"ras")));
        let headers: [(Link, Vec<u8>); 5] = [
            (Link::Ip, vec![]),
            (Link::Ethernet, [&[0; 12][..], &[8, 0]].concat()),
            (Link::Loopback, vec![2, 0, 0, 0]),
            (Link::LinuxCooked, [&[0; 14][..], &[8, 0]].concat()),
            (Link::LinuxCooked2, [&[8, 0][..], &[0; 18]].concat()),
        ];
        for (link, header) in headers {
            assert_eq!(opened(link, &[header, ip.clone()].concat()), expected, "{link:?}");
        }
        assert_eq!(opened(Link::Other(147), &ip), None);
    }

    #[test]
    fn opens_a_segment() {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4(FROM, TO, 64)
            .tcp(1024, 1720, 7, 100)
            .syn()
            .write(&mut bytes, &[])
            .unwrap();
        let segment =
            Segment { sequence: 7, syn: true, ack: None, fin: false, rst: false, bytes: &[] };
        assert_eq!(opened(Link::Ip, &bytes).unwrap().2, Carried::Segment(segment));
    }

    #[test]
    fn reports_a_fragment() {
        let mut bytes = datagram();
        // More fragments follow.
        bytes[6] |= 0x20;
        let (from, to, carried) = opened(Link::Ip, &bytes).unwrap();
        assert_eq!((from.as_str(), to.as_str()), ("10.0.1.2:1719", "198.51.100.2:1720"));
        assert_eq!(carried, Carried::Fragment);
        // Those that follow have no ports to go by.
        bytes[7] = 1;
        assert_eq!(opened(Link::Ip, &bytes), None);
    }

    #[test]
    fn any_cut_is_survived() {
        let bytes = datagram();
        for length in 0..bytes.len() {
            for link in [Link::Ethernet, Link::LinuxCooked, Link::LinuxCooked2, Link::Ip] {
                let _ = opened(link, &bytes[..length]);
            }
        }
    }
}
