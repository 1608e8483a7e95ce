//! SCI: H.460.18 announces calls to endpoints behind NATs with it.

use pinhole_h323::h46018;
use pinhole_h323::id::{CallId, EndpointId, Seq};

use crate::event::Event;
use crate::node::Cx;

/// Sends the announcement of a call to a client (H.460.18 §5: ServiceControlIndication with
/// IncomingCallIndication), naming the address the client must connect to.
///
/// The pinhole may have moved since the call was placed: the registration knows where it is.
pub(crate) fn announce(cx: &mut Cx<'_>, call: CallId, seq: u16, endpoint: &EndpointId) {
    let registration = cx.core.registrations.get(endpoint);
    let Some((socket, local, client)) = registration.map(|r| (r.socket, r.local, r.ras)) else {
        return;
    };
    let signalling = cx.core.signalling_at(local, client.ip());
    let incoming = h46018::IncomingCall { address: signalling, call_id: call };
    let Ok(announcement) = incoming.announce(Seq::new(seq)) else { return };
    super::send(cx, socket, client, announcement.into_message());
    let callid = call.to_string();
    cx.event(Event::Pinhole { callid, step: "announced", peer: client });
}
