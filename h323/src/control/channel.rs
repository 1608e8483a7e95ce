//! Logical channels: OpenLogicalChannel and what answers it (H.245 §7.3, H.323 §8.1.7).

use super::Control;
use crate::address;
use crate::asn::h245::{
    AudioCapability, CloseLogicalChannel, CloseLogicalChannelAck, CloseLogicalChannelReason,
    CloseLogicalChannelSource, DataType, H2250LogicalChannelAckParameters,
    H2250LogicalChannelParameters, LogicalChannelNumber, OpenLogicalChannel, OpenLogicalChannelAck,
    OpenLogicalChannelAckForwardMultiplexAckParameters as AckParameters,
    OpenLogicalChannelAckReverseLogicalChannelParametersMultiplexParameters as AckReverseParameters,
    OpenLogicalChannelForwardLogicalChannelParameters,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as ForwardParameters,
    OpenLogicalChannelReject, OpenLogicalChannelRejectCause,
    OpenLogicalChannelReverseLogicalChannelParameters,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as ReverseParameters,
    RequestMessage, ResponseMessage,
};
use crate::rtp;
use std::fmt;
use std::net::SocketAddr;

/// The session of audio (H.323 §8.3.1.1); 2 is video, 3 data.
pub const AUDIO_SESSION: u8 = 1;

/// An audio codec that we speak ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 A-law, 64 kbit/s.
    Pcma,
    /// G.711 µ-law, 64 kbit/s.
    Pcmu,
}

impl Codec {
    /// Its static RTP payload type.
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcma => rtp::PCMA,
            Self::Pcmu => rtp::PCMU,
        }
    }

    /// Its name: `pcma` or `pcmu`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcma => "pcma",
            Self::Pcmu => "pcmu",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An audio capability or mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audio {
    /// The codec.
    pub codec: Codec,
    /// The longest packet, in frames of 1 ms (of G.711), `1..=256`.
    pub frames: u16,
}

impl Audio {
    /// The H.245 form.
    #[must_use]
    pub const fn to_asn(&self) -> AudioCapability {
        match self.codec {
            Codec::Pcma => AudioCapability::g711Alaw64k(self.frames),
            Codec::Pcmu => AudioCapability::g711Ulaw64k(self.frames),
        }
    }

    /// Reads a capability; `None` of a codec that we do not speak.
    #[must_use]
    pub const fn read(capability: &AudioCapability) -> Option<Self> {
        match capability {
            AudioCapability::g711Alaw64k(frames) => {
                Some(Self { codec: Codec::Pcma, frames: *frames })
            }
            AudioCapability::g711Ulaw64k(frames) => {
                Some(Self { codec: Codec::Pcmu, frames: *frames })
            }
            _ => None,
        }
    }
}

/// A channel of audio over RTP that is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The forwardLogicalChannelNumber, `1..=65535`.
    pub channel: u16,
    /// The session, `0..=255`; a slave that wants a further session says 0.
    pub session: u8,
    /// What is sent.
    pub audio: Audio,
    /// Where RTP is received: by the proposer in the reverse direction of fast start, and otherwise not said.
    pub media: Option<SocketAddr>,
    /// Where the proposer receives RTCP.
    pub control: Option<SocketAddr>,
}

impl Offer {
    /// The OpenLogicalChannel by which the proposer will send.
    #[must_use]
    pub fn to_forward(&self) -> OpenLogicalChannel {
        OpenLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(self.channel),
            forward_logical_channel_parameters: OpenLogicalChannelForwardLogicalChannelParameters {
                data_type: self.data_type(),
                multiplex_parameters: ForwardParameters::h2250LogicalChannelParameters(
                    self.parameters(),
                ),
                ..OpenLogicalChannelForwardLogicalChannelParameters::default()
            },
            ..OpenLogicalChannel::default()
        }
    }

    /// The OpenLogicalChannel by which the proposer of fast start will receive (H.323 §8.1.7.1).
    #[must_use]
    pub fn to_reverse(&self) -> OpenLogicalChannel {
        OpenLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(self.channel),
            forward_logical_channel_parameters: OpenLogicalChannelForwardLogicalChannelParameters {
                data_type: DataType::nullData(()),
                multiplex_parameters: ForwardParameters::none(()),
                ..OpenLogicalChannelForwardLogicalChannelParameters::default()
            },
            reverse_logical_channel_parameters: Some(
                OpenLogicalChannelReverseLogicalChannelParameters {
                    data_type: self.data_type(),
                    multiplex_parameters: Some(ReverseParameters::h2250LogicalChannelParameters(
                        self.parameters(),
                    )),
                    ..OpenLogicalChannelReverseLogicalChannelParameters::default()
                },
            ),
            ..OpenLogicalChannel::default()
        }
    }

    /// Reads an offer in either direction; `None` when it is not of audio that we speak, over RTP.
    #[must_use]
    pub fn read(open: &OpenLogicalChannel) -> Option<Self> {
        let (data_type, parameters) = match &open.reverse_logical_channel_parameters {
            Some(reverse) => (&reverse.data_type, reverse_parameters(open)?),
            None => (&open.forward_logical_channel_parameters.data_type, forward_parameters(open)?),
        };
        let DataType::audioData(audio) = data_type else { return None };
        Some(Self {
            channel: open.forward_logical_channel_number.0,
            session: parameters.session_id,
            audio: Audio::read(audio)?,
            media: parameters.media_channel.as_ref().and_then(address::from_h245),
            control: parameters.media_control_channel.as_ref().and_then(address::from_h245),
        })
    }

    fn data_type(&self) -> DataType {
        DataType::audioData(Box::new(self.audio.to_asn()))
    }

    fn parameters(&self) -> Box<H2250LogicalChannelParameters> {
        Box::new(H2250LogicalChannelParameters {
            session_id: self.session,
            media_channel: self.media.map(address::to_h245),
            media_control_channel: self.control.map(address::to_h245),
            ..H2250LogicalChannelParameters::default()
        })
    }
}

/// The acceptance of a channel: OpenLogicalChannelAck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accept {
    /// The forwardLogicalChannelNumber that was proposed.
    pub channel: u16,
    /// The session, `1..=255`.
    pub session: Option<u8>,
    /// Where the accepting side receives RTP.
    pub media: Option<SocketAddr>,
    /// Where the accepting side receives RTCP.
    pub control: Option<SocketAddr>,
}

impl Accept {
    /// The OpenLogicalChannelAck.
    #[must_use]
    pub fn to_asn(&self) -> OpenLogicalChannelAck {
        let parameters = H2250LogicalChannelAckParameters {
            session_id: self.session.filter(|session| *session > 0),
            media_channel: self.media.map(address::to_h245),
            media_control_channel: self.control.map(address::to_h245),
            flow_control_to_zero: Some(false),
            ..H2250LogicalChannelAckParameters::default()
        };
        OpenLogicalChannelAck {
            forward_logical_channel_number: LogicalChannelNumber(self.channel),
            forward_multiplex_ack_parameters: Some(
                AckParameters::h2250LogicalChannelAckParameters(Box::new(parameters)),
            ),
            ..OpenLogicalChannelAck::default()
        }
    }

    /// Reads an OpenLogicalChannelAck; what it does not say is `None`.
    #[must_use]
    pub fn read(ack: &OpenLogicalChannelAck) -> Self {
        let parameters = ack_parameters(ack);
        let socket = |address: Option<_>| address.and_then(address::from_h245);
        Self {
            channel: ack.forward_logical_channel_number.0,
            session: parameters.and_then(|p| p.session_id),
            media: socket(parameters.and_then(|p| p.media_channel.as_ref())),
            control: socket(parameters.and_then(|p| p.media_control_channel.as_ref())),
        }
    }
}

impl Control {
    /// OpenLogicalChannel.
    #[must_use]
    pub fn open(channel: OpenLogicalChannel) -> Self {
        Self::request(RequestMessage::openLogicalChannel(Box::new(channel)))
    }

    /// OpenLogicalChannelAck.
    #[must_use]
    pub fn accept(ack: OpenLogicalChannelAck) -> Self {
        Self::response(ResponseMessage::openLogicalChannelAck(Box::new(ack)))
    }

    /// OpenLogicalChannelReject.
    #[must_use]
    pub fn reject(channel: u16, cause: OpenLogicalChannelRejectCause) -> Self {
        Self::response(ResponseMessage::openLogicalChannelReject(OpenLogicalChannelReject {
            forward_logical_channel_number: LogicalChannelNumber(channel),
            cause,
            ..OpenLogicalChannelReject::default()
        }))
    }

    /// CloseLogicalChannel of one of our own channels.
    #[must_use]
    pub const fn close(channel: u16) -> Self {
        Self::request(RequestMessage::closeLogicalChannel(CloseLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(channel),
            source: CloseLogicalChannelSource::user(()),
            reason: Some(CloseLogicalChannelReason::unknown(())),
            unknown_ext: None,
        }))
    }

    /// CloseLogicalChannelAck.
    #[must_use]
    pub fn close_ack(channel: u16) -> Self {
        Self::response(ResponseMessage::closeLogicalChannelAck(CloseLogicalChannelAck {
            forward_logical_channel_number: LogicalChannelNumber(channel),
            unknown_ext: None,
        }))
    }
}

/// The RTP parameters of the forward direction.
#[must_use]
pub fn forward_parameters(open: &OpenLogicalChannel) -> Option<&H2250LogicalChannelParameters> {
    match &open.forward_logical_channel_parameters.multiplex_parameters {
        ForwardParameters::h2250LogicalChannelParameters(parameters) => Some(parameters),
        _ => None,
    }
}

/// The RTP parameters of the forward direction, to change.
pub fn forward_parameters_mut(
    open: &mut OpenLogicalChannel,
) -> Option<&mut H2250LogicalChannelParameters> {
    match &mut open.forward_logical_channel_parameters.multiplex_parameters {
        ForwardParameters::h2250LogicalChannelParameters(parameters) => Some(parameters),
        _ => None,
    }
}

/// The RTP parameters of the reverse direction.
#[must_use]
pub fn reverse_parameters(open: &OpenLogicalChannel) -> Option<&H2250LogicalChannelParameters> {
    match open.reverse_logical_channel_parameters.as_ref()?.multiplex_parameters.as_ref()? {
        ReverseParameters::h2250LogicalChannelParameters(parameters) => Some(parameters),
        _ => None,
    }
}

/// The RTP parameters of the reverse direction, to change.
pub fn reverse_parameters_mut(
    open: &mut OpenLogicalChannel,
) -> Option<&mut H2250LogicalChannelParameters> {
    match open.reverse_logical_channel_parameters.as_mut()?.multiplex_parameters.as_mut()? {
        ReverseParameters::h2250LogicalChannelParameters(parameters) => Some(parameters),
        _ => None,
    }
}

/// The RTP parameters of an acceptance.
#[must_use]
pub fn ack_parameters(ack: &OpenLogicalChannelAck) -> Option<&H2250LogicalChannelAckParameters> {
    match ack.forward_multiplex_ack_parameters.as_ref()? {
        AckParameters::h2250LogicalChannelAckParameters(parameters) => Some(parameters),
        AckParameters::UnknownAlternative(_) => None,
    }
}

/// The RTP parameters of an acceptance, to change.
pub fn ack_parameters_mut(
    ack: &mut OpenLogicalChannelAck,
) -> Option<&mut H2250LogicalChannelAckParameters> {
    match ack.forward_multiplex_ack_parameters.as_mut()? {
        AckParameters::h2250LogicalChannelAckParameters(parameters) => Some(parameters),
        AckParameters::UnknownAlternative(_) => None,
    }
}

/// The RTP parameters of the reverse direction of an acceptance, to change.
pub fn ack_reverse_parameters_mut(
    ack: &mut OpenLogicalChannelAck,
) -> Option<&mut H2250LogicalChannelParameters> {
    match ack.reverse_logical_channel_parameters.as_mut()?.multiplex_parameters.as_mut()? {
        AckReverseParameters::h2250LogicalChannelParameters(parameters) => Some(parameters),
        _ => None,
    }
}
