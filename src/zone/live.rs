//! Keepalives of traversal zones (H.460.18 §12): sent as a client, answered as a server; up and down, and why.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinhole_config::Host;
use pinhole_h323::asn::h225::{
    RasMessage, ServiceControlIndication, ServiceControlResponse, ServiceControlResponseResult,
};
use pinhole_h323::h46018::{self, KeepAliveAnswer};
use pinhole_h323::id::{CallId, Seq};
use pinhole_h323::ras::Ras;
use pinhole_traversal::client::{Action, Change, Down};
use pinhole_traversal::watch::Heard;

use super::token::{self, Doubt};
use super::{Neighbor, Role, ZoneId};
use crate::event::Event;
use crate::face::{Output, Question, QuestionId, SocketId};
use crate::node::Cx;
use crate::ras::{self, Origin};

/// Does what the machines of the zones want.
pub(super) fn poll(cx: &mut Cx<'_>) {
    while let Some(id) = due(cx) {
        let seq = cx.core.next_seq();
        let now = cx.now;
        let Some(zone) = cx.core.zones.get_mut(id) else { return };
        match &mut zone.role {
            Role::Server(client) => match client.poll(now, || seq) {
                Some(Action::Resolve) => look_up(cx, id),
                Some(Action::KeepAlive { to, seq }) => keep_alive(cx, id, to, seq),
                Some(Action::Down(why)) => down(cx, id, why),
                None => {}
            },
            Role::Client(watch) => {
                if watch.poll(now) {
                    let silent = watch.interval() * 3;
                    let sentence = format!("no keepalive came for {} s", silent.as_secs());
                    tell(cx, id, "down", sentence);
                }
            }
            Role::Plain(_) => {}
        }
    }
}

fn due(cx: &Cx<'_>) -> Option<ZoneId> {
    let at = |one: &Neighbor| match &one.role {
        Role::Server(client) => client.next(),
        Role::Client(watch) => watch.next(),
        Role::Plain(_) => None,
    };
    cx.core.zones.each().find(|(_, one)| at(one).is_some_and(|at| at <= cx.now)).map(|(id, _)| id)
}

fn down(cx: &mut Cx<'_>, id: ZoneId, why: Down) {
    let Some(zone) = cx.core.zones.get(id) else { return };
    let hosts = pinhole_config::Value::render(&zone.config.host);
    let sentence = match why {
        Down::NotResolved => format!("{hosts} has no address: the name is not resolved"),
        Down::NoAnswer => format!("{hosts} does not answer"),
        Down::Refused => format!("{hosts} refuses us"),
    };
    tell(cx, id, "down", sentence);
}

/// Tells of a zone; that it is down only when that is news.
fn tell(cx: &mut Cx<'_>, id: ZoneId, state: &'static str, sentence: String) {
    let now = cx.now;
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    let round_trip = match &zone.role {
        Role::Server(client) => client.round_trip(),
        Role::Client(_) | Role::Plain(_) => None,
    };
    match state {
        "up" => zone.up_since = Some(now),
        "down" => zone.up_since = None,
        _ => {}
    }
    let event = Event::Zone {
        name: zone.name.clone(),
        state,
        peer: zone.address(),
        round_trip_ms: round_trip.and_then(|time| u64::try_from(time.as_millis()).ok()),
        calls: zone.calls,
        sentence,
    };
    cx.event(event);
}

/// Finds the addresses of a neighbour: those that are names have to be asked for.
pub(super) fn look_up(cx: &mut Cx<'_>, id: ZoneId) {
    let Some(zone) = cx.core.zones.get(id) else { return };
    let hosts = zone.config.host.0.clone();
    let literal = |host: &Host| host.ip().map(|ip| SocketAddr::new(ip, host.port));
    let known: Option<Vec<SocketAddr>> = hosts.iter().map(literal).collect();
    if let Some(known) = known {
        return found(cx, id, &known);
    }
    // 0 is ExternalIP's.
    cx.core.zones.last_query = cx.core.zones.last_query.wrapping_add(1).max(1);
    let query = QuestionId(cx.core.zones.last_query);
    cx.core.zones.queries.insert(query, id);
    let hosts = hosts.into_iter().map(|host| (host.name, host.port)).collect();
    cx.core.out.push(Output::Ask { id: query, question: Question::Addresses { hosts } });
}

/// The answer to a look-up.
pub(crate) fn resolved(cx: &mut Cx<'_>, query: QuestionId, addresses: &[SocketAddr]) {
    if let Some(id) = cx.core.zones.queries.remove(&query) {
        found(cx, id, addresses);
    }
}

fn found(cx: &mut Cx<'_>, id: ZoneId, addresses: &[SocketAddr]) {
    let usable = |address: &&SocketAddr| local_for(cx, address.ip()).is_some();
    let addresses: Vec<SocketAddr> = addresses.iter().filter(usable).copied().collect();
    let local = addresses.first().and_then(|first| local_for(cx, first.ip()));
    let now = cx.now;
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    if let (Some((socket, ip)), false) = (local, zone.is_client()) {
        (zone.socket, zone.local) = (socket, ip);
    }
    match &mut zone.role {
        Role::Server(client) => {
            if let Some(why) = client.resolved(now, &addresses) {
                down(cx, id, why);
            }
        }
        Role::Plain(known) if addresses.is_empty() && known.is_empty() => {
            tell(cx, id, "down", "its name is not resolved".to_owned());
        }
        Role::Plain(known) => {
            if !addresses.is_empty() {
                *known = addresses;
            }
        }
        Role::Client(_) => {}
    }
}

/// The RAS socket from which a peer can be reached.
fn local_for(cx: &Cx<'_>, peer: IpAddr) -> Option<(SocketId, IpAddr)> {
    let fits = |ip: &IpAddr| {
        ip.is_ipv4() == peer.is_ipv4()
            && (ip.is_loopback() == peer.is_loopback() || ip.is_unspecified())
    };
    let all = (0..).map(SocketId).zip(cx.core.locals.iter().copied());
    let fitting = all.clone().find(|(_, ip)| fits(ip));
    fitting.or_else(|| all.clone().find(|(_, ip)| ip.is_ipv4() == peer.is_ipv4()))
}

/// Sends a keepalive to the server of a zone.
fn keep_alive(cx: &mut Cx<'_>, id: ZoneId, to: SocketAddr, seq: u16) {
    let tokens = proof(cx, id);
    let Some((socket, _)) = cx.core.zones.get(id).map(Neighbor::local) else { return };
    let mut message = h46018::keep_alive(Seq::new(seq)).into_message();
    if let RasMessage::serviceControlIndication(sci) = &mut message {
        sci.crypto_tokens = tokens;
    }
    ras::send(cx, socket, to, message);
}

/// The tokens that prove our password to a neighbour, if it wants one.
pub(super) fn proof(
    cx: &Cx<'_>,
    id: ZoneId,
) -> Option<Vec<pinhole_h323::asn::h225::CryptoH323Token>> {
    let zone = cx.core.zones.get(id)?;
    let secret = zone.config.send_password.as_ref()?;
    let own = cx.core.settings.name.as_str();
    let name = zone.config.send_auth_user.as_ref().map_or(own, |name| &name.0);
    token::prove(name, &secret.0, cx.core.unix(cx.now)?).map(|token| vec![token])
}

/// A ServiceControlResponse: to a keepalive of ours, perhaps.
pub(crate) fn scr(cx: &mut Cx<'_>, origin: Origin, ras: &Ras, response: &ServiceControlResponse) {
    let told = response.result.as_ref();
    let started = matches!(told, None | Some(ServiceControlResponseResult::started(())));
    let answer = match h46018::keep_alive_answer(ras) {
        Some(KeepAliveAnswer::Started(interval)) => {
            Ok(interval.map(|seconds| Duration::from_secs(seconds.into())))
        }
        None if started => Ok(None),
        Some(KeepAliveAnswer::Refused) | None => Err(()),
    };
    let now = cx.now;
    let seq = response.request_seq_num.0;
    let each = cx.core.zones.all.iter_mut().enumerate();
    let change = each.into_iter().find_map(|(index, zone)| match &mut zone.role {
        Role::Server(client) => {
            let change = client.answered(now, origin.from, seq, answer)?;
            Some((ZoneId(index), change))
        }
        Role::Client(_) | Role::Plain(_) => None,
    });
    match change {
        Some((id, Change::Up)) => {
            let interval = cx.core.zones.get(id).map_or(0, |zone| match &zone.role {
                Role::Server(client) => client.interval().as_secs(),
                Role::Client(_) | Role::Plain(_) => 0,
            });
            let sentence = format!("{} answers; a keepalive every {interval} s", origin.from);
            tell(cx, id, "up", sentence);
        }
        Some((id, Change::Refused)) => {
            let theirs = token::their_time(response.tokens.as_ref());
            let skew = theirs
                .zip(cx.core.unix(now))
                .map(|(theirs, ours)| i64::from(ours) - i64::from(theirs));
            let grace = i64::from(cx.core.settings.zones.grace_s);
            let sentence = match skew {
                Some(skew) if skew.abs() > grace.min(60) => format!(
                    "{} refuses us: our clock is {} s {} its own",
                    origin.from,
                    skew.abs(),
                    if skew > 0 { "ahead of" } else { "behind" }
                ),
                _ => format!(
                    "{} refuses us: it does not know our name (SendAuthUser) or password (SendPassword)",
                    origin.from
                ),
            };
            tell(cx, id, "down", sentence);
        }
        None => {}
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
    let interval = match believe(cx, origin, request) {
        Ok(id) => {
            heard(cx, id, origin);
            u32::try_from(cx.core.settings.zones.keepalive.as_secs()).unwrap_or(19)
        }
        Err((id, doubt)) => {
            doubted(cx, id, origin, &doubt);
            return Some(refusal(cx, seq));
        }
    };
    h46018::keep_alive_started(seq, interval.max(1)).ok().map(Ras::into_message)
}

fn refusal(cx: &Cx<'_>, seq: Seq) -> RasMessage {
    let mut message = h46018::keep_alive_failed(seq).into_message();
    if let (RasMessage::serviceControlResponse(response), Some(time)) =
        (&mut message, cx.core.unix(cx.now))
    {
        response.tokens = Some(vec![token::our_time(time)]);
    }
    message
}

/// Whose keepalive it is: who proves the password, or, where none is configured, who comes from the right address.
fn believe(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &ServiceControlIndication,
) -> Result<ZoneId, (Option<ZoneId>, Doubt)> {
    let Some(proof) = token::find(request.crypto_tokens.as_ref()) else {
        let open = cx.core.zones.each().find(|(_, one)| {
            let host = |host: &Host| host.ip() == Some(origin.from.ip());
            one.is_client() && one.password().is_none() && one.config.host.0.iter().any(host)
        });
        return open.map(|(id, _)| id).ok_or((None, Doubt::Missing));
    };
    let time = cx.core.unix(cx.now);
    let grace_s = cx.core.settings.zones.grace_s;
    let named = cx.core.zones.each().find(|(_, one)| {
        one.is_client() && one.password().is_some() && one.auth_user() == proof.name
    });
    let Some((id, zone)) = named else {
        return Err((None, Doubt::UnknownName(proof.name)));
    };
    let checked = proof.check(zone.password().unwrap_or_default(), time, grace_s);
    checked.map_err(|doubt| (Some(id), doubt))?;
    // From another address only a proof counts that is newer than all before: nobody moves it with an old one.
    let same = zone.address() == Some(origin.from);
    let fresh = if same {
        proof.time >= zone.last_keepalive
    } else {
        proof.time > zone.last_keepalive && proof.time >= zone.last_proof
    };
    if !fresh {
        return Err((Some(id), Doubt::Replayed));
    }
    if let Some(zone) = cx.core.zones.get_mut(id) {
        zone.last_keepalive = proof.time;
        zone.last_proof = zone.last_proof.max(proof.time);
    }
    Ok(id)
}

fn heard(cx: &mut Cx<'_>, id: ZoneId, origin: Origin) {
    let now = cx.now;
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    (zone.socket, zone.local) = (origin.socket, origin.local);
    zone.doubt = None;
    let Role::Client(watch) = &mut zone.role else { return };
    match watch.heard(now, origin.from) {
        Heard::Up => tell(cx, id, "up", format!("its keepalive came from {}", origin.from)),
        Heard::Moved(old) => {
            tell(cx, id, "moved", format!("its address was {old} and is {} now", origin.from));
        }
        Heard::Same => {}
    }
}

/// Says why somebody is not believed: of a neighbour when it is news, of a stranger in measure.
fn doubted(cx: &mut Cx<'_>, id: Option<ZoneId>, origin: Origin, doubt: &Doubt) {
    cx.core.counters.unbelieved += 1;
    let sentence = format!("a keepalive from {} was refused: {doubt}", origin.from);
    let Some(zone) = id.and_then(|id| cx.core.zones.get_mut(id)) else {
        return cx.refusal(Event::Zone {
            name: String::new(),
            state: "refused",
            peer: Some(origin.from),
            round_trip_ms: None,
            calls: 0,
            sentence,
        });
    };
    // The same words again, but for the count of seconds, are no news.
    let kind = format!("{}{:?}", origin.from.ip(), std::mem::discriminant(doubt));
    if zone.doubt.replace(kind.clone()) != Some(kind) {
        let event = Event::Zone {
            name: zone.name.clone(),
            state: "refused",
            peer: Some(origin.from),
            round_trip_ms: None,
            calls: zone.calls,
            sentence,
        };
        cx.refusal(event);
    }
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
