//! Parties of old versions of H.225.0, and what the caller has heard before: messages that are made fit, or left out.

use pinhole_h323::asn::h225::{
    FacilityReason, GenericData, GenericIdentifier, H323UUPDUH323MessageBody as Body,
};
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Signal;
use pinhole_h323::version;

use super::{Call, CallKey, CallTimer, Calls, carrier, progress};
use crate::face::Side;
use crate::node::{Cx, Timer};

/// The first version that knows a Facility with reason transportedInformation.
const TRANSPORTED: u64 = 4;

/// Makes a message fit for the party that it goes to.
pub(super) fn adapt(cx: &Cx<'_>, call: &Call, to: Side, signal: &mut Signal) {
    if cx.core.settings.handling.translates_facility {
        make_fit(call, to, signal);
    }
}

/// A Facility that only carries something goes to old parties without a body of its own.
pub(super) fn make_fit(call: &Call, to: Side, signal: &mut Signal) {
    let old = call.version[to.index()].is_some_and(|version| version < TRANSPORTED);
    let carries =
        matches!(signal.facility_reason(), Some(FacilityReason::transportedInformation(())));
    if old && carries {
        signal.edit(|pdu| pdu.h323_message_body = Body::empty(()));
    }
}

/// A Setup tells no features of H.460.
pub(super) fn remove_features(setup: &mut Signal) {
    if setup.message_type() != MessageType::Setup {
        return;
    }
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { return };
        (setup.needed_features, setup.desired_features, setup.supported_features) =
            (None, None, None);
        let is_feature = |data: &GenericData| matches!(data.id, GenericIdentifier::standard(_));
        if let Some(data) = &mut pdu.generic_data {
            data.retain(|data| !is_feature(data));
        }
        pdu.generic_data.take_if(|data| data.is_empty());
    });
}

/// The version that a message says its sender speaks.
pub(super) fn version_of(signal: &Signal) -> Option<u64> {
    let identifier = match signal.body()? {
        Body::setup(body) => &body.protocol_identifier,
        Body::callProceeding(body) => &body.protocol_identifier,
        Body::alerting(body) => &body.protocol_identifier,
        Body::connect(body) => &body.protocol_identifier,
        Body::facility(body) => &body.protocol_identifier,
        Body::progress(body) => &body.protocol_identifier,
        _ => return None,
    };
    version::of_h225(identifier)
}

impl Calls {
    /// True for a CallProceeding that tells the caller nothing new.
    pub(super) fn said_already(&mut self, key: CallKey, from: Side, signal: &Signal) -> bool {
        let Some(call) = self.calls.get_mut(&key) else { return false };
        if from != Side::B || signal.message_type() != MessageType::CallProceeding {
            return false;
        }
        let empty = signal.h245_address().is_none()
            && signal.h245_control().is_empty()
            && signal.fast_start().is_empty()
            && !signal.fast_connect_refused();
        std::mem::replace(&mut call.route.proceeding, true) && empty
    }

    /// A call has begun: what the configuration wants of it from the start.
    pub(super) fn begun(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        if let Some(limit) = cx.core.settings.handling.longest_wait {
            cx.set(Timer::Call(key, CallTimer::Limit), limit);
        }
        if let Some(keepalive) = cx.core.settings.handling.keepalive {
            cx.set(Timer::Call(key, CallTimer::Refresh), keepalive.interval);
        }
        if cx.core.settings.handling.proceeds_at_once {
            self.proceed(cx, key);
        }
    }

    /// Tells the caller that its call is on its way, before anybody has been reached.
    fn proceed(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(call) = self.live(key) else { return };
        if let Some(setup) = call.route.setup.clone() {
            carrier::heard(call, Side::A, &setup);
        }
        let mut signal = Signal::call_proceeding(call.speaks_to(Side::A));
        if !call.translates {
            // The called party has not said a word yet.
            signal.edit(|pdu| pdu.provisional_resp_to_h245_tunneling = Some(()));
        }
        progress::adapt_features(cx.core.settings.ability(), call, Side::B, &mut signal);
        call.route.proceeding = true;
        if let (Some(stream), Ok(octets)) = (call.leg(Side::A).stream, signal.encode()) {
            cx.send(stream, &octets);
        }
    }
}
