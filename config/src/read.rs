//! A file's entries into typed sections, and what is to be said about those that are not typed.

use std::collections::BTreeMap;

use crate::entries::Part;
use crate::ini::{self, Entry, column_after};
use crate::known::{self, Known, Note};
use crate::section::{Key, Section as _};
use crate::value::{Fault, Wrong};
use crate::{
    Config, Neighbor, Origin, Override, Particular, Problem, Source, lint, neighbors, particulars,
    suggest,
};

/// Reads a file.
pub(crate) fn read(bytes: &[u8], overrides: &[Override]) -> (Config, Vec<Problem>) {
    let (document, problems) = ini::parse(bytes);
    let mut reader = Reader { config: Config::default(), problems };
    reader.problems.extend(neighbors::declare(&mut reader.config, &document));
    particulars::declare(&mut reader.config, &document);
    for section in &document.sections {
        match known::find(&section.name) {
            Some(known) => reader.section(section, known),
            None => reader.unknown_section(section),
        }
    }
    for one in overrides {
        reader.set_override(one);
    }
    reader.problems.extend(lint::check(&mut reader.config));
    reader.problems.sort_by_key(|problem| (problem.line, problem.column));
    (reader.config, reader.problems)
}

struct Reader {
    config: Config,
    problems: Vec<Problem>,
}

impl Reader {
    fn section(&mut self, section: &ini::Section, known: &'static Known) {
        let typed = typed_keys(&self.config, known.section);
        let mut free = 0;
        let mut seen = BTreeMap::new();
        for entry in &section.entries {
            if known::EVERYWHERE.iter().any(|name| name.eq_ignore_ascii_case(&entry.key)) {
                continue;
            }
            let first = *seen.entry(entry.key.to_ascii_lowercase()).or_insert(entry);
            let again = first.line != entry.line;
            let key = typed.iter().find(|key| key.name.eq_ignore_ascii_case(&entry.key));
            if known.section == neighbors::DECLARED {
                if again {
                    self.duplicate(entry, first);
                }
                continue;
            }
            let named = known.keys().find(|name| name.eq_ignore_ascii_case(&entry.key));
            match (key, named) {
                (None, None) if self.is_table(known.section) => {
                    if again {
                        self.duplicate(entry, first);
                    } else {
                        self.row(known.section, entry);
                    }
                }
                (None, None) if known.is_free() => {
                    free += 1;
                    self.free(entry, typed, known);
                }
                (None, None) if !known::is_gone(&entry.key) => {
                    self.unknown_key(entry, &section.name, typed, known);
                }
                _ if again => self.duplicate(entry, first),
                (Some(key), _) => self.typed(entry, key, (&section.name, known.section)),
                (None, _) => self.without_effect(entry, known),
            }
        }
        if let (Some(&(line, column)), 1..) = (section.heads.first(), free) {
            self.free_section(line, column, &section.name, known, free);
        }
    }

    /// Whether the free keys of a section have a type.
    fn is_table(&self, section: &str) -> bool {
        self.config.tables().iter().any(|(about, _)| about.name == section)
    }

    /// An entry of a section whose free keys have a type.
    fn row(&mut self, section: &str, entry: &Entry) {
        let Entry { key, value, line, .. } = entry;
        let mut tables = self.config.tables_mut();
        let Some((_, table)) = tables.iter_mut().find(|(about, _)| about.name == section) else {
            return;
        };
        match table.take(key, value, *line) {
            Ok(None) => {}
            Ok(Some(remark)) => self.warn(*line, entry.value_column, format!("{key}: {remark}")),
            Err((part, Wrong { at, fault })) => {
                let column = match part {
                    Part::Key => entry.key_column,
                    Part::Value => entry.value_column,
                };
                self.error(*line, column + column_after(at) - 1, format!("{key}: {fault}"));
            }
        }
    }

    /// The first value counts: GnuGk joins the values of a key given twice and reads the first.
    fn duplicate(&mut self, entry: &Entry, first: &Entry) {
        let (key, line) = (&entry.key, first.line);
        let text = format!("'{key}' again, first in line {line}; the value of line {line} counts");
        self.warn(entry.line, entry.key_column, text);
    }

    fn typed(&mut self, entry: &Entry, key: &'static Key, section: (&str, &'static str)) {
        let mut text = entry.value.as_str();
        if let (true, Some((value, comment, at))) = (key.bare, trailing_comment(text)) {
            let column = entry.value_column + column_after(at) - 1;
            let said = format!("'{comment}' is not read; a comment needs a line of its own");
            self.warn(entry.line, column, said);
            text = value;
        }
        let source = Source {
            origin: Origin::Line(entry.line),
            line: entry.line,
            column: entry.value_column,
        };
        self.set(section, key, text, source);
        if key.inert {
            let said = format!("{} is accepted, has no effect in this version", key.name);
            self.warn(entry.line, entry.key_column, said);
        }
    }

    /// Sets a key of a section, told by its whole name and the one of its kind.
    fn set(
        &mut self,
        (whole, section): (&str, &'static str),
        key: &'static Key,
        text: &str,
        source: Source,
    ) {
        let Source { line, column, .. } = source;
        let (done, title) = if section == neighbors::KIND {
            let Some((title, neighbor)) = neighbors::find(&mut self.config, whole) else { return };
            (neighbor.set(key.name, text), title)
        } else if section == particulars::KIND {
            let found = particulars::find(&mut self.config, whole);
            let Some((title, particular)) = found else { return };
            (particular.set(key.name, text), title)
        } else {
            let mut sections = self.config.sections_mut();
            let found = sections.iter_mut().find(|typed| typed.name() == section);
            let Some(typed) = found else { return };
            (typed.set(key.name, text), section.to_owned())
        };
        match done {
            Ok(remark) => {
                self.config.sources.insert((title, key.name), source);
                if let Some(remark) = remark {
                    self.warn(line, column, format!("{}: {remark}", key.name));
                }
            }
            Err(Wrong { fault: Fault::Empty, .. }) if text.is_empty() => {
                let shown = default(section, key.name);
                self.warn(line, column, format!("{}: empty value, {shown} is used", key.name));
            }
            Err(Wrong { at, fault }) => {
                let column = column + column_after(at) - 1;
                self.error(line, column, format!("{}: {fault}", key.name));
            }
        }
    }

    fn set_override(&mut self, one: &Override) {
        let typed = typed_keys(&self.config, one.section);
        if let Some(key) = typed.iter().find(|key| key.name == one.key) {
            let source = Source { origin: Origin::CommandLine(one.flag), line: 0, column: 0 };
            self.set((one.section, one.section), key, &one.value, source);
        }
    }

    fn without_effect(&mut self, entry: &Entry, known: &Known) {
        let on = !matches!(entry.value.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no");
        let note = known::note(known.section, &entry.key, on);
        if matches!(note, Some(Note::Access)) && entry.value.eq_ignore_ascii_case("allow") {
            return; // Nobody is refused by it.
        }
        if matches!(note, Some(Note::Access)) && known::decides(known.section) {
            let name = format!("[{}] {}", known.section, entry.key);
            self.config.unenforced.push((entry.line, name));
        }
        if let Some(said) = sentence(note) {
            self.warn(entry.line, entry.key_column, format!("{} {said}", entry.key));
        }
    }

    fn free_section(&mut self, line: u32, column: u32, name: &str, known: &Known, free: usize) {
        let note = known::note(known.section, "*", true);
        if matches!(note, Some(Note::Access)) && known::decides(known.section) {
            self.config.unenforced.push((line, format!("[{name}]")));
        }
        if let Some(said) = sentence(note) {
            let entries = if free == 1 { "1 entry".into() } else { format!("{free} entries") };
            self.warn(line, column, format!("[{name}] with {entries} {said}"));
        }
    }

    /// An entry whose key is free, yet looks like a slip of a named one.
    fn free(&mut self, entry: &Entry, typed: &'static [Key], known: &'static Known) {
        let names = typed.iter().map(|key| key.name).chain(known.keys());
        if let Some(name) = suggest::nearest(&entry.key, names) {
            let said = format!("'{}' is read as an entry; did you mean '{name}'?", entry.key);
            self.warn(entry.line, entry.key_column, said);
        }
    }

    fn unknown_key(
        &mut self,
        entry: &Entry,
        section: &str,
        typed: &'static [Key],
        known: &'static Known,
    ) {
        let names = typed.iter().map(|key| key.name).chain(known.keys());
        let homes = homes(&self.config, &entry.key);
        let hint = if !homes.is_empty() {
            format!("; it belongs to {homes}")
        } else if let Some(name) = suggest::nearest(&entry.key, names) {
            format!("; did you mean '{name}'?")
        } else {
            elsewhere(&self.config, &entry.key)
                .map(|(name, home)| format!("; did you mean '{name}' of {home}?"))
                .unwrap_or_default()
        };
        let said = format!("unknown key '{}' in [{section}]{hint}", entry.key);
        self.error(entry.line, entry.key_column, said);
    }

    fn unknown_section(&mut self, section: &ini::Section) {
        let tail = section.name.rsplit_once("::").map_or("…", |(_, tail)| tail);
        let names: Vec<String> = known::all().flat_map(|known| known.names(tail)).collect();
        let near = suggest::nearest(&section.name, names.iter().map(String::as_str));
        let hint = near.map(|name| format!("; did you mean [{name}]?")).unwrap_or_default();
        for &(line, column) in &section.heads {
            self.error(line, column, format!("unknown section [{}]{hint}", section.name));
        }
    }

    fn error(&mut self, line: u32, column: u32, text: String) {
        self.problems.push(Problem::error(line, column, text));
    }

    fn warn(&mut self, line: u32, column: u32, text: String) {
        self.problems.push(Problem::warning(line, column, text));
    }
}

/// What is said after the name of a key or section without effect.
fn sentence(note: Option<Note>) -> Option<String> {
    Some(match note {
        Some(Note::Silent) => return None,
        Some(Note::Signalling) => {
            "is not enforced: signalling will be in clear, and with it how keys of media are agreed on".into()
        }
        Some(Note::Access) => "is not enforced: nobody is refused by it in this version".into(),
        Some(Note::Calls) => {
            "is not followed: no number is rewritten and no call routed by it in this version".into()
        }
        Some(Note::Needless(why)) => format!("has no effect and needs none: {why}"),
        Some(Note::Instead(hint)) => format!("has no effect in this version: {hint}"),
        Some(Note::Gone(hint)) => format!("is obsolete, has no effect: {hint}"),
        None => "is accepted, has no effect in this version".into(),
    })
}

/// The typed keys of a section.
fn typed_keys(config: &Config, section: &str) -> &'static [Key] {
    if section == neighbors::KIND {
        return Neighbor::default().keys();
    }
    if section == particulars::KIND {
        return Particular::default().keys();
    }
    let sections = config.sections();
    sections.iter().find(|typed| typed.name() == section).map_or(&[], |typed| typed.keys())
}

/// The default of a typed key, as it is told.
fn default(section: &str, key: &str) -> String {
    let config = Config::default();
    let (neighbor, particular) = (Neighbor::default(), Particular::default());
    let families = [&neighbor as &dyn crate::section::Section, &particular];
    let all = config.sections().into_iter().chain(families);
    let typed = all.into_iter().find(|typed| typed.name() == section);
    let value = typed
        .and_then(|typed| typed.keys().iter().zip(typed.show()).find(|(one, _)| one.name == key));
    value.map(|(_, value)| format!("the default {value}")).unwrap_or_default()
}

/// Every named key with its section.
fn every_key(config: &Config) -> impl Iterator<Item = (&'static str, &'static Known)> {
    known::all().flat_map(|known| {
        let typed = typed_keys(config, known.section).iter().map(|key| key.name);
        typed.chain(known.keys()).map(move |key| (key, known))
    })
}

/// The sections, three at most, to which a key belongs.
fn homes(config: &Config, key: &str) -> String {
    let here = every_key(config).filter(|(name, _)| name.eq_ignore_ascii_case(key));
    let titles: Vec<String> = here.map(|(_, known)| format!("[{}]", known.title())).collect();
    match titles.as_slice() {
        [few @ .., last] if (1..3).contains(&few.len()) => {
            format!("{} or {last}", few.join(", "))
        }
        [one] => one.clone(),
        [first, second, third, more @ ..] if !more.is_empty() => {
            format!("{first}, {second}, {third} or {} other sections", more.len())
        }
        _ => String::new(),
    }
}

/// The nearest key of all sections, and its section.
fn elsewhere(config: &Config, key: &str) -> Option<(&'static str, String)> {
    let name = suggest::nearest(key, every_key(config).map(|(name, _)| name))?;
    Some((name, homes(config, name)))
}

/// Splits `value // comment`; also tells how many characters into the text the comment begins.
fn trailing_comment(text: &str) -> Option<(&str, &str, usize)> {
    let marks = [" #", " ;", " //", "\t#", "\t;", "\t//"];
    let at = marks.iter().filter_map(|mark| text.find(mark)).min()?;
    let (value, comment) = text.split_at_checked(at + 1)?;
    Some((value.trim_end(), comment, value.chars().count()))
}
