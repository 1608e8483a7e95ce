//! Parties of a call that are registered: what their RAS means for it.

use std::time::Duration;

use pinhole_h323::asn::h225::ConferenceIdentifier;
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::id::{CallId, Crv, EndpointId};

use super::{Call, CallKey, CallTimer, Calls, Why};
use crate::face::Side;
use crate::node::{Cx, Timer};

/// How long ReleaseComplete may come after DRQ.
const DISENGAGED: Duration = Duration::from_secs(1);

impl Call {
    /// Which party an endpoint is.
    fn side_of(&self, endpoint: &EndpointId) -> Option<Side> {
        let party = |side: &Side| self.leg(*side).endpoint.as_ref() == Some(endpoint);
        [Side::A, Side::B].into_iter().find(party)
    }
}

impl Calls {
    /// The registered endpoint that a call is placed to.
    pub(crate) fn called_endpoint(&self, id: CallId) -> Option<EndpointId> {
        let key = self.index.ids.get(&id)?;
        self.calls.get(key)?.leg(Side::B).endpoint.clone()
    }

    /// True when an endpoint is the called party of a call.
    pub(crate) fn is_called(&self, id: CallId, endpoint: &EndpointId) -> bool {
        self.called_endpoint(id).as_ref() == Some(endpoint)
    }

    /// Whether an endpoint is a party of a call, if there is such a call.
    pub(crate) fn is_party(&self, id: CallId, endpoint: &EndpointId) -> Option<bool> {
        let call = self.calls.get(self.index.ids.get(&id)?)?;
        Some(call.legs.iter().any(|leg| leg.endpoint.as_ref() == Some(endpoint)))
    }

    /// The call of an endpoint with this call reference: the one that it answered, or made, of this conference. None when
    /// that leaves a choice.
    pub(crate) fn referenced(
        &self,
        endpoint: &EndpointId,
        crv: Crv,
        answered: bool,
        conference: &ConferenceIdentifier,
    ) -> Option<CallId> {
        let side = if answered { Side::B } else { Side::A };
        let own = |call: &&Call| {
            call.crv == crv
                && call.conference == *conference
                && call.leg(side).endpoint.as_ref() == Some(endpoint)
        };
        let calls = self.parties.of(endpoint).filter_map(|key| self.calls.get(&key));
        let mut all = calls.filter(own);
        all.next().filter(|_| all.next().is_none()).map(|call| call.id)
    }

    /// An endpoint has sent DRQ for a call, and told why it is over, or not.
    pub(crate) fn disengaged(
        &mut self,
        cx: &mut Cx<'_>,
        id: CallId,
        endpoint: &EndpointId,
        told: Option<(Release, Cause)>,
    ) {
        let Some(key) = self.index.ids.get(&id).copied() else { return };
        let Some(call) = self.calls.get_mut(&key) else { return };
        let Some(side) = call.side_of(endpoint) else { return };
        call.leg_mut(side).disengaged = told;
        if call.is_live()
            && !cx.core.settings.handling.ends_on_drq
            && call.leg(side).stream.is_some()
        {
            return;
        }
        // DRQ (UDP) often overtakes the ReleaseComplete (TCP) that says why.
        if call.is_live() && call.leg(side).stream.is_some() {
            cx.set(Timer::Call(key, CallTimer::Disengaged(side)), DISENGAGED);
        } else {
            self.disengage(cx, key, side, "ended the call (DRQ)");
        }
    }

    pub(super) fn disengage(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side, how: &str) {
        let Some(call) = self.calls.get(&key) else { return };
        let sentence = format!("{} {how}", call.leg(side).name);
        let told = call.leg(side).disengaged;
        let why = Why::disengaged(sentence, told);
        if side == Side::B { self.failed(cx, key, &why) } else { self.end(cx, key, &why) }
    }

    /// The calls of an endpoint, and which party it is.
    fn of_party(&self, endpoint: &EndpointId) -> Vec<(CallKey, Side)> {
        let calls = self.parties.of(endpoint).filter_map(|key| self.calls.get(&key));
        calls.filter_map(|call| Some((call.key, call.side_of(endpoint)?))).collect()
    }

    /// An endpoint has unregistered: its calls are over.
    pub(crate) fn unregistered(&self, cx: &mut Cx<'_>, endpoint: &EndpointId) {
        for (key, side) in self.of_party(endpoint) {
            // URQ (UDP) may overtake the ReleaseComplete (TCP), as DRQ does.
            cx.set(Timer::Call(key, CallTimer::Unregistered(side)), DISENGAGED);
        }
    }

    /// An endpoint was silent for so long that its registration has ended.
    pub(crate) fn silent(&mut self, cx: &mut Cx<'_>, endpoint: &EndpointId) {
        for (key, side) in self.of_party(endpoint) {
            let Some(call) = self.calls.get(&key) else { continue };
            let sentence =
                format!("{} did not refresh its registration any more", call.leg(side).name);
            let why = Why::silent(sentence);
            if side == Side::B { self.failed(cx, key, &why) } else { self.end(cx, key, &why) }
        }
    }
}
