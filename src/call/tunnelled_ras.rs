//! RAS carried in call signalling (H.460.17), which is not served: whoever tries it is told so in its own way, rather
//! than left without an answer.

use pinhole_h323::asn::h225::{
    Content, GatekeeperReject, GatekeeperRejectReason, H323UUPDUH323MessageBody as Body,
    RasMessage, RegistrationReject, RegistrationRejectReason,
};
use pinhole_h323::generic::{self, H460_17};
use pinhole_h323::id::Crv;
use pinhole_h323::ras::Ras;
use pinhole_h323::signal::Signal;
use pinhole_h323::version;

use crate::face::StreamId;
use crate::node::Cx;

/// The parameter that holds a RAS message (H.460.17 §7).
const RAS_MESSAGE: u16 = 1;

/// Refuses what a message carries of RAS; false when it carries none.
pub(super) fn refuse(cx: &mut Cx<'_>, stream: StreamId, signal: &Signal) -> bool {
    let Some(data) = signal.generic_data(H460_17) else { return false };
    for parameter in data.parameters.iter().flatten() {
        let Some(Content::raw(octets)) = &parameter.content else { continue };
        let answer = Ras::decode(octets).ok().and_then(|ras| rejection(ras.message()));
        let octets = answer.and_then(|answer| Ras::new(answer).encode().ok());
        if let Some(octets) = octets.and_then(|ras| facility(ras).encode().ok()) {
            cx.send(stream, &octets);
        }
    }
    true
}

fn rejection(request: &RasMessage) -> Option<RasMessage> {
    match request {
        RasMessage::gatekeeperRequest(request) => {
            Some(RasMessage::gatekeeperReject(Box::new(GatekeeperReject {
                request_seq_num: request.request_seq_num.clone(),
                protocol_identifier: version::h225(),
                reject_reason: GatekeeperRejectReason::neededFeatureNotSupported(()),
                ..Default::default()
            })))
        }
        RasMessage::registrationRequest(request) => {
            Some(RasMessage::registrationReject(Box::new(RegistrationReject {
                request_seq_num: request.request_seq_num.clone(),
                protocol_identifier: version::h225(),
                reject_reason: RegistrationRejectReason::neededFeatureNotSupported(()),
                ..Default::default()
            })))
        }
        _ => None,
    }
}

/// The Facility around a RAS message: call reference 0, and nothing but the message.
fn facility(ras: Vec<u8>) -> Signal {
    use pinhole_h323::generic::Parameters as _;
    let mut data = generic::new(H460_17);
    data.set(RAS_MESSAGE, Some(Content::raw(ras.into())));
    let mut signal = Signal::of(Crv::GLOBAL, true, Body::empty(()));
    signal.edit(|pdu| generic::set_data(&mut pdu.generic_data, data));
    signal
}
