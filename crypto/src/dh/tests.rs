//! Agreements with known exponents, whose results were computed by other software.

use super::*;
use crate::session::SessionKey;
use crate::tests::hex;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256, Sha512};

/// A pair whose exponent is the hash of a label: 512 bits, for tests alone.
fn labelled(group: Group, label: &str) -> KeyPair {
    KeyPair::from_exponent(group, U512::from_be_slice(&Sha512::digest(label)), U512::BITS)
}

/// Group; hashes of caller's and callee's half key and of the secret; the secret's end; the session keys `00..0f` and
/// `00..1f` wrapped with it.
const KNOWN: [(Group, [&str; 6]); 3] = [
    (
        Group::Modp1024,
        [
            "640aaecc40aa104b91510bec83e571ed33a320ea68fe95690532775d90e8d5ae",
            "19f272e7b1458c3dd788a379cc0ebbfe13c198e582fea572eb28860e2ec20077",
            "2336b4f2152527836d8a8494318295b19b9267205cca8e7cae687f8983e69333",
            "b94b609b9afbcba6de6e74720523144578f3b5f4205d282a5345d9c3445096d0",
            "34e706946f79e139e76d859b2508c9c7",
            "8027e1bd9115b1c7a4985ca274b0f4c06648bd0839b44f93307fd3fe804b8a77",
        ],
    ),
    (
        Group::Modp2048,
        [
            "232cdb9ad1bd6708c19c76351d1f8bfeb29db957863b5a2a4e93c3c9c0147dc2",
            "ff3e4cc35e916a66a9655f913d2983f81826698852607a51e5c665685ec626fe",
            "1ff1bed4feeec951b2c7adfd41145966945d5c1104412758e80b575fe3bd573c",
            "b478eb6e70355c75b6d35810c3370b5ed52ebd0815b69848a9c067f56531b5ce",
            "10fe03e5b3d0d7c18357abd511642d23",
            "01bf676b2528917b67b885019d0e0342b91409d924279e0164905fa6db80e9d2",
        ],
    ),
    (
        Group::Modp4096,
        [
            "72ba4767ec838e583151ff558edeab76232371bcd61ae066d446f25974eb51e7",
            "3cd2617a09ab41150f84ac3e41f5a7d5151f630b7896fe5b0dcbcde54d44777c",
            "ba75e7351d40ddf1ca06065f0c6f2f553870c104dc3550faba72cec347268106",
            "39c56d0b39798c0b05aa829d647a1c3a421d3de6a203878cdbe86526b55dbf7f",
            "cc374f3b183e7fd39bee09926f3b4fe2",
            "5738fd46930cb214e49ad44d9cbbeddcfb907d83e470624017080675d70d6491",
        ],
    ),
];

#[test]
fn known_exponents_agree_on_known_secrets() {
    for (group, [caller_half, callee_half, secret_hash, end, wrapped128, wrapped256]) in KNOWN {
        let caller = labelled(group, "H235-KAT-caller");
        let callee = labelled(group, "H235-KAT-callee");
        assert_eq!(Sha256::digest(caller.half_key())[..], hex(caller_half)[..], "{group:?}");
        assert_eq!(Sha256::digest(callee.half_key())[..], hex(callee_half)[..], "{group:?}");
        let secret = caller.agree(callee.half_key()).unwrap();
        assert_eq!(secret, callee.agree(caller.half_key()).unwrap());
        assert_eq!(Sha256::digest(&secret.octets[..])[..], hex(secret_hash)[..], "{group:?}");
        assert!(secret.octets.ends_with(&hex(end)), "{group:?}");
        for (algorithm, wrapped) in
            [(Algorithm::Aes128, wrapped128), (Algorithm::Aes256, wrapped256)]
        {
            let counting: Vec<u8> = (0..algorithm.key_length() as u8).collect();
            let session = SessionKey::from_octets(algorithm, &counting).unwrap();
            let key = secret.key_encryption_key(algorithm);
            assert_eq!(key.wrap(&session).unwrap(), hex(wrapped), "{group:?} {algorithm:?}");
        }
    }
}

#[test]
fn fresh_pairs_agree_in_every_group() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    for group in Group::ALL {
        let caller = KeyPair::generate(group, &mut rng);
        let callee = KeyPair::generate(group, &mut rng);
        assert_eq!(caller.group(), group);
        assert_eq!(caller.half_key().len(), group.octets());
        assert_ne!(caller.half_key(), callee.half_key());
        let secret = caller.agree(callee.half_key()).unwrap();
        assert_eq!(secret, callee.agree(caller.half_key()).unwrap());
        let stranger = labelled(group, "stranger");
        assert_ne!(secret, stranger.agree(caller.half_key()).unwrap());
    }
}

#[test]
fn exponents_have_their_full_length_and_no_more() {
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    // RFC 7919 §5.2: 225 bits at 2048, 325 at 4096, 375 at 6144, 400 at 8192.
    let least = [225, 225, 225, 325, 375, 400];
    for (group, least) in Group::ALL.into_iter().zip(least) {
        let pair = KeyPair::generate(group, &mut rng);
        assert_eq!(pair.exponent.bits(), group.exponent_bits());
        assert!(group.exponent_bits() >= least);
    }
}

#[test]
fn a_half_key_that_lost_its_leading_zeros_is_the_same() {
    let pair = labelled(Group::Modp1024, "H235-KAT-caller");
    let padded = [&[0; 3][..], &[0x5a; 125]].concat();
    assert_eq!(pair.agree(&padded).unwrap(), pair.agree(&[0x5a; 125]).unwrap());
    assert_ne!(pair.agree(&padded).unwrap(), pair.agree(&[0x5a; 124]).unwrap());
}

#[test]
fn half_keys_that_give_the_secret_away_are_refused() {
    let group = Group::Modp1024;
    let pair = labelled(group, "H235-KAT-caller");
    let mut p_minus_1 = group.prime().to_vec();
    *p_minus_1.last_mut().unwrap() -= 1;
    let too_long = [&[0][..], &group.generator()].concat();
    for bad in [
        &[][..],
        &[0; 128],
        &[1],
        &p_minus_1,
        group.prime(),
        &[0xff; 128],
        &too_long,
        &[0xff; 4096],
    ] {
        assert_eq!(pair.agree(bad).unwrap_err(), Reject::HalfKey);
    }
    // Of another, larger group.
    let foreign = labelled(Group::Modp1536, "H235-KAT-callee");
    assert_eq!(pair.agree(foreign.half_key()).unwrap_err(), Reject::HalfKey);
}

#[test]
fn nothing_secret_is_printed() {
    let pair = labelled(Group::Modp1024, "H235-KAT-caller");
    assert_eq!(format!("{pair:?}"), "KeyPair { group: Modp1024, .. }");
    let secret = pair.agree(&[2]).unwrap();
    assert_eq!(format!("{secret:?}"), "SharedSecret { .. }");
}
