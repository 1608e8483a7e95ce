//! The values of the dialect, each a type: parse, don't validate. Nothing here knows a section or a key.

mod call;
mod capacity;
mod endpoint;
mod fault;
mod filter;
mod gatekeepers;
mod net;
mod number;
mod party;
mod protection;
mod route;
mod text;

pub use call::{
    CallsTo, Causes, ControlKeepAlive, DecodingError, Medium, Routing, Routings,
    SignallingKeepAlive,
};
pub use capacity::{PrefixCapacities, PrefixCapacity};
pub use endpoint::{AliasText, GatewayPrefix, GatewayPrefixes, Permanent, SignalAddress};
pub use fault::{Fault, Remark};
pub use filter::{AliasFilter, AliasKind, AliasRule, EndpointKind};
pub use gatekeepers::{Alternate, Alternates, Redirect};
pub use net::{External, IpList, MulticastGroup, NetList, Port, PortRange, Routes};
pub use number::{Milliseconds, Number, Seconds};
pub use party::{Capabilities, CauseMap, Numbers, Relay};
pub use protection::{Networks, Protection, Wish};
pub use route::{
    Aliases, Area, Destinations, Forward, Host, Hosts, Name, Prefixes, Secret, StunServer,
};
pub use text::{
    Domains, FilePath, FilePaths, GatekeeperId, Letters, Link, StatusRule, Suffix, VendorText,
};

/// A type of values.
pub trait Value: Sized {
    /// What may be written, for the manual's table.
    const SYNTAX: &'static str;

    /// Whether ` #…`, ` ;…` or ` //…` after the value is tolerated: only where no value can contain it.
    const BARE: bool = false;

    /// Reads what stands after the `=`, trimmed.
    ///
    /// # Errors
    /// What is wrong, and how many characters into the text.
    fn parse(text: &str) -> Result<Self, Wrong>;

    /// How it would stand in a file.
    fn render(&self) -> String;

    /// The number that a [`Limit`] is about, if it is one.
    fn number(&self) -> Option<u32> {
        None
    }

    /// The value of a number, for a [`Limit`] that changes it.
    fn from_number(_number: u32) -> Option<Self> {
        None
    }

    /// Something that the author of this valid value ought to know.
    fn remark(&self) -> Option<Remark> {
        None
    }
}

/// A fault, and where in the value it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Characters from the beginning of the value.
    pub at: usize,
    /// What is wrong.
    pub fault: Fault,
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self { at: 0, fault }
    }
}

/// The numbers that a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Any that the type has.
    Any,
    /// Others are faults.
    Within(u32, u32),
    /// Smaller and larger ones count as the nearest of these, as with GnuGk.
    Clamp(u32, u32),
}

impl Limit {
    /// Applies the limit to a value.
    ///
    /// # Errors
    /// [`Fault::OutOfRange`].
    pub fn apply<T: Value>(self, value: T) -> Result<(T, Option<Remark>), Wrong> {
        let Some(number) = value.number() else { return Ok((value, None)) };
        match self {
            Self::Within(least, most) if !(least..=most).contains(&number) => {
                Err(Fault::OutOfRange { number: number.into(), least, most }.into())
            }
            Self::Clamp(least, most) if !(least..=most).contains(&number) => {
                let nearest = number.clamp(least, most);
                let value = T::from_number(nearest).unwrap_or(value);
                Ok((value, Some(Remark::Clamped { number, nearest, least, most })))
            }
            Self::Any | Self::Within(..) | Self::Clamp(..) => Ok((value, None)),
        }
    }

    /// For the manual's table: ` (1 to 200)`.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::Within(least, most) | Self::Clamp(least, most) => {
                format!(" ({least} to {most})")
            }
        }
    }
}

/// A key that may be unset: nothing written, or `-1` where the value is a number, means none.
impl<T: Value> Value for Option<T> {
    const SYNTAX: &'static str = T::SYNTAX;
    const BARE: bool = T::BARE;

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "" => Ok(None),
            "-1" if T::from_number(1).is_some() => Ok(None),
            _ => T::parse(text).map(Some),
        }
    }

    fn render(&self) -> String {
        self.as_ref().map(T::render).unwrap_or_default()
    }

    fn number(&self) -> Option<u32> {
        self.as_ref().and_then(T::number)
    }

    fn from_number(number: u32) -> Option<Self> {
        T::from_number(number).map(Some)
    }

    fn remark(&self) -> Option<Remark> {
        self.as_ref().and_then(T::remark)
    }
}

/// The dialect's boolean, read strictly.
impl Value for bool {
    const SYNTAX: &'static str = "boolean";
    const BARE: Self = true;

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" => Ok(true),
            "0" | "false" | "no" => Ok(false),
            "" => Err(Fault::Empty.into()),
            _ => {
                Err(Fault::NotBoolean { text: text.to_owned(), gnugk: gnugk_boolean(text) }.into())
            }
        }
    }

    fn render(&self) -> String {
        if *self { "1" } else { "0" }.to_owned()
    }
}

/// What GnuGk makes of a boolean that is none. It has two rules: keys fetched as text go by the first letter
/// (t, 1, y, a), keys fetched as booleans by the first letter (T, Y) or a number other than zero.
fn gnugk_boolean(text: &str) -> &'static str {
    let first = text.chars().next().map(|c| c.to_ascii_lowercase());
    let as_text = matches!(first, Some('t' | '1' | 'y' | 'a'));
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let as_boolean = matches!(first, Some('t' | 'y')) || digits.bytes().any(|digit| digit != b'0');
    match (as_text, as_boolean) {
        (true, true) => "true",
        (false, false) => "false",
        _ => "true for some keys and false for others",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_strictly() {
        for text in ["1", "true", "TRUE", "yes", "Yes"] {
            assert_eq!(bool::parse(text), Ok(true), "{text}");
        }
        for text in ["0", "false", "no", "NO"] {
            assert_eq!(bool::parse(text), Ok(false), "{text}");
        }
    }

    #[test]
    fn a_strange_boolean_is_told_as_gnugk_reads_it() {
        for (text, gnugk) in [
            ("on", "false"),
            ("enabled", "false"),
            ("t", "true"),
            ("Y", "true"),
            ("10", "true"),
            ("2", "true for some keys and false for others"),
            ("allow", "true for some keys and false for others"),
            ("00", "false"),
        ] {
            let fault = bool::parse(text).unwrap_err().fault;
            assert_eq!(fault, Fault::NotBoolean { text: text.to_owned(), gnugk }, "{text}");
        }
    }

    #[test]
    fn a_limit_refuses_or_takes_the_nearest() {
        let apply =
            |limit: Limit, n| limit.apply(Number(n)).map(|(value, r)| (value.0, r.is_some()));
        assert_eq!(apply(Limit::Within(1, 200), 200), Ok((200, false)));
        assert!(apply(Limit::Within(1, 200), 201).is_err());
        assert_eq!(apply(Limit::Clamp(5, 30), 31), Ok((30, true)));
        assert_eq!(apply(Limit::Clamp(5, 30), 4), Ok((5, true)));
        assert_eq!(apply(Limit::Clamp(5, 30), 5), Ok((5, false)));
    }

    #[test]
    fn unset_is_empty_or_minus_one() {
        assert_eq!(Option::<Seconds>::parse("-1"), Ok(None));
        assert_eq!(Option::<Seconds>::parse(""), Ok(None));
        assert_eq!(Option::<Seconds>::parse("60"), Ok(Some(Seconds(60))));
        assert!(Option::<PortRange>::parse("-1").is_err());
    }
}
