//! TCP connections opened from inside.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Ports, Rules};

/// All connections, by inside and outer address.
#[derive(Debug, Default)]
pub(super) struct Connections {
    known: BTreeMap<(SocketAddr, SocketAddr), Connection>,
}

#[derive(Debug)]
struct Connection {
    seen: SocketAddr,
    last: Instant,
}

impl Connection {
    fn idle(&self, now: Instant, limit: Duration) -> bool {
        now.saturating_duration_since(self.last) >= limit
    }
}

impl Connections {
    /// Lets a connection out; the address it has outside.
    pub(super) fn open(
        &mut self,
        now: Instant,
        rules: &Rules,
        ports: &mut Ports,
        inside: SocketAddr,
        to: SocketAddr,
    ) -> Option<SocketAddr> {
        self.known.remove(&(inside, to));
        if self.known.len() >= rules.room {
            self.known.retain(|_, connection| !connection.idle(now, rules.tcp_idle));
        }
        if self.known.len() >= rules.room {
            return None;
        }
        let taken = |at| {
            let same = |(key, c): (&(_, SocketAddr), &Connection)| key.1 == to && c.seen == at;
            self.known.iter().any(same)
        };
        let seen = ports.give(inside, taken)?;
        self.known.insert((inside, to), Connection { seen, last: now });
        Some(seen)
    }

    /// Whether the connection is known; if so it is refreshed, if it was idle too long it is forgotten.
    pub(super) fn segment(
        &mut self,
        now: Instant,
        rules: &Rules,
        inside: SocketAddr,
        to: SocketAddr,
    ) -> bool {
        let Some(connection) = self.known.get_mut(&(inside, to)) else { return false };
        if connection.idle(now, rules.tcp_idle) {
            self.known.remove(&(inside, to));
            return false;
        }
        connection.last = now;
        true
    }

    /// Forgets a connection that ended.
    pub(super) fn close(&mut self, inside: SocketAddr, to: SocketAddr) {
        self.known.remove(&(inside, to));
    }

    /// How many are not idle too long.
    pub(super) fn live(&self, now: Instant, limit: Duration) -> usize {
        self.known.values().filter(|connection| !connection.idle(now, limit)).count()
    }
}
