//! The multiplexIDs in use (H.460.19 §8): nobody can guess one, and no two sessions have the same.

use std::collections::BTreeSet;

use pinhole_h323::mux::MultiplexId;

/// The version of RTP and RTCP, in the first two bits of a packet (RFC 3550 §5.1).
const RTP_VERSION: u32 = 2;

/// Those in use.
#[derive(Debug, Default)]
pub(crate) struct Marks(BTreeSet<u32>);

impl Marks {
    /// One that is free, and does not look like the beginning of RTP or RTCP, which some send without it. 0 counts as none
    /// among peers. There are many more than sessions, so the search ends soon.
    pub(crate) fn draw(&mut self, mut random: impl FnMut() -> u32) -> MultiplexId {
        loop {
            let id = random();
            if id != 0 && id >> 30 != RTP_VERSION && self.0.insert(id) {
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
        let mut drawn = [7, 0, 0x80c8_0006, 7, 9, 7].into_iter();
        let mut random = || drawn.next().unwrap();
        let mut marks = Marks::default();
        assert_eq!(marks.draw(&mut random), MultiplexId(7));
        assert_eq!(marks.draw(&mut random), MultiplexId(9));
        marks.free(MultiplexId(7));
        assert_eq!(marks.draw(&mut random), MultiplexId(7));
    }
}
