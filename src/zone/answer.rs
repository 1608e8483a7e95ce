//! LRQ from neighbours: is somebody here, or known to another neighbour?

use std::net::SocketAddr;

use pinhole_config::Forward;
use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    LocationConfirm, LocationReject, LocationRejectReason, LocationRequest, RasMessage,
    RequestInProgress,
};
use pinhole_h323::id::CallId;

use super::locate::{self, Asker, Wanted};
use super::state::{News, Reason};
use super::token::{self, Doubt};
use super::{Role, ZoneId, route};
use crate::node::Cx;
use crate::ras::Origin;
use crate::ras::destination::{Destination, is_here, resolve};

/// By how many seconds proofs can overtake each other.
const REORDERED_S: u32 = 5;

/// Answers an LRQ; nothing when it comes from nobody we know.
pub(crate) fn lrq(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &LocationRequest,
) -> Option<RasMessage> {
    let zone = match who(cx, origin, request) {
        Ok(zone) => zone,
        Err(Some(doubt)) => {
            cx.core.counters.unbelieved += 1;
            let sentence = format!("LRQ from {} was refused: {doubt}", origin.from);
            let news = News { state: "refused", reason: Reason::from(&doubt), sentence };
            cx.refusal(news.of_stranger(origin.from));
            return Some(reject(request, LocationRejectReason::securityDenial(())));
        }
        Err(None) => {
            cx.core.counters.unbelieved += 1;
            return Some(reject(request, LocationRejectReason::invalidPermission(())));
        }
    };
    if let Some(known) = zone.and_then(|id| cx.core.zones.get(id)) {
        let forwarded = request
            .gatekeeper_identifier
            .as_ref()
            .is_none_or(|told| pinhole_h323::id::GatekeeperId::from(told).0 != known.identifier());
        let accepts =
            known.config.accept_forwarded.unwrap_or(cx.core.settings.zones.accept_forwarded);
        if forwarded && !accepts {
            return Some(reject(request, LocationRejectReason::invalidPermission(())));
        }
    }
    let mut aliases: Vec<Alias> = Alias::read_all(&request.destination_info);
    if let Some(known) = zone.and_then(|id| cx.core.zones.get(id)) {
        aliases = route::accepted(&known.config, aliases);
        if aliases.is_empty() {
            return Some(reject(request, LocationRejectReason::invalidPermission(())));
        }
    }
    // Such questions are about nobody; others are not bothered with them.
    let ping = Alias::from_text(&cx.core.settings.zones.ping_alias);
    let pinged = aliases.contains(&ping);
    let here = resolve(cx.core, aliases.iter().cloned(), None);
    let sure = is_here(cx.core, &aliases, None);
    if !sure
        && !pinged
        && let Some(answer) = pass_on(cx, origin, zone, request, aliases)
    {
        return Some(answer);
    }
    let here = here.filter(|here| matches!(here, Destination::Endpoint(_)));
    Some(match (zone, here) {
        (_, None) => reject(request, LocationRejectReason::notRegistered(())),
        (Some(zone), here) => located(cx, origin, zone, request, here),
        (None, Some(_)) => confirm(cx, origin, request),
    })
}

/// Asks other neighbours, if that is wanted and there is one to ask.
fn pass_on(
    cx: &mut Cx<'_>,
    origin: Origin,
    zone: Option<ZoneId>,
    request: &LocationRequest,
    aliases: Vec<Alias>,
) -> Option<RasMessage> {
    let call = request.call_identifier.as_ref().map(CallId::from)?;
    let id = zone?;
    let known = cx.core.zones.get(id)?;
    let wish = known.config.forward.unwrap_or(cx.core.settings.zones.forward);
    let lives = request.hop_count.is_none_or(|count| count > 1);
    let wanted = match wish {
        Forward::Always => lives,
        Forward::Never => false,
        Forward::Depends => lives && (request.hop_count.is_some() || known.is_client()),
    };
    // It has come back, or around: who looked for it first is still looking, or has found.
    let loops = cx.core.zones.sought.get(&call).is_some_and(|first| *first != Some(id));
    if !wanted || loops {
        return None;
    }
    let source = Alias::read_all(request.source_info.iter().flatten());
    let wanted = Wanted { aliases, call, source, hop_count: request.hop_count, tried: Vec::new() };
    let asker = Asker::Location(origin, id, Box::new(request.clone()));
    locate::ask(cx, asker, wanted).ok()?;
    Some(in_progress(cx, request.request_seq_num.0))
}

/// RIP: the neighbours need their time.
pub(crate) fn in_progress(cx: &Cx<'_>, seq: u16) -> RasMessage {
    let zones = &cx.core.settings.zones;
    let most = (zones.timeout * zones.tries * 2).as_millis().clamp(1000, 20_000);
    RasMessage::requestInProgress(Box::new(RequestInProgress {
        request_seq_num: pinhole_h323::asn::h225::RequestSeqNum(seq),
        delay: u16::try_from(most).unwrap_or(u16::MAX),
        ..Default::default()
    }))
}

/// Who asks: a neighbour, or with `AcceptNonNeighborLRQ` anybody.
fn who(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &LocationRequest,
) -> Result<Option<ZoneId>, Option<Doubt>> {
    let time = cx.core.unix(cx.now);
    let grace_s = cx.core.settings.zones.grace_s;
    let proof = token::find(request.crypto_tokens.as_ref());
    let Some(id) = cx.core.zones.from(origin.from, proof.as_ref()) else {
        return if cx.core.settings.zones.accept_strangers { Ok(None) } else { Err(None) };
    };
    let Some(zone) = cx.core.zones.get(id) else { return Err(None) };
    let Some(secret) = zone.password() else { return Ok(Some(id)) };
    let proof = proof.ok_or(Some(Doubt::Missing))?;
    if proof.name != zone.auth_user() {
        return Err(Some(Doubt::UnknownName(proof.name)));
    }
    proof.check(secret, time, grace_s).map_err(Some)?;
    // From where it is known to be, an old proof does no harm, and its clock may have been set.
    let here = zone.address() == Some(origin.from);
    let used = match &zone.role {
        // Others may come from its address: of a client, nothing that was seen anywhere counts from another port.
        Role::Client(watch) => proof.time <= watch.newest(),
        Role::Server(_) | Role::Plain => proof.time.saturating_add(REORDERED_S) < zone.last_proof,
    };
    if !here && used {
        return Err(Some(Doubt::Replayed));
    }
    let time = proof.time;
    if let Some(zone) = cx.core.zones.get_mut(id) {
        zone.last_proof = zone.last_proof.max(time);
        if let Role::Client(watch) = &mut zone.role {
            watch.note(origin.from, time);
        }
    }
    Ok(Some(id))
}

/// The answer once it is known where the call goes: the neighbour can make it.
pub(super) fn located(
    cx: &mut Cx<'_>,
    origin: Origin,
    zone: ZoneId,
    request: &LocationRequest,
    found: Option<Destination>,
) -> RasMessage {
    let Some(destination) = found.or_else(|| here(cx, zone, request)) else {
        return reject(request, LocationRejectReason::notRegistered(()));
    };
    if let Some(call) = request.call_identifier.as_ref().map(CallId::from) {
        let now = cx.now;
        cx.core.zones.grant(now, call, zone, destination);
    }
    confirm(cx, origin, request)
}

/// Where the call goes when no other neighbour knows: to a gateway that says itself that it has the number's prefix.
fn here(cx: &Cx<'_>, zone: ZoneId, request: &LocationRequest) -> Option<Destination> {
    let known = cx.core.zones.get(zone)?;
    let aliases = route::accepted(&known.config, Alias::read_all(&request.destination_info));
    let here = resolve(cx.core, aliases.into_iter(), None)?;
    matches!(here, Destination::Endpoint(_)).then_some(here)
}

fn confirm(cx: &Cx<'_>, origin: Origin, request: &LocationRequest) -> RasMessage {
    let peer = origin.from.ip();
    let ras = SocketAddr::new(origin.local, cx.core.settings.ras_port);
    RasMessage::locationConfirm(Box::new(LocationConfirm {
        request_seq_num: request.request_seq_num.clone(),
        call_signal_address: to_h225(cx.core.signalling_at(origin.local, peer)),
        ras_address: to_h225(cx.core.told(ras, peer)),
        ..Default::default()
    }))
}

fn reject(request: &LocationRequest, reject_reason: LocationRejectReason) -> RasMessage {
    RasMessage::locationReject(Box::new(LocationReject {
        request_seq_num: request.request_seq_num.clone(),
        reject_reason,
        ..Default::default()
    }))
}
