//! Other gatekeepers: endpoints are told of them, and sent there when there are too many here, or as the operator wants it
//! (H.225.0 alternateGatekeeper, altGKInfo).

use pinhole_h323::address;
use pinhole_h323::asn::h225::{
    AdmissionReject, AdmissionRejectReason, AltGKInfo, AlternateGK, GatekeeperReject,
    GatekeeperRejectReason, RasMessage, RegistrationReject, RegistrationRejectReason,
    RegistrationRequest,
};
use pinhole_h323::id::{EndpointId, GatekeeperId};
use pinhole_h323::version;

use super::Origin;
use crate::call::Calls;
use crate::node::{Core, Cx};

/// The other gatekeepers, if there are any, as a confirm tells of them.
pub(super) fn told(core: &Core) -> Option<Vec<AlternateGK>> {
    let all = core.settings.ras.alternates.iter().map(|one| AlternateGK {
        ras_address: address::to_h225(one.at),
        gatekeeper_identifier: one.name.as_ref().map(|name| (&GatekeeperId(name.clone())).into()),
        need_to_register: one.register,
        priority: one.priority,
        ..Default::default()
    });
    Some(all.collect::<Vec<_>>()).filter(|all| !all.is_empty())
}

/// The answer to a request whose sender is to turn to another gatekeeper; nothing if it may stay.
pub(super) fn elsewhere(
    cx: &Cx<'_>,
    calls: &Calls,
    origin: Origin,
    message: &RasMessage,
) -> Option<RasMessage> {
    let redirect = cx.core.settings.ras.redirect;
    let full = |most: Option<u32>, now: usize| {
        most.is_some_and(|most| now >= usize::try_from(most).unwrap_or(usize::MAX))
    };
    let always = redirect.always.is_some();
    let sent_away = match message {
        RasMessage::gatekeeperRequest(_) => always,
        RasMessage::registrationRequest(request) => {
            let crowded = full(redirect.endpoints, cx.core.registrations.len());
            always || (crowded && is_new(cx, origin, request))
        }
        // A call that there is can be answered.
        RasMessage::admissionRequest(request) => {
            !request.answer_call && (always || full(redirect.calls, calls.len()))
        }
        _ => false,
    };
    let alternate_gatekeeper = told(cx.core).filter(|_| sent_away)?;
    let alt_gkis_permanent = redirect.always == Some(true);
    let info = Some(AltGKInfo { alternate_gatekeeper, alt_gkis_permanent, ..Default::default() });
    let gatekeeper_identifier = Some(cx.gatekeeper_identifier());
    Some(match message {
        RasMessage::gatekeeperRequest(request) => {
            RasMessage::gatekeeperReject(Box::new(GatekeeperReject {
                request_seq_num: request.request_seq_num.clone(),
                protocol_identifier: version::h225(),
                gatekeeper_identifier,
                reject_reason: GatekeeperRejectReason::resourceUnavailable(()),
                alt_gkinfo: info,
                ..Default::default()
            }))
        }
        RasMessage::registrationRequest(request) => {
            RasMessage::registrationReject(Box::new(RegistrationReject {
                request_seq_num: request.request_seq_num.clone(),
                protocol_identifier: version::h225(),
                gatekeeper_identifier,
                reject_reason: RegistrationRejectReason::resourceUnavailable(()),
                alt_gkinfo: info,
                ..Default::default()
            }))
        }
        RasMessage::admissionRequest(request) => {
            RasMessage::admissionReject(Box::new(AdmissionReject {
                request_seq_num: request.request_seq_num.clone(),
                reject_reason: AdmissionRejectReason::resourceUnavailable(()),
                alt_gkinfo: info,
                ..Default::default()
            }))
        }
        _ => return None,
    })
}

/// True for a registration of somebody who is not registered.
fn is_new(cx: &Cx<'_>, origin: Origin, request: &RegistrationRequest) -> bool {
    let id = request.endpoint_identifier.as_ref().map(EndpointId::from);
    let known = id.and_then(|id| cx.core.registrations.get(&id));
    let alias = request.terminal_alias.iter().flatten().find_map(pinhole_h323::alias::Alias::read);
    let named = alias.and_then(|alias| cx.core.registrations.find(&alias));
    !known.into_iter().chain(named).any(|known| known.is_from(origin.from))
}
