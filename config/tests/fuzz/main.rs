//! Replays the corpus of the fuzz target `ini`, and a fixed number of mutations of it.

mod check;

use std::path::Path;

/// The corpus and the files of the other tests.
#[expect(clippy::unwrap_used, reason = "a test without its files has failed")]
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../tests/fuzz/corpus/ini", "tests/files"];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

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

/// Overwrites, removes, inserts or doubles a few octets.
fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    const TELLING: &[u8] = b"=[];#\n\r\t ,-/:.1a\0\x1b\xc3\xff";
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let telling = TELLING[random.below(TELLING.len())];
        match random.below(4) {
            0 if at < bytes.len() => bytes[at] = telling,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, telling),
            _ => {
                let end = (at + random.below(40)).min(bytes.len());
                bytes.extend_from_within(at.min(end)..end);
            }
        }
    }
    bytes
}

#[test]
fn the_corpus_keeps_the_promises() {
    let seeds = seeds();
    assert!(seeds.len() >= 10, "the corpus is there");
    seeds.iter().for_each(|seed| check::check(seed));
}

#[test]
fn mutations_of_the_corpus_keep_the_promises() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for seed in seeds() {
        let rounds = 80_000 / (seed.len() + 400);
        for _ in 0..rounds {
            check::check(&mutate(&seed, &mut random));
        }
    }
}
