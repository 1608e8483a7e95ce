//! Hashes over whole messages of the baseline profile of H.235.1 (HMAC-SHA1-96): they prove the sender and that nothing
//! was changed on the way.

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Octets of a hash.
pub const HASH: usize = 12;

/// The key made from a password. Zeroed when dropped; never printed.
#[derive(Clone, ZeroizeOnDrop)]
pub struct TokenKey {
    octets: [u8; 20],
}

impl TokenKey {
    /// The key of a password: its SHA-1 hash.
    #[must_use]
    pub fn new(password: &[u8]) -> Self {
        Self { octets: Sha1::digest(password).into() }
    }

    /// The hash over a message whose own hash is the [`HASH`] octets at `at`: they count as zeros, whatever is there.
    /// `None` if they do not lie within the message.
    #[must_use]
    pub fn hash(&self, message: &[u8], at: usize) -> Option<[u8; HASH]> {
        let before = message.get(..at)?;
        let after = message.get(at.checked_add(HASH)?..)?;
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.octets).ok()?;
        mac.update(before);
        mac.update(&[0; HASH]);
        mac.update(after);
        let mut whole = mac.finalize().into_bytes();
        let hash = whole.first_chunk::<HASH>().copied();
        whole.as_mut_slice().zeroize();
        hash
    }

    /// Whether a message carries its right hash somewhere: `hash` is what its token was decoded to say. Each place
    /// with those octets is tried, up to four: more are no honest message.
    #[must_use]
    pub fn verify(&self, message: &[u8], hash: &[u8; HASH]) -> bool {
        let places = message.windows(HASH).enumerate().filter(|(_, octets)| octets == hash).take(4);
        let mut right = false;
        for (at, _) in places {
            right |= self.hash(message, at).is_some_and(|found| bool::from(found.ct_eq(hash)));
        }
        right
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::hex;

    /// A `cryptoHashedToken` alone, twelve zeros at its end.
    fn token() -> Vec<u8> {
        hex(
            "070008816b000201c500070008816b000205c06553f0ff0101020047004b08800b080061006c006900630065 \
             070008816b0002060060 000000000000000000000000",
        )
    }

    #[test]
    fn a_known_key_and_hash() {
        let key = TokenKey::new(b"secret");
        assert_eq!(key.octets[..], hex("e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4"));
        let token = token();
        let at = token.len() - HASH;
        assert_eq!(key.hash(&token, at).unwrap()[..], hex("403f73930fcc3badfdb43f74"));
    }

    #[test]
    fn a_hash_outside_the_message_is_none() {
        let key = TokenKey::new(b"secret");
        assert_eq!(key.hash(&[0; 11], 0), None);
        assert_eq!(key.hash(&[0; 12], 1), None);
        assert_eq!(key.hash(&[0; 12], usize::MAX), None);
        assert!(key.hash(&[0; 12], 0).is_some());
    }

    #[test]
    fn a_signed_message_verifies_and_a_changed_one_does_not() {
        let key = TokenKey::new(b"secret");
        let mut message = [token(), hex("0102030405")].concat();
        let at = token().len() - HASH;
        let hash = key.hash(&message, at).unwrap();
        message[at..at + HASH].copy_from_slice(&hash);
        assert!(key.verify(&message, &hash));
        assert!(!TokenKey::new(b"Secret").verify(&message, &hash));
        for changed in 0..message.len() {
            let mut other = message.clone();
            other[changed] ^= 1;
            assert!(!key.verify(&other, &hash), "{changed}");
        }
        assert!(!key.verify(&[], &hash));
    }

    #[test]
    fn a_hash_at_either_end_is_found() {
        let key = TokenKey::new(b"secret");
        for at in [0, 4] {
            let mut message = [&b"text"[..at], &[0; HASH], &b"text"[at..]].concat();
            let hash = key.hash(&message, at).unwrap();
            message[at..at + HASH].copy_from_slice(&hash);
            assert!(key.verify(&message, &hash));
            assert!(!key.verify(&message, &[0; HASH]));
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        assert_eq!(format!("{:?}", TokenKey::new(b"secret")), "TokenKey { .. }");
    }
}
