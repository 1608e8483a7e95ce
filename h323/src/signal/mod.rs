//! Call signalling: Q.931 messages that carry H.225.0 messages (H.225.0 §7.1-7.4).

mod build;
mod h245;

use crate::asn::h225::{
    FacilityReason, GenericData, H323UUPDU, H323UUPDUH323MessageBody as Body, H323UserInformation,
};
use crate::asn::{decode_uuie, encode_uuie};
use crate::cause::{Cause, Release};
use crate::error::Malformed;
use crate::generic::{self, Need};
use crate::id::{CallId, Crv};
use crate::kept::{each, name_of};
use crate::q931::{Message, MessageType};
pub use build::Leg;

/// Bodies that have a featureSet.
macro_rules! featured {
    ($body:expr, $inner:ident => $part:expr) => {
        each!($body, Body [callProceeding connect alerting releaseComplete facility], $inner => $part)
    };
}

/// One message of call signalling. What was decoded leaves in the octets it came in; an edit of the H.225.0
/// message leaves all other information elements as they are.
#[derive(Debug, Clone)]
pub struct Signal {
    q931: Message,
    uuie: Option<Box<H323UserInformation>>,
    /// The User-user element does not say any more what `uuie` says.
    edited: bool,
}

impl Signal {
    /// A message made here. `from_destination` is true when the called side of the call sends it.
    #[must_use]
    pub fn new(
        message_type: MessageType,
        crv: Crv,
        from_destination: bool,
        pdu: H323UUPDU,
    ) -> Self {
        let uuie = H323UserInformation { h323_uu_pdu: pdu, ..H323UserInformation::default() };
        Self {
            q931: Message::new(message_type, crv, from_destination),
            uuie: Some(Box::new(uuie)),
            edited: true,
        }
    }

    /// A message made here of the type that goes with its body; Facility for an empty body.
    #[must_use]
    pub fn of(crv: Crv, from_destination: bool, body: Body) -> Self {
        let message_type = match &body {
            Body::setup(_) => MessageType::Setup,
            Body::callProceeding(_) => MessageType::CallProceeding,
            Body::connect(_) => MessageType::Connect,
            Body::alerting(_) => MessageType::Alerting,
            Body::information(_) => MessageType::Information,
            Body::releaseComplete(_) => MessageType::ReleaseComplete,
            Body::progress(_) => MessageType::Progress,
            Body::status(_) => MessageType::Status,
            Body::statusInquiry(_) => MessageType::StatusInquiry,
            Body::setupAcknowledge(_) => MessageType::SetupAcknowledge,
            Body::notify(_) => MessageType::Notify,
            Body::facility(_) | Body::empty(()) | Body::UnknownAlternative(_) => {
                MessageType::Facility
            }
        };
        let pdu = H323UUPDU { h323_message_body: body, ..H323UUPDU::default() };
        Self::new(message_type, crv, from_destination, pdu)
    }

    /// Reads what a TPKT carried.
    ///
    /// # Errors
    /// Those of [`Message::decode`] and of the codec. A message without an H.225.0 message is none.
    pub fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let q931 = Message::decode(octets)?;
        let uuie = q931.user_user().map(decode_uuie).transpose()?.map(Box::new);
        Ok(Self { q931, uuie, edited: false })
    }

    /// The octets, without TPKT: as they came, but for what was edited.
    ///
    /// # Errors
    /// [`Malformed`] when an edit put a value out of its bounds.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        match &self.uuie {
            Some(uuie) if self.edited => {
                let mut q931 = self.q931.clone();
                q931.set_user_user(&encode_uuie(uuie)?);
                q931.encode()
            }
            _ => self.q931.encode(),
        }
    }

    /// The Q.931 message around the H.225.0 message.
    #[must_use]
    pub const fn q931(&self) -> &Message {
        &self.q931
    }

    /// The Q.931 message, to change all but its User-user element.
    pub const fn q931_mut(&mut self) -> &mut Message {
        &mut self.q931
    }

    /// What it is by Q.931.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.q931.message_type()
    }

    /// The H.225.0 message, if it carries one.
    #[must_use]
    pub fn pdu(&self) -> Option<&H323UUPDU> {
        self.uuie.as_ref().map(|uuie| &uuie.h323_uu_pdu)
    }

    /// The body of the H.225.0 message.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        self.pdu().map(|pdu| &pdu.h323_message_body)
    }

    /// Changes the H.225.0 message, if it carries one; its octets are made anew.
    pub fn edit<R>(&mut self, change: impl FnOnce(&mut H323UUPDU) -> R) -> Option<R> {
        let uuie = self.uuie.as_mut()?;
        self.edited = true;
        Some(change(&mut uuie.h323_uu_pdu))
    }

    /// What it is, in the spelling of the standard: `setup`, `facility`, …; the H.225.0 message says it before
    /// the Q.931 message.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.body() {
            Some(body) => name_of!(body, Body [
                setup callProceeding connect alerting information releaseComplete facility progress empty
                status statusInquiry setupAcknowledge notify
            ]),
            None => self.message_type().name(),
        }
    }

    /// The call reference value.
    #[must_use]
    pub const fn crv(&self) -> Crv {
        self.q931.crv()
    }

    /// The call that it is about, if it says so.
    #[must_use]
    pub fn call_id(&self) -> Option<CallId> {
        let body = self.body()?;
        let sometimes = each!(body, Body [
            setup callProceeding connect alerting information releaseComplete facility
        ], body => body.call_identifier.as_ref());
        let always = each!(body, Body [
            progress status statusInquiry setupAcknowledge notify
        ], body => &body.call_identifier);
        sometimes.flatten().or(always).map(CallId::from)
    }

    /// How many tokens it carries, in clear and encrypted (H.235.0 §7).
    #[must_use]
    pub fn tokens(&self) -> usize {
        let counted = self.body().and_then(|body| {
            each!(body, Body [
                setup callProceeding connect alerting information releaseComplete facility progress status
                statusInquiry setupAcknowledge notify
            ], body => [
                body.tokens.as_ref().map_or(0, Vec::len),
                body.crypto_tokens.as_ref().map_or(0, Vec::len),
            ])
        });
        counted.map_or(0, |[clear, encrypted]| clear + encrypted)
    }

    /// The reason of a Facility.
    #[must_use]
    pub fn facility_reason(&self) -> Option<&FacilityReason> {
        match self.body()? {
            Body::facility(body) => Some(&body.reason),
            _ => None,
        }
    }

    /// Why a call ends, if this ends it: the reason of ReleaseComplete, or the one that its cause stands for.
    #[must_use]
    pub fn release(&self) -> Option<Release> {
        if self.message_type() != MessageType::ReleaseComplete {
            return None;
        }
        let told = match self.body() {
            Some(Body::releaseComplete(body)) => body.reason.as_ref().map(Release::from),
            _ => None,
        };
        told.or_else(|| Some(self.q931.cause().map(Cause::new)?.into()))
    }

    /// The cause of ReleaseComplete: its element, or the one that its reason stands for.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.q931.cause().map(Cause::new).or_else(|| self.release().map(Release::cause))
    }

    /// What it says of a feature (H.460): in its featureSet or the lists of a Setup, else in genericData, where
    /// old endpoints put it.
    #[must_use]
    pub fn feature(&self, id: u16) -> Option<&GenericData> {
        self.advertised(id).or_else(|| self.generic_data(id))
    }

    /// Puts a feature into its featureSet or the lists of a Setup, in place of what it says of the same feature;
    /// false of a message that has neither.
    pub fn set_feature(&mut self, need: Need, feature: GenericData) -> bool {
        let can = |body: &Body| {
            matches!(body, Body::setup(_)) || featured!(body, body => &body.feature_set).is_some()
        };
        if !self.body().is_some_and(can) {
            return false;
        }
        if let Some(id) = generic::standard(&feature.id) {
            self.remove_feature(id);
        }
        self.edit(|pdu| match &mut pdu.h323_message_body {
            Body::setup(setup) => generic::set_feature(&mut **setup, need, feature),
            body => {
                if let Some(set) = featured!(body, body => &mut body.feature_set) {
                    generic::set_feature(set.get_or_insert_default(), need, feature);
                }
            }
        });
        true
    }

    /// Takes a feature out of featureSet, the lists of a Setup and genericData; true if it was anywhere.
    /// Otherwise the message stays as it came.
    pub fn remove_feature(&mut self, id: u16) -> bool {
        if self.feature(id).is_none() {
            return false;
        }
        self.edit(|pdu| {
            generic::remove_data(&mut pdu.generic_data, id);
            match &mut pdu.h323_message_body {
                Body::setup(setup) => {
                    generic::remove_feature(&mut **setup, id);
                }
                body => {
                    if let Some(set) = featured!(body, body => &mut body.feature_set) {
                        generic::remove_feature_of(set, id);
                    }
                }
            }
        });
        true
    }

    /// The standard features without which its sender refuses the call.
    #[must_use]
    pub fn needed_features(&self) -> Vec<u16> {
        match self.body() {
            Some(Body::setup(setup)) => generic::needed(&**setup),
            Some(body) => match featured!(body, body => &body.feature_set) {
                Some(Some(set)) => generic::needed(set),
                _ => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    /// Lets its sender say that the connection carries one call and ends with it (multipleCalls, maintainConnection), if it
    /// says anything else of it. Otherwise the message stays as it came.
    pub fn set_one_call(&mut self) {
        let said = self.body().and_then(|body| {
            each!(body, Body [setup callProceeding alerting connect facility progress],
                body => [body.multiple_calls, body.maintain_connection])
        });
        if !said.is_some_and(|said| said.contains(&Some(true))) {
            return;
        }
        self.edit(|pdu| {
            each!(&mut pdu.h323_message_body,
                Body [setup callProceeding alerting connect facility progress], body => {
                for said in [&mut body.multiple_calls, &mut body.maintain_connection] {
                    *said = said.map(|_| false);
                }
            });
        });
    }

    /// The data of a feature in its genericData.
    #[must_use]
    pub fn generic_data(&self, id: u16) -> Option<&GenericData> {
        generic::data(self.pdu()?.generic_data.as_deref()?, id)
    }

    fn advertised(&self, id: u16) -> Option<&GenericData> {
        match self.body()? {
            Body::setup(setup) => generic::feature(&**setup, id),
            body => generic::feature(featured!(body, body => &body.feature_set)?.as_ref()?, id),
        }
    }
}

/// Two messages are equal when they say the same, in whatever octets.
impl PartialEq for Signal {
    fn eq(&self, other: &Self) -> bool {
        let bare = |signal: &Self| {
            let mut q931 = signal.q931.clone();
            q931.remove(crate::q931::code::USER_USER);
            q931
        };
        self.uuie == other.uuie && bare(self) == bare(other)
    }
}

#[cfg(test)]
mod tests;
