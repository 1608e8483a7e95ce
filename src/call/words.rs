//! What a message says of who calls and who is called, as the configuration wants the other party to see it.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::cause::Cause;
use pinhole_h323::q931::{MessageType, Number, code};
use pinhole_h323::signal::Signal;

use super::{Call, Leg};
use crate::face::Side;
use crate::node::{CallingNumber, Cx, Display, NumberKind};

/// Makes a Setup say what the configuration wants the called party to see.
pub(super) fn of_setup(cx: &Cx<'_>, call: &Call, setup: &mut Signal) {
    let [caller, called] = [Side::A, Side::B].map(|side| call.leg(side).own.as_deref());
    let screen = &cx.core.settings.handling.screen;
    if screen.called_from_alias {
        set_called(setup);
    }
    if caller.is_some_and(|own| own.number_as_source) {
        add_number(setup);
    }
    if let Some(source) = &screen.source {
        set_source(setup, source);
    }
    if let Some(alias) = called.and_then(|own| own.destination.as_ref()) {
        add_destination(setup, alias);
    }
    screen_number(cx, call, setup);
    let own = called.map(|own| own.kinds).unwrap_or_default();
    let [called, calling] = cx.core.settings.handling.numbers;
    set_kinds([own[0].or(called), own[1].or(calling)], setup);
}

/// The number by which a registered party goes, or else its first alias.
fn station(cx: &Cx<'_>, leg: &Leg) -> Option<String> {
    let known = cx.core.registrations.get(leg.endpoint.as_ref()?)?;
    let number = known.aliases.iter().find_map(|alias| alias.digits().map(ToOwned::to_owned));
    number.or_else(|| known.aliases.first().map(ToString::to_string))
}

/// The calling number is what the configuration wants. What an unregistered caller says of itself nobody has checked; what a
/// neighbour says of its caller is its affair.
fn screen_number(cx: &Cx<'_>, call: &Call, setup: &mut Signal) {
    let screen = &cx.core.settings.handling.screen;
    let leg = call.leg(Side::A);
    let digits = match &screen.number {
        None => return,
        Some(CallingNumber::Registered) if leg.zone.is_some() => return,
        Some(CallingNumber::Registered) => station(cx, leg).map(|number| {
            let [before, after] = screen.around_number.each_ref().map(|text| filled(cx, leg, text));
            format!("{before}{number}{after}")
        }),
        Some(CallingNumber::Text(text)) => Some(text.clone()),
    };
    let q931 = setup.q931_mut();
    match digits {
        None => {
            q931.remove(code::CALLING_PARTY_NUMBER);
        }
        Some(digits) => {
            let number = Number { digits, ..q931.calling_number().unwrap_or_default() };
            q931.set(code::CALLING_PARTY_NUMBER, number.octets());
        }
    }
}

/// A text with our addresses in their places.
fn filled(cx: &Cx<'_>, leg: &Leg, text: &str) -> String {
    let external = cx.core.settings.external.map(|ip| ip.to_string()).unwrap_or_default();
    text.replace("%{gkip}", &leg.local.to_string()).replace("%{external-ip}", &external)
}

/// The called number of Q.931 is the first number among the called aliases, or is not there.
fn set_called(setup: &mut Signal) {
    let Some(Body::setup(body)) = setup.body() else { return };
    let mut called = body.destination_address.iter().flatten().filter_map(Alias::read);
    let digits = called.find_map(|alias| match alias {
        Alias::DialedDigits(digits) => Some(digits),
        _ => None,
    });
    let q931 = setup.q931_mut();
    match digits {
        Some(digits) => {
            let number = Number { digits, ..q931.called_number().unwrap_or_default() };
            q931.set(code::CALLED_PARTY_NUMBER, number.octets());
        }
        None => {
            q931.remove(code::CALLED_PARTY_NUMBER);
        }
    }
}

/// Says who sends a message, where messages say that to people.
pub(super) fn set_display(cx: &Cx<'_>, call: &Call, from: Side, signal: &mut Signal) {
    let screen = &cx.core.settings.handling.screen;
    let text = match &screen.display {
        None => return,
        Some(Display::Nothing) => {
            signal.q931_mut().remove(code::DISPLAY);
            return;
        }
        Some(Display::Text(text)) => Some(text.clone()),
        Some(Display::Station(whose)) if whose[from.index()] => station(cx, call.leg(from)),
        Some(Display::Station(_)) => None,
    };
    let first = match from {
        Side::A => signal.message_type() == MessageType::Setup,
        Side::B => matches!(
            signal.message_type(),
            MessageType::CallProceeding
                | MessageType::Alerting
                | MessageType::Progress
                | MessageType::Connect
        ),
    };
    // An element that is there is changed wherever it stands.
    if let Some(text) = text.filter(|_| first || signal.q931().display().is_some()) {
        let [before, after] = &screen.around_display;
        signal.q931_mut().set_display(&format!("{before}{text}{after}"));
    }
}

/// Who sends a call on is its caller from here on, if it has a number.
pub(super) fn set_forwarder(cx: &Cx<'_>, call: &mut Call) {
    if !cx.core.settings.handling.screen.shows_forwarder {
        return;
    }
    let endpoint = call.leg(Side::B).endpoint.as_ref();
    let Some(known) = endpoint.and_then(|id| cx.core.registrations.get(id)) else { return };
    let number = known.aliases.iter().find_map(|alias| alias.digits().map(ToOwned::to_owned));
    let (Some(number), Some(setup)) = (number, &mut call.route.setup) else { return };
    setup.q931_mut().set_calling_digits(&number);
    set_sources(setup, &Alias::from_text(&number));
}

/// There is one source address, if there was any.
fn set_source(setup: &mut Signal, source: &Alias) {
    let told = |body: &Body| matches!(body, Body::setup(setup) if setup.source_address.is_some());
    if setup.body().is_some_and(told) {
        set_sources(setup, source);
    }
}

fn set_sources(setup: &mut Signal, source: &Alias) {
    setup.edit(|pdu| {
        if let Body::setup(setup) = &mut pdu.h323_message_body {
            setup.source_address = Some(vec![source.to_asn()]);
        }
    });
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
pub(super) fn cause(cx: &Cx<'_>, call: &Call, from: Side, cause: Cause) -> Cause {
    let cause = Cause::new(cx.core.settings.handling.received.of(cause.value()));
    let of = |side: Side| call.leg(side).own.as_deref();
    let received = of(from).map_or_else(|| cause.value(), |own| own.received.of(cause.value()));
    sent(cx, call, from.other(), Cause::new(received))
}

/// What a cause becomes on its way from us to a party.
pub(super) fn sent(cx: &Cx<'_>, call: &Call, to: Side, cause: Cause) -> Cause {
    let cause = Cause::new(cx.core.settings.handling.sent.of(cause.value()));
    let own = call.leg(to).own.as_deref();
    own.map_or(cause, |own| Cause::new(own.sent.of(cause.value())))
}
