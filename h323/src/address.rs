//! Transport addresses of H.225.0 and of H.245 to socket addresses and back.
//!
//! Only IPv4 and IPv6 unicast addresses have a socket address. A port of zero is kept: in a media channel it
//! means that the port is not known yet. An IPv4 address mapped into IPv6 is written as IPv4, because the peer
//! of a dual-stack socket may have no IPv6.

use crate::asn::h225::{TransportAddress, TransportAddressIp6Address, TransportAddressIpAddress};
use crate::asn::h245::{
    H245TransportAddress, UnicastAddress, UnicastAddressIP6Address, UnicastAddressIPAddress,
};
use std::net::{IpAddr, SocketAddr};

/// The H.225.0 form.
#[must_use]
pub fn to_h225(address: SocketAddr) -> TransportAddress {
    let port = address.port();
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            TransportAddress::ipAddress(TransportAddressIpAddress { ip: ip.octets().into(), port })
        }
        IpAddr::V6(ip) => TransportAddress::ip6Address(TransportAddressIp6Address {
            ip: ip.octets().into(),
            port,
            unknown_ext: None,
        }),
    }
}

/// The socket address of an H.225.0 address, if it is of IP.
#[must_use]
pub fn from_h225(address: &TransportAddress) -> Option<SocketAddr> {
    match address {
        TransportAddress::ipAddress(v4) => socket_address::<4>(&v4.ip, v4.port),
        TransportAddress::ip6Address(v6) => socket_address::<16>(&v6.ip, v6.port),
        _ => None,
    }
}

/// The H.245 form, unicast.
#[must_use]
pub fn to_h245(address: SocketAddr) -> H245TransportAddress {
    let tsap_identifier = address.port();
    H245TransportAddress::unicastAddress(Box::new(match address.ip().to_canonical() {
        IpAddr::V4(ip) => UnicastAddress::iPAddress(UnicastAddressIPAddress {
            network: ip.octets().into(),
            tsap_identifier,
            unknown_ext: None,
        }),
        IpAddr::V6(ip) => UnicastAddress::iP6Address(UnicastAddressIP6Address {
            network: ip.octets().into(),
            tsap_identifier,
            unknown_ext: None,
        }),
    }))
}

/// The socket address of an H.245 address, if it is unicast and of IP.
#[must_use]
pub fn from_h245(address: &H245TransportAddress) -> Option<SocketAddr> {
    let H245TransportAddress::unicastAddress(unicast) = address else { return None };
    match &**unicast {
        UnicastAddress::iPAddress(v4) => socket_address::<4>(&v4.network, v4.tsap_identifier),
        UnicastAddress::iP6Address(v6) => socket_address::<16>(&v6.network, v6.tsap_identifier),
        _ => None,
    }
}

fn socket_address<const N: usize>(ip: &[u8], port: u16) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    Some(SocketAddr::new(<[u8; N]>::try_from(ip).ok()?.into(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn both_versions_go_both_ways_with_any_port() {
        for text in
            ["203.0.113.10:1720", "203.0.113.10:0", "[2001:db8::7]:50001", "[2001:db8::7]:0"]
        {
            let address = socket(text);
            assert_eq!(from_h225(&to_h225(address)), Some(address));
            assert_eq!(from_h245(&to_h245(address)), Some(address));
        }
    }

    #[test]
    fn a_mapped_address_is_written_as_ipv4() {
        let mapped = socket("[::ffff:203.0.113.10]:1720");
        assert_eq!(to_h225(mapped), to_h225(socket("203.0.113.10:1720")));
        assert_eq!(to_h245(mapped), to_h245(socket("203.0.113.10:1720")));
    }

    #[test]
    fn other_networks_have_no_socket_address() {
        assert_eq!(from_h225(&TransportAddress::netBios(vec![0; 16].into())), None);
        let net_bios = Box::new(UnicastAddress::netBios(vec![0; 16].into()));
        assert_eq!(from_h245(&H245TransportAddress::unicastAddress(net_bios)), None);
        let multicast = H245TransportAddress::multicastAddress(Box::default());
        assert_eq!(from_h245(&multicast), None);
    }

    #[test]
    fn an_address_of_a_wrong_length_is_none() {
        let short = TransportAddressIpAddress { ip: vec![1, 2, 3].into(), port: 1 };
        assert_eq!(from_h225(&TransportAddress::ipAddress(short)), None);
    }
}
