//! The multiplexIDs in use (H.460.19 §8): nobody can guess one, and no two sessions have the same.

use std::collections::BTreeSet;

use pinhole_h323::mux::MultiplexId;

/// Those in use.
#[derive(Debug, Default)]
pub(crate) struct Marks(BTreeSet<u32>);

impl Marks {
    /// One that is free. 0 counts as none among peers. There are many more than sessions, so the search ends soon.
    pub(crate) fn draw(&mut self, mut random: impl FnMut() -> u32) -> MultiplexId {
        loop {
            let id = random();
            if id != 0 && self.0.insert(id) {
                return MultiplexId(id);
            }
        }
    }

    /// A session has ended.
    pub(crate) fn free(&mut self, id: MultiplexId) {
        self.0.remove(&id.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sessions_have_the_same_and_none_has_zero() {
        let mut drawn = [7, 0, 7, 9, 7].into_iter();
        let mut random = || drawn.next().unwrap();
        let mut marks = Marks::default();
        assert_eq!(marks.draw(&mut random), MultiplexId(7));
        assert_eq!(marks.draw(&mut random), MultiplexId(9));
        marks.free(MultiplexId(7));
        assert_eq!(marks.draw(&mut random), MultiplexId(7));
    }
}
