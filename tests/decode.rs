//! `pinhole decode` on captures of real calls between other implementations.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use pinhole::decode::capture::{self, Link, Packet, Unreadable};
use pinhole::decode::dissector::{Dissector, Entry};
use pinhole::decode::ladder::{Ladder, Style};
use pinhole::decode::message::Verdict;
use pinhole::decode::packet::{self, Carried};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng as _};

/// How many messages each capture holds. The first three columns are also what tshark 4.0.17 counts (values of
/// `h225.RasMessage`, of `h225.h323_message_body`, and of `h245.request`, `.response`, `.command`, `.indication`),
/// but for the H.245 of the last capture, whose single messages tell tshark nothing about their ports.
#[rustfmt::skip]
const CORPUS: [(&str, [usize; 7]); 21] = [
    //                                RAS H.225 H.245 fast .18 .19  .26
    ("a_direct_faststart_tunnel",    [ 0,  30,  28,  12,  0,  0,   0]),
    ("b2_direct_tunnel_nofast",      [ 0,  14,  14,   0,  0,  0,   0]),
    ("b_direct_h245tcp",             [ 0,   5,  14,   0,  0,  0,   0]),
    ("c1_h46018_in2out-priv",        [12,  12,  12,   0,  0,  2,   0]),
    ("c1_h46018_in2out-pub",         [26,  25,  24,   0,  1,  4,   0]),
    ("c2_h46018_out2in-pub",         [32,  28,  27,   0,  1,  4,   0]),
    ("c3_mux_in2out-pub",            [22,  25,  24,   0,  1,  8,   0]),
    ("c5_notunnel_in2out-pub",       [18,   8,  26,   0,  1,  4,   0]),
    ("d1_direct_aes128",             [ 0,  14,  14,   0,  0,  0,   0]),
    ("d3_gk_aes128_in2out-pub",      [18,  25,  24,   0,  1,  4,   0]),
    ("e1_half_aes128_in2out-pub",    [18,  25,  24,   0,  1,  4,   0]),
    ("g1_zone_in2out-pub",           [12,  24,  24,   0,  2,  2,   0]),
    ("g3_zone_out2in_patchedgk-pub", [14,   8,  26,   0,  3,  2,   0]),
    ("h1_h46026_in2out-pub",         [21, 490,  29,   0,  1,  2, 469]),
    ("h235-d256_2048",               [ 0,  14,  14,   0,  0,  0,   0]),
    ("h235-direct128nf",             [ 0,  14,  14,   0,  0,  0,   0]),
    ("i1_h46017_in2out-pub",         [21,  37,  27,   0,  1,  3,   0]),
    ("traversal-zone-in",            [12,  10,   0,   0,  4,  0,   0]),
    ("traversal-zone-notunnel",      [ 4,   4,  16,   0,  1,  4,   0]),
    ("traversal-zone-out",           [14,  14,  13,   0,  5,  4,   0]),
    ("traversal-vectors",            [ 7,   4,   5,   0,  2,  2,   1]),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/corpus")
        .join(format!("{name}.pcap"))
}

/// A packet that can be kept.
#[derive(Clone)]
struct Kept {
    time: Duration,
    link: Link,
    bytes: Vec<u8>,
}

fn packets(name: &str) -> Vec<Kept> {
    let mut packets = Vec::new();
    let file = fs::read(path(name)).unwrap();
    let keep =
        |p: Packet<'_>| packets.push(Kept { time: p.time, link: p.link, bytes: p.bytes.to_vec() });
    capture::read(file.as_slice(), keep).unwrap();
    packets
}

fn dissect(packets: &[Kept]) -> Vec<Entry> {
    let mut dissector = Dissector::default();
    let mut entries = Vec::new();
    for Kept { time, link, bytes } in packets {
        entries.append(&mut dissector.packet(&Packet { time: *time, link: *link, bytes }));
    }
    entries.append(&mut dissector.finish());
    entries
}

fn column(entry: &Entry) -> usize {
    let message = &entry.message;
    match message.protocol.to_string().as_str() {
        "RAS" => 0,
        "H.225" => 1,
        "H.245" if message.note == "fastStart" => 3,
        "H.245" => 2,
        "H.460.18" => 4,
        "H.460.19" => 5,
        "H.460.26" => 6,
        other => panic!("unexpected {other}: {message:?}"),
    }
}

fn counts(entries: &[Entry]) -> [usize; 7] {
    let mut counts = [0; 7];
    for entry in entries {
        counts[column(entry)] += 1;
    }
    counts
}

#[test]
fn every_message_of_the_corpus_is_found_decoded_and_encoded_alike() {
    for (name, expected) in CORPUS {
        let entries = dissect(&packets(name));
        assert_eq!(counts(&entries), expected, "{name}");
        for entry in entries {
            assert_eq!(entry.message.verdict, Verdict::Same, "{name}: {entry:?}");
        }
    }
}

#[test]
fn the_corpus_is_all_there() {
    let mut files: Vec<_> = fs::read_dir(path("").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".pcap")?.to_owned()))
        .collect();
    files.sort();
    let mut tested = CORPUS.map(|(name, _)| name);
    tested.sort_unstable();
    assert_eq!(files, tested);
}

/// Names, calls and addresses of the messages, without their time and order.
fn told(entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for Entry { from, to, depth, message, .. } in entries {
        let (name, call, addresses) = (&message.name, &message.call, &message.addresses);
        let line = format!("{from} {to} {depth} {name} {call:?} {addresses:?}");
        *told.entry(line).or_default() += 1;
    }
    told
}

/// A packet's ends, if it is one of TCP with octets in it, which alone may arrive twice and in any order; and where
/// in the stream they are.
fn segment(packet: &Kept) -> Option<(SocketAddr, SocketAddr, u32, &[u8])> {
    let Kept { time, link, bytes } = packet;
    match packet::open(&Packet { time: *time, link: *link, bytes })? {
        (from, to, Carried::Segment(segment)) if !segment.bytes.is_empty() => {
            Some((from, to, segment.sequence, segment.bytes))
        }
        _ => None,
    }
}

#[test]
fn segments_may_come_twice_and_out_of_order() {
    for (name, _) in CORPUS {
        let packets = packets(name);
        let expected = told(&dissect(&packets));
        let mut disturbed = Vec::new();
        for packet in packets {
            let again = segment(&packet).is_some().then(|| packet.clone());
            disturbed.push(packet);
            disturbed.extend(again);
        }
        assert_eq!(told(&dissect(&disturbed)), expected, "{name}: each segment twice");
        // Two segments of one direction change places where a retransmission would have put them.
        let ends = |packet: &Kept| segment(packet).map(|(from, to, ..)| (from, to));
        let mut place = 0;
        while place + 1 < disturbed.len() {
            let (one, two) = (&disturbed[place], &disturbed[place + 1]);
            if ends(one).is_some() && ends(one) == ends(two) {
                disturbed.swap(place, place + 1);
                place += 1;
            }
            place += 1;
        }
        assert_eq!(told(&dissect(&disturbed)), expected, "{name}: and out of order");
    }
}

#[test]
fn a_lost_segment_is_reported_and_what_follows_is_found() {
    let name = "c1_h46018_in2out-pub";
    let whole = packets(name);
    let good = dissect(&whole).len();
    let mut seen = BTreeSet::new();
    for place in 0..whole.len() {
        let Some((from, to, sequence, bytes)) = segment(&whole[place]) else { continue };
        let again = !seen.insert((from, to, sequence)) || {
            let later = whole.iter().skip(place + 1).filter_map(segment);
            later.into_iter().any(|other| (other.0, other.1, other.2) == (from, to, sequence))
        };
        // A keepalive may be lost without loss.
        if again || bytes == [3, 0, 0, 4] {
            continue;
        }
        let mut packets = whole.clone();
        packets.remove(place);
        let entries = dissect(&packets);
        let undecodable = |e: &&Entry| matches!(e.message.verdict, Verdict::Undecodable(_));
        assert_eq!(entries.iter().filter(undecodable).count(), 1, "{place}");
        assert!(entries.iter().all(|e| e.message.verdict != Verdict::Different), "{place}");
        assert!(entries.len() + 5 > good, "{place}: too much is gone with it");
    }
    assert!(seen.len() > 25, "{}", seen.len());
}

/// A file of raw IP packets.
fn file(packets: &[Kept]) -> Vec<u8> {
    let mut file =
        vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for packet in packets {
        let length = u32::try_from(packet.bytes.len()).unwrap();
        for number in [0, packet.time.subsec_micros(), length, length] {
            file.extend(number.to_le_bytes());
        }
        file.extend(&packet.bytes);
    }
    file
}

#[test]
fn hostile_captures_are_survived() {
    let mut random = ChaCha8Rng::from_seed([7; 32]);
    for (name, _) in CORPUS {
        // The media of the largest has no other message than its beginning.
        let packets: Vec<Kept> = packets(name).into_iter().take(300).collect();
        for _ in 0..12 {
            let mut packets = packets.clone();
            for packet in &mut packets {
                let octets = u64::try_from(packet.bytes.len()).unwrap();
                for _ in 0..random.next_u32() % 4 {
                    let place = usize::try_from(random.next_u64() % octets).unwrap();
                    packet.bytes[place] = random.next_u32().to_le_bytes()[0];
                }
            }
            let mut file = file(&packets);
            dissect(&packets);
            // The file itself, too, can be anything.
            for _ in 0..8 {
                let place = usize::try_from(random.next_u64() % file.len() as u64).unwrap();
                file[place] = random.next_u32().to_le_bytes()[0];
            }
            let mut dissector = Dissector::default();
            let _: Result<(), Unreadable> = capture::read(file.as_slice(), |packet| {
                dissector.packet(&packet);
            });
            dissector.finish();
            for width in [0, 80, 200] {
                let style = Style { width, colour: width == 80, call: None };
                assert!(ladder(&file).draw(&style).lines().count() > 0);
            }
        }
    }
}

fn ladder(file: &[u8]) -> Ladder {
    let (mut dissector, mut ladder) = (Dissector::default(), Ladder::default());
    let _: Result<(), Unreadable> = capture::read(file, |packet| {
        ladder.entries(&dissector.packet(&packet));
        ladder.packet(&packet);
    });
    ladder.entries(&dissector.finish());
    ladder
}

/// A call to an endpoint behind a NAT, one with H.245 of its own, and refused ones between zones. The files were
/// looked at by eye; `PINHOLE_BLESS=1` writes them anew.
#[test]
fn ladders_are_drawn_as_they_were_judged() {
    for name in ["c2_h46018_out2in-pub", "b_direct_h245tcp", "traversal-zone-in"] {
        let style = Style { width: 120, colour: false, call: None };
        let drawn = ladder(&fs::read(path(name)).unwrap()).draw(&style);
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/vectors/ladder")
            .join(format!("{name}.txt"));
        if std::env::var_os("PINHOLE_BLESS").is_some() {
            fs::write(&golden, &drawn).unwrap();
        }
        assert_eq!(drawn, fs::read_to_string(&golden).unwrap(), "{name}");
    }
}

#[test]
fn a_ladder_fits_its_width_and_shows_one_call_only() {
    for (name, _) in CORPUS {
        let file = fs::read(path(name)).unwrap();
        let style = Style { width: 100, colour: false, call: None };
        let text = ladder(&file).draw(&style);
        let rungs = text.lines().filter(|line| line.contains('│'));
        assert!(rungs.map(|line| line.chars().count()).max().unwrap() <= 100, "{name}");
    }
    let file = fs::read(path("a_direct_faststart_tunnel")).unwrap();
    let style = Style { width: 120, colour: false, call: Some("DC14".to_owned()) };
    let text = ladder(&file).draw(&style);
    assert_eq!(text.matches("call ").count(), 1, "{text}");
    assert!(text.starts_with("call dc14dd0f-a5e3-f111-8957-3afa59a46100: connected"), "{text}");
    let style = Style { call: Some("dc15".to_owned()), ..style };
    assert_eq!(ladder(&file).draw(&style), "no call whose identifier begins so\n\n");
}

#[test]
fn the_command_draws_without_colour_into_a_file() {
    let output = pinhole(&["--ladder"], &path("b_direct_h245tcp"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(last_line(&output), "19 messages, 0 undecodable, 0 re-encoded differently");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(" OLCAck 198.51.100.10:5000 ") && !text.contains('\x1b'), "{text}");
    assert_eq!(pinhole(&["--call", "3e"], &path("b_direct_h245tcp")).status.code(), Some(2));
}

fn pinhole(arguments: &[&str], file: &PathBuf) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinhole"));
    command.arg("decode").args(arguments).arg(file).output().unwrap()
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_command_prints_a_line_for_each_message_and_counts_them() {
    let output = pinhole(&[], &path("c2_h46018_out2in-pub"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(last_line(&output), "92 messages, 0 undecodable, 0 re-encoded differently");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 93);
    let line = "198.51.100.10:1719 -> 198.51.100.2:2965  H.460.18    IncomingCallIndication  \
                call f81f8d79-a5e3-f111-8769-9e7406960308  callSignallingAddress 198.51.100.10:1720";
    assert!(text.contains(line), "{text}");
    // An answer names the call of its request.
    let line = "RAS       admissionConfirm  call f81f8d79-a5e3-f111-8769-9e7406960308";
    assert!(text.contains(line), "{text}");
}

#[test]
fn the_command_prints_json() {
    let output = pinhole(&["--json", "--verbose"], &path("b_direct_h245tcp"));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let setup = &lines[0];
    assert_eq!((&setup["protocol"], &setup["message"]), (&"H.225".into(), &"setup".into()));
    assert_eq!(setup["verdict"], "same");
    assert!(setup["value"].as_str().unwrap().contains("SetupUUIE"));
    let counts = serde_json::json!({"messages": 19, "undecodable": 0, "different": 0});
    assert_eq!(lines.last(), Some(&counts));
}

#[test]
fn the_command_says_what_it_could_not_read() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let mut packets = packets("c1_h46018_in2out-pub");
    let rrq = packets.iter_mut().find(|packet| packet.bytes.get(42) == Some(&0x0e)).unwrap();
    rrq.bytes.truncate(60);
    let damaged = folder.join("damaged.pcap");
    fs::write(&damaged, file(&packets)).unwrap();
    let output = pinhole(&[], &damaged);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last_line(&output), "80 messages, 1 undecodable, 0 re-encoded differently");

    let cut = folder.join("cut.pcap");
    let whole = fs::read(path("b_direct_h245tcp")).unwrap();
    fs::write(&cut, &whole[..whole.len() - 1]).unwrap();
    let output = pinhole(&[], &cut);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(last_line(&output), "19 messages, 0 undecodable, 0 re-encoded differently");

    for unreadable in [path("../corpus/README").with_extension("md"), folder.join("none.pcap")] {
        let output = pinhole(&[], &unreadable);
        assert_eq!(output.status.code(), Some(2));
        assert!(!output.stderr.is_empty());
    }
}
