//! The media encryption algorithms of H.235.6 that real endpoints share.

/// AES in cipher block chaining, by size of key (H.235.6 Table 6).
///
/// Weakest first. AES-192 is left out: implementations disagree on how its session key is wrapped, and no endpoint is
/// known to offer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// AES-128-CBC, which every encrypting endpoint has.
    Aes128,
    /// AES-256-CBC.
    Aes256,
}

impl Algorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 2] = [Self::Aes128, Self::Aes256];
    /// Octets of the longest key.
    pub(crate) const LONGEST: usize = 32;

    /// The algorithm an object identifier stands for, if it is one of these.
    #[must_use]
    pub fn by_identifier(arcs: &[u32]) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.identifier() == arcs)
    }

    /// The arcs of its object identifier.
    #[must_use]
    pub const fn identifier(self) -> &'static [u32] {
        match self {
            Self::Aes128 => &[2, 16, 840, 1, 101, 3, 4, 1, 2],
            Self::Aes256 => &[2, 16, 840, 1, 101, 3, 4, 1, 42],
        }
    }

    /// Octets of a key.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }

    /// Round keys, with the one before the first round (FIPS 197 §5).
    pub(crate) const fn round_keys(self) -> usize {
        self.key_length() / 4 + 7
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_find_their_algorithm_and_nothing_else() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::by_identifier(algorithm.identifier()), Some(algorithm));
        }
        // AES-192, DES, triple DES, AES in output feedback, a prefix, a longer one.
        for foreign in [
            &[2, 16, 840, 1, 101, 3, 4, 1, 22][..],
            &[1, 3, 14, 3, 2, 7],
            &[1, 3, 14, 3, 2, 17],
            &[0, 0, 8, 235, 0, 3, 30],
            &[2, 16, 840, 1, 101, 3, 4, 1],
            &[2, 16, 840, 1, 101, 3, 4, 1, 2, 0],
            &[],
        ] {
            assert_eq!(Algorithm::by_identifier(foreign), None, "{foreign:?}");
        }
    }
}
