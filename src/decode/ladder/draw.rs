//! Lines of a ladder.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Style;
use super::step::{Kind, Mark, Step};

/// Characters of the time and the space after it.
const TIME: usize = 11;
/// Characters between two columns: more are not drawn, fewer are not readable.
const GAP: std::ops::RangeInclusive<usize> = 22..=76;
/// The narrowest line.
const MIN_WIDTH: usize = 60;
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// Where the columns are.
struct Columns {
    /// Each host and the place of its line.
    hosts: Vec<(IpAddr, usize)>,
    width: usize,
}

impl Columns {
    /// Nothing if the columns do not fit.
    fn new(mut hosts: Vec<IpAddr>, order: &BTreeMap<IpAddr, usize>, width: usize) -> Option<Self> {
        hosts.sort_by_key(|host| order.get(host).copied());
        let half = |host: Option<&IpAddr>| host.map_or(0, |host| host.to_string().len() / 2 + 1);
        let begin = TIME + half(hosts.first());
        let end = width.checked_sub(half(hosts.last()) + 1)?;
        let name = hosts.iter().map(|host| host.to_string().len()).max().unwrap_or_default();
        let gaps = hosts.len().saturating_sub(1);
        let gap = end.checked_sub(begin)?.checked_div(gaps).unwrap_or(0).min(*GAP.end());
        if gaps > 0 && gap < (name + 2).max(*GAP.start()) {
            return None;
        }
        let place = |(index, host)| (host, begin + index * gap);
        Some(Self { hosts: hosts.into_iter().enumerate().map(place).collect(), width })
    }

    fn place(&self, end: SocketAddr) -> usize {
        self.hosts.iter().find(|(host, _)| *host == end.ip()).map_or(TIME, |(_, place)| *place)
    }

    /// A line with nothing but the columns.
    fn empty(&self) -> Vec<char> {
        let mut line = vec![' '; self.width];
        for (_, place) in &self.hosts {
            put(&mut line, *place, "│");
        }
        line
    }
}

/// Writes over what is there; what does not fit is cut.
fn put(line: &mut [char], place: usize, text: &str) {
    for (cell, c) in line.iter_mut().skip(place).zip(text.chars()) {
        *cell = c;
    }
}

/// Breaks text between its words; a word that is longer than a line is cut.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut(word, room)),
        }
    }
    lines
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut text: String = text.chars().take(room.saturating_sub(1)).collect();
    text.push('…');
    text
}

fn finish(text: &mut String, line: &[char], colour: Option<&str>) {
    let line: String = line.iter().collect();
    let line = line.trim_end();
    match colour {
        Some(colour) => text.push_str(&format!("{colour}{line}{PLAIN}\n")),
        None => text.push_str(&format!("{line}\n")),
    }
}

/// Draws one call, or what belongs to none.
pub(super) fn section(
    text: &mut String,
    style: &Style,
    begin: Duration,
    call: Option<&str>,
    steps: &[&Step],
    order: &BTreeMap<IpAddr, usize>,
) {
    let width = style.width.max(MIN_WIDTH);
    match call {
        Some(call) => text.push_str(&format!("call {call}: {}\n", story(steps))),
        None => text.push_str("outside calls\n"),
    }
    let mut hosts: Vec<IpAddr> =
        steps.iter().flat_map(|step| [step.from.ip(), step.to.ip()]).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let Some(columns) = Columns::new(hosts, order, width) else {
        steps.iter().for_each(|step| listed(text, style, begin, step));
        text.push('\n');
        return;
    };
    let mut header = vec![' '; width];
    for (host, place) in &columns.hosts {
        let name = host.to_string();
        put(&mut header, place.saturating_sub(name.len() / 2), &name);
    }
    finish(text, &header, None);
    for step in steps {
        arrow(text, style, begin, step, &columns);
    }
    text.push('\n');
}

/// What became of the call, in a line.
fn story(steps: &[&Step]) -> String {
    let find = |mark| steps.iter().find(|step| step.mark == mark);
    let connected = find(Mark::Connect);
    let released = find(Mark::Release);
    let begin = steps.first().map(|step| step.time).unwrap_or_default();
    let by = |step: &Step, since: Duration| {
        let after = seconds(step.time.saturating_sub(since));
        format!("{} from {} after {after}", step.label, step.from.ip())
    };
    let mut story = match (connected, released) {
        (Some(connect), Some(release)) => {
            let after = seconds(connect.time.saturating_sub(begin));
            format!("connected after {after}, {}", by(release, connect.time))
        }
        (Some(connect), None) => {
            let after = seconds(connect.time.saturating_sub(begin));
            format!("connected after {after}, not released within the capture")
        }
        (None, Some(release)) => format!("never connected, {}", by(release, begin)),
        (None, None) => "never connected".to_owned(),
    };
    let failure = steps.iter().find(|step| step.kind == Kind::Failure);
    if let Some(step) = failure {
        story.push_str(&format!(", FAILED: {} from {}", step.label, step.from.ip()));
    }
    let media = steps.iter().any(|step| step.kind == Kind::Media);
    if connected.is_some() && !media {
        story.push_str(", no media in the capture");
    }
    story
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn time(step: &Step, begin: Duration) -> String {
    format!("{:9.3}", step.time.saturating_sub(begin).as_secs_f64())
}

fn label(step: &Step) -> String {
    let lasted = seconds(step.last.saturating_sub(step.time));
    match (step.kind, step.times) {
        (Kind::Media, times) => {
            let what = if step.label.starts_with("RTP") { "packet" } else { "frame" };
            let plural = if times == 1 { "" } else { "s" };
            format!("{}, {times} {what}{plural}/{lasted}", step.label)
        }
        (_, 1) => step.label.clone(),
        (_, times) => format!("{} ×{times} in {lasted}", step.label),
    }
}

fn colour(step: &Step, style: &Style) -> Option<&'static str> {
    let colour = match (step.kind, step.mark) {
        (Kind::Failure, _) => RED,
        (Kind::Media, _) => CYAN,
        (Kind::Message, Mark::Connect) => GREEN,
        (Kind::Message, Mark::Release) => YELLOW,
        (Kind::Message, Mark::None) => return None,
    };
    style.colour.then_some(colour)
}

/// An arrow as a line of text, where there are too many hosts for columns.
fn listed(text: &mut String, style: &Style, begin: Duration, step: &Step) {
    let Step { from, to, .. } = step;
    let said = beside(step, &label(step));
    let line = format!("{}  {from} → {to}  {said}", time(step, begin));
    finish(text, &line.chars().collect::<Vec<_>>(), colour(step, style));
}

/// What an arrow says with what is inside it in brackets. A Facility that is only there to carry has no name then.
fn beside(step: &Step, label: &str) -> String {
    match step.inside.join(", ") {
        inside if inside.is_empty() => label.to_owned(),
        inside if label == "Facility" => format!("[{inside}]"),
        inside => format!("{label} [{inside}]"),
    }
}

/// What of a label fits on the arrow, and the lines beneath with the rest of it and what is inside.
fn divide(label: &str, inside: &[String], on: usize, beneath: usize) -> (String, Vec<String>) {
    let mut lines = wrap(label, on).into_iter();
    let first = lines.next().unwrap_or_default();
    let rest = wrap(&lines.collect::<Vec<_>>().join(" "), beneath);
    let inside = wrap(&inside.join(", "), beneath);
    let marked = |mark: &'static str, lines: Vec<String>| {
        lines.into_iter().enumerate().map(move |(index, line)| {
            let mark = if index == 0 { mark } else { " " };
            format!("{mark} {line}")
        })
    };
    (first, marked("…", rest).chain(marked("+", inside)).collect())
}

fn arrow(text: &mut String, style: &Style, begin: Duration, step: &Step, columns: &Columns) {
    let mut line = columns.empty();
    put(&mut line, 0, &time(step, begin));
    let (from, to) = (columns.place(step.from), columns.place(step.to));
    let (left, right) = (from.min(to), from.max(to));
    let shaft = if step.kind == Kind::Media { '═' } else { '─' };
    // Between the lines there are the ports, two characters of shaft on each side, and spaces around the label.
    let [mut first, mut last] =
        if from <= to { [step.from, step.to] } else { [step.to, step.from] }
            .map(|end| end.port().to_string());
    let label = label(step);
    let beside = beside(step, &label);
    if left == right {
        put(&mut line, left + 1, &format!("↻ {first} → {last} {beside}"));
        finish(text, &line, colour(step, style));
        return;
    }
    let room = right - left - 1;
    let head = if from < to { '▶' } else { '◀' };
    let around = |first: &str, last: &str| first.len() + last.len() + 4;
    let length = |text: &str| text.chars().count();
    if around(&first, &last) + length(&label) > room {
        // The label matters more than the ports.
        first.clear();
        last.clear();
    }
    let room_for_label = room.saturating_sub(around(&first, &last));
    let (label, rest) = if length(&beside) <= room_for_label {
        (beside, Vec::new())
    } else {
        divide(&label, &step.inside, room_for_label, room.saturating_sub(5))
    };
    for cell in line.iter_mut().take(right).skip(left + 1) {
        *cell = shaft;
    }
    put(&mut line, left + 1, &first);
    put(&mut line, right - last.len(), &last);
    let (start, end) = (left + 1 + first.len(), right - last.len() - 1);
    put(&mut line, if from < to { end } else { start }, &head.to_string());
    let middle = start + (end - start).saturating_sub(length(&label) + 2) / 2;
    put(&mut line, middle.max(start + 1), &format!(" {label} "));
    finish(text, &line, colour(step, style));
    for rest in rest {
        let mut line = columns.empty();
        put(&mut line, left + 3, &rest);
        finish(text, &line, colour(step, style));
    }
}
