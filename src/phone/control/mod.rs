//! H.245 at one end of a call: capabilities, master and slave, channels. It says what is to be done, and knows
//! neither sockets nor which connection carries it.

mod capabilities;
mod channels;
mod determination;
mod digits;
mod fast;
mod modes;
mod openings;
mod secured;
mod token;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use pinhole_h323::Malformed;
use pinhole_h323::asn::decode_h245;
use pinhole_h323::asn::h245::{
    CommandMessage, EndSessionCommand, FunctionNotSupported, FunctionNotSupportedCause,
    FunctionNotUnderstood, IndicationMessage, MultimediaSystemControlMessage, RequestMessage,
    ResponseMessage, RoundTripDelayResponse, SequenceNumber,
};
use pinhole_h323::mux::MultiplexId;

use self::capabilities::{Capabilities, Ours};
use self::channels::Channels;
use self::determination::{Determination, Next};
pub use self::digits::DIGITS;
pub(super) use self::fast::MOST_PROPOSALS;
pub(super) use self::secured::Lock;
use self::secured::Secured;
use self::token::Token;
use super::g711::Law;
use super::medium::{Codec, Medium};
use super::options::Options;
use super::punch::Punch;
use super::talk::Towards;

/// Where RTP and RTCP of each medium are wanted.
pub(super) type Addresses = BTreeMap<Medium, (SocketAddr, SocketAddr)>;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    /// Say this to the peer.
    Say(MultimediaSystemControlMessage),
    /// Send a medium.
    Talk {
        /// Which.
        medium: Medium,
        /// In this codec.
        codec: Codec,
        /// To there.
        to: Towards,
    },
    /// Send no more of it.
    Hush(Medium),
    /// Expect a medium.
    Listen {
        /// Which.
        medium: Medium,
        /// In this codec.
        codec: Codec,
    },
    /// Expect no more of it.
    Unhear(Medium),
    /// Keep the way for a medium open.
    Punch(Medium, Punch),
    /// Encrypt or decrypt a medium with this key from now on.
    Lock(Lock),
    /// The peer has sent digits.
    Digits(String),
    /// End the call, for this reason.
    Release(&'static str),
    /// End the call, because it would not be secure, for this reason.
    Insecure(&'static str),
    /// The peer ends the session.
    Ended,
}

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Control {
    preferred: Law,
    capabilities: Capabilities,
    determination: Determination,
    audio: Channels,
    /// The pictures that the operator wants, sent or received.
    pictures: Vec<Channels>,
    token: Token,
    /// Set once a secret is agreed.
    secured: Option<Secured>,
    ended: bool,
}

impl Control {
    /// An end that has said nothing yet; `addresses` are where it wants RTP and RTCP of each medium.
    pub(super) fn new(options: &Options, addresses: &Addresses, chance: u32) -> Self {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let at = |medium| addresses.get(&medium).copied().unwrap_or((nowhere, nowhere));
        let channels = |medium, kbit| Channels::new(medium, kbit, at(medium));
        let wanted = [(Medium::Video, options.video), (Medium::Presentation, options.presentation)];
        let ours = Ours {
            preferred: options.law,
            video: options.video,
            presentation: options.presentation,
        };
        Self {
            preferred: options.law,
            capabilities: Capabilities::new(ours),
            determination: Determination::new(chance).of_type(options.terminal_type),
            audio: channels(Medium::Audio, 0),
            pictures: wanted.into_iter().filter_map(|(m, kbit)| Some(channels(m, kbit?))).collect(),
            token: Token::default(),
            secured: None,
            ended: false,
        }
    }

    /// True for a message that H.245 can begin with (H.323 §8.2): capabilities, or who is master.
    pub(super) fn is_begun_by(octets: &[u8]) -> bool {
        matches!(
            decode_h245(octets),
            Ok(MultimediaSystemControlMessage::request(
                RequestMessage::terminalCapabilitySet(_)
                    | RequestMessage::masterSlaveDetermination(_)
            ))
        )
    }

    /// True when audio goes both ways.
    pub(super) const fn is_open(&self) -> bool {
        self.audio.are_open()
    }

    /// True once either party has ended the session.
    pub(super) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// The indication of a digit.
    pub(super) fn digit(&self, digit: char) -> Option<Effect> {
        digits::say(digit, self.capabilities.takes_signals()).map(Effect::Say)
    }

    /// Begins, unless it has begun.
    pub(super) fn begin(&mut self) -> Vec<Effect> {
        if self.capabilities.is_offered() || self.ended {
            return Vec::new();
        }
        let mut effects = vec![Effect::Say(self.capabilities.offer())];
        effects.extend(next(self.determination.begin()));
        self.protect(effects)
    }

    /// From now on, media is sent multiplexed when the peer wants that (H.460.19 §8).
    pub(super) fn may_mark(&mut self) {
        self.all().for_each(|channels| channels.marks = true);
    }

    /// Wants media multiplexed, with this identifier at these addresses; too late when channels are there already.
    pub(super) fn receive_marked(
        &mut self,
        medium: Medium,
        identifier: MultiplexId,
        addresses: (SocketAddr, SocketAddr),
    ) {
        if let Some(channels) = self.all().find(|channels| channels.medium == medium) {
            channels.receive_marked(identifier, addresses);
        }
    }

    /// True while no channel is opened or proposed.
    pub(super) const fn is_untouched(&self) -> bool {
        self.audio.are_untouched()
    }

    /// The channels to propose in Setup (fast start); `client` is one of H.460.19.
    pub(super) fn propose(&mut self, client: bool) -> Vec<Vec<u8>> {
        self.audio.propose(self.preferred, client)
    }

    /// The called party has accepted proposals.
    pub(super) fn accepted(&mut self, elements: &[Vec<u8>]) -> Vec<Effect> {
        self.audio.accepted(elements)
    }

    /// Proposals cannot be accepted any more.
    pub(super) fn settle(&mut self) {
        self.audio.settle();
    }

    /// Accepts proposals of the caller; the answer, and what is to be done.
    pub(super) fn accept(&mut self, proposals: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<Effect>) {
        self.audio.accept_proposed(proposals, self.preferred)
    }

    /// Ends the session, once.
    pub(super) fn end(&mut self) -> Option<MultimediaSystemControlMessage> {
        if std::mem::replace(&mut self.ended, true) || !self.capabilities.is_offered() {
            return None;
        }
        let command = EndSessionCommand::disconnect(());
        let command = CommandMessage::endSessionCommand(Box::new(command));
        Some(MultimediaSystemControlMessage::command(command))
    }

    /// Takes a message.
    ///
    /// # Errors
    /// If it is none of H.245.
    pub(super) fn receive(&mut self, octets: &[u8], chance: u32) -> Result<Vec<Effect>, Malformed> {
        let message = decode_h245(octets)?;
        if self.ended {
            return Ok(Vec::new());
        }
        // Whatever the peer begins with, we have begun too.
        let mut effects = self.begin();
        let (message, before) = self.unprotect(message);
        effects.extend(before);
        let mut then = Vec::new();
        if let Some(message) = message {
            then.extend(self.handle(message, chance));
        }
        then.extend(self.advance(chance));
        effects.extend(self.protect(then));
        Ok(effects)
    }

    fn handle(&mut self, message: MultimediaSystemControlMessage, chance: u32) -> Vec<Effect> {
        match message {
            MultimediaSystemControlMessage::request(request) => self.requested(request, chance),
            MultimediaSystemControlMessage::response(response) => self.responded(&response, chance),
            MultimediaSystemControlMessage::command(command) => self.commanded(command),
            MultimediaSystemControlMessage::indication(indication) => match *indication {
                IndicationMessage::masterSlaveDeterminationRelease(_) => {
                    next(self.determination.released(chance)).collect()
                }
                IndicationMessage::userInput(input) => {
                    digits::heard(&input).map(Effect::Digits).into_iter().collect()
                }
                _ => Vec::new(),
            },
            _ => not_supported(),
        }
    }

    fn requested(&mut self, request: RequestMessage, chance: u32) -> Vec<Effect> {
        match request {
            RequestMessage::terminalCapabilitySet(set) => {
                let paused = self.capabilities.is_paused();
                let mut effects = vec![Effect::Say(self.capabilities.told(&set))];
                // It may be another peer that goes on after a pause (H.323 §8.4.6).
                if paused && !self.capabilities.is_paused() {
                    effects.extend(next(self.determination.begin_again()));
                }
                effects
            }
            RequestMessage::masterSlaveDetermination(asked) => {
                let number = asked.status_determination_number;
                next(self.determination.asked(asked.terminal_type, number, chance)).collect()
            }
            RequestMessage::openLogicalChannel(open) => self.open_asked(&open),
            RequestMessage::closeLogicalChannel(close) => {
                self.closed(&close.forward_logical_channel_number)
            }
            RequestMessage::requestChannelClose(close) => self.close_asked(&close),
            RequestMessage::roundTripDelayRequest(ping) => {
                let pong = RoundTripDelayResponse {
                    sequence_number: SequenceNumber(ping.sequence_number.0),
                    ..RoundTripDelayResponse::default()
                };
                vec![Effect::Say(respond(ResponseMessage::roundTripDelayResponse(pong)))]
            }
            RequestMessage::requestMode(wish) => vec![Effect::Say(self.wished(&wish))],
            RequestMessage::UnknownAlternative(_) => not_supported(),
            RequestMessage::genericRequest(message) => match self.token.asked(&message) {
                Some(answer) => vec![Effect::Say(answer)],
                None => not_understood(RequestMessage::genericRequest(message)),
            },
            other => not_understood(other),
        }
    }

    fn responded(&mut self, response: &ResponseMessage, chance: u32) -> Vec<Effect> {
        match response {
            ResponseMessage::terminalCapabilitySetAck(ack) => {
                self.capabilities.acknowledged(&ack.sequence_number);
                Vec::new()
            }
            ResponseMessage::terminalCapabilitySetReject(_) => {
                vec![Effect::Release("the peer rejected our capabilities")]
            }
            ResponseMessage::masterSlaveDeterminationAck(ack) => {
                next(self.determination.acknowledged(&ack.decision)).collect()
            }
            ResponseMessage::masterSlaveDeterminationReject(_) => {
                next(self.determination.rejected(chance)).collect()
            }
            ResponseMessage::openLogicalChannelAck(ack) => self.open_acknowledged(ack),
            ResponseMessage::genericResponse(message) => self.token_answered(message),
            ResponseMessage::openLogicalChannelReject(reject) => {
                self.open_rejected(&reject.forward_logical_channel_number)
            }
            _ => Vec::new(),
        }
    }

    fn commanded(&mut self, command: CommandMessage) -> Vec<Effect> {
        match command {
            CommandMessage::sendTerminalCapabilitySet(_) => {
                vec![Effect::Say(self.capabilities.offer())]
            }
            CommandMessage::endSessionCommand(_) => vec![Effect::Ended],
            CommandMessage::genericCommand(message) => {
                self.token.commanded(&message);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

fn next(next: Next) -> impl Iterator<Item = Effect> {
    match next {
        Next::Nothing => None,
        Next::Say(message) => Some(Effect::Say(message)),
        Next::Fail => Some(Effect::Release("master and slave could not be determined")),
    }
    .into_iter()
}

fn request(request: RequestMessage) -> MultimediaSystemControlMessage {
    MultimediaSystemControlMessage::request(request)
}

fn respond(response: ResponseMessage) -> MultimediaSystemControlMessage {
    MultimediaSystemControlMessage::response(Box::new(response))
}

fn indicate(indication: IndicationMessage) -> MultimediaSystemControlMessage {
    MultimediaSystemControlMessage::indication(Box::new(indication))
}

/// The answer to what we know and do not do.
fn not_understood(request: RequestMessage) -> Vec<Effect> {
    let not_understood = FunctionNotUnderstood::request(request);
    let indication = IndicationMessage::functionNotUnderstood(Box::new(not_understood));
    vec![Effect::Say(indicate(indication))]
}

/// The answer to what not even the codec knows.
fn not_supported() -> Vec<Effect> {
    let cause = FunctionNotSupportedCause::unknownFunction(());
    let not_supported = FunctionNotSupported { cause, ..FunctionNotSupported::default() };
    vec![Effect::Say(indicate(IndicationMessage::functionNotSupported(not_supported)))]
}

#[cfg(test)]
mod tests;
