//! H.245 on an encrypted leg: what we say and hear passes the end of the leg that encrypts.

use std::time::Instant;

use pinhole_h323::Control as Wire;
use pinhole_h323::asn::h245::MultimediaSystemControlMessage;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::{Control, Effect};
use crate::phone::medium::Medium;
use crate::security::{Filtered, Key, MediaKey, Party};

/// The encryption of a call.
#[derive(Debug)]
pub(in super::super) struct Secured {
    party: Party,
    rng: ChaCha20Rng,
    /// Without encryption there is to be no call.
    required: bool,
    /// The time of the last message.
    now: Instant,
}

/// A key of a medium.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Lock {
    /// Which.
    pub(in super::super) medium: Medium,
    /// True for what we send.
    pub(in super::super) outgoing: bool,
    /// The key.
    pub(in super::super) key: MediaKey,
    /// The size of the group that it was agreed with.
    pub(in super::super) dh_bits: u32,
}

impl Control {
    /// A secret was agreed: media is encrypted from now on. If our capabilities were told already, they are told again.
    pub(in super::super) fn encrypt(
        &mut self,
        party: Party,
        seed: [u8; 32],
        required: bool,
        now: Instant,
    ) -> Vec<Effect> {
        let rng = ChaCha20Rng::from_seed(seed);
        self.secured = Some(Secured { party, rng, required, now });
        if !self.capabilities.is_offered() {
            return Vec::new();
        }
        let offer = Effect::Say(self.capabilities.offer());
        self.protect(vec![offer])
    }

    /// The time, for what may not happen too often.
    pub(in super::super) const fn set_time(&mut self, now: Instant) {
        if let Some(secured) = &mut self.secured {
            secured.now = now;
        }
    }

    /// Takes what a message of the peer says of encryption; what is left of it, if anything, and what is to be done
    /// before it is looked at.
    pub(super) fn unprotect(
        &mut self,
        message: MultimediaSystemControlMessage,
    ) -> (Option<MultimediaSystemControlMessage>, Vec<Effect>) {
        let Some(secured) = &mut self.secured else { return (Some(message), Vec::new()) };
        let mut wire = Wire::new(message);
        let filtered = secured.party.receive(secured.now, &mut wire, &mut secured.rng);
        let useless = secured.party.has_no_cipher();
        let required = secured.required;
        if useless {
            if required {
                let why = "the peer has no cipher that we have, and encryption is required";
                return (None, vec![Effect::Insecure(why)]);
            }
            self.secured = None;
        }
        let stopped = filtered.stopped.is_some();
        let effects = self.effects(filtered);
        ((!stopped).then(|| wire.into_message()), effects)
    }

    /// Adds to what we say what it has to say of encryption.
    pub(super) fn protect(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut protected = Vec::new();
        for effect in effects {
            match (effect, &mut self.secured) {
                (Effect::Say(message), Some(secured)) => {
                    let mut wire = Wire::new(message);
                    let filtered = secured.party.say(&mut wire, &mut secured.rng);
                    let stopped = filtered.stopped.is_some();
                    protected.extend(self.effects(Filtered { answer: None, ..filtered }));
                    protected.push(match stopped {
                        true => Effect::Insecure("the channel cannot be encrypted"),
                        false => Effect::Say(wire.into_message()),
                    });
                }
                (effect, _) => protected.push(effect),
            }
        }
        protected
    }

    fn effects(&mut self, filtered: Filtered) -> Vec<Effect> {
        let answer = filtered.answer.map(|answer| Effect::Say(answer.into_message()));
        let mut effects: Vec<Effect> = answer.into_iter().collect();
        let Some(dh_bits) = self.secured.as_ref().map(|secured| secured.party.dh_bits()) else {
            return effects;
        };
        for Key { channel, from_peer, key } in filtered.keys {
            let of = |medium| Effect::Lock(Lock { medium, outgoing: !from_peer, key, dh_bits });
            let channels = self.all().find(|channels| match from_peer {
                true => channels.into == Some(channel),
                false => channels.has_opened(channel),
            });
            effects.extend(channels.map(|channels| of(channels.medium)));
        }
        effects
    }
}
