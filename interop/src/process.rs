//! Programs that run in a namespace while a test goes on, and waiting with a limit.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::{Failure, Result};

/// How long anything may take that has to happen at last. Where all goes well nobody waits so long, and a busy machine is no
/// failure.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A point in time by which something must have happened.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    within: Duration,
}

impl Deadline {
    /// So long from now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the lab lives in the real world's time")]
    pub fn after(within: Duration) -> Self {
        Self { at: Instant::now() + within, within }
    }

    /// As late as a busy machine may be, see [`PATIENCE`].
    #[must_use]
    pub fn patient() -> Self {
        Self::after(PATIENCE)
    }

    /// How long there is left; zero when the time is up.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the lab lives in the real world's time")]
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Repeats a question until its answer is yes.
    ///
    /// # Errors
    /// When the time is up, or the question fails.
    pub fn until(&self, what: &str, mut question: impl FnMut() -> Result<bool>) -> Result<()> {
        while !question()? {
            if self.left().is_zero() {
                return Err(self.late(what, String::new()));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn late(&self, what: &str, seen: String) -> Failure {
        Failure::Late { what: what.to_owned(), within: self.within, seen }
    }
}

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Running {
    program: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts a program. `program` names it in failures.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &str, command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Failure::system(program))?;
        let (sender, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            pass_on(output, "", sender.clone());
        }
        if let Some(errors) = child.stderr.take() {
            pass_on(errors, "log: ", sender);
        }
        Ok(Self { program: program.to_owned(), child, lines, seen: Vec::new() })
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that `pick` makes something of. Lines of standard error begin with `log: `.
    ///
    /// # Errors
    /// When the time is up, or the program ends first.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        deadline: Deadline,
        mut pick: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        loop {
            match self.lines.recv_timeout(deadline.left()) {
                Ok(line) => {
                    let found = pick(&line);
                    self.seen.push(line);
                    if let Some(found) = found {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(deadline.late(what, self.seen())),
                Err(RecvTimeoutError::Disconnected) => {
                    let program = self.program.clone();
                    return Err(Failure::Ended { program, what: what.into(), seen: self.seen() });
                }
            }
        }
    }

    /// The same among the lines from number `from` on, those before now too; what was made of the line, and its number.
    ///
    /// # Errors
    /// When the time is up, or the program ends first.
    pub fn find<T>(
        &mut self,
        from: usize,
        what: &str,
        deadline: Deadline,
        mut pick: impl FnMut(&str) -> Option<T>,
    ) -> Result<(usize, T)> {
        let seen = self.seen.iter().enumerate().skip(from);
        let found = seen.into_iter().find_map(|(number, line)| Some((number, pick(line)?)));
        match found {
            Some(found) => Ok(found),
            None => {
                let found = self.wait_for(what, deadline, pick)?;
                Ok((self.seen.len() - 1, found))
            }
        }
    }

    /// Everything it has printed so far.
    pub fn seen(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        self.seen.join("\n")
    }

    /// Asks it to end, as a user would, and waits until it has.
    ///
    /// # Errors
    /// When it has not ended at the deadline.
    pub fn stop(&mut self, deadline: Deadline) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.ended(deadline)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it has not ended at the deadline.
    pub fn ended(&mut self, deadline: Deadline) -> Result<ExitStatus> {
        let mut status = None;
        let waited = deadline.until("end", || {
            status = self.child.try_wait().map_err(Failure::system("wait"))?;
            Ok(status.is_some())
        });
        match (waited, status) {
            (Ok(()), Some(status)) => Ok(status),
            _ => Err(deadline.late(&format!("end of {}", self.program), self.seen())),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself; the caller waits for that either way.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pass_on(stream: impl Read + Send + 'static, mark: &'static str, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(std::result::Result::ok) {
            if lines.send(format!("{mark}{line}")).is_err() {
                return;
            }
        }
    });
}
