//! RAS: the conversation of endpoints with gatekeepers, and of gatekeepers with each other (H.225.0 §7.6).

use crate::asn::h225::{FeatureSet, GenericData, RasMessage, RequestSeqNum};
use crate::asn::{decode_ras, encode_ras};
use crate::cause::Reject;
use crate::error::Malformed;
use crate::generic::{self, Need};
use crate::id::{CallId, EndpointId, GatekeeperId, Seq};
use crate::kept::{Kept, each, name_of};

/// Those that have a requestSeqNum of their own.
macro_rules! numbered {
    ($message:expr, $body:ident => $part:expr) => {
        each!($message, RasMessage [
            gatekeeperRequest gatekeeperConfirm gatekeeperReject registrationRequest registrationConfirm
            registrationReject unregistrationRequest unregistrationConfirm unregistrationReject
            admissionRequest admissionConfirm admissionReject bandwidthRequest bandwidthConfirm
            bandwidthReject disengageRequest disengageConfirm disengageReject locationRequest
            locationConfirm locationReject infoRequest infoRequestResponse nonStandardMessage
            unknownMessageResponse requestInProgress resourcesAvailableIndicate
            resourcesAvailableConfirm infoRequestAck infoRequestNak serviceControlIndication
            serviceControlResponse
        ], $body => $part)
    };
}

/// Those that have a featureSet.
macro_rules! featured {
    ($message:expr, $body:ident => $part:expr) => {
        each!($message, RasMessage [
            gatekeeperRequest gatekeeperConfirm gatekeeperReject registrationRequest registrationConfirm
            registrationReject admissionRequest admissionConfirm admissionReject locationRequest
            locationConfirm locationReject nonStandardMessage serviceControlIndication
            serviceControlResponse
        ], $body => $part)
    };
}

/// Those that have genericData.
macro_rules! with_data {
    ($message:expr, $body:ident => $part:expr) => {
        each!($message, RasMessage [
            gatekeeperRequest gatekeeperConfirm gatekeeperReject registrationRequest registrationConfirm
            registrationReject unregistrationRequest unregistrationConfirm unregistrationReject
            admissionRequest admissionConfirm admissionReject bandwidthRequest bandwidthConfirm
            bandwidthReject disengageRequest disengageConfirm disengageReject locationRequest
            locationConfirm locationReject infoRequest infoRequestResponse nonStandardMessage
            resourcesAvailableIndicate resourcesAvailableConfirm serviceControlIndication
            serviceControlResponse
        ], $body => $part)
    };
}

/// One RAS message. What was decoded leaves in the octets it came in, until it is edited.
#[derive(Debug, Clone, PartialEq)]
pub struct Ras(Kept<RasMessage>);

impl Ras {
    /// A message made here.
    #[must_use]
    pub const fn new(message: RasMessage) -> Self {
        Self(Kept::new(message))
    }

    /// Reads one datagram.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        Ok(Self(Kept::arrived(decode_ras(octets)?, octets)))
    }

    /// The octets: as they came, or made anew after an edit.
    ///
    /// # Errors
    /// [`Malformed`] when an edit put a value out of its bounds.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        self.0.encode(encode_ras)
    }

    /// The message.
    #[must_use]
    pub const fn message(&self) -> &RasMessage {
        self.0.value()
    }

    /// The message, for one who needs no octets.
    #[must_use]
    pub fn into_message(self) -> RasMessage {
        self.0.into_value()
    }

    /// Changes the message; its octets are made anew.
    pub fn edit<R>(&mut self, change: impl FnOnce(&mut RasMessage) -> R) -> R {
        change(self.0.change())
    }

    /// What it is, in the spelling of the standard: `registrationRequest`, …
    #[must_use]
    pub const fn name(&self) -> &'static str {
        name_of!(self.message(), RasMessage [
            gatekeeperRequest gatekeeperConfirm gatekeeperReject registrationRequest registrationConfirm
            registrationReject unregistrationRequest unregistrationConfirm unregistrationReject
            admissionRequest admissionConfirm admissionReject bandwidthRequest bandwidthConfirm
            bandwidthReject disengageRequest disengageConfirm disengageReject locationRequest
            locationConfirm locationReject infoRequest infoRequestResponse nonStandardMessage
            unknownMessageResponse requestInProgress resourcesAvailableIndicate
            resourcesAvailableConfirm infoRequestAck infoRequestNak serviceControlIndication
            serviceControlResponse admissionConfirmSequence
        ])
    }

    /// The number by which answer and request belong together; `None` only of an unknown message or an empty
    /// admissionConfirmSequence.
    #[must_use]
    pub fn seq(&self) -> Option<Seq> {
        if let RasMessage::admissionConfirmSequence(confirms) = self.message() {
            return confirms.first().map(|confirm| Seq::from(&confirm.request_seq_num));
        }
        numbered!(self.message(), body => &body.request_seq_num).map(Seq::from)
    }

    /// Sets the number; false of a message that has none.
    pub fn set_seq(&mut self, seq: Seq) -> bool {
        if self.seq().is_none() {
            return false;
        }
        let number: &mut RequestSeqNum = match self.0.change() {
            RasMessage::admissionConfirmSequence(confirms) => {
                confirms.iter_mut().for_each(|confirm| confirm.request_seq_num = seq.into());
                return true;
            }
            message => match numbered!(message, body => &mut body.request_seq_num) {
                Some(number) => number,
                None => return false,
            },
        };
        *number = seq.into();
        true
    }

    /// The call that it is about, if it says so.
    #[must_use]
    pub fn call_id(&self) -> Option<CallId> {
        if let RasMessage::serviceControlIndication(body) = self.message() {
            return body.call_specific.as_ref().map(|call| CallId::from(&call.call_identifier));
        }
        let identifier = each!(self.message(), RasMessage [
            admissionRequest bandwidthRequest disengageRequest locationRequest infoRequest
        ], body => body.call_identifier.as_ref());
        identifier.flatten().map(CallId::from)
    }

    /// The endpoint that it is of, if it says so.
    #[must_use]
    pub fn endpoint_id(&self) -> Option<EndpointId> {
        let always = each!(self.message(), RasMessage [
            registrationConfirm admissionRequest bandwidthRequest disengageRequest infoRequestResponse
            resourcesAvailableIndicate
        ], body => &body.endpoint_identifier);
        let sometimes = each!(self.message(), RasMessage [
            registrationRequest unregistrationRequest locationRequest serviceControlIndication
        ], body => body.endpoint_identifier.as_ref());
        always.or_else(|| sometimes.flatten()).map(EndpointId::from)
    }

    /// The gatekeeper that it is of or for, if it says so.
    #[must_use]
    pub fn gatekeeper_id(&self) -> Option<GatekeeperId> {
        let identifier = each!(self.message(), RasMessage [
            gatekeeperRequest gatekeeperConfirm gatekeeperReject registrationRequest registrationConfirm
            registrationReject unregistrationRequest admissionRequest bandwidthRequest disengageRequest
            locationRequest
        ], body => body.gatekeeper_identifier.as_ref());
        identifier.flatten().map(GatekeeperId::from)
    }

    /// Why it rejects, if it does.
    #[must_use]
    pub fn reject(&self) -> Option<Reject> {
        Some(match self.message() {
            RasMessage::gatekeeperReject(body) => (&body.reject_reason).into(),
            RasMessage::registrationReject(body) => (&body.reject_reason).into(),
            RasMessage::unregistrationReject(body) => (&body.reject_reason).into(),
            RasMessage::admissionReject(body) => (&body.reject_reason).into(),
            RasMessage::bandwidthReject(body) => (&body.reject_reason).into(),
            RasMessage::disengageReject(body) => (&body.reject_reason).into(),
            RasMessage::locationReject(body) => (&body.reject_reason).into(),
            _ => return None,
        })
    }

    /// What its featureSet says of a feature (H.460).
    #[must_use]
    pub fn feature(&self, id: u16) -> Option<&GenericData> {
        let set = featured!(self.message(), body => &body.feature_set)?;
        generic::feature(set.as_ref()?, id)
    }

    /// Puts a feature into its featureSet, in place of what it says of the same feature; false of a message
    /// without featureSet.
    pub fn set_feature(&mut self, need: Need, feature: GenericData) -> bool {
        if featured!(self.message(), body => &body.feature_set).is_none() {
            return false;
        }
        match featured!(self.0.change(), body => &mut body.feature_set) {
            Some(set) => generic::set_feature(set.get_or_insert_default(), need, feature),
            None => return false,
        }
        true
    }

    /// Takes a feature out of its featureSet, and the set out of the message when nothing else is left; true
    /// if it was there. Otherwise the message stays as it came.
    pub fn remove_feature(&mut self, id: u16) -> bool {
        if self.feature(id).is_none() {
            return false;
        }
        let set: Option<&mut Option<FeatureSet>> =
            featured!(self.0.change(), body => &mut body.feature_set);
        set.is_some_and(|set| generic::remove_feature_of(set, id))
    }

    /// The data of a feature in its genericData.
    #[must_use]
    pub fn generic_data(&self, id: u16) -> Option<&GenericData> {
        let list = with_data!(self.message(), body => &body.generic_data)?;
        generic::data(list.as_deref()?, id)
    }

    /// Puts data of a feature into its genericData, in place of other data of the same feature; false of a
    /// message without genericData.
    pub fn set_generic_data(&mut self, data: GenericData) -> bool {
        if with_data!(self.message(), body => &body.generic_data).is_none() {
            return false;
        }
        match with_data!(self.0.change(), body => &mut body.generic_data) {
            Some(list) => generic::set_data(list, data),
            None => return false,
        }
        true
    }
}

impl From<RasMessage> for Ras {
    fn from(message: RasMessage) -> Self {
        Self::new(message)
    }
}

#[cfg(test)]
mod tests;
