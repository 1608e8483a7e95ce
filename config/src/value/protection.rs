//! What is wanted of the encryption of media.

use super::net::pieces;
use super::{Fault, NetList, Value, Wrong};

/// Whether a leg is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Pinhole encrypts nothing there.
    Off,
    /// When its party can do it.
    Preferred,
    /// Or there is no call.
    Required,
}

/// What is wanted of a leg: `required,2048,AES-256`. What is weaker counts as no encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// Whether.
    pub wish: Wish,
    /// The smallest Diffie-Hellman group, in bits.
    pub bits: u32,
    /// The shortest AES key, in bits.
    pub key: u32,
}

/// Networks, all, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Networks {
    /// `0`.
    None,
    /// `1`.
    All,
    /// These.
    These(NetList),
}

const GROUPS: [u32; 6] = [1024, 1536, 2048, 4096, 6144, 8192];
const ALLOWED: &str =
    "off, preferred, required, 1024, 1536, 2048, 4096, 6144, 8192, AES-128, AES-256";

impl Protection {
    /// This, with the weakest that there is.
    #[must_use]
    pub const fn of(wish: Wish) -> Self {
        Self { wish, bits: 1024, key: 128 }
    }
}

impl Value for Protection {
    const SYNTAX: &'static str =
        "`off`, `preferred` or `required`; smallest group (1024 to 8192); `AES-128` or `AES-256`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut wish = None;
        let mut protection = Self::of(Wish::Off);
        for (at, piece) in pieces(text, |c| c == ',' || c.is_whitespace()) {
            let word = piece.to_ascii_lowercase();
            let bits = word.parse().ok().filter(|bits| GROUPS.contains(bits));
            match (word.as_str(), bits) {
                ("off", _) => wish = Some(Wish::Off),
                ("preferred", _) => wish = Some(Wish::Preferred),
                ("required", _) => wish = Some(Wish::Required),
                ("aes-128", _) => protection.key = 128,
                ("aes-256", _) => protection.key = 256,
                (_, Some(bits)) => protection.bits = bits,
                _ => {
                    let fault = Fault::NotChoice { text: piece.to_owned(), allowed: ALLOWED };
                    return Err(Wrong { at, fault });
                }
            }
        }
        protection.wish = wish.ok_or(Fault::Empty)?;
        Ok(protection)
    }

    fn render(&self) -> String {
        let wish = match self.wish {
            Wish::Off => return "off".to_owned(),
            Wish::Preferred => "preferred",
            Wish::Required => "required",
        };
        format!("{wish},{},AES-{}", self.bits, self.key)
    }
}

impl Value for Networks {
    const SYNTAX: &'static str = "`0`, `1` (all) or networks";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "" | "0" => Ok(Self::None),
            "1" => Ok(Self::All),
            _ => NetList::parse(text).map(Self::These),
        }
    }

    fn render(&self) -> String {
        match self {
            Self::None => "0".to_owned(),
            Self::All => "1".to_owned(),
            Self::These(networks) => networks.render(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_as_an_operator_writes_it() {
        let rule = |text| Protection::parse(text).map(|rule| rule.render());
        assert_eq!(rule("off").unwrap(), "off");
        assert_eq!(rule("Required").unwrap(), "required,1024,AES-128");
        assert_eq!(rule("required, 2048, aes-256").unwrap(), "required,2048,AES-256");
        assert_eq!(rule("AES-256 preferred").unwrap(), "preferred,1024,AES-256");
        let wrong = Protection::parse("required,2000").unwrap_err();
        assert_eq!(wrong.at, 9);
        let said = "'2000' is not one of off, preferred, required, 1024, 1536, 2048, 4096, 6144, 8192, \
                    AES-128, AES-256";
        assert_eq!(wrong.fault.to_string(), said);
        assert_eq!(Protection::parse("2048").unwrap_err().fault, Fault::Empty);
        assert_eq!(Protection::parse("").unwrap_err().fault, Fault::Empty);
    }

    #[test]
    fn networks_all_or_none() {
        for text in ["0", "1", "192.168.0.0/24,10.0.1.0/32"] {
            assert_eq!(Networks::parse(text).unwrap().render(), text);
        }
        assert!(Networks::parse("here").is_err());
    }
}
