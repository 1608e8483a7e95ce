//! The kernel's NAT forgets its mappings: of a registered phone, and in the middle of a call.

use std::fs;
use std::thread;
use std::time::Duration;

use pinhole_interop::{
    Deadline, GATEKEEPER, Gatekeeper, Lab, PATIENCE, Phone, PhoneOptions, Traversal,
};
use serde_json::Value;

use crate::calls::{inside, outside};
use crate::lab;
use crate::measures::{AWAY, INSIDE_TONE, INTERVAL_S, LATENESS, OUTSIDE_TONE, RATE};
use crate::seats::{Talk, number};
use crate::silence::holes;
use crate::zone::assert_empty;

/// The time between keepalives, in which a registration has to recover.
const INTERVAL: Duration = Duration::from_secs(INTERVAL_S);
/// How long the caller holds the line, in seconds.
const HOLD: f64 = 12.0;

fn gatekeeper(lab: &Lab) -> Gatekeeper {
    let file = lab.folder().join("rebinding.ini");
    let socket = lab.folder().join("status.socket");
    let text = format!(
        "[Gatekeeper::Main]\nHome={GATEKEEPER}\nStatusSocket={}\n[RoutedMode]\nGKRouted=1\n\
         H245Routed=1\nEnableH46018=1\nH46018KeepAliveInterval={}\n[Proxy]\nEnable=1\n\
         ProxyAlways=1\nRTPMultiplexing=1\n",
        socket.display(),
        INTERVAL.as_secs()
    );
    fs::write(&file, text).unwrap();
    Gatekeeper::start(&lab.gatekeeper, &file).unwrap()
}

#[test]
fn a_registration_recovers_within_a_keepalive_interval() {
    let lab = lab("rebinding-registration");
    let gatekeeper = gatekeeper(&lab);
    let listening = ["--listen", "--auto-answer"];
    let mut callee = Phone::start(&lab.inside, inside("tunnel", &listening)).unwrap();
    callee.registered().unwrap();
    let ras = |gatekeeper: &Gatekeeper| {
        gatekeeper.status().unwrap()["registrations"][0]["ras"].as_str().map(str::to_owned)
    };
    let before = ras(&gatekeeper).unwrap();
    lab.nat.forget().unwrap();
    assert_eq!(holes(&lab), 0);
    Deadline::after(INTERVAL + LATENESS)
        .until(
            "RAS through a new mapping",
            || Ok(ras(&gatekeeper).is_some_and(|now| now != before)),
        )
        .unwrap();
    assert_eq!(holes(&lab), 1);
    let calling = outside("tunnel", &["--hold", "6", "inside"]);
    let mut caller = Phone::start(&lab.outside, calling).unwrap();
    let records = [&mut caller, &mut callee].map(|phone| phone.event("call-ended", PATIENCE));
    let (context, records) = ("after rebinding".to_owned(), records.map(Result::unwrap));
    Talk { context, records, tones: [OUTSIDE_TONE, INSIDE_TONE] }.assert_held();
    assert_empty(&gatekeeper);
    gatekeeper.stop().unwrap();
}

/// How much is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// The mappings of media and RAS.
    Udp,
    /// The connections, too.
    All,
}

/// The NAT forgets four seconds after a call has begun; the records of caller and called party.
fn interrupted(
    test: &str,
    h245: &str,
    forgotten: Forgotten,
    [from, to]: [bool; 2],
    multiplex: &str,
) -> [Value; 2] {
    let lab = lab(test);
    let gatekeeper = gatekeeper(&lab);
    let options = |user, tone, is_inside: bool, more| {
        let traversal = if is_inside { Traversal::H46018 } else { Traversal::None };
        PhoneOptions { user, gatekeeper: GATEKEEPER.into(), traversal, h245, tone, more }
    };
    let namespace = |is_inside, spare| match (is_inside, spare) {
        (false, _) => &lab.outside,
        (true, false) => &lab.inside,
        (true, true) => &lab.far,
    };
    let listening = ["--listen", "--auto-answer", "--multiplex", multiplex];
    let called = options("called", OUTSIDE_TONE, to, &listening);
    let mut callee = Phone::start(namespace(to, from), called).unwrap();
    callee.registered().unwrap();
    let hold = HOLD.to_string();
    let calling = ["--hold", &hold, "--multiplex", multiplex, "called"];
    let calling = options("calling", INSIDE_TONE, from, &calling);
    let mut caller = Phone::start(namespace(from, false), calling).unwrap();
    caller.event("call-started", PATIENCE).unwrap();
    thread::sleep(Duration::from_secs(4));
    for nat in [&lab.nat, &lab.far_nat] {
        match forgotten {
            // One of the NATs may have nothing to forget.
            Forgotten::Udp => drop(nat.forget_udp()),
            Forgotten::All => nat.forget().unwrap(),
        }
    }
    let records = [&mut caller, &mut callee].map(|phone| phone.event("call-ended", PATIENCE));
    let records = records.map(Result::unwrap);
    assert_empty(&gatekeeper);
    gatekeeper.stop().unwrap();
    records
}

/// Both hear the other again soon, until the end; something was lost, or nothing was tried.
fn assert_recovered(context: &str, records: &[Value; 2]) {
    let received = |record, name| number(context, record, "audio", "receive", name);
    let most = RATE * (AWAY + LATENESS).as_secs_f64();
    for (record, other, tone) in
        [(&records[0], &records[1], OUTSIDE_TONE), (&records[1], &records[0], INSIDE_TONE)]
    {
        let (lost, packets) = (received(record, "lost"), received(record, "packets"));
        assert!(lost <= most, "{context}: {lost} packets lost: {record}");
        // Who has not learned that the call is over goes on.
        let sent = number(context, other, "audio", "transmit", "packets").min(RATE * HOLD);
        assert!(packets >= sent - most - 100.0, "{context}: of {sent} sent: {record}");
        let heard = received(record, "tone_hz");
        assert!((heard - f64::from(tone)).abs() < 5.0, "{context}: not {tone} Hz: {record}");
    }
    let lost: f64 = records.iter().map(|record| received(record, "lost")).sum();
    assert!(lost > 0.0, "{context}: nothing was lost: {records:?}");
    println!("{context}: {lost} packets lost");
}

fn media_recovers(test: &str, ways: [bool; 2], multiplex: &str) {
    for h245 in ["tunnel", "separate"] {
        let test = format!("{test}-{h245}");
        let records = interrupted(&test, h245, Forgotten::Udp, ways, multiplex);
        assert_recovered(&test, &records);
        for record in &records {
            assert_eq!(record["cause"], 16, "{test}: {record}");
        }
    }
}

#[test]
fn media_of_an_inside_caller_recovers() {
    media_recovers("rebinding-in-out", [true, false], "off");
}

#[test]
fn media_of_an_inside_called_party_recovers() {
    media_recovers("rebinding-out-in", [false, true], "off");
}

#[test]
fn media_between_two_nats_recovers() {
    media_recovers("rebinding-in-far", [true, true], "off");
}

#[test]
fn multiplexed_media_recovers() {
    media_recovers("rebinding-in-far-multiplexed", [true, true], "on");
}

/// Media goes on without its signalling; the end of the call comes by RAS or by the system's own time limits.
fn the_call_goes_on_and_ends(test: &str, ways: [bool; 2]) {
    assert_recovered(test, &interrupted(test, "separate", Forgotten::All, ways, "off"));
}

#[test]
fn a_call_of_an_inside_caller_whose_connections_are_forgotten_goes_on_and_ends() {
    the_call_goes_on_and_ends("rebinding-all-in-out", [true, false]);
}

#[test]
fn a_call_of_an_inside_called_party_whose_connections_are_forgotten_goes_on_and_ends() {
    the_call_goes_on_and_ends("rebinding-all-out-in", [false, true]);
}
