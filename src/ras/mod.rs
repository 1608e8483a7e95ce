//! The gatekeeper's RAS: one file per pair of request and answer. Each handler takes a request and returns the answer,
//! if there is one; nobody but this file sends answers.

pub(crate) mod admission;
mod discovery;
pub(crate) mod disengage;
mod feature;
pub(crate) mod registration;
pub(crate) mod service;
pub(crate) mod table;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinhole_h323::asn::h225::{
    BandRejectReason, BandwidthConfirm, BandwidthReject, InfoRequestAck, RasMessage, RequestSeqNum,
    ResourcesAvailableConfirm, UnknownMessageResponse,
};
use pinhole_h323::error::Malformed;
use pinhole_h323::id::Seq;
use pinhole_h323::ras::Ras;
use tracing::trace;

use crate::call::Calls;
use crate::face::{Output, SocketId};
use crate::node::Cx;
use crate::zone::{self, Reply};

/// Where a request came from and in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The source of the datagram.
    pub(crate) from: SocketAddr,
    /// The socket it came in on.
    pub(crate) socket: SocketId,
    /// The local address of that socket.
    pub(crate) local: IpAddr,
}

/// Takes a datagram of the RAS port.
pub(crate) fn receive(
    cx: &mut Cx<'_>,
    calls: &mut Calls,
    socket: SocketId,
    from: SocketAddr,
    bytes: &[u8],
) {
    let Some(local) = cx.core.local_of(socket) else { return };
    if !cx.core.ras_limit.allow(cx.now, from.ip()) {
        cx.core.counters.throttled += 1;
        return;
    }
    let origin = Origin { from, socket, local };
    if bytes.len() > cx.core.settings.limits.message {
        return cx.malformed(from, "ras", Malformed::Oversize);
    }
    match Ras::decode(bytes) {
        Ok(ras) => {
            trace!(%from, message = ras.name(), "received");
            let answer = handle(cx, calls, origin, &ras, bytes);
            if let Some(answer) = answer {
                send(cx, socket, from, answer);
            }
        }
        Err(malformed) => {
            cx.malformed(from, "ras", malformed);
        }
    }
}

/// Sends a RAS message.
pub(crate) fn send(cx: &mut Cx<'_>, socket: SocketId, to: SocketAddr, message: RasMessage) {
    let ras = Ras::new(message);
    if let Ok(bytes) = ras.encode() {
        trace!(%to, message = ras.name(), "sent");
        cx.core.out.push(Output::Datagram { socket, to, bytes });
    }
}

fn handle(
    cx: &mut Cx<'_>,
    calls: &mut Calls,
    origin: Origin,
    ras: &Ras,
    bytes: &[u8],
) -> Option<RasMessage> {
    match ras.message() {
        RasMessage::gatekeeperRequest(request) => discovery::answer(cx, origin, request),
        RasMessage::registrationRequest(request) => Some(registration::answer(cx, origin, request)),
        RasMessage::unregistrationRequest(request) => {
            Some(registration::unregister(cx, origin, request))
        }
        RasMessage::admissionRequest(request) => {
            let asked = admission::elsewhere(cx, origin, request);
            asked.or_else(|| Some(admission::answer(cx, calls, origin, request)))
        }
        RasMessage::disengageRequest(request) => {
            Some(disengage::answer(cx, calls, origin, request))
        }
        RasMessage::serviceControlIndication(request) => zone::sci(cx, calls, origin, ras, request),
        RasMessage::serviceControlResponse(response) => {
            cx.core.pinholes.answered(origin.from, response.request_seq_num.0);
            zone::scr(cx, origin, ras, response);
            None
        }
        RasMessage::bandwidthRequest(request) => {
            let seq = &request.request_seq_num;
            Some(match cx.registered(&request.endpoint_identifier, origin.from) {
                Some(_) => RasMessage::bandwidthConfirm(Box::new(BandwidthConfirm {
                    request_seq_num: seq.clone(),
                    band_width: request.band_width.clone(),
                    ..Default::default()
                })),
                None => RasMessage::bandwidthReject(Box::new(BandwidthReject {
                    request_seq_num: seq.clone(),
                    reject_reason: BandRejectReason::notBound(()),
                    ..Default::default()
                })),
            })
        }
        RasMessage::locationRequest(request) => zone::lrq(cx, origin, request),
        RasMessage::locationConfirm(confirm) => {
            let reply = zone::told(&confirm.call_signal_address).map(Reply::There);
            let seq = confirm.request_seq_num.0;
            zone::answered(cx, calls, origin.from, seq, reply.unwrap_or(Reply::Unknown));
            None
        }
        RasMessage::locationReject(reject) => {
            let seq = reject.request_seq_num.0;
            zone::answered(cx, calls, origin.from, seq, Reply::Unknown);
            None
        }
        RasMessage::requestInProgress(wait) => {
            let delay = Duration::from_millis(wait.delay.into());
            let seq = wait.request_seq_num.0;
            zone::answered(cx, calls, origin.from, seq, Reply::Wait(delay));
            None
        }
        RasMessage::infoRequestResponse(response) => {
            if let Some(id) = cx.registered(&response.endpoint_identifier, origin.from) {
                registration::alive(cx, origin, &id);
            }
            (response.need_response == Some(true)).then(|| {
                RasMessage::infoRequestAck(Box::new(InfoRequestAck {
                    request_seq_num: response.request_seq_num.clone(),
                    ..Default::default()
                }))
            })
        }
        RasMessage::resourcesAvailableIndicate(request) => {
            Some(RasMessage::resourcesAvailableConfirm(Box::new(ResourcesAvailableConfirm {
                request_seq_num: request.request_seq_num.clone(),
                protocol_identifier: pinhole_h323::version::h225(),
                ..Default::default()
            })))
        }
        _ if is_answer(ras.message()) => None,
        _ => Some(not_understood(ras.seq().map_or(1, Seq::value), bytes)),
    }
}

/// True for what is itself an answer, and so is never answered: two gatekeepers would never stop.
const fn is_answer(message: &RasMessage) -> bool {
    !matches!(
        message,
        RasMessage::infoRequest(_)
            | RasMessage::nonStandardMessage(_)
            | RasMessage::UnknownAlternative(_)
    )
}

/// H.225.0 §7.15: a message that is not understood is given back.
fn not_understood(seq: u16, bytes: &[u8]) -> RasMessage {
    RasMessage::unknownMessageResponse(Box::new(UnknownMessageResponse {
        request_seq_num: RequestSeqNum(seq.max(1)),
        message_not_understood: Some(bytes.to_vec().into()),
        ..Default::default()
    }))
}
