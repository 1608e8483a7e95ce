//! H.245 between two legs: every message passes, and what speaks of addresses is edited. Knows legs and sessions;
//! which connection carries a message is `call`'s affair.

mod channels;
mod codec;
mod data;
pub(crate) mod fast;
mod information;
mod keys;
mod modes;
mod overload;
mod punch;
mod refusal;
mod relayable;
pub(crate) mod restricted;
mod secure;
mod session;

use pinhole_h323::asn::h245::{
    FunctionNotUnderstood, IndicationMessage as Indication,
    MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response,
};
use pinhole_h323::control::Control;
use pinhole_h323::h46018;

use tracing::trace;

use crate::call::{Call, Index};
use crate::face::Side;
use crate::node::{Cx, Mode};
pub(crate) use data::DataChannels;
pub(crate) use keys::{renew, worn};
pub(crate) use secure::receive;
pub(crate) use session::Sessions;

/// What becomes of an H.245 message.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What the other party gets.
    pub(crate) forward: Option<Vec<u8>>,
    /// What the sender gets.
    pub(crate) reply: Option<Vec<u8>>,
}

impl Verdict {
    fn forward(message: &Control) -> Self {
        Self { forward: message.encode().ok(), reply: None }
    }

    fn reply(message: &Control) -> Self {
        Self { forward: None, reply: message.encode().ok() }
    }
}

/// Takes an H.245 message of one leg as it passes between clear legs.
fn pass(cx: &mut Cx<'_>, call: &mut Call, index: &mut Index, from: Side, octets: &[u8]) -> Verdict {
    let mut control = match Control::decode(octets) {
        Ok(control) => control,
        Err(malformed) => {
            let peer = std::net::SocketAddr::new(call.leg(from).peer, 0);
            cx.malformed(peer, "h245", malformed);
            return Verdict::default();
        }
    };
    if control.is_end_session() {
        call.leg_mut(from.other()).session_ended = true;
    }
    let (message, from_name) = (control.name(), &call.leg(from).name);
    trace!(call = %call.id, from = from_name, message, "received");
    if let Some(reject) = overload::reject(cx.core.settings.limits.capabilities, control.message())
    {
        return Verdict::reply(&reject);
    }
    if let Some(verdict) = restricted::adapt(cx, call, from, &mut control) {
        return verdict;
    }
    if call.mode < Mode::Proxied {
        return Verdict::forward(&control);
    }
    // Said between client and server only (H.460.18 §11).
    if h46018::Correlation::read(&control).is_some() {
        return Verdict::default();
    }
    let keepalive = call.leg(from).client && information::is_keepalive(control.message());
    if keepalive || information::ends_here(control.message()) {
        return Verdict::default();
    }
    if modes::tells_addresses(control.message()) {
        return modes::adapt(cx, call, from, control);
    }
    match control.message() {
        Message::request(Request::openLogicalChannel(_)) => {
            return channels::open(cx, call, index, from, control);
        }
        Message::request(Request::closeLogicalChannel(close)) => {
            let number = close.forward_logical_channel_number.0;
            let own = call.sessions.of_channel(from, number).is_some();
            let either = cx.core.settings.handling.closes_either && !own;
            let opener = if either { from.other() } else { from };
            call.sessions.close_channel(cx, opener, number);
            call.data.close(cx, index, opener, number);
        }
        Message::response(response) => match &**response {
            Response::openLogicalChannelAck(_) => {
                let data = data::acknowledged(cx, call, index, from, &mut control);
                if let Some(verdict) = data {
                    return verdict;
                }
                channels::acknowledged(cx, call, from, &mut control);
            }
            Response::openLogicalChannelReject(reject) => {
                let number = reject.forward_logical_channel_number.0;
                call.data.close(cx, index, from.other(), number);
                channels::rejected(cx, call, from, &mut control);
            }
            _ => {}
        },
        Message::indication(indication) => match &**indication {
            Indication::openLogicalChannelConfirm(_) => channels::confirmed(&mut control),
            Indication::functionNotUnderstood(unknown) => {
                if let Some(number) = never_opened(unknown) {
                    call.sessions.close_channel(cx, from.other(), number);
                    call.data.close(cx, index, from.other(), number);
                }
            }
            _ => {}
        },
        _ => {}
    }
    Verdict::forward(&control)
}

/// The channel that does not come about, because its receiver does not understand OpenLogicalChannel.
fn never_opened(unknown: &FunctionNotUnderstood) -> Option<u16> {
    match unknown {
        FunctionNotUnderstood::request(Request::openLogicalChannel(olc)) => {
            Some(olc.forward_logical_channel_number.0)
        }
        _ => None,
    }
}
