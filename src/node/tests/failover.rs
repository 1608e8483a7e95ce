//! A call that fails at one destination goes to the next, and one that is sent somewhere else goes there.

use pinhole_h323::asn::h225::{
    AliasAddress, FacilityReason, FacilityUUIE, H323UUPDUH323MessageBody as Body,
};
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::control::{Audio, Codec, Control};
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, address, tpkt};

use super::fast_start::{CONNECT, Line, call_edited, captured_setup, sent};
use super::*;

const SECOND: &str = "198.51.100.21:1720";

/// A Setup that knows the called party under more names.
fn call_of(names: Vec<AliasAddress>, settings: Settings) -> Line {
    call_edited(settings, |setup| {
        setup.edit(|pdu| {
            let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
            setup.destination_address = Some(names);
        });
    })
}

fn second() -> AliasAddress {
    AliasAddress::transportID(Box::new(address::to_h225(SECOND.parse().unwrap())))
}

fn eager() -> Settings {
    let mut settings = Settings::default();
    settings.handling.failover = true;
    settings
}

fn words(line: &Line) -> Leg {
    Leg {
        crv: line.setup.crv(),
        from_destination: true,
        call_id: line.setup.call_id().unwrap(),
        tunnelling: true,
    }
}

fn say(line: &mut Line, stream: StreamId, signal: &Signal) -> Vec<Output> {
    let bytes = tpkt::wrap(&signal.encode().unwrap()).unwrap();
    line.desk.tell(Input::Bytes { stream, bytes: &bytes })
}

fn release(line: &mut Line, cause: u8) -> Vec<Output> {
    let why = Cause::new(cause);
    let signal = Signal::release_complete(words(line), Release::from(why), Some(why));
    let called = line.called;
    say(line, called, &signal)
}

fn dialled(outputs: &[Output]) -> Option<(StreamId, String)> {
    outputs.iter().find_map(|output| match output {
        Output::Connect { stream, to, .. } => Some((*stream, to.to_string())),
        _ => None,
    })
}

fn stands(line: &mut Line, stream: StreamId) -> Signal {
    let local = "198.51.100.2:40500".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream, local });
    sent(&outputs, stream).expect("Setup")
}

#[test]
fn the_next_destination_gets_the_call_and_the_caller_hears_nothing() {
    let mut line = call_of(vec![second()], eager());
    let outputs = release(&mut line, 34);
    assert!(sent(&outputs, line.caller).is_none(), "{outputs:?}");
    let (stream, to) = dialled(&outputs).expect("the next");
    assert_eq!(to, SECOND);
    let setup = stands(&mut line, stream);
    assert_eq!(setup.call_id(), line.setup.call_id());
    assert_eq!(setup.fast_start().len(), 4);
    let Some(Body::setup(body)) = setup.body() else { panic!() };
    let named = body.dest_call_signal_address.as_ref().and_then(address::from_h225).unwrap();
    assert_eq!(named.to_string(), SECOND);
    let outputs = line.desk.tell(Input::Bytes { stream, bytes: &octets(CONNECT) });
    let connect = sent(&outputs, line.caller).expect("Connect");
    assert_eq!(connect.fast_start().len(), 2);
    assert_eq!(line.desk.node.calls(), 1);
}

#[test]
fn only_some_causes_are_worth_another_try() {
    let mut line = call_of(vec![second()], eager());
    let outputs = release(&mut line, 17);
    let told = sent(&outputs, line.caller).expect("ReleaseComplete");
    assert_eq!(told.cause().map(Cause::value), Some(17));
    assert!(dialled(&outputs).is_none());
}

#[test]
fn the_last_failure_is_told_and_nothing_is_tried_where_it_is_not_wanted() {
    let mut line = call_of(vec![second()], eager());
    let outputs = release(&mut line, 34);
    let (stream, _) = dialled(&outputs).unwrap();
    stands(&mut line, stream);
    line.called = stream;
    let outputs = release(&mut line, 42);
    assert_eq!(sent(&outputs, line.caller).and_then(|s| s.cause()).map(Cause::value), Some(42));
    let mut line = call_of(vec![second()], Settings::default());
    let outputs = release(&mut line, 34);
    assert_eq!(sent(&outputs, line.caller).and_then(|s| s.cause()).map(Cause::value), Some(34));
}

#[test]
fn who_cannot_be_reached_or_says_nothing_is_passed_over() {
    for silent in [false, true] {
        let mut line = call_of(vec![second()], eager());
        let outputs = if silent {
            line.desk.now += Duration::from_secs(31);
            line.desk.tell(Input::Timeout)
        } else {
            line.desk.tell(Input::Closed { stream: line.called })
        };
        assert_eq!(dialled(&outputs).expect("the next").1, SECOND);
        assert!(sent(&outputs, line.caller).is_none());
    }
}

#[test]
fn what_was_accepted_cannot_be_unsaid() {
    for unchecked in [false, true] {
        let mut settings = eager();
        settings.handling.failover_unchecked = unchecked;
        let mut line = call_of(vec![second()], settings);
        let connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
        let mut alerting = Signal::on(words(&line), Body::alerting(Box::default()));
        let accepted = connect.fast_start().into_iter().map(<[u8]>::to_vec).collect();
        alerting.set_fast_start(accepted);
        let called = line.called;
        say(&mut line, called, &alerting);
        let outputs = release(&mut line, 34);
        assert_eq!(dialled(&outputs).is_some(), unchecked);
        let told = sent(&outputs, line.caller).map(|signal| signal.name());
        assert_eq!(told, Some(if unchecked { "facility" } else { "releaseComplete" }));
    }
}

/// A Facility of the caller that tunnels this.
fn tunnels(line: &Line, h245: &[u8]) -> Signal {
    let mut facility = Signal::transport(Leg { from_destination: false, ..words(line) });
    facility.set_h245_control(vec![h245.to_vec()]);
    facility
}

/// What is tunnelled to somebody, in order.
fn heard(outputs: &[Output], stream: StreamId) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for output in outputs {
        if let Output::Send { stream: on, bytes } = output
            && *on == stream
        {
            let (message, _) = tpkt::split_first(bytes).unwrap().unwrap();
            let signal = Signal::decode(message).unwrap();
            all.extend(signal.h245_control().into_iter().map(<[u8]>::to_vec));
        }
    }
    all
}

/// masterSlaveDetermination, twice, that can be told apart.
const MSD: [&str; 2] = ["010032803948f7", "010032803948f8"];

#[test]
fn what_the_caller_has_said_is_said_again_to_the_next() {
    let mut line = call_of(vec![second()], eager());
    let (caller, called) = (line.caller, line.called);
    let proceeding = Signal::call_proceeding(words(&line));
    say(&mut line, called, &proceeding);
    let first = tunnels(&line, &octets(MSD[0]));
    let outputs = say(&mut line, caller, &first);
    assert_eq!(heard(&outputs, called), [octets(MSD[0])]);
    let outputs = release(&mut line, 34);
    let (stream, to) = dialled(&outputs).expect("the next");
    assert_eq!(to, SECOND);
    // And what is said before the next one is reached.
    let second = tunnels(&line, &octets(MSD[1]));
    let outputs = say(&mut line, caller, &second);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Send { .. })), "{outputs:?}");
    let local = "198.51.100.2:40500".parse().unwrap();
    let outputs = line.desk.tell(Input::Connected { stream, local });
    assert_eq!(sent(&outputs, stream).map(|signal| signal.name()), Some("setup"));
    assert_eq!(heard(&outputs, stream), [octets(MSD[0]), octets(MSD[1])]);
    // Once it is answered, nothing is kept any more.
    line.desk.tell(Input::Bytes { stream, bytes: &octets(CONNECT) });
    let outputs = say(&mut line, caller, &first);
    assert_eq!(heard(&outputs, stream), [octets(MSD[0])]);
}

/// Nobody is told so much that he could not hear, and nothing of it is lost without a word.
#[test]
fn who_says_more_than_is_kept_before_anybody_hears_it_has_no_call() {
    let mut line = call_of(vec![second()], eager());
    let caller = line.caller;
    let outputs = release(&mut line, 34);
    dialled(&outputs).expect("the next");
    let message = tunnels(&line, &octets(MSD[0]));
    for _ in 0..32 {
        let outputs = say(&mut line, caller, &message);
        assert!(sent(&outputs, caller).is_none(), "{outputs:?}");
    }
    let outputs = say(&mut line, caller, &message);
    let told = sent(&outputs, caller).expect("ReleaseComplete");
    assert_eq!(told.release(), Some(Release::GatekeeperResources));
}

/// Who has heard all of it goes on; but nobody else is called who could not.
#[test]
fn a_call_of_which_not_all_is_kept_is_made_to_nobody_else() {
    for words in [32, 33] {
        let mut line = call_of(vec![second()], eager());
        let (caller, called) = (line.caller, line.called);
        let proceeding = Signal::call_proceeding(self::words(&line));
        say(&mut line, called, &proceeding);
        let message = tunnels(&line, &octets(MSD[0]));
        for _ in 0..words {
            let outputs = say(&mut line, caller, &message);
            assert_eq!(heard(&outputs, called), [octets(MSD[0])]);
        }
        let outputs = release(&mut line, 34);
        assert_eq!(dialled(&outputs).is_some(), words == 32);
        assert_eq!(sent(&outputs, caller).is_some(), words == 33);
    }
}

#[test]
fn a_second_calleds_proceeding_is_not_news() {
    let mut line = call_of(vec![second()], eager());
    let proceeding = Signal::call_proceeding(words(&line));
    let called = line.called;
    let outputs = say(&mut line, called, &proceeding);
    assert_eq!(sent(&outputs, line.caller).map(|s| s.name()), Some("callProceeding"));
    let outputs = release(&mut line, 41);
    let (stream, _) = dialled(&outputs).unwrap();
    stands(&mut line, stream);
    let outputs = say(&mut line, stream, &proceeding);
    assert!(sent(&outputs, line.caller).is_none(), "{outputs:?}");
}

fn forwarded(line: &mut Line, reason: FacilityReason, to: &str) -> Vec<Output> {
    let body = FacilityUUIE {
        protocol_identifier: pinhole_h323::version::h225(),
        alternative_address: Some(address::to_h225(to.parse().unwrap())),
        reason,
        call_identifier: Some(words(line).call_id.into()),
        ..Default::default()
    };
    let signal = Signal::on(words(line), Body::facility(Box::new(body)));
    let called = line.called;
    say(line, called, &signal)
}

#[test]
fn a_called_party_that_sends_the_call_elsewhere_is_obeyed() {
    for reason in [
        FacilityReason::callForwarded(()),
        FacilityReason::routeCallToMC(()),
        FacilityReason::routeCallToGatekeeper(()),
    ] {
        let mut line = call_of(Vec::new(), Settings::default());
        let first = line.called;
        let outputs = forwarded(&mut line, reason, "198.51.100.30:1720");
        let released = sent(&outputs, first).expect("ReleaseComplete");
        assert_eq!(released.release(), Some(Release::FacilityCallDeflection));
        assert!(sent(&outputs, line.caller).is_none(), "{outputs:?}");
        let (stream, to) = dialled(&outputs).expect("the other");
        assert_eq!(to, "198.51.100.30:1720");
        assert_eq!(stands(&mut line, stream).call_id(), line.setup.call_id());
    }
}

/// The caller has heard of the first party by H.245: it is paused, and begins anew with the next one, which hears what
/// begins a session and no answers.
#[test]
fn the_next_party_hears_no_answers_to_the_first() {
    for determined in [false, true] {
        let mut line = call_of(Vec::new(), Settings::default());
        let (caller, called) = (line.caller, line.called);
        let octets_of = |control: Control| control.encode().unwrap();
        let able = [Audio { codec: Codec::Pcma, frames: 20 }];
        let mut said = vec![octets_of(Control::terminal_capability_set(7, &able))];
        said.extend(determined.then(|| octets_of(Control::master_slave_determination_ack(true))));
        let set = octets_of(Control::terminal_capability_set(3, &able));
        let tell = |line: &mut Line, message: &[u8]| {
            let signal = tunnels(line, message);
            say(line, caller, &signal)
        };
        tell(&mut line, &set);
        tell(&mut line, &octets(MSD[0]));
        let mut facility = Signal::transport(words(&line));
        facility.set_h245_control(said);
        say(&mut line, called, &facility);
        tell(&mut line, &octets_of(Control::terminal_capability_set_ack(7)));
        let outputs = forwarded(&mut line, FacilityReason::callForwarded(()), "198.51.100.30:1720");
        let pause = octets_of(Control::terminal_capability_set(8, &[]));
        assert_eq!(heard(&outputs, caller), [pause]);
        let (stream, _) = dialled(&outputs).expect("the other");
        tell(&mut line, &octets_of(Control::terminal_capability_set_ack(8)));
        let local = "198.51.100.2:40500".parse().unwrap();
        let outputs = line.desk.tell(Input::Connected { stream, local });
        let setup = sent(&outputs, stream).expect("Setup");
        assert!(setup.fast_start().is_empty(), "a second answer would be of no use");
        let mut all = vec![set];
        all.extend((!determined).then(|| octets(MSD[0])));
        assert_eq!(heard(&outputs, stream), all);
        // What it answers to the next party passes.
        let outputs = tell(&mut line, &octets_of(Control::terminal_capability_set_ack(8)));
        assert_eq!(heard(&outputs, stream).len(), 1);
    }
}

#[test]
fn a_call_is_not_sent_around_for_ever_nor_to_ourselves() {
    let mut line = call_of(Vec::new(), Settings::default());
    for _ in 0..5 {
        let reason = FacilityReason::callForwarded(());
        let outputs = forwarded(&mut line, reason, "198.51.100.30:1720");
        (line.called, _) = dialled(&outputs).expect("the other");
        let called = line.called;
        stands(&mut line, called);
    }
    let outputs = forwarded(&mut line, FacilityReason::callForwarded(()), "198.51.100.30:1720");
    let told = sent(&outputs, line.caller).expect("ReleaseComplete");
    assert_eq!(told.release(), Some(Release::HopCountExceeded));
    let mut line = call_of(Vec::new(), Settings::default());
    let outputs = forwarded(&mut line, FacilityReason::callForwarded(()), "198.51.100.2:1720");
    let told = sent(&outputs, line.caller).expect("ReleaseComplete");
    assert_eq!(told.release(), Some(Release::UnreachableDestination));
}

#[test]
fn a_redirection_in_a_routed_call_is_the_callers_affair_unless_configured() {
    let text = "[RoutedMode]\nGKRouted=1\n";
    for obeyed in [false, true] {
        let text = format!("{text}ForwardOnFacility={}\n", u8::from(obeyed));
        let settings = Settings::from(&pinhole_config::Config::read(&text).0);
        let mut line = call_of(Vec::new(), settings);
        let reason = FacilityReason::callForwarded(());
        let outputs = forwarded(&mut line, reason, "198.51.100.30:1720");
        assert_eq!(dialled(&outputs).is_some(), obeyed);
        assert_eq!(sent(&outputs, line.caller).is_some(), !obeyed);
    }
}

/// Where a client is announced a call, at last.
fn announced(outputs: &[Output]) -> Option<String> {
    outputs.iter().rev().find_map(|output| match output {
        Output::Datagram { to, bytes, .. } if bytes.first() == Some(&0x85) => Some(to.to_string()),
        _ => None,
    })
}

#[test]
fn clients_behind_nats_are_tried_in_turn() {
    let other = "203.0.113.77:5555";
    let mut desk = Desk::with(Settings { accept_unregistered: true, ..eager() });
    desk.register(NAT);
    let renamed = rrq(|request| {
        let alias = pinhole_h323::alias::Alias::from_text("second");
        request.terminal_alias = Some(vec![alias.to_asn()]);
    });
    let answers = desk.ask(other, &renamed);
    assert!(matches!(&answers[..], [RasMessage::registrationConfirm(_)]), "{answers:?}");
    let known = |name: &str| {
        let alias = pinhole_h323::alias::Alias::from_text(name);
        desk.node.core.registrations.find(&alias).map(|known| known.ras.to_string())
    };
    assert_eq!(known("second").as_deref(), Some(other));

    let (caller, peer) = (StreamId::accepted(1), "198.51.100.10:55234".parse().unwrap());
    let local = "198.51.100.2:1720".parse().unwrap();
    desk.tell(Input::Accepted { listener: ListenerId(0), stream: caller, local, peer });
    let mut setup = captured_setup();
    let names = ["second", "ep1"].map(|name| pinhole_h323::alias::Alias::from_text(name).to_asn());
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        setup.destination_address = Some(names.to_vec());
        setup.dest_call_signal_address = None;
    });
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let outputs = desk.tell(Input::Bytes { stream: caller, bytes: &bytes });
    assert_eq!(announced(&outputs).as_deref(), Some(other));
    desk.now += Duration::from_secs(31);
    let outputs = desk.tell(Input::Timeout);
    assert_eq!(announced(&outputs).as_deref(), Some(NAT), "{outputs:?}");
    assert!(sent(&outputs, caller).is_none());

    let stream = StreamId::accepted(2);
    let peer = "203.0.113.9:7777".parse().unwrap();
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let mut facility = Signal::decode(&octets(PINHOLE)).unwrap();
    facility.edit(|pdu| {
        let Body::facility(facility) = &mut pdu.h323_message_body else { panic!() };
        facility.call_identifier = setup.call_id().map(Into::into);
    });
    let bytes = tpkt::wrap(&facility.encode().unwrap()).unwrap();
    let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    assert_eq!(sent(&outputs, stream).map(|signal| signal.name()), Some("setup"));

    // Its connection breaks once it talks: RAS still reaches it.
    let connect = Signal::on(
        Leg {
            crv: setup.crv(),
            from_destination: true,
            call_id: setup.call_id().unwrap(),
            tunnelling: true,
        },
        Body::connect(Box::default()),
    );
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    assert_eq!(sent(&outputs, caller).map(|signal| signal.name()), Some("connect"));
    let outputs = desk.tell(Input::Closed { stream });
    let ordered = outputs.iter().find_map(|output| match output {
        Output::Datagram { to, bytes, .. } => Some((to.to_string(), Ras::decode(bytes).unwrap())),
        _ => None,
    });
    let (to, drq) = ordered.expect("DRQ");
    assert_eq!(to, NAT);
    let RasMessage::disengageRequest(drq) = drq.message() else { panic!("{drq:?}") };
    assert_eq!(drq.call_identifier.as_ref().map(Into::into), setup.call_id());
    assert_eq!(drq.answered_call, Some(true));
    assert_eq!(sent(&outputs, caller).and_then(|s| s.cause()).map(Cause::value), Some(41));
}

/// The Facility with which an h323plus client takes up a call.
#[rustfmt::skip]
pub(super) const PINHOLE: &str = "08020000621c007e0027052680060008914a00076260301100f81f8d79a5e3f11187699e74069603080100010002800180";
