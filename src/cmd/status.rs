//! `pinhole status`: what a running gatekeeper holds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::{FAILED, USAGE};

/// The longest document that is read, in octets.
const LONGEST: u64 = 1 << 30;
/// How long the gatekeeper may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shows what a running gatekeeper holds: registrations, calls, ports, what was refused.
///
/// The gatekeeper answers on the socket of [Gatekeeper::Main] StatusSocket=. Exit status: 0 it answered, 1 it did not,
/// 2 it is not said where it listens.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The socket.
    #[arg(long, value_name = "PATH", required_unless_present = "config")]
    socket: Option<PathBuf>,
    /// Take the socket of this configuration file.
    #[arg(short, long, value_name = "FILE", conflicts_with = "socket")]
    config: Option<PathBuf>,
    /// Print the document as it is, one JSON object.
    #[arg(long)]
    json: bool,
}

/// Asks, and prints the answer.
pub(crate) fn run(args: &Args) -> ExitCode {
    let socket = match socket(args) {
        Ok(socket) => socket,
        Err(status) => return status,
    };
    let answer = ask(&socket)
        .map_err(|error| format!("pinhole: cannot ask at {}: {error}", socket.display()))
        .and_then(|text| match serde_json::from_str(&text) {
            Ok(document) => Ok((text, document)),
            Err(_) => Err(format!("pinhole: {} does not answer", socket.display())),
        });
    match answer {
        Ok((text, _)) if args.json => super::print(&text),
        Ok((_, document)) => super::print(&table(&document)),
        Err(why) => {
            super::complain(&why);
            return ExitCode::from(FAILED);
        }
    }
    ExitCode::SUCCESS
}

fn socket(args: &Args) -> Result<PathBuf, ExitCode> {
    if let Some(socket) = &args.socket {
        return Ok(socket.clone());
    }
    let Some(file) = &args.config else { return Err(ExitCode::from(USAGE)) };
    let loaded = super::load(file, &[])?;
    loaded.config.main.status_socket.map(|path| path.0.into()).ok_or_else(|| {
        super::complain(&format!("{}: it has no StatusSocket=", file.display()));
        ExitCode::from(USAGE)
    })
}

/// The document of the gatekeeper that listens there.
pub(super) fn ask(socket: &Path) -> io::Result<String> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// A value as people read it.
fn say(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        // Endpoints choose their names; none of them may steer the terminal.
        Value::String(text) => text.replace(char::is_control, "\u{fffd}"),
        Value::Array(all) => all.iter().map(say).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Rows under a head, each column as wide as it has to be.
pub(super) fn columns(text: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.len())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    for row in std::iter::once(&head).chain(rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn list<'a>(document: &'a Value, key: &str) -> &'a [Value] {
    document.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The document as tables.
fn table(document: &Value) -> String {
    let mut text = String::new();
    let of = |value: &Value, key: &str| value.get(key).map(say).unwrap_or_default();
    let top = |key: &str| of(document, key);
    let (registrations, calls) = (list(document, "registrations"), list(document, "calls"));
    let _ = writeln!(
        text,
        "{} {}, up {} s, mode {}: {} registered, {} calls",
        top("gatekeeper"),
        top("state"),
        top("uptime_s"),
        top("mode"),
        registrations.len(),
        calls.len()
    );
    if !registrations.is_empty() {
        let keys = ["aliases", "kind", "ras", "traversal", "ttl_s", "silent_s", "vendor"];
        let rows: Vec<Vec<String>> =
            registrations.iter().map(|one| keys.map(|key| of(one, key)).to_vec()).collect();
        text.push('\n');
        columns(
            &mut text,
            &["registered", "kind", "ras", "traversal", "ttl", "silent", "vendor"],
            &rows,
        );
    }
    if !calls.is_empty() {
        let rows: Vec<Vec<String>> = calls.iter().map(call).collect();
        text.push('\n');
        columns(&mut text, &["call", "from", "to", "state", "s", "mode", "media"], &rows);
    }
    let zones = list(document, "zones");
    if !zones.is_empty() {
        let rows: Vec<Vec<String>> = zones.iter().map(zone).collect();
        text.push('\n');
        let head = ["neighbor", "role", "state", "for", "address", "rtt", "every", "calls", "why"];
        columns(&mut text, &head, &rows);
    }
    for key in ["waiting", "ports", "bandwidth", "limits", "counters"] {
        if let Some(Value::Object(fields)) = document.get(key) {
            let fields = fields.iter().map(|(name, value)| format!("{name} {}", say(value)));
            let _ = writeln!(text, "\n{key}: {}", fields.collect::<Vec<_>>().join(", "));
        }
    }
    text
}

/// A neighbour: its state is told with the time since it is so.
fn zone(zone: &Value) -> Vec<String> {
    let of = |key: &str| zone.get(key).map_or_else(|| "-".to_owned(), say);
    let since = if zone.get("up_s").is_some_and(|up| !up.is_null()) { "up_s" } else { "last_s" };
    let keys = [
        "name",
        "role",
        "state",
        since,
        "address",
        "round_trip_ms",
        "interval_s",
        "calls",
        "sentence",
    ];
    keys.map(of).to_vec()
}

fn call(call: &Value) -> Vec<String> {
    let of = |key: &str| call.get(key).map(say).unwrap_or_default();
    let party = |index: usize| {
        let leg = list(call, "legs").get(index);
        leg.and_then(|leg| leg.get("party")).map(say).unwrap_or_default()
    };
    let media = list(call, "sessions").iter().map(|session| {
        let codecs = list(session, "media").iter().filter_map(|media| media.get("codec"));
        let mut codecs: Vec<String> = codecs.map(say).collect();
        codecs.dedup();
        let ciphers = list(session, "encryption").iter().flat_map(|direction| {
            let legs = direction.as_array().map_or(&[][..], Vec::as_slice);
            legs.iter().map(|leg| {
                let of = |key: &str| leg.get(key).map(say).unwrap_or_default();
                format!("{}:{}", of("leg"), of("cipher"))
            })
        });
        let ciphers: BTreeSet<String> = ciphers.collect();
        std::iter::once(codecs.join("/")).chain(ciphers).collect::<Vec<_>>().join(" ")
    });
    let media = media.collect::<Vec<_>>().join(" ");
    let seconds = if of("talking_s") == "-" { of("age_s") } else { of("talking_s") };
    vec![of("callid"), party(0), party(1), of("state"), seconds, of("mode"), media]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_tables() {
        let document = serde_json::json!({
            "gatekeeper": "Gate", "state": "working", "uptime_s": 7, "mode": "proxied",
            "registrations": [{
                "aliases": ["bob", "10\u{1b}1"], "kind": "terminal", "ras": "192.0.2.1:1719",
                "traversal": "none", "ttl_s": null, "silent_s": 3, "vendor": ""
            }],
            "calls": [{
                "callid": "f81f", "state": "talking", "age_s": 9, "talking_s": 5, "mode": "proxied",
                "legs": [{"party": "alice"}, {"party": "bob"}],
                "sessions": [
                    {"media": [{"codec": "pcma"}, {"codec": "pcma"}],
                     "encryption": [[{"leg": "b", "cipher": "AES-128-CBC"}], [{"leg": "b", "cipher": "AES-128-CBC"}]]},
                    {"media": [null, {"codec": "h264"}]}
                ]
            }],
            "zones": [
                {"name": "Outer", "role": "server", "state": "up", "up_s": 40, "address": "198.51.100.2:1719",
                 "round_trip_ms": 12, "interval_s": 19, "calls": 3, "last_s": 40, "sentence": "it answers"},
                {"name": "Other", "role": "neighbor", "state": "waiting", "up_s": null, "address": null,
                 "calls": 0, "last_s": null}
            ],
            "counters": {"throttled": 2, "malformed_ras": 0}
        });
        let expected = "\
Gate working, up 7 s, mode proxied: 1 registered, 1 calls

registered  kind      ras             traversal  ttl  silent  vendor
bob,10�1    terminal  192.0.2.1:1719  none       -    3

call  from   to   state    s  mode     media
f81f  alice  bob  talking  5  proxied  pcma b:AES-128-CBC h264

neighbor  role      state    for  address            rtt  every  calls  why
Outer     server    up       40   198.51.100.2:1719  12   19     3      it answers
Other     neighbor  waiting  -    -                  -    -      0      -

counters: malformed_ras 0, throttled 2
";
        assert_eq!(table(&document), expected);
    }
}
