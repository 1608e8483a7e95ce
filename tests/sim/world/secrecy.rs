//! No packet that can be read leaves a gatekeeper on a leg that has to be encrypted, whatever the scenario is. What has to be
//! is told by the calls' own records of what was wanted and agreed, not by what the gatekeeper asked of its media plane: what
//! it forgot to ask would not be seen.
//!
//! Whether the right thing was wanted they cannot tell: see `guard`.

use std::any::Any;
use std::net::SocketAddr;

use pinhole::face::{Bind, FlowCommand, Side};
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

/// What is wrong with what a gatekeeper asks of its media plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sabotage {
    /// Nothing.
    #[default]
    None,
    /// It forgets to have anything encrypted.
    Forgets,
    /// It takes for the parties' own cipher what is audio in clear.
    Confuses,
}

/// The payload type of the phones' audio.
const PCMA: u8 = 8;

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
    /// From now on a host's media plane hears this of encryption.
    pub(crate) fn sabotage(&mut self, host: HostId, sabotage: Sabotage) {
        self.hosts[host.0].sabotage = sabotage;
    }

    /// What a host's media plane hears of a command, if its gatekeeper is wrong.
    pub(super) fn spoilt(&self, host: usize, command: FlowCommand) -> Vec<FlowCommand> {
        let secures = matches!(
            command,
            FlowCommand::Lock { .. } | FlowCommand::Encrypt { .. } | FlowCommand::Decrypt { .. }
        );
        match (self.hosts[host].sabotage, command) {
            (Sabotage::Forgets, _) if secures => Vec::new(),
            (Sabotage::Confuses, FlowCommand::Lock { flow, .. }) => {
                let passes =
                    |from| FlowCommand::Pass { flow, from, channel: 1, payload_type: PCMA };
                [Side::A, Side::B].map(passes).into()
            }
            (Sabotage::Confuses, _) if secures => Vec::new(),
            (_, command) => vec![command],
        }
    }

    /// Looks at what the media plane of a host sends.
    pub(super) fn check_secrecy(&mut self, host: usize, egress: Egress, packet: &[u8]) {
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
