//! The prefixes of gateways: which of them take a call to a number.

use std::collections::{BTreeMap, BTreeSet};

use pinhole_config::GatewayPrefix;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{EndpointType, SupportedPrefix, SupportedProtocols};
use pinhole_h323::id::EndpointId;

/// How many prefixes one endpoint can bring.
const MOST: usize = 64;
/// The longest number, in digits (H.225.0 dialedDigits).
const LONGEST: usize = 128;

/// Which endpoints have which prefix.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    plain: BTreeMap<String, BTreeSet<EndpointId>>,
    /// Those with a `.` that stands for any digit; only the configuration has them.
    patterns: BTreeMap<String, BTreeSet<EndpointId>>,
    /// Those that endpoints say they have.
    told: BTreeMap<String, BTreeSet<EndpointId>>,
}

/// Who says that an endpoint has a prefix. The first one counts more, whatever the lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    /// The configuration.
    Operator,
    /// The endpoint itself, and anybody may be one.
    Endpoint,
}

impl Prefixes {
    fn of(
        &mut self,
        prefix: &GatewayPrefix,
    ) -> Option<&mut BTreeMap<String, BTreeSet<EndpointId>>> {
        match prefix {
            GatewayPrefix { except: true, .. } => None,
            GatewayPrefix { digits, .. } if digits.contains('.') => Some(&mut self.patterns),
            GatewayPrefix { .. } => Some(&mut self.plain),
        }
    }

    pub(super) fn enter(&mut self, id: &EndpointId, prefixes: &[GatewayPrefix], told: &[String]) {
        for prefix in prefixes {
            if let Some(index) = self.of(prefix) {
                index.entry(prefix.digits.clone()).or_default().insert(id.clone());
            }
        }
        for digits in told {
            self.told.entry(digits.clone()).or_default().insert(id.clone());
        }
    }

    pub(super) fn remove(&mut self, id: &EndpointId, prefixes: &[GatewayPrefix], told: &[String]) {
        for prefix in prefixes {
            if let Some(index) = self.of(prefix) {
                forget(index, &prefix.digits, id);
            }
        }
        told.iter().for_each(|digits| forget(&mut self.told, digits, id));
    }

    /// The endpoints with a prefix of a number, and the prefix; those with the longest come first.
    pub(super) fn matching<'a>(&'a self, number: &str) -> Vec<(Word, &'a str, &'a EndpointId)> {
        let number: String = number.chars().take(LONGEST).collect();
        let lengths = || (1..=number.len()).filter_map(|length| number.get(..length));
        let given = lengths().filter_map(|digits| self.plain.get_key_value(digits));
        let patterns = self.patterns.iter().filter(|(pattern, _)| begins(&number, pattern));
        let told = lengths().filter_map(|digits| self.told.get_key_value(digits));
        let mut found: Vec<(Word, &String, &BTreeSet<EndpointId>)> = given
            .chain(patterns)
            .map(|(prefix, ids)| (Word::Operator, prefix, ids))
            .chain(told.map(|(prefix, ids)| (Word::Endpoint, prefix, ids)))
            .collect();
        found.sort_by_key(|(word, prefix, _)| (*word, std::cmp::Reverse(prefix.len())));
        found
            .into_iter()
            .flat_map(|(word, prefix, ids)| ids.iter().map(move |id| (word, prefix.as_str(), id)))
            .collect()
    }

    pub(super) fn clear(&mut self) {
        self.plain.clear();
        self.patterns.clear();
        self.told.clear();
    }
}

fn forget(index: &mut BTreeMap<String, BTreeSet<EndpointId>>, digits: &String, id: &EndpointId) {
    if let Some(ids) = index.get_mut(digits) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(digits);
        }
    }
}

/// True when a number begins with a prefix, in which a `.` stands for any digit.
fn begins(number: &str, prefix: &str) -> bool {
    let mut digits = number.chars();
    prefix.chars().all(|wanted| digits.next().is_some_and(|digit| wanted == '.' || wanted == digit))
}

/// True when an endpoint with these prefixes does not want a number that one of them matches: an exception that is as
/// long says so.
pub(super) fn excepts(prefixes: &[GatewayPrefix], number: &str, matched: &str) -> bool {
    prefixes.iter().any(|prefix| {
        prefix.except && prefix.digits.len() >= matched.len() && begins(number, &prefix.digits)
    })
}

/// The priority that an endpoint with these prefixes gives to one of them, or else to all.
pub(super) fn priority(prefixes: &[GatewayPrefix], matched: &str, usual: u32) -> u32 {
    let of = prefixes.iter().find(|prefix| !prefix.except && prefix.digits == matched);
    of.and_then(|prefix| prefix.priority).unwrap_or(usual)
}

/// The prefixes that an endpoint tells of itself (H.225.0 supportedPrefixes), where the configuration lets such endpoints
/// bring some.
pub(super) fn told(kind: &EndpointType, gateways: bool, mcus: bool) -> Vec<String> {
    let gateway = kind.gateway.as_ref().filter(|_| gateways).and_then(|it| it.protocol.as_ref());
    let mcu = kind.mcu.as_ref().filter(|_| mcus).and_then(|it| it.protocol.as_ref());
    let protocols = gateway.into_iter().chain(mcu).flatten();
    let told: BTreeSet<String> =
        protocols.filter_map(supported).flatten().filter_map(read).take(MOST).collect();
    told.into_iter().collect()
}

/// A prefix as the endpoint told it. Of a number only; a `.` in it would stand for any digit.
fn read(told: &SupportedPrefix) -> Option<String> {
    let digits = Alias::read(&told.prefix)?.to_string();
    let dialable = |c: char| c.is_ascii_digit() || "*#+".contains(c);
    let usable = (1..=LONGEST).contains(&digits.len()) && digits.chars().all(dialable);
    usable.then_some(digits)
}

fn supported(protocol: &SupportedProtocols) -> Option<&Vec<SupportedPrefix>> {
    match protocol {
        SupportedProtocols::h310(caps) => caps.supported_prefixes.as_ref(),
        SupportedProtocols::h320(caps) => caps.supported_prefixes.as_ref(),
        SupportedProtocols::h321(caps) => caps.supported_prefixes.as_ref(),
        SupportedProtocols::h322(caps) => caps.supported_prefixes.as_ref(),
        SupportedProtocols::h323(caps) => caps.supported_prefixes.as_ref(),
        SupportedProtocols::h324(caps) => caps.supported_prefixes.as_ref(),
        SupportedProtocols::voice(caps) => caps.supported_prefixes.as_ref(),
        SupportedProtocols::t120_only(caps) => caps.supported_prefixes.as_ref(),
        SupportedProtocols::nonStandardProtocol(caps) => Some(&caps.supported_prefixes),
        SupportedProtocols::t38FaxAnnexbOnly(caps) => Some(&caps.supported_prefixes),
        SupportedProtocols::sip(caps) => caps.supported_prefixes.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<GatewayPrefix> {
        <pinhole_config::GatewayPrefixes as pinhole_config::Value>::parse(text).unwrap().0
    }

    #[test]
    fn the_longest_prefix_comes_first_and_what_is_removed_is_gone() {
        let (short, long) = (EndpointId::from("short"), EndpointId::from("long"));
        let mut all = Prefixes::default();
        all.enter(&short, &list("0,0.7,!021"), &[]);
        all.enter(&long, &list("01,0177"), &["0".to_owned(), "017712".to_owned()]);
        let found = |all: &Prefixes, number: &str| -> Vec<String> {
            all.matching(number).iter().map(|(_, prefix, id)| format!("{prefix} {id}")).collect()
        };
        let given = ["0177 long", "0.7 short", "01 long", "0 short"];
        let told = ["017712 long", "0 long"];
        assert_eq!(found(&all, "017712"), [&given[..], &told].concat(), "what it tells comes last");
        assert_eq!(found(&all, "0"), ["0 short", "0 long"]);
        assert_eq!(found(&all, "1"), [""; 0]);
        assert_eq!(found(&all, "é"), [""; 0]);
        all.remove(&short, &list("0,0.7,!021"), &[]);
        all.remove(&long, &list("01,0177"), &["0".to_owned(), "017712".to_owned()]);
        assert!(all.plain.is_empty() && all.patterns.is_empty() && all.told.is_empty());
    }

    #[test]
    fn an_exception_counts_when_it_is_as_long() {
        let prefixes = list("02:=3,!021,021155");
        assert!(excepts(&prefixes, "0215", "02"));
        assert!(!excepts(&prefixes, "022", "02"));
        assert!(!excepts(&prefixes, "0211551", "021155"));
        let of = |prefix| priority(&prefixes, prefix, 7);
        assert_eq!((of("02"), of("021155")), (3, 7));
    }
}
