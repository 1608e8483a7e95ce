//! What two Pinholes tell each other in the keepalives of a zone beyond H.460.18: in a feature and in generic data under an
//! identifier of our own, which others skip. A client marks its keepalives; a server answers in kind only to them.

use std::net::SocketAddr;

use pinhole_crypto::token::{HASH, TokenKey};
use pinhole_h323::asn::h225::{
    Content, FeatureDescriptor, GenericData, GenericIdentifier, GloballyUniqueID,
    ServiceControlIndication, ServiceControlResponse,
};
use pinhole_h323::generic::{self, Parameters as _};

use super::state::Reason;

/// Our identifier.
pub(super) const OURS: [u8; 16] = [
    0x6d, 0x1f, 0xa3, 0x52, 0x0e, 0x94, 0x4b, 0x7c, 0x9a, 0x2d, 0x50, 0x69, 0x6e, 0x68, 0x6f, 0x6c,
];

/// Of a client: seconds that its firewall keeps a mapping, as far as it knows.
const LIFE: u16 = 1;
/// The hash over that and the address that it was told it has.
const SEAL: u16 = 2;
/// A trial of a mapping: after how many seconds it is to be answered, when it was asked for, and a hash over both.
const DELAY: u16 = 3;
const TIME: u16 = 4;
const ORDER: u16 = 5;
/// Of a server: why it refuses.
const REASON: u16 = 1;
/// The address that the client has.
const APPARENT: u16 = 2;
/// It is the late answer of a trial, and a hash that shows whose it is.
const LATE: u16 = 3;
/// The hash over that address, for the keepalive that is answered.
const SEEN: u16 = 4;

/// What a client says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Client {
    /// Seconds that its firewall keeps a mapping.
    pub(super) life_s: Option<u32>,
    /// The seal of its address.
    pub(super) seal: Option<[u8; HASH]>,
    /// It is no keepalive, but a trial of a mapping.
    pub(super) trial: Option<Trial>,
}

/// A trial of a mapping: answer at once, and again after some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trial {
    /// After how many seconds.
    pub(super) delay_s: u32,
    /// When it was asked for, in seconds since 1970.
    pub(super) time: u32,
    /// The proof that who asks has the password.
    pub(super) order: [u8; HASH],
}

/// What a server says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Server {
    /// Why it refuses.
    pub(super) reason: Option<u32>,
    /// The address that the client has.
    pub(super) apparent: Option<SocketAddr>,
    /// The seal of that.
    pub(super) seen: Option<[u8; HASH]>,
    /// It is the late answer of a trial, as its seal shows.
    pub(super) late: Option<[u8; HASH]>,
}

/// The hash with which whoever has a password seals what it says.
pub(super) fn seal(secret: &str, what: &str) -> [u8; HASH] {
    let message = [what.as_bytes(), &[0; HASH]].concat();
    TokenKey::new(secret.as_bytes()).hash(&message, what.len()).unwrap_or_default()
}

/// The seal of an address, and of how long a firewall keeps a mapping, for a keepalive whose proof has this time:
/// nobody else can use it from elsewhere, or say another lifetime with it.
pub(super) fn seal_address(
    secret: &str,
    time: u32,
    address: SocketAddr,
    life_s: Option<u32>,
) -> [u8; HASH] {
    let life_s = life_s.unwrap_or(0);
    seal(secret, &format!("pinhole zone address {time} {address} {life_s}"))
}

/// The proof that belongs to a trial.
pub(super) fn seal_trial(secret: &str, seq: u16, delay_s: u32, time: u32) -> [u8; HASH] {
    seal(secret, &format!("pinhole zone trial {seq} {delay_s} {time}"))
}

/// The proof that belongs to the late answer of a trial: nobody else has it before it is due.
pub(super) fn seal_late(secret: &str, seq: u16, time: u32) -> [u8; HASH] {
    seal(secret, &format!("pinhole zone late {seq} {time}"))
}

/// The seal of the address that a server tells, in the answer to a keepalive whose proof has this time: nobody else can
/// tell another one.
pub(super) fn seal_seen(secret: &str, seq: u16, time: u32, address: SocketAddr) -> [u8; HASH] {
    seal(secret, &format!("pinhole zone seen {seq} {time} {address}"))
}

/// Whether two hashes are the same.
pub(super) fn equal(one: &[u8; HASH], other: &[u8; HASH]) -> bool {
    pinhole_crypto::password::equal(one, other)
}

/// Octets as text.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

pub(super) fn identifier() -> GenericIdentifier {
    GenericIdentifier::nonStandard(GloballyUniqueID(OURS.into()))
}

pub(super) fn ours() -> GenericData {
    GenericData { id: identifier(), parameters: None, unknown_ext: None }
}

fn octets(hash: [u8; HASH]) -> Option<Content> {
    Some(Content::raw(hash.to_vec().into()))
}

fn hash(data: &GenericData, number: u16) -> Option<[u8; HASH]> {
    data.raw(number)?.try_into().ok()
}

impl Client {
    /// Puts it into a keepalive.
    pub(super) fn write(self, sci: &mut ServiceControlIndication) {
        let mut data = ours();
        if let Some(life) = self.life_s {
            data.set(LIFE, Some(Content::number32(life)));
        }
        if let Some(seal) = self.seal {
            data.set(SEAL, octets(seal));
        }
        if let Some(trial) = self.trial {
            data.set(DELAY, Some(Content::number32(trial.delay_s)));
            data.set(TIME, Some(Content::number32(trial.time)));
            data.set(ORDER, octets(trial.order));
        }
        let features = sci.feature_set.get_or_insert_default();
        features.supported_features.get_or_insert_default().push(FeatureDescriptor(data));
    }

    /// Reads it; nothing of a client that is no Pinhole.
    pub(super) fn read(sci: &ServiceControlIndication) -> Option<Self> {
        let all = sci.feature_set.as_ref()?.supported_features.as_ref()?;
        let data = all.iter().map(|feature| &feature.0).find(|data| data.id == identifier())?;
        let trial = || {
            Some(Trial {
                delay_s: data.number(DELAY)?,
                time: data.number(TIME)?,
                order: hash(data, ORDER)?,
            })
        };
        Some(Self { life_s: data.number(LIFE), seal: hash(data, SEAL), trial: trial() })
    }
}

impl Server {
    /// Puts it into an answer.
    pub(super) fn write(self, scr: &mut ServiceControlResponse) {
        let mut data = ours();
        if let Some(reason) = self.reason {
            data.set(REASON, Some(Content::number32(reason)));
        }
        if let Some(apparent) = self.apparent {
            data.set(APPARENT, Some(generic::transport(apparent)));
        }
        if let Some(seen) = self.seen {
            data.set(SEEN, octets(seen));
        }
        if let Some(late) = self.late {
            data.set(LATE, octets(late));
        }
        scr.generic_data.get_or_insert_default().push(data);
    }

    /// Reads it; nothing of a server that is no Pinhole.
    pub(super) fn read(scr: &ServiceControlResponse) -> Option<Self> {
        let data = scr.generic_data.iter().flatten().find(|data| data.id == identifier())?;
        Some(Self {
            reason: data.number(REASON),
            apparent: data.transport(APPARENT),
            seen: hash(data, SEEN),
            late: hash(data, LATE),
        })
    }
}

/// The number by which a server tells why it refuses.
pub(super) const fn number(reason: Reason) -> Option<u32> {
    Some(match reason {
        Reason::UnknownName => 1,
        Reason::WrongPassword => 2,
        Reason::ClockSkew(_) => 3,
        Reason::NoProof => 4,
        Reason::ProofUsed => 5,
        Reason::ProofCopied => 6,
        Reason::NoClock => 7,
        Reason::ProofBare => 8,
        _ => return None,
    })
}

/// What such a number means; the clocks are compared by whoever reads it.
pub(super) const fn reason(number: u32, skew: i64) -> Option<Reason> {
    Some(match number {
        1 => Reason::UnknownName,
        2 => Reason::WrongPassword,
        3 => Reason::ClockSkew(skew),
        4 => Reason::NoProof,
        5 => Reason::ProofUsed,
        6 => Reason::ProofCopied,
        7 => Reason::NoClock,
        8 => Reason::ProofBare,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use pinhole_h323::asn::h225::RasMessage;
    use pinhole_h323::h46018;
    use pinhole_h323::id::Seq;
    use pinhole_h323::ras::Ras;

    use super::*;

    #[test]
    fn what_is_said_is_read_after_its_journey() {
        let trial = Trial { delay_s: 40, time: 7, order: seal_trial("pw", 3, 40, 7) };
        let seal = seal_address("pw", 9, "203.0.113.1:1719".parse().unwrap(), Some(58));
        let said = Client { life_s: Some(58), seal: Some(seal), trial: Some(trial) };
        let mut message = h46018::keep_alive(Seq::new(3)).into_message();
        let RasMessage::serviceControlIndication(sci) = &mut message else { panic!() };
        assert_eq!(Client::read(sci), None);
        said.write(sci);
        let bytes = Ras::new(message).encode().unwrap();
        let ras = Ras::decode(&bytes).unwrap();
        assert!(h46018::is_keep_alive(&ras), "others see a keepalive");
        let RasMessage::serviceControlIndication(sci) = ras.message() else { panic!() };
        assert_eq!(Client::read(sci), Some(said));

        let apparent = Some("203.0.113.1:1719".parse().unwrap());
        let late = Some(seal_late("pw", 3, 7));
        let seen = apparent.map(|at| seal_seen("pw", 3, 7, at));
        let said = Server { reason: Some(2), apparent, seen, late };
        let mut message = h46018::keep_alive_started(Seq::new(3), 19).unwrap().into_message();
        let RasMessage::serviceControlResponse(scr) = &mut message else { panic!() };
        said.write(scr);
        let bytes = Ras::new(message).encode().unwrap();
        let ras = Ras::decode(&bytes).unwrap();
        let started = h46018::KeepAliveAnswer::Started(Some(19));
        assert_eq!(h46018::keep_alive_answer(&ras), Some(started), "others see an answer");
        let RasMessage::serviceControlResponse(scr) = ras.message() else { panic!() };
        assert_eq!(Server::read(scr), Some(said));
    }

    #[test]
    fn seals_are_of_one_password_and_one_thing() {
        let [here, there] = ["203.0.113.1:1719", "203.0.113.1:1720"].map(|at| at.parse().unwrap());
        let seals = [
            seal_address("pw", 1, here, None),
            seal_address("pw", 1, there, None),
            seal_address("pw", 2, here, None),
            seal_address("qw", 1, here, None),
            seal_address("pw", 1, here, Some(40)),
            seal_trial("pw", 1, 2, 3),
            seal_late("pw", 1, 3),
            seal_late("pw", 1, 4),
            seal_seen("pw", 1, 4, here),
            seal_seen("pw", 2, 4, here),
            seal_seen("pw", 1, 5, here),
            seal_seen("pw", 1, 4, there),
        ];
        for (n, one) in seals.iter().enumerate() {
            for (m, other) in seals.iter().enumerate() {
                assert_eq!(equal(one, other), n == m);
            }
        }
    }

    #[test]
    fn reasons_have_numbers() {
        for told in 1..=8 {
            assert_eq!(number(reason(told, 0).unwrap()), Some(told));
        }
        assert_eq!((reason(0, 0), reason(9, 0), number(Reason::Refused)), (None, None, None));
    }
}
