//! Information elements: a code, a length, content (Q.931 §4.5).

use crate::error::Malformed;

/// Codes of information elements.
#[expect(missing_docs, reason = "the names are those of Q.931 table 4-3")]
pub mod code {
    pub const BEARER_CAPABILITY: u8 = 0x04;
    pub const CAUSE: u8 = 0x08;
    pub const CALL_STATE: u8 = 0x14;
    pub const FACILITY: u8 = 0x1c;
    pub const PROGRESS_INDICATOR: u8 = 0x1e;
    pub const NOTIFICATION_INDICATOR: u8 = 0x27;
    pub const DISPLAY: u8 = 0x28;
    pub const KEYPAD: u8 = 0x2c;
    pub const SIGNAL: u8 = 0x34;
    pub const CONNECTED_NUMBER: u8 = 0x4c;
    pub const CALLING_PARTY_NUMBER: u8 = 0x6c;
    pub const CALLING_PARTY_SUBADDRESS: u8 = 0x6d;
    pub const CALLED_PARTY_NUMBER: u8 = 0x70;
    pub const CALLED_PARTY_SUBADDRESS: u8 = 0x71;
    pub const REDIRECTING_NUMBER: u8 = 0x74;
    pub const USER_USER: u8 = 0x7e;
}

/// One information element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// An element that is one octet, 0x80 and above: shifts, sending complete, repeat indicator.
    Single(u8),
    /// An element with content.
    Variable {
        /// Its code, below 0x80.
        code: u8,
        /// What it holds; of User-user, the protocol discriminator and the rest.
        content: Vec<u8>,
    },
}

impl Element {
    /// The code; of an element of one octet, the octet.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Single(octet) => *octet,
            Self::Variable { code, .. } => *code,
        }
    }

    /// What it holds; nothing for an element of one octet.
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        match self {
            Self::Single(_) => None,
            Self::Variable { content, .. } => Some(content),
        }
    }

    pub(super) fn encoded_length(&self) -> usize {
        self.content().map_or(1, |content| 3 + content.len())
    }

    pub(super) fn encode(&self, octets: &mut Vec<u8>) -> Result<(), Malformed> {
        octets.push(self.code());
        let Some(content) = self.content() else { return Ok(()) };
        // H.225.0 §7.2.2.31 gives User-user, and nothing else, a length of two octets.
        if self.code() == code::USER_USER {
            let length = u16::try_from(content.len()).map_err(|_| Malformed::ElementTooLong)?;
            octets.extend_from_slice(&length.to_be_bytes());
        } else {
            octets.push(u8::try_from(content.len()).map_err(|_| Malformed::ElementTooLong)?);
        }
        octets.extend_from_slice(content);
        Ok(())
    }
}

/// Reads elements until the octets end.
pub(super) fn decode(mut octets: &[u8]) -> Result<Vec<Element>, Malformed> {
    let mut elements = Vec::new();
    loop {
        let (code, length, rest) = match octets {
            [] => return Ok(elements),
            [single @ 0x80..=0xff, rest @ ..] => {
                elements.push(Element::Single(*single));
                octets = rest;
                continue;
            }
            [code::USER_USER, high, low, rest @ ..] => {
                (code::USER_USER, usize::from(u16::from_be_bytes([*high, *low])), rest)
            }
            [code, length, rest @ ..] if *code != code::USER_USER => {
                (*code, usize::from(*length), rest)
            }
            _ => return Err(Malformed::Truncated),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        elements.push(Element::Variable { code, content: content.to_vec() });
        octets = rest;
    }
}
