//! What kind of NAT or firewall it is.

use std::time::Duration;

/// On how much of the outer address a mapping or a filter depends (RFC 4787 §4.1, §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependence {
    /// Endpoint-independent.
    Independent,
    /// Address-dependent.
    Address,
    /// Address- and port-dependent.
    AddressAndPort,
}

/// How the outside port of a mapping is chosen (RFC 4787 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortChoice {
    /// The inside port if it is free outside, else any.
    Preserved,
    /// Any.
    Random,
}

/// The rules of one NAT or firewall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// When a new destination gets a new UDP mapping.
    pub mapping: Dependence,
    /// From whom datagrams pass inwards.
    pub filtering: Dependence,
    /// After which idle time a UDP mapping, and a permission to send inwards, ends. Many real ones take 30 s,
    /// below the two minutes of RFC 4787 REQ-5.
    pub udp_idle: Duration,
    /// After which idle time a TCP connection is forgotten.
    pub tcp_idle: Duration,
    /// Whether datagrams from outside refresh too. Those from inside always do (RFC 4787 REQ-6).
    pub inbound_refreshes: bool,
    /// How outside ports are chosen.
    pub ports: PortChoice,
    /// Whether packets from inside to the outside address come back in (RFC 4787 §6).
    pub hairpin: bool,
    /// How many mappings, permissions of one mapping, and connections are kept at most.
    pub room: usize,
}

impl Rules {
    /// Endpoint-independent mapping and filtering: what RFC 3489 calls a full cone.
    #[must_use]
    pub const fn full_cone() -> Self {
        Self::new(Dependence::Independent, Dependence::Independent)
    }

    /// Endpoint-independent mapping, address- and port-dependent filtering: port-restricted cone.
    #[must_use]
    pub const fn port_restricted() -> Self {
        Self::new(Dependence::Independent, Dependence::AddressAndPort)
    }

    /// Address- and port-dependent mapping and filtering, random ports: symmetric.
    #[must_use]
    pub const fn symmetric() -> Self {
        let rules = Self::new(Dependence::AddressAndPort, Dependence::AddressAndPort);
        Self { ports: PortChoice::Random, ..rules }
    }

    /// Rules with the given mapping and filtering, 30 s for UDP, an hour for TCP, preserved ports, no
    /// hairpinning.
    #[must_use]
    pub const fn new(mapping: Dependence, filtering: Dependence) -> Self {
        Self {
            mapping,
            filtering,
            udp_idle: Duration::from_secs(30),
            tcp_idle: Duration::from_secs(3600),
            inbound_refreshes: false,
            ports: PortChoice::Preserved,
            hairpin: false,
            room: 4096,
        }
    }
}
