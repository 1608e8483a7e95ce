//! Sections whose keys are free: addresses, aliases. Each is a table, its keys and values of types.

use crate::value::{Fault, Remark, Value, Wrong};

/// The entries of a section with free keys, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<K, V>(pub Vec<Row<K, V>>);

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<K, V> {
    /// What stands before the `=`.
    pub key: K,
    /// What stands after it.
    pub value: V,
    /// The line of the file, from 1.
    pub line: u32,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Which part of an entry is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// What stands before the `=`.
    Key,
    /// What stands after it.
    Value,
}

/// What is declared of a section with free keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    /// Its name.
    pub(crate) name: &'static str,
    /// The lines of its doc comment.
    pub(crate) doc: &'static [&'static str],
}

/// A table of whatever types.
pub(crate) trait Entries {
    /// What may be written before and after the `=`.
    fn syntax(&self) -> [&'static str; 2];

    /// Takes an entry.
    fn take(&mut self, key: &str, value: &str, line: u32) -> Result<Option<Remark>, (Part, Wrong)>;

    /// The entries as they would stand in a file, with their lines.
    fn show(&self) -> Vec<(String, String, u32)>;
}

impl<K: Value + PartialEq, V: Value> Entries for Table<K, V> {
    fn syntax(&self) -> [&'static str; 2] {
        [K::SYNTAX, V::SYNTAX]
    }

    fn take(&mut self, key: &str, value: &str, line: u32) -> Result<Option<Remark>, (Part, Wrong)> {
        let key = K::parse(key).map_err(|wrong| (Part::Key, wrong))?;
        if let Some(known) = self.0.iter().find(|row| row.key == key) {
            return Err((Part::Key, Fault::Repeated(known.line).into()));
        }
        let value = V::parse(value).map_err(|wrong| (Part::Value, wrong))?;
        let remark = value.remark();
        self.0.push(Row { key, value, line });
        Ok(remark)
    }

    fn show(&self) -> Vec<(String, String, u32)> {
        self.0.iter().map(|row| (row.key.render(), row.value.render(), row.line)).collect()
    }
}
