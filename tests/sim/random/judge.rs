//! What must be so in every random world, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use pinhole::event::{CallRecord, ChannelRecord, Event};

use super::census::Census;
use super::fate;
use super::plan::{Act, Plan};
use super::run::{Party, Run};
use super::sane::sane;
use crate::scenarios::lab::{connected, records};
use crate::world::{millis, seconds};

/// A tone this near to another, in hertz, is that tone.
const NEAR: f64 = 15.0;

/// For so long dust may settle.
const DUST_S: u64 = 240;

/// Runs a world, and looks whether all is well in the end; what there was in it.
pub(super) fn judge(plan: &Plan) -> Census {
    let mut run = Run::begin(plan);
    run.chaos(plan);
    run.calm(plan);
    settle(&mut run, plan);
    quiet_calls(&mut run, plan);
    fate::last_call(&mut run, plan);
    run.world.run_for(seconds(60));
    settle(&mut run, plan);
    tones(&run);
    blame(&run, plan);
    let left = run.world.leftovers();
    if !left.is_empty() {
        run.world.fail(&format!("left over: {left:?}"));
    }
    tables(&mut run, plan);
    for record in records(&run.world, run.node.host) {
        run.census.saw(if record.setup_ms.is_some() { "answered" } else { "failed" });
        if record.release_reason.as_deref() == Some("securityDenied") {
            run.census.saw("refused as not secure");
        }
    }
    new_keys(&mut run);
    run.census
}

/// Notes channels that have had more than one key.
fn new_keys(run: &mut Run) {
    let channel = |event: &Event| match event {
        Event::ChannelEncrypted { callid, party, direction, channel, .. } => {
            Some((callid.clone(), party.clone(), *direction, *channel))
        }
        _ => None,
    };
    let keyed = run.world.events(run.node.host).iter().filter_map(|(_, event)| channel(event));
    let mut seen = BTreeSet::new();
    let again = keyed.filter(|channel| !seen.insert(channel.clone())).count();
    for _ in 0..again {
        run.census.saw("new keys");
    }
}

/// Lets the dust settle, which must not take too long.
fn settle(run: &mut Run, plan: &Plan) {
    for _ in 0..DUST_S / 20 {
        run.world.run_for(seconds(20));
        sane(run);
        if unsettled(run, plan).is_none() {
            return;
        }
    }
    if let Some(what) = unsettled(run, plan) {
        run.world.fail(&what);
    }
}

/// The gatekeeper's tables hold the residents, and nothing else.
fn tables(run: &mut Run, plan: &Plan) {
    let status = run.status();
    let mut known: Vec<_> =
        status.registrations.iter().flat_map(|one| one.aliases.clone()).collect();
    known.sort();
    let there = run.residents.iter().enumerate().filter(|(n, _)| plan.lost != Some(*n));
    let there: Vec<_> = there.map(|(_, party)| party.name.to_owned()).collect();
    let (ports, waiting) = (&status.ports, status.waiting);
    let held = [
        status.calls.len(),
        ports.streams,
        ports.media_pairs,
        ports.h245_listeners,
        waiting.admissions,
        waiting.requests,
        waiting.streams,
        waiting.announced,
    ];
    if known != there || held != [0; 8] || status.bandwidth.granted != 0 {
        run.world.fail(&format!("the gatekeeper still knows something: {status:#?}"));
    }
}

/// Why the dust has not settled: who is there is registered, callers have ended, and so have calls, for all who took part.
fn unsettled(run: &Run, plan: &Plan) -> Option<String> {
    for (n, party) in run.residents.iter().enumerate() {
        let (name, there) = (party.name, plan.lost != Some(n));
        if run.world.ended(party.host) == there {
            return Some(format!("{name} should {}", if there { "be there" } else { "be gone" }));
        }
        if there && !holds(run, party, name) {
            return Some(format!("{name} does not know that it is registered"));
        }
        if holds(run, &run.node, name) != there {
            return Some(format!("whether {name} is registered: it should be {there}"));
        }
    }
    let calling = run.callers.iter().find(|party| !run.world.ended(party.host));
    let calling = calling.map(|party| format!("{} still calls", party.name));
    let everybody = run.residents.iter().chain(&run.callers).chain([&run.node]);
    let mut everybody = everybody.filter(|party| !party.vanished);
    let open = calling.or_else(|| everybody.find_map(|party| open_call(run, party)));
    open.or_else(|| unanswered(run))
}

/// Whether somebody's last word about a name is that it is registered.
fn holds(run: &Run, party: &Party, name: &str) -> bool {
    let word = |event: &Event| match event {
        Event::Registered { alias, .. } if alias == name => Some(true),
        Event::Unregistered { alias, .. } if alias == name => Some(false),
        _ => None,
    };
    let events = &run.world.events(party.host)[party.since..];
    events.iter().rev().find_map(|(_, event)| word(event)).unwrap_or(false)
}

/// A call that began and has not ended, once.
fn open_call(run: &Run, party: &Party) -> Option<String> {
    let mut balance: BTreeMap<&str, i32> = BTreeMap::new();
    for (_, event) in &run.world.events(party.host)[party.since..] {
        match event {
            Event::CallStarted { callid, .. } => *balance.entry(callid).or_default() += 1,
            Event::CallEnded(record) => *balance.entry(&record.callid).or_default() -= 1,
            _ => {}
        }
    }
    let (callid, balance) = balance.iter().find(|(_, balance)| **balance != 0)?;
    Some(format!("{}: call {callid} has {balance} beginnings without end", party.name))
}

/// A caller who believes to be answered by somebody who has not answered.
fn unanswered(run: &Run) -> Option<String> {
    let answered = |party: &Party| -> BTreeSet<String> {
        let callid = |event: &Event| match event {
            Event::CallConnected { callid, .. } => Some(callid.clone()),
            _ => None,
        };
        run.world.events(party.host).iter().filter_map(|(_, event)| callid(event)).collect()
    };
    let by: BTreeSet<_> = run.residents.iter().flat_map(answered).collect();
    run.callers.iter().find_map(|caller| {
        let callid = answered(caller).into_iter().find(|callid| !by.contains(callid))?;
        Some(format!("{}: nobody has answered {callid}", caller.name))
    })
}

/// For so long strangers try to be faster than the party that a call waits for.
const SET_UP_MS: u64 = 400;

/// Calls when nothing goes wrong any more, at most that strangers knock: all as it should be.
fn quiet_calls(run: &mut Run, plan: &Plan) {
    let mut calls = plan.calls.clone();
    calls.sort_by_key(|(at, ..)| *at);
    let begin = run.world.elapsed();
    let before = records(&run.world, run.node.host).len();
    let mut callers = Vec::new();
    for (due, whom, manner) in calls {
        let wait = (begin + due).saturating_sub(run.world.elapsed());
        run.quiet(wait);
        callers.push((run.call(whom, manner), whom));
        if manner.fast_start && run.residents[whom].manner.fast_start {
            run.census.saw("fast start on both sides");
        }
        if plan.hostile {
            for _ in 0..SET_UP_MS / 4 {
                run.world.run_for(millis(4));
                run.knock_at_new_listeners();
            }
        }
    }
    for n in 0..40 {
        run.quiet(millis(150));
        if plan.hostile {
            run.media_storm(n);
            run.ras_storm(plan.seed + n, None);
        }
    }
    for (caller, whom) in callers {
        let party = run.callers[caller];
        let [record] = records(&run.world, party.host).try_into().unwrap_or_else(|records| {
            run.world.fail(&format!("{} has not had one call: {records:?}", party.name))
        });
        if plan.lost == Some(whom) {
            assert!(!run.world.told(party.host, connected), "{record:#?}");
            assert_ne!(record.cause, Some(16), "{record:#?}");
            continue;
        }
        if let Some(denial) = run.keeper().denies(party.manner, run.residents[whom].manner) {
            fate::is_denied(run, &party, whom, &record.callid, denial);
            continue;
        }
        heard(run, &record, run.residents[whom].tone);
        heard(run, &of_call(run, &run.residents[whom], &record.callid, 0), party.tone);
        let record = of_call(run, &run.node, &record.callid, before);
        if !run.is_proxied(party.manner, run.residents[whom].manner) {
            assert_eq!(record.channels, [], "it is the parties' affair: {record:#?}");
            assert_eq!(record.cause, Some(16), "{record:#?}");
            continue;
        }
        for direction in ["a-to-b", "b-to-a"] {
            whole(run, &record, direction, QUIET);
            assert_eq!(record.cause, Some(16), "{record:#?}");
        }
    }
}

/// Packets of two seconds of audio.
const QUIET: RangeInclusive<u64> = 80..=110;

/// A quiet call was answered, ended as it should, and was heard as a whole, with this tone.
fn heard(run: &Run, record: &CallRecord, hertz: f64) {
    whole(run, record, "transmit", QUIET);
    let receive = whole(run, record, "receive", QUIET);
    if record.cause != Some(16) {
        run.world.fail(&format!("it should have ended as calls do: {record:#?}"));
    }
    if !receive.tone_hz.is_some_and(|tone| (tone - hertz).abs() < 5.0) {
        run.world.fail(&format!("{hertz} Hz should be heard: {record:#?}"));
    }
}

/// The audio of a quiet call in one direction: nothing is missing but what opening the channels takes.
pub(super) fn whole<'a>(
    run: &Run,
    record: &'a CallRecord,
    direction: &str,
    packets: RangeInclusive<u64>,
) -> &'a ChannelRecord {
    let Some(channel) =
        record.channels.iter().find(|one| one.direction == direction && one.media == "audio")
    else {
        let told = records(&run.world, run.node.host).into_iter();
        let told: Vec<_> = told.filter(|other| other.callid == record.callid).collect();
        run.world.fail(&format!("{direction} is not there: {record:#?}, the node said {told:#?}"))
    };
    if record.setup_ms.is_none() || !packets.contains(&channel.packets) || channel.lost > 0 {
        run.world.fail(&format!("{direction} is not as it should be: {record:#?}"));
    }
    channel
}

/// What somebody has told of a call since the record of that number.
pub(super) fn of_call(run: &Run, party: &Party, callid: &str, from: usize) -> CallRecord {
    let all = records(&run.world, party.host);
    let found = all.into_iter().skip(from).find(|record| record.callid == callid);
    found.unwrap_or_else(|| run.world.fail(&format!("{} knows no call {callid}", party.name)))
}

/// Nobody has heard anybody but who talked to it.
fn tones(run: &Run) {
    let everybody: Vec<_> = run.residents.iter().chain(&run.callers).collect();
    let took_part = |party: &Party, call: &str| {
        let same =
            |event: &Event| matches!(event, Event::CallStarted { callid, .. } if callid == call);
        run.world.told(party.host, same)
    };
    for party in &everybody {
        for record in records(&run.world, party.host) {
            let mut audio = record.channels.iter().filter(|channel| channel.media == "audio");
            let receive = audio.find(|channel| channel.direction == "receive");
            let Some(tone) = receive.and_then(|channel| channel.tone_hz) else { continue };
            let partner =
                |other: &&&Party| other.host != party.host && took_part(other, &record.callid);
            let near = |other: &Party| (other.tone - tone).abs() < NEAR;
            if !everybody.iter().filter(partner).any(|other| near(other)) {
                run.world.fail(&format!("{} heard a stranger: {record:#?}", party.name));
            }
        }
    }
}

/// Nobody is told that the other hung up when it did not. Who was told in a stranger's octets that the call is over ends
/// it in good faith.
fn blame(run: &Run, plan: &Plan) {
    let besieged = |(_, act): &(_, Act)| matches!(act, Act::Siege { within: Some(_), .. });
    let believed = plan.acts.iter().any(besieged);
    let everybody: Vec<_> = run.residents.iter().chain(&run.callers).collect();
    let all: Vec<_> =
        everybody.iter().map(|party| (party, records(&run.world, party.host))).collect();
    let told = |records: &[CallRecord], callid: &str, what: &str| {
        records.iter().any(|record| record.callid == callid && record.sentence == what)
    };
    for (party, own) in &all {
        for record in own.iter().filter(|record| record.sentence == "the other party hung up") {
            let mut others = all.iter().filter(|(other, _)| other.host != party.host);
            let hung_up = |other: &[CallRecord]| {
                let ended = "the other party ended the call without a reason";
                told(other, &record.callid, "the phone hung up")
                    || believed && told(other, &record.callid, ended)
            };
            if !others.any(|(_, other)| hung_up(other)) {
                let of_it = |(other, own): &(&&Party, Vec<CallRecord>)| {
                    let said = own.iter().filter(|other| other.callid == record.callid);
                    said.map(|record| format!("{}: {}", other.name, record.sentence)).collect()
                };
                let all: Vec<Vec<String>> = all.iter().map(of_it).collect();
                let all = all.concat();
                run.world
                    .fail(&format!("{}: nobody has hung up, but {all:?}: {record:#?}", party.name));
            }
        }
    }
}
