//! What a peer may make us spend.

use crate::error::Malformed;

/// How deep values may nest. Real messages stay below 40; frames of the decoder are large.
const DEPTH: u16 = 64;
/// Memory every message may take, octets. The messages of the captures take up to 9 KiB, as it is
/// counted here: every SEQUENCE and CHOICE its own size, wherever it ends up.
const BASE: usize = 128 * 1024;
/// Memory a message may take for each octet received.
const PER_OCTET: usize = 128;

/// What is left of depth and memory while one message is decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    depth: u16,
    memory: usize,
}

impl Limits {
    /// The limits for a message of `length` octets.
    pub(crate) fn new(length: usize) -> Self {
        Self { depth: DEPTH, memory: BASE + length.saturating_mul(PER_OCTET) }
    }

    /// Takes `octets` of memory off what is left.
    pub(crate) fn charge(&mut self, octets: usize) -> Result<(), Malformed> {
        self.memory = self.memory.checked_sub(octets).ok_or(Malformed::Budget)?;
        Ok(())
    }

    /// Goes one level down.
    pub(crate) fn enter(&mut self) -> Result<(), Malformed> {
        self.depth = self.depth.checked_sub(1).ok_or(Malformed::Depth)?;
        Ok(())
    }

    /// Comes one level up.
    pub(crate) fn leave(&mut self) {
        self.depth += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_grows_with_the_octets_received() {
        let mut limits = Limits::new(10);
        assert_eq!(limits.charge(BASE + 1280), Ok(()));
        assert_eq!(limits.charge(1), Err(Malformed::Budget));
    }

    #[test]
    fn depth_is_given_back() {
        let mut limits = Limits::new(0);
        for _ in 0..DEPTH {
            assert_eq!(limits.enter(), Ok(()));
        }
        assert_eq!(limits.enter(), Err(Malformed::Depth));
        limits.leave();
        assert_eq!(limits.enter(), Ok(()));
    }
}
