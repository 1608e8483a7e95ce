//! H.460.18, client side: a call is announced in RAS, and we open the connection on which it comes (§9, §10).

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::h46018::{self, IncomingCall};
use pinhole_h323::id::{CallId, Seq};
use pinhole_h323::ras::Ras;

use super::Phone;
use super::desk::{StreamOwner, Timer};
use crate::event::Event;
use crate::face::StreamId;

/// A Setup must come on the connection within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Announcements that are remembered, so that a repeated one is known.
const MEMORY: usize = 256;

impl Phone {
    /// SCI: answered at once, whatever it says.
    pub(super) fn announced(&mut self, from: SocketAddr, seq: Seq, ras: &Ras) {
        self.desk.reply(from, h46018::response(seq).into_message());
        let traversal = self.desk.ras.standing.as_ref().is_some_and(|standing| standing.traversal);
        match IncomingCall::announced(ras) {
            Ok(Some(IncomingCall { address, call_id })) if traversal && !self.is_leaving() => {
                if !self.remembers(call_id) {
                    let to = self.reachable(address, from);
                    self.open_pinhole(call_id, to);
                }
            }
            Ok(_) => {}
            Err(malformed) => {
                let sentence = malformed.to_string();
                self.desk.tell(Event::Malformed { peer: from, protocol: "ras", sentence });
            }
        }
    }

    /// The connection for an announced call stands: says which call it is for.
    pub(super) fn pinhole_stands(&mut self, stream: StreamId, call: CallId) {
        let facility = h46018::pinhole(call, self.desk.options.tunnelling);
        if let Ok(octets) = facility.encode() {
            self.desk.send(stream, &octets);
        }
        self.tell_pinhole(call, "opened", stream);
    }

    fn open_pinhole(&mut self, call: CallId, to: SocketAddr) {
        let stream = self.desk.connect(StreamOwner::Pinhole(call), to);
        self.desk.after(Timer::Fresh(stream), PATIENCE);
        self.tell_pinhole(call, "announced", stream);
    }

    fn tell_pinhole(&mut self, call: CallId, step: &'static str, stream: StreamId) {
        if let Some(peer) = self.desk.streams.get(&stream).map(|stream| stream.peer) {
            self.desk.tell(Event::Pinhole { callid: call.to_string(), step, peer });
        }
    }

    /// Whether an announcement is a repetition.
    fn remembers(&mut self, call: CallId) -> bool {
        if self.announced.contains(&call) {
            return true;
        }
        if self.announced.len() == MEMORY {
            self.announced.pop_front();
        }
        self.announced.push_back(call);
        false
    }

    /// Some servers announce an address that leads to ourselves, such as 0.0.0.0: theirs is meant.
    fn reachable(&self, told: SocketAddr, from: SocketAddr) -> SocketAddr {
        let (ip, source) = (told.ip(), from.ip().to_canonical());
        let local = self.desk.ras.local.map(|local| local.ip());
        let ours = local == Some(ip) || self.desk.options.ip == ip;
        let elsewhere = ip.is_loopback() && !source.is_loopback();
        if ip.is_unspecified() || elsewhere || ours {
            SocketAddr::new(source, told.port())
        } else {
            told
        }
    }
}
