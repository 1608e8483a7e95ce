//! The law of addresses: whatever a gatekeeper tells a phone, the phone can reach it, and somebody listens there.

use std::any::Any;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinhole::node::Node;
use pinhole::phone::Phone;

use super::World;
use super::datagrams::Place;
use super::told::{Told, in_ras, in_tpkt};

/// The ports of a gatekeeper: RAS, and discovery.
const RAS: [u16; 2] = [1719, 1718];

/// What was given back no longer ago than this may still be on its way.
const MEANWHILE: Duration = Duration::from_secs(1);

impl World {
    /// Holds a datagram that a phone gets to the law, if a gatekeeper sent it.
    pub(super) fn check_ras(&self, from: SocketAddr, receiver: usize, bytes: &[u8]) {
        let sent = |index: &usize| self.is::<Node>(*index) && self.answers_to(*index, from.ip());
        // From other ports comes media.
        let ras = RAS.contains(&from.port());
        if ras && self.is::<Phone>(receiver) && (0..self.hosts.len()).any(|index| sent(&index)) {
            self.check(receiver, in_ras(bytes));
        }
    }

    /// Holds a message that a gatekeeper sends to a phone on a connection to the law. Once messages were forged, what
    /// they opened may be closed again by the next of them, in the same step.
    pub(super) fn check_tpkt(&self, sender: usize, receiver: usize, bytes: &[u8]) {
        if !self.forged && self.is::<Node>(sender) && self.is::<Phone>(receiver) {
            self.check(receiver, in_tpkt(bytes));
        }
    }

    /// The fields in which gatekeepers have told phones addresses so far.
    pub(crate) fn advertised(&self) -> BTreeSet<String> {
        self.advertised.borrow().clone()
    }

    fn check(&self, receiver: usize, told: Vec<Told>) {
        for Told { message, place, address } in told {
            self.advertised.borrow_mut().insert(format!("{message}.{place}"));
            if let Err(why) = self.usable(receiver, &place, address) {
                let name = self.hosts[receiver].name;
                self.fail(&format!("{name} is told {address} as {place}: {why}"));
            }
        }
    }

    /// Whether a host can use an address that it is told.
    fn usable(&self, receiver: usize, place: &str, told: SocketAddr) -> Result<(), &'static str> {
        let host = &self.hosts[receiver];
        if told.port() == 0 || told.ip().is_unspecified() {
            return Err("that is nowhere");
        }
        if host.ips.contains(&told.ip()) {
            return Ok(());
        }
        if !host.ips.iter().any(|own| own.is_ipv4() == told.is_ipv4()) {
            return Err("it has no address of that kind");
        }
        if self.remote.contains(&(receiver, told.ip())) {
            return Err("no way leads there");
        }
        let outside = host.gate.and_then(|gate| self.gates[gate].outside());
        if outside == Some(told.ip()) && place == "dest_call_signal_address" {
            // That is how it is seen itself.
            return Ok(());
        }
        let there = match self.locate(host.gate, told.ip()) {
            Some(Place::Near(there) | Place::Open(there)) => (there, told),
            Some(Place::Nat(gate)) => match self.forwarded(gate, told) {
                Some(there) => there,
                None => return Err("a NAT is there that lets nobody in"),
            },
            Some(Place::Behind(..)) => return Err("a firewall is before it"),
            None => return Err("nobody is there"),
        };
        let (index, inside) = there;
        let there = &self.hosts[index];
        let listens = there.owner(inside).is_some() || there.listener(inside).is_some();
        // What a gatekeeper passes on may just have become void: its owner hung up meanwhile.
        let left = there.left.get(&inside).is_some_and(|at| *at + MEANWHILE >= self.now);
        let hung_up = left && !self.is::<Node>(index);
        if listens || hung_up || there.gone { Ok(()) } else { Err("nobody listens there") }
    }

    /// Whether an address is one of a host's, as others see it.
    fn answers_to(&self, host: usize, ip: IpAddr) -> bool {
        let it = &self.hosts[host];
        let outside = it.gate.and_then(|gate| self.gates[gate].outside());
        it.ips.contains(&ip) || outside == Some(ip)
    }

    fn is<T: Any>(&self, host: usize) -> bool {
        let agent: &dyn Any = self.hosts[host].agent.as_ref();
        agent.is::<T>()
    }
}
