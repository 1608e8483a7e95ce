//! The cipher of B's side of every flow, when a relay is measured that encrypts: it and the generator make the same keys.

use clap::ValueEnum;
use pinhole::security::MediaKey;
use pinhole_crypto::Algorithm;
use pinhole_crypto::cbc::Fill;
use pinhole_crypto::roll::{Opening, Sealing};
use pinhole_crypto::session::SessionKey;

/// What packets in clear have.
pub(super) const CLEAR: u8 = 8;

/// The ciphers of half-call media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Cipher {
    /// AES-128-CBC
    Aes128,
    /// AES-256-CBC
    Aes256,
}

impl Cipher {
    /// As the command line has it.
    pub(super) fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The keys of a flow: for what B is sent, and for what B sends.
    pub(super) fn keys(self, flow: u32) -> Option<[MediaKey; 2]> {
        let algorithm = match self {
            Self::Aes128 => Algorithm::Aes128,
            Self::Aes256 => Algorithm::Aes256,
        };
        let key = |payload_type: u8| {
            let [a, b, c, d] = flow.to_be_bytes();
            let octets: Vec<u8> = (0..)
                .flat_map(|n| [n, payload_type, a, b, c, d])
                .take(algorithm.key_length())
                .collect();
            let key = SessionKey::from_octets(algorithm, &octets).ok()?;
            Some(MediaKey { payload_type, key })
        };
        Some([key(96)?, key(97)?])
    }

    /// B's end of a flow: what it encrypts with, and what it decrypts with.
    pub(super) fn far_end(self, flow: u32) -> Option<(Sealing, Opening)> {
        let [to_b, from_b] = self.keys(flow)?;
        let sealing = Sealing::new(from_b.payload_type, &from_b.key, Fill::Count);
        Some((sealing, Opening::new(to_b.payload_type, &to_b.key)))
    }
}
