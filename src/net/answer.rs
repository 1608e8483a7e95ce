//! Answers to what an agent asks of the world: names.

use std::net::SocketAddr;

use super::arrival::{Arrival, Hall};
use crate::face::QuestionId;

/// Addresses of one question; more are of no use to anybody.
const MOST: usize = 16;

/// Looks up the addresses of hosts, and reports them as an arrival.
pub(super) fn look_up(id: QuestionId, hosts: Vec<(String, u16)>, hall: &mut Hall) {
    let (_, arrivals) = hall.enter();
    tokio::spawn(async move {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for host in hosts {
            // A name that cannot be resolved has no addresses.
            if let Ok(found) = tokio::net::lookup_host(host).await {
                addresses.extend(found.take(MOST));
            }
        }
        addresses.truncate(MOST);
        // The driver may have ended meanwhile.
        let _ = arrivals.send(Arrival::Answer { id, addresses }).await;
    });
}
