//! DRQ: an endpoint says that a call is over for it.

use pinhole_h323::asn::h225::{
    CallReferenceValue, CallTerminationCause, ConferenceIdentifier, DisengageConfirm,
    DisengageReason, DisengageReject, DisengageRejectReason, DisengageRequest, RasMessage,
    RequestSeqNum,
};
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::id::{CallId, Crv, EndpointId};
use pinhole_h323::q931::cause_value;

use super::Origin;
use crate::call::Calls;
use crate::node::Cx;

/// A call that is over for an endpoint.
#[derive(Debug)]
pub(crate) struct Over {
    pub(crate) call: CallId,
    pub(crate) crv: Crv,
    pub(crate) conference: ConferenceIdentifier,
    /// True for the called party.
    pub(crate) answered: bool,
}

/// The bit of a call reference that the called party's RAS has set (H.225.0 §7.11).
const CALLED: u16 = 0x8000;

/// Tells an endpoint that a call of it is over, when its signalling connection cannot.
pub(crate) fn order(cx: &mut Cx<'_>, endpoint: &EndpointId, over: Over) {
    let registration = cx.core.registrations.get(endpoint);
    let Some((socket, to)) = registration.map(|known| (known.socket, known.ras)) else { return };
    let bit = if over.answered { CALLED } else { 0 };
    let request = DisengageRequest {
        request_seq_num: RequestSeqNum(cx.core.next_seq()),
        endpoint_identifier: endpoint.into(),
        conference_id: over.conference,
        call_reference_value: CallReferenceValue(over.crv.value() | bit),
        disengage_reason: DisengageReason::forcedDrop(()),
        call_identifier: Some(over.call.into()),
        answered_call: Some(over.answered),
        ..Default::default()
    };
    super::send(cx, socket, to, RasMessage::disengageRequest(Box::new(request)));
}

/// The call that a DisengageRequest names: before version 2 of H.225.0 by its conference and call reference only.
fn named(calls: &Calls, endpoint: &EndpointId, request: &DisengageRequest) -> Option<CallId> {
    if let Some(call) = &request.call_identifier {
        return Some(CallId::from(call));
    }
    let reference = request.call_reference_value.0;
    let answered = request.answered_call.unwrap_or(reference & CALLED != 0);
    calls.referenced(endpoint, Crv::new(reference), answered, &request.conference_id)
}

/// Why the call is over, if the endpoint says so (H.225.0 §7.11.1, terminationCause).
fn told(request: &DisengageRequest) -> Option<(Release, Cause)> {
    let release = match request.termination_cause.as_ref()? {
        CallTerminationCause::releaseCompleteReason(reason) => Release::from(&**reason),
        CallTerminationCause::releaseCompleteCauseIE(content) => {
            let cause = Cause::new(cause_value(content)?);
            return Some((cause.into(), cause));
        }
        _ => return None,
    };
    Some((release, release.cause()))
}

/// Answers a DisengageRequest. A call that still runs ends with it, but only one that the endpoint is a party of.
pub(super) fn answer(
    cx: &mut Cx<'_>,
    calls: &mut Calls,
    origin: Origin,
    request: &DisengageRequest,
) -> RasMessage {
    let seq = request.request_seq_num.clone();
    let reject = |reject_reason| {
        RasMessage::disengageReject(Box::new(DisengageReject {
            request_seq_num: request.request_seq_num.clone(),
            reject_reason,
            ..Default::default()
        }))
    };
    let Some(id) = cx.heard(&request.endpoint_identifier, origin.from) else {
        return reject(DisengageRejectReason::notRegistered(()));
    };
    if let Some(call) = named(calls, &id, request) {
        if calls.is_party(call, &id) == Some(false) {
            return reject(DisengageRejectReason::requestToDropOther(()));
        }
        super::admission::withdrawn(cx, call, &id);
        cx.core.bandwidth.give_back_part(call, id.clone());
        calls.disengaged(cx, call, &id, told(request));
    }
    RasMessage::disengageConfirm(Box::new(DisengageConfirm {
        request_seq_num: seq,
        ..Default::default()
    }))
}
