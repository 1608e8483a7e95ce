//! The gatekeeper and phones, each a process of its own, on addresses of loopback that no other run has.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How long anything may take that should happen soon, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A gatekeeper, and the network around it.
pub(crate) struct Town {
    net: [u8; 3],
    gatekeeper: Child,
}

impl Town {
    /// Starts a gatekeeper with these keys beside those that make it a proxy. A process may have several towns.
    pub(crate) fn start(number: u8, keys: &str) -> Self {
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let net = [127, 100 + high % 100 + number, low];
        let home = IpAddr::from([net[0], net[1], net[2], 1]);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let file = folder.join(format!("siege-{}-{number}.ini", std::process::id()));
        let text = format!(
            "[Gatekeeper::Main]\nHome={home}\n[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\n\
             [Proxy]\nEnable=1\n{keys}"
        );
        std::fs::write(&file, text).unwrap();
        let mut gatekeeper = Command::new(env!("CARGO_BIN_EXE_pinhole"))
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(gatekeeper.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert!(ready.starts_with("ready"), "{ready:?}");
        std::fs::remove_file(file).unwrap();
        Self { net, gatekeeper }
    }

    /// A host of the town.
    pub(crate) fn host(&self, number: u8) -> IpAddr {
        let [a, b, c] = self.net;
        IpAddr::from([a, b, c, number])
    }

    /// A port of the gatekeeper.
    pub(crate) fn gatekeeper(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.host(1), port)
    }

    /// The memory of the gatekeeper that is not swapped out, in KiB.
    pub(crate) fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gatekeeper.id()));
        let status = status.expect("the gatekeeper runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).expect("a number")
    }

    /// A phone at a host.
    pub(crate) fn phone(&self, host: u8, words: &[&str]) -> Phone {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pinhole"))
            .args(["phone", "--json", "-g", &self.host(1).to_string()])
            .args(["--bind", &self.host(host).to_string()])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (teller, said) = channel();
        std::thread::spawn(move || {
            let all =
                lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            all.map_while(|line: Value| teller.send(line).ok()).for_each(drop);
        });
        Phone { child, said }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        let _ = self.gatekeeper.kill();
        let _ = self.gatekeeper.wait();
    }
}

/// A phone of the town.
pub(crate) struct Phone {
    child: Child,
    said: Receiver<Value>,
}

impl Phone {
    /// The next event of this name.
    pub(crate) fn says(&self, event: &str) -> Value {
        loop {
            let line = self.said.recv_timeout(SOON);
            let line = line.unwrap_or_else(|why| panic!("it does not say {event}: {why}"));
            if line["event"] == event {
                return line;
            }
        }
    }

    /// Whether its process is there.
    pub(crate) fn lives(&self) -> bool {
        self.signal(None)
    }

    /// Ends it politely.
    pub(crate) fn end(&self) {
        assert!(self.signal(Some(Signal::SIGTERM)));
    }

    fn signal(&self, signal: Option<Signal>) -> bool {
        let id = i32::try_from(self.child.id()).expect("a process");
        kill(Pid::from_raw(id), signal).is_ok()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
