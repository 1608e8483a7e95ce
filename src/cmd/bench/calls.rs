//! `pinhole bench calls`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::contender::processor_time;
use super::process::{BEGINNING, Configuration, IPS, Process, patience};
use super::spread;
use crate::cmd::print;

/// How long a gatekeeper that does not say so takes to begin.
const GNUGK: Duration = Duration::from_secs(2);

/// What is measured.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Calls in each run.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    calls: u32,
    /// Calls that begin in a second.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 40.0)]
    rate: f64,
    /// Seconds that each call lasts: long enough for H.245 to open the channels.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.1)]
    hold: f64,
    /// Carry H.245 on connections of its own, as most of the equipment does that needs a proxy.
    #[arg(long)]
    separate: bool,
    /// Where GnuGk is, to be measured beside it [default: gnugk on the PATH].
    #[arg(long, value_name = "FILE")]
    gnugk: Option<PathBuf>,
    /// Runs of each gatekeeper, in turn.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
}

/// Measures our gatekeeper, and GnuGk if it is there.
pub(super) fn run(args: &Args) -> Result<(), String> {
    let ours = std::env::current_exe().map_err(|error| error.to_string())?;
    let theirs = args.gnugk.clone().or_else(|| on_path("gnugk"));
    let configuration = Configuration::write(false)?;
    let how = if args.separate { "H.245 on its own connection" } else { "H.245 tunnelled" };
    print(&format!(
        "{} calls at {}/s, {how}, media ports, held {} s; {} rounds\n",
        args.calls, args.rate, args.hold, args.rounds
    ));
    let mut rounds = [const { Vec::new() }; 2];
    for _ in 0..args.rounds {
        for (program, rounds) in [Some(&ours), theirs.as_ref()].into_iter().zip(&mut rounds) {
            if let Some(program) = program {
                rounds.push(round(args, program, &ours, &configuration.file)?);
            }
        }
    }
    let [ours, gnugk] = rounds;
    let middle = line(args, "pinhole", &ours);
    if gnugk.is_empty() {
        print("gnugk    skipped: gnugk not found (--gnugk FILE)\n");
    } else {
        let theirs = line(args, "gnugk", &gnugk);
        print(&format!("ratio of processor time: {:.2}\n", middle / theirs));
    }
    let whole = ours.iter().all(|round| round.connected == u64::from(args.calls));
    if whole { Ok(()) } else { Err("not all calls were answered".to_owned()) }
}

/// What one run came to.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// The processor time of the gatekeeper for one answered call, in milliseconds.
    cost: f64,
    /// Calls that were answered.
    connected: u64,
    /// Milliseconds within which half of the calls, and 95 of 100, were answered.
    setup: [u64; 2],
}

/// Prints what a gatekeeper's runs came to; the middle of its costs.
fn line(args: &Args, name: &str, rounds: &[Round]) -> f64 {
    let costs: Vec<f64> = rounds.iter().map(|round| round.cost).collect();
    let (middle, least, most) = spread(&costs);
    let worst = |n: usize| rounds.iter().filter_map(|round| round.setup.get(n)).max();
    let [p50, p95] = [worst(0), worst(1)].map(|worst| worst.copied().unwrap_or(0));
    print(&format!(
        "{name:<8} {middle:.2} ms of processor time a call [{least:.2} .. {most:.2}]; \
         set-up {p50} ms (half), {p95} ms (95 %)\n"
    ));
    let missing: u64 =
        rounds.iter().map(|round| u64::from(args.calls).saturating_sub(round.connected)).sum();
    if missing > 0 {
        print(&format!("{name:<8} {missing} calls were not answered\n"));
    }
    middle
}

/// Runs a gatekeeper and two phones.
fn round(args: &Args, program: &Path, phone: &Path, file: &Path) -> Result<Round, String> {
    let gatekeeper = Process::start(Command::new(program).arg("-c").arg(file))?;
    if program == phone {
        gatekeeper.wait_for("ready", BEGINNING)?;
    } else {
        std::thread::sleep(GNUGK);
    }
    let [keeper, called, caller] = IPS;
    let h245 = if args.separate { "separate" } else { "tunnel" };
    let call = |alias: &str, ip: &str| {
        let mut command = Command::new(phone);
        command.args(["phone", "-u", alias, "-g", keeper, "--bind", ip, "--json"]);
        // Half keys of the phones would take more of the machine than all the rest.
        command.args(["--h245", h245, "--traversal", "none", "--encrypt", "off"]);
        command
    };
    let answering = Process::start(call("called", called).arg("-a"))?;
    answering.wait_for("\"registered\"", BEGINNING)?;
    let before = processor_time(gatekeeper.child.id())?;
    let numbers = [args.calls.to_string(), args.rate.to_string(), args.hold.to_string()];
    let [calls, rate, hold] = &numbers;
    let calling = Process::start(
        call("caller", caller).args(["--calls", calls, "--rate", rate, "--hold", hold, "called"]),
    )?;
    let summary = calling.summary(patience(args.calls, args.rate, args.hold, None))?;
    // What is said after the last call costs, too.
    std::thread::sleep(Duration::from_millis(500));
    let used = processor_time(gatekeeper.child.id())?.saturating_sub(before);
    let number = |pointer: &str| summary.pointer(pointer).and_then(serde_json::Value::as_u64);
    let connected = number("/connected").unwrap_or(0);
    if connected == 0 {
        return Err(format!("no call through {} was answered", program.display()));
    }
    let setup = ["/setup_ms/p50", "/setup_ms/p95"].map(|pointer| number(pointer).unwrap_or(0));
    Ok(Round { cost: used.as_secs_f64() * 1000.0 / connected as f64, connected, setup })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
