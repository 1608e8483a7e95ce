//! `[RasSrv::RRQFeatures]`.

use crate::section::section;

section! {
    /// Registrations.
    pub struct RegistrationFeatures in "RasSrv::RRQFeatures" {
        /// Whether an endpoint may keep the endpoint identifier that it brings.
        accept_endpoint_identifier: bool as inert "AcceptEndpointIdentifier" = true;
        /// Whether a gateway may bring prefixes.
        accept_gateway_prefixes: bool as inert "AcceptGatewayPrefixes" = true;
        /// Whether an MCU may bring prefixes.
        accept_mcu_prefixes: bool as inert "AcceptMCUPrefixes" = true;
        /// Whether a registration replaces another one of the same signalling address.
        overwrite_same_address: bool as inert "OverwriteEPOnSameAddress" = false;
    }
}
