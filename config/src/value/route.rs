//! Whom a neighbor is and which numbers go to it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::net::pieces;
use super::{Fault, Value, Wrong};

/// The RAS port of a gatekeeper whose port is not told.
const RAS: u16 = 1719;
/// The port of a STUN server whose port is not told (RFC 5389 §9).
const STUN: u16 = 3478;

/// Where a neighbor is: names or addresses, each with a port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(pub Vec<Host>);

/// A server of STUN, the port 3478 if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StunServer(pub Host);

/// A host by name or address, and its port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// The name, or the address as text.
    pub name: String,
    /// The UDP port.
    pub port: u16,
}

/// Prefixes, each with a priority (`:=n`, the lowest first, 1 unless told); `*` is every number and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefixes(pub Vec<(String, u32)>);

/// Whole aliases, and ranges of numbers of the same length (`2000-2010`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases(pub Vec<(String, Option<String>)>);

/// Called addresses: networks, `!` before one that is not meant, `*`, `private`, `public`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations(pub Vec<Area>);

/// One entry of [`Destinations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Any address.
    Any,
    /// Those of private networks.
    Private,
    /// The others.
    Public,
    /// A network.
    Network(IpNet),
    /// A network that is not meant, whatever else is.
    Not(IpNet),
}

/// When a location request of a neighbor is passed on to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// Always.
    Always,
    /// Never.
    Never,
    /// When its hopCount lets it, or it comes from the client of a traversal zone.
    Depends,
}

/// A password as the file has it. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A name of something in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub String);

impl Host {
    /// Reads `name`, `name:port`, `1.2.3.4:1719`, `[2001:db8::1]:1719`.
    fn read(text: &str, usual: u16) -> Result<Self, Fault> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self { name: ip.to_string(), port: usual });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, digits)) => {
                let port = digits.parse().ok().filter(|port| *port != 0);
                (name, port.ok_or_else(|| Fault::NotPort(digits.to_owned()))?)
            }
            None => (text, usual),
        };
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if bare.is_empty() || bare.len() > 253 || !bare.chars().all(fits) {
            return Err(Fault::NotHost(text.to_owned()));
        }
        Ok(Self { name: bare.to_owned(), port })
    }

    /// The address, if it is one and no name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.name.parse().ok()
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ip() {
            Some(ip) => std::net::SocketAddr::new(ip, self.port).fmt(f),
            None => write!(f, "{}:{}", self.name, self.port),
        }
    }
}

fn listed(c: char) -> bool {
    ",;".contains(c) || c.is_whitespace()
}

impl Value for Hosts {
    const SYNTAX: &'static str = "name or address, `:port`; several";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let read = |(at, piece)| Host::read(piece, RAS).map_err(|fault| Wrong { at, fault });
        pieces(text, listed).into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        super::net::join(&self.0)
    }
}

impl StunServer {
    /// The one that GnuGk asks unless it is told another.
    #[must_use]
    pub fn usual() -> Self {
        Self(Host { name: "stun.ekiga.net".to_owned(), port: STUN })
    }
}

impl Value for StunServer {
    const SYNTAX: &'static str = "name or address, `:port`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "" => Err(Fault::Empty.into()),
            _ => Ok(Self(Host::read(text, STUN)?)),
        }
    }

    fn render(&self) -> String {
        self.0.to_string()
    }
}

impl Value for Prefixes {
    const SYNTAX: &'static str = "prefixes, `:=priority`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let read = |(at, piece): (usize, &str)| match piece.split_once(":=") {
            None => Ok((piece.to_owned(), 1)),
            Some((prefix, number)) => {
                let fault = || Wrong { at, fault: Fault::NotNumber(number.to_owned()) };
                Ok((prefix.to_owned(), number.parse().map_err(|_| fault())?))
            }
        };
        let all = pieces(text, listed).into_iter().map(read);
        all.collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        let one = |(prefix, priority): &(String, u32)| match priority {
            1 => prefix.clone(),
            _ => format!("{prefix}:={priority}"),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

impl Value for Aliases {
    const SYNTAX: &'static str = "aliases, ranges of numbers";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let read = |(_, piece): (usize, &str)| match piece.split_once('-') {
            Some((first, last)) if digits(first) && first.len() == last.len() && digits(last) => {
                (first.to_owned(), Some(last.to_owned()))
            }
            _ => (piece.to_owned(), None),
        };
        Ok(Self(pieces(text, |c| ",;".contains(c)).into_iter().map(read).collect()))
    }

    fn render(&self) -> String {
        let one = |(first, last): &(String, Option<String>)| match last {
            Some(last) => format!("{first}-{last}"),
            None => first.clone(),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

impl Value for Destinations {
    const SYNTAX: &'static str = "networks, `!network`, `*`, `private`, `public`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let read = |(at, piece): (usize, &str)| {
            let (not, name) = match piece.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, piece),
            };
            match name.to_ascii_lowercase().as_str() {
                "*" if !not => return Ok(Area::Any),
                "private" if !not => return Ok(Area::Private),
                "public" if !not => return Ok(Area::Public),
                _ => {}
            }
            let fault = || Wrong { at, fault: Fault::NotNetwork(piece.to_owned()) };
            let network = super::net::network(name).ok_or_else(fault)?;
            Ok(if not { Area::Not(network) } else { Area::Network(network) })
        };
        pieces(text, listed).into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        let one = |area: &Area| match area {
            Area::Any => "*".to_owned(),
            Area::Private => "private".to_owned(),
            Area::Public => "public".to_owned(),
            Area::Network(network) => network.to_string(),
            Area::Not(network) => format!("!{network}"),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

impl Value for Forward {
    const SYNTAX: &'static str = "`always`, `never`, `depends`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.to_ascii_lowercase().as_str() {
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            "depends" => Ok(Self::Depends),
            "" => Err(Fault::Empty.into()),
            _ => {
                let allowed = "always, never, depends";
                Err(Fault::NotChoice { text: text.to_owned(), allowed }.into())
            }
        }
    }

    fn render(&self) -> String {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Depends => "depends",
        }
        .to_owned()
    }
}

impl Value for Secret {
    const SYNTAX: &'static str = "text";

    fn parse(text: &str) -> Result<Self, Wrong> {
        super::text::fits(text, 128).map(Self)
    }

    fn render(&self) -> String {
        "***".to_owned()
    }
}

impl Value for Name {
    const SYNTAX: &'static str = "text";

    fn parse(text: &str) -> Result<Self, Wrong> {
        super::text::fits(text, 127).map(Self)
    }

    fn render(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port() {
        let host = |text| Hosts::parse(text).unwrap().0.swap_remove(0);
        let is = |name: &str, port| Host { name: name.to_owned(), port };
        assert_eq!(host("194.95.240.3"), is("194.95.240.3", 1719));
        assert_eq!(host("211.211.10.10:9004"), is("211.211.10.10", 9004));
        assert_eq!(host("gk.example.org"), is("gk.example.org", 1719));
        assert_eq!(host("gk.example.org:6001"), is("gk.example.org", 6001));
        assert_eq!(host("2001:db8::1"), is("2001:db8::1", 1719));
        assert_eq!(host("[2001:db8::1]:1720"), is("2001:db8::1", 1720));
        assert_eq!(Hosts::parse("a, b:2").unwrap().0, [is("a", 1719), is("b", 2)]);
        assert_eq!(Hosts::parse("x:0").unwrap_err().fault, Fault::NotPort("0".into()));
        assert_eq!(Hosts::parse("a,b c/d").unwrap_err().at, 4);
    }

    #[test]
    fn prefixes_have_priorities() {
        let read = Prefixes::parse("004,002:=1,001:=2").unwrap();
        let one = |prefix: &str, priority| (prefix.to_owned(), priority);
        assert_eq!(read.0, [one("004", 1), one("002", 1), one("001", 2)]);
        assert_eq!(read.render(), "004,002,001:=2");
        assert_eq!(Prefixes::parse("1:=x").unwrap_err().fault, Fault::NotNumber("x".into()));
    }

    #[test]
    fn aliases_may_be_ranges() {
        let read = Aliases::parse("4526354,2000-2010,frank,mary-ann").unwrap();
        assert_eq!(read.0[1], ("2000".to_owned(), Some("2010".to_owned())));
        assert_eq!(read.0[3], ("mary-ann".to_owned(), None));
        assert_eq!(read.render(), "4526354,2000-2010,frank,mary-ann");
    }

    #[test]
    fn destinations_can_be_excepted() {
        let read = Destinations::parse("10.0.0.0/8,!10.1.0.0/16,public").unwrap();
        assert_eq!(read.render(), "10.0.0.0/8,!10.1.0.0/16,public");
        assert!(Destinations::parse("nowhere").is_err());
    }

    #[test]
    fn a_password_is_not_shown() {
        let secret = Secret::parse("clientpw").unwrap();
        assert_eq!((secret.render().as_str(), format!("{secret:?}").as_str()), ("***", "Secret"));
    }
}
