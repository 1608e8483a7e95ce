//! What messages say of who calls, who is called and why a call ended; and messages that go no further.

use pinhole::node::Mode;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AlertingUUIE, AliasAddress, FacilityReason, FacilityUUIE, FeatureDescriptor, GenericData,
    GenericIdentifier, H323UUPDUH323MessageBody as Body, SetupUUIE,
};
use pinhole_h323::asn::h245::{
    CloseLogicalChannel, CommandMessage, DataMode, DataModeApplication, DataModeApplicationT38fax,
    LogicalChannelNumber, MiscellaneousCommand, MiscellaneousCommandType, ModeDescription,
    ModeElement, ModeElementType, RequestMessage as Request, RequestMode, T38FaxProfile,
    T38FaxUdpOptions,
};
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::control::Control;
use pinhole_h323::control::channel::{Accept, Audio, Codec, Offer};
use pinhole_h323::q931::{Number, code};
use pinhole_h323::{Signal, tpkt, version};

use super::*;
use crate::world::{Raw, at, seconds};

/// The Setup that the called party gets, of one that displays `me`, calls from 0049 and names 1234 as its source.
fn setup(text: &str, edit: impl FnOnce(&mut Signal)) -> Signal {
    let mut call = call_at(Stage::Admitted, text);
    call.set_up(true, |setup| {
        let q931 = setup.q931_mut();
        q931.set_display("me");
        let number = Number { kind: 2, plan: 9, presentation: Some(0x83), digits: "0049".into() };
        q931.set(code::CALLING_PARTY_NUMBER, number.octets());
        setup.edit(|pdu| {
            let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
            setup.source_address = Some(vec![Alias::from_text("1234").to_asn()]);
        });
        edit(setup);
    });
    call.reached();
    call.heard(CALLED).remove(0)
}

fn body(setup: &Signal) -> &SetupUUIE {
    let Some(Body::setup(body)) = setup.body() else { panic!("{setup:?}") };
    body
}

fn aliases(told: &Option<Vec<AliasAddress>>) -> Vec<String> {
    Alias::read_all(told.iter().flatten()).iter().map(ToString::to_string).collect()
}

#[test]
fn the_calling_number_and_source_are_what_the_configuration_says() {
    let around =
        "AppendToCallingPartyNumberIE=@%{gkip}%{external-ip}\nPrependToCallingPartyNumberIE=x\n";
    for (text, digits) in [
        (String::new(), "0049"),
        ("[RoutedMode]\nScreenCallingPartyNumberIE=0965123456\n".into(), "0965123456"),
        (format!("[RoutedMode]\nScreenCallingPartyNumberIE=0965\n{around}"), "0965"),
        ("[RoutedMode]\nScreenCallingPartyNumberIE=registeredalias\n".into(), "caller"),
        (
            format!(
                "[RoutedMode]\nScreenCallingPartyNumberIE=RegisteredAlias\n{around}[Gatekeeper::Main]\nExternalIP=203.0.113.7\n"
            ),
            "xcaller@198.51.100.10203.0.113.7",
        ),
    ] {
        let told = setup(&text, |_| {}).q931().calling_number().unwrap();
        assert_eq!(
            (told.digits.as_str(), told.kind, told.plan, told.presentation),
            (digits, 2, 9, Some(0x83))
        );
    }
    for (text, source) in [("", "1234"), ("[RoutedMode]\nScreenSourceAddress=MyID\n", "MyID")] {
        assert_eq!(aliases(&body(&setup(text, |_| {})).source_address), [source]);
    }
    let none = setup("[RoutedMode]\nScreenSourceAddress=MyID\n", |setup| {
        setup.edit(|pdu| {
            let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
            setup.source_address = None;
        });
    });
    assert_eq!(body(&none).source_address, None);
}

#[test]
fn the_called_number_follows_the_called_alias_where_the_configuration_says_so() {
    let called = |text: &str, aliases: &[&str]| {
        let told = setup(text, |setup| {
            setup.q931_mut().set_called_digits("999");
            setup.edit(|pdu| {
                let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
                setup.destination_address =
                    Some(aliases.iter().map(|alias| Alias::from_text(alias).to_asn()).collect());
            });
        });
        told.q931().called_number().map(|number| number.digits)
    };
    let both = ["called", "4711"];
    assert_eq!(called("", &both).as_deref(), Some("999"));
    for section in ["RoutedMode", "Proxy"] {
        let text = format!("[{section}]\nUpdateCalledPartyToH225Destination=1\n");
        assert_eq!(called(&text, &both).as_deref(), Some("4711"));
        assert_eq!(called(&text, &both[..1]), None);
    }
}

#[test]
fn what_is_displayed_is_what_the_configuration_says() {
    for (text, caller, called) in [
        ("", Some("me"), Some("you")),
        ("ScreenDisplayIE=Them", Some("Them"), Some("Them")),
        (
            "ScreenDisplayIE=Calling\nAppendToDisplayIE= (X)\nPrependToDisplayIE=at ",
            Some("atcaller(X)"),
            Some("you"),
        ),
        ("ScreenDisplayIE=called", Some("me"), Some("called")),
        ("ScreenDisplayIE=CallingCalled", Some("caller"), Some("called")),
        ("ScreenDisplayIE=Delete\nAppendToDisplayIE=x", None, None),
    ] {
        let mut call = call_at(Stage::Admitted, &format!("[RoutedMode]\n{text}\n"));
        call.set_up(true, |setup| setup.q931_mut().set_display("me"));
        call.reached();
        assert_eq!(call.heard(CALLED)[0].q931().display().as_deref(), caller, "{text}");
        let alerting = AlertingUUIE { protocol_identifier: version::h225(), ..Default::default() };
        let words = call.words(CALLED, true);
        let mut alerting = Signal::on(words, Body::alerting(Box::new(alerting)));
        alerting.q931_mut().set_display("you");
        call.say(CALLED, &alerting);
        let heard = call.heard(CALLER);
        let heard = heard.iter().find(|signal| signal.name() == "alerting").unwrap();
        assert_eq!(heard.q931().display().as_deref(), called, "{text}");
    }
}

#[test]
fn causes_are_translated_for_all() {
    let text = "[RoutedMode]\nTranslateReceivedQ931Cause=17:=34\nTranslateSentQ931Cause=34:=42,18:=31\n\
                [EP::caller]\nTranslateSentQ931Cause=42:=21\n";
    let mut call = call_at(Stage::Ringing, text);
    call.release(CALLED, None, Some(Cause::USER_BUSY));
    assert_eq!(call.released(CALLER).and_then(|words| words.0), Some(21));
    let mut call = call_at(Stage::Calling, text);
    call.lab.world.run_for(seconds(40));
    assert_eq!(call.released(CALLED).and_then(|words| words.0), Some(31));
    // Whoever reads the reason of H.225.0 hears the same.
    let words = |cause| Some((Some(cause), Some(Release::from(Cause::new(cause)).name())));
    assert_eq!(call.released(CALLED), words(31));
    let mut call = call_at(Stage::Ringing, text);
    call.release(CALLED, Some(Release::InConf), Some(Cause::USER_BUSY));
    assert_eq!(call.released(CALLER), words(21));
    // And as it was said where nothing is translated.
    let mut call = call_at(Stage::Ringing, "");
    call.release(CALLED, Some(Release::InConf), Some(Cause::USER_BUSY));
    assert_eq!(call.released(CALLER), Some((Some(17), Some("inConf"))));
}

#[test]
fn no_features_of_h460_are_told_where_the_configuration_says_so() {
    let feature = |number: u16| GenericData {
        id: GenericIdentifier::standard(number.into()),
        ..Default::default()
    };
    for (text, told) in [("", true), ("[RoutedMode]\nRemoveH460Call=1\n", false)] {
        let told_setup = setup(text, |setup| {
            setup.edit(|pdu| {
                pdu.generic_data = Some(vec![feature(9)]);
                let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
                setup.desired_features = Some(vec![FeatureDescriptor(feature(10))]);
            });
        });
        assert_eq!(told_setup.generic_data(9).is_some(), told);
        assert_eq!(body(&told_setup).desired_features.is_some(), told);
    }
}

#[test]
fn a_message_that_cannot_be_decoded_ends_a_call_or_is_left_out() {
    for (text, ends) in [("", true), ("Disconnect", true), ("Drop", false), ("Forward", false)] {
        let mut call =
            call_at(Stage::Talking, &format!("[RoutedMode]\nQ931DecodingError={text}\n"));
        call.fresh(CALLER);
        call.send(CALLED, &tpkt::wrap(&[0x08, 0x02, 0x80, 0x4d, 0x62, 0x7e, 0xff]).unwrap());
        let ended = call.released(CALLER).is_some();
        assert_eq!(ended, ends, "{text}");
        assert!(ends || call.heard(CALLER).is_empty(), "nothing of it goes on");
        if !ends {
            call.release(CALLED, None, Some(Cause::USER_BUSY));
            assert_eq!(call.released(CALLER).and_then(|words| words.0), Some(17), "it lives");
        }
    }
}

fn picture(channel: u16) -> Control {
    Control::command(CommandMessage::miscellaneousCommand(Box::new(MiscellaneousCommand {
        logical_channel_number: LogicalChannelNumber(channel),
        r_type: MiscellaneousCommandType::videoFastUpdatePicture(()),
        ..Default::default()
    })))
}

#[test]
fn requests_for_pictures_come_as_often_as_the_configuration_says() {
    for (text, passed) in [
        ("", [2, 1, 1, 1]),
        ("[RoutedMode]\nFilterVideoFastUpdatePicture=10\n", [1, 1, 0, 1]),
        ("[Proxy]\nFilterVideoFastUpdatePicture=10\n", [1, 1, 0, 1]),
    ] {
        let mut call = call_at(Stage::Separate, text);
        let mut asks = |channels: &[u16], after| {
            call.lab.world.run_for(seconds(after));
            call.fresh_control(CALLED);
            channels.iter().for_each(|channel| call.control(CALLER, &picture(*channel)));
            call.lab.world.run_for(seconds(1));
            call.fresh_control(CALLED).len()
        };
        let got = [asks(&[7, 7], 0), asks(&[8], 1), asks(&[7], 1), asks(&[7], 10)];
        assert_eq!(got, passed, "{text}");
    }
}

#[test]
fn a_party_closes_the_channel_of_the_other_where_the_configuration_says_so() {
    for (text, left) in [("", 1), ("[Proxy]\nSearchBothSidesOnCLC=1\n", 0)] {
        let mut call = call_at(Stage::Separate, text);
        let offer = Offer {
            channel: 5,
            session: 1,
            audio: Audio { codec: Codec::Pcma, frames: 20 },
            media: None,
            control: Some(at("198.51.100.31:6001")),
        };
        call.control(CALLER, &Control::open(offer.to_forward()));
        call.lab.world.run_for(seconds(1));
        let media = Some(at("198.51.100.32:6000"));
        let accept =
            Accept { channel: 5, session: Some(1), media, control: Some(at("198.51.100.32:6001")) };
        call.control(CALLED, &Control::accept(accept.to_asn()));
        call.lab.world.run_for(seconds(1));
        let close = CloseLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(5),
            ..Default::default()
        };
        call.control(CALLED, &Control::request(Request::closeLogicalChannel(close)));
        call.lab.world.run_for(seconds(1));
        let node = call.lab.node;
        let sessions = call.lab.world.with(node, |node: &mut pinhole::node::Node, now| {
            node.status(now).calls[0].sessions.len()
        });
        assert_eq!(sessions, left, "{text}");
    }
}

#[test]
fn a_request_for_fax_says_nothing_of_udp_where_the_configuration_says_so() {
    let request = |options| {
        let profile = T38FaxProfile { t38_fax_udp_options: options, ..Default::default() };
        let fax = DataModeApplicationT38fax { t38_fax_profile: profile, ..Default::default() };
        let application = DataModeApplication::t38fax(Box::new(fax));
        let mode = DataMode { application, ..Default::default() };
        let element =
            ModeElement { r_type: ModeElementType::dataMode(Box::new(mode)), ..Default::default() };
        let requested_modes = vec![ModeDescription(vec![element])];
        Control::request(Request::requestMode(RequestMode {
            requested_modes,
            ..Default::default()
        }))
    };
    let options = || Some(T38FaxUdpOptions::default());
    for (text, passed) in [("", options()), ("[RoutedMode]\nRemoveFaxUDPOptionsFromRM=1\n", None)] {
        let mut call = call_at(Stage::Separate, text);
        call.fresh_control(CALLED);
        call.control(CALLER, &request(options()));
        call.lab.world.run_for(seconds(1));
        assert_eq!(call.fresh_control(CALLED), [request(passed)], "{text}");
    }
}

#[test]
fn who_sends_a_call_on_is_its_caller_where_the_configuration_says_so() {
    for (text, digits) in [("", "0049"), ("[RoutedMode]\nShowForwarderNumber=1\n", "4212")] {
        // The called party is registered under a number, too, and sends the call to an address.
        let mut call = call_at(Stage::Admitted, text);
        call.alias(CALLED, "4212");
        call.set_up(true, |setup| setup.q931_mut().set_calling_digits("0049"));
        call.reached();
        let facility = FacilityUUIE {
            protocol_identifier: version::h225(),
            reason: FacilityReason::callForwarded(()),
            alternative_address: Some(pinhole_h323::address::to_h225(at("198.51.100.33:1720"))),
            ..Default::default()
        };
        let third = call.lab.world.host("third", "198.51.100.33", Raw::default());
        call.lab.world.with(third, |raw: &mut Raw, _| raw.listen("198.51.100.33", 1720));
        let words = call.words(CALLED, true);
        call.say(CALLED, &Signal::on(words, Body::facility(Box::new(facility))));
        call.lab.world.run_for(seconds(2));
        let stream =
            call.lab.world.with(third, |raw: &mut Raw, _| raw.accepted()).expect("the call");
        let got = call.lab.world.with(third, |raw: &mut Raw, _| raw.lines[&stream].got.clone());
        let (payload, _) = tpkt::split_first(&got).unwrap().unwrap();
        let told = Signal::decode(payload).unwrap().q931().calling_number().unwrap();
        assert_eq!(told.digits, digits, "{text}");
    }
}

#[test]
fn endpoints_need_not_ask_where_the_configuration_says_so() {
    for (text, mode, granted) in [
        ("", Mode::Proxied, None),
        ("[RoutedMode]\nPregrantARQ=1\n", Mode::Proxied, Some(true)),
        (
            "[RoutedMode]\nPregrantARQ=1\nGKRouted=0\nH245Routed=0\n[Proxy]\nEnable=0\n",
            Mode::Direct,
            Some(false),
        ),
    ] {
        let text = if mode == Mode::Direct { text.to_owned() } else { format!("{MODE}{text}") };
        let mut call = Parties::at(Stage::Admitted, mode, |known| *known = settings(&text));
        let confirm = call.registered(CALLER);
        let told = confirm.pre_granted_arq.map(|granted| {
            assert!(granted.make_call && granted.answer_call);
            granted.use_gkcall_signal_address_to_make_call
        });
        assert_eq!(told, granted, "{text}");
    }
}
