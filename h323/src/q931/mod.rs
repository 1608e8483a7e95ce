//! Q.931 messages as H.225.0 uses them: header and information elements, all kept, in the order they came.

mod content;
mod element;

pub use content::{Bearer, Number, TransferCapability};
pub use element::{Element, code};

use crate::error::Malformed;
use crate::id::Crv;

/// First octet of every Q.931 message.
const PROTOCOL_DISCRIMINATOR: u8 = 0x08;
/// First octet of the User-user element when it holds an H.225.0 message in ASN.1 (H.225.0 §7.2.2.31).
const USER_USER_ASN1: u8 = 0x05;
/// The most characters that Q.931 §4.5.16 lets a display have.
const MAX_DISPLAY: usize = 82;

/// What a message is (Q.931 §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of Q.931")]
pub enum MessageType {
    /// Escape to a national type; some H.460.17 endpoints send it as a keepalive.
    NationalEscape,
    Alerting,
    CallProceeding,
    Progress,
    Setup,
    Connect,
    SetupAcknowledge,
    ConnectAcknowledge,
    ReleaseComplete,
    Facility,
    Notify,
    StatusInquiry,
    Information,
    Status,
    /// A type that H.323 has no use for.
    Other(u8),
}

/// One row per type: the octet, the type, the name.
const MESSAGE_TYPES: [(u8, MessageType, &str); 14] = [
    (0x00, MessageType::NationalEscape, "nationalEscape"),
    (0x01, MessageType::Alerting, "alerting"),
    (0x02, MessageType::CallProceeding, "callProceeding"),
    (0x03, MessageType::Progress, "progress"),
    (0x05, MessageType::Setup, "setup"),
    (0x07, MessageType::Connect, "connect"),
    (0x0d, MessageType::SetupAcknowledge, "setupAcknowledge"),
    (0x0f, MessageType::ConnectAcknowledge, "connectAcknowledge"),
    (0x5a, MessageType::ReleaseComplete, "releaseComplete"),
    (0x62, MessageType::Facility, "facility"),
    (0x6e, MessageType::Notify, "notify"),
    (0x75, MessageType::StatusInquiry, "statusInquiry"),
    (0x7b, MessageType::Information, "information"),
    (0x7d, MessageType::Status, "status"),
];

impl MessageType {
    /// The type of this octet.
    #[must_use]
    pub fn from_octet(octet: u8) -> Self {
        let row = MESSAGE_TYPES.iter().find(|row| row.0 == octet);
        row.map_or(Self::Other(octet), |row| row.1)
    }

    /// The octet of this type.
    #[must_use]
    pub fn octet(self) -> u8 {
        match (self, MESSAGE_TYPES.iter().find(|row| row.1 == self)) {
            (Self::Other(octet), _) => octet,
            (_, row) => row.map_or(0, |row| row.0),
        }
    }

    /// The name, in the spelling of the H.225.0 message bodies.
    #[must_use]
    pub fn name(self) -> &'static str {
        MESSAGE_TYPES.iter().find(|row| row.1 == self).map_or("unknown", |row| row.2)
    }
}

/// One Q.931 message. What was decoded encodes to the same octets until it is changed.
///
/// ```
/// use pinhole_h323::{id::Crv, q931::{Message, MessageType}};
/// let mut release = Message::new(MessageType::ReleaseComplete, Crv::new(3), true);
/// release.set_cause(16);
/// assert_eq!(release.encode().unwrap(), [8, 2, 0x80, 3, 0x5a, 8, 2, 0x80, 0x90]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    message_type: MessageType,
    crv: Crv,
    from_destination: bool,
    /// Octets of the call reference, `0..=2`.
    crv_length: u8,
    elements: Vec<Element>,
}

/// The value, `0..=127`, that the content of a cause information element says (Q.850 §2.1).
#[must_use]
pub fn cause_value(content: &[u8]) -> Option<u8> {
    match content {
        // Octet 3a follows when the extension bit of octet 3 is clear.
        [0..=0x7f, _, value, ..] | [0x80..=0xff, value, ..] => Some(value & 0x7f),
        _ => None,
    }
}

impl Message {
    /// A message without elements. `from_destination` is true when the called side of the call sends it.
    #[must_use]
    pub const fn new(message_type: MessageType, crv: Crv, from_destination: bool) -> Self {
        Self { message_type, crv, from_destination, crv_length: 2, elements: Vec::new() }
    }

    /// Reads a message.
    ///
    /// A call reference of no or of one octet is tolerated, as are shift octets and elements of any code.
    ///
    /// # Errors
    /// [`Malformed::ProtocolDiscriminator`], [`Malformed::LongCallReference`], [`Malformed::Truncated`].
    pub fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let (&discriminator, rest) = octets.split_first().ok_or(Malformed::Truncated)?;
        if discriminator != PROTOCOL_DISCRIMINATOR {
            return Err(Malformed::ProtocolDiscriminator);
        }
        let (&crv_length, rest) = rest.split_first().ok_or(Malformed::Truncated)?;
        let (from_destination, crv, rest) = match (crv_length, rest) {
            (0, rest) => (false, 0, rest),
            (1, [one, rest @ ..]) => (one & 0x80 != 0, u16::from(one & 0x7f), rest),
            (2, [high, low, rest @ ..]) => {
                (high & 0x80 != 0, u16::from_be_bytes([*high, *low]), rest)
            }
            (0..=2, _) => return Err(Malformed::Truncated),
            _ => return Err(Malformed::LongCallReference),
        };
        let (&message_type, rest) = rest.split_first().ok_or(Malformed::Truncated)?;
        Ok(Self {
            message_type: MessageType::from_octet(message_type),
            crv: Crv::new(crv),
            from_destination,
            crv_length,
            elements: element::decode(rest)?,
        })
    }

    /// The octets of the message.
    ///
    /// # Errors
    /// [`Malformed::ElementTooLong`] when an element exceeds 255 octets, or User-user 65535.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        let length: usize = self.elements.iter().map(Element::encoded_length).sum();
        let mut octets = Vec::with_capacity(5 + length);
        octets.extend_from_slice(&[PROTOCOL_DISCRIMINATOR, self.crv_length]);
        let [high, low] = self.crv.value().to_be_bytes();
        let flag = if self.from_destination { 0x80 } else { 0 };
        match self.crv_length {
            0 => {}
            1 => octets.push(flag | low),
            _ => octets.extend_from_slice(&[flag | high, low]),
        }
        octets.push(self.message_type.octet());
        for element in &self.elements {
            element.encode(&mut octets)?;
        }
        Ok(octets)
    }

    /// What the message is.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// Makes it another message with the same elements.
    pub const fn set_message_type(&mut self, message_type: MessageType) {
        self.message_type = message_type;
    }

    /// The call reference value.
    #[must_use]
    pub const fn crv(&self) -> Crv {
        self.crv
    }

    /// True when the called side of the call sent it (the call reference flag).
    #[must_use]
    pub const fn from_destination(&self) -> bool {
        self.from_destination
    }

    /// Sets the call reference value and its flag, in two octets.
    pub const fn set_crv(&mut self, crv: Crv, from_destination: bool) {
        self.crv = crv;
        self.from_destination = from_destination;
        self.crv_length = 2;
    }

    /// All elements, in order.
    #[must_use]
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The content of the first element of this code.
    #[must_use]
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.elements.iter().find(|element| element.code() == code).and_then(Element::content)
    }

    /// Gives the first element of this code new content, or inserts one where its code belongs in the ascending
    /// order of Q.931 §4.5.1. Further elements of the same code stay. Meant for codes below 0x80.
    pub fn set(&mut self, code: u8, content: impl Into<Vec<u8>>) {
        let element = Element::Variable { code, content: content.into() };
        if let Some(present) = self.elements.iter_mut().find(|element| element.code() == code) {
            *present = element;
            return;
        }
        let after =
            |other: &Element| matches!(other, Element::Variable { code: c, .. } if *c > code);
        let at = self.elements.iter().position(after).unwrap_or(self.elements.len());
        self.elements.insert(at, element);
    }

    /// Removes all elements of this code; true if there was one.
    pub fn remove(&mut self, code: u8) -> bool {
        let before = self.elements.len();
        self.elements.retain(|element| element.code() != code);
        self.elements.len() != before
    }

    /// The H.225.0 message in User-user (the octets after its protocol discriminator, 05).
    #[must_use]
    pub fn user_user(&self) -> Option<&[u8]> {
        self.get(code::USER_USER)?.strip_prefix(&[USER_USER_ASN1])
    }

    /// Sets the H.225.0 message in User-user.
    pub fn set_user_user(&mut self, uuie: &[u8]) {
        self.set(code::USER_USER, [&[USER_USER_ASN1], uuie].concat());
    }

    /// The cause value, `0..=127`.
    #[must_use]
    pub fn cause(&self) -> Option<u8> {
        cause_value(self.get(code::CAUSE)?)
    }

    /// Sets the cause value, coded as CCITT standard, location user.
    pub fn set_cause(&mut self, value: u8) {
        self.set(code::CAUSE, [0x80, 0x80 | value]);
    }

    /// The text meant for the other party's display.
    #[must_use]
    pub fn display(&self) -> Option<String> {
        let content = self.get(code::DISPLAY)?;
        let text = content.strip_suffix(&[0]).unwrap_or(content);
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// Sets the display text; what exceeds 82 octets is cut off.
    pub fn set_display(&mut self, text: &str) {
        let end = text.floor_char_boundary(MAX_DISPLAY);
        self.set(code::DISPLAY, text.get(..end).unwrap_or_default());
    }

    /// The number that is called.
    #[must_use]
    pub fn called_number(&self) -> Option<Number> {
        Number::read(self.get(code::CALLED_PARTY_NUMBER)?)
    }

    /// Sets the digits that are called; type and plan of a number already there stay.
    pub fn set_called_digits(&mut self, digits: &str) {
        let number =
            Number { digits: digits.to_owned(), ..self.called_number().unwrap_or_default() };
        self.set(code::CALLED_PARTY_NUMBER, number.octets());
    }

    /// The number that calls.
    #[must_use]
    pub fn calling_number(&self) -> Option<Number> {
        Number::read(self.get(code::CALLING_PARTY_NUMBER)?)
    }

    /// Sets the digits that call; type, plan, presentation and screening of a number already there stay.
    pub fn set_calling_digits(&mut self, digits: &str) {
        let number =
            Number { digits: digits.to_owned(), ..self.calling_number().unwrap_or_default() };
        self.set(code::CALLING_PARTY_NUMBER, number.octets());
    }

    /// The bearer that is asked for.
    #[must_use]
    pub fn bearer(&self) -> Option<Bearer> {
        Bearer::read(self.get(code::BEARER_CAPABILITY)?)
    }

    /// Sets the bearer that is asked for.
    pub fn set_bearer(&mut self, bearer: Bearer) {
        self.set(code::BEARER_CAPABILITY, bearer.octets());
    }
}

#[cfg(test)]
mod tests;
