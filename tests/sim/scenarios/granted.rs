//! Phones that need not ask whether they may call, or be called (`PregrantARQ`): the calls are as good, and nothing of them is left.

use pinhole::node::Node;
use pinhole_h323::ras::Ras;

use super::lab::{Lab, NODE, Place, Plan, heard, lab, records, relayed};
use super::zone::settings;
use crate::world::{Chop, HostId, at, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 4;
const MODE: &str = "[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\n[Proxy]\nEnable=1\n";

fn lab_of(text: &str) -> Lab {
    lab(Plan { settings: settings(&format!("{MODE}{text}")), ..Plan::with(Chop::AsSent) })
}

/// Of what a host has sent to the gatekeeper's RAS, the requests about calls.
fn asked(lab: &mut Lab, host: HostId) -> Vec<&'static str> {
    let ras = at(&format!("{NODE}:1719"));
    let sent = lab.world.tap(host);
    let names = sent.iter().filter(|(to, _)| *to == ras).filter_map(|(_, bytes)| {
        let name = Ras::decode(bytes).expect("sound").name();
        ["admissionRequest", "disengageRequest"].into_iter().find(|known| *known == name)
    });
    names.collect()
}

/// What is asked about a call by the caller, and by the called party.
fn talk(text: &str, (from, to): (Place, Place)) -> [Vec<&'static str>; 2] {
    let mut lab = lab_of(text);
    let bob = lab.answering("bob", to, BOB, |_| {});
    lab.world.mark_rest();
    lab.world.tap(bob);
    let alice = lab.calling("alice", from, ("bob", ALICE, TALK), |_| {});
    lab.world.tap(alice);
    heard(&lab.record(alice, 1, seconds(60)), TALK, BOB);
    heard(&lab.record(bob, 1, seconds(5)), TALK, ALICE);
    relayed(&lab.record(lab.node, 1, seconds(5)), TALK);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    let node = lab.node;
    assert_eq!(records(&lab.world, node).len(), 1);
    assert_eq!(records(&lab.world, node)[0].peer, "alice -> bob", "the caller is known");
    let calls = lab.world.with(node, |node: &mut Node, _| node.calls());
    assert_eq!(calls, 0);
    lab.nothing_left();
    [alice, bob].map(|phone| asked(&mut lab, phone))
}

#[test]
fn calls_go_without_a_question_where_they_are_granted() {
    for way in [(Inside, Outside), (Outside, Inside), (Inside, Inside), (Outside, Outside)] {
        let granted = talk("[RoutedMode]\nPregrantARQ=1\n", way);
        assert_eq!(granted, [[""; 0]; 2], "{way:?}");
    }
    let asked = talk("", (Inside, Outside));
    assert_eq!(asked, [["admissionRequest", "disengageRequest"]; 2]);
}

/// A call to nobody is refused in the words of Setup then.
#[test]
fn nobody_is_called_without_a_question_either() {
    let mut lab = lab_of("[RoutedMode]\nPregrantARQ=1\n");
    let alice = lab.calling("alice", Inside, ("nobody", ALICE, TALK), |_| {});
    lab.world.tap(alice);
    let record = lab.record(alice, 1, seconds(20));
    assert_eq!(record.cause, Some(20), "{record:#?}");
    assert_eq!(record.release_reason.as_deref(), Some("calledPartyNotRegistered"));
    assert_eq!(asked(&mut lab, alice), [""; 0]);
}
