//! `pinhole decode`: the H.323 messages of a capture.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use pinhole::decode::capture::{self, Unreadable};
use pinhole::decode::dissector::{Dissector, Entry};
use pinhole::decode::ladder::{Ladder, Style};
use pinhole::decode::message::Verdict;
use serde_json::json;

use super::{FAILED, USAGE};

/// Prints every H.323 message in a capture (pcap or pcapng), one line each.
///
/// A line has the seconds since the first packet of the capture, source -> destination, protocol, message, call
/// identifier, and the addresses in the message. Messages inside others are indented. Each message is decoded,
/// encoded again and compared with its octets; the last line counts. Exit status: 0 all were decoded and encode
/// to the same octets, 1 some were not, 2 the file cannot be read, or not to its end.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The capture.
    #[arg(value_name = "FILE.pcap")]
    file: PathBuf,
    /// Also print the whole decoded value of each message.
    #[arg(short, long)]
    verbose: bool,
    /// Print one JSON object a line instead of text.
    #[arg(long)]
    json: bool,
    /// Draw the call flow: a column per host, an arrow per message, a section per call.
    #[arg(long, conflicts_with_all = ["json", "verbose"])]
    ladder: bool,
    /// With --ladder: only the calls whose identifier begins so.
    #[arg(long, value_name = "PREFIX", requires = "ladder")]
    call: Option<String>,
}

/// Characters of a line, unless the environment tells (COLUMNS).
const WIDTH: usize = 120;
/// The most that are used of them.
const MAX_WIDTH: usize = 1000;

/// What was counted.
#[derive(Default)]
struct Counts {
    messages: u64,
    undecodable: u64,
    different: u64,
}

/// Decodes one file.
pub(crate) fn run(args: &Args) -> ExitCode {
    let name = args.file.display();
    let file = match File::open(&args.file) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("pinhole: cannot read {name}: {error}");
            return ExitCode::from(USAGE);
        }
    };
    let mut output = BufWriter::new(io::stdout().lock());
    let decoded =
        if args.ladder { draw(args, file, &mut output) } else { decode(args, file, &mut output) };
    match decoded {
        Ok((counts, Ok(()))) if counts.undecodable + counts.different == 0 => ExitCode::SUCCESS,
        Ok((_, Ok(()))) => ExitCode::from(FAILED),
        Ok((_, Err(unreadable))) => {
            eprintln!("pinhole: {name}: {unreadable}");
            ExitCode::from(USAGE)
        }
        // The reader of our output has gone, and with him who would read a complaint.
        Err(_) => ExitCode::from(FAILED),
    }
}

fn decode(
    args: &Args,
    file: File,
    output: &mut impl Write,
) -> io::Result<(Counts, Result<(), Unreadable>)> {
    let mut dissector = Dissector::default();
    let mut counts = Counts::default();
    let mut begin = None;
    let mut written = Ok(());
    let read = capture::read(file, |packet| {
        let begin = *begin.get_or_insert(packet.time);
        for entry in dissector.packet(&packet) {
            counts.add(&entry);
            if written.is_ok() {
                written = write_entry(args, begin, &entry, output);
            }
        }
    });
    written?;
    for entry in dissector.finish() {
        counts.add(&entry);
        write_entry(args, begin.unwrap_or_default(), &entry, output)?;
    }
    if read != Err(Unreadable::Format) {
        counts.write(args, output)?;
    }
    output.flush()?;
    Ok((counts, read))
}

fn draw(
    args: &Args,
    file: File,
    output: &mut impl Write,
) -> io::Result<(Counts, Result<(), Unreadable>)> {
    let mut dissector = Dissector::default();
    let mut ladder = Ladder::default();
    let mut counts = Counts::default();
    let read = capture::read(file, |packet| {
        let entries = dissector.packet(&packet);
        entries.iter().for_each(|entry| counts.add(entry));
        ladder.entries(&entries);
        ladder.packet(&packet);
    });
    let entries = dissector.finish();
    entries.iter().for_each(|entry| counts.add(entry));
    ladder.entries(&entries);
    if read != Err(Unreadable::Format) {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let style = Style {
            width: columns.unwrap_or(WIDTH).min(MAX_WIDTH),
            colour: io::stdout().is_terminal(),
            call: args.call.clone(),
        };
        output.write_all(ladder.draw(&style).as_bytes())?;
        counts.write(args, output)?;
    }
    output.flush()?;
    Ok((counts, read))
}

impl Counts {
    fn add(&mut self, entry: &Entry) {
        self.messages += 1;
        match entry.message.verdict {
            Verdict::Same => {}
            Verdict::Different => self.different += 1,
            Verdict::Undecodable(_) => self.undecodable += 1,
        }
    }

    fn write(&self, args: &Args, output: &mut impl Write) -> io::Result<()> {
        let Self { messages, undecodable, different } = self;
        if args.json {
            let counts =
                json!({"messages": messages, "undecodable": undecodable, "different": different});
            return writeln!(output, "{counts}");
        }
        writeln!(
            output,
            "{messages} messages, {undecodable} undecodable, {different} re-encoded differently"
        )
    }
}

fn write_entry(
    args: &Args,
    begin: Duration,
    entry: &Entry,
    output: &mut impl Write,
) -> io::Result<()> {
    if args.json { write_json(args, entry, output) } else { write_text(args, begin, entry, output) }
}

fn write_text(
    args: &Args,
    begin: Duration,
    entry: &Entry,
    output: &mut impl Write,
) -> io::Result<()> {
    let Entry { time, from, to, depth, message } = entry;
    let seconds = time.saturating_sub(begin).as_secs_f64();
    let indent = "  ".repeat(*depth);
    write!(output, "{seconds:11.6}  {from} -> {to}  {:8}  {indent}", message.protocol)?;
    match &message.verdict {
        Verdict::Undecodable(why) => write!(output, "UNDECODABLE: {why}")?,
        Verdict::Same | Verdict::Different => write!(output, "{}", message.name)?,
    }
    if !message.note.is_empty() {
        write!(output, " ({})", message.note)?;
    }
    if let Some(call) = &message.call {
        write!(output, "  call {call}")?;
    }
    for told in &message.addresses {
        write!(output, "  {} {}", told.name, told.address)?;
    }
    if message.verdict == Verdict::Different {
        write!(output, "  RE-ENCODED DIFFERENTLY")?;
    }
    writeln!(output)?;
    if args.verbose {
        for line in message.value.lines() {
            writeln!(output, "    {line}")?;
        }
    }
    Ok(())
}

fn write_json(args: &Args, entry: &Entry, output: &mut impl Write) -> io::Result<()> {
    let Entry { time, from, to, depth, message } = entry;
    let (verdict, error) = match &message.verdict {
        Verdict::Same => ("same", None),
        Verdict::Different => ("different", None),
        Verdict::Undecodable(why) => ("undecodable", Some(why)),
    };
    let addresses: Vec<_> = message
        .addresses
        .iter()
        .map(|told| json!({"name": told.name, "address": told.address}))
        .collect();
    let mut line = json!({
        "time": time.as_secs_f64(),
        "from": from,
        "to": to,
        "depth": depth,
        "protocol": message.protocol.to_string(),
        "message": message.name,
        "note": message.note,
        "callid": message.call,
        "addresses": addresses,
        "verdict": verdict,
        "error": error,
    });
    if args.verbose
        && let Some(line) = line.as_object_mut()
    {
        line.insert("value".to_owned(), json!(message.value));
    }
    writeln!(output, "{line}")
}
