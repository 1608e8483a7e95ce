//! A party that is gone without a word: nothing but the missing media shows it (`RTPInactivityCheck`).

use std::time::Duration;

use pinhole::phone::options::Options;

use super::lab::{Lab, Place, Plan, connected, ended, lab};
use super::zone::settings;
use crate::world::{Chop, HostId, seconds};
use Place::{Inside, Outside};

const MODE: &str = "[Gatekeeper::Main]\nTTLExpireDropCall=0\n[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\n[Proxy]\nEnable=1\n";
const WATCHED: &str = "RTPInactivityCheck=1\nRTPInactivityTimeout=30\n";

/// The longest that is waited.
const LONG: Duration = Duration::from_secs(120);

/// A call in which everybody stays so far. That a registration ends does not end it.
fn call(keys: &str, from: Place) -> (Lab, [HostId; 2]) {
    let plan = Plan { settings: settings(&format!("{MODE}{keys}")), ..Plan::with(Chop::AsSent) };
    let mut lab = lab(plan);
    let plain = |options: &mut Options| options.traversal = false;
    let bob = lab.answering("bob", Outside, 880.0, plain);
    let alice = lab.calling("alice", from, ("bob", 440.0, 3600), |options| {
        options.traversal = from == Inside;
    });
    lab.world.must("they talk", |world| world.told(alice, connected), seconds(60));
    lab.world.run_for(seconds(5));
    (lab, [alice, bob])
}

/// How long the gatekeeper goes on with a call after a party has vanished, up to two minutes.
fn lasts(lab: &mut Lab) -> Duration {
    let (node, begin) = (lab.node, lab.world.elapsed());
    match lab.world.run_until(|world| world.told(node, ended), LONG) {
        true => lab.world.elapsed() - begin,
        false => LONG,
    }
}

#[test]
fn a_call_ends_whose_media_has_stopped() {
    for gone in [0, 1] {
        let (mut lab, hosts) = call(WATCHED, Outside);
        lab.world.vanish(hosts[gone]);
        let time = lasts(&mut lab);
        assert!((seconds(30)..seconds(37)).contains(&time), "{gone}: {time:?}");
        let record = lab.record(lab.node, 1, seconds(5));
        let name = ["alice", "bob"][gone];
        let sentence = format!(
            "nothing came from {name} in its media channel for 30 s (RTPInactivityTimeout)"
        );
        assert_eq!((record.sentence.as_str(), record.cause), (sentence.as_str(), Some(41)));
        let other = hosts[1 - gone];
        lab.world.must("the other party is told", |world| world.told(other, ended), seconds(5));
    }
}

#[test]
fn else_it_goes_on_for_long() {
    let video = "RTPInactivityCheck=1\nRTPInactivityTimeout=30\nRTPInactivityCheckSession=Video\n";
    for keys in ["", video] {
        let (mut lab, hosts) = call(keys, Outside);
        lab.world.vanish(hosts[0]);
        assert!(lasts(&mut lab) > seconds(60), "{keys}");
        // The system notices at last that nobody acknowledges what is sent.
        let record = lab.record(lab.node, 1, LONG);
        assert_eq!(record.sentence, "the signalling connection to alice was lost", "{keys}");
    }
}

#[test]
fn who_talks_is_not_cut_off() {
    for from in [Outside, Inside] {
        let (mut lab, _) = call(WATCHED, from);
        assert_eq!(lasts(&mut lab), LONG, "{from:?}");
    }
}
