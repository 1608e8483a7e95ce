//! The agreement on a secret in call signalling (H.235.6 §8.5): offered in Setup, accepted in Connect.

use std::sync::Arc;

use pinhole_crypto::dh::KeyPair;
use pinhole_h323::asn::h235::ClearToken;
use pinhole_h323::cause::Release;
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Signal;
use zeroize::Zeroizing;

use super::{Call, Ending};
use crate::phone::desk::Desk;
use crate::phone::options::Encryption;
use crate::security::Party;
use crate::security::agreement::{Agreed, Done, Offer, Work, offers, strongest, tokens};

/// How far the agreement has come.
#[derive(Debug, Default)]
pub(super) enum Agreement {
    /// Nothing was offered.
    #[default]
    None,
    /// We have offered these.
    Offered(Vec<Arc<KeyPair>>),
    /// The caller has offered this.
    Asked(Offer),
    /// A secret is agreed.
    Agreed(Agreed),
}

impl Call {
    /// The tokens for our Setup.
    pub(super) fn offer_secret(&mut self, desk: &mut Desk) -> Vec<ClearToken> {
        if desk.options.encryption == Encryption::Off {
            return Vec::new();
        }
        let groups = desk.options.terms.offered();
        let work = Work::Offer { groups, seed: Zeroizing::new(desk.seed()) };
        let Done::Offered(pairs) = work.done() else { return Vec::new() };
        let tokens = tokens(pairs.iter().map(|pair| (pair.group(), pair.half_key())));
        self.agreement = Agreement::Offered(pairs);
        tokens
    }

    /// Remembers what a Setup offers.
    pub(super) fn note_offer(&mut self, desk: &Desk, setup: &Signal) {
        if desk.options.encryption == Encryption::Off {
            return;
        }
        let terms = &desk.options.terms;
        if let Some(offer) = strongest(&offers(setup.clear_tokens(), &terms.known()), terms) {
            self.agreement = Agreement::Asked(offer.clone());
        }
    }

    /// True when an offer of the caller's meets a demand of ours, or there is none.
    pub(super) fn is_secure_enough(&self, desk: &Desk) -> bool {
        let required = desk.options.encryption == Encryption::Required;
        !required || matches!(self.agreement, Agreement::Asked(_))
    }

    /// We are about to take the call: agrees with what the caller has offered.
    pub(super) fn accept_secret(&mut self, desk: &mut Desk) {
        let Agreement::Asked(offer) = std::mem::take(&mut self.agreement) else { return };
        let work = Work::Accept { offer, seed: Zeroizing::new(desk.seed()) };
        if let Done::Agreed(Ok(agreed)) = work.done() {
            self.agreed(desk, agreed);
        }
    }

    /// The tokens for our Connect.
    pub(super) fn secret_tokens(&self) -> Vec<ClearToken> {
        match &self.agreement {
            Agreement::Agreed(agreed) => tokens([(agreed.group, &agreed.half_key[..])]),
            _ => Vec::new(),
        }
    }

    /// True while the called party may still accept what we have offered: what it says of channels waits.
    pub(super) const fn awaits_secret(&self) -> bool {
        matches!(self.agreement, Agreement::Offered(_))
    }

    /// The called party has said something; false if the call ends for it.
    pub(super) fn secret_answered(&mut self, desk: &mut Desk, signal: &Signal) -> bool {
        let Agreement::Offered(pairs) = &self.agreement else { return true };
        let offered = |group| pairs.iter().find(|pair| pair.group() == group).cloned();
        let answers = offers(signal.clear_tokens(), &desk.options.terms.known());
        let answer = answers.iter().filter_map(|offer| Some((offer, offered(offer.group)?)));
        let found = answer.max_by_key(|(offer, _)| offer.group);
        if let Some((offer, pair)) = found {
            let work = Work::Finish { pair, half_key: offer.half_key.clone() };
            if let Done::Agreed(Ok(agreed)) = work.done() {
                self.agreed(desk, agreed);
            }
        }
        if !self.awaits_secret() || signal.message_type() != MessageType::Connect {
            return true;
        }
        self.agreement = Agreement::None;
        if desk.options.encryption == Encryption::Required {
            self.insecure(desk, "the other party offered no encryption, which is required");
            return false;
        }
        true
    }

    /// Ends the call, because it would not be secure.
    pub(super) fn insecure(&mut self, desk: &mut Desk, sentence: &str) {
        let reason = Release::SecurityDenied;
        self.release(desk, Ending::ours(reason.cause(), reason, sentence.to_owned()));
    }

    fn agreed(&mut self, desk: &mut Desk, agreed: Agreed) {
        let party = Party::new(agreed.clone(), &desk.options.terms);
        self.agreement = Agreement::Agreed(agreed);
        let required = desk.options.encryption == Encryption::Required;
        let (seed, now) = (desk.seed(), desk.now);
        let Some(control) = &mut self.control else { return };
        let effects = control.encrypt(party, seed, required, now);
        self.apply(desk, effects);
    }
}
