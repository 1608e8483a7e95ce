//! Aliases: the names by which parties are called.

use crate::address;
use crate::asn::h225::{
    ANSI41UIM, AliasAddress, GSMUIM, IsupNumber, MobileUIM, NumberDigits, PartyNumber,
    PublicPartyNumber, PublicTypeOfNumber, TBCDSTRING,
};
use crate::asn::{decode_alias, encode_alias};
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
    /// A number of another plan (data, telex, private, national, ISUP), or that of a mobile phone.
    Other(OtherAlias),
}

/// An alias of a kind that people seldom use, kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherAlias {
    /// The AliasAddress in PER.
    octets: Vec<u8>,
    /// What people call it: `private 4711`, `imsi 262011234567890`.
    text: String,
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
            other => return OtherAlias::read(other).map(Self::Other),
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
            Self::Other(other) => other.to_asn(),
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

impl OtherAlias {
    fn read(address: &AliasAddress) -> Option<Self> {
        let text = match address {
            AliasAddress::partyNumber(number) => party_number(number)?,
            AliasAddress::mobileUIM(MobileUIM::ansi_41_uim(identity)) => ansi(identity)?,
            AliasAddress::mobileUIM(MobileUIM::gsm_uim(identity)) => gsm(identity)?,
            AliasAddress::isupNumber(number) => isup(number)?,
            _ => return None,
        };
        Some(Self { octets: encode_alias(address).ok()?, text })
    }

    fn to_asn(&self) -> AliasAddress {
        // What was written by us can be read by us; the name stays one even if it could not.
        decode_alias(&self.octets)
            .unwrap_or_else(|_| AliasAddress::h323_ID(self.text.as_str().into()))
    }
}

fn party_number(number: &PartyNumber) -> Option<String> {
    Some(match number {
        PartyNumber::dataPartyNumber(digits) => format!("data {}", digits.0),
        PartyNumber::telexPartyNumber(digits) => format!("telex {}", digits.0),
        PartyNumber::privateNumber(number) => format!("private {}", number.private_number_digits.0),
        PartyNumber::nationalStandardPartyNumber(digits) => format!("national {}", digits.0),
        _ => return None,
    })
}

fn isup(number: &IsupNumber) -> Option<String> {
    Some(match number {
        IsupNumber::e164Number(number) => format!("isup {}", number.address.0),
        IsupNumber::dataPartyNumber(digits) => format!("isup data {}", digits.0),
        IsupNumber::telexPartyNumber(digits) => format!("isup telex {}", digits.0),
        IsupNumber::privateNumber(number) => format!("isup private {}", number.address.0),
        IsupNumber::nationalStandardPartyNumber(digits) => format!("isup national {}", digits.0),
        IsupNumber::UnknownAlternative(_) => return None,
    })
}

fn ansi(identity: &ANSI41UIM) -> Option<String> {
    let ANSI41UIM { imsi, min, mdn, msisdn, esn, .. } = identity;
    first([("imsi", imsi), ("min", min), ("mdn", mdn), ("msisdn", msisdn), ("esn", esn)])
}

fn gsm(identity: &GSMUIM) -> Option<String> {
    let GSMUIM { imsi, msisdn, imei, .. } = identity;
    first([("imsi", imsi), ("msisdn", msisdn), ("imei", imei)])
}

/// The first identity that is told.
fn first<const N: usize>(told: [(&str, &Option<TBCDSTRING>); N]) -> Option<String> {
    let mut told = told.into_iter();
    told.find_map(|(name, digits)| digits.as_ref().map(|digits| format!("{name} {}", digits.0)))
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
            Self::Other(other) => f.write_str(&other.text),
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
    fn seldom_kinds_are_kept_as_they_came() {
        let digits = || Some(TBCDSTRING("262011234567890".into()));
        let data = PartyNumber::dataPartyNumber(NumberDigits("1".into()));
        let mobile = GSMUIM { imsi: digits(), ..GSMUIM::default() };
        let american = MobileUIM::ansi_41_uim(Box::new(ANSI41UIM {
            mdn: digits(),
            system_id: crate::asn::h225::ANSI41UIMSystemId::sid(TBCDSTRING("12".into())),
            imsi: None,
            min: None,
            msisdn: None,
            esn: None,
            mscid: None,
            system_my_type_code: None,
            system_access_type: None,
            qualification_information_code: None,
            sesn: None,
            soc: None,
            unknown_ext: None,
        }));
        for (address, text) in [
            (AliasAddress::partyNumber(data), "data 1"),
            (AliasAddress::mobileUIM(MobileUIM::gsm_uim(Box::new(mobile))), "imsi 262011234567890"),
            (AliasAddress::mobileUIM(american), "mdn 262011234567890"),
        ] {
            let alias = Alias::read(&address).unwrap();
            assert_eq!(alias.to_string(), text);
            assert_eq!(alias.to_asn(), address);
            assert_eq!(Alias::read(&alias.to_asn()), Some(alias));
        }
    }

    #[test]
    fn kinds_nobody_knows_are_left_out() {
        let nobody = AliasAddress::mobileUIM(MobileUIM::gsm_uim(Box::default()));
        let known = Alias::H323Id("a".into());
        assert_eq!(Alias::read_all(&[nobody, known.to_asn()]), [known]);
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
