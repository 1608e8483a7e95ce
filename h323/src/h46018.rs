//! H.460.18: signalling through NATs and firewalls. The server announces a call over the RAS hole
//! (serviceControlIndication); the client connects, and says which call the connection is for.

use crate::address;
use crate::asn::h225::{
    CallIdentifier, Content, FacilityReason, FeatureSet, GenericData, RasMessage,
    ServiceControlIndication, ServiceControlResponse, ServiceControlResponseResult,
    ServiceControlSession, ServiceControlSessionReason, TimeToLive,
};
use crate::asn::h245::{
    CapabilityIdentifier, GenericMessage, GenericParameter, IndicationMessage,
    MultimediaSystemControlMessage, ParameterIdentifier, ParameterValue,
};
use crate::asn::h46018::{IncomingCallIndication, LRQKeepAliveData};
use crate::asn::{
    ObjectIdentifier, decode_incoming_call, decode_lrq_keep_alive, encode_incoming_call,
    encode_lrq_keep_alive,
};
use crate::control::Control;
use crate::error::Malformed;
use crate::generic::{self, H460_18, Need, Parameters};
use crate::id::{CallId, Crv, Seq};
use crate::ras::Ras;
use crate::signal::{Leg, Signal};
use std::net::SocketAddr;

/// Parameter of genericData: an IncomingCallIndication.
const INCOMING_CALL: u16 = 1;
/// Parameter of genericData: LRQKeepAliveData.
const LRQ_KEEP_ALIVE: u16 = 2;

/// {0 0 8 460 18 0 1}, the messageIdentifier of H.245 messages of H.460.18.
const MESSAGE: [u32; 7] = [0, 0, 8, 460, 18, 0, 1];
/// subMessageIdentifier: connectionCorrelation.
const CONNECTION_CORRELATION: u8 = 1;
/// Parameter of connectionCorrelation: the call identifier.
const CALL_IDENTIFIER: u8 = 1;
/// Parameter of connectionCorrelation: its sender is the called side.
const ANSWER_CALL: u8 = 2;

/// A call that waits outside: where to connect to, and which call to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomingCall {
    /// The server's call signalling address. One implementation sends an unspecified address here; it must not
    /// be dialled as it stands.
    pub address: SocketAddr,
    /// The call.
    pub call_id: CallId,
}

impl IncomingCall {
    /// The serviceControlIndication that announces the call.
    ///
    /// # Errors
    /// None that occur: its values are in bounds.
    pub fn announce(&self, seq: Seq) -> Result<Ras, Malformed> {
        let indication = encode_incoming_call(&IncomingCallIndication {
            call_signalling_address: address::to_h225(self.address),
            call_id: CallIdentifier::from(self.call_id),
            unknown_ext: None,
        })?;
        let mut message = indication_of(seq);
        message.generic_data = Some(vec![carrying(INCOMING_CALL, indication)]);
        Ok(Ras::new(RasMessage::serviceControlIndication(Box::new(message))))
    }

    /// The call that a serviceControlIndication announces. `None` when it announces none, or not by an IP
    /// address.
    ///
    /// # Errors
    /// [`Malformed`] when the announcement is there and cannot be understood.
    pub fn announced(ras: &Ras) -> Result<Option<Self>, Malformed> {
        if !matches!(ras.message(), RasMessage::serviceControlIndication(_)) {
            return Ok(None);
        }
        let Some(octets) = ras.generic_data(H460_18).and_then(|data| data.raw(INCOMING_CALL))
        else {
            return Ok(None);
        };
        let indication = decode_incoming_call(octets)?;
        let address = address::from_h225(&indication.call_signalling_address);
        Ok(address.map(|address| Self { address, call_id: (&indication.call_id).into() }))
    }
}

/// The serviceControlIndication by which a traversal zone's client keeps the RAS hole open. Tokens, if any, are
/// added to it.
#[must_use]
pub fn keep_alive(seq: Seq) -> Ras {
    let mut message = indication_of(seq);
    message.feature_set = Some(supported());
    Ras::new(RasMessage::serviceControlIndication(Box::new(message)))
}

/// Whether it is such a keepalive.
#[must_use]
pub fn is_keep_alive(ras: &Ras) -> bool {
    matches!(ras.message(), RasMessage::serviceControlIndication(_))
        && ras.feature(H460_18).is_some()
        && ras.generic_data(H460_18).is_none()
}

/// The serviceControlResponse that says nothing but that the indication arrived.
#[must_use]
pub fn response(seq: Seq) -> Ras {
    let response = ServiceControlResponse { request_seq_num: seq.into(), ..Default::default() };
    Ras::new(RasMessage::serviceControlResponse(Box::new(response)))
}

/// The answer to a keepalive: started, to be sent again every `interval` seconds (1 and up).
///
/// # Errors
/// [`Malformed::Constraint`] when the interval is zero.
pub fn keep_alive_started(seq: Seq, interval: u32) -> Result<Ras, Malformed> {
    let data = encode_lrq_keep_alive(&LRQKeepAliveData {
        lrq_keep_alive_interval: TimeToLive(interval),
        unknown_ext: None,
    })?;
    let response = ServiceControlResponse {
        request_seq_num: seq.into(),
        result: Some(ServiceControlResponseResult::started(())),
        feature_set: Some(supported()),
        generic_data: Some(vec![carrying(LRQ_KEEP_ALIVE, data)]),
        ..Default::default()
    };
    Ok(Ras::new(RasMessage::serviceControlResponse(Box::new(response))))
}

/// The answer to a keepalive whose sender is not known or not believed.
#[must_use]
pub fn keep_alive_failed(seq: Seq) -> Ras {
    let response = ServiceControlResponse {
        request_seq_num: seq.into(),
        result: Some(ServiceControlResponseResult::failed(())),
        feature_set: Some(supported()),
        ..Default::default()
    };
    Ras::new(RasMessage::serviceControlResponse(Box::new(response)))
}

/// What a server answered to a keepalive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAliveAnswer {
    /// It is in force; the interval in seconds, if the server says one.
    Started(Option<u32>),
    /// It is not in force.
    Refused,
}

/// What a serviceControlResponse answers to a keepalive; `None` of any other message, and of one that does not
/// speak of H.460.18.
#[must_use]
pub fn keep_alive_answer(ras: &Ras) -> Option<KeepAliveAnswer> {
    let RasMessage::serviceControlResponse(response) = ras.message() else { return None };
    ras.feature(H460_18)?;
    match response.result {
        None | Some(ServiceControlResponseResult::started(())) => {
            let data = ras.generic_data(H460_18).and_then(|data| data.raw(LRQ_KEEP_ALIVE));
            let data = data.and_then(|octets| decode_lrq_keep_alive(octets).ok());
            Some(KeepAliveAnswer::Started(data.map(|data| data.lrq_keep_alive_interval.0)))
        }
        Some(_) => Some(KeepAliveAnswer::Refused),
    }
}

/// The first message on the client's connection for a call that was announced: Facility(undefinedReason) with
/// the call identifier, on call reference zero.
#[must_use]
pub fn pinhole(call_id: CallId, tunnelling: bool) -> Signal {
    let leg = Leg { crv: Crv::GLOBAL, from_destination: false, call_id, tunnelling };
    Signal::facility(leg, FacilityReason::undefinedReason(()), None)
}

/// The call for which a client opened the connection that starts with this message.
#[must_use]
pub fn pinhole_of(signal: &Signal) -> Option<CallId> {
    match signal.facility_reason()? {
        FacilityReason::undefinedReason(()) if signal.crv() == Crv::GLOBAL => signal.call_id(),
        _ => None,
    }
}

/// The first message of the client on an H.245 connection: which call it is for (connectionCorrelation).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correlation {
    /// The call.
    pub call_id: CallId,
    /// The client is the called side of the call (answerCall).
    pub answer_call: bool,
}

impl Correlation {
    /// The H.245 message.
    #[must_use]
    pub fn to_control(self) -> Control {
        let mut content = vec![parameter(
            CALL_IDENTIFIER,
            ParameterValue::octetString(self.call_id.0.to_vec().into()),
        )];
        if self.answer_call {
            content.push(parameter(ANSWER_CALL, ParameterValue::logical(())));
        }
        Control::indication(IndicationMessage::genericIndication(Box::new(GenericMessage {
            message_identifier: CapabilityIdentifier::standard(ObjectIdentifier::from(MESSAGE)),
            sub_message_identifier: Some(CONNECTION_CORRELATION),
            message_content: Some(content),
            unknown_ext: None,
        })))
    }

    /// Reads the H.245 message; `None` if it is another, or has no call identifier of 16 octets.
    #[must_use]
    pub fn read(control: &Control) -> Option<Self> {
        let MultimediaSystemControlMessage::indication(indication) = control.message() else {
            return None;
        };
        let IndicationMessage::genericIndication(message) = &**indication else { return None };
        let CapabilityIdentifier::standard(identifier) = &message.message_identifier else {
            return None;
        };
        if *identifier != MESSAGE || message.sub_message_identifier != Some(CONNECTION_CORRELATION)
        {
            return None;
        }
        let mut call_id = None;
        let mut answer_call = false;
        for parameter in message.message_content.iter().flatten() {
            match (&parameter.parameter_identifier, &parameter.parameter_value) {
                (
                    ParameterIdentifier::standard(CALL_IDENTIFIER),
                    ParameterValue::octetString(octets),
                ) => {
                    call_id = <[u8; 16]>::try_from(octets.as_ref()).ok().map(CallId);
                }
                (ParameterIdentifier::standard(ANSWER_CALL), ParameterValue::logical(())) => {
                    answer_call = true;
                }
                _ => {}
            }
        }
        Some(Self { call_id: call_id?, answer_call })
    }
}

/// A serviceControlIndication with the session that servers of the field put into every one: 0, open.
fn indication_of(seq: Seq) -> ServiceControlIndication {
    ServiceControlIndication {
        request_seq_num: seq.into(),
        service_control: vec![ServiceControlSession {
            session_id: 0,
            contents: None,
            reason: ServiceControlSessionReason::open(()),
            unknown_ext: None,
        }],
        ..Default::default()
    }
}

fn supported() -> FeatureSet {
    let mut set = FeatureSet::default();
    generic::set_feature(&mut set, Need::Supported, generic::new(H460_18));
    set
}

fn carrying(number: u16, octets: Vec<u8>) -> GenericData {
    generic::new(H460_18).with(number, Some(Content::raw(octets.into())))
}

fn parameter(number: u8, value: ParameterValue) -> GenericParameter {
    GenericParameter {
        parameter_identifier: ParameterIdentifier::standard(number),
        parameter_value: value,
        supersedes: None,
        unknown_ext: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::*;

    const CALL: CallId = CallId([
        0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae,
        0xaf,
    ]);

    fn ras(hex: &str) -> Ras {
        Ras::decode(&octets(hex)).unwrap()
    }

    fn announced(hex: &str) -> IncomingCall {
        IncomingCall::announced(&ras(hex)).unwrap().unwrap()
    }

    #[test]
    fn announces_a_call_as_the_vector_does() {
        let call = IncomingCall { address: "203.0.113.10:1720".parse().unwrap(), call_id: CALL };
        assert_eq!(announced(V_SCI_INCOMING), call);
        assert_eq!(call.announce(Seq::new(100)).unwrap().encode().unwrap(), octets(V_SCI_INCOMING));
        assert!(!is_keep_alive(&ras(V_SCI_INCOMING)));
    }

    #[test]
    fn announces_a_call_as_gnugk_does() {
        let call = announced(SCI_INCOMING);
        assert_eq!(call.address, "198.51.100.10:1720".parse().unwrap());
        assert_eq!(call.call_id.to_string(), "f81f8d79-a5e3-f111-8769-9e7406960308");
        assert_eq!(call.announce(Seq::FIRST).unwrap().encode().unwrap(), octets(SCI_INCOMING));
        assert!(announced(ZONE_SCI_UNSPECIFIED).address.ip().is_unspecified());
    }

    #[test]
    fn an_announcement_that_makes_no_sense_is_an_error() {
        let mut odd = ras(SCI_INCOMING);
        odd.set_generic_data(carrying(INCOMING_CALL, vec![0, 1, 2]));
        assert!(IncomingCall::announced(&odd).is_err());
        odd.set_generic_data(generic::new(H460_18).with(INCOMING_CALL, None));
        assert_eq!(IncomingCall::announced(&odd), Ok(None));
        assert_eq!(IncomingCall::announced(&ras(SCR)), Ok(None));
    }

    #[test]
    fn keeps_a_zone_alive() {
        assert_eq!(keep_alive(Seq::new(101)).encode().unwrap(), octets(V_SCI_KEEPALIVE));
        assert_eq!(response(Seq::new(100)).encode().unwrap(), octets(V_SCR));
        assert_eq!(
            keep_alive_started(Seq::new(101), 19).unwrap().encode().unwrap(),
            octets(V_SCR_KEEPALIVE)
        );
        for hex in [V_SCI_KEEPALIVE, V_SCI_KEEPALIVE_TOKEN, ZONE_SCI_KEEPALIVE] {
            assert!(is_keep_alive(&ras(hex)));
            assert_eq!(IncomingCall::announced(&ras(hex)), Ok(None));
        }
    }

    #[test]
    fn reads_the_answer_to_a_keepalive() {
        let answer = |ras: &Ras| keep_alive_answer(&Ras::decode(&ras.encode().unwrap()).unwrap());
        for hex in [V_SCR_KEEPALIVE, ZONE_SCR] {
            assert_eq!(keep_alive_answer(&ras(hex)), Some(KeepAliveAnswer::Started(Some(19))));
        }
        assert_eq!(answer(&keep_alive_failed(Seq::FIRST)), Some(KeepAliveAnswer::Refused));
        assert_eq!(keep_alive_answer(&ras(SCR)), None);
        assert_eq!(keep_alive_answer(&ras(RCF)), None);
        assert!(keep_alive_started(Seq::FIRST, 0).is_err());
    }

    #[test]
    fn opens_a_pinhole() {
        let seen = Signal::decode(&unwrapped(V_PINHOLE)).unwrap();
        assert_eq!(pinhole_of(&seen), Some(CALL));
        let made = Signal::decode(&pinhole(CALL, true).encode().unwrap()).unwrap();
        assert_eq!(pinhole_of(&made), Some(CALL));
        assert_eq!(made.h245_tunnelling(), Some(true));
        assert_eq!(made.crv(), seen.crv());
        for hex in [PINHOLE, PINHOLE_GNUGK] {
            assert!(pinhole_of(&Signal::decode(&unwrapped(hex)).unwrap()).is_some());
        }
        for hex in [KEEPALIVE, START_H245, SETUP_OF_CLIENT, V_TUNNELLED_UCF] {
            assert_eq!(pinhole_of(&Signal::decode(&unwrapped(hex)).unwrap()), None);
        }
    }

    #[test]
    fn correlates_an_h245_connection() {
        for (hex, answer_call) in [(CORRELATION, false), (CORRELATION_ANSWER, true)] {
            let correlation =
                Correlation::read(&Control::decode(&unwrapped(hex)).unwrap()).unwrap();
            assert_eq!(correlation.answer_call, answer_call);
            assert_eq!(correlation.to_control().encode().unwrap(), unwrapped(hex));
        }
        assert_eq!(Correlation::read(&Control::end_session()), None);
    }

    #[test]
    fn a_correlation_without_a_whole_call_identifier_is_none() {
        let with = |content: Option<Vec<GenericParameter>>| {
            let mut control = Correlation { call_id: CALL, answer_call: false }.to_control();
            control.edit(|message| {
                let MultimediaSystemControlMessage::indication(indication) = message else {
                    panic!()
                };
                let IndicationMessage::genericIndication(generic) = &mut **indication else {
                    panic!()
                };
                generic.message_content = content;
            });
            Correlation::read(&control)
        };
        assert_eq!(with(None), None);
        assert_eq!(with(Some(vec![])), None);
        assert_eq!(with(Some(vec![parameter(1, ParameterValue::logical(()))])), None);
        assert_eq!(
            with(Some(vec![parameter(1, ParameterValue::octetString(vec![0; 15].into()))])),
            None
        );
    }
}
