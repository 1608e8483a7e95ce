//! Identifiers as types, so that one is not taken for another.

/// A call reference value: 15 bits, meaningful on one signalling connection only (Q.931 §4.3).
///
/// Zero is the global call reference, which H.460.17 and the H.460.18 pinhole use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Crv(u16);

impl Crv {
    /// The reference that means the connection rather than one of its calls.
    pub const GLOBAL: Self = Self(0);

    /// A call reference of the low 15 bits of `value`; the top bit is a flag and not part of it.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(value & 0x7fff)
    }

    /// The 15-bit value.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for Crv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}
