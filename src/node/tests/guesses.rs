//! Whoever knows, or guesses, an identifier of somebody else gets nothing by it. Each test gives the attacker the right one,
//! and shows that its owner gets by it what he does not.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AdmissionRequest, BandWidth, BandwidthRequest, CallIdentifier, CallReferenceValue,
    ConferenceIdentifier, DisengageReason, DisengageRequest, H323UUPDUH323MessageBody as Body,
    RequestSeqNum,
};
use pinhole_h323::cause::Release;
use pinhole_h323::id::CallId;
use pinhole_h323::{Signal, tpkt};

use super::failover::PINHOLE;
use super::fast_start::{CALLER, captured_setup, sent};
use super::ras::{MALLORY, ask, at, register};
use super::*;

/// The first requestSeqNum of a request that was not sent yet, so that none is a repetition.
const SEQ: u16 = 900;

/// A call of `alice`, who is plain, to the client behind the NAT, and mallory, who is registered.
pub(super) struct Scene {
    pub(super) desk: Desk,
    alice: EndpointIdentifier,
    mallory: EndpointIdentifier,
    pub(super) setup: Signal,
    /// What the client got of it.
    pub(super) given: Option<Signal>,
    pub(super) caller: StreamId,
    next: u64,
    seq: u16,
}

impl Scene {
    /// The call is announced, and waits for the client.
    pub(super) fn announced() -> Self {
        let mut desk = Desk::with(Settings::default());
        desk.register(NAT);
        let alice = register(&mut desk, "alice", "198.51.100.10:1719");
        let mallory = register(&mut desk, "mallory", MALLORY);
        let mut setup = captured_setup();
        setup.edit(|pdu| {
            let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
            setup.destination_address = Some(vec![Alias::from_text("ep1").to_asn()]);
            setup.dest_call_signal_address = None;
        });
        let caller = StreamId::accepted(1);
        let mut scene =
            Self { desk, alice, mallory, setup, given: None, caller, next: 1, seq: SEQ };
        let setup = scene.setup.clone();
        let (outputs, stream) = scene.speaks(CALLER, &setup);
        assert_eq!(stream, caller);
        let announced = outputs.iter().any(|output| matches!(output, Output::Datagram { .. }));
        assert!(announced, "{outputs:?}");
        scene
    }

    /// The client has taken it up, and has its Setup.
    pub(super) fn called() -> (Self, StreamId) {
        let mut scene = Self::announced();
        let facility = scene.facility();
        let (outputs, stream) = scene.speaks("203.0.113.9:7777", &facility);
        scene.given = sent(&outputs, stream);
        assert_eq!(scene.given.as_ref().map(Signal::name), Some("setup"));
        (scene, stream)
    }

    pub(super) fn call(&self) -> CallId {
        self.setup.call_id().unwrap()
    }

    fn conference(&self) -> ConferenceIdentifier {
        let Some(Body::setup(setup)) = self.setup.body() else { panic!() };
        setup.conference_id.clone()
    }

    /// The Facility with which a client comes for the call.
    pub(super) fn facility(&self) -> Signal {
        let mut facility = Signal::decode(&octets(PINHOLE)).unwrap();
        facility.edit(|pdu| {
            let Body::facility(facility) = &mut pdu.h323_message_body else { panic!() };
            facility.call_identifier = Some(self.call().into());
        });
        facility
    }

    /// Somebody connects to the signalling port and says this.
    pub(super) fn speaks(&mut self, from: &str, signal: &Signal) -> (Vec<Output>, StreamId) {
        let stream = StreamId::accepted(self.next);
        self.next += 1;
        let (peer, local) = (at(from), at("198.51.100.2:1720"));
        self.desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
        let bytes = tpkt::wrap(&signal.encode().unwrap()).unwrap();
        (self.desk.tell(Input::Bytes { stream, bytes: &bytes }), stream)
    }

    /// What somebody is answered on the signalling port.
    fn answered(&mut self, from: &str, signal: &Signal) -> Option<Release> {
        let (outputs, stream) = self.speaks(from, signal);
        assert!(!outputs.iter().any(|output| matches!(output, Output::Connect { .. })));
        sent(&outputs, stream).and_then(|signal| signal.release())
    }

    /// Everything that RAS can say of a call, by an endpoint, with all that belongs to this one.
    fn ras(&mut self, id: &EndpointIdentifier, answer_call: bool) -> Vec<RasMessage> {
        let mut seq = || {
            self.seq += 1;
            RequestSeqNum(self.seq)
        };
        let numbers = [seq(), seq(), seq()];
        let call = || Some(CallIdentifier::from(self.call()));
        let crv = CallReferenceValue(self.setup.q931().crv().value());
        let [arq, brq, drq] = numbers;
        vec![
            RasMessage::admissionRequest(Box::new(AdmissionRequest {
                request_seq_num: arq,
                endpoint_identifier: id.clone(),
                call_identifier: call(),
                conference_id: self.conference(),
                call_reference_value: crv.clone(),
                answer_call,
                destination_info: Some(vec![Alias::from_text("ep1").to_asn()]),
                band_width: BandWidth(1280),
                ..Default::default()
            })),
            RasMessage::bandwidthRequest(Box::new(BandwidthRequest {
                request_seq_num: brq,
                endpoint_identifier: id.clone(),
                call_identifier: call(),
                conference_id: self.conference(),
                call_reference_value: crv.clone(),
                band_width: BandWidth(5),
                ..Default::default()
            })),
            RasMessage::disengageRequest(Box::new(DisengageRequest {
                request_seq_num: drq,
                endpoint_identifier: id.clone(),
                call_identifier: call(),
                conference_id: self.conference(),
                call_reference_value: crv,
                disengage_reason: DisengageReason::normalDrop(()),
                ..Default::default()
            })),
        ]
    }
}

#[test]
fn who_knows_the_identifiers_of_a_call_cannot_change_or_end_it() {
    let (mut scene, _) = Scene::called();
    let mallory = scene.mallory.clone();
    for message in scene.ras(&mallory, true) {
        let answers = ask(&mut scene.desk, MALLORY, message);
        assert!(
            matches!(
                &answers[..],
                [RasMessage::admissionReject(_)
                    | RasMessage::bandwidthReject(_)
                    | RasMessage::disengageReject(_)]
            ),
            "{answers:?}"
        );
    }
    assert_eq!(scene.desk.node.calls(), 1);
    // The same without its call identifier: conference and call reference are no names of a call.
    for mut message in scene.ras(&mallory, false) {
        match &mut message {
            RasMessage::disengageRequest(request) => request.call_identifier = None,
            RasMessage::bandwidthRequest(request) => request.call_identifier = None,
            _ => continue,
        }
        ask(&mut scene.desk, MALLORY, message);
        assert_eq!(scene.desk.node.calls(), 1);
    }
    let alice = scene.alice.clone();
    let drq = scene.ras(&alice, false).swap_remove(2);
    let answers = ask(&mut scene.desk, "198.51.100.10:1719", drq);
    assert!(matches!(&answers[..], [RasMessage::disengageConfirm(_)]), "{answers:?}");
    // ReleaseComplete may still come, and then the media plane reports.
    scene.desk.wait(3);
    scene.desk.wait(3);
    assert_eq!(scene.desk.node.calls(), 0, "it is over");
}

/// Before version 2 of H.225.0 there is no callIdentifier: an endpoint names its call by conference and call reference.
#[test]
fn an_old_endpoint_ends_its_call_by_conference_and_call_reference() {
    let (mut scene, _) = Scene::called();
    let alice = scene.alice.clone();
    let mut without = |edit: &dyn Fn(&mut DisengageRequest)| {
        let mut message = scene.ras(&alice, false).swap_remove(2);
        let RasMessage::disengageRequest(request) = &mut message else { panic!() };
        request.call_identifier = None;
        edit(request);
        let answers = ask(&mut scene.desk, "198.51.100.10:1719", message);
        assert!(matches!(&answers[..], [RasMessage::disengageConfirm(_)]), "{answers:?}");
        scene.desk.wait(3);
        scene.desk.wait(3);
        scene.desk.node.calls()
    };
    assert_eq!(without(&|request| request.call_reference_value.0 ^= 1), 1);
    assert_eq!(
        without(&|request| request.call_reference_value.0 |= 0x8000),
        1,
        "it has not answered it"
    );
    assert_eq!(without(&|request| request.conference_id = ConferenceIdentifier::default()), 1);
    assert_eq!(without(&|_| {}), 0);
}

#[test]
fn who_knows_a_call_identifier_cannot_call_in_its_place() {
    let (mut scene, _) = Scene::called();
    let setup = scene.setup.clone();
    assert_eq!(scene.answered(MALLORY, &setup), Some(Release::UndefinedReason));
    assert_eq!(scene.desk.node.calls(), 1);
    // Nor before it begins: it was admitted for somebody else.
    let mut desk = Desk::with(Settings::default());
    desk.register(NAT);
    let alice = register(&mut desk, "alice", "198.51.100.10:1719");
    let mut arq = scene.ras(&alice, false).swap_remove(0);
    let RasMessage::admissionRequest(request) = &mut arq else { panic!() };
    request.destination_info = Some(vec![Alias::from_text("ep1").to_asn()]);
    let answers = ask(&mut desk, "198.51.100.10:1719", arq.clone());
    assert!(matches!(&answers[..], [RasMessage::admissionConfirm(_)]), "{answers:?}");
    let mallory = register(&mut desk, "mallory", MALLORY);
    let RasMessage::admissionRequest(request) = &mut arq else { panic!() };
    request.endpoint_identifier = mallory;
    let answers = ask(&mut desk, MALLORY, arq);
    assert!(matches!(&answers[..], [RasMessage::admissionReject(_)]), "{answers:?}");
    assert_eq!(desk.node.core.admissions.len(), 1);
    let waiting = desk.node.core.admissions.get(scene.call()).unwrap();
    assert_eq!(waiting.caller, EndpointId::from(&alice));
}

#[test]
fn an_announced_call_is_taken_up_once_from_the_clients_address_and_in_time() {
    let mut scene = Scene::announced();
    let facility = scene.facility();
    for stranger in [MALLORY, CALLER, "203.0.113.10:7777"] {
        assert_eq!(scene.answered(stranger, &facility), Some(Release::UndefinedReason));
        assert_eq!(scene.desk.node.core.pinholes.waiting(), 1, "the client can still come");
    }
    let other = {
        let mut other = facility.clone();
        other.edit(|pdu| {
            let Body::facility(facility) = &mut pdu.h323_message_body else { panic!() };
            facility.call_identifier = Some(CallId([9; 16]).into());
        });
        other
    };
    assert_eq!(scene.answered("203.0.113.9:7777", &other), Some(Release::UndefinedReason));
    let (outputs, stream) = scene.speaks("203.0.113.9:7777", &facility);
    assert_eq!(sent(&outputs, stream).map(|signal| signal.name()), Some("setup"));
    assert_eq!(scene.answered("203.0.113.9:7778", &facility), Some(Release::UndefinedReason));
    assert_eq!(scene.desk.node.calls(), 1);

    let mut late = Scene::announced();
    let wait = late.desk.node.core.settings.signal_timeout;
    late.desk.now += wait;
    let outputs = late.desk.tell(Input::Timeout);
    assert_eq!(
        sent(&outputs, late.caller).and_then(|signal| signal.release()),
        Some(Release::UnreachableDestination)
    );
    assert_eq!(late.answered("203.0.113.9:7777", &facility), Some(Release::UndefinedReason));
}

#[test]
fn a_response_of_somebody_else_does_not_stop_an_announcement() {
    let mut scene = Scene::announced();
    let announced = |outputs: &[Output]| {
        outputs.iter().find_map(|output| match output {
            Output::Datagram { to, bytes, .. } if bytes.first() == Some(&0x85) => {
                let ras = Ras::decode(bytes).unwrap();
                assert_eq!(*to, at(NAT));
                ras.seq().map(|seq| seq.value())
            }
            _ => None,
        })
    };
    let after = |scene: &mut Scene, seconds: u64| {
        scene.desk.now += Duration::from_secs(seconds);
        announced(&scene.desk.tell(Input::Timeout))
    };
    let seq = after(&mut scene, 2).expect("it is repeated");
    let [high, low] = (seq - 1).to_be_bytes();
    let response = [0x86, 3, 0, high, low];
    assert_eq!(Ras::decode(&response).unwrap().seq().map(|seq| seq.value()), Some(seq));
    scene.desk.ask(MALLORY, &response);
    assert_eq!(after(&mut scene, 2), Some(seq), "the same number, to the same address");
    scene.desk.ask(NAT, &response);
    assert_eq!(after(&mut scene, 2), None, "the client has heard it");
    // Behind a NAT that has moved its port it is announced there.
    let mut moved = Scene::announced();
    let known = moved.desk.node.core.registrations.find(&Alias::from_text("ep1")).unwrap();
    let id = EndpointIdentifier::from(&known.id);
    let elsewhere = "203.0.113.9:50505";
    moved.desk.keepalive(elsewhere, &id);
    moved.desk.now += Duration::from_secs(2);
    let outputs = moved.desk.tell(Input::Timeout);
    let to = outputs.iter().find_map(|output| match output {
        Output::Datagram { to, .. } => Some(*to),
        _ => None,
    });
    assert_eq!(to, Some(at(elsewhere)));
}

#[test]
fn the_h245_listener_of_a_party_takes_that_party_alone() {
    let (mut scene, client) = Scene::called();
    // The client does not tunnel, so it is asked to connect.
    let words = pinhole_h323::signal::Leg {
        crv: scene.setup.crv(),
        from_destination: true,
        call_id: scene.call(),
        tunnelling: false,
    };
    let mut connect = Signal::on(words, Body::connect(Box::default()));
    connect.set_h245_address(Some(at("10.10.1.2:5555")));
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = scene.desk.tell(Input::Bytes { stream: client, bytes: &bytes });
    let asked = sent(&outputs, client).and_then(|signal| signal.h245_address());
    let there = asked.expect("startH245");
    let listener = scene.desk.listener(there);
    let connects = |scene: &mut Scene, n: u64, from: &str| {
        let (stream, peer) = (StreamId::accepted(n), at(from));
        let accepted = Input::Accepted { listener, stream, local: there, peer };
        let outputs = scene.desk.tell(accepted);
        !outputs
            .iter()
            .any(|output| matches!(output, Output::Close { stream: it } if *it == stream))
    };
    for (n, stranger) in [(50, MALLORY), (51, CALLER)] {
        assert!(!connects(&mut scene, n, stranger));
    }
    assert_eq!(scene.desk.node.counters().refused_streams, 2);
    assert!(connects(&mut scene, 52, "203.0.113.9:9999"));
    assert!(!connects(&mut scene, 53, "203.0.113.9:9998"), "once");
}
