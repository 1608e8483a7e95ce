//! A registered endpoint: who it is, where it is, and whose messages are its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use pinhole_config::{EndpointKind, GatewayPrefix};
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::EndpointType;
use pinhole_h323::id::EndpointId;

use super::particular::Particular;
use crate::face::SocketId;

/// Hexadecimal digits at the beginning of an identifier that we gave: 128 random bits.
const RANDOM_DIGITS: usize = 32;
/// The longest identifier, in characters (H.225.0 EndpointIdentifier).
const LONGEST: usize = 128;

/// What an endpoint is (H.225.0 EndpointType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Terminal,
    Gateway,
    Mcu,
}

impl Kind {
    pub(super) const fn of(told: &EndpointType) -> Self {
        if told.gateway.is_some() {
            Self::Gateway
        } else if told.mcu.is_some() {
            Self::Mcu
        } else {
            Self::Terminal
        }
    }

    /// As the configuration names it.
    pub(super) const fn in_configuration(self) -> EndpointKind {
        match self {
            Self::Terminal => EndpointKind::Terminal,
            Self::Gateway => EndpointKind::Gateway,
            Self::Mcu => EndpointKind::Mcu,
        }
    }

    /// As the status names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Gateway => "gateway",
            Self::Mcu => "mcu",
        }
    }
}

/// What shows that an endpoint hears us: whoever only sends, with an address that is not his, does not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hearing {
    /// Its identifier is of our making: who names it has heard our confirm.
    pub(super) drawn: bool,
    /// It has named it.
    pub(super) proven: bool,
    /// It has answered a question with its number.
    pub(super) answers: bool,
    /// The number of the last question (requestSeqNum of IRQ), while that is open.
    pub(super) asked: Option<u16>,
    /// How many answers to it came with another number.
    pub(super) wrong: u8,
}

impl Hearing {
    /// Answers with another number, after which a question is not open any more: a number of 16 bits must not be found by
    /// trying. Some endpoints send answers unasked (irrFrequency), with numbers of their own.
    const MOST_WRONG: u8 = 8;

    /// Something has shown that it hears us.
    pub(super) const fn shows(&self) -> bool {
        self.proven || self.answers
    }

    /// An answer with this number is here; true if that was asked for.
    pub(super) fn takes(&mut self, number: u16) -> bool {
        let Some(asked) = self.asked else { return false };
        if asked == number {
            (self.asked, self.answers) = (None, true);
            return true;
        }
        self.wrong += 1;
        if self.wrong >= Self::MOST_WRONG {
            self.asked = None;
        }
        false
    }
}

/// A registered endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) id: EndpointId,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) kind: Kind,
    /// The numbers that it takes calls for, as a gateway: what the configuration says.
    pub(crate) prefixes: Vec<GatewayPrefix>,
    /// Prefixes of numbers that it says it takes calls for. As anybody may say so, they come after all others.
    pub(crate) told_prefixes: Vec<String>,
    /// What holds for it alone.
    pub(crate) own: Option<Arc<Particular>>,
    /// Its maker and product, as it tells them.
    pub(crate) vendor: String,
    /// Where RAS messages to it go: behind a NAT, the pinhole.
    pub(crate) ras: SocketAddr,
    /// Where its last RAS message came from.
    pub(crate) source: SocketAddr,
    /// The socket its registration came in on; what is sent to it leaves there.
    pub(crate) socket: SocketId,
    /// The local address that socket has.
    pub(crate) local: IpAddr,
    /// The signalling address it told, which behind a NAT nobody can reach.
    pub(crate) signalling: Option<SocketAddr>,
    /// True when it asked for H.460.18 and was granted it.
    pub(crate) traversal: bool,
    /// True when its packets come from another address than the one it told.
    pub(crate) natted: bool,
    /// True when its last call has shown that it can send multiplexed media (H.460.19). A called party says so only in
    /// its answer, too late for the channels that fast start proposes to it.
    pub(crate) multiplexes: bool,
    /// Seconds that it lives without refresh.
    pub(crate) ttl_s: Option<u32>,
    /// How often it was asked whether it is still there, since it was last heard.
    pub(crate) polls: u32,
    /// True when the configuration registered it: it never ends.
    pub(crate) permanent: bool,
    /// True once it has added aliases to its registration: it can take them away one by one.
    pub(crate) additive: bool,
    /// True when it said that it is almost out of resources (RAI).
    pub(crate) busy: bool,
    /// How often calls were placed to it, for gateways to take turns.
    pub(crate) turns: u64,
    /// What shows that it hears us.
    pub(super) hearing: Hearing,
    /// When it registered.
    pub(crate) since: Instant,
    /// When it was last heard.
    pub(crate) seen: Instant,
    /// When it last showed that it hears us, or else when it came: anybody can say what an endpoint says, from any address,
    /// but that does not protect its place.
    pub(crate) shown: Instant,
}

impl Registration {
    /// The name by which people know it.
    pub(crate) fn name(&self) -> String {
        self.aliases.first().map_or_else(|| self.id.to_string(), ToString::to_string)
    }

    /// Every name by which it is called: those that it brought, and the numbers that the configuration gives it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Alias> {
        self.aliases.iter().chain(self.own.iter().flat_map(|own| &own.numbers))
    }

    /// True when a connection from this source can be the endpoint's: its port says nothing.
    pub(crate) fn is_from(&self, source: SocketAddr) -> bool {
        self.source.ip() == source.ip()
    }

    /// True when a RAS message from this source that names the identifier is the endpoint's. Behind a NAT the port may
    /// change, the address does not; who shares that address does not know the identifier. An identifier that others
    /// could guess, because the endpoint brought it and not we made it, counts from its very socket only.
    pub(crate) fn speaks_from(&self, source: SocketAddr) -> bool {
        self.is_from(source) && (is_unguessable(&self.id) || self.source == source)
    }
}

/// True for an identifier of the form that we give out: with 128 random bits. Who makes one up that has this form and can
/// be guessed harms nobody but himself.
pub(crate) fn is_unguessable(id: &EndpointId) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let digits = id.0.bytes().take(RANDOM_DIGITS).filter(is_digit).count();
    digits == RANDOM_DIGITS && id.0.encode_utf16().count() <= LONGEST
}

/// The vendor of an endpoint as people read it: the product and its version, as far as they are text.
pub(crate) fn vendor(told: &pinhole_h323::asn::h225::VendorIdentifier) -> String {
    let part = |octets: &Option<pinhole_h323::asn::OctetString>| {
        let text = octets.as_ref().map(|octets| String::from_utf8_lossy(octets).into_owned());
        let text = text.unwrap_or_default();
        text.trim_matches(['\0', ' ']).chars().filter(|c| !c.is_control()).collect::<String>()
    };
    let parts = [part(&told.product_id), part(&told.version_id)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_with_128_random_bits_cannot_be_guessed() {
        let yes = ["0bcf57d83c7cb5336c7f17afa3e1b5c4_endp", "0bcf57d83c7cb5336c7f17afa3e1b5c4"];
        assert!(yes.iter().all(|id| is_unguessable(&EndpointId::from(*id))));
        let long = format!("{}{}", "a".repeat(32), "x".repeat(97));
        let no = ["", "2685_endp", "0bcf57d83c7cb5336c7f17afa3e1b5c_endp", "0BCF", long.as_str()];
        assert!(!no.iter().any(|id| is_unguessable(&EndpointId::from(*id))));
    }
}
