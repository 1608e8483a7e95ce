//! What a gatekeeper says of itself agrees, at any moment, with what it holds of the world, and with itself.

use std::collections::BTreeSet;

use pinhole::node::Status;
use pinhole::node::call_status::{CallStatus, LegStatus};

use super::run::Run;

/// Asks the gatekeeper, if it is there, what it holds, and looks whether that can be.
pub(super) fn sane(run: &mut Run) {
    let host = run.node.host;
    if run.world.ended(host) {
        return;
    }
    let status = run.status();
    run.census.saw("status asked for");
    note(run, &status);
    let ports = &status.ports;
    let legs = || status.calls.iter().flat_map(|call| &call.legs);
    let holds = |leg: &LegStatus| {
        usize::from(leg.signalling) + usize::from(["connected", "connecting"].contains(&leg.h245))
    };
    let streams = legs().map(holds).sum::<usize>() + status.waiting.streams;
    // For T.120 one at each address waits, of which nothing is said.
    let data = ports.addresses.len();
    let listeners = ports.signalling.len() + ports.h245_listeners + ports.h245_listeners_ready;
    // Whoever is announced is being called; whoever is admitted or calls may have a part of the bandwidth.
    let placing = status.calls.iter().filter(|call| call.state == "placing").count();
    let idle = status.calls.is_empty() && status.waiting.admissions == 0;
    let held = run.world.listeners(host).len();
    let wrong = [
        ("connections of calls, and new ones", streams, ports.streams),
        ("connections", run.world.streams(host).len(), ports.streams),
        ("listeners", held, held.clamp(listeners, listeners + data)),
        ("media pairs", run.world.own_pairs(host), ports.media_pairs),
        ("announced calls", status.waiting.announced, placing.min(status.waiting.announced)),
        ("bandwidth of nobody", 0, if idle { status.bandwidth.granted as usize } else { 0 }),
    ]
    .into_iter()
    .find(|(_, is, said)| is != said);
    if let Some((what, is, said)) = wrong {
        run.world.fail(&format!("{what}: {is}, and not {said}: {status:#?}"));
    }
}

/// Notes what calls there are.
fn note(run: &mut Run, status: &Status) {
    for call in status.calls.iter().filter(|call| call.state == "talking") {
        let words = (!run.keeper().words.is_empty()).then_some("in other words");
        for what in kinds(call).into_iter().chain(words) {
            if run.talks.insert((call.callid.clone(), what)) {
                run.census.saw(what);
            }
        }
    }
}

/// What a call is like.
fn kinds(call: &CallStatus) -> BTreeSet<&'static str> {
    let mode = match call.mode {
        "proxied" => "proxied",
        "h245-routed" => "with H.245 routed",
        _ => "routed",
    };
    let carried = call.legs.iter().filter_map(|leg| match leg.h245 {
        "tunnelled" => Some("legs that tunnel H.245"),
        "connected" => Some("legs with H.245 apart"),
        _ => None,
    });
    let sides = || call.sessions.iter().flat_map(|session| &session.sides);
    let shared = sides().any(|side| side.shared).then_some("multiplexed media");
    let video = call.sessions.iter().flat_map(|session| session.media.iter().flatten());
    let video = video.filter(|media| media.kind == "video").map(|_| "with video").next();
    let encrypted = call.encryption.iter().any(|leg| leg.by != "nobody");
    std::iter::once(mode)
        .chain(carried)
        .chain(shared)
        .chain(video)
        .chain(encrypted.then_some("encrypted"))
        .collect()
}
