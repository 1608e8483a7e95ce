//! What can go wrong in the lab itself.

use std::io;
use std::time::Duration;

/// The result of everything the lab does.
pub type Result<T> = std::result::Result<T, Failure>;

/// The lab could not do, or did not see, what a test asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The tests run without root.
    #[error("the lab makes network namespaces and must run as root")]
    NotRoot,
    /// A program is missing.
    #[error("{program} is not installed ({error}); `interop/setup` installs what the lab needs")]
    Missing {
        /// Which program.
        program: String,
        /// What the system said.
        error: io::Error,
    },
    /// A command ended with an error.
    #[error("`{command}` failed: {output}")]
    Command {
        /// The command line.
        command: String,
        /// What it printed.
        output: String,
    },
    /// What was waited for did not come.
    #[error("no {what} within {within:?}; seen so far:\n{seen}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// What came instead.
        seen: String,
    },
    /// A program ended before its time.
    #[error("{program} ended while {what} was waited for; it printed:\n{seen}")]
    Ended {
        /// Which program.
        program: String,
        /// What was waited for.
        what: String,
        /// What it printed.
        seen: String,
    },
    /// Output of a tool that is not as expected.
    #[error("cannot make sense of {what}: {text}")]
    Unreadable {
        /// Whose output.
        what: &'static str,
        /// The output.
        text: String,
    },
    /// The system refused something.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        error: io::Error,
    },
}

impl Failure {
    /// Turns an error of the system into a failure that says what was tried.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::System { what, error }
    }
}
