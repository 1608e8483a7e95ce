//! `pinhole bench calls`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::contender::processor_time;
use super::spread;
use crate::cmd::print;

/// Where the gatekeeper and the two phones are.
const IPS: [&str; 3] = ["127.0.81.1", "127.0.81.2", "127.0.81.3"];

/// How long a gatekeeper that does not say so takes to begin.
const BEGINNING: Duration = Duration::from_secs(2);

/// What is measured.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Calls in each run.
    #[arg(long, value_name = "N", default_value_t = 500)]
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
    /// Runs of each gatekeeper, in turn.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
}

/// Measures our gatekeeper, and GnuGk if it is there.
pub(super) fn run(args: &Args) -> Result<(), String> {
    let ours = std::env::current_exe().map_err(|error| error.to_string())?;
    let theirs = on_path("gnugk");
    let configuration = Configuration::write()?;
    let how = if args.separate { "H.245 on its own connection" } else { "H.245 tunnelled" };
    print(&format!(
        "{} calls at {}/s, {how}, media ports, held {} s; {} rounds\n",
        args.calls, args.rate, args.hold, args.rounds
    ));
    let mut costs = [const { Vec::new() }; 2];
    for _ in 0..args.rounds {
        for (program, costs) in [Some(&ours), theirs.as_ref()].into_iter().zip(&mut costs) {
            if let Some(program) = program {
                costs.push(round(args, program, &ours, &configuration.file)?);
            }
        }
    }
    let [ours, gnugk] = costs;
    let line = |name: &str, costs: &[f64]| {
        let (middle, least, most) = spread(costs);
        print(&format!(
            "{name:<8} {middle:.2} ms of processor time a call [{least:.2} .. {most:.2}]\n"
        ));
        middle
    };
    let middle = line("pinhole", &ours);
    if gnugk.is_empty() {
        print("gnugk    skipped: gnugk not found\n");
    } else {
        let theirs = line("gnugk", &gnugk);
        print(&format!("ratio of processor time: {:.2}\n", middle / theirs));
    }
    Ok(())
}

/// The processor time of a gatekeeper for one call, in milliseconds.
fn round(args: &Args, program: &Path, phone: &Path, file: &Path) -> Result<f64, String> {
    let gatekeeper = Process::start(Command::new(program).arg("-c").arg(file))?;
    if program == phone {
        gatekeeper.wait_for("ready")?;
    } else {
        std::thread::sleep(BEGINNING);
    }
    let [keeper, called, caller] = IPS;
    let h245 = if args.separate { "separate" } else { "tunnel" };
    let call = |alias: &str, ip: &str| {
        let mut command = Command::new(phone);
        command.args(["phone", "-u", alias, "-g", keeper, "--bind", ip, "--json"]);
        command.args(["--h245", h245, "--traversal", "none"]);
        command
    };
    let answering = Process::start(call("called", called).arg("-a"))?;
    answering.wait_for("\"registered\"")?;
    let before = processor_time(gatekeeper.child.id())?;
    let numbers = [args.calls.to_string(), args.rate.to_string(), args.hold.to_string()];
    let [calls, rate, hold] = &numbers;
    let calling = Process::start(
        call("caller", caller).args(["--calls", calls, "--rate", rate, "--hold", hold, "called"]),
    )?;
    let connected = calling.connected()?;
    // What is said after the last call costs, too.
    std::thread::sleep(Duration::from_millis(500));
    let used = processor_time(gatekeeper.child.id())?.saturating_sub(before);
    if connected < u64::from(args.calls) {
        return Err(format!("only {connected} of {} calls were answered", args.calls));
    }
    Ok(used.as_secs_f64() * 1000.0 / f64::from(args.calls))
}

/// A configuration that both gatekeepers understand, in a file for the time of the benchmark.
struct Configuration {
    file: PathBuf,
}

impl Configuration {
    fn write() -> Result<Self, String> {
        let file = std::env::temp_dir().join(format!("pinhole-bench-{}.ini", std::process::id()));
        let text = format!(
            "[Gatekeeper::Main]\nName=Bench\nHome={}\n\n\
             [RoutedMode]\nGKRouted=1\nH245Routed=1\nAcceptUnregisteredCalls=1\n\n\
             [Proxy]\nEnable=1\nProxyAlways=1\n",
            IPS.first().unwrap_or(&"")
        );
        let failed = |error| format!("cannot write {}: {error}", file.display());
        std::fs::write(&file, text).map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// A child whose stdout is read. It ends when this is dropped.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(command: &mut Command) -> Result<Self, String> {
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let out = child.stdout.take().ok_or("no stdout")?;
        let (sender, lines) = channel();
        // All of it is read, whether anybody wants it or not: a child whose output nobody takes stops.
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Ok(Self { child, lines })
    }

    /// Reads on until a line has a word in it.
    fn wait_for(&self, word: &str) -> Result<String, String> {
        let found = self.lines.iter().find(|line| line.contains(word));
        found.ok_or_else(|| format!("a process ended before it said {word}"))
    }

    /// How many calls were answered, as the summary says.
    fn connected(&self) -> Result<u64, String> {
        let line = self.wait_for("\"load-ended\"")?;
        let summary: serde_json::Value =
            serde_json::from_str(&line).map_err(|error| error.to_string())?;
        Ok(summary.get("connected").and_then(serde_json::Value::as_u64).unwrap_or(0))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
