//! Keepalives of a client of H.460.19 (§7): they open our firewall for the server's media, and tell the server where we
//! are.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::address::from_h245;
use pinhole_h323::asn::h245::OpenLogicalChannel;
use pinhole_h323::control::channel::{forward_parameters, reverse_parameters};
use pinhole_h323::h46019::Traversal;
use pinhole_h323::mux::MultiplexId;

use super::session::{Session, Sessions, sendable};
use crate::call::{CallTimer, Leg};
use crate::face::{FlowCommand, KeepaliveKey, Output, Side};
use crate::node::{Cx, Timer};
use crate::zone::Bond;

/// The payload type of our RTP keepalives: one that no medium has.
pub(super) const KEEP_ALIVE_PAYLOAD_TYPE: u8 = 127;

/// How often, and after what time, the first keepalive is repeated: it may be lost, and when media comes in one direction
/// only, nothing else would open the way for it before the next one.
const REPEATED: u8 = 2;
const SOON: Duration = Duration::from_secs(1);

/// The time between keepalives that a server asks for: the shortest and the longest one that is heeded, and what it is
/// unless it says one.
const INTERVALS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(120)];
const INTERVAL: Duration = Duration::from_secs(19);
/// The longest time between sealed ones: after a change of our address nothing else shows where we are.
const SEALED: Duration = Duration::from_secs(2);

/// Where a server wants our keepalives, and how many have been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Punch {
    to: [SocketAddr; 2],
    every: Duration,
    bond: Option<Bond>,
    sequence: u16,
    /// How many are still to come soon.
    soon: u8,
}

/// The key of the keepalives that go to a port of the server with a multiplexID.
pub(super) fn key(bond: Bond, port: u16, identifier: Option<MultiplexId>) -> KeepaliveKey {
    let identifier = identifier.map_or(0, |id| id.0);
    KeepaliveKey(bond.seal(&format!("pinhole zone media {port} {identifier}")))
}

impl Session {
    /// What a server says of keepalives in a channel that it opens, proposes or accepts. The first ones are sent at once.
    pub(super) fn punch_as_told(
        &mut self,
        cx: &mut Cx<'_>,
        legs: &[Leg; 2],
        from: Side,
        olc: &OpenLogicalChannel,
    ) {
        let leg = &legs[from.index()];
        if !leg.server {
            return;
        }
        let told = Traversal::read(olc.generic_information.as_ref()).ok().flatten();
        let Some(told) = told else { return };
        let Some(rtp) = told.keep_alive_channel else { return };
        let forward = forward_parameters(olc).and_then(|p| p.media_control_channel.as_ref());
        let reverse = reverse_parameters(olc).and_then(|p| p.media_control_channel.as_ref());
        let rtcp = forward.or(reverse).and_then(from_h245);
        let every = told.keep_alive_interval.map(|s| Duration::from_secs(s.into()));
        self.punch_to(cx, leg, from, (rtp, rtcp), every);
    }

    /// A server has told where it wants media of ours. One that we have proven to it believes no media without it.
    pub(super) fn punch_media(
        &mut self,
        cx: &mut Cx<'_>,
        leg: &Leg,
        from: Side,
        [rtp, rtcp]: [Option<SocketAddr>; 2],
    ) {
        let known = self.punches.get(from.index()).is_some_and(Option::is_some);
        if let (true, Some(_), false, Some(rtp)) = (leg.server, leg.bond, known, rtp) {
            self.punch_to(cx, leg, from, (rtp, rtcp), None);
        }
    }

    fn punch_to(
        &mut self,
        cx: &mut Cx<'_>,
        leg: &Leg,
        from: Side,
        (rtp, rtcp): (SocketAddr, Option<SocketAddr>),
        every: Option<Duration>,
    ) {
        let next = SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1));
        let rtcp = rtcp.filter(|at| at.ip() == rtp.ip() && at.port() != 0).unwrap_or(next);
        let [Some(rtp), Some(rtcp)] = [rtp, rtcp].map(|at| sendable(cx, leg.peer, at)) else {
            return;
        };
        let [least, most] = INTERVALS;
        let every = every.unwrap_or(INTERVAL).clamp(least, most);
        let every = if leg.bond.is_some() { every.min(SEALED) } else { every };
        let (to, bond) = ([rtp, rtcp], leg.bond);
        let Some(slot) = self.punches.get_mut(from.index()) else { return };
        match slot {
            // A number is used once.
            Some(known) if known.to == to => (known.every, known.bond) = (every, bond),
            _ => {
                let sequence = slot.map_or(0, |known| known.sequence);
                *slot = Some(Punch { to, every, bond, sequence, soon: REPEATED + 1 });
                self.punch(cx);
                cx.set(Timer::Call(self.call, CallTimer::Punch), SOON);
            }
        }
    }

    fn punch(&mut self, cx: &mut Cx<'_>) {
        let flow = self.flow;
        let wanted = [Side::A, Side::B].map(|side| self.wanted(side));
        let each = [Side::A, Side::B].into_iter().zip(&mut self.punches).zip(wanted);
        for ((side, slot), identifier) in each {
            let Some(punch) = slot else { continue };
            punch.sequence = punch.sequence.wrapping_add(1);
            punch.soon = punch.soon.saturating_sub(1);
            let Punch { to, sequence, bond, .. } = *punch;
            let payload_type = KEEP_ALIVE_PAYLOAD_TYPE;
            let key = bond.map(|bond| key(bond, to[0].port(), identifier));
            let command = FlowCommand::Punch { flow, side, to, payload_type, sequence, key };
            cx.core.out.push(Output::Flow(command));
        }
    }
}

impl Sessions {
    /// The time until the next keepalives; none where no server wants any.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let all = self.open.iter().flat_map(|session| session.punches.iter().flatten());
        all.map(|punch| if punch.soon > 0 { SOON } else { punch.every }).min()
    }

    /// Keeps the pinholes of all sessions open.
    pub(crate) fn punch(&mut self, cx: &mut Cx<'_>) {
        for session in &mut self.open {
            session.punch(cx);
        }
    }
}
