//! Reasons of ReleaseComplete, and the causes they stand for (H.225.0 table 5).

use super::Cause;

catalogue! {
    /// A ReleaseCompleteReason, without what some of its alternatives carry.
    pub enum Release => cause: Cause {
        NoBandwidth "noBandwidth" NO_CIRCUIT_AVAILABLE "there is not enough bandwidth";
        GatekeeperResources "gatekeeperResources" RESOURCE_UNAVAILABLE "the gatekeeper has no resources left";
        UnreachableDestination "unreachableDestination" NO_ROUTE_TO_DESTINATION "the called party cannot be reached";
        DestinationRejection "destinationRejection" NORMAL_CLEARING "the other party ended the call";
        InvalidRevision "invalidRevision" INCOMPATIBLE_DESTINATION "the two parties speak incompatible versions";
        NoPermission "noPermission" INTERWORKING "the call is not permitted";
        UnreachableGatekeeper "unreachableGatekeeper" NETWORK_OUT_OF_ORDER "the gatekeeper cannot be reached";
        GatewayResources "gatewayResources" SWITCHING_CONGESTION "the gateway has no resources left";
        BadFormatAddress "badFormatAddress" INVALID_NUMBER_FORMAT "the address that was called is malformed";
        AdaptiveBusy "adaptiveBusy" TEMPORARY_FAILURE "the network is overloaded";
        InConf "inConf" USER_BUSY "the called party is busy";
        UndefinedReason "undefinedReason" NORMAL_UNSPECIFIED "the call ended without a reason given";
        FacilityCallDeflection "facilityCallDeflection" NORMAL_CLEARING "the call was deflected to another party";
        SecurityDenied "securityDenied" NORMAL_UNSPECIFIED "the security settings of the two parties do not agree";
        CalledPartyNotRegistered "calledPartyNotRegistered" SUBSCRIBER_ABSENT "the called party is not registered";
        CallerNotRegistered "callerNotRegistered" NORMAL_UNSPECIFIED "the calling party is not registered";
        NewConnectionNeeded "newConnectionNeeded" RESOURCE_UNAVAILABLE "the call needs a connection of its own";
        NonStandardReason "nonStandardReason" INTERWORKING "the call ended for a vendor's own reason";
        ReplaceWithConferenceInvite "replaceWithConferenceInvite" NORMAL_UNSPECIFIED "the call is replaced by a conference";
        GenericDataReason "genericDataReason" NORMAL_UNSPECIFIED "the call ended for a reason that a feature gives";
        NeededFeatureNotSupported "neededFeatureNotSupported" NORMAL_UNSPECIFIED "a feature that one party needs is not supported";
        TunnelledSignallingRejected "tunnelledSignallingRejected" INTERWORKING "tunnelled signalling is refused";
        InvalidCid "invalidCID" NO_ROUTE_TO_DESTINATION "the conference that was called does not exist";
        SecurityError "securityError" NORMAL_UNSPECIFIED "a message failed its security checks";
        HopCountExceeded "hopCountExceeded" EXCHANGE_ROUTING_ERROR "the call went through too many systems";
    }
}

impl From<Cause> for Release {
    /// The reason that says best what a bare cause says.
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::NORMAL_CLEARING | Cause::CALL_REJECTED | Cause::NO_ANSWER => {
                Self::DestinationRejection
            }
            Cause::UNALLOCATED_NUMBER
            | Cause::NO_ROUTE_TO_DESTINATION
            | Cause::NO_USER_RESPONDING
            | Cause::DESTINATION_OUT_OF_ORDER => Self::UnreachableDestination,
            Cause::USER_BUSY => Self::InConf,
            Cause::SUBSCRIBER_ABSENT => Self::CalledPartyNotRegistered,
            Cause::EXCHANGE_ROUTING_ERROR => Self::HopCountExceeded,
            Cause::INVALID_NUMBER_FORMAT => Self::BadFormatAddress,
            Cause::NO_CIRCUIT_AVAILABLE => Self::NoBandwidth,
            Cause::NETWORK_OUT_OF_ORDER => Self::UnreachableGatekeeper,
            Cause::TEMPORARY_FAILURE => Self::AdaptiveBusy,
            Cause::SWITCHING_CONGESTION => Self::GatewayResources,
            Cause::RESOURCE_UNAVAILABLE => Self::GatekeeperResources,
            Cause::BEARER_NOT_AUTHORIZED => Self::NoPermission,
            Cause::INCOMPATIBLE_DESTINATION => Self::InvalidRevision,
            _ => Self::UndefinedReason,
        }
    }
}
