//! A lab with kernel NATs: Linux network namespaces joined by virtual links, the `pinhole` binary running in
//! them, and tshark as a witness that knows nothing of Pinhole.
//!
//! This crate knows only the binary, its command line, its ports and captures of its traffic. It needs root and
//! the packages that `interop/setup` installs; its tests run with `--features lab`.
//!
//! ```text
//!   inside ───────── nat ───────── internet ┬─── gatekeeper
//!   10.0.1.2  10.0.1.1 │ 198.51.100.1       │    198.51.100.2
//!                  masquerade               └─── outside
//!                                                198.51.100.3
//! ```

mod failure;
mod lab;
mod namespace;
mod nat;
mod peer;
mod process;
mod witness;

pub use failure::{Failure, Result};
pub use lab::{GATEKEEPER, INSIDE, Lab, NAT_INSIDE, NAT_OUTSIDE, OUTSIDE, prerequisites};
pub use namespace::{Namespace, sweep};
pub use nat::{Nat, UDP_TIMEOUT, Uninvited};
pub use peer::{Gatekeeper, Phone, PhoneOptions, Traversal, channel, pinhole};
pub use process::{Deadline, Running};
pub use witness::{Frame, Witness, tshark};
