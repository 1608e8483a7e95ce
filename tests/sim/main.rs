//! Whole agents in a simulated world: network, NATs and time are simulated, the agents are the real ones.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../hostile/mod.rs"]
mod hostile;
mod random;
mod scenarios;
mod world;
