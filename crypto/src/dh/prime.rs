//! The primes of RFC 2409 §6.2 and RFC 3526, built as those texts define them.
//!
//! Each is `2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + k)`: sixty-four ones, digits of pi to which a small
//! number is added so that the whole becomes a safe prime, and sixty-four ones.

/// `floor(2^8062 * pi)`, in hexadecimal: the middle of the largest prime. The others take the front of it.
const PI: &[u8; 2016] = b"\
    c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22\
    514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245\
    e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5\
    ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a\
    69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d\
    670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603\
    9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae5\
    15d2261898fa051015728e5a8aaac42dad33170d04507a33a85521abdf1cba64\
    ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7abf5ae8cdb0933d7\
    1e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64\
    521f2b18177b200cbbe117577a615d6c770988c0bad946e208e24fa074e5ab31\
    43db5bfce0fd108e4b82d120a92108011a723c12a787e6d788719a10bdba5b26\
    99c327186af4e23c1a946834b6150bda2583e9ca2ad44ce8dbbbc2db04de8ef9\
    2e8efc141fbecaa6287c59474e6bc05d99b2964fa090c3a2233ba186515be7ed\
    1f612970cee2d7afb81bdd762170481cd0069127d5b05aa993b4ea988d8fddc1\
    86ffb7dc90a6c08f4df435c93402849236c3fab4d27c7026c1d4dcb2602646de\
    c9751e763dba37bdf8ff9406ad9e530ee5db382f413001aeb06a53ed9027d831\
    179727b0865a8918da3edbebcf9b14ed44ce6cbaced4bb1bdb7f1447e6cc254b\
    332051512bd7af426fb8f401378cd2bf5983ca01c64b92ecf032ea15d1721d03\
    f482d7ce6e74fef6d55e702f46980c82b5a84031900b1c9e59e7c97fbec7e8f3\
    23a97a7e36cc88be0f1d45b7ff585ac54bd407b22b4154aacc8f6d7ebf48e1d8\
    14cc5ed20f8037e0a79715eef29be32806a1d58bb7c5da76f550aa3d8a1fbff0\
    eb19ccb1a313d55cda56c9ec2ef29632387fe8d76e3c0468043e8f663f4860ee\
    12bf2d5b0b7474d6e694f91e6dbe115974a3926f12fee5e438777cb6a932df8c\
    d8bec4d073b931ba3bc832b68d9dd300741fa7bf8afc47ed2576f6936ba42466\
    3aab639c5ae4f5683423b4742bf1c978238f16cbe39d652de3fdb8befc848ad9\
    22222e04a4037c0713eb57a81a23f0c73473fc646cea306b4bcbc8862f8385dd\
    fa9d4b7fa2c087e879683303ed5bdd3a062b3cf5b3a278a66d2a13f83f44f82d\
    df310ee074ab6a364597e899a0255dc164f31cc50846851df9ab48195ded7ea1\
    b1d510bd7ee74d73faf36bc31ecfa268359046f4eb879f924009438b481c6cd7\
    889a002ed5ee382bc9190da6fc026e479558e4475677e9aa9e3050e2765694df\
    c81f56e880b96e7160c980dd98a573ea\
";

/// The prime of `OCTETS` octets whose added number is `k`, big-endian.
///
/// Evaluated by the compiler: a wrong size does not build.
pub(super) const fn prime<const OCTETS: usize>(k: u32) -> [u8; OCTETS] {
    let mut prime = [0xff; OCTETS];
    let mut at = 8;
    while at < OCTETS - 8 {
        prime[at] = digit(PI[2 * (at - 8)]) << 4 | digit(PI[2 * (at - 8) + 1]);
        at += 1;
    }
    // The one that is subtracted makes the low ones, and is borrowed from here.
    let mut carry = k - 1;
    while carry > 0 {
        at -= 1;
        carry += prime[at] as u32;
        prime[at] = (carry & 0xff) as u8;
        carry >>= 8;
    }
    prime
}

const fn digit(letter: u8) -> u8 {
    match letter {
        b'0'..=b'9' => letter - b'0',
        _ => letter - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Group;
    use crate::tests::hex;
    use sha2::{Digest, Sha256};

    /// Hashes of the primes as the RFCs print them.
    #[test]
    fn no_prime_differs_from_its_rfc() {
        let known = [
            (Group::Modp1024, "3f35a3f5f6c4376a744acad409bb22f8d897f949d2311d885adaa890981b67a0"),
            (Group::Modp1536, "64fcc83ec403930bf18393dbc883ccaa1fbb08ac876f77f7aa99748ca945019b"),
            (Group::Modp2048, "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e"),
            (Group::Modp4096, "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33"),
            (Group::Modp6144, "d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd"),
            (Group::Modp8192, "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf"),
        ];
        assert_eq!(known.map(|(group, _)| group), Group::ALL);
        for (group, hash) in known {
            assert_eq!(Sha256::digest(group.prime())[..], hex(hash)[..], "{group:?}");
            assert_eq!(group.prime().len(), group.octets());
        }
    }

    /// The last octets, as a second witness that does not hash.
    #[test]
    fn primes_end_as_printed() {
        let ends = [
            (Group::Modp1024, "49286651ece65381ffffffffffffffff"),
            (Group::Modp2048, "15728e5a8aacaa68ffffffffffffffff"),
            (Group::Modp4096, "4df435c934063199ffffffffffffffff"),
        ];
        for (group, end) in ends {
            assert!(group.prime().ends_with(&hex(end)), "{group:?}");
        }
        for group in Group::ALL {
            assert!(group.prime().starts_with(&hex("ffffffffffffffffc90fdaa22168c234")));
        }
    }
}
