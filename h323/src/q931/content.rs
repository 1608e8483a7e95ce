//! What some information elements hold: numbers and the bearer capability.

/// The longest number that fits its element beside octets 3 and 3a.
const MAX_DIGITS: usize = 253;

/// A calling, called, connected or redirecting number (Q.931 §4.5.8, §4.5.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Type of number, three bits: 0 unknown, 1 international, 2 national, 4 subscriber.
    pub kind: u8,
    /// Numbering plan, four bits: 0 unknown, 1 ISDN (E.164), 9 private.
    pub plan: u8,
    /// Octet 3a as it stands, if there is one: presentation and screening.
    pub presentation: Option<u8>,
    /// The digits, as IA5 characters.
    pub digits: String,
}

impl Default for Number {
    /// No digits, of unknown type, in the ISDN plan.
    fn default() -> Self {
        Self { kind: 0, plan: 1, presentation: None, digits: String::new() }
    }
}

impl Number {
    /// Reads the content of an element; `None` when it is empty or cut off.
    #[must_use]
    pub fn read(content: &[u8]) -> Option<Self> {
        let (&octet3, rest) = content.split_first()?;
        // The extension bit is clear when octet 3a follows.
        let (presentation, digits) = match (octet3 & 0x80, rest) {
            (0, [octet3a, digits @ ..]) => (Some(*octet3a), digits),
            (0, []) => return None,
            (_, digits) => (None, digits),
        };
        Some(Self {
            kind: octet3 >> 4 & 0x07,
            plan: octet3 & 0x0f,
            presentation,
            digits: String::from_utf8_lossy(digits).into_owned(),
        })
    }

    /// The content of an element. What exceeds 253 octets of digits is cut off.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let octet3 = (self.kind & 0x07) << 4 | (self.plan & 0x0f);
        let mut octets = match self.presentation {
            Some(octet3a) => vec![octet3, octet3a],
            None => vec![0x80 | octet3],
        };
        octets.extend(self.digits.bytes().take(MAX_DIGITS));
        octets
    }
}

/// Information transfer capability (Q.931 §4.5.5, octet 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransferCapability {
    /// Speech.
    Speech,
    /// Unrestricted digital information, which video calls ask for.
    UnrestrictedDigital,
    /// 3.1 kHz audio.
    Audio,
    /// Video.
    Video,
    /// Another, five bits.
    Other(u8),
}

/// Bearer capability: what kind of call is asked for and how much of it (H.225.0 §7.2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bearer {
    /// What it carries.
    pub capability: TransferCapability,
    /// Its rate in units of 64 kbit/s, `1..=127`.
    pub channels: u8,
    /// Layer 1 protocol, five bits: 2 G.711 µ-law, 3 G.711 A-law, 5 H.221 and H.242 (any H.323 call).
    pub layer1: u8,
}

/// Transfer rates that have a code of their own, in units of 64 kbit/s.
const RATES: [(u8, u8); 5] = [(0x10, 1), (0x11, 2), (0x13, 6), (0x15, 24), (0x17, 30)];
/// The transfer rate code after which a multiplier follows.
const MULTIRATE: u8 = 0x18;

impl Bearer {
    /// What an audio call asks for: speech, 64 kbit/s.
    pub const AUDIO: Self = Self { capability: TransferCapability::Speech, channels: 1, layer1: 5 };

    /// Reads the content of an element; `None` when it is cut off or says no known rate.
    #[must_use]
    pub fn read(content: &[u8]) -> Option<Self> {
        let (octet3, octet4, rest) = match content {
            [octet3, octet4, rest @ ..] => (octet3 & 0x1f, octet4 & 0x1f, rest),
            _ => return None,
        };
        let (channels, rest) = match rest {
            [multiplier, rest @ ..] if octet4 == MULTIRATE => (multiplier & 0x7f, rest),
            rest => (RATES.iter().find(|(code, _)| *code == octet4)?.1, rest),
        };
        let capability = match octet3 {
            0x00 => TransferCapability::Speech,
            0x08 => TransferCapability::UnrestrictedDigital,
            0x10 => TransferCapability::Audio,
            0x18 => TransferCapability::Video,
            other => TransferCapability::Other(other),
        };
        // Octet 5 says in two bits that it is layer 1.
        let layer1 = rest.iter().find(|octet| *octet & 0x60 == 0x20)? & 0x1f;
        Some(Self { capability, channels, layer1 })
    }

    /// The content of an element.
    #[must_use]
    pub fn octets(self) -> Vec<u8> {
        let capability = match self.capability {
            TransferCapability::Speech => 0x00,
            TransferCapability::UnrestrictedDigital => 0x08,
            TransferCapability::Audio => 0x10,
            TransferCapability::Video => 0x18,
            TransferCapability::Other(other) => other & 0x1f,
        };
        let mut octets = vec![0x80 | capability];
        match RATES.iter().find(|(_, channels)| *channels == self.channels) {
            Some((code, _)) => octets.push(0x80 | code),
            // The extension bit is clear: octet 4.1, the multiplier, follows.
            None => octets.extend_from_slice(&[MULTIRATE, 0x80 | self.channels]),
        }
        octets.push(0xa0 | (self.layer1 & 0x1f));
        octets
    }
}
