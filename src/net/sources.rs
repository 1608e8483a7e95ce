//! Who has how many connections.

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::task::Id;

use crate::node::limits::source;

/// How many connections each address (of IPv6, each network of 64 bits) has made that are not yet gone.
#[derive(Debug, Default)]
pub(super) struct Sources {
    tasks: HashMap<Id, IpAddr>,
    counts: HashMap<IpAddr, usize>,
}

impl Sources {
    /// How many are of `ip`.
    pub(super) fn of(&self, ip: IpAddr) -> usize {
        self.counts.get(&source(ip)).copied().unwrap_or(0)
    }

    /// One of `ip`, carried by `task`, begins.
    pub(super) fn enter(&mut self, task: Id, ip: IpAddr) {
        let source = source(ip);
        self.tasks.insert(task, source);
        *self.counts.entry(source).or_default() += 1;
    }

    /// The one carried by `task`, if any, is gone.
    pub(super) fn leave(&mut self, task: Id) {
        let Some(ip) = self.tasks.remove(&task) else { return };
        if let Some(count) = self.counts.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&ip);
            }
        }
    }
}
