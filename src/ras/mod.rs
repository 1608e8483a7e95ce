//! The gatekeeper's RAS: one file per pair of request and answer. Each handler takes a request and returns the answer,
//! if there is one; nobody but this file sends answers.

mod account;
mod additive;
pub(crate) mod admission;
mod alternate;
pub(crate) mod bandwidth;
mod crowd;
pub(crate) mod destination;
pub(crate) mod discovery;
pub(crate) mod disengage;
pub(crate) mod endpoint;
mod feature;
mod given_up;
mod identity;
pub(crate) mod lifetime;
pub(crate) mod load;
mod matching;
mod particular;
mod past;
pub(crate) mod permanent;
mod prefix;
mod registration;
pub(crate) mod repeat;
mod resources;
pub(crate) mod service;
mod settings;
pub(crate) mod socket;
pub(crate) mod table;
pub(crate) mod unregistration;
mod usage;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinhole_h323::asn::h225::{RasMessage, RequestSeqNum, UnknownMessageResponse};
use pinhole_h323::error::Malformed;
use pinhole_h323::id::Seq;
use pinhole_h323::ras::Ras;
use tracing::trace;

use crate::call::Calls;
use crate::face::{Output, SocketId};
use crate::node::Cx;
use crate::zone::{self, Reply};
pub use matching::Matching;
pub use particular::{Particular, Particulars};
pub use settings::{Bandwidth, RasSettings, Turns};
use socket::Socket;

/// Where a request came from and in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The source of the datagram.
    pub(crate) from: SocketAddr,
    /// The socket from which it is answered.
    pub(crate) socket: SocketId,
    /// The socket it came in on.
    pub(crate) arrived: Socket,
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
    let arrived = Socket::from(socket);
    if let Socket::Spare(zone) = arrived {
        return zone::tried(cx, zone, from, bytes);
    }
    let Some(local) = cx.core.local_of(arrived) else { return };
    if !cx.may_ask(calls, from.ip()) {
        cx.core.counters.throttled += 1;
        return;
    }
    let origin = Origin { from, socket: arrived.answers(), arrived, local };
    if bytes.len() > cx.core.settings.limits.message {
        return cx.malformed(from, "ras", Malformed::Oversize);
    }
    match Ras::decode(bytes) {
        Ok(ras) => {
            trace!(%from, message = ras.name(), "received");
            // Where gatekeepers are looked for, nothing else is done.
            let searches = matches!(ras.message(), RasMessage::gatekeeperRequest(_));
            if !searches && !matches!(arrived, Socket::Ras(_)) {
                return;
            }
            let seq = ras.seq().map_or(0, Seq::value);
            if let Socket::Group(at) = arrived
                && cx.core.sought.elsewhere(cx.now, from, seq, at)
            {
                return;
            }
            take(cx, calls, origin, &ras, bytes);
        }
        Err(malformed) => {
            cx.malformed(from, "ras", malformed);
        }
    }
}

/// Takes a message, unless it was answered already, or has to wait.
fn take(cx: &mut Cx<'_>, calls: &mut Calls, origin: Origin, ras: &Ras, bytes: &[u8]) {
    let seq = ras.seq().map_or(0, Seq::value);
    if let Some(bytes) = cx.core.repeats.find(cx.now, origin.from, seq, bytes) {
        cx.core.counters.repeated_ras += 1;
        let Origin { from: to, socket, .. } = origin;
        cx.core.out.push(Output::Datagram { socket, to, bytes });
        return;
    }
    match load::check(cx, origin, ras, bytes) {
        Ok(()) => serve(cx, calls, origin, ras, bytes),
        Err(Some(answer)) => reply(cx, origin, answer),
        Err(None) => cx.core.counters.refused_ras += 1,
    }
}

/// Does what a message wants, and answers it.
fn serve(cx: &mut Cx<'_>, calls: &mut Calls, origin: Origin, ras: &Ras, bytes: &[u8]) {
    let Some(answer) = handle(cx, calls, origin, ras, bytes) else { return };
    if repeat::is_kept(&answer)
        && let (Some(seq), Ok(octets)) = (ras.seq(), Ras::new(answer.clone()).encode())
    {
        cx.core.repeats.keep(cx.now, origin.from, seq.value(), bytes, &octets);
    }
    reply(cx, origin, answer);
}

fn reply(cx: &mut Cx<'_>, origin: Origin, answer: RasMessage) {
    let is_nak = matches!(answer, RasMessage::infoRequestNak(_));
    let answer = Ras::new(answer);
    if is_nak || answer.reject().is_some() {
        cx.core.counters.refused_ras += 1;
    }
    send(cx, origin.socket, origin.from, answer.into_message());
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
    if let Some(answer) = alternate::elsewhere(cx, calls, origin, ras.message()) {
        return Some(answer);
    }
    match ras.message() {
        RasMessage::gatekeeperRequest(request) => discovery::answer(cx, origin, request),
        RasMessage::registrationRequest(request) => Some(registration::answer(cx, origin, request)),
        RasMessage::unregistrationRequest(request) => {
            Some(unregistration::answer(cx, calls, origin, request))
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
            Some(bandwidth::answer(cx, calls, origin, request))
        }
        RasMessage::locationRequest(request) => zone::lrq(cx, origin, request),
        RasMessage::locationConfirm(confirm) => {
            let seq = confirm.request_seq_num.0;
            if !zone::pinged(cx, origin.from, seq) {
                zone::answered(cx, calls, origin.from, seq, zone::reply(confirm));
            }
            None
        }
        RasMessage::locationReject(reject) => {
            let seq = reject.request_seq_num.0;
            if !zone::pinged(cx, origin.from, seq) {
                zone::answered(cx, calls, origin.from, seq, Reply::Unknown);
            }
            None
        }
        RasMessage::requestInProgress(wait) => {
            let delay = Duration::from_millis(wait.delay.into());
            let seq = wait.request_seq_num.0;
            zone::answered(cx, calls, origin.from, seq, Reply::Wait(delay));
            None
        }
        RasMessage::infoRequestResponse(response) => lifetime::response(cx, origin, response),
        RasMessage::resourcesAvailableIndicate(request) => resources::answer(cx, origin, request),
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
