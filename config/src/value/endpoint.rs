//! Endpoints that the configuration names, and the prefixes of gateways.

use std::net::{SocketAddr, SocketAddrV4};

use super::{Fault, Value, Wrong};

/// The port of call signalling (H.225.0 §7.3).
const PORT: u16 = 1720;

/// An alias as an operator writes it: any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasText(pub String);

/// `ip` or `ip:port`, the port 1720 if there is none. With IPv6 it is always 1720: a line cannot begin with `[`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalAddress(pub SocketAddr);

/// A prefix that a gateway takes calls for: `02`, with a priority `02:=1` (smaller is preferred), or one that it does not
/// take them for, `!021`. A `.` stands for any digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GatewayPrefix {
    /// The beginning of the numbers.
    pub digits: String,
    /// Which of several gateways is preferred: the one with the smaller number; `None` if that is not said.
    pub priority: Option<u32>,
    /// True when calls to such numbers are not for the gateway, although a shorter prefix says so.
    pub except: bool,
}

/// The prefixes of a gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayPrefixes(pub Vec<GatewayPrefix>);

/// What an endpoint that never registers is registered as: `alias,alias;prefix,prefix;vendor,product`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permanent {
    /// Its aliases, at least one.
    pub aliases: Vec<String>,
    /// Its prefixes; with one it is a gateway.
    pub prefixes: Vec<GatewayPrefix>,
    /// Vendor and product, as far as they are told.
    pub vendor: Vec<String>,
}

impl GatewayPrefix {
    /// The priority of a prefix for which none is said, nor for its gateway.
    pub const PRIORITY: u32 = 1;

    fn read((at, text): (usize, &str)) -> Result<Self, Wrong> {
        let wrong = || Wrong { at, fault: Fault::NotPrefix(text.to_owned()) };
        let (digits, priority) = match text.split_once(":=") {
            Some((digits, priority)) => {
                (digits.trim(), Some(priority.trim().parse().map_err(|_| wrong())?))
            }
            None => (text, None),
        };
        let (except, digits) =
            digits.strip_prefix('!').map_or((false, digits), |rest| (true, rest));
        if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit() || "*#+.".contains(c)) {
            return Err(wrong());
        }
        Ok(Self { digits: digits.to_owned(), priority, except })
    }

    fn render(&self) -> String {
        let mark = if self.except { "!" } else { "" };
        match self.priority {
            None => format!("{mark}{}", self.digits),
            Some(priority) => format!("{mark}{}:={priority}", self.digits),
        }
    }
}

/// The non-empty pieces between commas, trimmed, each with its distance in characters from the beginning.
fn pieces(text: &str, from: usize) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = from;
    for piece in text.split(',') {
        let lead = piece.chars().take_while(|c| c.is_whitespace()).count();
        if !piece.trim().is_empty() {
            found.push((at + lead, piece.trim()));
        }
        at += piece.chars().count() + 1;
    }
    found
}

fn prefixes(text: &str, from: usize) -> Result<Vec<GatewayPrefix>, Wrong> {
    pieces(text, from).into_iter().map(GatewayPrefix::read).collect()
}

fn render(prefixes: &[GatewayPrefix]) -> String {
    prefixes.iter().map(GatewayPrefix::render).collect::<Vec<_>>().join(",")
}

impl Value for AliasText {
    const SYNTAX: &'static str = "alias";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() { Err(Fault::Empty.into()) } else { Ok(Self(text.to_owned())) }
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

impl Value for SignalAddress {
    const SYNTAX: &'static str = "address[:port]";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let at = text.parse::<SocketAddrV4>().ok().map(SocketAddr::V4);
        let at = at.or_else(|| Some(SocketAddr::new(text.parse().ok()?, PORT)));
        let usable = at.filter(|at| at.port() != 0 && !at.ip().is_unspecified());
        usable.map(Self).ok_or_else(|| Fault::NotAddress(text.to_owned()).into())
    }

    fn render(&self) -> String {
        if self.0.is_ipv6() { self.0.ip().to_string() } else { self.0.to_string() }
    }
}

impl Value for GatewayPrefixes {
    const SYNTAX: &'static str = "prefixes";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() { Err(Fault::Empty.into()) } else { prefixes(text, 0).map(Self) }
    }

    fn render(&self) -> String {
        render(&self.0)
    }
}

impl Value for Permanent {
    const SYNTAX: &'static str = "aliases[;prefixes[;vendor,product]]";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut parts = text.splitn(3, ';');
        let names = parts.next().unwrap_or_default();
        let aliases: Vec<String> =
            pieces(names, 0).into_iter().map(|(_, piece)| piece.to_owned()).collect();
        if aliases.is_empty() {
            return Err(Fault::Empty.into());
        }
        let prefixes = prefixes(parts.next().unwrap_or_default(), names.chars().count() + 1)?;
        let vendor = pieces(parts.next().unwrap_or_default(), 0);
        let vendor = vendor.into_iter().map(|(_, piece)| piece.to_owned()).collect();
        Ok(Self { aliases, prefixes, vendor })
    }

    fn render(&self) -> String {
        let mut text = self.aliases.join(",");
        if !self.prefixes.is_empty() || !self.vendor.is_empty() {
            text.push(';');
            text.push_str(&render(&self.prefixes));
        }
        if !self.vendor.is_empty() {
            text.push(';');
            text.push_str(&self.vendor.join(","));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(digits: &str, priority: Option<u32>, except: bool) -> GatewayPrefix {
        GatewayPrefix { digits: digits.into(), priority, except }
    }

    #[test]
    fn a_permanent_endpoint_has_aliases_prefixes_and_a_vendor() {
        let text = "MyGW, gw2 ;009, 008:=2,0.7:=3,!0089;yate,4.1.0";
        let read = Permanent::parse(text).unwrap();
        assert_eq!(read.aliases, ["MyGW", "gw2"]);
        let expected = [
            prefix("009", None, false),
            prefix("008", Some(2), false),
            prefix("0.7", Some(3), false),
            prefix("0089", None, true),
        ];
        assert_eq!(read.prefixes, expected);
        assert_eq!(read.vendor, ["yate", "4.1.0"]);
        assert_eq!(read.render(), "MyGW,gw2;009,008:=2,0.7:=3,!0089;yate,4.1.0");
        assert_eq!(Permanent::parse(&read.render()), Ok(read));
        assert_eq!(Permanent::parse("700").unwrap().prefixes, []);
    }

    #[test]
    fn what_is_no_prefix_is_pointed_at() {
        for (text, at) in [("gw;01,x", 6), ("gw;01, 2:=y", 7), ("gw;!", 3)] {
            assert_eq!(Permanent::parse(text).unwrap_err().at, at, "{text}");
        }
        assert_eq!(Permanent::parse(";01"), Err(Fault::Empty.into()));
        assert_eq!(GatewayPrefixes::parse(""), Err(Fault::Empty.into()));
    }

    #[test]
    fn a_port_is_1720_unless_it_is_said() {
        let read = |text| SignalAddress::parse(text).unwrap().render();
        assert_eq!(read("10.0.1.5"), "10.0.1.5:1720");
        assert_eq!(read("10.0.1.5:1800"), "10.0.1.5:1800");
        assert_eq!(SignalAddress::parse("2001:db8::1").unwrap().0.port(), 1720);
        assert_eq!(read("2001:db8::1"), "2001:db8::1");
        for text in ["", "gw", "10.0.1.5:0", "10.0.1.5:x", "0.0.0.0"] {
            assert!(SignalAddress::parse(text).is_err(), "{text}");
        }
    }
}
