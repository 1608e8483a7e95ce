//! Whose packets count: media can only come from the party that signalling named, and once its port is known it
//! stays (RTP bleed). Only new signalling opens the question again.

use std::net::SocketAddr;

use super::Channel;
use crate::face::{FlowCounts, PairId, Party, Ports};

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Send it on.
    Relay,
    /// It has done its work (a keepalive), or it is dropped and counted.
    Taken,
}

/// One side of a flow.
#[derive(Debug)]
pub(super) struct SideState {
    pub(super) pair: PairId,
    pub(super) counts: FlowCounts,
    /// The multiplexID that packets to it begin with.
    pub(super) prefix: Option<u32>,
    party: Option<Party>,
    /// The sources, locked with the first valid packet: RTP, RTCP.
    sources: [Option<SocketAddr>; 2],
}

impl SideState {
    pub(super) fn new(pair: PairId) -> Self {
        Self { pair, counts: FlowCounts::default(), prefix: None, party: None, sources: [None; 2] }
    }

    /// Signalling says who the party is. A different address, or another way of knowing its ports, forgets what was
    /// learned; a mere addition (the keepalive payload type of an acknowledgement) does not.
    pub(super) fn arm(&mut self, party: Party) {
        let same_learner = self.party.is_some_and(|old| {
            old.ip == party.ip
                && matches!(old.ports, Ports::Learned { .. })
                && matches!(party.ports, Ports::Learned { .. })
        });
        if self.party != Some(party) && !same_learner {
            self.sources = [None; 2];
        }
        self.party = Some(party);
    }

    /// Where packets of the other side are sent.
    pub(super) fn destination(&self, channel: Channel) -> Option<SocketAddr> {
        let party = self.party?;
        match party.ports {
            Ports::Unknown => None,
            Ports::Signalled { rtp, rtcp } => {
                let port = if channel == Channel::Rtp { rtp } else { rtcp };
                port.map(|port| SocketAddr::new(party.ip, port))
            }
            Ports::Learned { .. } => self.sources[channel as usize],
        }
    }

    /// Judges an arriving packet; true when its source was learned with it.
    pub(super) fn receive(
        &mut self,
        channel: Channel,
        from: SocketAddr,
        packet: &[u8],
    ) -> (Arrival, bool) {
        let Some(party) = self.party.filter(|party| party.ports != Ports::Unknown) else {
            self.counts.strangers += 1;
            return (Arrival::Taken, false);
        };
        let locked = self.sources[channel as usize];
        if from.ip() != party.ip || locked.is_some_and(|source| source != from) {
            self.counts.strangers += 1;
            return (Arrival::Taken, false);
        }
        let kind = classify(channel, packet, party.ports);
        if kind == Kind::Invalid {
            self.counts.malformed += 1;
            return (Arrival::Taken, false);
        }
        self.sources[channel as usize] = Some(from);
        let learned = locked.is_none() && matches!(party.ports, Ports::Learned { .. });
        if kind == Kind::Keepalive {
            self.counts.keepalives += 1;
            return (Arrival::Taken, learned);
        }
        (Arrival::Relay, learned)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Media,
    Keepalive,
    Invalid,
}

/// RTP header without contents (H.460.19 keepalive): version 2, 12 octets.
const RTP_HEADER: usize = 12;
/// A sender report without reports, which H.460.19 clients send as RTCP keepalive.
const EMPTY_SENDER_REPORT: usize = 28;

/// What a packet is. Only a party behind a NAT sends keepalives.
fn classify(channel: Channel, packet: &[u8], ports: Ports) -> Kind {
    let (Some(first), Some(second)) = (packet.first(), packet.get(1)) else {
        return Kind::Invalid;
    };
    if first >> 6 != 2 {
        return Kind::Invalid;
    }
    let keepalive = match ports {
        Ports::Learned { keepalive } => Some(keepalive),
        Ports::Unknown | Ports::Signalled { .. } => None,
    };
    match channel {
        Channel::Rtp if packet.len() < RTP_HEADER => Kind::Invalid,
        Channel::Rtp => match keepalive {
            Some(expected) if packet.len() == RTP_HEADER => match expected {
                Some(payload_type) if second & 0x7f != payload_type => Kind::Invalid,
                _ => Kind::Keepalive,
            },
            _ => Kind::Media,
        },
        Channel::Rtcp if packet.len() < 8 || !(192..=223).contains(second) => Kind::Invalid,
        Channel::Rtcp => {
            let empty =
                packet.len() == EMPTY_SENDER_REPORT && packet[4..].iter().all(|octet| *octet == 0);
            if keepalive.is_some() && empty { Kind::Keepalive } else { Kind::Media }
        }
    }
}
