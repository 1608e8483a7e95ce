//! The test endpoint: registers, calls, answers, plays a tone and measures what it hears.
//!
//! It is a pure machine behind the face of `face.rs`: sockets, clock and files are the host's.

pub mod g711;
pub mod listen;
pub mod tone;
