//! RAI: a gateway says whether it can take more calls.

use pinhole_h323::asn::h225::{RasMessage, ResourcesAvailableConfirm, ResourcesAvailableIndicate};

use super::Origin;
use crate::node::Cx;

/// Answers a ResourcesAvailableIndicate (H.225.0 §7.16). There is no reject for one that is not registered.
pub(super) fn answer(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &ResourcesAvailableIndicate,
) -> Option<RasMessage> {
    let id = cx.heard(&request.endpoint_identifier, origin.from)?;
    cx.core.registrations.is_busy(&id, request.almost_out_of_resources);
    Some(RasMessage::resourcesAvailableConfirm(Box::new(ResourcesAvailableConfirm {
        request_seq_num: request.request_seq_num.clone(),
        protocol_identifier: pinhole_h323::version::h225(),
        ..Default::default()
    })))
}
