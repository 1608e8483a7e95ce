//! `pinhole check`: what is wrong with a configuration, and what of it is in force.

use std::path::PathBuf;
use std::process::ExitCode;

use pinhole_config::{Config, Effective, Origin, Problem, Severity};
use serde_json::json;

use super::FAILED;

/// Reads a configuration as -c would and tells its problems; starts nothing.
///
/// One problem a line, FILE:LINE:COLUMN: error or warning. Exit status: 0 no error (warnings are none),
/// 1 errors, 2 the file cannot be read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file.
    file: PathBuf,
    /// Also print every value in force and where it came from (FILE:LINE or default).
    #[arg(long)]
    effective: bool,
    /// Print one JSON object a line instead of text.
    #[arg(long)]
    json: bool,
}

/// Checks one file.
pub(crate) fn run(args: &Args) -> ExitCode {
    let super::Loaded { config, problems, .. } = match super::load(&args.file, &[]) {
        Ok(read) => read,
        Err(status) => return status,
    };
    let file = args.file.display().to_string();
    let lines = if args.json {
        json_lines(args, &file, &config, &problems)
    } else {
        text_lines(args, &file, &config, &problems)
    };
    super::print(&(lines.join("\n") + "\n"));
    let failed = problems.iter().any(|problem| problem.severity == Severity::Error);
    if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

fn text_lines(args: &Args, file: &str, config: &Config, problems: &[Problem]) -> Vec<String> {
    let mut lines: Vec<String> = problems.iter().map(|problem| problem.render(file)).collect();
    let summary = super::summary(problems);
    lines.push(format!("{file}: {}", summary.as_deref().unwrap_or("no problems")));
    lines.extend(super::open(config).map(|open| format!("{file}: {open}")));
    if args.effective {
        lines.extend(effective_lines(file, config));
    }
    lines
}

fn effective_lines(file: &str, config: &Config) -> Vec<String> {
    let values = config.effective();
    let texts: Vec<String> = values.iter().map(|v| format!("{}={}", v.key, v.value)).collect();
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or_default().min(48);
    let mut lines = Vec::new();
    let mut section = "";
    for (value, text) in values.iter().zip(&texts) {
        if value.section != section {
            section = &value.section;
            lines.extend([String::new(), format!("[{section}]")]);
        }
        lines.push(format!("{text:width$}  {}", origin(&value.origin, file)));
    }
    lines
}

fn json_lines(args: &Args, file: &str, config: &Config, problems: &[Problem]) -> Vec<String> {
    let problem = |problem: &Problem| {
        let Problem { line, column, severity, text } = problem;
        let severity = severity.word();
        json!({"file": file, "line": line, "column": column, "severity": severity, "text": text})
    };
    let mut lines: Vec<String> = problems.iter().map(|one| problem(one).to_string()).collect();
    lines.extend(super::open(config).map(|text| json!({"file": file, "open": text}).to_string()));
    if args.effective {
        lines.extend(config.effective().iter().map(|value| {
            let Effective { section, key, value, origin: from } = value;
            let origin = origin(from, file);
            json!({"section": section, "key": key, "value": value, "origin": origin}).to_string()
        }));
    }
    lines
}

fn origin(origin: &Origin, file: &str) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::Line(line) => format!("{file}:{line}"),
        Origin::CommandLine(flag) => format!("command line {flag}"),
    }
}
