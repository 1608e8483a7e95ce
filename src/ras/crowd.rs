//! When many want to register: who was silent for the longest time, whose place is wanted, and what all names take.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{CallReferenceValue, InfoRequest, RasMessage, RequestSeqNum};
use pinhole_h323::id::EndpointId;

use super::endpoint::Registration;
use super::lifetime::{self, POLL};
use super::table::Refusal;
use crate::node::limits::source;
use crate::node::{Cx, Timer};

/// How long an endpoint has to be silent before its place can be wanted for somebody who finds the table full.
const SILENT: Duration = Duration::from_secs(30);
/// How often it is asked for it: a question can be lost.
const QUESTIONS: u32 = 2;
/// The same of who has shown before that it hears us: it may be away for a moment. Where a NAT has forgotten it, its next
/// refresh comes within this time, [`POLL`] after each question.
const QUESTIONS_OF_KNOWN: u32 = 6;
/// Octets that the names of an endpoint may always take, and those of all together on the average.
const LIGHT: usize = 512;
/// What a name takes beside its octets, about.
const NAME: usize = 64;

/// Somebody else wants the place of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Want {
    /// How often it was asked for it.
    pub(super) asked: u32,
    /// The network of who was the first to want its name, if it is that.
    pub(super) by: Option<IpAddr>,
}

/// The registered endpoints, in the order in which they have shown that they hear us.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Those that may be asked for their place.
    quiet: BTreeSet<(Instant, EndpointId)>,
    /// Those whose place is wanted.
    wanted: BTreeMap<EndpointId, Want>,
    weight: usize,
}

impl Crowd {
    pub(super) fn enter(&mut self, new: &Registration) {
        self.weight += weight(new);
        if !new.permanent {
            self.quiet.insert((new.shown, new.id.clone()));
        }
    }

    pub(super) fn leave(&mut self, old: &Registration) {
        self.weight = self.weight.saturating_sub(weight(old));
        self.quiet.remove(&(old.shown, old.id.clone()));
        self.wanted.remove(&old.id);
    }

    /// An endpoint shows now that it hears us; true when its place was wanted.
    pub(super) fn heard(&mut self, known: &Registration, now: Instant) -> bool {
        let wanted = self.wanted.remove(&known.id).is_some();
        if self.quiet.remove(&(known.shown, known.id.clone())) || wanted {
            self.quiet.insert((now, known.id.clone()));
        }
        wanted
    }

    pub(super) fn quietest(&self) -> Option<&EndpointId> {
        self.quiet.first().map(|(_, id)| id)
    }

    pub(super) fn want(&mut self, known: &Registration, want: Want) {
        self.quiet.remove(&(known.shown, known.id.clone()));
        self.wanted.insert(known.id.clone(), want);
    }

    pub(super) fn wanted(&self, id: &EndpointId) -> Option<Want> {
        self.wanted.get(id).copied()
    }

    /// Whether an endpoint whose names take that much, in place of what it was, would not make all names together take too much.
    pub(super) fn holds(&self, own: usize, old: Option<&Registration>, most: usize) -> bool {
        let before = old.map_or(0, weight);
        let all = self.weight.saturating_sub(before).saturating_add(own);
        own <= LIGHT || all <= most.saturating_mul(LIGHT)
    }
}

/// What the names of an endpoint take, about, in octets.
pub(super) fn weight(of: &Registration) -> usize {
    let prefixes = of.prefixes.iter().map(|prefix| prefix.digits.len() + NAME);
    weight_of(&of.aliases) + prefixes.sum::<usize>()
}

/// What these aliases take.
pub(super) fn weight_of(aliases: &[Alias]) -> usize {
    aliases.iter().map(|alias| alias.to_string().len() + NAME).sum()
}

/// A newcomer found no place: who has the one that it could have is asked whether it is still there. An answer to the
/// newcomer cannot wait for that; it will come again. True when somebody is being asked.
pub(super) fn ask(cx: &mut Cx<'_>, why: &Refusal, newcomer: IpAddr) -> bool {
    let (holder, silent, by) = match why {
        Refusal::DuplicateAlias(alias) => {
            (cx.core.registrations.find(alias), POLL, Some(source(newcomer)))
        }
        Refusal::Full => (cx.core.registrations.quietest(), SILENT, None),
        Refusal::InvalidAlias | Refusal::TooManyFromAddress => return false,
    };
    let is_silent = |known: &&Registration| cx.now.duration_since(known.shown) >= silent;
    let holder = holder.filter(|known| !known.permanent).filter(is_silent);
    let Some(id) = holder.map(|known| known.id.clone()) else { return false };
    // Who wants nobody to be asked wants nobody to lose its place for not answering.
    if cx.core.settings.ras.polls == 0 {
        return false;
    }
    match cx.core.registrations.wanted(&id) {
        None => {
            cx.core.registrations.want(&id, Want { asked: 0, by });
            again(cx, &id);
        }
        // It was for its place in the table; now it is for its name.
        Some(want) if want.by.is_none() => cx.core.registrations.want(&id, Want { by, ..want }),
        Some(_) => {}
    }
    true
}

/// How long an endpoint whose place is wanted may go on being silent, although it has not answered. Some never answer such
/// questions: who has shown that it hears us, and has not answered one yet, has until its registration ends by itself.
pub(super) fn respite(now: Instant, known: &Registration) -> Option<Duration> {
    let hearing = known.hearing;
    let rest = lifetime::of(known.ttl_s).checked_sub(now.duration_since(known.shown));
    rest.filter(|rest| hearing.proven && !hearing.answers && !rest.is_zero())
}

/// A registration takes the place of one whose place is wanted, and does not show that it hears us: it is no better. One that
/// takes another's place does not get more time by it, either.
pub(super) fn still(cx: &mut Cx<'_>, id: &EndpointId, want: Want, is_the_same: bool) {
    cx.core.registrations.want(id, want);
    if !is_the_same && !again(cx, id) {
        cx.set(Timer::Registration(id.clone()), Duration::ZERO);
    }
}

/// Asks an endpoint whose place is wanted, unless it was asked already often enough.
pub(super) fn again(cx: &mut Cx<'_>, id: &EndpointId) -> bool {
    let known = cx.core.registrations.get(id).cloned();
    let (Some(want), Some(known)) = (cx.core.registrations.wanted(id), known) else {
        return false;
    };
    let most = if known.hearing.shows() { QUESTIONS_OF_KNOWN } else { QUESTIONS };
    if want.asked >= most {
        return false;
    }
    question(cx, &known);
    cx.core.registrations.want(id, Want { asked: want.asked + 1, ..want });
    cx.set(Timer::Registration(id.clone()), POLL);
    true
}

/// Asks an endpoint whether it is still there (IRQ).
pub(super) fn question(cx: &mut Cx<'_>, endpoint: &Registration) {
    let number = cx.core.next_seq();
    cx.core.registrations.asked(&endpoint.id, number);
    let request = InfoRequest {
        request_seq_num: RequestSeqNum(number),
        call_reference_value: CallReferenceValue(0),
        ..Default::default()
    };
    let message = RasMessage::infoRequest(Box::new(request));
    super::send(cx, endpoint.socket, endpoint.ras, message);
}
