//! Calls through a real NAT: run with `cargo test -p pinhole-interop --features lab`, as root.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod faults;
mod matrix;
mod measures;
mod obstacles;
mod rebinding;
mod seats;
mod secure;
mod silence;
mod zone;

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};

use pinhole_interop::Lab;

/// A lab of its own for the test of this name.
fn lab(test: &str) -> Lab {
    Lab::new(folder(test)).unwrap()
}

/// What the lab of this test keeps.
fn folder(test: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lab").join(test)
}

/// How many tests may have dozens of phones talk at a time. What they measure is Pinhole, not how many processes a machine can
/// run besides; the tests that have two phones, or only wait, go on beside them.
const BUSY: usize = 3;

static TALKING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// The right to have dozens of phones talk, until it is dropped.
struct Turn(());

/// Waits for a turn to have dozens of phones talk.
fn busy() -> Turn {
    let (talking, changed) = &TALKING;
    let talking = talking.lock().unwrap_or_else(PoisonError::into_inner);
    // A test that has failed has given its turn back, whatever else it left.
    let free = changed.wait_while(talking, |talking| *talking >= BUSY);
    *free.unwrap_or_else(PoisonError::into_inner) += 1;
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (talking, changed) = &TALKING;
        *talking.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        changed.notify_one();
    }
}
