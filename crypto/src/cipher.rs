//! AES key schedules chosen at run time, and cipher block chaining with them.

use crate::Algorithm;
use crate::lanes::Kernel;
use crate::rounds::{LONG, Rounds, SHORT};
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
    /// For a kernel that decrypts.
    Own(Kernel, Algorithm, Rounds),
    Aes128(Aes128Dec),
    Aes256(Aes256Dec),
}

impl Decrypt {
    /// For the fastest kernel of this processor. `key` must be as long as the algorithm's: a
    /// [`crate::session::SessionKey`] is.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        Self::with(Kernel::fastest(), algorithm, key)
    }

    /// For a certain kernel. One that cannot decrypt leaves it to the `aes` crate.
    pub(crate) fn with(kernel: Kernel, algorithm: Algorithm, key: &[u8]) -> Self {
        match (kernel, algorithm) {
            (Kernel::Vaes | Kernel::AesNi, _) if kernel.is_available() => {
                let rounds = Rounds::new(algorithm, key).inverse(algorithm);
                Self::Own(kernel, algorithm, rounds)
            }
            (_, Algorithm::Aes128) => Self::Aes128(Aes128Dec::new(&exactly(key).into())),
            (_, Algorithm::Aes256) => Self::Aes256(Aes256Dec::new(&exactly(key).into())),
        }
    }

    /// Decrypts blocks in place that were chained, the first to `iv`.
    pub(crate) fn chain(&self, iv: &Block, blocks: &mut [Block]) {
        match self {
            Self::Own(kernel, algorithm, rounds) => {
                let (iv, blocks) = ((*iv).into(), Block::cast_slice_to_core_mut(blocks));
                let done = match algorithm {
                    Algorithm::Aes128 => kernel.decrypt(rounds.keys::<SHORT>(), iv, blocks),
                    Algorithm::Aes256 => kernel.decrypt(rounds.keys::<LONG>(), iv, blocks),
                };
                debug_assert!(done, "there is such a kernel");
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// From none to more than the widest way takes at a time, with every rest.
    #[test]
    fn every_kernel_decrypts_as_the_cbc_crate_does() {
        let mut rng = ChaCha20Rng::from_seed([9; 32]);
        let kernels: Vec<Kernel> = Kernel::ALL.into_iter().filter(|k| k.is_available()).collect();
        for algorithm in Algorithm::ALL {
            for count in (0..=70).chain([127, 128, 600]) {
                let mut key = vec![0; algorithm.key_length()];
                rng.fill_bytes(&mut key);
                let mut octets = vec![0; 16 + 16 * count];
                rng.fill_bytes(&mut octets);
                let iv = Block::from(*octets.first_chunk().unwrap());
                let encrypted = octets.split_off(16);
                let mut expected = encrypted.clone();
                let blocks = Block::slice_as_chunks_mut(&mut expected).0;
                match algorithm {
                    Algorithm::Aes128 => {
                        let aes = Aes128Dec::new_from_slice(&key).unwrap();
                        Decryptor::inner_iv_init(&aes, &iv).decrypt_blocks(blocks);
                    }
                    Algorithm::Aes256 => {
                        let aes = Aes256Dec::new_from_slice(&key).unwrap();
                        Decryptor::inner_iv_init(&aes, &iv).decrypt_blocks(blocks);
                    }
                }
                for kernel in &kernels {
                    let mut decrypted = encrypted.clone();
                    let blocks = Block::slice_as_chunks_mut(&mut decrypted).0;
                    Decrypt::with(*kernel, algorithm, &key).chain(&iv, blocks);
                    assert!(decrypted == expected, "{kernel:?} {algorithm:?} {count}");
                    Encrypt::new(algorithm, &key)
                        .chain(&iv, Block::slice_as_chunks_mut(&mut decrypted).0);
                    assert!(decrypted == encrypted, "and back");
                }
            }
        }
    }

    /// A kernel of this processor decrypts by itself, or the comparison above shows nothing.
    #[test]
    fn the_fastest_kernel_decrypts_by_itself() {
        let own = matches!(Decrypt::new(Algorithm::Aes128, &[1; 16]), Decrypt::Own(..));
        assert_eq!(own, Kernel::AesNi.is_available());
    }
}
