//! `[Pinhole::Encryption]`, a section of our own: GnuGk's keys of `[RoutedMode]` speak of all calls alike.

use crate::section::section;
use crate::value::{Limit, Number, Protection, Seconds};

section! {
    /// Encryption of media (H.235.6), each leg of a call for itself. A rule is `off`, `preferred` (when the party of the leg
    /// can do it) or `required` (or there is no call), and, if so wished, the smallest Diffie-Hellman group in bits and
    /// the weakest cipher; what is weaker counts as no encryption. Where several speak of a leg, of
    /// that of its neighbor and that of the smallest network around it the stricter counts, and without them the one here; that
    /// of an alias adds to it, and lowers nothing that is required.
    pub struct Encryption in "Pinhole::Encryption" {
        /// The rule for legs of which no other speaks; empty: `preferred` with EnableH235HalfCallMedia, else `off`.
        default: Option<Protection> as "Default" = None;
        /// Two parties that both encrypt may agree between themselves, and what they say is checked where encryption is
        /// required. Otherwise each leg has an agreement of its own, and media is decrypted and encrypted in between.
        end_to_end: bool as "EndToEnd" = true;
        /// With EnableH235HalfCallMediaKeyUpdates: how long a key serves.
        key_interval: Seconds as "KeyUpdateInterval" = Seconds(3600) => Limit::Clamp(10, 86_400);
        /// With EnableH235HalfCallMediaKeyUpdates: for how many packets a key serves.
        key_packets: Number as "KeyUpdatePackets" = Number(16_777_216)
            => Limit::Within(1000, 1_000_000_000);
    }
}
