//! `[CallTable]`.

use crate::section::section;
use crate::value::Seconds;

section! {
    /// How long calls last.
    pub struct CallTable in "CallTable" {
        /// How long a call may last once it is answered; 0: for ever.
        duration_limit: Seconds as "DefaultCallDurationLimit" = Seconds(0);
        /// How long a call may last until it is answered, whatever the other limits say; 0: as they say.
        unanswered_limit: Seconds as "DefaultCallTimeout" = Seconds(0);
    }
}
