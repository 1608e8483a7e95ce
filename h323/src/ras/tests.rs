use super::*;
use crate::generic::{H460_18, Parameters};
use crate::vectors::*;

fn decoded(hex: &str) -> Ras {
    Ras::decode(&octets(hex)).unwrap()
}

#[test]
fn every_vector_leaves_as_it_came_and_is_made_anew_the_same() {
    for hex in ALL_RAS {
        let mut ras = decoded(hex);
        assert_eq!(ras.encode().unwrap(), octets(hex), "{}", ras.name());
        ras.edit(|_| ());
        assert_eq!(ras.encode().unwrap(), octets(hex), "{}", ras.name());
    }
}

#[test]
fn reads_a_registration() {
    let rrq = decoded(RRQ);
    assert_eq!(rrq.name(), "registrationRequest");
    assert_eq!(rrq.seq(), Some(Seq::new(0x2de1)));
    assert_eq!(rrq.endpoint_id(), None);
    assert_eq!(rrq.gatekeeper_id(), Some("PubGK".into()));
    assert!(rrq.feature(H460_18).is_some_and(|feature| feature.parameters().is_empty()));
    assert!(rrq.feature(19).is_none());
    let rcf = decoded(RCF);
    assert_eq!(rcf.endpoint_id(), Some("2685734070_endp".into()));
    assert!(rcf.feature(H460_18).is_some());
    assert_eq!(rcf.reject(), None);
}

#[test]
fn an_edit_of_one_field_leaves_all_else() {
    for hex in ALL_RAS {
        let mut ras = decoded(hex);
        let before = octets(hex);
        let seq = ras.seq().unwrap();
        assert!(ras.set_seq(Seq::new(0x5aa5)));
        let after = ras.encode().unwrap();
        assert_eq!(after.len(), before.len());
        let changed = (0..before.len()).filter(|&at| before[at] != after[at]).count();
        assert!((1..=3).contains(&changed), "{} {changed}", ras.name());
        assert!(ras.set_seq(seq));
        assert_eq!(ras.encode().unwrap(), before);
    }
}

#[test]
fn features_come_and_go() {
    let mut rrq = decoded(RRQ);
    assert!(!rrq.remove_feature(19));
    assert_eq!(rrq.encode().unwrap(), octets(RRQ));
    assert!(rrq.remove_feature(H460_18));
    assert!(rrq.remove_feature(23));
    let RasMessage::registrationRequest(body) = rrq.message() else { panic!() };
    assert_eq!(body.feature_set, None);
    assert!(rrq.set_feature(Need::Supported, generic::new(H460_18)));
    assert!(rrq.feature(H460_18).is_some());
    let mut ucf = decoded(V_UCF);
    assert!(!ucf.set_feature(Need::Supported, generic::new(H460_18)));
    assert_eq!(ucf.encode().unwrap(), octets(V_UCF));
    assert!(ucf.set_generic_data(generic::new(H460_18)));
    assert!(Ras::decode(&ucf.encode().unwrap()).unwrap().generic_data(H460_18).is_some());
}

#[test]
fn reads_the_call_and_the_reject() {
    let call = decoded(ZONE_LRQ).call_id().unwrap();
    assert_eq!(call.to_string(), "1882b08c-a6e3-f111-8a29-b65383e2b540");
    let reject = crate::asn::h225::AdmissionReject {
        reject_reason: Reject::CalledPartyNotRegistered.into(),
        ..Default::default()
    };
    let ras = Ras::new(RasMessage::admissionReject(Box::new(reject)));
    assert_eq!(ras.reject(), Some(Reject::CalledPartyNotRegistered));
}

#[test]
fn refuses_what_is_no_message() {
    assert!(Ras::decode(&[]).is_err());
    for length in 0..octets(RRQ).len() {
        assert!(Ras::decode(&octets(RRQ)[..length]).is_err(), "{length}");
    }
}
