//! Calls to and from neighbours, and what the client of a traversal zone does for its calls: it keeps their connections
//! and pinholes open (H.460.18, H.460.19 §7).

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::alias::Alias;
use pinhole_h323::cause::Release;
use pinhole_h323::signal::Signal;

use super::secure::dialled;
use super::{CallKey, CallTimer, Calls, ControlLink, Why, keepalive, setup};
use crate::face::Side;
use crate::node::{Cx, Timer};
use crate::ras::destination::Destination;
use crate::zone::{self, Asker, Wanted, ZoneId};

/// The time between the keepalives of a call.
const KEEP_ALIVE: Duration = Duration::from_secs(19);

impl Calls {
    /// The called party is where a neighbour says.
    pub(super) fn place_at_neighbor(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        zone: ZoneId,
        signalling: SocketAddr,
    ) {
        let Some(call) = self.live(key) else { return };
        let (id, name, client) =
            (call.id, call.leg(Side::B).name.clone(), call.leg(Side::B).client);
        if !client {
            return self.dial(cx, key, signalling);
        }
        let Some(address) = cx.core.zones.get(zone).and_then(zone::Neighbor::address) else {
            let sentence = format!("the traversal zone {name} is down");
            return self.failed(cx, key, &Why::own(Release::UnreachableDestination, sentence));
        };
        let seq = cx.core.next_seq();
        let wait = Self::client_wait(cx);
        cx.core.pinholes.invite(cx.now, id, address, seq, wait);
    }

    /// Neighbours have to be asked first.
    pub(super) fn place_elsewhere(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        aliases: &[Alias],
        here: Option<Destination>,
    ) {
        let Some(call) = self.live(key) else { return };
        let source = match call.route.setup.as_deref().and_then(Signal::body) {
            Some(pinhole_h323::asn::h225::H323UUPDUH323MessageBody::setup(setup)) => {
                Alias::read_all(setup.source_address.iter().flatten())
            }
            _ => Vec::new(),
        };
        let (aliases, tried) = (aliases.to_vec(), call.route.tried.clone());
        let wanted = Wanted { aliases, call: call.id, source, hop_count: None, tried };
        let asker = Asker::Call(key, here.map(Box::new));
        if let Err(Asker::Call(key, here)) = zone::ask(cx, asker, wanted) {
            self.located(cx, key, here.map(|here| *here).into_iter().collect(), &[]);
        }
    }

    /// The neighbours have answered, but for those that are `silent`: the called party is there, the best place first.
    pub(crate) fn located(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        found: Vec<Destination>,
        silent: &[ZoneId],
    ) {
        let Some(call) = self.live(key) else { return };
        let (name, dialled) = (call.leg(Side::B).name.clone(), dialled(call));
        let mut found = found.into_iter();
        let Some(destination) = found.next() else {
            // Where it could not be made counts for more than that nobody else knows the called party.
            let why = call.route.no_other_neighbor().unwrap_or_else(|| {
                let excuse = zone::excuse(cx.core, &dialled, silent);
                let sentence =
                    format!("{name} is not registered, and no neighbour knows it{excuse}");
                Why::own(Release::CalledPartyNotRegistered, sentence)
            });
            return self.failed(cx, key, &why);
        };
        let to = setup::called_leg(cx, call.leg(Side::A).local, &destination);
        let mode = setup::mode(cx, [call.leg(Side::A), &to]);
        if let Some(zone) = to.zone {
            cx.core.zones.carried(zone);
        }
        self.change(key, |call| *call.leg_mut(Side::B) = to);
        let Some(call) = self.live(key) else { return };
        call.mode = mode;
        call.translates = setup::translates(cx, mode);
        if cx.core.settings.handling.failover {
            call.route.add(&destination, found);
        }
        // Whose leg it is, and so what is wanted of it, is known only now.
        if self.begin_security(cx, key, true) {
            self.place(cx, key, &destination);
        }
    }

    /// Begins to keep the connections to a server open.
    pub(super) fn keep_open(&self, cx: &mut Cx<'_>, key: CallKey) {
        let call = self.calls.get(&key);
        if call.is_some_and(|call| call.legs.iter().any(|leg| leg.server)) {
            cx.set(Timer::Call(key, CallTimer::KeepAlive), KEEP_ALIVE);
        }
    }

    /// Keeps the connections to a server open.
    pub(super) fn keep_alive(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(call) = self.live(key) else { return };
        for side in [Side::A, Side::B] {
            let leg = call.leg(side);
            if !leg.server {
                continue;
            }
            let (signalling, control) = cx.core.settings.handling.zone_keepalive;
            let words = keepalive::signalling(signalling, call.speaks_to(side));
            if let (Some(stream), Some(octets)) = (leg.stream, words) {
                cx.send(stream, &octets);
            }
            if let (ControlLink::Open(stream), Some(octets)) =
                (leg.control, keepalive::control(control))
            {
                cx.send(stream, &octets);
            }
        }
        self.keep_open(cx, key);
    }

    /// Keeps the pinholes of media to a server open, as often as it asks for.
    pub(super) fn punch(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(call) = self.live(key) else { return };
        call.sessions.punch(cx);
        if let Some(wait) = call.sessions.patience() {
            cx.set(Timer::Call(key, CallTimer::Punch), wait);
        }
    }
}
