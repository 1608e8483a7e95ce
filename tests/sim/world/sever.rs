//! Connections that only one end knows to be broken.

use pinhole::face::StreamId;

use super::stream::ConnId;
use super::{HostId, World};

/// Where calls arrive.
const SIGNALLING: u16 = 1720;

impl World {
    /// The end that a host has of the call signalling connection to another.
    pub(crate) fn signalling(&self, host: HostId, other: HostId) -> Option<StreamId> {
        self.between(host, other).map(|(_, _, stream)| stream)
    }

    /// The call signalling connection between two hosts breaks, and only the first is told.
    pub(crate) fn sever(&mut self, host: HostId, other: HostId) {
        let Some((conn, end, _)) = self.between(host, other) else {
            self.fail("there is no connection to break");
        };
        self.tell_dead(conn, end, "reset");
    }

    fn between(&self, host: HostId, other: HostId) -> Option<(ConnId, usize, StreamId)> {
        self.hosts[host.0].streams.iter().find_map(|(stream, (conn, end))| {
            let of = self.conns.get(conn)?;
            let there = of.ends[1 - end].is_some_and(|(there, _)| there == other.0);
            (there && of.to.port() == SIGNALLING).then_some((*conn, *end, *stream))
        })
    }
}
