//! One message: decoded, looked into, encoded again and compared.

mod address;
mod control;
mod generic;
mod ras;
mod signal;

use std::fmt::{self, Debug, Write as _};
use std::net::SocketAddr;

use pinhole_h323::Malformed;

pub use control::{control, fast_start};
pub use ras::ras;
pub use signal::signal;

/// The protocols that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the Recommendations")]
pub enum Protocol {
    /// A piece of something larger, whose protocol cannot be known.
    Ip,
    Ras,
    H225,
    H245,
    H46015,
    H46018,
    H46019,
    H46026,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ip => "IP",
            Self::Ras => "RAS",
            Self::H225 => "H.225",
            Self::H245 => "H.245",
            Self::H46015 => "H.460.15",
            Self::H46018 => "H.460.18",
            Self::H46019 => "H.460.19",
            Self::H46026 => "H.460.26",
        })
    }
}

/// What an address in a message is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// H.245 is spoken there.
    Control,
    /// RAS is spoken there.
    Ras,
    /// Anything else.
    Other,
}

/// An address that a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The name of its field.
    pub name: &'static str,
    /// What it is good for.
    pub role: Role,
    /// The address.
    pub address: SocketAddr,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Encoded again from its decoded form it has the same octets.
    Same,
    /// It was decoded, but encodes to other octets, or not at all.
    Different,
    /// It could not be decoded: why.
    Undecodable(String),
}

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its name in the Recommendation; empty when it could not be decoded.
    pub name: String,
    /// What tells messages of this name apart: a reason, a procedure.
    pub note: String,
    /// The call identifier, if it has one.
    pub call: Option<String>,
    /// The call reference on its connection, which is that of a call unless it is zero.
    pub reference: Option<u16>,
    /// The number that a RAS request and its answer share.
    pub sequence: Option<u16>,
    /// The addresses in it, without those of messages inside it.
    pub addresses: Vec<Told>,
    /// What became of it.
    pub verdict: Verdict,
    /// All of its values.
    pub value: String,
    /// The messages inside it.
    pub inside: Vec<Self>,
}

impl Message {
    /// What could not be decoded.
    #[must_use]
    pub fn undecodable(protocol: Protocol, why: impl fmt::Display) -> Self {
        Self {
            protocol,
            name: String::new(),
            note: String::new(),
            call: None,
            reference: None,
            sequence: None,
            addresses: Vec::new(),
            verdict: Verdict::Undecodable(why.to_string()),
            value: String::new(),
            inside: Vec::new(),
        }
    }

    /// Whether it was decoded and encodes to the octets it came in.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.verdict == Verdict::Same
    }

    /// Decodes octets, encodes the value again and compares.
    fn new<T: Debug>(
        protocol: Protocol,
        octets: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
        encode: impl FnOnce(&T) -> Result<Vec<u8>, Malformed>,
        look: impl FnOnce(&mut Self, &T),
    ) -> Self {
        let value = match decode(octets) {
            Ok(value) => value,
            Err(malformed) => return Self::undecodable(protocol, malformed),
        };
        let same = encode(&value).is_ok_and(|again| again == octets);
        let mut message = Self {
            name: variant(&value),
            verdict: if same { Verdict::Same } else { Verdict::Different },
            value: format!("{value:#?}"),
            ..Self::undecodable(protocol, "")
        };
        look(&mut message, &value);
        message
    }
}

/// The name of an enumeration's variant, or of a structure: what its `Debug` begins with. The types of the ASN.1
/// modules carry the names of the Recommendations.
fn variant(value: &impl Debug) -> String {
    /// Takes the first word and refuses what follows, so that nothing more is formatted.
    struct FirstWord(String);

    impl fmt::Write for FirstWord {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                if !c.is_alphanumeric() && c != '_' {
                    return Err(fmt::Error);
                }
                self.0.push(c);
            }
            Ok(())
        }
    }

    let mut name = FirstWord(String::new());
    // An error is how it says that it has enough.
    let _ = write!(name, "{value:?}");
    name.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_variants() {
        #[derive(Debug)]
        #[expect(
            dead_code,
            non_camel_case_types,
            reason = "only formatted, like those of the modules"
        )]
        enum Choice {
            plain,
            withValue(u8),
            withFields { a: u8 },
        }
        assert_eq!(variant(&Choice::plain), "plain");
        assert_eq!(variant(&Choice::withValue(1)), "withValue");
        assert_eq!(variant(&Choice::withFields { a: 1 }), "withFields");
    }
}
