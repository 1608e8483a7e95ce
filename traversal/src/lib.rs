//! NAT traversal machines (H.460.18), timers and back-off. No sockets, no clock: addresses and times come in, decisions go out.

#![forbid(unsafe_code)]

mod backoff;
pub mod client;
pub mod lifetime;
pub mod server;
mod timers;
pub mod watch;

pub use backoff::Backoff;
pub use timers::Timers;

use std::time::Duration;

/// The interval that the server of a zone asks for when a client has to prove itself once more before it counts.
pub const AGAIN: Duration = Duration::from_secs(2);
