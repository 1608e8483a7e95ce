//! Groups of an operator's own. They come from files that the operator names, never from a peer, and have to be sound.

use std::hash::{Hash, Hasher};

use crypto_bigint::{Odd, U1024, U1536, U2048, Uint, UnsignedWithMontyForm};
use crypto_primes::Flavor;
use crypto_primes::hazmat::MillerRabin;
use sha1::{Digest as _, Sha1};

use super::Group;
use super::group::significant;

/// Rounds of Miller and Rabin: a number that is no prime passes each with a chance of a quarter at most, and its maker
/// cannot choose the bases.
const ROUNDS: u32 = 40;

/// Why parameters make no group to agree on secrets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// The prime has a length that no token of H.235.6 has room for beside its parameters.
    #[error(
        "the prime has {0} bits; parameters of one's own can have 1024, 1536 or 2048, larger groups are the published \
         ones"
    )]
    Length(usize),
    /// The number is no prime.
    #[error("the modulus is no prime")]
    Composite,
    /// Half of the prime is none: there are small subgroups, from which a half key would give parts of a secret away.
    #[error("the prime is not a safe one ((p-1)/2 is no prime)")]
    Unsafe,
    /// A generator of nothing: 0, 1, p-1 or more.
    #[error("the generator is not between 2 and p-2")]
    Generator,
}

/// The parameters of such a group.
#[derive(Debug)]
pub struct Own {
    prime: Vec<u8>,
    /// As long as the prime.
    generator: Vec<u8>,
    pub(super) modulus: Modulus,
}

/// The prime as a number.
#[derive(Debug)]
pub(super) enum Modulus {
    /// 1024 bits.
    Bits1024(Odd<U1024>),
    /// 1536 bits.
    Bits1536(Odd<U1536>),
    /// 2048 bits.
    Bits2048(Odd<U2048>),
}

impl Own {
    pub(super) fn prime(&self) -> &[u8] {
        &self.prime
    }

    pub(super) fn generator(&self) -> &[u8] {
        &self.generator
    }

    fn parameters(&self) -> (usize, &[u8], &[u8]) {
        (self.prime.len(), &self.prime, &self.generator)
    }
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.parameters() == other.parameters()
    }
}

impl Eq for Own {}

impl PartialOrd for Own {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Own {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parameters().cmp(&other.parameters())
    }
}

impl Hash for Own {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parameters().hash(state);
    }
}

impl Group {
    /// The group of these parameters, big-endian: the published one that has them, or one of the operator's own. For safe
    /// primes it is enough to refuse half keys of 0, 1 and p-1, so no other is taken.
    ///
    /// One of the operator's own is kept for the life of the process: parameters of a peer must not come here.
    ///
    /// # Errors
    /// [`Unsound`], for a group that is none of the published ones.
    pub fn from_parameters(prime: &[u8], generator: &[u8]) -> Result<Self, Unsound> {
        let (prime, generator) = (significant(prime), significant(generator));
        let published = Self::ALL.into_iter().find(|group| group.prime() == prime);
        if let Some(group) = published.filter(|_| generator == [2]) {
            return Ok(group);
        }
        let bits = prime.len() * 8 - prime.first().map_or(0, |top| top.leading_zeros() as usize);
        let modulus = match bits {
            1024 => safe(prime).map(Modulus::Bits1024),
            1536 => safe(prime).map(Modulus::Bits1536),
            2048 => safe(prime).map(Modulus::Bits2048),
            _ => Err(Unsound::Length(bits)),
        }?;
        let mut padded = vec![0; prime.len().saturating_sub(generator.len())];
        padded.extend_from_slice(generator);
        // The prime is odd, so p-1 differs in its last octet only.
        let mut greatest = prime.to_vec();
        if let Some(last) = greatest.last_mut() {
            *last -= 1;
        }
        if matches!(generator, [] | [1]) || padded.len() > prime.len() || padded >= greatest {
            return Err(Unsound::Generator);
        }
        let own = Own { prime: prime.to_vec(), generator: padded, modulus };
        Ok(Self::Own(Box::leak(Box::new(own))))
    }
}

/// A safe prime. That `(p-1)/2` is a prime is tested more often, for with that, p is one if it passes to base two
/// (Pocklington).
fn safe<const LIMBS: usize>(prime: &[u8]) -> Result<Odd<Uint<LIMBS>>, Unsound>
where
    Uint<LIMBS>: UnsignedWithMontyForm,
{
    let number = Uint::<LIMBS>::from_be_slice(prime);
    let odd = number.to_odd().into_option().ok_or(Unsound::Composite)?;
    if !crypto_primes::is_prime(Flavor::Any, &number) {
        return Err(Unsound::Composite);
    }
    let half = number.shr_vartime(1).to_odd().into_option().ok_or(Unsound::Unsafe)?;
    if is_prime(&half, prime) { Ok(odd) } else { Err(Unsound::Unsafe) }
}

/// The test of Baillie, Pomerance, Selfridge and Wagstaff, which no composite is known to pass, and Miller's and Rabin's
/// with bases that follow from the number by a hash: whoever makes one cannot choose them.
fn is_prime<const LIMBS: usize>(number: &Odd<Uint<LIMBS>>, seed: &[u8]) -> bool
where
    Uint<LIMBS>: UnsignedWithMontyForm,
{
    let test = MillerRabin::new(*number);
    let by = |round| test.test(&base::<LIMBS>(seed, round).rem_vartime(number.as_nz_ref()));
    crypto_primes::is_prime(Flavor::Any, number.as_ref())
        && (0..ROUNDS).all(|round| by(round).is_probably_prime())
}

/// A base, before it is reduced.
fn base<const LIMBS: usize>(seed: &[u8], round: u32) -> Uint<LIMBS> {
    let mut octets = Vec::with_capacity(seed.len());
    for part in 0u32.. {
        let missing = seed.len() - octets.len();
        if missing == 0 {
            break;
        }
        let mut hash = Sha1::new();
        for text in [&round.to_be_bytes()[..], &part.to_be_bytes(), seed] {
            hash.update(text);
        }
        octets.extend(hash.finalize().iter().take(missing));
    }
    Uint::from_be_slice(&octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The prime of RFC 7919 §A.1 is one, but none of H.235.6: an operator's own, so to say.
    fn other_prime() -> Vec<u8> {
        let text = "ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695a9e13641146433fbcc939dce249b3ef9\
                    7d2fe363630c75d8f681b202aec4617ad3df1ed5d5fd65612433f51f5f066ed0856365553ded1af3b557135e7f57c935\
                    984f0c70e0e68b77e2a689daf3efe8721df158a136ade73530acca4f483a797abc0ab182b324fb61d108a94bb2c8e3fb\
                    b96adab760d7f4681d4f42a3de394df4ae56ede76372bb190b07a7c8ee0a6d709e02fce1cdf7e2ecc03404cd28342f61\
                    9172fe9ce98583ff8e4f1232eef28183c3fe3b1b4c6fad733bb5fcbc2ec22005c58ef1837d1683b2c6f34a26c1b2effa\
                    886b423861285c97ffffffffffffffff";
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let octet = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
        digits.chunks(2).map(octet).collect()
    }

    #[test]
    fn published_parameters_are_the_published_group() {
        for group in Group::ALL {
            let found = Group::from_parameters(group.prime(), &group.generator());
            assert_eq!(found, Ok(group));
            let padded = [&[0, 0][..], group.prime()].concat();
            assert_eq!(Group::from_parameters(&padded, &[2]), Ok(group));
        }
    }

    #[test]
    fn a_safe_prime_makes_a_group_of_its_own() {
        let prime = other_prime();
        let own = Group::from_parameters(&prime, &[2]).unwrap();
        assert_eq!((own.bits(), own.prime()), (2048, &prime[..]));
        assert_eq!(own.token(), Group::Modp2048.token());
        assert!(own.carries_parameters());
        assert!(own > Group::Modp2048 && own < Group::Modp4096, "by bits");
        assert_eq!(Group::from_parameters(&prime, &[2]), Ok(own), "the same again");
        assert_ne!(Group::from_parameters(&prime, &[5]), Ok(own));
        assert_eq!(own.check_parameters(&prime, &[2]), Ok(()));
        for other in [Group::Modp2048, Group::from_parameters(&prime, &[5]).unwrap()] {
            assert!(own.check_parameters(other.prime(), &other.generator()).is_err());
        }
        // A published prime with another generator is an operator's own, too.
        let third = Group::from_parameters(Group::Modp1024.prime(), &[3]).unwrap();
        assert_ne!(third, Group::Modp1024);
        assert_eq!(third.token(), Group::Modp1024.token());
    }

    #[test]
    fn unsound_parameters_make_none() {
        let good = other_prime();
        let of = |prime: &[u8], generator: &[u8]| Group::from_parameters(prime, generator);
        for (prime, bits) in [(&[][..], 0), (&[23], 5), (&[0xff; 64], 512), (&[0xff; 384], 3072)] {
            assert_eq!(of(prime, &[2]), Err(Unsound::Length(bits)));
        }
        let with_last = |last: u8| {
            let mut prime = good.clone();
            *prime.last_mut().unwrap() = last;
            prime
        };
        assert_eq!(of(&with_last(0xfe), &[2]), Err(Unsound::Composite), "even");
        assert_eq!(of(&with_last(0xfd), &[2]), Err(Unsound::Composite));
        let mut one_less = good.clone();
        *one_less.last_mut().unwrap() -= 1;
        for generator in [&[][..], &[0], &[1], &one_less, &good, &[0xff; 300]] {
            assert_eq!(of(&good, generator), Err(Unsound::Generator));
        }
        // 2^1023 + 1155 is the first prime of 1024 bits, and not a safe one.
        let mut first = vec![0; 128];
        first[0] = 0x80;
        first[126..].copy_from_slice(&1155u16.to_be_bytes());
        assert_eq!(of(&first, &[2]), Err(Unsound::Unsafe));
    }

    #[test]
    fn numbers_that_only_seem_prime_are_found_out() {
        // A prime by itself, a Carmichael number, a strong pseudoprime to the bases 2 to 23, a square.
        let judged = |number: u64| {
            let odd = Uint::<16>::from(number).to_odd().into_option().unwrap();
            let seed = [&[0; 120][..], &number.to_be_bytes()].concat();
            let test = MillerRabin::new(odd);
            let by = |round| test.test(&base::<16>(&seed, round).rem_vartime(odd.as_nz_ref()));
            let hashed = (0..ROUNDS).all(|round| by(round).is_probably_prime());
            assert_eq!(hashed, crypto_primes::is_prime(Flavor::Any, odd.as_ref()), "{number}");
            assert_eq!(hashed, is_prime(&odd, &seed), "{number}");
            hashed
        };
        assert!([1_000_003, 18_446_744_073_709_551_557].into_iter().all(judged));
        // And 5459, a strong Lucas pseudoprime.
        let seem = [561, 5_459, 3_215_031_751, 3_825_123_056_546_413_051, 1_000_003 * 1_000_003];
        assert!(!seem.into_iter().any(judged));
    }
}
