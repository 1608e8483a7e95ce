//! Media encryption (H.235.6), at either end of a leg: what is agreed and said. The phone is one end of one leg; the
//! gatekeeper can be an end of each leg of a call, so that one of them, or each for itself, is encrypted.

pub mod agreement;
mod filter;
mod party;
mod policy;
mod state;
mod terms;

pub(crate) use filter::{Filtered, Key};
pub use party::MediaKey;
pub(crate) use party::{Party, Refusal, known};
pub use policy::{Demand, Policy};
pub(crate) use state::{Answer, Offered, Purpose, Security};
pub use terms::{Terms, cipher_name};
