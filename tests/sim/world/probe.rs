//! What a test wants to know of the media of a host.

use std::net::SocketAddr;

use pinhole::face::Bind;

use super::outputs::odd_of;
use super::{HostId, World};

impl World {
    /// The ports of a host through which media is relayed at the moment, RTP and RTCP.
    pub(crate) fn relaying_ports(&self, host: HostId) -> Vec<SocketAddr> {
        let host = &self.hosts[host.0];
        let own = host.flows.values().flatten();
        let mut pairs: Vec<_> = own.chain(&host.shared).copied().collect();
        pairs.sort_unstable();
        pairs.dedup();
        let even = pairs.into_iter().filter_map(|pair| host.binds.get(&Bind::Media(pair)));
        even.flat_map(|even| [*even, odd_of(*even)]).collect()
    }

    /// How many packets of shared ports a host has dropped because their multiplexID is nobody's.
    pub(crate) fn strays(&self, host: HostId) -> u64 {
        self.hosts[host.0].media.strays()
    }
}
