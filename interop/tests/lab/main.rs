//! Calls through a real NAT: run with `cargo test -p pinhole-interop --features lab`, as root.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod matrix;
mod obstacles;
mod silence;

use std::path::PathBuf;

use pinhole_interop::Lab;

/// A lab of its own for the test of this name.
fn lab(test: &str) -> Lab {
    Lab::new(folder(test)).unwrap()
}

/// What the lab of this test keeps.
fn folder(test: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lab").join(test)
}
