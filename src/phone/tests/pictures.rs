//! Video, a second video, and digits, from phone to phone.

use super::host::{Lab, answering, calling};
use crate::event::{CallRecord, ChannelRecord, Event};
use crate::phone::options::Options;

fn channels<'a>(record: &'a CallRecord, media: &str, direction: &str) -> Vec<&'a ChannelRecord> {
    let of = |c: &&ChannelRecord| c.media == media && c.direction == direction;
    record.channels.iter().filter(of).collect()
}

/// The records of a call of five seconds, the caller's first.
fn call(callee: Options, caller: Options) -> [CallRecord; 2] {
    let mut lab = Lab::new();
    let bob = lab.phone(callee);
    let alice = lab.phone(caller);
    lab.seconds(8);
    assert!(lab.has_finished(alice), "{:?}", lab.events(alice));
    assert_eq!(lab.leftovers(alice), 0);
    assert_eq!(lab.leftovers(bob), 1, "the listener");
    [lab.record(alice), lab.record(bob)]
}

fn assert_audio(record: &CallRecord) {
    let [heard] = channels(record, "audio", "receive")[..] else { panic!("{record:?}") };
    assert!((heard.tone_hz.unwrap() - 440.0).abs() < 1.0, "{heard:?}");
    assert_eq!(heard.lost, 0);
}

#[test]
fn video_at_the_rate_that_each_wants() {
    for (tunnelling, fast_start) in [(true, false), (false, false), (true, true)] {
        let adjust = |options| Options { tunnelling, fast_start, ..options };
        let callee = Options { video: Some(1000), ..adjust(answering("bob")) };
        let caller = Options { video: Some(384), ..adjust(calling("alice", Some(5))) };
        let [alice, bob] = call(callee, caller);
        // 1000 kbit/s is five packets a frame, 384 two; 25 frames a second.
        for (record, packets) in [(&alice, 625), (&bob, 250)] {
            assert_audio(record);
            let [seen] = channels(record, "video", "receive")[..] else { panic!("{record:?}") };
            assert!(seen.packets.abs_diff(packets) < 12, "{seen:?}");
            assert_eq!((seen.lost, seen.codec.as_str(), seen.tone_hz), (0, "h263", None));
            assert!(seen.jitter_ms.unwrap() < 0.1, "{seen:?}");
            let [sent] = channels(record, "video", "transmit")[..] else { panic!("{record:?}") };
            assert!(sent.latency_ms.is_some(), "RTCP goes both ways: {sent:?}");
        }
    }
}

#[test]
fn who_wants_no_video_gets_none() {
    let caller = Options { video: Some(384), ..calling("alice", Some(5)) };
    for record in call(answering("bob"), caller) {
        assert_audio(&record);
        assert_eq!(record.channels.len(), 2, "{record:?}");
    }
    let caller = Options { video: Some(0), ..calling("alice", Some(5)) };
    let callee = Options { video: Some(64), ..answering("bob") };
    let [alice, bob] = call(callee, caller);
    assert_eq!(channels(&alice, "video", "receive").len(), 1, "it only receives");
    assert_eq!(channels(&alice, "video", "transmit").len(), 0);
    assert_eq!(channels(&bob, "video", "receive").len(), 0);
}

#[test]
fn one_shows_a_second_video() {
    // The caller, the called party, and whoever gets the token of two who want it.
    for (callee, caller) in [(0, 512), (512, 0), (512, 512)] {
        let options = |presentation, options| Options {
            video: Some(384),
            presentation: Some(presentation),
            ..options
        };
        let [alice, bob] =
            call(options(callee, answering("bob")), options(caller, calling("alice", Some(5))));
        let mut shown = Vec::new();
        for (ours, theirs) in [(&alice, &bob), (&bob, &alice)] {
            assert_audio(ours);
            assert_eq!(channels(ours, "video", "receive").len(), 1);
            let sent = channels(ours, "presentation", "transmit");
            let seen = channels(theirs, "presentation", "receive");
            assert_eq!(sent.len(), seen.len());
            shown.extend(sent.iter().zip(seen).map(|(sent, seen)| (sent.packets, seen.packets)));
        }
        let [(sent, seen)] = shown[..] else { panic!("{shown:?}") };
        // 512 kbit/s is three packets a frame.
        assert!(sent.abs_diff(375) < 12 && seen.abs_diff(sent) < 3, "{sent} {seen}");
    }
}

#[test]
fn digits_arrive_in_order() {
    for tunnelling in [true, false] {
        let digits = "123#*D".to_owned();
        let mut lab = Lab::new();
        let bob = lab.phone(Options { tunnelling, ..answering("bob") });
        let alice = lab.phone(Options { digits, ..calling("alice", Some(5)) });
        lab.seconds(8);
        let said = |guest: usize, wanted: &str| {
            let digits = |event: &Event| match event {
                Event::UserInput { direction, digits, .. } if *direction == wanted => {
                    Some(digits.clone())
                }
                _ => None,
            };
            lab.events(guest).iter().filter_map(digits).collect::<String>()
        };
        assert_eq!(said(bob, "receive"), "123#*D");
        assert_eq!(said(alice, "transmit"), "123#*D");
        assert_eq!(said(alice, "receive"), "");
    }
}
