//! No packet that can be read leaves a gatekeeper on a leg that has to be encrypted, whatever the scenario is. What has to be
//! is told by the calls' own records of what was wanted and agreed, not by what the gatekeeper asked of its media plane: what
//! it forgot to ask would not be seen.
//!
//! Whether the right thing was wanted they cannot tell. So a test may say itself from whom nothing may be read where.

use std::any::Any;
use std::collections::BTreeSet;
use std::net::SocketAddr;

use ipnet::IpNet;
use pinhole::face::Bind;
use pinhole::media::{Channel, Egress};
use pinhole::node::Node;
use pinhole::node::call_status::CallStatus;

use super::{HostId, World};
use crate::scenarios::watch;

/// A way on which a gatekeeper sends media.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MediaWay {
    /// The port that it leaves from.
    port: u16,
    /// Where it goes, once that is known.
    to: Option<SocketAddr>,
    /// Nothing in clear may go there.
    secret: bool,
}

/// Shorter contents may be the same by chance.
const SHORTEST: usize = 4;

/// What a test says of secrecy, whatever gatekeepers think.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// Hosts that do not encrypt.
    plain: BTreeSet<usize>,
    /// Nothing of them may be read here.
    networks: Vec<IpNet>,
    /// The contents of the media that they have sent.
    said: BTreeSet<Vec<u8>>,
}

/// Which legs of a call have to be encrypted.
fn secret_legs(call: &CallStatus) -> [bool; 2] {
    let legs = &call.encryption;
    let required = legs.iter().any(|leg| leg.demand == "required");
    // Nothing would be written down if nothing was wanted: it is that one leg has to be, so both that agree have to.
    let one_leg = legs.iter().all(|leg| leg.demand == "off");
    ["a", "b"].map(|name| {
        legs.iter().find(|leg| leg.leg == name).is_some_and(|leg| match leg.by {
            "gatekeeper" => true,
            "endpoints" => required || one_leg,
            _ => leg.demand == "required",
        })
    })
}

fn ways(call: &CallStatus) -> impl Iterator<Item = MediaWay> {
    let secret = secret_legs(call);
    call.sessions.iter().flat_map(move |session| {
        let sides = session.sides.iter().zip(secret);
        sides.map(|(side, secret)| MediaWay { port: side.local.port(), to: side.rtp, secret })
    })
}

impl World {
    /// From now on a host's media plane hears nothing of encryption, as if its gatekeeper had forgotten to say it.
    pub(crate) fn forget_encryption(&mut self, host: HostId) {
        self.hosts[host.0].forgets_encryption = true;
    }

    /// From now on no gatekeeper may send media of these hosts into these networks as they sent it, on whatever port.
    pub(crate) fn guard(&mut self, plain: &[HostId], networks: &[&str]) {
        self.guard.plain.extend(plain.iter().map(|host| host.0));
        let networks = networks.iter().map(|text| text.parse::<IpNet>().expect("a network"));
        self.guard.networks.extend(networks);
    }

    /// A host sends something.
    pub(super) fn overhear(&mut self, host: usize, datagram: &[u8]) {
        let contents = watch::contents(datagram).filter(|contents| contents.len() >= SHORTEST);
        if let (Some(contents), true) = (contents, self.guard.plain.contains(&host)) {
            self.guard.said.insert(contents.to_vec());
        }
    }

    /// Looks at what the media plane of a host sends.
    pub(super) fn check_secrecy(&mut self, host: usize, egress: Egress, packet: &[u8]) {
        let guarded = self.guard.networks.iter().any(|one| one.contains(&egress.to.ip()));
        if guarded && watch::contents(packet).is_some_and(|said| self.guard.said.contains(said)) {
            self.violation(host, "media in clear where the test forbids it");
        }
        if egress.channel != Channel::Rtp {
            return;
        }
        let secret = self.is_secret(host, egress) || self.is_locked(host, egress);
        if secret && watch::can_be_read(packet) {
            self.violation(host, "RTP in clear on a leg that is encrypted");
        }
    }

    /// True when no call may send this in clear.
    fn is_secret(&mut self, host: usize, egress: Egress) -> bool {
        let now = self.now;
        let it = &mut self.hosts[host];
        let agent: &dyn Any = it.agent.as_ref();
        let Some(node) = agent.downcast_ref::<Node>() else { return false };
        let all = it.media_ways.get_or_insert_with(|| {
            let all: Vec<_> = node.status(now).calls.iter().flat_map(ways).collect();
            if all.iter().any(|way| way.secret) { all } else { Vec::new() }
        });
        let port = it.binds.get(&Bind::Media(egress.pair)).map(SocketAddr::port);
        // Calls that share their ports may share the other end as well.
        let here = all.iter().filter(|way| Some(way.port) == port);
        let mut here = here.filter(|way| way.to.is_none_or(|to| to == egress.to)).peekable();
        here.peek().is_some() && here.all(|way| way.secret)
    }

    /// True when the host has said so to its media plane.
    fn is_locked(&self, host: usize, egress: Egress) -> bool {
        let it = &self.hosts[host];
        it.locked.iter().any(|((flow, side), prefix)| {
            let pair = it.flows.get(flow).map(|pairs| pairs[side.index()]);
            pair == Some(egress.pair) && *prefix == egress.prefix
        })
    }
}
