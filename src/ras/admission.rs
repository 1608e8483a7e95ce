//! ARQ: may this call be made, and where does it go?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::address;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AdmissionConfirm, AdmissionReject, AdmissionRejectReason, AdmissionRequest, BandWidth,
    CallModel, Endpoint, RasMessage, UUIEsRequested,
};
use pinhole_h323::cause::Reject;
use pinhole_h323::id::{CallId, EndpointId};

use super::destination::{Destination, is_here, others, resolve};
use super::{Origin, bandwidth, past};
use crate::call::Calls;
use crate::event::Event;
use crate::node::{Core, Cx, Timer};
use crate::zone::{self, Asker, Wanted, ZoneId};

/// How long an admission waits for its Setup.
const WAIT: Duration = Duration::from_secs(60);
/// How many admissions can wait.
const MOST: usize = 10_000;
/// How many admissions of one endpoint can wait, so that none of them keeps the others from calling.
const MOST_OF_ONE: usize = 200;

/// A call that may be made.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    /// Who may make it.
    pub(crate) caller: EndpointId,
    /// The names by which it was asked for and which have a rule of encryption: the Setup may say others.
    pub(crate) ruled: Vec<Alias>,
    /// Where it goes.
    pub(crate) destination: Destination,
    /// Where it goes when it cannot be made there.
    pub(crate) others: Vec<Destination>,
}

/// Calls that may be made and have not been made yet.
#[derive(Debug, Default)]
pub(crate) struct Admissions {
    waiting: BTreeMap<CallId, Admission>,
    /// How many of each endpoint.
    counts: BTreeMap<EndpointId, usize>,
}

impl Admissions {
    pub(crate) fn get(&self, call: CallId) -> Option<&Admission> {
        self.waiting.get(&call)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn forget(&mut self, call: CallId) {
        let Some(gone) = self.waiting.remove(&call) else { return };
        if let Some(count) = self.counts.get_mut(&gone.caller) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(&gone.caller);
            }
        }
    }

    /// Enters an admission, if there is room for it. Nobody can take the place of another endpoint's.
    fn enter(&mut self, call: CallId, new: Admission) -> bool {
        if self.waiting.get(&call).is_some_and(|known| known.caller != new.caller) {
            return false;
        }
        self.forget(call);
        let count = self.counts.get(&new.caller).copied().unwrap_or(0);
        if self.waiting.len() >= MOST || count >= MOST_OF_ONE {
            return false;
        }
        self.counts.insert(new.caller.clone(), count + 1);
        self.waiting.insert(call, new);
        true
    }
}

/// Answers an AdmissionRequest.
pub(super) fn answer(
    cx: &mut Cx<'_>,
    calls: &Calls,
    origin: Origin,
    request: &AdmissionRequest,
) -> RasMessage {
    let admitted = admit(cx, calls, origin, request);
    tell(cx, origin, request, (admitted, &[]))
}

/// Where the party of a call that may be made finds the other one.
struct Way {
    model: CallModel,
    to: SocketAddr,
    /// Where else, when there is no answer there.
    others: Vec<SocketAddr>,
}

/// What an admitted call gets.
type Admitted = (Way, BandWidth);

/// The answer, where these neighbours were asked and said nothing.
fn tell(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &AdmissionRequest,
    (admitted, silent): (Result<Admitted, AdmissionRejectReason>, &[ZoneId]),
) -> RasMessage {
    match admitted {
        Ok((way, band_width)) => {
            let others = way.others.into_iter().map(|other| Endpoint {
                call_signal_address: Some(vec![address::to_h225(other)]),
                ..Default::default()
            });
            let others: Vec<Endpoint> = others.collect();
            RasMessage::admissionConfirm(Box::new(AdmissionConfirm {
                request_seq_num: request.request_seq_num.clone(),
                band_width,
                call_model: way.model,
                dest_call_signal_address: address::to_h225(way.to),
                alternate_endpoints: (!others.is_empty()).then_some(others),
                will_respond_to_irr: Some(false),
                uuies_requested: Some(UUIEsRequested::default()),
                ..Default::default()
            }))
        }
        Err(reason) => refuse(cx, origin, request, (reason, silent)),
    }
}

/// Rejects a request, and says so.
fn refuse(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &AdmissionRequest,
    (reason, silent): (AdmissionRejectReason, &[ZoneId]),
) -> RasMessage {
    let why = Reject::from(&reason);
    let called = request.destination_info.iter().flatten().find_map(Alias::read);
    let called = called.map_or_else(|| "the called party".to_owned(), |alias| alias.to_string());
    let sentence = match why {
        Reject::CalledPartyNotRegistered => {
            let aliases = self::called(cx, request);
            format!("{called} is not registered{}", zone::excuse(cx.core, &aliases, silent))
        }
        other => other.sentence().to_owned(),
    };
    cx.refusal(Event::CallRefused {
        callid: request
            .call_identifier
            .as_ref()
            .map_or_else(String::new, |id| CallId::from(id).to_string()),
        peer: origin.from,
        release_reason: why.name(),
        sentence,
    });
    RasMessage::admissionReject(Box::new(AdmissionReject {
        request_seq_num: request.request_seq_num.clone(),
        reject_reason: reason,
        ..Default::default()
    }))
}

fn admit(
    cx: &mut Cx<'_>,
    calls: &Calls,
    origin: Origin,
    request: &AdmissionRequest,
) -> Result<Admitted, AdmissionRejectReason> {
    let caller = cx
        .heard(&request.endpoint_identifier, origin.from)
        .ok_or(AdmissionRejectReason::invalidEndpointIdentifier(()))?;
    let call = request.call_identifier.as_ref().map(CallId::from);
    let way = if request.answer_call {
        answered(cx, calls, origin, (request, call), &caller)?
    } else {
        if cx.has_room(calls, origin.from.ip()).is_err() {
            return Err(AdmissionRejectReason::resourceUnavailable(()));
        }
        placed(cx, origin, request, call, &caller)?
    };
    book(cx, request, &caller, way)
}

/// Books what the party of a call that may be made asks for; without it the call may not be made.
fn book(
    cx: &mut Cx<'_>,
    request: &AdmissionRequest,
    party: &EndpointId,
    way: Way,
) -> Result<Admitted, AdmissionRejectReason> {
    let call = request.call_identifier.as_ref().map(CallId::from);
    if let Some(granted) = bandwidth::admit(cx, call, party, &request.band_width) {
        return Ok((way, granted));
    }
    if let Some(call) = call {
        withdrawn(cx, call, party);
    }
    Err(AdmissionRejectReason::requestDenied(()))
}

/// The ARQ of a called party. A call that did not come through the gatekeeper has to be made again, through it.
fn answered(
    cx: &Cx<'_>,
    calls: &Calls,
    origin: Origin,
    (request, call): (&AdmissionRequest, Option<CallId>),
    called: &EndpointId,
) -> Result<Way, AdmissionRejectReason> {
    let settings = &cx.core.settings;
    let elsewhere = !settings.ras.route_to_gatekeeper || past::may_come(cx.core, request, called);
    let ours = elsewhere || call.is_some_and(|call| calls.is_called(call, called));
    let reject = AdmissionRejectReason::routeCallToGatekeeper(());
    ours.then(|| through_us(cx, origin)).ok_or(reject)
}

/// The ARQ of a caller.
fn placed(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &AdmissionRequest,
    call: Option<CallId>,
    caller: &EndpointId,
) -> Result<Way, AdmissionRejectReason> {
    let aliases = called(cx, request);
    let named = request.dest_call_signal_address.as_ref().and_then(address::from_h225);
    let destination = resolve(cx.core, aliases.iter().cloned(), named)
        .ok_or(AdmissionRejectReason::calledPartyNotRegistered(()))?;
    let others = others(cx.core, &aliases, named, &destination);
    grant(cx, origin, caller, (call, aliases), (destination, others))
}

/// Enters a call that may be made.
fn grant(
    cx: &mut Cx<'_>,
    origin: Origin,
    caller: &EndpointId,
    (call, dialled): (Option<CallId>, Vec<Alias>),
    (mut destination, mut others): (Destination, Vec<Destination>),
) -> Result<Way, AdmissionRejectReason> {
    let number = dialled.iter().find_map(Alias::digits);
    if is_full(cx.core, &destination, number) {
        let free = others.iter().position(|other| !is_full(cx.core, other, number));
        let free = free.ok_or(AdmissionRejectReason::resourceUnavailable(()))?;
        destination = others.remove(free);
    }
    if let Some(to) = past::to(cx.core, caller, &destination) {
        let others = others.iter().filter_map(|other| past::to(cx.core, caller, other)).collect();
        return Ok(Way { model: CallModel::direct(()), to, others });
    }
    if let Some(call) = call {
        let ruled = cx.core.settings.encryption.ruled(&dialled);
        let new = Admission { caller: caller.clone(), ruled, destination, others };
        if !cx.core.admissions.enter(call, new) {
            return Err(AdmissionRejectReason::resourceUnavailable(()));
        }
        cx.set(Timer::Admission(call), WAIT);
    }
    Ok(through_us(cx, origin))
}

/// True when a call goes to an endpoint that can take no more, or no more to this number.
fn is_full(core: &Core, destination: &Destination, number: Option<&str>) -> bool {
    let Destination::Endpoint(id) = destination else { return false };
    core.registrations.get(id).is_some_and(|known| core.registrations.is_full(known, number))
}

fn through_us(cx: &Cx<'_>, origin: Origin) -> Way {
    let to = cx.core.signalling_at(origin.local, origin.from.ip());
    Way { model: CallModel::gatekeeperRouted(()), to, others: Vec::new() }
}

/// The aliases that a request calls.
fn called(cx: &Cx<'_>, request: &AdmissionRequest) -> Vec<Alias> {
    let trailing = &cx.core.settings.ras.trailing;
    let aliases = Alias::read_all(request.destination_info.iter().flatten());
    aliases.into_iter().map(|alias| trimmed(alias, trailing)).collect()
}

/// A dialled number without what phones put at its end to say that it is complete.
fn trimmed(alias: Alias, trailing: &str) -> Alias {
    match alias {
        Alias::DialedDigits(digits) => {
            Alias::DialedDigits(digits.trim_end_matches(|c| trailing.contains(c)).to_owned())
        }
        other => other,
    }
}

/// No Setup followed an admission in time.
pub(crate) fn expired(cx: &mut Cx<'_>, call: CallId) {
    cx.core.admissions.forget(call);
    cx.core.bandwidth.give_back(call);
}

/// An endpoint will not make the call that it was admitted for.
pub(super) fn withdrawn(cx: &mut Cx<'_>, call: CallId, caller: &EndpointId) {
    if cx.core.admissions.get(call).is_some_and(|known| known.caller == *caller) {
        cx.stop(&Timer::Admission(call));
        expired(cx, call);
    }
}

/// The Setup of a call was refused: it would have to be admitted again.
pub(crate) fn refused(cx: &mut Cx<'_>, call: CallId, from: SocketAddr) {
    let caller = cx.core.admissions.get(call).map(|known| known.caller.clone());
    let known = caller.as_ref().and_then(|caller| cx.core.registrations.get(caller));
    if let (Some(caller), true) = (&caller, known.is_some_and(|known| known.is_from(from))) {
        withdrawn(cx, call, caller);
    }
}

/// Asks neighbours, when somebody is called who is not here; nothing when there is none to ask.
pub(super) fn elsewhere(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &AdmissionRequest,
) -> Option<RasMessage> {
    if request.answer_call {
        return None;
    }
    let caller = cx.heard(&request.endpoint_identifier, origin.from)?;
    let call = request.call_identifier.as_ref().map(CallId::from)?;
    let seq = request.request_seq_num.0;
    if zone::is_asked(cx, call) {
        return Some(zone::in_progress(cx, seq));
    }
    let mut aliases = called(cx, request);
    let named = request.dest_call_signal_address.as_ref().and_then(address::from_h225);
    let here = resolve(cx.core, aliases.iter().cloned(), named);
    match here {
        Some(Destination::Endpoint(_)) if is_here(cx.core, &aliases, named) => return None,
        // Neighbours are asked about addresses, too (`SendIPs`).
        Some(Destination::Address(address)) if !aliases.contains(&Alias::Transport(address)) => {
            aliases.push(Alias::Transport(address));
        }
        _ => {}
    }
    let source = cx.core.registrations.get(&caller)?.aliases.clone();
    let wanted = Wanted { aliases, call, source, hop_count: None, tried: Vec::new() };
    let asker = Asker::Admission(origin, Box::new(request.clone()));
    zone::ask(cx, asker, wanted).ok()?;
    Some(zone::in_progress(cx, seq))
}

/// The answer once neighbours have been asked, who told of these places, the best first, or are `silent`.
pub(crate) fn located(
    cx: &mut Cx<'_>,
    origin: Origin,
    request: &AdmissionRequest,
    mut found: Vec<Destination>,
    silent: &[ZoneId],
) -> RasMessage {
    let caller = cx.heard(&request.endpoint_identifier, origin.from);
    let call = request.call_identifier.as_ref().map(CallId::from);
    let named = request.dest_call_signal_address.as_ref().and_then(address::from_h225);
    if found.is_empty() {
        let aliases = called(cx, request);
        if let Some(first) = resolve(cx.core, aliases.iter().cloned(), named) {
            found.extend(others(cx.core, &aliases, named, &first));
            found.insert(0, first);
        }
    }
    let mut found = found.into_iter();
    let admitted = match (caller, found.next()) {
        (None, _) => Err(AdmissionRejectReason::invalidEndpointIdentifier(())),
        (_, None) => Err(AdmissionRejectReason::calledPartyNotRegistered(())),
        (Some(caller), Some(first)) => {
            let asked = (call, called(cx, request));
            grant(cx, origin, &caller, asked, (first, found.collect()))
                .and_then(|granted| book(cx, request, &caller, granted))
        }
    };
    tell(cx, origin, request, (admitted, silent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(caller: &str) -> Admission {
        let destination = Destination::Endpoint(EndpointId("called".into()));
        let caller = EndpointId(caller.into());
        Admission { caller, ruled: Vec::new(), destination, others: Vec::new() }
    }

    fn call(n: usize) -> CallId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        CallId(id)
    }

    #[test]
    fn one_endpoint_has_only_so_many_and_keeps_no_other_from_its_own() {
        let mut admissions = Admissions::default();
        let entered = (0..1000).filter(|n| admissions.enter(call(*n), admission("greedy")));
        assert_eq!(entered.count(), MOST_OF_ONE);
        assert!(admissions.enter(call(0), admission("greedy")), "the same again");
        assert!(!admissions.enter(call(1000), admission("greedy")));
        assert!(admissions.enter(call(1000), admission("modest")));
        admissions.forget(call(0));
        assert!(admissions.enter(call(1001), admission("greedy")));
    }

    #[test]
    fn nobody_takes_the_place_of_anothers_admission_and_nothing_is_left() {
        let mut admissions = Admissions::default();
        assert!(admissions.enter(call(1), admission("alice")));
        assert!(!admissions.enter(call(1), admission("mallory")));
        assert_eq!(admissions.get(call(1)).unwrap().caller, EndpointId("alice".into()));
        admissions.forget(call(1));
        assert!(admissions.waiting.is_empty() && admissions.counts.is_empty());
    }
}
