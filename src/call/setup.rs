//! Setup begins a call. It goes through short steps: who calls, where to, and then `placing`.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinhole_config::Relay;
use pinhole_h323::address::from_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::asn::h225::{ConferenceIdentifier, SetupUUIE};
use pinhole_h323::cause::Release;
use pinhole_h323::id::{CallId, Crv, EndpointId};
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::{Leg as SignalLeg, Signal};

use tracing::debug;

use super::failover::Route;
use super::old;
use super::{Call, CallKey, Calls, Leg, State, Why};
use crate::control::{DataChannels, Sessions};
use crate::event::Event;
use crate::face::{Side, StreamId};
use crate::node::modes::Place;
use crate::node::streams::Owner;
use crate::node::{Cx, Mode, Timer};
use crate::ras::destination::{Destination, is_ours, resolve, resolve_or_ask};
use crate::ras::endpoint::vendor;
use crate::security::Security;
use crate::zone::{self, Bond, Caller};

/// Where a new connection comes from and in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) stream: StreamId,
    pub(super) local: IpAddr,
    pub(super) peer: SocketAddr,
}

/// Why a Setup becomes no call.
type Refused = (Release, String);

impl Calls {
    pub(super) fn setup(
        &mut self,
        cx: &mut Cx<'_>,
        ends: Ends,
        signal: Signal,
        bond: Option<Bond>,
    ) {
        let Some(Body::setup(setup)) = signal.body() else { return };
        let Some(id) = setup.call_identifier.as_ref().map(CallId::from) else {
            let why = (Release::UndefinedReason, "Setup without a call identifier".to_owned());
            refuse(cx, ends, &signal, &why);
            return;
        };
        if let Err(why) = cx.may_try(self, ends.peer.ip(), &signal) {
            return refuse(cx, ends, &signal, &why);
        }
        let hole = cx.core.streams.get(ends.stream).is_some_and(|s| s.owner() == Owner::Hole);
        let neighbor = zone::caller(cx, ends.stream, ends.peer, id);
        let neighbor = neighbor.map(|caller| Caller { bond: caller.bond.or(bond), ..caller });
        if neighbor.is_none() && !hole && cx.redirect_here(ends, setup, id, signal.q931().crv()) {
            return;
        }
        let routed = match neighbor {
            None if hole => {
                let sentence = "the connection was made for another call".to_owned();
                Err((Release::UndefinedReason, sentence))
            }
            _ => self.identify(cx, ends, setup, id, neighbor.is_some()).and_then(|caller| {
                let destination = route(cx, ends, &signal, setup, id, neighbor.as_ref())?;
                let stranger = caller.is_none() && neighbor.is_none();
                let destination =
                    if stranger { for_stranger(cx, ends, destination)? } else { destination };
                cx.has_room(self, ends.peer.ip())?;
                cx.may_begin()?;
                Ok((caller, destination))
            }),
        };
        match routed {
            Ok((caller, destination)) => {
                let from = calling_leg(cx, ends, caller, &signal, neighbor.as_ref());
                self.begin(cx, ends, signal, id, from, &destination);
            }
            Err(why) => {
                crate::ras::admission::refused(cx, id, ends.peer);
                refuse(cx, ends, &signal, &why);
            }
        }
    }

    /// Who calls: the endpoint that the Setup names, that was admitted for the call, or that alone is registered from
    /// the address. All have to come from the address of the registration.
    fn identify(
        &self,
        cx: &Cx<'_>,
        ends: Ends,
        setup: &SetupUUIE,
        id: CallId,
        neighbor: bool,
    ) -> Result<Option<EndpointId>, Refused> {
        if self.index.ids.contains_key(&id) {
            let sentence = "a call with the same call identifier exists already".to_owned();
            return Err((Release::UndefinedReason, sentence));
        }
        if neighbor {
            return Ok(None);
        }
        let registrations = &cx.core.registrations;
        let named = setup.endpoint_identifier.as_ref().map(EndpointId::from);
        let admitted = cx.core.admissions.get(id).map(|admission| admission.caller.clone());
        let known = named
            .into_iter()
            .chain(admitted)
            .find(|endpoint| registrations.get(endpoint).is_some_and(|r| r.is_from(ends.peer)));
        let known = known.or_else(|| registrations.only_from(ends.peer.ip()).map(|r| r.id.clone()));
        if known.is_none() && !cx.core.settings.accept_unregistered {
            let sentence = format!("{} is not registered and may not call", ends.peer.ip());
            return Err((Release::CallerNotRegistered, sentence));
        }
        Ok(known)
    }

    /// The call exists from here on.
    fn begin(
        &mut self,
        cx: &mut Cx<'_>,
        ends: Ends,
        signal: Signal,
        id: CallId,
        from: Leg,
        destination: &Destination,
    ) {
        let admitted = cx.core.admissions.get(id).filter(|known| known.destination == *destination);
        let (others, ruled) =
            admitted.map(|known| (known.others.clone(), known.ruled.clone())).unwrap_or_default();
        let mut route = Route::new(cx.core, &signal, destination, others);
        route.ruled = ruled;
        cx.core.admissions.forget(id);
        cx.stop(&Timer::Admission(id));
        if let Destination::Endpoint(called) = destination {
            cx.core.registrations.took(called);
        }
        let key = self.index.new_call(id);
        let mut from = from;
        let to = called_leg(cx, ends.local, destination);
        from.may_tunnel = cx.core.settings.handling.tunnelling;
        let mode = mode(cx, [&from, &to]);
        for zone in [&from, &to].into_iter().filter_map(|leg| leg.zone) {
            cx.core.zones.carried(zone);
        }
        let legs = [from, to];
        debug!(call = %id, ?mode, "goes");
        cx.event(Event::CallStarted {
            callid: id.to_string(),
            direction: "routed",
            from: legs[0].name.clone(),
            to: legs[1].name.clone(),
        });
        cx.core.streams.belongs(ends.stream, Owner::Signalling(key, Side::A));
        let crv = signal.q931().crv();
        let conference = match signal.body() {
            Some(Body::setup(setup)) => setup.conference_id.clone(),
            _ => ConferenceIdentifier::default(),
        };
        let call = Call {
            key,
            id,
            conference,
            crv,
            legs,
            sessions: Sessions::default(),
            data: DataChannels::default(),
            security: Security::default(),
            half_keys: None,
            to_caller: None,
            held: VecDeque::new(),
            mode,
            translates: translates(cx, mode),
            learned: super::status::Learned::new(),
            strangers: super::status::Strangers::new(),
            route,
            version: [old::version_of(&signal), None],
            state: State::Placing,
            started: cx.now,
        };
        self.parties.enter(&call);
        self.calls.insert(key, call);
        self.occupy(cx, key, Side::A);
        let found = !matches!(destination, Destination::Elsewhere(..));
        if !self.begin_security(cx, key, found) {
            return;
        }
        self.begun(cx, key);
        self.place(cx, key, destination);
    }

    /// A client did not take up its call in time.
    pub(crate) fn client_did_not_come(&mut self, cx: &mut Cx<'_>, id: CallId) {
        let Some(key) = self.index.ids.get(&id).copied() else { return };
        let Some(call) = self.calls.get(&key) else { return };
        let sentence = format!(
            "{} did not open a connection for the call in time (H.460.18): its firewall may have closed the pinhole",
            call.leg(Side::B).name
        );
        self.failed(cx, key, &Why::no_response(sentence));
    }

    /// How long a client may take: as long as any called party.
    pub(super) const fn client_wait(cx: &Cx<'_>) -> Duration {
        cx.core.settings.signal_timeout
    }

    pub(super) fn live(&mut self, key: CallKey) -> Option<&mut Call> {
        self.calls.get_mut(&key).filter(|call| call.is_live())
    }
}

impl Cx<'_> {
    /// A caller that names another address as the one that it calls is told ours, where the configuration wants it: it will
    /// call again. True if it is.
    fn redirect_here(&mut self, ends: Ends, setup: &SetupUUIE, id: CallId, crv: Crv) -> bool {
        let named = setup.dest_call_signal_address.as_ref().and_then(from_h225);
        let named = named.filter(|_| self.core.settings.handling.redirects_here);
        if named.is_none_or(|named| is_ours(self.core, named)) {
            return false;
        }
        let here = self.core.signalling_at(ends.local, ends.peer.ip());
        let leg = SignalLeg { crv, from_destination: true, call_id: id, tunnelling: false };
        if let Ok(octets) = Signal::route_to_gatekeeper(leg, here).encode() {
            self.send(ends.stream, &octets);
        }
        // Its ReleaseComplete follows, or nothing does.
        let wait = self.core.settings.setup_timeout;
        self.set(Timer::FirstMessage(ends.stream), wait);
        true
    }
}

/// Where the call goes: as its caller was admitted, or as the Setup says.
fn route(
    cx: &Cx<'_>,
    ends: Ends,
    signal: &Signal,
    setup: &SetupUUIE,
    id: CallId,
    neighbor: Option<&Caller>,
) -> Result<Destination, Refused> {
    if let Some(destination) = neighbor.and_then(|caller| caller.destination.clone()) {
        return Ok(destination);
    }
    let registrations = &cx.core.registrations;
    let own = |caller| registrations.get(caller).is_some_and(|known| known.is_from(ends.peer));
    if let Some(admission) = cx.core.admissions.get(id).filter(|known| own(&known.caller)) {
        return Ok(admission.destination.clone());
    }
    let aliases = setup.destination_address.iter().flatten().filter_map(Alias::read);
    let number = signal.q931().called_number().map(|number| Alias::from_text(&number.digits));
    let named = setup.dest_call_signal_address.as_ref().and_then(from_h225);
    // What the server of a zone tells is how it sees us.
    let named = named.filter(|_| !neighbor.is_some_and(|caller| caller.inward));
    let aliases: Vec<Alias> = aliases.chain(number).collect();
    let here = match neighbor {
        None => resolve_or_ask(cx, aliases.clone(), named),
        Some(_) => resolve(cx.core, aliases.iter().cloned(), named),
    };
    here.ok_or_else(|| {
        let excuse = zone::excuse(cx.core, &aliases, &[]);
        let called = setup.destination_address.iter().flatten().find_map(Alias::read);
        let called = called.map_or_else(|| "the called party".to_owned(), |a| a.to_string());
        (Release::CalledPartyNotRegistered, format!("{called} is not registered{excuse}"))
    })
}

/// Where somebody who is not registered may call: an address that is nobody's here only if the configuration says so, as
/// this host would else be an open relay.
fn for_stranger(cx: &Cx<'_>, ends: Ends, destination: Destination) -> Result<Destination, Refused> {
    let named = |alias: &Alias| !matches!(alias, Alias::Transport(_));
    match destination {
        _ if cx.core.settings.unregistered_anywhere => return Ok(destination),
        Destination::Address(_) => {}
        Destination::Elsewhere(mut aliases, here) if aliases.iter().any(named) => {
            aliases.retain(named);
            let here = here.filter(|here| !matches!(**here, Destination::Address(_)));
            return Ok(Destination::Elsewhere(aliases, here));
        }
        Destination::Elsewhere(..) => {}
        Destination::Endpoint(_) | Destination::Neighbor { .. } => return Ok(destination),
    }
    let sentence = format!(
        "{} is not registered and may only call who is (UnregisteredCallsTo)",
        ends.peer.ip()
    );
    Err((Release::NoPermission, sentence))
}

fn calling_leg(
    cx: &Cx<'_>,
    ends: Ends,
    caller: Option<EndpointId>,
    signal: &Signal,
    neighbor: Option<&Caller>,
) -> Leg {
    let registration = caller.and_then(|id| cx.core.registrations.get(&id));
    let name = registration.map_or_else(|| ends.peer.ip().to_string(), |r| r.name());
    let mut leg = Leg::new(name, ends.local, ends.peer.ip());
    leg.stream = Some(ends.stream);
    if let Some(Body::setup(setup)) = signal.body()
        && let Some(told) = &setup.source_info.vendor
    {
        leg.vendor = vendor(told);
    }
    if let Some(caller) = neighbor {
        leg.zone = Some(caller.zone);
        leg.server = caller.inward;
        leg.bond = caller.bond;
        if let Some(zone) = cx.core.zones.get(caller.zone) {
            leg.name.clone_from(&zone.name);
            leg.client = zone.is_client();
        }
    } else if let Some(registration) = registration {
        leg.endpoint = Some(registration.id.clone());
        leg.own.clone_from(&registration.own);
        leg.permanent = registration.permanent;
        leg.client = registration.traversal;
        leg.natted = registration.natted;
    } else if let Some(Body::setup(setup)) = signal.body() {
        let told = setup.source_call_signal_address.as_ref().and_then(from_h225);
        let elsewhere = told.is_some_and(|told| told.ip() != ends.peer.ip());
        let handling = &cx.core.settings.handling;
        leg.natted = handling.unregistered_natted || (handling.natted_callers && elsewhere);
    }
    leg
}

/// Whether H.245 is translated between a party that tunnels it and one that does not.
pub(super) fn translates(cx: &Cx<'_>, mode: Mode) -> bool {
    mode == Mode::Proxied || cx.core.settings.handling.translates_tunnelling
}

/// How much of a call goes through us.
pub(super) fn mode(cx: &Cx<'_>, legs: [&Leg; 2]) -> Mode {
    let [a, b] = legs.map(|leg| Place {
        ip: leg.peer,
        client: leg.client || leg.server,
        natted: leg.natted,
        vendor: &leg.vendor,
        relay: leg.own.as_ref().map_or(Relay::Usual, |own| own.relay),
    });
    cx.core.settings.modes.of(a, b)
}

/// A called party that is not connected yet.
pub(super) fn called_leg(cx: &Cx<'_>, local: IpAddr, destination: &Destination) -> Leg {
    let mut leg = unconnected(cx, local, destination);
    leg.may_tunnel = cx.core.settings.handling.tunnelling;
    leg
}

fn unconnected(cx: &Cx<'_>, local: IpAddr, destination: &Destination) -> Leg {
    match destination {
        Destination::Neighbor { zone, signalling } => {
            let Some(neighbor) = cx.core.zones.get(*zone) else {
                return Leg::new(signalling.to_string(), local, signalling.ip());
            };
            // A plain neighbour tells where the call is to be made, which may be at anybody's; zones are reached themselves.
            let end = neighbor.address().filter(|_| neighbor.is_client() || neighbor.is_server());
            let peer = end.map_or_else(|| signalling.ip(), |address| address.ip());
            let mut leg = Leg::new(neighbor.name.clone(), neighbor.local().1, peer);
            leg.zone = Some(*zone);
            leg.client = neighbor.is_client();
            leg.server = neighbor.is_server();
            leg
        }
        Destination::Elsewhere(aliases, _) => {
            let name = aliases.first().map_or_else(|| "nobody".to_owned(), ToString::to_string);
            Leg::new(name, local, local)
        }
        Destination::Address(address) => Leg::new(address.to_string(), local, address.ip()),
        Destination::Endpoint(id) => {
            let registration = cx.core.registrations.get(id);
            let name = registration.map_or_else(|| id.to_string(), |r| r.name());
            let peer = registration.map_or(local, |r| r.ras.ip());
            let mut leg = Leg::new(name, registration.map_or(local, |r| r.local), peer);
            leg.endpoint = Some(id.clone());
            leg.own = registration.and_then(|r| r.own.clone());
            leg.client = registration.is_some_and(|r| r.traversal);
            leg.natted = registration.is_some_and(|r| r.natted);
            leg.multiplexes = registration.is_some_and(|r| r.multiplexes);
            leg.vendor = registration.map_or_else(String::new, |r| r.vendor.clone());
            leg
        }
    }
}

/// Answers a first message with ReleaseComplete and closes its connection. A Setup that names no call, as those of the
/// first version of H.225.0, is answered with none.
pub(super) fn refuse(cx: &mut Cx<'_>, ends: Ends, signal: &Signal, why: &Refused) {
    let (reason, sentence) = why;
    let id = signal.call_id();
    if id.is_some() || signal.message_type() == MessageType::Setup {
        let leg = SignalLeg {
            crv: signal.q931().crv(),
            from_destination: !signal.q931().from_destination(),
            call_id: id.unwrap_or(CallId([0; 16])),
            tunnelling: false,
        };
        let mut release = Signal::release_complete(leg, *reason, None);
        if id.is_none() {
            release.edit(|pdu| {
                if let Body::releaseComplete(body) = &mut pdu.h323_message_body {
                    body.call_identifier = None;
                }
            });
        }
        if let Ok(octets) = release.encode() {
            cx.send(ends.stream, &octets);
        }
        cx.refusal(Event::CallRefused {
            callid: id.map_or_else(String::new, |id| id.to_string()),
            peer: ends.peer,
            release_reason: reason.name(),
            sentence: sentence.clone(),
        });
    }
    cx.close(ends.stream);
}
