//! Rules of encryption, and what takes their effect away.

use crate::value::Value as _;
use crate::{Config, Problem, Protection, Wish};

const ADMISSION: &str = "RasSrv::ARQFeatures";

pub(super) fn check(config: &Config) -> Vec<Problem> {
    past_the_gatekeeper(config).into_iter().chain(rules_without_effect(config)).collect()
}

/// The rules by where a party is: of networks, of neighbors, and that for all others.
fn by_place(config: &Config) -> impl Iterator<Item = Wish> {
    let routed = &config.routed;
    let wanted = routed.half_call || routed.require_half_call;
    let usual = if wanted { Wish::Preferred } else { Wish::Off };
    let default = config.encryption.default.map_or(usual, |rule: Protection| rule.wish);
    let networks = config.encrypt_by_network.0.iter().map(|row| row.value.wish);
    let neighbors = config.encrypt_by_neighbor.0.iter().map(|row| row.value.wish);
    networks.chain(neighbors).chain([default])
}

/// A party that answers a call which did not come through here is on no leg of ours.
fn past_the_gatekeeper(config: &Config) -> Option<Problem> {
    let aliases = config.encrypt_by_alias.0.iter().map(|row| row.value.wish);
    let mut all = by_place(config).chain(aliases);
    let required = config.routed.require_half_call || all.any(|wish| wish == Wish::Required);
    if config.admission.route_to_gatekeeper || !required {
        return None;
    }
    let text = "a registered party may take calls that did not come through the gatekeeper, and so is not asked to encrypt \
                them, though encryption is required: leave it 1";
    super::warn(config, ADMISSION, "ArjReasonRouteCallToGatekeeper", text.to_owned())
}

/// Nobody proves that a name is his, so none lowers what is required.
fn rules_without_effect(config: &Config) -> Vec<Problem> {
    if by_place(config).any(|wish| wish != Wish::Required) {
        return Vec::new();
    }
    let milder = config.encrypt_by_alias.0.iter().filter(|row| row.value.wish != Wish::Required);
    let text = |name: &str, value: String| {
        format!(
            "{name}={value} has no effect, as encryption is required everywhere and no name takes that back: an exception is \
             made by network (10.0.0.7/32=off)"
        )
    };
    let problem = |row: &crate::Row<_, Protection>, name: &str| {
        Problem::warning(row.line, 1, text(name, row.value.render()))
    };
    milder.map(|row| problem(row, &row.key.0)).collect()
}
