//! Two encrypted calls between endpoints of another make: their tokens are accepted, their keys unwrap, and their media
//! are the tones the endpoints played.
//!
//! `tools/extract.py` made `vectors/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use pinhole_crypto::cbc::{Fill, Open, Seal};
use pinhole_crypto::dh::{Group, KeyPair};
use pinhole_crypto::session::{KeyEncryptionKey, SessionKey};
use pinhole_crypto::{Algorithm, Packet, Transform};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const HEADER: usize = 12;
/// What each endpoint played, in hertz.
const TONES: [(&str, f64); 2] = [("caller", 440.0), ("callee", 700.0)];

/// A call: its algorithm and lines of names and octets.
struct Call {
    algorithm: Algorithm,
    lines: Vec<(String, Vec<u8>)>,
}

impl Call {
    fn all() -> [Self; 2] {
        [
            Self::read(Algorithm::Aes128, include_str!("vectors/direct128nf.txt")),
            Self::read(Algorithm::Aes256, include_str!("vectors/d256_2048.txt")),
        ]
    }

    fn read(algorithm: Algorithm, text: &str) -> Self {
        let octets = |digits: &str| match digits {
            "-" => Vec::new(),
            digits => (0..digits.len() / 2)
                .map(|n| u8::from_str_radix(&digits[2 * n..][..2], 16).unwrap())
                .collect(),
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.map(|line| line.split_once(' ').unwrap());
        Self {
            algorithm,
            lines: lines.map(|(name, digits)| (name.to_owned(), octets(digits))).collect(),
        }
    }

    fn named(&self, name: &str) -> Vec<&[u8]> {
        self.lines.iter().filter(|line| line.0 == name).map(|line| &line.1[..]).collect()
    }

    fn session_key(&self, end: &str) -> SessionKey {
        let key = KeyEncryptionKey::from_secret(self.named("secret")[0], self.algorithm).unwrap();
        key.unwrap(self.named(&format!("wrapped-{end}"))[0]).unwrap()
    }

    /// The payloads of one end, opened with a key and put together.
    fn audio(&self, end: &str, key: &SessionKey) -> Vec<u8> {
        let mut open = Open::new(key);
        let mut audio = Vec::new();
        for octets in self.named(&format!("media-{end}")) {
            let mut buffer = octets.to_vec();
            let mut packet = Packet::new(&mut buffer, octets.len()).unwrap();
            open.apply(&mut packet).unwrap();
            audio.extend_from_slice(&packet.octets()[HEADER..]);
        }
        audio
    }
}

/// An A-law sample (ITU-T G.711) as a number.
fn linear(sample: u8) -> f64 {
    let bits = sample ^ 0x55;
    let (exponent, mantissa) = (i32::from(bits >> 4 & 7), i32::from(bits & 15));
    let magnitude =
        if exponent == 0 { 2 * mantissa + 1 } else { (2 * mantissa + 33) << (exponent - 1) };
    f64::from(if bits & 0x80 == 0 { -magnitude } else { magnitude })
}

/// The share of the power of some A-law audio that is at one frequency.
fn share(audio: &[u8], hertz: f64) -> f64 {
    let (mut real, mut imaginary, mut power) = (0.0, 0.0, 0.0);
    for (n, sample) in audio.iter().enumerate() {
        let (sample, angle) = (linear(*sample), std::f64::consts::TAU * hertz * n as f64 / 8000.0);
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
        power += sample * sample;
    }
    2.0 * (real * real + imaginary * imaginary) / (power * audio.len() as f64)
}

#[test]
fn the_media_are_the_tones_that_were_played() {
    for call in Call::all() {
        for (end, hertz) in TONES {
            let audio = call.audio(end, &call.session_key(end));
            assert_eq!(audio.len(), 10 * 160);
            assert!(share(&audio, hertz) > 0.95, "{end} {}", share(&audio, hertz));
        }
    }
}

#[test]
fn with_the_key_of_the_other_direction_they_are_noise() {
    for call in Call::all() {
        for ((end, hertz), (other, _)) in TONES.into_iter().zip(TONES.into_iter().rev()) {
            let audio = call.audio(end, &call.session_key(other));
            assert!(share(&audio, hertz) < 0.1, "{end} {}", share(&audio, hertz));
        }
    }
}

#[test]
fn both_calls_begin_with_the_same_audio() {
    let [one, other] = Call::all().map(|call| call.audio("caller", &call.session_key("caller")));
    assert_eq!(one[..6], [0xd5, 0x90, 0x86, 0x8f, 0x8b, 0x8b]);
    assert_eq!(one[..160], other[..160]);
}

#[test]
fn sealed_again_the_packets_are_as_they_came() {
    for call in Call::all() {
        for (end, _) in TONES {
            let key = call.session_key(end);
            for octets in call.named(&format!("media-{end}")) {
                let mut buffer = octets.to_vec();
                let mut packet = Packet::new(&mut buffer, octets.len()).unwrap();
                Open::new(&key).apply(&mut packet).unwrap();
                assert_ne!(packet.octets(), octets);
                Seal::new(&key, Fill::Count).apply(&mut packet).unwrap();
                assert_eq!(packet.octets(), octets);
            }
        }
    }
}

#[test]
fn their_keys_wrap_to_what_they_sent() {
    for call in Call::all() {
        let key = KeyEncryptionKey::from_secret(call.named("secret")[0], call.algorithm).unwrap();
        for (end, _) in TONES {
            let wrapped = call.named(&format!("wrapped-{end}"))[0];
            assert_eq!(key.wrap(&call.session_key(end)).unwrap(), wrapped);
        }
    }
}

#[test]
fn their_tokens_are_accepted() {
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let mut seen = Vec::new();
    for call in Call::all() {
        for (end, _) in TONES {
            let half_keys = call.named(&format!("half-key-{end}"));
            let primes = call.named(&format!("prime-{end}"));
            let generators = call.named(&format!("generator-{end}"));
            for ((half_key, prime), generator) in half_keys.into_iter().zip(primes).zip(generators)
            {
                let group =
                    Group::ALL.into_iter().find(|group| group.octets() == half_key.len()).unwrap();
                assert_eq!(group.check_parameters(prime, generator), Ok(()));
                assert!(
                    prime.is_empty() || (prime == group.prime() && generator == group.generator())
                );
                KeyPair::generate(group, &mut rng).agree(half_key).unwrap();
                seen.push((group, prime.is_empty()));
            }
        }
    }
    let with = (Group::Modp1024, false);
    let without = (Group::Modp2048, true);
    assert_eq!(seen, [with, with, with, without, without]);
}
