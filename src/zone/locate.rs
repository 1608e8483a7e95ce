//! LRQ to neighbours: where is somebody who is not here? Those that fit best are asked at once, the others only when
//! none of the first knows; the first LCF counts.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::address::{from_h225, to_h225};
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AdmissionRequest, LocationConfirm, LocationRequest, RasMessage, RequestSeqNum, TransportAddress,
};
use pinhole_h323::id::CallId;

use super::{Deadline, Neighbor, Role, ZoneId, route};
use crate::call::{CallKey, Calls};
use crate::node::{Core, Cx};
use crate::ras::destination::Destination;
use crate::ras::{self, Origin};

/// Questions that may be open.
const MOST: usize = 2000;
/// Other places of a called party that are kept.
const MOST_PLACES: usize = 8;
/// The longest that a neighbour can ask us to wait.
const LONGEST: Duration = Duration::from_secs(20);
/// Neighbours that are named as those that could not be asked.
const MOST_NAMED: usize = 3;
/// The hopCount of what is passed on when none was told.
const HOPS: u8 = 7;

/// Who wants to know.
#[derive(Debug)]
pub(crate) enum Asker {
    /// An endpoint that sent ARQ.
    Admission(Origin, Box<AdmissionRequest>),
    /// A call whose Setup came without ARQ, and where it goes when no neighbour knows.
    Call(CallKey, Option<Box<Destination>>),
    /// A neighbour that sent LRQ.
    Location(Origin, ZoneId, Box<LocationRequest>),
}

/// Somebody who is looked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) aliases: Vec<Alias>,
    pub(crate) call: CallId,
    /// Who calls.
    pub(crate) source: Vec<Alias>,
    /// As the question came with it.
    pub(crate) hop_count: Option<u8>,
    /// Neighbours that have told where, and the call could not be made there.
    pub(crate) tried: Vec<ZoneId>,
}

/// What is being asked.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: BTreeMap<u32, Question>,
    /// Which question is about a call: its identifier, and, of one that goes through us, its number here.
    calls: BTreeMap<CallId, u32>,
    keys: BTreeMap<CallKey, u32>,
    /// Which question a requestSeqNum belongs to.
    seqs: BTreeMap<u16, u32>,
    last: u32,
}

#[derive(Debug)]
struct Question {
    asker: Asker,
    wanted: Wanted,
    /// Neighbours not asked yet, the best first.
    groups: VecDeque<Vec<ZoneId>>,
    /// Who is asked now, and under which requestSeqNum.
    asked: Vec<(ZoneId, u16)>,
    tries: u32,
    /// Who has not answered.
    silent: Vec<ZoneId>,
}

/// What a neighbour answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// LCF: call there, or, when the call cannot be made there, at the other places (alternateEndpoints).
    There(SocketAddr, Vec<SocketAddr>),
    /// LRJ.
    Unknown,
    /// RIP: it takes so much longer.
    Wait(Duration),
}

/// The neighbours that fit, in groups of equals.
fn groups(cx: &Cx<'_>, aliases: &[Alias], but: &[ZoneId]) -> VecDeque<Vec<ZoneId>> {
    let fits = |(id, zone): (ZoneId, &Neighbor)| {
        zone.address()?;
        let rank = route::rank(&zone.config, aliases)?;
        (!but.contains(&id)).then_some((rank, id))
    };
    let mut sorted = BTreeMap::<_, Vec<ZoneId>>::new();
    for (rank, id) in cx.core.zones.each().filter_map(fits) {
        sorted.entry(rank).or_default().push(id);
    }
    sorted.into_values().collect()
}

/// True when there is a neighbour to ask about somebody, beside those that have been tried.
pub(crate) fn is_reached_by(cx: &Cx<'_>, aliases: &[Alias], tried: &[ZoneId]) -> bool {
    !groups(cx, aliases, tried).is_empty()
}

/// Which neighbours were to be asked about somebody, and could not be, or did not answer: the end of the sentence that says
/// that nobody knows whom the names mean.
pub(crate) fn excuse(core: &Core, aliases: &[Alias], silent: &[ZoneId]) -> String {
    let excuse = |(id, zone): (ZoneId, &Neighbor)| {
        let kind = if matches!(zone.role, Role::Plain) { "neighbour" } else { "traversal zone" };
        let name = &zone.name;
        if silent.contains(&id) {
            return Some(format!(", and the {kind} {name}, which was asked, did not answer"));
        }
        route::rank(&zone.config, aliases).filter(|_| zone.address().is_none())?;
        let why = zone.last.as_ref().map_or("it has not been up yet", |last| last.sentence());
        Some(format!(", and the {kind} {name}, which would have been asked, is down: {why}"))
    };
    core.zones.each().filter_map(excuse).take(MOST_NAMED).collect()
}

/// Asks the neighbours that fit, but not the one that asks itself; gives the asker back when there is none, or when
/// the call is being looked for already.
pub(crate) fn ask(cx: &mut Cx<'_>, asker: Asker, wanted: Wanted) -> Result<(), Asker> {
    let mut but = wanted.tried.clone();
    if let Asker::Location(_, zone, _) = &asker {
        but.push(*zone);
    }
    let groups = groups(cx, &wanted.aliases, &but);
    let questions = &mut cx.core.zones.questions;
    let again = questions.calls.contains_key(&wanted.call);
    if groups.is_empty() || again || questions.open.len() >= MOST {
        return Err(asker);
    }
    if let Some(time) = cx.core.settings.zones.loop_detection {
        let by = match &asker {
            Asker::Location(_, zone, _) => Some(*zone),
            Asker::Admission(..) | Asker::Call(..) => None,
        };
        cx.core.zones.seek(cx.now + time, wanted.call, by);
    }
    let questions = &mut cx.core.zones.questions;
    questions.last = questions.last.wrapping_add(1);
    let number = questions.last;
    questions.calls.insert(wanted.call, number);
    if let Asker::Call(key, _) = &asker {
        questions.keys.insert(*key, number);
    }
    let question =
        Question { asker, wanted, groups, asked: Vec::new(), tries: 0, silent: Vec::new() };
    questions.open.insert(number, question);
    next_group(cx, number);
    Ok(())
}

/// True when an admission is being looked up: its request came again.
pub(crate) fn is_asked(cx: &Cx<'_>, call: CallId) -> bool {
    cx.core.zones.questions.calls.contains_key(&call)
}

/// The call is over; nobody wants to know any more.
pub(crate) fn abandon(cx: &mut Cx<'_>, key: CallKey) {
    if let Some(number) = cx.core.zones.questions.keys.get(&key).copied() {
        close(cx, number);
    }
}

fn close(cx: &mut Cx<'_>, number: u32) -> Option<Question> {
    let zones = &mut cx.core.zones;
    let question = zones.questions.open.remove(&number)?;
    zones.timers.stop(&Deadline::Question(number));
    zones.questions.calls.remove(&question.wanted.call);
    if let Asker::Call(key, _) = &question.asker {
        zones.questions.keys.remove(key);
    }
    for (_, seq) in &question.asked {
        zones.questions.seqs.remove(seq);
    }
    Some(question)
}

/// Asks the next group; false when there is none.
fn next_group(cx: &mut Cx<'_>, number: u32) -> bool {
    let tries = cx.core.settings.zones.tries;
    let questions = &mut cx.core.zones.questions;
    let Some(question) = questions.open.get_mut(&number) else { return false };
    let old = std::mem::take(&mut question.asked);
    let group = question.groups.pop_front();
    for (_, seq) in old {
        questions.seqs.remove(&seq);
    }
    let Some(group) = group else { return false };
    for zone in group {
        let seq = cx.core.next_seq();
        let questions = &mut cx.core.zones.questions;
        let Some(question) = questions.open.get_mut(&number) else { return false };
        question.asked.push((zone, seq));
        question.tries = tries;
        questions.seqs.insert(seq, number);
    }
    send_all(cx, number);
    true
}

/// Sends to all that are asked and have not answered.
fn send_all(cx: &mut Cx<'_>, number: u32) {
    let Some(question) = cx.core.zones.questions.open.get_mut(&number) else { return };
    question.tries = question.tries.saturating_sub(1);
    for (zone, seq) in question.asked.clone() {
        send(cx, number, zone, seq);
    }
    let at = cx.now + cx.core.settings.zones.timeout;
    cx.core.zones.timers.set(Deadline::Question(number), at);
}

fn send(cx: &mut Cx<'_>, number: u32, id: ZoneId, seq: u16) {
    let crypto_tokens = super::live::proof(cx, id);
    let gatekeeper_identifier = Some(cx.gatekeeper_identifier());
    let Some(zone) = cx.core.zones.get(id) else { return };
    let ((socket, local), Some(to)) = (zone.local(), zone.address()) else { return };
    let settings = &cx.core.settings;
    let reply = cx.core.told(SocketAddr::new(local, settings.ras_port), to.ip());
    let Some(question) = cx.core.zones.questions.open.get(&number) else { return };
    let wanted = &question.wanted;
    let passed_on = matches!(question.asker, Asker::Location(..));
    let hops = zone.config.hop_count.and_then(|count| u8::try_from(count.0).ok());
    let hop_count = match (passed_on, wanted.hop_count) {
        (true, told) => Some(told.map_or(HOPS, |told| told.saturating_sub(1)).max(1)),
        (false, _) => hops.or(settings.zones.hop_count),
    };
    let source = Some(&wanted.source).filter(|source| !source.is_empty());
    let request = LocationRequest {
        request_seq_num: RequestSeqNum(seq),
        destination_info: wanted.aliases.iter().map(Alias::to_asn).collect(),
        reply_address: to_h225(reply),
        source_info: source.map(|source| source.iter().map(Alias::to_asn).collect()),
        can_map_alias: Some(true),
        gatekeeper_identifier,
        crypto_tokens,
        hop_count,
        call_identifier: Some(wanted.call.into()),
        ..Default::default()
    };
    ras::send(cx, socket, to, RasMessage::locationRequest(Box::new(request)));
}

/// A question has waited long enough: it is asked again, or others are.
pub(super) fn expired(cx: &mut Cx<'_>, calls: &mut Calls, number: u32) {
    let Some(question) = cx.core.zones.questions.open.get(&number) else { return };
    if question.tries > 0 {
        return send_all(cx, number);
    }
    let silent: Vec<ZoneId> = question.asked.iter().map(|(id, _)| *id).collect();
    if let Some(question) = cx.core.zones.questions.open.get_mut(&number) {
        question.silent.extend(&silent);
    }
    for id in silent {
        super::live::unanswered(cx, id);
    }
    if !next_group(cx, number) {
        finish(cx, calls, number, Vec::new());
    }
}

/// An answer to LRQ came; false when it answers nothing that was asked there.
pub(crate) fn answered(
    cx: &mut Cx<'_>,
    calls: &mut Calls,
    from: SocketAddr,
    seq: u16,
    reply: Reply,
) -> bool {
    let zones = &mut cx.core.zones;
    let Some(number) = zones.questions.seqs.get(&seq).copied() else { return false };
    let Some(question) = zones.questions.open.get_mut(&number) else { return false };
    let Some(at) = question.asked.iter().position(|(_, known)| *known == seq) else { return false };
    let Some((id, _)) = question.asked.get(at).copied() else { return false };
    if !zones.all.get(id.0).is_some_and(|zone| zone.answers_from(from)) {
        return false;
    }
    match reply {
        Reply::Wait(delay) => {
            let at = cx.now + delay.min(LONGEST) + cx.core.settings.zones.timeout;
            question.tries = 0;
            zones.timers.set(Deadline::Question(number), at);
        }
        Reply::Unknown => {
            question.asked.remove(at);
            zones.questions.seqs.remove(&seq);
            let all = zones.questions.open.get(&number).is_some_and(|one| one.asked.is_empty());
            if all && !next_group(cx, number) {
                finish(cx, calls, number, Vec::new());
            }
        }
        Reply::There(first, others) => {
            let mut found: Vec<Destination> = Vec::new();
            for told in std::iter::once(first).chain(others.into_iter().take(MOST_PLACES)) {
                let signalling = callable(cx, id, from, told);
                let place = Destination::Neighbor { zone: id, signalling };
                if !found.contains(&place) {
                    found.push(place);
                }
            }
            finish(cx, calls, number, found);
        }
    }
    true
}

/// The address to call, of what a neighbour told: the server of a zone, and who tells no usable address, only where
/// the answer came from.
fn callable(cx: &Cx<'_>, id: ZoneId, from: SocketAddr, told: SocketAddr) -> SocketAddr {
    let ip = told.ip();
    let useless = ip.is_unspecified() || ip.is_loopback() && !from.ip().is_loopback();
    let ours = cx.core.locals.contains(&ip);
    let zone = cx.core.zones.get(id).is_some_and(|zone| !matches!(zone.role, Role::Plain));
    if useless || ours || zone { SocketAddr::new(from.ip(), told.port()) } else { told }
}

/// Tells the asker where the called party is: the first place to call, and the others.
fn finish(cx: &mut Cx<'_>, calls: &mut Calls, number: u32, mut found: Vec<Destination>) {
    let Some(Question { asker, silent, .. }) = close(cx, number) else { return };
    match asker {
        Asker::Admission(origin, request) => {
            let answer = ras::admission::located(cx, origin, &request, found, &silent);
            ras::send(cx, origin.socket, origin.from, answer);
        }
        Asker::Call(key, here) => {
            found.extend(here.map(|here| *here));
            calls.located(cx, key, found, &silent);
        }
        Asker::Location(origin, zone, request) => {
            let first = found.into_iter().next();
            let answer = super::answer::located(cx, origin, zone, &request, first);
            ras::send(cx, origin.socket, origin.from, answer);
        }
    }
}

/// What an LCF says; it knows nobody if it tells no address.
pub(crate) fn reply(confirm: &LocationConfirm) -> Reply {
    let others = confirm.alternate_endpoints.iter().flatten();
    let others =
        others.filter_map(|endpoint| told(endpoint.call_signal_address.as_ref()?.first()?));
    match told(&confirm.call_signal_address) {
        Some(first) => Reply::There(first, others.take(MOST_PLACES).collect()),
        None => Reply::Unknown,
    }
}

/// The signalling address of an LCF.
fn told(address: &TransportAddress) -> Option<SocketAddr> {
    from_h225(address).filter(|address| address.port() != 0)
}
