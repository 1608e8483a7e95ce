//! The ASN.1 types of H.225.0, H.235, H.245 and H.460, and their octets.
//!
//! Types carry the names of the Recommendations: SEQUENCEs are structs with a field for each
//! component (`None` where OPTIONAL and absent; extension additions are always optional),
//! CHOICEs are enums whose variants are spelled as in the module. All have a `Default`, so that
//! `Type { field, ..Default::default() }` writes what matters; it is not always encodable.
//! What a newer peer adds is kept in `unknown_ext` and `UnknownAlternative`.
//!
//! Only the functions here decode and encode. What follows a value is ignored.

pub mod h225;
pub mod h235;
pub mod h245;
pub mod h46015;
pub mod h46018;
pub mod h46019;
pub mod h46024b;
pub mod h46026;
mod oid;
mod prelude;
mod screening;
mod text;

pub use oid::ObjectIdentifier;
pub use rasn::types::{BitString, FixedOctetString, Integer, OctetString};
pub use screening::ScreeningIndicator;
pub use text::{BmpString, GeneralString, Ia5String, NumericString, OpenType, PrintableString};

pub use crate::aper::{UnknownAlternative, UnknownExtensions};
use crate::error::Malformed;

/// A pair of functions for each type that stands alone on the wire.
macro_rules! codec {
    ($($(#[$doc:meta])* $decode:ident $encode:ident $type:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// If the octets are not such a value.
        pub fn $decode(octets: &[u8]) -> Result<$type, Malformed> {
            crate::aper::decode(octets)
        }

        $(#[$doc])*
        ///
        /// # Errors
        /// If a field is outside the bounds its type sets.
        pub fn $encode(value: &$type) -> Result<Vec<u8>, Malformed> {
            crate::aper::encode(value)
        }
    )*};
}

codec! {
    /// A name of a party (H.225.0 §7.2.2).
    decode_alias encode_alias h225::AliasAddress;
    /// The addresses for direct media (H.460.24 Annex B).
    decode_alternate_addresses encode_alternate_addresses h46024b::AlternateAddresses;
    /// A token, as it is hashed and encrypted (H.235.0).
    decode_clear_token encode_clear_token h235::ClearToken;
    /// A session key on its way (H.235.6 §8.6).
    decode_h235_key encode_h235_key h235::H235Key;
    /// One message of H.245.
    decode_h245 encode_h245 h245::MultimediaSystemControlMessage;
    /// A call waiting outside (H.460.18 §11).
    decode_incoming_call encode_incoming_call h46018::IncomingCallIndication;
    /// How often LRQs are to keep a hole open (H.460.18 §12).
    decode_lrq_keep_alive encode_lrq_keep_alive h46018::LRQKeepAliveData;
    /// A logical channel alone, as an element of fastStart (H.323 §8.1.7).
    decode_olc encode_olc h245::OpenLogicalChannel;
    /// One RAS message (H.225.0 §7.6).
    decode_ras encode_ras h225::RasMessage;
    /// Signalling channel suspension and redirection (H.460.15).
    decode_signalling_channel encode_signalling_channel h46015::SignallingChannelData;
    /// What H.460.19 adds to a logical channel.
    decode_traversal_parameters encode_traversal_parameters h46019::TraversalParameters;
    /// Media carried in the signalling connection (H.460.26).
    decode_udp_frame encode_udp_frame h46026::UDPFrame;
    /// The user-user information of a Q.931 message (H.225.0 §7.2.2.31).
    decode_uuie encode_uuie h225::H323UserInformation;
}
