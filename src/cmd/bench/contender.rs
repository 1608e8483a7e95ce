//! A contender: a child process that relays, says on stdout where, and ends with its stdin.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use nix::time::ClockId;
use nix::unistd::Pid;

use super::cipher::Cipher;
use super::{naive, relay};

/// What a contender is told.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Which relay to be.
    #[arg(value_enum)]
    kind: Kind,
    /// Relay so many flows, each between two ports.
    #[arg(long)]
    flows: u32,
    /// On this address.
    #[arg(long)]
    ip: IpAddr,
    /// Between one of these peers ...
    #[arg(long, value_delimiter = ',')]
    a: Vec<SocketAddr>,
    /// ... and one of those.
    #[arg(long, value_delimiter = ',')]
    b: Vec<SocketAddr>,
    /// With the side of those encrypted.
    #[arg(long)]
    encrypt: Option<Cipher>,
}

/// The relays that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Pinhole's media plane.
    Pinhole,
    /// A tokio task per socket.
    Naive,
}

/// Is a contender until stdin ends.
pub(super) fn run(args: &Args) -> Result<(), String> {
    let ready = |ports: &[[u16; 2]]| {
        let list: Vec<String> = ports.iter().flatten().map(u16::to_string).collect();
        let mut out = std::io::stdout().lock();
        // Without anybody to tell there is nobody to relay for.
        let _ = writeln!(out, "{}", list.join(" ")).and_then(|()| out.flush());
    };
    pinhole::net::allow_many_sockets();
    let peers = [args.a.clone(), args.b.clone()];
    let task = relay::Task { flows: args.flows, ip: args.ip, peers, cipher: args.encrypt };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    match args.kind {
        Kind::Pinhole => relay::run(task, ready),
        Kind::Naive => naive::run(&task, ready),
    }
}

/// A running contender. It ends when this is dropped.
pub(super) struct Contender {
    child: Child,
    /// The ports of each flow towards A and towards B.
    pub(super) ports: Vec<[u16; 2]>,
}

impl Contender {
    /// Starts one and waits until it relays.
    pub(super) fn start(kind: Kind, task: &relay::Task) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let kind = kind.to_possible_value().map(|value| value.get_name().to_owned());
        let list = |side: &Vec<SocketAddr>| {
            side.iter().map(ToString::to_string).collect::<Vec<String>>().join(",")
        };
        let [a, b] = task.peers.each_ref().map(list);
        let child = Command::new(program)
            .args(["bench", "relay", &kind.unwrap_or_default(), "--flows", &task.flows.to_string()])
            .args(["--ip", &task.ip.to_string(), "--a", &a, "--b", &b])
            .args(task.cipher.map(|cipher| format!("--encrypt={}", cipher.word())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| format!("cannot start a contender: {error}"))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let ports: Vec<u16> =
            line.split_whitespace().filter_map(|port| port.parse().ok()).collect();
        let (ports, _) = ports.as_chunks::<2>();
        let this = Self { child, ports: ports.to_vec() };
        if this.ports.len() == task.flows as usize {
            Ok(this)
        } else {
            Err("a contender has not got its ports".to_owned())
        }
    }

    /// The processor time that it has used in all its threads.
    pub(super) fn processor_time(&self) -> Result<Duration, String> {
        processor_time(self.child.id())
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time that a process has used in all its threads, also those that have ended.
pub(super) fn processor_time(process: u32) -> Result<Duration, String> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(process.cast_signed()));
    let time = clock.and_then(ClockId::now);
    time.map(Duration::from).map_err(|error| format!("no processor time: {error}"))
}
