//! The second leg: a connection to the called party, or, for an H.460.18 client, an announcement and the wait for the
//! connection the client makes. Both end with Setup being sent.

use std::net::{IpAddr, SocketAddr};

use pinhole_h323::address;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::cause::Release;
use pinhole_h323::signal::Signal;

use tracing::debug;

use super::secure::dialled;
use super::setup::Ends;
use super::{Call, CallKey, CallTimer, Calls, State, Why, carrier, words};
use crate::event::Event;
use crate::face::Side;
use crate::node::streams::Owner;
use crate::node::{Cx, Mode, Timer, leads};
use crate::ras::destination::Destination;
use crate::zone;

impl Calls {
    /// Begins to reach the called party.
    pub(super) fn place(&mut self, cx: &mut Cx<'_>, key: CallKey, destination: &Destination) {
        let Some(call) = self.live(key) else { return };
        let (id, name) = (call.id, call.leg(Side::B).name.clone());
        let locals = call.legs.each_ref().map(|leg| leg.local);
        let holder = call.legs[0].holder();
        if call.mode == Mode::Proxied
            && let Err(lack) = cx.core.ports.has_pairs(cx.now, locals, holder, &mut cx.core.out)
        {
            cx.core.counters.crowded += 1;
            let sentence = lack.sentence().to_owned();
            return self.end(cx, key, &Why::own(Release::GatekeeperResources, sentence));
        }
        match destination {
            Destination::Address(address) => {
                let (caller, private) = (call.leg(Side::A).peer, cx.core.settings.private_for_all);
                if !leads(cx.core, caller, *address, private) {
                    let sentence = format!("{name} cannot be called from {caller}");
                    return self.failed(cx, key, &Why::own(Release::NoPermission, sentence));
                }
                self.dial(cx, key, *address);
            }
            Destination::Neighbor { zone, signalling } => {
                self.place_at_neighbor(cx, key, *zone, *signalling);
            }
            Destination::Elsewhere(aliases, here) => {
                self.place_elsewhere(cx, key, aliases, here.as_deref().cloned());
            }
            Destination::Endpoint(endpoint) => {
                let registration = cx.core.registrations.get(endpoint);
                let Some(registration) = registration else {
                    let sentence = format!("{name} is not registered any more");
                    return self.failed(
                        cx,
                        key,
                        &Why::own(Release::CalledPartyNotRegistered, sentence),
                    );
                };
                let (client, signalling) = (registration.ras, registration.signalling);
                let dialled = dialled(call);
                let number = dialled.iter().find_map(Alias::digits);
                let full = cx.core.registrations.is_full(registration, number);
                if !call.leg(Side::B).counted && full {
                    let sentence = format!(
                        "{name} has as many calls as it can take (Capacity, PrefixCapacities)"
                    );
                    return self.failed(cx, key, &Why::full(sentence));
                }
                let traversal = registration.traversal;
                let natted = registration.natted;
                self.occupy(cx, key, Side::B);
                if traversal {
                    let seq = cx.core.next_seq();
                    let wait = Self::client_wait(cx);
                    cx.core.pinholes.invite(cx.now, id, client, seq, wait);
                } else if natted {
                    let sentence = format!(
                        "{name} is behind a NAT and registered without H.460.18, so it cannot be called"
                    );
                    self.failed(cx, key, &Why::own(Release::UnreachableDestination, sentence));
                } else if let Some(signalling) = signalling {
                    self.dial(cx, key, signalling);
                } else {
                    let sentence = format!("{name} told no address at which it can be called");
                    self.failed(cx, key, &Why::own(Release::UnreachableDestination, sentence));
                }
            }
        }
    }

    pub(super) fn dial(&mut self, cx: &mut Cx<'_>, key: CallKey, to: SocketAddr) {
        let Some(call) = self.live(key) else { return };
        // What is wanted of a leg is wanted by the address that is really dialled.
        let before = call.leg(Side::B).peer;
        self.change(key, |call| call.leg_mut(Side::B).peer = to.ip());
        if before != to.ip() && !self.begin_security(cx, key, true) {
            return;
        }
        let Some(call) = self.live(key) else { return };
        let id = call.id;
        let leg = call.leg(Side::B);
        debug!(call = %id, %to, "connecting to the called party");
        let owner = Owner::Signalling(key, Side::B);
        // A registration tells which of our addresses the party knows; else the routes of the host decide.
        let known = leg.endpoint.is_some() || leg.zone.is_some() || cx.core.locals.len() == 1;
        let from = known.then_some(leg.local).or_else(|| cx.core.only_local(to.ip()));
        let stream = cx.core.streams.dial(cx.now, owner, from, to, &mut cx.core.out);
        call.leg_mut(Side::B).stream = Some(stream);
    }

    /// The connection to the called party stands.
    pub(super) fn reached(&mut self, cx: &mut Cx<'_>, key: CallKey, local: IpAddr) {
        let Some(call) = self.live(key) else { return };
        if !cx.core.locals.contains(&local) {
            let name = &call.leg(Side::B).name;
            let sentence =
                format!("{name} is reached from {local}, which is not an address of Home");
            return self.failed(cx, key, &Why::own(Release::UnreachableDestination, sentence));
        }
        call.leg_mut(Side::B).local = local;
        self.send_setup(cx, key);
    }

    /// The H.460.18 client has connected and named its call: what its Facility says of H.245 tunnelling, and what it has
    /// proven.
    pub(super) fn client_came(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        ends: Ends,
        (tunnels, bond): (Option<bool>, Option<zone::Bond>),
    ) {
        let Some(call) = self.live(key) else {
            return cx.close(ends.stream);
        };
        if !matches!(call.state, State::Placing) {
            return cx.close(ends.stream);
        }
        let callid = call.id.to_string();
        self.change(key, |call| call.leg_mut(Side::B).peer = ends.peer.ip());
        let Some(call) = self.live(key) else { return };
        let leg = call.leg_mut(Side::B);
        leg.stream = Some(ends.stream);
        leg.local = ends.local;
        (leg.tunnels, leg.bond) = (tunnels, bond);
        cx.core.streams.belongs(ends.stream, Owner::Signalling(key, Side::B));
        cx.event(Event::Pinhole { callid, step: "opened", peer: ends.peer });
        self.send_setup(cx, key);
    }

    /// Sends the caller's Setup to the called party, as it has to look on that leg.
    pub(super) fn send_setup(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        if self.waits_for_half_keys(cx, key) {
            return;
        }
        let Some(call) = self.live(key) else { return };
        if !matches!(call.state, State::Placing) {
            return;
        }
        let Some(mut setup) = call.route.setup.as_deref().cloned() else { return };
        call.state = State::Calling;
        carrier::heard(call, Side::A, &setup);
        adapt(cx, call, &mut setup);
        words::of_setup(cx, call, &mut setup);
        let zones = call.legs.iter().filter_map(|leg| cx.core.zones.get(leg.zone?));
        if cx.core.settings.handling.withholds_fast_start
            || zones.into_iter().any(zone::Neighbor::withholds_fast_start)
        {
            setup.set_fast_start(Vec::new());
        }
        Self::secure_setup(call, &mut setup);
        let wait = cx.core.settings.signal_timeout;
        cx.set(Timer::Call(key, CallTimer::Answer), wait);
        self.relay(cx, key, Side::A, setup);
        self.keep_open(cx, key);
        self.repeat_early(cx, key);
    }
}

/// Edits what a Setup says of addresses.
fn adapt(cx: &Cx<'_>, call: &Call, setup: &mut Signal) {
    let leg = call.leg(Side::B);
    let source = cx.core.signalling_at(leg.local, leg.peer);
    let next_hop = leg.stream.and_then(|stream| cx.core.streams.get(stream)).map(|s| s.peer);
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { return };
        setup.source_call_signal_address = Some(address::to_h225(source));
        setup.dest_call_signal_address = next_hop.map(address::to_h225);
        setup.endpoint_identifier = None;
    });
}
