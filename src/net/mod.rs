//! The world: sockets, threads, signals, the clock. The only room that touches it.
//!
//! It decides nothing: [`drive()`] does what an [`Agent`](crate::face::Agent) says and tells it what came of it.
//! It knows neither H.323 nor calls.

mod answer;
mod arrival;
mod backlog;
mod behind;
mod bind;
mod clock;
mod core;
mod drive;
mod ground;
mod labour;
mod locals;
mod log;
mod media;
mod service;
mod sources;
mod sparing;
mod status;
mod stop;
mod stun;
mod tcp;
mod tell;
mod udp;

pub use behind::Behind;
pub use clock::{now, since_1970};
pub use drive::{Driver, Ended, Limits, drive, drive_behind, run};
pub use locals::local_addresses;
pub use log::{Log, log_to};
pub use service::{Failure, Service, allow_many_sockets, serve, take_small_pages};
pub use status::Asker;
pub use stop::{Stop, Stopper, stopper};
