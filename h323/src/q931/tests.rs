use super::*;

/// A Setup captured on an H.460.18 pinhole: bearer, display, called number, and a shortened User-user.
const SETUP: [u8; 31] = [
    0x08, 0x02, 0x44, 0xe6, 0x05, 0x04, 0x03, 0x80, 0x90, 0xa5, 0x28, 0x04, 0x65, 0x70, 0x32, 0x00,
    0x70, 0x05, 0x81, 0x31, 0x30, 0x30, 0x31, 0x7e, 0x00, 0x05, 0x05, 0x20, 0xb8, 0x06, 0x00,
];

#[test]
fn reads_a_setup_and_writes_it_back() {
    let setup = Message::decode(&SETUP).unwrap();
    assert_eq!(setup.message_type(), MessageType::Setup);
    assert_eq!(setup.crv(), Crv::new(0x44e6));
    assert!(!setup.from_destination());
    assert_eq!(setup.bearer(), Some(Bearer::AUDIO));
    assert_eq!(setup.display().as_deref(), Some("ep2"));
    assert_eq!(setup.called_number().unwrap().digits, "1001");
    assert_eq!(setup.user_user(), Some(&[0x20, 0xb8, 0x06, 0x00][..]));
    assert_eq!(setup.encode().unwrap(), SETUP);
}

#[test]
fn a_changed_user_user_leaves_all_else() {
    let mut setup = Message::decode(&SETUP).unwrap();
    setup.set_user_user(&[1; 300]);
    let octets = setup.encode().unwrap();
    assert_eq!(octets[..23], SETUP[..23]);
    assert_eq!(octets[23..27], [0x7e, 0x01, 0x2d, 0x05]);
    assert_eq!(octets[27..], [1; 300]);
}

#[test]
fn keeps_shifts_singles_repeats_and_unknown_elements() {
    let odd = [
        0x08, 0x02, 0x80, 0x01, 0x7b, 0xa1, 0x1e, 0x02, 0x80, 0x81, 0x1e, 0x02, 0x80, 0x88, 0x96,
        0x3f, 0x01, 0xff, 0x28, 0x00, 0x04, 0x01, 0x88,
    ];
    let mut message = Message::decode(&odd).unwrap();
    assert_eq!(message.encode().unwrap(), odd);
    assert!(message.from_destination());
    assert_eq!(message.elements().len(), 7);
    assert_eq!(message.get(code::PROGRESS_INDICATOR), Some(&[0x80, 0x81][..]));
    assert_eq!(message.get(0xa1), None);
    assert_eq!(message.display().as_deref(), Some(""));
    message.set(code::PROGRESS_INDICATOR, [0x80, 0x83]);
    let mut expected = odd;
    expected[9] = 0x83;
    assert_eq!(message.encode().unwrap(), expected);
    assert!(message.remove(code::PROGRESS_INDICATOR));
    assert!(!message.remove(code::PROGRESS_INDICATOR));
}

#[test]
fn tolerates_short_call_references() {
    for octets in [&[0x08, 0, 0x00][..], &[0x08, 1, 0x85, 0x62], &[0x08, 2, 0x80, 0, 0x62, 0x1c, 0]]
    {
        assert_eq!(Message::decode(octets).unwrap().encode().unwrap(), octets);
    }
    let mut one = Message::decode(&[0x08, 1, 0x85, 0x62]).unwrap();
    assert_eq!((one.crv(), one.from_destination()), (Crv::new(5), true));
    one.set_crv(Crv::new(0x123), false);
    assert_eq!(one.encode().unwrap(), [0x08, 2, 0x01, 0x23, 0x62]);
}

#[test]
fn refuses_what_is_no_message() {
    assert_eq!(Message::decode(&[]), Err(Malformed::Truncated));
    assert_eq!(Message::decode(&[0x09, 0, 5]), Err(Malformed::ProtocolDiscriminator));
    assert_eq!(Message::decode(&[0x08, 3, 0, 0, 0, 5]), Err(Malformed::LongCallReference));
    // Without its last octet each element is cut off; at an element's end the message is merely shorter.
    for length in 0..SETUP.len() {
        let whole = [5, 10, 16, 23].contains(&length);
        assert_eq!(Message::decode(&SETUP[..length]).is_ok(), whole, "{length}");
    }
}

#[test]
fn inserts_elements_in_ascending_order() {
    let mut message = Message::new(MessageType::Setup, Crv::new(1), false);
    message.set_user_user(&[0xaa]);
    message.set_called_digits("42");
    message.set_display("x");
    message.set_calling_digits("7");
    message.set_bearer(Bearer::AUDIO);
    let codes: Vec<_> = message.elements().iter().map(Element::code).collect();
    assert_eq!(codes, [0x04, 0x28, 0x6c, 0x70, 0x7e]);
    assert_eq!(Message::decode(&message.encode().unwrap()), Ok(message));
}

#[test]
fn refuses_to_write_what_does_not_fit() {
    let mut message = Message::new(MessageType::Facility, Crv::GLOBAL, false);
    message.set(code::KEYPAD, [b'1'; 256]);
    assert_eq!(message.encode(), Err(Malformed::ElementTooLong));
    message.set(code::KEYPAD, [b'1'; 255]);
    assert!(message.encode().is_ok());
    message.set_user_user(&[0; 65_535]);
    assert_eq!(message.encode(), Err(Malformed::ElementTooLong));
}

#[test]
fn cuts_what_people_wrote_to_what_fits() {
    let mut message = Message::new(MessageType::Setup, Crv::new(1), false);
    message.set_display(&"é".repeat(60));
    message.set_called_digits(&"1".repeat(400));
    assert_eq!(message.display().unwrap().len(), 82);
    assert_eq!(message.called_number().unwrap().digits.len(), 253);
    assert!(message.encode().is_ok());
}

#[test]
fn new_digits_keep_the_octets_before_them() {
    let mut message = Message::new(MessageType::Setup, Crv::new(1), false);
    message.set(code::CALLING_PARTY_NUMBER, [0x21, 0xa3, b'1', b'2']);
    message.set_calling_digits("345");
    assert_eq!(message.get(code::CALLING_PARTY_NUMBER), Some(&[0x21, 0xa3, b'3', b'4', b'5'][..]));
    message.set_called_digits("9");
    assert_eq!(message.get(code::CALLED_PARTY_NUMBER), Some(&[0x81, b'9'][..]));
    assert_eq!(Number::read(&[0x01]), None);
    assert_eq!(Number::read(&[]), None);
}

#[test]
fn reads_causes_with_and_without_octet_3a() {
    let mut message = Message::new(MessageType::ReleaseComplete, Crv::new(1), true);
    assert_eq!(message.cause(), None);
    for (content, cause) in [
        (&[0x80, 0x90][..], Some(16)),
        (&[0x00, 0x80, 0x95], Some(21)),
        (&[0x80], None),
        (&[0, 0x80], None),
    ] {
        message.set(code::CAUSE, content);
        assert_eq!(message.cause(), cause, "{content:x?}");
    }
}

#[test]
fn reads_and_writes_bearers() {
    let video =
        Bearer { capability: TransferCapability::UnrestrictedDigital, channels: 6, layer1: 5 };
    assert_eq!(Bearer::read(&[0x88, 0x18, 0x86, 0xa5]), Some(video));
    assert_eq!(Bearer::read(&[0x88, 0x93, 0xa5]), Some(video));
    assert_eq!(video.octets(), [0x88, 0x93, 0xa5]);
    let wide = Bearer { channels: 12, ..video };
    assert_eq!(wide.octets(), [0x88, 0x18, 0x8c, 0xa5]);
    assert_eq!(Bearer::read(&wide.octets()), Some(wide));
    for broken in [&[][..], &[0x88], &[0x88, 0x18], &[0x88, 0x90], &[0x88, 0x9f, 0xa5]] {
        assert_eq!(Bearer::read(broken), None, "{broken:x?}");
    }
}

#[test]
fn every_octet_is_a_message_type_and_back() {
    for octet in 0..=255 {
        assert_eq!(MessageType::from_octet(octet).octet(), octet);
    }
    assert_eq!(MessageType::from_octet(0x5a).name(), "releaseComplete");
    assert_eq!(MessageType::Other(0x99).name(), "unknown");
}
