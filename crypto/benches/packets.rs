//! Nanoseconds per packet of the cipher on RTP payload, ours beside the plain `cbc` crate and OpenSSL, interleaved in
//! one run; and ratios between them. `cargo bench -p pinhole-crypto`.
//!
//! Every contender encrypts sixty-four packets of as many keys, kept ready; before it is timed, its octets are compared
//! with the first one's.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run should say so and end")]

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use aes::{Aes128Dec, Aes128Enc, Aes256Dec, Aes256Enc, Block};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use pinhole_crypto::batch::{self, Job};
use pinhole_crypto::cbc::{Fill, Open, Seal};
use pinhole_crypto::session::SessionKey;
use pinhole_crypto::{Algorithm, Packet, Transform};
use std::time::{Duration, Instant};

const FLOWS: usize = 64;
const ROUNDS: usize = 25;
const HEADER: usize = 12;

type Work<'a> = Box<dyn FnMut(&mut [Vec<u8>]) + 'a>;
type Contender<'a> = (&'a str, Work<'a>);

fn main() {
    for payload in [160, 1200] {
        for algorithm in Algorithm::ALL {
            encryption(algorithm, payload);
            decryption(algorithm, payload);
        }
    }
}

fn encryption(algorithm: Algorithm, payload: usize) {
    let keys = keys(algorithm);
    let mut alone: Vec<Seal> =
        sessions(algorithm, &keys).map(|key| Seal::new(&key, Fill::Count)).collect();
    let together: Vec<Seal> =
        sessions(algorithm, &keys).map(|key| Seal::new(&key, Fill::Count)).collect();
    let mut contexts = contexts(algorithm, &keys, true);
    let mut contenders: Vec<Contender<'_>> = vec![
        ("cbc crate", cbc_encrypt(algorithm, &keys)),
        ("ours, one by one", Box::new(move |packets| each(packets, &mut alone))),
        ("ours, batched", Box::new(move |packets| batched(packets, &together))),
        ("openssl", Box::new(move |packets| update(packets, &mut contexts))),
    ];
    run(&format!("encrypt {algorithm:?} {payload} B"), &mut contenders, payload);
}

fn decryption(algorithm: Algorithm, payload: usize) {
    let keys = keys(algorithm);
    let mut alone: Vec<Open> = sessions(algorithm, &keys).map(|key| Open::new(&key)).collect();
    let mut contexts = contexts(algorithm, &keys, false);
    let mut contenders: Vec<Contender<'_>> = vec![
        ("cbc crate", cbc_decrypt(algorithm, &keys)),
        ("ours, one by one", Box::new(move |packets| each(packets, &mut alone))),
        ("openssl", Box::new(move |packets| update(packets, &mut contexts))),
    ];
    run(&format!("decrypt {algorithm:?} {payload} B"), &mut contenders, payload);
}

fn keys(algorithm: Algorithm) -> Vec<Vec<u8>> {
    let octet = |flow: usize, n: usize| (flow * 31 + n * 7) as u8;
    (0..FLOWS).map(|flow| (0..algorithm.key_length()).map(|n| octet(flow, n)).collect()).collect()
}

fn sessions(algorithm: Algorithm, keys: &[Vec<u8>]) -> impl Iterator<Item = SessionKey> {
    keys.iter().filter_map(move |key| SessionKey::from_octets(algorithm, key).ok())
}

fn each<T: Transform>(packets: &mut [Vec<u8>], transforms: &mut [T]) {
    for (octets, transform) in packets.iter_mut().zip(transforms) {
        let length = octets.len();
        if let Ok(mut packet) = Packet::new(octets, length) {
            transform.apply(&mut packet).unwrap_or_default();
        }
    }
}

/// Sixteen jobs at a time, so that none are on the heap.
fn batched(packets: &mut [Vec<u8>], seals: &[Seal]) {
    for (octets, seals) in packets.chunks_mut(16).zip(seals.chunks(16)) {
        let mut octets = octets.iter_mut();
        let mut seals = seals.iter();
        let mut jobs: [Job<'_>; 16] = std::array::from_fn(|_| {
            let (octets, seal) = (octets.next().expect("sixteen"), seals.next().expect("sixteen"));
            let length = octets.len();
            Job::new(Packet::new(octets, length).expect("whole"), seal)
        });
        batch::seal(&mut jobs);
    }
}

fn start_value(octets: &[u8]) -> [u8; 16] {
    std::array::from_fn(|n| octets[2 + n % 6])
}

fn cbc_encrypt<'a>(algorithm: Algorithm, keys: &[Vec<u8>]) -> Work<'a> {
    macro_rules! with {
        ($aes:ty) => {{
            let aes: Vec<$aes> =
                keys.iter().map(|key| <$aes>::new_from_slice(key).expect("length")).collect();
            Box::new(move |packets| {
                for (octets, aes) in packets.iter_mut().zip(&aes) {
                    let iv = start_value(octets);
                    let (blocks, _) = Block::slice_as_chunks_mut(&mut octets[HEADER..]);
                    cbc::Encryptor::inner_iv_init(aes, &iv.into()).encrypt_blocks(blocks);
                }
            })
        }};
    }
    match algorithm {
        Algorithm::Aes128 => with!(Aes128Enc),
        Algorithm::Aes256 => with!(Aes256Enc),
    }
}

fn cbc_decrypt<'a>(algorithm: Algorithm, keys: &[Vec<u8>]) -> Work<'a> {
    macro_rules! with {
        ($aes:ty) => {{
            let aes: Vec<$aes> =
                keys.iter().map(|key| <$aes>::new_from_slice(key).expect("length")).collect();
            Box::new(move |packets| {
                for (octets, aes) in packets.iter_mut().zip(&aes) {
                    let iv = start_value(octets);
                    let (blocks, _) = Block::slice_as_chunks_mut(&mut octets[HEADER..]);
                    cbc::Decryptor::inner_iv_init(aes, &iv.into()).decrypt_blocks(blocks);
                }
            })
        }};
    }
    match algorithm {
        Algorithm::Aes128 => with!(Aes128Dec),
        Algorithm::Aes256 => with!(Aes256Dec),
    }
}

fn contexts(algorithm: Algorithm, keys: &[Vec<u8>], encrypt: bool) -> Vec<(CipherCtx, bool)> {
    let cipher = match algorithm {
        Algorithm::Aes128 => Cipher::aes_128_cbc(),
        Algorithm::Aes256 => Cipher::aes_256_cbc(),
    };
    let context = |key: &Vec<u8>| {
        let mut context = CipherCtx::new()?;
        if encrypt {
            context.encrypt_init(Some(cipher), Some(key), None)?;
        } else {
            context.decrypt_init(Some(cipher), Some(key), None)?;
        }
        context.set_padding(false);
        Ok((context, encrypt))
    };
    keys.iter().map(context).collect::<Result<_, openssl::error::ErrorStack>>().expect("contexts")
}

/// OpenSSL with key schedules kept: only the start value is new for each packet.
fn update(packets: &mut [Vec<u8>], contexts: &mut [(CipherCtx, bool)]) {
    for (octets, (context, encrypt)) in packets.iter_mut().zip(contexts) {
        let iv = start_value(octets);
        if *encrypt {
            context.encrypt_init(None, None, Some(&iv)).expect("start value");
        } else {
            context.decrypt_init(None, None, Some(&iv)).expect("start value");
        }
        // The binding insists on room for a block more.
        let whole = octets.len();
        octets.resize(whole + 16, 0);
        context.cipher_update_inplace(&mut octets[HEADER..], whole - HEADER).expect("whole blocks");
        octets.truncate(whole);
    }
}

fn run(title: &str, contenders: &mut [Contender<'_>], payload: usize) {
    let mut expected: Option<Vec<Vec<u8>>> = None;
    for (name, contender) in contenders.iter_mut() {
        let mut packets = packets(payload);
        contender(&mut packets);
        assert_eq!(*expected.get_or_insert_with(|| packets.clone()), packets, "{name}");
    }
    let repeat = 400_000 / (FLOWS * payload) + 10;
    let mut times = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, contender), times) in contenders.iter_mut().zip(&mut times) {
            let mut packets = packets(payload);
            contender(&mut packets);
            times.push(
                clocked(|| (0..repeat).for_each(|_| contender(&mut packets))) / repeat as u32,
            );
        }
    }
    println!("{title}");
    let best = |times: &Vec<Duration>| times.iter().min().map_or(f64::NAN, nanoseconds);
    let first = times.first().map_or(f64::NAN, best);
    for ((name, _), times) in contenders.iter().zip(&mut times) {
        times.sort();
        let median = times.get(ROUNDS / 2).map_or(f64::NAN, nanoseconds);
        let best = best(times);
        println!(
            "  {name:<18}{best:>8.1} ns best{median:>9.1} ns median{:>8.2} x the first",
            best / first
        );
    }
}

fn packets(payload: usize) -> Vec<Vec<u8>> {
    let packet = |flow: usize| {
        let mut octets: Vec<u8> = (0..HEADER + payload).map(|n| (n * 5 + flow) as u8).collect();
        octets[0] = 0x80;
        octets
    };
    (0..FLOWS).map(packet).collect()
}

fn nanoseconds(time: &Duration) -> f64 {
    time.as_nanos() as f64 / FLOWS as f64
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is about time")]
fn clocked(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
