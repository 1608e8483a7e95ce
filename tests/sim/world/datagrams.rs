//! The way of a datagram: the line of its sender, gates, the line of its receiver.

use std::net::{IpAddr, SocketAddr};

use pinhole::face::Bind;
use pinhole::media::{Channel, Egress};

use super::host::{Arrival, Owner};
use super::link::repeated;
use super::outputs::odd_of;
use super::trace::Fact;
use super::{HostId, Parcel, World};

/// Where an address is, as seen from somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A host reached without passing any gate.
    Near(usize),
    /// A host on the open net.
    Open(usize),
    /// A host behind a firewall without translation.
    Behind(usize, usize),
    /// The outside of a NAT.
    Nat(usize),
}

/// RTP without contents, of the payload type of ours.
fn is_keepalive(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 127, ..]) && bytes.len() == 12
}

/// RTP with audio of ours, multiplexed or not.
fn is_audio(to: SocketAddr, bytes: &[u8]) -> bool {
    let version = |at: usize| bytes.get(at).is_some_and(|octet| octet >> 6 == 2);
    bytes.len() > 160 && to.port() >= 2000 && (version(0) || version(4))
}

impl World {
    /// Where an address is, seen from behind a gate or from the open net.
    pub(super) fn locate(&self, scope: Option<usize>, ip: IpAddr) -> Option<Place> {
        let here = |gate| {
            let lives = |host: &super::Host| host.gate == gate && host.ips.contains(&ip);
            self.hosts.iter().position(lives)
        };
        if let Some(host) = here(scope) {
            return Some(Place::Near(host));
        }
        if let Some(host) = here(None) {
            return Some(Place::Open(host));
        }
        self.gates.iter().enumerate().find_map(|(index, gate)| match gate.outside() {
            Some(outside) => (outside == ip).then_some(Place::Nat(index)),
            None => here(Some(index)).map(|host| Place::Behind(host, index)),
        })
    }

    /// The host to which a NAT forwards what comes to an address of it, and the address there.
    pub(super) fn forwarded(&self, gate: usize, to: SocketAddr) -> Option<(usize, SocketAddr)> {
        let inside = SocketAddr::new(*self.forwards.get(&gate)?, to.port());
        match self.locate(Some(gate), inside.ip())? {
            Place::Near(host) => Some((host, inside)),
            _ => None,
        }
    }

    /// A datagram has passed its sender's line.
    pub(super) fn datagram_out(
        &mut self,
        host: usize,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    ) {
        if let Some(left) = self.keepalives_lost.get_mut(&HostId(host))
            && *left > 0
            && is_keepalive(&bytes)
        {
            *left -= 1;
            return self.note(host, Fact::Dropped { from, to, why: "to be lost" });
        }
        let bytes = match self.edits.get(&HostId(host)) {
            Some(edit) => edit(bytes),
            None => bytes,
        };
        if self.muted.contains(&HostId(host)) && is_audio(to, &bytes) {
            return self.note(host, Fact::Dropped { from, to, why: "muted" });
        }
        let scope = self.hosts[host].gate;
        if to.ip().is_multicast() {
            // To the others on the same network, and no further.
            self.capture_datagram(from, to, &bytes);
            let hears = |one: &super::Host| one.gate == scope && one.owner(to).is_some();
            let all: Vec<usize> = (0..self.hosts.len())
                .filter(|other| *other != host && hears(&self.hosts[*other]))
                .collect();
            for other in all {
                self.go_down(other, from, to, bytes.clone());
            }
            return;
        }
        if let Some(Place::Near(near)) = self.locate(scope, to.ip()) {
            self.capture_datagram(from, to, &bytes);
            return self.go_down(near, from, to, bytes);
        }
        let seen = match scope {
            Some(gate) => self.gates[gate].udp_out(self.now, from, to),
            None => Some(from),
        };
        match seen {
            Some(seen) => self.arrive_from_afar(seen, to, bytes),
            None => self.note(host, Fact::Dropped { from, to, why: "not let out" }),
        }
    }

    /// A datagram comes over the open net.
    pub(super) fn arrive_from_afar(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.capture_datagram(from, to, &bytes);
        let (target, inside) = match self.locate(None, to.ip()) {
            Some(Place::Near(host) | Place::Open(host)) => (Some(host), to),
            Some(Place::Behind(host, gate)) => {
                let passes = self.gates[gate].udp_in(self.now, from, to).is_some();
                (passes.then_some(host), to)
            }
            Some(Place::Nat(gate)) if self.forwarded(gate, to).is_some() => {
                self.forwarded(gate, to).map_or((None, to), |(host, inside)| (Some(host), inside))
            }
            Some(Place::Nat(gate)) => match self.gates[gate].udp_in(self.now, from, to) {
                Some(inside) => match self.locate(Some(gate), inside.ip()) {
                    Some(Place::Near(host)) => (Some(host), inside),
                    _ => (None, inside),
                },
                None => (None, to),
            },
            None => (None, to),
        };
        match target {
            Some(host) => self.go_down(host, from, inside, bytes),
            None => {
                self.note(usize::MAX, Fact::Dropped { from, to, why: "not let in, or nowhere" })
            }
        }
    }

    fn capture_datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let time = self.elapsed();
        if let Some(capture) = &mut self.capture {
            capture.udp(time, from, to, bytes);
        }
    }

    fn go_down(&mut self, host: usize, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let it = &mut self.hosts[host];
        match it.down.datagram(self.now, &it.link, bytes.len(), &mut self.random) {
            Some(due) => {
                if repeated(&it.link, &mut self.random) {
                    let bytes = bytes.clone();
                    self.post(due, Parcel::In { host, from, to, bytes });
                }
                self.post(due, Parcel::In { host, from, to, bytes });
            }
            None => self.note(host, Fact::Dropped { from, to, why: "lost" }),
        }
    }

    /// A datagram has passed its receiver's line.
    pub(super) fn datagram_in(
        &mut self,
        host: usize,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    ) {
        if self.hosts[host].gone {
            return;
        }
        self.note(host, Fact::Datagram { from, to, length: bytes.len() });
        self.arrives(host, from.ip(), &bytes);
        match self.hosts[host].owner(to) {
            Some(Owner::Agent(socket)) => {
                self.check_ras(from, host, &bytes);
                self.hosts[host].inbox.push_back(Arrival::Datagram { socket, from, bytes });
            }
            Some(Owner::Media(pair, channel)) => {
                // One at a time: a host of this network never has two packets at once.
                let Some(room) = self.batch.room() else { unreachable!("nothing waits") };
                room[..bytes.len()].copy_from_slice(&bytes);
                let (media, batch) = (&mut self.hosts[host].media, &mut self.batch);
                let left = media.relay(self.now, (pair, channel), from, batch, bytes.len());
                let mut leaving = left.map(|leaving| (leaving.egress(), leaving.octets().to_vec()));
                for sealed in self.batch.sealed() {
                    leaving = Some((sealed.egress(), sealed.octets().to_vec()));
                }
                self.tell_facts(host);
                if let Some((egress, bytes)) = leaving {
                    self.relay(host, egress, bytes);
                }
            }
            None => self.note(host, Fact::Dropped { from, to, why: "nobody listens there" }),
        }
        self.settle(host);
    }

    /// The media plane of a host sends.
    pub(super) fn relay(&mut self, host: usize, egress: Egress, bytes: Vec<u8>) {
        let Some(even) = self.hosts[host].binds.get(&Bind::Media(egress.pair)).copied() else {
            self.violation(host, "the media plane sends from a pair not bound");
        };
        let at = if egress.channel == Channel::Rtcp { odd_of(even) } else { even };
        self.check_wire(host, egress.to, &bytes);
        self.check_secrecy(host, egress, &bytes);
        self.launch(host, at, egress.to, bytes);
    }
}
