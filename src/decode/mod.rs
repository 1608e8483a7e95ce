//! H.323 in captures: what `pinhole decode` prints.
//!
//! From the file inwards: [`capture`] yields packets, [`packet`] opens them, [`stream`] puts TCP together,
//! [`framing`] finds the
//! messages in that, [`dissector`] decides what is H.323, and [`message`] decodes it; [`ladder`] draws the
//! call flow. No sockets, no clock, no output here.

pub mod capture;
pub mod dissector;
pub mod framing;
pub mod ladder;
pub mod message;
pub mod packet;
pub mod stream;
