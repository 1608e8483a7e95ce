//! Phones in a world without distance: bytes arrive at once, time jumps from deadline to deadline.

mod direct;
mod fast;
mod host;
mod hostile;
mod keeper;
mod peer;
mod pictures;
mod registered;
