//! `[RasSrv::Neighbors]`: which neighbours there are. An entry is the type of a `[Neighbor::…]` section, or the whole
//! neighbour in one line, as files of old have it.

use crate::ini::{Document, Entry};
use crate::section::Section as _;
use crate::value::{Fault, Hosts, Prefixes, Secret, Value as _, Wrong};
use crate::{Config, Neighbor, Origin, Problem, Source};

/// The section that declares them.
pub(crate) const DECLARED: &str = "RasSrv::Neighbors";
/// What the sections of single ones are called, before the `::`.
pub(crate) const KIND: &str = "Neighbor";

/// The types that GnuGk knows; they differ in details that no peer depends on.
const TYPES: [&str; 5] = ["GnuGk", "Generic", "CiscoGk", "ClarentGk", "GlonetGk"];

/// Enters all that are declared; says what is wrong with the declarations.
pub(crate) fn declare(config: &mut Config, document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is = |name: &str| name.eq_ignore_ascii_case(DECLARED);
    let entries = document.sections.iter().filter(|section| is(&section.name));
    for entry in entries.flat_map(|section| &section.entries) {
        let known = |(name, _): &(String, Neighbor)| name.eq_ignore_ascii_case(&entry.key);
        if entry.key.eq_ignore_ascii_case("Comment") || config.neighbors.iter().any(known) {
            continue;
        }
        if entry.key.contains([']', '[', ';', '#']) {
            let text = format!("'{}' cannot be the name of a section", entry.key);
            problems.push(Problem::error(entry.line, entry.key_column, text));
            continue;
        }
        match read(entry) {
            Ok(neighbor) => {
                note_origin(config, entry, &neighbor);
                config.neighbors.push((entry.key.clone(), neighbor));
            }
            Err(Wrong { at, fault }) => {
                let column = entry.value_column + crate::ini::column_after(at) - 1;
                let text = format!("{}: {fault}", entry.key);
                problems.push(Problem::error(entry.line, column, text));
            }
        }
    }
    for section in &document.sections {
        if let Some(name) = id(&section.name)
            && find(config, &section.name).is_none()
            && let Some(&(line, column)) = section.heads.first()
        {
            let text = format!("[{}] has no effect: [{DECLARED}] has no {name}", section.name);
            problems.push(Problem::warning(line, column, text));
        }
    }
    problems
}

/// What is said in one line comes from that line.
fn note_origin(config: &mut Config, entry: &Entry, neighbor: &Neighbor) {
    let (line, column) = (entry.line, entry.value_column);
    let source = Source { origin: Origin::Line(line), line, column };
    let unsaid = Neighbor::default().show();
    for ((key, value), default) in neighbor.keys().iter().zip(neighbor.show()).zip(unsaid) {
        if value != default {
            config.sources.insert((format!("{KIND}::{}", entry.key), key.name), source);
        }
    }
}

/// The neighbour of a section, and the section's name as it is told.
pub(crate) fn find<'a>(
    config: &'a mut Config,
    section: &str,
) -> Option<(String, &'a mut Neighbor)> {
    let id = id(section)?;
    let mut all = config.neighbors.iter_mut();
    let (name, neighbor) = all.find(|(name, _)| name.eq_ignore_ascii_case(id))?;
    Some((format!("{KIND}::{name}"), neighbor))
}

fn id(section: &str) -> Option<&str> {
    let (kind, id) = section.split_once("::")?;
    kind.eq_ignore_ascii_case(KIND).then_some(id)
}

/// Reads a type, or `address[:port];prefixes[;password[;dynamic]]`.
fn read(entry: &Entry) -> Result<Neighbor, Wrong> {
    let text = entry.value.as_str();
    if TYPES.iter().any(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(Neighbor::default());
    }
    let mut parts = text.split(';');
    let host = parts.next().unwrap_or_default();
    if text.is_empty() {
        return Err(Fault::Empty.into());
    }
    if !text.contains(';')
        && host.parse::<std::net::IpAddr>().is_err()
        && !host.contains([':', '.'])
    {
        let allowed =
            "GnuGk, Generic, CiscoGk, ClarentGk, GlonetGk, address;prefixes;password;dynamic";
        return Err(Fault::NotChoice { text: text.to_owned(), allowed }.into());
    }
    let mut neighbor = Neighbor { host: Hosts::parse(host)?, ..Neighbor::default() };
    if let Some(prefixes) = parts.next() {
        neighbor.send_prefixes = Prefixes::parse(prefixes)?;
    }
    if let Some(password) = parts.next().filter(|password| !password.is_empty()) {
        neighbor.password = Some(Secret::parse(password)?);
        neighbor.send_password = neighbor.password.clone();
    }
    if let Some(dynamic) = parts.next().filter(|dynamic| !dynamic.is_empty()) {
        neighbor.dynamic = bool::parse(dynamic)?;
    }
    Ok(neighbor)
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn read(text: &str) -> (Config, Vec<String>) {
        let (config, problems) = Config::read(text);
        (config, problems.iter().map(|problem| problem.render("f")).collect())
    }

    #[test]
    fn a_zone_client_as_an_operator_writes_it() {
        let (config, said) = read(
            "[RasSrv::Neighbors]\nVCSServer=Generic\n[Neighbor::VCSServer]\n\
             Host=211.211.10.10:9004\nSendPrefixes=*\nAcceptPrefixes=*\nH46018Client=1\n\
             H46018Server=0\nSendAuthUser=serveruser\nSendPassword=serverpw\n",
        );
        assert_eq!(said, [""; 0]);
        let [(name, neighbor)] = config.neighbors.as_slice() else { panic!() };
        assert_eq!((name.as_str(), neighbor.h46018_client), ("VCSServer", true));
        assert_eq!(neighbor.host.0[0].to_string(), "211.211.10.10:9004");
        assert_eq!(neighbor.send_password.as_ref().unwrap().0, "serverpw");
        let shown = config.effective();
        let of =
            |key| shown.iter().find(|one| one.section == "Neighbor::VCSServer" && one.key == key);
        assert_eq!(of("SendPassword").unwrap().value, "***");
        assert_eq!(of("Host").unwrap().origin, crate::Origin::Line(4));
    }

    #[test]
    fn a_neighbour_in_one_line() {
        let (config, said) = read("[RasSrv::Neighbors]\nCountryGK=194.95.240.3:1719;0,44;pw;1");
        assert_eq!(said, [""; 0]);
        let (name, neighbor) = &config.neighbors[0];
        assert_eq!((name.as_str(), neighbor.dynamic), ("CountryGK", true));
        assert_eq!(neighbor.send_prefixes.0, [("0".to_owned(), 1), ("44".to_owned(), 1)]);
        assert_eq!(neighbor.password.as_ref().unwrap().0, "pw");
    }

    #[test]
    fn slips_are_told() {
        let (_, said) = read("[RasSrv::Neighbors]\nA=Genric\n[Neighbor::B]\nHost=x");
        assert_eq!(
            said,
            [
                "f:2:3: error: A: 'Genric' is not one of GnuGk, Generic, CiscoGk, ClarentGk, GlonetGk, \
                 address;prefixes;password;dynamic",
                "f:3:2: warning: [Neighbor::B] has no effect: [RasSrv::Neighbors] has no B",
            ]
        );
    }
}
