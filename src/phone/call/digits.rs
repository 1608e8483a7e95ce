//! The digits that the operator wants sent, one after the other.

use std::time::Duration;

use super::{Call, Stage};
use crate::event::Event;
use crate::phone::desk::{CallTimer, Desk};

/// From Connect to the first digit.
const FIRST: Duration = Duration::from_secs(1);

/// From digit to digit.
const NEXT: Duration = Duration::from_millis(250);

impl Call {
    /// The call is answered.
    pub(super) fn begin_digits(&self, desk: &mut Desk) {
        if !desk.options.digits.is_empty() {
            desk.after(self.timer(CallTimer::Digit), FIRST);
        }
    }

    /// The next digit is due.
    pub(super) fn digit_due(&mut self, desk: &mut Desk) {
        let Some(digit) = desk.options.digits.chars().nth(self.digits_sent) else { return };
        let control = self.control.as_ref().filter(|_| self.stage == Stage::Talking);
        // Without H.245 there is nobody to tell yet.
        if let Some(effect) = control.filter(|c| c.is_open()).and_then(|c| c.digit(digit)) {
            self.digits_sent += 1;
            self.apply(desk, vec![effect]);
            self.flush(desk);
            self.user_input(desk, "transmit", digit.to_string());
        }
        desk.after(self.timer(CallTimer::Digit), NEXT);
    }

    /// Tells of digits.
    pub(super) fn user_input(&self, desk: &mut Desk, direction: &'static str, digits: String) {
        let callid = self.name.id.to_string();
        desk.tell(Event::UserInput { callid, direction, digits });
    }
}
