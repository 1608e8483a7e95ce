//! The Diffie–Hellman groups of H.235.6 Table 4, each with its token's object identifier, and those of an operator's
//! own, under the identifier of the published one of their size. Their parameters are pinned.

use std::cmp::Ordering;

use super::own::Own;
use super::prime::prime;
use crate::Reject;

/// The token that says "media security of H.235 version 3"; it stands beside those with a half key.
pub const MARKER: &[u32] = &[0, 0, 8, 235, 0, 3, 24];

pub(super) static P1024: [u8; 128] = prime(129_093);
pub(super) static P1536: [u8; 192] = prime(741_804);
pub(super) static P2048: [u8; 256] = prime(124_476);
pub(super) static P4096: [u8; 512] = prime(240_904);
pub(super) static P6144: [u8; 768] = prime(929_484);
pub(super) static P8192: [u8; 1024] = prime(4_743_158);

/// A group of integers modulo a safe prime; the published ones with generator 2.
///
/// Ordered by strength, so the strongest of several is their maximum. The 512-bit "group" of identifier
/// `0.0.8.235.0.3.40` has no standard prime and is not here: parameters are never taken from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// RFC 2409 §6.2, the one every encrypting endpoint has.
    Modp1024,
    /// RFC 3526 §2.
    Modp1536,
    /// RFC 3526 §3.
    Modp2048,
    /// RFC 3526 §5.
    Modp4096,
    /// RFC 3526 §6.
    Modp6144,
    /// RFC 3526 §7.
    Modp8192,
    /// One of the operator's own ([`Group::from_parameters`]).
    Own(&'static Own),
}

impl Ord for Group {
    /// By size; of two of a size the operator's own comes after the published one.
    fn cmp(&self, other: &Self) -> Ordering {
        let own = |group: &Self| match group {
            Self::Own(own) => Some(*own),
            _ => None,
        };
        self.bits().cmp(&other.bits()).then_with(|| own(self).cmp(&own(other)))
    }
}

impl PartialOrd for Group {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Group {
    /// All published ones, weakest first.
    pub const ALL: [Self; 6] = [
        Self::Modp1024,
        Self::Modp1536,
        Self::Modp2048,
        Self::Modp4096,
        Self::Modp6144,
        Self::Modp8192,
    ];

    /// The published group that a token's object identifier stands for.
    #[must_use]
    pub fn by_token(arcs: &[u32]) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.token() == arcs)
    }

    /// The arcs of its token's object identifier.
    #[must_use]
    pub fn token(self) -> &'static [u32] {
        match self {
            Self::Own(_) => {
                let published = Self::ALL.into_iter().find(|one| one.octets() == self.octets());
                published.map_or(&[], Self::token)
            }
            Self::Modp1024 => &[0, 0, 8, 235, 0, 3, 43],
            Self::Modp1536 => &[0, 0, 8, 235, 0, 3, 44],
            Self::Modp2048 => &[0, 0, 8, 235, 0, 3, 45],
            Self::Modp4096 => &[0, 0, 8, 235, 0, 3, 47],
            Self::Modp6144 => &[0, 0, 8, 235, 0, 4, 77],
            Self::Modp8192 => &[0, 0, 8, 235, 0, 4, 78],
        }
    }

    /// The prime, big-endian.
    #[must_use]
    pub fn prime(self) -> &'static [u8] {
        match self {
            Self::Modp1024 => &P1024,
            Self::Modp1536 => &P1536,
            Self::Modp2048 => &P2048,
            Self::Modp4096 => &P4096,
            Self::Modp6144 => &P6144,
            Self::Modp8192 => &P8192,
            Self::Own(own) => own.prime(),
        }
    }

    /// True for one of the operator's own.
    #[must_use]
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Octets of the prime, and so of every half key and shared secret.
    #[must_use]
    pub fn octets(self) -> usize {
        self.prime().len()
    }

    /// Bits of the prime.
    #[must_use]
    pub fn bits(self) -> usize {
        8 * self.octets()
    }

    /// The generator, as long as the prime: the way peers write it.
    #[must_use]
    pub fn generator(self) -> Vec<u8> {
        if let Self::Own(own) = self {
            return own.generator().to_vec();
        }
        let mut generator = vec![0; self.octets()];
        if let Some(last) = generator.last_mut() {
            *last = 2;
        }
        generator
    }

    /// Whether its token has room for prime and generator (`dhkey`); larger groups are known by identifier alone
    /// (`dhkeyext`).
    #[must_use]
    pub fn carries_parameters(self) -> bool {
        self.bits() <= 2048
    }

    /// Refuses parameters that are not this group's. A peer may leave out either, by zero octets.
    ///
    /// Taking a peer's own would let whoever sits between choose a weak group.
    ///
    /// # Errors
    /// [`Reject::Parameters`].
    pub fn check_parameters(self, prime: &[u8], generator: &[u8]) -> Result<(), Reject> {
        let prime_fits = prime.is_empty() || significant(prime) == self.prime();
        let generator_fits =
            generator.is_empty() || significant(generator) == significant(&self.generator());
        if prime_fits && generator_fits { Ok(()) } else { Err(Reject::Parameters) }
    }

    /// Refuses a half key that would give the secret away.
    ///
    /// # Errors
    /// [`Reject::HalfKey`] if it is 0, 1, p-1, no less than p, or longer than the prime.
    pub fn check_half_key(self, half_key: &[u8]) -> Result<(), Reject> {
        self.public_value(half_key).map(|_| ())
    }

    /// A peer's public value as long as the prime, if it is one: shorter ones had their zeros stripped.
    pub(super) fn public_value(self, half_key: &[u8]) -> Result<Vec<u8>, Reject> {
        let missing = self.octets().checked_sub(half_key.len()).ok_or(Reject::HalfKey)?;
        let mut value = vec![0; missing];
        value.extend_from_slice(half_key);
        // The prime is odd, so p-1 differs in its last octet only.
        let mut greatest = self.prime().to_vec();
        if let Some(last) = greatest.last_mut() {
            *last -= 1;
        }
        let too_small = matches!(significant(&value), [] | [1]);
        if too_small || value >= greatest { Err(Reject::HalfKey) } else { Ok(value) }
    }

    /// Bits of a private exponent: those of RFC 7919 §5.2 for the next larger group it lists, in whole words.
    pub(super) const fn exponent_bits(self) -> u32 {
        match self {
            Self::Modp1024 | Self::Modp1536 | Self::Modp2048 | Self::Own(_) => 256,
            Self::Modp4096 | Self::Modp6144 => 384,
            Self::Modp8192 => 448,
        }
    }
}

/// A big-endian number without its leading zeros.
pub(super) fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_find_their_group_and_nothing_else() {
        for group in Group::ALL {
            assert_eq!(Group::by_token(group.token()), Some(group));
        }
        assert_eq!(Group::by_token(MARKER), None);
        // The explicit 512-bit group, and the gap where 3072 bits might be.
        assert_eq!(Group::by_token(&[0, 0, 8, 235, 0, 3, 40]), None);
        assert_eq!(Group::by_token(&[0, 0, 8, 235, 0, 3, 46]), None);
        assert_eq!(Group::by_token(&[]), None);
    }

    #[test]
    fn stronger_is_greater() {
        assert!(Group::ALL.is_sorted());
        assert!(Group::ALL.map(Group::bits).is_sorted());
        assert_eq!(Group::ALL.map(Group::bits), [1024, 1536, 2048, 4096, 6144, 8192]);
        assert_eq!(
            Group::ALL.map(Group::carries_parameters),
            [true, true, true, false, false, false]
        );
    }

    #[test]
    fn own_parameters_pass_in_every_form_peers_write() {
        for group in Group::ALL {
            let mut longer = vec![0, 0];
            longer.extend_from_slice(group.prime());
            for prime in [group.prime(), &longer, &[]] {
                for generator in [&group.generator()[..], &[2], &[]] {
                    assert_eq!(group.check_parameters(prime, generator), Ok(()));
                }
            }
        }
    }

    #[test]
    fn foreign_parameters_are_refused() {
        let group = Group::Modp1024;
        let mut changed = group.prime().to_vec();
        changed[100] ^= 1;
        let even_smaller = [&[0; 127][..], &[23]].concat();
        for prime in [&changed[..], &even_smaller, &[0; 128], &[0], Group::Modp1536.prime()] {
            assert_eq!(group.check_parameters(prime, &[2]), Err(Reject::Parameters));
        }
        for generator in [&[1][..], &[5], &[0], &[2, 0], &[0; 128], group.prime()] {
            assert_eq!(group.check_parameters(group.prime(), generator), Err(Reject::Parameters));
            assert_eq!(group.check_parameters(&[], generator), Err(Reject::Parameters));
        }
    }

    #[test]
    fn public_values_lie_between_two_and_p_minus_two() {
        for group in Group::ALL {
            let offset = |below: u8| {
                let mut value = group.prime().to_vec();
                *value.last_mut().unwrap() -= below;
                value
            };
            let mut above = group.prime().to_vec();
            above[10] = 0xff;
            let longer = [&[0][..], &group.generator()].concat();
            let zeros = vec![0; group.octets()];
            let ones = vec![0xff; group.octets()];
            let refused = [
                &[][..],
                &[0],
                &[1],
                &[0, 1],
                &zeros,
                &ones,
                &longer,
                &above,
                &offset(0),
                &offset(1),
            ];
            for value in refused {
                assert_eq!(group.public_value(value), Err(Reject::HalfKey), "{group:?}");
            }
            assert_eq!(group.public_value(&offset(2)), Ok(offset(2)));
            assert_eq!(group.public_value(&[2]), Ok(group.generator()));
            assert_eq!(group.public_value(&group.generator()), Ok(group.generator()));
        }
    }
}
