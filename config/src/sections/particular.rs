//! `[EP::…]`.

use crate::section::section;
use crate::value::{
    Capabilities, CauseMap, GatewayPrefixes, Limit, Name, Number, Numbers, PrefixCapacities, Relay,
};

section! {
    /// What is different for one registered endpoint, which the section's name says by one of its aliases; of several
    /// sections for one endpoint that of its first alias counts.
    pub struct Particular in "EP" {
        /// How many calls it can have at a time, those that it makes counted; more are not sent to it, but to another gateway
        /// of the number, if there is one, or rejected (resourceUnavailable). -1: any number.
        capacity: Option<Number> as "Capacity" = None;
        /// How many calls to numbers that begin in these ways can be sent to it at a time, such as
        /// `^0049:=10,^0044:=20`. A `.` is any digit, and alternatives stand in parentheses as in regular expressions, of which
        /// nothing else is understood. Of several that a number fits each counts. More calls are treated as those beyond
        /// Capacity.
        prefix_capacities: PrefixCapacities as "PrefixCapacities" = PrefixCapacities::default();
        /// Whether it counts as a gateway, whatever it says it is.
        force_gateway: bool as "ForceGateway" = false;
        /// Which of several gateways with the same prefix is preferred: the one with the smaller number. A priority of the
        /// prefix counts more.
        priority: Number as "GatewayPriority" = Number(1);
        /// Prefixes of the numbers that it takes calls for, beside those of `[RasSrv::GWPrefixes]`.
        prefixes: GatewayPrefixes as "GatewayPrefixes" = GatewayPrefixes::default();
        /// Numbers under which it is called beside its own aliases, such as `4212,5630-5650`; at most 1000. Nobody else can
        /// register under them; one that somebody has already stays with him.
        numbers: Numbers as "AddNumbers" = Numbers::default();
        /// The type of the called number in a Setup to it, as CalledTypeOfNumber of `[RoutedMode]`.
        called_type: Option<Number> as "CalledTypeOfNumber" = None => Limit::Within(0, 7);
        /// Its numbering plan.
        called_plan: Option<Number> as "CalledPlanOfNumber" = None => Limit::Within(0, 15);
        /// The type of the calling number in a Setup to it.
        calling_type: Option<Number> as "CallingTypeOfNumber" = None => Limit::Within(0, 7);
        /// Its numbering plan.
        calling_plan: Option<Number> as "CallingPlanOfNumber" = None => Limit::Within(0, 15);
        /// Whether the media of calls to it is relayed: 0 as that of others, 1 always, 2 only if nothing else lets it through,
        /// or it has to be encrypted.
        relay: Relay as "Proxy" = Relay::Usual;
        /// Which causes become which others in a ReleaseComplete from it, such as `17:=34`.
        received: CauseMap as "TranslateReceivedQ931Cause" = CauseMap::default();
        /// Which causes become which others in a ReleaseComplete to it.
        sent: CauseMap as "TranslateSentQ931Cause" = CauseMap::default();
        /// Whether H.460.18 and H.460.19 are kept from it.
        no_h46018: bool as "DisableH46018" = false;
        /// What its calls together may have, in both directions, in units of 100 bit/s: it is granted what is left, and
        /// rejected when that is nothing. -1: no limit.
        bandwidth: Option<Number> as "MaxBandwidth" = None;
        /// An alias that is added to the called ones in every Setup to it.
        destination: Option<Name> as "AdditionalDestinationAlias" = None;
        /// Whether its calling number (Q.931) is added to the source addresses of its Setup, as the first.
        number_as_source: bool as "AddCallingPartyToSourceAddress" = false;
        /// The terminalType by which it takes part in the determination of the master (H.245 §C.2), in place of its own: the
        /// larger one becomes master. It comes to the same decision itself, whatever it is.
        terminal_type: Option<Number> as "ForceTerminalType" = None => Limit::Within(0, 255);
        /// Whether calls that it makes, and calls to it, go past the gatekeeper, as with `-d`; not with a party that needs help
        /// with a NAT, and not where encryption is configured.
        direct: bool as "ForceDirectMode" = false;
        /// Capabilities that are kept from it and of it, as DisabledCodecs of `[CallTable]`.
        disabled: Capabilities as "DisabledCodecs" = Capabilities::default();
    }
}
