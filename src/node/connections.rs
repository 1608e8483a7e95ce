//! TCP connections come and speak: who may have one, how long its messages may take, and to whom they go.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::error::Malformed;

use super::streams::{Owner, Stream};
use super::{Cx, Life, Node, Timer};
use crate::call::{Calls, NOT_UNDERSTOOD};
use crate::face::{ListenerId, Output, StreamId};

impl Node {
    pub(super) fn accepted(
        &mut self,
        listener: ListenerId,
        id: StreamId,
        local: SocketAddr,
        peer: SocketAddr,
    ) {
        let ending = self.life != Life::Working;
        let (mut cx, calls) = self.parts();
        if calls.control_accepted(&mut cx, listener, id, local, peer)
            || calls.data_accepted(&mut cx, listener, id, local, peer)
        {
            return;
        }
        cx.core.streams.accepted(cx.now, id, Owner::Fresh, local, peer);
        // A listener of a call that has its connection, or has ended: it was on its way when the listener was closed.
        let late = !cx.core.is_signalling(listener);
        cx.core.counters.refused_streams += u64::from(late);
        if ending || late {
            return cx.close(id);
        }
        cx.admits_fresh(id, peer);
    }

    pub(super) fn bytes(&mut self, id: StreamId, bytes: &[u8]) {
        if let Some(Owner::Data(key, _)) = self.core.streams.get(id).map(Stream::owner) {
            let (mut cx, calls) = self.parts();
            return calls.data(&mut cx, key, id, bytes);
        }
        self.core.streams.feed(id, bytes);
        match self.core.streams.is_halted(id) {
            false => self.read(id),
            true if self.core.streams.overflows(id) => {
                let (mut cx, calls) = self.parts();
                calls.stream_broken(&mut cx, id, "sends far more than it may");
            }
            true => {}
        }
    }

    /// A connection that was not read for a while is read again.
    pub(super) fn resume(&mut self, id: StreamId) {
        self.core.streams.halt(id, false);
        self.read(id);
    }

    /// Takes the messages that have come, as fast as they may. Others wait, those that have not been read yet at the peer's.
    fn read(&mut self, id: StreamId) {
        loop {
            let (mut cx, calls) = self.parts();
            let Some(stream) = cx.core.streams.get(id) else { return };
            let (owner, peer) = (stream.owner(), stream.peer);
            if cx.core.streams.has_octets(id)
                && let Some(time) = cx.core.streams.wait(id, cx.now)
            {
                return cx.halt(id, time);
            }
            let message = cx.core.streams.read(id);
            cx.core.streams.carried(id, cx.now, usize::from(matches!(message, Ok(Some(_)))));
            match message {
                Ok(None) => return cx.await_rest(id),
                Ok(Some(message)) if message.is_empty() => {}
                Ok(Some(message)) => match owner {
                    Owner::Fresh | Owner::Hole => calls.first_message(&mut cx, id, &message),
                    Owner::Signalling(key, side) => calls.signal(&mut cx, key, side, &message),
                    Owner::Control(key, side) => calls.control(&mut cx, key, side, &message),
                    Owner::Data(..) => {}
                },
                Err(malformed) => {
                    cx.malformed(peer, "tpkt", malformed);
                    calls.stream_broken(&mut cx, id, NOT_UNDERSTOOD);
                }
            }
        }
    }
}

impl Cx<'_> {
    /// Reads nothing from a connection for so long.
    fn halt(&mut self, id: StreamId, time: Duration) {
        self.core.counters.throttled += 1;
        self.core.streams.halt(id, true);
        self.core.out.push(Output::Halt { stream: id, time });
        self.set(Timer::Halted(id), time);
    }

    /// Whether a connection that has not said yet what it is for may wait for its first message. It is closed if not.
    pub(crate) fn admits_fresh(&mut self, id: StreamId, peer: SocketAddr) -> bool {
        let limits = self.core.settings.limits;
        // The client of a zone is a whole network behind one address.
        let most = match self.core.zones.has_client_at(peer.ip()) {
            true => limits.fresh_streams.max(limits.fresh_in_all / 2),
            false => limits.fresh_streams,
        };
        if self.core.streams.fresh_from(peer.ip()) > most {
            self.core.counters.refused_streams += 1;
            self.close(id);
            return false;
        }
        // Who connects in earnest speaks at once: the oldest is the least likely to.
        if let Some(oldest) = self.core.streams.too_fresh(limits.fresh_in_all) {
            self.stop(&Timer::FirstMessage(oldest));
            self.core.counters.refused_streams += 1;
            self.close(oldest);
        }
        let wait = self.core.settings.setup_timeout;
        self.set(Timer::FirstMessage(id), wait);
        true
    }

    /// A message that has begun has to be complete in time: octets that dribble in hold a connection, or a call.
    fn await_rest(&mut self, id: StreamId) {
        if self.core.streams.begins(id) {
            let wait = self.core.settings.setup_timeout;
            self.set(Timer::Rest(id), wait);
        }
    }

    /// A connection did not say in time what it is for.
    pub(super) fn said_nothing(&mut self, id: StreamId) {
        let owner = self.core.streams.get(id).map(Stream::owner);
        if matches!(owner, Some(Owner::Fresh | Owner::Hole)) {
            crate::zone::hole(self, id);
            crate::zone::unanswered(self, id);
            self.core.counters.refused_streams += 1;
            self.close(id);
        }
    }
}

/// The rest of a message did not come in time, unless it came meanwhile.
pub(super) fn incomplete(cx: &mut Cx<'_>, calls: &mut Calls, id: StreamId) {
    let Some(peer) = cx.core.streams.get(id).map(|stream| stream.peer) else { return };
    if cx.core.streams.is_unfinished(id) {
        cx.malformed(peer, "tpkt", Malformed::Truncated);
        calls.stream_broken(cx, id, NOT_UNDERSTOOD);
    }
}
