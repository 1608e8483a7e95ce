//! A called party of which the caller has heard by H.245 or accepted fast start, and which is not called any more: it
//! sends the call on, or failed. What it said cannot be unsaid, so the caller is paused, as whoever reroutes a call for a
//! third party does it (H.323 §8.4.6): an empty capability set, and the channels towards it are closed. What it answers to
//! that, and to the former party, ends here. The capability set of the next party ends the pause; the caller then opens
//! channels as at the begin of a call.

use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response,
};
use pinhole_h323::control::Control;
use pinhole_h323::signal::Signal;

use super::early::{Carrier, Early};
use super::{Call, CallKey, Calls};
use crate::control::Verdict;
use crate::face::Side;
use crate::node::Cx;

/// Channels of former parties that are remembered until they are closed; a call has fewer at a time.
const MOST_CHANNELS: usize = 128;

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Former {
    /// The sequenceNumber of the last capability set that the caller was told.
    last_set: u8,
    /// The caller's masterSlaveDetermination has been answered.
    determined: bool,
    /// Fast start has been refused.
    pub(super) refused: bool,
    paused: Option<Paused>,
}

/// What the caller still has to say to a pause.
#[derive(Debug, Default)]
struct Paused {
    /// The sequenceNumber of the empty set that it has to acknowledge. Until then it speaks to the former party.
    awaited: Option<u8>,
    /// Channels by their opener that are not closed yet.
    channels: [Vec<u16>; 2],
}

impl Former {
    /// True when the caller was paused for another party.
    pub(super) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// What a message of the caller begins, if the next party may hear it: it has no answer yet, or may have another.
    fn begins(&self, octets: &[u8]) -> Option<Beginning> {
        let message = Control::decode(octets).ok()?;
        match message.message() {
            Message::request(Request::terminalCapabilitySet(_)) => Some(Beginning::Capabilities),
            Message::request(Request::masterSlaveDetermination(_)) if !self.determined => {
                Some(Beginning::Determination)
            }
            _ => None,
        }
    }

    /// The called party says something in H.245.
    fn heard(&mut self, message: &Message) {
        match message {
            Message::request(Request::terminalCapabilitySet(set)) => {
                self.last_set = set.sequence_number.0;
            }
            Message::response(response) => {
                self.determined |= matches!(
                    **response,
                    Response::masterSlaveDeterminationAck(_)
                        | Response::masterSlaveDeterminationReject(_)
                );
            }
            _ => {}
        }
    }
}

impl Paused {
    /// What becomes of a message of the caller; nothing of what is for the party that is called now.
    fn take(&mut self, message: &Message) -> Option<Verdict> {
        let waits = self.awaited.is_some();
        let [of_caller, of_called] = &mut self.channels;
        match message {
            Message::response(response) => {
                let sequence = match &**response {
                    Response::terminalCapabilitySetAck(ack) => Some(ack.sequence_number.0),
                    Response::terminalCapabilitySetReject(reject) => Some(reject.sequence_number.0),
                    Response::closeLogicalChannelAck(ack) => {
                        let number = ack.forward_logical_channel_number.0;
                        return (remove(of_called, number) || waits).then(Verdict::default);
                    }
                    _ => None,
                };
                if sequence.is_some() && sequence == self.awaited {
                    self.awaited = None;
                }
                waits.then(Verdict::default)
            }
            Message::request(Request::closeLogicalChannel(close)) => {
                let number = close.forward_logical_channel_number.0;
                let reply = || Control::close_ack(number).encode().ok();
                remove(of_caller, number).then(|| Verdict { forward: None, reply: reply() })
            }
            // It will close this one as well.
            Message::request(Request::openLogicalChannel(open)) => {
                let number = open.forward_logical_channel_number.0;
                remove(of_caller, number);
                if waits && of_caller.len() < MOST_CHANNELS {
                    of_caller.push(number);
                }
                waits.then(Verdict::default)
            }
            _ => None,
        }
    }
}

/// The two messages that begin a session (H.323 §8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    Capabilities,
    Determination,
}

fn remove(channels: &mut Vec<u16>, number: u16) -> bool {
    let before = channels.len();
    channels.retain(|known| *known != number);
    channels.len() < before
}

impl Call {
    /// Looks at an H.245 message: what becomes of it if the caller says it because of a former called party.
    pub(crate) fn of_former(&mut self, from: Side, octets: &[u8]) -> Option<Verdict> {
        let former = &mut self.route.former;
        match from {
            // Once the call is answered, nobody else will be called.
            Side::B if self.route.setup.is_some() => {
                former.heard(Control::decode(octets).ok()?.message());
                None
            }
            Side::B => None,
            Side::A => former.paused.as_mut()?.take(Control::decode(octets).ok()?.message()),
        }
    }

    /// The next party hears of the caller's H.245 what begins a session, once, and no answers; channels are not proposed to
    /// it, for the caller heeds no second answer to that (H.323 §8.1.7).
    pub(super) fn forget_former(&mut self) {
        let mut said = Vec::new();
        if let Some(setup) = &mut self.route.setup {
            let octets =
                |list: Vec<&[u8]>| list.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
            said.extend(octets(setup.parallel_h245_control()));
            said.extend(octets(setup.h245_control()));
            without_control(setup);
        }
        said.extend(self.route.early.control());
        let mut early = Early::default();
        let kinds: Vec<_> = said.iter().map(|octets| self.route.former.begins(octets)).collect();
        for (at, octets) in said.iter().enumerate() {
            let kind = kinds.get(at).copied().flatten();
            let again = kinds.iter().skip(at + 1).any(|later| *later == kind);
            if kind.is_some() && !again {
                early.keep(Carrier::Control, octets);
            }
        }
        self.route.early = early;
    }
}

/// A Setup that proposes no channels and carries no H.245.
fn without_control(setup: &mut Signal) {
    setup.set_fast_start(Vec::new());
    setup.set_h245_control(Vec::new());
    if !setup.parallel_h245_control().is_empty() {
        setup.edit(|pdu| {
            if let Body::setup(setup) = &mut pdu.h323_message_body {
                setup.parallel_h245_control = None;
            }
        });
    }
}

impl Calls {
    /// Pauses the caller, which had these channels with the former party, by their openers.
    pub(super) fn pause_caller(&mut self, cx: &mut Cx<'_>, key: CallKey, channels: [Vec<u16>; 2]) {
        let Some(call) = self.live(key) else { return };
        let former = &mut call.route.former;
        let number = former.last_set.wrapping_add(1);
        (former.last_set, former.determined) = (number, false);
        let paused = former.paused.get_or_insert_default();
        paused.awaited = Some(number);
        for (known, new) in paused.channels.iter_mut().zip(&channels) {
            known.extend(new);
            known.truncate(MOST_CHANNELS);
        }
        let [_, of_called] = channels;
        let pause = Control::terminal_capability_set(number, &[]);
        let closes = of_called.into_iter().map(Control::close);
        for message in std::iter::once(pause).chain(closes) {
            if let Ok(octets) = message.encode() {
                self.send_control(cx, key, Side::A, octets);
            }
        }
    }
}
