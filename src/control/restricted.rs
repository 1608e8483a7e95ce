//! What the configuration keeps out of H.245: capabilities (DisabledCodecs), what an endpoint says of its terminal
//! (ForceTerminalType), requests for pictures, and words that confuse old equipment.

use std::cmp::Ordering;

use pinhole_h323::asn::decode_olc;
use pinhole_h323::asn::h245::{
    CommandMessage as Command, DataModeApplication, MiscellaneousCommandType as Kind,
    ModeElementType, MultimediaSystemControlMessage as Message, OpenLogicalChannel,
    RequestMessage as Request, RequestMode,
};
use pinhole_h323::control::Control;
use pinhole_h323::control::capability::{is_named, remove_named};
use pinhole_h323::signal::Signal;

use super::refusal::Refusal;
use super::{Verdict, codec};
use crate::call::Call;
use crate::face::Side;
use crate::node::Cx;

/// The names of what is disabled in a call: for all, and for either party.
fn disabled(cx: &Cx<'_>, call: &Call) -> Vec<String> {
    let own = call.legs.iter().flat_map(|leg| &leg.own).flat_map(|own| &own.disabled.0);
    cx.core.settings.handling.disabled.iter().chain(own).cloned().collect()
}

/// Makes a message of a party say what the other one may hear; an answer to it if it may not be said at all.
pub(super) fn adapt(
    cx: &mut Cx<'_>,
    call: &mut Call,
    from: Side,
    control: &mut Control,
) -> Option<Verdict> {
    match control.message() {
        Message::command(Command::miscellaneousCommand(command))
            if matches!(command.r_type, Kind::videoFastUpdatePicture(())) =>
        {
            let (number, interval) =
                (command.logical_channel_number.0, cx.core.settings.handling.picture_interval);
            if !interval.is_zero() && !call.leg_mut(from).asks_picture(cx.now, number, interval) {
                return Some(Verdict::default());
            }
        }
        Message::request(Request::requestMode(_))
            if cx.core.settings.handling.removes_fax_options =>
        {
            control.edit(|message| {
                if let Message::request(Request::requestMode(request)) = message {
                    remove_fax_options(request);
                }
            });
        }
        Message::request(Request::masterSlaveDetermination(told)) => {
            let own = told.terminal_type;
            let said = terminal_type(call, from, own);
            call.leg_mut(from).terminal_type = Some(own);
            if said != own {
                control.edit(|message| {
                    if let Message::request(Request::masterSlaveDetermination(told)) = message {
                        told.terminal_type = said;
                    }
                });
            }
        }
        Message::request(Request::terminalCapabilitySet(_)) => {
            let names = Some(disabled(cx, call)).filter(|names| !names.is_empty())?;
            let mut without = control.clone();
            let changed = without.edit(|message| match message {
                Message::request(Request::terminalCapabilitySet(set)) => remove_named(set, &names),
                _ => false,
            });
            if changed {
                *control = without;
            }
        }
        Message::request(Request::openLogicalChannel(olc)) => {
            let names = Some(disabled(cx, call)).filter(|names| !names.is_empty())?;
            if is_disabled(olc, &names) {
                return Some(Refusal::Disabled.refuse(cx, call, from, olc));
            }
        }
        _ => {}
    }
    None
}

/// The terminalType that a party is told of the other one. Who is given a type does not know it, and judges by its own: it is
/// told one by which it comes to the same decision (H.245 §C.2.2).
fn terminal_type(call: &Call, from: Side, told: u8) -> u8 {
    let [forced, judge] = [from, from.other()]
        .map(|side| call.leg(side).own.as_ref().and_then(|own| own.terminal_type));
    let counts = forced.unwrap_or(told);
    match judge.map(|given| counts.cmp(&given)) {
        None => counts,
        Some(Ordering::Less) => u8::MIN,
        Some(Ordering::Greater) => u8::MAX,
        // The random numbers decide, if it sees its own type.
        Some(Ordering::Equal) => call.leg(from.other()).terminal_type.unwrap_or(counts),
    }
}

fn is_disabled(olc: &OpenLogicalChannel, names: &[String]) -> bool {
    is_named(codec::carried(olc), names)
}

/// Takes what a request says of T.38 over UDP out of it.
fn remove_fax_options(request: &mut RequestMode) {
    for element in request.requested_modes.iter_mut().flat_map(|description| &mut description.0) {
        if let ModeElementType::dataMode(mode) = &mut element.r_type
            && let DataModeApplication::t38fax(fax) = &mut mode.application
        {
            fax.t38_fax_profile.t38_fax_udp_options = None;
        }
    }
}

/// Takes proposals and answers of fast start out of a message that may not be made.
pub(crate) fn fast_start(cx: &Cx<'_>, call: &Call, signal: &mut Signal) {
    let names = disabled(cx, call);
    let all = signal.fast_start();
    if names.is_empty() || all.is_empty() {
        return;
    }
    let allowed = |octets: &&[u8]| decode_olc(octets).is_ok_and(|olc| !is_disabled(&olc, &names));
    let left: Vec<Vec<u8>> = all.iter().copied().filter(allowed).map(<[u8]>::to_vec).collect();
    if left.len() < all.len() {
        signal.set_fast_start(left);
    }
}
