//! Media encryption (H.235.6), at either end of a leg: what is agreed and said. The phone is one end of one leg; the
//! gatekeeper can be an end of each leg of a call, so that one of them, or each for itself, is encrypted.

pub mod agreement;
mod between;
mod filter;
pub mod parameters;
mod party;
mod policy;
mod renewal;
mod state;
mod terms;

pub(crate) use between::{Between, Breach, Seen, Taken};
pub(crate) use filter::{Filtered, Key};
pub use party::MediaKey;
pub(crate) use party::{Party, Refusal};
pub(crate) use policy::Rules;
pub use policy::{Demand, Least, Policy};
pub(crate) use state::{Answer, Purpose, Security};
pub use terms::{Terms, cipher_name};

#[cfg(test)]
mod tests;
