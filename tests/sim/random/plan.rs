//! What happens in a random world.

use std::time::Duration;

use pinhole::firewall::Rules;
use pinhole::node::Mode;
use pinhole::security::Demand;

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
    /// It sends video, and takes it.
    pub(super) video: bool,
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

/// Where encryption is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// Behind one of the NATs.
    Behind(usize),
    /// On the open net, with IPv4.
    Open,
    /// On the open net, with IPv6.
    Ipv6,
    /// Everywhere, but behind the first NAT, where it is off.
    Elsewhere,
}

/// What the operator has configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeper {
    /// The gatekeeper shares its media ports among clients that multiplex.
    pub(super) multiplexes: bool,
    /// It encrypts for whoever can.
    pub(super) prefers: bool,
    /// There it encrypts, or there is no call.
    pub(super) requires: Option<Where>,
    /// It makes new keys, for so many packets each.
    pub(super) renews: Option<u64>,
    /// What else stands in its configuration: it changes what messages say, and not what comes of calls.
    pub(super) words: &'static str,
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

impl Keeper {
    /// What it wants of the leg to such a phone, as its configuration says.
    pub(super) fn demand(&self, phone: Manner) -> Demand {
        let usual = if self.prefers { Demand::Preferred } else { Demand::Off };
        let required = match self.requires {
            None => return usual,
            Some(Where::Behind(gate)) => phone.place == Some(gate),
            Some(Where::Open) => phone.place.is_none() && !phone.ipv6,
            Some(Where::Ipv6) => phone.ipv6,
            Some(Where::Elsewhere) if phone.place == Some(0) => return Demand::Off,
            Some(Where::Elsewhere) => true,
        };
        if required { Demand::Required } else { usual }
    }

    /// The same as it stands in the file.
    pub(super) fn rules(&self) -> String {
        let prefers = if self.prefers { "EnableH235HalfCallMedia=1\n" } else { "" };
        let network = match self.requires {
            None => return prefers.to_owned(),
            Some(Where::Behind(gate)) => format!("203.0.113.{}/32", gate + 1),
            Some(Where::Open) => "198.51.100.0/24".to_owned(),
            Some(Where::Ipv6) => "2001:db8:2::/64".to_owned(),
            Some(Where::Elsewhere) => {
                return format!(
                    "{prefers}[Pinhole::Encryption]\nDefault=required\n[Pinhole::EncryptByNetwork]\n203.0.113.1/32=off\n"
                );
            }
        };
        format!("{prefers}[Pinhole::EncryptByNetwork]\n{network}=required\n")
    }

    /// Whether a call is refused, because one of the two cannot encrypt: the caller before it rings, the called party when it
    /// has answered.
    pub(super) fn denies(&self, caller: Manner, called: Manner) -> Option<Denial> {
        let lacks = |phone: Manner| self.demand(phone) == Demand::Required && !phone.encrypts;
        match (lacks(caller), lacks(called)) {
            (true, _) => Some(Denial::AtOnce),
            (false, true) => Some(Denial::AtTheAnswer),
            (false, false) => None,
        }
    }
}

/// When a call is refused that would not be secure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// The called party hears nothing of it.
    AtOnce,
    /// It has answered.
    AtTheAnswer,
}
