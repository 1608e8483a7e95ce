//! The Diffie–Hellman agreement of H.235.6 §8.5: half keys, and the secret two of them make.
//!
//! Half keys are not authenticated: without TLS below or hashes over the messages, whoever sits between can take part.

mod group;
mod own;
mod prime;

pub use group::{Group, MARKER};
pub use own::{Own, Unsound};

use crate::{Algorithm, Reject, session::KeyEncryptionKey};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U512, U1024, U1536, U2048, U4096, U6144, U8192, Uint};
use group::{P1024, P1536, P2048, P4096, P6144, P8192};
use own::Modulus;
use rand_core::CryptoRng;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Octets of the longest private exponent.
const EXPONENT: usize = U512::BYTES;

/// One side's half of an agreement: a private exponent and the half key that goes to the peer.
///
/// Made for one call and dropped with it. Making one takes a good part of a millisecond at 2048 bits and several at
/// 8192, so only after admission.
///
/// ```
/// use pinhole_crypto::{Algorithm, dh::{Group, KeyPair}};
/// use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
///
/// let mut rng = ChaCha20Rng::from_seed([7; 32]);
/// let caller = KeyPair::generate(Group::Modp1024, &mut rng);
/// let callee = KeyPair::generate(Group::Modp1024, &mut rng);
/// let secret = caller.agree(callee.half_key()).unwrap();
/// assert_eq!(secret, callee.agree(caller.half_key()).unwrap());
/// let key = secret.key_encryption_key(Algorithm::Aes128);
/// ```
#[derive(ZeroizeOnDrop)]
pub struct KeyPair {
    #[zeroize(skip)]
    group: Group,
    exponent: U512,
    #[zeroize(skip)]
    bits: u32,
    #[zeroize(skip)]
    half_key: Box<[u8]>,
}

impl KeyPair {
    /// Makes a private exponent of the length RFC 7919 §5.2 asks for, and its half key.
    #[must_use]
    pub fn generate(group: Group, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let length = group.exponent_bits() as usize / 8;
        let mut octets = Zeroizing::new([0; EXPONENT]);
        let (_, low) = octets.split_at_mut(EXPONENT - length);
        rng.fill_bytes(low);
        // The top bit set: every exponent has the full length, none is trivial.
        if let Some(top) = low.first_mut() {
            *top |= 0x80;
        }
        Self::from_exponent(group, U512::from_be_slice(&octets[..]), group.exponent_bits())
    }

    fn from_exponent(group: Group, exponent: U512, bits: u32) -> Self {
        let half_key = power(group, &group.generator(), &exponent, bits);
        Self { group, exponent, bits, half_key: half_key.as_slice().into() }
    }

    /// The group both sides must use.
    #[must_use]
    pub const fn group(&self) -> Group {
        self.group
    }

    /// The public value for the peer, big-endian, as long as the prime.
    #[must_use]
    pub fn half_key(&self) -> &[u8] {
        &self.half_key
    }

    /// The secret shared with the peer whose half key this is. A half key shorter than the prime lost leading zeros.
    ///
    /// # Errors
    /// [`Reject::HalfKey`] if it is 0, 1, p-1, no less than p, or longer than the prime.
    pub fn agree(&self, peer_half_key: &[u8]) -> Result<SharedSecret, Reject> {
        let base = self.group.public_value(peer_half_key)?;
        Ok(SharedSecret { octets: power(self.group, &base, &self.exponent, self.bits) })
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("group", &self.group).finish_non_exhaustive()
    }
}

/// What two half keys have in common. Zeroed when dropped; never printed.
pub struct SharedSecret {
    octets: Zeroizing<Vec<u8>>,
}

impl SharedSecret {
    /// The key that wraps session keys for `algorithm`: the last octets of the secret (H.235.6 §7.6.1).
    #[must_use]
    pub fn key_encryption_key(&self, algorithm: Algorithm) -> KeyEncryptionKey {
        KeyEncryptionKey::from_tail(&self.octets, algorithm)
    }
}

impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(&self.octets[..], &other.octets[..]).into()
    }
}

impl Eq for SharedSecret {}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSecret").finish_non_exhaustive()
    }
}

/// `base` to the `exponent` modulo the group's prime, in time that depends on group and `bits` alone.
///
/// `base` must be as long as the prime: [`Group::generator`] and [`Group::public_value`] see to it.
fn power(group: Group, base: &[u8], exponent: &U512, bits: u32) -> Zeroizing<Vec<u8>> {
    match group {
        Group::Modp1024 => {
            power_in(const { modulus::<{ U1024::LIMBS }>(&P1024) }, base, exponent, bits)
        }
        Group::Modp1536 => {
            power_in(const { modulus::<{ U1536::LIMBS }>(&P1536) }, base, exponent, bits)
        }
        Group::Modp2048 => {
            power_in(const { modulus::<{ U2048::LIMBS }>(&P2048) }, base, exponent, bits)
        }
        Group::Modp4096 => {
            power_in(const { modulus::<{ U4096::LIMBS }>(&P4096) }, base, exponent, bits)
        }
        Group::Modp6144 => {
            power_in(const { modulus::<{ U6144::LIMBS }>(&P6144) }, base, exponent, bits)
        }
        Group::Modp8192 => {
            power_in(const { modulus::<{ U8192::LIMBS }>(&P8192) }, base, exponent, bits)
        }
        Group::Own(own) => match &own.modulus {
            Modulus::Bits1024(prime) => power_in(*prime, base, exponent, bits),
            Modulus::Bits1536(prime) => power_in(*prime, base, exponent, bits),
            Modulus::Bits2048(prime) => power_in(*prime, base, exponent, bits),
        },
    }
}

/// The prime as a number. Evaluated by the compiler: one that is even, or of another size, does not build.
const fn modulus<const LIMBS: usize>(prime: &[u8]) -> Odd<Uint<LIMBS>> {
    Uint::<LIMBS>::from_be_slice(prime).to_odd().expect_copied("primes are odd")
}

fn power_in<const LIMBS: usize>(
    modulus: Odd<Uint<LIMBS>>,
    base: &[u8],
    exponent: &U512,
    bits: u32,
) -> Zeroizing<Vec<u8>> {
    let parameters = FixedMontyParams::new_vartime(modulus);
    let base = FixedMontyForm::new(&Uint::from_be_slice(base), &parameters);
    let mut power = base.pow_bounded_exp(exponent, bits);
    let mut value = power.retrieve();
    let mut octets = value.to_be_bytes();
    let copy = Zeroizing::new(octets.as_ref().to_vec());
    power.zeroize();
    value.zeroize();
    octets.zeroize();
    copy
}

#[cfg(test)]
mod tests;
