//! G.711: 8 kHz audio as octets, A-law and µ-law.

use serde::Serialize;

/// The two laws of G.711.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Law {
    /// A-law, RTP payload type 8 (RFC 3551 §6).
    #[serde(rename = "pcma")]
    A,
    /// µ-law, RTP payload type 0 (RFC 3551 §6).
    #[serde(rename = "pcmu")]
    Mu,
}

impl Law {
    /// The law with a static RTP payload type, if the type is one of the two.
    #[must_use]
    pub const fn of_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Self::Mu),
            8 => Some(Self::A),
            _ => None,
        }
    }

    /// The static RTP payload type (RFC 3551 table 4).
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::A => 8,
            Self::Mu => 0,
        }
    }

    /// The other of the two.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::Mu,
            Self::Mu => Self::A,
        }
    }

    /// The name in records: `pcma` or `pcmu`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "pcma",
            Self::Mu => "pcmu",
        }
    }

    /// The octet nearest to a 16-bit linear sample.
    #[must_use]
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Self::A => encode_a(sample),
            Self::Mu => encode_mu(sample),
        }
    }

    /// The 16-bit linear sample of an octet.
    #[must_use]
    pub const fn decode(self, octet: u8) -> i16 {
        match self {
            Self::A => decode_a(octet),
            Self::Mu => decode_mu(octet),
        }
    }
}

/// Half the smallest µ-law step times 2^2, which makes all segments begin at a power of two (G.711 table 2).
const MU_BIAS: i32 = 0x84;

/// The largest magnitude that µ-law holds.
const MU_CLIP: i32 = 32_635;

const fn encode_mu(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = (sample as i32).abs();
    let magnitude = if magnitude > MU_CLIP { MU_CLIP } else { magnitude } + MU_BIAS;
    // Between 0x84 and 0x7fff: the leading one is bit 7 to 14.
    let segment = 24 - magnitude.leading_zeros();
    let mantissa = (magnitude >> (segment + 3)) & 0x0f;
    !(sign | (segment as u8) << 4 | mantissa as u8)
}

const fn decode_mu(octet: u8) -> i16 {
    let octet = !octet;
    let segment = (octet >> 4) & 7;
    let magnitude = ((((octet & 0x0f) as i32) << 3) + MU_BIAS) << segment;
    let value = magnitude - MU_BIAS;
    if octet & 0x80 != 0 { -value as i16 } else { value as i16 }
}

/// Every second bit is inverted on the line (G.711 §3.1).
const A_MASK: u8 = 0x55;

const fn encode_a(sample: i16) -> u8 {
    let sign = if sample < 0 { 0 } else { 0x80 };
    // One's complement keeps the two halves symmetric and i16::MIN in range.
    let magnitude = (if sample < 0 { !sample } else { sample }) as i32 >> 3;
    let code = if magnitude < 32 {
        (magnitude >> 1) as u8
    } else {
        let segment = 27 - magnitude.leading_zeros();
        (segment as u8) << 4 | ((magnitude >> segment) & 0x0f) as u8
    };
    (sign | code) ^ A_MASK
}

const fn decode_a(octet: u8) -> i16 {
    let octet = octet ^ A_MASK;
    let segment = (octet >> 4) & 7;
    let mantissa = ((octet & 0x0f) as i32) << 4;
    let value = if segment == 0 { mantissa + 8 } else { (mantissa + 0x108) << (segment - 1) };
    if octet & 0x80 != 0 { value as i16 } else { -value as i16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference points of ITU-T G.711 tables 1 and 2 (16-bit scale).
    #[test]
    fn known_octets() {
        let a = [(8, 0xd5), (-8, 0x55), (24, 0xd4), (32256, 0xaa), (-32256, 0x2a), (1008, 0xfa)];
        for (sample, octet) in a {
            assert_eq!(Law::A.encode(sample), octet, "A {sample}");
            assert_eq!(Law::A.decode(octet), sample, "A {octet:02x}");
        }
        let mu = [
            (0, 0xff),
            (32124, 0x80),
            (-32124, 0x00),
            (8, 0xfe),
            (-8, 0x7e),
            (1884, 0xc0),
            (1980, 0xbf),
        ];
        for (sample, octet) in mu {
            assert_eq!(Law::Mu.encode(sample), octet, "µ {sample}");
            assert_eq!(Law::Mu.decode(octet), sample, "µ {octet:02x}");
        }
    }

    #[test]
    fn every_octet_survives() {
        for octet in 0..=255u8 {
            assert_eq!(Law::A.encode(Law::A.decode(octet)), octet);
            // Negative zero of µ-law becomes positive zero.
            let expected = if octet == 0x7f { 0xff } else { octet };
            assert_eq!(Law::Mu.encode(Law::Mu.decode(octet)), expected);
        }
    }

    #[test]
    fn every_sample_comes_back_near() {
        for sample in i16::MIN..=i16::MAX {
            for law in [Law::A, Law::Mu] {
                let error = i32::from(law.decode(law.encode(sample))) - i32::from(sample);
                let bound = 16 + i32::from(sample).abs() / 24;
                assert!(error.abs() <= bound.max(650), "{law:?} {sample}: {error}");
                if i32::from(sample).abs() < 30_000 {
                    assert!(error.abs() <= bound, "{law:?} {sample}: {error}");
                }
            }
        }
    }
}
