//! `pinhole bench load`.

mod held;
mod stories;

use std::path::Path;
use std::process::Command;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use pinhole::net;
use serde_json::Value;

use self::held::{Held, SLACK, Watch, megabytes};
use self::stories::{Stories, Sum, Teller};
use super::process::{BEGINNING, Configuration, IPS, Process, patience};
use super::verdict;
use crate::cmd::{print, status};

/// Pause between two looks at what was told.
const PAUSE: Duration = Duration::from_millis(50);

/// How long all may take to tell of a call after the caller has ended.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Calls that were not whole of which is told why.
const EXPLAINED: usize = 20;

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
    /// Make all these calls so often, with the same gatekeeper: does it grow?
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Carry H.245 on connections of its own.
    #[arg(long)]
    separate: bool,
}

/// The three processes.
struct Town<'a> {
    args: &'a Args,
    program: &'a Path,
    gatekeeper: Process,
    called: Process,
}

/// Makes the calls, and looks at the gatekeeper before, at the height, and after.
pub(super) fn run(args: &Args) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let configuration = Configuration::write(true)?;
    let mut keeper = Command::new(&program);
    let gatekeeper = Process::start(keeper.arg("--json").arg("-c").arg(&configuration.file))?;
    gatekeeper.wait_for("ready", BEGINNING)?;
    let watch = Watch { socket: &configuration.socket, process: gatekeeper.child.id() };
    let called = Process::start(phone(&program, args, "called", 1).arg("-a"))?;
    called.wait_for("\"registered\"", BEGINNING)?;
    let town = Town { args, program: &program, gatekeeper, called };
    print(&town.title());
    let mut rows = vec![watch.look()?.row("at the start")];
    // Threads and what they need begin with the first call, and stay.
    let first = town.calls(1, || Ok(()))?;
    first.broken.iter().for_each(|call| print(&format!("{call}\n")));
    let mut missed = Vec::from_iter(first.missed(1, "the first call: "));
    let before = watch.look()?;
    rows.push(before.row("after one call"));
    let mut ends = Vec::new();
    let mut most = before.most_memory;
    for number in 1..=args.rounds {
        let round = if args.rounds > 1 { format!("round {number}: ") } else { String::new() };
        let told = town.calls(args.calls, || {
            rows.push(watch.look()?.row(&format!("{round}at the height")));
            Ok(())
        })?;
        told.explain(&round);
        missed.extend(told.missed(u64::from(args.calls), &round));
        ends.extend(told.rows(&round));
        let after = watch.settled(&before)?;
        rows.push(after.row(&format!("{round}after all")));
        let left = after.left(&before);
        missed.extend((!left.is_empty()).then(|| format!("{round}left: {}", left.join(", "))));
        most = after.most_memory;
    }
    let mut text = String::new();
    status::columns(&mut text, &Calls::HEAD, &ends);
    status::columns(&mut text, &Held::HEAD, &rows);
    print(&text);
    print(&format!("the most memory that it ever had: {}\n", megabytes(most)));
    judge(&missed)
}

/// What was to be shown, and whether it was.
fn judge(missed: &[String]) -> Result<(), String> {
    print(&format!(
        "goal: each call heard at both ends, no packet lost, nothing left, memory within {} of what it was: {}\n",
        megabytes(SLACK),
        verdict(missed.is_empty())
    ));
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ")) }
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

impl Town<'_> {
    fn title(&self) -> String {
        let Args { calls, rate, hold, at_once, rounds, separate } = self.args;
        let at_once = at_once.map(|most| format!(", at most {most} at a time")).unwrap_or_default();
        let how = if *separate { "on connections of its own" } else { "tunnelled" };
        let rounds = if *rounds > 1 { format!("; {rounds} rounds") } else { String::new() };
        format!("{calls} calls at {rate}/s, held {hold} s{at_once}; H.245 {how}{rounds}\n")
    }

    /// Makes so many calls; says when they are at their height.
    fn calls(
        &self,
        calls: u32,
        mut at_the_height: impl FnMut() -> Result<(), String>,
    ) -> Result<Calls, String> {
        let Args { rate, hold, at_once, .. } = *self.args;
        let mut command = phone(self.program, self.args, "caller", 2);
        command.args(["--calls", &calls.to_string(), "--rate", &rate.to_string()]);
        command.args(["--hold", &hold.to_string(), "called"]);
        if let Some(most) = at_once {
            command.args(["--at-once", &most.to_string()]);
        }
        let caller = Process::start(&mut command)?;
        caller.wait_for("\"call-started\"", BEGINNING)?;
        let begun = net::now();
        let all = Duration::try_from_secs_f64(f64::from(calls) / rate).unwrap_or_default();
        let mut height = Some(begun + all.min(Duration::from_secs_f64(hold.clamp(0.0, 1e6))));
        let late = begun + patience(calls, rate, hold, at_once);
        let mut told = Calls::default();
        while !self.hear(&caller, &mut told)? {
            if height.is_some_and(|at| net::now() >= at) {
                height = None;
                at_the_height()?;
            }
            if net::now() >= late {
                return Err(format!("after {} s the calls are not over", seconds_since(begun)));
            }
            std::thread::sleep(PAUSE);
        }
        told.took = net::now().duration_since(begun);
        let end = net::now() + LAST_WORDS;
        while told.stories.are_awaited() && net::now() < end {
            std::thread::sleep(PAUSE);
            self.hear(&caller, &mut told)?;
        }
        told.broken = told.stories.end();
        Ok(told)
    }

    /// Takes what all have told; true when the caller has ended.
    fn hear(&self, caller: &Process, told: &mut Calls) -> Result<bool, String> {
        let all = [
            (Teller::Caller, caller),
            (Teller::Called, &self.called),
            (Teller::Gatekeeper, &self.gatekeeper),
        ];
        let mut ended = false;
        for (teller, process) in all {
            loop {
                match process.lines.try_recv() {
                    Ok(line) => told.take(teller, &line),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) if teller == Teller::Caller => {
                        ended = true;
                        break;
                    }
                    Err(TryRecvError::Disconnected) => {
                        return Err("the gatekeeper or the called phone has ended".to_owned());
                    }
                }
            }
        }
        Ok(ended)
    }
}

/// What some calls came to.
#[derive(Default)]
struct Calls {
    stories: Stories,
    /// What the caller says of all its calls.
    summary: Value,
    broken: Vec<String>,
    took: Duration,
}

impl Calls {
    /// The heads of [`Self::rows`].
    const HEAD: [&'static str; 6] =
        ["phone", "answered", "heard", "packets", "lost", "set-up ms (half, 95 %, longest)"];

    fn take(&mut self, teller: Teller, line: &str) {
        self.stories.hear(teller, line);
        if teller == Teller::Caller && line.contains("\"load-ended\"") {
            self.summary = serde_json::from_str(line).unwrap_or_default();
        }
    }

    /// Of each end, as rows of a table.
    fn rows(&self, round: &str) -> [Vec<String>; 2] {
        let row = |name: &str, sum: Sum, setup: String| {
            let mut row = vec![format!("{round}{name}")];
            row.extend([sum.answered, sum.heard, sum.packets, sum.lost].map(|n| n.to_string()));
            row.push(setup);
            row
        };
        let ms = ["p50", "p95", "max"].map(|key| {
            let value = self.summary.pointer(&format!("/setup_ms/{key}"));
            value.map_or_else(|| "-".to_owned(), Value::to_string)
        });
        let [caller, called] = self.stories.sums;
        [row("caller", caller, ms.join(", ")), row("called", called, String::new())]
    }

    /// Tells of the calls that were not whole.
    fn explain(&self, round: &str) {
        print(&format!("{round}all calls over after {:.1} s\n", self.took.as_secs_f64()));
        self.broken.iter().take(EXPLAINED).for_each(|call| print(&format!("{call}\n")));
        if self.broken.len() > EXPLAINED {
            print(&format!("… and {} calls more\n", self.broken.len() - EXPLAINED));
        }
    }

    /// What is to be complained of.
    fn missed(&self, calls: u64, round: &str) -> Option<String> {
        let whole = self.stories.whole();
        (whole != calls).then(|| {
            format!("{round}{whole} of {calls} calls were whole: heard at both ends, nothing lost")
        })
    }
}

/// Seconds since then.
fn seconds_since(begun: Instant) -> u64 {
    net::now().duration_since(begun).as_secs()
}
