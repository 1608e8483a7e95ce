//! The names of capabilities in DisabledCodecs: one that H.245 does not have disables nothing.

use pinhole_config::{Capabilities, Config, Problem, Severity, nearest};
use pinhole_h323::control::capability::{all_names, is_name};

const KEY: &str = "DisabledCodecs";

/// What is wrong with them.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let named = config.particulars.iter();
    let named = named.map(|(name, one)| (format!("EP::{name}"), &one.disabled));
    let all = std::iter::once(("CallTable".to_owned(), &config.call_table.disabled)).chain(named);
    let unknown = |(section, Capabilities(names)): (String, &Capabilities)| {
        let unknown = names.iter().filter(|name| !is_name(name));
        let problem = |name: &String| {
            let hint = nearest(name, all_names());
            let hint = hint.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            let text = format!("{KEY}: '{name}' is not the name of a capability of H.245{hint}");
            config.problem(&section, KEY, Severity::Error, text)
        };
        unknown.map(problem).collect::<Vec<_>>()
    };
    all.flat_map(unknown).collect()
}
