//! Calls end from either side, by failures too, and always with a cause and without a trace.

use pinhole::event::{CallRecord, Event};
use pinhole::firewall::Rules;
use pinhole::phone::options::Incoming;

use super::lab::{Lab, Place, Plan, channel, connected, ended, heard, lab, records};
use crate::world::{Chop, HostId, Link, millis, seconds};
use Place::{Inside, Outside};

/// A lab in which alice, outside, talks to bob, inside, without end.
fn talking(plan: Plan, tunnelling: bool) -> (Lab, HostId, HostId) {
    let mut lab = lab(plan);
    let bob = lab.answering("bob", Inside, 880.0, |options| options.tunnelling = tunnelling);
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 0), |options| {
        options.hold = None;
        options.tunnelling = tunnelling;
    });
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    lab.world.run_for(seconds(3));
    (lab, alice, bob)
}

fn the_called_party_hangs_up(chop: Chop) {
    for tunnelling in [true, false] {
        let mut lab = lab(Plan::with(chop));
        let bob = lab.answering("bob", Inside, 880.0, |options| {
            options.hold = Some(seconds(4));
            options.tunnelling = tunnelling;
        });
        lab.world.mark_rest();
        let alice = lab.calling("alice", Outside, ("bob", 440.0, 0), |options| {
            options.hold = None;
            options.tunnelling = tunnelling;
        });
        heard(&lab.record(alice, 1, seconds(30)), 4, 880.0);
        heard(&lab.record(bob, 1, seconds(5)), 4, 440.0);
        lab.nothing_left();
    }
}

fn a_phone_that_ends_releases_its_call(chop: Chop) {
    for quitter in 0..2 {
        let (mut lab, alice, bob) = talking(Plan::with(chop), true);
        let (quits, stays) = if quitter == 0 { (alice, bob) } else { (bob, alice) };
        lab.world.shutdown(quits);
        let record = lab.record(stays, 1, seconds(5));
        assert_eq!(record.cause, Some(16), "{record:#?}");
        lab.record(lab.node, 1, seconds(5));
        lab.world.must("ended", |world| world.ended(quits), seconds(10));
        lab.nothing_left();
    }
}

fn a_gatekeeper_that_ends_releases_all_calls(chop: Chop) {
    for tunnelling in [true, false] {
        let (mut lab, alice, bob) = talking(Plan::with(chop), tunnelling);
        let node = lab.node;
        lab.world.shutdown(node);
        for host in [alice, bob] {
            // The end of H.245, on a connection of its own, is not taken for the reason.
            let record = lab.record(host, 1, seconds(5));
            assert_eq!(record.cause, Some(41), "{record:#?}");
            told_why(&record);
        }
        lab.world.must("ended", |world| world.ended(node), seconds(30));
        assert_eq!(records(&lab.world, node).len(), 1);
    }
}

fn a_phone_that_vanishes_does_not_hold_the_other(chop: Chop) {
    for tunnelling in [true, false] {
        let (mut lab, alice, bob) = talking(Plan::with(chop), tunnelling);
        lab.world.vanish(bob);
        let record = lab.record(alice, 1, seconds(120));
        assert!(!matches!(record.cause, None | Some(16)), "{record:#?}");
        told_why(&record);
        lab.record(lab.node, 1, seconds(5));
        lab.nothing_left();
    }
}

fn a_reset_connection_releases_the_other_leg(chop: Chop) {
    for leg in 0..2 {
        let (mut lab, alice, bob) = talking(Plan::with(chop), true);
        let (reset, other) = if leg == 0 { (alice, bob) } else { (bob, alice) };
        let stream = lab.world.streams(reset)[0].0;
        lab.world.reset(reset, stream);
        let record = lab.record(other, 1, seconds(5));
        assert_ne!(record.cause, None, "{record:#?}");
        told_why(&record);
        lab.record(reset, 1, seconds(5));
        lab.record(lab.node, 1, seconds(5));
        lab.nothing_left();
    }
}

/// The party was told, and not only cut off.
fn told_why(record: &CallRecord) {
    assert!(!record.sentence.contains("connection was lost"), "{record:#?}");
}

/// Octets come to the gatekeeper in the midst of a call, on the leg of one party.
fn injected(chop: Chop, bytes: &[u8], from_alice: bool) -> (Lab, HostId, HostId) {
    let (mut lab, alice, bob) = talking(Plan::with(chop), true);
    let (sender, other) = if from_alice { (alice, bob) } else { (bob, alice) };
    let stream = lab.node_stream_of(sender);
    let node = lab.node;
    lab.world.inject_stream(node, stream, bytes);
    lab.world.run_for(seconds(2));
    (lab, sender, other)
}

fn malformed(event: &Event) -> bool {
    matches!(event, Event::Malformed { .. })
}

fn garbage_on_a_connection_ends_it_and_releases_the_other_leg(chop: Chop) {
    // No TPKT; one shorter than its own header; one of another version; no Q.931; an information element longer than
    // the message; no H.225.0.
    let garbage: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[3, 0, 0, 0],
        &[4, 0, 0, 8, 8, 2, 0, 1],
        &[3, 0, 0, 8, 0xff, 0xff, 0xff, 0xff],
        &[3, 0, 0, 14, 8, 2, 0, 1, 0x62, 0x7e, 0x00, 0xff, 0x05, 0xff],
        &[3, 0, 0, 17, 8, 2, 0, 1, 0x62, 0x7e, 0x00, 0x04, 0x05, 0xff, 0xff, 0xff, 0xff],
    ];
    for bytes in garbage {
        for from_alice in [true, false] {
            let (mut lab, sender, other) = injected(chop, bytes, from_alice);
            assert!(lab.world.told(lab.node, malformed), "{bytes:02x?}");
            for host in [sender, other, lab.node] {
                let record = lab.record(host, 1, seconds(5));
                assert_eq!(record.cause, Some(111), "{bytes:02x?}: {record:#?}");
            }
            lab.nothing_left();
        }
    }
}

fn a_message_that_means_nothing_harms_no_call(chop: Chop) {
    // Each in a whole TPKT: an empty one, and a Setup without what H.225.0 adds to it.
    let odd: [&[u8]; 2] = [&[3, 0, 0, 4], &[3, 0, 0, 9, 8, 2, 0, 1, 0x05]];
    for bytes in odd {
        for from_alice in [true, false] {
            let (mut lab, sender, other) = injected(chop, bytes, from_alice);
            assert!(!lab.world.told(lab.node, ended), "{bytes:02x?}");
            lab.world.shutdown(sender);
            let record = lab.record(other, 1, seconds(5));
            assert_eq!(record.cause, Some(16), "{bytes:02x?}: {record:#?}");
            lab.nothing_left();
        }
    }
}

/// Whenever the caller hangs up, be it before the call has got anywhere, nothing is left of it.
fn a_caller_can_hang_up_at_any_moment(chop: Chop) {
    for tunnelling in [true, false] {
        for moment in (0..300).step_by(10) {
            let mut lab = lab(Plan::with(chop));
            lab.answering("bob", Inside, 880.0, |options| options.tunnelling = tunnelling);
            lab.world.mark_rest();
            let alice = lab.calling("alice", Outside, ("bob", 440.0, 0), |options| {
                options.hold = None;
                options.tunnelling = tunnelling;
            });
            lab.world.run_for(millis(moment));
            lab.world.shutdown(alice);
            lab.world.must("ended", |world| world.ended(alice), seconds(60));
            lab.nothing_left();
        }
    }
}

/// The same without a word: its signalling connection breaks.
fn a_connection_can_break_at_any_moment(chop: Chop) {
    for tunnelling in [true, false] {
        for moment in (0..300).step_by(10) {
            let mut lab = lab(Plan::with(chop));
            let bob = lab.answering("bob", Inside, 880.0, |options| {
                options.tunnelling = tunnelling;
            });
            lab.world.mark_rest();
            let alice = lab.calling("alice", Outside, ("bob", 440.0, 5), |options| {
                options.tunnelling = tunnelling;
            });
            lab.world.run_for(millis(moment));
            let victim = if moment % 20 == 0 { alice } else { bob };
            for (stream, _) in lab.world.streams(victim) {
                lab.world.reset(victim, stream);
            }
            lab.record(alice, 1, seconds(60));
            lab.world.must("ended", |world| world.ended(alice), seconds(60));
            lab.nothing_left();
        }
    }
}

fn a_caller_who_gives_up_ends_the_ringing(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let bob = lab.answering("bob", Inside, 880.0, |options| options.incoming = Incoming::Ring);
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 5), |_| {});
    let rings = |event: &Event| matches!(event, Event::CallStarted { .. });
    lab.world.must("it rings", |world| world.told(bob, rings), seconds(10));
    lab.world.run_for(seconds(5));
    lab.world.shutdown(alice);
    let record = lab.record(bob, 1, seconds(5));
    assert_eq!(record.setup_ms, None, "{record:#?}");
    assert_ne!(record.cause, None, "{record:#?}");
    assert_ne!(lab.record(lab.node, 1, seconds(5)).cause, None);
    lab.world.must("ended", |world| world.ended(alice), seconds(10));
    lab.nothing_left();
}

fn nobody_answers_and_the_call_is_released_in_the_end(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    lab.answering("bob", Inside, 880.0, |options| options.incoming = Incoming::Ring);
    lab.world.mark_rest();
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 5), |_| {});
    let record = lab.record(alice, 1, seconds(400));
    assert!(!matches!(record.cause, None | Some(16)), "{record:#?}");
    lab.nothing_left();
}

fn a_refusal_reaches_the_caller(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    lab.answering("carol", Outside, 660.0, |_| {});
    lab.world.mark_rest();
    // Bob calls carol, and takes no calls himself.
    let bob = lab.calling("bob", Inside, ("carol", 880.0, 30), |_| {});
    lab.world.must("talking", |world| world.told(bob, connected), seconds(30));
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 5), |_| {});
    let record = lab.record(alice, 1, seconds(20));
    assert!(!matches!(record.cause, None | Some(16)), "{record:#?}");
    assert!(!lab.world.told(alice, connected));
    heard(&lab.record(bob, 2, seconds(60)), 30, 660.0);
    lab.nothing_left();
}

fn a_name_that_nobody_has_is_refused_at_once(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    lab.world.mark_rest();
    let alice = lab.calling("alice", Inside, ("nobody", 440.0, 5), |_| {});
    let record = lab.record(alice, 1, seconds(3));
    assert!(!lab.world.told(alice, connected));
    assert!(!record.sentence.is_empty());
    lab.nothing_left();
}

fn a_phone_without_ports_refuses_calls_and_recovers(chop: Chop) {
    for tunnelling in [true, false] {
        let mut lab = lab(Plan::with(chop));
        let bob = lab.answering("bob", Outside, 880.0, |options| {
            options.traversal = false;
            options.tunnelling = tunnelling;
        });
        lab.world.mark_rest();
        lab.world.exhaust(bob, true);
        let alice = lab.calling("alice", Inside, ("bob", 440.0, 2), |_| {});
        let record = lab.record(alice, 1, seconds(60));
        assert!(!matches!(record.cause, None | Some(16)), "{record:#?}");
        lab.record(bob, 1, seconds(5));
        lab.world.exhaust(bob, false);
        lab.world.run_for(seconds(10));
        let alice = lab.calling("alice", Inside, ("bob", 440.0, 2), |_| {});
        heard(&lab.record(alice, 1, seconds(60)), 2, 880.0);
        lab.nothing_left();
    }
}

fn a_host_without_ports_refuses_calls_and_recovers(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    lab.answering("bob", Inside, 880.0, |_| {});
    lab.world.mark_rest();
    let node = lab.node;
    lab.world.exhaust(node, true);
    let mut refused = 0;
    for _ in 0..12 {
        let alice = lab.calling("alice", Outside, ("bob", 440.0, 1), |_| {});
        let record = lab.record(alice, 1, seconds(60));
        refused += u32::from(record.cause != Some(16));
        lab.world.run_for(seconds(10));
    }
    assert!(refused > 0, "ports ran out");
    lab.world.exhaust(node, false);
    // It looks again by itself, no later than after eight seconds: no call is lost for it.
    lab.world.run_for(seconds(9));
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 2), |_| {});
    heard(&lab.record(alice, 1, seconds(60)), 2, 880.0);
    lab.nothing_left();
}

fn many_calls_at_once_stay_apart(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    let carol = lab.answering("carol", Outside, 660.0, |_| {});
    lab.world.mark_rest();
    let mut callers = Vec::new();
    for n in 0..10 {
        let (whom, hertz) = if n % 2 == 0 { ("bob", 880.0) } else { ("carol", 660.0) };
        let place = if n % 3 == 0 { Inside } else { Outside };
        let name = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"][n];
        callers.push((lab.calling(name, place, (whom, 440.0, 10), |_| {}), hertz));
    }
    for (caller, hertz) in callers {
        heard(&lab.record(caller, 1, seconds(60)), 10, hertz);
    }
    for host in [bob, carol] {
        lab.record(host, 5, seconds(10));
        for record in records(&lab.world, host) {
            heard(&record, 10, 440.0);
        }
    }
    lab.nothing_left();
}

fn an_outage_of_half_a_minute_costs_audio_and_no_call(chop: Chop) {
    let (mut lab, alice, bob) =
        talking(Plan { rules: Rules::symmetric(), ..Plan::with(chop) }, true);
    let whole = *lab.world.link(bob);
    *lab.world.link(bob) = Link { loss: 1.0, ..whole };
    lab.world.run_for(seconds(8));
    *lab.world.link(bob) = whole;
    lab.world.run_for(seconds(20));
    assert!(!lab.world.told(alice, ended));
    lab.world.shutdown(alice);
    let record = lab.record(bob, 1, seconds(5));
    assert_eq!(record.cause, Some(16), "{record:#?}");
    assert!(channel(&record, "receive").lost > 300, "{record:#?}");
    lab.world.must("ended", |world| world.ended(alice), seconds(10));
    lab.nothing_left();
}

as_sent_and_octet_by_octet! {
    the_called_party_hangs_up,
    a_phone_that_ends_releases_its_call,
    a_gatekeeper_that_ends_releases_all_calls,
    a_phone_that_vanishes_does_not_hold_the_other,
    a_reset_connection_releases_the_other_leg,
    garbage_on_a_connection_ends_it_and_releases_the_other_leg,
    a_message_that_means_nothing_harms_no_call,
    a_caller_can_hang_up_at_any_moment,
    a_connection_can_break_at_any_moment,
    a_caller_who_gives_up_ends_the_ringing,
    nobody_answers_and_the_call_is_released_in_the_end,
    a_refusal_reaches_the_caller,
    a_name_that_nobody_has_is_refused_at_once,
    a_phone_without_ports_refuses_calls_and_recovers,
    a_host_without_ports_refuses_calls_and_recovers,
    many_calls_at_once_stay_apart,
    an_outage_of_half_a_minute_costs_audio_and_no_call,
}
