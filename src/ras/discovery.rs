//! GRQ: a gatekeeper is looked for.

use std::net::SocketAddr;

use pinhole_h323::asn::h225::{
    GatekeeperConfirm, GatekeeperReject, GatekeeperRejectReason, GatekeeperRequest, RasMessage,
};
use pinhole_h323::{address, version};

use super::socket::Socket;
use super::{Origin, feature};
use crate::node::Cx;

/// Answers a GatekeeperRequest. One that wants another gatekeeper is rejected, if it was sent to us and not to a group,
/// in which the one that it wants may be (H.225.0 §7.8).
pub(super) fn answer(
    cx: &Cx<'_>,
    origin: Origin,
    request: &GatekeeperRequest,
) -> Option<RasMessage> {
    let settings = &cx.core.settings;
    let seq = request.request_seq_num.clone();
    let name = cx.gatekeeper_identifier();
    if request.gatekeeper_identifier.as_ref().is_some_and(|wanted| *wanted != name) {
        let alone = !matches!(origin.arrived, Socket::Group(_));
        return alone.then(|| {
            RasMessage::gatekeeperReject(Box::new(GatekeeperReject {
                request_seq_num: seq,
                protocol_identifier: version::h225(),
                gatekeeper_identifier: Some(name),
                reject_reason: GatekeeperRejectReason::terminalExcluded(()),
                ..Default::default()
            }))
        });
    }
    let ras = SocketAddr::new(origin.local, settings.ras_port);
    let ras = cx.core.told(ras, origin.from.ip());
    let mut confirm = GatekeeperConfirm {
        request_seq_num: seq,
        protocol_identifier: version::h225(),
        gatekeeper_identifier: Some(name),
        ras_address: address::to_h225(ras),
        ..Default::default()
    };
    if settings.traversal.is_some() && feature::asked(request.feature_set.as_ref(), 18) {
        feature::grant(&mut confirm.feature_set, 18);
    }
    Some(RasMessage::gatekeeperConfirm(Box::new(confirm)))
}
