//! How far a call has come with encryption: what is wanted, what was offered, and on which legs the gatekeeper is an
//! end of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use pinhole_crypto::dh::KeyPair;

use super::agreement::{Offer, Work, offers, strongest};
use super::{Demand, Party, Policy};
use crate::face::Side;
use pinhole_h323::asn::h235::ClearToken;

/// H.245 messages that wait for the decision.
const MOST_EARLY: usize = 32;
/// Octets of them.
const MOST_EARLY_OCTETS: usize = 64 << 10;
/// Channels whose payload types are kept.
const MOST_CHANNELS: usize = 128;

/// What was offered to the called party.
#[derive(Debug)]
pub(crate) enum Offered {
    /// Nothing: it is not asked to encrypt.
    Nothing,
    /// What the caller offers: the two may agree between themselves.
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
    /// One leg at least has to be encrypted.
    one_leg: bool,
    stage: Stage,
    /// What the caller offers.
    asked: Vec<Offer>,
    offered: Offered,
    parties: [Option<Party>; 2],
    /// The size of the group, when the parties have agreed between themselves.
    end_to_end: Option<u32>,
    /// Why the call may not go on.
    breach: Option<String>,
    /// The work that has to be done before the call goes on.
    waiting: Option<Purpose>,
    /// H.245 messages that came too early.
    early: Vec<(Side, Vec<u8>)>,
    /// What clear packets of each open channel have as payload type.
    channels: BTreeMap<(Side, u16), Option<u8>>,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            policies: [Policy::default(), Policy::default()],
            one_leg: false,
            stage: Stage::Idle,
            asked: Vec::new(),
            offered: Offered::Nothing,
            parties: [None, None],
            end_to_end: None,
            breach: None,
            waiting: None,
            early: Vec::new(),
            channels: BTreeMap::new(),
        }
    }
}

/// What the answer of the called party calls for.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing yet.
    Wait,
    /// The two have agreed between themselves.
    EndToEnd(u32),
    /// This work, before the message goes on.
    Work(Purpose, Work),
    /// No encryption on any leg.
    Clear,
}

impl Security {
    /// A call between legs with these policies; the caller's Setup has these tokens. `one_leg`: one of them at least has
    /// to be encrypted.
    pub(crate) fn new(policies: [Policy; 2], one_leg: bool, setup: &[ClearToken]) -> Self {
        let idle = !one_leg && policies.iter().all(|policy| policy.demand == Demand::Off);
        let stage = if idle { Stage::Idle } else { Stage::Undecided };
        Self { policies, one_leg, stage, asked: offers(setup), ..Self::default() }
    }

    const fn policy(&self, side: Side) -> &Policy {
        &self.policies[side.index()]
    }

    /// Our end of a leg, if it is encrypted by us.
    pub(crate) const fn party(&mut self, side: Side) -> Option<&mut Party> {
        self.parties[side.index()].as_mut()
    }

    /// True when we are an end of either leg.
    pub(crate) const fn is_half(&self) -> bool {
        self.parties[0].is_some() || self.parties[1].is_some()
    }

    /// True while it is open who encrypts: what H.245 says has to wait, and no channel may be opened.
    pub(crate) const fn is_undecided(&self) -> bool {
        matches!(self.stage, Stage::Undecided)
    }

    /// True for a call that nobody wants encrypted by us.
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
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
    pub(crate) fn hopeless(&self) -> Option<&'static str> {
        let required = self.policy(Side::A).demand == Demand::Required;
        (required && self.offer_of_caller().is_none()).then_some(
            "the caller offers no encryption that would do, and it is required on that side",
        )
    }

    fn offer_of_caller(&self) -> Option<&Offer> {
        strongest(&self.asked, &self.policy(Side::A).terms)
    }

    /// Which half keys are to be offered to the called party; none when the caller's own will do, or none are wanted.
    pub(crate) fn to_offer(&self) -> Vec<pinhole_crypto::dh::Group> {
        let policy = self.policy(Side::B);
        let wanted = policy.demand != Demand::Off || self.one_leg;
        let own_will_do = strongest(&self.asked, &policy.terms).is_some();
        if wanted && !own_will_do { policy.terms.groups().to_vec() } else { Vec::new() }
    }

    /// True when nobody offers anything, and nobody will.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_undecided() && self.asked.is_empty() && self.to_offer().is_empty()
    }

    /// What is offered to the called party: half keys of ours, or what the caller offers.
    pub(crate) fn offer(&mut self, pairs: Option<Vec<Arc<KeyPair>>>) -> &Offered {
        self.offered = match pairs {
            Some(pairs) if !pairs.is_empty() => Offered::Ours(pairs),
            _ if !self.asked.is_empty() => Offered::Passed,
            _ => Offered::Nothing,
        };
        &self.offered
    }

    /// The called party has said something with these tokens; `connect` when it is its last word on encryption.
    pub(crate) fn answered(&self, tokens: &[ClearToken], connect: bool, seed: [u8; 32]) -> Answer {
        let answers = offers(tokens);
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
                    |answer: &Offer| self.asked.iter().any(|asked| asked.group == answer.group);
                if let Some(answer) = answers.iter().find(|answer| was_offered(answer)) {
                    let bits = u32::try_from(answer.group.bits()).unwrap_or(u32::MAX);
                    return Answer::EndToEnd(bits);
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
    pub(crate) fn accept(&self, seed: [u8; 32]) -> Option<Work> {
        let wanted = self.policy(Side::A).demand != Demand::Off || self.one_leg;
        let offer = self.offer_of_caller().filter(|_| wanted && self.parties[0].is_none())?;
        Some(Work::Accept { offer: offer.clone(), seed: seed.into() })
    }

    /// We are an end of a leg now.
    pub(crate) fn agree(&mut self, side: Side, agreed: super::agreement::Agreed) {
        let party = Party::new(agreed, &self.policy(side).terms);
        self.parties[side.index()] = Some(party);
    }

    /// The two have agreed between themselves.
    pub(crate) const fn leave_to_them(&mut self, bits: u32) {
        self.end_to_end = Some(bits);
    }

    /// The size of the group, when the parties have agreed between themselves.
    pub(crate) const fn end_to_end_bits(&self) -> Option<u32> {
        self.end_to_end
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
    pub(crate) fn decide(&mut self) -> Result<(), &'static str> {
        self.stage = Stage::Decided;
        let secure = |side: Side| self.end_to_end.is_some() || self.parties[side.index()].is_some();
        let required = |side: Side| self.policy(side).demand == Demand::Required;
        if required(Side::A) && !secure(Side::A) {
            return Err(
                "encryption is required on the caller's side, and it offers none that would do",
            );
        }
        if required(Side::B) && !secure(Side::B) {
            return Err("encryption is required on the called party's side, and it accepts none");
        }
        if self.one_leg && !secure(Side::A) && !secure(Side::B) {
            return Err(
                "encryption is required on one side at least, and neither party offers any",
            );
        }
        Ok(())
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
        taken.into_iter().map(|(_, octets)| octets).collect()
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
        self.policy(side).demand == Demand::Required || (self.one_leg && !other)
    }

    /// A leg is not encrypted any more: its party has no cipher of ours.
    pub(crate) fn give_up(&mut self, side: Side) {
        self.parties[side.index()] = None;
    }
}
