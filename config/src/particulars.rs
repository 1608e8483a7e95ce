//! `[EP::…]`: a section for each endpoint of which something else holds than for others.

use crate::ini::Document;
use crate::{Config, Particular};

/// What the sections are called, before the `::`.
pub(crate) const KIND: &str = "EP";

/// Enters all that the file has, in its order.
pub(crate) fn declare(config: &mut Config, document: &Document) {
    let names = document.sections.iter().filter_map(|section| id(&section.name));
    config.particulars = names.map(|name| (name.to_owned(), Particular::default())).collect();
}

/// What is said of the endpoint of a section, and the section's name as it is told.
pub(crate) fn find<'a>(
    config: &'a mut Config,
    section: &str,
) -> Option<(String, &'a mut Particular)> {
    let id = id(section)?;
    let mut all = config.particulars.iter_mut();
    let (name, particular) = all.find(|(name, _)| name.eq_ignore_ascii_case(id))?;
    Some((format!("{KIND}::{name}"), particular))
}

fn id(section: &str) -> Option<&str> {
    let (kind, id) = section.split_once("::")?;
    (kind.eq_ignore_ascii_case(KIND) && !id.is_empty()).then_some(id)
}
