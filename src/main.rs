//! The `pinhole` command.

fn main() {}
