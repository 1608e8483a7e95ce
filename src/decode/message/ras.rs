//! RAS (H.225.0 §7.6).

use pinhole_h323::asn;
use pinhole_h323::asn::h225::{CallIdentifier, RasMessage};

use super::{Message, Protocol, Role, guid, variant};

/// A RAS message.
#[must_use]
pub fn ras(octets: &[u8]) -> Message {
    Message::new(Protocol::Ras, octets, asn::decode_ras, asn::encode_ras, |message, value| {
        message.call = call(value).map(|call| guid(call.guid.0.as_ref()));
        message.note = reason(value);
        addresses(message, value);
        let data = match value {
            RasMessage::serviceControlIndication(sci) => sci.generic_data.as_ref(),
            RasMessage::serviceControlResponse(scr) => scr.generic_data.as_ref(),
            _ => None,
        };
        data.into_iter().flatten().for_each(|data| message.look_into(data));
    })
}

fn call(value: &RasMessage) -> Option<&CallIdentifier> {
    match value {
        RasMessage::admissionRequest(arq) => arq.call_identifier.as_ref(),
        RasMessage::bandwidthRequest(brq) => brq.call_identifier.as_ref(),
        RasMessage::disengageRequest(drq) => drq.call_identifier.as_ref(),
        RasMessage::infoRequest(irq) => irq.call_identifier.as_ref(),
        RasMessage::locationRequest(lrq) => lrq.call_identifier.as_ref(),
        RasMessage::serviceControlIndication(sci) => {
            sci.call_specific.as_ref().map(|call| &call.call_identifier)
        }
        _ => None,
    }
}

fn reason(value: &RasMessage) -> String {
    match value {
        RasMessage::gatekeeperReject(grj) => variant(&grj.reject_reason),
        RasMessage::registrationRequest(rrq) if rrq.keep_alive == Some(true) => "keepAlive".into(),
        RasMessage::registrationReject(rrj) => variant(&rrj.reject_reason),
        RasMessage::unregistrationReject(urj) => variant(&urj.reject_reason),
        RasMessage::admissionReject(arj) => variant(&arj.reject_reason),
        RasMessage::bandwidthReject(brj) => variant(&brj.reject_reason),
        RasMessage::disengageRequest(drq) => variant(&drq.disengage_reason),
        RasMessage::disengageReject(drj) => variant(&drj.reject_reason),
        RasMessage::locationReject(lrj) => variant(&lrj.reject_reason),
        _ => String::new(),
    }
}

fn addresses(message: &mut Message, value: &RasMessage) {
    const SIGNALLING: &str = "callSignalAddress";
    const RAS: &str = "rasAddress";
    match value {
        RasMessage::gatekeeperRequest(grq) => message.tell(RAS, Role::Ras, [&grq.ras_address]),
        RasMessage::gatekeeperConfirm(gcf) => message.tell(RAS, Role::Ras, [&gcf.ras_address]),
        RasMessage::registrationRequest(rrq) => {
            message.tell(SIGNALLING, Role::Other, &rrq.call_signal_address);
            message.tell(RAS, Role::Ras, &rrq.ras_address);
        }
        RasMessage::registrationConfirm(rcf) => {
            message.tell(SIGNALLING, Role::Other, &rcf.call_signal_address);
        }
        RasMessage::unregistrationRequest(urq) => {
            message.tell(SIGNALLING, Role::Other, &urq.call_signal_address);
        }
        RasMessage::admissionRequest(arq) => {
            message.tell("destCallSignalAddress", Role::Other, &arq.dest_call_signal_address);
            message.tell("srcCallSignalAddress", Role::Other, &arq.src_call_signal_address);
        }
        RasMessage::admissionConfirm(acf) => {
            message.tell("destCallSignalAddress", Role::Other, [&acf.dest_call_signal_address]);
        }
        RasMessage::admissionReject(arj) => {
            message.tell(SIGNALLING, Role::Other, arj.call_signal_address.iter().flatten());
        }
        RasMessage::locationRequest(lrq) => {
            message.tell("replyAddress", Role::Ras, [&lrq.reply_address]);
        }
        RasMessage::locationConfirm(lcf) => {
            message.tell(SIGNALLING, Role::Other, [&lcf.call_signal_address]);
            message.tell(RAS, Role::Ras, [&lcf.ras_address]);
        }
        RasMessage::infoRequest(irq) => message.tell("replyAddress", Role::Ras, &irq.reply_address),
        RasMessage::infoRequestResponse(irr) => {
            message.tell(SIGNALLING, Role::Other, &irr.call_signal_address);
            message.tell(RAS, Role::Ras, [&irr.ras_address]);
        }
        _ => {}
    }
}
