//! The log: lines for people, on stderr or in a file. Events come here once each, from the driver.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing::{Level, debug, info, warn};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::event::Event;

/// Lines that may wait to be written. When the disk or the terminal is slower than that, lines are lost, not calls.
const WAITING_LINES: usize = 10_000;

/// The log is written while this lives, and completely when it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Log(#[expect(dead_code, reason = "only its end matters")] WorkerGuard);

/// Starts to log, to a file (which grows) or else to stderr: at `trace` 0 what an operator should look at, at 1 the
/// life of calls and registrations, from 2 on also what peers do wrong and what becomes of connections.
///
/// # Errors
/// When the file cannot be written.
pub fn log_to(file: Option<&Path>, trace: u8) -> io::Result<Log> {
    let writer: Box<dyn Write + Send> = match file {
        Some(path) => Box::new(File::options().create(true).append(true).open(path)?),
        None => Box::new(io::stderr()),
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .finish(writer);
    tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false)
        .with_env_filter(directives(trace))
        .try_init()
        .map_err(io::Error::other)?;
    Ok(Log(guard))
}

fn filter(trace: u8) -> LevelFilter {
    match trace {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// Of the libraries beneath us only warnings: the inner life of a poll loop tells an operator nothing.
fn directives(trace: u8) -> String {
    format!("warn,pinhole={}", filter(trace))
}

/// Logs an event.
pub(super) fn event(event: &Event) {
    match level(event) {
        Level::WARN if tracing::enabled!(Level::WARN) => warn!("{}", line(event)),
        Level::INFO if tracing::enabled!(Level::INFO) => info!("{}", line(event)),
        Level::DEBUG if tracing::enabled!(Level::DEBUG) => debug!("{}", line(event)),
        _ => {}
    }
}

fn level(event: &Event) -> Level {
    match event {
        Event::NotListening { .. } | Event::Zone { state: "down", .. } => Level::WARN,
        // A zone that is up again after it was down is what an operator waits for.
        Event::Zone { state: "up" | "moved", .. } => Level::WARN,
        Event::PinholeMeasured { .. } => Level::WARN,
        Event::Zone { name, .. } if !name.is_empty() => Level::WARN,
        // Anybody can send nonsense, as often as they like.
        Event::Malformed { .. } => Level::DEBUG,
        _ => Level::INFO,
    }
}

/// `call-connected callid="…" setup_ms=…`. Texts are quoted as JSON quotes them, so that no alias can begin a line.
fn line(event: &Event) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else {
        return format!("{event:?}");
    };
    let mut line = match fields.remove("event") {
        Some(Value::String(name)) => name,
        _ => String::new(),
    };
    for (name, value) in &fields {
        line.push_str(&format!(" {name}={value}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn an_alias_cannot_forge_a_line() {
        let sentence = "gone\nWARN nonsense".to_owned();
        let event = Event::Unregistered { alias: "al\"ice".to_owned(), sentence };
        let expected = r#"unregistered alias="al\"ice" sentence="gone\nWARN nonsense""#;
        assert_eq!(line(&event), expected);
    }

    #[test]
    fn only_our_own_trace_is_shown() {
        let filter = tracing_subscriber::EnvFilter::new(directives(3));
        let subscriber = tracing_subscriber::registry().with(filter);
        tracing::subscriber::with_default(subscriber, || {
            assert!(tracing::enabled!(target: "pinhole::net::core", Level::TRACE));
            assert!(tracing::enabled!(target: "mio::poll", Level::WARN));
            assert!(!tracing::enabled!(target: "mio::poll", Level::INFO));
        });
    }

    #[test]
    fn nonsense_of_peers_does_not_reach_a_quiet_log() {
        let peer = "192.0.2.1:1719".parse().unwrap();
        let event = Event::Malformed { peer, protocol: "ras", sentence: String::new() };
        assert!(level(&event) > filter(1));
        assert!(level(&event) <= filter(2));
    }
}
