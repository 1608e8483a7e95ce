//! H.245: the conversation about capabilities and channels.

pub mod capability;
pub mod channel;
pub mod session;

pub use channel::{Accept, Audio, Codec, Offer};

use crate::asn::h245::{
    CommandMessage, IndicationMessage, MultimediaSystemControlMessage as Message, RequestMessage,
    ResponseMessage,
};
use crate::asn::{decode_h245, encode_h245};
use crate::error::Malformed;
use crate::kept::{Kept, name_of};

/// One H.245 message. What was decoded leaves in the octets it came in, until it is edited.
#[derive(Debug, Clone, PartialEq)]
pub struct Control(Kept<Message>);

impl Control {
    /// A message made here.
    #[must_use]
    pub const fn new(message: Message) -> Self {
        Self(Kept::new(message))
    }

    /// A request made here.
    #[must_use]
    pub const fn request(message: RequestMessage) -> Self {
        Self::new(Message::request(message))
    }

    /// A response made here.
    #[must_use]
    pub fn response(message: ResponseMessage) -> Self {
        Self::new(Message::response(Box::new(message)))
    }

    /// A command made here.
    #[must_use]
    pub const fn command(message: CommandMessage) -> Self {
        Self::new(Message::command(message))
    }

    /// An indication made here.
    #[must_use]
    pub fn indication(message: IndicationMessage) -> Self {
        Self::new(Message::indication(Box::new(message)))
    }

    /// Reads one message: what a TPKT of an H.245 connection or an element of h245Control carried.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        Ok(Self(Kept::arrived(decode_h245(octets)?, octets)))
    }

    /// The octets: as they came, or made anew after an edit.
    ///
    /// # Errors
    /// [`Malformed`] when an edit put a value out of its bounds.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        self.0.encode(encode_h245)
    }

    /// The message.
    #[must_use]
    pub const fn message(&self) -> &Message {
        self.0.value()
    }

    /// The message, for one who needs no octets.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.0.into_value()
    }

    /// Changes the message; its octets are made anew.
    pub fn edit<R>(&mut self, change: impl FnOnce(&mut Message) -> R) -> R {
        change(self.0.change())
    }

    /// What it is, in the spelling of the standard: `openLogicalChannel`, …
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.message() {
            Message::request(request) => name_of!(request, RequestMessage [
                nonStandard masterSlaveDetermination terminalCapabilitySet openLogicalChannel
                closeLogicalChannel requestChannelClose multiplexEntrySend requestMultiplexEntry requestMode
                roundTripDelayRequest maintenanceLoopRequest communicationModeRequest conferenceRequest
                multilinkRequest logicalChannelRateRequest genericRequest
            ]),
            Message::response(response) => name_of!(&**response, ResponseMessage [
                nonStandard masterSlaveDeterminationAck masterSlaveDeterminationReject
                terminalCapabilitySetAck terminalCapabilitySetReject openLogicalChannelAck
                openLogicalChannelReject closeLogicalChannelAck requestChannelCloseAck
                requestChannelCloseReject multiplexEntrySendAck multiplexEntrySendReject
                requestMultiplexEntryAck requestMultiplexEntryReject requestModeAck requestModeReject
                roundTripDelayResponse maintenanceLoopAck maintenanceLoopReject communicationModeResponse
                conferenceResponse multilinkResponse logicalChannelRateAcknowledge
                logicalChannelRateReject genericResponse
            ]),
            Message::command(command) => name_of!(command, CommandMessage [
                nonStandard maintenanceLoopOffCommand sendTerminalCapabilitySet encryptionCommand
                flowControlCommand endSessionCommand miscellaneousCommand communicationModeCommand
                conferenceCommand h223MultiplexReconfiguration newATMVCCommand
                mobileMultilinkReconfigurationCommand genericCommand
            ]),
            Message::indication(indication) => name_of!(&**indication, IndicationMessage [
                nonStandard functionNotUnderstood masterSlaveDeterminationRelease
                terminalCapabilitySetRelease openLogicalChannelConfirm requestChannelCloseRelease
                multiplexEntrySendRelease requestMultiplexEntryRelease requestModeRelease
                miscellaneousIndication jitterIndication h223SkewIndication newATMVCIndication userInput
                h2250MaximumSkewIndication mcLocationIndication conferenceIndication vendorIdentification
                functionNotSupported multilinkIndication logicalChannelRateRelease flowControlIndication
                mobileMultilinkReconfigurationIndication genericIndication
            ]),
            Message::UnknownAlternative(_) => "unknown",
        }
    }
}

impl From<Message> for Control {
    fn from(message: Message) -> Self {
        Self::new(message)
    }
}

#[cfg(test)]
mod tests;
