//! The catalogues to and from their ASN.1 types.

use super::{Reject, Release};
use crate::asn::h225::{
    AdmissionRejectReason, BandRejectReason, DisengageRejectReason, GatekeeperRejectReason,
    LocationRejectReason, RegistrationRejectReason, ReleaseCompleteReason, UnregRejectReason,
};

/// Maps the alternatives of an ASN.1 type: those that carry nothing both ways, those that carry something only
/// from ASN.1. The alternative for what the type lacks stands first.
macro_rules! map {
    ($catalogue:ident <=> $asn:ident, $fallback:ident;
     $($plain:ident $plain_row:ident),*; $($loaded:ident $loaded_row:ident),*) => {
        impl From<&$asn> for $catalogue {
            fn from(reason: &$asn) -> Self {
                match reason {
                    $($asn::$plain(()) => Self::$plain_row,)*
                    $($asn::$loaded(_) => Self::$loaded_row,)*
                    $asn::UnknownAlternative(_) => Self::UndefinedReason,
                }
            }
        }

        impl From<$catalogue> for $asn {
            /// What the type lacks, or cannot say without more, becomes its most general alternative.
            fn from(reason: $catalogue) -> Self {
                match reason {
                    $($catalogue::$plain_row => Self::$plain(()),)*
                    _ => Self::$fallback(()),
                }
            }
        }
    };
}

map!(Release <=> ReleaseCompleteReason, undefinedReason;
    noBandwidth NoBandwidth, gatekeeperResources GatekeeperResources,
    unreachableDestination UnreachableDestination, destinationRejection DestinationRejection,
    invalidRevision InvalidRevision, noPermission NoPermission,
    unreachableGatekeeper UnreachableGatekeeper, gatewayResources GatewayResources,
    badFormatAddress BadFormatAddress, adaptiveBusy AdaptiveBusy, inConf InConf,
    undefinedReason UndefinedReason, facilityCallDeflection FacilityCallDeflection,
    securityDenied SecurityDenied, calledPartyNotRegistered CalledPartyNotRegistered,
    callerNotRegistered CallerNotRegistered, newConnectionNeeded NewConnectionNeeded,
    genericDataReason GenericDataReason, neededFeatureNotSupported NeededFeatureNotSupported,
    tunnelledSignallingRejected TunnelledSignallingRejected, invalidCID InvalidCid,
    hopCountExceeded HopCountExceeded;
    nonStandardReason NonStandardReason, replaceWithConferenceInvite ReplaceWithConferenceInvite,
    securityError SecurityError);

map!(Reject <=> AdmissionRejectReason, undefinedReason;
    calledPartyNotRegistered CalledPartyNotRegistered, invalidPermission InvalidPermission,
    requestDenied RequestDenied, undefinedReason UndefinedReason,
    callerNotRegistered CallerNotRegistered, routeCallToGatekeeper RouteCallToGatekeeper,
    invalidEndpointIdentifier InvalidEndpointIdentifier, resourceUnavailable ResourceUnavailable,
    securityDenial SecurityDenial, qosControlNotSupported QosControlNotSupported,
    incompleteAddress IncompleteAddress, aliasesInconsistent AliasesInconsistent,
    exceedsCallCapacity ExceedsCallCapacity, collectDestination CollectDestination,
    collectPIN CollectPin, genericDataReason GenericDataReason,
    neededFeatureNotSupported NeededFeatureNotSupported, securityDHmismatch SecurityDhMismatch,
    noRouteToDestination NoRouteToDestination, unallocatedNumber UnallocatedNumber,
    registerWithAssignedGK RegisterWithAssignedGatekeeper;
    routeCallToSCN RouteCallToScn, securityError SecurityError);

map!(Reject <=> LocationRejectReason, undefinedReason;
    notRegistered NotRegistered, invalidPermission InvalidPermission, requestDenied RequestDenied,
    undefinedReason UndefinedReason, securityDenial SecurityDenial,
    aliasesInconsistent AliasesInconsistent, resourceUnavailable ResourceUnavailable,
    genericDataReason GenericDataReason, neededFeatureNotSupported NeededFeatureNotSupported,
    hopCountExceeded HopCountExceeded, incompleteAddress IncompleteAddress,
    securityDHmismatch SecurityDhMismatch, noRouteToDestination NoRouteToDestination,
    unallocatedNumber UnallocatedNumber;
    routeCalltoSCN RouteCallToScn, securityError SecurityError);

map!(Reject <=> RegistrationRejectReason, undefinedReason;
    discoveryRequired DiscoveryRequired, invalidRevision InvalidRevision,
    invalidCallSignalAddress InvalidCallSignalAddress, invalidRASAddress InvalidRasAddress,
    invalidTerminalType InvalidTerminalType, undefinedReason UndefinedReason,
    transportNotSupported TransportNotSupported, transportQOSNotSupported TransportQosNotSupported,
    resourceUnavailable ResourceUnavailable, invalidAlias InvalidAlias, securityDenial SecurityDenial,
    fullRegistrationRequired FullRegistrationRequired,
    additiveRegistrationNotSupported AdditiveRegistrationNotSupported,
    genericDataReason GenericDataReason, neededFeatureNotSupported NeededFeatureNotSupported,
    registerWithAssignedGK RegisterWithAssignedGatekeeper;
    duplicateAlias DuplicateAlias, invalidTerminalAliases InvalidTerminalAliases,
    securityError SecurityError);

map!(Reject <=> GatekeeperRejectReason, undefinedReason;
    resourceUnavailable ResourceUnavailable, terminalExcluded TerminalExcluded,
    invalidRevision InvalidRevision, undefinedReason UndefinedReason, securityDenial SecurityDenial,
    genericDataReason GenericDataReason, neededFeatureNotSupported NeededFeatureNotSupported;
    securityError SecurityError);

map!(Reject <=> UnregRejectReason, undefinedReason;
    notCurrentlyRegistered NotCurrentlyRegistered, callInProgress CallInProgress,
    undefinedReason UndefinedReason, permissionDenied PermissionDenied, securityDenial SecurityDenial;
    securityError SecurityError);

map!(Reject <=> BandRejectReason, undefinedReason;
    notBound NotBound, invalidConferenceID InvalidConferenceId, invalidPermission InvalidPermission,
    insufficientResources InsufficientResources, invalidRevision InvalidRevision,
    undefinedReason UndefinedReason, securityDenial SecurityDenial;
    securityError SecurityError);

map!(Reject <=> DisengageRejectReason, securityDenial;
    notRegistered NotRegistered, requestToDropOther RequestToDropOther, securityDenial SecurityDenial;
    securityError SecurityError);

#[cfg(test)]
mod tests {
    use super::*;

    /// What a type can say comes back as it was; the rest becomes `general`. Returns how many came back.
    fn said<T: From<Reject>>(general: Reject) -> usize
    where
        for<'a> Reject: From<&'a T>,
    {
        let there_and_back = |reject: &Reject| (*reject, Reject::from(&T::from(*reject)));
        let pairs = Reject::ALL.iter().map(there_and_back);
        let (same, other): (Vec<_>, Vec<_>) = pairs.partition(|(before, after)| before == after);
        assert!(other.iter().all(|(_, after)| *after == general), "{other:?}");
        same.len()
    }

    #[test]
    fn rejects_go_to_asn_and_back() {
        assert_eq!(said::<AdmissionRejectReason>(Reject::UndefinedReason), 21);
        assert_eq!(said::<LocationRejectReason>(Reject::UndefinedReason), 14);
        assert_eq!(said::<RegistrationRejectReason>(Reject::UndefinedReason), 16);
        assert_eq!(said::<GatekeeperRejectReason>(Reject::UndefinedReason), 7);
        assert_eq!(said::<UnregRejectReason>(Reject::UndefinedReason), 5);
        assert_eq!(said::<BandRejectReason>(Reject::UndefinedReason), 7);
        assert_eq!(said::<DisengageRejectReason>(Reject::SecurityDenial), 3);
    }

    #[test]
    fn releases_go_to_asn_and_back() {
        for release in Release::ALL {
            let back = Release::from(&ReleaseCompleteReason::from(*release));
            let loaded = matches!(
                release,
                Release::NonStandardReason
                    | Release::ReplaceWithConferenceInvite
                    | Release::SecurityError
            );
            assert_eq!(back, if loaded { Release::UndefinedReason } else { *release });
        }
        let duplicate = RegistrationRejectReason::duplicateAlias(Vec::new());
        assert_eq!(Reject::from(&duplicate), Reject::DuplicateAlias);
    }
}
