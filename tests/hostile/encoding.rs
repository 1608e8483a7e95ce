//! Flaws in packed encoding. Where the parts of a message are is not known here but guessed from the octets, so that a
//! flaw hits any of them, also what is within open types.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Flaw, pick};

/// A message does not grow beyond this.
const MOST: usize = 60_000;

/// A message with a flaw of this kind.
pub(super) fn flaw(r: &mut ChaCha8Rng, flaw: Flaw, mut octets: Vec<u8>) -> Vec<u8> {
    if octets.is_empty() {
        return vec![r.random()];
    }
    match flaw {
        Flaw::Length => length(r, &mut octets),
        Flaw::Choice => choice(r, &mut octets),
        Flaw::Bitmap => bitmap(r, &mut octets),
        Flaw::Object => object(r, &mut octets),
        Flaw::Text => text(r, &mut octets),
        Flaw::Repetition => repetition(r, &mut octets),
        Flaw::End => end(r, &mut octets),
        _ => noise(r, &mut octets),
    }
    octets.truncate(MOST);
    octets
}

/// What may stand where a length did: none, off by one, the long form, fragments (X.691 §11.9.3.8).
fn lengths(r: &mut ChaCha8Rng, length: u8) -> Vec<u8> {
    let any: [u8; 2] = r.random();
    match r.random_range(0..12) {
        0 => vec![0],
        1 => vec![length.wrapping_sub(1)],
        2 => vec![length.wrapping_add(1)],
        3 => vec![0x7f],
        4 => vec![0x80, length],
        5 => vec![0x80, 0],
        6 => vec![0xbf, 0xff],
        7 => vec![0xc0],
        8 => vec![0xc1 + any[0] % 4],
        9 => vec![0xff],
        10 => vec![0x80 | (any[0] & 0x3f), any[1]],
        _ => vec![any[0]],
    }
}

/// Where an octet can be the length of what follows it.
fn length_at(r: &mut ChaCha8Rng, octets: &[u8]) -> usize {
    let fits = |at: &usize| {
        let length = usize::from(octets[*at]);
        (1..128).contains(&length) && at + length < octets.len()
    };
    let all: Vec<usize> = (0..octets.len()).filter(fits).collect();
    if all.is_empty() { r.random_range(0..octets.len()) } else { *pick(r, &all) }
}

fn length(r: &mut ChaCha8Rng, octets: &mut Vec<u8>) {
    let at = length_at(r, octets);
    let was = octets[at];
    if r.random_bool(0.3) {
        // Another length, and as much as it says.
        let more = r.random_range(0..40_u8);
        if was.checked_add(more).is_some_and(|sum| sum < 128) {
            let filling: Vec<u8> = (0..more).map(|_| r.random()).collect();
            octets[at] = was + more;
            octets.splice(at + 1..at + 1, filling);
            return;
        }
    }
    let new = lengths(r, was);
    octets.splice(at..=at, new);
}

/// The first bits of a message and of what is within open types say which alternative it is.
fn choice(r: &mut ChaCha8Rng, octets: &mut [u8]) {
    let at = match r.random_range(0..3) {
        0 => 0,
        1 => (length_at(r, octets) + 1).min(octets.len() - 1),
        _ => r.random_range(0..octets.len()),
    };
    let any: u8 = r.random();
    octets[at] = match r.random_range(0..3) {
        // An alternative that is not in the root.
        0 => 0x80 | any,
        1 => (octets[at] & 0x0f) | (any & 0xf0),
        _ => octets[at] ^ (0x80 >> (any % 8)),
    };
}

/// Bitmaps of additions: wider than any machine's word, all there, none there.
fn bitmap(r: &mut ChaCha8Rng, octets: &mut Vec<u8>) {
    let at = r.random_range(0..octets.len());
    let any: u8 = r.random();
    match r.random_range(0..5) {
        0 => octets[at] = 0xff,
        1 => octets[at] |= 0x80,
        2 => {
            // A normally small length of more than 64: a bit, and then a length with as many bits.
            let bits = 65 + any % 60;
            let wide = [0x80, bits]
                .into_iter()
                .chain(std::iter::repeat_n(0xff, usize::from(bits / 8) + 1));
            octets.splice(at..at, wide);
        }
        3 => {
            let ones = vec![0xff; usize::from(any % 24)];
            octets.splice(at..at, ones);
        }
        _ => octets[at] = (octets[at] & 0x80) | 0x7e,
    }
}

/// The protocol identifiers begin like this: a length, itu-t recommendation h 2250 or 245.
const OBJECT: [u8; 4] = [0x00, 0x08, 0x91, 0x4a];
const CONTROL_OBJECT: [u8; 4] = [0x00, 0x08, 0x81, 0x75];

fn object(r: &mut ChaCha8Rng, octets: &mut Vec<u8>) {
    let found: Vec<usize> = (1..octets.len().saturating_sub(OBJECT.len()))
        .filter(|at| {
            [OBJECT, CONTROL_OBJECT].contains(&octets[*at..*at + 4].try_into().expect("four"))
        })
        .collect();
    // Without any, whatever can have a length is taken for one.
    let at = if found.is_empty() { length_at(r, octets) } else { *pick(r, &found) - 1 };
    let end = (at + 1 + usize::from(octets[at])).min(octets.len());
    let arcs: Vec<u8> = match r.random_range(0..7) {
        0 => vec![],
        // Arcs that begin with nothing, do not end, or are larger than any number.
        1 => vec![0x00, 0x80, 0x80, 0x01],
        2 => vec![0x00, 0x08, 0x91],
        3 => [vec![0xff; 12], vec![0x7f]].concat(),
        4 => vec![0x01; 127],
        5 => [vec![0x8f; 60], vec![0x00]].concat(),
        _ => (0..r.random_range(1..20)).map(|_| r.random()).collect(),
    };
    let length = u8::try_from(arcs.len()).unwrap_or(127);
    octets.splice(at..end, std::iter::once(length).chain(arcs));
}

/// Strings: longer than they may be, characters that they may not have.
fn text(r: &mut ChaCha8Rng, octets: &mut Vec<u8>) {
    let is_text = |at: &usize| {
        let four = &octets[*at..*at + 4];
        let wide = four[0] == 0 && four[2] == 0 && four[1].is_ascii_graphic();
        wide || four.iter().all(u8::is_ascii_graphic)
    };
    let all: Vec<usize> = (0..octets.len().saturating_sub(4)).filter(is_text).collect();
    let at = if all.is_empty() { r.random_range(0..octets.len()) } else { *pick(r, &all) };
    let end = (at + 2).min(octets.len());
    match r.random_range(0..6) {
        0 => drop(octets.splice(at..end, [0xd8, 0x00])),
        1 => drop(octets.splice(at..end, [0xff, 0xfe])),
        2 => drop(octets.splice(at..end, [0x00, 0x00])),
        3 => drop(octets.splice(at..end, *b"%n%s%x")),
        4 => drop(octets.splice(at..at, vec![b'A'; r.random_range(1..2000)])),
        _ => drop(octets.splice(at..at, [0x00, 0xe9].repeat(r.random_range(1..300)))),
    }
}

fn repetition(r: &mut ChaCha8Rng, octets: &mut Vec<u8>) {
    let from = r.random_range(0..octets.len());
    let to = (from + r.random_range(1..64)).min(octets.len());
    let part = octets[from..to].to_vec();
    let times = [2, 3, 16, 200][r.random_range(0..4)];
    octets.splice(to..to, part.repeat(times));
}

fn end(r: &mut ChaCha8Rng, octets: &mut Vec<u8>) {
    let at = r.random_range(0..octets.len());
    match r.random_range(0..4) {
        0..=2 => octets.truncate(at),
        _ => octets.extend((0..r.random_range(1..100)).map(|_| r.random::<u8>())),
    }
}

fn noise(r: &mut ChaCha8Rng, octets: &mut Vec<u8>) {
    for _ in 0..r.random_range(1..5) {
        let at = r.random_range(0..octets.len());
        match r.random_range(0..5) {
            0 | 1 => octets[at] ^= 1 << r.random_range(0..8),
            2 => octets[at] = r.random(),
            3 => octets.insert(at, r.random()),
            _ if octets.len() > 1 => drop(octets.remove(at)),
            _ => octets[at] = 0,
        }
    }
}
