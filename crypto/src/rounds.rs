//! The key schedule of AES as packets side by side need it: round keys to hand to one round at a time.

use crate::Algorithm;
use aes::Block;
use aes::hazmat::{cipher_round, inv_mix_columns};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Round keys of AES-128.
pub(crate) const SHORT: usize = Algorithm::Aes128.round_keys();
/// Round keys of AES-256.
pub(crate) const LONG: usize = Algorithm::Aes256.round_keys();
/// Round keys of the longest key.
const ROUND_KEYS: usize = LONG;

/// A key expanded into round keys (FIPS 197 §5.2). Zeroed when dropped.
#[derive(ZeroizeOnDrop)]
#[repr(align(16))]
pub(crate) struct Rounds {
    keys: [[u8; 16]; ROUND_KEYS],
}

impl Rounds {
    /// `key` must be as long as the algorithm's: a [`crate::session::SessionKey`] is.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        let mut words = [[0; 4]; 4 * ROUND_KEYS];
        let (length, count) = (algorithm.key_length() / 4, algorithm.round_keys());
        let (given, _) = key.as_chunks::<4>();
        words.iter_mut().zip(given).for_each(|(word, given)| *word = *given);
        let mut constant = 1_u8;
        for at in length..4 * count {
            let mut word = words[at - 1];
            if at % length == 0 {
                word.rotate_left(1);
                word = substitute(word);
                word[0] ^= constant;
                constant = constant << 1 ^ if constant & 0x80 == 0 { 0 } else { 0x1b };
            } else if length > 6 && at % length == 4 {
                word = substitute(word);
            }
            for (octet, earlier) in word.iter_mut().zip(words[at - length]) {
                *octet ^= earlier;
            }
            words[at] = word;
        }
        let mut rounds = Self { keys: [[0; 16]; ROUND_KEYS] };
        rounds.keys.as_flattened_mut().copy_from_slice(words.as_flattened());
        words.as_flattened_mut().zeroize();
        rounds
    }

    /// The round keys, from the one before the first round on: all that there are of an algorithm with so many.
    pub(crate) const fn keys<const KEYS: usize>(&self) -> &[[u8; 16]; KEYS] {
        const { assert!(KEYS <= ROUND_KEYS) };
        match self.keys.first_chunk() {
            Some(keys) => keys,
            None => unreachable!(),
        }
    }

    /// The keys of the equivalent inverse cipher (FIPS 197 §5.3.5), from the one before its first round on.
    pub(crate) fn inverse(&self, algorithm: Algorithm) -> Self {
        let mut inverse = Self { keys: [[0; 16]; ROUND_KEYS] };
        let count = algorithm.round_keys();
        let backwards = self.keys.iter().take(count).rev().enumerate();
        for (place, (at, key)) in inverse.keys.iter_mut().zip(backwards) {
            let mut block = Block::from(*key);
            if at > 0 && at < count - 1 {
                inv_mix_columns(&mut block);
            }
            *place = block.into();
            block.zeroize();
        }
        inverse
    }
}

/// Each octet through the S-box.
///
/// A round on a block of four equal columns is the S-box on each, for ShiftRows moves nothing then, and MixColumns,
/// which is taken back.
fn substitute(word: [u8; 4]) -> [u8; 4] {
    let mut block = Block::default();
    block.as_mut_slice().as_chunks_mut::<4>().0.fill(word);
    cipher_round(&mut block, &Block::default());
    inv_mix_columns(&mut block);
    let column = block.first_chunk::<4>().copied().unwrap_or_default();
    block.zeroize();
    column
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::hex;

    fn expanded(algorithm: Algorithm, key: &str) -> Vec<[u8; 16]> {
        Rounds::new(algorithm, &hex(key)).keys::<ROUND_KEYS>()[..algorithm.round_keys()].to_vec()
    }

    /// FIPS 197, appendix A.1.
    #[test]
    fn a_short_key_expands_as_published() {
        let keys = expanded(Algorithm::Aes128, "2b7e151628aed2a6abf7158809cf4f3c");
        assert_eq!(keys.len(), 11);
        assert_eq!(keys[0][..], hex("2b7e151628aed2a6abf7158809cf4f3c"));
        assert_eq!(keys[1][..], hex("a0fafe1788542cb123a339392a6c7605"));
        assert_eq!(keys[9][..], hex("ac7766f319fadc2128d12941575c006e"));
        assert_eq!(keys[10][..], hex("d014f9a8c9ee2589e13f0cc8b6630ca6"));
    }

    /// FIPS 197, appendix A.3.
    #[test]
    fn a_long_key_expands_as_published() {
        let keys = expanded(
            Algorithm::Aes256,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        );
        assert_eq!(keys.len(), 15);
        assert_eq!(keys[1][..], hex("1f352c073b6108d72d9810a30914dff4"));
        assert_eq!(keys[2][..], hex("9ba354118e6925afa51a8b5f2067fcde"));
        assert_eq!(keys[3][..], hex("a8b09c1a93d194cdbe49846eb75d5b9a"));
        assert_eq!(keys[14][..], hex("fe4890d1e6188d0b046df344706c631e"));
    }

    /// FIPS 197, appendix C.1: `ik_sch` of the equivalent inverse cipher.
    #[test]
    fn the_inverse_keys_are_as_published() {
        let rounds = Rounds::new(Algorithm::Aes128, &hex("000102030405060708090a0b0c0d0e0f"));
        let inverse = rounds.inverse(Algorithm::Aes128);
        let keys = inverse.keys::<11>();
        assert_eq!(keys[0][..], hex("13111d7fe3944a17f307a78b4d2b30c5"));
        assert_eq!(keys[1][..], hex("13aa29be9c8faff6f770f58000f7bf03"));
        assert_eq!(keys[9][..], hex("8c56dff0825dd3f9805ad3fc8659d7fd"));
        assert_eq!(keys[10][..], hex("000102030405060708090a0b0c0d0e0f"));
    }
}
