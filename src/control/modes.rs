//! Addresses that a multipoint controller tells (H.323 §8.4, H.245 §C.12): where media of a conference goes, and where
//! the controller itself is called.

use pinhole_h323::address::{from_h245, to_h245};
use pinhole_h323::asn::h245::{
    CommandMessage as Command, CommunicationModeResponse, CommunicationModeTableEntry,
    H245TransportAddress, IndicationMessage as Indication,
    MultimediaSystemControlMessage as Message, ResponseMessage as Response,
};
use pinhole_h323::control::Control;

use super::Verdict;
use crate::call::Call;
use crate::face::Side;
use crate::node::Cx;

/// True for a message that [`adapt`] has to see.
pub(super) fn tells_addresses(message: &Message) -> bool {
    match message {
        Message::command(Command::communicationModeCommand(_)) => true,
        Message::response(response) => {
            matches!(**response, Response::communicationModeResponse(_))
        }
        Message::indication(indication) => {
            matches!(**indication, Indication::mcLocationIndication(_))
        }
        _ => false,
    }
}

/// Puts our addresses into such a message.
pub(super) fn adapt(cx: &mut Cx<'_>, call: &mut Call, from: Side, mut control: Control) -> Verdict {
    control.edit(|message| match message {
        Message::command(Command::communicationModeCommand(command)) => {
            table(cx, call, from, &mut command.communication_mode_table);
        }
        Message::response(response) => {
            if let Response::communicationModeResponse(
                CommunicationModeResponse::communicationModeTable(entries),
            ) = &mut **response
            {
                table(cx, call, from, entries);
            }
        }
        Message::indication(indication) => {
            if let Indication::mcLocationIndication(location) = &mut **indication {
                let to = call.leg(from.other());
                // As in Setup: whoever wants to reach the other party calls us.
                location.signal_address = to_h245(cx.core.signalling_at(to.local, to.peer));
            }
        }
        _ => {}
    });
    Verdict::forward(&control)
}

/// Media of a session that exists goes through it. Of another one no address is told: OpenLogicalChannelAck will tell
/// it, once there is a channel.
fn table(
    cx: &mut Cx<'_>,
    call: &mut Call,
    from: Side,
    entries: &mut [CommunicationModeTableEntry],
) {
    let learned = call.leg(from).media_is_learned();
    for entry in entries {
        let told = [&entry.media_channel, &entry.media_control_channel];
        let [rtp, rtcp] = told.map(|address| address.as_ref().and_then(from_h245));
        let session = call.sessions.numbered(entry.session_id);
        let ours = session.map(|session| {
            if !learned {
                session.signalled(cx, from, rtp, rtcp);
            }
            session.pair(from.other())
        });
        let replace =
            |told: Option<_>, ours| -> Option<H245TransportAddress> { told.and(ours).map(to_h245) };
        entry.media_channel = replace(rtp, ours.map(|pair| pair.rtp));
        entry.media_control_channel = replace(rtcp, ours.map(|pair| pair.rtcp()));
    }
}
