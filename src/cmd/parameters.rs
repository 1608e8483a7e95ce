//! The files of Diffie-Hellman parameters that a configuration names.

use std::io::Read as _;

use pinhole::security::parameters;
use pinhole_config::{Config, Problem, Severity, Wish};
use pinhole_crypto::dh::Group;

const SECTION: &str = "RoutedMode";
const KEY: &str = "H235HalfCallDHParamFile";
/// No file of parameters is longer.
const LONGEST: u64 = 64 << 10;

/// Up to so many bits endpoints read the parameters from the token; of larger groups many know the published ones only.
const PUBLISHED: usize = 1024;

/// True when some leg is encrypted only if its party can do it.
fn is_preferred(config: &Config) -> bool {
    let routed = &config.routed;
    let usual = routed.half_call || routed.require_half_call;
    let default = config.encryption.default.map_or(usual, |rule| rule.wish == Wish::Preferred);
    let by_network = config.encrypt_by_network.0.iter().map(|row| row.value);
    let by_alias = config.encrypt_by_alias.0.iter().map(|row| row.value);
    let by_neighbor = config.encrypt_by_neighbor.0.iter().map(|row| row.value);
    let mut rules = by_network.chain(by_alias).chain(by_neighbor);
    default || rules.any(|rule| rule.wish == Wish::Preferred)
}

/// The groups in them, and what is wrong.
pub(super) fn read(config: &Config) -> (Vec<Group>, Vec<Problem>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut problems = Vec::new();
    let mut say =
        |severity, text: String| problems.push(config.problem(SECTION, KEY, severity, text));
    for file in &config.routed.half_call_files.0 {
        let mut octets = Vec::new();
        let opened = std::fs::File::open(file);
        if let Err(error) = opened.and_then(|one| one.take(LONGEST).read_to_end(&mut octets)) {
            say(Severity::Error, format!("{KEY}: cannot read {file}: {error}"));
            continue;
        }
        let (found, faults) = parameters::read(&octets);
        for fault in faults {
            let severity = if fault.serious { Severity::Error } else { Severity::Warning };
            say(severity, format!("{KEY}: {file}:{}: {}", fault.line, fault.text));
        }
        for group in found {
            let bits = group.bits();
            let longest = config.routed.half_call_bits.0;
            if groups.iter().any(|known| known.token() == group.token()) {
                say(
                    Severity::Error,
                    format!(
                        "{KEY}: {file}: a second group of {bits} bits; there is a token for one"
                    ),
                );
                continue;
            }
            if group.is_own() && bits > longest as usize {
                let text = format!(
                    "{KEY}: {file}: its {bits} bits are offered only where a rule demands as many; \
                     H235HalfCallMaxTokenLength={bits} offers them everywhere"
                );
                say(Severity::Warning, text);
            } else if group.is_own() && bits > PUBLISHED && is_preferred(config) {
                let text = format!(
                    "{KEY}: {file}: endpoints that know the published groups only, as those of H323Plus, cannot answer to \
                     it: where encryption is preferred, calls with them go in clear, or fail; write required, or do without it"
                );
                say(Severity::Warning, text);
            }
            groups.push(group);
        }
    }
    (groups.into_iter().filter(|group| group.is_own()).collect(), problems)
}
