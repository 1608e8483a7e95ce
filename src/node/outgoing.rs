//! Where connections that the node opens come from.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::streams::Owner;

/// The local ends of outgoing connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The address they come from unless the peer knows another one; `None` leaves it to the routes of the host.
    pub(crate) bind: Option<IpAddr>,
    /// The same for peers in networks.
    pub(crate) routes: Vec<(IpNet, IpAddr)>,
    /// Ports of call signalling; `0..=0` for any, here and below.
    pub(crate) signalling: RangeInclusive<u16>,
    /// Ports of H.245.
    pub(crate) control: RangeInclusive<u16>,
    /// Ports of data channels.
    pub(crate) data: RangeInclusive<u16>,
    /// The classes of packets of RAS, of call signalling and of H.245.
    pub(crate) classes: [u8; 3],
}

impl Outgoing {
    /// The address a connection to a peer comes from: the one by which the peer knows us, if it is of the same kind.
    pub(super) fn source(&self, known: Option<IpAddr>, to: SocketAddr) -> Option<IpAddr> {
        let same = |ip: &IpAddr| ip.is_ipv4() == to.is_ipv4();
        known.filter(same).or_else(|| self.route(to.ip())).or_else(|| self.bind.filter(same))
    }

    /// What the smallest network says that contains a peer.
    fn route(&self, to: IpAddr) -> Option<IpAddr> {
        let leads = self.routes.iter().filter(|(network, _)| network.contains(&to));
        leads.max_by_key(|(network, _)| network.prefix_len()).map(|(_, own)| *own)
    }

    /// The ports a connection comes from.
    pub(super) fn ports(&self, owner: Owner) -> RangeInclusive<u16> {
        match owner {
            Owner::Signalling(..) | Owner::Hole => self.signalling.clone(),
            Owner::Control(..) => self.control.clone(),
            Owner::Data(..) => self.data.clone(),
            Owner::Fresh => 0..=0,
        }
    }

    /// The class of packets of a connection.
    pub(super) const fn class(&self, owner: Owner) -> u8 {
        let [_, signalling, control] = self.classes;
        match owner {
            Owner::Signalling(..) | Owner::Hole => signalling,
            Owner::Control(..) => control,
            Owner::Data(..) | Owner::Fresh => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_the_peer_knows_goes_before_bind_and_bind_before_the_routes() {
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let outgoing = |bind: Option<&str>| Outgoing {
            bind: bind.map(ip),
            routes: Vec::new(),
            signalling: 0..=0,
            control: 0..=0,
            data: 0..=0,
            classes: [0; 3],
        };
        let (v4, v6) = ("192.0.2.1:1720".parse().unwrap(), "[2001:db8::1]:1720".parse().unwrap());
        let bound = outgoing(Some("198.51.100.1"));
        assert_eq!(bound.source(Some(ip("198.51.100.2")), v4), Some(ip("198.51.100.2")));
        assert_eq!(bound.source(None, v4), Some(ip("198.51.100.1")));
        assert_eq!(bound.source(Some(ip("2001:db8::2")), v4), Some(ip("198.51.100.1")));
        assert_eq!(bound.source(None, v6), None, "of the other kind");
        assert_eq!(outgoing(None).source(None, v4), None);
    }

    #[test]
    fn a_route_goes_before_bind_and_the_smallest_network_counts() {
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let route = |net: &str, own: &str| (net.parse().unwrap(), ip(own));
        let outgoing = Outgoing {
            bind: Some(ip("198.51.100.1")),
            routes: vec![
                route("10.2.0.0/16", "10.2.1.5"),
                route("10.0.0.0/8", "10.1.1.1"),
                route("2001:db8::/32", "2001:db8::5"),
            ],
            signalling: 0..=0,
            control: 0..=0,
            data: 0..=0,
            classes: [0; 3],
        };
        let source = |known: Option<&str>, to: &str| {
            let to = SocketAddr::new(ip(to), 1720);
            outgoing.source(known.map(ip), to).map(|ip| ip.to_string())
        };
        assert_eq!(source(None, "10.2.9.9").as_deref(), Some("10.2.1.5"));
        assert_eq!(source(None, "10.3.9.9").as_deref(), Some("10.1.1.1"));
        assert_eq!(source(None, "192.0.2.1").as_deref(), Some("198.51.100.1"));
        assert_eq!(source(None, "2001:db8::9").as_deref(), Some("2001:db8::5"));
        assert_eq!(source(Some("10.9.9.1"), "10.2.9.9").as_deref(), Some("10.9.9.1"));
    }
}
