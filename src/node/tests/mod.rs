//! The node answered by hand: real octets in, and what comes out.

mod addresses;
mod aimed;
mod channels;
mod classes;
mod crowd;
mod data;
mod disclosure;
mod equipment;
mod external;
mod failover;
mod fast_start;
mod floods;
mod gateways;
mod gnugk;
mod guesses;
mod lasting;
mod locks;
mod multiplexed;
mod no_control;
mod particulars;
mod peers;
mod policy;
mod quirks;
mod ras;
mod reaching;
mod shares;
mod talk;
mod told;
mod translation;
mod vendors;

use std::time::Duration;

use pinhole_h323::asn::h225::{EndpointIdentifier, RasMessage};
use pinhole_h323::generic;
use pinhole_h323::id::EndpointId;
use pinhole_h323::ras::Ras;

use super::*;
use crate::face::{Bind, StreamId};

/// A full RRQ of h323plus behind a NAT, with H.460.18: it tells 10.10.1.2.
#[rustfmt::skip]
const CAPTURED_RRQ: &str = "0ec02de0060008914a00078001000a0a010206b801000a0a0102a7a422c00900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e3029000000014002006500700031080050007500620047004b600900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e302900002e8b192202003b0100018001000100027000013016100200001240001700024000011d0000021d0000071c0100";

fn octets(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

struct Desk {
    node: Node,
    now: Instant,
    port: u16,
    listeners: Vec<(ListenerId, SocketAddr)>,
}

impl Desk {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
    fn with(settings: Settings) -> Self {
        let now = Instant::now();
        let local = "198.51.100.2".parse().unwrap();
        let node = Node::new(settings, vec![local], [1; 32], now);
        let mut desk = Self { node, now, port: 40_000, listeners: Vec::new() };
        let mut outputs = desk.drain();
        desk.bind_all(&mut outputs);
        desk
    }

    fn bind(&mut self, bind: Bind, at: SocketAddr) {
        if let Bind::Tcp(listener) = bind {
            self.listeners.push((listener, at));
        }
        self.node.handle_input(self.now, Input::Bound { bind, at: Some(at) });
    }

    fn drain(&mut self) -> Vec<Output> {
        assert!(self.node.calls.know_their_parties(), "{:#?}", self.node.calls);
        let mut all = Vec::new();
        loop {
            match self.node.poll_output() {
                Output::Timeout(_) => return all,
                output => all.push(output),
            }
        }
    }

    /// Sends a datagram to the RAS socket; the messages that answer it.
    fn ask(&mut self, from: &str, bytes: &[u8]) -> Vec<RasMessage> {
        let input = Input::Datagram { socket: SocketId(0), from: from.parse().unwrap(), bytes };
        self.node.handle_input(self.now, input);
        let answers = self.drain().into_iter().filter_map(|output| match output {
            Output::Datagram { bytes, .. } => Some(Ras::decode(&bytes).unwrap().into_message()),
            _ => None,
        });
        answers.collect()
    }

    /// Gives an input; what comes out. What is asked to be bound is bound.
    fn tell(&mut self, input: Input<'_>) -> Vec<Output> {
        self.node.handle_input(self.now, input);
        let mut outputs = self.drain();
        self.bind_all(&mut outputs);
        outputs
    }

    /// Binds what is asked for, and what is asked for then.
    fn bind_all(&mut self, outputs: &mut Vec<Output>) {
        let mut next = 0;
        while let Some(output) = outputs.get(next) {
            next += 1;
            let Output::Bind { bind, ip, ports, .. } = output else { continue };
            self.port += 2;
            // As in the world, a range has to hold both ports of a pair.
            let last = *ports.start() + u16::from(matches!(bind, Bind::Media(_)));
            let fixed = last == *ports.end() && last > 1;
            let port = if fixed { *ports.start() } else { self.port };
            self.bind(*bind, SocketAddr::new(*ip, port));
            outputs.extend(self.drain());
        }
    }

    /// The listener at an address.
    fn listener(&self, at: SocketAddr) -> ListenerId {
        let found = self.listeners.iter().find(|(_, there)| *there == at);
        found.unwrap_or_else(|| panic!("no listener at {at}")).0
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.node.handle_input(self.now, Input::Timeout);
        self.drain();
    }

    /// Registers the captured client; its endpoint identifier.
    fn register(&mut self, from: &str) -> EndpointIdentifier {
        let answers = self.ask(from, &octets(CAPTURED_RRQ));
        let [RasMessage::registrationConfirm(confirm)] = &answers[..] else {
            panic!("no RCF: {answers:?}");
        };
        assert_eq!(confirm.time_to_live.as_ref().map(|ttl| ttl.0), Some(19));
        let features = confirm.feature_set.as_ref().expect("a feature set");
        assert!(generic::feature(features, 18).is_some());
        confirm.endpoint_identifier.clone()
    }

    /// A lightweight RRQ with this identifier.
    fn keepalive(&mut self, from: &str, id: &EndpointIdentifier) -> Vec<RasMessage> {
        let mut rrq = Ras::decode(&octets(CAPTURED_RRQ)).unwrap();
        rrq.edit(|message| {
            let RasMessage::registrationRequest(request) = message else { panic!() };
            request.keep_alive = Some(true);
            request.endpoint_identifier = Some(id.clone());
        });
        self.ask(from, &rrq.encode().unwrap())
    }
}

const NAT: &str = "203.0.113.9:41234";

#[test]
fn a_client_behind_nat_registers_and_stays_while_it_refreshes() {
    let mut desk = Desk::new();
    let id = desk.register(NAT);
    for _ in 0..10 {
        desk.wait(14);
        let answers = desk.keepalive(NAT, &id);
        assert!(matches!(&answers[..], [RasMessage::registrationConfirm(_)]), "{answers:?}");
    }
    desk.wait(19);
    assert_eq!(desk.node.registrations(), 1, "a lost datagram does not end it");
    desk.now += Duration::from_secs(15);
    let outputs = desk.tell(Input::Timeout);
    let asked = outputs.iter().find_map(|output| match output {
        Output::Datagram { bytes, to, .. } => Some((Ras::decode(bytes).unwrap(), to.to_string())),
        _ => None,
    });
    let (question, to) = asked.expect("it is asked whether it is still there");
    assert_eq!((question.name(), to.as_str()), ("infoRequest", NAT));
    desk.wait(6);
    assert_eq!(desk.node.registrations(), 0);
}

#[test]
fn an_endpoint_that_answers_when_asked_stays() {
    let mut desk = Desk::new();
    let id = desk.register(NAT);
    let answer = Ras::new(RasMessage::infoRequestResponse(Box::new(
        pinhole_h323::asn::h225::InfoRequestResponse {
            request_seq_num: pinhole_h323::asn::h225::RequestSeqNum(3),
            endpoint_identifier: id,
            ras_address: pinhole_h323::address::to_h225(NAT.parse().unwrap()),
            ..Default::default()
        },
    )))
    .encode()
    .unwrap();
    for _ in 0..5 {
        desk.wait(30);
        desk.ask(NAT, &answer);
    }
    assert_eq!(desk.node.registrations(), 1);
    desk.wait(30);
    desk.ask("198.51.100.66:1719", &answer);
    desk.wait(6);
    assert_eq!(desk.node.registrations(), 0, "nobody else can answer for it");
}

#[test]
fn a_refresh_from_another_port_moves_the_pinhole_and_from_another_address_is_refused() {
    let mut desk = Desk::new();
    let id = desk.register(NAT);
    let answers = desk.keepalive("198.51.100.66:41234", &id);
    assert!(matches!(&answers[..], [RasMessage::registrationReject(_)]), "{answers:?}");
    let moved: SocketAddr = "203.0.113.9:50000".parse().unwrap();
    desk.keepalive("203.0.113.9:50000", &id);
    let known = desk.node.core.registrations.get(&EndpointId::from(&id)).unwrap();
    assert_eq!(known.ras, moved);
}

#[test]
fn another_host_cannot_take_an_alias() {
    let mut desk = Desk::new();
    desk.register(NAT);
    let answers = desk.ask("198.51.100.66:1719", &octets(CAPTURED_RRQ));
    let [RasMessage::registrationReject(reject)] = &answers[..] else { panic!("{answers:?}") };
    let reason = &reject.reject_reason;
    assert!(
        matches!(reason, pinhole_h323::asn::h225::RegistrationRejectReason::duplicateAlias(_)),
        "{reason:?}"
    );
    desk.register(NAT);
    assert_eq!(desk.node.registrations(), 1, "the same host replaces its own");
}

#[test]
fn garbage_is_counted_and_not_answered() {
    let mut desk = Desk::new();
    for length in 0..40 {
        assert!(desk.ask(NAT, &vec![0xff; length]).is_empty());
    }
    assert_eq!(desk.node.counters().malformed_ras, 40);
}

#[test]
fn what_is_not_understood_is_given_back_but_not_to_a_gatekeeper_that_does_the_same() {
    let mut desk = Desk::new();
    let request = RasMessage::infoRequest(Box::new(pinhole_h323::asn::h225::InfoRequest {
        request_seq_num: pinhole_h323::asn::h225::RequestSeqNum(5),
        ..Default::default()
    }));
    let bytes = Ras::new(request).encode().unwrap();
    let answers = desk.ask(NAT, &bytes);
    let [RasMessage::unknownMessageResponse(answer)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(answer.request_seq_num.0, 5);
    assert_eq!(answer.message_not_understood.as_deref(), Some(&bytes[..]));
    let bytes = Ras::new(answers[0].clone()).encode().unwrap();
    assert!(desk.ask(NAT, &bytes).is_empty());
    assert_eq!(desk.node.counters().malformed_ras, 0);
}

/// A full RRQ with these words.
fn rrq(edit: impl FnOnce(&mut pinhole_h323::asn::h225::RegistrationRequest)) -> Vec<u8> {
    let mut rrq = Ras::decode(&octets(CAPTURED_RRQ)).unwrap();
    rrq.edit(|message| {
        let RasMessage::registrationRequest(request) = message else { panic!() };
        edit(request);
    });
    rrq.encode().unwrap()
}

#[test]
fn another_hosts_signalling_address_cannot_be_registered() {
    let mut desk = Desk::new();
    let victim: SocketAddr = "198.51.100.20:1720".parse().unwrap();
    let register = |desk: &mut Desk, name: &str, from: &str| {
        let bytes = rrq(|request| {
            request.terminal_alias =
                Some(vec![pinhole_h323::alias::Alias::from_text(name).to_asn()]);
            request.ras_address = vec![pinhole_h323::address::to_h225(from.parse().unwrap())];
            request.call_signal_address = vec![pinhole_h323::address::to_h225(victim)];
            request.feature_set = None;
        });
        let answers = desk.ask(from, &bytes);
        assert!(matches!(&answers[..], [RasMessage::registrationConfirm(_)]), "{answers:?}");
    };
    register(&mut desk, "thief", NAT);
    assert!(desk.node.core.registrations.at(victim).is_none(), "calls to it are not calls to him");
    register(&mut desk, "victim", "198.51.100.20:1719");
    register(&mut desk, "thief", NAT);
    let found = desk.node.core.registrations.at(victim).expect("the victim");
    assert_eq!(found.name(), "victim");
}

#[test]
fn nothing_begins_while_the_node_ends() {
    let mut desk = Desk::new();
    desk.node.handle_input(desk.now, Input::Shutdown);
    desk.drain();
    assert!(desk.ask(NAT, &octets(CAPTURED_RRQ)).is_empty());
    let local = SocketAddr::new("198.51.100.2".parse().unwrap(), 1720);
    let (stream, peer) = (StreamId::accepted(1), NAT.parse().unwrap());
    let input = Input::Accepted { listener: ListenerId(0), stream, local, peer };
    let outputs = desk.tell(input);
    assert!(matches!(&outputs[..], [Output::Close { stream: closed }] if *closed == stream));
}

#[test]
fn a_stranger_cannot_unregister_an_endpoint() {
    let mut desk = Desk::new();
    let id = desk.register(NAT);
    let urq = |id: &EndpointIdentifier| {
        Ras::new(RasMessage::unregistrationRequest(Box::new(
            pinhole_h323::asn::h225::UnregistrationRequest {
                request_seq_num: pinhole_h323::asn::h225::RequestSeqNum(9),
                endpoint_identifier: Some(id.clone()),
                ..Default::default()
            },
        )))
        .encode()
        .unwrap()
    };
    let answers = desk.ask("198.51.100.66:1719", &urq(&id));
    assert!(matches!(&answers[..], [RasMessage::unregistrationReject(_)]), "{answers:?}");
    assert_eq!(desk.node.registrations(), 1);
    let answers = desk.ask(NAT, &urq(&id));
    assert!(matches!(&answers[..], [RasMessage::unregistrationConfirm(_)]), "{answers:?}");
    assert_eq!(desk.node.registrations(), 0);
}

#[test]
fn it_binds_what_it_needs_and_gives_all_back() {
    let mut desk = Desk::new();
    desk.register(NAT);
    desk.node.handle_input(desk.now, Input::Shutdown);
    let outputs = desk.drain();
    let unbound = outputs.iter().filter(|o| matches!(o, Output::Unbind(Bind::Media(_)))).count();
    assert_eq!(unbound, 8);
    assert!(matches!(outputs.last(), Some(Output::Finished)), "{outputs:?}");
    assert_eq!(desk.node.registrations(), 0);
}

#[test]
fn a_flood_from_one_address_keeps_no_other_from_registering() {
    let mut desk = Desk::new();
    let flood = octets("ffffffff");
    for _ in 0..5000 {
        desk.ask("198.51.100.66:1719", &flood);
    }
    let counters = desk.node.counters();
    let limits = Limits::default();
    assert_eq!(counters.malformed_ras, u64::from(limits.ras.burst));
    assert_eq!(counters.throttled, 5000 - u64::from(limits.ras.burst));
    desk.register(NAT);
}

#[test]
fn one_address_can_hold_only_so_many_registrations() {
    let mut desk = Desk::new();
    desk.node.core.settings.limits.registrations = 3;
    let mut rrq = Ras::decode(&octets(CAPTURED_RRQ)).unwrap();
    let mut register = |desk: &mut Desk, from: &str, name: &str| {
        rrq.edit(|message| {
            let RasMessage::registrationRequest(request) = message else { panic!() };
            let alias = pinhole_h323::alias::Alias::from_text(name);
            request.terminal_alias = Some(vec![alias.to_asn()]);
        });
        let answers = desk.ask(from, &rrq.encode().unwrap());
        matches!(&answers[..], [RasMessage::registrationConfirm(_)])
    };
    for name in ["a", "b", "c"] {
        assert!(register(&mut desk, NAT, name));
    }
    assert!(!register(&mut desk, NAT, "d"), "the fourth is one too many");
    assert!(register(&mut desk, NAT, "a"), "who is there may come again");
    assert!(register(&mut desk, "203.0.113.10:1719", "d"), "another address has its own");
}
