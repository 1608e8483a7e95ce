//! What is refused when there is too much of it. Only what begins is refused: calls that are there have their ports,
//! their connections and their place in the tables.

use std::net::IpAddr;

use pinhole_h323::cause::Release;
use pinhole_h323::signal::Signal;

use super::{Core, Cx};
use crate::call::Calls;
use crate::face::StreamId;

/// The reason that a caller is given, and the one for people.
type Refused = (Release, String);

impl Cx<'_> {
    /// Whether an address may send one more RAS message. Addresses that are made up leave those of endpoints, neighbours and
    /// parties of calls what they may.
    pub(crate) fn may_ask(&mut self, calls: &Calls, from: IpAddr) -> bool {
        let Core { ras_limit, registrations, zones, .. } = &mut *self.core;
        let known = || registrations.has_from(from) || zones.has_at(from) || calls.are_with(from);
        ras_limit.allow_many(self.now, from, 1, known)
    }

    /// Whether an address may try to call: not too often, and with a Setup that is no burden.
    pub(crate) fn may_try(
        &mut self,
        calls: &Calls,
        peer: IpAddr,
        setup: &Signal,
    ) -> Result<(), Refused> {
        let Core { setup_limit, registrations, zones, .. } = &mut *self.core;
        let known = || registrations.has_from(peer) || zones.has_at(peer) || calls.are_with(peer);
        if !setup_limit.allow_many(self.now, peer, 1, known) {
            self.core.counters.throttled += 1;
            let sentence = format!("{peer} makes more calls than it may (SetupsPerSource)");
            return Err((Release::GatekeeperResources, sentence));
        }
        let burden = self.burden(setup);
        burden.map_or(Ok(()), |burden| {
            self.core.counters.excessive += 1;
            Err((Release::UndefinedReason, format!("the Setup of {peer} has too many {burden}")))
        })
    }

    /// Whether a call that could be made has room: among those of its address, among all, and in this second.
    pub(crate) fn has_room(&mut self, calls: &Calls, peer: IpAddr) -> Result<(), Refused> {
        let limits = self.core.settings.limits;
        if calls.len() >= limits.calls {
            self.core.counters.crowded += 1;
            let sentence = format!("there are {} calls, as many as may be (Calls)", limits.calls);
            return Err((Release::GatekeeperResources, sentence));
        }
        if calls.made_from(peer) >= limits.calls_per_source {
            self.core.counters.crowded += 1;
            let sentence = format!("{peer} has as many calls as it may (CallsPerSource)");
            return Err((Release::GatekeeperResources, sentence));
        }
        Ok(())
    }

    /// Whether one more call may begin in this second.
    pub(crate) fn may_begin(&mut self) -> Result<(), Refused> {
        let (allowance, now) = (self.core.settings.limits.setups_in_all, self.now);
        let all = self.core.setups_in_all.as_mut().zip(allowance);
        if all.is_none_or(|(bucket, allowance)| bucket.take(allowance, now, 1)) {
            return Ok(());
        }
        self.core.counters.crowded += 1;
        let sentence = "more calls begin than may (CpsLimit)".to_owned();
        Err((Release::GatewayResources, sentence))
    }

    /// Whether a connection may carry a message of a call: what is too large for one is dropped. What it tunnels counts as if
    /// it had come alone, and what comes after it waits.
    pub(crate) fn may_carry(&mut self, stream: StreamId, signal: &Signal) -> bool {
        if self.burden(signal).is_some() {
            self.core.counters.excessive += 1;
            return false;
        }
        let tunnelled = signal.h245_control().len();
        self.core.streams.carried(stream, self.now, tunnelled);
        true
    }

    /// What a message has too many of.
    fn burden(&self, signal: &Signal) -> Option<&'static str> {
        let limits = &self.core.settings.limits;
        if signal.tokens() > limits.tokens {
            return Some("tokens");
        }
        (signal.fast_start().len() > limits.fast_start).then_some("proposals of fast start")
    }
}
