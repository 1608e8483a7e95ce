//! Which of our addresses a peer is told: it has to be one that the peer can use.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::{Core, Settings};

/// The address to tell a peer in place of a local one: ExternalIP for peers outside, when there is one.
pub(crate) fn told(settings: &Settings, local: SocketAddr, peer: IpAddr) -> SocketAddr {
    let external = settings.external.filter(|ip| ip.is_ipv4() == local.is_ipv4());
    match external {
        Some(ip) if !is_inside(peer, &settings.internal) => SocketAddr::new(ip, local.port()),
        _ => local,
    }
}

/// True for an address that we may connect to because a party at `peer` said so. What is on this host only who is on it
/// may name, and what is in a private network only who is inside (anybody, if `private` addresses are for all): whoever
/// can call would else knock through us at doors that are closed to him.
pub(crate) fn leads(core: &Core, peer: IpAddr, to: SocketAddr, private: bool) -> bool {
    let (peer, ip) = (peer.to_canonical(), to.ip().to_canonical());
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    if to.port() == 0 || ip.is_unspecified() || ip.is_multicast() || broadcast || listens(core, to)
    {
        return false;
    }
    if ip.is_loopback() {
        return peer.is_loopback() || core.locals.contains(&peer);
    }
    ip == peer || private || !is_private(ip) || is_inside(peer, &core.settings.internal)
}

/// True for an address that media may go to because a party at `peer` wants it there: as where it may lead us, and in a
/// network that the configuration calls internal only for who is inside. Who may call inside, and whose addresses the
/// configuration takes, may do that as well.
pub(crate) fn reaches(core: &Core, peer: IpAddr, ip: IpAddr) -> bool {
    let (peer, ip, settings) = (peer.to_canonical(), ip.to_canonical(), &core.settings);
    let inside = |ip| is_inside(ip, &settings.internal);
    let allowed = || settings.private_for_all || settings.media.allows(peer, ip);
    ip == peer || (!ip.is_loopback() && (!inside(ip) || inside(peer) || allowed()))
}

/// True for where we listen for call signalling ourselves.
fn listens(core: &Core, at: SocketAddr) -> bool {
    let ours = core.locals.contains(&at.ip()) || core.settings.external == Some(at.ip());
    ours && core.signalling_at(at.ip(), at.ip()).port() == at.port()
}

/// True for an address of a private network (RFC 1918, RFC 6598, RFC 3927, RFC 4193), of this host, or of a network
/// that the configuration calls internal.
pub(super) fn is_inside(peer: IpAddr, internal: &[IpNet]) -> bool {
    is_private(peer) || internal.iter().any(|network| network.contains(&peer))
}

/// True for an address of a private network, or of this host.
pub(crate) fn is_private(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            ip.is_private() || ip.is_link_local() || ip.is_loopback() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_outside_is_told_the_external_address() {
        let settings = Settings {
            external: Some("203.0.113.1".parse().unwrap()),
            internal: vec!["198.51.100.0/24".parse().unwrap()],
            ..Settings::default()
        };
        let local: SocketAddr = "10.0.0.2:1720".parse().unwrap();
        let told = |peer: &str| told(&settings, local, peer.parse().unwrap()).to_string();
        assert_eq!(told("192.0.2.77"), "203.0.113.1:1720");
        for inside in ["10.9.9.9", "172.31.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1"] {
            assert_eq!(told(inside), "10.0.0.2:1720", "{inside}");
        }
        assert_eq!(told("198.51.100.7"), "10.0.0.2:1720", "the configuration says so");
        assert_eq!(told("127.0.0.1"), "10.0.0.2:1720");
        assert_eq!(told("100.128.0.1"), "203.0.113.1:1720");
    }

    #[test]
    fn an_address_of_the_other_family_is_never_told() {
        let external = Some("203.0.113.1".parse().unwrap());
        let settings = Settings { external, ..Settings::default() };
        let local: SocketAddr = "[2001:db8::1]:1720".parse().unwrap();
        assert_eq!(told(&settings, local, "2001:db8:ffff::9".parse().unwrap()), local);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
    fn who_is_outside_has_media_sent_nowhere_inside() {
        let reach = |keys: &str, peer: &str, told: &str| {
            let (config, problems) = pinhole_config::Config::read(keys);
            assert_eq!(problems, []);
            let locals = vec!["198.51.100.2".parse().unwrap()];
            let now = std::time::Instant::now();
            let node = crate::node::Node::new(Settings::from(&config), locals, [1; 32], now);
            reaches(&node.core, peer.parse().unwrap(), told.parse().unwrap())
        };
        let (outside, other) = ("203.0.113.5", "203.0.113.7");
        let internal = "[Proxy]\nInternalNetwork=198.51.100.0/24\n";
        let all = "[RoutedMode]\nCallsToPrivateAddresses=1\n";
        let taken = "[Proxy]\nEnable=1\nIgnoreSignaledIPs=1\nAllowSignaledIPs=10.0.0.0/8\n";
        for told in ["10.0.0.5", "172.16.0.1", "169.254.169.254", "100.64.0.1", "::ffff:10.0.0.5"] {
            assert!(!reach("", outside, told), "{told}");
            assert!(!reach("", "2001:db8::5", told), "{told}");
            assert!(reach("", "192.168.7.7", told), "who is inside says so: {told}");
            assert!(reach(internal, "198.51.100.9", told), "the configuration says so: {told}");
            assert!(reach(all, outside, told), "{told}");
        }
        assert!(!reach("", "2001:db8::5", "fd00::5") && reach("", "fd00::7", "fd00::5"));
        assert!(reach("", outside, other) && reach("", outside, outside));
        assert!(!reach(internal, outside, "198.51.100.9") && reach("", outside, "198.51.100.9"));
        assert!(reach(taken, outside, "10.0.0.5") && !reach(taken, outside, "192.168.0.5"));
        for told in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(
                [internal, all].iter().all(|keys| !reach(keys, "198.51.100.9", told)),
                "{told}"
            );
        }
        assert!(reach("", "127.0.0.9", "127.0.0.9"));
    }
}
