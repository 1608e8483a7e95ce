//! One call of the phone: what is known of it, and where it stands. The files beside this one are its steps.

mod answer;
mod carry;
mod digits;
mod messages;
mod place;
mod progress;
mod release;
mod secure;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use pinhole_h323::signal::Leg;

use super::control::Control;
use super::desk::{CallKey, CallTimer, Desk, Timer};
use super::media::{Line, Media};
use super::medium::Medium;
use super::options::{Destination, Incoming};
use super::say_ras::CallName;
use crate::face::{Bind, ListenerId, StreamId};

pub(super) use release::Ending;

/// How long each step may take, in seconds.
mod patience {
    /// For the host to bind our sockets.
    pub(super) const SOCKETS: u64 = 5;
    /// For a TCP connection to stand.
    pub(super) const CONNECTION: u64 = 10;
    /// For the first answer to Setup (Q.931 T303, with room for gatekeepers on the way).
    pub(super) const FIRST_ANSWER: u64 = 20;
    /// From CallProceeding to Alerting or Connect (Q.931 T310).
    pub(super) const PROCEEDING: u64 = 60;
    /// From Alerting to Connect (Q.931 T301).
    pub(super) const RINGING: u64 = 180;
    /// From Connect to open channels.
    pub(super) const CONTROL: u64 = 30;
    /// From Connect to open audio, before the time that a talk shall last begins without it.
    pub(super) const AUDIO: u64 = 2;
    /// From the end of H.245 to ReleaseComplete, which comes on another connection.
    pub(super) const FAREWELL: u64 = 1;
}

/// The time between keepalives on a connection through a NAT (H.460.18 leaves it to us; 19 s is what all use).
const PINHOLE: Duration = Duration::from_secs(19);

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its sockets are being bound.
    Preparing,
    /// The gatekeeper is asked.
    Admitting,
    /// The connection to the peer is being made.
    Connecting,
    /// Setup is sent.
    Calling,
    /// The peer's side works on it.
    Proceeding,
    /// The called party is alerted.
    Ringing,
    /// Answered.
    Talking,
    /// Over.
    Over,
}

/// How H.245 is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    /// Not decided yet.
    Undecided,
    /// In call signalling.
    Tunnel,
    /// On a connection of its own.
    Separate,
}

/// The listener for the H.245 connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Door {
    listener: ListenerId,
    port: Option<u16>,
}

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Call {
    /// Its number in the phone.
    pub(super) key: CallKey,
    /// Its identifiers.
    pub(super) name: CallName,
    /// Where it stands.
    pub(super) stage: Stage,
    /// The other party.
    peer: String,
    /// Whom to call, if we call.
    destination: Option<Destination>,
    /// The call signalling connection.
    stream: Option<StreamId>,
    /// The H.245 connection, and whether it stands.
    control_stream: Option<(StreamId, bool)>,
    /// Where the peer said that it listens for H.245.
    control_address: Option<SocketAddr>,
    door: Option<Door>,
    /// Connections to our H.245 listener from elsewhere than signalling comes from.
    guests: Vec<StreamId>,
    carrier: Carrier,
    /// H.245 messages that wait for their carrier.
    waiting: Vec<Vec<u8>>,
    /// H.245 messages that came before we could take them.
    early: Vec<Vec<u8>>,
    /// Channels that the caller has proposed (fast start).
    proposals: Vec<Vec<u8>>,
    control: Option<Control>,
    /// How often it was sent elsewhere.
    redirections: u8,
    /// Why the call ends, unless ReleaseComplete soon says it better.
    farewell: Option<Ending>,
    agreement: secure::Agreement,
    media: Media,
    /// Whether the gatekeeper is our H.460.18 server, so that every connection is ours to make.
    traversal: bool,
    /// Whether the peer has offered H.460.19.
    offered_19: bool,
    /// Whether the peer can send multiplexed media.
    peer_marks: bool,
    /// Whether the peer has offered to tunnel H.245.
    offered_tunnel: bool,
    /// Whether the peer needs a feature that we do not have.
    asks_too_much: bool,
    /// Whether the gatekeeper has admitted it.
    admitted: bool,
    setup_at: Option<Instant>,
    connected_at: Option<Instant>,
    setup_time: Option<Duration>,
    /// Digits that were sent.
    digits_sent: usize,
    /// Whether the time to hang up is set for good: audio is open.
    holds: bool,
}

impl Call {
    fn new(desk: &mut Desk, key: CallKey, name: CallName, peer: String) -> Self {
        let media = Media::new(desk, key);
        let traversal = desk.ras.standing.as_ref().is_some_and(|standing| standing.traversal);
        let call = Self {
            key,
            name,
            stage: Stage::Preparing,
            peer,
            destination: None,
            stream: None,
            control_stream: None,
            control_address: None,
            door: None,
            guests: Vec::new(),
            carrier: Carrier::Undecided,
            waiting: Vec::new(),
            early: Vec::new(),
            proposals: Vec::new(),
            control: None,
            redirections: 0,
            farewell: None,
            agreement: secure::Agreement::default(),
            media,
            traversal,
            offered_19: false,
            peer_marks: false,
            offered_tunnel: false,
            asks_too_much: false,
            admitted: false,
            setup_at: None,
            connected_at: None,
            setup_time: None,
            digits_sent: 0,
            holds: false,
        };
        call.expect(desk, patience::SOCKETS);
        call
    }

    /// A socket or listener of the call was bound, or could not be.
    pub(super) fn bound(&mut self, desk: &mut Desk, bind: Bind, at: Option<SocketAddr>) {
        if self.stage == Stage::Over {
            return;
        }
        let Some(at) = at else {
            desk.forget(bind);
            if matches!(bind, Bind::Tcp(_)) {
                self.door = None;
            }
            return self.fail(desk, "no local port is free");
        };
        match bind {
            Bind::UdpPair(rtp, _) => self.media.bound(rtp, at.port()),
            Bind::Tcp(_) => {
                let Some(door) = &mut self.door else { return desk.unbind(bind) };
                door.port = Some(at.port());
            }
            Bind::Udp(_) | Bind::Media(_) => {}
        }
        let door_is_ready = self.door.is_none_or(|door| door.port.is_some());
        if self.stage == Stage::Preparing && self.media.is_bound() && door_is_ready {
            self.prepared(desk);
        } else if self.stage != Stage::Preparing {
            self.door_is_open(desk);
        }
    }

    /// Moves on, and gives the new step so many seconds.
    fn advance(&mut self, desk: &mut Desk, stage: Stage, seconds: u64) {
        self.stage = stage;
        self.expect(desk, seconds);
    }

    fn expect(&self, desk: &mut Desk, seconds: u64) {
        desk.after(self.timer(CallTimer::Step), Duration::from_secs(seconds));
    }

    const fn timer(&self, timer: CallTimer) -> Timer {
        Timer::Call(self.key, timer)
    }

    /// How we sign messages of this call.
    fn leg(&self, desk: &Desk) -> Leg {
        Leg {
            crv: self.name.crv,
            from_destination: self.name.answering,
            call_id: self.name.id,
            tunnelling: match self.carrier {
                Carrier::Undecided => desk.options.tunnelling,
                Carrier::Tunnel => true,
                Carrier::Separate => false,
            },
        }
    }

    /// Our address on the signalling connection: the one under which the peer's side knows us.
    fn local_ip(&self, desk: &Desk) -> IpAddr {
        let stream = self.stream.and_then(|stream| desk.streams.get(&stream));
        let local = stream.and_then(|stream| stream.local).map(|local| local.ip());
        let fallback = desk.options.ip;
        local.filter(|ip| !ip.is_unspecified()).unwrap_or(fallback)
    }

    /// Where the peer's signalling is, or nowhere.
    fn remote(&self, desk: &Desk) -> SocketAddr {
        let stream = self.stream.and_then(|stream| desk.streams.get(&stream));
        stream.map_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into(), |stream| stream.peer)
    }

    /// A timer of the call has run out.
    pub(super) fn timeout(&mut self, desk: &mut Desk, timer: CallTimer) {
        match timer {
            CallTimer::Step => self.overdue(desk),
            CallTimer::Control => {
                self.fail(desk, "the audio channels did not open in time");
            }
            CallTimer::Hold => self.hang_up(desk),
            CallTimer::Digit => self.digit_due(desk),
            CallTimer::Talk(medium) => self.on_line(medium, |line| line.talk_due(desk)),
            CallTimer::Report(medium) => self.on_line(medium, |line| line.report_due(desk)),
            CallTimer::Punch(medium) => self.on_line(medium, |line| line.punch_due(desk)),
            CallTimer::Pinhole => self.keep_pinhole(desk),
            CallTimer::Farewell => self.unexplained(desk),
        }
    }

    fn overdue(&mut self, desk: &mut Desk) {
        let sentence = match self.stage {
            Stage::Preparing => "the local ports were not bound in time",
            Stage::Connecting => "the other party's system cannot be connected to",
            Stage::Calling => "the other party's system did not answer the call set-up",
            Stage::Proceeding => "the call set-up went no further",
            Stage::Ringing => return self.unanswered(desk),
            Stage::Admitting | Stage::Talking | Stage::Over => return,
        };
        self.fail(desk, sentence);
    }

    /// Keeps the way through the NAT open on both connections (H.460.18 §12).
    fn keep_pinhole(&self, desk: &mut Desk) {
        let control = self.control_stream.filter(|(_, stands)| *stands).map(|(stream, _)| stream);
        for stream in [self.stream, control].into_iter().flatten() {
            desk.send(stream, &[]);
        }
        desk.after(self.timer(CallTimer::Pinhole), PINHOLE);
    }

    /// The signalling connection stands: the media address is known, H.245 may begin.
    fn signalling_stands(&mut self, desk: &mut Desk) {
        let addresses = self.media.addresses(self.local_ip(desk));
        let chance = desk.random_u32();
        let control = self.control.insert(Control::new(&desk.options, &addresses, chance));
        if self.traversal && desk.shared.is_some() {
            control.may_mark();
        }
        self.multiplex(desk);
        if self.traversal && desk.options.keepalives {
            desk.after(self.timer(CallTimer::Pinhole), PINHOLE);
        }
    }

    /// Whether calls are answered at once.
    fn answers(desk: &Desk) -> bool {
        desk.options.incoming == Incoming::Answer
    }

    /// The medium of this call of which media on the shared sockets from an address can be.
    pub(super) fn exchanges_media_with(&self, peer: SocketAddr) -> Option<Medium> {
        self.media.known_at(peer)
    }

    /// Does something with a medium, if the call has it.
    fn on_line(&mut self, medium: Medium, then: impl FnOnce(&mut Line)) {
        if let Some(line) = self.media.line(medium) {
            then(line);
        }
    }

    /// Takes RTP.
    pub(super) fn rtp(&mut self, desk: &mut Desk, medium: Medium, from: SocketAddr, bytes: &[u8]) {
        let Some(samples) = self.media.heard(medium, desk.now, from, bytes) else { return };
        if desk.options.record && !samples.is_empty() {
            let callid = self.name.id.to_string();
            desk.tell(crate::event::Event::Audio { callid, samples });
        }
    }

    /// Takes RTCP.
    pub(super) fn rtcp(&mut self, desk: &Desk, medium: Medium, bytes: &[u8]) {
        self.on_line(medium, |line| line.reported(desk, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Phone;
    use crate::phone::options::Options;
    use crate::phone::punch::Punch;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
    fn packets_on_the_shared_sockets_find_their_call() {
        let mut phone = Phone::new(Options::new("a"), [1; 32], Instant::now());
        phone.desk.bind_shared();
        phone.desk.shared.as_mut().unwrap().port = Some(2776);
        let server = |port| SocketAddr::from(([198, 51, 100, 10], port));
        let mut identifiers = Vec::new();
        // The first two calls have a port of the server each, the others share one.
        for (number, port) in [(1, 5000), (2, 5002), (3, 3000), (4, 3000)] {
            let key = CallKey(number);
            let mut call = Call::place(&mut phone.desk, key, Destination::parse("10.0.0.1"));
            let ids = call.media.multiplex(&mut phone.desk, [10, 0, 0, 2].into());
            let (id, _) = ids[&Medium::Audio];
            identifiers.push(id);
            let punch = Punch::new(server(port), None, None);
            call.on_line(Medium::Audio, |line| line.keep_open(&mut phone.desk, punch));
            phone.calls.insert(key, call);
        }
        let packet = [0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
        let owner = |number| (CallKey(number), Medium::Audio);
        for (number, id) in (1..).zip(&identifiers) {
            let marked = id.prefix(&packet);
            let found = phone.multiplexed(server(9), &marked);
            assert_eq!(found, Some((owner(number), &packet[..])), "wherever it comes from");
        }
        let found = |from| phone.multiplexed(from, &packet);
        assert_eq!(found(server(5000)), Some((owner(1), &packet[..])), "without identifier");
        assert_eq!(found(server(5003)), Some((owner(2), &packet[..])), "RTCP");
        assert_eq!(found(server(3000)), None, "it may be of either");
        assert_eq!(found(server(5004)), None);
        assert_eq!(phone.multiplexed(server(5000), &[]), Some((owner(1), &[][..])));
    }
}
