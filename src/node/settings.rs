//! What the configuration means for a node: every rule that combines keys is applied here, once.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use pinhole_config::{CallsTo, Config, External, Host, Main, PortRange};
use pinhole_h323::h46019::Ability;

use super::bounds::Limits;
use super::encryption::Encryption;
use super::external::Lookup;
use super::handling::Handling;
use super::media::Media;
use super::modes::Modes;
use super::outgoing::Outgoing;
use crate::ras::RasSettings;

/// A plain endpoint's timeToLive is not set below this, unless EnableTTLRestrictions=0.
const SHORTEST_TTL_S: u32 = 60;

/// The time between the keepalives of an endpoint behind a NAT, in seconds, and the longest that can be set: many NATs
/// forget UDP after 30.
const KEEPALIVE_S: u32 = 19;
const LONGEST_S: u32 = 30;

/// The resolved settings of a gatekeeper.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The gatekeeperIdentifier.
    pub name: String,
    /// Appended to the endpoint identifiers it gives.
    pub endpoint_suffix: String,
    /// The RAS port.
    pub ras_port: u16,
    /// The call signalling port.
    pub signalling_port: u16,
    /// Seconds that a registration lives without refresh; `None`: for ever.
    pub ttl_s: Option<u32>,
    /// How calls are handled of which nothing else is said; direct only when no call has to go through us.
    pub mode: Mode,
    /// How much of a call goes through us.
    pub modes: Modes,
    /// H.460.18/.19 service; `None` when it is off.
    pub traversal: Option<Traversal>,
    /// What happens to the signalling of a call.
    pub handling: Handling,
    /// Whether calls of parties that are not registered are taken.
    pub accept_unregistered: bool,
    /// Whether they may call any address, not only who is registered or a neighbour's.
    pub unregistered_anywhere: bool,
    /// Whether parties outside may call private addresses at which nobody is registered.
    pub private_for_all: bool,
    /// Ports of H.245 listeners.
    pub h245_ports: RangeInclusive<u16>,
    /// Ports of T.120 listeners.
    pub t120_ports: RangeInclusive<u16>,
    /// Ports of RTP and RTCP.
    pub rtp_ports: RangeInclusive<u16>,
    /// The local address of outgoing connections to peers that know none of ours; `None`: the routes decide.
    pub bind: Option<IpAddr>,
    /// The same for peers in networks.
    pub routes: Vec<(IpNet, IpAddr)>,
    /// Ports that outgoing signalling connections come from.
    pub q931_ports: RangeInclusive<u16>,
    /// The address by which peers outside reach us, when a router translates it.
    pub external: Option<IpAddr>,
    /// The classes of packets of RAS, of call signalling and of H.245 (DSCP, RFC 2474).
    pub classes: [u8; 3],
    /// Where it has to be looked up.
    pub external_lookup: Option<Lookup>,
    /// Networks inside, beside the private ones.
    pub internal: Vec<IpNet>,
    /// What is encrypted (H.235.6).
    pub encryption: Encryption,
    /// The even port of multiplexed media; `None` when it is off.
    pub multiplex_port: Option<u16>,
    /// What is said of the media of parties.
    pub media: Media,
    /// Whether keepalives of media must have the payload type that their sender has told.
    pub check_keepalive: bool,
    /// What peers may ask for.
    pub limits: Limits,
    /// Neighbours and traversal zones.
    pub zones: crate::zone::Settings,
    /// What concerns RAS only.
    pub ras: RasSettings,
    /// How long a new signalling connection may stay without a message.
    pub setup_timeout: Duration,
    /// How long the called party may stay without an answer to Setup, and a traversal client without a connection.
    pub signal_timeout: Duration,
    /// How long it may ring.
    pub alerting_timeout: Duration,
}

/// How much of a call goes through the gatekeeper. Calls with a party behind a NAT are always proxied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing: the parties are told each other's address.
    Direct,
    /// Call signalling.
    Routed,
    /// Call signalling and H.245.
    Control,
    /// Call signalling, H.245 and media.
    Proxied,
}

/// The H.460.18/.19 service.
#[derive(Debug, Clone, Copy)]
pub struct Traversal {
    /// Seconds between keepalives, 5 to 30: the registration's timeToLive and H.460.19's keepAliveInterval.
    pub keepalive_s: u32,
    /// Whether endpoints that are not behind a NAT may use it.
    pub without_nat: bool,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let (main, routed) = (&config.main, &config.routed);
        let ports = |range: Option<PortRange>| range.map_or(0..=0, PortRange::range);
        let shortest = if main.ttl_restrictions { SHORTEST_TTL_S } else { 1 };
        let encryption = Encryption::from(config);
        // Nobody can be helped whose call goes past us.
        let least = if encryption.is_wanted() { Mode::Routed } else { Mode::Direct };
        Self {
            name: main.name.0.clone(),
            endpoint_suffix: main.endpoint_suffix.0.clone(),
            ras_port: main.ras_port.0,
            signalling_port: routed.call_signal_port.0,
            mode: Modes::from(config).usual().max(least),
            modes: Modes::from(config),
            ttl_s: main.time_to_live.map(|ttl| ttl.0.max(shortest)),
            traversal: routed.h46018.then_some(Traversal {
                keepalive_s: routed
                    .h46018_keepalive
                    .map_or(KEEPALIVE_S, |set| set.0.min(LONGEST_S)),
                without_nat: routed.h46018_no_nat,
            }),
            handling: Handling::from(config),
            accept_unregistered: routed.accept_unregistered,
            unregistered_anywhere: routed.unregistered_to == CallsTo::Anybody,
            private_for_all: routed.private_for_all,
            h245_ports: ports(routed.h245_ports),
            t120_ports: ports(config.proxy.t120_ports),
            rtp_ports: ports(config.proxy.rtp_ports),
            bind: main.bind,
            routes: config.proxy.routes.0.clone(),
            q931_ports: ports(routed.q931_ports),
            external: match &main.external_ip {
                Some(External::Address(ip)) => Some(*ip),
                _ => None,
            },
            classes: [main.ras_class, routed.signalling_class, routed.control_class]
                .map(|class| u8::try_from(class.0).unwrap_or(0)),
            external_lookup: lookup(main),
            internal: config.proxy.internal.0.clone(),
            encryption,
            multiplex_port: config.proxy.multiplexing.then_some(config.proxy.multiplex_port.0),
            media: Media::from(config),
            check_keepalive: config.proxy.check_keepalive,
            zones: crate::zone::Settings::from(config),
            limits: Limits::from(config),
            ras: RasSettings::from(config),
            setup_timeout: routed.setup_timeout.duration(),
            signal_timeout: routed.signal_timeout.duration(),
            alerting_timeout: routed.alerting_timeout.duration(),
        }
    }
}

/// Where the address told outside has to be looked up.
fn lookup(main: &Main) -> Option<Lookup> {
    match main.external_ip.as_ref()? {
        External::Named(name) => Some(Lookup::Name(name.clone())),
        External::Stun => {
            let Host { name, port } = main.stun_server.0.clone();
            Some(Lookup::Stun { server: name, port })
        }
        External::Address(_) | External::Cloud(_) => None,
    }
}

impl Settings {
    /// Where outgoing connections come from, on a host with these addresses.
    pub(super) fn outgoing(&self, locals: &[IpAddr]) -> Outgoing {
        Outgoing {
            bind: self.bind.filter(|ip| locals.contains(ip)),
            routes: self.routes.iter().filter(|(_, own)| locals.contains(own)).copied().collect(),
            signalling: self.q931_ports.clone(),
            control: self.h245_ports.clone(),
            data: self.t120_ports.clone(),
            classes: self.classes,
        }
    }

    /// What we say of ourselves to an H.460.19 client. One that hears that we can send multiplexed media wants it so, at
    /// the ports that all its calls share; only those who configure multiplexing expect that.
    pub(crate) const fn ability(&self) -> Ability {
        Ability { server: true, transmit_multiplexed: self.multiplex_port.is_some() }
    }
}

impl Default for Settings {
    /// The defaults of the dialect, with the proxy and H.460.18 on.
    fn default() -> Self {
        let mut config = Config::default();
        config.routed.h46018 = true;
        config.proxy.enable = true;
        Self::from(&config)
    }
}
