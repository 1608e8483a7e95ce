//! Addresses of H.225.0 and of H.245 as socket addresses.

use std::net::SocketAddr;

use pinhole_h323::asn::h225::TransportAddress;
use pinhole_h323::asn::h245::{H245TransportAddress, UnicastAddress};

use super::{Message, Role, Told};

impl Message {
    /// Notes an address of H.225.0.
    pub(super) fn tell<'a>(
        &mut self,
        name: &'static str,
        role: Role,
        addresses: impl IntoIterator<Item = &'a TransportAddress>,
    ) {
        let addresses = addresses.into_iter().filter_map(|address| match address {
            TransportAddress::ipAddress(ip) => v4(&ip.ip, ip.port),
            TransportAddress::ip6Address(ip) => v6(&ip.ip, ip.port),
            _ => None,
        });
        self.addresses.extend(addresses.map(|address| Told { name, role, address }));
    }

    /// Notes an address of H.245.
    pub(super) fn tell_media<'a>(
        &mut self,
        name: &'static str,
        addresses: impl IntoIterator<Item = &'a H245TransportAddress>,
    ) {
        let unicast = addresses.into_iter().filter_map(|address| match address {
            H245TransportAddress::unicastAddress(unicast) => Some(unicast.as_ref()),
            _ => None,
        });
        let addresses = unicast.filter_map(|address| match address {
            UnicastAddress::iPAddress(ip) => v4(&ip.network, ip.tsap_identifier),
            UnicastAddress::iP6Address(ip) => v6(&ip.network, ip.tsap_identifier),
            _ => None,
        });
        let role = Role::Other;
        self.addresses.extend(addresses.map(|address| Told { name, role, address }));
    }
}

fn v4(octets: &[u8], port: u16) -> Option<SocketAddr> {
    let octets: [u8; 4] = octets.try_into().ok()?;
    Some((octets, port).into())
}

fn v6(octets: &[u8], port: u16) -> Option<SocketAddr> {
    let octets: [u8; 16] = octets.try_into().ok()?;
    Some((octets, port).into())
}
