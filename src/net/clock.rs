//! The clock: the one place where time is read. Everywhere else time is an argument.

use std::time::Instant;

/// The present.
#[expect(clippy::disallowed_methods, reason = "this is where time enters the program")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// The time since 1970, which goes into time stamps that others read. Nothing is timed by it: it can be set.
#[expect(clippy::disallowed_methods, reason = "this is where time enters the program")]
#[must_use]
pub fn since_1970() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}
