use super::*;
use crate::generic::{H460_19, Parameters};
use crate::q931::code;
use crate::vectors::*;

fn decoded(hex: &str) -> Signal {
    Signal::decode(&unwrapped(hex)).unwrap()
}

#[test]
fn every_vector_leaves_as_it_came_and_is_made_anew_the_same() {
    for hex in ALL_SIGNAL {
        let mut signal = decoded(hex);
        assert_eq!(signal.encode().unwrap(), unwrapped(hex), "{}", signal.name());
        signal.edit(|_| ());
        assert_eq!(signal.encode().unwrap(), unwrapped(hex), "{}", signal.name());
    }
}

#[test]
fn reads_a_setup() {
    let setup = decoded(SETUP_OF_CLIENT);
    assert_eq!(setup.name(), "setup");
    assert_eq!(setup.message_type(), MessageType::Setup);
    assert_eq!(setup.crv(), Crv::new(0x6a58));
    assert_eq!(setup.call_id().unwrap().to_string(), "56430fb2-a5e3-f111-8572-9e4af640c008");
    assert_eq!(setup.h245_tunnelling(), Some(true));
    assert_eq!(setup.h245_address(), None);
    assert!(setup.fast_start().is_empty());
    let feature = setup.feature(H460_19).unwrap();
    assert!(feature.has(1) && !feature.has(2));
    assert!(setup.needed_features().is_empty());
}

#[test]
fn an_edit_leaves_all_other_elements() {
    let mut setup = decoded(SETUP_OF_CLIENT);
    assert!(setup.set_h245_address(Some("198.51.100.7:40000".parse().unwrap())));
    let again = Signal::decode(&setup.encode().unwrap()).unwrap();
    assert_eq!(again.h245_address(), Some("198.51.100.7:40000".parse().unwrap()));
    let others = |signal: &Signal| {
        let elements = signal.q931().elements().iter();
        elements.filter(|element| element.code() != code::USER_USER).cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(&again), others(&decoded(SETUP_OF_CLIENT)));
    assert!(setup.set_h245_address(None));
    assert_eq!(setup.encode().unwrap(), unwrapped(SETUP_OF_CLIENT));
}

#[test]
fn a_change_of_an_element_leaves_the_h225_octets() {
    let mut setup = decoded(SETUP_OF_CLIENT);
    setup.q931_mut().set_display("x");
    let again = Signal::decode(&setup.encode().unwrap()).unwrap();
    assert_eq!(again.q931().user_user(), decoded(SETUP_OF_CLIENT).q931().user_user());
    assert_eq!(again.q931().display().as_deref(), Some("x"));
}

#[test]
fn reads_what_a_connect_tunnels() {
    let connect = decoded(CONNECT);
    let names: Vec<_> = connect
        .h245_control()
        .into_iter()
        .map(|octets| crate::Control::decode(octets).unwrap().name())
        .collect();
    assert_eq!(names, ["terminalCapabilitySet", "masterSlaveDetermination"]);
    let feature = connect.feature(H460_19).unwrap();
    assert!(feature.has(1) && feature.has(2));
}

#[test]
fn setting_what_is_so_already_changes_nothing() {
    for hex in ALL_SIGNAL {
        let mut signal = decoded(hex);
        if let Some(tunnelling) = signal.h245_tunnelling() {
            signal.set_h245_tunnelling(tunnelling);
        }
        let control = signal.h245_control().into_iter().map(<[u8]>::to_vec).collect();
        signal.set_h245_control(control);
        let fast_start = signal.fast_start().into_iter().map(<[u8]>::to_vec).collect();
        signal.set_fast_start(fast_start);
        signal.remove_feature(4711);
        if signal.h245_address().is_none() {
            signal.set_h245_address(None);
        }
        assert!(!signal.edited, "{}", signal.name());
    }
}

#[test]
fn tunnelled_messages_and_fast_start_can_be_set_and_taken_away() {
    let mut connect = decoded(CONNECT);
    connect.set_h245_control(vec![vec![1, 2], vec![3]]);
    assert!(connect.set_fast_start(vec![vec![9]]));
    let mut again = Signal::decode(&connect.encode().unwrap()).unwrap();
    assert_eq!(again.h245_control(), [&[1, 2][..], &[3]]);
    assert_eq!(again.fast_start(), [&[9][..]]);
    again.set_h245_control(Vec::new());
    again.set_fast_start(Vec::new());
    assert_eq!(again.pdu().unwrap().h245_control, None);
    assert!(again.fast_start().is_empty());
    assert!(!decoded(V_TUNNELLED_UCF).set_fast_start(vec![vec![1]]));
    assert!(!decoded(V_TUNNELLED_UCF).set_h245_address(None));
}

#[test]
fn features_of_setup_and_of_others_come_and_go() {
    for hex in [SETUP_OF_CLIENT, CONNECT, START_H245] {
        let mut signal = decoded(hex);
        assert!(signal.remove_feature(H460_19));
        assert!(!signal.remove_feature(H460_19));
        let bare = Signal::decode(&signal.encode().unwrap()).unwrap();
        assert!(bare.feature(H460_19).is_none());
        assert!(signal.set_feature(Need::Needed, generic::new(26)));
        assert!(signal.set_feature(Need::Supported, generic::new(H460_19)));
        let again = Signal::decode(&signal.encode().unwrap()).unwrap();
        assert!(again.feature(H460_19).is_some());
        assert_eq!(again.needed_features(), [26]);
    }
    assert!(!decoded(V_TUNNELLED_UCF).set_feature(Need::Supported, generic::new(H460_19)));
}

#[test]
fn a_feature_in_generic_data_counts_and_is_replaced() {
    let mut connect = decoded(CONNECT);
    connect.remove_feature(H460_19);
    connect.edit(|pdu| generic::set_data(&mut pdu.generic_data, generic::new(H460_19)));
    assert!(connect.feature(H460_19).is_some());
    connect.set_feature(Need::Supported, generic::new(H460_19).with(2, None));
    assert!(connect.feature(H460_19).unwrap().has(2));
    assert_eq!(connect.pdu().unwrap().generic_data, None);
}

#[test]
fn reads_why_a_call_ends() {
    let release = decoded(RELEASE);
    assert_eq!(release.cause(), Some(Cause::CALL_REJECTED));
    assert_eq!(release.release(), Some(Release::DestinationRejection));
    assert_eq!(decoded(CONNECT).release(), None);
    assert_eq!(decoded(CONNECT).cause(), None);
}

#[test]
fn a_message_without_h225_is_a_message() {
    let mut status = Signal::decode(&[8, 2, 0, 1, 0x7d, 0x14, 1, 10]).unwrap();
    assert_eq!(status.name(), "status");
    assert_eq!((status.pdu(), status.call_id(), status.h245_tunnelling()), (None, None, None));
    assert_eq!(status.edit(|_| ()), None);
    assert_eq!(status.encode().unwrap(), [8, 2, 0, 1, 0x7d, 0x14, 1, 10]);
    assert!(Signal::decode(&[8, 2, 0, 1, 5, 0x7e, 0, 2, 5, 0x20]).is_err());
}

fn leg() -> Leg {
    let call_id = decoded(KEEPALIVE).call_id().unwrap();
    Leg { crv: Crv::new(0x3a77), from_destination: false, call_id, tunnelling: true }
}

#[test]
fn makes_the_keepalive_of_a_signalling_connection() {
    let keepalive = Signal::transport(leg());
    assert!(keepalive.is_keepalive());
    let again = Signal::decode(&keepalive.encode().unwrap()).unwrap();
    let seen = decoded(KEEPALIVE);
    assert!(seen.is_keepalive());
    assert_eq!(again.call_id(), seen.call_id());
    assert_eq!(again.facility_reason(), seen.facility_reason());
    assert_eq!(again.crv(), seen.crv());
    let mut carrying = Signal::transport(leg());
    carrying.set_h245_control(vec![vec![0]]);
    assert!(!carrying.is_keepalive());
    assert!(!decoded(V_PINHOLE).is_keepalive());
}

#[test]
fn makes_start_h245() {
    let vector = decoded(V_START_H245);
    let at = vector.h245_address().unwrap();
    assert_eq!(at, "203.0.113.10:1722".parse().unwrap());
    let leg = Leg { crv: Crv::new(1), call_id: vector.call_id().unwrap(), ..leg() };
    let made = Signal::decode(&Signal::start_h245(leg, at).encode().unwrap()).unwrap();
    assert_eq!(made.h245_address(), Some(at));
    assert_eq!(made.facility_reason(), vector.facility_reason());
    assert_eq!(made.call_id(), vector.call_id());
}

#[test]
fn makes_release_complete() {
    let signal = Signal::release_complete(leg(), Release::NewConnectionNeeded, None);
    let again = Signal::decode(&signal.encode().unwrap()).unwrap();
    assert_eq!(again.release(), Some(Release::NewConnectionNeeded));
    assert_eq!(again.cause(), Some(Cause::RESOURCE_UNAVAILABLE));
    assert_eq!(again.name(), "releaseComplete");
    let busy = Signal::release_complete(leg(), Release::UndefinedReason, Some(Cause::USER_BUSY));
    assert_eq!(busy.cause(), Some(Cause::USER_BUSY));
}
