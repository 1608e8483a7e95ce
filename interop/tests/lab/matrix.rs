//! Every variant of a call between every two places: all of them at once through one gatekeeper, each phone with a
//! tone of its own, so that a word heard in the wrong call is noticed.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use pinhole_interop::{
    GATEKEEPER, Gatekeeper, Lab, Namespace, PATIENCE, Phone, PhoneOptions, Traversal, Uninvited,
    Witness, channel, multiplexed, tshark, v6,
};
use serde_json::Value;

use crate::calls::{HOLD, assert_decoded};
use crate::folder;

/// Both kinds of media.
const CONFIGURATION: &str = "\
[RoutedMode]
GKRouted=1
H245Routed=1
EnableH46018=1
[Proxy]
Enable=1
ProxyAlways=1
RTPMultiplexing=1
";

/// Where a phone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    Neighbour,
    Far,
    Outside,
}

impl Place {
    const fn namespace(self, lab: &Lab) -> &Namespace {
        match self {
            Self::Inside => &lab.inside,
            Self::Neighbour => &lab.neighbour,
            Self::Far => &lab.far,
            Self::Outside => &lab.outside,
        }
    }
}

/// One way to make a call.
#[derive(Debug, Clone, Copy)]
struct Variant {
    /// `--h245` of caller and called party.
    h245: [&'static str; 2],
    fast_start: bool,
    multiplexed: bool,
}

fn variants() -> impl Iterator<Item = Variant> {
    let h245 = [
        ["tunnel", "tunnel"],
        ["separate", "separate"],
        ["tunnel", "separate"],
        ["separate", "tunnel"],
    ];
    let each = |h245| {
        [(false, false), (false, true), (true, false), (true, true)]
            .map(|(fast_start, multiplexed)| Variant { h245, fast_start, multiplexed })
    };
    h245.into_iter().flat_map(each)
}

/// A side of the calls of a test: where its phones are, and over which version of IP they register.
#[derive(Debug, Clone, Copy)]
struct Party(Place, fn(Ipv4Addr) -> IpAddr);

const V4: fn(Ipv4Addr) -> IpAddr = IpAddr::V4;
const V6: fn(Ipv4Addr) -> IpAddr = |host| IpAddr::V6(v6(host));

/// A phone of this test: the caller of a variant, or the called party.
struct Seat {
    user: String,
    tone: u32,
    arguments: Vec<String>,
}

impl Seat {
    /// `number` tells the phones of a test apart.
    fn new(number: u16, party: Party, variant: Variant, arguments: &[&str]) -> Self {
        let mut arguments: Vec<String> = arguments.iter().map(|word| (*word).into()).collect();
        if variant.fast_start {
            arguments.extend(["--fast-start", "on"].map(Into::into));
        }
        if party.0 == Place::Outside {
            arguments.extend(["--listenport".into(), (1800 + number).to_string()]);
        } else if variant.multiplexed {
            arguments.extend(["--multiplex", "on"].map(Into::into));
        }
        Self { user: format!("phone{number}"), tone: 400 + 20 * u32::from(number), arguments }
    }

    fn start(&self, lab: &Lab, party: Party, h245: &str) -> Phone {
        let more: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let traversal = match party.0 {
            Place::Outside => Traversal::None,
            _ => Traversal::H46018,
        };
        let options = PhoneOptions {
            user: &self.user,
            gatekeeper: party.1(GATEKEEPER),
            traversal,
            h245,
            tone: self.tone,
            more: &more,
        };
        Phone::start(party.0.namespace(lab), options).unwrap()
    }
}

/// What the callers, and what the called parties add to a call with two videos: both show themselves, the caller a
/// presentation as well.
const VIDEO: [&[&str]; 2] =
    [&["--video", "256", "--h239", "128"], &["--video", "256", "--h239", "0"]];

/// Makes every variant of a call from one place to another, and holds them all at once.
fn calls(test: &str, from: Party, to: Party) {
    calls_with(test, from, to, &variants().collect::<Vec<_>>(), [&[], &[]]);
}

/// A few variants, with two videos.
fn video(test: &str, from: Party, to: Party) {
    let variant = |h245, fast_start, multiplexed| Variant { h245, fast_start, multiplexed };
    let variants = [
        variant(["tunnel", "tunnel"], false, false),
        variant(["separate", "separate"], false, true),
        variant(["tunnel", "separate"], true, true),
        variant(["separate", "tunnel"], true, false),
    ];
    calls_with(test, from, to, &variants, VIDEO);
}

/// Makes these calls, and holds them all at once; `more` are further arguments of callers and called parties.
fn calls_with(test: &str, from: Party, to: Party, variants: &[Variant], more: [&[&str]; 2]) {
    let dual = [from.1, to.1].iter().any(|ip| ip(GATEKEEPER).is_ipv6());
    let lab = if dual { Lab::dual_stack(folder(test)) } else { Lab::new(folder(test)) }.unwrap();
    let capture = lab.folder().join("gatekeeper.pcapng");
    let witness = Witness::new(&lab.gatekeeper, "eth0", capture).unwrap();
    let configuration = lab.folder().join("matrix.ini");
    let home =
        if dual { format!("{GATEKEEPER},{}", v6(GATEKEEPER)) } else { GATEKEEPER.to_string() };
    let text = format!("[Gatekeeper::Main]\nHome={home}\n{CONFIGURATION}");
    fs::write(&configuration, text).unwrap();
    let gatekeeper = Gatekeeper::start(&lab.gatekeeper, &configuration).unwrap();

    let mut pairs = Vec::new();
    for (number, variant) in (0..).step_by(2).zip(variants.iter().copied()) {
        let arguments = [more[1], &["--listen", "--auto-answer"]].concat();
        let called = Seat::new(number, to, variant, &arguments);
        let arguments = [more[0], &["--hold", HOLD, &called.user]].concat();
        let calling = Seat::new(number + 1, from, variant, &arguments);
        let phone = called.start(&lab, to, variant.h245[1]);
        pairs.push((variant, calling, called, phone));
    }
    for (.., phone) in &mut pairs {
        phone.registered().unwrap();
    }
    let mut talking: Vec<_> = pairs
        .into_iter()
        .map(|(variant, calling, called, phone)| {
            let caller = calling.start(&lab, from, variant.h245[0]);
            (variant, (calling.tone, caller), (called.tone, phone))
        })
        .collect();
    for (variant, (calling, caller), (called, callee)) in &mut talking {
        let context = format!("{from:?} calls {to:?}, {variant:?}");
        let ended = |phone: &mut Phone| {
            phone.event("call-ended", PATIENCE).unwrap_or_else(|error| panic!("{context}: {error}"))
        };
        let (out, answered) = (ended(caller), ended(callee));
        assert_heard(&context, &out, *called, &answered);
        assert_heard(&context, &answered, *calling, &out);
        if more == VIDEO {
            assert_through(&context, "video", &out, &answered);
            assert_through(&context, "video", &answered, &out);
            assert_through(&context, "presentation", &out, &answered);
        }
        assert!(caller.ended(PATIENCE).unwrap(), "{context}: {}", caller.seen());
        assert!(callee.stop().unwrap(), "{context}: {}", callee.seen());
    }
    gatekeeper.stop().unwrap();
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited::default());
    assert_eq!(lab.far_nat.uninvited().unwrap(), Uninvited::default());
    assert_witnessed(&witness.finish().unwrap(), variants);
}

/// The record of a call says that this tone came through, and all that the other one sent.
fn assert_heard(context: &str, record: &Value, tone: u32, other: &Value) {
    assert_through(context, "audio", other, record);
    let heard = number(context, record, "audio", "receive", "tone_hz");
    assert!((heard - f64::from(tone)).abs() < 5.0, "{context}: not {tone} Hz: {record}");
}

/// What one party sent has come to the other.
fn assert_through(context: &str, media: &str, sender: &Value, receiver: &Value) {
    let received = |name| number(context, receiver, media, "receive", name);
    assert_eq!(received("lost"), 0.0, "{context}: {media} {receiver}");
    let sent = number(context, sender, media, "transmit", "packets");
    assert!(sent > 100.0, "{context}: hardly any {media}: {sender}");
    // The first packets may be there before the way is open, and the last may be on it at the end.
    let packets = received("packets");
    assert!((sent - 100.0..=sent).contains(&packets), "{context}: {sent} {media} sent: {receiver}");
}

fn number(context: &str, record: &Value, media: &str, direction: &str, name: &str) -> f64 {
    let channel = channel(record, media, direction).and_then(|channel| channel[name].as_f64());
    channel.unwrap_or_else(|| panic!("{context}: no {name} of {direction} {media}: {record}"))
}

/// tshark finds nothing wrong, and sees that the variants were not only asked for.
fn assert_witnessed(capture: &Path, variants: &[Variant]) {
    const SETUP: &str = "h225.setup_element";
    const FAST_START: &str = "h225.fastStart";
    let name = capture.display();
    let frames = tshark(capture, &[SETUP, FAST_START]).unwrap();
    let faulty: Vec<_> = frames.iter().filter(|frame| frame.faulty).collect();
    assert!(faulty.is_empty(), "{name}: tshark finds fault with {faulty:#?}");
    assert_decoded(capture, &frames);
    let count = |fields: &[&str]| {
        frames.iter().filter(|f| fields.iter().all(|field| f.fields.contains(*field))).count()
    };
    let each = variants.len();
    let fast = variants.iter().filter(|variant| variant.fast_start).count();
    // To the gatekeeper and from it.
    assert_eq!(count(&[SETUP]), 2 * each, "{name}: Setups");
    assert_eq!(count(&[SETUP, FAST_START]), 2 * fast, "{name}: Setups with fast start");
    let multiplexed = multiplexed(capture).unwrap();
    assert!(multiplexed > 1000, "{name}: only {multiplexed} packets of multiplexed media");
    let control = || frames.iter().filter(|frame| frame.carries("h245"));
    let tunnelled = control().filter(|frame| frame.carries("h225")).count();
    assert!(tunnelled > 0, "{name}: nobody tunnelled H.245");
    assert!(control().count() > tunnelled, "{name}: H.245 was always tunnelled");
}

#[test]
fn inside_calls_outside() {
    calls("matrix-in-out", Party(Place::Inside, V4), Party(Place::Outside, V4));
}

#[test]
fn outside_calls_inside() {
    calls("matrix-out-in", Party(Place::Outside, V4), Party(Place::Inside, V4));
}

#[test]
fn inside_calls_inside_of_another_nat() {
    calls("matrix-in-far", Party(Place::Inside, V4), Party(Place::Far, V4));
}

#[test]
fn inside_calls_inside_of_the_same_nat() {
    calls("matrix-in-in", Party(Place::Inside, V4), Party(Place::Neighbour, V4));
}

#[test]
fn inside_calls_outside_over_ipv6() {
    calls("matrix-in-out-v6", Party(Place::Inside, V6), Party(Place::Outside, V6));
}

#[test]
fn outside_calls_inside_over_ipv6() {
    calls("matrix-out-in-v6", Party(Place::Outside, V6), Party(Place::Inside, V6));
}

#[test]
fn inside_calls_inside_of_another_firewall_over_ipv6() {
    calls("matrix-in-far-v6", Party(Place::Inside, V6), Party(Place::Far, V6));
}

#[test]
fn inside_calls_inside_of_the_same_firewall_over_ipv6() {
    calls("matrix-in-in-v6", Party(Place::Inside, V6), Party(Place::Neighbour, V6));
}

#[test]
fn inside_over_ipv4_calls_outside_over_ipv6() {
    calls("matrix-in4-out6", Party(Place::Inside, V4), Party(Place::Outside, V6));
}

#[test]
fn inside_over_ipv6_calls_outside_over_ipv4() {
    calls("matrix-in6-out4", Party(Place::Inside, V6), Party(Place::Outside, V4));
}

#[test]
fn outside_over_ipv4_calls_inside_over_ipv6() {
    calls("matrix-out4-in6", Party(Place::Outside, V4), Party(Place::Inside, V6));
}

#[test]
fn outside_over_ipv6_calls_inside_over_ipv4() {
    calls("matrix-out6-in4", Party(Place::Outside, V6), Party(Place::Inside, V4));
}

#[test]
fn inside_shows_outside_two_videos() {
    video("matrix-video-in-out", Party(Place::Inside, V4), Party(Place::Outside, V4));
}

#[test]
fn outside_shows_inside_two_videos() {
    video("matrix-video-out-in", Party(Place::Outside, V4), Party(Place::Inside, V4));
}

#[test]
fn inside_shows_inside_of_another_nat_two_videos() {
    video("matrix-video-in-far", Party(Place::Inside, V4), Party(Place::Far, V4));
}

#[test]
fn inside_over_ipv4_shows_outside_over_ipv6_two_videos() {
    video("matrix-video-in4-out6", Party(Place::Inside, V4), Party(Place::Outside, V6));
}
