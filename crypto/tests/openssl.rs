//! OpenSSL as the other side: its primes are ours, and its half keys agree with ours on the same secret.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use openssl::bn::{BigNum, BigNumContext, MsbOption};
use pinhole_crypto::Algorithm;
use pinhole_crypto::dh::{Group, KeyPair};
use pinhole_crypto::session::{KeyEncryptionKey, SessionKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn prime(group: Group) -> BigNum {
    match group {
        Group::Modp1024 => BigNum::get_rfc2409_prime_1024(),
        Group::Modp1536 => BigNum::get_rfc3526_prime_1536(),
        Group::Modp2048 => BigNum::get_rfc3526_prime_2048(),
        Group::Modp4096 => BigNum::get_rfc3526_prime_4096(),
        Group::Modp6144 => BigNum::get_rfc3526_prime_6144(),
        Group::Modp8192 => BigNum::get_rfc3526_prime_8192(),
        Group::Own(_) => BigNum::from_slice(group.prime()),
    }
    .unwrap()
}

/// What `openssl dhparam 2048` made, as OpenSSL reads it.
fn own() -> Group {
    let file = include_bytes!("../../tests/vectors/dh/dh2048.pem");
    let parameters = openssl::dh::Dh::params_from_pem(file).unwrap();
    let (prime, generator) = (parameters.prime_p().to_vec(), parameters.generator().to_vec());
    let group = Group::from_parameters(&prime, &generator).unwrap();
    assert_eq!((group.prime(), group.generator().ends_with(&generator)), (&prime[..], true));
    group
}

#[test]
fn the_primes_are_the_same() {
    for group in Group::ALL {
        assert_eq!(group.prime(), prime(group).to_vec(), "{group:?}");
    }
}

#[test]
fn the_secrets_are_the_same() {
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let mut context = BigNumContext::new().unwrap();
    for group in Group::ALL.into_iter().chain([own()]) {
        let prime = prime(group);
        let mut exponent = BigNum::new().unwrap();
        exponent.rand(300, MsbOption::ONE, false).unwrap();
        let mut half_key = BigNum::new().unwrap();
        half_key.mod_exp(&BigNum::from_u32(2).unwrap(), &exponent, &prime, &mut context).unwrap();

        let ours = KeyPair::generate(group, &mut rng);
        let mut secret = BigNum::new().unwrap();
        let base = BigNum::from_slice(ours.half_key()).unwrap();
        secret.mod_exp(&base, &exponent, &prime, &mut context).unwrap();

        let agreed = ours.agree(&half_key.to_vec()).unwrap();
        for algorithm in Algorithm::ALL {
            let session = SessionKey::generate(algorithm, &mut rng);
            let theirs = KeyEncryptionKey::from_secret(&secret.to_vec(), algorithm).unwrap();
            let wrapped = agreed.key_encryption_key(algorithm).wrap(&session).unwrap();
            assert_eq!(theirs.unwrap(&wrapped).unwrap(), session, "{group:?}");
        }
    }
}
