//! Reasons of RAS rejects, and the release reasons they stand for when they end a call.

use super::{Cause, Release};

catalogue! {
    /// A reason of any RAS reject (GRJ, RRJ, URJ, ARJ, BRJ, DRJ, LRJ), without what some of them carry.
    pub enum Reject => release: Release {
        AdditiveRegistrationNotSupported "additiveRegistrationNotSupported" UndefinedReason "aliases cannot be added to a registration";
        AliasesInconsistent "aliasesInconsistent" BadFormatAddress "the aliases given belong to different parties";
        CallInProgress "callInProgress" UndefinedReason "the endpoint is in a call";
        CalledPartyNotRegistered "calledPartyNotRegistered" CalledPartyNotRegistered "the called party is not registered";
        CallerNotRegistered "callerNotRegistered" CallerNotRegistered "the calling party is not registered";
        CollectDestination "collectDestination" BadFormatAddress "the caller must be asked whom to call";
        CollectPin "collectPIN" NoPermission "the caller must be asked for a code";
        DiscoveryRequired "discoveryRequired" CallerNotRegistered "the gatekeeper must be discovered first";
        DuplicateAlias "duplicateAlias" UndefinedReason "an alias is registered by another endpoint";
        ExceedsCallCapacity "exceedsCallCapacity" NoBandwidth "no further call can be taken";
        FullRegistrationRequired "fullRegistrationRequired" CallerNotRegistered "the endpoint must register in full";
        GenericDataReason "genericDataReason" GenericDataReason "a feature gives the reason";
        HopCountExceeded "hopCountExceeded" HopCountExceeded "the request went through too many systems";
        IncompleteAddress "incompleteAddress" BadFormatAddress "the address that was called is incomplete";
        InsufficientResources "insufficientResources" NoBandwidth "there is not enough bandwidth";
        InvalidAlias "invalidAlias" UndefinedReason "an alias is not permitted";
        InvalidCallSignalAddress "invalidCallSignalAddress" UndefinedReason "the call signalling address is not acceptable";
        InvalidConferenceId "invalidConferenceID" InvalidCid "the conference does not exist";
        InvalidEndpointIdentifier "invalidEndpointIdentifier" CallerNotRegistered "the endpoint identifier is not of a registered endpoint";
        InvalidPermission "invalidPermission" NoPermission "the request is not permitted";
        InvalidRasAddress "invalidRASAddress" UndefinedReason "the RAS address is not acceptable";
        InvalidRevision "invalidRevision" InvalidRevision "the protocol version is not supported";
        InvalidTerminalAliases "invalidTerminalAliases" UndefinedReason "some aliases are not acceptable";
        InvalidTerminalType "invalidTerminalType" UndefinedReason "endpoints of this type are not accepted";
        NeededFeatureNotSupported "neededFeatureNotSupported" NeededFeatureNotSupported "a feature that is needed is not supported";
        NoRouteToDestination "noRouteToDestination" UnreachableDestination "there is no way to the called party";
        NotBound "notBound" UndefinedReason "the endpoint has no such permission to bandwidth";
        NotCurrentlyRegistered "notCurrentlyRegistered" CallerNotRegistered "the endpoint is not registered";
        NotRegistered "notRegistered" CalledPartyNotRegistered "the party is not registered";
        PermissionDenied "permissionDenied" NoPermission "the request is not permitted";
        QosControlNotSupported "qosControlNotSupported" UndefinedReason "the quality of service asked for is not supported";
        RegisterWithAssignedGatekeeper "registerWithAssignedGK" CallerNotRegistered "another gatekeeper is assigned to the endpoint";
        RequestDenied "requestDenied" NoBandwidth "the bandwidth asked for is not available";
        RequestToDropOther "requestToDropOther" NoPermission "the call belongs to others";
        ResourceUnavailable "resourceUnavailable" GatekeeperResources "the gatekeeper has no resources left";
        RouteCallToGatekeeper "routeCallToGatekeeper" UnreachableGatekeeper "the call must go through the gatekeeper";
        RouteCallToScn "routeCallToSCN" UnreachableDestination "the call must go through the telephone network";
        SecurityDhMismatch "securityDHmismatch" SecurityDenied "the two parties have no key agreement in common";
        SecurityDenial "securityDenial" SecurityDenied "the request failed its security checks";
        SecurityError "securityError" SecurityDenied "the request failed its security checks";
        TerminalExcluded "terminalExcluded" NoPermission "the gatekeeper does not serve this endpoint";
        TransportNotSupported "transportNotSupported" UndefinedReason "the transport is not supported";
        TransportQosNotSupported "transportQOSNotSupported" UndefinedReason "the transport's quality of service is not supported";
        UnallocatedNumber "unallocatedNumber" UnreachableDestination "nobody has the number that was called";
        UndefinedReason "undefinedReason" UndefinedReason "the request was refused without a reason given";
    }
}

impl Reject {
    /// The cause that stands for it: that of its release reason, unless there is a better one.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::UnallocatedNumber => Cause::UNALLOCATED_NUMBER,
            _ => self.release().cause(),
        }
    }
}
