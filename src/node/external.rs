//! ExternalIP by name, or as a STUN server sees it: the address of a router that gets another one from time to time. It is
//! looked up at the beginning, and again and again; what peers outside are told is what was found last.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Cx, Timer};
use crate::event::Event;
use crate::face::{Output, Question, QuestionId};

/// The number of the look-up; neighbours have others.
pub(super) const QUESTION: QuestionId = QuestionId(0);
/// The time between two look-ups.
const AGAIN: Duration = Duration::from_secs(60);
/// The same while no address is known.
const SOON: Duration = Duration::from_secs(5);

/// Where the address comes from when the configuration does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// It is that of this name.
    Name(String),
    /// A STUN server sees it.
    Stun {
        /// The server's name or address.
        server: String,
        /// Its port (UDP).
        port: u16,
    },
}

impl Lookup {
    /// What is asked, from this local address if it matters.
    fn question(&self, from: Option<IpAddr>) -> Question {
        match self {
            Self::Name(name) => Question::Addresses { hosts: vec![(name.clone(), 0)] },
            Self::Stun { server, port } => {
                Question::Mapped { server: (server.clone(), *port), from }
            }
        }
    }

    /// Who is asked.
    fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Stun { server: name, .. } => name,
        }
    }

    /// What was found, in words.
    fn found(&self, ip: IpAddr) -> String {
        match self {
            Self::Name(name) => format!("peers outside are told {ip}, the address of {name}"),
            Self::Stun { server, .. } => {
                format!("peers outside are told {ip}, by which the STUN server {server} sees us")
            }
        }
    }

    /// That nothing was found, in words.
    fn nothing(&self) -> String {
        match self {
            Self::Name(name) => format!("{name} has no address that could be told"),
            Self::Stun { server, .. } => {
                format!("the STUN server {server} tells no address that could be told")
            }
        }
    }
}

/// Asks for the address, if the configuration does not have it.
pub(super) fn look_up(cx: &mut Cx<'_>) {
    let Some(lookup) = &cx.core.settings.external_lookup else { return };
    let from = cx.core.settings.bind.filter(|ip| cx.core.locals.contains(ip));
    let question = lookup.question(from);
    cx.core.out.push(Output::Ask { id: QUESTION, question });
    // Whether it is answered or not.
    let wait = if cx.core.settings.external.is_some() { AGAIN } else { SOON };
    cx.set(Timer::External, wait);
}

/// Takes the answer. Of several addresses the first counts that could be told to a peer; the address known before stays
/// when there is none.
pub(super) fn resolved(cx: &mut Cx<'_>, addresses: &[SocketAddr]) {
    let Some(lookup) = cx.core.settings.external_lookup.clone() else { return };
    let locals = &cx.core.locals;
    let usable = |ip: &IpAddr| {
        let family = locals.iter().any(|local| local.is_ipv4() == ip.is_ipv4());
        family && !ip.is_unspecified() && !ip.is_multicast()
    };
    let mut found: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).filter(usable).collect();
    // Behind a router that translates is IPv4, if there is any.
    found.sort_by_key(IpAddr::is_ipv6);
    let before = cx.core.settings.external;
    // The one that is told already, if it is among them, whatever their order.
    let found = before.filter(|ip| found.contains(ip)).or_else(|| found.first().copied());
    let lost = found.is_none();
    if found.is_some() {
        cx.core.settings.external = found;
        cx.set(Timer::External, AGAIN);
    }
    let news = (found.is_some() && found != before) || cx.core.external_lost != Some(lost);
    cx.core.external_lost = Some(lost);
    if news {
        let sentence = match (found, before) {
            (Some(ip), _) => lookup.found(ip),
            (None, Some(ip)) => format!("{}: peers outside are still told {ip}", lookup.nothing()),
            (None, None) => {
                format!("{}: peers outside are told that of this host", lookup.nothing())
            }
        };
        let ip = cx.core.settings.external;
        let name = lookup.name().to_owned();
        cx.event(Event::ExternalAddress { name, ip, sentence });
    }
}
