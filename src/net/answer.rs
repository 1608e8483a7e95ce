//! Answers to what an agent asks of the world: names, and how others see this host.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::arrival::{Arrival, Hall};
use super::stun;
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

/// Asks a STUN server for the address by which it sees us, and reports it as an arrival: nothing when nobody answers.
pub(super) fn ask_stun(
    id: QuestionId,
    server: (String, u16),
    from: Option<IpAddr>,
    hall: &mut Hall,
) {
    let (_, arrivals) = hall.enter();
    tokio::spawn(async move {
        let asked = tokio::time::timeout(PATIENCE, async {
            // What is translated is IPv4, if there is any.
            let mut found: Vec<_> = tokio::net::lookup_host(server).await?.collect();
            found.sort_by_key(SocketAddr::is_ipv6);
            let first = found.first().ok_or(std::io::ErrorKind::NotFound)?;
            stun::ask(*first, from).await
        });
        let seen = asked.await.ok().and_then(Result::ok);
        // The driver may have ended meanwhile.
        let addresses = seen.into_iter().collect();
        let _ = arrivals.send(Arrival::Answer { id, addresses }).await;
    });
}
