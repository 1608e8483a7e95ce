//! URQ: endpoints go, and are told to.

use std::net::SocketAddr;

use pinhole_h323::address;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    RasMessage, RequestSeqNum, UnregRejectReason, UnregRequestReason, UnregistrationConfirm,
    UnregistrationReject, UnregistrationRequest,
};
use pinhole_h323::id::EndpointId;

use super::Origin;
use super::endpoint::Registration;
use crate::call::Calls;
use crate::event::Event;
use crate::node::{Cx, Timer};

/// The gatekeeper ends: every endpoint is told.
pub(crate) fn all(cx: &mut Cx<'_>) {
    for gone in cx.core.registrations.drain() {
        cx.stop(&Timer::Registration(gone.id.clone()));
        urge(cx, &gone, UnregRequestReason::maintenance(()));
    }
}

/// A registration is no more: nothing of it stays.
pub(super) fn forgotten(cx: &mut Cx<'_>, gone: &Registration) {
    cx.stop(&Timer::Registration(gone.id.clone()));
    cx.core.bandwidth.forget(&gone.id);
    cx.core.repeats.forget(gone.source.ip());
}

/// Another registration took the place of one. An endpoint elsewhere is told; of one at the same address the one that
/// registered is what has become.
pub(super) fn replaced(cx: &mut Cx<'_>, gone: &Registration, origin: Origin) {
    forgotten(cx, gone);
    if !gone.is_from(origin.from) {
        urge(cx, gone, UnregRequestReason::undefinedReason(()));
        let sentence =
            format!("{} was replaced by an endpoint at {}", gone.name(), origin.from.ip());
        let event = Event::Unregistered { alias: gone.name(), sentence };
        cx.came_or_went(gone.source.ip(), event);
    }
}

/// Tells an endpoint that it is no longer registered. One that the configuration registered does not speak RAS.
pub(super) fn urge(cx: &mut Cx<'_>, gone: &Registration, reason: UnregRequestReason) {
    if gone.permanent {
        return;
    }
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

/// Answers an UnregistrationRequest: only the endpoint itself can leave. Its calls end with its registration.
pub(super) fn answer(
    cx: &mut Cx<'_>,
    calls: &Calls,
    origin: Origin,
    request: &UnregistrationRequest,
) -> RasMessage {
    let seq = request.request_seq_num.clone();
    match leave(cx, origin, request) {
        Ok(gone) => {
            if let Some(gone) = gone {
                calls.unregistered(cx, &gone);
            }
            RasMessage::unregistrationConfirm(Box::new(UnregistrationConfirm {
                request_seq_num: seq,
                ..Default::default()
            }))
        }
        Err(reject_reason) => RasMessage::unregistrationReject(Box::new(UnregistrationReject {
            request_seq_num: seq,
            reject_reason,
            ..Default::default()
        })),
    }
}

/// The endpoint that is no longer registered; none when it only gave some of its aliases up.
fn leave(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &UnregistrationRequest,
) -> Result<Option<EndpointId>, UnregRejectReason> {
    let id = request.endpoint_identifier.as_ref().map(EndpointId::from).or_else(|| {
        let told: SocketAddr = request.call_signal_address.iter().find_map(address::from_h225)?;
        cx.core.registrations.at(told).map(|registration| registration.id.clone())
    });
    let known = id.as_ref().and_then(|id| cx.core.registrations.get(id));
    let known = known.filter(|known| known.speaks_from(origin.from));
    let Some(known) = known else {
        return Err(UnregRejectReason::notCurrentlyRegistered(()));
    };
    if known.permanent {
        return Err(UnregRejectReason::permissionDenied(()));
    }
    let id = known.id.clone();
    // Who added aliases one by one takes them away so. Others name theirs only to say who they are.
    let named = Alias::read_all(request.endpoint_alias.iter().flatten());
    if known.additive && !named.is_empty() && known.aliases.iter().any(|own| !named.contains(own)) {
        cx.core.registrations.rename(&id, cx.now, |known| {
            known.aliases.retain(|own| !named.contains(own));
        });
        return Ok(None);
    }
    let Some(gone) = cx.core.registrations.leave(&id, cx.now) else {
        return Err(UnregRejectReason::notCurrentlyRegistered(()));
    };
    forgotten(cx, &gone);
    let sentence = format!("{} unregistered", gone.name());
    let event = Event::Unregistered { alias: gone.name(), sentence };
    cx.came_or_went(gone.source.ip(), event);
    Ok(Some(id))
}
