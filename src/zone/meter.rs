//! How long the firewall between the two ends of a zone keeps a UDP mapping. The client opens one of its own for each
//! trial, leaves it alone, and the server tries it after the time that the client asked for. The pinhole of the zone is
//! not touched.
//!
//! The server answers nobody but clients that are up, only at the address that they have, once for each proof, and a few
//! at a time: each request is answered by three datagrams that are shorter than it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pinhole_crypto::token::HASH;
use pinhole_h323::asn::h225::{RasMessage, ServiceControlIndication, ServiceControlResponseResult};
use pinhole_h323::h46018;
use pinhole_h323::id::Seq;
use pinhole_h323::ras::Ras;
use pinhole_traversal::lifetime::{Lifetime, Search, keep_alive};

use super::mark::{self, Trial};
use super::{Deadline, KEEP_ALIVE, Neighbor, Role, ZoneId};
use crate::event::Event;
use crate::face::{Bind, Output};
use crate::node::Cx;
use crate::ras::socket::Socket;
use crate::ras::{self, Origin};

/// The time after which the first trial begins, and between trials.
const PAUSE: Duration = Duration::from_secs(3);
/// How long an answer may be under way.
const UNDER_WAY: Duration = Duration::from_secs(3);
/// The time after a trial that came to nothing, and how many of them there may be in a row.
const AGAIN: Duration = Duration::from_secs(30);
const MOST_VOID: u8 = 5;
/// The time after which what was found is tried again.
const CONFIRM: Duration = Duration::from_secs(1800);
/// The longest time that a server lets a client ask for, in seconds; trials of one client that may be open.
const LONGEST_S: u32 = 300;
const MOST_OPEN: u8 = 2;
/// How often the late answer is sent, so that a lost one does not look like a lost mapping; and in which distance.
const REPEATS: u8 = 2;
const DISTANCE: Duration = Duration::from_millis(200);

/// The client's side.
#[derive(Debug, Default)]
pub(super) struct Meter {
    search: Search,
    running: Option<Running>,
    found: Option<Lifetime>,
    void: u8,
}

/// A trial that runs.
#[derive(Debug, Clone, Copy)]
struct Running {
    time: Duration,
    seq: u16,
    to: SocketAddr,
    /// When it was asked for, in seconds since 1970.
    asked: u32,
    /// The server has answered for the first time.
    answered: bool,
}

/// A late answer that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Late {
    zone: ZoneId,
    to: SocketAddr,
    seq: u16,
    time: u32,
    left: u8,
}

impl Meter {
    /// What is known.
    pub(super) const fn found(&self) -> Option<Lifetime> {
        self.found
    }
}

/// The server of a zone is a Pinhole, and up: it can be measured, unless the interval is set by hand.
pub(super) fn begin(cx: &mut Cx<'_>, id: ZoneId) {
    let at = cx.now + PAUSE;
    let proves = cx.core.zones.get(id).is_some_and(|zone| zone.config.send_password.is_some());
    if proves && cx.core.settings.zones.keepalive.is_none() {
        cx.core.zones.timers.set(Deadline::Meter(id), at);
    }
}

/// The client's address has changed: there is another firewall, or another state of it.
pub(super) fn forget(cx: &mut Cx<'_>, id: ZoneId) {
    end(cx, id);
    if let Some(zone) = cx.core.zones.get_mut(id) {
        zone.meter = Meter::default();
    }
    begin(cx, id);
}

/// Something of the measuring is due: a trial begins, or has run out of time.
pub(super) fn due(cx: &mut Cx<'_>, id: ZoneId) {
    let Some(zone) = cx.core.zones.get(id) else { return };
    match zone.meter.running {
        None => start(cx, id),
        // The zone itself answers, so it is the mapping that does not.
        Some(trial) if trial.answered && zone.is_in_touch(cx.now) => over(cx, id, trial, false),
        Some(_) => void(cx, id),
    }
}

impl Neighbor {
    /// Whether the server of a zone has answered within two intervals.
    fn is_in_touch(&self, now: Instant) -> bool {
        let Role::Server(client) = &self.role else { return false };
        let recent = |last| now.saturating_duration_since(last) < client.interval() * 2;
        client.is_up() && client.last_answer().is_some_and(recent)
    }
}

fn start(cx: &mut Cx<'_>, id: ZoneId) {
    let seq = cx.core.next_seq();
    let now = cx.now;
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    let Role::Server(client) = &zone.role else { return };
    // What is known is tried again from time to time.
    let known = zone.meter.found.map(|found| Duration::from_secs(found.at_least.into()));
    let (Some(time), Some(to)) = (zone.meter.search.next().or(known), client.server()) else {
        return;
    };
    if !client.is_up() {
        cx.core.zones.timers.set(Deadline::Meter(id), now + AGAIN);
        return;
    }
    zone.meter.running = Some(Running { time, seq, to, asked: 0, answered: false });
    let bind = Bind::Udp(Socket::spare(id.number()));
    let class = cx.core.settings.classes[0];
    cx.core.out.push(Output::Bind { bind, ip: zone.local, ports: 0..=0, class });
    cx.core.zones.timers.set(Deadline::Meter(id), now + UNDER_WAY);
}

/// The socket of a trial is bound: it can begin.
pub(crate) fn bound(cx: &mut Cx<'_>, number: u32, at: Option<SocketAddr>) {
    let id = ZoneId::of(number);
    let Some(zone) = cx.core.zones.get(id) else { return };
    let (Some(running), true) = (zone.meter.running, at.is_some()) else { return };
    let (Some(secret), Some(time)) = (zone.config.send_password.as_ref(), cx.core.unix(cx.now))
    else {
        return;
    };
    let delay_s = u32::try_from(running.time.as_secs()).unwrap_or(LONGEST_S);
    let order = mark::seal_trial(&secret.0, running.seq, delay_s, time);
    let trial = Some(Trial { delay_s, time, order });
    if let Some(known) = cx.core.zones.get_mut(id).and_then(|zone| zone.meter.running.as_mut()) {
        known.asked = time;
    }
    let mut message = h46018::keep_alive(Seq::new(running.seq)).into_message();
    if let RasMessage::serviceControlIndication(sci) = &mut message {
        mark::Client { trial, ..mark::Client::default() }.write(sci);
    }
    ras::send(cx, Socket::spare(number), running.to, message);
}

/// Something came to the socket of a trial.
pub(crate) fn heard(cx: &mut Cx<'_>, number: u32, from: SocketAddr, bytes: &[u8]) {
    let id = ZoneId::of(number);
    let Ok(ras) = Ras::decode(bytes) else { return };
    let RasMessage::serviceControlResponse(response) = ras.message() else { return };
    let now = cx.now;
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    let Some(running) = &mut zone.meter.running else { return };
    let started = matches!(response.result, Some(ServiceControlResponseResult::started(())));
    let said = mark::Server::read(response).filter(|_| started);
    let (Some(said), true) =
        (said, (running.to, running.seq) == (from, response.request_seq_num.0))
    else {
        return;
    };
    if let Some(seal) = said.late {
        let trial = *running;
        let secret = zone.config.send_password.as_ref();
        let right =
            |secret: &str| mark::equal(&mark::seal_late(secret, trial.seq, trial.asked), &seal);
        if trial.answered && secret.is_some_and(|secret| right(&secret.0)) {
            over(cx, id, trial, true);
        } else {
            cx.core.counters.unbelieved += 1;
        }
    } else if !std::mem::replace(&mut running.answered, true) {
        let limit = now + running.time + UNDER_WAY;
        cx.core.zones.timers.set(Deadline::Meter(id), limit);
    }
}

/// Gives the socket of a trial back.
fn end(cx: &mut Cx<'_>, id: ZoneId) {
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    if zone.meter.running.take().is_some() {
        cx.core.out.push(Output::Unbind(Bind::Udp(Socket::spare(id.number()))));
    }
}

/// A trial came to nothing: the server or the system did not answer.
fn void(cx: &mut Cx<'_>, id: ZoneId) {
    end(cx, id);
    let at = cx.now + AGAIN;
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    zone.meter.void = zone.meter.void.saturating_add(1);
    if zone.meter.void < MOST_VOID {
        cx.core.zones.timers.set(Deadline::Meter(id), at);
    }
}

fn over(cx: &mut Cx<'_>, id: ZoneId, trial: Running, lived: bool) {
    end(cx, id);
    let now = cx.now;
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    let meter = &mut zone.meter;
    meter.void = 0;
    if meter.found.is_some() && !lived {
        // The firewall is not what it was.
        *meter = Meter::default();
    }
    meter.search.tried(trial.time, lived);
    let found = meter.search.found();
    let news = found.is_some() && meter.found != found;
    meter.found = found;
    let pause = if found.is_some() { CONFIRM } else { PAUSE };
    cx.core.zones.timers.set(Deadline::Meter(id), now + pause);
    if let Some(found) = found.filter(|_| news) {
        tell(cx, id, found);
    }
}

fn tell(cx: &mut Cx<'_>, id: ZoneId, found: Lifetime) {
    let Some(zone) = cx.core.zones.get(id) else { return };
    let keepalive_s = keep_alive(found.at_least).as_secs();
    let less = found.less_than.map(|s| format!(" and less than {s} s")).unwrap_or_default();
    let event = Event::PinholeMeasured {
        name: zone.name.clone(),
        at_least_s: found.at_least,
        less_than_s: found.less_than,
        keepalive_s,
        sentence: format!(
            "the firewall keeps an idle UDP mapping at least {} s{less}: a keepalive every {keepalive_s} s will do",
            found.at_least
        ),
    };
    cx.event(event);
}

/// A client of ours asks for a trial.
pub(super) fn asked(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &ServiceControlIndication,
    trial: Trial,
) -> Option<RasMessage> {
    let seq = request.request_seq_num.0;
    let (now, time) = (cx.now, cx.core.unix(cx.now)?);
    let grace_s = cx.core.settings.zones.grace_s;
    let mine = |one: &Neighbor| {
        let at = one.address().is_some_and(|at| at.ip() == origin.from.ip());
        let secret = one.password().filter(|_| at && one.is_client());
        secret.is_some_and(|secret| {
            let order = mark::seal_trial(secret, seq, trial.delay_s, trial.time);
            mark::equal(&order, &trial.order)
        })
    };
    let found = cx.core.zones.each().find(|(_, one)| mine(one)).map(|(id, _)| id);
    let fresh = time.abs_diff(trial.time) <= grace_s && (1..=LONGEST_S).contains(&trial.delay_s);
    let Some((id, zone)) =
        found.filter(|_| fresh).and_then(|id| Some((id, cx.core.zones.get_mut(id)?)))
    else {
        cx.core.counters.unbelieved += 1;
        return None;
    };
    if trial.time <= zone.last_trial || zone.open_trials >= MOST_OPEN {
        cx.core.counters.unbelieved += 1;
        return None;
    }
    zone.last_trial = trial.time;
    zone.open_trials += 1;
    let late = Late { zone: id, to: origin.from, seq, time: trial.time, left: REPEATS };
    let at = now + Duration::from_secs(trial.delay_s.into());
    cx.core.zones.timers.set(Deadline::Late(late), at);
    Some(answer(seq, None))
}

fn answer(seq: u16, late: Option<[u8; HASH]>) -> RasMessage {
    let mut message = h46018::keep_alive_failed(Seq::new(seq)).into_message();
    if let RasMessage::serviceControlResponse(response) = &mut message {
        response.result = Some(ServiceControlResponseResult::started(()));
        mark::Server { late, ..mark::Server::default() }.write(response);
    }
    message
}

/// A late answer is due.
pub(super) fn late(cx: &mut Cx<'_>, late: Late) {
    let Some(zone) = cx.core.zones.get_mut(late.zone) else { return };
    let socket = zone.socket;
    let seal = zone.password().map(|secret| mark::seal_late(secret, late.seq, late.time));
    let left = late.left.saturating_sub(1);
    if left == 0 {
        zone.open_trials = zone.open_trials.saturating_sub(1);
    } else {
        let at = cx.now + DISTANCE;
        cx.core.zones.timers.set(Deadline::Late(Late { left, ..late }), at);
    }
    ras::send(cx, socket, late.to, answer(late.seq, seal));
}

/// How often a client has to send a keepalive: as it is set by hand, or as its firewall allows.
pub(super) fn interval(by_hand: Option<Duration>, life_s: Option<u32>) -> Duration {
    by_hand.unwrap_or_else(|| life_s.map_or(KEEP_ALIVE, keep_alive))
}
