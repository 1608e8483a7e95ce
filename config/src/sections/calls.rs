//! `[CallTable]`.

use crate::section::section;
use crate::value::{Capabilities, Seconds};

section! {
    /// How long calls last, and what is kept out of them.
    pub struct CallTable in "CallTable" {
        /// How long a call may last once it is answered; 0: for ever.
        duration_limit: Seconds as "DefaultCallDurationLimit" = Seconds(0);
        /// How long a call may last until it is answered, whatever the other limits say; 0: as they say.
        unanswered_limit: Seconds as "DefaultCallTimeout" = Seconds(0);
        /// Capabilities that no party is told of (H.245), such as `g711Alaw64k;h263VideoCapability`, and channels that are
        /// rejected: names of codecs, or of whole kinds, such as `receiveVideoCapability`. Only where H.245 goes through the
        /// gatekeeper.
        disabled: Capabilities as "DisabledCodecs" = Capabilities::default();
    }
}
