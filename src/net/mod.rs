//! The world: sockets, threads, signals, the clock. The only room that touches it.
//!
//! It decides nothing: [`drive()`] does what an [`Agent`](crate::face::Agent) says and tells it what came of it.
//! It knows neither H.323 nor calls.

mod bind;
mod clock;
mod drive;
mod ground;
mod media;
mod stop;
mod tcp;
mod udp;

pub use drive::{Driver, Ended, Limits, drive, run};
pub use stop::{Stop, Stopper, stopper};
