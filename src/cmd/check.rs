//! `pinhole check`: what is wrong with a configuration, and what of it is in force.

use std::path::PathBuf;
use std::process::ExitCode;

use pinhole_config::{Config, Origin, Problem, Severity};
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
    let (config, problems) = match super::load(&args.file, &[]) {
        Ok(read) => read,
        Err(status) => return status,
    };
    let file = args.file.display().to_string();
    if args.json {
        print_json(args, &file, &config, &problems);
    } else {
        print_text(args, &file, &config, &problems);
    }
    let failed = problems.iter().any(|problem| problem.severity == Severity::Error);
    if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

fn print_text(args: &Args, file: &str, config: &Config, problems: &[Problem]) {
    for problem in problems {
        println!("{}", problem.render(file));
    }
    let summary = super::summary(problems);
    println!("{file}: {}", summary.as_deref().unwrap_or("no problems"));
    if !args.effective {
        return;
    }
    let values = config.effective();
    let texts: Vec<String> = values.iter().map(|v| format!("{}={}", v.key, v.value)).collect();
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or_default().min(48);
    let mut section = "";
    for (value, text) in values.iter().zip(&texts) {
        if value.section != section {
            section = value.section;
            println!("\n[{section}]");
        }
        println!("{text:width$}  {}", origin(&value.origin, file));
    }
}

fn print_json(args: &Args, file: &str, config: &Config, problems: &[Problem]) {
    for problem in problems {
        let Problem { line, column, severity, text } = problem;
        let severity = severity.word();
        let (file, line, column) = match line {
            0 => (None, None, None),
            _ => (Some(file), Some(line), Some(column)),
        };
        println!(
            "{}",
            json!({"file": file, "line": line, "column": column, "severity": severity, "text": text})
        );
    }
    if args.effective {
        for value in config.effective() {
            let origin = origin(&value.origin, file);
            println!(
                "{}",
                json!({"section": value.section, "key": value.key, "value": value.value, "origin": origin})
            );
        }
    }
}

fn origin(origin: &Origin, file: &str) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::Line(line) => format!("{file}:{line}"),
        Origin::CommandLine(flag) => format!("command line {flag}"),
    }
}
