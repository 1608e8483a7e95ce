//! Where parties say that they want their media, and what of it is believed.

use std::net::{IpAddr, SocketAddr};

use tracing::debug;

use super::Session;
use crate::face::{FlowCommand, Output, Party, Ports, Side};
use crate::node::media::Trust;
use crate::node::{Cx, reaches};

/// Where media goes that a party at `peer` wants somewhere; `None` where that says nothing: no port, an address of nobody,
/// or one of ours, which only a party on this host may name (anybody else wants our ports to send to each other, round and
/// round). What the party does not reach itself is not believed: behind its router it may well be right, here it would be
/// somebody else. Then the address counts that its signalling comes from, where routers forward the same port.
pub(in crate::control) fn sendable(
    cx: &Cx<'_>,
    peer: IpAddr,
    told: SocketAddr,
) -> Option<SocketAddr> {
    let ip = told.ip().to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    let nobody = told.port() == 0 || ip.is_unspecified() || ip.is_multicast() || broadcast;
    let ours = cx.core.locals.contains(&ip) || cx.core.settings.external == Some(ip);
    if nobody || (ours && ip != peer && !ip.is_loopback()) {
        return None;
    }
    let ip = if reaches(cx.core, peer, ip) { ip } else { peer };
    Some(SocketAddr::new(ip, told.port()))
}

impl Session {
    /// A party has told where it wants RTP, or RTCP, or both. Zero ports and addresses of nobody say nothing.
    pub(in crate::control) fn signalled(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        rtp: Option<SocketAddr>,
        rtcp: Option<SocketAddr>,
    ) {
        let Some(peer) = self.peers.get(side.index()).copied() else { return };
        let [rtp, rtcp] =
            [rtp, rtcp].map(|told| Some((told?.ip().to_canonical(), sendable(cx, peer, told?)?)));
        let Some((told, ip)) = rtp.or(rtcp).map(|(told, at)| (told, at.ip())) else { return };
        let Some(known) = self.parties.get(side.index()) else { return };
        let placed = matches!(
            known.ports,
            Ports::Signalled { rtp: Some(_), .. } | Ports::Latched { rtp: Some(_), .. }
        );
        let trust = match cx.core.settings.media.trust(peer, told, self.presents()) {
            // Reports alone do not move media that has its place.
            Trust::Told if told != ip && rtp.is_none() && placed => return,
            Trust::Told if told != ip => {
                debug!(flow = self.flow.0, %told, %peer, "not believed: media goes where the signalling comes from");
                Trust::Latched
            }
            trust => trust,
        };
        if trust == Trust::Learned {
            let ports = Ports::Learned { keepalive: None, key: None };
            return self.tell(cx, side, Party { ip: peer, ports });
        }
        let clear = self.locked.get(side.index()) == Some(&false);
        if clear && cx.core.settings.encryption.forbids_clear(peer, ip).is_some() {
            self.exposed = Some((side, ip));
            return;
        }
        let (old_rtp, old_rtcp) = match known.ports {
            Ports::Signalled { rtp, rtcp } | Ports::Latched { rtp, rtcp } if known.ip == ip => {
                (rtp, rtcp)
            }
            _ => (None, None),
        };
        let port = |told: Option<(IpAddr, SocketAddr)>| told.map(|(_, at)| at.port());
        let rtp = port(rtp).or(old_rtp);
        // Some tell no address for RTCP: it is the port after that of RTP (RFC 3550 §11).
        let rtcp = port(rtcp).or(old_rtcp).or_else(|| rtp?.checked_add(1));
        let ports = match trust {
            Trust::Latched => Ports::Latched { rtp, rtcp },
            _ => Ports::Signalled { rtp, rtcp },
        };
        self.tell(cx, side, Party { ip, ports });
        self.admit(cx, side, ip);
    }

    /// A party will send, and has told no address of its own that could be used (the OpenLogicalChannel of some has no
    /// mediaControlChannel, or port 0): what it sends comes from where its signalling comes from.
    pub(in crate::control) fn expects(&mut self, cx: &mut Cx<'_>, side: Side) {
        let (Some(known), Some(peer)) =
            (self.parties.get(side.index()), self.peers.get(side.index()).copied())
        else {
            return;
        };
        if known.ports == Ports::Unknown && self.exposed.is_none() {
            let (rtp, rtcp) = (None, None);
            let ports = match cx.core.settings.media.trust(peer, peer, self.presents()) {
                Trust::Latched => Ports::Latched { rtp, rtcp },
                _ => Ports::Signalled { rtp, rtcp },
            };
            self.tell(cx, side, Party { ip: peer, ports });
        }
    }

    /// A party that told another address may send from that of its signalling all the same: the one that it told may be
    /// wrong (that of RTCP in the OpenLogicalChannel of a second video is, of some), or only where it listens.
    fn admit(&mut self, cx: &mut Cx<'_>, side: Side, told: IpAddr) {
        let (Some(ip), Some(done)) =
            (self.peers.get(side.index()).copied(), self.beside.get_mut(side.index()))
        else {
            return;
        };
        if ip != told && !std::mem::replace(done, true) {
            let flow = self.flow;
            cx.core.out.push(Output::Flow(FlowCommand::Beside { flow, side, ip }));
        }
    }
}
