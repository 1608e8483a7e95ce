//! Tags that tell the backend how to read the octets of types which rasn does not have.

use rasn::types::{Class, Tag};

const fn private(number: u32) -> Tag {
    Tag::new(Class::Private, 0x0f0f_0f00 + number)
}

/// The additions to a SEQUENCE that this version does not know.
pub(crate) const EXTENSIONS: Tag = private(0);
/// An alternative of a CHOICE that this version does not know.
pub(crate) const ALTERNATIVE: Tag = private(1);
/// An open type: a length and octets.
pub(crate) const OPEN: Tag = private(2);
/// OBJECT IDENTIFIER, as its contents octets.
pub(crate) const OBJECT_IDENTIFIER: Tag = private(3);
/// BMPString, two octets a character.
pub(crate) const BMP: Tag = private(4);
/// GeneralString.
pub(crate) const GENERAL: Tag = private(5);
/// IA5String, one octet a character.
pub(crate) const IA5: Tag = private(6);
/// NumericString, one octet a character.
pub(crate) const NUMERIC: Tag = private(7);
/// PrintableString, one octet a character.
pub(crate) const PRINTABLE: Tag = private(8);
/// An extensible ENUMERATED with four values in its root: ScreeningIndicator.
pub(crate) const ENUMERATED_4: Tag = private(9);
