//! OpenLogicalChannel and its answers: each leg gets our addresses, and the media plane learns the parties'.

use std::net::SocketAddr;

use pinhole_h323::address::{from_h245, to_h245};
use pinhole_h323::asn::h245::{
    GenericInformation, H245TransportAddress, IndicationMessage as Indication,
    MultimediaSystemControlMessage as Message, NetworkAccessParameters, OpenLogicalChannel,
    OpenLogicalChannelAck, OpenLogicalChannelAckForwardMultiplexAckParameters as AckParameters,
    OpenLogicalChannelAckReverseLogicalChannelParametersMultiplexParameters as ReverseAck,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
    RequestMessage as Request, ResponseMessage as Response,
};
use pinhole_h323::control::Control;
use pinhole_h323::h46019::Traversal;
use pinhole_h323::mux::MultiplexId;

use super::punch::KEEP_ALIVE_PAYLOAD_TYPE;
use super::refusal::Refusal;
use super::relayable::Carriage;
use super::session::Session;
use super::{Verdict, codec, data, information, relayable};
use crate::call::{Call, Index, Leg};
use crate::face::Side;
use crate::node::Cx;

/// A channel is opened: it gets a session of ours, or is refused.
pub(super) fn open(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut Index,
    from: Side,
    mut control: Control,
) -> Verdict {
    let Message::request(Request::openLogicalChannel(olc)) = control.message() else {
        return Verdict::default();
    };
    let number = olc.forward_logical_channel_number.0;
    let wanted = match relayable::carriage(olc) {
        Ok(Carriage::Session(wanted)) => wanted,
        Ok(Carriage::Connection) => {
            call.sessions.close_channel(cx, from, number);
            return data::open(cx, call, index, from, control);
        }
        Err(refusal) => return refusal.refuse(cx, call, from, olc),
    };
    call.data.close(cx, index, from, number);
    let channel = (from, number);
    let opened =
        call.sessions.open(cx, call.key, &call.legs, index, channel, wanted).map_err(Refusal::from);
    let session = match opened {
        Ok(session) => session,
        Err(refusal) => return refusal.refuse(cx, call, from, olc),
    };
    let keepalive_s = cx.core.settings.traversal.map(|traversal| traversal.keepalive_s);
    let legs = &call.legs;
    control.edit(|message| {
        if let Message::request(Request::openLogicalChannel(olc)) = message {
            let forward = &olc.forward_logical_channel_parameters;
            session.carries(from, codec::describe(&forward.data_type));
            if let Some(reverse) = &olc.reverse_logical_channel_parameters {
                session.carries(from.other(), codec::describe(&reverse.data_type));
            }
            adapt_open(cx, legs, session, from, olc, keepalive_s);
        }
    });
    Verdict::forward(&control)
}

/// The receiver of a channel refuses it.
pub(super) fn rejected(cx: &mut Cx<'_>, call: &mut Call, from: Side, control: &mut Control) {
    let Message::response(response) = control.message() else { return };
    let Response::openLogicalChannelReject(reject) = &**response else { return };
    call.sessions.close_channel(cx, from.other(), reject.forward_logical_channel_number.0);
    if reject.generic_information.is_some() {
        control.edit(|message| {
            if let Message::response(response) = message
                && let Response::openLogicalChannelReject(reject) = &mut **response
            {
                information::strip(&mut reject.generic_information);
            }
        });
    }
}

/// The opener of a channel in both directions confirms it.
pub(super) fn confirmed(control: &mut Control) {
    let Message::indication(indication) = control.message() else { return };
    let Indication::openLogicalChannelConfirm(confirm) = &**indication else { return };
    if confirm.generic_information.is_some() {
        control.edit(|message| {
            if let Message::indication(indication) = message
                && let Indication::openLogicalChannelConfirm(confirm) = &mut **indication
            {
                information::strip(&mut confirm.generic_information);
            }
        });
    }
}

pub(super) fn adapt_open(
    cx: &mut Cx<'_>,
    legs: &[Leg; 2],
    session: &mut Session,
    from: Side,
    olc: &mut OpenLogicalChannel,
    keepalive_s: Option<u32>,
) {
    let to = from.other();
    let ours = session.pair(to);
    let learned = legs[from.index()].media_is_learned();
    if let Forward::h2250LogicalChannelParameters(parameters) =
        &mut olc.forward_logical_channel_parameters.multiplex_parameters
    {
        let rtcp = parameters.media_control_channel.as_ref().and_then(from_h245);
        if !learned {
            session.signalled(cx, from, None, rtcp);
            session.expects(cx, from);
        }
        let datagrams = session.has_datagrams();
        if !datagrams || parameters.media_control_channel.is_some() {
            parameters.media_control_channel = Some(to_h245(ours.rtcp()));
        }
        // The media address belongs into the answer; what is told here is the sender's own, or nothing.
        parameters.media_channel = None;
    }
    if let Some(reverse) = &mut olc.reverse_logical_channel_parameters
        && let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
            &mut reverse.multiplex_parameters
    {
        let rtp = parameters.media_channel.as_ref().and_then(from_h245);
        let rtcp = parameters.media_control_channel.as_ref().and_then(from_h245);
        if !learned {
            session.signalled(cx, from, rtp, rtcp);
        }
        replace(&mut parameters.media_channel, ours.rtp);
        replace(&mut parameters.media_control_channel, ours.rtcp());
    }
    adapt_stack(cx, session, from, learned, &mut olc.separate_stack);
    session.wants(cx, from, wanted(legs, from, olc.generic_information.as_ref()));
    session.punch_as_told(cx, legs, from, olc);
    information::strip(&mut olc.generic_information);
    let carries_forward = matches!(
        olc.forward_logical_channel_parameters.multiplex_parameters,
        Forward::h2250LogicalChannelParameters(_)
    );
    if legs[to.index()].client && carries_forward {
        punch_here(session, to, &mut olc.generic_information, keepalive_s);
    }
    if legs[to.index()].server {
        announce(session, to, &mut olc.generic_information);
    }
}

/// Says to a server that we know H.460.19, and where and by which multiplexID we want what it sends.
pub(super) fn announce(
    session: &Session,
    server: Side,
    information: &mut Option<Vec<GenericInformation>>,
) {
    let ours = ports_for(session, server);
    if ours.multiplex_id.is_none() || ours.write(information).is_err() {
        pinhole_h323::h46019::announce(information);
    }
}

/// Datagrams may have a stack of their own (T.38 of some): it goes where media goes.
fn adapt_stack(
    cx: &mut Cx<'_>,
    session: &mut Session,
    from: Side,
    learned: bool,
    stack: &mut Option<Box<NetworkAccessParameters>>,
) {
    match data::stack_address(stack).filter(|_| session.has_datagrams()) {
        Some(address) => {
            if !learned {
                session.signalled(cx, from, from_h245(address), None);
            }
            *address = to_h245(session.pair(from.other()).rtp);
        }
        None => *stack = None,
    }
}

/// Puts our address where another is told. A port of 0 says that it is not known yet, and goes on saying so.
fn replace(told: &mut Option<H245TransportAddress>, ours: SocketAddr) {
    if let Some(address) = told {
        let unknown = from_h245(address).is_some_and(|told| told.port() == 0);
        let port = if unknown { 0 } else { ours.port() };
        *address = to_h245(SocketAddr::new(ours.ip(), port));
    }
}

/// Tells a client where to send its keepalives, so that media can reach it (H.460.19 §7), and by which multiplexID its
/// packets are known, if it can multiplex.
pub(super) fn punch_here(
    session: &Session,
    client: Side,
    information: &mut Option<Vec<GenericInformation>>,
    every_s: Option<u32>,
) {
    let traversal = Traversal {
        keep_alive_channel: Some(session.pair(client).rtp),
        keep_alive_interval: every_s,
        ..ports_for(session, client)
    };
    // The interval is in bounds by the configuration; were it not, the client would use its own.
    let _in_bounds = traversal.write(information);
}

/// Where a client sends multiplexed media to, if its pair is shared.
pub(super) fn ports_for(session: &Session, client: Side) -> Traversal {
    let ours = session.pair(client);
    session.identifier(client).map_or_else(Traversal::default, |identifier| Traversal {
        media: Some(ours.rtp),
        control: Some(ours.rtcp()),
        multiplex_id: Some(identifier),
        ..Traversal::default()
    })
}

/// The multiplexID that a client wants before what is sent to it.
pub(super) fn wanted(
    legs: &[Leg; 2],
    client: Side,
    information: Option<&Vec<GenericInformation>>,
) -> Option<MultiplexId> {
    let told = Traversal::read(information).ok().flatten()?;
    let asks = told.media.is_some() || told.control.is_some();
    told.multiplex_id.filter(|id| id.0 != 0 && asks && legs[client.index()].traverses())
}

/// The receiver of a channel has answered with its addresses.
pub(super) fn acknowledged(cx: &mut Cx<'_>, call: &mut Call, from: Side, control: &mut Control) {
    let legs = &call.legs;
    let sessions = &mut call.sessions;
    control.edit(|message| {
        let Message::response(response) = message else { return };
        let Response::openLogicalChannelAck(ack) = &mut **response else { return };
        let told = Traversal::read(ack.generic_information.as_ref()).ok().flatten();
        // Some tell one payload type and send another.
        let told_type = told.and_then(|traversal| traversal.keep_alive_payload_type);
        let keepalive = told_type.filter(|_| cx.core.settings.check_keepalive);
        let wanted = wanted(legs, from, ack.generic_information.as_ref());
        information::strip(&mut ack.generic_information);
        let number = ack.forward_logical_channel_number.0;
        match sessions.of_channel(from.other(), number) {
            Some(session) => {
                session.wants(cx, from, wanted);
                adapt_ack(cx, legs, session, from, ack, keepalive);
            }
            // Nobody opened this channel, so no address in it means anything.
            None => {
                ack.separate_stack = None;
                ack.forward_multiplex_ack_parameters = None;
                ack.reverse_logical_channel_parameters = None;
            }
        }
    });
}

fn adapt_ack(
    cx: &mut Cx<'_>,
    legs: &[Leg; 2],
    session: &mut Session,
    from: Side,
    ack: &mut OpenLogicalChannelAck,
    keepalive: Option<u8>,
) {
    let leg = &legs[from.index()];
    let learned = leg.media_is_learned();
    let ours = session.pair(from.other());
    session.is_accepted(from.other());
    if leg.client {
        session.learn(cx, from, leg, keepalive);
    }
    if let Some(AckParameters::h2250LogicalChannelAckParameters(parameters)) =
        &mut ack.forward_multiplex_ack_parameters
    {
        if let Some(id) = parameters.session_id {
            session.assign(id);
        }
        let rtp = parameters.media_channel.as_ref().and_then(from_h245);
        let rtcp = parameters.media_control_channel.as_ref().and_then(from_h245);
        if !learned {
            session.signalled(cx, from, rtp, rtcp);
        }
        session.punch_media(cx, leg, from, [rtp, rtcp]);
        parameters.media_channel = Some(to_h245(ours.rtp));
        parameters.media_control_channel = Some(to_h245(ours.rtcp()));
    }
    adapt_stack(cx, session, from, learned, &mut ack.separate_stack);
    // A client whose packets arrive at a shared pair has to mark them.
    let marks = ports_for(session, from.other());
    let payload_type = legs[from.other().index()].server.then_some(KEEP_ALIVE_PAYLOAD_TYPE);
    let marks = Traversal { keep_alive_payload_type: payload_type, ..marks };
    if marks.multiplex_id.is_some() || payload_type.is_some() {
        let _in_bounds = marks.write(&mut ack.generic_information);
    }
    if let Some(reverse) = &mut ack.reverse_logical_channel_parameters
        && let Some(ReverseAck::h2250LogicalChannelParameters(parameters)) =
            &mut reverse.multiplex_parameters
    {
        if !learned {
            let rtcp = parameters.media_control_channel.as_ref().and_then(from_h245);
            session.signalled(cx, from, None, rtcp);
        }
        replace(&mut parameters.media_channel, ours.rtp);
        replace(&mut parameters.media_control_channel, ours.rtcp());
    }
}
