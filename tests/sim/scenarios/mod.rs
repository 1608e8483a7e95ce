//! What must come true in the simulated world.

mod face;
mod nats;
mod streams;
mod wires;
