//! Endpoints that the configuration registers (`[RasSrv::PermanentEndpoints]`): they are called, and call, without ever
//! saying RRQ.

use std::net::SocketAddr;

use pinhole_h323::alias::Alias;
use pinhole_h323::id::EndpointId;

use super::endpoint::{Kind, Registration};
use super::table::Rules;
use super::{Origin, identity};
use crate::face::SocketId;
use crate::node::Cx;

/// Enters them all. The first alias of the file wins.
pub(crate) fn enter(cx: &mut Cx<'_>) {
    for (at, permanent) in cx.core.settings.ras.permanent.clone() {
        let local = (0..).zip(&cx.core.locals).find(|(_, ip)| ip.is_ipv4() == at.is_ipv4());
        let Some((socket, local)) = local.map(|(n, ip)| (SocketId(n), *ip)) else { continue };
        let aliases: Vec<Alias> =
            permanent.aliases.iter().map(|text| Alias::from_text(text)).collect();
        let own = cx.core.settings.ras.particulars.of(&aliases);
        let mut prefixes = permanent.prefixes;
        prefixes.extend(own.iter().flat_map(|own| own.prefixes.clone()));
        let gateway = !prefixes.is_empty() || own.as_ref().is_some_and(|own| own.gateway);
        let new = Registration {
            hearing: super::endpoint::Hearing::default(),
            id: identity::fresh(cx),
            aliases,
            kind: if gateway { Kind::Gateway } else { Kind::Terminal },
            prefixes,
            told_prefixes: Vec::new(),
            own,
            vendor: permanent.vendor.join(" "),
            ras: at,
            source: at,
            socket,
            local,
            signalling: Some(at),
            traversal: false,
            natted: false,
            multiplexes: false,
            ttl_s: None,
            polls: 0,
            permanent: true,
            additive: false,
            busy: false,
            turns: 0,
            since: cx.now,
            seen: cx.now,
            shown: cx.now,
        };
        let rules = Rules { most_from_address: usize::MAX, most: usize::MAX, overwrite: false };
        if let Err(why) = cx.core.registrations.enter(new, rules, true) {
            tracing::warn!(%at, ?why, "a permanent endpoint is not registered");
        }
    }
}

/// The permanent endpoint that a registration comes from, if it is one: it is registered already, and stays.
pub(super) fn is(
    cx: &Cx<'_>,
    origin: Origin,
    signalling: Option<SocketAddr>,
) -> Option<EndpointId> {
    let known = cx.core.registrations.at(signalling?)?;
    (known.permanent && known.is_from(origin.from)).then(|| known.id.clone())
}
