//! A gatekeeper and phones as processes of their own.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use pinhole::net;

/// How long a process may take to begin.
pub(super) const BEGINNING: Duration = Duration::from_secs(30);

/// How long so many calls may take: twice as long as they should, and some time more for a machine that is busy.
pub(super) fn patience(calls: u32, rate: f64, hold: f64, at_once: Option<u32>) -> Duration {
    let one_by_one = at_once.map_or(0.0, |most| f64::from(calls) * (hold + 1.0) / f64::from(most));
    let seconds = (f64::from(calls) / rate).max(one_by_one) + hold;
    Duration::try_from_secs_f64(seconds * 2.0 + 120.0).unwrap_or(Duration::MAX)
}

/// Where the gatekeeper and the two phones are.
pub(super) const IPS: [&str; 3] = ["127.0.81.1", "127.0.81.2", "127.0.81.3"];

/// A configuration that both gatekeepers understand, in a file for the time of the benchmark.
pub(super) struct Configuration {
    pub(super) file: PathBuf,
    /// Where our gatekeeper tells its status.
    pub(super) socket: PathBuf,
}

impl Configuration {
    pub(super) fn write(status: bool) -> Result<Self, String> {
        let file = std::env::temp_dir().join(format!("pinhole-bench-{}.ini", std::process::id()));
        let socket = file.with_extension("socket");
        // GnuGk does not know it.
        let status = match status {
            true => format!("StatusSocket={}\n", socket.display()),
            false => String::new(),
        };
        let text = format!(
            "[Gatekeeper::Main]\nName=Bench\nHome={}\n{status}\n\
             [RoutedMode]\nGKRouted=1\nH245Routed=1\nAcceptUnregisteredCalls=1\n\n\
             [Proxy]\nEnable=1\nProxyAlways=1\n",
            IPS.first().unwrap_or(&"")
        );
        let failed = |error| format!("cannot write {}: {error}", file.display());
        std::fs::write(&file, text).map_err(failed)?;
        Ok(Self { file, socket })
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// A child whose stdout is read. It ends when this is dropped.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) lines: Receiver<String>,
}

impl Process {
    pub(super) fn start(command: &mut Command) -> Result<Self, String> {
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

    /// Reads on until a line has a word in it, and not for longer than this.
    pub(super) fn wait_for(&self, word: &str, patience: Duration) -> Result<String, String> {
        let end = net::now() + patience;
        loop {
            let left = end.saturating_duration_since(net::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(word) => return Ok(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!(
                        "a process did not say {word} in {} s",
                        patience.as_secs()
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("a process ended before it said {word}"));
                }
            }
        }
    }

    /// What all calls came to.
    pub(super) fn summary(&self, patience: Duration) -> Result<serde_json::Value, String> {
        let line = self.wait_for("\"load-ended\"", patience)?;
        serde_json::from_str(&line).map_err(|error| error.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
