//! Text to sections and entries, in order, each with its place. Knows no section and no key by name.
//!
//! The rules are GnuGk's library's: lines are trimmed; a comment is a line that begins with `;` or `#`, and there
//! are no others; `[Section]` may occur several times, its contents merge; names compare without regard to
//! case. What GnuGk drops silently is an error here.

use std::collections::BTreeMap;

use crate::problem::Problem;

/// A file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// The sections in the order of their first heads.
    pub(crate) sections: Vec<Section>,
}

/// All of a file that stands in one section.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// Its name as first written.
    pub(crate) name: String,
    /// Line and column of the name in each of its heads.
    pub(crate) heads: Vec<(u32, u32)>,
    /// Its entries in order.
    pub(crate) entries: Vec<Entry>,
}

/// A line `key=value`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What stands before the `=`, trimmed.
    pub(crate) key: String,
    /// What stands after it, trimmed.
    pub(crate) value: String,
    /// The line, from 1.
    pub(crate) line: u32,
    /// The column of the key, in characters from 1.
    pub(crate) key_column: u32,
    /// The column of the value; of an empty one, the column after the `=`.
    pub(crate) value_column: u32,
}

/// Reads the octets of a file. Never fails: what cannot be read is a problem and left out.
pub(crate) fn parse(bytes: &[u8]) -> (Document, Vec<Problem>) {
    let mut reader = Reader::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        reader.problems.push(Problem::error(1, 1, "the file is UTF-16; save it as UTF-8"));
        return (reader.document, reader.problems);
    }
    for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        reader.octets(number, line);
    }
    (reader.document, reader.problems)
}

/// Where the next entry belongs.
#[derive(Default, Clone, Copy)]
enum Current {
    /// No section has begun.
    #[default]
    Before,
    /// The section's head has no name.
    Nameless,
    /// The section of this index.
    In(usize),
}

#[derive(Default)]
struct Reader {
    document: Document,
    problems: Vec<Problem>,
    current: Current,
    /// The index of each section by its name in small letters.
    indices: BTreeMap<String, usize>,
}

impl Reader {
    /// A line that is no UTF-8 is read as Latin-1, as files of GnuGk's early years are.
    fn octets(&mut self, number: u32, line: &[u8]) {
        match std::str::from_utf8(line) {
            Ok(text) => self.line(number, text),
            Err(error) => {
                let text: String = line.iter().copied().map(char::from).collect();
                if !is_comment(text.trim()) {
                    let text = "not UTF-8: the line is read as Latin-1";
                    self.warn(number, column_after(error.valid_up_to()), text);
                }
                self.line(number, &text);
            }
        }
    }

    fn line(&mut self, number: u32, raw: &str) {
        let text = raw.trim();
        let indent = raw.chars().take_while(|c| c.is_whitespace()).count();
        if text.is_empty() || is_comment(text) {
        } else if let Some(head) = text.strip_prefix('[') {
            self.head(number, indent, head);
        } else {
            self.entry(number, indent, text);
        }
    }

    /// What stands after `[`, which stands after `indent` characters.
    fn head(&mut self, number: u32, indent: usize, head: &str) {
        let (name, rest) = match head.split_once(']') {
            Some((name, rest)) => (name, rest.trim()),
            None => {
                let column = column_after(indent + 1 + head.chars().count());
                self.error(number, column, format!("missing ']' after '[{head}'"));
                (head, "")
            }
        };
        if !rest.is_empty() {
            let column = column_after(indent + 1 + head.chars().count() - rest.chars().count());
            let text = format!("'{rest}' after ']' is not read; a comment needs a line of its own");
            self.warn(number, column, text);
        }
        let lead = name.chars().take_while(|c| c.is_whitespace()).count();
        let name = name.trim();
        if name.is_empty() {
            self.error(number, column_after(indent), "section without a name");
            self.current = Current::Nameless;
            return;
        }
        self.open(name, (number, column_after(indent + 1 + lead)));
    }

    fn open(&mut self, name: &str, place: (u32, u32)) {
        let sections = &mut self.document.sections;
        let index = *self.indices.entry(name.to_ascii_lowercase()).or_insert_with(|| {
            let (name, heads, entries) = (name.to_owned(), Vec::new(), Vec::new());
            sections.push(Section { name, heads, entries });
            sections.len() - 1
        });
        if let Some(section) = sections.get_mut(index) {
            section.heads.push(place);
        }
        self.current = Current::In(index);
    }

    fn entry(&mut self, number: u32, indent: usize, text: &str) {
        let column = column_after(indent);
        let Some((key, value)) = text.split_once('=') else {
            let hint = if text.starts_with("//") { "; a comment begins with ; or #" } else { "" };
            self.error(number, column, format!("no '=' in '{text}'{hint}"));
            return;
        };
        let lead = value.chars().take_while(|c| c.is_whitespace()).count();
        let value_column = column_after(indent + key.chars().count() + 1 + lead);
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        if key.is_empty() {
            self.error(number, column, "no key before '='");
            return;
        }
        match self.current {
            Current::Before => {
                self.error(number, column, format!("'{key}' stands before the first [Section]"));
            }
            Current::Nameless => {}
            Current::In(index) => {
                let entry = Entry { key, value, line: number, key_column: column, value_column };
                if let Some(section) = self.document.sections.get_mut(index) {
                    section.entries.push(entry);
                }
            }
        }
    }

    fn error(&mut self, line: u32, column: u32, text: impl Into<String>) {
        self.problems.push(Problem::error(line, column, text));
    }

    fn warn(&mut self, line: u32, column: u32, text: impl Into<String>) {
        self.problems.push(Problem::warning(line, column, text));
    }
}

fn is_comment(trimmed: &str) -> bool {
    trimmed.starts_with([';', '#'])
}

/// The column that follows so many characters.
pub(crate) fn column_after(characters: usize) -> u32 {
    u32::try_from(characters).unwrap_or(u32::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(bytes: &[u8]) -> Vec<String> {
        parse(bytes).1.iter().map(|problem| problem.render("f")).collect()
    }

    /// `section key=value @line:key column:value column` of every entry.
    fn entries(bytes: &[u8]) -> Vec<String> {
        let (document, _) = parse(bytes);
        let all = document.sections.iter().flat_map(|s| s.entries.iter().map(move |e| (s, e)));
        all.map(|(s, e)| {
            let Entry { key, value, line, key_column, value_column } = e;
            format!("[{}] {key}={value} @{line}:{key_column}:{value_column}", s.name)
        })
        .collect()
    }

    #[test]
    fn lines_are_trimmed_and_comments_are_whole_lines() {
        let text = b"; one\n  # two\n[A]\n  k =  v ; part of it \nempty=\n\tx=a=b";
        assert_eq!(
            entries(text),
            ["[A] k=v ; part of it @4:3:8", "[A] empty= @5:1:7", "[A] x=a=b @6:2:4"]
        );
        assert_eq!(problems(text), [""; 0]);
    }

    #[test]
    fn sections_merge_without_regard_to_case() {
        let text = b"[Main]\na=1\n[Other]\nb=2\n[MAIN]\nc=3\n";
        assert_eq!(entries(text), ["[Main] a=1 @2:1:3", "[Main] c=3 @6:1:3", "[Other] b=2 @4:1:3"]);
        assert_eq!(parse(text).0.sections[0].heads, [(1, 2), (5, 2)]);
    }

    #[test]
    fn line_ends_and_marks_of_other_systems_are_tolerated() {
        assert_eq!(entries(b"\xef\xbb\xbf[A]\r\nk=v\r\n"), ["[A] k=v @2:1:3"]);
        assert_eq!(problems(b"\xef\xbb\xbf[A]\r\nk=v\r\n"), [""; 0]);
    }

    #[test]
    fn latin_1_is_read_with_a_warning() {
        let text = b"[A]\nName=B\xfcro\n; B\xfcro\n";
        assert_eq!(entries(text), ["[A] Name=B\u{fc}ro @2:1:6"]);
        assert_eq!(problems(text), ["f:2:7: warning: not UTF-8: the line is read as Latin-1"]);
    }

    #[test]
    fn utf_16_is_refused() {
        let text = b"\xff\xfe[\0A\0]\0";
        assert_eq!(problems(text), ["f:1:1: error: the file is UTF-16; save it as UTF-8"]);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(entries("[A]\n\u{fc}\u{fc} = x".as_bytes()), ["[A] \u{fc}\u{fc}=x @2:1:6"]);
    }

    #[test]
    fn a_missing_bracket_is_an_error_and_yet_a_section() {
        assert_eq!(
            problems(b" [RoutedMode \na=1"),
            ["f:1:13: error: missing ']' after '[RoutedMode'"]
        );
        assert_eq!(entries(b" [RoutedMode \na=1"), ["[RoutedMode] a=1 @2:1:3"]);
    }

    #[test]
    fn text_after_the_bracket_is_a_warning() {
        let said = "f:1:5: warning: '; x' after ']' is not read; a comment needs a line of its own";
        assert_eq!(problems(b"[A] ; x"), [said]);
    }

    #[test]
    fn what_gnugk_drops_silently_is_an_error() {
        assert_eq!(problems(b"k=v\n[A]"), ["f:1:1: error: 'k' stands before the first [Section]"]);
        assert_eq!(problems(b"[A]\n word"), ["f:2:2: error: no '=' in 'word'"]);
        let said = "f:2:1: error: no '=' in '// x'; a comment begins with ; or #";
        assert_eq!(problems(b"[A]\n// x"), [said]);
        assert_eq!(problems(b"[A]\n=v"), ["f:2:1: error: no key before '='"]);
        assert_eq!(problems(b"[ ]\nk=v"), ["f:1:1: error: section without a name"]);
    }
}
