//! What a type's constraints mean for its octets.

use rasn::types::Constraints;

use super::bits::width;

/// Bounds of a length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) low: usize,
    /// None: no upper bound.
    pub(super) high: Option<usize>,
}

impl Bounds {
    /// Any length.
    pub(super) const ANY: Self = Self { low: 0, high: None };

    /// The bounds in `constraints`, of the root where they are extensible.
    pub(super) fn of(constraints: &Constraints) -> Self {
        let Some(size) = constraints.size() else { return Self::ANY };
        let (low, high) = size.constraint.start_and_end();
        Self { low: low.copied().unwrap_or(0), high: high.copied() }
    }

    pub(super) fn contains(&self, length: usize) -> bool {
        self.low <= length && self.high.is_none_or(|high| length <= high)
    }

    /// Lowest and highest length, where the length is written as a constrained number: below 64K
    /// (X.691 §11.9.4.1).
    pub(super) fn short(&self) -> Option<(usize, usize)> {
        self.high.filter(|high| *high < 0x1_0000).map(|high| (self.low, high))
    }
}

/// True if a value outside the root's length may follow an extension bit.
pub(super) fn size_is_extensible(constraints: &Constraints) -> bool {
    constraints.size().is_some_and(|size| size.extensible.is_some())
}

/// How the characters of a known-multiplier string are written (X.691 §30.5).
#[derive(Debug, Clone, Copy)]
pub(super) struct Alphabet {
    /// Bits a character, a power of two.
    pub(super) width: u32,
    /// The characters, if a character is written as its index among them.
    pub(super) index: Option<&'static [u32]>,
}

/// Characters of NumericString.
pub(super) const NUMERIC: &[u32] = &[32, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57];

impl Alphabet {
    /// `full`: bits a character without constraint; `own`: the type's own alphabet, if it is small.
    pub(super) fn of(constraints: &Constraints, full: u32, own: Option<&'static [u32]>) -> Self {
        let permitted = constraints
            .permitted_alphabet()
            .filter(|alphabet| alphabet.extensible.is_none())
            .map(|alphabet| alphabet.constraint.as_inner())
            .or(own);
        let Some(permitted) = permitted else { return Self { width: full, index: None } };
        let width = match permitted.len() {
            0 | 1 => 0,
            count => width(count as u64).next_power_of_two(),
        };
        let largest = u64::from(permitted.iter().copied().max().unwrap_or(0));
        if width >= full {
            return Self { width: full, index: None };
        }
        let index = (largest >= 1 << width).then_some(permitted);
        Self { width, index }
    }

    /// True if strings within `low..=high` characters begin on an octet boundary.
    pub(super) fn aligned(&self, low: usize, high: usize) -> bool {
        let most = high * self.width as usize;
        if low == high { most > 16 } else { most >= 16 }
    }
}
