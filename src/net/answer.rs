//! Answers to what an agent asks of the world: names.

use std::net::SocketAddr;
use std::time::Duration;

use super::arrival::{Arrival, Hall};
use crate::face::QuestionId;

/// Addresses of one question; more are of no use to anybody.
const MOST: usize = 16;

/// How long the system may take to answer for one host.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks up the addresses of hosts, and reports them as an arrival.
pub(super) fn look_up(id: QuestionId, hosts: Vec<(String, u16)>, hall: &mut Hall) {
    let (_, arrivals) = hall.enter();
    tokio::spawn(async move {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for host in hosts {
            // A name that cannot be resolved has no addresses.
            let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host(host)).await;
            if let Ok(Ok(found)) = found {
                addresses.extend(found.take(MOST));
            }
        }
        addresses.truncate(MOST);
        // The driver may have ended meanwhile.
        let _ = arrivals.send(Arrival::Answer { id, addresses }).await;
    });
}
