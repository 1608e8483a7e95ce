//! What holds for single endpoints (`[EP::…]`).

use std::collections::BTreeMap;
use std::sync::Arc;

use pinhole_config::{Capabilities, CauseMap, Config, GatewayPrefix, PrefixCapacity, Relay};
use pinhole_h323::alias::Alias;

use crate::node::NumberKind;

/// What holds for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Particular {
    /// How many calls it can have at a time; `None`: any number.
    pub capacity: Option<u32>,
    /// How many calls to numbers that begin in these ways.
    pub capacities: Vec<PrefixCapacity>,
    /// Whether it counts as a gateway, whatever it says.
    pub gateway: bool,
    /// The priority of its prefixes that have none of their own.
    pub priority: u32,
    /// Prefixes that it has.
    pub prefixes: Vec<GatewayPrefix>,
    /// Numbers under which it is called beside its own aliases.
    pub numbers: Vec<Alias>,
    /// What is set of the called and of the calling number in a Setup to it.
    pub kinds: [NumberKind; 2],
    /// Whether media of calls to it is relayed.
    pub relay: Relay,
    /// What becomes of the causes in a ReleaseComplete from it.
    pub received: CauseMap,
    /// What becomes of the causes in a ReleaseComplete to it.
    pub sent: CauseMap,
    /// Whether it may have H.460.18.
    pub traversal: bool,
    /// What its calls may have together, in units of 100 bit/s.
    pub bandwidth: Option<u32>,
    /// An alias that is added to the called ones.
    pub destination: Option<Alias>,
    /// Whether its calling number is added to the source addresses.
    pub number_as_source: bool,
    /// The terminalType by which it takes part in the determination of the master.
    pub terminal_type: Option<u8>,
    /// Whether its calls go past us.
    pub direct: bool,
    /// Capabilities that are kept from it, and of it.
    pub disabled: Capabilities,
}

impl From<&pinhole_config::Particular> for Particular {
    fn from(one: &pinhole_config::Particular) -> Self {
        let number = |number: Option<pinhole_config::Number>| number.map(|number| number.0);
        let octet = |text| number(text).and_then(|number| u8::try_from(number).ok());
        Self {
            capacity: number(one.capacity),
            capacities: one.prefix_capacities.0.clone(),
            gateway: one.force_gateway,
            priority: one.priority.0,
            prefixes: one.prefixes.0.clone(),
            numbers: one.numbers.all().map(Alias::DialedDigits).collect(),
            kinds: [
                NumberKind { kind: octet(one.called_type), plan: octet(one.called_plan) },
                NumberKind { kind: octet(one.calling_type), plan: octet(one.calling_plan) },
            ],
            relay: one.relay,
            received: one.received.clone(),
            sent: one.sent.clone(),
            traversal: !one.no_h46018,
            bandwidth: number(one.bandwidth),
            destination: one.destination.as_ref().map(|name| Alias::from_text(&name.0)),
            number_as_source: one.number_as_source,
            terminal_type: octet(one.terminal_type),
            direct: one.direct,
            disabled: one.disabled.clone(),
        }
    }
}

/// What holds for single endpoints, by an alias in small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Particulars(BTreeMap<String, Arc<Particular>>);

impl From<&Config> for Particulars {
    fn from(config: &Config) -> Self {
        let all = config.particulars.iter();
        Self(all.map(|(name, one)| (name.to_lowercase(), Arc::new(one.into()))).collect())
    }
}

impl Particulars {
    /// What holds for an endpoint with these aliases: what is said of the first one of which something is.
    pub(crate) fn of(&self, aliases: &[Alias]) -> Option<Arc<Particular>> {
        if self.0.is_empty() {
            return None;
        }
        aliases.iter().find_map(|alias| self.0.get(&alias.to_string().to_lowercase()).cloned())
    }
}
