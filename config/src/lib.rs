//! The `gatekeeper.ini` dialect, typed. Has no behaviour of its own.

mod problem;

pub use problem::{Problem, Severity};

/// A configuration, always usable: what a file does not say, or says wrongly, has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {}

/// Where a value in force came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said it.
    Default,
    /// The file, in this line (from 1).
    Line(u32),
    /// The command line, by this flag.
    CommandLine(&'static str),
}

/// A value that the command line sets, whatever the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The flag, as the operator types it.
    pub flag: &'static str,
    /// The section.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// The value, as it would stand in the file.
    pub value: String,
}

/// A value in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The section.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// The value, as it would stand in the file.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

impl Config {
    /// Reads the text of a file.
    #[must_use]
    pub fn read(text: &str) -> (Self, Vec<Problem>) {
        Self::load(text.as_bytes(), &[])
    }

    /// Reads the octets of a file; `overrides` win over what it says.
    #[must_use]
    pub fn load(_bytes: &[u8], _overrides: &[Override]) -> (Self, Vec<Problem>) {
        (Self::default(), Vec::new())
    }

    /// Every value in force and where it came from.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        Vec::new()
    }
}
