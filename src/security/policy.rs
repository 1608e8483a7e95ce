//! What the operator wants encrypted: for each leg by whom it leads to, and for the call as a whole.

use super::Terms;

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

/// What is wanted of a leg, and with which ciphers and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether.
    pub demand: Demand,
    /// How.
    pub terms: Terms,
}

impl Default for Policy {
    fn default() -> Self {
        Self { demand: Demand::Off, terms: Terms::up_to(1024) }
    }
}
