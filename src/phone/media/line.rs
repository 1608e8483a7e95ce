//! One medium of a call: its two sockets, what is sent and heard on them, reports and keepalives.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole_h323::mux::MultiplexId;
use pinhole_h323::rtcp::{self, Packet, ReceiverReport, ReportBlock, SenderReport};

use super::locks::Locks;
use crate::event::ChannelRecord;
use crate::face::{Bind, SocketId};
use crate::phone::control::Lock;
use crate::phone::desk::{CallKey, CallTimer, Desk, Timer};
use crate::phone::hear::Hearer;
use crate::phone::listen::round_trip;
use crate::phone::medium::{Codec, Medium};
use crate::phone::punch::Punch;
use crate::phone::talk::{Talker, Towards};

/// The time between reports.
const REPORTS: Duration = Duration::from_secs(2);

/// The time between the first ones, so that a short call has its round trip measured too.
const FIRST_REPORTS: Duration = Duration::from_millis(500);

/// How many come early.
const EARLY: u8 = 2;

/// See the head of the file.
#[derive(Debug)]
pub(in super::super) struct Line {
    call: CallKey,
    medium: Medium,
    rtp: SocketId,
    rtcp: SocketId,
    /// The multiplexID by which we receive; all goes over the shared sockets then, so that the way through a NAT is
    /// open for them.
    identifier: Option<MultiplexId>,
    /// The even port, once bound.
    pub(super) port: Option<u16>,
    talker: Option<Talker>,
    hearer: Option<Hearer>,
    locks: Locks,
    punch: Option<Punch>,
    /// The last sender report of the peer: the middle of its time, and when it came.
    last_report: Option<(u32, Instant)>,
    latency: Mean,
    /// Reports that are still to come early.
    early: u8,
    /// Records of channels that were closed before the call ended.
    closed: Vec<ChannelRecord>,
}

/// A running mean.
#[derive(Debug, Default)]
struct Mean {
    sum: Duration,
    count: u32,
}

impl Mean {
    fn ms(&self) -> Option<f64> {
        let mean = self.sum.checked_div(self.count)?;
        Some(round(mean.as_secs_f64() * 1000.0))
    }
}

/// Two digits after the point are all that records need.
pub(in super::super) fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn marked(mark: Option<MultiplexId>, packet: &[u8]) -> Vec<u8> {
    mark.map_or_else(|| packet.to_vec(), |mark| mark.prefix(packet))
}

impl Line {
    /// Asks for the sockets.
    pub(super) fn new(desk: &mut Desk, call: CallKey, medium: Medium) -> Self {
        let (rtp, rtcp) = desk.bind_media(call, medium);
        Self {
            call,
            medium,
            rtp,
            rtcp,
            identifier: None,
            port: None,
            talker: None,
            hearer: None,
            locks: Locks::default(),
            punch: None,
            last_report: None,
            latency: Mean::default(),
            early: EARLY,
            closed: Vec::new(),
        }
    }

    /// True when this is its RTP socket.
    pub(super) fn is_at(&self, rtp: SocketId) -> bool {
        self.rtp == rtp
    }

    /// The addresses to signal: ours as the peer of the signalling connection knows us.
    pub(super) fn addresses(&self, ip: IpAddr) -> (SocketAddr, SocketAddr) {
        let port = self.port.unwrap_or(0);
        (SocketAddr::new(ip, port), SocketAddr::new(ip, port.saturating_add(1)))
    }

    /// Receives multiplexed media from now on; the identifier, and the addresses to signal.
    pub(super) fn multiplex(
        &mut self,
        desk: &mut Desk,
        ip: IpAddr,
    ) -> Option<(MultiplexId, (SocketAddr, SocketAddr))> {
        let port = desk.shared.and_then(|shared| shared.port)?;
        let (call, medium) = (self.call, self.medium);
        let identifier = *self.identifier.get_or_insert_with(|| desk.multiplex_id(call, medium));
        let addresses = (SocketAddr::new(ip, port), SocketAddr::new(ip, port.saturating_add(1)));
        Some((identifier, addresses))
    }

    /// True when media of this line goes to, or has to be expected from, an address.
    pub(super) fn knows(&self, peer: SocketAddr) -> bool {
        let talker = self.talker.as_ref().map(|talker| talker.towards);
        let talking = talker.is_some_and(|to| to.rtp == peer || to.rtcp == Some(peer));
        let punching = self.punch.as_ref().is_some_and(|p| p.to == peer || p.control == peer);
        self.identifier.is_some() && (talking || punching)
    }

    /// Sends RTP, marked if the receiver wants that.
    fn send_rtp(&self, desk: &mut Desk, to: SocketAddr, mark: Option<MultiplexId>, packet: &[u8]) {
        let shared = desk.shared.filter(|_| self.identifier.is_some());
        let socket = shared.map_or(self.rtp, |shared| shared.rtp);
        desk.datagram(socket, to, marked(mark, packet));
    }

    /// Sends RTCP in the same way.
    fn send_rtcp(&self, desk: &mut Desk, to: SocketAddr, mark: Option<MultiplexId>, packet: &[u8]) {
        let shared = desk.shared.filter(|_| self.identifier.is_some());
        let socket = shared.map_or(self.rtcp, |shared| shared.rtcp);
        desk.datagram(socket, to, marked(mark, packet));
    }

    /// Begins to send.
    pub(in super::super) fn talk(&mut self, desk: &mut Desk, codec: Codec, to: Towards) {
        let chances = [desk.random_u32(), desk.random_u32(), desk.random_u32()];
        let talker = match (codec, self.medium) {
            (Codec::G711(law), _) => Talker::new(law, &desk.options.source, to, chances, desk.now),
            (Codec::H263, Medium::Presentation) => {
                Talker::film(desk.options.presentation.unwrap_or(0), to, chances, desk.now)
            }
            (Codec::H263, _) => {
                Talker::film(desk.options.video.unwrap_or(0), to, chances, desk.now)
            }
        };
        self.talker = Some(talker);
        self.talk_due(desk);
        desk.after(self.timer(CallTimer::Report(self.medium)), FIRST_REPORTS);
    }

    /// Begins to receive.
    pub(in super::super) fn listen(&mut self, desk: &Desk, codec: Codec) {
        if self.hearer.is_none() {
            self.hearer = Some(Hearer::new(codec, desk.is_busy));
        }
    }

    /// Encrypts or decrypts with this key from now on.
    pub(in super::super) fn lock(&mut self, lock: &Lock) {
        self.locks.set(lock);
    }

    /// Stops sending.
    pub(in super::super) fn hush(&mut self, desk: &mut Desk) {
        desk.timers.stop(&self.timer(CallTimer::Talk(self.medium)));
        self.closed.extend(self.talk_record());
        self.talker = None;
        self.locks.forget_outgoing();
    }

    /// Stops receiving, and with it the keepalives of the channel.
    pub(in super::super) fn unhear(&mut self, desk: &mut Desk) {
        desk.timers.stop(&self.timer(CallTimer::Punch(self.medium)));
        self.closed.extend(self.hear_record());
        self.hearer = None;
        self.punch = None;
        self.locks.forget_incoming();
    }

    /// Begins to keep the way for media open.
    pub(in super::super) fn keep_open(&mut self, desk: &mut Desk, punch: Punch) {
        if desk.options.keepalives {
            self.punch = Some(punch);
            self.punch_due(desk);
        }
    }

    /// The next packet is due.
    pub(in super::super) fn talk_due(&mut self, desk: &mut Desk) {
        let Some(talker) = &mut self.talker else { return };
        let (packets, towards, next) = (talker.due(desk.now), talker.towards, talker.next);
        for packet in packets {
            let Some(packet) = self.locks.seal(packet) else { continue };
            self.send_rtp(desk, towards.rtp, towards.mark, &packet);
        }
        desk.timers.set(self.timer(CallTimer::Talk(self.medium)), next);
    }

    /// The next keepalives are due.
    pub(in super::super) fn punch_due(&mut self, desk: &mut Desk) {
        let Some(punch) = &mut self.punch else { return };
        let keepalive = punch.rtp();
        let (to, control, mark, wait) = (punch.to, punch.control, punch.mark, punch.wait());
        self.send_rtp(desk, to, mark, &keepalive);
        self.send_rtcp(desk, control, mark, &Punch::rtcp());
        desk.after(self.timer(CallTimer::Punch(self.medium)), wait);
    }

    /// The next report is due. Without a stream of our own there is nowhere to report to.
    pub(in super::super) fn report_due(&mut self, desk: &mut Desk) {
        let reports: Vec<ReportBlock> = self.block(desk.now).into_iter().collect();
        let Some(talker) = &self.talker else {
            return;
        };
        let report = SenderReport {
            ssrc: talker.ssrc,
            ntp: desk.ntp(),
            rtp_timestamp: talker.timestamp(),
            packets: talker.packets as u32,
            octets: talker.octets as u32,
            reports,
        };
        let towards = talker.towards;
        if let Some(to) = towards.rtcp {
            self.send_rtcp(desk, to, towards.mark, &report.octets());
        }
        self.early = self.early.saturating_sub(1);
        let wait = if self.early > 0 { FIRST_REPORTS } else { REPORTS };
        desk.after(self.timer(CallTimer::Report(self.medium)), wait);
    }

    /// A datagram came to the RTP socket; returns its samples.
    pub(super) fn heard(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Option<Vec<i16>> {
        let told = self.talker.as_ref().map(|talker| talker.towards.rtp);
        let hearer = self.hearer.as_mut()?;
        let payload_type = hearer.codec.payload_type();
        hearer.hear(now, (from, told), &self.locks.open(datagram, payload_type)?)
    }

    /// A datagram came to the RTCP socket.
    pub(in super::super) fn reported(&mut self, desk: &Desk, datagram: &[u8]) {
        // A keepalive of the other side has no source and says nothing.
        for packet in rtcp::packets(datagram).map_while(Result::ok) {
            match packet {
                Packet::Sender(SenderReport { ssrc: 0, .. }) => {}
                Packet::Sender(report) => {
                    self.last_report = Some((rtcp::middle(report.ntp), desk.now));
                    self.judged(desk, &report.reports);
                }
                Packet::Receiver(ReceiverReport { reports, .. }) => self.judged(desk, &reports),
                Packet::Other { .. } => {}
            }
        }
    }

    /// The records of all channels, and the sockets given back.
    pub(super) fn end(&mut self, desk: &mut Desk) -> Vec<ChannelRecord> {
        self.hush(desk);
        self.unhear(desk);
        desk.timers.stop(&self.timer(CallTimer::Report(self.medium)));
        if let Some(identifier) = self.identifier.take() {
            desk.multiplexed.remove(&identifier);
        }
        if self.port.take().is_some() {
            desk.unbind(Bind::UdpPair(self.rtp, self.rtcp));
        }
        std::mem::take(&mut self.closed)
    }

    const fn timer(&self, timer: CallTimer) -> Timer {
        Timer::Call(self.call, timer)
    }

    /// What we say of the peer's stream.
    fn block(&mut self, now: Instant) -> Option<ReportBlock> {
        let mut block = self.hearer.as_mut()?.receiver.report()?;
        if let Some((middle, at)) = self.last_report {
            block.last_sender_report = middle;
            let since = now.saturating_duration_since(at);
            block.delay_since = (since.as_secs_f64() * 65_536.0) as u32;
        }
        Some(block)
    }

    /// What the peer says of our stream.
    fn judged(&mut self, desk: &Desk, reports: &[ReportBlock]) {
        let Some(ssrc) = self.talker.as_ref().map(|talker| talker.ssrc) else { return };
        for block in reports.iter().filter(|block| block.ssrc == ssrc) {
            let now = rtcp::middle(desk.ntp());
            if let Some(trip) = round_trip(now, block.last_sender_report, block.delay_since) {
                self.latency.sum += trip / 2;
                self.latency.count += 1;
            }
        }
    }

    fn talk_record(&self) -> Option<ChannelRecord> {
        let talker = self.talker.as_ref()?;
        let record = self.record("transmit", talker.codec);
        let (cipher, dh_bits) = self.locks.told(true);
        Some(ChannelRecord { packets: talker.packets, cipher, dh_bits, ..record })
    }

    fn hear_record(&self) -> Option<ChannelRecord> {
        let hearer = self.hearer.as_ref()?;
        let counts = hearer.receiver.counts();
        let (cipher, dh_bits) = self.locks.told(false);
        Some(ChannelRecord {
            cipher,
            dh_bits,
            packets: counts.packets,
            lost: counts.lost,
            jitter_ms: hearer.receiver.jitter_ms().map(round),
            tone_hz: hearer.tone().map(round),
            ..self.record("receive", hearer.codec)
        })
    }

    fn record(&self, direction: &'static str, codec: Codec) -> ChannelRecord {
        ChannelRecord {
            media: self.medium.name(),
            direction,
            codec: codec.name().to_owned(),
            packets: 0,
            lost: 0,
            jitter_ms: None,
            tone_hz: None,
            cipher: "none".to_owned(),
            dh_bits: None,
            strangers: 0,
            unanswered: 0,
            legs: Vec::new(),
            latency_ms: self.latency.ms(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Output;
    use crate::phone::g711::Law;
    use crate::phone::options::Options;

    /// What is sent: from which socket, where to, and its first octets.
    fn sent(desk: &mut Desk) -> Vec<(SocketId, String, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            match desk.poll() {
                Output::Datagram { socket, to, bytes } => {
                    all.push((socket, to.to_string(), bytes[..8].to_vec()));
                }
                Output::Timeout(_) => return all,
                _ => {}
            }
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn what_is_multiplexed_leaves_from_the_shared_sockets_with_its_identifier() {
        let mut desk = Desk::new(Options::new("a"), [1; 32], Instant::now());
        desk.bind_shared();
        let mut media = Line::new(&mut desk, CallKey(1), Medium::Audio);
        let at = |port| SocketAddr::from(([198, 51, 100, 10], port));
        let punch = || {
            let mut punch = Punch::new(at(3000), None, Some(19));
            punch.mark = Some(MultiplexId(1));
            punch
        };
        assert_eq!(media.multiplex(&mut desk, [10, 10, 1, 2].into()), None, "not bound yet");
        media.keep_open(&mut desk, punch());
        assert_eq!(sent(&mut desk)[0].0, media.rtp, "what we send does not depend on it");
        desk.shared.as_mut().unwrap().port = Some(2776);
        let (identifier, (rtp, rtcp)) = media.multiplex(&mut desk, [10, 10, 1, 2].into()).unwrap();
        assert!(identifier.0 != 0 && identifier.0 >> 30 != 2);
        assert_eq!(desk.multiplexed.get(&identifier), Some(&(CallKey(1), Medium::Audio)));
        assert_eq!((rtp.port(), rtcp.port()), (2776, 2777));
        media.keep_open(&mut desk, punch());
        let to = Towards { rtp: at(3000), rtcp: Some(at(3001)), mark: Some(MultiplexId(7)) };
        media.talk(&mut desk, Codec::G711(Law::A), to);
        media.report_due(&mut desk);
        let shared = desk.shared.unwrap();
        let first: Vec<_> = sent(&mut desk);
        let (rtp, rtcp) = (at(3000).to_string(), at(3001).to_string());
        let keepalives = [
            (shared.rtp, rtp.clone(), vec![0, 0, 0, 1, 0x80, 0x7f, 0, 1]),
            (shared.rtcp, rtcp.clone(), vec![0, 0, 0, 1, 0x80, 0xc8, 0, 6]),
        ];
        assert_eq!(first[..2], keepalives);
        let [audio, report] = &first[2..] else { panic!("{first:?}") };
        assert_eq!(
            (audio.0, &audio.1, &audio.2[..6]),
            (shared.rtp, &rtp, &[0, 0, 0, 7, 0x80, 0x88][..])
        );
        assert_eq!(
            (report.0, &report.1, &report.2[..6]),
            (shared.rtcp, &rtcp, &[0, 0, 0, 7, 0x80, 0xc8][..])
        );
        assert!(media.knows(at(3000)) && media.knows(at(3001)) && !media.knows(at(3002)));
        media.end(&mut desk);
        assert!(desk.multiplexed.is_empty());
    }
}
