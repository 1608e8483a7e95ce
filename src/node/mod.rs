//! One whole gatekeeper: takes inputs to the rooms they concern, and owns what the rooms share. Knows no socket and
//! no clock.

mod bounds;
mod connections;
mod counters;
mod encryption;
mod external;
mod handling;
pub(crate) mod limits;
mod marks;
pub(crate) mod media;
pub(crate) mod modes;
mod outgoing;
mod outside;
mod overload;
pub(crate) mod ports;
pub(crate) mod quota;
mod rest;
mod screen;
mod seqs;
mod settings;
mod shared;
pub(crate) mod status;
pub(crate) mod streams;
pub(crate) mod unanswered;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use pinhole_traversal::Timers;
use pinhole_traversal::server::{Action, Server};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

use crate::call::Calls;
pub use crate::call::status as call_status;
use crate::event::Event;
use crate::face::{Agent, Answer, Bind, FlowFact, Input, ListenerId, Outbox, Output, SocketId};
use crate::ras;
use crate::ras::socket::Socket;
use crate::ras::table::Registrations;
pub use crate::ras::{Bandwidth, Matching, Particular, Particulars, RasSettings, Turns};
use crate::zone::{self, Zones};
pub use bounds::Limits;
pub use counters::Counters;
pub use encryption::{Encryption, Renewal};
pub use external::Lookup;
pub use handling::{Handling, KeepAlive, NumberKind};
pub use limits::Allowance;
use limits::Bucket;
pub(crate) use limits::Limiter;
pub use media::{Media, Silence};
pub use modes::Modes;
pub(crate) use outside::{is_private, leads, reaches};
use ports::{Ports, Ranges};
use quota::Quota;
pub use screen::{CallingNumber, Display, Screen};
pub use settings::{Mode, Settings, Traversal};
use shared::REFUSALS;
pub(crate) use shared::{Core, Cx, Timer};
pub use status::{BandwidthStatus, PortsStatus, RegistrationStatus, Status, WaitingStatus};
use streams::Streams;

/// A gatekeeper with everything it knows.
#[derive(Debug)]
pub struct Node {
    core: Core,
    calls: Calls,
    started: Instant,
    now: Instant,
    life: Life,
}

/// Whether the node works, or how far its end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Working,
    /// The calls are released; the media plane has not reported them all.
    Ending,
    Ended,
}

impl Node {
    /// A gatekeeper that will listen on these local addresses. `seed` feeds every random choice.
    #[must_use]
    pub fn new(settings: Settings, locals: Vec<IpAddr>, seed: [u8; 32], now: Instant) -> Self {
        let rng = ChaCha20Rng::from_seed(seed);
        let mut out = Outbox::default();
        let ranges = Ranges {
            media: settings.rtp_ports.clone(),
            h245: settings.h245_ports.clone(),
            t120: settings.t120_ports.clone(),
            h245_class: settings.classes[2],
        };
        let Limits { media_pairs, media_pairs_per_source, .. } = settings.limits;
        let quota = Quota::new(&ranges.media, &locals, media_pairs, media_pairs_per_source);
        let mut ports = Ports::new(&locals, ranges, quota);
        for (index, ip) in (0..).zip(&locals) {
            let (ras, tcp) = (settings.ras_port, settings.signalling_port);
            let bind = Bind::Udp(SocketId(index));
            let [ras_class, class, _] = settings.classes;
            out.push(Output::Bind { bind, ip: *ip, ports: ras..=ras, class: ras_class });
            let bind = Bind::Tcp(ListenerId(index));
            out.push(Output::Bind { bind, ip: *ip, ports: tcp..=tcp, class });
        }
        ras::socket::discover(&locals, settings.ras.discovery, settings.classes[0], &mut out);
        ports.top_up(now, &mut out);
        if let Some(port) = settings.multiplex_port {
            ports.share(port, &mut out);
        }
        let ras_limit = Limiter::new(settings.limits.ras);
        let setup_limit = Limiter::new(settings.limits.setups);
        let most = u32::try_from(settings.limits.registrations).unwrap_or(u32::MAX);
        let burst = most.saturating_mul(2);
        let presence_limit = Limiter::new(Allowance { burst, ..REFUSALS });
        let setups_in_all = settings.limits.setups_in_all.map(|all| Bucket::full(all, now));
        let streams = Streams::new(
            settings.outgoing(&locals),
            settings.limits.message,
            [settings.limits.messages, settings.limits.messages_per_source],
        );
        let zones = Zones::new(&settings.zones, &locals, now);
        let load = ras::load::Load::new(settings.limits.new_work);
        let registrations = Registrations::new(settings.ras.matching);
        let mut core = Core {
            settings,
            locals,
            listening: BTreeMap::new(),
            out,
            rng,
            ports,
            marks: marks::Marks::default(),
            streams,
            timers: Timers::default(),
            pinholes: Server::default(),
            registrations,
            admissions: ras::admission::Admissions::default(),
            zones,
            external_lost: None,
            clock: None,
            bandwidth: ras::bandwidth::Ledger::default(),
            repeats: ras::repeat::Repeats::default(),
            load,
            sought: ras::discovery::Heard::default(),
            counters: Counters::default(),
            ras_limit,
            setup_limit,
            setups_in_all,
            refusal_limit: Limiter::new(REFUSALS),
            presence_limit,
            seqs: seqs::Seqs::default(),
            unanswered: unanswered::Unanswered::default(),
        };
        let mut cx = Cx { now, core: &mut core };
        ras::permanent::enter(&mut cx);
        external::look_up(&mut cx);
        Self { core, calls: Calls::default(), started: now, now, life: Life::Working }
    }

    /// What went wrong so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.core.counters
    }

    /// How many endpoints are registered.
    #[must_use]
    pub fn registrations(&self) -> usize {
        self.core.registrations.len()
    }

    /// How many calls there are, in whatever state.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    fn parts(&mut self) -> (Cx<'_>, &mut Calls) {
        (Cx { now: self.now, core: &mut self.core }, &mut self.calls)
    }

    fn bound(&mut self, bind: Bind, at: Option<SocketAddr>) {
        let (role, transport, index, port) = match bind {
            Bind::Udp(socket) => match Socket::from(socket) {
                Socket::Ras(n) => ("ras", "udp", n, self.core.settings.ras_port),
                Socket::Spare(n) => return zone::spare(&mut self.parts().0, n, at),
                Socket::Discovery(n) | Socket::Group(n) => {
                    ("discovery", "udp", n, self.core.settings.ras.discovery_port())
                }
            },
            Bind::Tcp(ListenerId(n)) => {
                ("signalling", "tcp", n, self.core.settings.signalling_port)
            }
            Bind::UdpPair(..) | Bind::Media(_) => return self.media_bound(bind, at),
        };
        let ip = usize::try_from(index).ok().and_then(|i| self.core.locals.get(i)).copied();
        let Some(ip) = ip else { return self.core.port_bound(self.now, bind, at) };
        if let ("signalling", Some(at)) = (role, at) {
            self.core.listening.insert(ip, at.port());
        }
        if (role, at.is_some()) == ("ras", true) {
            zone::start(&mut self.parts().0);
        }
        self.core.out.push(Output::Event(match at {
            Some(at) => Event::Listening { role, transport, at },
            None => Event::NotListening { role, transport, ip, port },
        }));
    }

    /// A pair of the media plane is bound. Of multiplexed media, whose port is in the configuration, it is told.
    fn media_bound(&mut self, bind: Bind, at: Option<SocketAddr>) {
        let shared = self.core.ports.shared_at(bind);
        self.core.port_bound(self.now, bind, at);
        if let (Some(ip), Some(port)) = (shared, self.core.settings.multiplex_port) {
            let (role, transport) = ("media", "udp");
            self.core.out.push(Output::Event(match at {
                Some(at) => Event::Listening { role, transport, at },
                None => Event::NotListening { role, transport, ip, port },
            }));
        }
    }

    fn timeout(&mut self) {
        while let Some(timer) = self.core.timers.expired(self.now) {
            let (mut cx, calls) = self.parts();
            match timer {
                Timer::FirstMessage(id) => cx.said_nothing(id),
                Timer::Named(id) => zone::name(&mut cx, id),
                Timer::Halted(id) => {
                    self.resume(id);
                    continue;
                }
                Timer::Rest(id) => connections::incomplete(&mut cx, calls, id),
                Timer::Registration(id) => ras::lifetime::expired(&mut cx, calls, &id),
                Timer::Admission(call) => ras::admission::expired(&mut cx, call),
                Timer::Waiting => ras::load::turn(&mut cx, calls),
                Timer::External => external::look_up(&mut cx),
                Timer::Ports => cx.core.ports.top_up(cx.now, &mut cx.core.out),
                Timer::Call(key, timer) => calls.timeout(&mut cx, key, timer),
            }
        }
        let (mut cx, calls) = self.parts();
        zone::poll(&mut cx, calls);
        while let Some(action) = self.core.pinholes.poll(self.now) {
            let (mut cx, calls) = self.parts();
            match action {
                Action::Announce { call, seq, .. } => {
                    if let Some(endpoint) = calls.called_endpoint(call) {
                        ras::service::announce(&mut cx, call, seq, &endpoint);
                    } else if let Some(zone) = calls.called_zone(call) {
                        zone::announce(&mut cx, call, seq, zone);
                    }
                }
                Action::GaveUp { call } => calls.client_did_not_come(&mut cx, call),
            }
        }
    }

    fn shutdown(&mut self) {
        self.life = Life::Ending;
        let (mut cx, calls) = self.parts();
        calls.release_all(&mut cx);
        ras::unregistration::all(&mut cx);
        for id in cx.core.streams.ids() {
            cx.close(id);
        }
        cx.core.ports.close(&mut cx.core.out);
    }

    /// Ends once the last call has reported.
    fn finish(&mut self) {
        if self.life == Life::Ending && self.calls.len() == 0 {
            self.life = Life::Ended;
            self.core.out.push(Output::Finished);
        }
    }
}

impl Agent for Node {
    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        match input {
            // Nothing begins any more.
            Input::Datagram { .. } if self.life != Life::Working => {}
            Input::Bound { bind, at } => self.bound(bind, at),
            Input::Datagram { socket, from, bytes } => {
                let (mut cx, calls) = self.parts();
                ras::receive(&mut cx, calls, socket, from, bytes);
            }
            Input::Accepted { listener, stream, local, peer } => {
                self.accepted(listener, stream, local, peer);
            }
            Input::Connected { stream, local } => {
                let (mut cx, calls) = self.parts();
                calls.connected(&mut cx, stream, local);
            }
            Input::Bytes { stream, bytes } => self.bytes(stream, bytes),
            Input::Closed { stream } => {
                let (mut cx, calls) = self.parts();
                calls.stream_closed(&mut cx, stream);
            }
            Input::NoRoom { stream } => {
                let (mut cx, calls) = self.parts();
                calls.no_room(&mut cx, stream);
            }
            Input::Flow { fact: FlowFact::Strays { from, count }, .. } => {
                self.parts().0.strays(from, count);
            }
            Input::Flow { flow, fact } => {
                let (mut cx, calls) = self.parts();
                calls.flow_fact(&mut cx, flow, fact);
            }
            Input::Clock { unix } => self.core.clock = Some((now, unix)),
            Input::Answer { id, answer: Some(Answer::Addresses(addresses)) } => {
                let mut cx = self.parts().0;
                if id == external::QUESTION {
                    external::resolved(&mut cx, &addresses);
                } else {
                    zone::resolved(&mut cx, id, &addresses);
                }
            }
            // Not answered, a name has no address for the time being.
            Input::Answer { id, answer: None } if self.core.zones.asked(id) => {
                zone::resolved(&mut self.parts().0, id, &[]);
            }
            Input::Answer { id, answer } => {
                let (mut cx, calls) = self.parts();
                calls.answered(&mut cx, id, answer);
            }
            Input::Shutdown => self.shutdown(),
            Input::Timeout => {}
        }
        self.timeout();
        self.finish();
    }

    fn status_document(&self, now: Instant) -> Option<String> {
        serde_json::to_string(&self.status(now)).ok()
    }

    fn poll_output(&mut self) -> Output {
        self.core.out.pop().unwrap_or_else(|| {
            let zones = self.core.zones.next();
            let next = [self.core.timers.next(), self.core.pinholes.next(), zones];
            Output::Timeout(next.into_iter().flatten().min())
        })
    }
}

#[cfg(test)]
mod tests;
