//! Which channels concern a message, and which of ours may be opened now.

use pinhole_h323::asn::h245::{
    CloseLogicalChannelAck, GenericMessage, LogicalChannelNumber, OpenLogicalChannel,
    OpenLogicalChannelAck, OpenLogicalChannelReject, OpenLogicalChannelRejectCause,
    RequestChannelClose, RequestChannelCloseReject, ResponseMessage,
};

use super::channels::{Channels, acceptable, answer};
use super::determination::Role;
use super::token::Token;
use super::{Control, Effect};
use crate::phone::medium::Medium;

impl Control {
    /// The channels of every medium that we have.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Channels> {
        std::iter::once(&mut self.audio).chain(&mut self.pictures)
    }

    fn is_master(&self) -> bool {
        self.determination.role() == Some(Role::Master)
    }

    /// openLogicalChannel of the peer.
    pub(super) fn open_asked(&mut self, open: &OpenLogicalChannel) -> Vec<Effect> {
        let is_master = self.is_master();
        let cause = match acceptable(open) {
            Ok(accepted) => match self.all().find(|of| of.medium == accepted.medium) {
                Some(channels) => return channels.accept(open, &accepted, is_master),
                None => OpenLogicalChannelRejectCause::dataTypeNotSupported(()),
            },
            Err(cause) => cause,
        };
        let reject = OpenLogicalChannelReject {
            forward_logical_channel_number: LogicalChannelNumber(
                open.forward_logical_channel_number.0,
            ),
            cause,
            ..OpenLogicalChannelReject::default()
        };
        vec![answer(ResponseMessage::openLogicalChannelReject(reject))]
    }

    /// The channels whose own channel has a number.
    fn opened(&mut self, number: &LogicalChannelNumber) -> Option<&mut Channels> {
        self.all().find(|channels| channels.has_opened(number.0))
    }

    /// openLogicalChannelAck of the peer.
    pub(super) fn open_acknowledged(&mut self, ack: &OpenLogicalChannelAck) -> Vec<Effect> {
        let opened = self.opened(&ack.forward_logical_channel_number);
        opened.map(|channels| channels.acknowledged(ack)).unwrap_or_default()
    }

    /// openLogicalChannelReject of the peer.
    pub(super) fn open_rejected(&mut self, number: &LogicalChannelNumber) -> Vec<Effect> {
        self.opened(number).map(|channels| channels.rejected(number)).unwrap_or_default()
    }

    /// closeLogicalChannel of the peer.
    pub(super) fn closed(&mut self, number: &LogicalChannelNumber) -> Vec<Effect> {
        let ack = CloseLogicalChannelAck {
            forward_logical_channel_number: LogicalChannelNumber(number.0),
            ..CloseLogicalChannelAck::default()
        };
        let mut effects = vec![answer(ResponseMessage::closeLogicalChannelAck(ack))];
        effects.extend(self.all().find_map(|channels| channels.closed(number.0)));
        effects
    }

    /// requestChannelClose of the peer: it wants our channel closed.
    pub(super) fn close_asked(&mut self, close: &RequestChannelClose) -> Vec<Effect> {
        let number = &close.forward_logical_channel_number;
        if let Some(channels) = self.opened(number) {
            return channels.close_asked(number.0);
        }
        let reject = RequestChannelCloseReject {
            forward_logical_channel_number: LogicalChannelNumber(number.0),
            ..RequestChannelCloseReject::default()
        };
        vec![answer(ResponseMessage::requestChannelCloseReject(reject))]
    }

    /// genericResponse of the peer: the token may be ours by it.
    pub(super) fn token_answered(&mut self, message: &GenericMessage) -> Vec<Effect> {
        let is_master = self.is_master();
        if !self.token.answered(message) {
            return Vec::new();
        }
        let codec = self.capabilities.choose(Medium::Presentation);
        let channels = self.all().find(|of| of.medium == Medium::Presentation);
        let opening = channels.zip(codec).map(|(channels, codec)| channels.open(codec, is_master));
        opening.into_iter().collect()
    }

    /// Opens our channels as soon as that is allowed, and closes them when the peer wants a pause.
    pub(super) fn advance(&mut self, chance: u32) -> Vec<Effect> {
        if self.capabilities.is_paused() {
            return self.all().flat_map(Channels::close).collect();
        }
        if !self.capabilities.are_exchanged() || self.determination.role().is_none() {
            return Vec::new();
        }
        let is_master = self.is_master();
        let mut effects = Vec::new();
        for channels in std::iter::once(&mut self.audio).chain(&mut self.pictures) {
            let wanted = channels.may_open() && channels.medium != Medium::Presentation;
            if wanted && let Some(codec) = self.capabilities.choose(channels.medium) {
                effects.push(channels.open(codec, is_master));
            }
        }
        effects.extend(self.ask_for_the_token(chance));
        effects
    }

    /// A second video needs the token; there is time for that when the talk goes on.
    fn ask_for_the_token(&mut self, chance: u32) -> Option<Effect> {
        if self.token != Token::Free || !self.audio.are_open() {
            return None;
        }
        self.capabilities.choose(Medium::Presentation)?;
        let mut pictures = self.pictures.iter_mut();
        let channels = pictures.find(|of| of.medium == Medium::Presentation && of.may_open())?;
        let number = channels.upcoming();
        Some(Effect::Say(self.token.ask(number, chance)))
    }
}
