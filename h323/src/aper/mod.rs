//! Aligned PER (X.691, basic-PER, aligned variant) behind rasn's `Decoder` and `Encoder` traits.
//!
//! rasn's own codec drops additions to a SEQUENCE that it does not know, and rejects a message for
//! one alternative that it does not know. A proxy must hand on what it does not understand, so this
//! backend keeps both, and the length of the extension bitmap that tells a peer's version:
//!
//! * every extensible SEQUENCE ends in a field `unknown_ext` ([`UnknownExtensions`]),
//! * every extensible CHOICE ends in an alternative `UnknownAlternative` ([`UnknownAlternative`]).
//!
//! rasn's derives know nothing of these: the types travel through
//! `decode_octet_string`/`encode_octet_string` under tags of their own (see [`tag`]), as do the
//! types whose octets rasn's would not keep (character strings, object identifiers, open types).
//!
//! The peer decides about every octet, so decoding is bounded: in depth, and in memory by a
//! multiple of the octets received ([`limits`]). One instance of the codec serves all types
//! (`AnyDecoder = Self`), and only concrete functions leave this crate: rasn's generics are
//! expensive to compile.
//!
//! Not here because H.323 has none of them: SET, REAL, DEFAULT, extension addition groups, times.

mod bits;
mod constraint;
mod decode;
mod encode;
mod extension;
pub(crate) mod limits;
mod rasn_decoder;
mod rasn_encoder;
pub(crate) mod tag;

pub use extension::{UnknownAlternative, UnknownExtensions};

pub(crate) use decode::decode;
pub(crate) use encode::encode;
