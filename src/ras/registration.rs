//! RRQ: endpoints come and stay.

use std::net::SocketAddr;

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    RasMessage, RegistrationConfirm, RegistrationConfirmPreGrantedARQ, RegistrationReject,
    RegistrationRejectReason, RegistrationRequest, TimeToLive, TransportAddress,
};
use pinhole_h323::id::EndpointId;
use pinhole_h323::{address, version};

use super::endpoint::{Hearing, Kind, Registration, vendor};
use super::table::{Refusal, Rules};
use super::{
    Origin, account, alternate, crowd, feature, identity, lifetime, matching, past, permanent,
    prefix, unregistration,
};
use crate::event::Event;
use crate::node::{Cx, Mode, Timer};

/// The shortest and the longest life of a registration that an endpoint may ask for where the configuration says nothing.
/// Real ones ask for 60 to 300 s; what is not refreshed for longer keeps others from its place.
const LIFE_S: std::ops::RangeInclusive<u32> = 10..=600;

/// A reject, and the sentence for people where it is worth one.
pub(super) type Rejected = (RegistrationRejectReason, Option<String>);

/// Answers a RegistrationRequest.
pub(super) fn answer(cx: &mut Cx<'_>, origin: Origin, request: &RegistrationRequest) -> RasMessage {
    let result = if request.keep_alive == Some(true) {
        refresh(cx, origin, request)
    } else if request.additive_registration.is_some() {
        super::additive::add(cx, origin, request)
    } else {
        enter(cx, origin, request)
    };
    match result {
        Ok(id) => confirm(cx, origin, request, &id),
        Err((reason, sentence)) => {
            if let Some(sentence) = sentence {
                let alias = first_alias(request);
                cx.refusal(Event::RegistrationRefused { alias, peer: origin.from, sentence });
            }
            RasMessage::registrationReject(Box::new(RegistrationReject {
                request_seq_num: request.request_seq_num.clone(),
                protocol_identifier: version::h225(),
                gatekeeper_identifier: Some(cx.gatekeeper_identifier()),
                reject_reason: reason,
                ..Default::default()
            }))
        }
    }
}

/// A lightweight RRQ (H.225.0 §7.9.1): only from the address that registered. Behind a NAT its port may have changed,
/// and then the pinhole has moved.
fn refresh(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
) -> Result<EndpointId, Rejected> {
    let again = || (RegistrationRejectReason::fullRegistrationRequired(()), None);
    let id = request.endpoint_identifier.as_ref().map(EndpointId::from).ok_or_else(again)?;
    let Origin { from, socket, local, .. } = origin;
    if !cx.core.registrations.moved(&id, from, socket, local) {
        return Err(again());
    }
    cx.core.registrations.seen(&id, cx.now);
    let known = cx.core.registrations.get(&id);
    let pinhole = known.is_some_and(|known| known.traversal || known.natted);
    if request.time_to_live.is_some() {
        let ttl_s = time_to_live(cx, request, pinhole);
        cx.core.registrations.lives(&id, ttl_s);
    }
    Ok(id)
}

/// A full RRQ.
fn enter(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
) -> Result<EndpointId, Rejected> {
    let signalling = reachable(&request.call_signal_address, origin);
    if let Some(id) = permanent::is(cx, origin, signalling) {
        return Ok(id);
    }
    let kind = Kind::of(&request.terminal_type);
    let aliases = counted(cx, kind, request);
    let own = cx.core.settings.ras.particulars.of(&aliases);
    let kind = if own.as_ref().is_some_and(|own| own.gateway) { Kind::Gateway } else { kind };
    let told_ras = reachable(&request.ras_address, origin);
    // Also an endpoint that tells another host's signalling address, which is not its own to register.
    let elsewhere = |told: SocketAddr| !is_same_host(told, origin.from);
    let natted = told_ras.is_some_and(elsewhere) || signalling.is_some_and(elsewhere);
    let barred = own.as_ref().is_some_and(|own| !own.traversal);
    let traversal =
        !barred && grants(cx, natted) && feature::asked(request.feature_set.as_ref(), 18);
    if natted && !traversal {
        unhelped(cx, request)?;
    }
    // Replies to an endpoint without NAT go where it wants them; else only its pinhole is reachable.
    let ras = if traversal || natted { origin.from } else { told_ras.unwrap_or(origin.from) };
    let id = identity::identify(cx, origin, request, &aliases);
    let wanted = cx.core.registrations.wanted_of(&id, &aliases);
    let named = request.endpoint_identifier.as_ref().map(EndpointId::from);
    let (hearing, proves) = hearing(cx, origin, &id, named.as_ref() == Some(&id));
    let ttl_s = time_to_live(cx, request, traversal || natted);
    let (prefixes, told_prefixes) = prefixes(cx, request, &aliases);
    let new = Registration {
        id: id.clone(),
        aliases,
        kind,
        prefixes,
        told_prefixes,
        own,
        vendor: vendor(&request.endpoint_vendor),
        ras,
        source: origin.from,
        socket: origin.socket,
        local: origin.local,
        signalling,
        traversal,
        natted,
        multiplexes: false,
        ttl_s,
        polls: 0,
        permanent: false,
        additive: false,
        busy: false,
        turns: 0,
        hearing,
        since: cx.core.registrations.get(&id).map_or(cx.now, |known| known.since),
        seen: cx.now,
        shown: cx.now,
    };
    let name = new.name();
    let known = cx.core.registrations.get(&id);
    let known_before = known.is_some();
    let fresh = known.is_none_or(|known| !known.is_from(origin.from));
    let settings = &cx.core.settings;
    let rules = Rules {
        most_from_address: settings.limits.registrations,
        most: settings.limits.registrations_in_all,
        overwrite: settings.ras.overwrite,
    };
    let entered = cx.core.registrations.enter(new, rules, proves);
    let replaced = entered.map_err(|why| {
        let asked = crowd::ask(cx, &why, origin.from.ip());
        let (reason, sentence) = reject(&name, &why);
        let asks =
            |sentence| format!("{sentence}; who is silent longest is asked whether it is there");
        let asks_holder =
            |sentence| format!("{sentence}, which is asked whether it is still there");
        let sentence = match why {
            _ if !asked => sentence,
            Refusal::DuplicateAlias(_) => sentence.map(asks_holder),
            _ => sentence.map(asks),
        };
        (reason, sentence)
    })?;
    for gone in replaced {
        unregistration::replaced(cx, &gone, origin);
    }
    if let Some(want) = wanted.filter(|_| !proves) {
        crowd::still(cx, &id, want, known_before);
    }
    if fresh {
        let traversal = if traversal { "H.460.18" } else { "none" };
        let ttl_s = ttl_s.unwrap_or(0);
        cx.came_or_went(
            origin.from.ip(),
            Event::Registered { alias: name, peer: origin.from, ttl_s, traversal },
        );
    }
    Ok(id)
}

/// What shows that an endpoint hears us, and whether its request does: that it speaks shows nothing, but an identifier of
/// ours does. Not so at another address than that to which the identifier was sent.
fn hearing(cx: &Cx<'_>, origin: Origin, id: &EndpointId, names_it: bool) -> (Hearing, bool) {
    let Some(known) = cx.core.registrations.get(id) else {
        return (Hearing { drawn: !names_it, ..Hearing::default() }, false);
    };
    if !known.is_from(origin.from) {
        return (Hearing::default(), false);
    }
    let proves = names_it && known.hearing.drawn;
    let proven = known.hearing.proven || proves;
    (Hearing { proven, ..known.hearing }, proves)
}

/// Where an endpoint is reached of the addresses that it lists: where its request comes from, if that is among them. Who
/// has several, of IPv4 and IPv6 or of several interfaces, lists them all, in any order.
fn reachable(told: &[TransportAddress], origin: Origin) -> Option<SocketAddr> {
    let mut all = told.iter().filter_map(address::from_h225);
    let first = all.clone().next();
    all.find(|told| is_same_host(*told, origin.from)).or(first)
}

fn is_same_host(one: SocketAddr, other: SocketAddr) -> bool {
    one.ip().to_canonical() == other.ip().to_canonical()
}

/// An endpoint behind a NAT without H.460.18 can call, if the configuration wants it at all.
fn unhelped(cx: &Cx<'_>, request: &RegistrationRequest) -> Result<(), Rejected> {
    let ras = &cx.core.settings.ras;
    let name = first_alias(request);
    if let Some(standard) = ras.nat_standard {
        let sentence = format!(
            "{name} was refused: it is behind a NAT and has no H.460.18 (NATStdMin={standard})"
        );
        return Err((RegistrationRejectReason::neededFeatureNotSupported(()), Some(sentence)));
    }
    if !ras.natted {
        let sentence = format!(
            "{name} was refused: it is behind a NAT, without H.460.18 (SupportNATedEndpoints=0)"
        );
        return Err((RegistrationRejectReason::invalidCallSignalAddress(()), Some(sentence)));
    }
    Ok(())
}

/// The aliases of a request that count (AliasTypeFilter).
pub(super) fn counted(cx: &Cx<'_>, kind: Kind, request: &RegistrationRequest) -> Vec<Alias> {
    let filter = &cx.core.settings.ras.alias_types;
    let mut aliases = Alias::read_all(request.terminal_alias.iter().flatten());
    aliases.retain(|alias| filter.allows(kind.in_configuration(), matching::kind(alias)));
    aliases
}

/// The prefixes that the configuration gives an endpoint, and those that it brings, as far as it may.
pub(super) fn prefixes(
    cx: &Cx<'_>,
    request: &RegistrationRequest,
    aliases: &[Alias],
) -> (Vec<pinhole_config::GatewayPrefix>, Vec<String>) {
    let ras = &cx.core.settings.ras;
    let told = prefix::told(&request.terminal_type, ras.gateway_prefixes, ras.mcu_prefixes);
    let is_named = |name: &String| aliases.iter().any(|alias| alias.to_string() == *name);
    let given = ras.prefixes.iter().filter(|(name, _)| is_named(name));
    let own = ras.particulars.of(aliases);
    let own = own.iter().flat_map(|own| own.prefixes.clone());
    (given.flat_map(|(_, prefixes)| prefixes.clone()).chain(own).collect(), told)
}

/// Whether H.460.18 is granted to an endpoint that asks for it.
fn grants(cx: &Cx<'_>, natted: bool) -> bool {
    cx.core.settings.traversal.is_some_and(|traversal| natted || traversal.without_nat)
}

/// How long a registration lives: behind a NAT no longer than the keepalive interval, so that its refreshes hold the
/// pinhole open; else what was asked for, up to what the configuration allows.
fn time_to_live(cx: &Cx<'_>, request: &RegistrationRequest, pinhole: bool) -> Option<u32> {
    let settings = &cx.core.settings;
    if let (true, Some(traversal)) = (pinhole, settings.traversal) {
        return Some(traversal.keepalive_s);
    }
    let asked = request.time_to_live.as_ref().map(|ttl| ttl.0.max(*LIFE_S.start()));
    match (settings.ttl_s, asked) {
        (Some(limit), asked) => Some(asked.map_or(limit, |asked| limit.min(asked))),
        (None, asked) => asked.map(|asked| asked.min(*LIFE_S.end())),
    }
}

pub(super) fn reject(name: &str, why: &Refusal) -> Rejected {
    match why {
        Refusal::DuplicateAlias(alias) => (
            RegistrationRejectReason::duplicateAlias(vec![alias.to_asn()]),
            Some(format!("{name} was refused: another endpoint is registered as {alias}")),
        ),
        Refusal::InvalidAlias => (
            RegistrationRejectReason::invalidAlias(()),
            Some(format!("{name} was refused: it gave no alias, or too many")),
        ),
        Refusal::TooManyFromAddress => (
            RegistrationRejectReason::resourceUnavailable(()),
            Some(format!("{name} was refused: too many endpoints are registered from its address")),
        ),
        Refusal::Full => (
            RegistrationRejectReason::resourceUnavailable(()),
            Some(format!("{name} was refused: the table of registrations is full")),
        ),
    }
}

fn confirm(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
    id: &EndpointId,
) -> RasMessage {
    let registration = cx.core.registrations.get(id).cloned();
    let mut confirm = RegistrationConfirm {
        request_seq_num: request.request_seq_num.clone(),
        protocol_identifier: version::h225(),
        call_signal_address: vec![address::to_h225(
            cx.core.signalling_at(origin.local, origin.from.ip()),
        )],
        gatekeeper_identifier: Some(cx.gatekeeper_identifier()),
        endpoint_identifier: id.into(),
        supports_additive_registration: Some(()),
        alternate_gatekeeper: alternate::told(cx.core),
        ..Default::default()
    };
    if let Some(registration) = registration {
        // In direct mode nothing is signalled to us (H.225.0 §7.9.2), unless the endpoint needs our help.
        let helped = registration.traversal || registration.natted;
        let direct = cx.core.settings.mode == Mode::Direct || past::goes(cx.core, &registration);
        let direct = direct && !helped;
        if direct {
            confirm.call_signal_address.clear();
        }
        if cx.core.settings.ras.pregrants {
            confirm.pre_granted_arq = Some(Box::new(RegistrationConfirmPreGrantedARQ {
                make_call: true,
                use_gkcall_signal_address_to_make_call: !direct,
                answer_call: true,
                use_gkcall_signal_address_to_answer: !direct,
                ..Default::default()
            }));
        }
        confirm.time_to_live = registration.ttl_s.map(TimeToLive);
        if !registration.permanent && cx.core.registrations.wanted(id).is_none() {
            cx.set(Timer::Registration(id.clone()), lifetime::of(registration.ttl_s));
        }
        confirm.terminal_alias = Some(registration.aliases.iter().map(Alias::to_asn).collect());
        let link = cx.core.settings.ras.account_link.as_deref();
        if request.keep_alive != Some(true) {
            let session = link.and_then(|link| account::session(link, &registration.name()));
            confirm.service_control = session.map(|session| vec![session]);
        }
        if registration.traversal {
            feature::grant(&mut confirm.feature_set, 18);
        }
    }
    RasMessage::registrationConfirm(Box::new(confirm))
}

pub(super) fn first_alias(request: &RegistrationRequest) -> String {
    let first = request.terminal_alias.iter().flatten().find_map(Alias::read);
    first.map_or_else(|| "an endpoint without alias".into(), |alias| alias.to_string())
}
