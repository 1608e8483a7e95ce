//! Calls straight from phone to phone.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::host::{Lab, answering, calling, channel};
use crate::event::{CallRecord, Event};
use crate::phone::g711::Law;
use crate::phone::options::{Incoming, Options, Source};

/// What a good call of five seconds looks like at one end.
fn assert_good(record: &CallRecord, direction: &str, peer: &str, tone: f64) {
    assert_eq!((record.direction, record.peer.as_str()), (direction, peer));
    assert_eq!(record.cause, Some(16), "{record:?}");
    assert!(record.setup_ms.is_some());
    assert!((4.9..5.2).contains(&record.duration_s), "{record:?}");
    let heard = channel(record, "receive");
    assert!((heard.tone_hz.unwrap() - tone).abs() < 1.0, "{heard:?}");
    assert_eq!((heard.lost, heard.media, heard.cipher.as_str()), (0, "audio", "none"));
    assert!((240..260).contains(&heard.packets), "{heard:?}");
    assert!(heard.jitter_ms.unwrap() < 0.1, "{heard:?}");
    let sent = channel(record, "transmit");
    assert!((240..260).contains(&sent.packets), "{sent:?}");
    assert!(sent.latency_ms.unwrap() < 0.1, "{sent:?}");
}

fn call(callee: Options, caller: Options) -> (CallRecord, CallRecord) {
    let mut lab = Lab::new();
    let bob = lab.phone(callee);
    let alice = lab.phone(caller);
    lab.seconds(8);
    assert!(lab.has_finished(alice), "{:?}", lab.events(alice));
    assert_eq!(lab.leftovers(alice), 0);
    assert_eq!(lab.leftovers(bob), 1, "the listener");
    (lab.record(alice), lab.record(bob))
}

fn tone(hz: f64, options: Options) -> Options {
    Options { source: Source::Tone(hz), ..options }
}

#[test]
fn tunnelled() {
    let caller = tone(1000.0, calling("alice", Some(5)));
    let (alice, bob) = call(answering("bob"), caller);
    assert_good(&alice, "out", "10.0.0.1:1720", 440.0);
    assert_good(&bob, "in", "alice", 1000.0);
    assert_eq!(
        (&*alice.sentence, &*bob.sentence),
        ("the phone hung up", "the other party hung up")
    );
    assert_eq!(alice.callid, bob.callid);
    assert_eq!(channel(&alice, "receive").codec, "pcma");
}

#[test]
fn separate_when_any_side_wants_it() {
    for (callee, caller) in [(false, false), (true, false), (false, true)] {
        let callee = Options { tunnelling: callee, ..answering("bob") };
        let caller = Options { tunnelling: caller, ..calling("alice", Some(5)) };
        let (alice, bob) = call(callee, tone(700.0, caller));
        assert_good(&alice, "out", "10.0.0.1:1720", 440.0);
        assert_good(&bob, "in", "alice", 700.0);
    }
}

#[test]
fn each_sends_its_codec() {
    let callee = Options { law: Law::Mu, ..answering("bob") };
    let (alice, bob) = call(callee, calling("alice", Some(5)));
    assert_eq!(channel(&alice, "transmit").codec, "pcma");
    assert_eq!(channel(&alice, "receive").codec, "pcmu");
    assert_good(&alice, "out", "10.0.0.1:1720", 440.0);
    assert_good(&bob, "in", "alice", 440.0);
}

#[test]
fn the_called_party_hangs_up() {
    let callee = Options { hold: Some(std::time::Duration::from_secs(5)), ..answering("bob") };
    let (alice, bob) = call(callee, calling("alice", None));
    assert_good(&alice, "out", "10.0.0.1:1720", 440.0);
    assert_eq!(
        (&*bob.sentence, &*alice.sentence),
        ("the phone hung up", "the other party hung up")
    );
}

#[test]
fn lost_packets_are_counted_and_noise_is_no_tone() {
    let mut lab = Lab::new();
    lab.lose = Some(7);
    let mut random = ChaCha8Rng::from_seed([3; 32]);
    let noise: Vec<i16> = (0..50_000).map(|_| random.next_u32() as i16).collect();
    lab.phone(answering("bob"));
    let source = Source::Samples(noise.into());
    let alice = lab.phone(Options { source, ..calling("alice", Some(10)) });
    lab.seconds(12);
    let (ours, theirs) = (lab.record(alice), lab.record(0));
    for record in [&ours, &theirs] {
        let heard = channel(record, "receive");
        let due = heard.packets + heard.lost;
        assert!(heard.lost > 0 && due.abs_diff(500) < 10, "{heard:?}");
    }
    let lost = channel(&ours, "receive").lost + channel(&theirs, "receive").lost;
    assert!(lost.abs_diff(143) <= 3, "{lost} of 1000 packets, every seventh");
    assert_eq!(channel(&theirs, "receive").tone_hz, None);
    assert!((channel(&ours, "receive").tone_hz.unwrap() - 440.0).abs() < 1.0);
}

#[test]
fn a_phone_that_takes_no_calls() {
    let mut lab = Lab::new();
    let bob = lab.phone(Options {
        incoming: Incoming::Refused,
        listen_port: Some(1720),
        ..Options::new("bob")
    });
    assert!(!lab.has_finished(bob));
    let alice = lab.phone(calling("alice", None));
    lab.seconds(1);
    // A phone with nothing to do ends, and so nobody is there.
    assert!(lab.has_finished(bob));
    let record = lab.record(alice);
    assert_eq!(record.sentence, "the other party's system cannot be connected to");
    assert_eq!((record.setup_ms, record.channels.len()), (None, 0));
}

#[test]
fn nobody_answers() {
    let mut lab = Lab::new();
    let bob = lab.phone(Options { incoming: Incoming::Ring, ..Options::new("bob") });
    let alice = lab.phone(calling("alice", None));
    lab.seconds(200);
    let (ours, theirs) = (lab.record(alice), lab.record(bob));
    assert!(ours.sentence == "nobody answered" || theirs.sentence == "nobody answered");
    assert_eq!((ours.cause, theirs.cause), (Some(19), Some(19)), "{ours:?} {theirs:?}");
    assert!(lab.has_finished(alice));
}

#[test]
fn a_silent_peer() {
    let mut lab = Lab::new();
    lab.mute = Some("10.0.0.9:1720".parse().unwrap());
    let options = calling("alice", None);
    let destination = Some(crate::phone::options::Destination::parse("10.0.0.9"));
    let alice = lab.phone(Options { destination, ..options });
    lab.seconds(60);
    let record = lab.record(alice);
    assert_eq!(record.sentence, "the other party's system did not answer the call set-up");
    assert!(lab.has_finished(alice));
    assert_eq!(lab.leftovers(alice), 0);
}

#[test]
fn shutting_down_ends_calls() {
    let mut lab = Lab::new();
    let bob = lab.phone(answering("bob"));
    let alice = lab.phone(calling("alice", None));
    lab.seconds(3);
    lab.shut_down(bob);
    lab.seconds(1);
    assert!(lab.has_finished(bob) && lab.has_finished(alice));
    assert_eq!(lab.record(bob).sentence, "the phone hung up");
    assert_eq!(lab.record(alice).sentence, "the other party hung up");
}

#[test]
fn many_calls_at_a_rate() {
    let mut lab = Lab::new();
    let bob = lab.phone(answering("bob"));
    let alice = lab.phone(Options { calls: 20, rate: 10.0, ..calling("alice", Some(3)) });
    lab.run(std::time::Duration::from_millis(950));
    let started = |event: &&Event| matches!(event, Event::CallStarted { .. });
    assert_eq!(lab.events(alice).iter().filter(started).count(), 10);
    lab.seconds(6);
    assert!(lab.has_finished(alice));
    for record in lab.records(alice).iter().chain(&lab.records(bob)) {
        assert_eq!(channel(record, "receive").lost, 0);
        assert!(channel(record, "receive").tone_hz.is_some(), "{record:?}");
    }
    assert_eq!((lab.records(alice).len(), lab.records(bob).len()), (20, 20));
    assert_eq!(lab.leftovers(bob), 1);
}

#[test]
fn the_port_is_taken() {
    let mut lab = Lab::new();
    let bob = lab.enter(Box::new(Twice::new(lab.now)));
    lab.seconds(1);
    let ports = lab.events(bob).iter().map(|event| match event {
        Event::Listening { at, .. } => at.port(),
        other => panic!("{other:?}"),
    });
    let ports: Vec<u16> = ports.collect();
    assert_eq!(ports[0], 1720);
    assert_ne!(ports[1], 1720, "any other is taken");
}

/// Two phones on one host.
struct Twice([crate::phone::Phone; 2]);

impl Twice {
    fn new(now: std::time::Instant) -> Self {
        Self([1, 2].map(|n| crate::phone::Phone::new(answering("bob"), [n; 32], now)))
    }
}

impl crate::face::Agent for Twice {
    fn handle_input(&mut self, now: std::time::Instant, input: crate::face::Input<'_>) {
        use crate::face::{Bind, Input, ListenerId};
        // Listeners of the second phone have numbers from 1000.
        if let Input::Bound { bind: Bind::Tcp(ListenerId(n)), at } = input {
            let bind = Bind::Tcp(ListenerId(n % 1000));
            self.0[n as usize / 1000].handle_input(now, Input::Bound { bind, at });
        }
    }

    fn poll_output(&mut self) -> crate::face::Output {
        use crate::face::{Bind, ListenerId, Output};
        match self.0[0].poll_output() {
            Output::Timeout(_) => {}
            output => return output,
        }
        match self.0[1].poll_output() {
            Output::Bind { bind: Bind::Tcp(ListenerId(n)), ip, ports, class } => {
                Output::Bind { bind: Bind::Tcp(ListenerId(n + 1000)), ip, ports, class }
            }
            output => output,
        }
    }
}
