//! Keys and ciphers of H.235: the Diffie–Hellman agreement, the media session keys and the cipher on RTP payload of
//! H.235.6, and hashes that prove a password.
//!
//! Knows no ASN.1, no calls, no sockets, no clock. Tokens and messages come and go as octets; randomness is the
//! caller's generator.

pub mod algorithm;
pub mod batch;
pub mod cbc;
mod cipher;
pub mod dh;
mod lanes;
pub mod media;
pub mod password;
pub mod reject;
pub mod roll;
mod rounds;
pub mod session;
pub mod token;

pub use algorithm::Algorithm;
pub use media::{Packet, Plain, Transform};
pub use reject::Reject;

#[cfg(test)]
mod tests {
    /// The octets a test writes as hexadecimal digits; blanks between them are for the reader.
    pub(crate) fn hex(digits: &str) -> Vec<u8> {
        let digits: Vec<u8> = digits
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_digit(16).unwrap() as u8)
            .collect();
        assert!(digits.len().is_multiple_of(2));
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }
}
