//! Whose packets count: media can only come from the address that signalling named, or (of a party that is not behind a
//! NAT, and until something is locked) from where its signalling comes, and from the port that is locked there (see `source`). Only new signalling opens the question again.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::packet::{Kind, Stamp, classify, datagram};
use super::patience::{News, Wait};
use super::source::{Judgement, Packet, Reason, Source};
use super::{Channel, Egress, seal};
use crate::face::{FlowCounts, FlowFact, KeepaliveKey, PairId, Party, Patience, Ports, Side};

/// RTP packets in a row that prove a source for which nothing else speaks.
const RTP_PROOF: u8 = 3;
/// RTCP packets in a row: they are rare.
const RTCP_PROOF: u8 = 2;

/// How often it is told how many packets of strangers have come.
pub(super) const TELL: Duration = Duration::from_secs(1);

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Send it on.
    Relay,
    /// It has done its work (a keepalive), or it is dropped and counted.
    Taken,
}

/// How it is known whose a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// By the port.
    None,
    /// By the multiplexID of its side, which nobody can guess.
    Told,
    /// By where it comes from: the multiplexID that it should have is missing.
    Missing,
}

/// Why a report without its multiplexID may be of a side; the last is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// It comes from the address of the party, and nothing else is known.
    Address,
    /// It comes from where the party's reports are known to come from.
    Source,
    /// It reports of the party's media.
    Stream,
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// There.
    To(SocketAddr),
    /// Nobody knows yet.
    Unknown,
    /// Nowhere: nothing comes from where it would go.
    Unanswered,
}

/// What a packet has taught about its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lesson {
    /// The source is known now, or is another than before.
    Learned,
    /// A stranger, the first one here.
    Stranger,
    /// Strangers go on: so many packets by now.
    Strangers(u64),
}

/// One side of a flow.
#[derive(Debug)]
pub(super) struct SideState {
    pub(super) pair: PairId,
    pub(super) counts: FlowCounts,
    /// The multiplexID that packets to it begin with.
    pub(super) prefix: Option<u32>,
    /// What is no RTP is relayed, too.
    pub(super) datagrams: bool,
    /// Whether something of the party has come since that was asked last; a channel that is just opened counts as it.
    heard: bool,
    /// Another address than the party's from which its media may come.
    pub(super) beside: Option<IpAddr>,
    party: Option<Party>,
    /// Whether something comes from where its media goes, if that has to be.
    wait: Option<Wait>,
    /// RTP, RTCP.
    sources: [Source; 2],
    /// Whether a stranger has been told of: RTP, RTCP.
    told: [bool; 2],
    /// When it was told last how many there were.
    counted: Option<Instant>,
}

impl SideState {
    pub(super) fn new(pair: PairId) -> Self {
        Self {
            pair,
            counts: FlowCounts::default(),
            prefix: None,
            datagrams: false,
            heard: true,
            beside: None,
            party: None,
            wait: None,
            sources: [Source::default(), Source::default()],
            told: [false; 2],
            counted: None,
        }
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
            self.sources = [Source::default(), Source::default()];
        }
        if self.party.is_some_and(|old| old.ip != party.ip) {
            self.wait = None;
        }
        self.party = Some(party);
    }

    /// So long may nothing come from where its media goes.
    pub(super) fn be_patient(&mut self, patience: Option<Patience>) {
        self.wait = patience.map(Wait::new);
    }

    /// The network says that nobody is there.
    pub(super) fn unreachable(&mut self, now: Instant, at: SocketAddr) {
        if let Some(wait) = &mut self.wait
            && self.party.is_some_and(|party| party.ip == at.ip())
        {
            wait.unreachable(now);
        }
    }

    /// A channel is opened anew: its packets may come from another port than before.
    pub(super) fn doubt(&mut self) {
        self.sources.iter_mut().for_each(Source::doubt);
        self.heard = true;
    }

    /// Whether something of the party has come since this was asked last.
    pub(super) const fn take_heard(&mut self) -> bool {
        std::mem::replace(&mut self.heard, false)
    }

    /// Keepalives of ours to a server (H.460.19 §7), each through its port.
    pub(super) fn keepalives(
        &self,
        [rtp, rtcp]: [SocketAddr; 2],
        (payload_type, sequence): (u8, u16),
        key: Option<KeepaliveKey>,
    ) -> [(Egress, Vec<u8>); 2] {
        let egress = |channel, to| Egress { pair: self.pair, channel, to, prefix: self.prefix };
        let octets = |packet: &[u8]| {
            let prefix = self.prefix.map(u32::to_be_bytes);
            [prefix.as_ref().map_or(&[][..], |prefix| prefix), packet].concat()
        };
        let (header, report) = match key {
            Some(key) => (seal::rtp(key, payload_type, sequence), seal::rtcp(key, sequence)),
            None => (
                pinhole_h323::rtp::keepalive(payload_type, sequence),
                pinhole_h323::rtcp::KEEPALIVE,
            ),
        };
        let (header, report) = (octets(&header), octets(&report));
        [(egress(Channel::Rtp, rtp), header), (egress(Channel::Rtcp, rtcp), report)]
    }

    /// Where a packet of the other side goes now.
    pub(super) fn way(&mut self, now: Instant, channel: Channel) -> Way {
        let Some(told) = self.destination(channel) else { return Way::Unknown };
        let Some(wait) = &mut self.wait else { return Way::To(told) };
        if wait.allows(now) {
            return Way::To(told);
        }
        // Some tell another of their addresses than the one that they send from, which is that of their signalling.
        let source = self.sources.get(channel as usize).filter(|source| source.is_proven());
        match source.and_then(Source::address) {
            Some(at) if at.ip() != told.ip() => Way::To(at),
            _ => Way::Unanswered,
        }
    }

    /// What has changed of whether something comes from where its media goes.
    pub(super) fn take_answer(&mut self, side: Side) -> Option<FlowFact> {
        let rtp = &self.sources[Channel::Rtp as usize];
        let told = self.party.map(|party| party.ip);
        match self.wait.as_mut()?.take_news()? {
            News::Answered => Some(FlowFact::Answered { side }),
            News::Unanswered => {
                let source = rtp.address().filter(|at| rtp.is_proven() && Some(at.ip()) != told);
                Some(FlowFact::Unanswered { side, instead: source })
            }
        }
    }

    /// Where packets of the other side are sent, unless nothing comes from there.
    fn destination(&self, channel: Channel) -> Option<SocketAddr> {
        let party = self.party?;
        match party.ports {
            Ports::Unknown => None,
            Ports::Signalled { rtp, rtcp } => {
                let port = if channel == Channel::Rtp { rtp } else { rtcp };
                port.map(|port| SocketAddr::new(party.ip, port))
            }
            Ports::Latched { rtp, rtcp } => {
                self.sources[channel as usize].address().or_else(|| {
                    let port = if channel == Channel::Rtp { rtp } else { rtcp };
                    port.map(|port| SocketAddr::new(party.ip, port))
                })
            }
            Ports::Learned { .. } => self.sources[channel as usize].address(),
        }
    }

    /// The address of the party.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.party.map(|party| party.ip)
    }

    /// Why RTCP that should have begun with the multiplexID of this side, and did not, may be of its party.
    pub(super) fn claim(&self, from: SocketAddr, packet: &[u8]) -> Option<Claim> {
        let party = self.party.filter(|party| party.ip == from.ip())?;
        let (_, stamp) = classify(Channel::Rtcp, packet, party.ports)?;
        let [media, control] = &self.sources;
        let here = [control.address(), self.destination(Channel::Rtcp)].contains(&Some(from));
        let sealed = matches!(party.ports, Ports::Learned { key: Some(_), .. });
        if party.ports == Ports::Unknown || !here && (sealed || control.address().is_some()) {
            return None;
        }
        match media.ssrc() {
            Some(ssrc) if ssrc == stamp.ssrc && ssrc != 0 => Some(Claim::Stream),
            None if here => Some(Claim::Source),
            Some(_) if !here => None,
            _ => Some(Claim::Address),
        }
    }

    /// Takes RTCP without its multiplexID, to which this side has a claim. It shows nobody where the party is.
    fn receive_unmarked(&mut self, packet: &[u8], party: Party) -> (Arrival, Option<Lesson>) {
        self.heard = true;
        if matches!(classify(Channel::Rtcp, packet, party.ports), Some((Kind::Keepalive, _))) {
            self.counts.keepalives += 1;
            return (Arrival::Taken, None);
        }
        (Arrival::Relay, None)
    }

    /// Judges an arriving packet.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        channel: Channel,
        from: SocketAddr,
        packet: &[u8],
        mark: Mark,
    ) -> (Arrival, Option<Lesson>) {
        let Some(party) = self.party.filter(|party| party.ports != Ports::Unknown) else {
            self.counts.strangers += 1;
            return (Arrival::Taken, None);
        };
        if mark == Mark::Missing {
            return self.receive_unmarked(packet, party);
        }
        if from.ip() != party.ip && !self.may_come_from(party, channel, from.ip()) {
            return (Arrival::Taken, self.stranger(now, channel));
        }
        let known = classify(channel, packet, party.ports);
        let other = || datagram(packet).filter(|_| self.datagrams && channel == Channel::Rtp);
        let Some((kind, stamp)) = known.or_else(other) else {
            let source = self.sources[channel as usize].address();
            if source.is_some_and(|source| source != from) {
                return (Arrival::Taken, self.stranger(now, channel));
            }
            self.counts.malformed += 1;
            return (Arrival::Taken, None);
        };
        let reason = self.reason(party, channel, from, (kind, stamp), mark == Mark::Told);
        if reason > Reason::None {
            // Also where the party sends from another address beside, and is locked there.
            self.answers(party, from);
        }
        let proof = if channel == Channel::Rtp { RTP_PROOF } else { RTCP_PROOF };
        let sealed = matches!(party.ports, Ports::Learned { key: Some(_), .. });
        let packet = Packet { from, kind, stamp, reason, sealed };
        let lesson = match self.sources[channel as usize].judge(now, packet, proof) {
            Judgement::Known => None,
            Judgement::Learned => {
                if channel == Channel::Rtp {
                    // What was learned with the old port may be as old.
                    self.sources[Channel::Rtcp as usize].doubt();
                }
                (!matches!(party.ports, Ports::Signalled { .. })).then_some(Lesson::Learned)
            }
            Judgement::Unproven => {
                self.counts.unproven += 1;
                return (Arrival::Taken, None);
            }
            Judgement::Stranger => return (Arrival::Taken, self.stranger(now, channel)),
        };
        self.heard = true;
        self.answers(party, from);
        if kind == Kind::Keepalive {
            self.counts.keepalives += 1;
            return (Arrival::Taken, lesson);
        }
        (Arrival::Relay, lesson)
    }

    /// Something of the party has come, which is an answer if it comes from where its media goes.
    fn answers(&mut self, party: Party, from: SocketAddr) {
        if from.ip() == party.ip
            && let Some(wait) = &mut self.wait
        {
            wait.answered();
        }
    }

    /// True for the address beside the one that a party told, until that one has proven to be right.
    fn may_come_from(&self, party: Party, channel: Channel, ip: IpAddr) -> bool {
        let source = &self.sources[channel as usize];
        let here = source.address().is_none_or(|at| at.ip() == ip) || !source.is_proven();
        self.beside == Some(ip) && matches!(party.ports, Ports::Signalled { .. }) && here
    }

    /// Why a packet from an address of the party may be believed to be the party's.
    fn reason(
        &self,
        party: Party,
        channel: Channel,
        from: SocketAddr,
        (kind, stamp): (Kind, Stamp),
        tagged: bool,
    ) -> Reason {
        if matches!(party.ports, Ports::Learned { key: Some(_), .. }) {
            let secret = kind == Kind::Keepalive;
            return if secret { Reason::Secret } else { Reason::None };
        }
        let media = &self.sources[Channel::Rtp as usize];
        let rtcp = channel == Channel::Rtcp;
        if tagged || (rtcp && kind == Kind::Media && media.ssrc() == Some(stamp.ssrc)) {
            return Reason::Secret;
        }
        let named = match party.ports {
            Ports::Signalled { .. } if from.ip() != party.ip => None,
            Ports::Signalled { rtp, .. } if !rtcp => rtp,
            Ports::Signalled { rtcp, .. } => rtcp,
            // Many NATs keep neighbouring ports neighbours.
            Ports::Latched { .. } | Ports::Learned { .. } if rtcp && media.is_proven() => {
                media.address().and_then(|at| at.port().checked_add(1))
            }
            Ports::Latched { rtp, .. } if !rtcp => rtp,
            Ports::Latched { rtcp, .. } => rtcp,
            Ports::Learned { .. } | Ports::Unknown => None,
        };
        if kind == Kind::Keepalive || named == Some(from.port()) {
            Reason::Told
        } else {
            Reason::None
        }
    }

    fn stranger(&mut self, now: Instant, channel: Channel) -> Option<Lesson> {
        self.counts.strangers += 1;
        if !std::mem::replace(&mut self.told[channel as usize], true) {
            self.counted = self.counted.or(Some(now));
            return Some(Lesson::Stranger);
        }
        let due = self.counted.is_none_or(|last| now.saturating_duration_since(last) >= TELL);
        due.then(|| {
            self.counted = Some(now);
            Lesson::Strangers(self.counts.strangers)
        })
    }
}
