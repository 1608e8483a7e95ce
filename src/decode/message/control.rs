//! H.245, on a connection of its own or inside H.225.0.

use pinhole_h323::asn;
use pinhole_h323::asn::h245::{
    CommandMessage, IndicationMessage, MultimediaSystemControlMessage as H245, OpenLogicalChannel,
    OpenLogicalChannelAck, OpenLogicalChannelAckForwardMultiplexAckParameters as AckParameters,
    OpenLogicalChannelAckReverseLogicalChannelParametersMultiplexParameters as AckReverse,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
    RequestMessage, ResponseMessage,
};

use super::{Message, Protocol, variant};

/// A message of H.245.
#[must_use]
pub fn control(octets: &[u8]) -> Message {
    Message::new(Protocol::H245, octets, asn::decode_h245, asn::encode_h245, |message, value| {
        match value {
            H245::request(request) => {
                message.name = variant(request);
                match request {
                    RequestMessage::openLogicalChannel(olc) => open(message, olc),
                    RequestMessage::genericRequest(generic) => message.look_at_generic(generic),
                    _ => {}
                }
            }
            H245::response(response) => {
                message.name = variant(response);
                match response.as_ref() {
                    ResponseMessage::openLogicalChannelAck(ack) => acknowledge(message, ack),
                    ResponseMessage::genericResponse(generic) => message.look_at_generic(generic),
                    _ => {}
                }
            }
            H245::command(command) => {
                message.name = variant(command);
                if let CommandMessage::genericCommand(generic) = command {
                    message.look_at_generic(generic);
                }
            }
            H245::indication(indication) => {
                message.name = variant(indication);
                if let IndicationMessage::genericIndication(generic) = indication.as_ref() {
                    message.look_at_generic(generic);
                }
            }
            _ => {}
        }
    })
}

/// A logical channel offered or taken by fastStart (H.323 §8.1.7).
#[must_use]
pub fn fast_start(octets: &[u8]) -> Message {
    Message::new(Protocol::H245, octets, asn::decode_olc, asn::encode_olc, |message, channel| {
        message.name = "openLogicalChannel".to_owned();
        message.note = "fastStart".to_owned();
        open(message, channel);
    })
}

fn open(message: &mut Message, channel: &OpenLogicalChannel) {
    let forward = &channel.forward_logical_channel_parameters.multiplex_parameters;
    if let Forward::h2250LogicalChannelParameters(parameters) = forward {
        message.tell_media("mediaChannel", &parameters.media_channel);
        message.tell_media("mediaControlChannel", &parameters.media_control_channel);
    }
    let reverse = channel.reverse_logical_channel_parameters.as_ref();
    if let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
        reverse.and_then(|reverse| reverse.multiplex_parameters.as_ref())
    {
        message.tell_media("mediaChannel", &parameters.media_channel);
        message.tell_media("mediaControlChannel", &parameters.media_control_channel);
    }
    let information = channel.generic_information.iter().flatten();
    information.for_each(|information| message.look_into_channel(&information.0));
}

fn acknowledge(message: &mut Message, ack: &OpenLogicalChannelAck) {
    if let Some(AckParameters::h2250LogicalChannelAckParameters(parameters)) =
        &ack.forward_multiplex_ack_parameters
    {
        message.tell_media("mediaChannel", &parameters.media_channel);
        message.tell_media("mediaControlChannel", &parameters.media_control_channel);
    }
    let reverse = ack.reverse_logical_channel_parameters.as_ref();
    if let Some(AckReverse::h2250LogicalChannelParameters(parameters)) =
        reverse.and_then(|reverse| reverse.multiplex_parameters.as_ref())
    {
        message.tell_media("mediaChannel", &parameters.media_channel);
        message.tell_media("mediaControlChannel", &parameters.media_control_channel);
    }
    let information = ack.generic_information.iter().flatten();
    information.for_each(|information| message.look_into_channel(&information.0));
}
