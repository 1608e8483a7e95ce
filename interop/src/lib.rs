//! A lab with kernel NATs: Linux network namespaces joined by virtual links, the `pinhole` binary running in
//! them, and tshark as a witness that knows nothing of Pinhole.
//!
//! This crate knows only the binary, its command line, its ports and captures of its traffic. It needs root and
//! the packages that `interop/setup` installs; its tests run with `--features lab`.
//!
//! ```text
//!   inside     10.0.1.2 ─┐
//!                        ├── 10.0.1.1 nat 198.51.100.1 ──────┐
//!   neighbour  10.0.1.3 ─┘                                   ├─── gatekeeper 198.51.100.2
//!                                                            ├─── outside 198.51.100.3
//!   far        10.0.2.2 ──── 10.0.2.1 far-nat 198.51.100.4 ──┘
//! ```
//!
//! Both NATs masquerade and let nobody in. With IPv6 the hosts are 2001:db8:1::2 and so on, see [`v6`].

mod failure;
mod lab;
mod namespace;
mod nat;
mod peer;
mod process;
mod witness;

pub use failure::{Failure, Result};
pub use lab::{
    FAR, FAR_NAT_INSIDE, FAR_NAT_OUTSIDE, GATEKEEPER, INSIDE, Lab, NAT_INSIDE, NAT_OUTSIDE,
    NEIGHBOUR, OUTSIDE, prerequisites, v6,
};
pub use namespace::{Namespace, sweep};
pub use nat::{Nat, UDP_TIMEOUT, Uninvited};
pub use peer::{Gatekeeper, Phone, PhoneOptions, Traversal, channel, pinhole};
pub use process::{Deadline, PATIENCE, Running};
pub use witness::{Frame, Witness, datagrams, multiplexed, tshark};
