//! H.460.19: media through NATs and firewalls. The two sides of a leg are a server and a client; channels say
//! where keepalives go and under which multiplexID packets share a port.

use crate::address;
use crate::asn::h225::{GenericData, TimeToLive};
use crate::asn::h245::{
    CapabilityIdentifier, GenericInformation, GenericMessage, GenericParameter,
    ParameterIdentifier, ParameterValue,
};
use crate::asn::h46019::TraversalParameters;
use crate::asn::{ObjectIdentifier, decode_traversal_parameters, encode_traversal_parameters};
use crate::error::Malformed;
use crate::generic::{self, H460_19, Parameters};
use crate::mux::MultiplexId;
use std::net::SocketAddr;

/// Parameter of the feature: its sender can send multiplexed media.
const TRANSMIT_MULTIPLEXED: u16 = 1;
/// Parameter of the feature: its sender is the server of this leg.
const SERVER: u16 = 2;

/// {0 0 8 460 19 0 1}, the messageIdentifier of TraversalParameters.
const MESSAGE: [u32; 7] = [0, 0, 8, 460, 19, 0, 1];
/// Parameter of genericInformation: TraversalParameters.
const TRAVERSAL_PARAMETERS: u8 = 1;

/// What one side says of itself in the feature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ability {
    /// It can send packets with a multiplexID before them (supportTransmitMultiplexedMedia).
    pub transmit_multiplexed: bool,
    /// It is the server of this leg (mediaTraversalServer); else it is the client.
    pub server: bool,
}

impl Ability {
    /// Reads the feature.
    #[must_use]
    pub fn read(feature: &GenericData) -> Self {
        Self {
            transmit_multiplexed: feature.has(TRANSMIT_MULTIPLEXED),
            server: feature.has(SERVER),
        }
    }

    /// The feature, for [`crate::Signal::set_feature`].
    #[must_use]
    pub fn to_feature(self) -> GenericData {
        let mut feature = generic::new(H460_19);
        if self.server {
            feature.set(SERVER, None);
        }
        if self.transmit_multiplexed {
            feature.set(TRANSMIT_MULTIPLEXED, None);
        }
        feature
    }
}

/// What H.460.19 adds to OpenLogicalChannel and OpenLogicalChannelAck (TraversalParameters).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traversal {
    /// Where multiplexed RTP is received.
    pub media: Option<SocketAddr>,
    /// Where multiplexed RTCP is received.
    pub control: Option<SocketAddr>,
    /// The identifier that packets to there carry.
    pub multiplex_id: Option<MultiplexId>,
    /// Where the client sends keepalives to.
    pub keep_alive_channel: Option<SocketAddr>,
    /// The payload type of its RTP keepalives, `0..=127`.
    pub keep_alive_payload_type: Option<u8>,
    /// Seconds between keepalives, 1 and up.
    pub keep_alive_interval: Option<u32>,
}

impl Traversal {
    /// What the genericInformation of a channel says; `None` if it says nothing, or only that its sender knows
    /// H.460.19. All elements are looked at.
    ///
    /// # Errors
    /// [`Malformed`] when the parameters are there and cannot be understood.
    pub fn read(information: Option<&Vec<GenericInformation>>) -> Result<Option<Self>, Malformed> {
        let elements = information.into_iter().flatten().filter(|element| is_ours(element));
        let mut contents = elements.flat_map(|element| element.0.message_content.iter().flatten());
        let octets = contents.find_map(|parameter| {
            match (&parameter.parameter_identifier, &parameter.parameter_value) {
                (
                    ParameterIdentifier::standard(TRAVERSAL_PARAMETERS),
                    ParameterValue::octetString(octets),
                ) => Some(octets),
                _ => None,
            }
        });
        octets.map(|octets| Ok(Self::from_asn(&decode_traversal_parameters(octets)?))).transpose()
    }

    /// Puts this into the genericInformation of a channel, before all else, in place of whatever another hop
    /// said of H.460.19.
    ///
    /// # Errors
    /// [`Malformed::Constraint`] when a value is out of its bounds; the information stays as it was.
    pub fn write(
        &self,
        information: &mut Option<Vec<GenericInformation>>,
    ) -> Result<(), Malformed> {
        let octets = encode_traversal_parameters(&self.to_asn())?;
        let parameter = GenericParameter {
            parameter_identifier: ParameterIdentifier::standard(TRAVERSAL_PARAMETERS),
            parameter_value: ParameterValue::octetString(octets.into()),
            supersedes: None,
            unknown_ext: None,
        };
        put(information, Some(vec![parameter]));
        Ok(())
    }

    fn from_asn(parameters: &TraversalParameters) -> Self {
        let socket = |address: &Option<_>| address.as_ref().and_then(address::from_h245);
        Self {
            media: socket(&parameters.multiplexed_media_channel),
            control: socket(&parameters.multiplexed_media_control_channel),
            multiplex_id: parameters.multiplex_id.map(MultiplexId),
            keep_alive_channel: socket(&parameters.keep_alive_channel),
            keep_alive_payload_type: parameters.keep_alive_payload_type,
            keep_alive_interval: parameters.keep_alive_interval.as_ref().map(|interval| interval.0),
        }
    }

    fn to_asn(self) -> TraversalParameters {
        TraversalParameters {
            multiplexed_media_channel: self.media.map(address::to_h245),
            multiplexed_media_control_channel: self.control.map(address::to_h245),
            multiplex_id: self.multiplex_id.map(|id| id.0),
            keep_alive_channel: self.keep_alive_channel.map(address::to_h245),
            keep_alive_payload_type: self.keep_alive_payload_type,
            keep_alive_interval: self.keep_alive_interval.map(TimeToLive),
            unknown_ext: None,
        }
    }
}

/// Says that the sender of a channel knows H.460.19, and no more: the element without content, as clients put it into
/// the channels that they open or propose.
pub fn announce(information: &mut Option<Vec<GenericInformation>>) {
    put(information, None);
}

/// True when the genericInformation of a channel says, with content or without, that its sender knows H.460.19.
#[must_use]
pub fn is_announced(information: Option<&Vec<GenericInformation>>) -> bool {
    information.into_iter().flatten().any(is_ours)
}

/// Puts our element before all else, because some receivers look at the first one only.
fn put(
    information: &mut Option<Vec<GenericInformation>>,
    message_content: Option<Vec<GenericParameter>>,
) {
    remove(information);
    let element = GenericInformation(GenericMessage {
        message_identifier: CapabilityIdentifier::standard(ObjectIdentifier::from(MESSAGE)),
        sub_message_identifier: None,
        message_content,
        unknown_ext: None,
    });
    information.get_or_insert_default().insert(0, element);
}

/// Takes everything of H.460.19 out of the genericInformation of a channel, with content or without, and the
/// list away when it is empty; true if there was any.
pub fn remove(information: &mut Option<Vec<GenericInformation>>) -> bool {
    let Some(elements) = information else { return false };
    let before = elements.len();
    elements.retain(|element| !is_ours(element));
    let found = elements.len() != before;
    if found && elements.is_empty() {
        *information = None;
    }
    found
}

fn is_ours(element: &GenericInformation) -> bool {
    matches!(&element.0.message_identifier, CapabilityIdentifier::standard(oid) if *oid == MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::h245::{
        MultimediaSystemControlMessage as Message, RequestMessage, ResponseMessage,
    };
    use crate::control::Control;
    use crate::vectors::*;

    fn at(port: u16) -> Option<SocketAddr> {
        Some(SocketAddr::from(([203, 0, 113, 10], port)))
    }

    fn information(control: &Control) -> Option<&Vec<GenericInformation>> {
        match control.message() {
            Message::request(RequestMessage::openLogicalChannel(open)) => {
                open.generic_information.as_ref()
            }
            Message::response(response) => match &**response {
                ResponseMessage::openLogicalChannelAck(ack) => ack.generic_information.as_ref(),
                _ => panic!(),
            },
            _ => panic!(),
        }
    }

    fn read(hex: &str) -> Option<Traversal> {
        Traversal::read(information(&Control::decode(&unwrapped(hex)).unwrap())).unwrap()
    }

    fn tunnelled(hex: &str) -> Traversal {
        let signal = crate::Signal::decode(&unwrapped(hex)).unwrap();
        let control = Control::decode(signal.h245_control()[0]).unwrap();
        Traversal::read(information(&control)).unwrap().unwrap()
    }

    #[test]
    fn reads_the_feature_and_writes_it() {
        for (server, transmit_multiplexed) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            let ability = Ability { transmit_multiplexed, server };
            assert_eq!(Ability::read(&ability.to_feature()), ability);
        }
        let connect = crate::Signal::decode(&unwrapped(CONNECT)).unwrap();
        let both = Ability { transmit_multiplexed: true, server: true };
        assert_eq!(Ability::read(connect.feature(H460_19).unwrap()), both);
        assert_eq!(connect.feature(H460_19), Some(&both.to_feature()));
    }

    #[test]
    fn reads_the_parameters_of_every_kind_of_channel() {
        let server = Traversal {
            keep_alive_channel: at(50_000),
            keep_alive_interval: Some(19),
            ..Traversal::default()
        };
        assert_eq!(read(V_OLC), Some(server));
        assert_eq!(
            read(V_OLC_ACK),
            Some(Traversal { keep_alive_payload_type: Some(116), ..Traversal::default() })
        );
        assert_eq!(read(OLC_BARE), None);
        assert_eq!(read(OLC_ACK_NONE), None);
        assert_eq!(read(OLC_ACK).unwrap().keep_alive_payload_type, Some(127));
        assert_eq!(read(OLC_TWO).unwrap().keep_alive_interval, Some(19));
        assert_eq!(
            tunnelled(MUX_OLC_TO_CLIENT),
            Traversal {
                media: Some("198.51.100.10:3000".parse().unwrap()),
                control: Some("198.51.100.10:3001".parse().unwrap()),
                multiplex_id: Some(MultiplexId(1)),
                keep_alive_channel: Some("198.51.100.10:3000".parse().unwrap()),
                keep_alive_payload_type: None,
                keep_alive_interval: Some(19),
            }
        );
        let client = tunnelled(MUX_OLC_ACK_OF_CLIENT);
        assert_eq!(client.multiplex_id, Some(MultiplexId(0x000e_250f)));
        assert_eq!(client.keep_alive_payload_type, Some(127));
    }

    #[test]
    fn parameters_written_are_those_of_the_vectors() {
        for hex in [V_OLC, V_OLC_ACK, OLC_ACK] {
            let control = Control::decode(&unwrapped(hex)).unwrap();
            let mut made = None;
            read(hex).unwrap().write(&mut made).unwrap();
            assert_eq!(made.as_ref(), information(&control));
        }
    }

    #[test]
    fn foreign_elements_are_replaced_and_others_stay() {
        let control = Control::decode(&unwrapped(OLC_TWO)).unwrap();
        let mut elements = information(&control).cloned();
        let other = GenericInformation(GenericMessage {
            message_identifier: CapabilityIdentifier::standard([0, 0, 8, 460, 24, 1].into()),
            ..GenericMessage::default()
        });
        elements.as_mut().unwrap().insert(0, other.clone());
        let ours = Traversal { keep_alive_payload_type: Some(100), ..Traversal::default() };
        ours.write(&mut elements).unwrap();
        assert_eq!(elements.as_ref().unwrap().len(), 2);
        assert_eq!(elements.as_ref().unwrap()[1], other);
        assert_eq!(Traversal::read(elements.as_ref()), Ok(Some(ours)));
        assert!(remove(&mut elements));
        assert!(!remove(&mut elements));
        assert_eq!(elements, Some(vec![other]));
        let mut bare = information(&Control::decode(&unwrapped(OLC_BARE)).unwrap()).cloned();
        assert!(remove(&mut bare));
        assert_eq!(bare, None);
    }

    #[test]
    fn odd_content_is_passed_over_or_an_error_but_never_more() {
        let with = |content: Option<Vec<GenericParameter>>| {
            let mut elements = None;
            Traversal::default().write(&mut elements).unwrap();
            elements.as_mut().unwrap()[0].0.message_content = content;
            Traversal::read(elements.as_ref())
        };
        let parameter = |value| GenericParameter {
            parameter_identifier: ParameterIdentifier::standard(1),
            parameter_value: value,
            ..GenericParameter::default()
        };
        assert_eq!(with(None), Ok(None));
        assert_eq!(with(Some(vec![])), Ok(None));
        assert_eq!(with(Some(vec![parameter(ParameterValue::logical(()))])), Ok(None));
        assert!(
            with(Some(vec![parameter(ParameterValue::octetString(vec![0xff].into()))])).is_err()
        );
        assert_eq!(Traversal::read(None), Ok(None));
    }

    #[test]
    fn announced_without_content_as_in_the_capture() {
        let control = Control::decode(&unwrapped(OLC_BARE)).unwrap();
        let mut elements = None;
        announce(&mut elements);
        assert_eq!(elements.as_ref(), information(&control));
        assert_eq!(Traversal::read(elements.as_ref()), Ok(None));
        assert!(is_announced(elements.as_ref()) && !is_announced(None));
    }

    #[test]
    fn a_value_out_of_bounds_changes_nothing() {
        let mut elements = None;
        let odd = Traversal { keep_alive_payload_type: Some(128), ..Traversal::default() };
        assert!(odd.write(&mut elements).is_err());
        assert_eq!(elements, None);
    }
}
