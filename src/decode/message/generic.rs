//! What the H.460 series carries in the generic data of other messages.

use pinhole_h323::asn;
use pinhole_h323::asn::h225::{Content, GenericData};
use pinhole_h323::asn::h245::{
    CapabilityIdentifier, GenericMessage, ParameterIdentifier, ParameterValue,
};
use pinhole_h323::generic::{H460_17, H460_18, H460_26, standard};
use pinhole_h323::id::CallId;

use super::ras::ras;
use super::{Message, Protocol, Role};

/// Signalling channel suspension and redirection.
const H460_15: u16 = 15;
/// The object identifier under which H.460.19 adds to logical channels.
const CHANNEL: [u32; 7] = [0, 0, 8, 460, 19, 0, 1];
/// The object identifier of the generic messages of H.460.18.
const CORRELATION: [u32; 7] = [0, 0, 8, 460, 18, 0, 1];

impl Message {
    /// Decodes what an element of generic data carries.
    pub(super) fn look_into(&mut self, data: &GenericData) {
        let Some(feature) = standard(&data.id) else { return };
        for parameter in data.parameters.iter().flatten() {
            let (Some(number), Some(Content::raw(octets))) =
                (standard(&parameter.id), &parameter.content)
            else {
                continue;
            };
            let inside = match (feature, number) {
                (H460_15, 1) => Self::new(
                    Protocol::H46015,
                    octets,
                    asn::decode_signalling_channel,
                    asn::encode_signalling_channel,
                    |_, _| {},
                ),
                (H460_17, 1) => ras(octets),
                (H460_18, 1) => incoming_call(octets),
                (H460_18, 2) => Self::new(
                    Protocol::H46018,
                    octets,
                    asn::decode_lrq_keep_alive,
                    asn::encode_lrq_keep_alive,
                    |_, _| {},
                ),
                (H460_26, 1) => Self::new(
                    Protocol::H46026,
                    octets,
                    asn::decode_udp_frame,
                    asn::encode_udp_frame,
                    |message, frames| {
                        message.note = format!(
                            "session {}, {} packets",
                            frames.session_id,
                            frames.frame.len()
                        );
                    },
                ),
                _ => continue,
            };
            if self.call.is_none() {
                self.call.clone_from(&inside.call);
            }
            self.inside.push(inside);
        }
    }

    /// Decodes what H.460.19 adds to a logical channel.
    pub(super) fn look_into_channel(&mut self, information: &GenericMessage) {
        if !is(&information.message_identifier, CHANNEL) {
            return;
        }
        for (number, value) in parameters(information) {
            if let (1, ParameterValue::octetString(octets)) = (number, value) {
                self.inside.push(traversal_parameters(octets));
            }
        }
    }

    /// Notes what a generic message of H.460.18 is, and to which call it belongs.
    pub(super) fn look_at_generic(&mut self, generic: &GenericMessage) {
        if !is(&generic.message_identifier, CORRELATION)
            || generic.sub_message_identifier != Some(1)
        {
            return;
        }
        self.note = "connectionCorrelation".to_owned();
        for (number, value) in parameters(generic) {
            if let (1, ParameterValue::octetString(octets)) = (number, value) {
                self.call =
                    <[u8; 16]>::try_from(&**octets).ok().map(|octets| CallId(octets).to_string());
            }
        }
    }
}

fn incoming_call(octets: &[u8]) -> Message {
    Message::new(
        Protocol::H46018,
        octets,
        asn::decode_incoming_call,
        asn::encode_incoming_call,
        |message, incoming| {
            message.call = Some(CallId::from(&incoming.call_id).to_string());
            let address = [&incoming.call_signalling_address];
            message.tell("callSignallingAddress", Role::Other, address);
        },
    )
}

fn traversal_parameters(octets: &[u8]) -> Message {
    Message::new(
        Protocol::H46019,
        octets,
        asn::decode_traversal_parameters,
        asn::encode_traversal_parameters,
        |message, parameters| {
            let media = &parameters.multiplexed_media_channel;
            let control = &parameters.multiplexed_media_control_channel;
            message.tell_media("multiplexedMediaChannel", media);
            message.tell_media("multiplexedMediaControlChannel", control);
            message.tell_media("keepAliveChannel", &parameters.keep_alive_channel);
        },
    )
}

fn is(id: &CapabilityIdentifier, wanted: [u32; 7]) -> bool {
    matches!(id, CapabilityIdentifier::standard(oid) if *oid == wanted)
}

/// The parameters that have standard numbers.
fn parameters(generic: &GenericMessage) -> impl Iterator<Item = (u8, &ParameterValue)> {
    let all = generic.message_content.iter().flatten();
    all.filter_map(|parameter| match parameter.parameter_identifier {
        ParameterIdentifier::standard(number) => Some((number, &parameter.parameter_value)),
        _ => None,
    })
}
