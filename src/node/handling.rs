//! What the configuration says of the signalling of a call, beside its mode.

use pinhole_config::Config;

/// What happens to the messages of a call.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the operator's")]
pub struct Handling {
    /// Whether H.245 may be tunnelled in call signalling.
    pub tunnelling: bool,
    /// Whether H.245 is translated between a party that tunnels and one that does not; in proxied calls it always is.
    pub translates_tunnelling: bool,
    /// Whether a Setup that offers tunnelling tells no H.245 address.
    pub removes_h245_address: bool,
    /// Whether no Setup tells an H.245 address.
    pub removes_setup_h245_address: bool,
    /// Whether fast start is withheld from the called party.
    pub withholds_fast_start: bool,
}

impl From<&Config> for Handling {
    fn from(config: &Config) -> Self {
        let routed = &config.routed;
        Self {
            tunnelling: !routed.disable_tunnelling,
            translates_tunnelling: routed.translate_tunnelling,
            removes_h245_address: routed.remove_h245_address,
            removes_setup_h245_address: routed.remove_setup_h245_address,
            withholds_fast_start: routed.disable_fast_start,
        }
    }
}
