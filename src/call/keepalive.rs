//! What keeps the connections of a call open through firewalls when nobody speaks (`EnableGnuGkTcpKeepAlive`).

use pinhole_config::{ControlKeepAlive, SignallingKeepAlive};
use pinhole_h323::asn::encode_h245;
use pinhole_h323::asn::h225::{
    H323UUPDUH323MessageBody as Body, InformationUUIE, NotifyUUIE, StatusInquiryUUIE, StatusUUIE,
};
use pinhole_h323::asn::h245::{
    H245NonStandardIdentifier, H245NonStandardIdentifierH221NonStandard, H245NonStandardParameter,
    IndicationMessage, MultimediaSystemControlMessage, UserInputIndication,
};
use pinhole_h323::cause::Cause;
use pinhole_h323::q931::code;
use pinhole_h323::signal::{Leg as SignalLeg, Signal};
use pinhole_h323::version;

use super::{CallKey, CallTimer, Calls, ControlLink, State};
use crate::face::Side;
use crate::node::{Cx, Timer};

/// The notification description "user resumed" (Q.931 §4.5.22), which changes nothing.
const RESUMED: u8 = 0x81;
/// The call state "active" (Q.931 §4.5.7).
const ACTIVE: u8 = 10;

impl Calls {
    /// Begins, or goes on, to keep the connections of a call alive.
    pub(super) fn refresh(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(every) = cx.core.settings.handling.keepalive else { return };
        let Some(call) = self.live(key) else { return };
        cx.set(Timer::Call(key, CallTimer::Refresh), every.interval);
        for side in [Side::A, Side::B] {
            let placing = side == Side::B && matches!(call.state, State::Placing);
            let leg = call.leg(side);
            if let Some(stream) = leg.stream.filter(|_| !placing)
                && let Some(octets) = signalling(every.signalling, call.speaks_to(side))
            {
                cx.send(stream, &octets);
            }
            if let ControlLink::Open(stream) = leg.control
                && let Some(octets) = control(every.control)
            {
                cx.send(stream, &octets);
            }
        }
    }
}

/// The message for a signalling connection; an empty one is an empty TPKT.
pub(super) fn signalling(kind: SignallingKeepAlive, words: SignalLeg) -> Option<Vec<u8>> {
    let protocol_identifier = version::h225();
    let call_identifier = words.call_id.into();
    let mut signal = match kind {
        SignallingKeepAlive::None => return None,
        SignallingKeepAlive::Tpkt => return Some(Vec::new()),
        SignallingKeepAlive::EmptyFacility => Signal::transport(words),
        SignallingKeepAlive::Information => Signal::on(
            words,
            Body::information(Box::new(InformationUUIE {
                protocol_identifier,
                call_identifier: Some(call_identifier),
                ..Default::default()
            })),
        ),
        SignallingKeepAlive::Notify => Signal::on(
            words,
            Body::notify(Box::new(NotifyUUIE {
                protocol_identifier,
                call_identifier,
                ..Default::default()
            })),
        ),
        SignallingKeepAlive::Status => Signal::on(
            words,
            Body::status(Box::new(StatusUUIE {
                protocol_identifier,
                call_identifier,
                ..Default::default()
            })),
        ),
        SignallingKeepAlive::StatusInquiry => Signal::on(
            words,
            Body::statusInquiry(Box::new(StatusInquiryUUIE {
                protocol_identifier,
                call_identifier,
                ..Default::default()
            })),
        ),
    };
    match kind {
        SignallingKeepAlive::Notify => {
            signal.q931_mut().set(code::NOTIFICATION_INDICATOR, [RESUMED]);
        }
        SignallingKeepAlive::Status => {
            signal.q931_mut().set_cause(Cause::RESPONSE_TO_STATUS_ENQUIRY.value());
            signal.q931_mut().set(code::CALL_STATE, [ACTIVE]);
        }
        _ => {}
    }
    signal.encode().ok()
}

/// The message for an H.245 connection.
pub(super) fn control(kind: ControlKeepAlive) -> Option<Vec<u8>> {
    match kind {
        ControlKeepAlive::None => None,
        ControlKeepAlive::Tpkt => Some(Vec::new()),
        // The one that GnuGk sends: country Poland, extension 3, manufacturer 2.
        ControlKeepAlive::UserInput => {
            let h221 = H245NonStandardIdentifierH221NonStandard {
                t35_country_code: 138,
                t35_extension: 3,
                manufacturer_code: 2,
            };
            let parameter = H245NonStandardParameter {
                non_standard_identifier: H245NonStandardIdentifier::h221NonStandard(h221),
                data: vec![0].into(),
            };
            let input = UserInputIndication::nonStandard(parameter);
            let indication = IndicationMessage::userInput(Box::new(input));
            encode_h245(&MultimediaSystemControlMessage::indication(Box::new(indication))).ok()
        }
    }
}
