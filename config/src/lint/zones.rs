//! What is wrong with the neighbours of traversal zones.

use crate::neighbors::KIND;
use crate::{Config, Neighbor, Problem, Source};

/// Looks at each neighbour, and at pairs of them.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, neighbor) in &config.neighbors {
        for (key, text) in wrong(neighbor) {
            let source = source(config, name, key);
            problems.extend(source.map(|at| Problem::warning(at.line, at.column, text)));
        }
    }
    problems.extend(same_names(config));
    problems
}

fn source(config: &Config, name: &str, key: &'static str) -> Option<Source> {
    config.sources.get(&(format!("{KIND}::{name}"), key)).copied()
}

/// What does not fit together in one section: the key that is told of, and how.
fn wrong(neighbor: &Neighbor) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    let mut tell = |key, text: &str| told.push((key, text.to_owned()));
    if neighbor.h46018_client {
        if neighbor.host.0.is_empty() {
            tell("H46018Client", "H46018Client=1 without Host=: there is no server to go to");
        }
        if neighbor.h46018_server {
            tell("H46018Server", "H46018Server has no effect beside H46018Client=1");
        }
    } else if neighbor.h46018_server && neighbor.password.is_none() {
        let text = match neighbor.host.0.is_empty() {
            true => "H46018Server=1 without Password= and Host=: nobody is believed to be it",
            false => {
                "H46018Server=1 without Password=: whoever sends from the address of Host= is believed to be it"
            }
        };
        tell("H46018Server", text);
    }
    told
}

/// Clients of which each proof is taken for the first one's.
fn same_names(config: &Config) -> Vec<Problem> {
    let name = |(name, one): &(String, Neighbor)| {
        let (given, identifier) = (one.auth_user.as_ref(), one.gatekeeper_identifier.as_ref());
        given.or(identifier).map_or_else(|| name.clone(), |name| name.0.clone())
    };
    let proves = |(_, one): &&(String, Neighbor)| {
        one.h46018_server && !one.h46018_client && one.password.is_some()
    };
    let all: Vec<_> = config.neighbors.iter().filter(proves).collect();
    let told = all.iter().enumerate().filter_map(|(index, one)| {
        let first = all.iter().take(index).find(|other| name(other) == name(one))?;
        let key = if one.1.auth_user.is_some() { "AuthUser" } else { "H46018Server" };
        let at = source(config, &one.0, key)?;
        let text = format!("{} proves itself by the name of {}, {:?}", one.0, first.0, name(one));
        Some(Problem::warning(at.line, at.column, text))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        Config::read(text).1.iter().map(|problem| problem.render("f")).collect()
    }

    #[test]
    fn ends_of_zones_are_complete() {
        let of = |keys: &str| said(&format!("[RasSrv::Neighbors]\nA=GnuGk\n[Neighbor::A]\n{keys}"));
        assert_eq!(of("H46018Client=1\nHost=192.0.2.1\nSendPassword=x\n"), [""; 0]);
        assert_eq!(of("H46018Server=1\nPassword=x\n"), [""; 0]);
        assert_eq!(
            of("H46018Client=1\n"),
            ["f:4:14: warning: H46018Client=1 without Host=: there is no server to go to"]
        );
        assert_eq!(
            of("H46018Client=1\nH46018Server=1\nHost=192.0.2.1\nSendPassword=x\n"),
            ["f:5:14: warning: H46018Server has no effect beside H46018Client=1"]
        );
        assert_eq!(
            of("H46018Server=1\n"),
            [
                "f:4:14: warning: H46018Server=1 without Password= and Host=: nobody is believed to be it"
            ]
        );
        let open = of("H46018Server=1\nHost=192.0.2.1\n");
        assert!(open[0].contains("whoever sends from the address of Host="), "{open:?}");
        let zone = |name: &str, more: &str| {
            format!("[Neighbor::{name}]\nH46018Server=1\nPassword=x\n{more}")
        };
        let both = format!(
            "[RasSrv::Neighbors]\nA=GnuGk\nB=GnuGk\n{}{}",
            zone("A", ""),
            zone("B", "AuthUser=A\n")
        );
        assert_eq!(said(&both), ["f:10:10: warning: B proves itself by the name of A, \"A\""]);
    }
}
