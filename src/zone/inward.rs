//! Calls of neighbours: whose a Setup is, and the connection that we open as the client of a zone for a call that its
//! server announces.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::asn::h225::{RasMessage, ServiceControlIndication};
use pinhole_h323::h46018::{self, IncomingCall};
use pinhole_h323::id::{CallId, Seq};

use super::{Bond, Hole, ZoneId};
use crate::call::Calls;
use crate::event::Event;
use crate::face::StreamId;
use crate::node::streams::Owner;
use crate::node::{Cx, Timer};
use crate::ras::Origin;
use crate::ras::destination::Destination;

/// Announced calls whose Setup has not come yet.
const MOST: usize = 1000;
/// The port of call signalling of a server that tells none.
const SIGNALLING: u16 = 1720;

/// How long a connection to a server that is no Pinhole stands before the call is named: GnuGk may announce a call before it
/// has noted that it waits for the connection, and then never looks at it again.
const PAUSE: Duration = Duration::from_millis(50);

/// A neighbour that calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) zone: ZoneId,
    /// Where LRQ said that the call goes.
    pub(crate) destination: Option<Destination>,
    /// It came on a connection that we opened to the server of a zone.
    pub(crate) inward: bool,
    /// What was proven on the connection, between two Pinholes.
    pub(crate) bond: Option<Bond>,
}

/// A server announces a call: connect to it, and name the call (H.460.18 §5). Whatever address it tells, only its own is
/// dialled.
pub(super) fn incoming(
    cx: &mut Cx<'_>,
    calls: &Calls,
    origin: Origin,
    request: &ServiceControlIndication,
    incoming: IncomingCall,
) -> Option<RasMessage> {
    let known =
        cx.core.zones.each().find(|(_, zone)| {
            zone.is_server() && zone.address().is_some_and(|at| at == origin.from)
        });
    let Some((id, zone)) = known else {
        cx.core.counters.unbelieved += 1;
        return Some(h46018::keep_alive_failed(Seq::new(request.request_seq_num.0)).into_message());
    };
    let answer = h46018::response(Seq::new(request.request_seq_num.0)).into_message();
    let call = incoming.call_id;
    let local = zone.local().1;
    let twice = cx.core.zones.holes.values().any(|hole| hole.call == call) || calls.has(call);
    if twice || cx.core.zones.holes.len() >= MOST {
        return Some(answer);
    }
    let port = Some(incoming.address.port()).filter(|port| *port != 0).unwrap_or(SIGNALLING);
    let to = SocketAddr::new(origin.from.ip(), port);
    let stream = cx.core.streams.dial(cx.now, Owner::Hole, Some(local), to, &mut cx.core.out);
    cx.core.zones.holes.insert(stream, Hole { zone: id, call, bond: None });
    let wait = cx.core.settings.signal_timeout;
    cx.set(Timer::FirstMessage(stream), wait);
    cx.event(Event::Pinhole { callid: call.to_string(), step: "announced", peer: origin.from });
    Some(answer)
}

/// The connection to the server stands: say which call it is for.
pub(crate) fn connected(cx: &mut Cx<'_>, stream: StreamId) {
    let Some(Hole { zone, .. }) = cx.core.zones.holes.get(&stream).copied() else {
        return cx.close(stream);
    };
    if cx.core.zones.get(zone).is_some_and(|zone| zone.pinhole) {
        return name(cx, stream);
    }
    cx.set(Timer::Named(stream), PAUSE);
}

/// Says which call a connection is for that still waits for its Setup.
pub(crate) fn name(cx: &mut Cx<'_>, stream: StreamId) {
    let Some(Hole { call, .. }) = cx.core.zones.holes.get(&stream).copied() else { return };
    // Whether H.245 is tunnelled is the called party's to say; it can be.
    if let Ok(octets) = h46018::pinhole(call, true).encode() {
        cx.send(stream, &octets);
    }
    if let Some(peer) = cx.core.streams.get(stream).map(|stream| stream.peer) {
        cx.event(Event::Pinhole { callid: call.to_string(), step: "opened", peer });
    }
}

/// Takes the connection out of those that wait for a Setup.
pub(super) fn take(cx: &mut Cx<'_>, stream: StreamId) -> Option<Hole> {
    cx.core.zones.holes.remove(&stream)
}

/// The connection is no more.
pub(crate) fn hole(cx: &mut Cx<'_>, stream: StreamId) {
    take(cx, stream);
}

/// The neighbour that a Setup is from, if it is from one: it comes on a connection made for this call, or an LRQ came
/// before it from there, or it comes from a neighbour that need not prove anything.
pub(crate) fn caller(
    cx: &mut Cx<'_>,
    stream: StreamId,
    peer: SocketAddr,
    call: CallId,
) -> Option<Caller> {
    if let Some(Hole { zone, call: expected, bond }) = take(cx, stream) {
        let inward = Caller { zone, destination: None, inward: true, bond };
        let granted = cx.core.zones.grants.get(&call).filter(|grant| grant.zone == zone);
        let destination = granted.map(|grant| grant.destination.clone());
        return (expected == call).then_some(Caller { destination, ..inward });
    }
    let zones = &mut cx.core.zones;
    let at = |id: ZoneId| zones.get(id).is_some_and(|zone| zone.is_at(peer.ip()));
    if let Some(grant) = zones.grants.get(&call).filter(|grant| at(grant.zone)).cloned() {
        zones.grants.remove(&call);
        zones.timers.stop(&super::Deadline::Grant(call));
        let zone = zones.get(grant.zone)?;
        // The server of a zone calls through connections of ours.
        let direct = !zone.is_server();
        let destination = Some(grant.destination);
        return direct.then_some(Caller {
            zone: grant.zone,
            destination,
            inward: false,
            bond: None,
        });
    }
    let id = zones.from(peer, None)?;
    let open = zones.get(id).is_some_and(|zone| zone.password().is_none() && !zone.is_server());
    (open && cx.core.settings.zones.accept_calls).then_some(Caller {
        zone: id,
        destination: None,
        inward: false,
        bond: None,
    })
}
