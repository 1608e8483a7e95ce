//! What the configuration says about RAS.

use pinhole_config::{AliasFilter, Alternate, Config, GatewayPrefix, Permanent, Redirect};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::matching::Matching;
use super::particular::Particulars;

/// What the configuration says about RAS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RasSettings {
    /// The group and port of discovery; `None` when there is none.
    pub discovery: Option<SocketAddrV4>,
    /// Whether an endpoint may keep the endpoint identifier that it brings.
    pub accept_identifier: bool,
    /// Whether a gateway may bring prefixes.
    pub gateway_prefixes: bool,
    /// Whether an MCU may bring prefixes.
    pub mcu_prefixes: bool,
    /// Whether a registration ends those that stand in its way.
    pub overwrite: bool,
    /// Whether endpoints behind a NAT are registered without H.460.18.
    pub natted: bool,
    /// The number of the H.460 standard that endpoints behind a NAT have to have at least.
    pub nat_standard: Option<u32>,
    /// Whether an endpoint may come from another address with the identifier that it was given.
    pub dynamic_ip: bool,
    /// Which aliases count.
    pub alias_types: AliasFilter,
    /// A page about its account, for each endpoint.
    pub account_link: Option<String>,
    /// How often a silent endpoint is asked whether it is still there.
    pub polls: u32,
    /// Whether the registration of a silent endpoint ends even while it is in a call, and the call with it.
    pub expiry_ends_calls: bool,
    /// Which aliases are the same.
    pub matching: Matching,
    /// Endpoints that never register, and where they are called.
    pub permanent: Vec<(SocketAddr, Permanent)>,
    /// The prefixes of gateways, by an alias.
    pub prefixes: Vec<(String, Vec<GatewayPrefix>)>,
    /// Other gatekeepers, for endpoints to turn to.
    pub alternates: Vec<Alternate>,
    /// When they are sent there.
    pub redirect: Redirect,
    /// What holds for single endpoints.
    pub particulars: Particulars,
    /// Whether a call that did not come through us has to be made again, through us.
    pub route_to_gatekeeper: bool,
    /// Domains of our own.
    pub domains: Vec<String>,
    /// Whether endpoints may call, and be called, without asking.
    pub pregrants: bool,
    /// What is removed from the end of a dialled number.
    pub trailing: String,
    /// Which of several gateways is the next.
    pub turns: Turns,
    /// What calls may have.
    pub bandwidth: Bandwidth,
}

/// Which of several gateways with the same prefix and priority a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    /// Always the same one, as long as it takes calls.
    First,
    /// Each in its turn.
    RoundRobin,
    /// The one that has the fewest calls, measured by how many it can have.
    LeastUsed,
}

/// What calls may have, in units of 100 bit/s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// All together; `None`: no limit.
    pub total: Option<u32>,
    /// What a call counts as at least.
    pub least: Option<u32>,
    /// What a call may have at most.
    pub most: Option<u32>,
    /// Whether a call that is changed may have whatever it asks for.
    pub any_change: bool,
}

impl RasSettings {
    /// The port of discovery; 0 when there is none.
    pub(crate) fn discovery_port(&self) -> u16 {
        self.discovery.map_or(0, |group| group.port())
    }
}

impl From<&Config> for RasSettings {
    fn from(config: &Config) -> Self {
        let (main, rrq, arq) = (&config.main, &config.registration, &config.admission);
        let group: Ipv4Addr = main.multicast_group.0;
        let number = |number: Option<pinhole_config::Number>| number.map(|number| number.0);
        Self {
            discovery: main.multicast.then(|| SocketAddrV4::new(group, main.multicast_port.0)),
            accept_identifier: rrq.accept_endpoint_identifier,
            gateway_prefixes: rrq.accept_gateway_prefixes,
            mcu_prefixes: rrq.accept_mcu_prefixes,
            overwrite: rrq.overwrite_same_address,
            natted: config.routed.natted_endpoints,
            nat_standard: number(config.routed.nat_standard),
            dynamic_ip: rrq.dynamic_ip,
            alias_types: rrq.alias_types.clone(),
            account_link: rrq.account_link.as_ref().map(|link| link.0.clone()),
            polls: rrq.irq_polls.0,
            expiry_ends_calls: main.ttl_ends_calls,
            matching: Matching { types: main.compare_alias_type, case: main.compare_alias_case },
            permanent: config
                .permanent
                .0
                .iter()
                .map(|row| (row.key.0, row.value.clone()))
                .collect(),
            prefixes: config
                .gateway_prefixes
                .0
                .iter()
                .map(|row| (row.key.0.clone(), row.value.0.clone()))
                .collect(),
            alternates: main.alternates.0.clone(),
            redirect: main.redirect,
            particulars: Particulars::from(config),
            route_to_gatekeeper: arq.route_to_gatekeeper,
            domains: main.domains.0.clone(),
            pregrants: config.routed.pregrant,
            trailing: arq.trailing.0.clone(),
            turns: match (arq.least_used, arq.round_robin) {
                (true, _) => Turns::LeastUsed,
                (false, true) => Turns::RoundRobin,
                (false, false) => Turns::First,
            },
            bandwidth: Bandwidth {
                total: number(main.total_bandwidth),
                least: number(main.least_bandwidth),
                most: number(main.most_bandwidth),
                any_change: main.grant_all_brq,
            },
        }
    }
}
