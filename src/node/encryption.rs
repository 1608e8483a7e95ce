//! What the configuration wants encrypted.

use pinhole_config::Config;

use crate::call::Leg;
use crate::security::{Demand, Policy, Terms};

/// What is encrypted (H.235.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encryption {
    /// One leg of every call has to be.
    pub one_leg: bool,
    /// What is wanted of legs of which nothing else is said.
    pub default: Policy,
}

impl From<&Config> for Encryption {
    fn from(config: &Config) -> Self {
        let routed = &config.routed;
        let wanted = routed.half_call || routed.require_half_call;
        let demand = if wanted { Demand::Preferred } else { Demand::Off };
        let terms = Terms::up_to(routed.half_call_bits.0 as usize);
        Self { one_leg: routed.require_half_call, default: Policy { demand, terms } }
    }
}

impl Encryption {
    /// What is wanted of a leg.
    pub(crate) fn of(&self, _: &Leg) -> Policy {
        self.default.clone()
    }
}
