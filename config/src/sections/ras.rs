//! `[RasSrv::RRQFeatures]` and `[RasSrv::ARQFeatures]`.

use crate::section::section;
use crate::value::{AliasFilter, Letters, Limit, Link, Milliseconds, Number};

section! {
    /// Registrations.
    pub struct RegistrationFeatures in "RasSrv::RRQFeatures" {
        /// Whether an endpoint may keep the endpoint identifier that it brings.
        accept_endpoint_identifier: bool as "AcceptEndpointIdentifier" = true;
        /// Whether a gateway may bring prefixes. As anybody may register who says that it is one, such a prefix counts only
        /// for numbers that no prefix of this file fits, and that no neighbour knows.
        accept_gateway_prefixes: bool as "AcceptGatewayPrefixes" = true;
        /// Whether an MCU may bring prefixes; they count like a gateway's.
        accept_mcu_prefixes: bool as "AcceptMCUPrefixes" = true;
        /// Whether a registration ends those of the same signalling address, and those of other addresses that have one of
        /// its aliases; else an alias stays with whom it is registered for.
        overwrite_same_address: bool as "OverwriteEPOnSameAddress" = false;
        /// How often an endpoint that did not refresh its registration in time is asked whether it is still there (IRQ)
        /// before the registration ends; 0: never. Else one whose alias, or place in a full table, somebody else wants is asked
        /// as well and gives it away if it does not answer: after two questions in ten seconds, or six in thirty if it has
        /// shown before that it hears us. Requests that anybody can send in its name do not keep it.
        irq_polls: Number as "IRQPollCount" = Number(1) => Limit::Clamp(0, 10);
        /// Whether an endpoint may register again from another address than before, if it brings the endpoint identifier
        /// that it was given, which nobody can guess. Else its aliases stay with the old address until that is silent.
        dynamic_ip: bool as "SupportDynamicIP" = false;
        /// Which kinds of aliases count of endpoints of a kind; the others are left out. Several rules are separated by
        /// blanks.
        alias_types: AliasFilter as "AliasTypeFilter" = AliasFilter::default();
        /// A page about its account, told to each endpoint that registers; `%a` stands for its first alias, `%p` for a
        /// password, of which there is none in this version.
        account_link: Option<Link> as "AccHTTPLink" = None;
    }
}

section! {
    /// Admissions.
    pub struct AdmissionFeatures in "RasSrv::ARQFeatures" {
        /// Whether a called endpoint that asks for a call which did not come through the gatekeeper has to let it be made
        /// again, through it.
        route_to_gatekeeper: bool as "ArjReasonRouteCallToGatekeeper" = true;
        /// The characters that are removed from the end of a dialled number.
        trailing: Letters as "RemoveTrailingChar" = Letters(String::new());
        /// Whether gateways with the same prefix and priority take turns.
        round_robin: bool as "RoundRobinGateways" = true;
        /// Whether the one of them is preferred that has the fewest calls, in relation to its Capacity (`[EP::…]`) where that is
        /// said; instead of RoundRobinGateways.
        least_used: bool as "LeastUsedRouting" = false;
        /// Accepted: whose answer takes a while is told so (RIP) in any case.
        rip: Milliseconds as "SendRIP" = Milliseconds(0);
        /// Accepted: the sender of an ARQ is always compared with the registration.
        check_sender: bool as "CheckSenderIP" = false;
    }
}
