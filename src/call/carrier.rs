//! What carries H.245 to each party: call signalling (tunnelling, H.323 §8.2.1) or a connection of its own.
//!
//! A call that is translated lets each party have its own way: what one tunnels reaches the other on its connection,
//! and the reverse. Otherwise a No of either party counts for both, as the standard has it between two endpoints.

use pinhole_h323::asn::h225::{FacilityReason, H323UUPDUH323MessageBody as Body};
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Signal;

use super::link::has_room;
use super::{Call, Calls, ControlLink, Leg};
use crate::control;
use crate::face::Side;
use crate::node::{Cx, Mode};

/// H.245 that a message of call signalling brought, beside what stays in it.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// For the other party, when it cannot stay in the message.
    pub(super) aside: Vec<Vec<u8>>,
    /// For the party that sent it.
    pub(super) answers: Vec<Vec<u8>>,
    /// True when there is nothing left in the message to pass on.
    pub(super) emptied: bool,
    /// True when there was any.
    pub(super) any: bool,
}

/// True when H.245 for a party travels in call signalling.
pub(super) fn tunnelled(call: &Call, side: Side) -> bool {
    let no = |leg: &Leg| leg.tunnels == Some(false) || !leg.may_tunnel;
    let leg = call.leg(side);
    let parted = leg.control != ControlLink::None || leg.summoned;
    !parted && if call.translates { !no(leg) } else { !call.legs.iter().any(no) }
}

/// True when a party has H.245, however it is carried.
pub(super) fn is_served(call: &Call, side: Side) -> bool {
    matches!(call.leg(side).control, ControlLink::Open(_)) || tunnelled(call, side)
}

/// Notes what a message of a party says of tunnelling. A gatekeeper on the way that answers before the called party
/// does marks its word as provisional (H.323 §8.2.1); a party that has said nothing until Connect does not know of it.
pub(super) fn heard(call: &mut Call, side: Side, signal: &Signal) {
    let provisional =
        signal.pdu().is_some_and(|pdu| pdu.provisional_resp_to_h245_tunneling.is_some());
    let last_chance = matches!(signal.message_type(), MessageType::Setup | MessageType::Connect);
    let leg = call.leg_mut(side);
    match signal.h245_tunnelling() {
        Some(_) if provisional => return,
        Some(tunnels) => leg.tunnels = Some(tunnels),
        None if last_chance && leg.tunnels.is_none() => leg.tunnels = Some(false),
        None => return,
    }
    // What was tunnelled while it had not said a word has been taken.
    if tunnelled(call, side) {
        call.leg_mut(side).queue.clear();
    }
}

/// Makes a message say of tunnelling what holds on the leg that it goes to.
pub(super) fn say(call: &Call, to: Side, signal: &mut Signal) {
    let leg = call.leg(to);
    if call.mode < Mode::Control {
        if !leg.may_tunnel && signal.h245_tunnelling() == Some(true) {
            signal.set_h245_tunnelling(false);
        }
        return;
    }
    let tunnels = if signal.message_type() == MessageType::Setup {
        let caller = call.leg(to.other()).tunnels == Some(true);
        leg.may_tunnel && leg.tunnels != Some(false) && (call.translates || caller)
    } else {
        tunnelled(call, to)
    };
    let said = signal.h245_tunnelling();
    if said.unwrap_or(false) != tunnels && (call.translates || !tunnels) {
        signal.set_h245_tunnelling(tunnels);
    }
}

/// True for a message by which a party leaves the tunnel: it wants a connection for H.245 from now on.
pub(super) fn leaves_tunnel(signal: &Signal) -> bool {
    matches!(signal.facility_reason(), Some(FacilityReason::startH245(())))
}

impl Calls {
    /// Takes the H.245 out of a message of one leg, and leaves in it what the other party can read there.
    pub(super) fn take_control(
        &mut self,
        cx: &mut Cx<'_>,
        call: super::CallKey,
        from: Side,
        signal: &mut Signal,
    ) -> Brought {
        let Some(call) = self.calls.get_mut(&call).filter(|call| call.mode >= Mode::Control) else {
            return Brought::default();
        };
        let mut brought = Brought::default();
        let carried: Vec<Vec<u8>> = signal.h245_control().into_iter().map(<[u8]>::to_vec).collect();
        if !carried.is_empty() {
            brought.any = true;
            let through = through(cx, call, &mut self.index, from, &carried, &mut brought.answers);
            brought.stay_or_go(call, from.other(), signal, through);
        }
        let parallel: Vec<Vec<u8>> =
            signal.parallel_h245_control().into_iter().map(<[u8]>::to_vec).collect();
        if !parallel.is_empty() {
            let through = through(cx, call, &mut self.index, from, &parallel, &mut brought.answers);
            set_parallel(signal, through);
        }
        brought
    }
}

impl Brought {
    fn stay_or_go(
        &mut self,
        call: &mut Call,
        to: Side,
        signal: &mut Signal,
        through: Vec<Vec<u8>>,
    ) {
        let dropped = leaves_tunnel(signal);
        if !tunnelled(call, to) || dropped {
            signal.set_h245_control(Vec::new());
            self.aside = through;
            self.emptied = carries_nothing(signal);
            return;
        }
        let leg = call.leg_mut(to);
        if leg.tunnels.is_none() {
            keep(leg, &through);
        }
        signal.set_h245_control(through);
    }
}

/// True for a Facility that was only there to carry H.245, and does not any more.
fn carries_nothing(signal: &Signal) -> bool {
    let bare = matches!(signal.body(), Some(Body::empty(())))
        && signal.pdu().is_some_and(|pdu| {
            pdu.generic_data.is_none()
                && pdu.h4501_supplementary_service.is_none()
                && pdu.non_standard_data.is_none()
                && pdu.non_standard_control.is_none()
        });
    signal.message_type() == MessageType::Facility && (bare || signal.is_keepalive())
}

/// Keeps what is tunnelled to a party that has not said yet whether it tunnels: if it does not, it gets it again on its
/// connection.
pub(super) fn keep(leg: &mut Leg, messages: &[Vec<u8>]) {
    for message in messages {
        if has_room(leg, message) {
            leg.queue.push(message.clone());
        }
    }
}

fn through(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut super::Index,
    from: Side,
    messages: &[Vec<u8>],
    answers: &mut Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    let mut through = Vec::new();
    for message in messages {
        let verdict = control::receive(cx, call, index, from, message);
        through.extend(verdict.forward);
        answers.extend(verdict.reply);
    }
    through
}

/// H.245 beside fast start in a Setup (H.323 §8.2.4). Whoever does not know it leaves it unanswered, and the caller says
/// it again.
fn set_parallel(signal: &mut Signal, messages: Vec<Vec<u8>>) {
    if signal.parallel_h245_control().iter().eq(&messages) {
        return;
    }
    signal.edit(|pdu| {
        if let Body::setup(setup) = &mut pdu.h323_message_body {
            setup.parallel_h245_control =
                (!messages.is_empty()).then(|| messages.into_iter().map(Into::into).collect());
        }
    });
}
