//! `section!`: a key, its type, its default and its meaning are declared once. The typed field, the default, the
//! unknown-key problem, the listing of values in force and the manual's table come from that line.

use crate::value::{Limit, Remark, Wrong};

/// What is declared of a key, but for its default, which [`Section::show`] of a default section has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: &'static str,
    /// The lines of its doc comment.
    pub(crate) doc: &'static [&'static str],
    /// What may be written.
    pub(crate) syntax: &'static str,
    /// Which numbers.
    pub(crate) limit: Limit,
    /// Whether a trailing comment is tolerated.
    pub(crate) bare: bool,
    /// Whether the value is read and checked, but has no effect in this version.
    pub(crate) inert: bool,
}

/// A section of typed keys.
pub(crate) trait Section {
    /// Its name.
    fn name(&self) -> &'static str;

    /// The lines of its doc comment.
    fn about(&self) -> &'static [&'static str];

    /// Its keys in the order of their declaration.
    fn keys(&self) -> &'static [Key];

    /// Sets a key, named as in [`Section::keys`], from what stands after its `=`.
    fn set(&mut self, key: &str, text: &str) -> Result<Option<Remark>, Wrong>;

    /// The values, in the order of the keys, as they would stand in a file.
    fn show(&self) -> Vec<String>;
}

/// Declares a section: `field: Type as "Key" = default => limit;`, with `as inert "Key"` for a key that is read
/// and checked, but has no effect yet.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $section:ident in $title:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty as $($inert:ident)? $key:literal = $default:expr
                    $(=> $limit:expr)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $section {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl Default for $section {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::section::Section for $section {
            fn name(&self) -> &'static str {
                $title
            }

            fn about(&self) -> &'static [&'static str] {
                &[$($about),+]
            }

            fn keys(&self) -> &'static [$crate::section::Key] {
                &[$($crate::section::Key {
                    name: $key,
                    doc: &[$($doc),+],
                    syntax: <$type as $crate::value::Value>::SYNTAX,
                    limit: $crate::section::limit!($($limit)?),
                    bare: <$type as $crate::value::Value>::BARE,
                    inert: $crate::section::inert!($($inert)?),
                }),+]
            }

            fn set(
                &mut self,
                key: &str,
                text: &str,
            ) -> Result<Option<$crate::value::Remark>, $crate::value::Wrong> {
                $(if key == $key {
                    let value = <$type as $crate::value::Value>::parse(text)?;
                    let (value, clamped) = $crate::section::limit!($($limit)?).apply(value)?;
                    self.$field = value;
                    return Ok(clamped.or_else(|| $crate::value::Value::remark(&self.$field)));
                })+
                Ok(None)
            }

            fn show(&self) -> Vec<String> {
                vec![$($crate::value::Value::render(&self.$field)),+]
            }
        }
    };
}

macro_rules! limit {
    () => {
        $crate::value::Limit::Any
    };
    ($limit:expr) => {
        $limit
    };
}

macro_rules! inert {
    () => {
        false
    };
    (inert) => {
        true
    };
}

pub(crate) use {inert, limit, section};
