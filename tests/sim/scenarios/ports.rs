//! Ports and addresses of ours: those that the configuration says, given back, and not used again at once.

use pinhole::node::Settings;
use pinhole::phone::Phone;
use pinhole::phone::options::{Incoming, Options, Source};

use super::lab::{Lab, NODE, Place, Plan, connected, ended, heard, lab_at, records};
use crate::world::{Chop, HostId, ip, millis, seconds};
use Place::Outside;

const MORE: &str = "198.51.100.11";
const PEER: &str = "198.51.100.77";

/// A gatekeeper of two addresses and narrow ranges, and somebody who is not registered and answers.
fn narrow(chop: Chop, settings: Settings) -> (Lab, HostId) {
    let settings = Settings {
        q931_ports: 20_000..=20_009,
        h245_ports: 21_000..=21_029,
        rtp_ports: 22_000..=22_099,
        ..settings
    };
    with_peer(chop, settings)
}

fn with_peer(chop: Chop, settings: Settings) -> (Lab, HostId) {
    let mut lab = lab_at(Plan { settings, ..Plan::with(chop) }, &[MORE]);
    let options = Options {
        ip: ip(PEER),
        incoming: Incoming::Answer,
        source: Source::Tone(880.0),
        tunnelling: false,
        ..Options::new("peer")
    };
    let peer = lab.world.host("peer", PEER, Phone::new(options, [3; 32], lab.world.now()));
    (lab, peer)
}

fn connections_and_media_come_from_where_the_configuration_says(chop: Chop) {
    let route = |network: &str| vec![(network.parse().unwrap(), ip(MORE))];
    for (bind, routes, from) in [
        (None, vec![], NODE),
        (Some(ip(MORE)), vec![], MORE),
        (None, route("198.51.100.77/32"), MORE),
        (None, route("198.51.100.76/32"), NODE),
    ] {
        let (mut lab, peer) = narrow(chop, Settings { bind, routes, ..Settings::default() });
        lab.world.mark_rest();
        let alice = lab.calling("alice", Outside, (PEER, 440.0, 3), |options| {
            options.tunnelling = false;
        });
        lab.world.must("talking", |world| world.told(alice, connected), seconds(20));
        lab.world.run_for(seconds(1));
        let mut seen = lab.world.streams(peer).into_iter().map(|(_, there)| there);
        let signalling = seen.next().unwrap();
        assert_eq!(signalling.ip(), ip(from));
        assert!((20_000..=20_009).contains(&signalling.port()), "{signalling}");
        let control = seen.next().unwrap();
        assert_eq!(control.ip(), ip(from));
        assert!((21_000..=21_029).contains(&control.port()), "{control}");
        let media = lab.world.relaying_ports(lab.node);
        assert_eq!(media.len(), 4);
        assert!(media.iter().all(|at| (22_000..=22_099).contains(&at.port())), "{media:?}");
        let addresses: Vec<_> = media.iter().filter(|at| at.ip() == ip(from)).collect();
        assert_eq!(addresses.len(), if from == MORE { 2 } else { 4 }, "{media:?}");
        heard(&lab.record(alice, 1, seconds(60)), 3, 880.0);
        lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
        lab.nothing_left();
    }
}

/// The host gives the lowest free port, so those of the last call at once again.
fn the_ports_of_a_call_rest_before_the_next_gets_them(chop: Chop) {
    let (mut lab, _) = narrow(chop, Settings::default());
    lab.world.mark_rest();
    let mut before = Vec::new();
    for call in 1..=6 {
        let alice = lab.calling("alice", Outside, (PEER, 440.0, 1), |_| {});
        lab.world.must("talking", |world| world.told(alice, connected), seconds(20));
        lab.world.run_for(millis(500));
        let now = lab.world.relaying_ports(lab.node);
        assert!(!now.is_empty() && now.iter().all(|at| !before.contains(at)), "{call}: {now:?}");
        before = now;
        lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    }
    lab.nothing_left();
}

fn without_a_free_port_a_call_is_refused_and_the_others_go_on(chop: Chop) {
    let settings = Settings { rtp_ports: 22_000..=22_099, ..Settings::default() };
    let (mut lab, _) = with_peer(chop, settings);
    lab.world.run_for(seconds(1));
    lab.world.mark_rest();
    // Fifty pairs on each address, two for each call.
    let greedy = lab.calling("greedy", Outside, (PEER, 440.0, 20), |options| {
        (options.calls, options.rate) = (30, 10.0);
    });
    lab.world.run_for(seconds(10));
    let ports = lab.world.relaying_ports(lab.node);
    assert!(ports.len() <= 100, "{}", ports.len());
    lab.world.must("all are over", |world| world.count(greedy, ended) == 30, seconds(60));
    let all = records(&lab.world, greedy);
    let (talked, refused): (Vec<_>, Vec<_>) = all.iter().partition(|r| r.setup_ms.is_some());
    assert!(talked.len() >= 8 && !refused.is_empty(), "{} {}", talked.len(), refused.len());
    talked.iter().for_each(|record| heard(record, 20, 880.0));
    for record in refused {
        // Resource unavailable, and what it is in H.225.0.
        assert_eq!(record.cause, Some(47), "{record:#?}");
    }
    // What was in use is there again.
    let alice = lab.calling("alice", Outside, (PEER, 440.0, 3), |_| {});
    heard(&lab.record(alice, 1, seconds(60)), 3, 880.0);
    lab.nothing_left();
}

fn without_a_port_for_a_connection_a_call_is_refused_for_that_and_no_other_reason(chop: Chop) {
    let settings = Settings { q931_ports: 20_000..=20_000, ..Settings::default() };
    let (mut lab, _) = with_peer(chop, settings);
    lab.world.mark_rest();
    let first = lab.calling("first", Outside, (PEER, 440.0, 5), |_| {});
    lab.world.must("talking", |world| world.told(first, connected), seconds(20));
    let second = lab.calling("second", Outside, (PEER, 440.0, 5), |_| {});
    let record = lab.record(second, 1, seconds(20));
    assert_eq!(record.cause, Some(47), "{record:#?}");
    assert_eq!(record.release_reason.as_deref(), Some("gatekeeperResources"));
    let told = lab.record(lab.node, 1, seconds(1)).sentence;
    assert!(told.contains("Q931PortRange"), "{told}");
    heard(&lab.record(first, 1, seconds(60)), 5, 880.0);
    lab.nothing_left();
}

as_sent_and_octet_by_octet! {
    without_a_port_for_a_connection_a_call_is_refused_for_that_and_no_other_reason,
    the_ports_of_a_call_rest_before_the_next_gets_them,
    without_a_free_port_a_call_is_refused_and_the_others_go_on,
    connections_and_media_come_from_where_the_configuration_says,
}
