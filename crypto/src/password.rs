//! Proof of a password by the MD5 hash of a token that holds it (`cryptoEPPwdHash`, `cryptoGKPwdHash`), and the
//! challenge Cisco's access token answers.
//!
//! The caller encodes the token; these are hashes over octets. MD5 hides a password from a glance only: whoever sees
//! one hash can guess at leisure, and replay it while its time stamp is fresh.

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// The hash over an encoded `ClearToken`.
#[must_use]
pub fn hash(token: &[u8]) -> [u8; 16] {
    Md5::digest(token).into()
}

/// The `challenge` of a Cisco access token: over the random octet, the password, and the time stamp in seconds since
/// 1970.
#[must_use]
pub fn challenge(random: u8, password: &[u8], time_stamp: u32) -> [u8; 16] {
    let hash = Md5::new().chain_update([random]).chain_update(password);
    hash.chain_update(time_stamp.to_be_bytes()).finalize().into()
}

/// Whether a peer's hash is the expected one, in time that does not depend on where they differ.
#[must_use]
pub fn equal(expected: &[u8], given: &[u8]) -> bool {
    expected.ct_eq(given).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::hex;

    /// User `alice`, password `secret`, time stamp 1700000000.
    const ALICE: &str =
        "61000100c06553f0ff0c00730065006300720065007400000a0061006c0069006300650000";
    /// User `clientuser`, password `clientpw`, time stamp 1700000000.
    const CLIENT: &str = "61000100c06553f0ff100063006c00690065006e0074007000770000140063006c00690065006e00740075007300\
                          6500720000";

    #[test]
    fn known_tokens_have_known_hashes() {
        assert_eq!(hash(&hex(ALICE))[..], hex("17e8092b969da1bc3964c790603e7e87"));
        assert_eq!(hash(&hex(CLIENT))[..], hex("620a74c8907f330b3144f8035315dc15"));
        // The same client at 0x6b00d590, as a gatekeeper sent it; the time stamp is encoded less one.
        let live = CLIENT.replace("c06553f0ff", "c06b00d58f");
        assert_eq!(hash(&hex(&live))[..], hex("de224c571027c750bb3412dd6bec7bec"));
    }

    #[test]
    fn a_known_challenge() {
        let known = hex("a62ca544a6112e1c4dc99aba7c0271a6");
        assert_eq!(challenge(0x2a, b"secret", 1_700_000_000)[..], known);
        assert_ne!(challenge(0x2b, b"secret", 1_700_000_000)[..], known);
    }

    #[test]
    fn only_the_same_octets_are_equal() {
        let hash = hash(&hex(ALICE));
        assert!(equal(&hash, &hash));
        for at in 0..16 {
            let mut other = hash;
            other[at] ^= 0x80;
            assert!(!equal(&hash, &other));
        }
        assert!(!equal(&hash, &hash[..15]));
        assert!(!equal(&hash, &[]));
    }
}
