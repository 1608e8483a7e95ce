//! The load: packets at an even pace through every flow of a relay, both ways, each with the time it was sent.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use pinhole::net;
use pinhole_crypto::roll::{Opening, Sealing};
use pinhole_crypto::{Packet, Transform as _};
use pinhole_h323::rtp;

use super::cipher::{CLEAR, Cipher};

/// Sockets of each side: their buffers together hold what comes while this process does not get its turn.
const SOCKETS: usize = 16;

/// Between two looks at the sockets. The generator looks instead of waiting, so that no relay pays for waking it.
const NAP: Duration = Duration::from_micros(200);

/// How long packets are waited for after the last was sent.
const DRAIN: Duration = Duration::from_millis(500);

/// Packets that are sent between two looks.
const SPELL: u32 = 32;

/// The largest packet that is looked at, and room to encrypt it.
const LARGEST: usize = 2048;

/// Octets at the beginning of a payload that say whether it counts, and when it was sent; the others are all the same.
const MARK: usize = 9;
const FILL: u8 = 0x55;

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Through so many flows, both ways.
    pub(super) flows: u32,
    /// Packets a second, each way of each flow.
    pub(super) rate: u32,
    /// Octets of RTP payload.
    pub(super) size: usize,
    /// Before anything counts.
    pub(super) warm_up: Duration,
    /// What counts.
    pub(super) time: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Packets sent in the time that counts.
    pub(super) sent: u64,
    /// Those of them that came, whole.
    pub(super) received: u64,
    /// The relay's processor time for each packet that it passed, in nanoseconds.
    pub(super) nanoseconds: f64,
    /// Half of the packets took no longer, in microseconds.
    pub(super) p50: u32,
    /// 99 of 100 took no longer.
    pub(super) p99: u32,
}

/// Both ends of all flows.
pub(super) struct Generator {
    sides: [Vec<UdpSocket>; 2],
    start: Instant,
    /// Where a packet is made or taken apart.
    packet: Vec<u8>,
    /// B's end of each flow, when that side is encrypted.
    far_ends: Vec<(Sealing, Opening)>,
    /// Octets of a payload.
    size: usize,
    latencies: Vec<u32>,
    /// Arrived packets, also those that do not count.
    arrived: u64,
}

impl Generator {
    /// Binds its sockets.
    pub(super) fn new(
        ips: [IpAddr; 2],
        flows: u32,
        cipher: Option<Cipher>,
    ) -> Result<Self, String> {
        let bind = |ip| {
            let socket = UdpSocket::bind((ip, 0))?;
            socket.set_nonblocking(true)?;
            Ok::<UdpSocket, std::io::Error>(socket)
        };
        let side = |ip| (0..SOCKETS).map(|_| bind(ip)).collect::<Result<Vec<UdpSocket>, _>>();
        let [a, b] = ips.map(side);
        let failed = |error| format!("cannot bind: {error}");
        let sides = [a.map_err(failed)?, b.map_err(failed)?];
        let far_ends = cipher.map(|cipher| (0..flows).filter_map(move |flow| cipher.far_end(flow)));
        let far_ends = far_ends.into_iter().flatten().collect();
        let (packet, latencies) = (vec![0; LARGEST], Vec::new());
        Ok(Self { sides, start: net::now(), packet, far_ends, size: 0, latencies, arrived: 0 })
    }

    /// Where it receives, on each side.
    pub(super) fn addresses(&self) -> [Vec<SocketAddr>; 2] {
        let of = |side: &Vec<UdpSocket>| {
            side.iter().filter_map(|socket| socket.local_addr().ok()).collect()
        };
        self.sides.each_ref().map(of)
    }

    /// Sends the load through a relay with these ports, and looks at its processor time.
    pub(super) fn run(
        &mut self,
        load: &Load,
        (ip, ports): (IpAddr, &[[u16; 2]]),
        processor_time: impl Fn() -> Result<Duration, String>,
    ) -> Result<Outcome, String> {
        self.start = net::now();
        self.latencies.clear();
        self.size = load.size.max(MARK);
        let streams = load.flows * 2;
        let gap = Duration::from_secs(1) / (load.rate.max(1) * streams.max(1));
        let mut before = None;
        let (mut next, mut sent) = (0_u32, 0);
        loop {
            let passed = self.passed();
            if passed >= load.warm_up && before.is_none() {
                before = Some((processor_time()?, self.arrived));
            }
            if passed >= load.warm_up + load.time {
                break;
            }
            let mut spell = 0;
            while gap * next <= self.passed() && spell < SPELL {
                let counts = before.is_some();
                self.send(load, (ip, ports), next, counts);
                sent += u64::from(counts);
                next += 1;
                spell += 1;
            }
            self.receive();
            if spell < SPELL {
                std::thread::sleep(NAP);
            }
        }
        let (time, arrived) = before.unwrap_or_default();
        let used = processor_time()?.saturating_sub(time);
        let passed_on = (self.arrived - arrived).max(1);
        let end = self.passed() + DRAIN;
        while self.passed() < end {
            self.receive();
            std::thread::sleep(NAP);
        }
        self.latencies.sort_unstable();
        let at = |share: usize| self.latencies.get(self.latencies.len() * share / 100);
        Ok(Outcome {
            sent,
            received: self.latencies.len() as u64,
            nanoseconds: used.as_nanos() as f64 / passed_on as f64,
            p50: at(50).copied().unwrap_or(0),
            p99: at(99).copied().unwrap_or(0),
        })
    }

    fn passed(&self) -> Duration {
        net::now().saturating_duration_since(self.start)
    }

    /// Sends the `n`-th packet. In it is whether it counts, and when it was sent.
    fn send(&mut self, load: &Load, (ip, ports): (IpAddr, &[[u16; 2]]), n: u32, counts: bool) {
        let streams = load.flows * 2;
        let (stream, number) = (n % streams, n / streams);
        let (flow, side) = ((stream / 2) as usize, (stream % 2) as usize);
        let mark = [u64::from(counts), self.passed().as_nanos() as u64].map(u64::to_be_bytes);
        let mut payload = vec![FILL; self.size];
        payload
            .iter_mut()
            .zip(mark.as_flattened().iter().skip(7))
            .for_each(|(to, from)| *to = *from);
        let header = rtp::Header {
            payload_type: CLEAR,
            marker: false,
            sequence_number: number as u16,
            timestamp: number.wrapping_mul(160),
            ssrc: stream + 1,
        };
        let clear = header.packet(&payload);
        let far_end = self.far_ends.get_mut(flow).filter(|_| side == 1);
        let Some(place) = self.packet.get_mut(..clear.len()) else { return };
        place.copy_from_slice(&clear);
        let Ok(mut packet) = Packet::new(&mut self.packet, clear.len()) else { return };
        if far_end.is_some_and(|(sealing, _)| sealing.apply(&mut packet).is_err()) {
            return;
        }
        let port = ports.get(flow).and_then(|ports| ports.get(side));
        let socket = self.sides.get(side).and_then(|all| all.get(flow % SOCKETS));
        if let (Some(port), Some(socket)) = (port, socket) {
            // What cannot be sent is missed at the other end.
            let _ = socket.send_to(packet.octets(), (ip, *port));
        }
    }

    /// Takes what has come. What is not as it was sent has not come.
    fn receive(&mut self) {
        let now = self.passed().as_nanos() as u64;
        let Self { sides, packet, far_ends, size, latencies, arrived, .. } = self;
        for (side, socket) in
            sides.iter().enumerate().flat_map(|(n, all)| all.iter().map(move |s| (n, s)))
        {
            while let Ok(length) = socket.recv(packet) {
                *arrived += 1;
                let Ok(mut packet) = Packet::new(packet, length) else { continue };
                let stream = packet.octets().get(8..).and_then(<[u8]>::first_chunk::<4>);
                let flow = stream.map_or(0, |ssrc| u32::from_be_bytes(*ssrc).saturating_sub(1) / 2);
                let far_end = far_ends.get_mut(flow as usize).filter(|_| side == 1);
                if far_end.is_some_and(|(_, opening)| opening.apply(&mut packet).is_err()) {
                    continue;
                }
                let payload = packet.octets().get(rtp::HEADER..).unwrap_or_default();
                if let Some(([1, time @ ..], rest)) = payload.split_first_chunk::<MARK>()
                    && payload.len() == *size
                    && rest.iter().all(|octet| *octet == FILL)
                {
                    let took = now.saturating_sub(u64::from_be_bytes(*time)) / 1000;
                    latencies.push(u32::try_from(took).unwrap_or(u32::MAX));
                }
            }
        }
    }
}
