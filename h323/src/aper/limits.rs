//! What a peer may make us spend.

use crate::error::Malformed;

/// How deep values may nest. Real messages stay below 40; frames of the decoder are large.
const DEPTH: u16 = 64;
/// Memory every message may take, octets.
const BASE: usize = 256 * 1024;
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
