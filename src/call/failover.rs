//! A call that cannot be made to one destination is made to the next, and a called party that sends the call somewhere
//! else is obeyed. The caller sees one call.

use std::collections::VecDeque;

use pinhole_h323::address::from_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{FacilityReason, FacilityUUIE, H323UUPDUH323MessageBody as Body};
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::signal::Signal;

use tracing::debug;

use super::early::{Carrier, Early};
use super::former::Former;
use super::secure::dialled;
use super::setup::{self, called_leg};
use super::{Call, CallKey, CallTimer, Calls, State, Why, words};
use crate::face::Side;
use crate::node::{Core, Cx, Mode, Timer, leads};
use crate::ras::destination::{Destination, others, resolve_or_ask};
use crate::zone::ZoneId;

/// Destinations that are tried after the first.
const MOST_ALTERNATIVES: usize = 8;
/// How often a call is sent somewhere else by whom it reaches.
const MOST_REDIRECTIONS: u8 = 5;

/// What is left to try.
#[derive(Debug, Default)]
pub(super) struct Route {
    /// The Setup as the caller sent it; none once the call is answered.
    pub(super) setup: Option<Box<Signal>>,
    /// What the caller has said since.
    pub(super) early: Early,
    alternatives: VecDeque<Destination>,
    /// The names of the called party, for neighbours that may know it as well.
    aliases: Vec<Alias>,
    /// Names of the called party by which the caller was admitted, and which have a rule of encryption.
    pub(super) ruled: Vec<Alias>,
    /// Neighbours through which it could not be made.
    pub(super) tried: Vec<ZoneId>,
    /// Why it could not be made, while other neighbours are asked; nothing is asked again once none knew.
    others: Others,
    redirections: u8,
    /// True once the called party has accepted fast start or begun H.245: what it said cannot be unsaid.
    pub(super) committed: bool,
    /// What the caller has heard of parties that are not called any more.
    pub(super) former: Former,
    /// Who has sent the call on.
    pub(super) forwarders: Vec<String>,
    /// True once the caller has got CallProceeding.
    pub(super) proceeding: bool,
}

/// Whether neighbours that have not been tried may know the called party.
#[derive(Debug, Default)]
enum Others {
    /// They have not been asked.
    #[default]
    Unasked,
    /// They are asked, after this failure.
    Asked(Why),
    /// None of them knows it.
    Unknown,
}

impl Route {
    /// No other neighbour knows the called party: why they were asked.
    pub(super) fn no_other_neighbor(&mut self) -> Option<Why> {
        match std::mem::replace(&mut self.others, Others::Unknown) {
            Others::Asked(why) => Some(why),
            Others::Unasked | Others::Unknown => None,
        }
    }

    /// Neighbours that have not been tried, if the call went to one that was, and they can be asked.
    fn neighbors(&mut self, cx: &Cx<'_>, why: &Why) -> Option<Destination> {
        let asks = !self.tried.is_empty() && !matches!(self.others, Others::Unknown);
        let there = asks && crate::zone::is_reached_by(cx, &self.aliases, &self.tried);
        there.then(|| {
            self.others = Others::Asked(why.clone());
            Destination::Elsewhere(self.aliases.clone(), None)
        })
    }

    /// `known` is where else the caller was admitted to.
    pub(super) fn new(
        core: &Core,
        signal: &Signal,
        first: &Destination,
        known: Vec<Destination>,
    ) -> Self {
        let mut route = Self { setup: Some(Box::new(signal.clone())), ..Self::default() };
        if let (Some(Body::setup(setup)), true) = (signal.body(), core.settings.handling.failover) {
            let named = setup.dest_call_signal_address.as_ref().and_then(from_h225);
            let called = setup.destination_address.iter().flatten().filter_map(Alias::read);
            let number =
                signal.q931().called_number().map(|number| Alias::from_text(&number.digits));
            let aliases: Vec<Alias> = called.chain(number).collect();
            route.add(first, known.into_iter().chain(others(core, &aliases, named, first)));
            route.aliases = aliases;
        }
        route
    }

    /// More places to try, after those that are known.
    pub(super) fn add(&mut self, first: &Destination, more: impl IntoIterator<Item = Destination>) {
        self.alternatives.retain(|known| known != first);
        for one in more {
            let known = one == *first || self.alternatives.contains(&one);
            if !known && self.alternatives.len() < MOST_ALTERNATIVES {
                self.alternatives.push_back(one);
            }
        }
    }
}

impl Calls {
    /// The called party failed: the call goes to the next destination, or ends.
    pub(super) fn failed(&mut self, cx: &mut Cx<'_>, key: CallKey, why: &Why) {
        if !self.retry(cx, key, why) {
            self.end(cx, key, why);
        }
    }

    /// Tries the next destination, if there is one and the failure allows it.
    pub(super) fn retry(&mut self, cx: &mut Cx<'_>, key: CallKey, why: &Why) -> bool {
        let handling = &cx.core.settings.handling;
        let Some(call) = self.live(key) else { return false };
        // A half key that the caller has been told cannot be taken back.
        let undone =
            !call.security.is_committed() && (!call.route.committed || handling.failover_unchecked);
        // Nor is anybody called who could not hear all that the caller has said.
        let undone = undone && !call.route.early.is_overfull();
        // Who does not react at all has not refused the call, whatever the list of causes says.
        let silent = why.by.is_none() && why.cause == Cause::NO_USER_RESPONDING;
        let worth = silent || handling.failover_causes.contains(why.cause.value());
        let may = handling.failover && !call.is_connected() && undone && worth;
        // A gateway that calls a number of its own prefix is not called back.
        let caller = call.leg(Side::A).endpoint.clone().map(Destination::Endpoint);
        call.route.alternatives.retain(|next| Some(next) != caller.as_ref());
        let zone = call.leg(Side::B).zone.filter(|zone| !call.route.tried.contains(zone));
        call.route.tried.extend(zone);
        let route = &mut call.route;
        let next = match may {
            true => route.alternatives.pop_front().or_else(|| route.neighbors(cx, why)),
            false => None,
        };
        let Some(next) = next else { return false };
        debug!(call = %call.id, sentence = why.sentence, "tries the next destination");
        self.reroute(cx, key, &next, why);
        true
    }

    /// Gives the called party up, and places the call to another.
    fn reroute(&mut self, cx: &mut Cx<'_>, key: CallKey, to: &Destination, why: &Why) {
        let Some(call) = self.live(key) else { return };
        if why.by != Some(Side::B) || call.leg(Side::B).stream.is_some() {
            super::release::tell(cx, call, Side::B, why);
        }
        self.drop_leg(cx, key, Side::B);
        let gone = [CallTimer::Disengaged(Side::B), CallTimer::Unregistered(Side::B)];
        let steps = [CallTimer::Answer, CallTimer::Alerting, CallTimer::Control];
        for timer in steps.into_iter().chain(gone) {
            cx.stop(&Timer::Call(key, timer));
        }
        let Some(call) = self.calls.get_mut(&key) else { return };
        cx.core.pinholes.cancel(call.id);
        let was_proxied = call.mode == Mode::Proxied;
        let pauses = was_proxied && call.route.committed;
        let channels = [Side::A, Side::B].map(|opener| call.sessions.numbers(opener));
        call.sessions.close_all(cx);
        call.data.close_all(cx, &mut self.index);
        call.leg_mut(Side::A).queue.clear();
        let leg = called_leg(cx, call.leg(Side::A).local, to);
        self.change(key, |call| *call.leg_mut(Side::B) = leg);
        let Some(call) = self.calls.get_mut(&key) else { return };
        call.mode = setup::mode(cx, call.legs.each_ref());
        if pauses || call.route.former.is_paused() {
            // The caller's session is with us.
            call.mode = Mode::Proxied;
            call.forget_former();
        } else if let (true, Some(setup)) = (call.route.former.refused, &mut call.route.setup) {
            setup.set_fast_start(Vec::new());
        }
        call.translates = setup::translates(cx, call.mode);
        if let Some(zone) = call.leg(Side::B).zone {
            cx.core.zones.carried(zone);
        }
        call.route.committed = false;
        call.version[Side::B.index()] = None;
        call.state = State::Placing;
        (call.half_keys, call.to_caller) = (None, None);
        // What waits was not passed on yet: that of the caller will be.
        for (_, octets) in
            std::mem::take(&mut call.held).iter().filter(|(side, _)| *side == Side::A)
        {
            call.keep_early(Carrier::Signalling, octets);
        }
        if call.route.early.is_overfull() {
            return self.end(cx, key, why);
        }
        // Work for who was given up is of no use.
        self.index.questions.retain(|_, of| *of != key);
        if pauses {
            self.pause_caller(cx, key, channels);
        }
        let found = !matches!(to, Destination::Elsewhere(..));
        if self.begin_security(cx, key, found) {
            self.place(cx, key, to);
        }
    }

    /// A called party sends the call somewhere else; false when that is the caller's affair.
    pub(super) fn redirected(&mut self, cx: &mut Cx<'_>, key: CallKey, signal: &Signal) -> bool {
        let Some(Body::facility(facility)) = signal.body() else { return false };
        let Some(call) = self.live(key) else { return false };
        // What the caller has heard cannot be unsaid where its H.245 does not go through us.
        let proxied = call.mode == Mode::Proxied;
        let may = cx.core.settings.handling.forwards_on_facility && !call.route.committed;
        let obeyed = proxied || may;
        if call.is_connected() || !is_redirection(&facility.reason) || !obeyed {
            return false;
        }
        let name = call.leg(Side::B).name.clone();
        let aliases =
            || facility.alternative_alias_address.iter().flatten().filter_map(Alias::read);
        let named = facility.alternative_address.as_ref().and_then(from_h225);
        call.route.redirections = call.route.redirections.saturating_add(1);
        let lost = call.route.redirections > MOST_REDIRECTIONS;
        let caller = call.leg(Side::A).endpoint.clone();
        let (called, private) = (call.leg(Side::B).peer, cx.core.settings.private_for_all);
        let found = resolve_or_ask(cx, aliases().collect(), named);
        let found = found.filter(|to| caller.is_none_or(|id| *to != Destination::Endpoint(id)));
        // It does not send callers where it could not call itself.
        let barred = |to: &Destination| matches!(to, Destination::Address(to) if !leads(cx.core, called, *to, private));
        let found = match found {
            Some(Destination::Elsewhere(names, here)) => {
                Some(Destination::Elsewhere(names, here.filter(|to| !barred(to))))
            }
            found => found.filter(|to| !barred(to)),
        };
        // What the caller has been told of a key cannot be taken back.
        let bound = call.security.is_committed();
        let overfull = call.route.early.is_overfull();
        let Some(to) = found.filter(|_| !lost && !bound && !overfull) else {
            let (reason, why) = match (lost, bound, overfull) {
                (true, _, _) => (Release::HopCountExceeded, "once too often"),
                (_, true, _) => (Release::SecurityDenied, "after the caller has agreed on a key"),
                (_, _, true) => {
                    (Release::GatekeeperResources, "after the caller has said more than is kept")
                }
                _ => (Release::UnreachableDestination, "to nobody who can be called"),
            };
            let sentence = format!("{name} sends the call on, {why}");
            self.failed(cx, key, &Why::own(reason, sentence));
            return true;
        };
        call.route.forwarders.push(name.clone());
        words::set_forwarder(cx, call);
        // Who is called does not get rid of what is demanded of the name by another one.
        call.route.ruled = cx.core.settings.encryption.ruled(&dialled(call));
        readdress(call, facility);
        let sentence = format!("{name} sends the call to another party");
        self.reroute(cx, key, &to, &Why::own(Release::FacilityCallDeflection, sentence));
        true
    }
}

/// True for a wish that the call be made to somebody else.
const fn is_redirection(reason: &FacilityReason) -> bool {
    matches!(
        reason,
        FacilityReason::routeCallToGatekeeper(())
            | FacilityReason::callForwarded(())
            | FacilityReason::routeCallToMC(())
    )
}

/// The Setup calls by the new name from here on.
fn readdress(call: &mut Call, facility: &FacilityUUIE) {
    let Some(names) = facility.alternative_alias_address.as_ref().filter(|names| !names.is_empty())
    else {
        return;
    };
    call.route.aliases = Alias::read_all(names);
    let Some(setup) = &mut call.route.setup else { return };
    let digits = names
        .iter()
        .filter_map(Alias::read)
        .find_map(|alias| alias.digits().map(ToOwned::to_owned));
    if let Some(digits) = digits.filter(|_| setup.q931().called_number().is_some()) {
        setup.q931_mut().set_called_digits(&digits);
    }
    setup.edit(|pdu| {
        if let Body::setup(setup) = &mut pdu.h323_message_body {
            setup.destination_address = Some(names.clone());
        }
    });
}
