//! What the generated modules need in scope.

pub(super) use rasn::types::{BitString, FixedOctetString, Integer, OctetString};
pub(super) use rasn::{AsnType, Decode, Decoder, Encode, Encoder};

pub(super) use super::oid::ObjectIdentifier;
pub(super) use super::screening::ScreeningIndicator;
pub(super) use super::text::{
    BmpString, GeneralString, Ia5String, NumericString, OpenType, PrintableString,
};
pub(super) use crate::aper::{UnknownAlternative, UnknownExtensions};
