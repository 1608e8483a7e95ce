//! What the configuration wants encrypted.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use pinhole_config::{Config, Networks, Protection, Wish};
use pinhole_crypto::Algorithm;
use pinhole_crypto::dh::Group;
use pinhole_h323::alias::Alias;

use super::Core;
use crate::call::Leg;
use crate::security::{Demand, Least, Policy, Rules, Terms};

/// What is encrypted (H.235.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// One leg of every call has to be.
    pub one_leg: bool,
    /// Parties that both encrypt may agree between themselves.
    pub end_to_end: bool,
    /// What is wanted of legs of which nothing else is said.
    pub default: Policy,
    /// What is wanted of the legs of a party, by alias.
    pub aliases: Vec<(String, Policy)>,
    /// What is wanted of the legs to a neighbour, by its name.
    pub neighbors: Vec<(String, Policy)>,
    /// What is wanted of legs to a network.
    pub networks: Vec<(IpNet, Policy)>,
    /// Networks whose parties are offered nothing, and offer nothing.
    pub removed: Vec<IpNet>,
    /// When keys are renewed; `None`: only when a peer does.
    pub renewal: Option<Renewal>,
}

/// How long a session key serves at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// So long.
    pub after: Duration,
    /// For so many packets.
    pub packets: u64,
}

impl Default for Encryption {
    fn default() -> Self {
        Self::from(&Config::default())
    }
}

impl From<&Config> for Encryption {
    fn from(config: &Config) -> Self {
        Self::with_groups(config, &[])
    }
}

impl Encryption {
    /// What a configuration wants, with groups of the operator's own beside the published ones.
    #[must_use]
    pub fn with_groups(config: &Config, groups: &[Group]) -> Self {
        let (routed, own) = (&config.routed, &config.encryption);
        let longest = routed.half_call_bits.0 as usize;
        let wanted = routed.half_call || routed.require_half_call;
        let usual = Protection::of(if wanted { Wish::Preferred } else { Wish::Off });
        let policy = |rule: Protection, told: String| policy(rule, longest, groups, told);
        let networks = config.encrypt_by_network.0.iter();
        let aliases = config.encrypt_by_alias.0.iter();
        let neighbors = config.encrypt_by_neighbor.0.iter();
        Self {
            one_leg: routed.require_half_call,
            end_to_end: own.end_to_end,
            default: policy(own.default.unwrap_or(usual), String::new()),
            aliases: aliases
                .map(|row| {
                    (row.key.0.clone(), policy(row.value, format!(" (alias {})", row.key.0)))
                })
                .collect(),
            neighbors: neighbors
                .map(|row| {
                    (row.key.0.clone(), policy(row.value, format!(" (neighbor {})", row.key.0)))
                })
                .collect(),
            networks: networks
                .map(|row| (row.key, policy(row.value, format!(" (network {})", row.key))))
                .collect(),
            removed: match &routed.remove_h235 {
                Networks::None => Vec::new(),
                Networks::All => vec![all(false), all(true)],
                Networks::These(networks) => networks.0.clone(),
            },
            renewal: routed.key_updates.then(|| Renewal {
                after: own.key_interval.duration(),
                packets: u64::from(own.key_packets.0),
            }),
        }
    }
}

/// All addresses.
fn all(v6: bool) -> IpNet {
    if v6 { IpNet::V6(ipnet::Ipv6Net::default()) } else { IpNet::V4(ipnet::Ipv4Net::default()) }
}

fn policy(rule: Protection, longest: usize, own: &[Group], told: String) -> Policy {
    let demand = match rule.wish {
        Wish::Off => Demand::Off,
        Wish::Preferred => Demand::Preferred,
        Wish::Required => Demand::Required,
    };
    let cipher = if rule.key > 128 { Algorithm::Aes256 } else { Algorithm::Aes128 };
    let least = Least { bits: rule.bits as usize, cipher };
    let most = longest.max(least.bits);
    let terms = Terms::up_to(most).with_own(own, most).at_least(least);
    let mut policy = Policy::new(demand, terms);
    policy.rule = told;
    policy
}

impl Encryption {
    /// What holds for a call as a whole.
    pub(crate) const fn rules(&self) -> Rules {
        Rules { one_leg: self.one_leg, end_to_end: self.end_to_end }
    }

    /// True when there may be calls on whose legs we encrypt.
    pub(crate) fn is_wanted(&self) -> bool {
        let of = |policy: &Policy| policy.demand != Demand::Off;
        self.one_leg
            || of(&self.default)
            || self.aliases.iter().any(|(_, policy)| of(policy))
            || self.neighbors.iter().any(|(_, policy)| of(policy))
            || self.networks.iter().any(|(_, policy)| of(policy))
    }

    /// What is wanted of a leg. `dialled` are the names by which its party was called: to one that is registered, as a gateway
    /// is, they add what is demanded of whom it leads to.
    pub(crate) fn of(&self, core: &Core, leg: &Leg, dialled: &[Alias]) -> Policy {
        let registration = leg.endpoint.as_ref().and_then(|id| core.registrations.get(id));
        let zone = leg.zone.and_then(|zone| core.zones.get(zone)).map(|zone| zone.name.as_str());
        match registration {
            Some(one) => {
                let names: Vec<Alias> = one.names().cloned().collect();
                let own = self.wanted(Names::Registered(&names), zone, leg.peer);
                let others: Vec<Alias> =
                    dialled.iter().filter(|name| !names.contains(name)).cloned().collect();
                match self.by_alias(&others) {
                    Some(rule) => self.stripped(rule.and(&own), leg.peer),
                    None => own,
                }
            }
            None => self.wanted(Names::Dialled(dialled), zone, leg.peer),
        }
    }

    fn wanted(&self, names: Names<'_>, zone: Option<&str>, peer: IpAddr) -> Policy {
        let by_neighbor = || {
            let named = |(name, _): &&(String, Policy)| {
                zone.is_some_and(|zone| zone.eq_ignore_ascii_case(name))
            };
            self.neighbors.iter().find(named).map(|(_, policy)| policy)
        };
        let by_network = self.by_network(peer).map(|(_, policy)| policy);
        // A neighbour may tell the address of anybody: that it is trusted does not make that network safe.
        let by_place = || match (by_neighbor(), by_network) {
            (Some(neighbor), Some(network)) => neighbor.and(network),
            (one, other) => one.or(other).unwrap_or(&self.default).clone(),
        };
        let place = by_place();
        let policy = match names {
            // Nobody proves that a name is his, so none takes away what is demanded. Where encryption is but preferred, its
            // owner could as well offer none.
            Names::Registered(names) if place.demand != Demand::Required => {
                self.by_alias(names).cloned().unwrap_or(place)
            }
            Names::Registered(names) | Names::Dialled(names) => {
                self.by_alias(names).map_or_else(|| place.clone(), |one| one.and(&place))
            }
        };
        self.stripped(policy, peer)
    }

    /// The policy with what RemoveH235Call does at an address, unless encryption is required.
    fn stripped(&self, policy: Policy, peer: IpAddr) -> Policy {
        let removed = self.removed.iter().any(|network| network.contains(&peer));
        let strips = removed && policy.demand != Demand::Required;
        Policy { strips, ..policy }
    }

    /// The rule of the smallest network around an address.
    fn by_network(&self, ip: IpAddr) -> Option<&(IpNet, Policy)> {
        let around = self.networks.iter().filter(|(network, _)| network.contains(&ip));
        around.max_by_key(|(network, _)| network.prefix_len())
    }

    /// The rule by which nothing in clear may go to an address that a party names for its media, when it is another rule
    /// than that of the address of its signalling, by which the demand on its leg was chosen. Where no network has a rule,
    /// it is the one for all others.
    pub(crate) fn forbids_clear(&self, peer: IpAddr, told: IpAddr) -> Option<&str> {
        let network = |ip| self.by_network(ip).map(|(network, _)| network);
        let policy = self.by_network(told).map_or(&self.default, |(_, policy)| policy);
        let other = network(peer) != network(told);
        (other && policy.demand == Demand::Required).then_some(policy.rule.as_str())
    }

    /// Of names, those of which there are rules, each once.
    pub(crate) fn ruled(&self, names: &[Alias]) -> Vec<Alias> {
        let of_rule = |(alias, _): &(String, Policy)| {
            names.iter().find(|name| name.to_string().eq_ignore_ascii_case(alias)).cloned()
        };
        self.aliases.iter().filter_map(of_rule).collect()
    }

    /// The strictest rule of any of these names.
    fn by_alias(&self, names: &[Alias]) -> Option<&Policy> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let known = |alias: &str| names.iter().any(|name| name.eq_ignore_ascii_case(alias));
        let rules = self.aliases.iter().filter(|(alias, _)| known(alias));
        rules.map(|(_, policy)| policy).max_by_key(|one| (one.demand, one.least))
    }
}

/// The names of a leg's party.
#[derive(Debug, Clone, Copy)]
enum Names<'a> {
    /// Those under which it is registered. They can make `off` of `preferred`, and lower nothing that is required:
    /// whoever comes first has a name.
    Registered(&'a [Alias]),
    /// Those by which it was called. They can only add to what is wanted: the caller chooses them, and one may lead to
    /// the party while another names the rule.
    Dialled(&'a [Alias]),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Mode, Settings};

    fn settings(text: &str) -> Settings {
        Settings::from(&Config::read(text).0)
    }

    #[test]
    fn whoever_wants_encryption_routes_calls() {
        assert_eq!(settings("").mode, Mode::Direct);
        for text in [
            "[RoutedMode]\nEnableH235HalfCallMedia=1",
            "[RoutedMode]\nRequireH235HalfCallMedia=1",
            "[Pinhole::EncryptByAlias]\nbob=preferred",
            "[Pinhole::EncryptByNetwork]\n10.0.0.0/8=required",
        ] {
            assert_eq!(settings(text).mode, Mode::Routed, "{text}");
        }
        assert_eq!(settings("[Pinhole::EncryptByAlias]\nbob=off").mode, Mode::Direct);
    }

    #[test]
    fn no_name_lowers_what_is_required() {
        let rules = |text: &str| settings(text).encryption;
        let strict = "[Pinhole::EncryptByNetwork]\n203.0.113.0/24=required\n[Pinhole::EncryptByNeighbor]\n\
                      Outer=required\n[Pinhole::Encryption]\nDefault=required\n[Pinhole::EncryptByAlias]\n\
                      lobby=off\nboard=preferred,2048\n[Neighbor::Outer]\nGatewayType=Pinhole\n";
        let rules = rules(strict);
        let names = ["203.0.113.7", "LOBBY"].map(Alias::from_text);
        let [inside, elsewhere]: [IpAddr; 2] =
            ["203.0.113.7", "198.51.100.7"].map(|ip| ip.parse().unwrap());
        for (zone, peer) in [(None, inside), (Some("outer"), elsewhere), (None, elsewhere)] {
            let dialled = rules.wanted(Names::Dialled(&names), zone, peer);
            assert_eq!(dialled.demand, Demand::Required, "{zone:?} {peer}");
            let registered = rules.wanted(Names::Registered(&names), zone, peer);
            assert_eq!(registered.demand, Demand::Required);
        }
        // Where nothing is required whoever is registered under a name has its rule.
        let mild =
            "[Pinhole::Encryption]\nDefault=preferred\n[Pinhole::EncryptByAlias]\nlobby=off\n";
        let mild = settings(mild).encryption;
        assert_eq!(mild.wanted(Names::Registered(&names), None, inside).demand, Demand::Off);
        assert_eq!(mild.wanted(Names::Dialled(&names), None, inside).demand, Demand::Preferred);
        // It may ask for more: the demand of the one rule, the strength of the other.
        let board = [Alias::from_text("board")];
        let policy = rules.wanted(Names::Dialled(&board), None, inside);
        let least = Least { bits: 2048, cipher: Algorithm::Aes128 };
        assert_eq!((policy.demand, policy.least), (Demand::Required, least));
        assert_eq!(policy.terms.groups(), [Group::Modp2048]);
        assert_eq!(policy.rule, " (network 203.0.113.0/24)");
        let open = settings("[Pinhole::EncryptByAlias]\nboard=required,2048").encryption;
        let policy = open.wanted(Names::Dialled(&board), None, inside);
        assert_eq!((policy.demand, policy.rule.as_str()), (Demand::Required, " (alias board)"));
    }

    #[test]
    fn a_neighbor_lowers_nothing_in_the_network_that_is_dialled() {
        let rules = settings(
            "[Pinhole::EncryptByNetwork]\n203.0.113.0/24=required,2048\n198.51.100.0/24=off\n\
             [Pinhole::EncryptByNeighbor]\nInner=preferred\nStrict=required\n[Pinhole::Encryption]\n\
             Default=required\n",
        )
        .encryption;
        let of = |zone, peer: &str| {
            let policy = rules.wanted(Names::Dialled(&[]), Some(zone), peer.parse().unwrap());
            (policy.demand, policy.least.bits)
        };
        assert_eq!(of("inner", "203.0.113.7"), (Demand::Required, 2048));
        assert_eq!(of("inner", "192.0.2.7"), (Demand::Preferred, 1024));
        assert_eq!(of("strict", "198.51.100.7"), (Demand::Required, 1024));
    }

    #[test]
    fn the_rule_for_all_others_speaks_of_media_too() {
        let rules = settings(
            "[Pinhole::Encryption]\nDefault=required\n[Pinhole::EncryptByNetwork]\n10.0.0.0/8=off\n",
        )
        .encryption;
        let [inside, near, outside, other] =
            ["10.0.0.5", "10.9.0.5", "203.0.113.8", "192.0.2.8"].map(|ip| ip.parse().unwrap());
        assert_eq!(rules.forbids_clear(inside, outside), Some(""));
        assert_eq!(rules.forbids_clear(inside, near), None);
        assert_eq!(rules.forbids_clear(outside, inside), None);
        // By whatever rule that leg is in clear: it is the same one.
        assert_eq!(rules.forbids_clear(other, outside), None);
    }

    #[test]
    fn a_rule_beyond_the_longest_token_raises_it() {
        let strong = settings("[Pinhole::Encryption]\nDefault=required,2048").encryption.default;
        assert_eq!(strong.terms.groups(), [Group::Modp2048]);
        let both = [Algorithm::Aes256, Algorithm::Aes128];
        assert_eq!(strong.terms.ciphers(Group::Modp2048), both);
        let usual = settings("[RoutedMode]\nEnableH235HalfCallMedia=1").encryption.default;
        assert_eq!((usual.demand, usual.terms), (Demand::Preferred, Terms::up_to(1024)));
    }
}
