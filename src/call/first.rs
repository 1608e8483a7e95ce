//! The first message of a connection: Setup begins a call, a Facility of H.460.18 takes up one that was announced. A
//! connection of the client of a zone, or to a listener for H.245, has to prove first whose it is where it can.

use std::net::SocketAddr;

use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::cause::Release;
use pinhole_h323::signal::Signal;

use tracing::trace;

use super::setup::{Ends, refuse};
use super::{CallKey, Calls, ControlLink, NOT_UNDERSTOOD, tunnelled_ras};
use crate::face::{Bind, ListenerId, Output, Side, StreamId};
use crate::node::streams::{Owner, Stream};
use crate::node::{Cx, Timer};
use crate::zone::{self, Bond, Proof};

impl Calls {
    /// Takes the first message of a connection.
    pub(crate) fn first_message(&mut self, cx: &mut Cx<'_>, id: StreamId, octets: &[u8]) {
        let Some(stream) = cx.core.streams.get(id) else { return };
        let ends = Ends { stream: id, local: stream.local.ip(), peer: stream.peer };
        if let Some(leg) = stream.may_control {
            return self.control_proven(cx, leg, id, octets);
        }
        let signal = match Signal::decode(octets) {
            Ok(signal) => signal,
            Err(malformed) => {
                cx.malformed(ends.peer, "h225", malformed);
                self.stream_broken(cx, id, NOT_UNDERSTOOD);
                return;
            }
        };
        trace!(from = %ends.peer, message = signal.name(), "received");
        if zone::asked_at_hole(cx, id, &signal) {
            return;
        }
        match zone::prove(cx, self, id, &signal, octets) {
            Proof::NotNeeded => self.first_signal(cx, ends, signal, None),
            Proof::Awaited => {}
            Proof::Given(messages, bond) => {
                if let Some(known) = cx.core.streams.get_mut(id) {
                    known.proven = true;
                }
                self.proven(cx, ends, messages, bond);
            }
            Proof::Wrong => {
                cx.stop(&Timer::FirstMessage(id));
                cx.core.counters.refused_streams += 1;
                let sentence = "it does not prove that it is the client of the zone".to_owned();
                refuse(cx, ends, &signal, &(Release::SecurityDenied, sentence));
            }
        }
    }

    /// What a connection said before it proved whose it is counts now.
    fn proven(&mut self, cx: &mut Cx<'_>, ends: Ends, messages: Vec<Vec<u8>>, bond: Bond) {
        for octets in messages {
            match cx.core.streams.get(ends.stream).map(Stream::owner) {
                Some(Owner::Fresh) => {
                    let Ok(signal) = Signal::decode(&octets) else { return };
                    self.first_signal(cx, ends, signal, Some(bond));
                }
                Some(Owner::Signalling(key, side)) => self.signal(cx, key, side, &octets),
                _ => return,
            }
        }
    }

    fn first_signal(&mut self, cx: &mut Cx<'_>, ends: Ends, signal: Signal, bond: Option<Bond>) {
        let id = ends.stream;
        match signal.body() {
            Some(Body::setup(_)) => {
                cx.stop(&Timer::FirstMessage(id));
                self.setup(cx, ends, signal, bond);
            }
            Some(Body::facility(_)) => {
                cx.stop(&Timer::FirstMessage(id));
                self.pinhole(cx, ends, &signal, bond);
            }
            // RAS without a datagram (H.460.17) is refused; the deadline for Setup goes on.
            _ if tunnelled_ras::refuse(cx, id, &signal) => {}
            // Anything else may be a keepalive, and the deadline goes on, too.
            _ => {}
        }
    }

    /// A connection whose first message is a Facility: an H.460.18 client takes up a call (H.460.18 §5). It has to
    /// come from the client's address, in time, and once.
    fn pinhole(&mut self, cx: &mut Cx<'_>, ends: Ends, facility: &Signal, bond: Option<Bond>) {
        let key = facility.call_id().and_then(|id| {
            cx.core.pinholes.open(id, ends.peer.ip()).ok()?;
            self.index.ids.get(&id).copied()
        });
        let Some(key) = key else {
            cx.core.counters.refused_streams += 1;
            let sentence = "no call waits for this connection".to_owned();
            refuse(cx, ends, facility, &(Release::UndefinedReason, sentence));
            return;
        };
        self.client_came(cx, key, ends, (facility.h245_tunnelling(), bond));
    }

    /// A peer connected to a listener; false when it is no listener of a call. Only the party it is for may connect.
    pub(crate) fn control_accepted(
        &mut self,
        cx: &mut Cx<'_>,
        listener: ListenerId,
        stream: StreamId,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> bool {
        let Some((key, side)) = self.index.listeners.get(&listener).copied() else { return false };
        let bond = self.live(key).and_then(|call| {
            let leg = call.leg(side);
            leg.bond.filter(|_| leg.peer == peer.ip()).map(|bond| (bond, call.id))
        });
        if let Some((bond, call)) = bond {
            // Others come from the same address.
            cx.core.streams.accepted(cx.now, stream, Owner::Fresh, local, peer);
            if cx.admits_fresh(stream, peer)
                && let Some(known) = cx.core.streams.get_mut(stream)
            {
                known.may_control = Some((key, side));
                zone::ask_control(cx, stream, bond, call);
            }
            return true;
        }
        cx.core.streams.accepted(cx.now, stream, Owner::Control(key, side), local, peer);
        self.take_control_stream(cx, (key, side), stream, peer);
        true
    }

    /// A message of a connection that has to prove that it is the H.245 connection of a leg.
    fn control_proven(
        &mut self,
        cx: &mut Cx<'_>,
        (key, side): (CallKey, Side),
        stream: StreamId,
        octets: &[u8],
    ) {
        let Some(peer) = cx.core.streams.get(stream).map(|known| known.peer) else { return };
        let call = self.live(key).map(|call| call.id);
        let proof = call.map(|call| zone::prove_control(cx, stream, call, octets));
        let waited = match proof {
            Some(Proof::Awaited) => return,
            Some(Proof::Given(waited, _)) => waited,
            _ => {
                cx.stop(&Timer::FirstMessage(stream));
                cx.core.counters.refused_streams += 1;
                return cx.close(stream);
            }
        };
        cx.stop(&Timer::FirstMessage(stream));
        cx.core.streams.belongs(stream, Owner::Control(key, side));
        if let Some(known) = cx.core.streams.get_mut(stream) {
            known.proven = true;
        }
        self.take_control_stream(cx, (key, side), stream, peer);
        for octets in waited {
            let owner = cx.core.streams.get(stream).map(Stream::owner);
            if owner == Some(Owner::Control(key, side)) {
                self.control(cx, key, side, &octets);
            }
        }
    }

    /// A connection to our listener is the H.245 connection of a leg, unless it comes from elsewhere or too late.
    fn take_control_stream(
        &mut self,
        cx: &mut Cx<'_>,
        (key, side): (CallKey, Side),
        stream: StreamId,
        peer: SocketAddr,
    ) {
        let Some(call) = self.live(key) else {
            return cx.close(stream);
        };
        let leg = call.leg_mut(side);
        if leg.peer != peer.ip() || matches!(leg.control, ControlLink::Open(_)) {
            cx.core.counters.refused_streams += 1;
            return cx.close(stream);
        }
        // Each of us was about to connect to the other. It has given up its listener for this one (h323plus does).
        if let ControlLink::Dialling(ours) = leg.control {
            cx.close(ours);
        }
        let Some(call) = self.live(key) else { return };
        let leg = call.leg_mut(side);
        leg.control = ControlLink::Open(stream);
        if let Some(listener) = leg.listener.take() {
            self.index.listeners.remove(&listener.id);
            cx.core.out.push(Output::Unbind(Bind::Tcp(listener.id)));
        }
        self.control_open(cx, key, side);
    }
}
