//! How much of a call goes through the gatekeeper, by the addresses of its parties.

use std::net::IpAddr;

use ipnet::IpNet;
use pinhole_config::{Config, NetList, Relay, Routing};

use super::Mode;

/// What the configuration says of it.
#[derive(Debug, Clone)]
pub struct Modes {
    /// Of calls of which nothing else is said (GKRouted, H245Routed).
    plain: Mode,
    /// Whether media is relayed at all for who needs no help (`[Proxy] Enable`).
    proxy: bool,
    /// The networks whose border media has to cross to be relayed; empty: it is always relayed.
    border: NetList,
    /// Whether calls between IPv4 and IPv6 are proxied.
    mixed: bool,
    /// Whether two parties behind the same NAT need help.
    same_nat: bool,
    /// The networks with rules of their own: of calls across their border, and inside.
    networks: Vec<(IpNet, [Mode; 2])>,
    /// The least for products whose names contain this, in small letters.
    vendors: Vec<(String, Mode)>,
}

/// What matters of a party.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Its address as its packets show it.
    pub(crate) ip: IpAddr,
    /// An H.460.18 client, or somebody to whom media can only go where its own comes from.
    pub(crate) client: bool,
    /// Behind a NAT without H.460.18.
    pub(crate) natted: bool,
    /// What its product is called; empty when that is not known.
    pub(crate) vendor: &'a str,
    /// Whether media of calls to it is relayed.
    pub(crate) relay: Relay,
}

impl From<Routing> for Mode {
    fn from(routing: Routing) -> Self {
        match routing {
            Routing::Routed => Self::Routed,
            Routing::H245Routed => Self::Control,
            Routing::Proxy => Self::Proxied,
        }
    }
}

impl From<&Config> for Modes {
    fn from(config: &Config) -> Self {
        let (routed, proxy) = (&config.routed, &config.proxy);
        let plain = match (routed.gk_routed, routed.h245_routed) {
            (true, true) => Mode::Control,
            (true, false) => Mode::Routed,
            (false, _) => Mode::Direct,
        };
        let always = proxy.always || proxy.internal.0.is_empty();
        let rules = config
            .mode_selection
            .0
            .iter()
            .map(|row| (row.key, [row.value.crossing.into(), row.value.inside.into()]));
        Self {
            plain,
            proxy: proxy.enable,
            border: if always { NetList::default() } else { proxy.internal.clone() },
            mixed: routed.proxy_mixed,
            same_nat: proxy.for_same_nat,
            networks: rules.collect(),
            vendors: config
                .mode_by_vendor
                .0
                .iter()
                .map(|row| (row.key.0.to_lowercase(), row.value.into()))
                .collect(),
        }
    }
}

impl Modes {
    /// The mode of calls of which nothing else is said; direct only when parties may call each other without us.
    pub(crate) fn usual(&self) -> Mode {
        match self.proxy {
            true => Mode::Proxied,
            false if self.networks.is_empty() && self.vendors.is_empty() => self.plain,
            false => self.plain.max(Mode::Routed),
        }
    }

    /// The mode of a call that goes through us. A party that cannot be reached without us is helped in any case.
    pub(crate) fn of(&self, a: Place<'_>, b: Place<'_>) -> Mode {
        let same_nat = a.natted && b.natted && a.ip == b.ip;
        let lost = (a.natted || b.natted) && (self.same_nat || !same_nat);
        let mixed = self.mixed && a.ip.is_ipv4() != b.ip.is_ipv4();
        if a.client || b.client || lost || mixed {
            return Mode::Proxied;
        }
        let vendors = [a, b].into_iter().filter_map(|party| self.of_vendor(party.vendor));
        let mode = vendors.fold(self.of_networks(a.ip, b.ip), Mode::max);
        match b.relay {
            Relay::Usual => mode,
            Relay::Always => Mode::Proxied,
            Relay::Never => mode.min(self.plain.max(Mode::Routed)),
        }
    }

    /// What the longest key says that is part of a product's name.
    fn of_vendor(&self, vendor: &str) -> Option<Mode> {
        let vendor = vendor.to_lowercase();
        let named = self.vendors.iter().filter(|(part, _)| vendor.contains(part));
        named.max_by_key(|(part, _)| part.len()).map(|(_, mode)| *mode)
    }

    /// The mode of a call between parties at these addresses, of which nothing else is known.
    fn of_networks(&self, a: IpAddr, b: IpAddr) -> Mode {
        if let Some(mode) = self.selected(a, b) {
            return mode;
        }
        let crosses = self.border.contains(a) != self.border.contains(b);
        if self.proxy && (self.border.0.is_empty() || crosses) {
            return Mode::Proxied;
        }
        self.plain.max(Mode::Routed)
    }

    /// What `[ModeSelection]` says: the smallest network that contains a party decides.
    fn selected(&self, a: IpAddr, b: IpAddr) -> Option<Mode> {
        let touched = self.networks.iter().filter_map(|(network, [crossing, inside])| {
            match (network.contains(&a), network.contains(&b)) {
                (true, true) => Some((network.prefix_len(), *inside)),
                (false, false) => None,
                _ => Some((network.prefix_len(), *crossing)),
            }
        });
        touched.max().map(|(_, mode)| mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(text: &str) -> Modes {
        let (config, problems) = Config::read(text);
        assert!(problems.is_empty(), "{problems:?}");
        Modes::from(&config)
    }

    fn plain(ip: &str) -> Place<'static> {
        Place {
            ip: ip.parse().unwrap(),
            client: false,
            natted: false,
            vendor: "",
            relay: Relay::Usual,
        }
    }

    fn of(modes: &Modes, a: &str, b: &str) -> Mode {
        modes.of(plain(a), plain(b))
    }

    #[test]
    fn without_a_border_every_call_is_proxied() {
        let modes = modes("[RoutedMode]\nGKRouted=1\n[Proxy]\nEnable=1\n");
        assert_eq!(of(&modes, "10.0.0.1", "10.0.0.2"), Mode::Proxied);
    }

    #[test]
    fn with_a_border_only_calls_across_it_are() {
        let text =
            "[RoutedMode]\nGKRouted=1\n[Proxy]\nEnable=1\nInternalNetwork=1.2.3.0/24,10.1.1.0/24\n";
        let inner = modes(text);
        assert_eq!(of(&inner, "1.2.3.4", "10.1.1.9"), Mode::Routed, "both are inside");
        assert_eq!(of(&inner, "9.9.9.9", "8.8.8.8"), Mode::Routed, "both are outside");
        assert_eq!(of(&inner, "9.9.9.9", "10.1.1.9"), Mode::Proxied);
        let always = modes(&format!("{text}ProxyAlways=1\n"));
        assert_eq!(of(&always, "1.2.3.4", "10.1.1.9"), Mode::Proxied);
    }

    #[test]
    fn who_needs_help_gets_it_in_every_mode() {
        let text = "[RoutedMode]\nGKRouted=1\n";
        let client = Place { client: true, ..plain("203.0.113.1") };
        let natted = Place { natted: true, ..plain("203.0.113.1") };
        let open = plain("192.0.2.1");
        for routed in [modes(text), modes("[ModeSelection]\n0.0.0.0/0=ROUTED\n")] {
            assert_eq!(routed.of(open, open), Mode::Routed);
            assert_eq!(routed.of(client, open), Mode::Proxied);
            assert_eq!(routed.of(open, client), Mode::Proxied);
            assert_eq!(routed.of(open, natted), Mode::Proxied);
            assert_eq!(routed.of(natted, natted), Mode::Proxied);
            assert_eq!(routed.of(plain("2001:db8::1"), open), Mode::Proxied);
        }
        let neighbours = modes(&format!("{text}[Proxy]\nProxyForSameNAT=0\n"));
        assert_eq!(neighbours.of(natted, natted), Mode::Routed);
        assert_eq!(neighbours.of(client, client), Mode::Proxied);
        let other = Place { natted: true, ..plain("203.0.113.2") };
        assert_eq!(neighbours.of(natted, other), Mode::Proxied);
        let alone = modes("[RoutedMode]\nGKRouted=1\nAutoProxyIPv4ToIPv6Calls=0\n");
        assert_eq!(of(&alone, "2001:db8::1", "192.0.2.1"), Mode::Routed);
    }

    #[test]
    fn what_is_said_of_the_called_party_alone_counts_unless_it_needs_help() {
        let usual = modes("[RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\n");
        let (a, b) = (plain("192.0.2.1"), plain("192.0.2.2"));
        let never = Place { relay: Relay::Never, ..b };
        assert_eq!(usual.of(a, never), Mode::Control);
        assert_eq!(usual.of(never, a), Mode::Proxied, "calls that it makes");
        assert_eq!(usual.of(Place { client: true, ..a }, never), Mode::Proxied);
        let routed = modes("[RoutedMode]\nGKRouted=1\n");
        assert_eq!(routed.of(a, Place { relay: Relay::Always, ..b }), Mode::Proxied);
    }

    #[test]
    fn the_smallest_network_decides() {
        let modes = modes(
            "[RoutedMode]\nGKRouted=1\n[ModeSelection]\n0.0.0.0/0=ROUTED\n192.168.0.0/16=PROXY,H245ROUTED\n\
             192.168.7.0/24=H245ROUTED,ROUTED\n",
        );
        assert_eq!(of(&modes, "9.9.9.9", "8.8.8.8"), Mode::Routed);
        assert_eq!(of(&modes, "192.168.1.1", "8.8.8.8"), Mode::Proxied);
        assert_eq!(of(&modes, "192.168.1.1", "192.168.2.2"), Mode::Control);
        assert_eq!(
            of(&modes, "192.168.7.1", "192.168.2.2"),
            Mode::Control,
            "it crosses the smaller one"
        );
        assert_eq!(of(&modes, "192.168.7.1", "192.168.7.2"), Mode::Routed);
    }

    #[test]
    fn a_product_can_make_it_more_and_never_less() {
        let modes = modes(
            "[RoutedMode]\nGKRouted=1\n[ModeSelection]\n10.0.0.0/8=H245ROUTED\n\
             [ModeVendorSelection]\nVoIP Technologies=PROXY\nvoip=ROUTED\nAcme=H245ROUTED\n",
        );
        let of = |a: &'static str, b: &'static str, ip: &str| {
            modes.of(Place { vendor: a, ..plain(ip) }, Place { vendor: b, ..plain("192.0.2.2") })
        };
        assert_eq!(of("", "", "192.0.2.1"), Mode::Routed);
        assert_eq!(of("VoIP technologies 3.1", "", "192.0.2.1"), Mode::Proxied);
        assert_eq!(of("", "VoIP Technologies", "192.0.2.1"), Mode::Proxied);
        assert_eq!(of("VoIP phone", "ACME Room", "192.0.2.1"), Mode::Control);
        assert_eq!(of("VoIP phone", "", "10.0.0.1"), Mode::Control, "the network wants more");
        assert_eq!(modes.usual(), Mode::Routed);
    }
}
