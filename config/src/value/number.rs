//! Numbers, and spans of time.

use std::time::Duration;

use super::{Fault, Value, Wrong};

/// A plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(pub u32);

/// A span of time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u32);

/// A span of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milliseconds(pub u32);

impl Seconds {
    /// The span.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl Milliseconds {
    /// The span.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}

/// Digits only: a sign, a unit or a fraction is a fault.
fn digits(text: &str) -> Result<u32, Wrong> {
    if text.is_empty() {
        return Err(Fault::Empty.into());
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::NotNumber(text.to_owned()).into());
    }
    text.parse().map_err(|_| {
        let number = text.parse().unwrap_or(u64::MAX);
        Fault::OutOfRange { number, least: 0, most: u32::MAX }.into()
    })
}

macro_rules! number {
    ($type:ident, $syntax:literal) => {
        impl Value for $type {
            const SYNTAX: &'static str = $syntax;
            const BARE: bool = true;

            fn parse(text: &str) -> Result<Self, Wrong> {
                digits(text).map(Self)
            }

            fn render(&self) -> String {
                self.0.to_string()
            }

            fn number(&self) -> Option<u32> {
                Some(self.0)
            }

            fn from_number(number: u32) -> Option<Self> {
                Some(Self(number))
            }
        }
    };
}

number!(Number, "number");
number!(Seconds, "seconds");
number!(Milliseconds, "milliseconds");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_numbers() {
        assert_eq!(Number::parse("007"), Ok(Number(7)));
        assert_eq!(Number::parse("4294967295"), Ok(Number(u32::MAX)));
        for text in ["-1", "+1", "1.5", "60s", "0x10", "١"] {
            assert_eq!(Number::parse(text), Err(Fault::NotNumber(text.into()).into()), "{text}");
        }
        let huge = Fault::OutOfRange { number: 4_294_967_296, least: 0, most: u32::MAX };
        assert_eq!(Number::parse("4294967296"), Err(huge.into()));
    }

    #[test]
    fn spans_know_their_unit() {
        assert_eq!(Seconds(19).duration(), Milliseconds(19_000).duration());
    }
}
