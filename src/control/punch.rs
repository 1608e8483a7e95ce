//! Keepalives of a client of H.460.19 (§7): they open our firewall for the server's media, and tell the server where we
//! are.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::address::from_h245;
use pinhole_h323::asn::h245::OpenLogicalChannel;
use pinhole_h323::control::channel::{forward_parameters, reverse_parameters};
use pinhole_h323::h46019::Traversal;

use super::session::{Session, Sessions, is_sendable};
use crate::call::{CallTimer, Leg};
use crate::face::{FlowCommand, Output, Side};
use crate::node::{Cx, Timer};

/// The payload type of our RTP keepalives: one that no medium has.
pub(super) const KEEP_ALIVE_PAYLOAD_TYPE: u8 = 127;

/// How often, and after what time, the first keepalive is repeated: it may be lost, and when media comes in one direction
/// only, nothing else would open the way for it before the next one.
const REPEATED: u8 = 2;
const SOON: Duration = Duration::from_secs(1);

/// Where a server wants our keepalives, and how many have been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Punch {
    to: [SocketAddr; 2],
    sequence: u16,
    /// How many are still to come soon.
    soon: u8,
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
        let Some(rtp) = told.and_then(|told| told.keep_alive_channel) else { return };
        let forward = forward_parameters(olc).and_then(|p| p.media_control_channel.as_ref());
        let reverse = reverse_parameters(olc).and_then(|p| p.media_control_channel.as_ref());
        let next = SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1));
        let rtcp = forward.or(reverse).and_then(from_h245).filter(|at| at.ip() == rtp.ip());
        let rtcp = rtcp.filter(|at| at.port() != 0).unwrap_or(next);
        if rtp.port() == 0 || !is_sendable(cx, leg.peer, rtp.ip()) {
            return;
        }
        let to = [rtp, rtcp];
        let Some(slot) = self.punches.get_mut(from.index()) else { return };
        if slot.is_none_or(|known| known.to != to) {
            *slot = Some(Punch { to, sequence: 0, soon: REPEATED + 1 });
            self.punch(cx);
            cx.set(Timer::Call(self.call, CallTimer::KeepAlive), SOON);
        }
    }

    fn punch(&mut self, cx: &mut Cx<'_>) {
        let flow = self.flow;
        for (side, slot) in [Side::A, Side::B].into_iter().zip(&mut self.punches) {
            let Some(punch) = slot else { continue };
            punch.sequence = punch.sequence.wrapping_add(1);
            punch.soon = punch.soon.saturating_sub(1);
            let Punch { to, sequence, .. } = *punch;
            let payload_type = KEEP_ALIVE_PAYLOAD_TYPE;
            let command = FlowCommand::Punch { flow, side, to, payload_type, sequence };
            cx.core.out.push(Output::Flow(command));
        }
    }
}

impl Sessions {
    /// The longest time until the next keepalives.
    pub(crate) fn patience(&self) -> Duration {
        let mut all = self.open.iter().flat_map(|session| session.punches.iter().flatten());
        if all.any(|punch| punch.soon > 0) { SOON } else { Duration::MAX }
    }

    /// Keeps the pinholes of all sessions open.
    pub(crate) fn punch(&mut self, cx: &mut Cx<'_>) {
        for session in &mut self.open {
            session.punch(cx);
        }
    }
}
