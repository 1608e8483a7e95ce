//! Keepalives to the server of a traversal zone (H.460.18 §12), and the addresses of neighbours.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinhole_config::Host;
use pinhole_h323::asn::h225::{RasMessage, ServiceControlResponse, ServiceControlResponseResult};
use pinhole_h323::h46018::{self, KeepAliveAnswer};
use pinhole_h323::id::Seq;
use pinhole_h323::ras::Ras;
use pinhole_traversal::client::{Action, Change, Down};

use super::state::{News, Reason, changed};
use super::{Deadline, Neighbor, Role, ZoneId};
use super::{mark, meter, ping, token};
use crate::face::{Output, Question, QuestionId, SocketId};
use crate::node::Cx;
use crate::ras::{self, Origin};

/// The time after which a name is looked up again: one that has no address, and one that may lead elsewhere (`Dynamic`).
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The numbers of questions about names; those of calls are lower.
const QUERIES: u32 = 1 << 31;

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
                let due = watch.poll(now);
                due.into_iter().for_each(|due| super::watched::due(cx, id, due));
            }
            Role::Plain => {}
        }
    }
}

fn due(cx: &Cx<'_>) -> Option<ZoneId> {
    let at = |one: &Neighbor| match &one.role {
        Role::Server(client) => client.next(),
        Role::Client(watch) => watch.next(),
        Role::Plain => None,
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
    changed(cx, id, News { state: "down", reason: why.into(), sentence });
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
    cx.core.zones.last_query = cx.core.zones.last_query.wrapping_add(1);
    let query = QuestionId(QUERIES | cx.core.zones.last_query);
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
    if !addresses.is_empty() {
        zone.hosts.clone_from(&addresses);
    }
    match &mut zone.role {
        Role::Server(client) => {
            if let Some(why) = client.resolved(now, &addresses) {
                down(cx, id, why);
            }
        }
        Role::Client(_) => {}
        Role::Plain => {
            found_plain(cx, id, addresses.first().copied());
            if !addresses.is_empty() {
                ping::begin(cx, id);
            }
        }
    }
}

/// A neighbour that is reached without help is up while its name leads somewhere, or has done so.
fn found_plain(cx: &mut Cx<'_>, id: ZoneId, first: Option<SocketAddr>) {
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    let was_up = zone.up_since.is_some();
    let named = zone.config.host.0.iter().any(|host| host.ip().is_none());
    let again = named && (first.is_none() || zone.config.dynamic);
    if again {
        cx.core.zones.timers.set(Deadline::LookUp(id), cx.now + LOOK_AGAIN);
    }
    let Some(zone) = cx.core.zones.get(id) else { return };
    match first {
        Some(address) if !was_up && !zone.ping.silent => {
            let sentence = format!("it is at {address}");
            changed(cx, id, News { state: "up", reason: Reason::Resolved, sentence });
        }
        None if !was_up && zone.last.is_none() => down(cx, id, Down::NotResolved),
        _ => {}
    }
}

/// A neighbour did not answer: perhaps its name leads elsewhere by now.
pub(super) fn unanswered(cx: &mut Cx<'_>, id: ZoneId) {
    let Some(zone) = cx.core.zones.get(id) else { return };
    let named = zone.config.host.0.iter().any(|host| host.ip().is_none());
    if matches!(zone.role, Role::Plain) && named {
        cx.core.zones.timers.set(Deadline::LookUp(id), cx.now);
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
    let time = token::find(tokens.as_ref()).map(|proof| proof.time);
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    zone.last_proven = time.unwrap_or(0);
    let secret = zone.config.send_password.as_ref();
    let sealed = secret.zip(zone.apparent).zip(time);
    let life_s = zone.meter.found().map(|found| found.at_least);
    let said = mark::Client {
        life_s,
        seal: sealed.map(|((secret, at), time)| mark::seal_address(&secret.0, time, at, life_s)),
        trial: None,
    };
    let socket = zone.socket;
    let mut message = h46018::keep_alive(Seq::new(seq)).into_message();
    if let RasMessage::serviceControlIndication(sci) = &mut message {
        sci.crypto_tokens = tokens;
        said.write(sci);
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
    let said = mark::Server::read(response);
    let each = cx.core.zones.all.iter_mut().enumerate();
    let found = each.into_iter().find_map(|(index, zone)| match &mut zone.role {
        Role::Server(client) if client.asked(origin.from, seq) => {
            let change = client.answered(now, origin.from, seq, answer);
            Some((ZoneId(index), change))
        }
        _ => None,
    });
    let Some((id, change)) = found else { return };
    if let Some(zone) = cx.core.zones.get_mut(id) {
        zone.pinhole = said.is_some();
    }
    if let Some(said) = said {
        appears(cx, id, seq, said);
    }
    if change == Some(Change::Up) && said.is_some() {
        meter::begin(cx, id);
    }
    match change {
        Some(Change::Up) => {
            let interval = cx.core.zones.get(id).map_or(0, |zone| match &zone.role {
                Role::Server(client) => client.interval().as_secs(),
                Role::Client(_) | Role::Plain => 0,
            });
            let zone = cx.core.zones.get(id);
            let also = match zone.is_some_and(|zone| !zone.pinhole && zone.withholds_fast_start()) {
                true => "; it is no Pinhole, so fast start is withheld (DisableFastStart)",
                false => "",
            };
            let sentence = format!("{} answers; a keepalive every {interval} s{also}", origin.from);
            changed(cx, id, News { state: "up", reason: Reason::Answered, sentence });
        }
        Some(Change::Refused) => {
            let (reason, sentence) = why_refused(cx, origin, response, said);
            changed(cx, id, News { state: "down", reason, sentence });
        }
        None => {}
    }
}

/// The server of a zone tells the address that we have there.
fn appears(cx: &mut Cx<'_>, id: ZoneId, seq: u16, said: mark::Server) {
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    let Some(apparent) = said.apparent else { return };
    if let Some(secret) = &zone.config.send_password {
        let seal = mark::seal_seen(&secret.0, seq, zone.last_proven, apparent);
        if !said.seen.is_some_and(|said| mark::equal(&seal, &said)) {
            return;
        }
    }
    let old = zone.apparent.replace(apparent);
    // A mapping that should have lived longer was lost: the firewall is another, or in another state.
    let Role::Server(client) = &zone.role else { return };
    let every = client.interval().as_secs();
    let lived = zone.meter.found().is_some_and(|found| every < found.at_least.into());
    if old.is_some_and(|old| old != apparent) && lived {
        meter::forget(cx, id);
    }
}

/// What a server says, or lets us conclude, of why it refuses us.
fn why_refused(
    cx: &Cx<'_>,
    origin: Origin,
    response: &ServiceControlResponse,
    said: Option<mark::Server>,
) -> (Reason, String) {
    let server = origin.from;
    let theirs = token::their_time(response.tokens.as_ref());
    let skew = theirs.zip(cx.core.unix(cx.now));
    let skew = skew.map(|(theirs, ours)| i64::from(ours) - i64::from(theirs));
    let grace = i64::from(cx.core.settings.zones.grace_s);
    let told = said.and_then(|said| mark::reason(said.reason?, skew.unwrap_or(0)));
    let word = match told {
        Some(Reason::UnknownName) => {
            "it has no neighbour of our name (SendAuthUser here, AuthUser there)"
        }
        Some(Reason::WrongPassword) => "our password is wrong (SendPassword here, Password there)",
        Some(Reason::NoProof) => "it wants a password, and we have none for it (SendPassword)",
        Some(Reason::ProofUsed) => "it has heard a newer proof of our password already",
        Some(Reason::ProofCopied) => {
            "our proof of the password came from another address, too: somebody copies it, or two gatekeepers have \
             the same name"
        }
        Some(Reason::ProofBare) => {
            "our proof of the password is not bound to the address that we have there, as those before were"
        }
        Some(Reason::NoClock) => {
            "it does not know the time, and cannot judge our proof of the password"
        }
        _ => "",
    };
    if let (Some(reason), false) = (told, word.is_empty()) {
        return (reason, format!("{server} refuses us: {word}"));
    }
    match skew.filter(|skew| skew.abs() > grace.min(60)) {
        Some(skew) => {
            let how = if skew > 0 { "ahead of" } else { "behind" };
            let sentence = format!(
                "{server} refuses us: our clock is {} s {how} its own",
                skew.unsigned_abs()
            );
            (Reason::ClockSkew(skew), sentence)
        }
        None => {
            let sentence = format!(
                "{server} refuses us: it does not know our name (SendAuthUser) or password (SendPassword)"
            );
            (Reason::Refused, sentence)
        }
    }
}
