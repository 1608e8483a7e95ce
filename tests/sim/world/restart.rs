//! Hosts that start again, and what is open at a host.

use std::net::{IpAddr, SocketAddr};

use pinhole::face::Bind;

use super::host::{Inhabitant, Owner};
use super::ports::PortBook;
use super::{HostId, World};

impl World {
    /// A host starts again with another agent, be it that the last one has ended, vanished, or still runs: of that
    /// nothing stays, and nobody is told.
    pub(crate) fn restart(&mut self, host: HostId, agent: impl Inhabitant) {
        let it = &mut self.hosts[host.0];
        let streams = std::mem::take(&mut it.streams);
        (it.udp, it.tcp) = (PortBook::default(), PortBook::default());
        it.inbox.clear();
        it.binds.clear();
        it.owners.clear();
        it.sockets.clear();
        it.listeners.clear();
        it.past.clear();
        it.media = pinhole::media::Table::default();
        it.shared.clear();
        it.flows.clear();
        it.locked.clear();
        it.media_ways = None;
        (it.deadline, it.barren, it.gone) = (None, 0, false);
        it.heard.clear();
        it.agent = Box::new(agent);
        self.guard_as_configured(host.0);
        for (conn, end) in streams.into_values() {
            self.forget_end(conn, end);
        }
        let unix = self.unix();
        self.hosts[host.0].inbox.push_back(super::host::Arrival::Clock { unix });
        self.drain(host.0);
        self.settle(host.0);
    }

    /// The first address of a host.
    pub(crate) fn ip_of(&self, host: HostId) -> IpAddr {
        self.hosts[host.0].ips[0]
    }

    /// The UDP ports that a host's media plane has open.
    pub(crate) fn media_ports(&self, host: HostId) -> Vec<SocketAddr> {
        let owners = self.hosts[host.0].owners.iter();
        owners.filter(|(_, owner)| matches!(owner, Owner::Media(..))).map(|(at, _)| *at).collect()
    }

    /// How many pairs a host's media flows have for themselves.
    pub(crate) fn own_pairs(&self, host: HostId) -> usize {
        let host = &self.hosts[host.0];
        let pairs = host.flows.values().flatten();
        pairs.filter(|pair| !host.shared.contains(pair)).count()
    }

    /// Where a host listens for connections.
    pub(crate) fn listeners(&self, host: HostId) -> Vec<SocketAddr> {
        let binds = self.hosts[host.0].binds.iter();
        binds.filter(|(bind, _)| matches!(bind, Bind::Tcp(_))).map(|(_, at)| *at).collect()
    }
}
