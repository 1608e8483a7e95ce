//! Proves the operator's password to the gatekeeper (H.235.0 cryptoEPPwdHash with MD5): the hash of a ClearToken that
//! holds the password, our name and the time.

use std::time::Duration;

use pinhole_crypto::password;
use pinhole_h323::asn::h225::{AliasAddress, CryptoH323Token, CryptoH323TokenCryptoEPPwdHash};
use pinhole_h323::asn::h235::{
    AuthenticationMechanism, ClearToken, H235Password, Hashed, Identifier, Params, TimeStamp,
};
use pinhole_h323::asn::{BitString, BmpString, ObjectIdentifier, encode_clear_token};

use super::desk::Desk;
use super::options::Password;

/// MD5 (RFC 1321).
const MD5: [u32; 6] = [1, 2, 840, 113_549, 2, 5];

/// How we can prove who we are, as a GRQ says it; nothing without a password.
pub(super) fn offer(
    desk: &Desk,
) -> (Option<Vec<AuthenticationMechanism>>, Option<Vec<ObjectIdentifier>>) {
    let offer =
        desk.options.password.as_ref().map(|_| {
            (vec![AuthenticationMechanism::pwdHash(())], vec![ObjectIdentifier::from(MD5)])
        });
    offer.unzip()
}

/// The token that goes with every request; nothing without a password.
pub(super) fn tokens(desk: &Desk) -> Option<Vec<CryptoH323Token>> {
    let Password { word, since_1970 } = desk.options.password.as_ref()?;
    let name = desk.options.name();
    let alias = super::say_ras::aliases(desk).into_iter().next()?;
    let time = stamp(*since_1970 + desk.age());
    token(alias, name, word, time).map(|token| vec![token])
}

/// Seconds since 1970 as tokens have them: never zero.
fn stamp(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1)
}

fn token(alias: AliasAddress, name: &str, word: &str, time: u32) -> Option<CryptoH323Token> {
    let time_stamp = TimeStamp(time);
    let secret = ClearToken {
        token_oid: ObjectIdentifier::from([0, 0]),
        time_stamp: Some(time_stamp.clone()),
        password: Some(H235Password(ended(word))),
        general_id: Some(Identifier(ended(name))),
        ..ClearToken::default()
    };
    let hash = password::hash(&encode_clear_token(&secret).ok()?);
    Some(CryptoH323Token::cryptoEPPwdHash(Box::new(CryptoH323TokenCryptoEPPwdHash {
        alias,
        time_stamp,
        token: Hashed {
            algorithm_oid: ObjectIdentifier::from(MD5),
            param_s: Params::default(),
            hash: BitString::from_slice(&hash),
        },
    })))
}

/// Text as it goes into the hashed token: ended by a zero, as all peers do it.
fn ended(text: &str) -> BmpString {
    BmpString::from(text.encode_utf16().chain([0]).collect::<Vec<u16>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_token() {
        // The hash of user `alice`, password `secret` at 1700000000, as two other stacks make it.
        let known = [
            0x17, 0xe8, 0x09, 0x2b, 0x96, 0x9d, 0xa1, 0xbc, 0x39, 0x64, 0xc7, 0x90, 0x60, 0x3e,
            0x7e, 0x87,
        ];
        let hash = |name, word, time| match token(AliasAddress::default(), name, word, time) {
            Some(CryptoH323Token::cryptoEPPwdHash(token)) => token.token.hash,
            other => panic!("{other:?}"),
        };
        assert_eq!(hash("alice", "secret", 1_700_000_000), BitString::from_slice(&known));
        assert_ne!(hash("alice", "Secret", 1_700_000_000), BitString::from_slice(&known));
        assert_ne!(hash("alice", "secret", 1_700_000_001), BitString::from_slice(&known));
        assert_eq!(token(AliasAddress::default(), "alice", &"x".repeat(200), 1), None, "too long");
        assert_eq!(stamp(Duration::ZERO), 1);
    }
}
