//! The registrations: who is reachable under which alias, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use pinhole_config::GatewayPrefix;
use pinhole_h323::alias::Alias;
use pinhole_h323::id::EndpointId;

use super::crowd::{self, Crowd};
use super::endpoint::Registration;
use super::given_up::GivenUp;
use super::matching::{Key, Matching};
use super::prefix::{self, Prefixes, Word};
use super::settings::Turns;
use super::usage::{self, Usage};
use crate::face::SocketId;
use crate::node::limits::source as network;

/// How many aliases one endpoint can have.
pub(super) const MOST_ALIASES: usize = 64;

/// Why a registration is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another endpoint has this alias.
    DuplicateAlias(Alias),
    /// No alias, or too many.
    InvalidAlias,
    /// The table is full.
    Full,
    /// As many endpoints as may be are registered from the address already.
    TooManyFromAddress,
}

/// What a registration may do to others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How many may be registered from one address.
    pub(crate) most_from_address: usize,
    /// How many may be registered in all.
    pub(crate) most: usize,
    /// Whether it ends those that stand in its way.
    pub(crate) overwrite: bool,
}

/// All registrations.
#[derive(Debug, Default)]
pub(crate) struct Registrations {
    matching: Matching,
    endpoints: BTreeMap<EndpointId, Registration>,
    aliases: BTreeMap<Key, EndpointId>,
    prefixes: Prefixes,
    sources: BTreeMap<IpAddr, BTreeSet<EndpointId>>,
    crowd: Crowd,
    given_up: GivenUp,
    /// How many calls they have; also those of which the registration has ended.
    usage: Usage,
    signalling: BTreeMap<SocketAddr, EndpointId>,
}

impl Registrations {
    /// No registrations, whose aliases will compare like this.
    pub(crate) fn new(matching: Matching) -> Self {
        Self { matching, ..Self::default() }
    }

    pub(crate) fn get(&self, id: &EndpointId) -> Option<&Registration> {
        self.endpoints.get(id)
    }

    /// All registrations.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.endpoints.values()
    }

    /// How many endpoints are registered.
    pub(crate) fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Notes that an endpoint is asked whether it is still there; nothing when it has been asked so often already.
    pub(crate) fn poll(&mut self, id: &EndpointId, most: u32) -> Option<Registration> {
        let known = self.endpoints.get_mut(id).filter(|known| known.polls < most)?;
        known.polls += 1;
        Some(known.clone())
    }

    /// Whether there is memory for an endpoint that has more names than most.
    fn holds(&self, new: &Registration, most: usize) -> bool {
        self.crowd.holds(crowd::weight(new), self.endpoints.get(&new.id), most)
    }

    /// Whether there is memory for these aliases of an endpoint.
    pub(super) fn holds_aliases(&self, id: &EndpointId, aliases: &[Alias], most: usize) -> bool {
        self.crowd.holds(crowd::weight_of(aliases), self.endpoints.get(id), most)
    }

    /// An endpoint says how busy it is.
    pub(crate) fn is_busy(&mut self, id: &EndpointId, busy: bool) {
        if let Some(known) = self.endpoints.get_mut(id) {
            known.busy = busy;
        }
    }

    /// A call is placed to an endpoint: the next one is another gateway's turn.
    pub(crate) fn took(&mut self, id: &EndpointId) {
        if let Some(known) = self.endpoints.get_mut(id) {
            known.turns += 1;
        }
    }

    /// An endpoint has one call more, to a number of its if there is one; the patterns (`PrefixCapacities`) it counts for.
    pub(crate) fn occupy(&mut self, id: &EndpointId, number: Option<&str>) -> Vec<String> {
        let own = self.endpoints.get(id).and_then(|known| known.own.clone());
        let fitting = own.iter().flat_map(|own| usage::fitting(own, number));
        let patterns: Vec<String> = fitting.map(|one| one.pattern.clone()).collect();
        self.usage.take(id, &patterns);
        patterns
    }

    /// An endpoint has one call less, which counted for these patterns.
    pub(crate) fn release(&mut self, id: &EndpointId, patterns: &[String]) {
        self.usage.give_back(id, patterns);
    }

    /// True when no further call to a number, if it is called by one, can be sent to an endpoint.
    pub(crate) fn is_full(&self, known: &Registration, number: Option<&str>) -> bool {
        self.usage.is_full(known, number)
    }

    /// How many endpoints have calls.
    #[cfg(test)]
    pub(crate) fn occupied(&self) -> usize {
        self.usage.len()
    }

    /// Sets how long an endpoint lives without refresh.
    pub(crate) fn lives(&mut self, id: &EndpointId, ttl_s: Option<u32>) {
        if let Some(known) = self.endpoints.get_mut(id) {
            known.ttl_s = ttl_s;
        }
    }

    /// A call has shown whether the endpoint can send multiplexed media.
    pub(crate) fn note_multiplexing(&mut self, id: &EndpointId, multiplexes: bool) {
        if let Some(known) = self.endpoints.get_mut(id) {
            known.multiplexes = multiplexes;
        }
    }

    /// Behind the same address the endpoint sends from another port, or through another socket, now.
    pub(crate) fn moved(
        &mut self,
        id: &EndpointId,
        source: SocketAddr,
        socket: SocketId,
        local: IpAddr,
    ) -> bool {
        let Some(known) = self.endpoints.get_mut(id).filter(|known| known.speaks_from(source))
        else {
            return false;
        };
        // Without a NAT, answers to what we ask go where it said (H.225.0 rasAddress).
        if known.natted || known.traversal {
            known.ras = source;
        }
        (known.source, known.socket, known.local) = (source, socket, local);
        known.polls = 0;
        true
    }

    /// The endpoint with an alias.
    pub(crate) fn find(&self, alias: &Alias) -> Option<&Registration> {
        self.aliases.get(&self.matching.key(alias)).and_then(|id| self.endpoints.get(id))
    }

    /// The endpoint that told this signalling address and is reachable there.
    pub(crate) fn at(&self, signalling: SocketAddr) -> Option<&Registration> {
        self.endpoints.get(self.signalling.get(&signalling)?)
    }

    /// The gateways that take calls to a number, the one that should comes first: the one with the longest prefix, that
    /// still has resources, with the best priority, and whose turn it is. Those that only say themselves that they have a
    /// prefix come last, and of all others those that are full.
    pub(crate) fn gateways(&self, number: &str, turns: Turns) -> Vec<&Registration> {
        self.ranked(number, turns).into_iter().map(|(_, known)| known).collect()
    }

    /// The same, each with who says that it takes calls to the number.
    pub(crate) fn ranked(&self, number: &str, turns: Turns) -> Vec<(Word, &Registration)> {
        let found = self.prefixes.matching(number).into_iter().filter_map(|(word, prefix, id)| {
            let known = self.endpoints.get(id)?;
            (!prefix::excepts(&known.prefixes, number, prefix)).then_some((word, prefix, known))
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(word, prefix, known)| {
            let turn = match turns {
                Turns::First => 0,
                Turns::RoundRobin => known.turns,
                Turns::LeastUsed => self.usage.share(known),
            };
            let length = std::cmp::Reverse(prefix.len());
            let usual = known.own.as_ref().map_or(GatewayPrefix::PRIORITY, |own| own.priority);
            let priority = prefix::priority(&known.prefixes, prefix, usual);
            (*word, self.usage.is_full(known, Some(number)), length, known.busy, priority, turn)
        });
        let mut seen = BTreeSet::new();
        let found = found.into_iter().map(|(word, _, known)| (word, known));
        found.filter(|(_, known)| seen.insert(&known.id)).collect()
    }

    /// True when an endpoint is registered from an address, or its network.
    pub(crate) fn has_from(&self, source: IpAddr) -> bool {
        self.sources.contains_key(&network(source))
    }

    /// The only endpoint that sends from an address, if there is exactly one.
    pub(crate) fn only_from(&self, source: IpAddr) -> Option<&Registration> {
        let network = self.sources.get(&network(source))?;
        let known = network.iter().filter_map(|id| self.endpoints.get(id));
        let mut from = known.filter(|known| known.source.ip() == source);
        from.next().filter(|_| from.next().is_none())
    }

    /// Enters an endpoint, or replaces the one with its identifier. An endpoint that lost its identifier (it was
    /// restarted) takes its place again when it comes from the same address and tells the same one. Returns those that
    /// had to go for it. `proves` says that its request shows that it hears us.
    ///
    /// # Errors
    /// When another endpoint has one of its aliases, when it has none, and when the table is full.
    pub(crate) fn enter(
        &mut self,
        new: Registration,
        rules: Rules,
        proves: bool,
    ) -> Result<Vec<Registration>, Refusal> {
        if new.aliases.is_empty() || new.aliases.len() > MOST_ALIASES {
            return Err(Refusal::InvalidAlias);
        }
        let replaced = self.replaced(&new, rules)?;
        let others = self.endpoints.len() - replaced.len();
        if others >= rules.most && !self.endpoints.contains_key(&new.id) && !new.permanent {
            return Err(Refusal::Full);
        }
        if !self.holds(&new, rules.most) && !new.permanent {
            return Err(Refusal::Full);
        }
        let others = self.sources.get(&network(new.source.ip())).map_or(0, |ids| {
            ids.iter().filter(|id| **id != new.id && !replaced.contains(*id)).count()
        });
        if others >= rules.most_from_address && !new.permanent {
            return Err(Refusal::TooManyFromAddress);
        }
        let now = new.seen;
        let shown = if proves { now } else { self.protected_since(&new, now, &replaced) };
        for old in replaced.iter().chain([&new.id]) {
            self.gives_up(old, now, &new.aliases);
        }
        let replaced = replaced.iter().filter_map(|old| self.remove(old)).collect();
        let turns = self.remove(&new.id).map_or(new.turns, |old| old.turns);
        self.insert(Registration { turns, shown, ..new });
        Ok(replaced)
    }

    /// Those that a new registration takes the place of.
    fn replaced(&self, new: &Registration, rules: Rules) -> Result<BTreeSet<EndpointId>, Refusal> {
        let mut replaced = BTreeSet::new();
        for alias in &new.aliases {
            let Some(old) = self.find(alias) else {
                let is_open = rules.overwrite || new.permanent;
                if !is_open && self.is_kept_from(new.seen, new.source.ip(), alias) {
                    return Err(Refusal::DuplicateAlias(alias.clone()));
                }
                continue;
            };
            if old.id == new.id {
                continue;
            }
            let same_host = old.is_from(new.source)
                && old.signalling.map(|a| a.ip()) == new.signalling.map(|a| a.ip());
            if old.permanent || !(same_host || rules.overwrite) {
                return Err(Refusal::DuplicateAlias(alias.clone()));
            }
            replaced.insert(old.id.clone());
        }
        let same = new.signalling.filter(|_| rules.overwrite && is_reachable(new));
        let same = same.and_then(|told| self.at(told));
        replaced.extend(
            same.filter(|old| old.id != new.id && !old.permanent).map(|old| old.id.clone()),
        );
        Ok(replaced)
    }

    fn insert(&mut self, new: Registration) {
        for alias in &new.aliases {
            self.aliases.insert(self.matching.key(alias), new.id.clone());
        }
        // What the configuration gives it takes nobody's own name away.
        for number in new.own.iter().flat_map(|own| &own.numbers) {
            self.aliases.entry(self.matching.key(number)).or_insert_with(|| new.id.clone());
        }
        self.prefixes.enter(&new.id, &new.prefixes, &new.told_prefixes);
        self.sources.entry(network(new.source.ip())).or_default().insert(new.id.clone());
        self.crowd.enter(&new);
        // What cannot be reached there must not stand in the way of who can, nor in that of who stays.
        if let Some(signalling) = new.signalling.filter(|_| is_reachable(&new))
            && !self.at(signalling).is_some_and(|known| known.permanent)
        {
            self.signalling.insert(signalling, new.id.clone());
        }
        self.endpoints.insert(new.id.clone(), new);
    }

    /// Removes an endpoint and its aliases.
    pub(crate) fn remove(&mut self, id: &EndpointId) -> Option<Registration> {
        let old = self.endpoints.remove(id)?;
        for alias in old.names() {
            let key = self.matching.key(alias);
            if self.aliases.get(&key) == Some(id) {
                self.aliases.remove(&key);
            }
        }
        self.prefixes.remove(id, &old.prefixes, &old.told_prefixes);
        self.crowd.leave(&old);
        let source = network(old.source.ip());
        if let Some(ids) = self.sources.get_mut(&source) {
            ids.remove(id);
            if ids.is_empty() {
                self.sources.remove(&source);
            }
        }
        if let Some(told) = old.signalling.filter(|told| self.signalling.get(told) == Some(id)) {
            self.signalling.remove(&told);
            self.inherit(told);
        }
        Some(old)
    }

    /// Of several that told one signalling address, the last has it; when that one goes, the one before.
    fn inherit(&mut self, told: SocketAddr) {
        let others = self.sources.get(&network(told.ip())).into_iter().flatten();
        let others = others.filter_map(|id| self.endpoints.get(id));
        let others = others.filter(|known| known.signalling == Some(told) && is_reachable(known));
        if let Some(heir) = others.max_by_key(|known| known.since).map(|known| known.id.clone()) {
            self.signalling.insert(told, heir);
        }
    }

    /// Removes all.
    pub(crate) fn drain(&mut self) -> Vec<Registration> {
        self.aliases.clear();
        self.prefixes.clear();
        self.sources.clear();
        self.crowd = Crowd::default();
        self.given_up.clear();
        self.signalling.clear();
        std::mem::take(&mut self.endpoints).into_values().collect()
    }
}

/// True for an endpoint that can be reached at the signalling address it told.
const fn is_reachable(endpoint: &Registration) -> bool {
    !endpoint.traversal && !endpoint.natted
}

mod place;
#[cfg(test)]
mod tests;
