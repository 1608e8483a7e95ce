//! Channels of encrypted calls that are opened again in clear, share a session, or are refused.

use std::net::SocketAddr;

use pinhole::event::Event;
use pinhole_crypto::Algorithm;
use pinhole_crypto::session::SessionKey;
use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h245::{
    AudioMode, MasterSlaveDeterminationAck, MasterSlaveDeterminationAckDecision as Decision,
    ModeDescription, ModeElement, ModeElementType as Mode,
    MultimediaSystemControlMessage as Message, OpenLogicalChannel,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelRejectCause as Cause, RequestMessage as Request, RequestMode,
    ResponseMessage as Response,
};
use pinhole_h323::control::channel::forward_parameters_mut;
use pinhole_h323::control::{Accept, Control};
use pinhole_h323::h235;

use super::lab::records;
use super::parties::IPS;
use super::secure_raw::{Half, agreed, capabilities, half, sealed};
use super::talk::audio;
use crate::world::{at, seconds};

const CALLER: usize = 0;
const CALLED: usize = 1;

fn cipher() -> ObjectIdentifier {
    ObjectIdentifier::new(Algorithm::Aes128.identifier())
}

fn key(octet: u8) -> SessionKey {
    SessionKey::from_octets(Algorithm::Aes128, &[octet; 16]).unwrap()
}

/// An encrypted channel of audio with this payload type, and perhaps its key.
fn encrypted(
    half: &Half,
    number: u16,
    from: usize,
    (payload_type, key): (u8, Option<SessionKey>),
) -> OpenLogicalChannel {
    let mut open = audio(number, 1, from);
    let parameters = &mut open.forward_logical_channel_parameters;
    parameters.data_type = h235::wrap(&parameters.data_type, cipher()).unwrap();
    forward_parameters_mut(&mut open).unwrap().dynamic_rtppayload_type = Some(payload_type);
    let sync = key.map(|key| half.wrapped(payload_type, &key).to_sync().unwrap());
    open.encryption_sync = sync.map(Box::new);
    open
}

/// A party opens a channel, and the other accepts it: where media is to be sent to.
fn opens(half: &mut Half, from: usize, open: OpenLogicalChannel) -> SocketAddr {
    let number = open.forward_logical_channel_number.0;
    let heard = half.tell(from, &Control::open(open));
    assert_eq!(heard.len(), 1, "{heard:?}");
    let port = [5000, 6000][1 - from];
    let media = Some(at(&format!("{}:{port}", IPS[1 - from])));
    let accept = Accept { channel: number, session: Some(1), media, control: None };
    let heard = half.tell(1 - from, &Control::accept(accept.to_asn()));
    let [one] = &heard[..] else { panic!("{heard:?}") };
    let Message::response(response) = one.message() else { panic!("{one:?}") };
    let Response::openLogicalChannelAck(ack) = &**response else { panic!("{one:?}") };
    Accept::read(ack).media.expect("an address")
}

/// A packet of audio.
fn packet(n: u8, payload_type: u8, from: usize) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type, 0, n, 0, 0, 0, n, 0, 0, 0, from as u8 + 1];
    packet.extend([0x55; 160]);
    packet
}

/// Packets in clear of a party; how many reach the other as they are.
fn clear(half: &mut Half, from: usize, to: SocketAddr) -> usize {
    let got = half.send(from, to, (0..20).map(|n| packet(n, 8, from)));
    got.iter().filter(|octets| octets[..] == packet(octets[3], 8, from)[..]).count()
}

/// The ciphers of the record, by direction, in the order of the sessions.
fn ciphers(half: &mut Half) -> Vec<(&'static str, String, usize)> {
    half.parties.release(CALLER, None, None);
    half.parties.lab.world.run_for(seconds(1));
    let record = records(&half.parties.lab.world, half.parties.lab.node).pop().expect("a record");
    let channels = record.channels.into_iter();
    channels.map(|one| (one.direction, one.cipher, one.legs.len())).collect()
}

/// The caller pauses and is another device from then on, which cannot encrypt (a transfer by somebody on its way). The called
/// party's channel of before is not closed.
#[test]
fn a_party_that_cannot_encrypt_any_more_is_heard_in_clear() {
    let mut half = agreed(None);
    half.begin(false);
    let open = encrypted(&half, 1, CALLER, (110, None));
    let before = opens(&mut half, CALLER, open);
    opens(&mut half, CALLED, audio(2, 1, CALLED));
    assert_eq!(clear(&mut half, CALLER, before), 0, "the leg is encrypted");
    let pause = Message::request(Request::terminalCapabilitySet(Box::default()));
    half.tell(CALLER, &Control::new(pause));
    half.tell(CALLER, &Control::close(1));
    half.tell(CALLER, &capabilities());
    let told = |event: &Event| match event {
        Event::LegInClear { party, sentence, .. } => Some((party.clone(), sentence.clone())),
        _ => None,
    };
    let world = &half.parties.lab.world;
    let told: Vec<_> =
        world.events(half.parties.lab.node).iter().filter_map(|(_, event)| told(event)).collect();
    let why = "caller has agreed on a secret and offers no cipher that would do: its leg is in clear from now on";
    assert_eq!(told, [("caller".to_owned(), why.to_owned())]);
    for (from, number) in [(CALLER, 3), (CALLED, 4)] {
        let to = opens(&mut half, from, audio(number, 1, from));
        assert_ne!(to, before, "ports where nothing in clear passes");
        clear(&mut half, from, to);
        assert_eq!(clear(&mut half, from, to), 20, "{number}");
    }
    assert_eq!(clear(&mut half, CALLER, before), 0, "what was encrypted stays so");
    let (aes, none) = ("AES-128-CBC".to_owned(), "none".to_owned());
    let told = ciphers(&mut half);
    let expected = [
        ("a-to-b", aes.clone(), 1),
        ("b-to-a", aes, 1),
        ("a-to-b", none.clone(), 0),
        ("b-to-a", none, 0),
    ];
    assert_eq!(told, expected);
}

/// Two parties that encrypt between themselves, and need not.
fn agreed_and_begun() -> Half {
    let mut half = agreed(Some(2));
    for from in [CALLER, CALLED] {
        let mut told = capabilities();
        told.edit(|message| {
            if let Message::request(Request::terminalCapabilitySet(set)) = message {
                h235::add_capabilities(set, &[cipher()]);
            }
        });
        half.tell(from, &told);
        let decision = if from == CALLER { Decision::slave(()) } else { Decision::master(()) };
        let ack = MasterSlaveDeterminationAck { decision, ..Default::default() };
        let ack = Response::masterSlaveDeterminationAck(ack);
        half.tell(from, &Control::new(Message::response(Box::new(ack))));
    }
    half
}

#[test]
fn a_channel_that_is_opened_again_in_clear_is_not_called_encrypted() {
    let mut half = agreed_and_begun();
    let open = encrypted(&half, 1, CALLER, (110, Some(key(7))));
    opens(&mut half, CALLER, open);
    let open = encrypted(&half, 2, CALLED, (110, Some(key(8))));
    opens(&mut half, CALLED, open);
    half.tell(CALLER, &Control::close(1));
    let to = opens(&mut half, CALLER, audio(3, 1, CALLER));
    clear(&mut half, CALLER, to);
    assert_eq!(clear(&mut half, CALLER, to), 20);
    let told = ciphers(&mut half);
    let expected = [("a-to-b", "none".to_owned(), 0), ("b-to-a", "AES-128-CBC".to_owned(), 2)];
    assert_eq!(told, expected);
}

/// The other way round: in clear first.
#[test]
fn a_channel_that_was_in_clear_before_is_not_called_encrypted() {
    let mut half = agreed_and_begun();
    let to = opens(&mut half, CALLER, audio(1, 1, CALLER));
    clear(&mut half, CALLER, to);
    assert_eq!(clear(&mut half, CALLER, to), 20);
    let open = encrypted(&half, 2, CALLED, (110, Some(key(8))));
    opens(&mut half, CALLED, open);
    half.tell(CALLER, &Control::close(1));
    // Refused, and opened again: that says nothing of what was sent.
    let open = encrypted(&half, 3, CALLER, (111, Some(key(7))));
    half.tell(CALLER, &Control::open(open));
    half.tell(CALLED, &Control::reject(3, Cause::unspecified(())));
    let open = encrypted(&half, 4, CALLER, (111, Some(key(7))));
    opens(&mut half, CALLER, open);
    let told = ciphers(&mut half);
    let expected = [("a-to-b", "none".to_owned(), 0), ("b-to-a", "AES-128-CBC".to_owned(), 2)];
    assert_eq!(told, expected);
}

/// A channel that was refused first is encrypted as a whole.
#[test]
fn a_channel_that_was_refused_before_is_called_encrypted() {
    let mut half = agreed_and_begun();
    let open = encrypted(&half, 2, CALLED, (110, Some(key(8))));
    opens(&mut half, CALLED, open);
    half.tell(CALLER, &Control::open(audio(1, 1, CALLER)));
    half.tell(CALLED, &Control::reject(1, Cause::unspecified(())));
    let open = encrypted(&half, 3, CALLER, (111, Some(key(7))));
    opens(&mut half, CALLER, open);
    let aes = "AES-128-CBC".to_owned();
    assert_eq!(ciphers(&mut half), [("a-to-b", aes.clone(), 2), ("b-to-a", aes, 2)]);
}

/// The caller has two channels of one direction in one session, each with a key; the older is closed.
#[test]
fn a_closed_channel_takes_its_key_along_where_another_one_goes_on() {
    let mut half = half();
    half.begin(true);
    let keys = [(1, 110, key(7)), (2, 111, key(8))];
    let mut to = None;
    for (number, payload_type, key) in &keys {
        let told = (*payload_type, Some(key.clone()));
        let open = encrypted(&half, *number, CALLER, told);
        to = Some(opens(&mut half, CALLER, open));
    }
    let to = to.expect("an address");
    let passes = |half: &mut Half, (_, payload_type, key): &(u16, u8, SessionKey)| {
        let packets = (0..20).map(|n| sealed(packet(n, 8, CALLER), *payload_type, key));
        let got = half.send(CALLER, to, packets);
        got.iter().filter(|octets| octets[..] == packet(octets[3], 8, CALLER)[..]).count()
    };
    // The first packets prove their source.
    passes(&mut half, &keys[0]);
    assert_eq!([0, 1].map(|n| passes(&mut half, &keys[n])), [20, 20]);
    half.tell(CALLER, &Control::close(1));
    assert_eq!([0, 1].map(|n| passes(&mut half, &keys[n])), [0, 20]);
}

/// The other way round: the newer of two channels is closed, in either direction.
#[test]
fn the_older_channel_goes_on_when_the_newer_is_closed() {
    let mut half = half();
    half.begin(true);
    let keys = [(1, 110, key(7)), (2, 111, key(8))];
    let mut to = [None; 2];
    for (number, payload_type, key) in &keys {
        let open = encrypted(&half, *number, CALLER, (*payload_type, Some(key.clone())));
        to[CALLER] = Some(opens(&mut half, CALLER, open));
    }
    for number in [1, 2] {
        let heard = half.tell(CALLED, &Control::open(audio(number, 1, CALLED)));
        let [one] = &heard[..] else { panic!("{heard:?}") };
        let Message::request(Request::openLogicalChannel(open)) = one.message() else {
            panic!("{one:?}")
        };
        let mut open = (**open).clone();
        let payload_type = forward_parameters_mut(&mut open)
            .and_then(|parameters| parameters.dynamic_rtppayload_type)
            .expect("a payload type");
        let media = Some(at(&format!("{}:5000", IPS[CALLER])));
        let accept = Accept { channel: number, session: Some(1), media, control: None };
        let mut accept = accept.to_asn();
        let sync = half.wrapped(payload_type, &key(20 + number as u8)).to_sync().unwrap();
        accept.encryption_sync = Some(Box::new(sync));
        let heard = half.tell(CALLER, &Control::accept(accept));
        let Message::response(response) = heard[0].message() else { panic!("{heard:?}") };
        let Response::openLogicalChannelAck(ack) = &**response else { panic!("{heard:?}") };
        to[CALLED] = Accept::read(ack).media;
    }
    let to = to.map(|to| to.expect("an address"));
    let passes = |half: &mut Half, (_, payload_type, key): &(u16, u8, SessionKey)| {
        let packets = (0..20).map(|n| sealed(packet(n, 8, CALLER), *payload_type, key));
        let got = half.send(CALLER, to[CALLER], packets);
        got.iter().filter(|octets| octets[..] == packet(octets[3], 8, CALLER)[..]).count()
    };
    let reach = |half: &mut Half| {
        half.send(CALLED, to[CALLED], (0..20).map(|n| packet(n, 8, CALLED))).len()
    };
    passes(&mut half, &keys[0]);
    reach(&mut half);
    assert_eq!([0, 1].map(|n| passes(&mut half, &keys[n])), [20, 20]);
    assert_eq!(reach(&mut half), 20);
    for from in [CALLER, CALLED] {
        half.tell(from, &Control::close(2));
    }
    assert_eq!([0, 1].map(|n| passes(&mut half, &keys[n])), [20, 0]);
    assert_eq!(reach(&mut half), 20, "with the key of the older one");
    half.tell(CALLED, &Control::close(1));
    assert_eq!(reach(&mut half), 0);
}

/// What a party wants to receive is said to each in its own words (H.245 requestMode).
#[test]
fn wishes_for_modes_are_translated() {
    let mut half = half();
    half.begin(true);
    let audio = Mode::audioMode(Box::new(AudioMode::g711Alaw64k(())));
    let wish = |mode: &Mode| {
        let element = ModeElement { r_type: mode.clone(), ..ModeElement::default() };
        let requested_modes = vec![ModeDescription(vec![element])];
        let request = RequestMode { requested_modes, ..RequestMode::default() };
        Control::new(Message::request(Request::requestMode(request)))
    };
    let mut wrapped = wish(&audio);
    wrapped.edit(|message| {
        if let Message::request(Request::requestMode(request)) = message {
            h235::wrap_modes(request, &cipher());
        }
    });
    assert_ne!(wrapped, wish(&audio));
    assert_eq!(half.tell(CALLED, &wish(&audio)), [wrapped.clone()]);
    assert_eq!(half.tell(CALLER, &wrapped), [wish(&audio)]);
}

/// A plain party opens channels that cannot be relayed, more than are remembered.
#[test]
fn refused_channels_do_not_take_the_place_of_others() {
    let mut half = half();
    half.begin(false);
    for number in 100..240 {
        let mut open = audio(number, 1, CALLED);
        open.forward_logical_channel_parameters.multiplex_parameters = Forward::none(());
        assert_eq!(half.tell(CALLED, &Control::open(open)), [], "{number}");
    }
    let to = opens(&mut half, CALLED, audio(2, 1, CALLED));
    let mut heard = |payload_type| {
        let packets = (0..20).map(|n| packet(n, payload_type, CALLED));
        half.send(CALLED, to, packets).len()
    };
    heard(8);
    assert_eq!([heard(0), heard(8)], [0, 20], "nothing but what the channel is for");
}
