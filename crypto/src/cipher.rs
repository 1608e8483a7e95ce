//! AES key schedules chosen at run time, and cipher block chaining with them.

use crate::Algorithm;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use aes::{Aes128Dec, Aes128Enc, Aes256Dec, Aes256Enc, Block};
use cbc::{Decryptor, Encryptor};

/// Octets of a cipher block.
pub(crate) const BLOCK: usize = 16;

/// A schedule that encrypts. Zeroed when dropped.
pub(crate) enum Encrypt {
    Aes128(Aes128Enc),
    Aes256(Aes256Enc),
}

impl Encrypt {
    /// `key` must be as long as the algorithm's: a [`crate::session::SessionKey`] is.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        match algorithm {
            Algorithm::Aes128 => Self::Aes128(Aes128Enc::new(&exactly(key).into())),
            Algorithm::Aes256 => Self::Aes256(Aes256Enc::new(&exactly(key).into())),
        }
    }

    /// Encrypts blocks in place, each chained to the one before, the first to `iv`.
    pub(crate) fn chain(&self, iv: &Block, blocks: &mut [Block]) {
        match self {
            Self::Aes128(aes) => Encryptor::inner_iv_init(aes, iv).encrypt_blocks(blocks),
            Self::Aes256(aes) => Encryptor::inner_iv_init(aes, iv).encrypt_blocks(blocks),
        }
    }
}

/// A schedule that decrypts. Zeroed when dropped.
pub(crate) enum Decrypt {
    Aes128(Aes128Dec),
    Aes256(Aes256Dec),
}

impl Decrypt {
    /// `key` must be as long as the algorithm's: a [`crate::session::SessionKey`] is.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        match algorithm {
            Algorithm::Aes128 => Self::Aes128(Aes128Dec::new(&exactly(key).into())),
            Algorithm::Aes256 => Self::Aes256(Aes256Dec::new(&exactly(key).into())),
        }
    }

    /// Decrypts blocks in place that were chained, the first to `iv`.
    pub(crate) fn chain(&self, iv: &Block, blocks: &mut [Block]) {
        match self {
            Self::Aes128(aes) => Decryptor::inner_iv_init(aes, iv).decrypt_blocks(blocks),
            Self::Aes256(aes) => Decryptor::inner_iv_init(aes, iv).decrypt_blocks(blocks),
        }
    }
}

/// The key as an array. Lengths were checked when the key was made; zeros stand for what is missing.
fn exactly<const N: usize>(key: &[u8]) -> [u8; N] {
    let mut octets = [0; N];
    octets.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    octets
}
