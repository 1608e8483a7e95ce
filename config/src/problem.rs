//! What is wrong with a file, and where.

use std::fmt;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file does not mean what its author thinks; a gatekeeper does not start with it.
    Error,
    /// The file is usable, but its author ought to know this.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Something the author of a file ought to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 when it is the command line that has the problem.
    pub line: u32,
    /// The column of the offending section, key or value, in characters from 1.
    pub column: u32,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, no full stop, without control characters.
    pub text: String,
}

impl Problem {
    pub(crate) fn error(line: u32, column: u32, text: impl Into<String>) -> Self {
        Self { line, column, severity: Severity::Error, text: printable(&text.into()) }
    }

    pub(crate) fn warning(line: u32, column: u32, text: impl Into<String>) -> Self {
        Self { line, column, severity: Severity::Warning, text: printable(&text.into()) }
    }

    /// `FILE:LINE:COLUMN: error: …`.
    #[must_use]
    pub fn render(&self, file: &str) -> String {
        match self.line {
            0 => format!("command line: {}: {}", self.severity, self.text),
            line => format!("{file}:{line}:{}: {}: {}", self.column, self.severity, self.text),
        }
    }
}

/// A file's control characters must reach neither the terminal nor the one line a problem has.
fn printable(text: &str) -> String {
    let escape = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::Problem;

    #[test]
    fn control_characters_are_escaped() {
        let problem = Problem::error(1, 2, "no '=' in '\x1b[2J\r\u{85}'");
        assert_eq!(problem.render("f"), "f:1:2: error: no '=' in '\\u{1b}[2J\\r\\u{85}'");
    }
}
