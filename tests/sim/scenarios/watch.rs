//! A watcher: looks at every RTP packet that the gatekeeper sends, and finds those in clear.
//!
//! It knows what phones of these scenarios send: a tone as G.711, and the pattern of synthetic video. A tone obeys
//! s(n+1) + s(n-1) = 2 cos(w) s(n); what a cipher makes of it does not.

use std::net::{IpAddr, SocketAddr};

use pinhole::phone::g711::Law;

/// Fewer samples say nothing.
const FEWEST: usize = 32;

/// What was sent to one address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// RTP packets with contents.
    pub(crate) packets: usize,
    /// Those of them whose contents can be read.
    pub(crate) clear: usize,
}

/// Looks at all that was sent to an address.
pub(crate) fn look(sent: &[(SocketAddr, Vec<u8>)], to: IpAddr) -> Seen {
    let mut seen = Seen::default();
    let ours = sent.iter().filter(|(at, _)| at.ip() == to);
    for payload in ours.filter_map(|(_, datagram)| payload(datagram)) {
        seen.packets += 1;
        seen.clear += usize::from(is_clear(payload));
    }
    seen
}

/// True for an RTP packet whose contents can be read, with or without a multiplexID before it.
pub(crate) fn can_be_read(datagram: &[u8]) -> bool {
    payload(datagram).is_some_and(is_clear)
}

/// The contents of an RTP packet, with or without a multiplexID before it; nothing for RTCP, RAS and keepalives.
fn payload(datagram: &[u8]) -> Option<&[u8]> {
    // RAS begins otherwise, but for messages of other kinds that no phone sends.
    let is_rtp = |packet: &[u8]| {
        packet.len() >= 12 + FEWEST && packet[0] >> 6 == 2 && !(192..=223).contains(&packet[1])
    };
    let plain = is_rtp(datagram).then_some(datagram);
    plain.or_else(|| datagram.get(4..).filter(|rest| is_rtp(rest))).map(|packet| &packet[12..])
}

fn is_clear(payload: &[u8]) -> bool {
    let film = |(n, octet): (usize, &u8)| *octet == (n as u8).wrapping_mul(73) ^ 0x5a;
    payload.iter().enumerate().skip(4).take(28).all(film)
        || [Law::A, Law::Mu].into_iter().any(|law| is_tone(payload, law))
}

fn is_tone(payload: &[u8], law: Law) -> bool {
    let samples: Vec<f64> = payload.iter().map(|octet| f64::from(law.decode(*octet))).collect();
    let (mut product, mut square) = (0.0, 0.0);
    for around in samples.windows(3) {
        product += (around[0] + around[2]) * around[1];
        square += around[1] * around[1];
    }
    let factor = product / square.max(1.0);
    let rest = samples.windows(3).map(|s| (s[0] + s[2] - factor * s[1]).powi(2)).sum::<f64>();
    rest < 0.3 * square
}

#[test]
fn the_watcher_can_tell() {
    let tone = |hertz: f64, law: Law| -> Vec<u8> {
        let sample =
            |n: u32| (f64::from(n) * hertz * std::f64::consts::TAU / 8000.0).sin() * 8000.0;
        (0..160).map(|n| law.encode(sample(n) as i16)).collect()
    };
    for hertz in [200.0, 440.0, 880.0, 1500.0] {
        assert!(is_clear(&tone(hertz, Law::A)) && is_clear(&tone(hertz, Law::Mu)), "{hertz}");
    }
    let mut state = 1_u64;
    for _ in 0..2000 {
        let noise: Vec<u8> = (0..160)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert!(!is_clear(&noise));
    }
}
