//! What H.235.6 adds to call signalling and H.245: tokens with half keys, capabilities of encrypted media, data types
//! of encrypted channels, and session keys on their way. No cipher is here, and no rule of who may do what.

pub(crate) mod capability;
mod key;
mod media;
mod mode;
mod token;

pub use capability::{
    Encryptable, add_capabilities, capabilities, keep_algorithms, remove_capabilities,
    remove_events,
};
pub use key::{WrappedKey, acknowledge_update, command_update, request_update};
pub use media::{static_payload_type, unwrap, wrap};
pub use mode::{unwrap_modes, wrap_modes};
pub use token::{HalfKey, bare};
