//! `[Proxy]`.

use crate::section::section;
use crate::value::{NetList, PortRange};

section! {
    /// Media through the gatekeeper.
    pub struct Proxy in "Proxy" {
        /// Media is relayed.
        enable: bool as "Enable" = false;
        /// The media of every call is relayed, not only of those that need it.
        always: bool as "ProxyAlways" = false;
        /// The networks inside, between which media need not be relayed.
        internal: NetList as inert "InternalNetwork" = NetList::default();
        /// The ports of RTP and RTCP (UDP), two for each medium and party.
        rtp_ports: Option<PortRange> as "RTPPortRange" = PortRange::new(1024, 65_535);
    }
}
