//! Wire formats of H.323: bytes to meaning and back. No state, no time, no I/O.

mod aper;
pub mod asn;
pub mod cause;
pub mod error;
pub mod id;
pub mod mux;
pub mod q931;
pub mod rtcp;
pub mod rtp;
pub mod tpkt;

pub use error::Malformed;
