//! What calls are configured with: causes, modes, kinds of keepalives.

use std::ops::RangeInclusive;

use super::{Fault, Value, Wrong};

/// Q.850 causes: `1-15,21-127`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Causes(pub Vec<RangeInclusive<u8>>);

/// How much of a call goes through the gatekeeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// Call signalling.
    Routed,
    /// Call signalling and H.245.
    H245Routed,
    /// Call signalling, H.245 and media.
    Proxy,
}

/// Two modes: of calls between a network and others, and of calls inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routings {
    /// Calls between the network and others.
    pub crossing: Routing,
    /// Calls inside it.
    pub inside: Routing,
}

/// What keeps a connection of call signalling alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignallingKeepAlive {
    /// A Facility that carries nothing.
    EmptyFacility,
    /// A TPKT without content.
    Tpkt,
    /// An Information message.
    Information,
    /// A Notify message.
    Notify,
    /// A Status message.
    Status,
    /// A StatusInquiry message.
    StatusInquiry,
    /// Nothing is sent.
    None,
}

/// What keeps a connection of H.245 alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKeepAlive {
    /// A userInput indication that nobody understands.
    UserInput,
    /// A TPKT without content.
    Tpkt,
    /// Nothing is sent.
    None,
}

/// Of what kind the channels are that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Audio.
    Audio,
    /// Video.
    Video,
    /// A second video, such as a presentation (H.239).
    H239,
}

/// What becomes of a message that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodingError {
    /// The call ends.
    Disconnect,
    /// It is left out.
    Drop,
    /// With GnuGk it is passed on; it is left out.
    Forward,
}

/// Whom a party may call that is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallsTo {
    /// Registered endpoints, and those of neighbours.
    Registered,
    /// Any address, too.
    Anybody,
}

impl Causes {
    /// Those that GnuGk has by default: all but normal clearing, busy, and whatever the called party itself did.
    #[must_use]
    pub fn usual() -> Self {
        Self(vec![1..=15, 21..=127])
    }

    /// True when a cause is among them.
    #[must_use]
    pub fn contains(&self, cause: u8) -> bool {
        self.0.iter().any(|range| range.contains(&cause))
    }
}

impl Value for Causes {
    const SYNTAX: &'static str = "causes";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut at = 0;
        let mut ranges = Vec::new();
        for piece in text.split(',') {
            let wrong = || Wrong { at, fault: Fault::NotCauses(piece.trim().to_owned()) };
            let one = |text: &str| {
                text.trim().parse().ok().filter(|cause| (1..=127).contains(cause)).ok_or_else(wrong)
            };
            if !piece.trim().is_empty() {
                let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
                let (first, last): (u8, u8) = (one(first)?, one(last)?);
                if first > last {
                    return Err(wrong());
                }
                ranges.push(first..=last);
            }
            at += piece.chars().count() + 1;
        }
        Ok(Self(ranges))
    }

    fn render(&self) -> String {
        let one = |range: &RangeInclusive<u8>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

/// Words, each for a value.
macro_rules! words {
    ($type:ty, $allowed:literal, $syntax:literal, [$($word:literal => $value:path,)+]) => {
        impl Value for $type {
            const SYNTAX: &'static str = $syntax;

            fn parse(text: &str) -> Result<Self, Wrong> {
                match text.to_ascii_lowercase() {
                    $(word if word == $word.to_ascii_lowercase() => Ok($value),)+
                    word if word.is_empty() => Err(Fault::Empty.into()),
                    _ => Err(Fault::NotChoice { text: text.to_owned(), allowed: $allowed }.into()),
                }
            }

            fn render(&self) -> String {
                match self { $($value => $word.to_owned(),)+ }
            }
        }
    };
}

words!(Routing, "ROUTED, H245ROUTED, PROXY", "`ROUTED`, `H245ROUTED`, `PROXY`", [
    "ROUTED" => Self::Routed,
    "H245ROUTED" => Self::H245Routed,
    "PROXY" => Self::Proxy,
]);

words!(
    SignallingKeepAlive,
    "EmptyFacility, TPKT, Information, Notify, Status, StatusInquiry, None",
    "`EmptyFacility`, `TPKT`, `Information`, `Notify`, `Status`, `StatusInquiry`, `None`",
    [
        "EmptyFacility" => Self::EmptyFacility,
        "TPKT" => Self::Tpkt,
        "Information" => Self::Information,
        "Notify" => Self::Notify,
        "Status" => Self::Status,
        "StatusInquiry" => Self::StatusInquiry,
        "None" => Self::None,
    ]
);

words!(ControlKeepAlive, "UserInput, TPKT, None", "`UserInput`, `TPKT`, `None`", [
    "UserInput" => Self::UserInput,
    "TPKT" => Self::Tpkt,
    "None" => Self::None,
]);

words!(Medium, "Audio, Video, H239", "`Audio`, `Video`, `H239`", [
    "Audio" => Self::Audio,
    "Video" => Self::Video,
    "H239" => Self::H239,
]);

words!(DecodingError, "Disconnect, Drop, Forward", "`Disconnect`, `Drop`, `Forward`", [
    "Disconnect" => Self::Disconnect,
    "Drop" => Self::Drop,
    "Forward" => Self::Forward,
]);

words!(CallsTo, "registered, anybody", "`registered`, `anybody`", [
    "registered" => Self::Registered,
    "anybody" => Self::Anybody,
]);

impl Value for Routings {
    const SYNTAX: &'static str =
        "`PROXY`, `H245ROUTED`, `ROUTED` between it and others[`,` and inside it]";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (crossing, inside) = text.split_once(',').unwrap_or((text, text));
        let at = crossing.chars().count() + 1;
        Ok(Self {
            crossing: Routing::parse(crossing.trim())?,
            inside: Routing::parse(inside.trim())
                .map_err(|wrong| Wrong { at, fault: wrong.fault })?,
        })
    }

    fn render(&self) -> String {
        format!("{},{}", self.crossing.render(), self.inside.render())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes() {
        let causes = Causes::parse("1-15, 21-127").unwrap();
        assert_eq!(causes, Causes::usual());
        assert_eq!(causes.render(), "1-15,21-127");
        assert!(causes.contains(1) && causes.contains(34) && !causes.contains(17));
        for wrong in ["0", "128", "9-3", "a", "1-2-3"] {
            assert!(Causes::parse(wrong).is_err(), "{wrong}");
        }
        assert!(!Causes::parse("").unwrap().contains(34));
    }

    #[test]
    fn modes_of_a_network() {
        let routings = Routings::parse("h245routed, ROUTED").unwrap();
        assert_eq!(routings.render(), "H245ROUTED,ROUTED");
        assert_eq!(Routings::parse("PROXY").unwrap().render(), "PROXY,PROXY");
        assert_eq!(Routings::parse("PROXY,x").unwrap_err().at, 6);
    }
}
