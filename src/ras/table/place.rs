//! What protects the place and the names of an endpoint: that it shows that it hears us.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use pinhole_h323::alias::Alias;
use pinhole_h323::id::EndpointId;

use super::super::crowd::Want;
use super::super::endpoint::Registration;
use super::{Registrations, network};

impl Registrations {
    /// An endpoint was heard, by its identifier; true when its place was wanted. That keeps and protects it only if nobody but
    /// us can have told it the identifier.
    pub(crate) fn seen(&mut self, id: &EndpointId, now: Instant) -> bool {
        let Some(known) = self.endpoints.get_mut(id) else { return false };
        known.seen = now;
        if !known.hearing.drawn {
            return false;
        }
        known.hearing.proven = true;
        let wanted = self.crowd.heard(known, now);
        known.shown = now;
        wanted
    }

    /// An endpoint is asked whether it is still there, by a question with this number.
    pub(in crate::ras) fn asked(&mut self, id: &EndpointId, number: u16) {
        if let Some(known) = self.endpoints.get_mut(id) {
            (known.hearing.asked, known.hearing.wrong) = (Some(number), 0);
        }
    }

    /// It has answered one with this number; true when its place was wanted.
    pub(in crate::ras) fn answered(&mut self, id: &EndpointId, number: u16, now: Instant) -> bool {
        let Some(known) = self.endpoints.get_mut(id) else { return false };
        if !known.hearing.takes(number) {
            return false;
        }
        let wanted = self.crowd.heard(known, now);
        (known.seen, known.shown) = (now, now);
        wanted
    }

    /// The endpoint that has not shown for the longest time that it hears us, of those whose place is not wanted yet.
    pub(in crate::ras) fn quietest(&self) -> Option<&Registration> {
        self.endpoints.get(self.crowd.quietest()?)
    }

    /// Somebody else wants the place of an endpoint: it keeps it only if it answers.
    pub(in crate::ras) fn want(&mut self, id: &EndpointId, want: Want) {
        if let Some(known) = self.endpoints.get(id) {
            self.crowd.want(known, want);
        }
    }

    /// Who wants the place of an endpoint, if that is wanted.
    pub(in crate::ras) fn wanted(&self, id: &EndpointId) -> Option<Want> {
        self.crowd.wanted(id)
    }

    /// The same of an endpoint or of any that has one of these aliases. Who comes in place of one that is known to hear us was
    /// not asked yet.
    pub(in crate::ras) fn wanted_of(&self, id: &EndpointId, aliases: &[Alias]) -> Option<Want> {
        let holders = aliases.iter().filter_map(|alias| self.find(alias));
        let others = holders.filter(|known| known.id != *id).filter_map(|known| {
            let want = self.crowd.wanted(&known.id)?;
            Some(if known.hearing.shows() { Want { asked: 0, ..want } } else { want })
        });
        others.chain(self.crowd.wanted(id)).max_by_key(|want| want.asked)
    }

    /// Whether an alias is kept from a newcomer: it was taken from who did not answer for the sake of another a moment ago.
    pub(in crate::ras) fn is_kept_from(
        &self,
        now: Instant,
        newcomer: IpAddr,
        alias: &Alias,
    ) -> bool {
        let mark = self.given_up.of(now, &self.matching.key(alias));
        mark.and_then(|mark| mark.wanted_by).is_some_and(|by| by != network(newcomer))
    }

    /// An endpoint is to have these aliases only: what it gives up is remembered, unless it is known to hear us.
    pub(super) fn gives_up(&mut self, id: &EndpointId, now: Instant, kept: &[Alias]) {
        let Some(old) = self.endpoints.get(id) else { return };
        if old.permanent || old.hearing.shows() {
            return;
        }
        let by = self.crowd.wanted(id).and_then(|want| want.by);
        for alias in old.aliases.iter().filter(|alias| !kept.contains(alias)) {
            self.given_up.note(now, self.matching.key(alias), old.shown, by);
        }
    }

    /// Since when the place of an endpoint is protected that comes now, in place of these: who has not shown that it hears us
    /// gains nothing by coming anew.
    pub(super) fn protected_since(
        &self,
        new: &Registration,
        now: Instant,
        replaced: &BTreeSet<EndpointId>,
    ) -> Instant {
        let before = replaced.iter().chain([&new.id]).filter_map(|id| self.endpoints.get(id));
        let before = before.filter(|old| old.id == new.id || !old.hearing.shows());
        let marks = new.aliases.iter().filter_map(|alias| {
            self.given_up.of(now, &self.matching.key(alias)).filter(|mark| mark.wanted_by.is_none())
        });
        let all = before.map(|old| old.shown).chain(marks.map(|mark| mark.shown));
        all.fold(new.shown, Instant::min)
    }

    /// Nobody takes the place of an endpoint, though it did not answer.
    pub(in crate::ras) fn spare(&mut self, id: &EndpointId) {
        if let Some(known) = self.endpoints.get(id) {
            self.crowd.heard(known, known.seen);
        }
    }

    /// Gives an endpoint other aliases and prefixes, which the caller has found to be free. If its place is wanted, it stays so.
    pub(in crate::ras) fn rename(
        &mut self,
        id: &EndpointId,
        now: Instant,
        change: impl FnOnce(&mut Registration),
    ) {
        let Some(mut known) = self.endpoints.get(id).cloned() else { return };
        change(&mut known);
        if !known.hearing.shows() {
            known.shown = self.protected_since(&known, now, &BTreeSet::new());
        }
        self.gives_up(id, now, &known.aliases);
        let want = self.crowd.wanted(id);
        self.remove(id);
        self.insert(known);
        if let Some(want) = want {
            self.want(id, want);
        }
    }

    /// Removes an endpoint that goes, or that did not answer while its place was wanted.
    pub(in crate::ras) fn leave(&mut self, id: &EndpointId, now: Instant) -> Option<Registration> {
        self.gives_up(id, now, &[]);
        self.remove(id)
    }
}
