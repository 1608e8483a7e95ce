//! requestSeqNum of our own requests (H.225.0 §7.6): answers are told apart by them, and whoever does not see a request
//! cannot guess what its answer has to say. So they are drawn at random, and none again that may still be open.

use std::collections::{BTreeSet, VecDeque};

use rand::RngExt;

/// Numbers that are not used again yet: more than there can be open requests.
const KEPT: usize = 8192;

/// What was drawn last.
#[derive(Debug, Default)]
pub(super) struct Seqs {
    order: VecDeque<u16>,
    used: BTreeSet<u16>,
}

impl Seqs {
    /// The next one, 1 to 65535.
    pub(super) fn draw(&mut self, rng: &mut impl RngExt) -> u16 {
        if self.order.len() >= KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.used.remove(&oldest);
        }
        loop {
            // Seven of eight are free.
            let seq = rng.random();
            if seq != 0 && self.used.insert(seq) {
                self.order.push_back(seq);
                return seq;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn none_is_like_the_last_or_comes_again_soon() {
        let mut rng = rand::rngs::StdRng::from_seed([7; 32]);
        let mut seqs = Seqs::default();
        let all: Vec<u16> = (0..70_000).map(|_| seqs.draw(&mut rng)).collect();
        assert!(!all.contains(&0));
        for some in all.chunks(KEPT) {
            let different: BTreeSet<&u16> = some.iter().collect();
            assert_eq!(different.len(), some.len());
        }
        let next = all.windows(2).filter(|two| two[0].abs_diff(two[1]) < 16).count();
        assert!(next < 100, "{next}");
    }
}
