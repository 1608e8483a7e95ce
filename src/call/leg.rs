//! One side of a call: a party, the connections to it, and what is known of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::id::EndpointId;

use crate::face::StreamId;
use crate::node::Particular;
use crate::node::limits::source;
use crate::node::ports::Listener;
use crate::zone::{Bond, ZoneId};

/// Channels of which a party can have asked for a picture lately.
const MOST_PICTURES: usize = 16;

/// One of the two parties of a call.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    /// Its registration, if it has one.
    pub(crate) endpoint: Option<EndpointId>,
    /// The name by which people know it.
    pub(crate) name: String,
    /// What holds for it alone.
    pub(crate) own: Option<Arc<Particular>>,
    /// True while the call counts as one of its.
    pub(crate) counted: bool,
    /// The patterns of numbers that it counts for there (`PrefixCapacities`).
    pub(crate) patterns: Vec<String>,
    /// What its product is called, as far as that is known.
    pub(crate) vendor: String,
    /// Its signalling connection.
    pub(crate) stream: Option<StreamId>,
    /// Our address on its side.
    pub(crate) local: IpAddr,
    /// Its address as its packets show it: behind a NAT, the NAT's.
    pub(crate) peer: IpAddr,
    /// True for an H.460.18/.19 client: it opens every connection itself, and its media address is learned.
    pub(crate) client: bool,
    /// The neighbour it is, or through whom it is reached.
    pub(crate) zone: Option<ZoneId>,
    /// True when the configuration registers it (`[RasSrv::PermanentEndpoints]`).
    pub(crate) permanent: bool,
    /// True when it is the server of a traversal zone and we are its client: we open every connection ourselves, and
    /// keep the pinholes of its media open.
    pub(crate) server: bool,
    /// What it has proven to us, or we to it, as the ends of a zone.
    pub(crate) bond: Option<Bond>,
    /// True when it can send multiplexed media (H.460.19 supportTransmitMultiplexedMedia).
    pub(crate) multiplexes: bool,
    /// True when RTP in clear neither comes in from it nor leaves on it: it is encrypted by us, or has to be by the parties.
    pub(crate) encrypted: bool,
    /// True when it is behind a NAT, so that the media addresses it tells are of no use.
    pub(crate) natted: bool,
    /// Whether its last word on H.245 tunnelling was yes (H.323 §8.2.1); none yet before its first message.
    pub(crate) tunnels: Option<bool>,
    /// False when the configuration keeps it from tunnelling.
    pub(crate) may_tunnel: bool,
    /// Its H.245 connection.
    pub(crate) control: ControlLink,
    /// That on which it has spoken.
    pub(crate) control_heard: Option<StreamId>,
    /// Where it listens for H.245.
    pub(crate) h245: Option<SocketAddr>,
    /// How often we have begun to connect there.
    pub(crate) dials: u8,
    /// Where we listen for its H.245 connection.
    pub(crate) listener: Option<Listener>,
    /// True when it could not be connected to where it listens for H.245, and has had no H.245 connection since.
    pub(crate) unreached: bool,
    /// Why the call is over for it, as its DRQ said.
    pub(crate) disengaged: Option<(Release, Cause)>,
    /// True when it was told by Facility to connect to our listener.
    pub(crate) summoned: bool,
    /// How often its H.245 connection was lost in mid-call.
    pub(crate) losses: u8,
    /// True when a lost one could not be made again in time.
    pub(crate) forsaken: bool,
    /// H.245 messages that wait for its connection, and copies of those that were tunnelled to it before it said whether
    /// it tunnels.
    pub(crate) queue: Vec<Vec<u8>>,
    /// The channels of whose video it has asked for a whole picture, and when.
    pub(crate) pictures: Vec<(u16, Instant)>,
    /// The terminalType that it has said it is of (H.245 §C.2).
    pub(crate) terminal_type: Option<u8>,
    /// True when it has been told that the H.245 session is over.
    pub(crate) session_ended: bool,
}

/// The state of a separate H.245 connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControlLink {
    /// There is none.
    None,
    /// We are connecting to it.
    Dialling(StreamId),
    /// It stands.
    Open(StreamId),
}

impl ControlLink {
    /// Its connection, in whatever state.
    pub(crate) const fn stream(self) -> Option<StreamId> {
        match self {
            Self::None => None,
            Self::Dialling(stream) | Self::Open(stream) => Some(stream),
        }
    }
}

impl Leg {
    /// A party that is not connected yet.
    pub(crate) const fn new(name: String, local: IpAddr, peer: IpAddr) -> Self {
        Self {
            endpoint: None,
            name,
            own: None,
            counted: false,
            patterns: Vec::new(),
            vendor: String::new(),
            stream: None,
            local,
            peer,
            client: false,
            zone: None,
            permanent: false,
            server: false,
            bond: None,
            multiplexes: false,
            encrypted: false,
            natted: false,
            tunnels: None,
            may_tunnel: true,
            control: ControlLink::None,
            control_heard: None,
            h245: None,
            dials: 0,
            listener: None,
            unreached: false,
            disengaged: None,
            summoned: false,
            losses: 0,
            forsaken: false,
            queue: Vec::new(),
            pictures: Vec::new(),
            terminal_type: None,
            session_ended: false,
        }
    }

    /// It asks for a whole picture of a channel; false when it has done so within this time, or of too many.
    pub(crate) fn asks_picture(&mut self, now: Instant, channel: u16, interval: Duration) -> bool {
        self.pictures.retain(|(_, asked)| now.duration_since(*asked) < interval);
        let again = self.pictures.iter().any(|(known, _)| *known == channel);
        if again || self.pictures.len() >= MOST_PICTURES {
            return false;
        }
        self.pictures.push((channel, now));
        true
    }

    /// To whom the media ports of its calls are counted, as their caller; `None` for a neighbour or a trunk of the file, who
    /// has many. An alias of the file does not count: anybody can register under it.
    pub(crate) fn holder(&self) -> Option<IpAddr> {
        (self.zone.is_none() && !self.permanent).then(|| source(self.peer))
    }

    /// True when H.460.19 is spoken with it, as its server or as its client.
    pub(crate) const fn traverses(&self) -> bool {
        self.client || self.server
    }

    /// True when media to it can only go where its own packets come from.
    pub(crate) const fn media_is_learned(&self) -> bool {
        self.client || self.natted
    }
}
