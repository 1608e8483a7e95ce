//! Proof of a password between gatekeepers (H.235.0 cryptoGKPwdHash with MD5): the hash of a ClearToken that holds the
//! password, the sender's name and the time. It says nothing of the message that carries it; what keeps a captured one
//! from being of use is in `pinhole_traversal::watch`.

use std::net::SocketAddr;

use pinhole_crypto::password;
use pinhole_h323::asn::h225::{
    CryptoH323Token, CryptoH323TokenCryptoGKPwdHash, GatekeeperIdentifier,
};
use pinhole_h323::asn::h235::{ClearToken, H235Password, Hashed, Identifier, Params, TimeStamp};
use pinhole_h323::asn::{BitString, BmpString, ObjectIdentifier, encode_clear_token};

/// MD5 (RFC 1321).
const MD5: [u32; 6] = [1, 2, 840, 113_549, 2, 5];
/// A time stamp alone (H.235.4).
const TIME: [u32; 7] = [0, 0, 8, 235, 0, 4, 79];

/// Why a proof is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// There is none.
    Missing,
    /// It is of a name that no neighbour has.
    UnknownName(String),
    /// Its hash is another one.
    WrongPassword,
    /// The sender's clock is so many seconds ahead of ours, or behind it.
    Clock(i64),
    /// The sender's clock differs by so many seconds, so that it may have been kept: it is believed after so many.
    Unsure(i64, u32),
    /// It, or a later one, has been used already.
    Replayed,
    /// It came from there, too.
    Copied(SocketAddr),
    /// It is not bound to the address that it came from, as those of the client were.
    Bare,
    /// We have no clock to judge it by.
    NoClock,
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("it did not prove its password"),
            Self::UnknownName(name) => {
                write!(f, "no neighbour has the name {:?} (AuthUser) that it gave", shorten(name))
            }
            Self::WrongPassword => f.write_str("its password is wrong"),
            Self::Clock(skew) if *skew > 0 => write!(f, "its clock is {skew} s ahead of ours"),
            Self::Clock(skew) => write!(f, "its clock is {} s behind ours", skew.unsigned_abs()),
            Self::Unsure(skew, wait) => {
                let how = if *skew > 0 { "ahead of" } else { "behind" };
                let by = skew.unsigned_abs();
                write!(
                    f,
                    "its clock is {by} s {how} ours, so its proof could be an old one; it is believed when it has gone \
                     on for {wait} s"
                )
            }
            Self::Replayed => f.write_str("its proof of the password has been used before"),
            Self::Copied(other) => write!(
                f,
                "the same proof of the password came from {other}, too: somebody copies it, or two gatekeepers \
                 have the same name"
            ),
            Self::Bare => f.write_str(
                "its proof is not bound to its address, as those of the Pinhole were that it was: another program is \
                 believed an hour after that was heard last, or when this server has been restarted",
            ),
            Self::NoClock => f.write_str("we do not know the time, and cannot judge its proof"),
        }
    }
}

/// A name of a peer, as much of it as is told.
fn shorten(name: &str) -> String {
    name.chars().take(40).collect()
}

/// A proof that came with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The name of whoever has the password.
    pub(crate) name: String,
    /// When it was made, in seconds since 1970.
    pub(crate) time: u32,
    hash: Vec<u8>,
}

/// Text as it goes into a token: ended by a zero.
fn ended(text: &str) -> BmpString {
    BmpString::from(text.encode_utf16().chain([0]).collect::<Vec<u16>>())
}

fn hash(name: &str, secret: &str, time: u32) -> Option<[u8; 16]> {
    let token = ClearToken {
        token_oid: ObjectIdentifier::new(&[0, 0]),
        time_stamp: Some(TimeStamp(time)),
        password: Some(H235Password(ended(secret))),
        general_id: Some(Identifier(ended(name))),
        ..Default::default()
    };
    encode_clear_token(&token).ok().map(|octets| password::hash(&octets))
}

/// The token that proves a password; nothing when name, password or time do not fit into one.
pub(crate) fn prove(name: &str, secret: &str, time: u32) -> Option<CryptoH323Token> {
    let hash = hash(name, secret, time.max(1))?;
    Some(CryptoH323Token::cryptoGKPwdHash(Box::new(CryptoH323TokenCryptoGKPwdHash {
        gatekeeper_id: GatekeeperIdentifier(name.into()),
        time_stamp: TimeStamp(time.max(1)),
        token: Hashed {
            algorithm_oid: ObjectIdentifier::new(&MD5),
            param_s: Params::default(),
            hash: BitString::from_slice(&hash),
        },
    })))
}

/// The proof among the tokens of a message.
pub(crate) fn find(tokens: Option<&Vec<CryptoH323Token>>) -> Option<Proof> {
    tokens.into_iter().flatten().find_map(|token| match token {
        CryptoH323Token::cryptoGKPwdHash(hashed) if hashed.token.algorithm_oid == MD5 => {
            Some(Proof {
                name: hashed.gatekeeper_id.0.to_string(),
                time: hashed.time_stamp.0,
                hash: hashed.token.hash.as_raw_slice().to_vec(),
            })
        }
        _ => None,
    })
}

impl Proof {
    /// Whether it is made with this password, and its time stamp within `grace_s` of `time`.
    pub(crate) fn check(&self, secret: &str, time: Option<u32>, grace_s: u32) -> Result<(), Doubt> {
        let expected = hash(&self.name, secret, self.time).ok_or(Doubt::WrongPassword)?;
        if !password::equal(&expected, &self.hash) {
            return Err(Doubt::WrongPassword);
        }
        let skew = i64::from(self.time) - i64::from(time.ok_or(Doubt::NoClock)?);
        if skew.unsigned_abs() > grace_s.into() {
            return Err(Doubt::Clock(skew));
        }
        Ok(())
    }
}

/// Our time, for a peer that is refused: it can tell its own clock from a wrong password then.
pub(crate) fn our_time(time: u32) -> ClearToken {
    ClearToken {
        token_oid: ObjectIdentifier::new(&TIME),
        time_stamp: Some(TimeStamp(time.max(1))),
        ..Default::default()
    }
}

/// The time that a peer told with its refusal.
pub(crate) fn their_time(tokens: Option<&Vec<ClearToken>>) -> Option<u32> {
    let all = tokens.into_iter().flatten();
    all.filter(|token| token.token_oid == TIME).find_map(|token| Some(token.time_stamp.as_ref()?.0))
}

#[cfg(test)]
mod tests {
    use pinhole_h323::asn::h225::RasMessage;
    use pinhole_h323::ras::Ras;

    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    fn proof(hex: &str) -> Proof {
        match Ras::decode(&octets(hex)).unwrap().message() {
            RasMessage::serviceControlIndication(sci) => find(sci.crypto_tokens.as_ref()),
            RasMessage::locationRequest(lrq) => find(lrq.crypto_tokens.as_ref()),
            other => panic!("{other:?}"),
        }
        .unwrap()
    }

    /// Sent by GnuGk 5.15: user `clientuser`, password `clientpw`.
    const SCI: &str = "854505000000010000000111200063006c00690065006e00740075007300650072c06b00d58f082a864886f70d02\
                       05008080de224c571027c750bb3412dd6bec7bec1001000012";
    const LRQ: &str = "4a800001014002006500700042408a01000208536572766572474b000a4d000206b71fd0960b014003006500700041\
                       00320180110e0043006c00690065006e00740047004b380111200063006c00690065006e0074007500730065007\
                       2c06b00d593082a864886f70d0205008080f5029fb060677e3dc361f82482d698f20d01080a2b06010401818542\
                       000911001882b08ca6e3f1118a29b65383e2b5400b01400300650070004100320100";

    #[test]
    fn captured_proofs_are_believed_and_made_alike() {
        for (hex, time) in [(SCI, 0x6b00_d590), (LRQ, 0x6b00_d594)] {
            let proof = proof(&hex.replace(' ', ""));
            assert_eq!((proof.name.as_str(), proof.time), ("clientuser", time));
            assert_eq!(proof.check("clientpw", Some(time + 299), 300), Ok(()));
            assert_eq!(proof.check("clientpW", Some(time), 300), Err(Doubt::WrongPassword));
            assert_eq!(proof.check("clientpw", Some(time - 3600), 300), Err(Doubt::Clock(3600)));
            assert_eq!(proof.check("clientpw", Some(time + 301), 300), Err(Doubt::Clock(-301)));
            assert_eq!(proof.check("clientpw", None, 300), Err(Doubt::NoClock));
            let ours = prove("clientuser", "clientpw", time).unwrap();
            assert_eq!(find(Some(&vec![ours])), Some(proof));
        }
    }

    #[test]
    fn a_keepalive_with_a_proof_has_the_octets_of_the_capture() {
        let mut ras = pinhole_h323::h46018::keep_alive(pinhole_h323::id::Seq::new(1));
        let tokens = Some(vec![prove("clientuser", "clientpw", 0x6b00_d590).unwrap()]);
        ras.edit(|message| match message {
            RasMessage::serviceControlIndication(sci) => sci.crypto_tokens = tokens,
            _ => panic!(),
        });
        assert_eq!(ras.encode().unwrap(), octets(SCI));
    }

    #[test]
    fn every_doubt_has_its_own_words() {
        assert_eq!(Doubt::Clock(3600).to_string(), "its clock is 3600 s ahead of ours");
        assert_eq!(Doubt::Clock(-5).to_string(), "its clock is 5 s behind ours");
        let long = Doubt::UnknownName("x".repeat(200)).to_string();
        assert!(long.len() < 120, "{long}");
        assert_eq!(their_time(Some(&vec![our_time(77)])), Some(77));
    }
}
