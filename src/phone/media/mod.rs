//! The media of a call: audio, and what else the operator wants, each on sockets of its own.

mod line;
mod locks;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use pinhole_h323::mux::MultiplexId;

pub(super) use self::line::{Line, round};
use super::desk::{CallKey, Desk};
use super::medium::Medium;
use crate::event::ChannelRecord;
use crate::face::SocketId;

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Media {
    lines: BTreeMap<Medium, Line>,
}

impl Media {
    /// Asks for the sockets.
    pub(super) fn new(desk: &mut Desk, call: CallKey) -> Self {
        let options = &desk.options;
        let wanted = [
            (Medium::Audio, true),
            (Medium::Video, options.video.is_some()),
            (Medium::Presentation, options.presentation.is_some()),
        ];
        let wanted = wanted.into_iter().filter(|(_, wanted)| *wanted);
        let lines = wanted.map(|(medium, _)| (medium, Line::new(desk, call, medium)));
        Self { lines: lines.collect() }
    }

    /// What there is of a medium.
    pub(super) fn line(&mut self, medium: Medium) -> Option<&mut Line> {
        self.lines.get_mut(&medium)
    }

    /// The even port of a pair is known.
    pub(super) fn bound(&mut self, rtp: SocketId, port: u16) {
        if let Some(line) = self.lines.values_mut().find(|line| line.is_at(rtp)) {
            line.port = Some(port);
        }
    }

    /// True when all sockets are there.
    pub(super) fn is_bound(&self) -> bool {
        self.lines.values().all(|line| line.port.is_some())
    }

    /// The addresses of each medium to signal: ours as the peer of the signalling connection knows us.
    pub(super) fn addresses(&self, ip: IpAddr) -> BTreeMap<Medium, (SocketAddr, SocketAddr)> {
        self.lines.iter().map(|(medium, line)| (*medium, line.addresses(ip))).collect()
    }

    /// Receives multiplexed media from now on; the identifiers, and the addresses to signal.
    pub(super) fn multiplex(
        &mut self,
        desk: &mut Desk,
        ip: IpAddr,
    ) -> BTreeMap<Medium, (MultiplexId, (SocketAddr, SocketAddr))> {
        let lines = self.lines.iter_mut();
        lines.filter_map(|(medium, line)| Some((*medium, line.multiplex(desk, ip)?))).collect()
    }

    /// The medium whose media goes to, or has to be expected from, an address; nothing if that is said of several.
    pub(super) fn known_at(&self, peer: SocketAddr) -> Option<Medium> {
        let mut known = self.lines.iter().filter(|(_, line)| line.knows(peer));
        let (medium, _) = known.next()?;
        known.next().is_none().then_some(*medium)
    }

    /// A datagram came to the RTP socket of a medium; returns its samples, if it was of the stream.
    pub(super) fn heard(
        &mut self,
        medium: Medium,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Option<Vec<i16>> {
        self.lines.get_mut(&medium)?.heard(now, from, datagram)
    }

    /// Sends no more.
    pub(super) fn hush(&mut self, desk: &mut Desk) {
        self.lines.values_mut().for_each(|line| line.hush(desk));
    }

    /// The records of all channels, and the sockets given back.
    pub(super) fn end(&mut self, desk: &mut Desk) -> Vec<ChannelRecord> {
        self.lines.values_mut().flat_map(|line| line.end(desk)).collect()
    }
}
