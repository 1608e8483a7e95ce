//! Calls that go past us, as the configuration wants it of all (`-d`) or of single endpoints (`ForceDirectMode`).

use std::net::SocketAddr;

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::AdmissionRequest;
use pinhole_h323::id::EndpointId;

use super::destination::Destination;
use super::endpoint::Registration;
use crate::node::{Core, Mode};

/// Whether the calls of an endpoint go past us, as the configuration says of it alone. Nobody can be helped whose call does.
pub(super) fn goes(core: &Core, known: &Registration) -> bool {
    known.own.as_ref().is_some_and(|own| own.direct) && !core.settings.encryption.is_wanted()
}

/// Whether a called party may be asked for an admission to a call that went past us.
pub(super) fn may_come(core: &Core, request: &AdmissionRequest, called: &EndpointId) -> bool {
    let goes = |known: Option<&Registration>| known.is_some_and(|known| goes(core, known));
    let mut callers = request.src_info.iter().filter_map(Alias::read);
    core.settings.mode == Mode::Direct
        || goes(core.registrations.get(called))
        || callers.any(|caller| goes(core.registrations.find(&caller)))
}

/// The called party's address, when the configuration wants direct calls and neither party needs our help.
pub(super) fn to(core: &Core, caller: &EndpointId, to: &Destination) -> Option<SocketAddr> {
    let past = |id: &EndpointId| core.registrations.get(id).is_some_and(|known| goes(core, known));
    let called = matches!(to, Destination::Endpoint(id) if past(id));
    if core.settings.mode != Mode::Direct && !past(caller) && !called {
        return None;
    }
    let open = |id: &EndpointId| {
        core.registrations.get(id).filter(|known| !known.traversal && !known.natted)
    };
    let from = open(caller)?.ras.ip();
    let to = match to {
        Destination::Endpoint(id) => open(id)?.signalling,
        Destination::Address(address) => Some(*address),
        Destination::Neighbor { .. } | Destination::Elsewhere(..) => None,
    };
    to.filter(|to| to.is_ipv4() == from.is_ipv4())
}
