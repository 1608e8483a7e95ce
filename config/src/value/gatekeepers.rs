//! Other gatekeepers that endpoints are told of, and when they are sent there.

use std::net::SocketAddr;

use super::net::pieces;
use super::{Fault, Value, Wrong};

/// A gatekeeper that endpoints may turn to: `address;port;needToRegister;priority[;identifier]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternate {
    /// Where its RAS is.
    pub at: SocketAddr,
    /// Whether endpoints have to register there.
    pub register: bool,
    /// The one with the smallest number is the next, 0 to 127.
    pub priority: u8,
    /// Its gatekeeper identifier.
    pub name: Option<String>,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alternates(pub Vec<Alternate>);

/// When endpoints are sent to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redirect {
    /// When there would be more registrations than this.
    pub endpoints: Option<u32>,
    /// When there would be more calls than this.
    pub calls: Option<u32>,
    /// In any case: for good, or for a time.
    pub always: Option<bool>,
}

impl Alternate {
    /// How many a message can tell of.
    const MOST: usize = 16;

    fn read((at, text): (usize, &str)) -> Result<Self, Wrong> {
        let wrong = || Wrong { at, fault: Fault::NotAlternate(text.trim().to_owned()) };
        let mut parts = text.trim().split(';').map(str::trim);
        let ip = parts.next().and_then(|ip| ip.parse().ok()).ok_or_else(wrong)?;
        let mut next =
            |usual: &'static str| parts.next().filter(|part| !part.is_empty()).unwrap_or(usual);
        let port: u16 = next("1719").parse().map_err(|_| wrong())?;
        let register = bool::parse(next("0")).map_err(|_| wrong())?;
        let priority: u8 = next("1").parse().ok().filter(|n| *n < 128).ok_or_else(wrong)?;
        let name = Some(next("").to_owned()).filter(|name| !name.is_empty());
        if port == 0
            || parts.next().is_some()
            || name.as_ref().is_some_and(|name| name.encode_utf16().count() > 128)
        {
            return Err(wrong());
        }
        Ok(Self { at: SocketAddr::new(ip, port), register, priority, name })
    }
}

impl Value for Alternates {
    const SYNTAX: &'static str =
        "`address;port;needToRegister;priority[;identifier]`; several, with commas";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let all =
            pieces(text, |c| c == ',').into_iter().filter(|(_, piece)| !piece.trim().is_empty());
        let all = all.map(Alternate::read).collect::<Result<Vec<_>, _>>()?;
        match all.len() {
            count if count > Alternate::MOST => {
                Err(Fault::TooMany { count: count as u64, most: Alternate::MOST as u64 }.into())
            }
            _ => Ok(Self(all)),
        }
    }

    fn render(&self) -> String {
        let one = |one: &Alternate| {
            let name = one.name.as_ref().map(|name| format!(";{name}")).unwrap_or_default();
            format!("{};{};{};{}{name}", one.at.ip(), one.at.port(), one.register, one.priority)
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

impl Value for Redirect {
    const SYNTAX: &'static str =
        "`Endpoints > number`, `Calls > number`, with `|` between them; `temporary`, `permanent`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut all = Self::default();
        for (at, piece) in pieces(text, |c| c == '|') {
            let wrong = || Wrong { at, fault: Fault::NotRedirect(piece.trim().to_owned()) };
            match piece.trim().to_ascii_lowercase().as_str() {
                "" => {}
                "temporary" => all.always = Some(false),
                "permanent" => all.always = Some(true),
                limit => {
                    let (what, number) = limit.split_once('>').ok_or_else(wrong)?;
                    let number = number.trim().parse().map_err(|_| wrong())?;
                    match what.trim() {
                        "endpoints" => all.endpoints = Some(number),
                        "calls" => all.calls = Some(number),
                        _ => return Err(wrong()),
                    }
                }
            }
        }
        Ok(all)
    }

    fn render(&self) -> String {
        let always =
            self.always.map(|good| if good { "permanent" } else { "temporary" }.to_owned());
        let endpoints = self.endpoints.map(|most| format!("Endpoints > {most}"));
        let calls = self.calls.map(|most| format!("Calls > {most}"));
        [always, endpoints, calls].into_iter().flatten().collect::<Vec<_>>().join(" | ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gatekeepers_as_an_operator_writes_them() {
        let read = Alternates::parse("192.0.2.4;1719;false;1;GnuGk2, 2001:db8::4;;yes").unwrap();
        assert_eq!(read.render(), "192.0.2.4;1719;false;1;GnuGk2,2001:db8::4;1719;true;1");
        assert_eq!(Alternates::parse(&read.render()), Ok(read));
        for (text, at) in [
            ("gk", 0),
            ("192.0.2.4,192.0.2.5;x", 10),
            ("192.0.2.4;1;0;128", 0),
            ("192.0.2.4;1;0;1;a;b", 0),
        ] {
            assert_eq!(Alternates::parse(text).unwrap_err().at, at, "{text}");
        }
        assert!(Alternates::parse(&vec!["192.0.2.4"; 17].join(",")).is_err());
    }

    #[test]
    fn when_endpoints_are_sent_away() {
        let read = Redirect::parse("endpoints>100 | Calls > 50").unwrap();
        assert_eq!((read.endpoints, read.calls, read.always), (Some(100), Some(50), None));
        assert_eq!(read.render(), "Endpoints > 100 | Calls > 50");
        assert_eq!(Redirect::parse("Permanent").unwrap().always, Some(true));
        for wrong in ["Endpoints < 5", "Calls", "Phones > 3", "Calls > x"] {
            assert!(Redirect::parse(wrong).is_err(), "{wrong}");
        }
    }
}
