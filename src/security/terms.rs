//! What may be agreed: the ciphers and the Diffie-Hellman groups, as a party or a policy wants them.

use pinhole_crypto::Algorithm;
use pinhole_crypto::dh::Group;

use super::policy::Least;

/// What may be agreed. The strongest that both sides have is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The groups, strongest first.
    groups: Vec<Group>,
    /// The ciphers, strongest first.
    ciphers: Vec<Algorithm>,
}

impl Terms {
    /// These groups and ciphers, in any order.
    #[must_use]
    pub fn new(groups: &[Group], ciphers: &[Algorithm]) -> Self {
        let mut terms = Self { groups: groups.to_vec(), ciphers: ciphers.to_vec() };
        terms.groups.sort_unstable_by(|a, b| b.cmp(a));
        terms.ciphers.sort_unstable_by(|a, b| b.cmp(a));
        terms
    }

    /// Everything up to a size of group in bits, beginning with the group of 1024 bits that every endpoint has; a
    /// larger one alone allows AES-256, as GnuGk has it (`H235HalfCallMaxTokenLength`).
    #[must_use]
    pub fn up_to(bits: usize) -> Self {
        // Groups that no endpoint is known to prefer would only make the Setup longer.
        let usual = [Group::Modp1024, Group::Modp2048, Group::Modp4096];
        let fits = |group: &Group| group.bits() <= bits.max(1024);
        let mut groups: Vec<Group> = usual.into_iter().filter(fits).collect();
        let largest = Group::ALL.into_iter().rfind(fits);
        groups.extend(largest.filter(|largest| !usual.contains(largest)));
        let ciphers: &[Algorithm] =
            if bits > 1024 { &Algorithm::ALL } else { &[Algorithm::Aes128] };
        Self::new(&groups, ciphers)
    }

    /// The same with groups of an operator's own, as far as they are no larger than this.
    #[must_use]
    pub fn with_own(mut self, own: &[Group], bits: usize) -> Self {
        let fits = |group: &&Group| group.bits() <= bits.max(1024);
        self.groups.extend(own.iter().filter(fits));
        Self::new(&self.groups, &self.ciphers)
    }

    /// The same with this cipher alone.
    #[must_use]
    pub fn with_cipher(self, cipher: Algorithm) -> Self {
        Self { ciphers: vec![cipher], ..self }
    }

    /// The same without what is weaker than this. If nothing is left, the weakest that is strong enough.
    #[must_use]
    pub fn at_least(mut self, least: Least) -> Self {
        self.groups.retain(|group| group.bits() >= least.bits);
        if self.groups.is_empty() {
            self.groups.extend(Group::ALL.into_iter().find(|group| group.bits() >= least.bits));
        }
        self.ciphers.retain(|cipher| *cipher >= least.cipher);
        if self.ciphers.is_empty() {
            self.ciphers.push(least.cipher);
        }
        self
    }

    /// The weakest that they allow.
    #[must_use]
    pub fn least(&self) -> Least {
        Least {
            bits: self.groups.last().map_or(0, |group| group.bits()),
            cipher: self.ciphers.last().copied().unwrap_or(Algorithm::Aes128),
        }
    }

    /// The groups, strongest first.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The groups to offer, strongest first: of several that have one identifier that of the operator's own, for a peer
    /// could not tell them apart.
    #[must_use]
    pub fn offered(&self) -> Vec<Group> {
        let mut offered = self.groups.clone();
        offered.dedup_by_key(|group| group.token());
        offered
    }

    /// All groups that a peer's token may mean; one without parameters means a published one.
    #[must_use]
    pub fn known(&self) -> Vec<Group> {
        let own = self.groups.iter().copied().filter(|group| group.is_own());
        Group::ALL.into_iter().chain(own).collect()
    }

    /// The ciphers to offer with a group, strongest first. With the group of 1024 bits other implementations know
    /// AES-128 only, so nothing else is offered with it unless nothing else may be.
    #[must_use]
    pub fn ciphers(&self, group: Group) -> Vec<Algorithm> {
        let small = group.bits() <= 1024 && self.ciphers.contains(&Algorithm::Aes128);
        let usual = |cipher: &Algorithm| !small || *cipher == Algorithm::Aes128;
        self.ciphers.iter().copied().filter(usual).collect()
    }

    /// What both allow.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let groups = self.groups.iter().filter(|group| other.groups.contains(group));
        let ciphers = self.ciphers.iter().filter(|cipher| other.ciphers.contains(cipher));
        Self { groups: groups.copied().collect(), ciphers: ciphers.copied().collect() }
    }
}

/// The name of a cipher in records and sentences.
#[must_use]
pub const fn cipher_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Aes128 => "AES-128-CBC",
        Algorithm::Aes256 => "AES-256-CBC",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_token_says_what_is_allowed() {
        let bits = |max| -> Vec<usize> {
            Terms::up_to(max).groups().iter().copied().map(Group::bits).collect()
        };
        assert_eq!(bits(0), [1024], "there is no smaller one");
        assert_eq!(bits(1024), [1024]);
        assert_eq!(bits(1536), [1536, 1024]);
        assert_eq!(bits(2048), [2048, 1024]);
        assert_eq!(bits(4096), [4096, 2048, 1024]);
        assert_eq!(bits(8192), [8192, 4096, 2048, 1024]);
        assert_eq!(Terms::up_to(1024).ciphers(Group::Modp1024), [Algorithm::Aes128]);
        let both = [Algorithm::Aes256, Algorithm::Aes128];
        assert_eq!(Terms::up_to(2048).ciphers(Group::Modp2048), both);
        assert_eq!(Terms::up_to(2048).ciphers(Group::Modp1024), [Algorithm::Aes128]);
        let strong = Terms::new(&[Group::Modp1024], &[Algorithm::Aes256]);
        assert_eq!(strong.ciphers(Group::Modp1024), [Algorithm::Aes256]);
        assert_eq!(Terms::up_to(4096).and(&strong), strong);
    }

    #[test]
    fn what_is_too_weak_is_left_out() {
        let least = |bits, cipher| Least { bits, cipher };
        let strong = Terms::up_to(4096).at_least(least(2048, Algorithm::Aes256));
        assert_eq!(strong.groups(), [Group::Modp4096, Group::Modp2048]);
        assert_eq!(strong.ciphers(Group::Modp2048), [Algorithm::Aes256]);
        assert_eq!(strong.least(), least(2048, Algorithm::Aes256));
        // A demand beyond the longest token is met all the same, by what suffices.
        let raised = Terms::up_to(1024).at_least(least(2048, Algorithm::Aes256));
        assert_eq!(raised.groups(), [Group::Modp2048]);
        assert_eq!(raised.ciphers(Group::Modp2048), [Algorithm::Aes256]);
        let any = Terms::up_to(2048).at_least(Least::ANY);
        assert_eq!(any, Terms::up_to(2048));
    }

    #[test]
    fn a_group_of_ones_own_is_offered_in_place_of_the_published_one() {
        let own = Group::from_parameters(Group::Modp1024.prime(), &[3]).unwrap();
        let terms = Terms::up_to(2048).with_own(&[own], 2048);
        assert_eq!(terms.groups(), [Group::Modp2048, own, Group::Modp1024]);
        assert_eq!(terms.offered(), [Group::Modp2048, own]);
        assert_eq!(terms.known()[Group::ALL.len()..], [own]);
        assert_eq!(terms.ciphers(own), [Algorithm::Aes128]);
        let strong = terms.at_least(Least { bits: 2048, cipher: Algorithm::Aes128 });
        assert_eq!(strong.offered(), [Group::Modp2048]);
    }
}
