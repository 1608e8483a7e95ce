//! Callers and endpoints that are sent to another gatekeeper, or to the address of this one.

use pinhole_h323::address::{from_h225, to_h225};
use pinhole_h323::asn::h225::{
    AltGKInfo, FacilityReason, GatekeeperRequest, H323UUPDUH323MessageBody as Body, RasMessage,
    RequestSeqNum,
};

use super::*;
use crate::world::{at, seconds};

const OTHERS: &str = "AlternateGKs=192.0.2.4;1719;false;1;GnuGk2,192.0.2.5;1819;true;2\n";

fn places(info: &AltGKInfo) -> Vec<String> {
    let all = info.alternate_gatekeeper.iter();
    all.filter_map(|one| from_h225(&one.ras_address)).map(|at| at.to_string()).collect()
}

const PLACES: [&str; 2] = ["192.0.2.4:1719", "192.0.2.5:1819"];

#[test]
fn endpoints_are_told_of_other_gatekeepers() {
    for (text, told) in [("", false), (OTHERS, true)] {
        let mut call = call_at(Stage::Admitted, &format!("[Gatekeeper::Main]\n{text}"));
        let search = GatekeeperRequest {
            request_seq_num: RequestSeqNum(500),
            protocol_identifier: pinhole_h323::version::h225(),
            ras_address: to_h225(at("198.51.100.31:1719")),
            ..Default::default()
        };
        let answers = call.ask(CALLER, RasMessage::gatekeeperRequest(Box::new(search)));
        let [RasMessage::gatekeeperConfirm(found)] = &answers[..] else { panic!("{answers:?}") };
        let confirm = call.registered(CALLER);
        for all in [&found.alternate_gatekeeper, &confirm.alternate_gatekeeper] {
            let info = all.clone().map(|alternate_gatekeeper| AltGKInfo {
                alternate_gatekeeper,
                ..Default::default()
            });
            assert_eq!(info.as_ref().map(places), told.then(|| PLACES.map(String::from).to_vec()));
            if let Some(info) = info {
                let kinds = info.alternate_gatekeeper.iter();
                let kinds: Vec<_> = kinds.map(|one| (one.need_to_register, one.priority)).collect();
                assert_eq!(kinds, [(false, 1), (true, 2)]);
            }
        }
    }
}

#[test]
fn too_many_endpoints_and_calls_are_sent_to_other_gatekeepers() {
    // Two are registered already.
    let mut call = call_at(
        Stage::Talking,
        &format!("[Gatekeeper::Main]\n{OTHERS}RedirectGK=Endpoints > 2 | Calls > 1\n"),
    );
    call.registered(CALLER);
    let answers = call.third();
    let [RasMessage::registrationReject(reject)] = &answers[..] else { panic!("{answers:?}") };
    let info = reject.alt_gkinfo.as_ref().expect("where else");
    assert_eq!((places(info), info.alt_gkis_permanent), (PLACES.map(String::from).to_vec(), false));
    let answer = call.admission(CALLER, 9, "called");
    let RasMessage::admissionReject(reject) = &answer else { panic!("{answer:?}") };
    assert_eq!(places(reject.alt_gkinfo.as_ref().expect("where else")), PLACES);
    call.release(CALLED, None, None);
    call.lab.world.run_for(seconds(5));
    let answer = call.admission(CALLER, 10, "called");
    assert!(matches!(answer, RasMessage::admissionConfirm(_)), "{answer:?}");
    // With room, or without anywhere to go, nobody is sent away.
    for text in [&format!("{OTHERS}RedirectGK=Endpoints > 3\n"), "RedirectGK=Endpoints > 1\n"] {
        let mut call = call_at(Stage::Admitted, &format!("[Gatekeeper::Main]\n{text}"));
        let answers = call.third();
        assert!(matches!(&answers[..], [RasMessage::registrationConfirm(_)]), "{answers:?}");
    }
}

#[test]
fn a_caller_that_names_another_address_is_sent_to_ours() {
    for (text, named, sent) in [
        ("", "192.0.2.80:1720", false),
        ("[RoutedMode]\nRedirectCallsToGkIP=1\n", "192.0.2.80:1720", true),
        ("[RoutedMode]\nRedirectCallsToGkIP=1\n", "198.51.100.10:1720", false),
    ] {
        let mut call = call_at(Stage::Admitted, text);
        call.set_up(true, |setup| {
            setup.edit(|pdu| {
                let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
                setup.dest_call_signal_address = Some(to_h225(at(named)));
            });
        });
        let heard = call.heard(CALLER);
        let facility = heard.iter().find_map(|signal| match signal.body() {
            Some(Body::facility(facility)) => Some(facility),
            _ => None,
        });
        assert_eq!(facility.is_some(), sent, "{text} {named}");
        if let Some(facility) = facility {
            assert!(matches!(facility.reason, FacilityReason::routeCallToGatekeeper(())));
            let to = facility.alternative_address.as_ref().and_then(from_h225);
            assert_eq!(to, Some(call.address()));
        }
        let calls = call.lab.world.with(call.lab.node, |node: &mut pinhole::node::Node, now| {
            node.status(now).calls.len()
        });
        assert_eq!(calls, usize::from(!sent));
    }
}
