//! Phones that are registered with a gatekeeper.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::host::{Lab, channel};
use super::keeper::{Book, Keeper};
use crate::event::Event;
use crate::phone::options::{Destination, Gatekeeper, Incoming, Options, Password};

const KEEPER: &str = "10.0.0.1:1719";

fn lab() -> (Lab, Arc<Mutex<Book>>) {
    let mut lab = Lab::new();
    let (keeper, book) = Keeper::new([10, 0, 0, 1].into());
    lab.enter(Box::new(keeper));
    (lab, book)
}

fn member(alias: &str) -> Options {
    let gatekeeper = Gatekeeper::At(KEEPER.parse().unwrap());
    Options { gatekeeper, incoming: Incoming::Answer, ..Options::new(alias) }
}

fn caller(alias: &str, to: &str) -> Options {
    let (incoming, hold) = (Incoming::Refused, Some(Duration::from_secs(3)));
    Options { destination: Some(Destination::parse(to)), incoming, hold, ..member(alias) }
}

fn registrations(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Registered { .. })).count()
}

fn lost(events: &[Event]) -> Vec<&str> {
    fn sentence(event: &Event) -> Option<&str> {
        match event {
            Event::Unregistered { sentence, .. } => Some(sentence.as_str()),
            _ => None,
        }
    }
    events.iter().filter_map(sentence).collect()
}

#[test]
fn registers_and_keeps_it() {
    let (mut lab, book) = lab();
    let bob = lab.phone(member("bob"));
    lab.seconds(60);
    let expected = Event::Registered {
        alias: "bob".to_owned(),
        peer: KEEPER.parse().unwrap(),
        ttl_s: 19,
        traversal: "H.460.18",
    };
    assert!(lab.events(bob).contains(&expected), "{:?}", lab.events(bob));
    assert_eq!(book.lock().unwrap().full.len(), 1);
    assert_eq!(book.lock().unwrap().refreshes.len(), 4, "every 14 s");
    lab.shut_down(bob);
    lab.seconds(1);
    assert!(lab.has_finished(bob));
    assert_eq!(book.lock().unwrap().seen.last(), Some(&"unregistrationRequest"));
    assert_eq!(lost(lab.events(bob)), ["the phone ended it"]);
}

#[test]
fn without_keepalives_it_refreshes_nothing() {
    let (mut lab, book) = lab();
    lab.phone(Options { keepalives: false, ..member("bob") });
    lab.seconds(60);
    assert_eq!(book.lock().unwrap().seen, ["registrationRequest"]);
}

#[test]
fn retransmits_the_same_request_until_it_is_answered() {
    let (mut lab, book) = lab();
    book.lock().unwrap().silent = true;
    let bob = lab.phone(member("bob"));
    lab.seconds(100);
    // After 0, 3, 9, 21, 45, 69 and 93 seconds.
    assert_eq!(book.lock().unwrap().seen.len(), 7);
    book.lock().unwrap().silent = false;
    lab.seconds(24);
    assert_eq!(registrations(lab.events(bob)), 1);
    assert_eq!(book.lock().unwrap().full, [1], "one number for all of them");
}

#[test]
fn a_gatekeeper_that_went_away_and_came_back() {
    let (mut lab, book) = lab();
    let bob = lab.phone(member("bob"));
    lab.seconds(1);
    book.lock().unwrap().silent = true;
    lab.seconds(60);
    assert_eq!(lost(lab.events(bob)), ["the gatekeeper does not answer"]);
    book.lock().unwrap().silent = false;
    lab.seconds(30);
    assert_eq!(registrations(lab.events(bob)), 2);
}

#[test]
fn a_gatekeeper_that_forgot() {
    let (mut lab, book) = lab();
    let bob = lab.phone(member("bob"));
    lab.seconds(1);
    book.lock().unwrap().forgets = true;
    lab.seconds(15);
    assert_eq!(book.lock().unwrap().full.len(), 2);
    assert_eq!(registrations(lab.events(bob)), 2);
    book.lock().unwrap().throws_out = true;
    lab.seconds(30);
    assert_eq!(registrations(lab.events(bob)), 3, "{:?}", lab.events(bob));
    let expected =
        ["the gatekeeper wants a full registration", "the gatekeeper ended the registration"];
    assert_eq!(lost(lab.events(bob)), expected);
}

#[test]
fn a_gatekeeper_that_refuses() {
    let (mut lab, book) = lab();
    book.lock().unwrap().refuses = true;
    let bob = lab.phone(member("bob"));
    lab.seconds(1);
    let refused = |event: &Event| matches!(event, Event::RegistrationRefused { sentence, .. } if sentence == "the request failed its security checks");
    assert!(lab.events(bob).iter().any(refused), "{:?}", lab.events(bob));
    assert!(lab.has_finished(bob));
}

#[test]
fn discovers_its_gatekeeper() {
    let (mut lab, book) = lab();
    let at = KEEPER.parse().unwrap();
    let bob = lab.phone(Options { gatekeeper: Gatekeeper::Discover(at), ..member("bob") });
    lab.seconds(1);
    assert_eq!(book.lock().unwrap().seen, ["gatekeeperRequest", "registrationRequest"]);
    assert_eq!(registrations(lab.events(bob)), 1);
}

#[test]
fn a_call_with_admission_at_both_ends() {
    let (mut lab, book) = lab();
    let bob = lab.phone(Options { traversal: false, ..member("bob") });
    let alice = lab.phone(Options { traversal: false, ..caller("alice", "bob") });
    lab.seconds(5);
    assert!(lab.has_finished(alice));
    for record in [lab.record(alice), lab.record(bob)] {
        assert!(channel(&record, "receive").tone_hz.is_some(), "{record:?}");
    }
    let count = |name| book.lock().unwrap().seen.iter().filter(|seen| **seen == name).count();
    assert_eq!((count("admissionRequest"), count("disengageRequest")), (2, 2));
    assert_eq!(lab.record(bob).peer, "alice");
}

#[test]
fn nobody_of_that_name() {
    let (mut lab, _) = lab();
    let alice = lab.phone(caller("alice", "bob"));
    lab.seconds(1);
    let record = lab.record(alice);
    assert_eq!(
        record.sentence,
        "the gatekeeper refused the call: the called party is not registered"
    );
    assert_eq!(
        (record.cause, record.release_reason.as_deref()),
        (Some(20), Some("calledPartyNotRegistered"))
    );
    assert!(lab.has_finished(alice));
    assert_eq!(lab.leftovers(alice), 0);
}

#[test]
fn a_call_through_the_pinhole() {
    for confused in [false, true] {
        let (mut lab, book) = lab();
        book.lock().unwrap().confused = confused;
        let bob = lab.phone(member("hidden-bob"));
        let hold = Some(Duration::from_secs(45));
        let alice = lab.phone(Options { hold, ..caller("alice", "hidden-bob") });
        lab.seconds(50);
        assert!(lab.has_finished(alice), "{:?}", lab.events(alice));
        let steps = lab.events(bob).iter().filter_map(|event| match event {
            Event::Pinhole { step, peer, .. } => Some((*step, peer.to_string())),
            _ => None,
        });
        let at = || "10.0.0.1:1720".to_owned();
        assert_eq!(steps.collect::<Vec<_>>(), [("announced", at()), ("opened", at())]);
        let record = lab.record(bob);
        assert_eq!((record.direction, &*record.peer), ("in", "alice"));
        assert_eq!(channel(&record, "receive").lost, 0);
        assert!(channel(&record, "receive").tone_hz.is_some());
        let seen = &book.lock().unwrap().seen;
        let responses = seen.iter().filter(|name| **name == "serviceControlResponse").count();
        assert_eq!(responses, 1 + usize::from(confused), "every announcement is answered");
        assert_eq!(seen.iter().filter(|name| **name == "keepalive").count(), 4, "2 each");
    }
}

#[test]
fn strangers_are_not_heard() {
    let (mut lab, _) = lab();
    let bob = lab.phone(member("bob"));
    lab.seconds(1);
    // The gatekeeper of another lab, at another address, says that it is all over.
    let before = lab.events(bob).len();
    let stranger = lab.enter(Box::new(Stranger::new(bob)));
    lab.seconds(1);
    assert_eq!(lab.events(bob).len(), before);
    assert!(lab.events(stranger).is_empty());
}

/// Sends URQ and garbage to every port of a phone.
pub(super) struct Stranger {
    out: crate::face::Outbox,
    victim: usize,
}

impl Stranger {
    fn new(victim: usize) -> Self {
        use crate::face::{Bind, Outbox, Output, SocketId};
        let mut out = Outbox::default();
        let bind = Bind::Udp(SocketId(1));
        out.push(Output::Bind { bind, ip: [0, 0, 0, 0].into(), ports: 1719..=1719, class: 0 });
        Self { out, victim }
    }
}

impl crate::face::Agent for Stranger {
    fn handle_input(&mut self, _: std::time::Instant, input: crate::face::Input<'_>) {
        use crate::face::{Input, Output, SocketId};
        use pinhole_h323::Ras;
        use pinhole_h323::asn::h225::{RasMessage, RequestSeqNum, UnregistrationRequest};
        let Input::Bound { .. } = input else { return };
        let request = UnregistrationRequest {
            request_seq_num: RequestSeqNum(5),
            ..UnregistrationRequest::default()
        };
        let request = Ras::new(RasMessage::unregistrationRequest(Box::new(request)));
        for port in 40_000..40_100 {
            for bytes in [request.encode().unwrap(), vec![0xff; 40]] {
                let to = ([10, 0, 0, self.victim as u8 + 1], port).into();
                self.out.push(Output::Datagram { socket: SocketId(1), to, bytes });
            }
        }
    }

    fn poll_output(&mut self) -> crate::face::Output {
        self.out.pop().unwrap_or(crate::face::Output::Timeout(None))
    }
}

#[test]
fn every_request_proves_the_password() {
    let (mut lab, book) = lab();
    let since_1970 = Duration::from_secs(1_700_000_000);
    let password = Some(Password { word: "secret".to_owned(), since_1970 });
    lab.phone(member("bob"));
    lab.seconds(1);
    lab.phone(Options { password, ..caller("alice", "bob") });
    lab.seconds(6);
    // Of alice: RRQ, ARQ, three seconds later DRQ and URQ. Bob has no password.
    let stamps: Vec<u32> = book.lock().unwrap().proofs.clone();
    assert_eq!(stamps, [0, 0, 3, 3].map(|passed| 1_700_000_000 + passed));
}

/// What was told of the gatekeeper's silence.
fn silence(events: &[Event]) -> Vec<&str> {
    fn sentence(event: &Event) -> Option<&str> {
        match event {
            Event::GatekeeperSilent { sentence, .. } => Some(sentence.as_str()),
            _ => None,
        }
    }
    events.iter().filter_map(sentence).collect()
}

#[test]
fn a_silent_gatekeeper_is_told_of() {
    let (mut lab, book) = lab();
    book.lock().unwrap().silent = true;
    let bob = lab.phone(member("bob"));
    let discovering = Gatekeeper::Discover("224.0.1.41:1718".parse().unwrap());
    let alice = lab.phone(Options { gatekeeper: discovering, ..caller("alice", "bob") });
    lab.seconds(200);
    assert_eq!(silence(lab.events(bob)), ["the gatekeeper does not answer; it is asked again"]);
    assert!(!lab.has_finished(bob), "who waits for calls waits for the gatekeeper");
    assert_eq!(
        silence(lab.events(alice)),
        [
            "no gatekeeper answers the discovery; it is asked again",
            "no gatekeeper answers the discovery; the phone gives up",
        ]
    );
    assert!(lab.has_finished(alice));
    assert_eq!(lab.leftovers(alice), 0);
    book.lock().unwrap().silent = false;
    lab.seconds(30);
    assert_eq!(registrations(lab.events(bob)), 1, "it was there all the time");
}
