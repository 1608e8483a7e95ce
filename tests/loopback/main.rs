//! The real shell on loopback: sockets, threads, ends.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod behind;
mod call;
mod load;
mod media;
mod script;
mod service;
mod status;
mod stop;
mod stun;
mod tcp;
mod udp;
