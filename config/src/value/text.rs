//! Names and words.

use super::net::{is_name, pieces, separates};
use super::{Fault, Value, Wrong};

/// A gatekeeperIdentifier: 1 to 128 characters (H.225.0 GatekeeperIdentifier).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatekeeperId(pub String);

/// What is appended to the endpoint identifiers given out: an endpointIdentifier has up to 128 characters
/// (H.225.0 EndpointIdentifier), so this may have 100.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suffix(pub String);

/// Who may use the status port: `allow`, `forbid`, `explicit`, `regex`, `password`, combined with `&` and `|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRule(pub String);

/// The path of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath(pub String);

/// The paths of files, separated by semicolons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilePaths(pub Vec<String>);

/// Single characters, all of which are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letters(pub String);

/// The address of a page on the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link(pub String);

/// A part of what an endpoint says of its vendor: any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorText(pub String);

/// Names of domains, separated by commas, semicolons or blanks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domains(pub Vec<String>);

/// Length in the 16-bit characters of a BMPString.
pub(super) fn fits(text: &str, most: usize) -> Result<String, Wrong> {
    match text.encode_utf16().count() {
        length if length > most => Err(Fault::TooLong { length, most }.into()),
        _ => Ok(text.to_owned()),
    }
}

impl Value for GatekeeperId {
    const SYNTAX: &'static str = "text";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() {
            return Err(Fault::Empty.into());
        }
        fits(text, 128).map(Self)
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

impl Value for VendorText {
    const SYNTAX: &'static str = "part of the vendor's name";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() { Err(Fault::Empty.into()) } else { Ok(Self(text.to_owned())) }
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

impl Value for Suffix {
    const SYNTAX: &'static str = "text";

    fn parse(text: &str) -> Result<Self, Wrong> {
        fits(text, 100).map(Self)
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

impl Value for FilePath {
    const SYNTAX: &'static str = "path";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() { Err(Fault::Empty.into()) } else { Ok(Self(text.to_owned())) }
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

impl Value for FilePaths {
    const SYNTAX: &'static str = "paths, separated by `;`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let paths = text.split(';').map(str::trim).filter(|path| !path.is_empty());
        Ok(Self(paths.map(str::to_owned).collect()))
    }

    fn render(&self) -> String {
        self.0.join(";")
    }
}

impl Value for Link {
    const SYNTAX: &'static str = "URL";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let web = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        match text {
            "" => Err(Fault::Empty.into()),
            _ if web && text.chars().all(|c| c.is_ascii_graphic()) => fits(text, 400).map(Self),
            _ => Err(Fault::NotLink(text.to_owned()).into()),
        }
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

impl Value for Domains {
    const SYNTAX: &'static str = "domains";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let one = |(at, piece): (usize, &str)| match is_name(piece) {
            true => Ok(piece.to_ascii_lowercase()),
            false => Err(Wrong { at, fault: Fault::NotHost(piece.to_owned()) }),
        };
        pieces(text, separates).into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        self.0.join(",")
    }
}

impl Value for Letters {
    const SYNTAX: &'static str = "characters";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Ok(Self(text.to_owned()))
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

impl Value for StatusRule {
    const SYNTAX: &'static str =
        "`allow`, `forbid`, `explicit`, `regex`, `password`; `&` and `\\|` combine";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut at = 0;
        for word in text.split(['&', '|']) {
            let lead = word.chars().take_while(|c| c.is_whitespace()).count();
            match word.trim().to_ascii_lowercase().as_str() {
                "allow" | "forbid" | "explicit" | "regex" | "password" => {}
                other => {
                    let allowed = "allow, forbid, explicit, regex, password";
                    let fault = match other {
                        "" => Fault::Empty,
                        _ => Fault::NotChoice { text: word.trim().to_owned(), allowed },
                    };
                    return Err(Wrong { at: at + lead, fault });
                }
            }
            at += word.chars().count() + 1;
        }
        Ok(Self(text.to_owned()))
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gatekeeper_identifier_fits_its_field() {
        assert_eq!(GatekeeperId::parse(""), Err(Fault::Empty.into()));
        assert!(GatekeeperId::parse(&"x".repeat(128)).is_ok());
        let fault = Fault::TooLong { length: 129, most: 128 };
        assert_eq!(GatekeeperId::parse(&"x".repeat(129)), Err(fault.into()));
        assert!(GatekeeperId::parse(&"𝄞".repeat(65)).is_err(), "two 16-bit characters each");
    }

    #[test]
    fn domains_are_names() {
        let domains = Domains::parse("Example.org, gk.example.net;").unwrap();
        assert_eq!(domains.render(), "example.org,gk.example.net");
        assert_eq!(Domains::parse("a.org,b@c").unwrap_err().at, 6);
    }

    #[test]
    fn a_rule_combines_known_words() {
        assert!(StatusRule::parse("Regex & password").is_ok());
        let wrong = StatusRule::parse("regex | alow").unwrap_err();
        assert_eq!(wrong.at, 8);
        assert_eq!(
            wrong.fault.to_string(),
            "'alow' is not one of allow, forbid, explicit, regex, password"
        );
    }
}
