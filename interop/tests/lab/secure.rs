//! Half calls (H.235.6): a phone that encrypts and one that does not, with the gatekeeper between them, through the NAT.
//! What goes over the encrypted leg is looked at by somebody who knows nothing of Pinhole.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use pinhole_interop::{
    GATEKEEPER, Gatekeeper, Traversal, Uninvited, Witness, channel, datagrams, tshark,
};

use crate::calls::assert_decoded;
use crate::seats::{Party, Place, Talk, Variant, talk};
use crate::{busy, lab};

/// A size of group, and the cipher that comes with it.
type Strength = (u32, &'static str);
const WEAK: Strength = (1024, "AES-128-CBC");
const STRONG: Strength = (2048, "AES-256-CBC");
const STRONGEST: Strength = (4096, "AES-256-CBC");
/// Kilobits of video a second, where there is any.
const VIDEO: &str = "64";

/// The octets of G.711 in a packet.
const FRAME: usize = 160;
/// Those of video: a frame is one.
const FILM: usize = 320;
/// Samples of G.711 a second.
const RATE: f64 = 8000.0;

/// Which of the phones encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encrypting {
    Caller,
    Called,
}

/// Calls between an inside phone and one outside, one of which encrypts; with video, perhaps.
fn half_calls(
    test: &str,
    inside_calls: bool,
    who: Encrypting,
    (bits, cipher): Strength,
    video: bool,
) {
    let _turn = busy();
    let lab = lab(test);
    // Inside is on the outer link of the NAT, outside on the phone's own link; all of its media passes there.
    let links = [(&lab.nat.namespace, "wan"), (&lab.outside, "eth0")];
    let file = |end: &str| lab.folder().join(format!("{end}.pcapng"));
    let witnesses = links.map(|(namespace, end)| Witness::new(namespace, end, file(end)).unwrap());
    let configuration = lab.folder().join("secure.ini");
    let text = format!(
        "[Gatekeeper::Main]\nHome={GATEKEEPER}\n[RoutedMode]\nGKRouted=1\nH245Routed=1\n\
         EnableH46018=1\nEnableH235HalfCallMedia=1\nRequireH235HalfCallMedia=1\n\
         H235HalfCallMaxTokenLength={bits}\n[Proxy]\nEnable=1\nProxyAlways=1\nRTPMultiplexing=1\n"
    );
    fs::write(&configuration, text).unwrap();
    let gatekeeper = Gatekeeper::start(&lab.gatekeeper, &configuration).unwrap();

    let party = |place, traversal| Party { place, gatekeeper: GATEKEEPER.into(), traversal };
    let inside = party(Place::Inside, Traversal::H46018);
    let outside = party(Place::Outside, Traversal::None);
    let parties = if inside_calls { [inside, outside] } else { [outside, inside] };
    let bits = bits.to_string();
    let pictures: &[&str] = if video { &["--video", VIDEO] } else { &[] };
    let encrypts =
        [&["--encrypt", "required", "--dh", &bits, "--min-dh", &bits], pictures].concat();
    let plain = [&["--encrypt", "off"], pictures].concat();
    let more: [&[&str]; 2] = match who {
        Encrypting::Caller => [&encrypts, &plain],
        Encrypting::Called => [&plain, &encrypts],
    };
    let talks = talk(&lab, parties, &variants(), more);
    for talk in &talks {
        assert_ciphers(talk, who, cipher, video);
    }
    gatekeeper.stop().unwrap();
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited::default());

    let inside_encrypts = inside_calls == (who == Encrypting::Caller);
    for (witness, secure) in witnesses.into_iter().zip([inside_encrypts, !inside_encrypts]) {
        assert_link(&witness.finish().unwrap(), secure, &talks, video);
    }
}

fn variants() -> Vec<Variant> {
    let variant = |h245, multiplexed| Variant { h245: [h245; 2], fast_start: false, multiplexed };
    ["tunnel", "separate"].iter().flat_map(|h245| [false, true].map(|m| variant(h245, m))).collect()
}

/// The records tell who encrypts, with what.
fn assert_ciphers(talk: &Talk, who: Encrypting, cipher: &str, video: bool) {
    let encrypting = if who == Encrypting::Caller { 0 } else { 1 };
    let media: &[&str] = if video { &["audio", "video"] } else { &["audio"] };
    for (number, record) in talk.records.iter().enumerate() {
        for (media, direction) in
            media.iter().flat_map(|one| [(*one, "receive"), (*one, "transmit")])
        {
            let said = &channel(record, media, direction).unwrap()["cipher"];
            let expected = if number == encrypting { cipher } else { "none" };
            assert_eq!(said, expected, "{}: {media} {record}", talk.context);
        }
    }
    if video {
        talk.assert_through("video", [0, 1]);
        talk.assert_through("video", [1, 0]);
    }
}

/// On a clear link the tones of all phones are in the media, on a secure one nothing like a tone is. Signalling is well
/// formed, and says on a secure link what is encrypted.
fn assert_link(capture: &Path, secure: bool, talks: &[Talk], video: bool) {
    let name = capture.display();
    let mut streams = std::collections::BTreeMap::<[u8; 4], Vec<u8>>::new();
    let (mut packets, mut pictures, mut readable) = (0, 0, 0);
    for datagram in datagrams(capture, &format!("ip.addr == {GATEKEEPER}")).unwrap() {
        let Some((source, contents)) = rtp(&datagram) else { continue };
        if contents.len() > FRAME {
            pictures += 1;
            readable += usize::from(is_film(contents));
            continue;
        }
        packets += 1;
        streams.entry(source).or_default().extend(contents);
    }
    let expected = if video { 80 * 2 * talks.len() } else { 0 };
    assert!((pictures > expected) == video, "{name}: {pictures} packets of video");
    assert_eq!(readable, if secure { 0 } else { pictures }, "{name}: of {pictures}");
    assert!(packets > 200 * 2 * talks.len(), "{name}: only {packets} packets of media");
    assert_eq!(streams.len(), 2 * talks.len(), "{name}: streams");
    let tones = || talks.iter().flat_map(|talk| talk.tones);
    for stream in streams.values() {
        let strongest = tones().map(|tone| share(stream, f64::from(tone))).fold(0.0, f64::max);
        match secure {
            true => assert!(strongest < 0.02, "{name}: a tone has {strongest} of the energy"),
            false => assert!(strongest > 0.8, "{name}: only {strongest} of the energy is a tone"),
        }
    }

    const SETUP: &str = "h225.setup_element";
    // With larger groups the half key stands where no tshark looks (dhkeyext), so it is the token itself that counts.
    const TOKENS: &str = "h235.tokenOID";
    const CAPABILITY: &str = "h245.h235SecurityCapability_element";
    const CHANNEL: &str = "h245.h235Media_element";
    const KEY: &str = "h245.encryptionSync_element";
    let frames = tshark(capture, &[SETUP, TOKENS, CAPABILITY, CHANNEL, KEY]).unwrap();
    let faulty: Vec<_> = frames.iter().filter(|frame| frame.faulty).collect();
    assert!(faulty.is_empty(), "{name}: tshark finds fault with {faulty:#?}");
    assert_decoded(capture, &frames);
    let count = |has: &str, but: &str| {
        let fields = || frames.iter().map(|frame| &frame.fields);
        fields().filter(|fields| fields.contains(has) && !fields.contains(but)).count()
    };
    // Tokens are offered to everybody; only who encrypts answers with some.
    for (has, but) in [(TOKENS, SETUP), (CAPABILITY, ""), (CHANNEL, ""), (KEY, "")] {
        let count = count(has, but);
        assert_eq!(count > 0, secure, "{name}: {count} of {has}");
    }
}

/// The source and the contents of an RTP packet, multiplexed or not; keepalives and RTCP have none. Audio is ten blocks and
/// video twenty, so neither has padding.
fn rtp(datagram: &[u8]) -> Option<([u8; 4], &[u8])> {
    const HEADER: usize = 12;
    const MARK: usize = 4;
    let marked = [FRAME, FILM].iter().any(|length| datagram.len() == MARK + HEADER + length);
    let packet = datagram.get(if marked { MARK } else { 0 }..)?;
    let is_rtp =
        packet.len() >= HEADER + FRAME && packet[0] >> 6 == 2 && !(192..=223).contains(&packet[1]);
    let source = packet.get(8..)?.first_chunk()?;
    is_rtp.then(|| (*source, &packet[HEADER..]))
}

/// Synthetic video as it was sent.
fn is_film(contents: &[u8]) -> bool {
    const HEADER: usize = 4;
    let mut octets = contents.iter().enumerate().skip(HEADER);
    octets.all(|(n, octet)| *octet == (n as u8).wrapping_mul(73) ^ 0x5a)
}

/// How much of the energy of A-law audio is at a frequency: about 1 of a tone, next to nothing of noise.
fn share(audio: &[u8], hertz: f64) -> f64 {
    let samples: Vec<f64> = audio.iter().map(|octet| linear(*octet)).collect();
    // A second at a time: packets that were not captured shift what follows.
    let window = |samples: &[f64]| {
        let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
        let part = |wave: fn(f64) -> f64| -> f64 {
            let turned = samples.iter().zip(0_u32..);
            turned.map(|(sample, at)| sample * wave(TAU * hertz * f64::from(at) / RATE)).sum()
        };
        let (cosine, sine) = (part(f64::cos), part(f64::sin));
        2.0 * (cosine * cosine + sine * sine) / (energy * samples.len() as f64)
    };
    let windows: Vec<f64> = samples.chunks_exact(RATE as usize).map(window).collect();
    windows.iter().sum::<f64>() / windows.len() as f64
}

/// A sample of A-law (G.711 table 1a).
fn linear(octet: u8) -> f64 {
    let octet = octet ^ 0x55;
    let (segment, step) = ((octet >> 4) & 7, f64::from(octet & 15));
    let magnitude = match segment {
        0 => 2.0 * step + 1.0,
        _ => (2.0 * step + 33.0) * f64::from(1_u32 << (segment - 1)),
    };
    if octet & 0x80 == 0 { -magnitude } else { magnitude }
}

#[test]
fn an_inside_caller_encrypts() {
    half_calls("secure-in-out-caller", true, Encrypting::Caller, WEAK, false);
}

#[test]
fn an_outside_called_party_encrypts() {
    half_calls("secure-in-out-called", true, Encrypting::Called, STRONG, true);
}

#[test]
fn an_outside_caller_encrypts() {
    half_calls("secure-out-in-caller", false, Encrypting::Caller, WEAK, true);
}

#[test]
fn an_inside_called_party_encrypts() {
    half_calls("secure-out-in-called", false, Encrypting::Called, STRONGEST, true);
}
