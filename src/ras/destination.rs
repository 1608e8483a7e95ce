//! Where calls go: whom the names and addresses lead to by which somebody is called.

use std::net::SocketAddr;

use pinhole_h323::alias::Alias;
use pinhole_h323::id::EndpointId;

use super::prefix::Word;
use crate::node::{Core, Cx};
use crate::zone::{self, ZoneId};

/// Destinations that are tried after the first.
const MOST_OTHERS: usize = 8;

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// To a registered endpoint.
    Endpoint(EndpointId),
    /// To an address that the caller named.
    Address(SocketAddr),
    /// To a neighbour, who knows the called party.
    Neighbor {
        /// Which.
        zone: ZoneId,
        /// Its call signalling address; of the client of a zone, which connects itself, of no use.
        signalling: SocketAddr,
    },
    /// Perhaps to a neighbour: those that fit have to be asked about these names; else where it would go without.
    Elsewhere(Vec<Alias>, Option<Box<Self>>),
}

/// Finds where a call goes: to the registered endpoint with one of the aliases; else to the address that was named,
/// or that is written as an alias; else to the gateway with the longest prefix of a number among them.
pub(crate) fn resolve(
    core: &Core,
    aliases: impl Iterator<Item = Alias>,
    named: Option<SocketAddr>,
) -> Option<Destination> {
    find(core, aliases, named).map(|(destination, _)| destination)
}

/// Where a call goes, and on whose word.
fn find(
    core: &Core,
    aliases: impl Iterator<Item = Alias>,
    named: Option<SocketAddr>,
) -> Option<(Destination, Word)> {
    // Whoever calls through us may name us as the next hop: that says nothing of where the call goes.
    let mut address = named.filter(|address| !is_ours(core, *address));
    let mut numbers = Vec::new();
    let here = |alias: Alias| {
        let user = without_domain(core, &alias);
        std::iter::once(alias).chain(user)
    };
    for alias in aliases.flat_map(here) {
        if let Some(found) = core.registrations.find(&alias) {
            return Some((Destination::Endpoint(found.id.clone()), Word::Operator));
        }
        match alias {
            Alias::Transport(named) => {
                address = address.or_else(|| Some(named).filter(|named| !is_ours(core, *named)));
            }
            Alias::DialedDigits(digits) | Alias::PartyNumber(digits) => numbers.push(digits),
            _ => {}
        }
    }
    if address.is_none() {
        let turns = core.settings.ras.turns;
        let gateways = numbers.iter().flat_map(|number| core.registrations.ranked(number, turns));
        let (word, gateway) = gateways.min_by_key(|(word, _)| *word)?;
        return Some((Destination::Endpoint(gateway.id.clone()), word));
    }
    let address = address.filter(|address| is_callable(core, *address))?;
    let found = core.registrations.at(address);
    let to = found.map_or(Destination::Address(address), |r| Destination::Endpoint(r.id.clone()));
    Some((to, Word::Operator))
}

/// Finds where a call goes, or which names neighbours have to be asked about first: when nobody is here whose number or name
/// it is, or a gateway to which the configuration gives the number.
pub(crate) fn resolve_or_ask(
    cx: &Cx<'_>,
    mut aliases: Vec<Alias>,
    named: Option<SocketAddr>,
) -> Option<Destination> {
    let here = resolve(cx.core, aliases.iter().cloned(), named);
    if let (Some(Destination::Address(address)), true) = (&here, aliases.is_empty()) {
        aliases.push(Alias::Transport(*address));
    }
    if is_here(cx.core, &aliases, named) || !zone::is_reached_by(cx, &aliases, &[]) {
        return here;
    }
    Some(Destination::Elsewhere(aliases, here.map(Box::new)))
}

/// True when a call goes to an endpoint here, whatever neighbours know: not when nothing leads there but a prefix that the
/// endpoint tells itself.
pub(crate) fn is_here(core: &Core, aliases: &[Alias], named: Option<SocketAddr>) -> bool {
    let found = find(core, aliases.iter().cloned(), named);
    matches!(found, Some((Destination::Endpoint(_), Word::Operator)))
}

/// Whom `user@domain` means when the domain is ours: one of DefaultDomain, or an address of this host.
fn without_domain(core: &Core, alias: &Alias) -> Option<Alias> {
    let (Alias::H323Id(text) | Alias::Url(text) | Alias::Email(text)) = alias else { return None };
    let scheme = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("h323:"));
    let text = if scheme { text.get(5..)? } else { text };
    let (user, domain) = text.rsplit_once('@')?;
    let named = |known: &String| known.eq_ignore_ascii_case(domain);
    let address = domain.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let ours = core.settings.ras.domains.iter().any(named)
        || address.is_ok_and(|ip| core.locals.contains(&ip) || core.settings.external == Some(ip));
    (ours && !user.is_empty()).then(|| Alias::from_text(user))
}

/// Where else a call can go: wherever the other names lead under which the called party is known, and to the other
/// gateways of a number. The best come first.
pub(crate) fn others(
    core: &Core,
    aliases: &[Alias],
    named: Option<SocketAddr>,
    first: &Destination,
) -> Vec<Destination> {
    let turns = core.settings.ras.turns;
    let gateways = |alias: &Alias| match alias {
        Alias::DialedDigits(number) | Alias::PartyNumber(number) => {
            core.registrations.gateways(number, turns)
        }
        _ => Vec::new(),
    };
    let of = |alias: &Alias| {
        let one = resolve(core, std::iter::once(alias.clone()), None);
        let others =
            gateways(alias).into_iter().map(|known| Destination::Endpoint(known.id.clone()));
        one.into_iter().chain(others).collect::<Vec<_>>()
    };
    let found = aliases.iter().flat_map(of).chain(resolve(core, std::iter::empty(), named));
    let mut all = Vec::new();
    for one in found {
        if one != *first && !all.contains(&one) && all.len() < MOST_OTHERS {
            all.push(one);
        }
    }
    all
}

/// True for our own signalling address.
pub(crate) fn is_ours(core: &Core, address: SocketAddr) -> bool {
    let ip = address.ip();
    let ours = core.locals.contains(&ip) || core.settings.external == Some(ip);
    ours && core.signalling_at(ip, ip).port() == address.port()
}

/// True for an address that a call can be made to: some other host's.
fn is_callable(core: &Core, address: SocketAddr) -> bool {
    let ip = address.ip();
    let broadcast = matches!(ip, std::net::IpAddr::V4(v4) if v4.is_broadcast());
    address.port() != 0
        && !is_ours(core, address)
        && !ip.is_unspecified()
        && !ip.is_multicast()
        && !broadcast
}
