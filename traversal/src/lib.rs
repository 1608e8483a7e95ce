//! NAT traversal machines (H.460.18, H.460.19). No sockets, no clock: addresses and times come in, decisions go out.

mod backoff;
pub mod server;
mod timers;

pub use backoff::Backoff;
pub use timers::Timers;
