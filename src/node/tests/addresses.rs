//! No address of one party's network reaches the other in H.245, in whatever field.

use pinhole_h323::address::to_h245;
use pinhole_h323::asn::encode_traversal_parameters;
use pinhole_h323::asn::h245::{
    CapabilityIdentifier, CommandMessage, CommunicationModeCommand, CommunicationModeResponse,
    CommunicationModeTableEntry, GenericInformation, GenericMessage, GenericParameter,
    H245TransportAddress, H2250LogicalChannelAckParameters, H2250LogicalChannelParameters,
    IndicationMessage as Indication, LogicalChannelNumber, MCLocationIndication,
    NetworkAccessParameters, NetworkAccessParametersNetworkAddress as NetworkAddress,
    OpenLogicalChannel, OpenLogicalChannelAck,
    OpenLogicalChannelAckForwardMultiplexAckParameters as AckParameters,
    OpenLogicalChannelAckReverseLogicalChannelParameters,
    OpenLogicalChannelAckReverseLogicalChannelParametersMultiplexParameters as ReverseAck,
    OpenLogicalChannelConfirm,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReject, OpenLogicalChannelReverseLogicalChannelParameters,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
    ParameterIdentifier, ParameterValue, RequestMessage as Request, ResponseMessage as Response,
};
use pinhole_h323::control::Control;

use super::channels::{at, open};
use super::talk::Talk;
use super::*;
use crate::face::Side;

/// Every field of H.245 that holds a transport address. An ASN.1 module with one more fails here, so that somebody
/// thinks of it.
const FIELDS: [&str; 8] = [
    "media_channel",
    "media_control_channel",
    "media_channel",
    "media_control_channel",
    "media_channel",
    "media_control_channel",
    "signal_address",
    "localAreaAddress",
];

/// An address inside, in three guises.
const INSIDE: [&str; 3] = ["10.99.98.97:40000", "10.99.98.97:0", "[fd00:63:62:61::10]:40000"];

fn shows(octets: &[u8], address: SocketAddr) -> bool {
    let wanted = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    octets.windows(wanted.len()).any(|window| window == wanted)
}

/// genericInformation of H.460.19 in all fields, of H.460.19 of a later version, and of H.460.24.
fn information(inside: SocketAddr) -> Option<Vec<GenericInformation>> {
    let address = Some(to_h245(inside));
    let parameters = pinhole_h323::asn::h46019::TraversalParameters {
        multiplexed_media_channel: address.clone(),
        multiplexed_media_control_channel: address.clone(),
        multiplex_id: Some(7),
        keep_alive_channel: address,
        ..Default::default()
    };
    let octets = encode_traversal_parameters(&parameters).unwrap();
    let element = |oid: &[u32]| {
        GenericInformation(GenericMessage {
            message_identifier: CapabilityIdentifier::standard(
                pinhole_h323::asn::ObjectIdentifier::new(oid),
            ),
            message_content: Some(vec![GenericParameter {
                parameter_identifier: ParameterIdentifier::standard(1),
                parameter_value: ParameterValue::octetString(octets.clone().into()),
                ..Default::default()
            }]),
            ..Default::default()
        })
    };
    let all: [&[u32]; 4] = [
        &[0, 0, 8, 460, 19, 0, 1],
        &[0, 0, 8, 460, 19, 0, 2],
        &[0, 0, 8, 460, 24, 1],
        &[0, 0, 8, 460, 24, 2],
    ];
    Some(all.map(element).to_vec())
}

fn generic(inside: SocketAddr) -> GenericMessage {
    information(inside).unwrap().swap_remove(3).0
}

fn stack(inside: SocketAddr) -> Option<Box<NetworkAccessParameters>> {
    Some(Box::new(NetworkAccessParameters {
        network_address: NetworkAddress::localAreaAddress(to_h245(inside)),
        ..Default::default()
    }))
}

fn parameters(inside: SocketAddr) -> Box<H2250LogicalChannelParameters> {
    Box::new(H2250LogicalChannelParameters {
        session_id: 1,
        media_channel: Some(to_h245(inside)),
        media_control_channel: Some(to_h245(inside)),
        ..Default::default()
    })
}

fn full_open(inside: SocketAddr) -> OpenLogicalChannel {
    let mut olc = open(3, 1, "192.0.2.1:1");
    let forward = &mut olc.forward_logical_channel_parameters;
    forward.multiplex_parameters = Forward::h2250LogicalChannelParameters(parameters(inside));
    olc.reverse_logical_channel_parameters =
        Some(OpenLogicalChannelReverseLogicalChannelParameters {
            data_type: forward.data_type.clone(),
            multiplex_parameters: Some(Reverse::h2250LogicalChannelParameters(parameters(inside))),
            ..Default::default()
        });
    olc.generic_information = information(inside);
    olc
}

fn full_ack(number: u16, inside: SocketAddr) -> OpenLogicalChannelAck {
    OpenLogicalChannelAck {
        forward_logical_channel_number: LogicalChannelNumber(number),
        reverse_logical_channel_parameters: Some(
            OpenLogicalChannelAckReverseLogicalChannelParameters {
                reverse_logical_channel_number: LogicalChannelNumber(4),
                multiplex_parameters: Some(ReverseAck::h2250LogicalChannelParameters(parameters(
                    inside,
                ))),
                ..Default::default()
            },
        ),
        separate_stack: stack(inside),
        forward_multiplex_ack_parameters: Some(AckParameters::h2250LogicalChannelAckParameters(
            Box::new(H2250LogicalChannelAckParameters {
                session_id: Some(1),
                media_channel: Some(to_h245(inside)),
                media_control_channel: Some(to_h245(inside)),
                ..Default::default()
            }),
        )),
        generic_information: information(inside),
        ..Default::default()
    }
}

fn table(inside: SocketAddr) -> Vec<CommunicationModeTableEntry> {
    let entry = |session_id| CommunicationModeTableEntry {
        session_id,
        session_description: "x".into(),
        media_channel: Some(to_h245(inside)),
        media_control_channel: Some(to_h245(inside)),
        ..Default::default()
    };
    // A session that there is, and one that there is not.
    vec![entry(1), entry(77)]
}

/// Every message that can hold an address, with this one everywhere.
pub(super) fn messages(inside: SocketAddr) -> Vec<Control> {
    let audio = |olc: &mut OpenLogicalChannel| olc.separate_stack = stack(inside);
    let mut with_stack = full_open(inside);
    audio(&mut with_stack);
    let location = MCLocationIndication { signal_address: to_h245(inside), unknown_ext: None };
    vec![
        Control::open(full_open(inside)),
        Control::open(with_stack),
        // Of the channel that the other party has opened, and of none.
        Control::accept(full_ack(9, inside)),
        Control::accept(full_ack(11, inside)),
        Control::response(Response::openLogicalChannelReject(OpenLogicalChannelReject {
            forward_logical_channel_number: LogicalChannelNumber(12),
            generic_information: information(inside),
            ..Default::default()
        })),
        Control::indication(Indication::openLogicalChannelConfirm(OpenLogicalChannelConfirm {
            forward_logical_channel_number: LogicalChannelNumber(3),
            generic_information: information(inside),
            ..Default::default()
        })),
        Control::command(CommandMessage::communicationModeCommand(CommunicationModeCommand {
            communication_mode_table: table(inside),
            ..Default::default()
        })),
        Control::response(Response::communicationModeResponse(
            CommunicationModeResponse::communicationModeTable(table(inside)),
        )),
        Control::indication(Indication::mcLocationIndication(location)),
        Control::request(Request::genericRequest(Box::new(generic(inside)))),
        Control::response(Response::genericResponse(Box::new(generic(inside)))),
        Control::command(CommandMessage::genericCommand(Box::new(generic(inside)))),
        Control::indication(Indication::genericIndication(Box::new(generic(inside)))),
    ]
}

#[test]
fn every_field_of_the_module_is_known() {
    let module = include_str!("../../../h323/src/asn/h245.rs");
    let field = |line: &str| {
        let text = line.trim_start_matches("    ").trim_start_matches("pub ");
        let (name, kind) = text.split_once([':', '('])?;
        kind.contains("H245TransportAddress").then(|| name.to_owned())
    };
    let mut found: Vec<String> = module.lines().filter_map(field).collect();
    let mut known = FIELDS.map(str::to_owned);
    found.sort();
    known.sort();
    assert_eq!(found, known);
    let addresses = module.matches("Box<UnicastAddress>").count();
    assert_eq!(addresses, 1, "only a transport address holds one");
}

#[test]
fn no_address_inside_is_seen_on_the_other_side() {
    let plain = Talk::plain;
    let client = || Talk::of_client(None);
    let multiplexing = || Talk::of_client(Some(3000));
    let talks: [&dyn Fn() -> Talk; 3] = [&plain, &client, &multiplexing];
    for (inside, talk) in INSIDE.iter().flat_map(|inside| talks.map(|talk| (at(inside), talk))) {
        for from in [Side::A, Side::B] {
            let mut talk = talk();
            talk.tell(from.other(), &Control::open(open(9, 1, "192.0.2.1:5001")));
            let messages = messages(inside);
            let mut passed = 0;
            for message in &messages {
                let octets = message.encode().unwrap();
                assert!(shows(&octets, inside), "the test would notice: {}", message.name());
                let said = talk.say(from, &octets);
                let Some(forward) = &said.forward else { continue };
                passed += 1;
                assert!(!shows(forward, inside), "{}: {forward:02x?}", message.name());
            }
            // Refused is only the channel with a stack of its own; four messages are for us.
            assert_eq!(passed, messages.len() - 5);
        }
    }
}

#[test]
fn a_conference_is_told_our_addresses() {
    let mut talk = Talk::plain();
    let inside = at("198.51.100.20:5000");
    let command = |entries| {
        Control::command(CommandMessage::communicationModeCommand(CommunicationModeCommand {
            communication_mode_table: entries,
            ..Default::default()
        }))
    };
    let said = talk.tell(Side::A, &Control::open(open(9, 1, "198.51.100.10:5001")));
    assert_eq!(said.flows(), (1, 0));
    let forwarded = talk.tell(Side::B, &command(table(inside))).forwarded();
    let pinhole_h323::asn::h245::MultimediaSystemControlMessage::command(
        CommandMessage::communicationModeCommand(told),
    ) = forwarded.message()
    else {
        panic!()
    };
    let [known, unknown] = &told.communication_mode_table[..] else { panic!() };
    let ip = |told: &Option<H245TransportAddress>| {
        pinhole_h323::address::from_h245(told.as_ref().unwrap()).unwrap().ip().to_string()
    };
    assert_eq!(ip(&known.media_channel), "198.51.100.2");
    assert_eq!(ip(&known.media_control_channel), "198.51.100.2");
    assert_eq!((&unknown.media_channel, &unknown.media_control_channel), (&None, &None));
}
