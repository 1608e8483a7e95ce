//! The media that arrive: counted, measured, and handed on when it is recorded.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pinhole_h323::rtp;

use super::g711::Law;
use super::listen::{Place, Receiver};
use super::medium::Codec;
use super::talk::SAMPLES;
use super::tone::ToneMeter;

/// Another source is believed when the one heard so far has been silent for so long.
const SILENCE: Duration = Duration::from_secs(1);

/// Of the audio of a busy phone, one second in so many is measured.
const ONE_IN: u32 = 16;

/// A gap longer than this is not filled in.
const MOST_FILLED: u64 = 100;

/// A received channel.
#[derive(Debug)]
pub(super) struct Hearer {
    /// The codec that was agreed.
    pub(super) codec: Codec,
    /// Statistics.
    pub(super) receiver: Receiver,
    meter: ToneMeter,
    source: Option<(SocketAddr, Instant)>,
}

impl Hearer {
    /// When the phone `is_busy`, the tone is measured now and then.
    pub(super) fn new(codec: Codec, is_busy: bool) -> Self {
        let receiver = Receiver::new(codec.clock());
        let meter = if is_busy { ToneMeter::sparse(ONE_IN) } else { ToneMeter::default() };
        Self { codec, receiver, meter, source: None }
    }

    /// The tone heard so far, in hertz.
    pub(super) fn tone(&self) -> Option<f64> {
        self.meter.tone()
    }

    /// Takes a datagram; returns the samples that it brought, if it is of the stream: none if that is video. `told` is
    /// where the peer's media is expected from.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        (from, told): (SocketAddr, Option<SocketAddr>),
        datagram: &[u8],
    ) -> Option<Vec<i16>> {
        if rtp::is_keepalive(datagram) {
            return None;
        }
        let packet = rtp::Packet::parse(datagram).ok()?;
        let law = match self.codec {
            Codec::G711(_) => Some(Law::of_payload_type(packet.payload_type())?),
            Codec::H263 => None,
        };
        if law.is_none() && packet.payload_type() != self.codec.payload_type() {
            return None;
        }
        if !self.is_from_source(now, from, told) {
            return None;
        }
        let sequence = packet.sequence_number();
        match self.receiver.receive(now, packet.ssrc(), sequence, packet.timestamp()) {
            Place::Duplicate | Place::Late => return None,
            Place::Next { gap } if gap <= MOST_FILLED && law.is_some() => {
                self.meter.gap(gap as usize * usize::from(SAMPLES));
            }
            Place::Next { .. } | Place::Start => {}
        }
        let Some(law) = law else { return Some(Vec::new()) };
        let samples: Vec<i16> = packet.payload().iter().map(|octet| law.decode(*octet)).collect();
        samples.iter().for_each(|sample| self.meter.push(*sample));
        Some(samples)
    }

    /// The first source is the source, so that a stranger's packets neither count nor disturb; but it may be a straggler
    /// of the last call on the same port, and gives way to who is where the peer was told to be.
    fn is_from_source(&mut self, now: Instant, from: SocketAddr, told: Option<SocketAddr>) -> bool {
        match &mut self.source {
            Some((source, heard)) if *source == from => *heard = now,
            source if told == Some(from) => *source = Some((from, now)),
            Some((_, heard)) if now.saturating_duration_since(*heard) < SILENCE => return false,
            source => *source = Some((from, now)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::options::Source;
    use crate::phone::talk::{Talker, Towards};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn hears_the_tone_and_no_stranger() {
        let start = Instant::now();
        let (peer, stranger) =
            ("192.0.2.1:5000".parse().unwrap(), "192.0.2.9:5000".parse().unwrap());
        let tone = Source::Tone(440.0);
        let towards = Towards { rtp: peer, rtcp: None, mark: None };
        let mut talker = Talker::new(Law::Mu, &tone, towards, [1, 2, 3], start);
        let noise = Source::Samples([30_000, -5].as_slice().into());
        let mut other = Talker::new(Law::Mu, &noise, towards, [9, 9, 9], start);
        let mut hearer = Hearer::new(Codec::G711(Law::Mu), false);
        for n in 0..100 {
            let now = start + Duration::from_millis(20) * n;
            for packet in talker.due(now) {
                assert_eq!(hearer.hear(now, (peer, None), &packet).unwrap().len(), 160);
            }
            for packet in other.due(now) {
                assert_eq!(hearer.hear(now, (stranger, None), &packet), None);
            }
            assert_eq!(hearer.hear(now, (peer, None), &rtp::keepalive(0, 1)), None);
            assert_eq!(hearer.hear(now, (peer, None), b"garbage"), None);
        }
        assert_eq!((hearer.receiver.counts().packets, hearer.receiver.counts().lost), (100, 0));
        assert!((hearer.tone().unwrap() - 440.0).abs() < 0.5);
        let later = start + Duration::from_secs(4);
        let moved = hearer.hear(later, (stranger, None), &other.due(later)[0]);
        assert!(moved.is_some(), "it moved");
    }
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn a_straggler_of_the_last_call_does_not_keep_the_peer_out() {
        let start = Instant::now();
        let (peer, last) = ("192.0.2.1:5000".parse().unwrap(), "192.0.2.1:6000".parse().unwrap());
        let tone = Source::Tone(440.0);
        let towards = Towards { rtp: peer, rtcp: None, mark: None };
        let mut old = Talker::new(Law::Mu, &tone, towards, [7, 7, 7], start);
        let mut talker = Talker::new(Law::Mu, &tone, towards, [1, 2, 3], start);
        let mut hearer = Hearer::new(Codec::G711(Law::Mu), false);
        assert!(hearer.hear(start, (last, Some(peer)), &old.due(start)[0]).is_some());
        for n in 0..20 {
            let now = start + Duration::from_millis(20) * n;
            for packet in talker.due(now) {
                assert!(hearer.hear(now, (peer, Some(peer)), &packet).is_some(), "{n}");
            }
            for packet in old.due(now) {
                assert_eq!(hearer.hear(now, (last, Some(peer)), &packet), None, "{n}");
            }
        }
        assert!((hearer.tone().unwrap() - 440.0).abs() < 2.0);
    }
}
