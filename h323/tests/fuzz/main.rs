//! Replays the corpora of the fuzz targets `ras`, `signal`, `control` and `parts`, and a fixed
//! number of mutations of them.

mod check;

use std::fs;
use std::path::Path;

/// Marsaglia's xorshift: the same mutations in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as usize % limit.max(1)
    }
}

/// Overwrites, removes or inserts octets, flips bits, cuts.
fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut octets = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(octets.len());
        let octet = random.below(256) as u8;
        match random.below(6) {
            0 | 1 if at < octets.len() => octets[at] ^= 1 << random.below(8),
            2 if at < octets.len() => octets[at] = octet,
            3 if at < octets.len() => drop(octets.remove(at)),
            4 if random.below(8) == 0 => octets.truncate(at),
            _ => octets.insert(at, octet),
        }
    }
    octets
}

#[test]
fn corpora_and_their_mutations_hold() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (target, check) in check::TARGETS {
        let folder = corpus.join(target);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        assert!(paths.len() >= 10, "{target} has {} seeds", paths.len());
        for path in paths {
            let seed = fs::read(&path).unwrap();
            check(&seed);
            for _ in 0..100 {
                check(&mutate(&seed, &mut random));
            }
        }
    }
}
