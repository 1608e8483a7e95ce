//! The clock: the one place where time is read. Everywhere else time is an argument.

use std::time::Instant;

/// The present.
#[expect(clippy::disallowed_methods, reason = "this is where time enters the program")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}
