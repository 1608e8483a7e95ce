//! What must come true in the simulated world.

mod calls;
mod face;
mod lab;
mod mutants;
mod nats;
mod release;
mod silence;
mod storms;
mod streams;
mod wires;
