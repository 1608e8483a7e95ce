//! What the sessions of a call hold, as data.

use std::net::SocketAddr;

use super::{Session, Sessions};
use crate::call::status::{
    ChannelStatus, Learned, MediaStatus, SessionStatus, SideStatus, Strangers,
};
use crate::face::{Ports, Side};

impl Sessions {
    /// The open sessions.
    pub(crate) fn status(&self, learned: &Learned, strangers: &Strangers) -> Vec<SessionStatus> {
        self.open.iter().map(|session| session.status(learned, strangers)).collect()
    }
}

impl Session {
    fn status(&self, learned: &Learned, strangers: &Strangers) -> SessionStatus {
        let media = |side: Side| {
            let content = self.contents.get(side.index()).and_then(Option::as_ref);
            content.map(|(kind, codec)| MediaStatus { kind, codec: codec.clone() })
        };
        let from = |side| if side == Side::A { "a" } else { "b" };
        let channels = self
            .channels
            .iter()
            .map(|channel| ChannelStatus { from: from(channel.opener), number: channel.number });
        SessionStatus {
            id: self.id,
            media: [media(Side::A), media(Side::B)],
            encryption: self.ciphers.clone(),
            channels: channels.collect(),
            sides: [Side::A, Side::B].map(|side| self.side(side, learned, strangers)),
        }
    }

    fn side(&self, side: Side, learned: &Learned, strangers: &Strangers) -> SideStatus {
        let party = self.parties[side.index()];
        let seen = |rtcp: bool| learned.get(&(self.flow, side, rtcp)).copied();
        let at = |port: Option<u16>| port.map(|port| SocketAddr::new(party.ip, port));
        let (known, rtp, rtcp) = match party.ports {
            Ports::Unknown => ("unknown", None, None),
            Ports::Signalled { rtp, rtcp, .. } => ("signalled", at(rtp), at(rtcp)),
            Ports::Latched { rtp, rtcp } => ("latched", at(rtp), at(rtcp)),
            Ports::Learned { .. } => ("learned", None, None),
        };
        SideStatus {
            local: self.pairs[side.index()].rtp,
            shared: self.receive[side.index()].is_some(),
            party: party.ip,
            known,
            rtp: seen(false).or(rtp),
            rtcp: seen(true).or(rtcp),
            unanswered: self.is_paused(side),
            strangers: strangers.get(&(self.flow, side)).copied().unwrap_or(0),
        }
    }
}
