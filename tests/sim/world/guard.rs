//! What gatekeepers may not send, whatever they think of it. The rules are those of the configuration that the scenario gave
//! them, and what the test says beside; a gatekeeper is not asked. What is looked for is what parties that do not encrypt have
//! sent, octet for octet, in every datagram that leaves a gatekeeper: on whatever port, RTP or not.

use std::any::Any;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use pinhole::node::{Encryption, Node};
use pinhole::phone::Phone;
use pinhole::phone::options::{Encryption as Wish, Gatekeeper};
use pinhole::security::{Demand, Policy};

use super::{HostId, World};
use crate::scenarios::watch;

/// Shorter contents may be the same by chance: then the whole packet counts.
const SHORTEST: usize = 4;
/// Octets of a header of RTP.
const HEADER: usize = 12;

/// See the head of the file.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// Somebody has a rule.
    on: bool,
    /// Hosts that say what they like, and encrypt it.
    encrypting: BTreeSet<usize>,
    /// Nothing in clear may be sent here, by what the test says.
    networks: Vec<IpNet>,
    /// What was sent in clear.
    said: HashSet<Vec<u8>>,
}

fn is_version_2(octets: &[u8]) -> bool {
    octets.first().is_some_and(|first| first >> 6 == 2)
}

/// RTCP to the last octet (RFC 3550 §A.2), which H.235.6 leaves in clear.
fn is_rtcp(mut octets: &[u8]) -> bool {
    while let [_, 192..=195 | 200..=213, high, low, ..] = *octets
        && is_version_2(octets)
    {
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        match octets.get(length..) {
            Some([]) => return true,
            Some(rest) => octets = rest,
            None => return false,
        }
    }
    false
}

/// By what a datagram is known again, with or without a multiplexID before it: the contents of RTP, or all of it. Nothing of
/// RTCP, and of RTP without contents.
fn marks(datagram: &[u8]) -> Vec<&[u8]> {
    let rest = datagram.get(4..).filter(|rest| is_version_2(rest)).unwrap_or_default();
    let views = [datagram, rest];
    let empty = |view: &&[u8]| is_version_2(view) && view.len() == HEADER;
    if views.iter().any(|view| is_rtcp(view)) || views.iter().any(empty) {
        return Vec::new();
    }
    let mark = |view| match is_version_2(view) {
        true if view.len() >= HEADER + SHORTEST => &view[HEADER..],
        _ => view,
    };
    views.into_iter().map(mark).filter(|mark| mark.len() >= SHORTEST).collect()
}

fn is_required(policy: &Policy) -> bool {
    policy.demand == Demand::Required
}

/// True when a configuration requires encryption on legs to an address, whoever is there.
fn requires(rules: &Encryption, to: IpAddr) -> bool {
    let around = rules.networks.iter().filter(|(network, _)| network.contains(&to));
    match around.max_by_key(|(network, _)| network.prefix_len()) {
        Some((_, policy)) => is_required(policy),
        // A neighbour with a milder rule may be anywhere.
        None => {
            let neighbors = rules.neighbors.iter().all(|(_, policy)| is_required(policy));
            is_required(&rules.default) && neighbors
        }
    }
}

/// True when a configuration requires anything.
fn demands(rules: &Encryption) -> bool {
    let named = rules.aliases.iter().chain(&rules.neighbors).map(|(_, policy)| policy);
    let networks = rules.networks.iter().map(|(_, policy)| policy);
    let mut all = named.chain(networks).chain([&rules.default]);
    rules.one_leg || all.any(is_required)
}

impl World {
    /// From now on no gatekeeper may send what was sent in clear into these networks, beside what their configurations say.
    pub(crate) fn guard(&mut self, networks: &[&str]) {
        let network = |text: &&str| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address.unwrap_or_else(|_| text.parse().expect("a network or an address"))
        };
        let networks: Vec<_> = networks.iter().map(network).collect();
        self.guard.networks.extend(networks);
        self.guard.on |= !self.guard.networks.is_empty();
    }

    /// What a host says that says what a test tells it is encrypted.
    pub(crate) fn encrypts(&mut self, host: HostId) {
        self.guard.encrypting.insert(host.0);
    }

    /// A host has an agent: if that is a gatekeeper, it is held to its configuration.
    pub(super) fn guard_as_configured(&mut self, host: usize) {
        let rules = self.rules(host);
        self.guard.on |= rules.is_some_and(demands);
    }

    /// What the scenario has configured of a host.
    fn rules(&self, host: usize) -> Option<&Encryption> {
        let agent: &dyn Any = self.hosts[host].agent.as_ref();
        agent.downcast_ref::<Node>().map(|node| &node.settings().encryption)
    }

    fn phone(&self, host: usize) -> Option<&Phone> {
        let agent: &dyn Any = self.hosts[host].agent.as_ref();
        agent.downcast_ref()
    }

    /// True when a host says this in clear. Of a phone that may encrypt, what can be read is.
    fn is_clear(&self, host: usize, datagram: &[u8]) -> bool {
        match self.phone(host).map(|phone| phone.options().encryption) {
            Some(Wish::Off) => true,
            Some(Wish::Optional | Wish::Required) => watch::can_be_read(datagram),
            None => self.rules(host).is_none() && !self.guard.encrypting.contains(&host),
        }
    }

    /// A host sends something.
    pub(super) fn overhear(&mut self, host: usize, datagram: &[u8]) {
        if self.guard.on && self.is_clear(host, datagram) {
            self.note_clear(datagram);
        }
    }

    /// Something in clear is on its way.
    pub(super) fn note_clear(&mut self, datagram: &[u8]) {
        if self.guard.on {
            self.guard.said.extend(marks(datagram).into_iter().map(<[u8]>::to_vec));
        }
    }

    /// Something comes to a host.
    pub(super) fn arrives(&mut self, host: usize, from: IpAddr, datagram: &[u8]) {
        if self.guard.on && self.rules(host).is_some_and(|rules| rules.one_leg) {
            let said = |mark: &&[u8]| self.guard.said.contains(*mark);
            for mark in marks(datagram).into_iter().filter(said) {
                self.hosts[host].heard.entry(mark.to_vec()).or_default().insert(from);
            }
        }
    }

    /// Looks at what a host sends, be it the media plane or the agent.
    pub(super) fn check_wire(&self, host: usize, to: std::net::SocketAddr, datagram: &[u8]) {
        let Some(rules) = self.rules(host).filter(|_| self.guard.on) else { return };
        let to = to.ip();
        let marks = marks(datagram);
        let was_said = marks.iter().any(|mark| self.guard.said.contains(*mark));
        // Films look alike: what came from where this goes to is another one.
        let elsewhere = |from: &BTreeSet<IpAddr>| from.iter().any(|from| *from != to);
        let heard = &self.hosts[host].heard;
        let came_in_clear = marks.iter().any(|mark| heard.get(*mark).is_some_and(elsewhere));
        if was_said && self.guard.networks.iter().any(|network| network.contains(&to)) {
            self.violation(host, "media in clear where the test forbids it");
        }
        let can_be_read = was_said || watch::can_be_read(datagram);
        if can_be_read && (requires(rules, to) || self.is_of_alias(host, rules, to)) {
            self.violation(host, "media in clear where its configuration forbids it");
        }
        if came_in_clear && rules.one_leg {
            self.violation(host, "media in clear on both legs");
        }
    }

    /// True when all phones that are seen at an address, and register here, have aliases whose legs have to be encrypted.
    fn is_of_alias(&self, gatekeeper: usize, rules: &Encryption, to: IpAddr) -> bool {
        let of_rule = |name: &String| {
            let mut rules = rules.aliases.iter().filter(|(_, policy)| is_required(policy));
            rules.any(|(alias, _)| alias.eq_ignore_ascii_case(name))
        };
        let is_there = |host: &super::Host| match host.gate {
            Some(gate) => self.gates[gate].outside() == Some(to),
            None => host.ips.contains(&to),
        };
        let here = &self.hosts[gatekeeper].ips;
        let registers = |phone: &Phone| match phone.options().gatekeeper {
            Gatekeeper::At(at) => here.contains(&at.ip()),
            Gatekeeper::None | Gatekeeper::Discover(_) => false,
        };
        let there = (0..self.hosts.len()).filter(|host| is_there(&self.hosts[*host]));
        let mut there =
            there.map(|host| self.phone(host).filter(|phone| registers(phone))).peekable();
        let ruled = |phone: Option<&Phone>| {
            phone.is_some_and(|phone| phone.options().aliases.iter().any(of_rule))
        };
        there.peek().is_some() && there.all(ruled)
    }
}

#[test]
fn what_is_known_again() {
    let rtp = |payload_type: u8, contents: &[u8]| {
        [&[0x80, payload_type, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9][..], contents].concat()
    };
    let prefixed = |id: u8, packet: &[u8]| [&[id, 2, 3, 4][..], packet].concat();
    let known = |said: &[u8], sent: &[u8]| {
        let said: Vec<_> = marks(said);
        marks(sent).iter().any(|mark| said.contains(mark))
    };
    let event = rtp(101, &[3, 0x8a, 0, 160]);
    // Another payload type, multiplexed or not, whatever the multiplexID looks like.
    for id in [0x01, 0x81] {
        assert!(known(&event, &prefixed(id, &rtp(96, &[3, 0x8a, 0, 160]))));
        assert!(known(&prefixed(id, &event), &event));
        assert!(marks(&prefixed(id, &rtp(127, &[]))).is_empty(), "a keepalive");
    }
    let (noise, fax) = (rtp(13, &[60]), [0, 7, 1, 6, 0, 0]);
    assert!(known(&noise, &noise) && known(&fax, &fax));
    assert!(!known(&noise, &rtp(13, &[61])) && !known(&fax, &[0, 8, 1, 6, 0, 0]));
    // RTP that looks like RTCP in its first octets.
    let marked = rtp(200, &[0x55; 160]);
    assert!(known(&marked, &marked));
    let report = [&[0x80, 201, 0, 1][..], &[7; 4]].concat();
    assert!(marks(&report).is_empty() && marks(&prefixed(1, &report)).is_empty());
}
