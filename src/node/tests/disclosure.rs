//! No message that is passed on tells an address of the other leg, in whatever field.

use std::net::Ipv4Addr;

use pinhole_h323::asn::h225::{
    AliasAddress, ConferenceList, Content, EnumeratedParameter, ExtendedAliasAddress,
    FacilityReason, FacilityUUIE, FeatureSet, GenericData, H323UUPDUH323MessageBody as Body,
};
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, address, generic, tpkt};

use super::fast_start::{CONNECT, call, call_edited, sent};
use super::*;

/// An address inside, which nobody outside has any use for.
const INSIDE: [u8; 4] = [10, 99, 88, 77];

fn inside() -> SocketAddr {
    (Ipv4Addr::from(INSIDE), 1721).into()
}

fn transport() -> AliasAddress {
    AliasAddress::transportID(Box::new(address::to_h225(inside())))
}

fn names() -> Option<Vec<AliasAddress>> {
    Some(vec![transport(), pinhole_h323::alias::Alias::from_text("bob").to_asn()])
}

/// APDUs of H.450 (callTransferInitiate, H.450.2, as far as it matters here): one that calls by address, one by name.
fn services() -> Option<Vec<pinhole_h323::asn::OctetString>> {
    let [a, b, c, d] = INSIDE;
    let begins = [0x40, 0x00, 0x01, 0x00, 0x09, 0x00, 0x01, 0x09, 0x10];
    let address = [&begins[..], &[0x00, 0x01, 0x81, 7, 0, a, b, c, d, 6, 0xb8]].concat();
    let name = [&begins[..], &[0x00, 0x01, 0x40, 2, 0, b'b', 0, b'o', 0, b'b']].concat();
    Some(vec![address.into(), name.into()])
}

/// Data of a feature that tells the address in every way it can.
fn feature() -> GenericData {
    let parameter = |number: u16, content| EnumeratedParameter {
        id: generic::identifier(number),
        content: Some(content),
        unknown_ext: None,
    };
    let mut data = generic::new(25);
    let mut inner = generic::new(9);
    inner.parameters = Some(vec![parameter(1, generic::transport(inside()))]);
    data.parameters = Some(vec![
        parameter(1, generic::transport(inside())),
        parameter(2, Content::alias(transport())),
        parameter(3, Content::compound(vec![parameter(1, generic::transport(inside()))])),
        parameter(4, Content::nested(vec![inner])),
        parameter(5, Content::number8(7)),
    ]);
    data
}

fn features() -> Option<FeatureSet> {
    let mut set = FeatureSet::default();
    for need in [generic::Need::Needed, generic::Need::Desired, generic::Need::Supported] {
        let mut more = feature();
        more.id = generic::identifier(25 + need as u16);
        generic::set_feature(&mut set, need, more);
    }
    Some(set)
}

/// How many supplementary services a message brings.
fn served(signal: &Signal) -> usize {
    signal.pdu().and_then(|pdu| pdu.h4501_supplementary_service.as_ref()).map_or(0, Vec::len)
}

fn tells(signal: &Signal) -> bool {
    signal.encode().unwrap().windows(4).any(|octets| octets == INSIDE)
}

#[test]
fn a_setup_tells_nothing_of_where_the_caller_is() {
    let line = call_edited(Settings::default(), |signal| {
        signal.set_fast_start(Vec::new());
        signal.edit(|pdu| {
            pdu.generic_data = Some(vec![feature()]);
            pdu.h4501_supplementary_service = services();
            let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
            setup.h245_address = Some(address::to_h225(inside()));
            setup.source_call_signal_address = Some(address::to_h225(inside()));
            setup.source_address = names();
            setup.destination_address = names();
            setup.dest_extra_call_info = names();
            setup.remote_extension_address = Some(transport());
            let address = transport();
            setup.additional_source_addresses =
                Some(vec![ExtendedAliasAddress { address, ..Default::default() }]);
            setup.supported_features = features().and_then(|set| set.supported_features);
        });
        assert!(tells(signal));
    });
    assert!(!tells(&line.setup), "{:?}", line.setup);
    let Some(Body::setup(setup)) = line.setup.body() else { panic!() };
    assert_eq!(setup.source_address.as_ref().map(Vec::len), Some(1), "its name stays");
    assert!(setup.dest_call_signal_address.is_some(), "the next hop is always told");
    assert_eq!(setup.endpoint_identifier, None);
    assert_eq!(served(&line.setup), 1, "who is named by his name can be called");
    let data = line.setup.generic_data(25).expect("the feature stays");
    assert_eq!(data.parameters.as_ref().unwrap()[4].content, Some(Content::number8(7)));
}

/// Every message that a called party can send, with the address in every field that has one.
pub(super) fn messages(words: Leg) -> Vec<Signal> {
    let told = || Some(address::to_h225(inside()));
    let mut all = Vec::new();
    let mut add = |mut body: Body| {
        match &mut body {
            Body::callProceeding(body) => {
                body.h245_address = told();
                body.feature_set = features();
            }
            Body::alerting(body) => {
                body.h245_address = told();
                body.alerting_address = names();
                body.feature_set = features();
            }
            Body::progress(body) => body.h245_address = told(),
            Body::connect(body) => {
                body.h245_address = told();
                body.connected_address = names();
                body.feature_set = features();
            }
            Body::notify(body) => body.connected_address = names(),
            Body::releaseComplete(body) => {
                body.busy_address = names();
                body.feature_set = features();
            }
            Body::facility(body) => {
                body.alternative_address = told();
                body.alternative_alias_address = names();
                body.dest_extra_call_info = names();
                body.remote_extension_address = Some(transport());
                body.h245_address = told();
                body.feature_set = features();
                let conference_alias = Some(transport());
                body.conferences =
                    Some(vec![ConferenceList { conference_alias, ..Default::default() }]);
            }
            _ => {}
        }
        let mut signal = Signal::on(words, body);
        signal.edit(|pdu| {
            pdu.generic_data = Some(vec![feature()]);
            pdu.h4501_supplementary_service = services();
        });
        all.push(signal);
    };
    add(Body::callProceeding(Box::default()));
    add(Body::setupAcknowledge(Box::default()));
    add(Body::alerting(Box::default()));
    add(Body::progress(Box::default()));
    add(Body::connect(Box::default()));
    add(Body::information(Box::default()));
    add(Body::notify(Box::default()));
    add(Body::status(Box::default()));
    add(Body::statusInquiry(Box::default()));
    for reason in [
        FacilityReason::routeCallToGatekeeper(()),
        FacilityReason::callForwarded(()),
        FacilityReason::routeCallToMC(()),
        FacilityReason::undefinedReason(()),
        FacilityReason::conferenceListChoice(()),
        FacilityReason::startH245(()),
        FacilityReason::noH245(()),
        FacilityReason::newTokens(()),
        FacilityReason::featureSetUpdate(()),
        FacilityReason::forwardedElements(()),
        FacilityReason::transportedInformation(()),
    ] {
        let body = FacilityUUIE { reason, ..Default::default() };
        add(Body::facility(Box::new(body)));
    }
    add(Body::releaseComplete(Box::default()));
    all
}

#[test]
fn no_message_tells_where_the_called_party_is() {
    // After Connect, where no redirection is obeyed any more, and for a caller that tunnels and one that does not.
    for tunnels in [true, false] {
        let mut line = call_edited(Settings::default(), |setup| setup.set_h245_tunnelling(tunnels));
        let words = Leg {
            crv: line.setup.crv(),
            from_destination: true,
            call_id: line.setup.call_id().unwrap(),
            tunnelling: tunnels,
        };
        let mut passed = Vec::new();
        line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
        for signal in messages(words) {
            assert!(tells(&signal), "{signal:?}");
            let bytes = tpkt::wrap(&signal.encode().unwrap()).unwrap();
            let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
            if let Some(signal) = sent(&outputs, line.caller) {
                assert!(!tells(&signal), "{signal:?}");
                assert_eq!(served(&signal), 1);
                passed.push(signal.message_type());
            }
        }
        for kind in [
            MessageType::CallProceeding,
            MessageType::Alerting,
            MessageType::Progress,
            MessageType::Connect,
            MessageType::Notify,
            MessageType::Facility,
            MessageType::ReleaseComplete,
        ] {
            assert!(passed.contains(&kind), "{kind:?} did not pass: {passed:?}");
        }
    }
}

#[test]
fn who_is_named_beside_an_address_is_called_through_us() {
    let mut line = call();
    line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
    let words = Leg {
        crv: line.setup.crv(),
        from_destination: true,
        call_id: line.setup.call_id().unwrap(),
        tunnelling: true,
    };
    let body = FacilityUUIE {
        reason: FacilityReason::routeCallToMC(()),
        alternative_address: Some(address::to_h225(inside())),
        alternative_alias_address: names(),
        ..Default::default()
    };
    let signal = Signal::on(words, Body::facility(Box::new(body)));
    let bytes = tpkt::wrap(&signal.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let passed = sent(&outputs, line.caller).expect("Facility");
    let Some(Body::facility(facility)) = passed.body() else { panic!() };
    let at = facility.alternative_address.as_ref().and_then(address::from_h225).unwrap();
    assert_eq!(at.to_string(), "198.51.100.2:1720");
    assert_eq!(facility.alternative_alias_address.as_ref().map(Vec::len), Some(1));
}
