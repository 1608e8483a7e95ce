//! What happens in a random world.

use std::time::Duration;

use pinhole::firewall::Rules;
use pinhole::node::Mode;

use super::fate::Fate;
use crate::world::{Chop, Link};

/// Where a phone is: behind one of the NATs, or on the open net.
pub(super) type Place = Option<usize>;

/// What a phone is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) place: Place,
    pub(super) traversal: bool,
    pub(super) tunnelling: bool,
    pub(super) fast_start: bool,
    /// It can send and receive multiplexed media.
    pub(super) multiplex: bool,
    /// It knows only IPv6.
    pub(super) ipv6: bool,
    /// It can encrypt.
    pub(super) encrypts: bool,
    pub(super) hold: Option<Duration>,
}

/// Whom something happens to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    Node,
    Resident(usize),
    Caller(usize),
}

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// A new phone calls a resident.
    Call { whom: usize, manner: Manner },
    /// The operator ends a caller.
    HangUp(usize),
    /// A phone disappears without a word.
    Vanish(Who),
    /// The operator ends a resident.
    Leave(usize),
    /// A resident starts again, at once, after having ended, vanished, or neither.
    Restart(usize),
    /// The gatekeeper ends, politely or not.
    NodeEnds { politely: bool },
    /// The gatekeeper starts again, as its operator has configured it by now.
    NodeStarts,
    /// A line becomes bad.
    Weather(Who, Link),
    /// A NAT forgets everything.
    Rebind(usize),
    /// Connections of somebody are reset.
    Reset(Who),
    /// Nothing arrives on the connections of somebody for a while.
    Stall(Who, Duration),
    /// Somebody has no ports any more, or has some again.
    Exhaust(Who, bool),
    /// Malformed datagrams come to the RAS port: from anywhere, or from the address of a resident.
    RasStorm { seed: u64, spoofed: Option<usize> },
    /// Strangers connect to all listeners of somebody, and send malformed messages.
    Intruders { seed: u64, at: Who },
    /// Malformed messages come on a connection of somebody.
    Garble { seed: u64, at: Who },
    /// A stranger sends audio and garbage to the gatekeeper's media ports.
    MediaStorm { seed: u64 },
    /// A stranger opens connections to the gatekeeper, and sends Setups and pieces of them.
    Flood { seed: u64 },
    /// Messages with structured flaws come to the gatekeeper: datagrams from anywhere, or on connections of somebody.
    Siege { seed: u64, within: Option<Who> },
}

/// What the operator has configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeper {
    /// The gatekeeper shares its media ports among clients that multiplex.
    pub(super) multiplexes: bool,
    /// It encrypts for whoever can.
    pub(super) prefers: bool,
    /// How much of a call goes through it when both parties can do without help.
    pub(super) mode: Mode,
    /// There is a limit to what calls may have, more than these need (`TotalBandwidth`).
    pub(super) accounts: bool,
    /// How long the called party may stay without an answer; shorter than calls are (`SignalTimeout`).
    pub(super) answer: Option<Duration>,
    /// How long it may ring (`AlertingTimeout`).
    pub(super) ringing: Option<Duration>,
    /// How long calls may last (`DefaultCallDurationLimit`).
    pub(super) longest: Option<Duration>,
}

/// A world.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) chop: Chop,
    /// How the gatekeeper is configured, and how when it starts again, in turns.
    pub(super) keepers: [Keeper; 2],
    pub(super) nats: Vec<Rules>,
    pub(super) residents: Vec<Manner>,
    /// What happens, in order.
    pub(super) acts: Vec<(Duration, Act)>,
    /// Residents that are gone for good when the dust has settled.
    pub(super) lost: Option<usize>,
    /// Calls when all is quiet: how long after the first, who calls whom.
    pub(super) calls: Vec<(Duration, usize, Manner)>,
    /// Strangers do not even rest when all else is quiet.
    pub(super) hostile: bool,
    /// One more call: what comes of it, who calls whom.
    pub(super) last: Option<(Fate, usize, Manner)>,
}
