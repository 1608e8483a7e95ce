//! Replays the corpora `conversation`, `q931`, `rtp` and `tpkt`, and of each seed every bit turned, every octet
//! left out and every beginning.

mod check;

use std::fs;
use std::path::Path;

fn mutations(seed: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let turned = (0..seed.len() * 8).map(|bit| {
        let mut octets = seed.to_vec();
        octets[bit / 8] ^= 1 << (bit % 8);
        octets
    });
    let left_out = (0..seed.len()).map(|at| [&seed[..at], &seed[at + 1..]].concat());
    let cut = (0..seed.len()).map(|at| seed[..at].to_vec());
    turned.chain(left_out).chain(cut)
}

#[test]
fn corpora_and_their_mutations_hold() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
    for (target, check) in check::TARGETS {
        let folder = corpus.join(target);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let seeds: Vec<_> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(seeds.len() >= 10, "{target} has {} seeds", seeds.len());
        for seed in seeds {
            check(&seed);
            mutations(&seed).for_each(|octets| check(&octets));
        }
    }
}
