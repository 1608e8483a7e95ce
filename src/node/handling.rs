//! What the configuration says of the signalling of a call, beside its mode.

use std::time::Duration;

use pinhole_config::{
    CauseMap, Causes, Config, ControlKeepAlive, DecodingError, Number, Seconds, SignallingKeepAlive,
};

use super::screen::Screen;

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
    /// Whether a call that fails goes to the next destination.
    pub failover: bool,
    /// The causes for which it does.
    pub failover_causes: Causes,
    /// Whether it does even after fast start or H.245 has begun.
    pub failover_unchecked: bool,
    /// Whether a called party that sends a call somewhere else is obeyed here; in proxied calls it always is.
    pub forwards_on_facility: bool,
    /// Whether a Facility that only carries something is made fit for parties older than H.225.0 version 4.
    pub translates_facility: bool,
    /// Whether the caller gets CallProceeding at once.
    pub proceeds_at_once: bool,
    /// Whether DRQ ends a call.
    pub ends_on_drq: bool,
    /// Whether a party that cannot be sent ReleaseComplete gets DRQ.
    pub sends_drq: bool,
    /// Whether a caller that is not registered, and tells another address than its own, is behind a NAT.
    pub natted_callers: bool,
    /// Whether every caller that is not registered is.
    pub unregistered_natted: bool,
    /// What is set of the called and of the calling number.
    pub numbers: [NumberKind; 2],
    /// What keeps connections alive; `None`: nothing.
    pub keepalive: Option<KeepAlive>,
    /// What keeps connections to the server of a traversal zone alive.
    pub zone_keepalive: (SignallingKeepAlive, ControlKeepAlive),
    /// What is put in the place of names and numbers.
    pub screen: Screen,
    /// What becomes of the causes in a ReleaseComplete that comes, and in one that goes.
    pub received: CauseMap,
    /// See there.
    pub sent: CauseMap,
    /// Whether callers that name another address are sent to ours.
    pub redirects_here: bool,
    /// Whether a Setup tells no features of H.460.
    pub removes_h460: bool,
    /// Whether a message of a call that cannot be decoded is left out.
    pub drops_undecodable: bool,
    /// How long it has to be between two requests for a picture.
    pub picture_interval: Duration,
    /// Whether RequestMode says nothing of T.38 over UDP.
    pub removes_fax_options: bool,
    /// Whether a party may close channels of the other one.
    pub closes_either: bool,
    /// Capabilities that no party is told of.
    pub disabled: Vec<String>,
    /// How long a call may last once it is answered.
    pub longest_call: Option<Duration>,
    /// How long a call may last until it is answered.
    pub longest_wait: Option<Duration>,
}

/// Of what kind a number is said to be (Q.931 §4.5.8, §4.5.10); `None`: as it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NumberKind {
    /// Type of number.
    pub kind: Option<u8>,
    /// Numbering plan.
    pub plan: Option<u8>,
}

impl NumberKind {
    /// What is said here, or else there.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { kind: self.kind.or(other.kind), plan: self.plan.or(other.plan) }
    }
}

/// What keeps the connections of calls alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// How often.
    pub interval: Duration,
    /// Those of call signalling.
    pub signalling: SignallingKeepAlive,
    /// Those of H.245.
    pub control: ControlKeepAlive,
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
            failover: routed.failover,
            failover_causes: routed.failover_causes.clone(),
            failover_unchecked: routed.failover_unchecked,
            forwards_on_facility: routed.forward_on_facility,
            translates_facility: routed.translate_facility,
            proceeds_at_once: routed.generate_proceeding,
            ends_on_drq: routed.end_on_drq,
            sends_drq: !routed.release_only,
            natted_callers: routed.natted_callers,
            unregistered_natted: routed.unregistered_natted,
            numbers: [
                number_kind(routed.called_type, routed.called_plan),
                number_kind(routed.calling_type, routed.calling_plan),
            ],
            keepalive: routed.keepalive.then_some(KeepAlive {
                interval: routed.keepalive_interval.duration(),
                signalling: routed.keepalive_signalling,
                control: match routed.no_control_keepalive {
                    true => ControlKeepAlive::None,
                    false => routed.keepalive_control,
                },
            }),
            zone_keepalive: (routed.zone_keepalive_signalling, routed.zone_keepalive_control),
            screen: Screen::from(config),
            received: routed.received.clone(),
            sent: routed.sent.clone(),
            redirects_here: routed.redirect_here,
            removes_h460: routed.remove_h460,
            drops_undecodable: routed.decoding_error != DecodingError::Disconnect,
            picture_interval: routed.picture_interval.max(config.proxy.picture_interval).duration(),
            removes_fax_options: routed.remove_fax_options,
            closes_either: config.proxy.close_either,
            disabled: config.call_table.disabled.0.clone(),
            longest_call: limit(config.call_table.duration_limit),
            longest_wait: limit(config.call_table.unanswered_limit),
        }
    }
}

fn number_kind(kind: Option<Number>, plan: Option<Number>) -> NumberKind {
    let octet = |number: Option<Number>| number.and_then(|number| u8::try_from(number.0).ok());
    NumberKind { kind: octet(kind), plan: octet(plan) }
}

/// A limit of 0 is none.
fn limit(seconds: Seconds) -> Option<Duration> {
    Some(seconds.duration()).filter(|limit| !limit.is_zero())
}
