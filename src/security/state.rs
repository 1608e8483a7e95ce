//! How far a call has come with encryption: what is wanted, what was offered, and on which legs the gatekeeper is an
//! end of its own.

mod said;

use std::collections::BTreeMap;
use std::sync::Arc;

use pinhole_crypto::dh::{Group, KeyPair};
use zeroize::Zeroizing;

use super::agreement::{Offer, Work, offers, only, others, strongest, tokens, unusable};
use super::{Between, Demand, Party, Policy, Rules};
use crate::face::Side;
use pinhole_crypto::Algorithm;
use pinhole_h323::asn::h235::ClearToken;

/// H.245 messages that wait for the decision.
const MOST_EARLY: usize = 32;
/// Octets of them.
const MOST_EARLY_OCTETS: usize = 64 << 10;
/// Channels whose payload types are kept.
const MOST_CHANNELS: usize = 128;

/// What was offered to the called party.
#[derive(Debug)]
enum Offered {
    /// Nothing: it is not asked to encrypt.
    Nothing,
    /// What the caller offers and is strong enough: the two may agree between themselves.
    Passed,
    /// Half keys of ours.
    Ours(Vec<Arc<KeyPair>>),
}

/// What is to be done when work with half keys is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Half keys are offered to the called party.
    Offer,
    /// The called party has accepted one of them.
    Finish,
    /// One of the caller's is accepted.
    Accept,
}

/// How it stands.
#[derive(Debug)]
enum Stage {
    /// Nobody wants anything.
    Idle,
    /// Setup is on its way, or will be.
    Undecided,
    /// On which legs there is encryption, and whose, is known.
    Decided,
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Security {
    policies: [Policy; 2],
    rules: Rules,
    stage: Stage,
    /// The groups that a token may mean; without parameters it is a published one, in an answer, too: H323Plus answers an
    /// offer in another group like that, with a half key of the published one.
    known: Vec<Group>,
    /// What the caller offers.
    asked: Vec<Offer>,
    offered: Offered,
    /// What the called party said of encryption last.
    answers: Vec<Offer>,
    /// What counts as none of what each party said.
    flaws: [Option<String>; 2],
    parties: [Option<Party>; 2],
    /// Set when the parties have agreed between themselves.
    between: Option<Between>,
    /// Why the call may not go on.
    breach: Option<String>,
    /// The work that has to be done before the call goes on.
    waiting: Option<Purpose>,
    /// H.245 messages that came too early.
    early: Vec<(Side, Vec<u8>)>,
    /// How many of the next H.245 messages came too early.
    replayed: usize,
    /// What clear packets of each open channel have as payload type.
    channels: BTreeMap<(Side, u16), Option<u8>>,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            policies: [Policy::default(), Policy::default()],
            rules: Rules { one_leg: false, end_to_end: true },
            stage: Stage::Idle,
            known: Group::ALL.to_vec(),
            asked: Vec::new(),
            offered: Offered::Nothing,
            answers: Vec::new(),
            flaws: [None, None],
            parties: [None, None],
            between: None,
            breach: None,
            waiting: None,
            early: Vec::new(),
            replayed: 0,
            channels: BTreeMap::new(),
        }
    }
}

/// What the answer of the called party calls for.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing yet.
    Wait,
    /// The two have agreed between themselves, by this half key of the called party.
    EndToEnd(Offer),
    /// This work, before the message goes on.
    Work(Purpose, Work),
    /// No encryption on any leg.
    Clear,
}

impl Security {
    /// A call between legs with these policies; the caller's Setup has these tokens.
    pub(crate) fn new(policies: [Policy; 2], rules: Rules, setup: &[ClearToken]) -> Self {
        let idle = !rules.one_leg && policies.iter().all(|policy| policy.demand == Demand::Off);
        let stage = if idle { Stage::Idle } else { Stage::Undecided };
        let mut known = Group::ALL.to_vec();
        known.extend(policies.iter().flat_map(|policy| policy.terms.known()));
        let read = !policies[0].strips;
        let asked = if read { offers(setup, &known) } else { Vec::new() };
        let flaws = [unusable(setup, &known).filter(|_| read), None];
        Self { policies, rules, stage, known, asked, flaws, ..Self::default() }
    }

    const fn policy(&self, side: Side) -> &Policy {
        &self.policies[side.index()]
    }

    /// Our end of a leg, if it is encrypted by us.
    pub(crate) const fn party(&mut self, side: Side) -> Option<&mut Party> {
        self.parties[side.index()].as_mut()
    }

    /// What the parties have agreed between themselves.
    pub(crate) const fn between(&mut self) -> Option<&mut Between> {
        self.between.as_mut()
    }

    /// True when we are an end of either leg.
    pub(crate) const fn is_half(&self) -> bool {
        self.parties[0].is_some() || self.parties[1].is_some()
    }

    /// True when nothing in clear may come in from a leg, or leave on it.
    pub(crate) fn locks(&self, side: Side) -> bool {
        self.parties[side.index()].is_some()
            || self.between.as_ref().is_some_and(Between::is_strict)
    }

    /// True while it is open who encrypts: what H.245 says has to wait, and no channel may be opened.
    pub(crate) const fn is_undecided(&self) -> bool {
        matches!(self.stage, Stage::Undecided)
    }

    /// True for a call that nobody wants encrypted by us.
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// True once the caller may have been told what another called party could not keep.
    pub(crate) const fn is_committed(&self) -> bool {
        self.between.is_some() || self.parties[0].is_some()
    }

    /// The work that the call waits for.
    pub(crate) const fn waits_for(&self) -> Option<Purpose> {
        self.waiting
    }

    /// The call waits for this, or for nothing any more.
    pub(crate) const fn wait_for(&mut self, purpose: Option<Purpose>) {
        self.waiting = purpose;
    }

    /// Why the call cannot be placed at all, as the end of a sentence.
    pub(crate) fn hopeless(&self, names: [&str; 2]) -> Option<String> {
        let can = self.offer_of_caller().is_some() || self.may_pass().next().is_some();
        let required = self.policy(Side::A).demand == Demand::Required && !can;
        let neither = self.rules.one_leg && !can && !self.wants_of_called();
        (required || neither).then(|| match required {
            true => self.too_little(Side::A, names),
            false => self.neither(names),
        })
    }

    fn offer_of_caller(&self) -> Option<&Offer> {
        strongest(&self.asked, &self.policy(Side::A).terms)
    }

    /// What the caller offers that the two may agree on between themselves. Where the legs differ in the weakest cipher they
    /// may not: which one they would take is not known before it is too late.
    fn may_pass(&self) -> impl Iterator<Item = &Offer> {
        let [a, b] = &self.policies;
        let may = self.rules.end_to_end
            && !b.strips
            && (a.least.cipher == b.least.cipher || !a.wants() || !b.wants());
        let strong = move |offer: &&Offer| may && a.lets_pass(offer) && b.lets_pass(offer);
        self.asked.iter().filter(strong)
    }

    fn wants_of_called(&self) -> bool {
        let policy = self.policy(Side::B);
        policy.wants() || (self.rules.one_leg && !policy.strips)
    }

    /// Which half keys are to be offered to the called party; none when the caller's own will do, or none are wanted.
    pub(crate) fn to_offer(&self) -> Vec<Group> {
        let own_will_do = self.may_pass().next().is_some();
        match self.wants_of_called() && !own_will_do {
            true => self.policy(Side::B).terms.offered(),
            false => Vec::new(),
        }
    }

    /// True when nobody offers anything, and nobody will.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_undecided() && self.asked.is_empty() && self.to_offer().is_empty()
    }

    /// The tokens of a Setup as the called party gets them, when they are others than the caller's: half keys of ours, or
    /// of what the caller offers that which may pass.
    pub(crate) fn offer(
        &mut self,
        setup: &[ClearToken],
        pairs: Option<Vec<Arc<KeyPair>>>,
    ) -> Option<Vec<ClearToken>> {
        let strips = self.policies.iter().any(|policy| policy.strips);
        if self.is_idle() {
            return strips.then(|| others(setup));
        }
        let (offered, told) = match pairs {
            Some(pairs) if !pairs.is_empty() => {
                let mut told = others(setup);
                told.extend(tokens(pairs.iter().map(|pair| (pair.group(), pair.half_key()))));
                (Offered::Ours(pairs), told)
            }
            _ => {
                let may: Vec<Offer> = self.may_pass().cloned().collect();
                let told = only(setup, &self.known, |offer| may.contains(offer));
                (if may.is_empty() { Offered::Nothing } else { Offered::Passed }, told)
            }
        };
        self.offered = offered;
        (told != setup).then_some(told)
    }

    /// The tokens of an answer of the called party as the caller gets them; `ours` are ours for the caller.
    pub(crate) fn answer(
        &self,
        told: &[ClearToken],
        ours: &[ClearToken],
    ) -> Option<Vec<ClearToken>> {
        if self.is_idle() && !self.policies.iter().any(|policy| policy.strips) {
            return None;
        }
        let mut through = match &self.between {
            Some(between) => only(told, &self.known, |offer| between.is_answer(offer)),
            None => others(told),
        };
        // Some look at Connect only, some at the first answer that has any.
        through.extend(ours.iter().cloned());
        (through != told).then_some(through)
    }

    /// The called party has said something with these tokens; `connect` when it is its last word on encryption.
    pub(crate) fn answered(
        &mut self,
        tokens: &[ClearToken],
        connect: bool,
        seed: Zeroizing<[u8; 32]>,
    ) -> Answer {
        let (answers, flaw) = match self.policy(Side::B).strips {
            true => (Vec::new(), None),
            false => (offers(tokens, &self.known), unusable(tokens, &self.known)),
        };
        if connect || !answers.is_empty() || flaw.is_some() {
            self.answers.clone_from(&answers);
            self.flaws[1] = flaw.or_else(|| self.not_offered());
        }
        match &self.offered {
            Offered::Ours(pairs) => {
                let pair = |group| pairs.iter().find(|pair| pair.group() == group).cloned();
                let found = answers.iter().filter_map(|one| Some((one, pair(one.group)?)));
                if let Some((answer, pair)) = found.max_by_key(|(answer, _)| answer.group) {
                    let half_key = answer.half_key.clone();
                    return Answer::Work(Purpose::Finish, Work::Finish { pair, half_key });
                }
            }
            Offered::Passed => {
                let was_offered =
                    |answer: &&Offer| self.may_pass().any(|asked| asked.group == answer.group);
                if let Some(answer) = answers.iter().filter(was_offered).max_by_key(|one| one.group)
                {
                    return Answer::EndToEnd(answer.clone());
                }
            }
            Offered::Nothing => {}
        }
        if !connect {
            return Answer::Wait;
        }
        self.accept(seed).map_or(Answer::Clear, |work| Answer::Work(Purpose::Accept, work))
    }

    /// The work of accepting what the caller offers, if that is wanted.
    pub(crate) fn accept(&self, seed: Zeroizing<[u8; 32]>) -> Option<Work> {
        let wanted = self.policy(Side::A).wants() || self.rules.one_leg;
        let offer = self.offer_of_caller().filter(|_| wanted && self.parties[0].is_none())?;
        Some(Work::Accept { offer: offer.clone(), seed })
    }

    /// We are an end of a leg now.
    pub(crate) fn agree(&mut self, side: Side, agreed: super::agreement::Agreed) {
        let party = Party::new(agreed, &self.policy(side).terms);
        self.parties[side.index()] = Some(party);
    }

    /// The two have agreed between themselves.
    pub(crate) fn leave_to_them(&mut self, answer: Offer) {
        let [a, b] = &self.policies;
        let least = a.least.cipher.max(b.least.cipher);
        let ciphers = Algorithm::ALL.into_iter().filter(|cipher| *cipher >= least).collect();
        let required = |policy: &Policy| policy.demand == Demand::Required;
        let strict = self.rules.one_leg || self.policies.iter().any(required);
        self.between = Some(Between::new(answer, ciphers, strict));
    }

    /// The call may not go on.
    pub(crate) fn breach(&mut self, why: String) {
        self.breach.get_or_insert(why);
    }

    /// Why the call may not go on.
    pub(crate) const fn take_breach(&mut self) -> Option<String> {
        self.breach.take()
    }

    /// It is known who encrypts; why the call may not go on like that, as the end of a sentence.
    pub(crate) fn decide(&mut self, names: [&str; 2]) -> Result<(), String> {
        self.stage = Stage::Decided;
        for side in [Side::A, Side::B] {
            if self.policy(side).demand == Demand::Required && !self.secures(side) {
                return Err(self.too_little(side, names));
            }
        }
        match self.rules.one_leg && !self.secures(Side::A) && !self.secures(Side::B) {
            true => Err(self.neither(names)),
            false => Ok(()),
        }
    }

    /// An H.245 message came before it is known who encrypts; false when there are too many.
    pub(crate) fn keep(&mut self, from: Side, octets: &[u8]) -> bool {
        let kept: usize = self.early.iter().map(|(_, octets)| octets.len()).sum();
        let room = self.early.len() < MOST_EARLY && kept + octets.len() <= MOST_EARLY_OCTETS;
        if room {
            self.early.push((from, octets.to_vec()));
        }
        room
    }

    /// The H.245 messages of a leg that were kept.
    pub(crate) fn take_early(&mut self, from: Side) -> Vec<Vec<u8>> {
        let (taken, left) = self.early.drain(..).partition::<Vec<_>, _>(|(side, _)| *side == from);
        self.early = left;
        self.replayed = taken.len();
        taken.into_iter().map(|(_, octets)| octets).collect()
    }

    /// Whether the H.245 message that is looked at now came before it was known who encrypts: what it leaves out need not be
    /// the party's last word.
    pub(crate) const fn is_replayed(&mut self) -> bool {
        let early = self.replayed > 0;
        self.replayed = self.replayed.saturating_sub(1);
        early
    }

    /// The payload type of a channel in clear.
    pub(crate) fn clear_payload_type(&self, opener: Side, number: u16) -> Option<u8> {
        self.channels.get(&(opener, number)).copied().flatten()
    }

    /// A channel is opened whose clear packets have this payload type.
    pub(crate) fn note_channel(&mut self, opener: Side, number: u16, payload_type: Option<u8>) {
        if self.channels.len() < MOST_CHANNELS || self.channels.contains_key(&(opener, number)) {
            self.channels.insert((opener, number), payload_type);
        }
    }

    /// A channel is closed.
    pub(crate) fn forget_channel(&mut self, opener: Side, number: u16) {
        self.channels.remove(&(opener, number));
    }

    /// True when this leg, which we would encrypt, must not be left in clear.
    pub(crate) fn must_stay(&self, side: Side) -> bool {
        let other = self.parties[side.other().index()].is_some();
        self.policy(side).demand == Demand::Required || (self.rules.one_leg && !other)
    }

    /// A leg is not encrypted any more: its party has no cipher of ours.
    pub(crate) fn give_up(&mut self, side: Side) {
        self.parties[side.index()] = None;
    }
}
