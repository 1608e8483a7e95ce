//! The media that are sent: of audio a packet every 20 ms, of video what the film shows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pinhole_h323::mux::MultiplexId;
use pinhole_h323::rtp;

use super::film::{FRAME_TICKS, Film};
use super::g711::Law;
use super::medium::Codec;
use super::options::Source;
use super::tone::{self, Sine};

/// The time between packets.
pub(super) const INTERVAL: Duration = Duration::from_millis(20);

/// Samples, and octets of G.711, in a packet.
pub(super) const SAMPLES: u16 = 160;

/// A host that was away longer than this does not make up for what it missed.
const PATIENCE: Duration = Duration::from_millis(200);

/// Where a stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Towards {
    /// Where RTP goes.
    pub(super) rtp: SocketAddr,
    /// Where RTCP goes, if the peer has said.
    pub(super) rtcp: Option<SocketAddr>,
    /// What its packets begin with, if the peer wants them multiplexed.
    pub(super) mark: Option<MultiplexId>,
}

/// A stream of packets.
#[derive(Debug)]
pub(super) struct Talker {
    /// The codec.
    pub(super) codec: Codec,
    /// Where it goes.
    pub(super) towards: Towards,
    /// Our synchronization source.
    pub(super) ssrc: u32,
    /// Packets sent.
    pub(super) packets: u64,
    /// Octets of payload sent.
    pub(super) octets: u64,
    /// When the next packet is due.
    pub(super) next: Instant,
    header: rtp::Header,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Voice(Law, Voice),
    Film(Film),
}

#[derive(Debug)]
enum Voice {
    Tone(Sine),
    /// A second of a tone of whole hertz, coded once.
    Second {
        octets: Vec<u8>,
        at: usize,
    },
    Samples {
        samples: Arc<[i16]>,
        at: usize,
    },
}

impl Talker {
    /// Begins to talk now. The `chances` make source, first sequence number and first timestamp.
    pub(super) fn new(
        law: Law,
        source: &Source,
        towards: Towards,
        chances: [u32; 3],
        now: Instant,
    ) -> Self {
        let voice = match source {
            Source::Tone(hz) if hz.fract() == 0.0 => Voice::second(law, *hz),
            Source::Tone(hz) => Voice::Tone(Sine::new(*hz)),
            Source::Samples(samples) => Voice::Samples { samples: samples.clone(), at: 0 },
        };
        Self::with(Codec::G711(law), Content::Voice(law, voice), towards, chances, now)
    }

    /// Begins to show a film of so many kbit/s.
    pub(super) fn film(kbit: u32, towards: Towards, chances: [u32; 3], now: Instant) -> Self {
        Self::with(Codec::H263, Content::Film(Film::new(kbit)), towards, chances, now)
    }

    fn with(
        codec: Codec,
        content: Content,
        towards: Towards,
        chances: [u32; 3],
        now: Instant,
    ) -> Self {
        let [ssrc, sequence, timestamp] = chances;
        let header = rtp::Header {
            payload_type: codec.payload_type(),
            // The first packet of a talk spurt is marked, and the last of a picture.
            marker: matches!(codec, Codec::G711(_)),
            sequence_number: sequence as u16,
            timestamp,
            ssrc,
        };
        Self { codec, towards, ssrc, packets: 0, octets: 0, next: now, header, content }
    }

    /// The packets that are due, and the time of the next one.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if now.saturating_duration_since(self.next) > PATIENCE {
            self.next = now;
        }
        let mut packets = Vec::new();
        while self.next <= now {
            packets.push(self.packet());
        }
        packets
    }

    /// The timestamp of the next packet.
    pub(super) const fn timestamp(&self) -> u32 {
        self.header.timestamp
    }

    fn packet(&mut self) -> Vec<u8> {
        let (payload, ticks, wait) = match &mut self.content {
            Content::Voice(law, voice) => (voice.packet(*law), u32::from(SAMPLES), INTERVAL),
            Content::Film(film) => {
                let piece = film.piece();
                self.header.marker = piece.is_last;
                (piece.payload, if piece.is_last { FRAME_TICKS } else { 0 }, piece.wait)
            }
        };
        let packet = self.header.packet(&payload);
        self.header.marker = false;
        self.header.sequence_number = self.header.sequence_number.wrapping_add(1);
        self.header.timestamp = self.header.timestamp.wrapping_add(ticks);
        self.next += wait;
        self.packets += 1;
        self.octets += payload.len() as u64;
        packet
    }
}

impl Voice {
    fn second(law: Law, hz: f64) -> Self {
        let mut sine = Sine::new(hz);
        let octets = (0..tone::RATE).map(|_| law.encode(sine.sample())).collect();
        Self::Second { octets, at: 0 }
    }

    /// The octets of the next packet.
    fn packet(&mut self, law: Law) -> Vec<u8> {
        if let Self::Second { octets, at } = self {
            let (begin, end) = (*at, *at + usize::from(SAMPLES));
            *at = if end < octets.len() { end } else { 0 };
            // A second is a whole number of packets.
            return octets.get(begin..end).map(<[u8]>::to_vec).unwrap_or_default();
        }
        (0..SAMPLES).map(|_| law.encode(self.sample())).collect()
    }

    fn sample(&mut self) -> i16 {
        match self {
            // Its samples are coded already.
            Self::Second { .. } => 0,
            Self::Tone(sine) => sine.sample(),
            Self::Samples { samples, at } => {
                let sample = samples.get(*at).copied().unwrap_or(0);
                *at = if *at + 1 < samples.len() { *at + 1 } else { 0 };
                sample
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn talker(source: &Source) -> (Talker, Instant) {
        let now = Instant::now();
        let to = SocketAddr::from(([192, 0, 2, 1], 5000));
        let towards = Towards { rtp: to, rtcp: None, mark: None };
        (Talker::new(Law::A, source, towards, [7, 0xffff, 9], now), now)
    }

    #[test]
    fn a_packet_every_20_ms() {
        let (mut talker, start) = talker(&Source::Tone(440.0));
        let first = talker.due(start);
        assert_eq!(first.len(), 1);
        assert_eq!(first[0][..12], [0x80, 0x88, 0xff, 0xff, 0, 0, 0, 9, 0, 0, 0, 7]);
        assert_eq!(first[0].len(), 172);
        assert!(talker.due(start + Duration::from_millis(19)).is_empty());
        let late = talker.due(start + Duration::from_millis(45));
        assert_eq!(late.len(), 2, "what was missed is made up for");
        assert_eq!(late[0][..8], [0x80, 0x08, 0, 0, 0, 0, 0, 169]);
        assert_eq!(talker.due(start + Duration::from_secs(60)).len(), 1, "but not a minute");
    }

    #[test]
    fn samples_are_played_again_and_again() {
        let (mut talker, start) = talker(&Source::Samples([1000, -1000].as_slice().into()));
        let packet = talker.due(start).remove(0);
        let (plus, minus) = (Law::A.encode(1000), Law::A.encode(-1000));
        assert_eq!(packet[12..16], [plus, minus, plus, minus]);
        let mut empty = Voice::Samples { samples: [].into(), at: 0 };
        assert_eq!(empty.sample(), 0);
    }
}
