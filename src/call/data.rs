//! Connections of data channels (T.120): what comes on one leaves on the other.

use std::net::SocketAddr;

use super::{CallKey, Calls};
use crate::face::{ListenerId, StreamId};
use crate::node::Cx;

impl Calls {
    /// True for a listener of a data channel.
    #[cfg(test)]
    pub(crate) fn waits_for_data(&self, listener: ListenerId) -> bool {
        self.index.data.contains_key(&listener)
    }

    /// A peer connected to a listener; false when it is not of a data channel.
    pub(crate) fn data_accepted(
        &mut self,
        cx: &mut Cx<'_>,
        listener: ListenerId,
        stream: StreamId,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> bool {
        let Some(key) = self.index.data.get(&listener).copied() else { return false };
        let Some(call) = self.live(key) else { return false };
        let (id, legs) = (call.key, &call.legs);
        if !call.data.accepted(cx, id, legs, listener, (stream, local, peer)) {
            cx.core.counters.refused_streams += 1;
        }
        true
    }

    /// A connection has ended.
    pub(super) fn data_closed(&mut self, cx: &mut Cx<'_>, key: CallKey, stream: StreamId) {
        if let Some(call) = self.live(key) {
            call.data.closed(cx, stream);
        }
    }

    /// Octets of a connection.
    pub(crate) fn data(&mut self, cx: &mut Cx<'_>, key: CallKey, stream: StreamId, octets: &[u8]) {
        match self.live(key) {
            Some(call) => call.data.octets(cx, stream, octets),
            None => cx.close(stream),
        }
    }
}
