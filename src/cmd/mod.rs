//! The commands, one file each. A new one is its `mod` line and its line in `commands!`.
//!
//! A command's file has its arguments (`Args`, a clap struct whose doc comment is the help text) and
//! `pub(crate) fn run(args: &Args) -> ExitCode`.

pub(crate) mod bench;
pub(crate) mod capabilities;
mod check;
pub(crate) mod decode;
pub(crate) mod demo;
mod parameters;
pub(crate) mod phone;
pub(crate) mod run;
pub(crate) mod status;
mod trunks;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use pinhole_config::{Config, Override, Problem, Severity};
use pinhole_crypto::dh::Group;

/// Exit status: the thing asked about failed.
pub(crate) const FAILED: u8 = 1;
/// Exit status: wrong usage or unreadable input.
pub(crate) const USAGE: u8 = 2;

macro_rules! commands {
    ($($variant:ident($room:ident),)*) => {
        /// The subcommands.
        #[derive(clap::Subcommand)]
        pub(crate) enum Command {
            $($variant($room::Args),)*
        }

        impl Command {
            /// Does what was asked.
            pub(crate) fn run(self) -> ExitCode {
                match self {
                    $(Self::$variant(args) => $room::run(&args),)*
                }
            }
        }
    };
}

commands! {
    Bench(bench),
    Check(check),
    Decode(decode),
    Demo(demo),
    Phone(phone),
    Status(status),
}

/// A configuration with what its keys lead to.
pub(crate) struct Loaded {
    /// The file.
    pub(crate) config: Config,
    /// The Diffie-Hellman groups of the operator's own.
    pub(crate) groups: Vec<Group>,
    /// What is wrong, in the order of the file.
    pub(crate) problems: Vec<Problem>,
}

/// Reads a configuration file and the files it names, or says on stderr why it cannot be read.
pub(crate) fn load(file: &Path, overrides: &[Override]) -> Result<Loaded, ExitCode> {
    match std::fs::read(file) {
        Ok(bytes) => {
            let (config, mut problems) = Config::load(&bytes, overrides);
            let (groups, more) = parameters::read(&config);
            problems.extend(more);
            problems.extend(capabilities::check(&config));
            problems.extend(trunks::check(&config));
            problems.sort_by_key(|problem| problem.line);
            Ok(Loaded { config, groups, problems })
        }
        Err(error) => {
            complain(&format!("pinhole: cannot read {}: {error}", file.display()));
            Err(ExitCode::from(USAGE))
        }
    }
}

/// Writes to stdout. A reader that has gone (`pinhole check FILE | head`) is no failure.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a line to stderr, if there is anyone to read it.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// What an operator has to know who thinks that a configuration keeps somebody out, if it does not.
pub(crate) fn open(config: &Config) -> Option<String> {
    let (line, first) = config.unenforced.first()?;
    let more = match config.unenforced.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "this gatekeeper is OPEN: {first} (line {line}{more}) is not enforced in this version, and whoever reaches the \
         gatekeeper can register and call; let a firewall decide who does"
    ))
}

/// `2 errors, 1 warning`; nothing when there is no problem.
pub(crate) fn summary(problems: &[Problem]) -> Option<String> {
    let count = |severity| problems.iter().filter(|p| p.severity == severity).count();
    let say = |n: usize, word: &str| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let parts = [say(count(Severity::Error), "error"), say(count(Severity::Warning), "warning")];
    let said: Vec<String> = parts.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(", "))
}
