//! What equipment does otherwise in RAS, call signalling and the openings of connections. Octets are as they were captured,
//! or as the equipment is said to send them; only call identifiers and numbers are fitted in.

use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::asn::h245::{
    CapabilityIdentifier, DataType, GenericInformation, GenericMessage, H245NonStandardIdentifier,
    H245NonStandardIdentifierH221NonStandard, H245NonStandardParameter,
    IndicationMessage as Indication, MultiplePayloadStream, MultiplePayloadStreamElement,
};
use pinhole_h323::control::Control;
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, address, tpkt};

use super::channels::{at, open, opened};
use super::fast_start::{CALLER, CONNECT, SETUP, call_edited, sent};
use super::guesses::Scene;
use super::ras::{ALICE, confirmed, open_rrq};
use super::talk::Talk;
use super::*;
use crate::face::Side;

/// Where the call identifier stands in octets, to be replaced.
fn fitted(hex: &str, call: pinhole_h323::id::CallId) -> Vec<u8> {
    const CAPTURED: [u8; 16] = [
        0xf8, 0x1f, 0x8d, 0x79, 0xa5, 0xe3, 0xf1, 0x11, 0x87, 0x69, 0x9e, 0x74, 0x06, 0x96, 0x03,
        0x08,
    ];
    let mut bytes = octets(hex);
    let place = bytes.windows(16).position(|window| window == CAPTURED).expect("an identifier");
    bytes[place..place + 16].copy_from_slice(&call.0);
    bytes
}

/// An AS5300 writes something into the second octet of a TPKT, which should be 0.
#[test]
fn the_reserved_octet_of_a_tpkt_says_nothing() {
    let mut desk = Desk::with(Settings {
        accept_unregistered: true,
        unregistered_anywhere: true,
        ..Settings::default()
    });
    let (stream, peer) = (StreamId::accepted(1), at(CALLER));
    let local = at("198.51.100.2:1720");
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let mut bytes = octets(SETUP);
    bytes[1] = 0x5a;
    let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    assert!(outputs.iter().any(|output| matches!(output, Output::Connect { .. })), "{outputs:?}");
}

/// Keepalives of a call: TPKTs without content, one framed wrongly as Tandberg does; GnuGk's Facility, captured; and the
/// other messages that it can be told to send.
#[test]
fn keepalives_of_every_kind_harm_no_call() {
    /// GnuGk's "EmptyFacility", its call reference 0x3a77 aside.
    const EMPTY_FACILITY: &str = "03000038 08023a77 62 1c00 7e002a 05 26 80 060008914a0004 860100130180 1100 f81f8d79a5e3f11187699e7406960308 0100 0100 02800180";
    let (mut scene, client) = Scene::called();
    let crv = scene.setup.crv();
    let mut empty = fitted(&EMPTY_FACILITY.replace(' ', ""), scene.call());
    // From the called side the flag of the call reference is set.
    empty[6..8].copy_from_slice(&(crv.value() | 0x8000).to_be_bytes());
    let words = || Leg {
        crv,
        from_destination: true,
        call_id: scene.setup.call_id().unwrap(),
        tunnelling: true,
    };
    let bodies = [
        Body::information(Box::default()),
        Body::notify(Box::default()),
        Body::status(Box::default()),
        Body::statusInquiry(Box::default()),
    ];
    let others =
        bodies.map(|body| tpkt::wrap(&Signal::on(words(), body).encode().unwrap()).unwrap());
    let [misframed, bare] = [[0, 3, 0, 4], [3, 0, 0, 4]];
    let mut all = vec![bare.to_vec(), misframed.to_vec(), empty];
    let silent = all.len();
    all.extend(others);
    all.push(bare.to_vec());
    for (n, bytes) in all.iter().enumerate() {
        let outputs = scene.desk.tell(Input::Bytes { stream: client, bytes });
        let passed = sent(&outputs, scene.caller).map(|signal| signal.message_type());
        assert!(n >= silent || passed.is_none(), "{passed:?}");
        assert_ne!(passed, Some(MessageType::ReleaseComplete));
        assert!(!outputs.iter().any(|output| matches!(output, Output::Close { .. })), "{n}");
    }
    let connect = Signal::on(words(), Body::connect(Box::default()));
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = scene.desk.tell(Input::Bytes { stream: client, bytes: &bytes });
    assert_eq!(sent(&outputs, scene.caller).map(|s| s.message_type()), Some(MessageType::Connect));
    assert_eq!(scene.desk.node.counters(), Counters::default());
}

/// GnuGk takes a call up with the flag of the call reference set, no Facility element, version 6, and no tunnel, as captured.
#[test]
fn gnugk_takes_a_call_up_in_its_own_way() {
    const GNUGK: &str = "08028000627e0027052680060008914a0006626030 1100 f81f8d79a5e3f11187699e7406960308 0100 0100 02800100";
    let mut scene = Scene::announced();
    let bytes = fitted(&GNUGK.replace(' ', ""), scene.call());
    let facility = Signal::decode(&bytes).unwrap();
    assert_eq!(facility.h245_tunnelling(), Some(false));
    let (outputs, stream) = scene.speaks("203.0.113.9:7777", &facility);
    let setup = sent(&outputs, stream).expect("Setup");
    assert_eq!(setup.message_type(), MessageType::Setup);
    assert_eq!(setup.h245_tunnelling(), Some(false), "what it says counts for its Setup");
}

/// Polycom m100 crashes without destCallSignalAddress, which no caller has to tell; and Codian sends Connect without bearer
/// capability.
#[test]
fn what_some_miss_is_there_and_what_others_leave_out_is_not_missed() {
    let (scene, client) = Scene::called();
    let Some(Body::setup(setup)) = scene.setup.body() else { panic!() };
    assert_eq!(setup.dest_call_signal_address, None);
    let mut scene = scene;
    assert_eq!(
        scene.given.as_ref().and_then(|signal| match signal.body() {
            Some(Body::setup(setup)) => {
                setup.dest_call_signal_address.as_ref().and_then(address::from_h225)
            }
            _ => None,
        }),
        Some(at("203.0.113.9:7777")),
        "as it is seen itself"
    );
    let words = Leg {
        crv: scene.setup.crv(),
        from_destination: true,
        call_id: scene.call(),
        tunnelling: true,
    };
    let mut connect = Signal::on(words, Body::connect(Box::default()));
    connect.q931_mut().remove(pinhole_h323::q931::code::BEARER_CAPABILITY);
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = scene.desk.tell(Input::Bytes { stream: client, bytes: &bytes });
    let passed = sent(&outputs, scene.caller).expect("Connect");
    assert_eq!(passed.q931().bearer(), None);
}

/// LifeSize Icon sends tokens of authenticators that it was told not to use.
#[test]
fn tokens_that_nobody_asked_for_keep_nobody_from_registering() {
    use pinhole_h323::asn::h225::{CryptoH323Token, CryptoH323TokenCryptoEPPwdHash as Hash};
    use pinhole_h323::asn::h235::{Hashed, TimeStamp};
    let mut desk = Desk::new();
    let token = Hash {
        alias: pinhole_h323::alias::Alias::from_text("alice").to_asn(),
        time_stamp: TimeStamp(1),
        token: Hashed {
            algorithm_oid: ObjectIdentifier::new(&[1, 2, 840, 113549, 2, 5]),
            ..Default::default()
        },
    };
    let bytes = open_rrq("alice", ALICE, |request| {
        request.crypto_tokens = Some(vec![CryptoH323Token::cryptoEPPwdHash(Box::new(token))]);
    });
    confirmed(&desk.ask(ALICE, &bytes));
}

/// GnuGk as a client says twice which call a connection is for, both before its capabilities.
#[test]
fn a_correlation_said_twice_stays_here() {
    let mut scene = Scene::announced();
    let facility = {
        let mut facility = scene.facility();
        facility.set_h245_tunnelling(false);
        facility
    };
    let (_, client) = scene.speaks("203.0.113.9:7777", &facility);
    let words = Leg {
        crv: scene.setup.crv(),
        from_destination: true,
        call_id: scene.call(),
        tunnelling: false,
    };
    let connect = Signal::on(words, Body::connect(Box::default()));
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = scene.desk.tell(Input::Bytes { stream: client, bytes: &bytes });
    let there = outputs.iter().find_map(|output| match output {
        Output::Send { stream, bytes } if *stream == client => {
            let payload = tpkt::split_first(bytes).unwrap().unwrap().0;
            Signal::decode(payload).unwrap().h245_address()
        }
        _ => None,
    });
    // Scopia VC240 tells no address of its own in Connect: it is asked to come all the same.
    let there = there.expect("startH245");
    let listener = scene.desk.listener(there);
    let (stream, peer) = (StreamId::accepted(60), at("203.0.113.9:8888"));
    scene.desk.tell(Input::Accepted { listener, stream, local: there, peer });
    /// With answerCall; of another call, too.
    const CORRELATION: &str =
        "0300002771202060070008834c12000102020016 10 f81f8d79a5e3f11187699e7406960308 0020";
    let correlation = fitted(&CORRELATION.replace(' ', ""), scene.call());
    const DETERMINATION: [u8; 11] = [3, 0, 0, 11, 1, 0, 0x32, 0x80, 0x12, 0x34, 0x56];
    for (bytes, passes) in
        [(&correlation[..], false), (&correlation, false), (&DETERMINATION, true)]
    {
        let outputs = scene.desk.tell(Input::Bytes { stream, bytes });
        let passed = outputs
            .iter()
            .any(|output| matches!(output, Output::Send { stream, .. } if *stream == scene.caller));
        assert_eq!(passed, passes, "{outputs:?}");
    }
}

/// Polycom RMX names messages by identifiers that are not of a standard; so do elements of channels.
#[test]
fn identifiers_that_are_no_standard_pass() {
    let foreign = || {
        CapabilityIdentifier::h221NonStandard(H245NonStandardParameter {
            non_standard_identifier: H245NonStandardIdentifier::h221NonStandard(
                H245NonStandardIdentifierH221NonStandard {
                    t35_country_code: 181,
                    t35_extension: 0,
                    manufacturer_code: 42,
                },
            ),
            data: vec![1, 2, 3].into(),
        })
    };
    for content in [None, Some(Vec::new())] {
        for identifier in [foreign(), CapabilityIdentifier::uuid(vec![7; 16].into())] {
            let message = || GenericMessage {
                message_identifier: identifier.clone(),
                message_content: content.clone(),
                ..Default::default()
            };
            let mut talk = Talk::plain();
            let said = Control::indication(Indication::genericIndication(Box::new(message())));
            assert_eq!(talk.tell(Side::A, &said).forwarded(), said);
            let mut talk = Talk::of_client(None);
            let mut olc = open(7, 1, "10.10.1.2:5001");
            olc.generic_information = Some(vec![GenericInformation(message())]);
            assert_eq!(talk.tell(Side::A, &Control::open(olc)).flows(), (1, 0));
        }
    }
}

/// Avaya XT5000 wraps its second video in a multiplePayloadStream.
#[test]
fn a_wrapped_second_video_is_a_session_like_any_other() {
    let mut talk = Talk::of_client(None);
    let mut olc = open(7, 0, "10.10.1.2:5001");
    let inner = olc.forward_logical_channel_parameters.data_type.clone();
    olc.forward_logical_channel_parameters.data_type =
        DataType::multiplePayloadStream(MultiplePayloadStream {
            elements: vec![MultiplePayloadStreamElement { data_type: inner, ..Default::default() }],
            ..Default::default()
        });
    let said = talk.tell(Side::A, &Control::open(olc));
    assert_eq!(said.flows(), (1, 0));
    let forwarded = said.forwarded();
    let passed = &opened(&forwarded).forward_logical_channel_parameters.data_type;
    assert!(matches!(passed, DataType::multiplePayloadStream(_)), "{passed:?}");
}

/// GnuGk's CallProceeding says 19 without saying that it is the server; and its startH245 has an old version. Whoever calls
/// through us has a server in us whatever the other party says.
#[test]
fn what_the_other_party_says_of_h46019_is_not_our_word() {
    let mut line = call_edited(Settings::default(), |_| {});
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    let theirs = pinhole_h323::h46019::Ability { server: false, transmit_multiplexed: true };
    connect.set_feature(generic::Need::Supported, theirs.to_feature());
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let passed = sent(&outputs, line.caller).expect("Connect");
    assert_eq!(passed.feature(19), None, "a caller that is no client hears nothing of it");
}
