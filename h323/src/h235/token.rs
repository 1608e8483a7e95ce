//! The tokens of the Diffie-Hellman agreement (H.235.6 §8.5): one for each group, and one that only marks.

use crate::asn::h225::H323UUPDUH323MessageBody as Body;
use crate::asn::h235::{ClearToken, DHset, DHsetExt};
use crate::asn::{BitString, ObjectIdentifier};
use crate::kept::each;
use crate::signal::Signal;

/// The most octets of a number that `dhkey` has room for; longer ones go into `dhkeyext`.
const DHKEY: usize = 2048 / 8;

/// Bodies that carry tokens.
macro_rules! with_tokens {
    ($body:expr, $inner:ident => $part:expr) => {
        each!($body, Body [
            setup callProceeding connect alerting information releaseComplete facility progress notify
        ], $inner => $part)
    };
}

/// A token with a half key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfKey {
    /// Which group.
    pub group: ObjectIdentifier,
    /// The public value, big-endian.
    pub value: Vec<u8>,
    /// The prime; empty when it is not told.
    pub prime: Vec<u8>,
    /// The generator; empty when it is not told.
    pub generator: Vec<u8>,
}

impl HalfKey {
    /// The half key of a token, if it has one in whole octets.
    #[must_use]
    pub fn read(token: &ClearToken) -> Option<Self> {
        let group = token.token_oid.clone();
        if let Some(set) = &token.dhkey {
            let (value, prime) = (octets(&set.halfkey)?, octets(&set.mod_size)?);
            return Some(Self { group, value, prime, generator: octets(&set.generator)? });
        }
        let set = token.dhkeyext.as_ref()?;
        let told = |bits: &Option<BitString>| bits.as_ref().map_or(Some(Vec::new()), octets);
        let (value, prime) = (octets(&set.halfkey)?, told(&set.mod_size)?);
        Some(Self { group, value, prime, generator: told(&set.generator)? })
    }

    /// The token. Prime and generator of more than 2048 bits are left out, as all do.
    #[must_use]
    pub fn to_token(&self) -> ClearToken {
        let bits = |octets: &[u8]| BitString::from_slice(octets);
        let mut token = bare(self.group.clone());
        if self.value.len() > DHKEY {
            let set = DHsetExt { halfkey: bits(&self.value), ..DHsetExt::default() };
            token.dhkeyext = Some(set);
        } else {
            token.dhkey = Some(DHset {
                halfkey: bits(&self.value),
                mod_size: bits(&self.prime),
                generator: bits(&self.generator),
                ..DHset::default()
            });
        }
        token
    }
}

/// A token that says nothing but its identifier.
#[must_use]
pub fn bare(identifier: ObjectIdentifier) -> ClearToken {
    ClearToken { token_oid: identifier, ..ClearToken::default() }
}

fn octets(bits: &BitString) -> Option<Vec<u8>> {
    bits.len().is_multiple_of(8).then(|| bits.chunks(8).map(octet).collect())
}

fn octet(bits: &<BitString as std::ops::Deref>::Target) -> u8 {
    bits.iter().fold(0, |octet, bit| octet << 1 | u8::from(*bit))
}

impl Signal {
    /// The clear tokens.
    #[must_use]
    pub fn clear_tokens(&self) -> &[ClearToken] {
        let tokens =
            self.body().and_then(|body| with_tokens!(body, body => body.tokens.as_deref()));
        tokens.flatten().unwrap_or_default()
    }

    /// Replaces the clear tokens. Nothing happens to a message that cannot carry any.
    pub fn set_clear_tokens(&mut self, tokens: Vec<ClearToken>) {
        if self.clear_tokens() == tokens {
            return;
        }
        self.edit(|pdu| {
            let place = with_tokens!(&mut pdu.h323_message_body, body => &mut body.tokens);
            if let Some(place) = place {
                *place = (!tokens.is_empty()).then_some(tokens);
            }
        });
    }

    /// Removes the crypto tokens: their hashes are wrong once anything in the message is changed.
    pub fn remove_crypto_tokens(&mut self) {
        let there = self.body().and_then(|body| with_tokens!(body, body => &body.crypto_tokens));
        if there.is_none_or(Option::is_none) {
            return;
        }
        self.edit(|pdu| {
            let place = with_tokens!(&mut pdu.h323_message_body, body => &mut body.crypto_tokens);
            if let Some(place) = place {
                *place = None;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::{decode_clear_token, encode_clear_token};

    const DH1024: [u32; 7] = [0, 0, 8, 235, 0, 3, 43];
    const DH2048: [u32; 7] = [0, 0, 8, 235, 0, 3, 45];
    const DH4096: [u32; 7] = [0, 0, 8, 235, 0, 3, 47];

    fn half_key(group: [u32; 7], length: usize, told: bool) -> HalfKey {
        HalfKey {
            group: group.into(),
            value: vec![0xab; length],
            prime: vec![0xcd; if told { length } else { 0 }],
            generator: vec![0x02; if told { length } else { 0 }],
        }
    }

    #[test]
    fn tokens_are_these_octets() {
        let marker = encode_clear_token(&bare([0, 0, 8, 235, 0, 3, 24].into())).unwrap();
        assert_eq!(marker, [0, 0, 7, 0, 8, 0x81, 0x6b, 0, 3, 0x18]);
        let cases = [
            (
                half_key(DH1024, 128, true),
                401,
                &[0x10, 0, 7, 0, 8, 0x81, 0x6b, 0, 3, 0x2b, 0, 4][..],
            ),
            (half_key(DH2048, 256, false), 273, &[0x10, 0, 7, 0, 8, 0x81, 0x6b, 0, 3, 0x2d, 0, 8]),
            (
                half_key(DH4096, 512, false),
                529,
                &[0x80, 0, 7, 0, 8, 0x81, 0x6b, 0, 3, 0x2f, 8, 0x10, 0x82, 3, 0, 0x90, 0],
            ),
        ];
        for (half_key, length, beginning) in cases {
            let octets = encode_clear_token(&half_key.to_token()).unwrap();
            assert_eq!(octets.len(), length);
            assert_eq!(&octets[..beginning.len()], beginning);
            assert_eq!(HalfKey::read(&decode_clear_token(&octets).unwrap()), Some(half_key));
        }
    }

    #[test]
    fn a_half_key_of_odd_bits_is_none() {
        let mut token = half_key(DH1024, 128, true).to_token();
        token.dhkey.as_mut().unwrap().halfkey.push(true);
        assert_eq!(HalfKey::read(&token), None);
        assert_eq!(HalfKey::read(&bare(DH1024.into())), None);
    }
}
