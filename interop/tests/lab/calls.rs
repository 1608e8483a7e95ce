//! Calls between a phone behind the NAT and one outside, through `pinhole -c`.

use std::fs;
use std::path::Path;
use std::process::Command;

use pinhole_interop::{
    Frame, GATEKEEPER, Gatekeeper, Lab, PATIENCE, Phone, PhoneOptions, Traversal, Uninvited,
    Witness, pinhole, tshark,
};
use serde_json::Value;

use crate::lab;
use crate::measures::{HOLD, INSIDE_TONE, OUTSIDE_TONE};
use crate::seats::Talk;

/// The configuration of the issue that brought the gatekeeper, to the letter.
const CONFIGURATION: &str = "\
[Gatekeeper::Main]
[RoutedMode]
GKRouted=1
H245Routed=1
EnableH46018=1
[Proxy]
Enable=1
ProxyAlways=1
";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Inside,
    Outside,
}

/// Starts the gatekeeper of a lab.
pub(crate) fn gatekeeper(lab: &Lab) -> Gatekeeper {
    let configuration = lab.folder().join("nat.ini");
    fs::write(&configuration, CONFIGURATION).unwrap();
    Gatekeeper::start(&lab.gatekeeper, &configuration).unwrap()
}

/// The options of the phone behind the NAT.
pub(crate) fn inside<'a>(h245: &'a str, more: &'a [&'a str]) -> PhoneOptions<'a> {
    let traversal = Traversal::H46018;
    let gatekeeper = GATEKEEPER.into();
    PhoneOptions { user: "inside", gatekeeper, traversal, h245, tone: INSIDE_TONE, more }
}

/// The options of the phone outside.
pub(crate) fn outside<'a>(h245: &'a str, more: &'a [&'a str]) -> PhoneOptions<'a> {
    let traversal = Traversal::None;
    let gatekeeper = GATEKEEPER.into();
    PhoneOptions { user: "outside", gatekeeper, traversal, h245, tone: OUTSIDE_TONE, more }
}

/// A call is made, held and ended; both ends must have heard the other.
fn call(test: &str, caller: Caller, h245: &str) {
    let lab = lab(test);
    let inside_link = Witness::new(&lab.nat.namespace, "lan", lab.folder().join("inside.pcapng"));
    let outside_link = Witness::new(&lab.gatekeeper, "eth0", lab.folder().join("outside.pcapng"));
    let (inside_link, outside_link) = (inside_link.unwrap(), outside_link.unwrap());
    let gatekeeper = gatekeeper(&lab);
    {
        let listening = ["--listen", "--auto-answer"];
        let calling = ["--hold", HOLD, if caller == Caller::Inside { "outside" } else { "inside" }];
        let (at_inside, at_outside) = match caller {
            Caller::Inside => (&calling[..], &listening[..]),
            Caller::Outside => (&listening[..], &calling[..]),
        };
        let inside = inside(h245, at_inside);
        let outside = outside(h245, at_outside);
        let (callee, caller) = match caller {
            Caller::Inside => ((&lab.outside, outside), (&lab.inside, inside)),
            Caller::Outside => ((&lab.inside, inside), (&lab.outside, outside)),
        };
        let mut callee_phone = Phone::start(callee.0, callee.1).unwrap();
        callee_phone.registered().unwrap();
        let mut caller_phone = Phone::start(caller.0, caller.1).unwrap();
        let called = caller_phone.event("call-ended", PATIENCE).unwrap();
        let answered = callee_phone.event("call-ended", PATIENCE).unwrap();
        assert_eq!(called["callid"], answered["callid"], "both ends name the call alike");
        let tones = [caller.1.tone, callee.1.tone];
        Talk { context: test.to_owned(), records: [called, answered], tones }.assert_held();
        assert!(caller_phone.ended(PATIENCE).unwrap(), "{}", caller_phone.seen());
        assert!(callee_phone.stop().unwrap(), "{}", callee_phone.seen());
    }
    gatekeeper.stop().unwrap();
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited::default());
    let separate = h245 == "separate";
    assert_witnessed(&inside_link.finish().unwrap(), separate);
    assert_witnessed(&outside_link.finish().unwrap(), separate);
}

/// tshark finds the messages of a call in the capture, and nothing wrong with them.
fn assert_witnessed(capture: &Path, separate: bool) {
    const MESSAGES: [&str; 10] = [
        "h225.registrationRequest_element",
        "h225.registrationConfirm_element",
        "h225.admissionConfirm_element",
        "h225.setup_element",
        "h225.connect_element",
        "h225.releaseComplete_element",
        "h245.terminalCapabilitySet_element",
        "h245.masterSlaveDetermination_element",
        "h245.openLogicalChannel_element",
        "h245.openLogicalChannelAck_element",
    ];
    let name = capture.display();
    let frames = tshark(capture, &MESSAGES).unwrap();
    let faulty: Vec<_> = frames.iter().filter(|frame| frame.faulty).collect();
    assert!(faulty.is_empty(), "{name}: tshark finds fault with {faulty:#?}");
    for message in MESSAGES {
        assert!(
            frames.iter().any(|frame| frame.fields.contains(message)),
            "{name}: tshark sees no {message}"
        );
    }
    assert!(frames.iter().any(|frame| frame.carries("rtp")), "{name}: tshark sees no media");
    assert_decoded(capture, &frames);
    // H.245 rides in H.225 messages, or it does not.
    let control = || frames.iter().filter(|frame| frame.carries("h245"));
    let tunnelled = control().filter(|frame| frame.carries("h225")).count();
    let own = control().count() - tunnelled;
    assert_eq!((own > 0, tunnelled > 0), (separate, !separate), "{name}: {own}, {tunnelled}");
}

/// `pinhole decode` reads what was captured, every frame with signalling that tshark sees.
pub(crate) fn assert_decoded(capture: &Path, frames: &[Frame]) {
    let mut command = Command::new(pinhole().unwrap());
    let output = command.args(["decode", "--json"]).arg(capture).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = || text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let counts = lines().next_back().unwrap();
    assert_eq!((&counts["undecodable"], &counts["different"]), (&0.into(), &0.into()), "{text}");
    assert_eq!(output.status.code(), Some(0));
    // One datagram holds one RAS message.
    let ras = lines().filter(|line| line["protocol"] == "RAS" && line["depth"] == 0).count();
    // An ICMP error holds the beginning of a message, but is none.
    let is_ras =
        |frame: &&Frame| frame.carries("h225") && frame.carries("udp") && !frame.carries("icmp");
    let seen = frames.iter().filter(is_ras).count();
    assert_eq!(ras, seen, "{}: RAS messages", capture.display());
}

#[test]
fn inside_calls_out_with_tunnelled_h245() {
    call("inside-tunnel", Caller::Inside, "tunnel");
}

#[test]
fn inside_calls_out_with_separate_h245() {
    call("inside-separate", Caller::Inside, "separate");
}

#[test]
fn inside_is_called_with_tunnelled_h245() {
    call("outside-tunnel", Caller::Outside, "tunnel");
}

#[test]
fn inside_is_called_with_separate_h245() {
    call("outside-separate", Caller::Outside, "separate");
}
