//! Payloads whose ciphertext other software computed, and what hostile senders may try.

use super::*;
use crate::batch::Batch;
use crate::tests::hex;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Sequence number 1234, time stamp 56789abc.
const HEADER: &str = "806d1234 56789abc deadbeef";

/// The key `00 01 02 …`.
fn counting(algorithm: Algorithm) -> SessionKey {
    let octets: Vec<u8> = (0..algorithm.key_length() as u8).collect();
    SessionKey::from_octets(algorithm, &octets).unwrap()
}

/// The payload `a0 a1 a2 …`.
fn clear(length: usize) -> Vec<u8> {
    (0..length).map(|n| 0xa0_u8.wrapping_add(n as u8)).collect()
}

/// Applies a transform to a copy that has just the room it may need.
fn apply(transform: &mut impl Transform, octets: &[u8]) -> Result<Vec<u8>, Reject> {
    let mut buffer = [octets, &[0xee; Packet::TAILROOM]].concat();
    let mut packet = Packet::new(&mut buffer, octets.len())?;
    transform.apply(&mut packet)?;
    let length = packet.length();
    buffer.truncate(length);
    Ok(buffer)
}

/// What decrypts, with every kernel that this processor has.
fn opens(key: &SessionKey) -> Vec<(Kernel, Open)> {
    let kernels = Kernel::ALL.into_iter().filter(|kernel| kernel.is_available());
    kernels.map(|kernel| (kernel, Open::with(kernel, key))).collect()
}

/// As [`apply`], with every kernel that this processor has, alone and beside others: all must give the same.
fn seal(seal: &mut Seal, octets: &[u8]) -> Result<Vec<u8>, Reject> {
    let alone = apply(seal, octets);
    let batches = Kernel::ALL.into_iter().filter_map(|kernel| Some((kernel, Batch::with(kernel)?)));
    for (kernel, mut batch) in batches {
        for count in [1, 7, 16] {
            let mut buffers = vec![[octets, &[0xee; Packet::TAILROOM]].concat(); count];
            for (lane, buffer) in buffers.iter_mut().enumerate() {
                let mut packet = Packet::new(buffer, octets.len()).unwrap();
                let entered = batch.enter(lane, 0, &mut packet, seal);
                let expected = alone.as_ref().map(Vec::len).map_err(|reject| *reject);
                assert_eq!(entered.map(|()| packet.length()), expected);
            }
            batch.seal(&mut buffers);
            for (buffer, alone) in buffers.iter().zip(std::iter::repeat(alone.as_ref().ok())) {
                assert!(alone.is_none_or(|alone| buffer.starts_with(alone)), "{kernel:?} {count}");
            }
        }
    }
    alone
}

fn with_payload(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut octets = [&hex(HEADER)[..], payload].concat();
    octets[0] = first;
    octets
}

/// Length of the clear payload, then its ciphertext padded by counts, by zeros, and by stealing.
type Known = (usize, Option<&'static str>, Option<&'static str>, Option<&'static str>);

const KNOWN_128: [Known; 9] = [
    (1, Some("9b4eb54fb4bdd5930ff339a2823c68bc"), Some("eaf112487055371bb1f1803b3b3fe624"), None),
    (4, Some("d8ba0b04c7de0e78062282b3e9fd9064"), Some("5dbcae2672129d8f3e363ce6065abc06"), None),
    (10, Some("50a0b07a7e2834fe95810d65d3b49ad0"), Some("c07c0110dd32e105f1e6b349f7b23655"), None),
    (15, Some("35a889a511d0cd3a7298ce430060c097"), Some("35a889a511d0cd3a7298ce430060c097"), None),
    (16, Some("eced946a0aa7adfde8c5a24cbc88bc4b"), Some("eced946a0aa7adfde8c5a24cbc88bc4b"), None),
    (
        17,
        Some("eced946a0aa7adfde8c5a24cbc88bc4bb2d9f070eaffb61630e43c5ca2c861aa"),
        Some("eced946a0aa7adfde8c5a24cbc88bc4b7d9ffddc737ca66715e57c061777dd40"),
        Some("aa0f951a751f908b8db8bedd48213c0fec"),
    ),
    (
        31,
        Some("eced946a0aa7adfde8c5a24cbc88bc4b272c35d0df0bbe403674bc3108868024"),
        None,
        Some("252c174e7a43a088d72a0c9cabbc3760eced946a0aa7adfde8c5a24cbc88bc"),
    ),
    (32, Some("eced946a0aa7adfde8c5a24cbc88bc4ba02dc78ca472f7573f5414f1a201d9ee"), None, None),
    (
        33,
        Some(
            "eced946a0aa7adfde8c5a24cbc88bc4ba02dc78ca472f7573f5414f1a201d9ee17547c8ff5fa1981010f30cd50bbf5fa",
        ),
        Some(
            "eced946a0aa7adfde8c5a24cbc88bc4ba02dc78ca472f7573f5414f1a201d9eec39acb874baeb04e42b33c2c866e5503",
        ),
        Some("eced946a0aa7adfde8c5a24cbc88bc4b8caab50dffd4c3add0af3ba4d6663413a0"),
    ),
];

const KNOWN_256: [Known; 9] = [
    (1, Some("5ea6d14f60a00b5431f53d98b386bc77"), Some("72756710a3f21045d04f56309c83a780"), None),
    (4, Some("273aa53d450936772a355b37cb6bf441"), Some("ca515fd2925275e1ec2779c3b8095706"), None),
    (10, Some("64d52047a5755e60684f823673e643cc"), Some("a55da932ccab8f87ddd33279b32d13f8"), None),
    (15, Some("6852ba5d6cac91fcccd87c25981b4c54"), None, None),
    (16, Some("3efcb49f5489d74c09164061cdeb1c32"), None, None),
    (
        17,
        Some("3efcb49f5489d74c09164061cdeb1c320a31b246791ec22c011502bdf308e9aa"),
        Some("3efcb49f5489d74c09164061cdeb1c32f6e86f8c4ca56f1c85dd46be1166c9ea"),
        Some("43795b62887d2920bb2989013479f19d3e"),
    ),
    (
        31,
        Some("3efcb49f5489d74c09164061cdeb1c323f4a71b0600746d31a443b800c4e5d92"),
        None,
        Some("68c4b77b4349e978d20ca83fda33c3d83efcb49f5489d74c09164061cdeb1c"),
    ),
    (32, Some("3efcb49f5489d74c09164061cdeb1c3258c3b4a2255dcf23fcfceb46727f4bb3"), None, None),
    (
        33,
        Some(
            "3efcb49f5489d74c09164061cdeb1c3258c3b4a2255dcf23fcfceb46727f4bb34d900869f3bf8a6427b8f435f01953ed",
        ),
        Some(
            "3efcb49f5489d74c09164061cdeb1c3258c3b4a2255dcf23fcfceb46727f4bb31c0acfdfbae5b37e08c88a88120d94ef",
        ),
        Some("3efcb49f5489d74c09164061cdeb1c32ba9d84138db729c93ac99626578bf14e58"),
    ),
];

/// 160 octets: the payload of 20 ms of G.711.
const LONG_128: &str = "\
    eced946a0aa7adfde8c5a24cbc88bc4ba02dc78ca472f7573f5414f1a201d9ee1e3b555152cc6345\
    7e7eb5877d8f9dae984ceadc8fd7cdd8faf97193f9bc502ca5c7f2e92e448aa08e3e591e2be1e874\
    e3747563bc5f1800d1f67df6aec0af6a83dfad78cd351a74b55723a9755ddde1f1e66b61d1f1300b\
    67013e8f26c2ce40f9258c91d9c9528e03bf277060dceb5493b8feded44cb53c581feed86bf3404c";
const LONG_256: &str = "\
    3efcb49f5489d74c09164061cdeb1c3258c3b4a2255dcf23fcfceb46727f4bb38c0633fa5e4b85d8\
    55d5b65c33f4d9c5d844de04081b856e9ecfd8cca85c4ada24679601a728010da37e52d19531a75f\
    d00a52b27c56ef164909ed1862d76e6be1a82fd5412ea74268bc73b3d940ff986307dd6f6df80c1a\
    8d649a9c868095e7fb4949edd27b41ceb7cd069f76852d0af3df01f94d246698ff4c9bda7fd98e05";

#[test]
fn known_payloads_seal_and_open() {
    for (algorithm, known, long) in
        [(Algorithm::Aes128, KNOWN_128, LONG_128), (Algorithm::Aes256, KNOWN_256, LONG_256)]
    {
        let key = counting(algorithm);
        let mut opens = opens(&key);
        for (length, counts, zeros, stolen) in
            known.into_iter().chain([(160, Some(long), Some(long), None)])
        {
            let first = if length % 16 == 0 { 0x80 } else { 0xa0 };
            let plain = with_payload(0x80, &clear(length));
            for (fill, known) in [(Fill::Count, counts), (Fill::Zeros, zeros)] {
                let Some(known) = known else { continue };
                let sealed = with_payload(first, &hex(known));
                assert_eq!(
                    seal(&mut Seal::new(&key, fill), &plain).unwrap(),
                    sealed,
                    "{algorithm:?} {length}"
                );
                for (kernel, open) in &mut opens {
                    assert_eq!(apply(open, &sealed).unwrap(), plain, "{kernel:?} {length}");
                }
            }
            if let Some(known) = stolen {
                let sealed = with_payload(0x80, &hex(known));
                for (kernel, open) in &mut opens {
                    assert_eq!(apply(open, &sealed).unwrap(), plain, "{kernel:?} {length}");
                }
            }
        }
    }
}

#[test]
fn start_values_at_both_ends() {
    let key = counting(Algorithm::Aes128);
    for (header, known) in [
        ("806d0000 00000000 deadbeef", "5e18d1fef61d087ec0a33ed734a7918f"),
        ("806dffff ffffffff deadbeef", "cbafb79717c3515bc641dab9d79a7b05"),
    ] {
        let plain = [hex(header), clear(16)].concat();
        let sealed = [hex(header), hex(known)].concat();
        assert_eq!(apply(&mut Seal::new(&key, Fill::Count), &plain).unwrap(), sealed);
        assert_eq!(apply(&mut Open::new(&key), &sealed).unwrap(), plain);
    }
}

#[test]
fn known_packets_with_sources_and_extension() {
    let key = counting(Algorithm::Aes128);
    for (header, length, sealed) in [
        (
            "806d1234 56789abc deadbeef",
            10,
            "a06d1234 56789abc deadbeef 50a0b07a7e2834fe95810d65d3b49ad0",
        ),
        (
            "91ed1234 56789abc deadbeef 0badcafe bede0001 10ff0000",
            33,
            "b1ed1234 56789abc deadbeef 0badcafe bede0001 10ff0000
             eced946a0aa7adfde8c5a24cbc88bc4ba02dc78ca472f7573f5414f1a201d9ee17547c8ff5fa1981010f30cd50bbf5fa",
        ),
    ] {
        let plain = [hex(header), clear(length)].concat();
        assert_eq!(apply(&mut Seal::new(&key, Fill::Count), &plain).unwrap(), hex(sealed));
        assert_eq!(apply(&mut Open::new(&key), &hex(sealed)).unwrap(), plain);
    }
}

/// First blocks of live calls between other implementations.
#[test]
fn packets_of_live_calls_open() {
    for (algorithm, key, header, sealed) in [
        (
            Algorithm::Aes128,
            "124f9519a73e6dbc47551c58010d378c",
            "80f810b4 315123c4 1252707a",
            "5c322fa14715e9b69a73bdb201aebc89 a095b58bf8839522afde20ad901aa768",
        ),
        (
            Algorithm::Aes256,
            "be8da16530f6ac16dfa5e416975011c8d090ed2d2928a6cc900a5aa9be23070f",
            "80f8707a 2a0e2744 a4ee4a08",
            "0b1493db80e4775a3c669d568a480644 403e66758dfad51013e03517777269ad",
        ),
    ] {
        let key = SessionKey::from_octets(algorithm, &hex(key)).unwrap();
        let opened = apply(&mut Open::new(&key), &hex(&[header, sealed].concat())).unwrap();
        assert_eq!(
            opened[12..],
            hex("d590868f8b8b8e8192da16060f0b0b0e 001d4a94878c8b8a89839ff26a040c0b")
        );
    }
}

/// A packet that is padded, its payload ending in `count` when decrypted.
fn ending_in(key: &SessionKey, blocks: usize, count: u8) -> Vec<u8> {
    let mut plain = with_payload(0x80, &vec![0x33; 16 * blocks]);
    *plain.last_mut().unwrap() = count;
    let mut sealed = apply(&mut Seal::new(key, Fill::Count), &plain).unwrap();
    sealed[0] |= 0x20;
    sealed
}

#[test]
fn padding_is_one_to_sixteen() {
    let key = counting(Algorithm::Aes128);
    let mut open = Open::new(&key);
    for blocks in [1, 2, 10] {
        for count in 0..=255_u8 {
            let opened = apply(&mut open, &ending_in(&key, blocks, count));
            if (1..=16).contains(&count) {
                let opened = opened.unwrap();
                assert_eq!(opened[0], 0x80);
                assert_eq!(opened[12..], vec![0x33; 16 * blocks - usize::from(count)]);
            } else {
                assert_eq!(opened, Err(Reject::Padding), "{blocks} {count}");
            }
        }
    }
}

#[test]
fn lengths_no_sender_can_have_made_are_refused() {
    let key = counting(Algorithm::Aes128);
    let mut open = Open::new(&key);
    for length in 0..100 {
        let opened = apply(&mut open, &with_payload(0x80, &vec![0x55; length]));
        let padded = apply(&mut open, &with_payload(0xa0, &vec![0x55; length]));
        match length {
            0 => {
                assert_eq!(opened.unwrap(), with_payload(0x80, &[]));
                assert_eq!(padded, Err(Reject::Padding));
            }
            1..16 => assert_eq!((opened, padded), (Err(Reject::Length), Err(Reject::Length))),
            _ if length % 16 != 0 => {
                assert_eq!(opened.unwrap().len(), 12 + length);
                assert_eq!(padded, Err(Reject::Length));
            }
            _ => assert_eq!(opened.unwrap().len(), 12 + length),
        }
    }
}

/// Made as the definition says: zeros to a whole block, chained, the last two swapped, the last cut.
#[test]
fn stealing_opens_at_every_length() {
    for algorithm in Algorithm::ALL {
        let key = counting(algorithm);
        for length in (17..260_usize).filter(|length| length % 16 != 0) {
            let whole = length.next_multiple_of(16);
            let mut padded = clear(length);
            padded.resize(whole, 0);
            let mut sealed =
                apply(&mut Seal::new(&key, Fill::Count), &with_payload(0x80, &padded)).unwrap();
            sealed[12 + whole - 32..].rotate_left(16);
            sealed.truncate(12 + length);
            for (kernel, mut open) in opens(&key) {
                let opened = apply(&mut open, &sealed).unwrap();
                assert_eq!(opened, with_payload(0x80, &clear(length)), "{kernel:?} {length}");
            }
        }
    }
}

#[test]
fn an_empty_payload_stays_empty() {
    let key = counting(Algorithm::Aes128);
    let empty = with_payload(0x80, &[]);
    assert_eq!(apply(&mut Seal::new(&key, Fill::Count), &empty).unwrap(), empty);
}

#[test]
fn clear_padding_goes_before_sealing() {
    let key = counting(Algorithm::Aes128);
    let mut seal = Seal::new(&key, Fill::Count);
    let bare = apply(&mut seal, &with_payload(0x80, &clear(33))).unwrap();
    for count in [1, 3, 15, 16, 17, 200] {
        let mut padding = vec![0; count];
        padding[count - 1] = count as u8;
        let padded = with_payload(0xa0, &[clear(33), padding].concat());
        assert_eq!(apply(&mut seal, &padded).unwrap(), bare, "{count}");
    }
    // Nothing but padding.
    assert_eq!(
        apply(&mut seal, &with_payload(0xa0, &[0, 0, 0, 4])).unwrap(),
        with_payload(0x80, &[])
    );
    // None, and more than there is.
    for payload in [&[7, 7, 0][..], &[7, 7, 4], &[]] {
        assert_eq!(apply(&mut seal, &with_payload(0xa0, payload)), Err(Reject::Padding));
    }
}

#[test]
fn without_room_the_packet_stays_as_it_was() {
    let mut seal = Seal::new(&counting(Algorithm::Aes128), Fill::Count);
    let plain = with_payload(0x80, &clear(33));
    let mut buffer = [&plain[..], &[0; 14]].concat();
    let mut packet = Packet::new(&mut buffer, plain.len()).unwrap();
    assert_eq!(seal.apply(&mut packet), Err(Reject::Tailroom));
    assert_eq!(packet.octets(), plain);
}

#[test]
fn what_is_sealed_opens_again_whatever_its_length_and_header() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    for algorithm in Algorithm::ALL {
        let key = SessionKey::generate(algorithm, &mut rng);
        let mut open = Open::new(&key);
        for fill in [Fill::Count, Fill::Zeros] {
            let mut seal = Seal::new(&key, fill);
            for length in 0..300 {
                let mut plain = vec![0; 12 + 4 * 5 + length];
                rng.fill_bytes(&mut plain);
                plain[0] = 0x95;
                // Five sources, then an extension of no words.
                plain.splice(32..32, [0xbe, 0xde, 0, 0]);
                let sealed = apply(&mut seal, &plain).unwrap();
                assert_eq!(sealed[1..36], plain[1..36]);
                assert_eq!(sealed.len(), 36 + length.next_multiple_of(16));
                assert!(length == 0 || sealed[36..36 + length] != plain[36..]);
                assert_eq!(apply(&mut open, &sealed).unwrap(), plain);
            }
        }
    }
}

#[test]
fn no_packet_of_any_octets_does_harm() {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let key = SessionKey::generate(Algorithm::Aes256, &mut rng);
    let (mut sealing, mut opens) = (Seal::new(&key, Fill::Zeros), opens(&key));
    let mut taken = 0;
    for round in 0..20_000 {
        let mut octets = vec![0; round % 90];
        rng.fill_bytes(&mut octets);
        // Most with the right version and few sources, so that they get further.
        if let Some(first) = octets.first_mut().filter(|_| round % 5 != 0) {
            *first = *first & 0x33 | 0x80;
        }
        let mut opened = opens.iter_mut().map(|(_, open)| apply(open, &octets));
        let first = opened.next().unwrap();
        assert!(opened.all(|other| other == first), "every kernel gives the same");
        for outcome in [seal(&mut sealing, &octets), first] {
            match outcome {
                Ok(after) => {
                    taken += 1;
                    assert!(after.len() <= octets.len() + Packet::TAILROOM);
                }
                Err(reject) => assert_ne!(reject, Reject::Tailroom),
            }
        }
    }
    assert!(taken > 5_000, "{taken}");
}

#[test]
fn nothing_secret_is_printed() {
    let key = SessionKey::from_octets(Algorithm::Aes128, &[0x77; 16]).unwrap();
    assert_eq!(format!("{:?}", Seal::new(&key, Fill::Count)), "Seal { fill: Count, .. }");
    assert_eq!(format!("{:?}", Open::new(&key)), "Open { .. }");
}
