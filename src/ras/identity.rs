//! Endpoint identifiers: ours, and those that endpoints bring.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::RegistrationRequest;
use pinhole_h323::id::EndpointId;
use rand::RngExt as _;

use super::Origin;
use super::endpoint::is_unguessable;
use crate::node::Cx;

/// The longest identifier, in characters of 16 bits (H.225.0 EndpointIdentifier).
const LONGEST: usize = 128;

/// The identifier of an endpoint that registers: the one it has already, or a fresh one.
pub(super) fn identify(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
    aliases: &[Alias],
) -> EndpointId {
    own(cx, origin, request, aliases).unwrap_or_else(|| fresh(cx))
}

/// The identifier an endpoint registers again with, unless it is another's. One that is not known is kept, too: it was
/// given before the gatekeeper was started again, and h323plus goes on with it whatever the confirm says. Nobody gains
/// by it: an identifier that others could guess counts from the endpoint's very socket only.
///
/// An endpoint that names none keeps the one it has, if its socket and its names are the same: its request may be the
/// same one again, of which it hears the first answer only.
fn own(
    cx: &Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
    aliases: &[Alias],
) -> Option<EndpointId> {
    if let Some(id) = request.endpoint_identifier.as_ref().map(EndpointId::from) {
        let fits = (1..=LONGEST).contains(&id.0.encode_utf16().count());
        let known = cx.core.registrations.get(&id);
        return match known {
            Some(known) => {
                let moves = cx.core.settings.ras.dynamic_ip && is_unguessable(&id);
                let own = known.speaks_from(origin.from) || moves;
                (own && !known.permanent).then_some(id)
            }
            None => (fits && cx.core.settings.ras.accept_identifier).then_some(id),
        };
    }
    let known = cx.core.registrations.find(aliases.first()?)?;
    let same = known.source == origin.from && known.aliases == aliases && !known.permanent;
    same.then(|| known.id.clone())
}

/// A fresh endpoint identifier that nobody can guess.
pub(super) fn fresh(cx: &mut Cx<'_>) -> EndpointId {
    let random: u128 = cx.core.rng.random();
    EndpointId(format!("{random:032x}{}", cx.core.settings.endpoint_suffix))
}
