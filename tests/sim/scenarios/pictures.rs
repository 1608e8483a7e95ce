//! Video, a second video (H.239) and digits through the gatekeeper.

use pinhole::event::{CallRecord, Event};
use pinhole::phone::options::Options;

use super::lab::{Lab, Place, Plan, heard, lab};
use crate::world::{Chop, HostId, seconds};
use Place::{Inside, Outside};

const TALK: u64 = 5;

/// Packets that came in a medium, none lost.
fn packets(record: &CallRecord, media: &str) -> u64 {
    let of = |c: &&pinhole::event::ChannelRecord| c.media == media && c.direction == "receive";
    let channel = record.channels.iter().find(of).unwrap_or_else(|| panic!("{media}: {record:#?}"));
    assert_eq!(channel.lost, 0, "{record:#?}");
    channel.packets
}

/// A call with these options at both ends; the records of both, the caller's first.
fn call(
    (from, to): (Place, Place),
    adjust: impl Fn(&mut Options) + Copy,
) -> (Lab, [HostId; 2], [CallRecord; 2]) {
    let mut lab = lab(Plan::with(Chop::AsSent));
    let bob = lab.answering("bob", to, 880.0, adjust);
    lab.world.mark_rest();
    let alice = lab.calling("alice", from, ("bob", 440.0, TALK), adjust);
    let records = [lab.record(alice, 1, seconds(60)), lab.record(bob, 1, seconds(5))];
    heard(&records[0], TALK, 880.0);
    heard(&records[1], TALK, 440.0);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
    (lab, [alice, bob], records)
}

#[test]
fn video_each_way() {
    for (way, tunnelling) in
        [((Inside, Outside), true), ((Outside, Inside), false), ((Inside, Inside), true)]
    {
        let (_, _, records) = call(way, |options| {
            options.video = Some(384);
            options.tunnelling = tunnelling;
        });
        for record in &records {
            // Two packets a frame, 25 frames a second.
            assert!(packets(record, "video").abs_diff(50 * TALK) < 25, "{record:#?}");
        }
    }
}

#[test]
fn a_second_video_from_one_end() {
    for way in [(Inside, Outside), (Outside, Inside)] {
        let (_, _, records) = call(way, |options| {
            options.video = Some(384);
            options.presentation = Some(512);
        });
        let shown = records.iter().filter(|record| {
            record.channels.iter().any(|c| c.media == "presentation" && c.direction == "receive")
        });
        let shown: Vec<u64> = shown.map(|record| packets(record, "presentation")).collect();
        // Three packets a frame, from who got the token.
        assert!(shown.len() == 1 && shown[0].abs_diff(75 * TALK) < 40, "{shown:?} {records:#?}");
    }
}

/// Media in one direction has nothing but the keepalive to open the way for it.
#[test]
fn a_second_video_whose_first_keepalive_is_lost() {
    let mut lab = lab(Plan::with(Chop::AsSent));
    let bob = lab.answering("bob", Inside, 880.0, |options| options.presentation = Some(0));
    lab.world.mark_rest();
    // That of audio and that of the second video.
    lab.world.keepalives_lost.insert(bob, 2);
    let alice = lab.calling("alice", Outside, ("bob", 440.0, TALK), |options| {
        options.presentation = Some(512);
    });
    lab.record(alice, 1, seconds(60));
    let record = lab.record(bob, 1, seconds(5));
    assert_eq!(lab.world.keepalives_lost[&bob], 0);
    let shown = packets(&record, "presentation");
    assert!((75 * (TALK - 2)..75 * TALK).contains(&shown), "{record:#?}");
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
}

#[test]
fn digits_pass() {
    let (lab, [_, bob], _) = call((Inside, Outside), |options| {
        options.digits = "12#".to_owned();
    });
    let digits = |event: &Event| match event {
        Event::UserInput { direction: "receive", digits, .. } => Some(digits.clone()),
        _ => None,
    };
    let came: String =
        lab.world.events(bob).iter().filter_map(|(_, event)| digits(event)).collect();
    assert_eq!(came, "12#");
}
