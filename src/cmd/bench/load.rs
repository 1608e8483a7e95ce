//! `pinhole bench load`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pinhole::net;
use serde_json::Value;

use super::process::{BEGINNING, Configuration, IPS, Process, patience};
use crate::cmd::{print, status};

/// How long the gatekeeper may take to let go of everything.
const SETTLING: Duration = Duration::from_secs(40);

/// What is looked at.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Calls.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    calls: u32,
    /// Calls that begin in a second.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 50.0)]
    rate: f64,
    /// Seconds that each call lasts; as long as all take to begin, so that all are there at a time.
    #[arg(long, value_name = "SECONDS", default_value_t = 12.0)]
    hold: f64,
    /// Have no more than so many of them at a time; further ones wait [default: no limit].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    at_once: Option<u32>,
    /// Carry H.245 on connections of its own.
    #[arg(long)]
    separate: bool,
}

/// What the gatekeeper holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    calls: usize,
    streams: u64,
    media_pairs: u64,
    listeners: u64,
    waiting: u64,
    descriptors: usize,
    /// Resident, in KiB.
    memory: u64,
}

/// Makes the calls, and looks at the gatekeeper before, at the height, and after.
pub(super) fn run(args: &Args) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let configuration = Configuration::write(true)?;
    let gatekeeper = Process::start(Command::new(&program).arg("-c").arg(&configuration.file))?;
    gatekeeper.wait_for("ready", BEGINNING)?;
    let answering = Process::start(phone(&program, args, "called", 1).arg("-a"))?;
    answering.wait_for("\"registered\"", BEGINNING)?;
    let look = || held(&configuration.socket, gatekeeper.child.id());
    let before = look()?;
    let numbers = [args.calls.to_string(), args.rate.to_string(), args.hold.to_string()];
    let [calls, rate, hold] = &numbers;
    let mut command = phone(&program, args, "caller", 2);
    command.args(["--calls", calls, "--rate", rate, "--hold", hold, "called"]);
    if let Some(most) = args.at_once {
        command.args(["--at-once", &most.to_string()]);
    }
    print(&format!("{calls} calls at {rate}/s, held {hold} s\n"));
    let calling = Process::start(&mut command)?;
    calling.wait_for("\"call-started\"", BEGINNING)?;
    let begun = net::now();
    let all = Duration::try_from_secs_f64(f64::from(args.calls) / args.rate).unwrap_or_default();
    std::thread::sleep(all.min(Duration::from_secs_f64(args.hold.clamp(0.0, 1e6))));
    show("at the height", look()?);
    let summary = calling.summary(patience(args.calls, args.rate, args.hold, args.at_once))?;
    print(&format!("all over after {:.0} s\n", net::now().duration_since(begun).as_secs_f64()));
    let near = End::of_summary(&summary);
    let far = End::of_records(&answering, u64::from(args.calls));
    near.show("caller");
    far.show("called");
    let after = settled(look)?;
    show("before", before);
    show("after", after);
    verdict(args, [near, far], before, after)
}

fn phone(program: &Path, args: &Args, alias: &str, ip: usize) -> Command {
    let h245 = if args.separate { "separate" } else { "tunnel" };
    let keeper = IPS.first().copied().unwrap_or_default();
    let mut command = Command::new(program);
    command.args(["phone", "-u", alias, "-g", keeper, "--json", "--h245", h245]);
    command.args(["--bind", IPS.get(ip).copied().unwrap_or_default()]);
    command.args(["--traversal", "none", "--encrypt", "off"]);
    command
}

/// What one end has seen of all calls.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    connected: u64,
    heard: u64,
    packets: u64,
    lost: u64,
}

impl End {
    fn of_summary(summary: &Value) -> Self {
        let number = |key: &str| summary.get(key).and_then(Value::as_u64).unwrap_or(0);
        let failures = summary.get("failures").map(ToString::to_string);
        if let Some(failures) = failures.filter(|text| text != "{}") {
            print(&format!("failures: {failures}\n"));
        }
        Self {
            connected: number("connected"),
            heard: number("heard"),
            packets: number("packets"),
            lost: number("lost"),
        }
    }

    /// Of the records that a phone tells, as long as they come.
    fn of_records(process: &Process, calls: u64) -> Self {
        let mut end = Self::default();
        let mut ended = 0;
        while ended < calls
            && let Ok(line) = process.lines.recv_timeout(Duration::from_secs(2))
        {
            let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
            if event.get("event").and_then(Value::as_str) != Some("call-ended") {
                continue;
            }
            ended += 1;
            end.connected += u64::from(event.get("setup_ms").is_some_and(Value::is_u64));
            let channels = event.get("channels").and_then(Value::as_array);
            let received = channels.into_iter().flatten().filter(|channel| {
                channel.get("direction").and_then(Value::as_str) == Some("receive")
            });
            let mut tone = false;
            for channel in received {
                let number = |key: &str| channel.get(key).and_then(Value::as_u64).unwrap_or(0);
                end.packets += number("packets");
                end.lost += number("lost");
                tone |= channel.get("tone_hz").is_some_and(Value::is_number);
            }
            end.heard += u64::from(tone);
            if !tone {
                print(&format!("not heard by the called party: {line}\n"));
            }
        }
        end
    }

    fn show(self, name: &str) {
        let Self { connected, heard, packets, lost } = self;
        print(&format!(
            "{name}: {connected} connected, {heard} heard; {packets} packets received, {lost} lost\n"
        ));
    }
}

/// What the gatekeeper says of itself, and what the system says of it.
fn held(socket: &Path, process: u32) -> Result<Held, String> {
    let text = status::ask(socket).map_err(|error| format!("no status: {error}"))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"));
    let memory = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let resident = memory.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(Held {
        calls: document.get("calls").and_then(Value::as_array).map_or(0, Vec::len),
        streams: number("/ports/streams"),
        media_pairs: number("/ports/media_pairs"),
        listeners: number("/ports/h245_listeners"),
        waiting: ["admissions", "requests", "streams", "announced"]
            .iter()
            .map(|key| number(&format!("/waiting/{key}")))
            .sum(),
        descriptors: descriptors.map_or(0, Iterator::count),
        memory: resident.unwrap_or(0),
    })
}

/// What is held once nothing changes any more: ports rest for a while before they are given back.
fn settled(look: impl Fn() -> Result<Held, String>) -> Result<Held, String> {
    let end = net::now() + SETTLING;
    let mut last = look()?;
    loop {
        std::thread::sleep(Duration::from_secs(2));
        let next = look()?;
        let same = Held { memory: 0, ..last } == Held { memory: 0, ..next };
        if (same && next.calls == 0) || net::now() >= end {
            return Ok(next);
        }
        last = next;
    }
}

fn show(when: &str, held: Held) {
    let Held { calls, streams, media_pairs, listeners, waiting, descriptors, memory } = held;
    print(&format!(
        "gatekeeper {when}: {calls} calls, {streams} connections, {media_pairs} media pairs, {listeners} H.245 \
         listeners, {waiting} waiting; {descriptors} descriptors, {:.1} MB\n",
        memory as f64 / 1024.0
    ));
}

fn verdict(args: &Args, ends: [End; 2], before: Held, after: Held) -> Result<(), String> {
    let calls = u64::from(args.calls);
    let whole = |end: &End| end.connected == calls && end.heard == calls && end.lost == 0;
    if !ends.iter().all(whole) {
        return Err("not every call was heard, whole, at both ends".to_owned());
    }
    // A few descriptors more or less are ports kept ready.
    let back = after.descriptors.abs_diff(before.descriptors) <= 16;
    if !back
        || (Held { descriptors: 0, memory: 0, ..after })
            != (Held { descriptors: 0, memory: 0, ..before })
    {
        return Err("something is left of the calls".to_owned());
    }
    print("all calls were heard at both ends, nothing lost, nothing left\n");
    Ok(())
}
