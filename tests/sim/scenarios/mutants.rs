//! Messages of real peers, and what a hostile one makes of them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) use crate::hostile::stock::{RAS, TPKT, octets};

/// `count` messages made of these: octets changed, dropped, doubled, cut off, or put together of two.
pub(crate) fn mutants(vectors: &[&str], seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let stock: Vec<_> = vectors.iter().map(|hex| octets(hex)).collect();
    (0..count).map(|_| mutant(&stock, &mut random)).collect()
}

fn mutant(stock: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = stock[random.random_range(0..stock.len())].clone();
    for _ in 0..random.random_range(1..6) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..6) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes[at] = [0x00, 0x7f, 0x80, 0xff][random.random_range(0..4)],
            3 => bytes.truncate(at),
            4 => bytes.insert(at, random.random()),
            _ => {
                let other = &stock[random.random_range(0..stock.len())];
                let from = random.random_range(0..other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
        }
    }
    bytes
}

#[test]
fn the_vectors_are_whole() {
    for hex in TPKT {
        let bytes = octets(hex);
        assert_eq!(bytes.len(), usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), "{hex}");
    }
    let lengths: Vec<_> = RAS.iter().map(|hex| octets(hex).len()).collect();
    assert_eq!(lengths, [197, 94, 206, 45, 5, 24, 172, 106]);
}

#[test]
fn mutants_are_many_and_the_same_each_time() {
    let some = mutants(RAS, 1, 1000);
    assert_eq!(some, mutants(RAS, 1, 1000));
    let changed = some.iter().filter(|m| RAS.iter().all(|hex| octets(hex) != **m)).count();
    assert!(changed > 950, "{changed}");
}
