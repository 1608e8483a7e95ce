//! The `gatekeeper.ini` dialect, typed. Has no behaviour of its own.
