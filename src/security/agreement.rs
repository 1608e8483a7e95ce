//! The agreement on a secret: which half keys are said in Setup and its answer, and the work they make.
//!
//! The work is slow: it is described here as a question and done by whoever has the time ([`Work::done`]).

use std::sync::Arc;

use pinhole_crypto::Reject;
use pinhole_crypto::dh::{Group, KeyPair, MARKER, SharedSecret};
use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h235::ClearToken;
use pinhole_h323::h235::{HalfKey, bare};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use zeroize::Zeroizing;

use super::Terms;

/// Tokens of a message that are looked at; the rest is as if it were not there.
const MOST_TOKENS: usize = 16;

/// A half key of a peer that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its group.
    pub group: Group,
    /// The public value.
    pub half_key: Vec<u8>,
}

/// The half keys that tokens offer in groups that are known. Without the token that marks version 3 there are none. One with
/// parameters that are of none of them, or with a public value that would give the secret away, is as if it were not there.
/// Of several groups with one identifier the first is meant when parameters are left out.
#[must_use]
pub fn offers(tokens: &[ClearToken], known: &[Group]) -> Vec<Offer> {
    let tokens = || tokens.iter().take(MOST_TOKENS);
    let marker = ObjectIdentifier::new(MARKER);
    if !tokens().any(|token| token.token_oid == marker) {
        return Vec::new();
    }
    tokens().filter_map(|token| offer(token, known)).collect()
}

fn offer(token: &ClearToken, known: &[Group]) -> Option<Offer> {
    let published = group_of(&token.token_oid)?;
    let told = HalfKey::read(token)?;
    let meant = |group: &&Group| {
        group.token() == published.token()
            && group.check_parameters(&told.prime, &told.generator).is_ok()
    };
    let group = *known.iter().find(meant)?;
    group.check_half_key(&told.value).ok()?;
    Some(Offer { group, half_key: told.value })
}

/// What is wrong with half keys that are none; nothing when there are none of these.
pub(crate) fn unusable(tokens: &[ClearToken], known: &[Group]) -> Option<String> {
    let told = tokens.iter().take(MOST_TOKENS);
    let mut told =
        told.filter_map(|token| Some((token, group_of(&token.token_oid)?, HalfKey::read(token)?)));
    let (token, group, half_key) = told.next()?;
    let bits = group.bits();
    let known_parameters = known.iter().any(|one| {
        one.token() == group.token()
            && one.check_parameters(&half_key.prime, &half_key.generator).is_ok()
    });
    Some(match offer(token, known) {
        Some(_) if offers(tokens, known).is_empty() => {
            "half keys without the token of H.235 version 3 count as none".to_owned()
        }
        Some(_) => return None,
        None if !known_parameters => {
            format!(
                "a half key of {bits} bits with parameters that are not known here counts as none"
            )
        }
        None => format!("a half key of {bits} bits that gives the secret away counts as none"),
    })
}

fn group_of(identifier: &ObjectIdentifier) -> Option<Group> {
    Group::ALL.into_iter().find(|group| *identifier == ObjectIdentifier::new(group.token()))
}

/// The strongest of the half keys that the terms allow.
#[must_use]
pub fn strongest<'a>(offers: &'a [Offer], terms: &Terms) -> Option<&'a Offer> {
    let allowed = offers.iter().filter(|offer| terms.groups().contains(&offer.group));
    allowed.max_by_key(|offer| offer.group)
}

/// The tokens that say these half keys.
pub fn tokens<'a>(half_keys: impl IntoIterator<Item = (Group, &'a [u8])>) -> Vec<ClearToken> {
    let token = |(group, value): (Group, &[u8])| {
        let told = group.carries_parameters();
        HalfKey {
            group: ObjectIdentifier::new(group.token()),
            value: value.to_vec(),
            prime: if told { group.prime().to_vec() } else { Vec::new() },
            generator: if told { group.generator() } else { Vec::new() },
        }
        .to_token()
    };
    let half_keys = half_keys.into_iter().map(token);
    half_keys.chain([bare(ObjectIdentifier::new(MARKER))]).collect()
}

/// The tokens that have nothing to do with media encryption.
#[must_use]
pub fn others(tokens: &[ClearToken]) -> Vec<ClearToken> {
    only(tokens, &[], |_| false)
}

/// The tokens without the half keys that are not wanted, or are none.
#[must_use]
pub fn only(
    tokens: &[ClearToken],
    known: &[Group],
    wanted: impl Fn(&Offer) -> bool,
) -> Vec<ClearToken> {
    let dummy = ObjectIdentifier::new(&[0, 0, 8, 235, 0, 3, 40]);
    let marker = ObjectIdentifier::new(MARKER);
    let good = |token: &ClearToken| offer(token, known).is_some_and(|offer| wanted(&offer));
    let any = tokens.iter().any(good);
    let stays = |token: &&ClearToken| match &token.token_oid {
        oid if *oid == marker => any,
        oid if *oid == dummy => false,
        oid if group_of(oid).is_some() => good(token),
        _ => true,
    };
    tokens.iter().filter(stays).cloned().collect()
}

/// The groups of offers, as people say them: `DH 2048, 1024`.
pub(crate) fn named(offers: &[Offer]) -> String {
    let mut bits: Vec<usize> = offers.iter().map(|offer| offer.group.bits()).collect();
    bits.sort_unstable_by(|a, b| b.cmp(a));
    bits.dedup();
    match bits.as_slice() {
        [] => "no encryption".to_owned(),
        bits => {
            let bits: Vec<String> = bits.iter().map(ToString::to_string).collect();
            format!("DH {}", bits.join(", "))
        }
    }
}

/// A secret that two parties share.
#[derive(Debug, Clone)]
pub struct Agreed {
    /// In which group.
    pub group: Group,
    /// Our half key.
    pub half_key: Vec<u8>,
    /// The secret.
    pub secret: Arc<SharedSecret>,
}

/// Work with half keys, which takes milliseconds.
pub enum Work {
    /// Make a pair for each of these groups.
    Offer {
        /// The groups.
        groups: Vec<Group>,
        /// Where the randomness comes from.
        seed: Zeroizing<[u8; 32]>,
    },
    /// Make a pair, and agree with this half key.
    Accept {
        /// The peer's.
        offer: Offer,
        /// Where the randomness comes from.
        seed: Zeroizing<[u8; 32]>,
    },
    /// Agree, with the pair that was offered.
    Finish {
        /// Ours.
        pair: Arc<KeyPair>,
        /// The peer's public value.
        half_key: Vec<u8>,
    },
}

/// Work with half keys that is done.
#[derive(Debug, Clone)]
pub enum Done {
    /// The pairs, in the order of the groups.
    Offered(Vec<Arc<KeyPair>>),
    /// The secret, or why there is none.
    Agreed(Result<Agreed, Reject>),
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Offer { groups, .. } => write!(f, "Offer({groups:?})"),
            Self::Accept { offer, .. } => write!(f, "Accept({:?})", offer.group),
            Self::Finish { pair, .. } => write!(f, "Finish({:?})", pair.group()),
        }
    }
}

impl Work {
    /// Does it.
    #[must_use]
    pub fn done(self) -> Done {
        match self {
            Self::Offer { groups, seed } => {
                let mut rng = ChaCha20Rng::from_seed(*seed);
                let pair = |group| Arc::new(KeyPair::generate(group, &mut rng));
                Done::Offered(groups.into_iter().map(pair).collect())
            }
            Self::Accept { offer, seed } => {
                let pair = KeyPair::generate(offer.group, &mut ChaCha20Rng::from_seed(*seed));
                Done::Agreed(agree(&pair, &offer.half_key))
            }
            Self::Finish { pair, half_key } => Done::Agreed(agree(&pair, &half_key)),
        }
    }
}

fn agree(pair: &KeyPair, half_key: &[u8]) -> Result<Agreed, Reject> {
    let secret = Arc::new(pair.agree(half_key)?);
    Ok(Agreed { group: pair.group(), half_key: pair.half_key().to_vec(), secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(tokens: &[ClearToken]) -> Vec<Offer> {
        super::offers(tokens, &Group::ALL)
    }

    fn pairs(groups: &[Group]) -> Vec<Arc<KeyPair>> {
        let work = Work::Offer { groups: groups.to_vec(), seed: Zeroizing::new([1; 32]) };
        match work.done() {
            Done::Offered(pairs) => pairs,
            Done::Agreed(_) => panic!("another answer"),
        }
    }

    fn said(pairs: &[Arc<KeyPair>]) -> Vec<ClearToken> {
        tokens(pairs.iter().map(|pair| (pair.group(), pair.half_key())))
    }

    fn agreed(work: Work) -> Agreed {
        match work.done() {
            Done::Agreed(agreed) => agreed.unwrap(),
            Done::Offered(_) => panic!("another answer"),
        }
    }

    #[test]
    fn caller_and_called_share_a_secret() {
        let ours = pairs(&[Group::Modp2048, Group::Modp1024]);
        let offered = offers(&said(&ours));
        assert_eq!(offered.len(), 2);
        let chosen = strongest(&offered, &Terms::up_to(4096)).unwrap();
        assert_eq!(chosen.group, Group::Modp2048);
        assert_eq!(strongest(&offered, &Terms::up_to(1024)).unwrap().group, Group::Modp1024);
        let seed = Zeroizing::new([2; 32]);
        let theirs = agreed(Work::Accept { offer: chosen.clone(), seed });
        let half_key = theirs.half_key.clone();
        let ours = agreed(Work::Finish { pair: ours[0].clone(), half_key });
        assert!(ours.secret == theirs.secret);
    }

    #[test]
    fn what_is_wrong_with_a_token_makes_it_none() {
        let pairs = pairs(&[Group::Modp1024]);
        let good = said(&pairs);
        assert_eq!(offers(&good).len(), 1);
        assert!(offers(&good[..1]).is_empty(), "without marker");
        assert!(offers(&good[1..]).is_empty(), "the marker alone");
        let with = |change: &dyn Fn(&mut HalfKey)| {
            let mut half_key = HalfKey::read(&good[0]).unwrap();
            change(&mut half_key);
            offers(&[half_key.to_token(), good[1].clone()]).len()
        };
        assert_eq!(with(&|_| {}), 1);
        assert_eq!(with(&|key| (key.prime, key.generator) = (vec![], vec![])), 1, "left out");
        assert_eq!(with(&|key| key.prime[100] ^= 1), 0, "another prime");
        assert_eq!(with(&|key| key.prime = vec![23]), 0, "a tiny one");
        assert_eq!(with(&|key| key.generator = vec![4]), 0, "another generator");
        assert_eq!(with(&|key| key.value = vec![0; 128]), 0, "0");
        assert_eq!(with(&|key| key.value = vec![1]), 0, "1");
        assert_eq!(with(&|key| key.value = key.prime.clone()), 0, "p");
        let one_less = |key: &mut HalfKey| {
            key.value = key.prime.clone();
            key.value[127] -= 1;
        };
        assert_eq!(with(&one_less), 0, "p-1");
        assert_eq!(with(&|key| key.value = vec![9; 129]), 0, "longer than the prime");
        let explicit = |key: &mut HalfKey| key.group = [0, 0, 8, 235, 0, 3, 40].into();
        assert_eq!(with(&explicit), 0, "a group of the peer's own");
        let wrong_group = |key: &mut HalfKey| key.group = [0, 0, 8, 235, 0, 3, 45].into();
        assert_eq!(with(&wrong_group), 0, "named as a larger one");
        let mut many = vec![bare([1, 2, 3].into()); 16];
        many.extend(good.iter().cloned());
        assert!(offers(&many).is_empty(), "behind many others");
        assert_eq!(others(&many).len(), 16);
        let mut replaced = HalfKey::read(&good[0]).unwrap();
        replaced.prime = vec![23];
        let mixed = [good.clone(), vec![replaced.to_token(), bare([1, 2, 3].into())]].concat();
        let kept = only(&mixed, &Group::ALL, |_| true);
        assert_eq!(kept, [good, vec![bare([1, 2, 3].into())]].concat(), "what is none goes");
        assert_eq!(
            only(&mixed, &Group::ALL, |_| false),
            [bare([1, 2, 3].into())],
            "the marker, too"
        );
        assert_eq!(
            (named(&offers(&mixed)).as_str(), named(&[]).as_str()),
            ("DH 1024", "no encryption")
        );
    }

    #[test]
    fn it_is_told_what_is_wrong_with_a_half_key() {
        let good = said(&pairs(&[Group::Modp1024]));
        let why = |tokens: &[ClearToken]| unusable(tokens, &Group::ALL);
        assert_eq!((why(&good), why(&[]), why(&good[1..])), (None, None, None));
        let marker = "half keys without the token of H.235 version 3 count as none";
        assert_eq!(why(&good[..1]).as_deref(), Some(marker));
        let with = |change: &dyn Fn(&mut HalfKey)| {
            let mut half_key = HalfKey::read(&good[0]).unwrap();
            change(&mut half_key);
            why(&[half_key.to_token(), good[1].clone()])
        };
        let prime =
            "a half key of 1024 bits with parameters that are not known here counts as none";
        assert_eq!(with(&|key| key.prime[100] ^= 1).as_deref(), Some(prime));
        assert_eq!(with(&|key| key.generator = vec![4]).as_deref(), Some(prime));
        let value = "a half key of 1024 bits that gives the secret away counts as none";
        assert_eq!(with(&|key| key.value = vec![1]).as_deref(), Some(value));
    }

    #[test]
    fn a_group_of_ones_own_is_said_with_its_parameters_and_no_other_taken_for_it() {
        let own = Group::from_parameters(Group::Modp1024.prime(), &[3]).unwrap();
        let pairs = pairs(&[own]);
        let said = said(&pairs);
        let told = HalfKey::read(&said[0]).unwrap();
        assert_eq!((&told.prime[..], told.generator), (own.prime(), own.generator()));
        // Who does not know the group, sees nothing.
        assert!(offers(&said).is_empty());
        let [plain_first, own_first] = [[Group::Modp1024, own], [own, Group::Modp1024]];
        for known in [plain_first, own_first] {
            assert_eq!(super::offers(&said, &known)[0].group, own);
        }
        // Without parameters it is whichever is expected.
        let bare_key =
            HalfKey { prime: vec![], generator: vec![], ..HalfKey::read(&said[0]).unwrap() };
        let bare_said = [bare_key.to_token(), said[1].clone()];
        assert_eq!(super::offers(&bare_said, &plain_first)[0].group, Group::Modp1024);
        assert_eq!(super::offers(&bare_said, &own_first)[0].group, own);
        // With others, none.
        for generator in [2, 4, 5] {
            let mut replaced = HalfKey::read(&said[0]).unwrap();
            *replaced.generator.last_mut().unwrap() = generator;
            let replaced = [replaced.to_token(), said[1].clone()];
            assert!(super::offers(&replaced, &[own]).is_empty());
        }
        let seed = Zeroizing::new([2; 32]);
        let offer = super::offers(&said, &own_first).remove(0);
        let theirs = agreed(Work::Accept { offer, seed });
        let ours =
            agreed(Work::Finish { pair: pairs[0].clone(), half_key: theirs.half_key.clone() });
        assert!(ours.secret == theirs.secret);
    }
}
