//! Fast start (H.323 §8.1.7): channels proposed in Setup and accepted in an answer, before there is any H.245.
//!
//! A proposal is a bare OpenLogicalChannel: forward ones are for media of the caller, reverse ones (their forward part
//! carries nothing) for media of the called party. All proposals of one sessionID share a session of ours.

use pinhole_h323::address::{from_h245, to_h245};
use pinhole_h323::asn::h245::{
    DataType, OpenLogicalChannel,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
};
use pinhole_h323::asn::{decode_olc, encode_olc};
use pinhole_h323::h46019;

use super::channels::{adapt_open, announce, ports_for, punch_here, wanted};
use super::relayable::Transport;
use super::session::Session;
use super::{codec, information, relayable};
use crate::call::{Call, Index, Leg};
use crate::face::Side;
use crate::node::Cx;

/// Proposals that are looked at; the rest is dropped.
const MOST_PROPOSALS: usize = 32;

/// Which way the media of a channel goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the caller.
    Forward,
    /// From the called party.
    Reverse,
}

/// The caller proposes channels; what the called party gets to see of them.
pub(crate) fn proposed(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut Index,
    proposals: &[&[u8]],
) -> Vec<Vec<u8>> {
    let mut proposals: Vec<OpenLogicalChannel> = proposals
        .iter()
        .take(MOST_PROPOSALS)
        .filter_map(|octets| decode_olc(octets).ok())
        .collect();
    // Who proposes without a word of H.460.19 does not heed what the answer says of it either: GnuGk as the client of a
    // zone then sends to the shared ports without an identifier.
    let heeds = |olc: &OpenLogicalChannel| h46019::is_announced(olc.generic_information.as_ref());
    let heeded = proposals.iter().any(heeds);
    let multiplexes = call.leg(Side::A).multiplexes;
    call.leg_mut(Side::A).multiplexes = multiplexes && heeded;
    let through = proposals.iter_mut().filter_map(|olc| propose(cx, call, index, olc)).collect();
    call.leg_mut(Side::A).multiplexes = multiplexes;
    through
}

/// What the called party gets to see of one proposal.
fn propose(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut Index,
    olc: &mut OpenLogicalChannel,
) -> Option<Vec<u8>> {
    let keepalive_s = cx.core.settings.traversal.map(|traversal| traversal.keepalive_s);
    let (_, session_id) = way(olc)?;
    let session = call.sessions.offer(cx, call.key, &call.legs, index, session_id).ok()?;
    if relayable::transport(codec::carried(olc)) == Transport::Udp {
        session.carry_datagrams(cx);
    }
    adapt_open(cx, &call.legs, session, Side::A, olc, keepalive_s);
    encode_olc(olc).ok()
}

/// The called party accepts some; what the caller gets to see.
pub(crate) fn accepted(cx: &mut Cx<'_>, call: &mut Call, answers: &[&[u8]]) -> Vec<Vec<u8>> {
    let keepalive_s = cx.core.settings.traversal.map(|traversal| traversal.keepalive_s);
    let mut through = Vec::new();
    for octets in answers.iter().take(MOST_PROPOSALS) {
        let Ok(mut olc) = decode_olc(octets) else { continue };
        let Some((way, session_id)) = way(&olc) else { continue };
        let number = olc.forward_logical_channel_number.0;
        let opener = if way == Way::Forward { Side::A } else { Side::B };
        // Only what was proposed can be accepted.
        let Some(session) = call.sessions.accept(session_id, opener, number) else { continue };
        session.carries(opener, codec::describe(codec::carried(&olc)));
        adapt_accepted(cx, &call.legs, session, &mut olc, keepalive_s);
        through.extend(encode_olc(&olc).ok());
    }
    call.sessions.settle(cx);
    through
}

/// Which way a proposal goes, and its sessionID; nothing for what cannot be relayed.
fn way(olc: &OpenLogicalChannel) -> Option<(Way, u8)> {
    let connection = relayable::transport(codec::carried(olc)) == Transport::Tcp;
    if connection || olc.separate_stack.is_some() {
        return None;
    }
    let forward = &olc.forward_logical_channel_parameters;
    if let Forward::h2250LogicalChannelParameters(parameters) = &forward.multiplex_parameters
        && !matches!(forward.data_type, DataType::nullData(()))
    {
        return Some((Way::Forward, parameters.session_id)).filter(|(_, id)| *id != 0);
    }
    match &olc.reverse_logical_channel_parameters.as_ref()?.multiplex_parameters {
        Some(Reverse::h2250LogicalChannelParameters(parameters)) => {
            Some((Way::Reverse, parameters.session_id)).filter(|(_, id)| *id != 0)
        }
        _ => None,
    }
}

fn adapt_accepted(
    cx: &mut Cx<'_>,
    legs: &[Leg; 2],
    session: &mut Session,
    olc: &mut OpenLogicalChannel,
    keepalive_s: Option<u32>,
) {
    let [caller, called] = legs;
    let ours = session.pair(Side::A);
    let told = !called.media_is_learned();
    session.wants(cx, Side::B, wanted(legs, Side::B, olc.generic_information.as_ref()));
    session.punch_as_told(cx, legs, Side::B, olc);
    information::strip(&mut olc.generic_information);
    if let Forward::h2250LogicalChannelParameters(parameters) =
        &mut olc.forward_logical_channel_parameters.multiplex_parameters
    {
        let rtp = parameters.media_channel.as_ref().and_then(from_h245);
        let rtcp = parameters.media_control_channel.as_ref().and_then(from_h245);
        if told {
            session.signalled(cx, Side::B, rtp, rtcp);
        }
        session.punch_media(cx, called, Side::B, [rtp, rtcp]);
        parameters.media_channel = Some(to_h245(ours.rtp));
        parameters.media_control_channel = Some(to_h245(ours.rtcp()));
        let marks = ports_for(session, Side::A);
        if marks.multiplex_id.is_some() {
            let _in_bounds = marks.write(&mut olc.generic_information);
        }
    }
    if let Some(reverse) = &mut olc.reverse_logical_channel_parameters
        && let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
            &mut reverse.multiplex_parameters
    {
        let rtcp = parameters.media_control_channel.as_ref().and_then(from_h245);
        if told {
            session.signalled(cx, Side::B, None, rtcp);
        }
        parameters.media_channel = None;
        parameters.media_control_channel = Some(to_h245(ours.rtcp()));
        if caller.client {
            punch_here(session, Side::A, &mut olc.generic_information, keepalive_s);
        }
    }
    if caller.server {
        announce(session, Side::A, &mut olc.generic_information);
    }
}
