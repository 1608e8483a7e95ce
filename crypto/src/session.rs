//! Media session keys of H.235.6: made by the master, sent wrapped with a key both sides have from their agreement.

use crate::cipher::{Decrypt, Encrypt};
use crate::{Algorithm, Reject};
use aes::Block;
use rand_core::CryptoRng;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A key for the media of one logical channel, in one direction. Zeroed when dropped; never printed.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SessionKey {
    key: Key,
}

impl SessionKey {
    /// Makes a key. Every channel has its own, and every roll a new one.
    #[must_use]
    pub fn generate(algorithm: Algorithm, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Key::zero(algorithm);
        rng.fill_bytes(key.octets_mut());
        Self { key }
    }

    /// A key that came over a secured channel as it is.
    ///
    /// # Errors
    /// [`Reject::KeyLength`] unless the octets are as many as the algorithm's key has.
    pub fn from_octets(algorithm: Algorithm, octets: &[u8]) -> Result<Self, Reject> {
        if octets.len() != algorithm.key_length() {
            return Err(Reject::KeyLength);
        }
        Ok(Self { key: Key::from_tail(algorithm, octets) })
    }

    /// What it encrypts with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.key.algorithm
    }

    /// The key itself, for a cipher's schedule.
    pub(crate) fn octets(&self) -> &[u8] {
        self.key.octets()
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.octets().ct_eq(other.octets()).into()
    }
}

impl Eq for SessionKey {}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKey").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

/// The key that wraps session keys on their way. Zeroed when dropped; never printed.
///
/// ```
/// use pinhole_crypto::{Algorithm, session::{KeyEncryptionKey, SessionKey}};
/// use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
///
/// let secret = [7; 128];
/// let key = KeyEncryptionKey::from_secret(&secret, Algorithm::Aes256).unwrap();
/// let session = SessionKey::generate(Algorithm::Aes256, &mut ChaCha20Rng::from_seed([1; 32]));
/// let wrapped = key.wrap(&session).unwrap();
/// assert_eq!(key.unwrap(&wrapped).unwrap(), session);
/// ```
#[derive(ZeroizeOnDrop)]
pub struct KeyEncryptionKey {
    key: Key,
}

impl KeyEncryptionKey {
    /// The key within a Diffie–Hellman secret that was computed elsewhere, big-endian: its last octets
    /// (H.235.6 §7.6.1). Whether leading zeros were stripped does not matter.
    ///
    /// # Errors
    /// [`Reject::KeyLength`] if the secret is shorter than the algorithm's key.
    pub fn from_secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, Reject> {
        if secret.len() < algorithm.key_length() {
            return Err(Reject::KeyLength);
        }
        Ok(Self::from_tail(secret, algorithm))
    }

    pub(crate) fn from_tail(secret: &[u8], algorithm: Algorithm) -> Self {
        Self { key: Key::from_tail(algorithm, secret) }
    }

    /// What the keys it wraps encrypt with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.key.algorithm
    }

    /// The session key as `encryptedSessionKey` carries it: cipher block chaining from zero, without padding.
    ///
    /// # Errors
    /// [`Reject::KeyLength`] for the key of another algorithm.
    pub fn wrap(&self, session: &SessionKey) -> Result<Vec<u8>, Reject> {
        if session.algorithm() != self.algorithm() {
            return Err(Reject::KeyLength);
        }
        let mut octets = session.octets().to_vec();
        let (blocks, _) = Block::slice_as_chunks_mut(&mut octets);
        Encrypt::new(self.algorithm(), self.key.octets()).chain(&Block::default(), blocks);
        Ok(octets)
    }

    /// The session key a peer wrapped.
    ///
    /// Nothing proves it genuine: a wrong one shows as noise.
    ///
    /// # Errors
    /// [`Reject::KeyLength`] unless it is as long as the algorithm's key.
    pub fn unwrap(&self, wrapped: &[u8]) -> Result<SessionKey, Reject> {
        let mut session = SessionKey::from_octets(self.algorithm(), wrapped)?;
        let (blocks, _) = Block::slice_as_chunks_mut(session.key.octets_mut());
        Decrypt::new(self.algorithm(), self.key.octets()).chain(&Block::default(), blocks);
        Ok(session)
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey")
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// Key octets with their algorithm. Holds the longest; a shorter key is at the front.
#[derive(Clone)]
struct Key {
    algorithm: Algorithm,
    octets: [u8; Algorithm::LONGEST],
}

impl Key {
    const fn zero(algorithm: Algorithm) -> Self {
        Self { algorithm, octets: [0; Algorithm::LONGEST] }
    }

    /// The last octets of `octets`, which must be as many as the key has.
    fn from_tail(algorithm: Algorithm, octets: &[u8]) -> Self {
        let mut key = Self::zero(algorithm);
        for (to, from) in key.octets_mut().iter_mut().rev().zip(octets.iter().rev()) {
            *to = *from;
        }
        key
    }

    fn octets_mut(&mut self) -> &mut [u8] {
        self.octets.split_at_mut(self.algorithm.key_length()).0
    }

    fn octets(&self) -> &[u8] {
        self.octets.split_at(self.algorithm.key_length()).0
    }
}

impl Zeroize for Key {
    fn zeroize(&mut self) {
        self.octets.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::hex;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// Key-encrypting key, session key, wrapped: the last two were seen in live calls.
    const KNOWN: [(Algorithm, &str, &str, &str); 4] = [
        (
            Algorithm::Aes128,
            "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "000102030405060708090a0b0c0d0e0f",
            "f7cb9df8a57d8c784758aae08dd99968",
        ),
        (
            Algorithm::Aes256,
            "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "06675b24836ed88ff1e956c5f46b4ba0641fdab6a00c6f776449a86cf929a1cf",
        ),
        (
            Algorithm::Aes128,
            "3e6f4002425315b1932da63ace2a3103",
            "124f9519a73e6dbc47551c58010d378c",
            "281944315978e103fc5c997879fa364d",
        ),
        (
            Algorithm::Aes256,
            "511fa605d62148304d53c4354debe69a9fa4deb6d0f3338b98902e40394d517c",
            "be8da16530f6ac16dfa5e416975011c8d090ed2d2928a6cc900a5aa9be23070f",
            "0b7ebd62e6705e31bf0d9e3f4481ac98bc8ef4c845b82ee61c56d62ee74ce139",
        ),
    ];

    #[test]
    fn known_keys_wrap_and_unwrap() {
        for (algorithm, key, session, wrapped) in KNOWN {
            let key = KeyEncryptionKey::from_secret(&hex(key), algorithm).unwrap();
            let session = SessionKey::from_octets(algorithm, &hex(session)).unwrap();
            assert_eq!(key.wrap(&session).unwrap(), hex(wrapped));
            assert_eq!(key.unwrap(&hex(wrapped)).unwrap(), session);
        }
    }

    #[test]
    fn the_end_of_the_secret_is_the_key() {
        for (algorithm, key, session, wrapped) in KNOWN {
            let secret = [&[0xaa; 96][..], &hex(key)].concat();
            let key = KeyEncryptionKey::from_secret(&secret, algorithm).unwrap();
            let session = SessionKey::from_octets(algorithm, &hex(session)).unwrap();
            assert_eq!(key.wrap(&session).unwrap(), hex(wrapped));
        }
    }

    #[test]
    fn wrong_lengths_are_refused() {
        for algorithm in Algorithm::ALL {
            let right = algorithm.key_length();
            let key = KeyEncryptionKey::from_secret(&[9; 128], algorithm).unwrap();
            for length in (0..80).filter(|length| *length != right) {
                let octets = vec![3; length];
                assert_eq!(SessionKey::from_octets(algorithm, &octets), Err(Reject::KeyLength));
                assert_eq!(key.unwrap(&octets), Err(Reject::KeyLength), "{algorithm:?} {length}");
            }
            let short = vec![3; right - 1];
            assert_eq!(
                KeyEncryptionKey::from_secret(&short, algorithm).unwrap_err(),
                Reject::KeyLength
            );
        }
    }

    #[test]
    fn a_key_does_not_wrap_for_another_algorithm() {
        let mut rng = ChaCha20Rng::from_seed([4; 32]);
        let key = KeyEncryptionKey::from_secret(&[9; 128], Algorithm::Aes128).unwrap();
        let session = SessionKey::generate(Algorithm::Aes256, &mut rng);
        assert_eq!(key.wrap(&session), Err(Reject::KeyLength));
    }

    #[test]
    fn generated_keys_fill_their_length_and_differ() {
        let mut rng = ChaCha20Rng::from_seed([4; 32]);
        for algorithm in Algorithm::ALL {
            let (one, other) = (
                SessionKey::generate(algorithm, &mut rng),
                SessionKey::generate(algorithm, &mut rng),
            );
            assert_eq!(one.octets().len(), algorithm.key_length());
            assert_ne!(one, other);
            assert!(one.octets().chunks(8).all(|part| part.iter().any(|octet| *octet != 0)));
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let session = SessionKey::from_octets(Algorithm::Aes128, &[0x77; 16]).unwrap();
        assert_eq!(format!("{session:?}"), "SessionKey { algorithm: Aes128, .. }");
        let key = KeyEncryptionKey::from_secret(&[0x77; 16], Algorithm::Aes128).unwrap();
        assert_eq!(format!("{key:?}"), "KeyEncryptionKey { algorithm: Aes128, .. }");
    }
}
