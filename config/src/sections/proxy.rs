//! `[Proxy]`.

use crate::section::section;
use crate::value::{Letters, NetList, Port, PortRange};

section! {
    /// Media through the gatekeeper.
    pub struct Proxy in "Proxy" {
        /// Media is relayed: of every call, or, with InternalNetwork, of those that cross its border.
        enable: bool as "Enable" = false;
        /// With Enable=1, the media of calls inside InternalNetwork, and outside it, is relayed, too.
        always: bool as "ProxyAlways" = false;
        /// Accepted: the media of calls with a party behind a NAT is always relayed, since nothing else lets it through.
        for_nat: bool as "ProxyForNAT" = false;
        /// Whether that also holds for two parties behind the same NAT. With H.460.18 it always does.
        for_same_nat: bool as "ProxyForSameNAT" = true;
        /// The networks inside. Their parties are told our own address, not ExternalIP, as are those of private networks.
        internal: NetList as "InternalNetwork" = NetList::default();
        /// H.460.19 multiplexed media: the media of all clients that can do it arrives at one pair of ports.
        multiplexing: bool as "RTPMultiplexing" = false;
        /// The port of multiplexed RTP (UDP), an even one.
        multiplex_port: Port as "RTPMultiplexPort" = Port(3000);
        /// The port of multiplexed RTCP (UDP): the one after RTPMultiplexPort.
        multiplex_control_port: Port as "RTCPMultiplexPort" = Port(3001);
        /// Media of a client is learned from keepalives only if they have the payload type that it has told (H.460.19).
        check_keepalive: bool as "CheckH46019KeepAlivePT" = true;
        /// Accepted: media is taken only from the address that signalling names, or from which it comes (`IP`), never from a
        /// network around it (`Net`).
        restrict_sources: Letters as "RestrictRTPSources" = Letters(String::new());
        /// The ports of RTP and RTCP (UDP), two for each medium and party.
        rtp_ports: Option<PortRange> as "RTPPortRange" = PortRange::new(1024, 65_535);
        /// The ports of T.120 data channels (TCP); any that is free when empty.
        t120_ports: Option<PortRange> as "T120PortRange" = None;
    }
}
