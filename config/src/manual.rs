//! The manual's tables, from the declarations.

use std::fmt::Write as _;

use crate::Config;
use crate::entries::{About, Entries};
use crate::known;
use crate::section::{Key, Section};

/// The tables of all keys in Markdown: those with an effect, those accepted without, section by section.
#[must_use]
pub fn keys() -> String {
    let config = Config::default();
    let mut text = String::from("## Keys with effect\n");
    let (neighbor, particular) = (crate::Neighbor::default(), crate::Particular::default());
    let families = [&neighbor as &dyn Section, &particular];
    for section in config.sections().into_iter().chain(families) {
        typed(&mut text, section);
    }
    for (about, table) in config.tables() {
        entries(&mut text, about, table);
    }
    text.push_str(
        "\n## Keys accepted without effect\n\n\
         GnuGk's keys that Pinhole does not act on in this version. A file may have them; `pinhole check` says \
         so once for each. `*` are free keys: addresses, aliases, prefixes.\n\n\
         | Section | Keys |\n|---|---|\n",
    );
    let mut known: Vec<_> = known::all().collect();
    known.sort_by_key(|known| known.section.to_ascii_lowercase());
    for one in known {
        let inert = config.sections().into_iter().filter(|typed| typed.name() == one.section);
        let inert = inert.flat_map(|typed| typed.keys()).filter(|key| key.inert);
        let mut keys: Vec<&str> = inert.map(|key| key.name).chain(one.keys()).collect();
        keys.sort_by_key(|key| key.to_ascii_lowercase());
        if one.is_free() && !config.tables().iter().any(|(about, _)| about.name == one.section) {
            keys.push("*");
        }
        if !keys.is_empty() {
            row(&mut text, &[&format!("`[{}]`", one.title()), &keys.join(", ")]);
        }
    }
    text
}

fn typed(text: &mut String, section: &dyn Section) {
    let defaults = section.show();
    let rows: Vec<(&Key, String)> =
        section.keys().iter().zip(defaults).filter(|(key, _)| !key.inert).collect();
    if rows.is_empty() {
        return;
    }
    let about = prose(section.about());
    let title = known::all().find(|known| known.section == section.name());
    let title = title.map_or_else(|| section.name().to_owned(), known::Known::title);
    text.push('\n');
    lines(text, &[&format!("### `[{title}]`"), "", &about, ""]);
    lines(text, &["| Key | Value | Default | Meaning |", "|---|---|---|---|"]);
    for (key, default) in rows {
        let syntax = format!("{}{}", key.syntax, key.limit.describe());
        let default = if default.is_empty() { "–".into() } else { format!("`{default}`") };
        row(text, &[&format!("`{}`", key.name), &syntax, &default, &prose(key.doc)]);
    }
}

fn entries(text: &mut String, about: About, table: &dyn Entries) {
    let [key, value] = table.syntax();
    text.push('\n');
    lines(text, &[&format!("### `[{}]`", about.name), "", &prose(about.doc), ""]);
    lines(text, &["| Key | Value |", "|---|---|"]);
    row(text, &[key, value]);
}

fn lines(text: &mut String, lines: &[&str]) {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
}

fn row(text: &mut String, cells: &[&str]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// A doc comment as one paragraph.
fn prose(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    const BEGIN: &str = "<!-- rendered from the declarations: begin -->\n";
    const END: &str = "<!-- rendered from the declarations: end -->\n";

    /// `PINHOLE_BLESS=1` writes the tables instead of comparing them.
    #[test]
    fn the_manual_has_the_tables_of_the_declarations() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let manual = std::fs::read_to_string(&path).unwrap();
        let (head, rest) = manual.split_once(BEGIN).unwrap();
        let (committed, tail) = rest.split_once(END).unwrap();
        let rendered = super::keys();
        if std::env::var_os("PINHOLE_BLESS").is_some() {
            std::fs::write(&path, format!("{head}{BEGIN}{rendered}{END}{tail}")).unwrap();
            return;
        }
        assert!(
            committed == rendered,
            "docs/configuration.md is not what the declarations say; PINHOLE_BLESS=1 writes it"
        );
    }
}
