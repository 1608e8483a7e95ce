//! What is said of a call's encryption: in sentences, and in its record.

use super::{Offered, Security};
use crate::event::LegSecurity;
use crate::face::Side;
use crate::security::agreement::{Offer, named};
use crate::security::{Between, Party, Policy};

impl Security {
    /// What is wrong with an answer in groups of which none was offered.
    pub(super) fn not_offered(&self) -> Option<String> {
        let Offered::Ours(pairs) = &self.offered else { return None };
        let answer = self.answers.first()?;
        let offered = |one: &Offer| pairs.iter().any(|pair| pair.group() == one.group);
        let bits = answer.group.bits();
        let own = pairs.iter().any(|pair| pair.group().is_own() && pair.group().bits() == bits);
        (!self.answers.iter().any(offered)).then(|| match own {
            true => format!(
                "of the published group of {bits} bits, which counts as none: parameters of H235HalfCallDHParamFile were \
                 offered"
            ),
            false => "of a group that was not offered, which counts as none".to_owned(),
        })
    }

    /// Why a leg that should rather be encrypted is not, if its party said something that counts as none.
    pub(crate) fn flaw(&self, side: Side, names: [&str; 2]) -> Option<String> {
        let wanted = self.policy(side).wants() || self.rules.one_leg;
        self.flaws[side.index()].as_ref().filter(|_| wanted && !self.secures(side))?;
        Some(format!("{} {}: its leg is in clear", names[side.index()], self.said(side)))
    }

    /// What a party said of encryption: `offers DH 1024`.
    fn said(&self, side: Side) -> String {
        let (verb, told) = match side {
            Side::A => ("offers", named(&self.asked)),
            Side::B => ("answered with", named(&self.answers)),
        };
        let flaw = self.flaws[side.index()].as_ref();
        format!("{verb} {told}{}", flaw.map_or_else(String::new, |flaw| format!(" ({flaw})")))
    }

    /// True when a leg is encrypted, by whomever.
    pub(super) const fn secures(&self, side: Side) -> bool {
        self.between.is_some() || self.parties[side.index()].is_some()
    }

    /// That the party of a leg offers, or answers with, too little.
    pub(super) fn too_little(&self, side: Side, names: [&str; 2]) -> String {
        let Policy { rule, terms, .. } = self.policy(side);
        let name = names[side.index()];
        let least = terms.least();
        format!(
            "encryption is required on the side of {name}{rule} (DH {} or more), and {name} {}",
            least.bits,
            self.said(side)
        )
    }

    /// That neither party can do it.
    pub(super) fn neither(&self, [a, b]: [&str; 2]) -> String {
        format!(
            "encryption is required on one side at least; {a} {}, {b} {}",
            self.said(Side::A),
            self.said(Side::B)
        )
    }

    /// What became of each leg, for the record; nothing of a call that nobody wants encrypted.
    pub(crate) fn record(&self) -> Vec<LegSecurity> {
        if self.is_idle() {
            return Vec::new();
        }
        let leg = |side: Side| {
            let party = self.parties[side.index()].as_ref().map(Party::dh_bits);
            let between = self.between.as_ref().map(Between::dh_bits);
            LegSecurity {
                leg: if side == Side::A { "a" } else { "b" },
                demand: self.policy(side).demand.name(),
                by: match (party, between) {
                    (Some(_), _) => "gatekeeper",
                    (None, Some(_)) => "endpoints",
                    (None, None) => "nobody",
                },
                dh_bits: party.or(between),
            }
        };
        vec![leg(Side::A), leg(Side::B)]
    }
}
