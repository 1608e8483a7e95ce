//! What a gatekeeper holds, as one document: what `pinhole status` shows, and whatever else wants to look.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use serde::Serialize;

use super::bounds::Limits;
use super::{Counters, Life, Mode, Node, Settings};
use crate::call::status::CallStatus;
use crate::ras::endpoint::Registration;
use crate::zone::ZoneStatus;

/// The form of the document; a larger number has fields that a smaller one did not have, or has them differently.
const VERSION: u32 = 1;

/// The whole document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The form of the document.
    pub version: u32,
    /// The gatekeeperIdentifier.
    pub gatekeeper: String,
    /// `working`, `ending` (calls are being released) or `ended`.
    pub state: &'static str,
    /// Seconds since it was started.
    pub uptime_s: u64,
    /// How calls are handled whose parties need no help: `direct`, `routed`, `h245-routed`, `proxied`.
    pub mode: &'static str,
    /// The registered endpoints, in the order of their identifiers.
    pub registrations: Vec<RegistrationStatus>,
    /// The calls, in the order in which they began.
    pub calls: Vec<CallStatus>,
    /// Neighbours and traversal zones, in the order of the configuration.
    pub zones: Vec<ZoneStatus>,
    /// What waits for something.
    pub waiting: WaitingStatus,
    /// What went wrong with what came in, and who was refused.
    pub counters: Counters,
    /// The ports in use.
    pub ports: PortsStatus,
    /// What one source address may ask for.
    pub limits: Limits,
    /// What calls have, if `TotalBandwidth` limits it.
    pub bandwidth: BandwidthStatus,
}

/// A registered endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistrationStatus {
    /// Its endpointIdentifier.
    pub id: String,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// `terminal`, `gateway` or `mcu`.
    pub kind: &'static str,
    /// The prefixes of the numbers that it takes calls for; with `!` those that it does not.
    pub prefixes: Vec<String>,
    /// Product and version, as it tells them.
    pub vendor: String,
    /// Where RAS messages to it go: behind a NAT, the pinhole.
    pub ras: SocketAddr,
    /// The call signalling address that it told; behind a NAT nobody can reach it.
    pub signalling: Option<SocketAddr>,
    /// Our address on its side.
    pub local: IpAddr,
    /// How NAT is traversed: `H.460.18` or `none`.
    pub traversal: &'static str,
    /// Whether its packets come from another address than it told.
    pub natted: bool,
    /// Seconds that it lives without refresh; `null`: it need not refresh.
    pub ttl_s: Option<u32>,
    /// Seconds since it registered.
    pub age_s: u64,
    /// Seconds since it was last heard.
    pub silent_s: u64,
    /// How often it was asked since whether it is still there.
    pub polls: u32,
    /// Whether the configuration registered it.
    pub permanent: bool,
    /// Whether it said that it is almost out of resources.
    pub busy: bool,
}

/// What waits for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WaitingStatus {
    /// Calls that were admitted, and have not been made yet.
    pub admissions: usize,
    /// RAS requests that were told to wait.
    pub requests: usize,
    /// Connections that have not said yet what they are for.
    pub streams: usize,
    /// Calls announced to H.460.18 clients that have not taken them up yet.
    pub announced: usize,
}

/// The ports in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortsStatus {
    /// Our addresses.
    pub addresses: Vec<IpAddr>,
    /// The port of RAS.
    pub ras: u16,
    /// Where call signalling is listened for.
    pub signalling: Vec<SocketAddr>,
    /// TCP connections, in both directions.
    pub streams: usize,
    /// Pairs of media ports of calls, those that calls share not counted.
    pub media_pairs: usize,
    /// Pairs of media ports that are bound and wait for a call.
    pub media_pairs_ready: usize,
    /// H.245 listeners of calls.
    pub h245_listeners: usize,
    /// H.245 listeners that are bound and wait for a call.
    pub h245_listeners_ready: usize,
}

/// What calls have, in units of 100 bit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BandwidthStatus {
    /// What there is; `null`: no limit.
    pub total: Option<u32>,
    /// What the parties of calls were granted.
    pub granted: u64,
}

impl Mode {
    /// As documents name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Routed => "routed",
            Self::Control => "h245-routed",
            Self::Proxied => "proxied",
        }
    }
}

impl Node {
    /// What it was made with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.core.settings
    }

    /// What it holds at this moment.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        let core = &self.core;
        let calls = self.calls.status(now);
        let sessions = calls.iter().flat_map(|call| &call.sessions);
        let own = |session: &crate::call::status::SessionStatus| {
            session.sides.iter().filter(|side| !side.shared).count()
        };
        let listeners = calls.iter().flat_map(|call| &call.legs);
        let [pairs, h245] = core.ports.ready();
        let ports = PortsStatus {
            addresses: core.locals.clone(),
            ras: core.settings.ras_port,
            signalling: core.listening.iter().map(|(ip, port)| (*ip, *port).into()).collect(),
            streams: core.streams.len(),
            media_pairs: sessions.map(own).sum(),
            media_pairs_ready: pairs,
            h245_listeners: listeners.filter(|leg| leg.h245_listener.is_some()).count(),
            h245_listeners_ready: h245,
        };
        let granted = core.bandwidth.total();
        Status {
            version: VERSION,
            gatekeeper: core.settings.name.clone(),
            state: match self.life {
                Life::Working => "working",
                Life::Ending => "ending",
                Life::Ended => "ended",
            },
            uptime_s: seconds(self.started, now),
            mode: core.settings.mode.name(),
            registrations: core.registrations.iter().map(|one| registration(one, now)).collect(),
            calls,
            zones: core.zones.status(now),
            waiting: WaitingStatus {
                admissions: core.admissions.len(),
                requests: core.load.len(),
                streams: core.streams.fresh(),
                announced: core.pinholes.waiting(),
            },
            counters: core.counters,
            ports,
            limits: core.settings.limits,
            bandwidth: BandwidthStatus { total: core.settings.ras.bandwidth.total, granted },
        }
    }
}

/// Whole seconds from one time to another.
pub(crate) fn seconds(since: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(since).as_secs()
}

fn registration(one: &Registration, now: Instant) -> RegistrationStatus {
    let prefix = |prefix: &pinhole_config::GatewayPrefix| {
        format!("{}{}", if prefix.except { "!" } else { "" }, prefix.digits)
    };
    RegistrationStatus {
        id: one.id.to_string(),
        aliases: one.aliases.iter().map(ToString::to_string).collect(),
        kind: one.kind.name(),
        prefixes: one
            .prefixes
            .iter()
            .map(prefix)
            .chain(one.told_prefixes.iter().cloned())
            .collect(),
        vendor: one.vendor.clone(),
        ras: one.ras,
        signalling: one.signalling,
        local: one.local,
        traversal: if one.traversal { "H.460.18" } else { "none" },
        natted: one.natted,
        ttl_s: one.ttl_s,
        age_s: seconds(one.since, now),
        silent_s: seconds(one.seen, now),
        polls: one.polls,
        permanent: one.permanent,
        busy: one.busy,
    }
}
