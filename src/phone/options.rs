//! What the operator wants of the phone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::g711::Law;
use crate::security::Terms;

/// Everything that is decided before the phone starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// The names it registers and calls as; the first is the one it is known by.
    pub aliases: Vec<String>,
    /// Where its gatekeeper is.
    pub gatekeeper: Gatekeeper,
    /// The local address of its sockets; unspecified leaves the choice to the system.
    pub ip: IpAddr,
    /// The port of its signalling listener; `None` means 1720, or any if that is taken.
    pub listen_port: Option<u16>,
    /// The password that it proves to the gatekeeper, if it shall.
    pub password: Option<Password>,
    /// Whether calls are taken.
    pub incoming: Incoming,
    /// Offer H.460.18 and H.460.19 to the gatekeeper.
    pub traversal: bool,
    /// Send and receive multiplexed media, towards a gatekeeper that does H.460.19 (§8).
    pub multiplex: bool,
    /// Carry H.245 in call signalling; otherwise on a connection of its own.
    pub tunnelling: bool,
    /// Propose channels in Setup, and accept those that a caller proposes there (H.323 §8.1.7).
    pub fast_start: bool,
    /// The codec that is sent, if the peer can take it.
    pub law: Law,
    /// What is sent.
    pub source: Source,
    /// Video: so many kbit/s are sent, with 0 it is only received; `None` refuses it.
    pub video: Option<u32>,
    /// A second video (H.239), in the same way.
    pub presentation: Option<u32>,
    /// Whether media is encrypted (H.235.6).
    pub encryption: Encryption,
    /// With which ciphers and groups.
    pub terms: Terms,
    /// What it says it is (H.323 table 1): of two the greater number is master, and makes the keys.
    pub terminal_type: u8,
    /// Digits to send once there is a talk (H.245 UserInputIndication).
    pub digits: String,
    /// Whom to call.
    pub destination: Option<Destination>,
    /// How many calls to make.
    pub calls: u32,
    /// How many calls to begin in a second.
    pub rate: f64,
    /// How many calls may be there at a time, of those it makes; further ones wait.
    pub at_once: usize,
    /// How long to talk, from when audio is open both ways (2 s after Connect, if it is not), before hanging up; `None`
    /// leaves that to the peer.
    pub hold: Option<Duration>,
    /// Tell what is heard as [`Event::Audio`](crate::event::Event::Audio).
    pub record: bool,
    /// Keep registration, pinholes and media mappings alive. Off, it shows what they are good for.
    pub keepalives: bool,
}

impl Options {
    /// The terminalType of a terminal without an MC (H.323 table 1).
    pub const TERMINAL: u8 = 50;

    /// A phone of one name without gatekeeper, on any address, that takes no calls and makes none.
    #[must_use]
    pub fn new(alias: &str) -> Self {
        Self {
            aliases: vec![alias.to_owned()],
            gatekeeper: Gatekeeper::None,
            ip: Ipv4Addr::UNSPECIFIED.into(),
            listen_port: None,
            password: None,
            incoming: Incoming::Refused,
            traversal: true,
            multiplex: false,
            tunnelling: true,
            fast_start: false,
            law: Law::A,
            source: Source::Tone(440.0),
            video: None,
            presentation: None,
            encryption: Encryption::Off,
            terms: Terms::up_to(2048),
            terminal_type: Self::TERMINAL,
            digits: String::new(),
            destination: None,
            calls: 1,
            rate: 1.0,
            at_once: usize::MAX,
            hold: None,
            record: false,
            keepalives: true,
        }
    }

    /// The name it is known by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.aliases.first().map_or("", String::as_str)
    }
}

/// Whether media is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    Off,
    /// When the other party can do it.
    Optional,
    /// Or there is no call.
    Required,
}

/// Where the gatekeeper is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gatekeeper {
    /// There is none: calls go straight to addresses.
    None,
    /// Whoever answers a GRQ sent to this address, usually 224.0.1.41:1718 (H.225.0 §7.8).
    Discover(SocketAddr),
    /// Here.
    At(SocketAddr),
}

/// A password, and the time that goes with it into every proof.
#[derive(Clone)]
pub struct Password {
    /// The password.
    pub word: String,
    /// The time since 1970 at which the phone begins.
    pub since_1970: Duration,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Password").finish_non_exhaustive()
    }
}

/// What happens to calls that come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// They are refused, and the phone ends after the calls it makes.
    Refused,
    /// They ring until the caller gives up.
    Ring,
    /// They are answered at once.
    Answer,
}

/// What is sent as audio.
#[derive(Debug, Clone)]
pub enum Source {
    /// A sine wave of so many hertz.
    Tone(f64),
    /// Samples at 8 kHz, again from the start after the end.
    Samples(Arc<[i16]>),
}

/// Whom to call: a name, an address, or a name at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The name, if there is one.
    pub alias: Option<String>,
    /// The address, if there is one.
    pub address: Option<SocketAddr>,
}

impl Destination {
    /// The port where calls arrive unless another is said.
    pub const PORT: u16 = 1720;

    /// Reads `name`, `192.0.2.1`, `192.0.2.1:1720`, `[2001:db8::1]:1720` or `name@192.0.2.1`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Some(address) = parse_address(text) {
            return Self { alias: None, address: Some(address) };
        }
        match text.rsplit_once('@') {
            Some((alias, host)) if !alias.is_empty() && parse_address(host).is_some() => {
                Self { alias: Some(alias.to_owned()), address: parse_address(host) }
            }
            _ => Self { alias: Some(text.to_owned()), address: None },
        }
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.alias, self.address) {
            (Some(alias), _) => f.write_str(alias),
            (None, Some(address)) => address.fmt(f),
            (None, None) => Ok(()),
        }
    }
}

fn parse_address(text: &str) -> Option<SocketAddr> {
    let bare = || text.parse::<IpAddr>().ok().map(|ip| (ip, Destination::PORT).into());
    text.parse().ok().or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations() {
        let parse = |text| {
            let destination = Destination::parse(text);
            (destination.alias, destination.address.map(|address| address.to_string()))
        };
        let (name, at) = (|text: &str| Some(text.to_owned()), |text: &str| Some(text.to_owned()));
        assert_eq!(parse("bob"), (name("bob"), None));
        assert_eq!(parse("192.0.2.1"), (None, at("192.0.2.1:1720")));
        assert_eq!(parse("192.0.2.1:99"), (None, at("192.0.2.1:99")));
        assert_eq!(parse("[2001:db8::1]:99"), (None, at("[2001:db8::1]:99")));
        assert_eq!(parse("2001:db8::1"), (None, at("[2001:db8::1]:1720")));
        assert_eq!(parse("bob@192.0.2.1:99"), (name("bob"), at("192.0.2.1:99")));
        assert_eq!(parse("bob@example.org"), (name("bob@example.org"), None));
    }
}
