//! Data channels over TCP (T.120, and T.38 over TCP): one party listens, the other connects to a listener of ours and
//! so to the one that listens. Octets pass as they are.
//!
//! Nobody gets a connection out of us but to the host that signals, and nobody but the other party may ask for it.

use std::net::SocketAddr;

use pinhole_h323::address::{from_h245, to_h245};
use pinhole_h323::asn::h245::{
    H245TransportAddress, MultimediaSystemControlMessage as Message, NetworkAccessParameters,
    NetworkAccessParametersNetworkAddress as NetworkAddress, OpenLogicalChannel,
    OpenLogicalChannelAck, OpenLogicalChannelAckForwardMultiplexAckParameters as AckParameters,
    OpenLogicalChannelAckReverseLogicalChannelParametersMultiplexParameters as ReverseAck,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
    RequestMessage as Request, ResponseMessage as Response,
};
use pinhole_h323::control::Control;

use super::refusal::Refusal;
use super::{Verdict, information};
use crate::call::{Call, CallKey, Index, Leg};
use crate::face::{Bind, ListenerId, Output, Side, StreamId};
use crate::node::Cx;
use crate::node::ports::Listener;
use crate::node::streams::Owner;

/// Data channels that a call may have at a time.
const MOST_CHANNELS: usize = 4;
/// Connections of a data channel at a time: T.123 has one for each priority.
const MOST_LINES: usize = 4;

/// The data channels of a call.
#[derive(Debug, Default)]
pub(crate) struct DataChannels {
    open: Vec<DataChannel>,
}

#[derive(Debug)]
struct DataChannel {
    opener: Side,
    number: u16,
    doors: Vec<Door>,
    lines: Vec<Line>,
}

/// A listener of ours, in place of one of a party.
#[derive(Debug)]
struct Door {
    /// The party that listens, and where.
    host: Side,
    to: SocketAddr,
    ours: Listener,
}

/// Two connections that are one: from the party that connected, and to the one that listens. The host keeps what comes
/// before the second stands, and reads no more of the first than it has room for.
type Line = [StreamId; 2];

/// Where an OpenLogicalChannel tells the address for connections.
fn address_of_open(olc: &mut OpenLogicalChannel) -> Option<&mut H245TransportAddress> {
    if olc.separate_stack.is_some() {
        return stack_address(&mut olc.separate_stack);
    }
    let reverse = olc.reverse_logical_channel_parameters.as_mut();
    let reverse = reverse.and_then(|reverse| reverse.multiplex_parameters.as_mut());
    match reverse {
        Some(Reverse::h2250LogicalChannelParameters(parameters)) => {
            parameters.media_channel.as_mut()
        }
        _ => None,
    }
}

/// Where an OpenLogicalChannelAck tells it.
fn address_of_ack(ack: &mut OpenLogicalChannelAck) -> Option<&mut H245TransportAddress> {
    if ack.separate_stack.is_some() {
        return stack_address(&mut ack.separate_stack);
    }
    match &mut ack.forward_multiplex_ack_parameters {
        Some(AckParameters::h2250LogicalChannelAckParameters(parameters)) => {
            parameters.media_channel.as_mut()
        }
        _ => None,
    }
}

/// The address of a separate stack, if it is one of a local area network.
pub(super) fn stack_address(
    stack: &mut Option<Box<NetworkAccessParameters>>,
) -> Option<&mut H245TransportAddress> {
    match &mut stack.as_mut()?.network_address {
        NetworkAddress::localAreaAddress(address) => Some(address),
        _ => None,
    }
}

/// Takes all addresses for media away: a data channel over TCP has none.
fn clear_open(olc: &mut OpenLogicalChannel) {
    if let Forward::h2250LogicalChannelParameters(parameters) =
        &mut olc.forward_logical_channel_parameters.multiplex_parameters
    {
        (parameters.media_channel, parameters.media_control_channel) = (None, None);
    }
    let reverse = olc.reverse_logical_channel_parameters.as_mut();
    if let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
        reverse.and_then(|reverse| reverse.multiplex_parameters.as_mut())
    {
        (parameters.media_channel, parameters.media_control_channel) = (None, None);
    }
    olc.separate_stack = None;
    information::strip(&mut olc.generic_information);
}

fn clear_ack(ack: &mut OpenLogicalChannelAck) {
    if let Some(AckParameters::h2250LogicalChannelAckParameters(parameters)) =
        &mut ack.forward_multiplex_ack_parameters
    {
        (parameters.media_channel, parameters.media_control_channel) = (None, None);
    }
    let reverse = ack.reverse_logical_channel_parameters.as_mut();
    if let Some(ReverseAck::h2250LogicalChannelParameters(parameters)) =
        reverse.and_then(|reverse| reverse.multiplex_parameters.as_mut())
    {
        (parameters.media_channel, parameters.media_control_channel) = (None, None);
    }
    ack.separate_stack = None;
    information::strip(&mut ack.generic_information);
}

/// True when a party could be connected to.
const fn is_open(leg: &Leg) -> bool {
    !leg.media_is_learned()
}

/// A data channel is opened. Its address, if it has one, is taken over; if not, the other party has to listen.
pub(super) fn open(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut Index,
    from: Side,
    mut control: Control,
) -> Verdict {
    let number = match control.message() {
        Message::request(Request::openLogicalChannel(olc)) => olc.forward_logical_channel_number.0,
        _ => return Verdict::default(),
    };
    call.data.close(cx, index, from, number);
    let full = call.data.open.len() >= MOST_CHANNELS;
    let may_listen = is_open(call.leg(from.other()));
    let outcome = control.edit(|message| {
        let Message::request(Request::openLogicalChannel(olc)) = message else {
            return Err(Refusal::Multiplex);
        };
        if full {
            return Err(Refusal::TooMany);
        }
        let told = address_of_open(olc).and_then(|address| from_h245(address));
        let door = told.map(|to| door(cx, call, index, from, to)).transpose();
        let door = match door {
            Err(Refusal::Unreachable) if may_listen => None,
            other => other?,
        };
        if door.is_none() && !may_listen {
            return Err(Refusal::Unreachable);
        }
        match (address_of_open(olc), &door) {
            (Some(address), Some((_, ours))) => {
                *address = to_h245(*ours);
                information::strip(&mut olc.generic_information);
            }
            _ => clear_open(olc),
        }
        let doors = door.into_iter().map(|(door, _)| door).collect();
        call.data.open.push(DataChannel { opener: from, number, doors, lines: Vec::new() });
        Ok(())
    });
    match outcome {
        Ok(()) => Verdict::forward(&control),
        Err(refusal) => {
            let Message::request(Request::openLogicalChannel(olc)) = control.message() else {
                return Verdict::default();
            };
            refusal.refuse(cx, call, from, olc)
        }
    }
}

/// A listener of ours in place of a party's; and how the other party is told of it.
fn door(
    cx: &mut Cx<'_>,
    call: &Call,
    index: &mut Index,
    host: Side,
    to: SocketAddr,
) -> Result<(Door, SocketAddr), Refusal> {
    let (leg, guest) = (call.leg(host), call.leg(host.other()));
    if !is_open(leg) || to.ip() != leg.peer || to.port() == 0 {
        return Err(Refusal::Unreachable);
    }
    let ours = cx.core.ports.data_listener(cx.now, guest.local, &mut cx.core.out);
    let ours = ours.ok_or(Refusal::NoListener)?;
    index.data.insert(ours.id, call.key);
    let told = cx.core.told(ours.at, guest.peer);
    Ok((Door { host, to, ours }, told))
}

/// The answer to a data channel; `None` when the channel is none.
pub(super) fn acknowledged(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut Index,
    from: Side,
    control: &mut Control,
) -> Option<Verdict> {
    let Message::response(response) = control.message() else { return None };
    let Response::openLogicalChannelAck(ack) = &**response else { return None };
    let number = ack.forward_logical_channel_number.0;
    let place = call.data.place(from.other(), number)?;
    let has_door = call.data.open.get(place).is_some_and(|channel| !channel.doors.is_empty());
    let outcome = control.edit(|message| {
        let Message::response(response) = message else { return Ok(()) };
        let Response::openLogicalChannelAck(ack) = &mut **response else { return Ok(()) };
        let told = address_of_ack(ack).and_then(|address| from_h245(address));
        let door = told.map(|to| door(cx, call, index, from, to)).transpose();
        let door = match door {
            Err(_) if has_door => None,
            other => other?,
        };
        match (address_of_ack(ack), &door) {
            (Some(address), Some((_, ours))) => {
                *address = to_h245(*ours);
                information::strip(&mut ack.generic_information);
            }
            _ => clear_ack(ack),
        }
        if let (Some((door, _)), Some(channel)) = (door, call.data.open.get_mut(place)) {
            channel.forget(cx, index, from);
            channel.doors.push(door);
        }
        Ok(())
    });
    let Err(refusal) = outcome else { return Some(Verdict::forward(control)) };
    // The receiver thinks that it is open, the opener learns that it is not.
    let refusal: Refusal = refusal;
    refusal.tell(cx, call, from, ("data", "t120".to_owned()));
    call.data.close(cx, index, from.other(), number);
    Some(Verdict {
        forward: refusal.reject(number).encode().ok(),
        reply: Control::close(number).encode().ok(),
    })
}

impl DataChannel {
    /// Gives back the listener that stands for a party, if there is one.
    fn forget(&mut self, cx: &mut Cx<'_>, index: &mut Index, host: Side) {
        let (gone, stay) =
            std::mem::take(&mut self.doors).into_iter().partition(|d| d.host == host);
        self.doors = stay;
        let gone: Vec<Door> = gone;
        for door in gone {
            index.data.remove(&door.ours.id);
            cx.core.out.push(Output::Unbind(Bind::Tcp(door.ours.id)));
        }
    }

    fn close(mut self, cx: &mut Cx<'_>, index: &mut Index) {
        self.forget(cx, index, Side::A);
        self.forget(cx, index, Side::B);
        for end in self.lines.into_iter().flatten() {
            cx.close(end);
        }
    }
}

impl DataChannels {
    fn place(&self, opener: Side, number: u16) -> Option<usize> {
        self.open.iter().position(|known| (known.opener, known.number) == (opener, number))
    }

    /// A channel is closed or was refused.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>, index: &mut Index, opener: Side, number: u16) {
        if let Some(place) = self.place(opener, number) {
            self.open.remove(place).close(cx, index);
        }
    }

    /// The call is over.
    pub(crate) fn close_all(&mut self, cx: &mut Cx<'_>, index: &mut Index) {
        for channel in self.open.drain(..) {
            channel.close(cx, index);
        }
    }

    /// A peer connected to a listener of ours: the same is done at the party that listens. False when it is refused.
    pub(crate) fn accepted(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        legs: &[Leg; 2],
        listener: ListenerId,
        (stream, local, peer): (StreamId, SocketAddr, SocketAddr),
    ) -> bool {
        let of = |channel: &&mut DataChannel| channel.doors.iter().any(|d| d.ours.id == listener);
        let Some(channel) = self.open.iter_mut().find(of) else {
            cx.core.streams.accepted(cx.now, stream, Owner::Fresh, local, peer);
            cx.close(stream);
            return false;
        };
        let door = channel.doors.iter().find(|door| door.ours.id == listener);
        let Some((host, to)) = door.map(|door| (door.host, door.to)) else { return false };
        let guest = host.other();
        cx.core.streams.accepted(cx.now, stream, Owner::Data(key, guest), local, peer);
        if legs[guest.index()].peer != peer.ip() || channel.lines.len() >= MOST_LINES {
            cx.close(stream);
            return false;
        }
        let from = Some(legs[host.index()].local);
        let owner = Owner::Data(key, host);
        let dialled = cx.core.streams.dial(cx.now, owner, from, to, &mut cx.core.out);
        for (stream, by) in [(stream, dialled), (dialled, stream)] {
            cx.core.out.push(Output::Pace { stream, by });
        }
        channel.lines.push([stream, dialled]);
        true
    }

    /// Octets came on a connection.
    pub(crate) fn octets(&self, cx: &mut Cx<'_>, stream: StreamId, octets: &[u8]) {
        let mut lines = self.open.iter().flat_map(|channel| &channel.lines);
        match lines.find(|line| line.contains(&stream)) {
            Some([guest, host]) => {
                let other = if stream == *guest { *host } else { *guest };
                cx.core.streams.send_octets(other, octets, &mut cx.core.out);
            }
            None => cx.close(stream),
        }
    }

    /// A connection has ended: so does the other.
    pub(crate) fn closed(&mut self, cx: &mut Cx<'_>, stream: StreamId) {
        for channel in &mut self.open {
            let place = channel.lines.iter().position(|line| line.contains(&stream));
            if let Some(place) = place {
                let line = channel.lines.remove(place);
                line.into_iter().filter(|end| *end != stream).for_each(|end| cx.close(end));
            }
        }
    }
}
