//! What the operator wants encrypted: for each leg by whom it leads to, and for the call as a whole.

use pinhole_crypto::Algorithm;

use super::Terms;
use super::agreement::Offer;

/// What is wanted of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Demand {
    /// The gatekeeper encrypts nothing there; what the endpoints agree between themselves passes.
    #[default]
    Off,
    /// It is encrypted when its party can do it, whatever the other party can.
    Preferred,
    /// It is encrypted, or there is no call.
    Required,
}

impl Demand {
    /// Its name in records and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Preferred => "preferred",
            Self::Required => "required",
        }
    }
}

/// What is weaker counts as no encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Least {
    /// Bits of the group.
    pub bits: usize,
    /// The cipher.
    pub cipher: Algorithm,
}

impl Least {
    /// Nothing is too weak.
    pub const ANY: Self = Self { bits: 0, cipher: Algorithm::Aes128 };
}

/// What is wanted of a leg, and with which ciphers and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether.
    pub demand: Demand,
    /// What we offer and accept ourselves.
    pub terms: Terms,
    /// What two parties may agree on between themselves at least.
    pub least: Least,
    /// Its party is offered no encryption, and offers none.
    pub strips: bool,
    /// Which rule says so, for people: the end of `… on the side of bob`.
    pub rule: String,
}

impl Policy {
    /// A policy whose terms say what the least is.
    #[must_use]
    pub fn new(demand: Demand, terms: Terms) -> Self {
        let least = if demand == Demand::Off { Least::ANY } else { terms.least() };
        Self { demand, terms, least, strips: false, rule: String::new() }
    }

    /// What meets both: the higher demand, and nothing that is too weak for either. The rule is that of the higher demand.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let swap = other.demand > self.demand;
        let (strict, mild) = if swap { (other, self) } else { (self, other) };
        let bits = strict.least.bits.max(mild.least.bits);
        let least = Least { bits, cipher: strict.least.cipher.max(mild.least.cipher) };
        Self { terms: strict.terms.clone().at_least(least), least, ..strict.clone() }
    }

    /// True when we want the leg encrypted.
    pub(crate) const fn wants(&self) -> bool {
        !matches!(self.demand, Demand::Off) && !self.strips
    }

    /// True when an offer of a party to the other one is strong enough for this leg.
    pub(crate) fn lets_pass(&self, offer: &Offer) -> bool {
        !self.strips && offer.group.bits() >= self.least.bits
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(Demand::Off, Terms::up_to(1024))
    }
}

/// What holds for the call as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// One leg at least has to be encrypted.
    pub(crate) one_leg: bool,
    /// Two parties may agree between themselves.
    pub(crate) end_to_end: bool,
}
