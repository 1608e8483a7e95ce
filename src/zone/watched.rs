//! Keepalives of the clients of traversal zones (H.460.18 §12): whom we believe, and where he is.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::asn::h225::{RasMessage, ServiceControlIndication};
use pinhole_h323::h46018;
use pinhole_h323::id::{CallId, Seq};
use pinhole_h323::ras::Ras;
use pinhole_traversal::AGAIN;
use pinhole_traversal::watch::{Due, Heard, Stamp};

use super::state::{self, News, Reason, changed};
use super::token::{self, Doubt};
use super::{Role, ZoneId, Zones};
use super::{mark, meter};
use crate::event::Event;
use crate::node::Cx;
use crate::ras::{self, Origin};

impl Zones {
    /// True when a client of a zone is up there.
    pub(crate) fn has_client_at(&self, ip: IpAddr) -> bool {
        self.each().any(|(_, one)| one.is_client() && one.is_at(ip))
    }
}

/// A ServiceControlIndication: the keepalive of a client, or a server's announcement of a call. Nobody else has a
/// service of ours to control.
pub(crate) fn sci(
    cx: &mut Cx<'_>,
    calls: &crate::call::Calls,
    origin: Origin,
    ras: &Ras,
    request: &ServiceControlIndication,
) -> Option<RasMessage> {
    if let Ok(Some(incoming)) = h46018::IncomingCall::announced(ras) {
        return super::inward::incoming(cx, calls, origin, request, incoming);
    }
    let seq = Seq::new(request.request_seq_num.0);
    let said = mark::Client::read(request);
    if let Some(trial) = said.and_then(|said| said.trial) {
        return meter::asked(cx, origin, request, trial);
    }
    let (id, interval) = match believe(cx, origin, request, said) {
        Ok((id, heard)) => (id, interval(cx, id, origin, heard)),
        Err((id, doubt)) => {
            doubted(cx, id, origin, &doubt);
            let reason = mark::number(Reason::from(&doubt));
            // Who is copied faster than it speaks can seal its address all the same.
            let proven = id.filter(|_| doubt != Doubt::WrongPassword);
            let answer = mark::Server { reason, ..seen(cx, proven, origin, request) };
            return Some(refusal(cx, seq, said.map(|_| answer)));
        }
    };
    let mut message = h46018::keep_alive_started(seq, interval.max(1)).ok()?.into_message();
    if let (RasMessage::serviceControlResponse(response), Some(_)) = (&mut message, said) {
        seen(cx, Some(id), origin, request).write(response);
    }
    Some(message)
}

/// The address from which a client is seen, as only its server can tell it. While one that seals is where it was, who
/// comes from elsewhere is told none: otherwise it would seal that for whoever copies it faster than it speaks.
fn seen(
    cx: &Cx<'_>,
    id: Option<ZoneId>,
    origin: Origin,
    request: &ServiceControlIndication,
) -> mark::Server {
    let zone = id.and_then(|id| cx.core.zones.get(id));
    let told = zone.is_some_and(|zone| match &zone.role {
        Role::Client(watch) => {
            watch.address() == Some(origin.from) || !watch.seals() || watch.is_late(cx.now)
        }
        Role::Server(_) | Role::Plain => false,
    });
    let apparent = Some(origin.from).filter(|_| told);
    let secret = zone.and_then(super::Neighbor::password);
    let time = token::find(request.crypto_tokens.as_ref()).map(|proof| proof.time);
    let seal = |((at, secret), time): ((SocketAddr, &str), u32)| {
        mark::seal_seen(secret, request.request_seq_num.0, time, at)
    };
    let seen = apparent.zip(secret).zip(time).map(seal);
    mark::Server { apparent, seen, ..mark::Server::default() }
}

fn refusal(cx: &Cx<'_>, seq: Seq, said: Option<mark::Server>) -> RasMessage {
    let mut message = h46018::keep_alive_failed(seq).into_message();
    if let RasMessage::serviceControlResponse(response) = &mut message {
        response.tokens = cx.core.unix(cx.now).map(|time| vec![token::our_time(time)]);
        said.into_iter().for_each(|said| said.write(response));
    }
    message
}

/// Whose keepalive it is: who proves the password, or, where none is configured, who comes from the right address.
fn believe(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &ServiceControlIndication,
    said: Option<mark::Client>,
) -> Result<(ZoneId, Heard), (Option<ZoneId>, Doubt)> {
    let Some(proof) = token::find(request.crypto_tokens.as_ref()) else {
        let open = cx.core.zones.each().find(|(_, one)| {
            one.is_client() && one.password().is_none() && one.has_host(origin.from.ip())
        });
        let (id, _) = open.ok_or((None, Doubt::Missing))?;
        return Ok((id, hear(cx, id, origin, None)));
    };
    let time = cx.core.unix(cx.now);
    let grace_s = cx.core.settings.zones.grace_s;
    let named = cx.core.zones.each().find(|(_, one)| {
        one.is_client() && one.password().is_some() && one.auth_user() == proof.name
    });
    let Some((id, zone)) = named else {
        return Err((None, Doubt::UnknownName(proof.name)));
    };
    let secret = zone.password().unwrap_or_default();
    let life_s = said.and_then(|said| said.life_s);
    let seal = mark::seal_address(secret, proof.time, origin.from, life_s);
    let sealed = said.and_then(|said| said.seal).is_some_and(|said| mark::equal(&seal, &said));
    let checked = proof.check(secret, time, grace_s);
    checked.map_err(|doubt| (Some(id), doubt))?;
    let ahead = i64::from(proof.time) - time.map_or(0, i64::from);
    let stamp = Stamp { time: proof.time, skew: ahead, sealed };
    if let Role::Client(watch) = &zone.role
        && watch.is_its_word(origin.from, stamp)
    {
        lives(cx, id, life_s);
    }
    let kept = matches!(zone_role(cx, id), Some(Role::Client(watch))
        if watch.address() != Some(origin.from) && watch.may_be_kept(stamp));
    match hear(cx, id, origin, Some(stamp)) {
        Heard::Used => Err((Some(id), Doubt::Replayed)),
        Heard::Copied(other) => Err((Some(id), Doubt::Copied(other))),
        Heard::Bare => Err((Some(id), Doubt::Bare)),
        heard => {
            if kept && heard == Heard::Again {
                doubted(cx, Some(id), origin, &Doubt::Unsure(ahead, grace_s));
            }
            Ok((id, heard))
        }
    }
}

fn zone_role<'a>(cx: &'a Cx<'_>, id: ZoneId) -> Option<&'a Role> {
    cx.core.zones.get(id).map(|zone| &zone.role)
}

/// Gives a keepalive that is proven to the machine of its zone.
fn hear(cx: &mut Cx<'_>, id: ZoneId, origin: Origin, stamp: Option<Stamp>) -> Heard {
    let now = cx.now;
    let Some(zone) = cx.core.zones.get_mut(id) else { return Heard::Used };
    let Role::Client(watch) = &mut zone.role else { return Heard::Used };
    let heard = watch.heard(now, origin.from, stamp);
    if matches!(heard, Heard::Up | Heard::Moved(_) | Heard::Same | Heard::Kept(_)) {
        (zone.socket, zone.local) = (origin.socket, origin.local);
    } else if watch.candidate() == Some(origin.from) {
        zone.rival = Some((origin.socket, origin.local));
    }
    heard
}

/// The firewall of a client keeps a mapping so long, as far as it knows.
fn lives(cx: &mut Cx<'_>, id: ZoneId, life_s: Option<u32>) {
    let every = meter::interval(cx.core.settings.zones.keepalive, life_s);
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    zone.life_s = life_s;
    if let Role::Client(watch) = &mut zone.role {
        watch.set_interval(every);
    }
}

/// A client has another address now, or has fallen silent.
pub(super) fn due(cx: &mut Cx<'_>, id: ZoneId, due: Due) {
    match due {
        Due::Settled(heard) => {
            let Some(zone) = cx.core.zones.get_mut(id) else { return };
            if let Some((socket, local)) = zone.rival.take() {
                (zone.socket, zone.local) = (socket, local);
            }
            settled(cx, id, heard);
        }
        Due::Silent => silent(cx, id),
    }
}

/// A client is up, or has moved: nothing is known of the firewall there.
fn settled(cx: &mut Cx<'_>, id: ZoneId, heard: Heard) {
    lives(cx, id, None);
    let at = cx.core.zones.get(id).and_then(super::Neighbor::address);
    let Some(at) = at else { return };
    let (state, sentence) = match heard {
        Heard::Up => ("up", format!("its keepalive came from {at}")),
        Heard::Moved(old) => ("moved", format!("its address was {old} and is {at} now")),
        _ => return,
    };
    changed(cx, id, News { state, reason: Reason::KeepAlive, sentence });
}

fn silent(cx: &mut Cx<'_>, id: ZoneId) {
    let Some(zone) = cx.core.zones.get(id) else { return };
    let Role::Client(watch) = &zone.role else { return };
    let silent = (watch.interval() * 3).as_secs();
    let (reason, sentence) = match &zone.doubt {
        // It is not waited for.
        Some((_, doubt)) if doubt.reason == Reason::ProofBare => {
            (doubt.reason, doubt.sentence.clone())
        }
        Some((_, doubt)) => {
            let sentence = format!("no keepalive was believed for {silent} s: {}", doubt.sentence);
            (doubt.reason, sentence)
        }
        None => (Reason::NoKeepAlive, format!("no keepalive came for {silent} s")),
    };
    changed(cx, id, News { state: "down", reason, sentence });
}

/// Tells what a keepalive has changed; after how many seconds the next one should come.
fn interval(cx: &mut Cx<'_>, id: ZoneId, origin: Origin, heard: Heard) -> u32 {
    match heard {
        Heard::Up | Heard::Moved(_) => settled(cx, id, heard),
        Heard::Kept(other) | Heard::Shared(other) => {
            let doubt = Doubt::Copied(other);
            doubted(cx, Some(id), Origin { from: other, ..origin }, &doubt);
        }
        Heard::Again => {}
        Heard::Same | Heard::Used | Heard::Bare | Heard::Copied(_) => {
            if let Some(zone) = cx.core.zones.get_mut(id) {
                zone.doubt = None;
            }
        }
    }
    let zone = cx.core.zones.get(id).map(|zone| &zone.role);
    match zone {
        Some(Role::Client(watch)) if !matches!(heard, Heard::Again | Heard::Shared(_)) => {
            seconds_of(watch.interval())
        }
        _ => seconds_of(AGAIN),
    }
}

fn seconds_of(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// Says why somebody is not believed: of a neighbour when it is news, of a stranger in measure.
fn doubted(cx: &mut Cx<'_>, id: Option<ZoneId>, origin: Origin, doubt: &Doubt) {
    cx.core.counters.unbelieved += 1;
    let sentence = format!("a keepalive from {} was refused: {doubt}", origin.from);
    let news = News { state: "refused", reason: doubt.into(), sentence };
    let Some(zone) = id.and_then(|id| cx.core.zones.get_mut(id)) else {
        return cx.refusal(news.of_stranger(origin.from));
    };
    // The same words again, but for the count of seconds, are no news.
    let old = zone.doubt.replace((origin.from.ip(), news.clone()));
    if old
        .is_some_and(|(ip, old)| ip == origin.from.ip() && old.reason.name() == news.reason.name())
    {
        return;
    }
    let down = zone.address().is_none();
    if let Some(id) = id.filter(|_| down) {
        // What keeps it down is why it is down.
        state::note(cx, id, &news);
    }
    let zone = id.and_then(|id| cx.core.zones.get(id));
    let event = zone.map(|zone| state::told(zone, Some(origin.from), news));
    event.into_iter().for_each(|event| cx.refusal(event));
}

/// Announces a call to the client of a zone: it has to connect to us (H.460.18 §5).
pub(crate) fn announce(cx: &mut Cx<'_>, call: CallId, seq: u16, id: ZoneId) {
    let Some(zone) = cx.core.zones.get(id) else { return };
    let ((socket, local), Some(client)) = (zone.local(), zone.address()) else { return };
    let address = cx.core.signalling_at(local, client.ip());
    let incoming = h46018::IncomingCall { address, call_id: call };
    let Ok(announcement) = incoming.announce(Seq::new(seq)) else { return };
    ras::send(cx, socket, client, announcement.into_message());
    cx.event(Event::Pinhole { callid: call.to_string(), step: "announced", peer: client });
}
