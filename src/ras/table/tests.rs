#![expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]

use std::time::Instant;

use pinhole_config::{GatewayPrefixes, Value as _};

use super::super::endpoint::Kind;
use super::*;

const RULES: Rules = Rules { most_from_address: 3, most: 9, overwrite: false };
const OVERWRITE: Rules = Rules { most_from_address: 3, most: 9, overwrite: true };

/// An endpoint without NAT, whose identifier is its name.
fn endpoint(name: &str, at: &str) -> Registration {
    let source: SocketAddr = at.parse().unwrap();
    let now = Instant::now();
    Registration {
        hearing: crate::ras::endpoint::Hearing::default(),
        id: name.into(),
        aliases: vec![Alias::from_text(name)],
        kind: Kind::Gateway,
        prefixes: Vec::new(),
        told_prefixes: Vec::new(),
        own: None,
        vendor: String::new(),
        ras: source,
        source,
        socket: SocketId(0),
        local: "198.51.100.2".parse().unwrap(),
        signalling: Some(SocketAddr::new(source.ip(), 1720)),
        traversal: false,
        natted: false,
        multiplexes: false,
        ttl_s: None,
        polls: 0,
        permanent: false,
        additive: false,
        busy: false,
        turns: 0,
        since: now,
        seen: now,
        shown: now,
    }
}

fn names(endpoints: Vec<&Registration>) -> Vec<String> {
    endpoints.into_iter().map(Registration::name).collect()
}

fn empty(table: &Registrations) -> bool {
    table.endpoints.is_empty()
        && table.aliases.is_empty()
        && table.sources.is_empty()
        && table.signalling.is_empty()
        && table.gateways("0", Turns::First).is_empty()
}

#[test]
fn a_host_that_was_started_again_takes_all_its_places_and_nothing_is_left_of_them() {
    let mut table = Registrations::default();
    for name in ["a", "b"] {
        table.enter(endpoint(name, "192.0.2.1:1719"), RULES, false).unwrap();
    }
    let mut both = endpoint("c", "192.0.2.1:1719");
    both.aliases = ["a", "b"].map(Alias::from_text).to_vec();
    let replaced = table.enter(both, RULES, false).unwrap();
    assert_eq!(names(replaced.iter().collect()), ["a", "b"]);
    assert_eq!(table.len(), 1);
    table.remove(&"c".into()).unwrap();
    assert!(empty(&table));
}

#[test]
fn an_alias_stays_with_its_host_unless_the_configuration_gives_it_away() {
    let mut table = Registrations::default();
    table.enter(endpoint("a", "192.0.2.1:1719"), RULES, false).unwrap();
    let mut thief = endpoint("thief", "192.0.2.2:1719");
    thief.aliases = vec![Alias::from_text("a")];
    let refused = table.enter(thief.clone(), RULES, false).unwrap_err();
    assert_eq!(refused, Refusal::DuplicateAlias(Alias::from_text("a")));
    let replaced = table.enter(thief, OVERWRITE, false).unwrap();
    assert_eq!(names(replaced.iter().collect()), ["a"]);
    assert_eq!(table.find(&Alias::from_text("a")).unwrap().id, "thief".into());
}

#[test]
fn a_signalling_address_is_taken_over_only_if_the_configuration_says_so() {
    let mut table = Registrations::default();
    table.enter(endpoint("a", "192.0.2.1:1719"), RULES, false).unwrap();
    assert!(table.enter(endpoint("b", "192.0.2.1:2000"), RULES, false).unwrap().is_empty());
    let replaced = table.enter(endpoint("c", "192.0.2.1:2001"), OVERWRITE, false).unwrap();
    assert_eq!(names(replaced.iter().collect()), ["b"], "the one that is called there");
}

#[test]
fn a_signalling_address_goes_back_to_who_had_it_before() {
    let mut table = Registrations::default();
    let told = "192.0.2.1:1720".parse().unwrap();
    for name in ["a", "b"] {
        table.enter(endpoint(name, "192.0.2.1:1719"), RULES, false).unwrap();
    }
    let natted = Registration { natted: true, ..endpoint("c", "192.0.2.1:1719") };
    table.enter(natted, RULES, false).unwrap();
    assert_eq!(table.at(told).unwrap().name(), "b");
    table.remove(&"b".into()).unwrap();
    assert_eq!(table.at(told).unwrap().name(), "a");
    table.remove(&"a".into()).unwrap();
    assert!(table.at(told).is_none(), "who is behind a NAT is not there");
    table.remove(&"c".into()).unwrap();
    assert!(empty(&table));
}

#[test]
fn a_permanent_endpoint_is_never_replaced() {
    let mut table = Registrations::default();
    let permanent = Registration { permanent: true, ..endpoint("gw", "192.0.2.1:1719") };
    table.enter(permanent, RULES, false).unwrap();
    let mut again = endpoint("x", "192.0.2.1:1719");
    again.aliases = vec![Alias::from_text("gw")];
    assert!(table.enter(again, OVERWRITE, false).is_err());
    table.enter(endpoint("y", "192.0.2.1:1719"), OVERWRITE, false).unwrap();
    let called = table.at("192.0.2.1:1720".parse().unwrap()).unwrap();
    assert_eq!(called.name(), "gw");
}

#[test]
fn gateways_take_turns_and_the_busy_one_comes_last() {
    let mut table = Registrations::default();
    for (name, prefixes) in [("a", "0"), ("b", "0:=1,00:=1"), ("c", "0:=2"), ("d", "!00,0:=3")] {
        let at = format!("192.0.2.{}:1719", name.as_bytes()[0]);
        let prefixes = GatewayPrefixes::parse(prefixes).unwrap().0;
        table.enter(Registration { prefixes, ..endpoint(name, &at) }, RULES, false).unwrap();
    }
    assert_eq!(names(table.gateways("01", Turns::RoundRobin)), ["a", "b", "c", "d"]);
    assert_eq!(
        names(table.gateways("001", Turns::RoundRobin)),
        ["b", "a", "c"],
        "not whom it is no prefix of"
    );
    table.took(&"a".into());
    assert_eq!(names(table.gateways("01", Turns::RoundRobin)), ["b", "a", "c", "d"]);
    assert_eq!(names(table.gateways("01", Turns::First)), ["a", "b", "c", "d"]);
    table.is_busy(&"a".into(), true);
    table.is_busy(&"b".into(), true);
    assert_eq!(names(table.gateways("01", Turns::First)), ["c", "d", "a", "b"]);
    table.enter(endpoint("b", "192.0.2.98:1719"), RULES, false).unwrap();
    assert_eq!(names(table.gateways("01", Turns::First)), ["c", "d", "a"], "it registered without");
}

#[test]
fn an_identifier_that_others_could_guess_counts_from_its_socket_only() {
    let mut table = Registrations::default();
    let strong = EndpointId::from("0bcf57d83c7cb5336c7f17afa3e1b5c4_endp");
    let known = Registration { id: strong.clone(), natted: true, ..endpoint("a", "192.0.2.1:5") };
    table.enter(known, RULES, false).unwrap();
    table.enter(endpoint("weak", "192.0.2.1:6"), RULES, false).unwrap();
    let from = |at: &str| -> SocketAddr { at.parse().unwrap() };
    let speaks = |table: &Registrations, id: &EndpointId, at: &str| {
        table.get(id).unwrap().speaks_from(from(at))
    };
    assert!(speaks(&table, &strong, "192.0.2.1:7"));
    assert!(!speaks(&table, &strong, "192.0.2.2:5"));
    assert!(speaks(&table, &"weak".into(), "192.0.2.1:6"));
    assert!(!speaks(&table, &"weak".into(), "192.0.2.1:7"));
    let local = "198.51.100.2".parse().unwrap();
    assert!(table.moved(&strong, from("192.0.2.1:7"), SocketId(0), local));
    assert_eq!(table.get(&strong).unwrap().ras, from("192.0.2.1:7"), "the pinhole has moved");
    assert!(!table.moved(&"weak".into(), from("192.0.2.1:7"), SocketId(0), local));
}
