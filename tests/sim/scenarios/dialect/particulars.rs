//! `[EP::…]`: what holds for one endpoint.

use pinhole::event::Event;
use pinhole::node::{Mode, Node};
use pinhole::phone::options::Incoming;
use pinhole_h323::address::from_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::encode_olc;
use pinhole_h323::asn::h225::{H323UUPDUH323MessageBody as Body, RasMessage};
use pinhole_h323::asn::h245::{
    AudioCapability, MasterSlaveDetermination, MultimediaSystemControlMessage as Message,
    OpenLogicalChannelRejectCause, RequestMessage as Request, ResponseMessage as Response,
};
use pinhole_h323::cause::Cause;
use pinhole_h323::control::Control;
use pinhole_h323::control::channel::{Audio, Codec, Offer};
use pinhole_h323::q931::{Number, code};

use super::super::lab::Place::{Inside, Outside};
use super::super::lab::{Plan, connected, lab};
use super::*;
use crate::world::{Chop, at, seconds};

fn number(kind: u8, plan: u8) -> Number {
    Number { kind, plan, presentation: None, digits: "0049".into() }
}

#[test]
fn a_setup_to_an_endpoint_says_what_is_said_of_it() {
    let own = "[EP::CALLED]\nCalledTypeOfNumber=2\nCallingPlanOfNumber=9\n\
               AdditionalDestinationAlias=trunk7\n[EP::caller]\nAddCallingPartyToSourceAddress=1\n\
               [RoutedMode]\nCalledTypeOfNumber=1\nCallingTypeOfNumber=4\n";
    let none = "[EP::somebody]\nCalledTypeOfNumber=2\nAdditionalDestinationAlias=trunk7\n\
                AddCallingPartyToSourceAddress=1\n";
    for (text, called, calling, more) in
        [(own, number(2, 1), number(4, 9), true), (none, number(0, 1), number(0, 1), false)]
    {
        let mut call = call_at(Stage::Admitted, text);
        call.set_up(true, |setup| {
            let q931 = setup.q931_mut();
            q931.set(code::CALLED_PARTY_NUMBER, number(0, 1).octets());
            q931.set(code::CALLING_PARTY_NUMBER, number(0, 1).octets());
        });
        call.reached();
        let setup = call.heard(CALLED).remove(0);
        assert_eq!(setup.q931().called_number(), Some(called));
        assert_eq!(setup.q931().calling_number(), Some(calling));
        let Some(Body::setup(body)) = setup.body() else { panic!("{setup:?}") };
        let trunk = Alias::from_text("trunk7");
        let names = Alias::read_all(body.destination_address.iter().flatten());
        assert_eq!(names.last() == Some(&trunk), more, "{names:?}");
        let sources = Alias::read_all(body.source_address.iter().flatten());
        assert_eq!(sources.first() == Some(&Alias::from_text("0049")), more, "{sources:?}");
    }
}

#[test]
fn causes_are_translated_from_an_endpoint_and_to_one() {
    let text = "[EP::called]\nTranslateReceivedQ931Cause=17:=34\nTranslateSentQ931Cause=16:=31\n\
                [EP::caller]\nTranslateSentQ931Cause=34:=42,18:=20\n";
    let mut call = call_at(Stage::Ringing, text);
    call.release(CALLED, None, Some(Cause::USER_BUSY));
    assert_eq!(
        call.released(CALLER).and_then(|words| words.0),
        Some(42),
        "first one, then the other"
    );
    let mut call = call_at(Stage::Ringing, text);
    call.release(CALLER, None, None);
    assert_eq!(call.released(CALLED).and_then(|words| words.0), Some(31));
    // What the gatekeeper says itself is said to an endpoint, too.
    let mut call = call_at(Stage::Calling, text);
    call.lab.world.run_for(seconds(40));
    assert_eq!(call.released(CALLER).and_then(|words| words.0), Some(20));
    assert_eq!(call.released(CALLED).and_then(|words| words.0), Some(18));
}

fn determination(terminal_type: u8) -> Control {
    Control::request(Request::masterSlaveDetermination(MasterSlaveDetermination {
        terminal_type,
        status_determination_number: 4711,
        ..Default::default()
    }))
}

#[test]
fn an_endpoint_determines_the_master_by_the_type_that_it_is_given() {
    let mut call = call_at(Stage::Separate, "[EP::caller]\nForceTerminalType=190\n");
    call.fresh_control(CALLED);
    call.control(CALLER, &determination(50));
    call.lab.world.run_for(seconds(1));
    assert_eq!(call.fresh_control(CALLED), [determination(190)]);
    call.fresh_control(CALLER);
    call.control(CALLED, &determination(50));
    call.lab.world.run_for(seconds(1));
    // It knows nothing of the type that it is given, and has to come to the same decision.
    assert_eq!(call.fresh_control(CALLER), [determination(0)]);
    call.control(CALLED, &determination(200));
    call.lab.world.run_for(seconds(1));
    assert_eq!(call.fresh_control(CALLER), [determination(255)]);
    // Where the types are the same, the random numbers decide.
    call.control(CALLED, &determination(190));
    call.lab.world.run_for(seconds(1));
    assert_eq!(call.fresh_control(CALLER), [determination(50)]);
}

fn offer(codec: Codec) -> Offer {
    Offer {
        channel: 5,
        session: 1,
        audio: Audio { codec, frames: 20 },
        media: None,
        control: Some(at("198.51.100.31:6001")),
    }
}

#[test]
fn disabled_codecs_are_told_to_nobody_and_their_channels_rejected() {
    let set =
        audio_set(&[(1, AudioCapability::g711Alaw64k(20)), (2, AudioCapability::g711Ulaw64k(20))]);
    for (text, left) in [
        ("", &[1, 2][..]),
        ("[EP::somebody]\nDisabledCodecs=g711Alaw64k\n", &[1, 2]),
        ("[EP::caller]\nDisabledCodecs=g711Alaw64k;\n", &[2]),
        ("[EP::called]\nDisabledCodecs=G711alaw64k\n", &[2]),
        ("[CallTable]\nDisabledCodecs=h261VideoCapability;g711Alaw64k\n", &[2]),
        ("[CallTable]\nDisabledCodecs=receiveAudioCapability\n", &[]),
    ] {
        for stage in [Stage::Talking, Stage::Separate] {
            let mut call = call_at(stage, text);
            call.fresh_control(CALLED);
            call.control(CALLER, &set);
            call.lab.world.run_for(seconds(1));
            let heard = call.fresh_control(CALLED);
            assert_eq!(numbers(&heard[0]), left, "{text}");
        }
    }
    let mut call = call_at(Stage::Separate, "[EP::called]\nDisabledCodecs=g711Alaw64k\n");
    for (codec, passes) in [(Codec::Pcma, false), (Codec::Pcmu, true)] {
        call.fresh_control(CALLED);
        call.fresh_control(CALLER);
        call.control(CALLER, &Control::open(offer(codec).to_forward()));
        call.lab.world.run_for(seconds(1));
        assert_eq!(call.fresh_control(CALLED).len(), usize::from(passes), "{codec}");
        let answers = call.fresh_control(CALLER);
        let rejected = answers.iter().any(|answer| {
            matches!(answer.message(), Message::response(response)
                if matches!(&**response, Response::openLogicalChannelReject(reject)
                    if matches!(reject.cause, OpenLogicalChannelRejectCause::dataTypeNotSupported(()))))
        });
        assert_eq!(rejected, !passes, "{answers:?}");
    }
}

#[test]
fn fast_start_proposes_no_disabled_codec() {
    for (text, left) in [("", 2), ("[EP::called]\nDisabledCodecs=g711Alaw64k\n", 1)] {
        let mut call = call_at(Stage::Admitted, text);
        call.set_up(true, |setup| {
            let olc = |codec| encode_olc(&offer(codec).to_forward()).unwrap();
            setup.set_fast_start(vec![olc(Codec::Pcma), olc(Codec::Pcmu)]);
        });
        call.reached();
        assert_eq!(call.heard(CALLED)[0].fast_start().len(), left, "{text}");
    }
}

fn mode_of(call: &mut Parties) -> &'static str {
    let node = call.lab.node;
    call.lab.world.with(node, |node: &mut Node, now| node.status(now).calls[0].mode)
}

#[test]
fn media_of_calls_to_an_endpoint_is_relayed_as_is_said_of_it() {
    for (text, mode) in [
        ("", "proxied"),
        ("[EP::called]\nProxy=2\n", "h245-routed"),
        ("[EP::caller]\nProxy=2\n", "proxied"),
        ("[EP::called]\nProxy=2\n[Pinhole::Encryption]\nDefault=preferred\n", "proxied"),
    ] {
        assert_eq!(mode_of(&mut call_at(Stage::Calling, text)), mode, "{text}");
    }
    let text = "[RoutedMode]\nGKRouted=1\n[EP::called]\nProxy=1\n";
    let mut call = Parties::at(Stage::Calling, Mode::Routed, |known| *known = settings(text));
    assert_eq!(mode_of(&mut call), "proxied");
}

#[test]
fn calls_of_an_endpoint_go_past_the_gatekeeper_where_it_is_said() {
    for (text, past) in [
        ("", false),
        ("[EP::alice]\nForceDirectMode=1\n", true),
        ("[EP::bob]\nForceDirectMode=1\n", true),
        ("[EP::bob]\nForceDirectMode=1\n[Pinhole::Encryption]\nDefault=preferred\n", false),
    ] {
        let known = settings(&format!("{MODE}{text}"));
        let mut lab = lab(Plan { settings: known, ..Plan::with(Chop::AsSent) });
        let bob = lab.answering("bob", Outside, 880.0, |_| {});
        let alice = lab.calling("alice", Outside, ("bob", 440.0, 3), |_| {});
        lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
        let calls = lab.world.with(lab.node, |node: &mut Node, now| node.status(now).calls.len());
        assert_eq!(calls, usize::from(!past), "{text}");
        super::super::lab::heard(&lab.record(alice, 1, seconds(30)), 3, 880.0);
        super::super::lab::heard(&lab.record(bob, 1, seconds(30)), 3, 440.0);
    }
}

#[test]
fn h46018_is_kept_from_an_endpoint_where_it_is_said() {
    for (text, traversal) in [("", "H.460.18"), ("[EP::alice]\nDisableH46018=1\n", "none")] {
        let text = format!(
            "[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\n[Proxy]\nEnable=1\n{text}"
        );
        let mut lab = lab(Plan { settings: settings(&text), ..Plan::with(Chop::AsSent) });
        lab.phone("alice", Inside, |options| options.incoming = Incoming::Answer);
        lab.world.run_for(seconds(5));
        let told = lab.world.told(lab.node, |event| {
            matches!(event, Event::Registered { traversal: told, .. } if *told == traversal)
        });
        assert!(told, "{traversal}");
    }
}

#[test]
fn an_endpoint_has_no_more_calls_than_it_can_take() {
    for (capacity, free) in [(1, false), (2, true)] {
        let mut call = call_at(Stage::Talking, &format!("[EP::called]\nCapacity={capacity}\n"));
        let admitted =
            matches!(call.admission(CALLER, 9, "called"), RasMessage::admissionConfirm(_));
        assert_eq!(admitted, free);
        call.release(CALLED, None, Some(Cause::NORMAL_CLEARING));
        call.lab.world.run_for(seconds(5));
        let again = call.admission(CALLER, 10, "called");
        assert!(matches!(again, RasMessage::admissionConfirm(_)), "{again:?}");
    }
}

#[test]
fn calls_of_an_endpoint_have_no_more_bandwidth_together_than_it_may() {
    let mut call = call_at(Stage::Admitted, "[EP::caller]\nMaxBandwidth=2000\n");
    let granted = |message: RasMessage| match message {
        RasMessage::admissionConfirm(confirm) => Some(confirm.band_width.0),
        RasMessage::admissionReject(_) => None,
        other => panic!("{other:?}"),
    };
    // The first 1280 it has already.
    assert_eq!(granted(call.admission(CALLER, 9, "called")), Some(720), "what is left");
    assert_eq!(granted(call.admission(CALLER, 10, "called")), None);
    assert_eq!(
        granted(call.admission(CALLED, 11, "caller")),
        Some(1280),
        "of others nothing is said"
    );
}

#[test]
fn numbers_that_an_endpoint_is_given_lead_to_it() {
    let text = "[EP::called]\nAddNumbers=4212,5630-5632\n";
    let mut call = call_at(Stage::Admitted, text);
    let there = call.address();
    let numbers = [("4212", true), ("5631", true), ("5633", false), ("421", false)];
    for (id, (number, found)) in (9..).zip(numbers) {
        let answer = call.admission(CALLER, id, number);
        match (&answer, found) {
            (RasMessage::admissionConfirm(confirm), true) => {
                assert_eq!(from_h225(&confirm.dest_call_signal_address), Some(there));
            }
            (RasMessage::admissionReject(_), false) => {}
            _ => panic!("{number}: {answer:?}"),
        }
    }
}
