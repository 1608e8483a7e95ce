//! Inputs of the host, each to the room that it is for.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::Malformed;
use pinhole_h323::mux;
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Signal;

use super::Phone;
use super::call::Call;
use super::desk::{CallKey, ListenerOwner, SocketOwner, StreamOwner, Timer};
use super::medium::Medium;
use super::requests::{Overdue, Purpose};
use crate::event::Event;
use crate::face::{Bind, Input, ListenerId, SocketId, StreamId};

/// A connection must say what it is for within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections that have not said what they are for.
const MOST_FRESH: usize = 1000;

impl Phone {
    pub(super) fn take(&mut self, input: Input<'_>) {
        match input {
            // It asks nothing: half keys for one call at a time are quickly made.
            Input::Answer { .. } => {}
            Input::Bound { bind, at } => self.bound(bind, at),
            Input::Datagram { socket, from, bytes } => self.datagram(socket, from, bytes),
            Input::Accepted { listener, stream, local, peer } => {
                self.accepted(listener, stream, local, peer);
            }
            Input::Connected { stream, local } => self.connected(stream, local),
            Input::Bytes { stream, bytes } => self.bytes(stream, bytes),
            Input::Closed { stream } | Input::NoRoom { stream } => self.closed(stream),
            // The phone asks for no relayed flows, and needs no time of day.
            Input::Flow { .. } | Input::Clock { .. } => {}
            Input::Shutdown => self.leave(),
            Input::Timeout => self.timeout(),
        }
    }

    fn timeout(&mut self) {
        while let Some(timer) = self.desk.timers.expired(self.desk.now) {
            match timer {
                Timer::Request(seq) => match self.desk.request_overdue(seq) {
                    Some(Overdue::GivenUp(purpose)) => self.given_up(purpose),
                    Some(Overdue::Repeated(Purpose::Discover | Purpose::Register, sent)) => {
                        self.registration.unheard(&mut self.desk, sent);
                    }
                    Some(Overdue::Repeated(..)) | None => {}
                },
                Timer::Refresh => self.registration.due(&mut self.desk),
                Timer::Load => self.next_call(),
                Timer::Fresh(stream) => self.desk.close(stream),
                Timer::Call(key, timer) => {
                    self.with_call(key, |call, desk| call.timeout(desk, timer));
                }
            }
        }
    }

    fn bound(&mut self, bind: Bind, at: Option<SocketAddr>) {
        match bind {
            Bind::Tcp(listener) => match self.desk.listener_owner(listener) {
                Some(ListenerOwner::Signal) => self.listener_bound(listener, at),
                Some(ListenerOwner::Control(key)) => self.call_bound(key, bind, at),
                None => {}
            },
            Bind::Udp(socket) => {
                if self.desk.socket_owner(socket) == Some(SocketOwner::Ras) {
                    self.ras_bound(socket, at);
                }
            }
            Bind::UdpPair(rtp, _) => match self.desk.socket_owner(rtp) {
                Some(SocketOwner::Rtp(key, _)) => self.call_bound(key, bind, at),
                Some(SocketOwner::SharedRtp) => self.shared_bound(bind, at),
                _ => {}
            },
            Bind::Media(_) => {}
        }
    }

    /// What was bound for a call that is over by now is given back.
    fn call_bound(&mut self, key: CallKey, bind: Bind, at: Option<SocketAddr>) {
        if self.calls.contains_key(&key) {
            self.with_call(key, |call, desk| call.bound(desk, bind, at));
        } else if at.is_some() {
            self.desk.unbind(bind);
        } else {
            self.desk.forget(bind);
        }
    }

    fn listener_bound(&mut self, listener: ListenerId, at: Option<SocketAddr>) {
        if self.is_leaving() {
            return;
        }
        let options = &self.desk.options;
        if let Some(at) = at {
            self.desk.ras.signalling = Some(at);
            self.desk.tell(Event::Listening { role: "signalling", transport: "tcp", at });
            return self.listening();
        }
        let (ip, wanted) = (options.ip, options.listen_port);
        self.desk.forget(Bind::Tcp(listener));
        // Unless the operator insists on a port, any will do; a host without any is left without.
        let port = wanted.unwrap_or(super::SIGNALLING);
        if wanted.is_none() && !std::mem::replace(&mut self.any_port, true) {
            self.listener = Some(self.desk.bind_listener(ListenerOwner::Signal, 0));
        } else {
            self.listener = None;
            let (role, transport) = ("signalling", "tcp");
            self.desk.tell(Event::NotListening { role, transport, ip, port });
            self.listening();
        }
    }

    fn shared_bound(&mut self, bind: Bind, at: Option<SocketAddr>) {
        match (at, &mut self.desk.shared) {
            (Some(at), Some(shared)) => {
                shared.port = Some(at.port());
                if !self.is_leaving() {
                    self.listening();
                }
            }
            _ => {
                self.desk.forget(bind);
                let (ip, role) = (self.desk.options.ip, "multiplexed media");
                self.desk.tell(Event::NotListening { role, transport: "udp", ip, port: 0 });
                self.leave();
            }
        }
    }

    fn ras_bound(&mut self, socket: SocketId, at: Option<SocketAddr>) {
        match at {
            Some(_) => {
                self.desk.ras.local = at;
                self.registration.begin(&mut self.desk);
            }
            None => {
                self.desk.forget(Bind::Udp(socket));
                self.desk.ras.socket = None;
                let (ip, role) = (self.desk.options.ip, "ras");
                self.desk.tell(Event::NotListening { role, transport: "udp", ip, port: 0 });
                self.leave();
            }
        }
    }

    fn datagram(&mut self, socket: SocketId, from: SocketAddr, bytes: &[u8]) {
        match self.desk.socket_owner(socket) {
            Some(SocketOwner::Ras) => self.ras(from, bytes),
            Some(SocketOwner::Rtp(key, medium)) => {
                self.with_call(key, |call, desk| call.rtp(desk, medium, from, bytes));
            }
            Some(SocketOwner::Rtcp(key, medium)) => {
                self.with_call(key, |call, desk| call.rtcp(desk, medium, bytes));
            }
            Some(SocketOwner::SharedRtp) => {
                if let Some(((key, medium), packet)) = self.multiplexed(from, bytes) {
                    self.with_call(key, |call, desk| call.rtp(desk, medium, from, packet));
                }
            }
            Some(SocketOwner::SharedRtcp) => {
                if let Some(((key, medium), packet)) = self.multiplexed(from, bytes) {
                    self.with_call(key, |call, desk| call.rtcp(desk, medium, packet));
                }
            }
            None => {}
        }
    }

    /// Whose a packet on the shared sockets is: the multiplexID says it, or, for a server that does not multiplex after
    /// all, its source, if only one call has to do with it.
    pub(super) fn multiplexed<'a>(
        &self,
        from: SocketAddr,
        bytes: &'a [u8],
    ) -> Option<((CallKey, Medium), &'a [u8])> {
        if let Some((id, packet)) = mux::split(bytes)
            && let Some(owner) = self.desk.multiplexed.get(&id)
        {
            return Some((*owner, packet));
        }
        let known = |(key, call): (&CallKey, &Call)| Some((*key, call.exchanges_media_with(from)?));
        let mut calls = self.calls.iter().filter_map(known);
        let owner = calls.next()?;
        calls.next().is_none().then_some((owner, bytes))
    }

    fn accepted(
        &mut self,
        listener: ListenerId,
        stream: StreamId,
        local: SocketAddr,
        peer: SocketAddr,
    ) {
        self.desk.adopt(stream, StreamOwner::Fresh, peer, Some(local));
        let welcome = match self.desk.listener_owner(listener) {
            Some(ListenerOwner::Signal) => {
                self.desk.after(Timer::Fresh(stream), PATIENCE);
                !self.is_leaving() && self.fresh() <= MOST_FRESH
            }
            Some(ListenerOwner::Control(key)) => {
                self.desk.hand_over(stream, StreamOwner::Control(key));
                let mut wanted = false;
                self.with_call(key, |call, desk| {
                    wanted = call.control_accepted(desk, stream, peer);
                });
                wanted
            }
            None => false,
        };
        if !welcome {
            self.desk.close(stream);
        }
    }

    fn fresh(&self) -> usize {
        let streams = self.desk.streams.values();
        streams.filter(|stream| stream.owner == StreamOwner::Fresh).count()
    }

    fn connected(&mut self, stream: StreamId, local: SocketAddr) {
        let Some(known) = self.desk.streams.get_mut(&stream) else { return };
        known.local = Some(local);
        match known.owner {
            StreamOwner::Pinhole(call) => self.pinhole_stands(stream, call),
            StreamOwner::Signal(key) | StreamOwner::Control(key) => {
                self.with_call(key, |call, desk| call.connected(desk, stream));
            }
            StreamOwner::Fresh => {}
        }
    }

    fn bytes(&mut self, stream: StreamId, bytes: &[u8]) {
        if let Some(known) = self.desk.streams.get_mut(&stream) {
            known.reader.feed(bytes);
        }
        // A message may end the call and the connection with it.
        while let Some(known) = self.desk.streams.get_mut(&stream) {
            match known.reader.read() {
                Ok(None) => return,
                Ok(Some(payload)) if payload.is_empty() => {}
                Ok(Some(payload)) => self.message(stream, &payload),
                Err(malformed) => return self.broken(stream, malformed),
            }
        }
    }

    /// A connection has lost its message boundaries, and with them its use.
    fn broken(&mut self, stream: StreamId, malformed: Malformed) {
        self.malformed(stream, malformed);
        let owner = self.desk.streams.get(&stream).map(|known| known.owner);
        self.desk.close(stream);
        self.lost(stream, owner);
    }

    fn closed(&mut self, stream: StreamId) {
        self.desk.timers.stop(&Timer::Fresh(stream));
        let owner = self.desk.streams.remove(&stream).map(|known| known.owner);
        self.lost(stream, owner);
    }

    fn lost(&mut self, stream: StreamId, owner: Option<StreamOwner>) {
        if let Some(StreamOwner::Signal(key) | StreamOwner::Control(key)) = owner {
            self.with_call(key, |call, desk| call.closed(desk, stream));
        }
    }

    fn malformed(&mut self, stream: StreamId, malformed: Malformed) {
        let Some(known) = self.desk.streams.get(&stream) else { return };
        let protocol = if matches!(known.owner, StreamOwner::Control(_)) { "h245" } else { "h225" };
        let (peer, sentence) = (known.peer, malformed.to_string());
        self.desk.tell(Event::Malformed { peer, protocol, sentence });
    }

    fn message(&mut self, stream: StreamId, payload: &[u8]) {
        let Some(owner) = self.desk.streams.get(&stream).map(|known| known.owner) else { return };
        if let StreamOwner::Control(key) = owner {
            return self.with_call(key, |call, desk| call.control_said(desk, stream, payload));
        }
        let signal = match Signal::decode(payload) {
            Ok(signal) => signal,
            Err(malformed) => return self.malformed(stream, malformed),
        };
        match owner {
            StreamOwner::Signal(key) => {
                self.with_call(key, |call, desk| call.signalled(desk, &signal));
            }
            _ if signal.message_type() == MessageType::Setup => self.set_up(stream, &signal),
            _ if signal.message_type() == MessageType::ReleaseComplete => self.desk.close(stream),
            _ => {}
        }
    }

    fn set_up(&mut self, stream: StreamId, signal: &Signal) {
        let key = self.next_key();
        let room = !self.is_full() && !self.is_leaving();
        match room.then(|| Call::answer(&mut self.desk, key, stream, signal)).flatten() {
            Some(call) => {
                self.desk.timers.stop(&Timer::Fresh(stream));
                self.calls.insert(key, call);
            }
            None => self.desk.close(stream),
        }
    }
}
