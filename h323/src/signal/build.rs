//! Messages of call signalling that more than one room makes.

use super::{Body, Signal};
use crate::address;
use crate::asn::h225::{CallProceedingUUIE, FacilityReason, FacilityUUIE, ReleaseCompleteUUIE};
use crate::cause::{Cause, Release};
use crate::id::{CallId, Crv};
use crate::version;
use std::net::SocketAddr;

/// What starts every message of ours to which a call reference applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// The call reference value on this connection.
    pub crv: Crv,
    /// True when we are the called side of the call on this connection.
    pub from_destination: bool,
    /// The call.
    pub call_id: CallId,
    /// Whether we tunnel H.245 on this connection.
    pub tunnelling: bool,
}

impl Signal {
    /// ReleaseComplete with a reason and a cause, by default the reason's.
    #[must_use]
    pub fn release_complete(leg: Leg, release: Release, cause: Option<Cause>) -> Self {
        let body = ReleaseCompleteUUIE {
            protocol_identifier: version::h225(),
            reason: Some(release.into()),
            call_identifier: Some(leg.call_id.into()),
            ..ReleaseCompleteUUIE::default()
        };
        let mut signal = Self::on(leg, Body::releaseComplete(Box::new(body)));
        signal.q931_mut().set_cause(cause.unwrap_or_else(|| release.cause()).value());
        signal
    }

    /// CallProceeding of a gatekeeper that has reached nobody yet.
    #[must_use]
    pub fn call_proceeding(leg: Leg) -> Self {
        let body = CallProceedingUUIE {
            protocol_identifier: version::h225(),
            call_identifier: Some(leg.call_id.into()),
            multiple_calls: Some(false),
            maintain_connection: Some(false),
            ..CallProceedingUUIE::default()
        };
        Self::on(leg, Body::callProceeding(Box::new(body)))
    }

    /// Facility that only carries: H.245 in h245Control, data of features; with nothing in it, the keepalive of
    /// a signalling connection that Cisco and GnuGk send (reason transportedInformation).
    #[must_use]
    pub fn transport(leg: Leg) -> Self {
        Self::facility(leg, FacilityReason::transportedInformation(()), None)
    }

    /// Facility that asks the peer to connect to our H.245 address (H.323 §8.2.3).
    #[must_use]
    pub fn start_h245(leg: Leg, at: SocketAddr) -> Self {
        Self::facility(leg, FacilityReason::startH245(()), Some(at))
    }

    /// A Facility that sends the caller to a gatekeeper, which it has to call there (routeCallToGatekeeper).
    #[must_use]
    pub fn route_to_gatekeeper(leg: Leg, at: SocketAddr) -> Self {
        let mut signal = Self::facility(leg, FacilityReason::routeCallToGatekeeper(()), None);
        signal.edit(|pdu| {
            if let Body::facility(facility) = &mut pdu.h323_message_body {
                facility.alternative_address = Some(address::to_h225(at));
            }
        });
        signal
    }

    /// Whether it is a Facility that carries nothing, and so a keepalive.
    #[must_use]
    pub fn is_keepalive(&self) -> bool {
        matches!(self.facility_reason(), Some(FacilityReason::transportedInformation(())))
            && self.pdu().is_some_and(|pdu| {
                pdu.h245_control.is_none()
                    && pdu.generic_data.is_none()
                    && pdu.h4501_supplementary_service.is_none()
                    && pdu.non_standard_data.is_none()
                    && pdu.non_standard_control.is_none()
            })
            && self.fast_start().is_empty()
    }

    /// A message on a leg, with its tunnelling flag.
    #[must_use]
    pub fn on(leg: Leg, body: Body) -> Self {
        let mut signal = Self::of(leg.crv, leg.from_destination, body);
        signal.set_h245_tunnelling(leg.tunnelling);
        signal
    }

    /// Facility without conferenceID, one call per connection.
    pub(crate) fn facility(leg: Leg, reason: FacilityReason, h245: Option<SocketAddr>) -> Self {
        let body = FacilityUUIE {
            protocol_identifier: version::h225(),
            reason,
            call_identifier: Some(leg.call_id.into()),
            h245_address: h245.map(address::to_h225),
            multiple_calls: Some(false),
            maintain_connection: Some(false),
            ..FacilityUUIE::default()
        };
        Self::on(leg, Body::facility(Box::new(body)))
    }
}
