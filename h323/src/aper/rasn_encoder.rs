//! rasn's `Encoder` trait, on top of [`AperEncoder`].

use rasn::error::EncodeError;
use rasn::types::{
    Any, BitStr, BmpString, Choice, Constraints, Constructed, Date, Enumerated, GeneralString,
    GeneralizedTime, GraphicString, Ia5String, Identifier, IntegerType, NumericString,
    PrintableString, RealType, SetOf, Tag, TeletexString, UtcTime, VisibleString,
};
use rasn::{Codec, Encode, Encoder};

use super::bits::width;
use super::constraint::NUMERIC;
use super::encode::{AperEncoder, Fault, Sequence};
use super::extension::UnknownExtensions;
use super::tag;
use crate::error::Malformed;

type Encoded = Result<(), Fault>;

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl rasn::enc::Error for Fault {
    fn custom<D: std::fmt::Display>(_: D, _: Codec) -> Self {
        Self(Malformed::Constraint)
    }
}

impl From<EncodeError> for Fault {
    fn from(_: EncodeError) -> Self {
        Self(Malformed::Constraint)
    }
}

impl From<Fault> for EncodeError {
    fn from(Fault(why): Fault) -> Self {
        <Self as rasn::enc::Error>::custom(why, Codec::Aper)
    }
}

/// Types that no H.323 module has.
macro_rules! absent {
    ($($name:ident$(<$generic:ident: $bound:path>)?($($argument:ty),*);)*) => {
        $(fn $name$(<$generic: $bound>)?(
            &mut self,
            _: Tag,
            $(_: $argument,)*
            _: Identifier,
        ) -> Encoded {
            Err(Fault(Malformed::Choice))
        })*
    };
}

impl<'e> Encoder<'e> for AperEncoder {
    type Ok = ();
    type Error = Fault;
    type AnyEncoder<'o, const R: usize, const E: usize> = Self;

    fn codec(&self) -> Codec {
        Codec::Aper
    }

    fn encode_bool(&mut self, _: Tag, value: bool, _: Identifier) -> Encoded {
        self.writer.bit(value);
        Ok(())
    }

    fn encode_bit_string(
        &mut self,
        _: Tag,
        constraints: &Constraints,
        value: &BitStr,
        _: Identifier,
    ) -> Encoded {
        let mut bits = value.to_bitvec();
        bits.force_align();
        Ok(self.bit_string(constraints, bits.as_raw_slice(), value.len())?)
    }

    fn encode_integer<I: IntegerType>(
        &mut self,
        _: Tag,
        constraints: &Constraints,
        value: &I,
        _: Identifier,
    ) -> Encoded {
        Ok(self.integer(constraints, value)?)
    }

    fn encode_null(&mut self, _: Tag, _: Identifier) -> Encoded {
        Ok(())
    }

    fn encode_octet_string(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
        value: &[u8],
        _: Identifier,
    ) -> Encoded {
        match tag {
            tag::EXTENSIONS | tag::ALTERNATIVE => self.extra = Some(value.to_vec()),
            tag::OPEN | tag::OBJECT_IDENTIFIER | tag::GENERAL => self.open_type(value)?,
            tag::BMP => self.string(constraints, 16, None, value)?,
            tag::IA5 | tag::PRINTABLE => self.string(constraints, 8, None, value)?,
            tag::NUMERIC => self.string(constraints, 8, Some(NUMERIC), value)?,
            tag::ENUMERATED_4 => self.enumerated_4(value)?,
            _ => self.octet_string(constraints, value)?,
        }
        Ok(())
    }

    fn encode_explicit_prefix<V: Encode>(&mut self, tag: Tag, value: &V, _: Identifier) -> Encoded {
        if V::IS_CHOICE { value.encode(self) } else { value.encode_with_tag(self, tag) }
    }

    fn encode_sequence<'b, const R: usize, const E: usize, C, F>(
        &'b mut self,
        _: Tag,
        encoder_scope: F,
        _: Identifier,
    ) -> Encoded
    where
        C: Constructed<R, E>,
        F: FnOnce(&mut Self::AnyEncoder<'b, R, E>) -> Encoded,
    {
        let optional_left = C::FIELDS.number_of_optional_and_default_fields();
        let extensible = C::IS_EXTENSIBLE || E > 0;
        let extension_bit = self.writer.position();
        if extensible {
            self.writer.bit(false);
        }
        let optional = self.writer.position();
        for _ in 0..optional_left {
            self.writer.bit(false);
        }
        let state = Sequence { optional, optional_left, ..Sequence::default() };
        let state = self.nested(state, encoder_scope)?;
        if extensible {
            self.additions(extension_bit, state)?;
        }
        Ok(())
    }

    fn encode_sequence_of<E: Encode>(
        &mut self,
        _: Tag,
        value: &[E],
        constraints: &Constraints,
        _: Identifier,
    ) -> Encoded {
        self.nested(Sequence::default(), |encoder| {
            let bounds = encoder.bounds(constraints, value.len());
            encoder.items(
                bounds,
                value.len(),
                |_, _| false,
                |encoder, part| {
                    for element in value.get(part).unwrap_or_default() {
                        element.encode(encoder).map_err(|fault| fault.0)?;
                    }
                    Ok(())
                },
            )?;
            Ok(())
        })?;
        Ok(())
    }

    fn encode_some<E: Encode>(&mut self, value: &E, _: Identifier) -> Encoded {
        self.present(true);
        value.encode(self)
    }

    fn encode_some_with_tag<E: Encode>(&mut self, tag: Tag, value: &E, _: Identifier) -> Encoded {
        self.present(true);
        value.encode_with_tag(self, tag)
    }

    fn encode_some_with_tag_and_constraints<E: Encode>(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
        value: &E,
        identifier: Identifier,
    ) -> Encoded {
        self.present(true);
        value.encode_with_tag_and_constraints(self, tag, constraints, identifier)
    }

    fn encode_none<E: Encode>(&mut self, _: Identifier) -> Encoded {
        self.present(false);
        Ok(())
    }

    fn encode_none_with_tag(&mut self, _: Tag, _: Identifier) -> Encoded {
        self.present(false);
        Ok(())
    }

    fn encode_choice<E: Encode + Choice>(
        &mut self,
        constraints: &Constraints,
        tag: Tag,
        encode_fn: impl FnOnce(&mut Self) -> Result<Tag, Fault>,
        _: Identifier,
    ) -> Encoded {
        if let Some(index) = E::VARIANTS.iter().position(|tree| tree.smallest_tag() == tag) {
            if constraints.extensible() {
                self.writer.bit(false);
            }
            self.writer.bits(index as u64, width(E::VARIANTS.len() as u64));
            return self.nested(Sequence::default(), |e| encode_fn(e).map(drop)).map(drop);
        }
        let variants = E::EXTENDED_VARIANTS.unwrap_or_default();
        let index = variants.iter().position(|tree| tree.smallest_tag() == tag);
        let index = index.and_then(|index| u16::try_from(index).ok()).ok_or(Malformed::Choice)?;
        let mut inner = Self::default();
        encode_fn(&mut inner)?;
        self.writer.bit(true);
        let extra = inner.extra.take();
        match extra.as_deref().and_then(<[u8]>::split_first_chunk) {
            Some((index, contents)) => {
                self.small(u16::from_be_bytes(*index));
                self.open_type(contents)?;
            }
            None => {
                self.small(index);
                self.open_type(&inner.writer.finish())?;
            }
        }
        Ok(())
    }

    fn encode_extension_addition<E: Encode>(
        &mut self,
        tag: Tag,
        constraints: &Constraints,
        value: E,
        identifier: Identifier,
    ) -> Encoded {
        let mut inner = Self::default();
        let present = value.is_present();
        if present {
            value.encode_with_tag_and_constraints(&mut inner, tag, constraints, identifier)?;
        }
        if E::TAG == tag::EXTENSIONS {
            let octets = inner.extra.take();
            self.sequence.unknown = octets.as_deref().and_then(UnknownExtensions::from_octets);
        } else {
            self.sequence.additions.push(present.then(|| inner.writer.finish()));
        }
        Ok(())
    }

    fn encode_extension_addition_group<const R: usize, const E: usize, T>(
        &mut self,
        _: Option<&T>,
        _: Identifier,
    ) -> Encoded
    where
        T: Encode + Constructed<R, E>,
    {
        Err(Fault(Malformed::Choice))
    }

    fn encode_set<'b, const R: usize, const E: usize, C, F>(
        &'b mut self,
        _: Tag,
        _: F,
        _: Identifier,
    ) -> Encoded
    where
        C: Constructed<R, E>,
        F: FnOnce(&mut Self::AnyEncoder<'b, R, E>) -> Encoded,
    {
        Err(Fault(Malformed::Choice))
    }

    fn encode_set_of<E: Encode + Eq + std::hash::Hash>(
        &mut self,
        _: Tag,
        _: &SetOf<E>,
        _: &Constraints,
        _: Identifier,
    ) -> Encoded {
        Err(Fault(Malformed::Choice))
    }

    absent! {
        encode_any(&Any);
        encode_bmp_string(&Constraints, &BmpString);
        encode_date(&Date);
        encode_enumerated<E: Enumerated>(&E);
        encode_general_string(&Constraints, &GeneralString);
        encode_generalized_time(&GeneralizedTime);
        encode_graphic_string(&Constraints, &GraphicString);
        encode_ia5_string(&Constraints, &Ia5String);
        encode_numeric_string(&Constraints, &NumericString);
        encode_object_identifier(&[u32]);
        encode_printable_string(&Constraints, &PrintableString);
        encode_real<R: RealType>(&Constraints, &R);
        encode_teletex_string(&Constraints, &TeletexString);
        encode_utc_time(&UtcTime);
        encode_utf8_string(&Constraints, &str);
        encode_visible_string(&Constraints, &VisibleString);
    }
}
