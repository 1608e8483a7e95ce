use super::session::{Role, TERMINAL, determine};
use super::*;
use crate::vectors::*;

fn decoded(hex: &str) -> Control {
    Control::decode(&unwrapped(hex)).unwrap()
}

fn again(control: &Control) -> Control {
    Control::decode(&control.encode().unwrap()).unwrap()
}

#[test]
fn every_vector_leaves_as_it_came_and_is_made_anew_the_same() {
    for hex in ALL_CONTROL {
        let mut control = decoded(hex);
        assert_eq!(control.encode().unwrap(), unwrapped(hex), "{}", control.name());
        control.edit(|_| ());
        assert_eq!(control.encode().unwrap(), unwrapped(hex), "{}", control.name());
    }
}

#[test]
fn reads_and_makes_an_offer() {
    let control = decoded(V_OLC);
    let Message::request(RequestMessage::openLogicalChannel(open)) = control.message() else {
        panic!()
    };
    let offer = Offer::read(open).unwrap();
    let expected = Offer {
        channel: 101,
        session: 1,
        audio: Audio { codec: Codec::Pcmu, frames: 20 },
        media: None,
        control: Some("203.0.113.10:50001".parse().unwrap()),
    };
    assert_eq!(offer, expected);
    let mut made = offer.to_forward();
    assert_eq!(Offer::read(&made), Some(expected));
    // What the encoder of the vector says beyond that.
    made.generic_information = open.generic_information.clone();
    let ours = channel::forward_parameters_mut(&mut made).unwrap();
    let theirs = channel::forward_parameters(open).unwrap();
    ours.media_control_guaranteed_delivery = theirs.media_control_guaranteed_delivery;
    ours.media_guaranteed_delivery = theirs.media_guaranteed_delivery;
    ours.silence_suppression = theirs.silence_suppression;
    assert_eq!(Control::open(made).encode().unwrap(), unwrapped(V_OLC));
}

#[test]
fn a_reverse_offer_says_where_media_is_received() {
    let offer = Offer {
        channel: 102,
        session: 1,
        audio: Audio { codec: Codec::Pcma, frames: 20 },
        media: Some("[2001:db8::1]:5000".parse().unwrap()),
        control: Some("[2001:db8::1]:5001".parse().unwrap()),
    };
    let octets = crate::asn::encode_olc(&offer.to_reverse()).unwrap();
    let mut open = crate::asn::decode_olc(&octets).unwrap();
    assert_eq!(Offer::read(&open), Some(offer));
    assert!(channel::forward_parameters(&open).is_none());
    channel::reverse_parameters_mut(&mut open).unwrap().media_channel = None;
    assert_eq!(Offer::read(&open).unwrap().media, None);
}

#[test]
fn reads_and_makes_an_acceptance() {
    let control = decoded(V_OLC_ACK);
    let Message::response(response) = control.message() else { panic!() };
    let ResponseMessage::openLogicalChannelAck(ack) = &**response else { panic!() };
    let accept = Accept::read(ack);
    assert_eq!(accept.channel, 101);
    assert_eq!(accept.media, Some("203.0.113.10:50000".parse().unwrap()));
    assert_eq!(accept.control, Some("203.0.113.10:50001".parse().unwrap()));
    let mut made = accept.to_asn();
    made.generic_information = ack.generic_information.clone();
    assert_eq!(Accept::read(&made), accept);
    let made = again(&Control::accept(made));
    assert_eq!(made.name(), "openLogicalChannelAck");
}

#[test]
fn capabilities_are_said_and_understood() {
    let audio =
        [Audio { codec: Codec::Pcma, frames: 30 }, Audio { codec: Codec::Pcmu, frames: 20 }];
    let set = again(&Control::terminal_capability_set(1, &audio));
    assert_eq!(set.receivable_audio(), audio);
    assert!(again(&Control::terminal_capability_set(2, &[])).receivable_audio().is_empty());
    let connect = crate::Signal::decode(&unwrapped(CONNECT)).unwrap();
    let theirs = Control::decode(connect.h245_control()[0]).unwrap();
    assert!(!theirs.receivable_audio().is_empty());
}

#[test]
fn the_two_sides_agree_on_who_is_master() {
    assert_eq!(determine((50, 1), (60, 1)), Role::Slave);
    assert_eq!(determine((60, 1), (50, 1)), Role::Master);
    assert_eq!(determine((50, 7), (50, 7)), Role::Undecided);
    assert_eq!(determine((50, 0), (50, 0x80_0000)), Role::Undecided);
    for (ours, theirs) in [(1, 2), (2, 1), (0xff_ffff, 0), (5, 0x80_0004), (5, 0x80_0006)] {
        let pair = (determine((50, ours), (50, theirs)), determine((50, theirs), (50, ours)));
        assert!(
            matches!(pair, (Role::Master, Role::Slave) | (Role::Slave, Role::Master)),
            "{ours} {theirs}"
        );
    }
    assert_eq!(determine((50, 1), (50, 2)), Role::Master);
}

#[test]
fn what_is_made_is_what_its_name_says() {
    let made = [
        (Control::master_slave_determination(TERMINAL, u32::MAX), "masterSlaveDetermination"),
        (Control::master_slave_determination_ack(true), "masterSlaveDeterminationAck"),
        (Control::terminal_capability_set_ack(9), "terminalCapabilitySetAck"),
        (Control::round_trip_delay_response(1), "roundTripDelayResponse"),
        (Control::close(5), "closeLogicalChannel"),
        (Control::close_ack(5), "closeLogicalChannelAck"),
        (Control::reject(5, Default::default()), "openLogicalChannelReject"),
        (Control::end_session(), "endSessionCommand"),
    ];
    for (control, name) in made {
        assert_eq!(again(&control), control);
        assert_eq!(control.name(), name);
        assert_eq!(control.is_end_session(), name == "endSessionCommand");
    }
    // As tshark reads it: EndSessionCommand disconnect.
    assert_eq!(Control::end_session().encode().unwrap(), [0x4a, 0x40]);
}
