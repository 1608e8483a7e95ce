//! What went wrong with what came in: counted always, told seldom.

use std::net::SocketAddr;

use pinhole_h323::error::Malformed;

use super::Cx;
use crate::event::Event;

/// What went wrong with what came in, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Datagrams on the RAS port that could not be decoded; dropped.
    pub malformed_ras: u64,
    /// Signalling messages that could not be decoded, whose connection was closed, and H.245 messages, which were dropped.
    pub malformed_messages: u64,
    /// Connections that did not say what they are for in time, or not properly.
    pub refused_streams: u64,
    /// RAS messages and Setups beyond what their source may send, and how often a connection was not read for a while, since
    /// more came than may.
    pub throttled: u64,
    /// Messages with more tokens or proposals than a real one has.
    pub excessive: u64,
    /// Calls, or requests for them, refused because there were too many.
    pub crowded: u64,
    /// Packets at the shared ports of multiplexed media whose multiplexID is of no call, or reports without one that may be of
    /// several or of none; dropped.
    pub stray_media: u64,
    /// How often media was paused, since nothing came from where it went.
    pub unanswered_media: u64,
    /// Keepalives, announcements and LRQs of those who did not prove that they are neighbours.
    pub unbelieved: u64,
    /// RAS requests that came again, and were answered as before.
    pub repeated_ras: u64,
    /// RAS requests that were told to wait, as there was too much to do.
    pub deferred_ras: u64,
    /// RAS requests that were rejected.
    pub refused_ras: u64,
}

/// After so many messages that were not understood only every power of two is told.
const TOLD: u64 = 10;

impl Cx<'_> {
    /// Packets came to the shared ports of multiplexed media that are of no call.
    pub(crate) fn strays(&mut self, from: SocketAddr, count: u64) {
        self.core.counters.stray_media += count;
        self.refusal(Event::MediaStrays { from, count });
    }

    /// A peer sent a message that cannot be understood.
    ///
    /// Every one is counted; of a flood only a few are told, or it would fill the log.
    pub(crate) fn malformed(&mut self, peer: SocketAddr, protocol: &'static str, why: Malformed) {
        let counters = &mut self.core.counters;
        let count = if protocol == "ras" {
            &mut counters.malformed_ras
        } else {
            &mut counters.malformed_messages
        };
        *count += 1;
        if *count <= TOLD || count.is_power_of_two() {
            let sentence = format!(
                "a {protocol} message from {peer} was not understood ({why}), {count} in all"
            );
            self.event(Event::Malformed { peer, protocol, sentence });
        }
    }
}
