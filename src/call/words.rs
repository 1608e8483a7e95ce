//! What a message says of who calls and who is called, as the configuration wants the other party to see it.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::cause::Cause;
use pinhole_h323::q931::{Number, code};
use pinhole_h323::signal::Signal;

use super::Call;
use crate::face::Side;
use crate::node::{Cx, NumberKind};

/// Makes a Setup say what the configuration wants the called party to see.
pub(super) fn of_setup(cx: &Cx<'_>, call: &Call, setup: &mut Signal) {
    let [caller, called] = [Side::A, Side::B].map(|side| call.leg(side).own.as_deref());
    if caller.is_some_and(|own| own.number_as_source) {
        add_number(setup);
    }
    if let Some(alias) = called.and_then(|own| own.destination.as_ref()) {
        add_destination(setup, alias);
    }
    let own = called.map(|own| own.kinds).unwrap_or_default();
    let [called, calling] = cx.core.settings.handling.numbers;
    set_kinds([own[0].or(called), own[1].or(calling)], setup);
}

/// Says of what kind the called and the calling number are, where the configuration says it.
fn set_kinds([called, calling]: [NumberKind; 2], setup: &mut Signal) {
    let q931 = setup.q931_mut();
    let of = |number: Number, wanted: NumberKind| Number {
        kind: wanted.kind.unwrap_or(number.kind),
        plan: wanted.plan.unwrap_or(number.plan),
        ..number
    };
    if let Some(number) = q931.called_number().filter(|_| called != NumberKind::default()) {
        q931.set(code::CALLED_PARTY_NUMBER, of(number, called).octets());
    }
    if let Some(number) = q931.calling_number().filter(|_| calling != NumberKind::default()) {
        q931.set(code::CALLING_PARTY_NUMBER, of(number, calling).octets());
    }
}

/// Adds the calling number to the source addresses, as the first.
fn add_number(setup: &mut Signal) {
    let Some(number) = setup.q931().calling_number().filter(|n| !n.digits.is_empty()) else {
        return;
    };
    let alias = Alias::from_text(&number.digits);
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { return };
        let sources = setup.source_address.get_or_insert_default();
        if !sources.iter().filter_map(Alias::read).any(|known| known == alias) {
            sources.insert(0, alias.to_asn());
        }
    });
}

/// Adds an alias to the called ones, unless it is there.
fn add_destination(setup: &mut Signal, alias: &Alias) {
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { return };
        let called = setup.destination_address.get_or_insert_default();
        if !called.iter().filter_map(Alias::read).any(|known| known == *alias) {
            called.push(alias.to_asn());
        }
    });
}

/// What a cause becomes on its way from one party to the other.
pub(super) fn cause(call: &Call, from: Side, cause: Cause) -> Cause {
    let of = |side: Side| call.leg(side).own.as_deref();
    let received = of(from).map_or_else(|| cause.value(), |own| own.received.of(cause.value()));
    sent(call, from.other(), Cause::new(received))
}

/// What a cause becomes on its way from us to a party.
pub(super) fn sent(call: &Call, to: Side, cause: Cause) -> Cause {
    let own = call.leg(to).own.as_deref();
    own.map_or(cause, |own| Cause::new(own.sent.of(cause.value())))
}
