//! SCI and SCR: H.460.18 announces calls to endpoints behind NATs with them.

use std::net::SocketAddr;

use pinhole_h323::asn::h225::{
    RasMessage, ServiceControlIndication, ServiceControlResponse, ServiceControlResponseResult,
};
use pinhole_h323::h46018;
use pinhole_h323::id::{CallId, Seq};

use crate::event::Event;
use crate::node::Cx;

/// Sends the announcement of a call to a client (H.460.18 §5: ServiceControlIndication with
/// IncomingCallIndication), naming the address the client must connect to.
pub(crate) fn announce(cx: &mut Cx<'_>, call: CallId, seq: u16, client: SocketAddr) {
    let registration = cx.core.registrations.by_ras(client);
    let Some((socket, local)) = registration.map(|r| (r.socket, r.local)) else { return };
    let signalling = cx.core.signalling_at(local);
    let incoming = h46018::IncomingCall { address: signalling, call_id: call };
    let Ok(announcement) = incoming.announce(Seq::new(seq)) else { return };
    super::send(cx, socket, client, announcement.into_message());
    let callid = call.to_string();
    cx.event(Event::Pinhole { callid, step: "announced", peer: client });
}

/// Answers a ServiceControlIndication: nobody has a service of ours to control.
pub(super) fn refuse(request: &ServiceControlIndication) -> RasMessage {
    RasMessage::serviceControlResponse(Box::new(ServiceControlResponse {
        request_seq_num: request.request_seq_num.clone(),
        result: Some(ServiceControlResponseResult::failed(())),
        ..Default::default()
    }))
}
