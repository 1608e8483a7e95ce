use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::{Dependence, Drops, Firewall, PortChoice, Rules};
use Dependence::{Address, AddressAndPort, Independent};

const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn nat(rules: Rules) -> Firewall {
    Firewall::nat(OUTSIDE, rules, [7; 32])
}

fn start() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "there is no other way to an Instant; only differences count"
    )]
    Instant::now()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const KINDS: [Dependence; 3] = [Independent, Address, AddressAndPort];

#[test]
fn a_mapping_depends_on_what_its_rule_says() {
    let now = start();
    for mapping in KINDS {
        let mut nat = nat(Rules::new(mapping, Independent));
        let mut seen = |to| nat.udp_out(now, at("10.0.0.2:1719"), at(to)).unwrap();
        let first = seen("198.51.100.2:1719");
        assert_eq!(first, at("203.0.113.1:1719"), "the port is preserved");
        assert_eq!(seen("198.51.100.2:1719"), first);
        assert_eq!(seen("198.51.100.2:9") == first, mapping != AddressAndPort, "{mapping:?}");
        assert_eq!(seen("198.51.100.3:1719") == first, mapping == Independent, "{mapping:?}");
    }
}

#[test]
fn a_filter_lets_in_whom_its_rule_says() {
    let now = start();
    for mapping in KINDS {
        for filtering in KINDS {
            let mut nat = nat(Rules::new(mapping, filtering));
            let inside = at("10.0.0.2:1719");
            let seen = nat.udp_out(now, inside, at("198.51.100.2:1719")).unwrap();
            let mut enters = |from| nat.udp_in(now, at(from), seen) == Some(inside);
            assert!(enters("198.51.100.2:1719"));
            assert_eq!(enters("198.51.100.2:9"), filtering != AddressAndPort);
            assert_eq!(enters("198.51.100.3:1719"), filtering == Independent);
            let dropped = KINDS.iter().position(|kind| *kind == filtering).unwrap();
            assert_eq!(nat.drops().uninvited, dropped as u64, "{mapping:?} {filtering:?}");
        }
    }
}

#[test]
fn a_filter_of_a_shared_mapping_opens_for_each_peer_by_itself() {
    let now = start();
    let mut nat = nat(Rules::port_restricted());
    let inside = at("10.0.0.2:5000");
    let seen = nat.udp_out(now, inside, at("198.51.100.2:5000")).unwrap();
    assert_eq!(nat.udp_in(now, at("198.51.100.3:6000"), seen), None);
    assert_eq!(nat.udp_out(now, inside, at("198.51.100.3:6000")), Some(seen));
    assert_eq!(nat.udp_in(now, at("198.51.100.3:6000"), seen), Some(inside));
}

#[test]
fn nothing_enters_before_something_left() {
    let mut nat = nat(Rules::full_cone());
    assert_eq!(nat.udp_in(start(), at("198.51.100.2:1719"), at("203.0.113.1:1719")), None);
    assert_eq!(nat.drops(), Drops { uninvited: 1, ..Drops::default() });
}

#[test]
fn a_mapping_ends_after_its_idle_time() {
    let begin = start();
    for filtering in KINDS {
        let mut nat = nat(Rules::new(Independent, filtering));
        let (inside, peer) = (at("10.0.0.2:1719"), at("198.51.100.2:1719"));
        let seen = nat.udp_out(begin, inside, peer).unwrap();
        let in_time = begin + seconds(30) - Duration::from_millis(1);
        assert_eq!(nat.udp_in(in_time, peer, seen), Some(inside));
        assert_eq!(nat.udp_mappings(in_time).count(), 1);
        assert_eq!(nat.udp_in(begin + seconds(30), peer, seen), None, "inbound refreshed it");
        assert_eq!(nat.udp_mappings(begin + seconds(30)).count(), 0);
    }
}

#[test]
fn outbound_packets_hold_a_mapping() {
    let begin = start();
    let mut nat = nat(Rules::symmetric());
    let (inside, peer) = (at("10.0.0.2:1719"), at("198.51.100.2:1719"));
    let seen = nat.udp_out(begin, inside, peer).unwrap();
    for n in 1..100 {
        assert_eq!(nat.udp_out(begin + seconds(n * 29), inside, peer), Some(seen));
    }
    assert_eq!(nat.udp_in(begin + seconds(99 * 29 + 29), peer, seen), Some(inside));
    let late = nat.udp_out(begin + seconds(99 * 29 + 30), inside, peer).unwrap();
    assert_ne!(late, seen, "a mapping that ended lives again");
    assert_eq!(nat.udp_in(begin + seconds(99 * 29 + 30), peer, seen), None);
}

#[test]
fn a_permission_ends_although_its_mapping_lives() {
    let begin = start();
    let mut nat = nat(Rules::port_restricted());
    let inside = at("10.0.0.2:1719");
    let (held, left) = (at("198.51.100.2:1719"), at("198.51.100.3:1719"));
    let seen = nat.udp_out(begin, inside, left).unwrap();
    nat.udp_out(begin + seconds(20), inside, held);
    assert_eq!(nat.udp_in(begin + seconds(35), left, seen), None);
    assert_eq!(nat.udp_in(begin + seconds(35), held, seen), Some(inside));
}

#[test]
fn inbound_packets_hold_a_mapping_only_where_the_rules_say_so() {
    let begin = start();
    for inbound_refreshes in [false, true] {
        let mut nat = nat(Rules { inbound_refreshes, ..Rules::port_restricted() });
        let (inside, peer) = (at("10.0.0.2:1719"), at("198.51.100.2:1719"));
        let seen = nat.udp_out(begin, inside, peer).unwrap();
        assert_eq!(nat.udp_in(begin + seconds(20), peer, seen), Some(inside));
        assert_eq!(nat.udp_in(begin + seconds(40), peer, seen).is_some(), inbound_refreshes);
    }
}

#[test]
fn ports_are_random_where_preserved_ones_are_taken_or_not_wanted() {
    let now = start();
    let peer = at("198.51.100.2:1719");
    let mut preserving = nat(Rules::full_cone());
    preserving.udp_out(now, at("10.0.0.2:1719"), peer);
    let second = preserving.udp_out(now, at("10.0.0.3:1719"), peer).unwrap();
    assert_ne!(second.port(), 1719);
    assert_eq!(preserving.udp_in(now, peer, second), Some(at("10.0.0.3:1719")));

    let mut random = nat(Rules { ports: PortChoice::Random, ..Rules::full_cone() });
    assert_ne!(random.udp_out(now, at("10.0.0.2:1719"), peer).unwrap().port(), 1719);
}

#[test]
fn a_packet_to_the_outside_address_comes_back_only_by_hairpinning() {
    let now = start();
    for hairpin in [false, true] {
        let mut nat = nat(Rules { hairpin, ..Rules::full_cone() });
        let seen = nat.udp_out(now, at("10.0.0.2:1719"), at("198.51.100.2:1719")).unwrap();
        assert_eq!(nat.udp_out(now, at("10.0.0.3:2000"), seen).is_some(), hairpin);
        assert_eq!(nat.tcp_open(now, at("10.0.0.3:2000"), seen).is_some(), hairpin);
        assert_eq!(nat.drops().refused, if hairpin { 0 } else { 2 });
    }
}

#[test]
fn a_plain_firewall_changes_no_address() {
    let now = start();
    let mut wall = Firewall::plain(Rules::port_restricted());
    let (inside, peer) = (at("127.0.0.2:1719"), at("127.0.0.3:1719"));
    assert_eq!(wall.udp_in(now, peer, inside), None);
    assert_eq!(wall.udp_out(now, inside, peer), Some(inside));
    assert_eq!(wall.udp_in(now, peer, inside), Some(inside));
    assert_eq!(wall.udp_in(now + seconds(30), peer, inside), None);
    assert_eq!(wall.tcp_open(now, inside, peer), Some(inside));
    assert!(wall.tcp_segment(now, inside, peer));
    assert_eq!(wall.outside(), None);
}

#[test]
fn a_connection_is_known_from_its_opening_until_it_idled_or_closed() {
    let begin = start();
    let mut nat = nat(Rules { tcp_idle: seconds(60), ..Rules::symmetric() });
    let (inside, peer) = (at("10.0.0.2:40000"), at("198.51.100.2:1720"));
    assert!(!nat.tcp_segment(begin, inside, peer));
    assert_eq!(nat.tcp_open(begin, inside, peer).unwrap().ip(), OUTSIDE);
    assert!(nat.tcp_segment(begin + seconds(59), inside, peer));
    assert!(nat.tcp_segment(begin + seconds(118), inside, peer), "a segment refreshes");
    assert_eq!(nat.tcp_connections(begin + seconds(177)), 1);
    assert!(!nat.tcp_segment(begin + seconds(178), inside, peer));
    assert!(!nat.tcp_segment(begin + seconds(178), inside, peer), "forgotten is forgotten");
    assert_eq!(nat.tcp_connections(begin), 0);

    nat.tcp_open(begin, inside, peer);
    nat.tcp_close(inside, peer);
    assert!(!nat.tcp_segment(begin, inside, peer));
    nat.tcp_syn_in();
    assert_eq!(nat.drops(), Drops { syns: 1, forgotten: 4, ..Drops::default() });
}

#[test]
fn after_a_rebind_everything_is_forgotten_and_ports_differ() {
    let now = start();
    let mut nat = nat(Rules::full_cone());
    let (inside, peer) = (at("10.0.0.2:1719"), at("198.51.100.2:1719"));
    let before = nat.udp_out(now, inside, peer).unwrap();
    nat.tcp_open(now, inside, peer);
    nat.rebind();
    assert_eq!(nat.udp_in(now, peer, before), None);
    assert!(!nat.tcp_segment(now, inside, peer));
    let after = nat.udp_out(now, inside, peer).unwrap();
    assert_ne!(after, before);
    assert_eq!(nat.udp_in(now, peer, after), Some(inside));
}

#[test]
fn room_is_limited_and_comes_back_by_expiry() {
    let begin = start();
    let mut nat = nat(Rules { room: 2, ..Rules::symmetric() });
    let inside = at("10.0.0.2:1719");
    let mut out = |now, to| {
        (nat.udp_out(now, inside, at(to)).is_some(), nat.tcp_open(now, inside, at(to)).is_some())
    };
    assert_eq!(out(begin, "198.51.100.2:1"), (true, true));
    assert_eq!(out(begin, "198.51.100.2:2"), (true, true));
    assert_eq!(out(begin, "198.51.100.2:3"), (false, false));
    assert_eq!(out(begin + seconds(30), "198.51.100.2:3"), (true, false));
    assert_eq!(out(begin + seconds(3600), "198.51.100.2:3"), (true, true));
}

#[test]
fn the_other_family_is_not_translated() {
    let mut nat = nat(Rules::full_cone());
    assert_eq!(nat.udp_out(start(), at("[fd00::2]:1719"), at("[2001:db8::1]:1719")), None);
}
