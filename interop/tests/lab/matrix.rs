//! Every variant of a call between every two places, all of them at once through one gatekeeper.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use pinhole_interop::{
    GATEKEEPER, Gatekeeper, Lab, Traversal, Uninvited, Witness, multiplexed, tshark, v6,
};

use crate::calls::assert_decoded;
use crate::seats::{self, Place, Variant, talk, variants};
use crate::{busy, folder};

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

/// A side of the calls of a test: where its phones are, and over which version of IP they register.
#[derive(Debug, Clone, Copy)]
struct Party(Place, fn(Ipv4Addr) -> IpAddr);

const V4: fn(Ipv4Addr) -> IpAddr = IpAddr::V4;
const V6: fn(Ipv4Addr) -> IpAddr = |host| IpAddr::V6(v6(host));

impl Party {
    fn seats(self) -> seats::Party {
        let traversal = match self.0 {
            Place::Outside => Traversal::None,
            _ => Traversal::H46018,
        };
        seats::Party { place: self.0, gatekeeper: self.1(GATEKEEPER), traversal }
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

/// A few variants of a call with two videos.
const SHOWN: [Variant; 4] = [
    Variant { h245: ["tunnel", "tunnel"], fast_start: false, multiplexed: false },
    Variant { h245: ["separate", "separate"], fast_start: false, multiplexed: true },
    Variant { h245: ["tunnel", "separate"], fast_start: true, multiplexed: true },
    Variant { h245: ["separate", "tunnel"], fast_start: true, multiplexed: false },
];

/// A few variants, with two videos.
fn video(test: &str, from: Party, to: Party) {
    calls_with(test, from, to, &SHOWN, VIDEO);
}

/// Of those the two in which the parties differ.
fn video_briefly(test: &str, from: Party, to: Party) {
    calls_with(test, from, to, &SHOWN[2..], VIDEO);
}

/// Makes these calls, and holds them all at once; `more` are further arguments of callers and called parties.
fn calls_with(test: &str, from: Party, to: Party, variants: &[Variant], more: [&[&str]; 2]) {
    let _turn = busy();
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
    for talk in talk(&lab, [from.seats(), to.seats()], variants, more) {
        if more == VIDEO {
            talk.assert_through("video", [0, 1]);
            talk.assert_through("video", [1, 0]);
            talk.assert_through("presentation", [0, 1]);
        }
    }
    gatekeeper.stop().unwrap();
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited::default());
    assert_eq!(lab.far_nat.uninvited().unwrap(), Uninvited::default());
    assert_witnessed(&witness.finish().unwrap(), variants);
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
fn inside_over_ipv4_calls_inside_of_another_nat_over_ipv6() {
    calls("matrix-in4-far6", Party(Place::Inside, V4), Party(Place::Far, V6));
}

#[test]
fn inside_over_ipv6_calls_inside_of_another_nat_over_ipv4() {
    calls("matrix-in6-far4", Party(Place::Inside, V6), Party(Place::Far, V4));
}

#[test]
fn inside_over_ipv4_calls_inside_of_the_same_nat_over_ipv6() {
    calls("matrix-in4-in6", Party(Place::Inside, V4), Party(Place::Neighbour, V6));
}

#[test]
fn inside_over_ipv6_calls_inside_of_the_same_nat_over_ipv4() {
    calls("matrix-in6-in4", Party(Place::Inside, V6), Party(Place::Neighbour, V4));
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

#[test]
fn inside_shows_inside_of_the_same_nat_two_videos() {
    video("matrix-video-in-in", Party(Place::Inside, V4), Party(Place::Neighbour, V4));
}

#[test]
fn inside_shows_outside_two_videos_over_ipv6() {
    video_briefly("matrix-video-in-out-v6", Party(Place::Inside, V6), Party(Place::Outside, V6));
}

#[test]
fn outside_shows_inside_two_videos_over_ipv6() {
    video_briefly("matrix-video-out-in-v6", Party(Place::Outside, V6), Party(Place::Inside, V6));
}

#[test]
fn inside_shows_inside_of_another_firewall_two_videos_over_ipv6() {
    video_briefly("matrix-video-in-far-v6", Party(Place::Inside, V6), Party(Place::Far, V6));
}
