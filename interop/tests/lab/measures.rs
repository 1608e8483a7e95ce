//! What the tests have in common: tones, times and what a busy machine may add to them.

use std::time::Duration;

/// What the inside phone plays, in hertz.
pub(crate) const INSIDE_TONE: u32 = 440;
/// What the outside phone plays, in hertz.
pub(crate) const OUTSIDE_TONE: u32 = 620;
/// How long the caller holds the line, in seconds.
pub(crate) const HOLD: &str = "6";
/// Packets of G.711 audio a second.
pub(crate) const RATE: f64 = 50.0;
/// The time between keepalives where faults are looked at, in seconds.
pub(crate) const INTERVAL_S: u64 = 5;
/// What a busy machine may add to a time.
pub(crate) const LATENESS: Duration = Duration::from_secs(3);
/// How long media may be away: the old port has to be silent for a second, and a few packets have to prove the new one.
pub(crate) const AWAY: Duration = Duration::from_millis(1300);
