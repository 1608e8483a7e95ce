//! `[GkStatus::Auth]`.

use crate::section::section;
use crate::value::StatusRule;

section! {
    /// Who may use the status port.
    pub struct StatusAuth in "GkStatus::Auth" {
        /// How a client of the status port proves itself; Pinhole has no status port yet.
        rule: StatusRule as inert "rule" = StatusRule("forbid".to_owned());
    }
}
