//! Additive registration (H.225.0 §7.9.3): an endpoint adds aliases to those that it has.

use pinhole_h323::asn::h225::{RegistrationRejectReason, RegistrationRequest};
use pinhole_h323::id::EndpointId;

use super::Origin;
use super::registration::{Rejected, counted, first_alias, prefixes, reject};
use super::table::{MOST_ALIASES, Refusal};
use crate::node::Cx;

/// Adds the aliases and prefixes of a request to a registration. All of them, or none.
pub(super) fn add(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &RegistrationRequest,
) -> Result<EndpointId, Rejected> {
    let id = request.endpoint_identifier.as_ref();
    let id = id.and_then(|id| cx.heard(id, origin.from));
    let known = id.as_ref().and_then(|id| cx.core.registrations.get(id));
    let Some(known) = known.filter(|known| !known.permanent) else {
        return Err((RegistrationRejectReason::fullRegistrationRequired(()), None));
    };
    let id = known.id.clone();
    let mut aliases = known.aliases.clone();
    let endpoint = known.kind;
    for alias in counted(cx, endpoint, request) {
        match cx.core.registrations.find(&alias) {
            Some(owner) if owner.id == id => {}
            Some(_) => return Err(reject(&first_alias(request), &Refusal::DuplicateAlias(alias))),
            None if cx.core.registrations.is_kept_from(cx.now, origin.from.ip(), &alias) => {
                return Err(reject(&first_alias(request), &Refusal::DuplicateAlias(alias)));
            }
            None if !aliases.contains(&alias) => aliases.push(alias),
            None => {}
        }
    }
    let most = cx.core.settings.limits.registrations_in_all;
    if aliases.len() > MOST_ALIASES || !cx.core.registrations.holds_aliases(&id, &aliases, most) {
        return Err(reject(&first_alias(request), &Refusal::InvalidAlias));
    }
    let (given, told) = prefixes(cx, request, &aliases);
    let Origin { from, socket, local, .. } = origin;
    cx.core.registrations.moved(&id, from, socket, local);
    let own = cx.core.settings.ras.particulars.of(&aliases);
    cx.core.registrations.rename(&id, cx.now, |known| {
        known.aliases = aliases;
        known.own = own;
        merge(&mut known.prefixes, given);
        merge(&mut known.told_prefixes, told);
        known.additive = true;
    });
    Ok(id)
}

/// Adds what is not there yet, as far as there is room.
fn merge<T: PartialEq>(all: &mut Vec<T>, added: Vec<T>) {
    for one in added {
        if !all.contains(&one) && all.len() < MOST_ALIASES {
            all.push(one);
        }
    }
}
