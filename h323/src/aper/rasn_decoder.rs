//! rasn's `Decoder` trait, on top of [`AperDecoder`].

use rasn::types::{
    Any, BitString, BmpString, Constraints, Constructed, Date, DecodeChoice, Enumerated,
    GeneralString, GeneralizedTime, GraphicString, Ia5String, IntegerType, NumericString,
    ObjectIdentifier, PrintableString, RealType, SetOf, Tag, TeletexString, UtcTime, Utf8String,
    VisibleString,
};
use rasn::{Codec, Decode, Decoder};

use super::bits::width;
use super::constraint::NUMERIC;
use super::decode::{AperDecoder, Fault, Sequence};
use super::tag;
use crate::error::Malformed;

type Decoded<T> = Result<T, Fault>;

/// Last identifier of a CHOICE that keeps alternatives it does not know.
pub(super) const UNKNOWN_ALTERNATIVE: &str = "unknown-alternative";

impl AperDecoder<'_> {
    fn octets_by_tag(&mut self, tag: Tag, constraints: &Constraints) -> Result<Vec<u8>, Malformed> {
        match tag {
            tag::EXTENSIONS | tag::ALTERNATIVE => Ok(std::mem::take(&mut self.extra)),
            tag::OPEN | tag::OBJECT_IDENTIFIER | tag::GENERAL => {
                let octets = self.open_type()?.into_owned();
                self.limits.charge(octets.len())?;
                Ok(octets)
            }
            tag::BMP => self.string(constraints, 16, None),
            tag::IA5 | tag::PRINTABLE => self.string(constraints, 8, None),
            tag::NUMERIC => self.string(constraints, 8, Some(NUMERIC)),
            tag::ENUMERATED_4 => self.enumerated_4(),
            _ => self.octet_string(constraints),
        }
    }

    /// Presence of the next OPTIONAL field of the root.
    fn present(&mut self) -> bool {
        match self.sequence.optional_left.checked_sub(1) {
            Some(left) => {
                self.sequence.optional_left = left;
                self.sequence.optional >> left & 1 == 1
            }
            None => false,
        }
    }

    fn optional<D: Decode>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Decoded<D>,
    ) -> Decoded<Option<D>> {
        if self.present() { read(self).map(Some) } else { Ok(None) }
    }

    /// An alternative after the extension marker, an open type (X.691 §23.8).
    fn extension_alternative<D: DecodeChoice>(&mut self) -> Decoded<D> {
        let index = self.extension_index();
        let index = self.note(index)?;
        let variants = D::EXTENDED_VARIANTS.unwrap_or_default();
        let keeps = D::IDENTIFIERS.last() == Some(&UNKNOWN_ALTERNATIVE);
        let known = variants.len() - usize::from(keeps);
        if let Some(variant) = variants.get(..known).unwrap_or_default().get(usize::from(index)) {
            let tag = variant.smallest_tag();
            return self.within(|inner| D::from_tag(inner, tag)).map(|(value, _)| value);
        }
        let Some(unknown) = variants.last().filter(|_| keeps) else {
            return self.fail(Malformed::Choice);
        };
        let contents = self.open_type();
        let contents = self.note(contents)?;
        let charged = self.limits.charge(contents.len());
        self.note(charged)?;
        self.extra = index.to_be_bytes().into_iter().chain(contents.iter().copied()).collect();
        D::from_tag(self, unknown.smallest_tag())
    }
}

/// Types that no H.323 module has.
macro_rules! absent {
    ($($name:ident$(<$generic:ident: $bound:path>)?($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $name$(<$generic: $bound>)?(&mut self, $(_: $argument),*) -> Decoded<$result> {
            self.fail(Malformed::Choice)
        })*
    };
}

impl Decoder for AperDecoder<'_> {
    type Ok = ();
    type Error = Fault;
    type AnyDecoder<const R: usize, const E: usize> = Self;

    fn codec(&self) -> Codec {
        Codec::Aper
    }

    fn decode_bit_string(&mut self, _: Tag, constraints: &Constraints) -> Decoded<BitString> {
        let read = self.bit_string(constraints);
        let (octets, length) = self.note(read)?;
        let mut bits = BitString::from_vec(octets);
        bits.truncate(length);
        Ok(bits)
    }

    fn decode_bool(&mut self, _: Tag) -> Decoded<bool> {
        let bit = self.reader.bit();
        self.note(bit)
    }

    fn decode_integer<I: IntegerType>(&mut self, _: Tag, constraints: &Constraints) -> Decoded<I> {
        let integer = self.integer(constraints);
        self.note(integer)
    }

    fn decode_null(&mut self, _: Tag) -> Decoded<()> {
        Ok(())
    }

    fn decode_octet_string<'b, T>(&'b mut self, tag: Tag, constraints: &Constraints) -> Decoded<T>
    where
        T: From<&'b [u8]> + From<Vec<u8>>,
    {
        let octets = self.octets_by_tag(tag, constraints);
        self.note(octets).map(T::from)
    }

    fn decode_sequence<const R: usize, const E: usize, D, DF, F>(
        &mut self,
        _: Tag,
        _: Option<DF>,
        decode_fn: F,
    ) -> Decoded<D>
    where
        D: Constructed<R, E>,
        DF: FnOnce() -> D,
        F: FnOnce(&mut Self) -> Decoded<D>,
    {
        let optional = const {
            let count = D::FIELDS.number_of_optional_and_default_fields();
            assert!(count <= 64);
            count as u32
        };
        self.nested(|decoder| {
            let read = decoder.sequence_header(D::IS_EXTENSIBLE || E > 0, optional, size_of::<D>());
            decoder.sequence = decoder.note(read)?;
            decode_fn(decoder)
        })
    }

    fn decode_sequence_of<D: Decode>(
        &mut self,
        _: Tag,
        constraints: &Constraints,
    ) -> Decoded<Vec<D>> {
        self.nested(|decoder| {
            let bounds = decoder.bounds(constraints);
            let bounds = decoder.note(bounds)?;
            let mut list: Vec<D> = Vec::new();
            let mut inner_fault = None;
            let read = decoder.items(
                bounds,
                |_, _| false,
                |decoder, count| {
                    // Twice, for a vector grows by doubling.
                    decoder.limits.charge(count.saturating_mul(2 * size_of::<D>().max(1)))?;
                    for _ in 0..count {
                        match D::decode(decoder) {
                            Ok(element) => list.push(element),
                            Err(fault) => {
                                inner_fault = Some(fault);
                                return Err(decoder.fault);
                            }
                        }
                    }
                    Ok(())
                },
            );
            match (read, inner_fault) {
                (Ok(()), _) => Ok(list),
                (Err(_), Some(fault)) => Err(fault),
                (Err(why), None) => decoder.fail(why),
            }
        })
    }

    fn decode_choice<D: DecodeChoice>(&mut self, constraints: &Constraints) -> Decoded<D> {
        self.nested(|decoder| {
            let charged = decoder.limits.charge(size_of::<D>());
            decoder.note(charged)?;
            if constraints.extensible() {
                let extension = decoder.reader.bit();
                if decoder.note(extension)? {
                    return decoder.extension_alternative();
                }
            }
            let index = decoder.reader.bits(width(D::VARIANTS.len() as u64));
            let index = decoder.note(index)? as usize;
            match D::VARIANTS.get(index) {
                Some(variant) => D::from_tag(decoder, variant.smallest_tag()),
                None => decoder.fail(Malformed::Choice),
            }
        })
    }

    fn decode_explicit_prefix<D: Decode>(&mut self, tag: Tag) -> Decoded<D> {
        if D::IS_CHOICE { D::decode(self) } else { D::decode_with_tag(self, tag) }
    }

    fn decode_optional_with_explicit_prefix<D: Decode>(&mut self, tag: Tag) -> Decoded<Option<D>> {
        self.decode_optional_with_tag(tag)
    }

    fn decode_optional<D: Decode>(&mut self) -> Decoded<Option<D>> {
        self.optional(D::decode)
    }

    fn decode_optional_with_tag<D: Decode>(&mut self, tag: Tag) -> Decoded<Option<D>> {
        self.optional(|decoder| D::decode_with_tag(decoder, tag))
    }

    fn decode_optional_with_constraints<D: Decode>(
        &mut self,
        constraints: &Constraints,
    ) -> Decoded<Option<D>> {
        self.optional(|decoder| D::decode_with_constraints(decoder, constraints))
    }

    fn decode_optional_with_tag_and_constraints<D: Decode>(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
    ) -> Decoded<Option<D>> {
        self.optional(|decoder| D::decode_with_tag_and_constraints(decoder, tag, constraints))
    }

    fn decode_extension_addition_with_explicit_tag_and_constraints<D: Decode>(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
    ) -> Decoded<Option<D>> {
        self.decode_extension_addition_with_tag_and_constraints(tag, constraints)
    }

    fn decode_extension_addition_with_tag_and_constraints<D: Decode>(
        &mut self,
        _: Tag,
        constraints: &Constraints,
    ) -> Decoded<Option<D>> {
        if D::TAG == tag::EXTENSIONS {
            let unknown = self.unknown();
            let Some(unknown) = self.note(unknown)? else { return Ok(None) };
            self.extra = unknown.to_octets();
            return D::decode(self).map(Some);
        }
        let present = self.next_addition();
        if !self.note(present)? {
            return Ok(None);
        }
        let (value, rest) = self.within(|inner| D::decode_with_constraints(inner, constraints))?;
        if let Some(additions) = self.sequence.additions.filter(|_| !rest.is_empty()) {
            self.sequence.trailing.push((additions.next - 1, rest));
        }
        Ok(Some(value))
    }

    fn decode_extension_addition_group<
        const R: usize,
        const E: usize,
        D: Decode + Constructed<R, E>,
    >(
        &mut self,
    ) -> Decoded<Option<D>> {
        self.fail(Malformed::Choice)
    }

    fn decode_set<const R: usize, const E: usize, FI, SET, D, F>(
        &mut self,
        _: Tag,
        _: D,
        _: F,
    ) -> Decoded<SET>
    where
        SET: Decode + Constructed<R, E>,
        FI: Decode,
        D: Fn(&mut Self, usize, Tag) -> Decoded<FI>,
        F: FnOnce(Vec<FI>) -> Decoded<SET>,
    {
        self.fail(Malformed::Choice)
    }

    fn decode_set_of<D: Decode + Eq + std::hash::Hash>(
        &mut self,
        _: Tag,
        _: &Constraints,
    ) -> Decoded<SetOf<D>> {
        self.fail(Malformed::Choice)
    }

    absent! {
        decode_any(Tag) -> Any;
        decode_bmp_string(Tag, &Constraints) -> BmpString;
        decode_date(Tag) -> Date;
        decode_enumerated<E: Enumerated>(Tag) -> E;
        decode_general_string(Tag, &Constraints) -> GeneralString;
        decode_generalized_time(Tag) -> GeneralizedTime;
        decode_graphic_string(Tag, &Constraints) -> GraphicString;
        decode_ia5_string(Tag, &Constraints) -> Ia5String;
        decode_numeric_string(Tag, &Constraints) -> NumericString;
        decode_object_identifier(Tag) -> ObjectIdentifier;
        decode_printable_string(Tag, &Constraints) -> PrintableString;
        decode_real<R: RealType>(Tag, &Constraints) -> R;
        decode_teletex_string(Tag, &Constraints) -> TeletexString;
        decode_utc_time(Tag) -> UtcTime;
        decode_utf8_string(Tag, &Constraints) -> Utf8String;
        decode_visible_string(Tag, &Constraints) -> VisibleString;
    }
}

impl AperDecoder<'_> {
    /// The extension bit and the presence of OPTIONAL fields (X.691 §19.1-3). `size`: what the
    /// value takes in memory.
    fn sequence_header(
        &mut self,
        extensible: bool,
        optional: u32,
        size: usize,
    ) -> Result<Sequence, Malformed> {
        self.limits.charge(size)?;
        let extended = extensible && self.reader.bit()?;
        let bits = self.reader.bits(optional)?;
        Ok(Sequence { optional: bits, optional_left: optional, extended, ..Sequence::default() })
    }
}
