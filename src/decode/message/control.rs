//! H.245, on a connection of its own or inside H.225.0.

use pinhole_h323::asn;
use pinhole_h323::asn::h245::{
    CommandMessage, GenericMessage, IndicationMessage, MultimediaSystemControlMessage as H245,
    OpenLogicalChannel, OpenLogicalChannelAck,
    OpenLogicalChannelAckReverseLogicalChannelParametersMultiplexParameters as Reverse,
    RequestMessage, ResponseMessage,
};
use pinhole_h323::control::{Control, channel};

use super::{Message, Protocol};

/// A message of H.245.
#[must_use]
pub fn control(octets: &[u8]) -> Message {
    let encode = |control: &Control| Control::new(control.message().clone()).encode();
    Message::new(Protocol::H245, octets, Control::decode, encode, |message, control| {
        let value = control.message();
        message.name = control.name().to_owned();
        message.value = format!("{value:#?}");
        match value {
            H245::request(RequestMessage::openLogicalChannel(olc)) => open(message, olc),
            H245::response(response) => {
                if let ResponseMessage::openLogicalChannelAck(ack) = &**response {
                    acknowledge(message, ack);
                }
            }
            _ => {}
        }
        if let Some(generic) = generic(value) {
            message.look_at_generic(generic);
        }
    })
}

fn generic(value: &H245) -> Option<&GenericMessage> {
    match value {
        H245::request(RequestMessage::genericRequest(generic))
        | H245::command(CommandMessage::genericCommand(generic)) => Some(generic),
        H245::response(response) => match &**response {
            ResponseMessage::genericResponse(generic) => Some(generic),
            _ => None,
        },
        H245::indication(indication) => match &**indication {
            IndicationMessage::genericIndication(generic) => Some(generic),
            _ => None,
        },
        _ => None,
    }
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
    let forward = channel::forward_parameters(channel);
    for parameters in forward.into_iter().chain(channel::reverse_parameters(channel)) {
        message.tell_media("mediaChannel", &parameters.media_channel);
        message.tell_media("mediaControlChannel", &parameters.media_control_channel);
    }
    let information = channel.generic_information.iter().flatten();
    information.for_each(|information| message.look_into_channel(&information.0));
}

fn acknowledge(message: &mut Message, ack: &OpenLogicalChannelAck) {
    if let Some(parameters) = channel::ack_parameters(ack) {
        message.tell_media("mediaChannel", &parameters.media_channel);
        message.tell_media("mediaControlChannel", &parameters.media_control_channel);
    }
    let reverse = ack.reverse_logical_channel_parameters.as_ref();
    if let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
        reverse.and_then(|reverse| reverse.multiplex_parameters.as_ref())
    {
        message.tell_media("mediaChannel", &parameters.media_channel);
        message.tell_media("mediaControlChannel", &parameters.media_control_channel);
    }
    let information = ack.generic_information.iter().flatten();
    information.for_each(|information| message.look_into_channel(&information.0));
}
