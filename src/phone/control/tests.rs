use pinhole_h323::asn::h245::{
    AudioCapability, CloseLogicalChannel, ConferenceRequest, DataType, LogicalChannelNumber,
    OpenLogicalChannel, OpenLogicalChannelRejectCause, RequestChannelClose, RoundTripDelayRequest,
    TerminalCapabilitySet, VideoCapability,
};
use pinhole_h323::asn::{decode_olc, encode_h245, encode_olc};

use pinhole_h323::h46019::Traversal;

use super::*;

fn end(law: Law, host: u8) -> Control {
    let at = |port| SocketAddr::from(([192, 0, 2, host], port));
    let addresses = BTreeMap::from([(Medium::Audio, (at(5000), at(5001)))]);
    let options = Options { law, ..Options::new("a") };
    Control::new(&options, &addresses, u32::from(host))
}

const HUSH: Effect = Effect::Hush(Medium::Audio);

fn talk(law: Law, to: Towards) -> Effect {
    Effect::Talk { medium: Medium::Audio, codec: Codec::G711(law), to }
}

fn listen(law: Law) -> Effect {
    Effect::Listen { medium: Medium::Audio, codec: Codec::G711(law) }
}

/// What it answers to a message.
fn answers(end: &mut Control, message: &MultimediaSystemControlMessage) -> Vec<Effect> {
    end.receive(&encode_h245(message).unwrap(), 4).unwrap()
}

/// Carries messages until both ends are silent; returns what else was to be done at each.
fn settle(ends: &mut [Control; 2]) -> [Vec<Effect>; 2] {
    let mut done = [Vec::new(), Vec::new()];
    let mut said: Vec<(usize, Effect)> = Vec::new();
    for from in [0, 1] {
        said.extend(ends[from].begin().into_iter().map(|effect| (from, effect)));
    }
    while !said.is_empty() {
        match said.remove(0) {
            (from, Effect::Say(message)) => {
                let effects = answers(&mut ends[1 - from], &message);
                said.extend(effects.into_iter().map(|effect| (1 - from, effect)));
            }
            (at, effect) => done[at].push(effect),
        }
    }
    done
}

/// The name of the only thing said.
fn only(effects: &[Effect]) -> &MultimediaSystemControlMessage {
    match effects {
        [Effect::Say(message)] => message,
        other => panic!("{other:?}"),
    }
}

fn response(effects: &[Effect]) -> ResponseMessage {
    match only(effects) {
        MultimediaSystemControlMessage::response(response) => (**response).clone(),
        other => panic!("{other:?}"),
    }
}

/// An end that has said its beginning.
fn begun() -> Control {
    let mut control = end(Law::A, 1);
    control.begin();
    control
}

#[test]
fn two_ends_open_a_channel_each_way() {
    let mut ends = [end(Law::A, 1), end(Law::Mu, 2)];
    let [first, second] = settle(&mut ends);
    assert!(ends.iter().all(Control::is_open));
    let at = |host, port| SocketAddr::from(([192, 0, 2, host], port));
    let talk = |law, host| {
        let (rtp, rtcp) = (at(host, 5000), Some(at(host, 5001)));
        talk(law, Towards { rtp, rtcp, mark: None })
    };
    assert!(first.contains(&talk(Law::A, 2)) && first.contains(&listen(Law::Mu)));
    assert!(second.contains(&talk(Law::Mu, 1)) && second.contains(&listen(Law::A)));
    assert_eq!((first.len(), second.len()), (2, 2));
    assert!(ends[0].begin().is_empty(), "it begins once");
}

fn said(effects: &[Effect]) -> Vec<MultimediaSystemControlMessage> {
    let say = effects.iter().filter_map(|effect| match effect {
        Effect::Say(message) => Some(message.clone()),
        _ => None,
    });
    say.collect()
}

#[test]
fn a_pause_and_its_end() {
    let mut ends = [end(Law::A, 1), end(Law::A, 2)];
    settle(&mut ends);
    let empty = request(RequestMessage::terminalCapabilitySet(Box::new(TerminalCapabilitySet {
        sequence_number: SequenceNumber(9),
        protocol_identifier: pinhole_h323::version::h245(),
        ..TerminalCapabilitySet::default()
    })));
    let effects = answers(&mut ends[0], &empty);
    assert!(effects.contains(&HUSH), "{effects:?}");
    let again = ends[1].capabilities.offer();
    let mut effects = answers(&mut ends[0], &again);
    // It may be another peer: who is master is asked again (H.323 §8.4.6).
    for message in said(&effects) {
        for answer in said(&answers(&mut ends[1], &message)) {
            effects.extend(answers(&mut ends[0], &answer));
        }
    }
    let opens = |effect: &Effect| {
        matches!(
            effect,
            Effect::Say(MultimediaSystemControlMessage::request(
                RequestMessage::openLogicalChannel(_)
            ))
        )
    };
    assert!(effects.iter().any(opens), "{effects:?}");
}

#[test]
fn what_cannot_be_received_is_refused() {
    let video = DataType::videoData(Box::<VideoCapability>::default());
    let wide = DataType::audioData(Box::new(AudioCapability::g722_64k(20)));
    for data_type in [video, wide] {
        let mut open = OpenLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(7),
            ..OpenLogicalChannel::default()
        };
        open.forward_logical_channel_parameters.data_type = data_type;
        let open = RequestMessage::openLogicalChannel(Box::new(open));
        match response(&answers(&mut begun(), &request(open))) {
            ResponseMessage::openLogicalChannelReject(reject) => {
                assert_eq!(reject.forward_logical_channel_number.0, 7);
                let expected = OpenLogicalChannelRejectCause::dataTypeNotSupported(());
                assert_eq!(reject.cause, expected);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn requests_of_all_kinds_are_answered() {
    let ping = RoundTripDelayRequest { sequence_number: SequenceNumber(5), unknown_ext: None };
    let ping = request(RequestMessage::roundTripDelayRequest(ping));
    match response(&answers(&mut begun(), &ping)) {
        ResponseMessage::roundTripDelayResponse(pong) => assert_eq!(pong.sequence_number.0, 5),
        other => panic!("{other:?}"),
    }
    let close = CloseLogicalChannel {
        forward_logical_channel_number: LogicalChannelNumber(3),
        ..CloseLogicalChannel::default()
    };
    let close = request(RequestMessage::closeLogicalChannel(close));
    let ack = response(&answers(&mut begun(), &close));
    assert!(matches!(ack, ResponseMessage::closeLogicalChannelAck(_)), "{ack:?}");
    let close = RequestChannelClose {
        forward_logical_channel_number: LogicalChannelNumber(3),
        ..RequestChannelClose::default()
    };
    let close = request(RequestMessage::requestChannelClose(close));
    let reject = response(&answers(&mut begun(), &close));
    assert!(matches!(reject, ResponseMessage::requestChannelCloseReject(_)), "{reject:?}");
    let conference = ConferenceRequest::terminalListRequest(());
    let conference = request(RequestMessage::conferenceRequest(conference));
    let effects = answers(&mut begun(), &conference);
    match only(&effects) {
        MultimediaSystemControlMessage::indication(indication) => {
            assert!(matches!(**indication, IndicationMessage::functionNotUnderstood(_)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn closing_the_peers_channel_stops_listening() {
    let mut ends = [end(Law::A, 1), end(Law::A, 2)];
    settle(&mut ends);
    let [first, second] = &mut ends;
    let closing = second.audio.close();
    let [Effect::Say(close), HUSH] = closing.as_slice() else { panic!("{closing:?}") };
    assert!(answers(first, close).contains(&Effect::Unhear(Medium::Audio)));
    assert!(!first.is_open());
}

#[test]
fn the_session_ends_once() {
    let mut control = begun();
    let end = control.end().unwrap();
    assert_eq!(control.end(), None);
    let mut other = begun();
    assert_eq!(answers(&mut other, &end), [Effect::Ended]);
    assert!(answers(&mut control, &end).is_empty(), "it has ended");
}

/// openLogicalChannel of GnuGk to a traversal client, seen on the wire: its own element of H.460.19 before the
/// bare one of the caller.
const FROM_SERVER: &str = "038000640c201380188d000100c633640ac35100800b300080b080018001fc0040044021022\
                           00700088 34c1300010100160a0a00c633640ac350001200070008834c130001";

#[test]
fn a_traversal_server_is_sent_keepalives() {
    let digits: Vec<char> = FROM_SERVER.chars().filter(|c| !c.is_whitespace()).collect();
    let octet = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    let octets: Vec<u8> = digits.chunks(2).map(octet).collect();
    let effects = begun().receive(&octets, 0).unwrap();
    let to: SocketAddr = "198.51.100.10:50000".parse().unwrap();
    let control = "198.51.100.10:50001".parse().unwrap();
    let punch = Effect::Punch(Medium::Audio, Punch::new(to, Some(control), Some(19)));
    assert!(effects.contains(&punch), "{effects:?}");
    let ack = effects.iter().find_map(|effect| match effect {
        Effect::Say(message) => Some(encode_h245(message).unwrap()),
        _ => None,
    });
    // keepAlivePayloadType 127, as h323plus encodes it: 05 fc in the last octets.
    assert!(ack.unwrap().ends_with(&[0x16, 0x02, 0x05, 0xfc]));
}

/// What an H.460.19 client proposes.
fn proposals(control: &mut Control) -> Vec<OpenLogicalChannel> {
    control.propose(true).iter().map(|octets| decode_olc(octets).unwrap()).collect()
}

#[test]
fn proposals_are_those_of_a_client() {
    let mut caller = end(Law::Mu, 1);
    let octets: Vec<String> = caller
        .propose(true)
        .iter()
        .map(|octets| octets.iter().map(|octet| format!("{octet:02x}")).collect())
        .collect();
    // The bare element of H.460.19, `000700 08834c130001` at the end, is in the forward ones only, as in captures.
    let expected = [
        "8000640c6013800b05000100c000020113890004400a0100070008834c130001",
        "8000650c2013800b05000100c000020113890004400a0100070008834c130001",
        "400066060401004c6013801215000100c0000201138800c0000201138900",
        "400067060401004c2013801215000100c0000201138800c0000201138900",
    ];
    assert_eq!(octets, expected);
}

#[test]
fn only_what_was_proposed_is_accepted() {
    let mut caller = end(Law::A, 1);
    let mut called = end(Law::Mu, 2);
    let offered = caller.propose(false);
    let (answers, effects) = called.accept(&offered);
    assert_eq!(answers.len(), 2);
    assert!(effects.contains(&listen(Law::A)), "the first that can be received");
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Talk { codec: Codec::G711(Law::Mu), .. })),
        "{effects:?}"
    );
    assert_eq!(called.accept(&offered), (vec![], vec![]), "once");
    let mut foreign = decode_olc(&answers[0]).unwrap();
    foreign.forward_logical_channel_number = LogicalChannelNumber(9);
    assert!(caller.accepted(&[encode_olc(&foreign).unwrap(), vec![0xff]]).is_empty());
    assert_eq!(end(Law::A, 3).accepted(&answers), [], "nothing was proposed");
    assert_eq!(caller.accepted(&answers).len(), 2);
    assert_eq!(caller.accepted(&answers), [], "an answer that is said again");
    assert!(caller.is_open() && called.is_open());
    caller.settle();
    // H.245 that follows opens nothing.
    let done = settle(&mut [caller, called]);
    assert_eq!(done, [vec![], vec![]]);
}

#[test]
fn after_the_refusal_nothing_can_be_accepted() {
    let (mut caller, mut called) = (end(Law::A, 1), end(Law::A, 2));
    let (answers, _) = called.accept(&caller.propose(false));
    caller.settle();
    assert_eq!(caller.accepted(&answers), []);
}

#[test]
fn a_server_asks_for_keepalives_in_fast_start() {
    let told = Traversal {
        keep_alive_channel: Some("198.51.100.10:50000".parse().unwrap()),
        keep_alive_interval: Some(19),
        ..Traversal::default()
    };
    let punch = |host| {
        let control = SocketAddr::from(([192, 0, 2, host], 5001));
        Effect::Punch(
            Medium::Audio,
            Punch::new(told.keep_alive_channel.unwrap(), Some(control), Some(19)),
        )
    };
    let (mut caller, mut called) = (end(Law::A, 1), end(Law::A, 2));
    let mut asking = proposals(&mut caller);
    told.write(&mut asking[0].generic_information).unwrap();
    let asking: Vec<Vec<u8>> = asking.iter().map(|olc| encode_olc(olc).unwrap()).collect();
    let (answers, effects) = called.accept(&asking);
    assert!(effects.contains(&punch(1)), "{effects:?}");
    let mut answers: Vec<_> = answers.iter().map(|octets| decode_olc(octets).unwrap()).collect();
    let ours = Traversal::read(answers[0].generic_information.as_ref()).unwrap().unwrap();
    assert_eq!(ours.keep_alive_payload_type, Some(127));
    // What h323plus says as the called party asks for nothing.
    let interval = Traversal { keep_alive_interval: Some(19), ..Traversal::default() };
    interval.write(&mut answers[0].generic_information).unwrap();
    told.write(&mut answers[1].generic_information).unwrap();
    let answers: Vec<Vec<u8>> = answers.iter().map(|olc| encode_olc(olc).unwrap()).collect();
    let effects = caller.accepted(&answers);
    assert!(effects.contains(&punch(2)), "{effects:?}");
    assert_eq!(effects.len(), 3);
}

/// The octets of a captured message.
fn captured(hex: &str) -> Vec<u8> {
    let octet = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(octet).collect()
}

/// openLogicalChannel of GnuGk that multiplexes: RTP at 198.51.100.10:3000, identifier 1.
const MULTIPLEXED_OPEN: &str = "038000640c201380188d000100c633640a0bb900800b300080b080018001fc00400440280120070008834c1300010100161a7a00c633640a0bb800c633640a0bb9000100c633640a0bb80012";
/// What h323plus answers: RTP at 10.10.1.2:2776, identifier 0xe250f, keepalives of payload type 127.
const MULTIPLEXED_ACK: &str = "22c0006406a0135c00000a0a01020ad8000a0a01020ad9010100220120070008834c1300010100161474000a0a01020ad8000a0a01020ad9800e250ffe";
/// What GnuGk answers to the channel of h323plus.
const SERVER_ACK: &str = "22c0006406a0135c0000c633640a0bb800c633640a0bb90101001f0120070008834c130001010016117000c633640a0bb800c633640a0bb90001";
/// The end of the channel that h323plus opens: where its RTCP arrives, multiplexed.
const OWN_OPEN_END: &str = "20070008834c1300010100161370000a0a01020ad8000a0a01020ad9800e250f";

/// An end that can multiplex, and wants to, as h323plus in the captures.
fn multiplexing() -> Control {
    let mut control = begun();
    control.may_mark();
    let at = |port| SocketAddr::from(([10, 10, 1, 2], port));
    control.receive_marked(Medium::Audio, MultiplexId(0x000e_250f), (at(2776), at(2777)));
    control
}

fn server(port: u16) -> SocketAddr {
    ([198, 51, 100, 10], port).into()
}

#[test]
fn a_multiplexing_server_is_answered_as_h323plus_does() {
    let effects = multiplexing().receive(&captured(MULTIPLEXED_OPEN), 0).unwrap();
    let mut punch = Punch::new(server(3000), Some(server(3001)), Some(19));
    punch.mark = Some(MultiplexId(1));
    assert!(effects.contains(&Effect::Punch(Medium::Audio, punch)), "{effects:?}");
    let ack = effects.iter().find_map(|effect| match effect {
        Effect::Say(message) => Some(encode_h245(message).unwrap()),
        _ => None,
    });
    // But for flowControlToZero, which we say and h323plus does not, and the lengths before it.
    let (ack, theirs) = (ack.unwrap(), captured(MULTIPLEXED_ACK));
    assert_eq!(ack[8..23], theirs[8..23]);
    assert!(ack.ends_with(&theirs[24..]), "{ack:02x?}");
}

#[test]
fn media_goes_to_a_multiplexing_server_with_its_identifier() {
    let mut control = multiplexing();
    let Effect::Say(open) = control.audio.open(Codec::G711(Law::A), true) else { panic!() };
    let octets = encode_h245(&open).unwrap();
    assert!(octets.ends_with(&captured(OWN_OPEN_END)), "{octets:02x?}");
    let effects = control.receive(&captured(SERVER_ACK), 0).unwrap();
    let (rtp, rtcp) = (server(3000), Some(server(3001)));
    let to = Towards { rtp, rtcp, mark: Some(MultiplexId(1)) };
    assert_eq!(effects, [talk(Law::A, to)]);
}

#[test]
fn who_cannot_multiplex_takes_the_plain_addresses() {
    let mut control = begun();
    let effects = control.receive(&captured(MULTIPLEXED_OPEN), 0).unwrap();
    let punch = Punch::new(server(3000), Some(server(3001)), Some(19));
    assert!(effects.contains(&Effect::Punch(Medium::Audio, punch)), "{effects:?}");
    control.audio.open(Codec::G711(Law::A), true);
    let effects = control.receive(&captured(SERVER_ACK), 0).unwrap();
    let to = Towards { rtp: server(3000), rtcp: Some(server(3001)), mark: None };
    assert_eq!(effects, [talk(Law::A, to)]);
}

#[test]
fn channels_that_are_there_stay_as_they_are() {
    let mut ends = [end(Law::A, 1), end(Law::A, 2)];
    settle(&mut ends);
    let before = ends[0].audio.rtp;
    ends[0].receive_marked(Medium::Audio, MultiplexId(5), (server(1), server(2)));
    assert_eq!(ends[0].audio.rtp, before);
    assert!(!ends[0].is_untouched());
}

#[test]
fn a_wish_for_what_is_sent_is_met() {
    use pinhole_h323::asn::h245::{
        AudioMode, ModeDescription, ModeElement, ModeElementType, RequestMode,
        RequestModeAckResponse, RequestModeRejectCause,
    };
    let mut ends = [end(Law::A, 1), end(Law::A, 2)];
    settle(&mut ends);
    let mut wish = |modes: &[AudioMode]| {
        let element = |mode: &AudioMode| ModeElement {
            r_type: ModeElementType::audioMode(Box::new(mode.clone())),
            ..ModeElement::default()
        };
        let modes = modes.iter().map(|mode| ModeDescription(vec![element(mode)]));
        let request = RequestMode {
            sequence_number: SequenceNumber(7),
            requested_modes: modes.collect(),
            ..RequestMode::default()
        };
        let request = RequestMessage::requestMode(request);
        let said = answers(&mut ends[0], &MultimediaSystemControlMessage::request(request));
        match only(&said) {
            MultimediaSystemControlMessage::response(response) => (**response).clone(),
            other => panic!("{other:?}"),
        }
    };
    let (a, mu) = (AudioMode::g711Alaw64k(()), AudioMode::g711Ulaw64k(()));
    for (modes, most) in [(vec![a.clone(), mu.clone()], true), (vec![mu.clone(), a], false)] {
        let ResponseMessage::requestModeAck(ack) = wish(&modes) else { panic!("not met") };
        let met = matches!(ack.response, RequestModeAckResponse::willTransmitMostPreferredMode(()));
        assert_eq!((ack.sequence_number.0, met), (7, most));
    }
    let ResponseMessage::requestModeReject(reject) = wish(&[mu]) else { panic!("met") };
    assert_eq!(reject.cause, RequestModeRejectCause::modeUnavailable(()));
}
