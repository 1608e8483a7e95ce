//! The call signalling messages that the phone says (H.225.0 §7.3).

use std::net::{IpAddr, SocketAddr};

use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AlertingUUIE, CallProceedingUUIE, CallType, ConnectUUIE, FacilityReason, FacilityUUIE,
    H323UUPDUH323MessageBody as Body, SetupUUIE, SetupUUIEConferenceGoal, StatusUUIE,
};
use pinhole_h323::cause::Cause;
use pinhole_h323::generic::Need;
use pinhole_h323::h46019::Ability;
use pinhole_h323::id::ConferenceId;
use pinhole_h323::q931::{Bearer, code};
use pinhole_h323::signal::{Leg, Signal};
use pinhole_h323::version;

use crate::phone::desk::Desk;
use crate::phone::say_ras;

/// The answers of the called party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    CallProceeding,
    Alerting,
    Connect,
}

/// Setup, but for its addresses.
pub(super) fn setup(
    desk: &Desk,
    leg: Leg,
    conference: ConferenceId,
    called: Option<Alias>,
) -> Signal {
    let standing = desk.ras.standing.as_ref();
    let body = SetupUUIE {
        protocol_identifier: version::h225(),
        source_address: Some(say_ras::aliases(desk)),
        source_info: say_ras::endpoint_type(),
        destination_address: called.as_ref().map(|called| vec![called.to_asn()]),
        conference_id: conference.into(),
        conference_goal: SetupUUIEConferenceGoal::create(()),
        call_type: CallType::pointToPoint(()),
        call_identifier: Some(leg.call_id.into()),
        media_wait_for_connect: Some(false),
        can_overlap_send: Some(false),
        endpoint_identifier: standing.map(|standing| (&standing.endpoint).into()),
        multiple_calls: Some(false),
        maintain_connection: Some(false),
        ..SetupUUIE::default()
    };
    let mut signal = Signal::on(leg, Body::setup(Box::new(body)));
    let q931 = signal.q931_mut();
    q931.set_bearer(Bearer::AUDIO);
    q931.set_display(desk.options.name());
    if let Some(digits) = called.as_ref().and_then(Alias::digits) {
        q931.set_called_digits(digits);
    }
    signal
}

/// Puts our address and that of the next hop into a Setup.
pub(super) fn address(setup: &mut Signal, ours: IpAddr, desk: &Desk, next: SocketAddr) {
    let port = say_ras::signalling(desk).port();
    setup.edit(|pdu| {
        if let Body::setup(body) = &mut pdu.h323_message_body {
            body.source_call_signal_address = Some(to_h225(SocketAddr::new(ours, port)));
            body.dest_call_signal_address = Some(to_h225(next));
        }
    });
}

/// CallProceeding, Alerting or Connect.
pub(super) fn answer(leg: Leg, conference: ConferenceId, answer: Answer) -> Signal {
    let body = match answer {
        Answer::CallProceeding => Body::callProceeding(Box::new(CallProceedingUUIE {
            protocol_identifier: version::h225(),
            destination_info: say_ras::endpoint_type(),
            call_identifier: Some(leg.call_id.into()),
            multiple_calls: Some(false),
            maintain_connection: Some(false),
            ..CallProceedingUUIE::default()
        })),
        Answer::Alerting => Body::alerting(Box::new(AlertingUUIE {
            protocol_identifier: version::h225(),
            destination_info: say_ras::endpoint_type(),
            call_identifier: Some(leg.call_id.into()),
            multiple_calls: Some(false),
            maintain_connection: Some(false),
            ..AlertingUUIE::default()
        })),
        Answer::Connect => Body::connect(Box::new(ConnectUUIE {
            protocol_identifier: version::h225(),
            destination_info: say_ras::endpoint_type(),
            conference_id: conference.into(),
            call_identifier: Some(leg.call_id.into()),
            multiple_calls: Some(false),
            maintain_connection: Some(false),
            ..ConnectUUIE::default()
        })),
    };
    Signal::on(leg, body)
}

/// Status, the answer to StatusInquiry.
pub(super) fn status(leg: Leg, state: u8) -> Signal {
    let body = StatusUUIE {
        protocol_identifier: version::h225(),
        call_identifier: leg.call_id.into(),
        ..StatusUUIE::default()
    };
    let mut signal = Signal::on(leg, Body::status(Box::new(body)));
    let q931 = signal.q931_mut();
    q931.set_cause(Cause::RESPONSE_TO_STATUS_ENQUIRY.value());
    q931.set(code::CALL_STATE, [state]);
    signal
}

/// Says that we are a client of H.460.19, and whether we can send multiplexed media.
pub(super) fn offer_19(signal: &mut Signal, transmit_multiplexed: bool) {
    let ability = Ability { transmit_multiplexed, server: false };
    signal.set_feature(Need::Supported, ability.to_feature());
}

/// Facility that only carries H.245: with an empty body, which peers of any version take (H.323 §8.2.1).
pub(super) fn carry(leg: Leg, messages: Vec<Vec<u8>>) -> Signal {
    let mut signal = Signal::on(leg, Body::empty(()));
    signal.set_h245_control(messages);
    signal.q931_mut().set(code::FACILITY, []);
    signal
}

/// Facility by which a called party sends the call through its gatekeeper.
pub(super) fn route_to_gatekeeper(leg: Leg, gatekeeper: SocketAddr) -> Signal {
    let body = FacilityUUIE {
        protocol_identifier: version::h225(),
        alternative_address: Some(to_h225(gatekeeper)),
        reason: FacilityReason::routeCallToGatekeeper(()),
        call_identifier: Some(leg.call_id.into()),
        ..FacilityUUIE::default()
    };
    Signal::on(leg, Body::facility(Box::new(body)))
}
