//! DRQ: an endpoint says that a call is over for it.

use pinhole_h323::asn::h225::{
    DisengageConfirm, DisengageReject, DisengageRejectReason, DisengageRequest, RasMessage,
};
use pinhole_h323::id::CallId;

use super::Origin;
use crate::call::Calls;
use crate::node::Cx;

/// Answers a DisengageRequest. A call that still runs ends with it, but only one that the endpoint is a party of.
pub(super) fn answer(
    cx: &mut Cx<'_>,
    calls: &mut Calls,
    origin: Origin,
    request: &DisengageRequest,
) -> RasMessage {
    let seq = request.request_seq_num.clone();
    let Some(id) = cx.registered(&request.endpoint_identifier, origin.from) else {
        return RasMessage::disengageReject(Box::new(DisengageReject {
            request_seq_num: seq,
            reject_reason: DisengageRejectReason::notRegistered(()),
            ..Default::default()
        }));
    };
    if let Some(call) = &request.call_identifier {
        calls.disengaged(cx, CallId::from(call), &id);
    }
    RasMessage::disengageConfirm(Box::new(DisengageConfirm {
        request_seq_num: seq,
        ..Default::default()
    }))
}
