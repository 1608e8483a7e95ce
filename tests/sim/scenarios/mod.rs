//! What must come true in the simulated world.

mod face;
mod mutants;
mod nats;
mod streams;
mod wires;
