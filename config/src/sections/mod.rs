//! The sections with typed keys, one file per family.

mod calls;
mod encryption;
mod limits;
mod main;
mod neighbor;
mod particular;
mod proxy;
mod ras;
mod routed;
mod status;

pub use calls::CallTable;
pub use encryption::Encryption;
pub use limits::Limits;
pub use main::Main;
pub use neighbor::{LocationFeatures, Neighbor, Tokens};
pub use particular::Particular;
pub use proxy::Proxy;
pub use ras::{AdmissionFeatures, RegistrationFeatures};
pub use routed::Routed;
pub use status::StatusAuth;
