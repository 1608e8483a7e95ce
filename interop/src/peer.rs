//! The `pinhole` binary in its two roles.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::namespace::{Namespace, run};
use crate::process::{Deadline, PATIENCE, Running};

/// The binary under test: `$PINHOLE`, or the one that cargo built beside the tests.
///
/// # Errors
/// When there is none.
pub fn pinhole() -> Result<PathBuf> {
    let built = || {
        let tests = env::current_exe().ok()?;
        Some(tests.parent()?.parent()?.join("pinhole"))
    };
    let binary = env::var_os("PINHOLE").map(PathBuf::from).or_else(built).unwrap_or_default();
    fs::canonicalize(&binary).map_err(|error| Failure::Missing {
        program: format!("{} (build it with `cargo build --bin pinhole`)", binary.display()),
        error,
    })
}

/// `pinhole -c`.
#[derive(Debug)]
pub struct Gatekeeper {
    running: Running,
    configuration: PathBuf,
    /// How many lines of its output were looked through for events.
    looked: usize,
}

impl Gatekeeper {
    /// Starts it with a configuration, and returns when it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(namespace: &Namespace, configuration: &Path) -> Result<Self> {
        Self::start_with(namespace, configuration, "")
    }

    /// The same, after a command of the shell in its namespace: `export …`, a mount that only it sees.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_with(namespace: &Namespace, configuration: &Path, before: &str) -> Result<Self> {
        let mut command = namespace.command("sh");
        command.arg("-ec").arg(format!("{before}\nexec \"$@\"")).arg("sh");
        command.arg(pinhole()?).arg("-tc").arg(configuration);
        let mut running = Running::start("pinhole -c", &mut command)?;
        running.wait_for("`ready` line", Deadline::patient(), |line| {
            line.starts_with("ready").then_some(())
        })?;
        Ok(Self { running, configuration: configuration.to_owned(), looked: 0 })
    }

    /// Waits for an event in its log (`zone … state="up" …`), the next one after the last one told: a line with all these
    /// parts, and returns it.
    ///
    /// # Errors
    /// When it does not come in time.
    pub fn told(&mut self, parts: &[&str], within: Duration) -> Result<String> {
        let pick = |line: &str| parts.iter().all(|part| line.contains(part)).then(|| line.into());
        let deadline = Deadline::after(within);
        let (number, line) = self.running.find(self.looked, &parts.join(" … "), deadline, pick)?;
        self.looked = number + 1;
        Ok(line)
    }

    /// What it holds, as `pinhole status` says.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Value> {
        let mut command = Command::new(pinhole()?);
        let text = run(command.args(["status", "--json", "-c"]).arg(&self.configuration))?;
        serde_json::from_str(&text).map_err(|_| Failure::Unreadable { what: "status", text })
    }

    /// Ends it as an operator does.
    ///
    /// # Errors
    /// When it does not end, or not with success.
    pub fn stop(mut self) -> Result<()> {
        let status = self.running.stop(Deadline::patient())?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::Command { command: "pinhole -c".into(), output: self.running.seen() })
    }

    /// Everything it has printed so far.
    pub fn seen(&mut self) -> String {
        self.running.seen()
    }
}

/// `--traversal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traversal {
    /// H.460.18 and H.460.19.
    H46018,
    /// A phone that knows nothing of NAT.
    None,
}

/// The options of a phone.
#[derive(Debug, Clone, Copy)]
pub struct PhoneOptions<'a> {
    /// Its alias.
    pub user: &'a str,
    /// Where it registers.
    pub gatekeeper: IpAddr,
    /// How it traverses NAT.
    pub traversal: Traversal,
    /// `--h245`.
    pub h245: &'a str,
    /// The tone it sends, in hertz.
    pub tone: u32,
    /// Further arguments.
    pub more: &'a [&'a str],
}

/// `pinhole phone --json`.
#[derive(Debug)]
pub struct Phone {
    running: Running,
}

impl Phone {
    /// Starts a phone.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(namespace: &Namespace, options: PhoneOptions<'_>) -> Result<Self> {
        let mut command = namespace.command(&pinhole()?.to_string_lossy());
        let traversal = match options.traversal {
            Traversal::H46018 => "18",
            Traversal::None => "none",
        };
        command
            .args(["phone", "--json", "--user", options.user])
            .args(["--gatekeeper", &options.gatekeeper.to_string()])
            .args(["--traversal", traversal, "--h245", options.h245])
            .args(["--tone", &options.tone.to_string()])
            .args(options.more);
        Ok(Self { running: Running::start(&format!("phone {}", options.user), &mut command)? })
    }

    /// Waits for an event of this name, and returns it.
    ///
    /// # Errors
    /// When it does not come in time, or the phone ends first.
    pub fn event(&mut self, name: &str, within: Duration) -> Result<Value> {
        self.running.wait_for(&format!("event {name}"), Deadline::after(within), |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event.get("event")?.as_str()? == name).then_some(event)
        })
    }

    /// Waits until it is registered.
    ///
    /// # Errors
    /// When it does not register.
    pub fn registered(&mut self) -> Result<Value> {
        self.event("registered", PATIENCE)
    }

    /// Interrupts it, as a user would, and waits until it has ended; true when it reports success.
    ///
    /// # Errors
    /// When it goes on.
    pub fn stop(&mut self) -> Result<bool> {
        self.running.stop(Deadline::patient()).map(|status| status.success())
    }

    /// Waits until it ends by itself; true when it reports success.
    ///
    /// # Errors
    /// When it goes on.
    pub fn ended(&mut self, within: Duration) -> Result<bool> {
        self.running.ended(Deadline::after(within)).map(|status| status.success())
    }

    /// Everything it has printed so far.
    pub fn seen(&mut self) -> String {
        self.running.seen()
    }
}

/// The channel of a call's record that carries this medium in this direction.
#[must_use]
pub fn channel<'a>(record: &'a Value, media: &str, direction: &str) -> Option<&'a Value> {
    let is = |channel: &&Value, name: &str, value: &str| {
        channel.get(name)?.as_str().map(|is| is == value)
    };
    record.get("channels")?.as_array()?.iter().find(|channel| {
        is(channel, "media", media) == Some(true)
            && is(channel, "direction", direction) == Some(true)
    })
}
