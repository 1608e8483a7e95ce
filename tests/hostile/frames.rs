//! Flaws in what is around the encoding: TPKT (RFC 1006 §6) and Q.931.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::framed;

/// Octets for a stream whose TPKT is flawed.
pub(super) fn tpkt(r: &mut ChaCha8Rng, payload: &[u8]) -> Vec<u8> {
    let mut octets = framed(payload);
    let length = u16::try_from(octets.len()).expect("it is framed");
    let any: u16 = r.random();
    let other = match r.random_range(0..13) {
        // Shorter than its header, than Q.931 can be, than it is, longer, much longer.
        n @ 0..=7 => n,
        8 => length.wrapping_sub(1),
        9 => length.saturating_add(1 + any % 16),
        10 => u16::MAX,
        11 => any,
        _ => {
            return match r.random_range(0..6) {
                0 => [b"GET / HTTP/1.0\r\n\r\n".to_vec(), octets].concat(),
                1 => [[3, 0, 0, 4].repeat(usize::from(any % 2000)), octets].concat(),
                2 => [vec![r.random()], octets].concat(),
                3 => [octets.clone(), octets].concat(),
                4 => {
                    octets[0] = r.random();
                    octets
                }
                _ => {
                    octets[1] = r.random();
                    octets
                }
            };
        }
    };
    octets[2..4].copy_from_slice(&other.to_be_bytes());
    octets
}

/// Protocol discriminator, call reference, message type.
pub(super) fn header(r: &mut ChaCha8Rng, mut payload: Vec<u8>) -> Vec<u8> {
    let any: u8 = r.random();
    match r.random_range(0..6) {
        0 => payload[0] = any,
        1 => payload[1] = any % 16,
        2 => payload[1] = any,
        3 => payload.truncate(usize::from(any % 6)),
        // The message type: any, or one that says another than the H.225.0 message.
        4 => payload[4] = any,
        _ => {
            payload[4] = [0x01, 0x02, 0x05, 0x07, 0x0d, 0x03, 0x5a, 0x62, 0x6e, 0x7b, 0x7d, 0x75]
                [usize::from(any % 12)]
        }
    }
    payload
}

/// Where each information element begins; the User-user element has a length of two octets.
fn elements(payload: &[u8]) -> Vec<usize> {
    let (mut at, mut all) = (5, Vec::new());
    while let Some(code) = payload.get(at) {
        all.push(at);
        let length = match (code, payload.get(at + 1), payload.get(at + 2)) {
            (0x80.., ..) => 1,
            (0x7e, Some(high), Some(low)) => 3 + usize::from(u16::from_be_bytes([*high, *low])),
            (_, Some(length), _) => 2 + usize::from(*length),
            _ => break,
        };
        at += length;
    }
    all
}

/// The length of an element: none, one, too long. The User-user element of no octet has not even its discriminator.
pub(super) fn element_length(r: &mut ChaCha8Rng, mut payload: Vec<u8>) -> Vec<u8> {
    let all = elements(&payload);
    let Some(at) = all.get(r.random_range(0..all.len().max(1))).copied() else { return payload };
    let any: u16 = r.random();
    if payload[at] == 0x7e && at + 2 < payload.len() {
        let was = u16::from_be_bytes([payload[at + 1], payload[at + 2]]);
        let other = match r.random_range(0..8) {
            n @ 0..=2 => n,
            3 => was.wrapping_sub(1),
            4 => was.wrapping_add(1),
            5 => u16::MAX,
            6 => was.wrapping_add(any % 300),
            _ => any,
        };
        payload[at + 1..at + 3].copy_from_slice(&other.to_be_bytes());
        if other == 0 && r.random() {
            payload.truncate(at + 3);
        }
    } else if at + 1 < payload.len() {
        let [_, low] = any.to_be_bytes();
        payload[at + 1] = [0, 1, 0x7f, 0xff, low][r.random_range(0..5)];
    }
    payload
}

/// Elements that are missing, doubled, unknown, in another order, or many.
pub(super) fn element_order(r: &mut ChaCha8Rng, payload: Vec<u8>) -> Vec<u8> {
    let starts = elements(&payload);
    let ends = starts.iter().skip(1).copied().chain([payload.len()]);
    let mut parts: Vec<Vec<u8>> =
        starts.iter().zip(ends).map(|(from, to)| payload[*from..to].to_vec()).collect();
    if parts.is_empty() {
        return payload;
    }
    let at = r.random_range(0..parts.len());
    match r.random_range(0..7) {
        0 => drop(parts.remove(at)),
        1 => parts.insert(at, parts[at].clone()),
        2 => parts.reverse(),
        3 => parts.insert(at, vec![r.random_range(1..0x80), 3, 1, 2, 3]),
        // A shift to another codeset, and elements of one octet.
        4 => parts.insert(at, vec![0x90 | r.random_range(0..16_u8)]),
        5 => parts.splice(at..at, vec![vec![0x28, 1, b'x']; 1000]).for_each(drop),
        _ => parts.push(vec![0x7e, 0, 1, r.random()]),
    }
    [payload.get(..5).unwrap_or_default().to_vec(), parts.concat()].concat()
}
