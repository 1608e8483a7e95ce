//! Aliases: the names by which parties are called.

use crate::address;
use crate::asn::h225::{
    AliasAddress, NumberDigits, PartyNumber, PublicPartyNumber, PublicTypeOfNumber,
};
use std::fmt;
use std::net::SocketAddr;

/// A name of a party (H.225.0 AliasAddress), of the kinds that can be called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alias {
    /// Digits, `*`, `#` and comma, up to 128: an E.164 number as it is dialled.
    DialedDigits(String),
    /// A name of up to 256 characters.
    H323Id(String),
    /// A URL, such as `h323:alice@example.org`.
    Url(String),
    /// An address without a name.
    Transport(SocketAddr),
    /// A mail address.
    Email(String),
    /// The digits of a number of the public numbering plan, of unknown type.
    PartyNumber(String),
}

impl Alias {
    /// Reads an alias; `None` for the kinds that this type does not have.
    #[must_use]
    pub fn read(address: &AliasAddress) -> Option<Self> {
        Some(match address {
            AliasAddress::dialedDigits(digits) => Self::DialedDigits(digits.to_string()),
            AliasAddress::h323_ID(name) => Self::H323Id(name.to_string()),
            AliasAddress::url_ID(url) => Self::Url(url.to_string()),
            AliasAddress::transportID(transport) => Self::Transport(address::from_h225(transport)?),
            AliasAddress::email_ID(email) => Self::Email(email.to_string()),
            AliasAddress::partyNumber(PartyNumber::e164Number(number)) => {
                Self::PartyNumber(number.public_number_digits.0.to_string())
            }
            _ => return None,
        })
    }

    /// Reads the aliases of a list; the kinds that this type does not have are left out.
    #[must_use]
    pub fn read_all<'a>(addresses: impl IntoIterator<Item = &'a AliasAddress>) -> Vec<Self> {
        addresses.into_iter().filter_map(Self::read).collect()
    }

    /// The alias that people mean by a text: dialled digits if it has nothing else, a URL if it names the
    /// scheme, a name otherwise.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let dialable = |c: char| c.is_ascii_digit() || "#*,".contains(c);
        if !text.is_empty() && text.chars().all(dialable) {
            Self::DialedDigits(text.to_owned())
        } else if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("h323:")) {
            Self::Url(text.to_owned())
        } else {
            Self::H323Id(text.to_owned())
        }
    }

    /// The H.225.0 form.
    #[must_use]
    pub fn to_asn(&self) -> AliasAddress {
        match self {
            Self::DialedDigits(digits) => AliasAddress::dialedDigits(digits.as_str().into()),
            Self::H323Id(name) => AliasAddress::h323_ID(name.as_str().into()),
            Self::Url(url) => AliasAddress::url_ID(url.as_str().into()),
            Self::Transport(at) => AliasAddress::transportID(Box::new(address::to_h225(*at))),
            Self::Email(email) => AliasAddress::email_ID(email.as_str().into()),
            Self::PartyNumber(digits) => {
                AliasAddress::partyNumber(PartyNumber::e164Number(PublicPartyNumber {
                    public_type_of_number: PublicTypeOfNumber::unknown(()),
                    public_number_digits: NumberDigits(digits.as_str().into()),
                }))
            }
        }
    }

    /// The digits, if it is a number.
    #[must_use]
    pub fn digits(&self) -> Option<&str> {
        match self {
            Self::DialedDigits(digits) | Self::PartyNumber(digits) => Some(digits),
            _ => None,
        }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DialedDigits(text)
            | Self::H323Id(text)
            | Self::Url(text)
            | Self::Email(text)
            | Self::PartyNumber(text) => f.write_str(text),
            Self::Transport(at) => at.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_goes_to_asn_and_back() {
        for alias in [
            Alias::DialedDigits("1001#*,".into()),
            Alias::H323Id("J\u{fc}rgen \u{1f4de}".into()),
            Alias::Url("h323:alice@example.org".into()),
            Alias::Transport("203.0.113.10:1720".parse().unwrap()),
            Alias::Email("alice@example.org".into()),
            Alias::PartyNumber("4930123".into()),
        ] {
            assert_eq!(Alias::read(&alias.to_asn()), Some(alias));
        }
    }

    #[test]
    fn unknown_kinds_are_left_out() {
        let odd = AliasAddress::partyNumber(PartyNumber::dataPartyNumber(NumberDigits("1".into())));
        let known = Alias::H323Id("a".into());
        assert_eq!(Alias::read_all(&[odd, known.to_asn()]), [known]);
    }

    #[test]
    fn a_text_says_what_it_is() {
        assert_eq!(Alias::from_text("1001"), Alias::DialedDigits("1001".into()));
        assert_eq!(Alias::from_text("ep1"), Alias::H323Id("ep1".into()));
        assert_eq!(Alias::from_text(""), Alias::H323Id(String::new()));
        assert_eq!(Alias::from_text("h323:a@b"), Alias::Url("h323:a@b".into()));
        assert_eq!(Alias::from_text("h\u{e9}3:"), Alias::H323Id("h\u{e9}3:".into()));
    }

    #[test]
    fn shows_what_people_call_it() {
        assert_eq!(
            Alias::Transport("[2001:db8::1]:1720".parse().unwrap()).to_string(),
            "[2001:db8::1]:1720"
        );
        assert_eq!(Alias::DialedDigits("42".into()).to_string(), "42");
        assert_eq!(Alias::PartyNumber("42".into()).digits(), Some("42"));
        assert_eq!(Alias::H323Id("42".into()).digits(), None);
    }
}
