//! RRQ and URQ: endpoints come, stay and go.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    CallReferenceValue, InfoRequest, RasMessage, RegistrationConfirm, RegistrationReject,
    RegistrationRejectReason, RegistrationRequest, RequestSeqNum, TimeToLive, UnregRejectReason,
    UnregRequestReason, UnregistrationConfirm, UnregistrationReject, UnregistrationRequest,
};
use pinhole_h323::id::EndpointId;
use pinhole_h323::{address, version};
use rand::RngExt as _;

use super::table::{Refusal, Registration};
use super::{Origin, feature};
use crate::event::Event;
use crate::node::{Cx, Mode, Timer};

/// An endpoint's own timer and a lost datagram must not end its registration: it lives this much longer than it was
/// told, as endpoints refresh only shortly before the end.
const GRACE: Duration = Duration::from_secs(10);
/// How long an endpoint may take to answer whether it is still there.
const POLL: Duration = Duration::from_secs(5);
/// The longest life of a registration that an endpoint may ask for.
const LONGEST_S: u32 = 24 * 3600;

/// Answers a RegistrationRequest.
pub(super) fn answer(cx: &mut Cx<'_>, origin: Origin, request: &RegistrationRequest) -> RasMessage {
    let result = if request.keep_alive == Some(true) {
        refresh(cx, origin, request)
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

/// A reject, and the sentence for people where it is worth one.
type Rejected = (RegistrationRejectReason, Option<String>);

/// A lightweight RRQ (H.225.0 §7.9.1): only from the address that registered. Behind a NAT its port may have changed,
/// and then the pinhole has moved.
fn refresh(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
) -> Result<EndpointId, Rejected> {
    let again = || (RegistrationRejectReason::fullRegistrationRequired(()), None);
    let id = request.endpoint_identifier.as_ref().map(EndpointId::from).ok_or_else(again)?;
    let Origin { from, socket, local } = origin;
    cx.core.registrations.moved(&id, from, socket, local).then_some(id).ok_or_else(again)
}

/// A full RRQ.
fn enter(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
) -> Result<EndpointId, Rejected> {
    let aliases: Vec<Alias> =
        request.terminal_alias.iter().flatten().filter_map(Alias::read).collect();
    let told_ras = request.ras_address.iter().find_map(address::from_h225);
    let signalling = request.call_signal_address.iter().find_map(address::from_h225);
    // Also an endpoint that tells another host's signalling address, which is not its own to register.
    let elsewhere = |told: SocketAddr| told.ip() != origin.from.ip();
    let natted = told_ras.is_some_and(elsewhere) || signalling.is_some_and(elsewhere);
    let traversal = grants(cx, natted) && feature::asked(request.feature_set.as_ref(), 18);
    // Replies to an endpoint without NAT go where it wants them; else only its pinhole is reachable.
    let ras = if traversal || natted { origin.from } else { told_ras.unwrap_or(origin.from) };
    let own = own_identifier(cx, origin, request, &aliases);
    let id = own.unwrap_or_else(|| new_identifier(cx));
    let ttl_s = time_to_live(cx, request, traversal || natted);
    let new = Registration {
        id: id.clone(),
        aliases,
        ras,
        socket: origin.socket,
        local: origin.local,
        signalling,
        traversal,
        natted,
        multiplexes: false,
        ttl_s,
        polled: false,
    };
    let name = new.name();
    let fresh = cx.core.registrations.get(&id).is_none();
    let most = cx.core.settings.limits.registrations;
    let entered = cx.core.registrations.enter(new, most);
    let replaced = entered.map_err(|why| reject(&name, &why))?;
    if let Some(old) = replaced {
        cx.stop(&Timer::Registration(old));
    }
    if fresh {
        let traversal = if traversal { "H.460.18" } else { "none" };
        let ttl_s = ttl_s.unwrap_or(0);
        cx.event(Event::Registered { alias: name, peer: origin.from, ttl_s, traversal });
    }
    Ok(id)
}

/// Whether H.460.18 is granted to an endpoint that asks for it.
fn grants(cx: &Cx<'_>, natted: bool) -> bool {
    cx.core.settings.traversal.is_some_and(|traversal| natted || traversal.without_nat)
}

/// The identifier an endpoint registers again with, unless it is another's. One that is not known is kept, too: it was
/// given before the gatekeeper was started again, and h323plus goes on with it whatever the confirm says. An endpoint
/// that names none keeps the one it has, if its socket and its names are the same: its request may be the same one
/// again, of which it hears the first answer only.
fn own_identifier(
    cx: &Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
    aliases: &[Alias],
) -> Option<EndpointId> {
    if let Some(id) = request.endpoint_identifier.as_ref().map(EndpointId::from) {
        let known = cx.core.registrations.get(&id);
        return known.is_none_or(|known| known.is_from(origin.from)).then_some(id);
    }
    let known = cx.core.registrations.find(aliases.first()?)?;
    (known.ras == origin.from && known.aliases == aliases).then(|| known.id.clone())
}

/// A fresh endpoint identifier that nobody can guess.
fn new_identifier(cx: &mut Cx<'_>) -> EndpointId {
    let random: u128 = cx.core.rng.random();
    EndpointId(format!("{random:032x}{}", cx.core.settings.endpoint_suffix))
}

/// How long a registration lives: behind a NAT no longer than the keepalive interval, so that its refreshes hold the
/// pinhole open; else what was asked for, up to what the configuration allows.
fn time_to_live(cx: &Cx<'_>, request: &RegistrationRequest, pinhole: bool) -> Option<u32> {
    let settings = &cx.core.settings;
    if let (true, Some(traversal)) = (pinhole, settings.traversal) {
        return Some(traversal.keepalive_s);
    }
    let asked = request.time_to_live.as_ref().map(|ttl| ttl.0.clamp(10, LONGEST_S));
    match (settings.ttl_s, asked) {
        (Some(limit), Some(asked)) => Some(limit.min(asked)),
        (limit, asked) => limit.or(asked),
    }
}

fn reject(name: &str, why: &Refusal) -> Rejected {
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
        ..Default::default()
    };
    if let Some(registration) = registration {
        // In direct mode nothing is signalled to us (H.225.0 §7.9.2), unless the endpoint needs our help.
        let helped = registration.traversal || registration.natted;
        if cx.core.settings.mode == Mode::Direct && !helped {
            confirm.call_signal_address.clear();
        }
        if let Some(ttl_s) = registration.ttl_s {
            confirm.time_to_live = Some(TimeToLive(ttl_s));
            cx.set(Timer::Registration(id.clone()), life(ttl_s));
        } else {
            cx.stop(&Timer::Registration(id.clone()));
        }
        confirm.terminal_alias = Some(registration.aliases.iter().map(Alias::to_asn).collect());
        if registration.traversal {
            feature::grant(&mut confirm.feature_set, 18);
        }
    }
    RasMessage::registrationConfirm(Box::new(confirm))
}

/// The life of a registration is over and no refresh came: the endpoint is asked once whether it is still there.
pub(crate) fn expired(cx: &mut Cx<'_>, id: &EndpointId) {
    if let Some(silent) = cx.core.registrations.poll(id) {
        let request = InfoRequest {
            request_seq_num: RequestSeqNum(cx.core.next_seq()),
            call_reference_value: CallReferenceValue(0),
            ..Default::default()
        };
        let message = RasMessage::infoRequest(Box::new(request));
        super::send(cx, silent.socket, silent.ras, message);
        return cx.set(Timer::Registration(id.clone()), POLL);
    }
    let Some(gone) = cx.core.registrations.remove(id) else { return };
    let sentence = format!(
        "{} did not refresh its registration within {} s, and did not answer when it was asked",
        gone.name(),
        life(gone.ttl_s.unwrap_or(0)).as_secs()
    );
    urge(cx, &gone, UnregRequestReason::ttlExpired(()));
    cx.event(Event::Unregistered { alias: gone.name(), sentence });
}

/// An endpoint has answered: it is still there.
pub(super) fn alive(cx: &mut Cx<'_>, origin: Origin, id: &EndpointId) {
    let Origin { from, socket, local } = origin;
    let ttl_s = cx.core.registrations.get(id).filter(|known| known.polled).and_then(|r| r.ttl_s);
    if let Some(ttl_s) = ttl_s
        && cx.core.registrations.moved(id, from, socket, local)
    {
        cx.set(Timer::Registration(id.clone()), life(ttl_s));
    }
}

/// How long a registration lives that was told this timeToLive.
fn life(ttl_s: u32) -> Duration {
    Duration::from_secs(u64::from(ttl_s)) + GRACE
}

/// The gatekeeper ends: every endpoint is told.
pub(crate) fn unregister_all(cx: &mut Cx<'_>) {
    for gone in cx.core.registrations.drain() {
        cx.stop(&Timer::Registration(gone.id.clone()));
        urge(cx, &gone, UnregRequestReason::maintenance(()));
    }
}

/// Tells an endpoint that it is no longer registered.
fn urge(cx: &mut Cx<'_>, gone: &Registration, reason: UnregRequestReason) {
    let request = UnregistrationRequest {
        request_seq_num: RequestSeqNum(cx.core.next_seq()),
        call_signal_address: gone.signalling.map(address::to_h225).into_iter().collect(),
        endpoint_identifier: Some((&gone.id).into()),
        gatekeeper_identifier: Some(cx.gatekeeper_identifier()),
        reason: Some(reason),
        ..Default::default()
    };
    let message = RasMessage::unregistrationRequest(Box::new(request));
    super::send(cx, gone.socket, gone.ras, message);
}

/// Answers an UnregistrationRequest: only the endpoint itself can leave.
pub(super) fn unregister(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &UnregistrationRequest,
) -> RasMessage {
    let id = request.endpoint_identifier.as_ref().map(EndpointId::from).or_else(|| {
        let told: SocketAddr = request.call_signal_address.iter().find_map(address::from_h225)?;
        cx.core.registrations.at(told).map(|registration| registration.id.clone())
    });
    let seq = request.request_seq_num.clone();
    let own = id
        .filter(|id| cx.core.registrations.get(id).is_some_and(|known| known.is_from(origin.from)));
    let Some(gone) = own.and_then(|id| cx.core.registrations.remove(&id)) else {
        return RasMessage::unregistrationReject(Box::new(UnregistrationReject {
            request_seq_num: seq,
            reject_reason: UnregRejectReason::notCurrentlyRegistered(()),
            ..Default::default()
        }));
    };
    cx.stop(&Timer::Registration(gone.id.clone()));
    let sentence = format!("{} unregistered", gone.name());
    cx.event(Event::Unregistered { alias: gone.name(), sentence });
    RasMessage::unregistrationConfirm(Box::new(UnregistrationConfirm {
        request_seq_num: seq,
        ..Default::default()
    }))
}

fn first_alias(request: &RegistrationRequest) -> String {
    let first = request.terminal_alias.iter().flatten().find_map(Alias::read);
    first.map_or_else(|| "an endpoint without alias".into(), |alias| alias.to_string())
}
