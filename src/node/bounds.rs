//! The limits of the configuration, resolved.

use pinhole_config::Config;

use super::limits::Allowance;

/// So much of a rate is allowed at once: five seconds of it.
const AT_ONCE: u32 = 5;
/// Of new work so many seconds are: while it is done, nothing else is.
const AT_ONCE_OF_ALL: u32 = 2;

/// What peers may ask for. The defaults are such that some hundred endpoints can share the address of a NAT, and that one
/// address cannot take what others need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// RAS messages of one address; more are dropped.
    pub ras: Allowance,
    /// Registrations, admissions and searches for a gatekeeper of all sources together; more wait.
    pub new_work: Allowance,
    /// Setup messages of one address; more are answered with ReleaseComplete.
    pub setups: Allowance,
    /// New calls in all; more are answered with ReleaseComplete.
    pub setups_in_all: Option<Allowance>,
    /// Registered endpoints of one address; more are refused.
    pub registrations: usize,
    /// Registered endpoints in all; more are refused.
    pub registrations_in_all: usize,
    /// Calls from one address.
    pub calls_per_source: usize,
    /// Calls in all.
    pub calls: usize,
    /// Media pairs in use; 0: what the range of ports has.
    pub media_pairs: usize,
    /// Media pairs of the calls from one address; 0: no more than are left for others.
    pub media_pairs_per_source: usize,
    /// Connections of one address that have not said yet what they are for; more are closed.
    pub fresh_streams: usize,
    /// Such connections in all; with more, the oldest is closed.
    pub fresh_in_all: usize,
    /// Octets of a message.
    pub message: usize,
    /// Messages on one connection, the H.245 messages in a message counted; more are dropped.
    pub messages: Allowance,
    /// The same on all connections with one address.
    pub messages_per_source: Allowance,
    /// Tokens of a message.
    pub tokens: usize,
    /// Proposals of fast start in a message.
    pub fast_start: usize,
    /// Capabilities of a TerminalCapabilitySet.
    pub capabilities: usize,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        let (limits, routed) = (&config.limits, &config.routed);
        let rate =
            |rate: u32, seconds: u32| Allowance { rate, burst: rate.saturating_mul(seconds) };
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let cps = Some(routed.cps_limit.0).filter(|limit| *limit > 0);
        Self {
            ras: rate(limits.ras_rate.0, AT_ONCE),
            new_work: rate(limits.new_work.0, AT_ONCE_OF_ALL),
            setups: rate(limits.setup_rate.0, AT_ONCE),
            setups_in_all: cps.map(|limit| rate(limit, routed.cps_interval.0)),
            registrations: count(limits.registrations.0),
            registrations_in_all: count(limits.registrations_in_all.0),
            calls_per_source: count(limits.calls_per_source.0),
            calls: count(limits.calls.0),
            media_pairs: count(limits.media_pairs.0),
            media_pairs_per_source: count(limits.media_pairs_per_source.0),
            fresh_streams: count(limits.fresh_per_source.0),
            fresh_in_all: count(limits.fresh.0),
            message: count(limits.message.0),
            messages: rate(limits.messages.0, AT_ONCE),
            messages_per_source: rate(limits.messages_per_source.0, AT_ONCE),
            tokens: count(limits.tokens.0),
            fast_start: count(limits.fast_start.0),
            capabilities: count(limits.capabilities.0),
        }
    }
}

impl Limits {
    /// Makes what is not fixed fit into so many open files: half of them are for media, two for each pair, and the others
    /// for connections and listeners.
    #[must_use]
    pub const fn within(self, files: usize) -> Self {
        let media_pairs = if self.media_pairs == 0 { files / 4 } else { self.media_pairs };
        Self { media_pairs, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(&Config::default())
    }
}
