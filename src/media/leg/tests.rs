//! What passes a leg, and what does not.

use super::*;
use crate::face::PairId;
use crate::media::Batch;
use pinhole_crypto::Algorithm;
use pinhole_crypto::session::SessionKey;

fn key(payload_type: u8, octet: u8) -> MediaKey {
    let key = SessionKey::from_octets(Algorithm::Aes128, &[octet; 16]).unwrap();
    MediaKey { payload_type, key }
}

/// What becomes of a packet of twenty octets with this payload type.
fn crossed(from: &mut Gate, to: &mut Gate, packet: &[u8]) -> Result<Vec<u8>, Reject> {
    let at = "192.0.2.1:5000".parse().unwrap();
    let egress = Egress { pair: PairId(1), channel: Channel::Rtp, to: at, prefix: None };
    let mut batch = Batch::default();
    batch.room().unwrap()[..packet.len()].copy_from_slice(packet);
    let mut arrived = batch.arrived(0, packet.len()).unwrap();
    let (departure, _) = cross(from, to, egress, &mut arrived)?;
    let left = batch.leaves(0, &departure).map(|leaving| leaving.octets().to_vec());
    let waited = batch.sealed().next().map(|leaving| leaving.octets().to_vec());
    assert_eq!((left.is_some(), waited.is_some()), (!departure.waits(), departure.waits()));
    Ok(left.or(waited).unwrap())
}

fn rtp(payload_type: u8) -> Vec<u8> {
    [&[0x80, payload_type, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4][..], &[0xd5; 20]].concat()
}

#[test]
fn open_legs_change_nothing() {
    let (mut a, mut b) = (Gate::default(), Gate::default());
    assert_eq!(crossed(&mut a, &mut b, &rtp(8)), Ok(rtp(8)));
}

#[test]
fn a_locked_leg_lets_nothing_pass_without_a_key() {
    let (mut clear, mut locked) = (Gate::default(), Gate::default());
    locked.lock();
    assert_eq!(crossed(&mut clear, &mut locked, &rtp(8)), Err(Reject::PayloadType));
    assert_eq!(crossed(&mut locked, &mut clear, &rtp(8)), Err(Reject::PayloadType));
    locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
    locked.decrypt(1, &key(110, 2), Some(8), u64::MAX);
    assert!(crossed(&mut clear, &mut locked, &rtp(8)).is_ok());
    locked.forget(false, 1);
    assert_eq!(crossed(&mut clear, &mut locked, &rtp(8)), Err(Reject::PayloadType));
    locked.forget(true, 1);
    assert_eq!(crossed(&mut locked, &mut clear, &rtp(110)), Err(Reject::PayloadType));
    locked.lock();
    assert_eq!(crossed(&mut clear, &mut locked, &rtp(8)), Err(Reject::PayloadType));
}

#[test]
fn what_one_leg_encrypts_another_decrypts() {
    let (mut clear, mut locked) = (Gate::default(), Gate::default());
    locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
    let sealed = crossed(&mut clear, &mut locked, &rtp(8)).unwrap();
    assert_eq!((sealed[1], sealed.len()), (109, 12 + 32));
    let mut other = Gate::default();
    other.decrypt(1, &key(109, 1), Some(8), u64::MAX);
    assert_eq!(crossed(&mut other, &mut clear, &sealed), Ok(rtp(8)));
    // Both legs encrypted, each with its own key.
    let mut third = Gate::default();
    third.encrypt(1, &key(120, 3), Some(8), u64::MAX);
    let bridged = crossed(&mut other, &mut third, &sealed).unwrap();
    assert_eq!((bridged[1], bridged.len()), (120, 12 + 32));
    assert_ne!(bridged[12..], sealed[12..]);
}

#[test]
fn only_the_codecs_payload_type_is_encrypted_and_only_the_ciphers_decrypted() {
    let (mut clear, mut locked) = (Gate::default(), Gate::default());
    locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
    locked.decrypt(1, &key(109, 1), Some(8), u64::MAX);
    for other in [0, 13, 101, 109, 127] {
        assert_eq!(crossed(&mut clear, &mut locked, &rtp(other)), Err(Reject::PayloadType));
    }
    for other in [0, 8, 13, 101, 127] {
        assert_eq!(crossed(&mut locked, &mut clear, &rtp(other)), Err(Reject::PayloadType));
    }
}

#[test]
fn beside_an_encrypted_leg_nothing_but_rtcp_leaves_in_clear() {
    let report = [&[0x80, 200, 0, 6][..], &[7; 24]].concat();
    let name = [&[0x81, 202, 0, 1][..], &[7; 4]].concat();
    let compound = [&report[..], &name].concat();
    let with = |at: usize, octet: u8| {
        let mut packet = compound.clone();
        packet[at] = octet;
        packet
    };
    // RTP with a marker and payload type 72, and a sequence number that would be a length.
    let rtp = [&[0x80, 200, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4][..], &[0xd5; 160]].concat();
    let passes = |packet: &[u8]| {
        let at = "192.0.2.1:5001".parse().unwrap();
        let egress = Egress { pair: PairId(1), channel: Channel::Rtcp, to: at, prefix: None };
        let mut octets = packet.to_vec();
        let packet = Packet::new(&mut octets, packet.len()).unwrap();
        let (open, mut locked) = (Gate::default(), Gate::default());
        locked.lock();
        assert!(control(&open, egress, &packet).is_some());
        control(&locked, egress, &packet).is_some()
    };
    for rtcp in [&report, &name, &compound] {
        assert!(passes(rtcp), "{rtcp:02x?}");
    }
    let kinds: Vec<u8> = (0..=255).filter(|kind| passes(&with(1, *kind))).collect();
    assert_eq!(kinds, (192..=195).chain(200..=213).collect::<Vec<u8>>());
    for other in [&rtp, &with(0, 0x40), &with(3, 5), &with(3, 0), &with(29, 96), &with(31, 2)] {
        assert!(!passes(other), "{other:02x?}");
    }
}

#[test]
fn damaged_packets_are_dropped() {
    let (mut clear, mut locked) = (Gate::default(), Gate::default());
    locked.decrypt(1, &key(109, 1), Some(8), u64::MAX);
    for short in 0..12 {
        assert!(crossed(&mut locked, &mut clear, &rtp(109)[..short]).is_err());
    }
    assert_eq!(crossed(&mut locked, &mut clear, &rtp(109)[..20]), Err(Reject::Length));
}

#[test]
fn what_the_parties_encrypt_themselves_passes_by_its_payload_type_only() {
    let (mut a, mut b) = (Gate::default(), Gate::default());
    a.lock();
    b.lock();
    assert_eq!(crossed(&mut a, &mut b, &rtp(120)), Err(Reject::PayloadType), "no key yet");
    let told = |a: &mut Gate, b: &mut Gate, payload_type| {
        a.pass(true, 1, payload_type);
        b.pass(false, 1, payload_type);
    };
    told(&mut a, &mut b, 120);
    assert_eq!(crossed(&mut a, &mut b, &rtp(120)), Ok(rtp(120)), "as it came");
    for clear in [0, 8, 13, 101, 121] {
        assert_eq!(crossed(&mut a, &mut b, &rtp(clear)), Err(Reject::PayloadType));
    }
    assert_eq!(crossed(&mut b, &mut a, &rtp(120)), Err(Reject::PayloadType), "one way");
    [121, 122, 123, 122].into_iter().for_each(|next| told(&mut a, &mut b, next));
    let passing = |a: &mut Gate, b: &mut Gate| -> Vec<u8> {
        (0..128).filter(|one| crossed(a, b, &rtp(*one)).is_ok()).collect()
    };
    assert_eq!(passing(&mut a, &mut b), [121, 122, 123], "as many as there are keys");
    a.forget_old(1);
    assert_eq!(passing(&mut a, &mut b), [122]);
    a.forget(true, 1);
    assert_eq!(passing(&mut a, &mut b), [0; 0]);
}

#[test]
fn each_channel_has_keys_of_its_own() {
    let (mut clear, mut locked) = (Gate::default(), Gate::default());
    locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
    locked.encrypt(2, &key(110, 2), Some(8), u64::MAX);
    locked.encrypt(3, &key(111, 3), Some(0), u64::MAX);
    let mut to = |locked: &mut Gate, payload_type| -> Option<u8> {
        crossed(&mut clear, locked, &rtp(payload_type)).ok().map(|packet| packet[1])
    };
    assert_eq!([8, 0, 13].map(|one| to(&mut locked, one)), [Some(110), Some(111), None]);
    // The newer is closed, and the older goes on.
    locked.forget(false, 2);
    assert_eq!([8, 0].map(|one| to(&mut locked, one)), [Some(109), Some(111)]);
    locked.forget(false, 1);
    assert_eq!([8, 0].map(|one| to(&mut locked, one)), [None, Some(111)]);
    // What comes in, decrypted for its own channel and encrypted again with that one's key.
    let mut other = Gate::default();
    for (channel, payload_type) in [(1, 120), (2, 121)] {
        other.decrypt(channel, &key(payload_type, 9), Some(8), u64::MAX);
        locked.encrypt(channel, &key(payload_type - 20, 5), Some(8), u64::MAX);
    }
    let sealed = |payload_type| {
        let (mut open, mut gate) = (Gate::default(), Gate::default());
        gate.encrypt(1, &key(payload_type, 9), Some(8), u64::MAX);
        crossed(&mut open, &mut gate, &rtp(8)).unwrap()
    };
    let bridged = |other: &mut Gate, locked: &mut Gate, payload_type| {
        crossed(other, locked, &sealed(payload_type)).ok().map(|packet| packet[1])
    };
    let types = [120, 121];
    let both = types.map(|one| bridged(&mut other, &mut locked, one));
    assert_eq!(both, [Some(100), Some(101)]);
    other.forget(true, 2);
    let one = types.map(|one| bridged(&mut other, &mut locked, one));
    assert_eq!(one, [Some(100), None]);
    // No more than a few.
    for channel in 10..100 {
        other.decrypt(channel, &key(96 + (channel % 30) as u8, 9), Some(8), u64::MAX);
    }
    let Entry::Locked(keys) = &other.entry else { panic!("{other:?}") };
    assert_eq!(keys.iter().count(), super::super::keyed::MOST_KEYED);
}

#[test]
fn a_key_is_worn_once() {
    let (mut clear, mut locked) = (Gate::default(), Gate::default());
    locked.encrypt(1, &key(109, 1), Some(8), 3);
    locked.decrypt(1, &key(110, 2), Some(8), 2);
    let at = "192.0.2.1:5000".parse().unwrap();
    let egress = Egress { pair: PairId(1), channel: Channel::Rtp, to: at, prefix: None };
    let mut batch = Batch::default();
    let mut wears = |from: &mut Gate, to: &mut Gate, payload_type| {
        batch.room().unwrap()[..28].copy_from_slice(&rtp(payload_type)[..28]);
        let mut arrived = batch.arrived(0, 28).unwrap();
        cross(from, to, egress, &mut arrived).unwrap().1
    };
    let sent: Vec<_> = (0..6).map(|_| wears(&mut clear, &mut locked, 8)).collect();
    assert_eq!(sent.iter().filter(|worn| **worn == [None, Some(1)]).count(), 1, "{sent:?}");
    assert_eq!(sent[2], [None, Some(1)]);
    let got: Vec<_> = (0..6).map(|_| wears(&mut locked, &mut clear, 110)).collect();
    assert_eq!(got[1], [Some(1), None], "{got:?}");
    assert_eq!(got.iter().filter(|worn| worn[0].is_some()).count(), 1);
}

#[test]
fn padding_that_cannot_be_is_dropped() {
    let sealed = |last: u8, padded: bool| {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
        let mut packet = [&rtp(8)[..12], &[0xd5; 31], &[last]].concat();
        packet.truncate(44);
        let mut sealed = crossed(&mut clear, &mut locked, &packet).unwrap();
        sealed[0] |= if padded { 0x20 } else { 0 };
        sealed
    };
    let opened = |packet: &[u8]| {
        let (mut locked, mut clear) = (Gate::default(), Gate::default());
        locked.decrypt(1, &key(109, 1), Some(8), u64::MAX);
        crossed(&mut locked, &mut clear, packet).map(|packet| packet.len() - 12)
    };
    assert_eq!(opened(&sealed(17, false)), Ok(32), "without the bit there is none");
    for (last, left) in [(1, 31), (15, 17), (16, 16)] {
        assert_eq!(opened(&sealed(last, true)), Ok(left));
    }
    for last in [0, 17, 32, 33, 128, 255] {
        assert_eq!(opened(&sealed(last, true)), Err(Reject::Padding), "{last}");
    }
    // Longer than the payload, of one block.
    let mut short = sealed(33, true);
    short.truncate(28);
    assert_eq!(opened(&short), Err(Reject::Padding));
    for length in 13..28 {
        assert!(opened(&sealed(1, true)[..length]).is_err(), "{length}");
    }
}
