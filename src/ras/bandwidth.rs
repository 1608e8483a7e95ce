//! BRQ, and what calls may have: each endpoint's part in each call is booked.

use std::collections::BTreeMap;

use pinhole_h323::asn::h225::{
    BandRejectReason, BandWidth, BandwidthConfirm, BandwidthReject, BandwidthRequest, RasMessage,
};
use pinhole_h323::id::{CallId, EndpointId};

use super::Origin;
use super::settings::Bandwidth;
use crate::call::Calls;
use crate::node::Cx;

/// Calls of one endpoint in which it can have a part: of a call that does not go through us, and whose end nobody tells, it
/// is kept until the registration ends.
const MOST_OF_ONE: usize = 1000;

/// What endpoints were granted, in units of 100 bit/s.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    granted: BTreeMap<(CallId, EndpointId), u32>,
    /// What each endpoint has in all its calls.
    parts: BTreeMap<EndpointId, Parts>,
    total: u64,
}

/// The parts of one endpoint.
#[derive(Debug, Default)]
struct Parts {
    calls: usize,
    sum: u64,
}

impl Ledger {
    /// What all calls have together.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// How many parts of calls are booked.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.granted.len()
    }

    /// Books what an endpoint has in a call, in place of what it had; if that is too much, says how much it may have.
    ///
    /// # Errors
    /// How much there is.
    fn book(
        &mut self,
        limits: Bandwidth,
        (call, endpoint): (CallId, &EndpointId),
        wanted: u32,
    ) -> Result<u32, u32> {
        let key = (call, endpoint.clone());
        let had = self.granted.get(&key).copied().unwrap_or(0);
        let others = self.total.saturating_sub(had.into());
        let wanted = wanted.max(limits.least.unwrap_or(0));
        if let Some(total) = limits.total {
            let left = u64::from(total).saturating_sub(others);
            if u64::from(wanted) > left {
                return Err(u32::try_from(left).unwrap_or(u32::MAX));
            }
        }
        // Nobody has to give back nothing, and who has so many calls has forgotten to give back.
        let fresh = !self.granted.contains_key(&key);
        let has = self.parts.get(endpoint).map_or(0, |parts| parts.calls);
        if fresh && wanted > 0 && has >= MOST_OF_ONE {
            return Err(0);
        }
        self.give_back_part(call, endpoint.clone());
        if wanted > 0 {
            let parts = self.parts.entry(endpoint.clone()).or_default();
            parts.calls += 1;
            parts.sum += u64::from(wanted);
            self.granted.insert(key, wanted);
            self.total = others + u64::from(wanted);
        }
        Ok(wanted)
    }

    /// How much an endpoint may have in a call, of what it may have in all of them.
    fn left(&self, most: u32, (call, endpoint): (CallId, &EndpointId)) -> u32 {
        let had = self.granted.get(&(call, endpoint.clone())).copied().unwrap_or(0);
        let all = self.parts.get(endpoint).map_or(0, |parts| parts.sum);
        let others = all.saturating_sub(had.into());
        u32::try_from(u64::from(most).saturating_sub(others)).unwrap_or(u32::MAX)
    }

    /// A call is over: all its parties give back what they had.
    pub(crate) fn give_back(&mut self, call: CallId) {
        let nobody = EndpointId(String::new());
        let parts: Vec<EndpointId> = self
            .granted
            .range((call, nobody)..)
            .take_while(|((of, _), _)| *of == call)
            .map(|((_, endpoint), _)| endpoint.clone())
            .collect();
        for endpoint in parts {
            self.give_back_part(call, endpoint);
        }
    }

    /// An endpoint is gone: what it had is given back.
    pub(super) fn forget(&mut self, gone: &EndpointId) {
        let calls: Vec<CallId> = self
            .granted
            .keys()
            .filter(|(_, endpoint)| endpoint == gone)
            .map(|(call, _)| *call)
            .collect();
        for call in calls {
            self.give_back_part(call, gone.clone());
        }
    }

    /// A party has left a call.
    pub(crate) fn give_back_part(&mut self, call: CallId, endpoint: EndpointId) {
        let key = (call, endpoint);
        let Some(had) = self.granted.remove(&key) else { return };
        self.total = self.total.saturating_sub(had.into());
        if let Some(parts) = self.parts.get_mut(&key.1) {
            parts.calls = parts.calls.saturating_sub(1);
            parts.sum = parts.sum.saturating_sub(had.into());
            if parts.calls == 0 {
                self.parts.remove(&key.1);
            }
        }
    }
}

/// What a party of a new call may have of what it asks for; nothing when there is not enough.
pub(super) fn admit(
    cx: &mut Cx<'_>,
    call: Option<CallId>,
    endpoint: &EndpointId,
    wanted: &BandWidth,
) -> Option<BandWidth> {
    let limits = cx.core.settings.ras.bandwidth;
    let wanted = wanted.0.min(limits.most.unwrap_or(u32::MAX));
    let own = own_limit(cx, endpoint);
    // Without a limit there is nothing to book, and without a name nothing to give back.
    let (Some(call), Some(_)) = (call, limits.total.or(own)) else {
        return Some(BandWidth(wanted.min(own.unwrap_or(u32::MAX))));
    };
    let left = own.map_or(u32::MAX, |most| cx.core.bandwidth.left(most, (call, endpoint)));
    if left == 0 && wanted > 0 {
        return None;
    }
    let wanted = wanted.min(left);
    let granted = cx.core.bandwidth.book(limits, (call, endpoint), wanted).ok()?;
    Some(BandWidth(granted))
}

/// What the calls of an endpoint may have together, where the configuration says it.
fn own_limit(cx: &Cx<'_>, endpoint: &EndpointId) -> Option<u32> {
    cx.core.registrations.get(endpoint)?.own.as_ref()?.bandwidth
}

/// Answers a BandwidthRequest (H.225.0 §7.12): only a party of the call can ask.
pub(super) fn answer(
    cx: &mut Cx<'_>,
    calls: &Calls,
    origin: Origin,
    request: &BandwidthRequest,
) -> RasMessage {
    let request_seq_num = request.request_seq_num.clone();
    match change(cx, calls, origin, request) {
        Ok(band_width) => RasMessage::bandwidthConfirm(Box::new(BandwidthConfirm {
            request_seq_num,
            band_width,
            ..Default::default()
        })),
        Err((reject_reason, allowed)) => RasMessage::bandwidthReject(Box::new(BandwidthReject {
            request_seq_num,
            reject_reason,
            allowed_band_width: BandWidth(allowed),
            ..Default::default()
        })),
    }
}

fn change(
    cx: &mut Cx<'_>,
    calls: &Calls,
    origin: Origin,
    request: &BandwidthRequest,
) -> Result<BandWidth, (BandRejectReason, u32)> {
    let id = cx.heard(&request.endpoint_identifier, origin.from);
    let id = id.ok_or((BandRejectReason::notBound(()), 0))?;
    let call = request.call_identifier.as_ref().map(CallId::from);
    // A call that does not go through us is known from its admission only, which is over.
    if let Some(call) = call
        && calls.is_party(call, &id) == Some(false)
    {
        return Err((BandRejectReason::invalidConferenceID(()), 0));
    }
    let limits = cx.core.settings.ras.bandwidth;
    if limits.any_change {
        return Ok(request.band_width.clone());
    }
    let short = |allowed| (BandRejectReason::insufficientResources(()), allowed);
    let most = limits.most.unwrap_or(u32::MAX);
    if request.band_width.0 > most {
        return Err(short(most));
    }
    let own = own_limit(cx, &id);
    let left = match (own, call) {
        (Some(most), Some(call)) => cx.core.bandwidth.left(most, (call, &id)),
        (own, _) => own.unwrap_or(u32::MAX),
    };
    if request.band_width.0 > left {
        return Err(short(left));
    }
    match call {
        // Only of a call that is known it will be known when it ends.
        Some(call) if limits.total.or(own).is_some() && calls.is_party(call, &id).is_some() => {
            let part = (call, &id);
            cx.core.bandwidth.book(limits, part, request.band_width.0).map(BandWidth).map_err(short)
        }
        _ => Ok(request.band_width.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Bandwidth =
        Bandwidth { total: Some(10_000), least: Some(640), most: None, any_change: false };

    fn call(n: u8) -> CallId {
        CallId([n; 16])
    }

    #[test]
    fn what_is_booked_counts_once_and_is_given_back() {
        let (mut ledger, alice, bob) = (Ledger::default(), "alice".into(), "bob".into());
        assert_eq!(ledger.book(LIMITS, (call(1), &alice), 6000), Ok(6000));
        assert_eq!(ledger.book(LIMITS, (call(1), &bob), 6000), Err(4000));
        assert_eq!(ledger.book(LIMITS, (call(1), &bob), 10), Ok(640), "the least");
        assert_eq!(ledger.book(LIMITS, (call(1), &alice), 9360), Ok(9360), "instead of 6000");
        assert_eq!(ledger.book(LIMITS, (call(2), &alice), 1), Err(0));
        ledger.give_back_part(call(1), alice.clone());
        assert_eq!(ledger.total(), 640);
        assert_eq!(ledger.book(LIMITS, (call(2), &alice), 1000), Ok(1000));
        ledger.give_back(call(1));
        assert_eq!((ledger.total(), ledger.len()), (1000, 1));
        ledger.give_back(call(2));
        assert_eq!((ledger.total(), ledger.len()), (0, 0));
    }

    /// In direct mode nobody else knows of a call, and each can be a new one.
    #[test]
    fn who_asks_without_end_fills_nothing() {
        let (mut ledger, alice) = (Ledger::default(), EndpointId::from("alice"));
        let limits = Bandwidth { total: Some(u32::MAX), ..Bandwidth::default() };
        let id = |n: u32| CallId(u128::from(n).to_be_bytes());
        for n in 0..10_000 {
            assert_eq!(ledger.book(limits, (id(n), &alice), 0), Ok(0));
        }
        assert_eq!((ledger.len(), ledger.parts.len()), (0, 0));
        let granted = (0..10_000).filter(|n| ledger.book(limits, (id(*n), &alice), 1).is_ok());
        assert_eq!(granted.count(), MOST_OF_ONE);
        assert_eq!(ledger.book(limits, (id(7), &alice), 5), Ok(5), "what there is can change");
        assert_eq!(ledger.book(limits, (id(1), &"bob".into()), 1), Ok(1), "others have their own");
        ledger.give_back(id(7));
        assert_eq!(ledger.book(limits, (id(5000), &alice), 1), Ok(1));
        ledger.forget(&alice);
        assert_eq!((ledger.len(), ledger.parts.len(), ledger.total()), (1, 1, 1));
    }
}
