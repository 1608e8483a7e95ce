//! The calls that the phone makes: one, or many at a rate.

use std::time::{Duration, Instant};

use super::Phone;
use super::call::Call;
use super::desk::{CallKey, Timer};
use super::options::Incoming;

/// Calls at a time; more are refused.
const MOST_CALLS: usize = 10_000;

/// With more calls at a time, audio is measured in samples.
const MANY: usize = 20;

/// How many calls were begun.
#[derive(Debug, Default)]
pub(super) struct Load {
    placed: u32,
    next: Option<Instant>,
    /// A call is due, and there are as many as there may be.
    waits: bool,
}

impl Phone {
    /// Begins to call as soon as that is possible.
    pub(super) fn begin_load(&mut self) {
        let wanted = self.desk.options.destination.is_some() && self.desk.options.calls > 0;
        if self.load.next.is_none() && wanted && self.registration.is_ready(&self.desk) {
            self.load.next = Some(self.desk.now);
            self.next_call();
        }
    }

    /// The next call is due.
    pub(super) fn next_call(&mut self) {
        let (Some(destination), Some(due)) =
            (self.desk.options.destination.clone(), self.load.next)
        else {
            return;
        };
        self.load.waits = self.calls.len() >= self.desk.options.at_once;
        if self.load.waits {
            return;
        }
        let key = self.next_key();
        let call = Call::place(&mut self.desk, key, destination);
        self.calls.insert(key, call);
        self.load.placed += 1;
        if self.load.placed < self.desk.options.calls {
            // What waited for others to end does not hurry after them.
            let late = self.desk.options.at_once < usize::MAX;
            let from = if late { due.max(self.desk.now) } else { due };
            let next = from + interval(self.desk.options.rate);
            self.load.next = Some(next);
            self.desk.timers.set(Timer::Load, next);
        }
    }

    /// A call is over: one that waits for that may begin.
    pub(super) fn call_over(&mut self) {
        if self.load.waits && !self.is_leaving() {
            self.next_call();
        }
    }

    /// True when all calls that were to be made are over and none is awaited.
    pub(super) fn is_done(&self) -> bool {
        let options = &self.desk.options;
        let placed = options.destination.is_none() || self.load.placed >= options.calls;
        placed && self.calls.is_empty() && options.incoming == Incoming::Refused
    }

    /// True when no further call can be taken.
    pub(super) fn is_full(&self) -> bool {
        self.calls.len() >= MOST_CALLS
    }

    /// A number for a call.
    pub(super) fn next_key(&mut self) -> CallKey {
        self.desk.is_busy = self.calls.len() > MANY;
        self.last_call = self.last_call.wrapping_add(1);
        CallKey(self.last_call)
    }
}

/// The time between calls at a rate per second.
fn interval(rate: f64) -> Duration {
    let seconds = if rate > 0.0 { 1.0 / rate } else { 1.0 };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1))
}
