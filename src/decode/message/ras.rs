//! RAS (H.225.0 §7.6).

use pinhole_h323::asn::h225::RasMessage;
use pinhole_h323::ras::Ras;

use super::{Message, Protocol, Role, variant};

/// A RAS message.
#[must_use]
pub fn ras(octets: &[u8]) -> Message {
    let encode = |ras: &Ras| Ras::new(ras.message().clone()).encode();
    Message::new(Protocol::Ras, octets, Ras::decode, encode, |message, ras| {
        let value = ras.message();
        message.name = ras.name().to_owned();
        message.value = format!("{value:#?}");
        message.call = ras.call_id().map(|call| call.to_string());
        message.sequence = ras.seq().map(|sequence| sequence.value());
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
