//! What a call holds, as data.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use serde::Serialize;

use super::{Call, Calls, ControlLink, Leg, State};
use crate::event::{LegCipher, LegSecurity};
use crate::face::{FlowId, Side};
use crate::node::status::seconds;

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallStatus {
    /// The H.225.0 call identifier.
    pub callid: String,
    /// `placing` (the called party is being reached), `calling` (Setup is sent), `ringing`, `talking`, `ended` (the last
    /// counts of its media are awaited).
    pub state: &'static str,
    /// How much of it goes through us: `routed`, `h245-routed`, `proxied`.
    pub mode: &'static str,
    /// Seconds since Setup.
    pub age_s: u64,
    /// Seconds since Connect; `null` before.
    pub talking_s: Option<u64>,
    /// The caller's leg and the called party's.
    pub legs: [LegStatus; 2],
    /// What was wanted of the encryption of each leg, and who agreed on it; empty when nothing was.
    pub encryption: Vec<LegSecurity>,
    /// The relayed media sessions.
    pub sessions: Vec<SessionStatus>,
}

/// A leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegStatus {
    /// The name by which people know the party.
    pub party: String,
    /// Its endpointIdentifier, if it is registered.
    pub endpoint: Option<String>,
    /// Its address as its packets show it.
    pub peer: IpAddr,
    /// Our address on its side.
    pub local: IpAddr,
    /// Whether it is served by H.460.18/.19.
    pub traversal: bool,
    /// Whether it is behind a NAT.
    pub natted: bool,
    /// Whether its signalling connection stands.
    pub signalling: bool,
    /// Its H.245: `tunnelled`, `connecting`, `connected`, or `none` yet.
    pub h245: &'static str,
    /// Where we listen for its H.245 connection.
    pub h245_listener: Option<SocketAddr>,
}

/// A relayed session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionStatus {
    /// The H.245 sessionID; 0 until the master has assigned one.
    pub id: u8,
    /// `audio`, `video`, … and the codec from the caller and from the called party, as far as known.
    pub media: [Option<MediaStatus>; 2],
    /// What each of the two directions is encrypted with, leg by leg.
    pub encryption: [Vec<LegCipher>; 2],
    /// The open logical channels.
    pub channels: Vec<ChannelStatus>,
    /// The caller's side and the called party's.
    pub sides: [SideStatus; 2],
}

/// What one direction carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MediaStatus {
    /// `audio`, `video`, `data`, …
    pub kind: &'static str,
    /// `pcma`, `h264`, …
    pub codec: String,
}

/// A logical channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ChannelStatus {
    /// Who opened it: `a`, the caller, or `b`.
    pub from: &'static str,
    /// Its number.
    pub number: u16,
}

/// A side of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideStatus {
    /// Our RTP address; RTCP has the next port.
    pub local: SocketAddr,
    /// Whether other calls use the port as well (H.460.19 multiplexed media).
    pub shared: bool,
    /// The address that media of the party comes from and goes to.
    pub party: IpAddr,
    /// How its ports are known: `unknown`, `signalled` (it told them) or `learned` (from its packets).
    pub known: &'static str,
    /// Where RTP goes, as far as known.
    pub rtp: Option<SocketAddr>,
    /// Where RTCP goes, as far as known.
    pub rtcp: Option<SocketAddr>,
    /// Whether nothing is sent there, since nothing comes from there.
    pub unanswered: bool,
    /// Packets of others than the party that came to our ports, and were dropped; a second old at most while they come.
    pub strangers: u64,
}

/// The addresses that the media plane has learned.
pub(crate) type Learned = BTreeMap<(FlowId, Side, bool), SocketAddr>;

/// Packets of strangers at the ports of flows.
pub(crate) type Strangers = BTreeMap<(FlowId, Side), u64>;

impl Calls {
    /// All calls.
    pub(crate) fn status(&self, now: Instant) -> Vec<CallStatus> {
        self.calls.values().map(|call| status(call, now)).collect()
    }
}

fn status(call: &Call, now: Instant) -> CallStatus {
    let (state, talking) = match &call.state {
        State::Placing => ("placing", None),
        State::Calling => ("calling", None),
        State::Ringing => ("ringing", None),
        State::Talking(since) => ("talking", Some(*since)),
        State::Ended(_) => ("ended", None),
    };
    CallStatus {
        callid: call.id.to_string(),
        state,
        mode: call.mode.name(),
        age_s: seconds(call.started, now),
        talking_s: talking.map(|since| seconds(since, now)),
        legs: [leg(call.leg(Side::A)), leg(call.leg(Side::B))],
        encryption: call.security.record(),
        sessions: call.sessions.status(&call.learned, &call.strangers),
    }
}

fn leg(leg: &Leg) -> LegStatus {
    LegStatus {
        party: leg.name.clone(),
        endpoint: leg.endpoint.as_ref().map(ToString::to_string),
        peer: leg.peer,
        local: leg.local,
        traversal: leg.client,
        natted: leg.natted,
        signalling: leg.stream.is_some(),
        h245: match (leg.control, leg.tunnels) {
            (ControlLink::Open(_), _) => "connected",
            (ControlLink::Dialling(_), _) => "connecting",
            (ControlLink::None, Some(true)) => "tunnelled",
            (ControlLink::None, _) => "none",
        },
        h245_listener: leg.listener.map(|listener| listener.at),
    }
}
