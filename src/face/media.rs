//! What an agent says to the media plane of its host, and what it hears of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::security::MediaKey;

/// A pair of UDP sockets of the media plane: RTP on an even port, RTCP on the next. Its packets never reach the
/// agent: the media plane relays them as [`FlowCommand`]s say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub u32);

/// One relayed RTP session: two pairs, one towards each leg of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

impl FlowId {
    /// No flow.
    pub const NONE: Self = Self(0);
}

/// The two legs of a relayed session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The calling party's leg.
    A,
    /// The called party's leg.
    B,
}

impl Side {
    /// The other leg.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `0` for A, `1` for B.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }
}

/// Where the media of one side comes from and goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    /// The only address from which media of this side is accepted, but for [`FlowCommand::Beside`].
    pub ip: IpAddr,
    /// How its ports are known.
    pub ports: Ports,
}

/// How the ports of a party become known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Not yet: nothing is sent, nothing is accepted.
    Unknown,
    /// From signalling: media is sent there. A `None` port has not been told yet.
    Signalled {
        /// Where RTP is sent.
        rtp: Option<u16>,
        /// Where RTCP is sent.
        rtcp: Option<u16>,
    },
    /// From signalling, until the party's media comes from other ports of its address, which then count. A `None` port is
    /// only learned.
    Latched {
        /// Where RTP is sent at first.
        rtp: Option<u16>,
        /// Where RTCP is sent at first.
        rtcp: Option<u16>,
    },
    /// The party is behind a NAT: learned from its keepalives (H.460.19) or from several packets of media in a row,
    /// from the party's address, and then locked.
    Learned {
        /// The payload type its RTP keepalives carry, if it has told one (H.460.19 keepAlivePayloadType).
        keepalive: Option<u8>,
        /// The key of its keepalives: then nothing but a keepalive that is made with it says where the party is.
        key: Option<KeepaliveKey>,
    },
}

/// How long media goes to an address from which nothing comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until the first valid packet has come from there. Zero: nothing is sent before.
    pub first: Duration,
    /// After each that has come.
    pub later: Duration,
}

/// A key that only the client of a zone and its server have, for the keepalives of one flow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeepaliveKey(pub [u8; 12]);

impl std::fmt::Debug for KeepaliveKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeepaliveKey").finish_non_exhaustive()
    }
}

/// A command to the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowCommand {
    /// A bound pair serves many flows at once: what arrives on it says by its multiplexID which flow it is for
    /// (H.460.19 §8). It is never closed with a flow.
    Share {
        /// Which.
        pair: PairId,
    },
    /// The multiplexIDs of one side of an open flow (H.460.19 §8). Said again, it replaces what was said before.
    Multiplex {
        /// Of which flow.
        flow: FlowId,
        /// Which side.
        side: Side,
        /// What its packets begin with, when its pair is shared.
        receive: Option<u32>,
        /// What packets to it begin with, when it wants that.
        send: Option<u32>,
    },
    /// Relay between two pairs, which belong to the flow from now on unless they are shared.
    Open {
        /// The flow's number.
        flow: FlowId,
        /// The pair towards A and the pair towards B.
        pairs: [PairId; 2],
    },
    /// Says where one side's media is expected from and sent to. Another address than before forgets what was
    /// learned; the same one with a newly told keepalive payload type does not.
    Party {
        /// Of which flow.
        flow: FlowId,
        /// Which side.
        side: Side,
        /// What is known of it.
        party: Party,
    },
    /// Media of one side may also come from this address, as long as none has proven itself that came from the one that
    /// signalling told: some tell another's by mistake, or none. Nothing is sent there.
    Beside {
        /// Of which flow.
        flow: FlowId,
        /// Which side.
        side: Side,
        /// The address that the side's signalling comes from.
        ip: IpAddr,
    },
    /// How long media goes to the address that a side has told while nothing comes from there; `None`: for ever. Said again,
    /// it begins anew. Another address than before has no such bound until it is said.
    Patience {
        /// Of which flow.
        flow: FlowId,
        /// Which side.
        side: Side,
        /// How long.
        patience: Option<Patience>,
    },
    /// The even ports of an open flow carry datagrams that are no RTP (T.38), beside whatever else.
    Datagrams {
        /// Of which flow.
        flow: FlowId,
    },
    /// A channel of an open flow is opened anew: packets may come from other ports than before, though from the same
    /// addresses. What was learned stays until another source has proven itself.
    Rearm {
        /// Of which flow.
        flow: FlowId,
    },
    /// A leg is encrypted for good: RTP in clear neither comes in from it nor leaves on it, and without keys none at all.
    Lock {
        /// Of which flow.
        flow: FlowId,
        /// Which leg.
        side: Side,
    },
    /// RTP from a leg is decrypted with this key, too, by its payload type; the leg is encrypted from now on.
    Decrypt {
        /// Of which flow.
        flow: FlowId,
        /// Which leg.
        side: Side,
        /// The logical channel that it belongs to.
        channel: u16,
        /// The key.
        key: MediaKey,
        /// The payload type of what was decrypted; `None` leaves it.
        clear: Option<u8>,
        /// After so many packets the key is worn, which [`FlowFact::Worn`] tells.
        most: u64,
    },
    /// RTP to a leg is encrypted with this key; the leg is encrypted from now on.
    Encrypt {
        /// Of which flow.
        flow: FlowId,
        /// Which leg.
        side: Side,
        /// The logical channel that it belongs to.
        channel: u16,
        /// The key.
        key: MediaKey,
        /// The payload type of what is encrypted; packets with others are dropped. `None` takes any.
        clear: Option<u8>,
        /// After so many packets the key is worn, which [`FlowFact::Worn`] tells.
        most: u64,
    },
    /// RTP of a leg with this payload type is encrypted by the parties themselves, from end to end: it passes as it is.
    /// Both legs are encrypted from now on; what has none of the last three payload types that were told of any channel is dropped.
    Pass {
        /// Of which flow.
        flow: FlowId,
        /// Who sends it.
        from: Side,
        /// The logical channel that it belongs to.
        channel: u16,
        /// The payload type.
        payload_type: u8,
    },
    /// The time of grace of a channel's keys before the newest one is over.
    ForgetOld {
        /// Of which flow.
        flow: FlowId,
        /// From which leg.
        side: Side,
        /// The logical channel.
        channel: u16,
    },
    /// A channel's keys of one direction are no good any more.
    Forget {
        /// Of which flow.
        flow: FlowId,
        /// Of which leg.
        side: Side,
        /// True for what comes in from the leg, false for what leaves on it.
        incoming: bool,
        /// The logical channel.
        channel: u16,
    },
    /// Say from which sides something came since the last time that this was asked; [`FlowFact::Heard`] answers.
    Listen {
        /// To which flow.
        flow: FlowId,
    },
    /// Send one RTP and one RTCP keepalive (H.460.19 §7) from a side's pair, so that the server there learns our
    /// address and the NATs between stay open. With the multiplexID that the side wants, if it wants one.
    Punch {
        /// Of which flow.
        flow: FlowId,
        /// From which side's pair.
        side: Side,
        /// Where RTP and RTCP keepalives go.
        to: [SocketAddr; 2],
        /// The payload type of the RTP one.
        payload_type: u8,
        /// The sequence number of the RTP one.
        sequence: u16,
        /// What they are made with, if the server knows that it is us.
        key: Option<KeepaliveKey>,
    },
    /// End a flow: its pairs are closed, [`FlowFact::Ended`] answers.
    Close {
        /// Which.
        flow: FlowId,
    },
}

/// What the media plane reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowFact {
    /// The media address of a side behind a NAT is known and locked; told again when the NAT has given it another.
    Learned {
        /// Which side.
        side: Side,
        /// True for the RTCP address.
        rtcp: bool,
        /// The address.
        from: SocketAddr,
    },
    /// Somebody else sends to a port of the flow, for the first time. It is dropped and counted, always.
    Stranger {
        /// To the port of which side.
        side: Side,
        /// True for the RTCP port.
        rtcp: bool,
        /// Who.
        from: SocketAddr,
    },
    /// How many packets of strangers a side has had so far: told once a second while they come, after the first.
    Strangers {
        /// Which side.
        side: Side,
        /// In all.
        count: u64,
    },
    /// Packets at shared ports whose multiplexID is of no flow: told of at once, and once a second while they come. Of no
    /// flow ([`FlowId::NONE`]).
    Strays {
        /// Who sent the last.
        from: SocketAddr,
        /// How many since this was told last.
        count: u64,
    },
    /// From which sides media, reports about it or keepalives came since [`FlowCommand::Listen`] asked before.
    Heard {
        /// From A, and from B.
        from: [bool; 2],
    },
    /// Nothing has come from the address that a side has told for as long as [`FlowCommand::Patience`] allows: nothing is
    /// sent there any more.
    Unanswered {
        /// Which side.
        side: Side,
        /// Where RTP goes in its place: another address of the party, from which its media does come.
        instead: Option<SocketAddr>,
    },
    /// Something came from there: the first packet, or the first after a pause.
    Answered {
        /// Which side.
        side: Side,
    },
    /// A key has served for as many packets as it may. Told once a key.
    Worn {
        /// Of which leg.
        side: Side,
        /// True for what comes in from the leg, false for what leaves on it.
        incoming: bool,
        /// The logical channel that it belongs to.
        channel: u16,
    },
    /// The flow is closed; these were its counts.
    Ended {
        /// What came from A and what came from B.
        counts: [FlowCounts; 2],
    },
}

/// What happened to the packets that arrived from one side of a flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// RTP packets relayed to the other side.
    pub relayed: u64,
    /// RTCP packets relayed to the other side.
    pub control: u64,
    /// Keepalives taken.
    pub keepalives: u64,
    /// Packets from a stranger's address, or from another port than the one that is locked, dropped.
    pub strangers: u64,
    /// Packets from the right address before it was proven that they are the party's, dropped.
    pub unproven: u64,
    /// Packets dropped because the other side's address was not known (yet).
    pub homeless: u64,
    /// Packets dropped because nothing came from where they would go.
    pub unanswered: u64,
    /// RTP packets dropped because a leg is encrypted and they could not be decrypted, or encrypted.
    pub insecure: u64,
    /// Packets that are no RTP or RTCP, dropped.
    pub malformed: u64,
}
