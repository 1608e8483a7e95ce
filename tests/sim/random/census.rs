//! What there was in random worlds, counted, so that it can be seen that nothing was missing.

use std::collections::BTreeMap;
use std::fmt;

use pinhole::firewall::Rules;

use super::fate::Fate;
use super::plan::{Act, Manner, Plan, Where};

/// Everything that has to be somewhere in many worlds, as it is counted.
const KINDS: &[(&str, &[&str])] = &[
    (
        "endpoints",
        &[
            "phones behind a NAT",
            "phones on the open net",
            "phones with H.460.18",
            "phones without H.460.18",
            "phones with IPv6 only",
            "phones that encrypt",
        ],
    ),
    (
        "rules of encryption",
        &[
            "encryption preferred",
            "encryption required behind a NAT",
            "encryption required on the open net",
            "encryption required everywhere else",
        ],
    ),
    ("NATs", &["full-cone NATs", "port-restricted NATs", "symmetric NATs", "rebinding NATs"]),
    (
        "calls",
        &[
            "answered",
            "failed",
            "routed",
            "with H.245 routed",
            "proxied",
            "legs that tunnel H.245",
            "legs with H.245 apart",
            "fast start on both sides",
            "multiplexed media",
            "with video",
            "in other words",
            "encrypted",
            "new keys",
            "refused as not secure",
        ],
    ),
    (
        "faults",
        &[
            "bad lines",
            "stalls",
            "resets",
            "hosts without ports",
            "phones vanished",
            "phones restarted",
            "gatekeepers vanished",
        ],
    ),
    (
        "operators",
        &[
            "gatekeepers ended",
            "gatekeepers configured anew",
            "status asked for",
            "phones ended in mid-call",
            "phones ended and unregistered",
        ],
    ),
    (
        "strangers",
        &[
            "RAS storms",
            "forged RAS storms",
            "strangers at all listeners",
            "strangers at H.245 listeners",
            "strangers at media ports",
            "spoilt streams",
            "floods of Setups",
            "sieges",
            "hostile messages on streams",
        ],
    ),
    ("last calls", &Fate::NAMES),
];

/// How often there was what.
#[derive(Debug, Clone, Default)]
pub(super) struct Census(BTreeMap<&'static str, u64>);

impl Census {
    /// What a plan has from the beginning.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut census = Self::default();
        for rules in &plan.nats {
            census.saw(match *rules {
                rules if rules == Rules::full_cone() => "full-cone NATs",
                rules if rules == Rules::symmetric() => "symmetric NATs",
                _ => "port-restricted NATs",
            });
        }
        for keeper in &plan.keepers {
            if keeper.prefers {
                census.saw("encryption preferred");
            }
            match keeper.requires {
                Some(Where::Behind(_)) => census.saw("encryption required behind a NAT"),
                Some(Where::Open | Where::Ipv6) => {
                    census.saw("encryption required on the open net")
                }
                Some(Where::Elsewhere) => census.saw("encryption required everywhere else"),
                None => {}
            }
        }
        let called = |act: &Act| match act {
            Act::Call { manner, .. } => Some(*manner),
            _ => None,
        };
        let calling = plan.acts.iter().filter_map(|(_, act)| called(act));
        let calling = calling.chain(plan.calls.iter().map(|(_, _, manner)| *manner));
        let calling = calling.chain(plan.last.map(|(_, _, manner)| manner));
        for manner in plan.residents.iter().copied().chain(calling) {
            census.phone(manner);
        }
        census
    }

    fn phone(&mut self, manner: Manner) {
        self.saw(match manner.place {
            Some(_) => "phones behind a NAT",
            None => "phones on the open net",
        });
        self.saw(match manner.traversal {
            true => "phones with H.460.18",
            false => "phones without H.460.18",
        });
        if manner.ipv6 {
            self.saw("phones with IPv6 only");
        }
        if manner.encrypts {
            self.saw("phones that encrypt");
        }
    }

    /// There was something.
    pub(super) fn saw(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// What was in other worlds.
    pub(super) fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// What was missing, or is not in the list.
    pub(super) fn gaps(&self) -> Vec<&'static str> {
        let all: Vec<_> = KINDS.iter().flat_map(|(_, kinds)| kinds.iter().copied()).collect();
        let missing = all.iter().filter(|kind| !self.0.contains_key(*kind)).copied();
        let unknown = self.0.keys().filter(|kind| !all.contains(kind)).copied();
        missing.chain(unknown).collect()
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, kinds) in KINDS {
            let count = |kind: &&str| format!("{kind} {}", self.0.get(kind).unwrap_or(&0));
            let kinds: Vec<_> = kinds.iter().map(count).collect();
            writeln!(f, "  {group}: {}", kinds.join(", "))?;
        }
        Ok(())
    }
}
