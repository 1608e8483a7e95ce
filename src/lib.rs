//! Pinhole: NAT-traversal and encryption edge proxy for H.323.

#![forbid(unsafe_code)]

mod call;
mod control;
pub mod decode;
pub mod event;
pub mod face;
pub mod firewall;
pub mod media;
pub mod net;
pub mod node;
pub mod phone;
mod ras;
pub mod security;
pub mod zone;
