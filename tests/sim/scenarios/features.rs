//! What two endpoints say to each other in a call that goes through the gatekeeper, item by item: H.245 early and moved,
//! Facility in all its reasons, channels, sessions numbered by the master, far-end camera, digits in every form, hold.

use pinhole::face::StreamId;
use pinhole::node::Mode;
use pinhole_h323::asn::h225::{
    FacilityReason, FacilityUUIE, H323UUPDUH323MessageBody as Body, InformationUUIE,
};
use pinhole_h323::asn::h245::{
    DataApplicationCapabilityApplication as Application, DataType, IndicationMessage as Indication,
    MultimediaSystemControlMessage as Message, OpenLogicalChannelRejectCause as Refusal,
    ResponseMessage as Response, UserInputIndication, UserInputIndicationSignal,
    UserInputIndicationSignalUpdate,
};
use pinhole_h323::asn::{GeneralString, Ia5String};
use pinhole_h323::control::{Accept, Audio, Codec, Control};
use pinhole_h323::q931::code;
use pinhole_h323::{Signal, version};

use super::lab::NODE;
use super::parties::{IPS, Parties, Stage};
use super::talk::{Talk, audio, camera, rtcp, session};
use crate::world::{Raw, at, millis, seconds};

const CALLER: usize = 0;
const CALLED: usize = 1;

/// A Setup that tells where its sender listens for H.245: both talk before anybody has answered.
#[test]
fn early_h245_of_a_caller_without_tunnel() {
    let mut parties = Parties::at(Stage::Admitted, Mode::Proxied, |_| {});
    let caller = parties.hosts[CALLER];
    let listener = parties.lab.world.with(caller, |raw: &mut Raw, _| raw.listen(IPS[CALLER], 2001));
    parties.set_up(false, |setup| {
        setup.set_h245_address(Some(at(&format!("{}:2001", IPS[CALLER]))));
    });
    parties.reached();
    let told = parties.heard(CALLED)[0].h245_address().expect("early H.245 is offered");
    assert_eq!(told.ip().to_string(), NODE);
    let far = parties.lab.world.with(parties.hosts[CALLED], |raw: &mut Raw, _| raw.connect(told));
    parties.lab.world.run_for(seconds(1));
    let near = parties.lab.world.with(caller, |raw: &mut Raw, _| raw.accepted());
    parties.controls = [near, Some(far)];
    let set = Control::terminal_capability_set(1, &[]);
    for n in [CALLED, CALLER] {
        parties.control(n, &set);
        parties.lab.world.run_for(millis(200));
        assert_eq!(parties.fresh_control(1 - n), std::slice::from_ref(&set), "before any answer");
    }
    parties.lab.world.with(caller, |raw: &mut Raw, _| {
        raw.unbind(pinhole::face::Bind::Tcp(listener));
    });
    parties.release(CALLED, None, None);
    parties.lab.world.run_for(seconds(1));
    parties.lab.nothing_left();
}

fn facility(parties: &Parties, from: usize, reason: FacilityReason) -> Signal {
    let words = parties.words(from, true);
    let body = FacilityUUIE {
        protocol_identifier: version::h225(),
        call_identifier: Some(words.call_id.into()),
        reason,
        ..Default::default()
    };
    Signal::on(words, Body::facility(Box::new(body)))
}

#[test]
fn facility_in_all_its_reasons_from_both_sides() {
    use FacilityReason as R;
    let reasons = || {
        [
            R::routeCallToGatekeeper(()),
            R::callForwarded(()),
            R::routeCallToMC(()),
            R::undefinedReason(()),
            R::conferenceListChoice(()),
            R::noH245(()),
            R::newTokens(()),
            R::featureSetUpdate(()),
            R::forwardedElements(()),
        ]
    };
    for mode in [Mode::Routed, Mode::Control, Mode::Proxied] {
        let mut parties = Parties::at(Stage::Talking, mode, |_| {});
        for (from, reason) in [CALLER, CALLED].into_iter().flat_map(|n| reasons().map(|r| (n, r))) {
            parties.fresh(1 - from);
            let signal = facility(&parties, from, reason.clone());
            parties.say(from, &signal);
            let heard = parties.fresh(1 - from);
            let told: Vec<_> = heard.iter().filter_map(Signal::facility_reason).collect();
            assert_eq!(told, [&reason], "{mode:?}, from {from}");
        }
        // One that says nothing holds a connection open, and ends here.
        for from in [CALLER, CALLED] {
            let signal = facility(&parties, from, R::transportedInformation(()));
            parties.say(from, &signal);
            assert!(parties.fresh(1 - from).is_empty(), "{mode:?}");
            assert_eq!(parties.released(1 - from), None);
        }
        parties.release(CALLED, None, None);
        parties.lab.world.run_for(seconds(1));
        parties.lab.nothing_left();
    }
}

/// The called party leaves the tunnel in the midst of the call: H.245 goes on, on its connection there and in the tunnel
/// here, and so do channels.
#[test]
fn h245_moves_in_mid_call() {
    let mut talk = Talk::new();
    talk.passes(CALLER, &Control::terminal_capability_set(1, &[]));
    talk.audio(CALLER, 1);
    let host = talk.parties.hosts[CALLED];
    let there = at(&format!("{}:2000", IPS[CALLED]));
    let words = talk.parties.words(CALLED, false);
    talk.parties.fresh(CALLER);
    talk.parties.say(CALLED, &Signal::start_h245(words, there));
    talk.parties.lab.world.run_for(seconds(1));
    assert!(talk.parties.fresh(CALLER).is_empty(), "who tunnels need not know");
    let stream: Option<StreamId> =
        talk.parties.lab.world.with(host, |raw: &mut Raw, _| raw.accepted());
    assert_ne!(stream, talk.parties.streams[CALLED]);
    talk.parties.controls[CALLED] = stream;
    talk.passes(CALLER, &Control::terminal_capability_set(2, &[]));
    talk.passes(CALLED, &Control::terminal_capability_set_ack(2));
    talk.audio(CALLED, 1);
    talk.audio(CALLER, 2);
    talk.hang_up();
}

#[test]
fn channels_are_opened_rejected_closed_and_opened_again() {
    for stage in [Stage::Talking, Stage::Separate] {
        let mut talk = Talk::at(stage, Mode::Proxied);
        for from in [CALLER, CALLED] {
            talk.open(from, audio(7, 1, from));
            talk.passes(1 - from, &Control::reject(7, Refusal::dataTypeNotSupported(())));
            let first = talk.audio(from, 7);
            talk.passes(from, &Control::close(7));
            talk.passes(1 - from, &Control::close_ack(7));
            assert_eq!(talk.sends(from, first, 8), 0, "its ports are gone");
            let second = talk.audio(from, 7);
            assert_ne!(first, second);
            talk.passes(from, &Control::close(7));
        }
        talk.hang_up();
    }
}

/// A slave opens a channel without a number; the master gives it one, and opens its own in the same session.
#[test]
fn a_session_is_numbered_by_the_master() {
    let mut talk = Talk::new();
    let first = talk.open(CALLER, audio(1, 0, CALLER));
    assert_eq!(session(&first), 0);
    let accept = talk.accept(CALLED, 1, 32);
    assert_eq!(accept.session, Some(32));
    let to = accept.media.unwrap();
    let second = talk.open(CALLED, audio(1, 32, CALLED));
    assert_eq!(session(&second), 32);
    assert_eq!(rtcp(&second).port(), to.port() + 1, "one pair of ports for both directions");
    let back = talk.accept(CALLER, 1, 32).media.unwrap();
    for _ in 0..2 {
        talk.sends(CALLER, to, 8);
        talk.sends(CALLED, back, 8);
    }
    assert_eq!(talk.sends(CALLER, to, 8), 20);
    assert_eq!(talk.sends(CALLED, back, 8), 20);
    // Another without a number is another session.
    let third = talk.open(CALLER, audio(2, 0, CALLER));
    assert_ne!(rtcp(&third), rtcp(&first));
    talk.hang_up();
}

#[test]
fn a_far_end_camera_is_moved() {
    let mut talk = Talk::new();
    for from in [CALLER, CALLED] {
        let seen = talk.open(from, camera(9, from));
        assert!(matches!(&seen.forward_logical_channel_parameters.data_type, DataType::data(data)
            if matches!(data.application, Application::h224(_))));
        let to = talk.accept(1 - from, 9, 3).media.unwrap();
        talk.sends(from, to, 100);
        assert_eq!(talk.sends(from, to, 100), 20);
    }
    talk.hang_up();
}

/// Digits as H.245 says them.
fn user_inputs() -> Vec<Control> {
    let signal = |signal_type: &str| UserInputIndicationSignal {
        signal_type: Ia5String::from(signal_type),
        duration: Some(120),
        ..Default::default()
    };
    let inputs = [
        UserInputIndication::alphanumeric(GeneralString::from("1")),
        UserInputIndication::alphanumeric(GeneralString::from("*9#")),
        UserInputIndication::signal(Box::new(signal("5"))),
        UserInputIndication::signal(Box::new(signal("!"))),
        UserInputIndication::signalUpdate(UserInputIndicationSignalUpdate {
            duration: 80,
            ..Default::default()
        }),
    ];
    inputs.map(|input| Control::indication(Indication::userInput(Box::new(input)))).to_vec()
}

#[test]
fn digits_in_h245_both_ways() {
    for stage in [Stage::Talking, Stage::Separate] {
        let mut talk = Talk::at(stage, Mode::Proxied);
        for (from, input) in [CALLER, CALLED]
            .into_iter()
            .flat_map(|n| user_inputs().into_iter().map(move |i| (n, i)))
        {
            talk.passes(from, &input);
        }
        talk.hang_up();
    }
}

#[test]
fn digits_in_q931_both_ways() {
    for mode in [Mode::Routed, Mode::Control, Mode::Proxied] {
        let mut parties = Parties::at(Stage::Talking, mode, |_| {});
        for (from, digit) in
            [CALLER, CALLED].into_iter().flat_map(|n| "0*#D".chars().map(move |d| (n, d)))
        {
            let words = parties.words(from, true);
            let body = InformationUUIE {
                protocol_identifier: version::h225(),
                call_identifier: Some(words.call_id.into()),
                ..Default::default()
            };
            let mut signal = Signal::on(words, Body::information(Box::new(body)));
            signal.q931_mut().set(code::KEYPAD, [digit as u8]);
            parties.fresh(1 - from);
            parties.say(from, &signal);
            let heard = parties.fresh(1 - from);
            let keys: Vec<_> = heard.iter().map(|signal| signal.q931().get(code::KEYPAD)).collect();
            assert_eq!(keys, [Some(&[digit as u8][..])], "{mode:?}");
        }
        parties.release(CALLED, None, None);
        parties.lab.world.run_for(seconds(1));
        parties.lab.nothing_left();
    }
}

/// RFC 2833: digits among the audio, with a payload type of their own.
#[test]
fn digits_in_rtp_both_ways() {
    let mut talk = Talk::new();
    for from in [CALLER, CALLED] {
        let to = talk.audio(from, 1);
        assert_eq!(talk.sends(from, to, 101), 20);
        assert_eq!(talk.sends(from, to, 8), 20, "and then audio again");
    }
    talk.hang_up();
}

/// Hold by an empty capability set (H.323 §8.4.6): channels are closed, and opened again when it is over.
#[test]
fn a_party_is_held_and_goes_on() {
    for holder in [CALLER, CALLED] {
        let mut talk = Talk::new();
        let held = 1 - holder;
        let first = talk.audio(held, 1);
        talk.passes(holder, &Control::terminal_capability_set(2, &[]));
        talk.passes(held, &Control::terminal_capability_set_ack(2));
        talk.passes(held, &Control::close(1));
        talk.passes(holder, &Control::close_ack(1));
        assert_eq!(talk.sends(held, first, 8), 0, "music to nobody");
        talk.parties.lab.world.run_for(seconds(120));
        let able = [Audio { codec: Codec::Pcma, frames: 20 }];
        talk.passes(holder, &Control::terminal_capability_set(3, &able));
        talk.passes(held, &Control::terminal_capability_set_ack(3));
        talk.audio(held, 1);
        talk.hang_up();
    }
}

/// The other party's media moves to a third one, as when a PBX pauses and reroutes a call: what it was told before is of
/// no use any more.
#[test]
fn a_third_party_pauses_the_call_and_reroutes_it() {
    let mut talk = Talk::new();
    let first = talk.audio(CALLER, 1);
    talk.passes(CALLED, &Control::terminal_capability_set(2, &[]));
    talk.passes(CALLER, &Control::close(1));
    let third = talk.parties.lab.world.host("third", "198.51.100.40", Raw::default());
    let socket =
        talk.parties.lab.world.with(third, |raw: &mut Raw, _| raw.udp("198.51.100.40", 8000));
    talk.passes(
        CALLED,
        &Control::terminal_capability_set(3, &[Audio { codec: Codec::Pcma, frames: 20 }]),
    );
    talk.open(CALLER, audio(1, 1, CALLER));
    let media = Some(at("198.51.100.40:8000"));
    let accept = Accept { channel: 1, session: Some(1), media, control: None };
    let heard = talk.tell(CALLED, &Control::accept(accept.to_asn()));
    let Message::response(response) = heard[0].message() else { panic!("{heard:?}") };
    let Response::openLogicalChannelAck(ack) = &**response else { panic!("{heard:?}") };
    let to = Accept::read(ack).media.unwrap();
    assert_ne!(to, first);
    let came = |talk: &mut Talk| {
        talk.parties.lab.world.with(third, |raw: &mut Raw, _| {
            raw.datagrams.iter().filter(|(on, ..)| *on == socket).count()
        })
    };
    talk.sends(CALLER, to, 8);
    let before = came(&mut talk);
    assert_eq!(talk.sends(CALLER, to, 8), 0, "nothing to the called party itself");
    assert_eq!(came(&mut talk) - before, 20);
    talk.parties
        .lab
        .world
        .with(third, |raw: &mut Raw, _| raw.unbind(pinhole::face::Bind::Udp(socket)));
    talk.hang_up();
}
