//! Lines of the log that anybody can provoke: of a flood only a few are written.

use std::time::Instant;

use crate::node::Allowance;
use crate::node::limits::Bucket;

/// Lines of one kind.
const LINES: Allowance = Allowance { rate: 1, burst: 10 };

/// One kind of line.
#[derive(Debug, Default)]
pub(super) struct Sparing {
    bucket: Option<Bucket>,
    untold: u64,
}

impl Sparing {
    /// Whether a line is written; how many were not, since the last one.
    pub(super) fn tells(&mut self, now: Instant) -> Option<u64> {
        let bucket = self.bucket.get_or_insert_with(|| Bucket::full(LINES, now));
        if bucket.take(LINES, now, 1) {
            return Some(std::mem::take(&mut self.untold));
        }
        self.untold = self.untold.saturating_add(1);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn of_a_flood_a_few_are_told_and_the_number_of_the_others() {
        let start = crate::net::clock::now();
        let mut sparing = Sparing::default();
        let told = (0..1000).filter(|_| sparing.tells(start).is_some()).count();
        assert_eq!(told, 10);
        assert_eq!(sparing.tells(start + Duration::from_secs(1)), Some(990));
        assert_eq!(sparing.tells(start + Duration::from_secs(1)), None);
    }
}
