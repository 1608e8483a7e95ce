//! Logical channels between two endpoints, message by message: opened, closed, rejected, re-opened, replaced.

use pinhole_h323::address::{from_h245, to_h245};
use pinhole_h323::asn::h245::{
    CommandMessage, H245TransportAddress, IndicationMessage as Indication, LogicalChannelNumber,
    MultimediaSystemControlMessage as Message, OpenLogicalChannel,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
    RequestMessage as Request, ResponseMessage as Response,
};
use pinhole_h323::control::{Accept, Audio, Codec, Control, Offer};

use super::talk::Talk;
use super::*;
use crate::face::{FlowCommand, Ports, Side};

/// OpenLogicalChannel 101 as h323plus writes it: GSM, session 1, RTCP at 198.51.100.10:5001.
const OPEN: &str = "030000640c201380188d000100c633640a138900800b300080b080018001fc0040";
/// Its answer, from 198.51.100.20, ports 5000 and 5001.
const ACK: &str = "22c000640280135c0000c6336414138800c63364141389010100";
/// CloseLogicalChannel 101 and its answer.
const CLOSE: &str = "0480006400800100";
const CLOSE_ACK: &str = "23800064";

pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// An OpenLogicalChannel of audio.
pub(super) fn open(channel: u16, session: u8, control: &str) -> OpenLogicalChannel {
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    Offer { channel, session, audio, media: None, control: Some(at(control)) }.to_forward()
}

fn ack(channel: u16, session: u8, media: &str) -> Control {
    let media = at(media);
    let control = Some(SocketAddr::new(media.ip(), media.port() + 1));
    let session = Some(session);
    Control::accept(Accept { channel, session, media: Some(media), control }.to_asn())
}

/// The OpenLogicalChannel of a message.
pub(super) fn opened(control: &Control) -> &OpenLogicalChannel {
    let Message::request(Request::openLogicalChannel(olc)) = control.message() else {
        panic!("{control:?}")
    };
    olc
}

fn accepted(control: &Control) -> Accept {
    let Message::response(response) = control.message() else { panic!("{control:?}") };
    let Response::openLogicalChannelAck(ack) = &**response else { panic!("{control:?}") };
    Accept::read(ack)
}

fn cause(control: &Control) -> String {
    let Message::response(response) = control.message() else { panic!("{control:?}") };
    let Response::openLogicalChannelReject(reject) = &**response else { panic!("{control:?}") };
    format!("{:?}", reject.cause)
}

fn rtcp(olc: &OpenLogicalChannel) -> SocketAddr {
    let multiplex = &olc.forward_logical_channel_parameters.multiplex_parameters;
    let Forward::h2250LogicalChannelParameters(parameters) = multiplex else { panic!("{olc:?}") };
    from_h245(parameters.media_control_channel.as_ref().unwrap()).unwrap()
}

#[test]
fn a_channel_opened_closed_and_opened_again_has_ports_of_ours_each_time() {
    let mut talk = Talk::plain();
    let mut ports = Vec::new();
    for _ in 0..3 {
        let said = talk.say(Side::A, &octets(OPEN));
        assert_eq!(said.flows(), (1, 0));
        let told = rtcp(opened(&said.forwarded()));
        assert_eq!(told.ip().to_string(), "198.51.100.2");
        let said = talk.say(Side::B, &octets(ACK));
        let accept = accepted(&said.forwarded());
        assert_eq!(accept.media.unwrap().ip().to_string(), "198.51.100.2");
        let party = said.parties().pop().unwrap();
        let known = Ports::Signalled { rtp: Some(5000), rtcp: Some(5001) };
        assert_eq!((party.0, party.1.ports), (Side::B, known));
        let said = talk.say(Side::A, &octets(CLOSE));
        assert_eq!(said.flows(), (0, 1));
        assert_eq!(said.forward, Some(octets(CLOSE)));
        assert_eq!(talk.say(Side::B, &octets(CLOSE_ACK)).forward, Some(octets(CLOSE_ACK)));
        ports.push(told);
    }
    ports.dedup();
    assert_eq!(ports.len(), 3, "a closed port is not used again at once");
}

#[test]
fn a_rejected_channel_gives_its_ports_back() {
    let mut talk = Talk::plain();
    talk.say(Side::A, &octets(OPEN));
    let reject = Control::reject(
        101,
        pinhole_h323::asn::h245::OpenLogicalChannelRejectCause::dataTypeNotSupported(()),
    );
    let said = talk.tell(Side::B, &reject);
    assert_eq!(said.flows(), (0, 1));
    assert_eq!(said.forwarded(), reject);
}

#[test]
fn both_directions_of_a_session_share_its_ports_until_the_last_is_closed() {
    let mut talk = Talk::plain();
    assert_eq!(talk.say(Side::A, &octets(OPEN)).flows(), (1, 0));
    // The same number, of the other party.
    let said = talk.tell(Side::B, &Control::open(open(101, 1, "198.51.100.20:5001")));
    assert_eq!(said.flows(), (0, 0));
    assert_eq!(talk.say(Side::A, &octets(CLOSE)).flows(), (0, 0));
    assert_eq!(talk.say(Side::B, &octets(CLOSE)).flows(), (0, 1));
}

/// A slave opens a second video with sessionID 0; the master answers with 32 (Tandberg), and opens its own with it.
#[test]
fn the_master_numbers_the_session_of_a_slave() {
    let mut talk = Talk::plain();
    talk.say(Side::A, &octets(OPEN));
    let said = talk.tell(Side::A, &Control::open(open(7, 0, "198.51.100.10:5005")));
    assert_eq!(said.flows(), (1, 0));
    let first = rtcp(opened(&said.forwarded()));
    let said = talk.tell(Side::A, &Control::open(open(8, 0, "198.51.100.10:5007")));
    assert_eq!(said.flows(), (1, 0), "each is a session of its own");
    assert_ne!(rtcp(opened(&said.forwarded())), first);
    let said = talk.tell(Side::B, &ack(7, 32, "198.51.100.20:5004"));
    let accept = accepted(&said.forwarded());
    assert_eq!(
        (accept.session, accept.control.map(|c| c.port())),
        (Some(32), {
            // The other side of the same session.
            accept.media.map(|media| media.port() + 1)
        })
    );
    let said = talk.tell(Side::B, &Control::open(open(9, 32, "198.51.100.20:5005")));
    assert_eq!(said.flows(), (0, 0), "it is the session that the master has numbered");
    assert_eq!(Some(rtcp(opened(&said.forwarded()))), accept.control);
    talk.tell(Side::A, &Control::close(7));
    assert_eq!(talk.tell(Side::B, &Control::close(9)).flows(), (0, 1));
    assert_eq!(talk.tell(Side::A, &Control::close(8)).flows(), (0, 1));
}

#[test]
fn a_session_that_has_a_number_keeps_it_whatever_an_answer_says() {
    let mut talk = Talk::plain();
    talk.say(Side::A, &octets(OPEN));
    talk.tell(Side::B, &ack(101, 9, "198.51.100.20:5000"));
    let said = talk.tell(Side::B, &Control::open(open(5, 1, "198.51.100.20:5001")));
    assert_eq!(said.flows(), (0, 0), "1 is still 1");
    let said = talk.tell(Side::B, &Control::open(open(6, 9, "198.51.100.20:5003")));
    assert_eq!(said.flows(), (1, 0));
}

#[test]
fn a_channel_in_both_directions_has_our_addresses_in_both() {
    let mut talk = Talk::plain();
    let mut olc = open(3, 3, "198.51.100.10:5009");
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    let media = Some(at("198.51.100.10:5008"));
    let offer = Offer { channel: 3, session: 3, audio, media, control: None };
    olc.reverse_logical_channel_parameters = offer.to_reverse().reverse_logical_channel_parameters;
    let said = talk.tell(Side::A, &Control::open(olc));
    let forwarded = said.forwarded();
    let reverse = opened(&forwarded).reverse_logical_channel_parameters.as_ref().unwrap();
    let Some(Reverse::h2250LogicalChannelParameters(told)) = &reverse.multiplex_parameters else {
        panic!()
    };
    let ours = from_h245(told.media_channel.as_ref().unwrap()).unwrap();
    assert_eq!(ours.port() + 1, rtcp(opened(&forwarded)).port());
    assert_eq!(told.media_control_channel, None);
    let party = said.parties().pop().unwrap().1;
    assert_eq!(party.ports, Ports::Signalled { rtp: Some(5008), rtcp: Some(5009) });
    // openLogicalChannelConfirm of channel 3 passes as it is.
    let confirm = Control::indication(Indication::openLogicalChannelConfirm(
        pinhole_h323::asn::h245::OpenLogicalChannelConfirm {
            forward_logical_channel_number: LogicalChannelNumber(3),
            ..Default::default()
        },
    ));
    assert_eq!(talk.tell(Side::A, &confirm).forwarded(), confirm);
}

#[test]
fn a_port_that_is_not_known_yet_stays_so() {
    let mut talk = Talk::plain();
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    let media = Some(at("198.51.100.10:0"));
    let offer = Offer { channel: 3, session: 3, audio, media, control: None };
    let mut olc = open(3, 3, "198.51.100.10:5009");
    olc.reverse_logical_channel_parameters = offer.to_reverse().reverse_logical_channel_parameters;
    let forwarded = talk.tell(Side::A, &Control::open(olc)).forwarded();
    let reverse = opened(&forwarded).reverse_logical_channel_parameters.as_ref().unwrap();
    let Some(Reverse::h2250LogicalChannelParameters(told)) = &reverse.multiplex_parameters else {
        panic!()
    };
    assert_eq!(told.media_channel, Some(to_h245(at("198.51.100.2:0"))));
}

#[test]
fn a_replacement_without_number_stays_in_the_session() {
    let mut talk = Talk::plain();
    talk.say(Side::A, &octets(OPEN));
    let mut olc = open(102, 0, "198.51.100.10:5001");
    olc.forward_logical_channel_parameters.replacement_for = Some(LogicalChannelNumber(101));
    let said = talk.tell(Side::A, &Control::open(olc.clone()));
    assert_eq!(said.flows(), (0, 0));
    assert_eq!(talk.say(Side::A, &octets(CLOSE)).flows(), (0, 0));
    assert_eq!(talk.tell(Side::A, &Control::close(102)).flows(), (0, 1));
    // What it would replace is not there: a new session.
    assert_eq!(talk.tell(Side::A, &Control::open(olc)).flows(), (1, 0));
}

#[test]
fn a_number_used_again_without_being_closed_leaves_nothing_behind() {
    let mut talk = Talk::plain();
    talk.say(Side::A, &octets(OPEN));
    for session in [1, 2, 3, 0] {
        let said = talk.tell(Side::A, &Control::open(open(101, session, "198.51.100.10:5001")));
        assert_eq!(said.flows(), (1, 1), "{session}");
    }
    assert_eq!(talk.say(Side::A, &octets(CLOSE)).flows(), (0, 1));
}

#[test]
fn an_acknowledgement_without_an_address_for_rtcp_means_the_next_port() {
    let mut talk = Talk::plain();
    talk.say(Side::A, &octets(OPEN));
    // Without mediaControlChannel.
    let accept = Accept {
        channel: 101,
        session: Some(1),
        media: Some(at("198.51.100.20:6000")),
        control: None,
    };
    let said = talk.tell(Side::B, &Control::accept(accept.to_asn()));
    let party = said.parties().pop().unwrap().1;
    assert_eq!(party.ports, Ports::Signalled { rtp: Some(6000), rtcp: Some(6001) });
    assert!(accepted(&said.forwarded()).control.is_some(), "the opener gets one of ours");
}

#[test]
fn an_acknowledgement_of_nothing_tells_no_address() {
    let mut talk = Talk::plain();
    let said = talk.say(Side::B, &octets(ACK));
    assert_eq!(accepted(&said.forwarded()).media, None);
    assert!(said.parties().is_empty());
}

#[test]
fn a_party_that_does_not_understand_a_channel_does_not_keep_its_ports() {
    let mut talk = Talk::plain();
    let said = talk.say(Side::A, &octets(OPEN));
    let Message::request(request) = said.forwarded().into_message() else { panic!() };
    let unknown = pinhole_h323::asn::h245::FunctionNotUnderstood::request(request);
    let unknown = Control::indication(Indication::functionNotUnderstood(Box::new(unknown)));
    assert_eq!(talk.tell(Side::B, &unknown).flows(), (0, 1));
}

#[test]
fn a_call_has_so_many_sessions_and_no_more() {
    let mut talk = Talk::plain();
    for number in 1..=16 {
        assert_eq!(
            talk.tell(Side::A, &Control::open(open(number, 0, "198.51.100.10:5001"))).flows(),
            (1, 0)
        );
    }
    let said = talk.tell(Side::A, &Control::open(open(17, 0, "198.51.100.10:5001")));
    assert_eq!((said.flows(), &said.forward), ((0, 0), &None));
    assert_eq!(cause(&said.replied()), "dataTypeNotAvailable(())");
    assert_eq!(said.refusal().unwrap().0, "dataTypeNotAvailable");
    talk.tell(Side::A, &Control::close(1));
    assert_eq!(
        talk.tell(Side::A, &Control::open(open(17, 0, "198.51.100.10:5001"))).flows(),
        (1, 0)
    );
}

#[test]
fn who_opens_and_closes_without_end_is_stopped() {
    // Shared pairs, which no shortage of ports limits; and a media plane that does not report.
    let mut talk = Talk::of_client(Some(3000));
    let mut through = 0;
    for number in 1..=1000 {
        let said = talk.tell(Side::A, &Control::open(open(number, 0, "10.10.1.2:5001")));
        through += said.flows().0;
        talk.tell(Side::A, &Control::close(number));
    }
    assert!((16..=64).contains(&through), "{through}");
}

#[test]
fn what_cannot_be_relayed_is_refused_with_the_right_cause_and_told() {
    use pinhole_h323::asn::h245::{
        MulticastAddress, NetworkAccessParameters,
        NetworkAccessParametersNetworkAddress as NetworkAddress,
    };
    type Change = fn(&mut OpenLogicalChannel);
    let cases: [(Change, &str); 3] = [
        (
            |olc| {
                olc.forward_logical_channel_parameters.multiplex_parameters = Forward::none(());
            },
            "dataTypeALCombinationNotSupported",
        ),
        (
            |olc| {
                let multiplex = &mut olc.forward_logical_channel_parameters.multiplex_parameters;
                if let Forward::h2250LogicalChannelParameters(parameters) = multiplex {
                    let group = MulticastAddress::iPAddress(
                        pinhole_h323::asn::h245::MulticastAddressIPAddress {
                            network: vec![224, 0, 1, 7].into(),
                            tsap_identifier: 5000,
                            ..Default::default()
                        },
                    );
                    parameters.media_channel =
                        Some(H245TransportAddress::multicastAddress(Box::new(group)));
                }
            },
            "multicastChannelNotAllowed",
        ),
        (
            |olc| {
                let network_address = NetworkAddress::e164Address("5551234".into());
                let stack = NetworkAccessParameters { network_address, ..Default::default() };
                olc.separate_stack = Some(Box::new(stack));
            },
            "separateStackEstablishmentFailed",
        ),
    ];
    for (change, expected) in cases {
        let mut talk = Talk::plain();
        let mut olc = open(5, 1, "198.51.100.10:5001");
        change(&mut olc);
        let said = talk.tell(Side::A, &Control::open(olc));
        assert_eq!((said.flows(), &said.forward), ((0, 0), &None));
        assert_eq!(cause(&said.replied()), format!("{expected}(())"));
        assert_eq!(said.refusal().unwrap().0, expected);
    }
}

/// Third-party pause and re-routing (H.323 §8.4.6): an empty capability set, all channels closed, capabilities again,
/// and media of another host.
#[test]
fn after_an_empty_capability_set_media_goes_elsewhere() {
    let mut talk = Talk::plain();
    talk.say(Side::A, &octets(OPEN));
    talk.say(Side::B, &octets(ACK));
    let empty = Control::terminal_capability_set(2, &[]).encode().unwrap();
    assert_eq!(talk.say(Side::B, &empty).forward, Some(empty));
    assert_eq!(talk.say(Side::A, &octets(CLOSE)).flows(), (0, 1));
    let audio = [Audio { codec: Codec::Pcmu, frames: 20 }];
    let again = Control::terminal_capability_set(3, &audio).encode().unwrap();
    assert_eq!(talk.say(Side::B, &again).forward, Some(again));
    assert_eq!(
        talk.tell(Side::A, &Control::open(open(102, 1, "198.51.100.10:5001"))).flows(),
        (1, 0)
    );
    let said = talk.tell(Side::B, &ack(102, 1, "198.51.100.77:7000"));
    let party = said.parties().pop().unwrap();
    let ports = Ports::Signalled { rtp: Some(7000), rtcp: Some(7001) };
    assert_eq!(
        (party.0, party.1.ip.to_string(), party.1.ports),
        (Side::B, "198.51.100.77".into(), ports)
    );
}

#[test]
fn what_speaks_of_no_address_passes_octet_for_octet_both_ways() {
    use pinhole_h323::asn::h245 as asn;
    let signal = asn::UserInputIndicationSignal {
        signal_type: "5".into(),
        duration: Some(200),
        ..Default::default()
    };
    let user_input = |input| Control::indication(Indication::userInput(Box::new(input)));
    let messages = [
        // roundTripDelayRequest 7 and its response.
        Control::request(Request::roundTripDelayRequest(asn::RoundTripDelayRequest {
            sequence_number: asn::SequenceNumber(7),
            ..Default::default()
        })),
        Control::round_trip_delay_response(7),
        user_input(asn::UserInputIndication::alphanumeric("1".into())),
        user_input(asn::UserInputIndication::signal(Box::new(signal))),
        Control::command(CommandMessage::flowControlCommand(Default::default())),
        Control::command(CommandMessage::miscellaneousCommand(Box::new(
            asn::MiscellaneousCommand {
                logical_channel_number: LogicalChannelNumber(101),
                r_type: asn::MiscellaneousCommandType::videoFastUpdatePicture(()),
                ..Default::default()
            },
        ))),
        Control::command(CommandMessage::conferenceCommand(Default::default())),
        Control::indication(Indication::conferenceIndication(Default::default())),
        Control::request(Request::requestChannelClose(asn::RequestChannelClose {
            forward_logical_channel_number: LogicalChannelNumber(101),
            ..Default::default()
        })),
        Control::request(Request::communicationModeRequest(Default::default())),
        Control::request(Request::conferenceRequest(Default::default())),
    ];
    let mut all: Vec<Vec<u8>> = messages.iter().map(|m| m.encode().unwrap()).collect();
    // A generic request {0 0 8 239 2} of H.239; a request and an indication that nobody knows, the 21st of their
    // extensions, with four octets of content.
    all.extend(["10800700050008816f02", "12800401020304", "72800401020304"].map(octets));
    let mut talk = Talk::plain();
    for from in [Side::A, Side::B] {
        for message in &all {
            let said = talk.say(from, message);
            assert_eq!(said.forward.as_ref(), Some(message));
            assert_eq!(said.reply, None);
        }
    }
}

/// No datagrams of the media plane are asked for, and none is told of twice.
#[test]
fn what_is_known_already_is_not_said_again() {
    let mut talk = Talk::plain();
    talk.say(Side::A, &octets(OPEN));
    assert_eq!(talk.say(Side::B, &octets(ACK)).parties().len(), 1);
    let said = talk.say(Side::B, &octets(ACK));
    assert_eq!(said.parties(), []);
    let told = |o: &Output| matches!(o, Output::Flow(FlowCommand::Multiplex { .. }));
    assert!(!said.outputs.iter().any(told));
}
