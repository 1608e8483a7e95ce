//! Wire formats of H.323: bytes to meaning and back. No state, no time, no I/O.

#![forbid(unsafe_code)]

pub mod address;
pub mod alias;
mod aper;
pub mod asn;
pub mod cause;
pub mod control;
pub mod error;
pub mod generic;
pub mod h235;
pub mod h450;
pub mod h46018;
pub mod h46019;
pub mod id;
mod kept;
pub mod mux;
pub mod q931;
pub mod ras;
pub mod rtcp;
pub mod rtp;
pub mod signal;
pub mod tpkt;
#[cfg(test)]
mod vectors;
pub mod version;

pub use control::Control;
pub use error::Malformed;
pub use ras::Ras;
pub use signal::Signal;
