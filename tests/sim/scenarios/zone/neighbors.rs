//! Every key of `[Neighbor::…]`, and neighbours that are reached without help.

use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{LocationRequest, RasMessage, RequestSeqNum};
use pinhole_h323::ras::Ras;

use super::*;
use crate::world::World;

const OTHER: &str = "198.51.100.30";

fn keeper(name: &str, neighbors: &str) -> Settings {
    settings(&format!(
        "[Gatekeeper::Main]\nName={name}\n[RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\n{neighbors}"
    ))
}

/// A phone that answers, at the other gatekeeper.
fn answering(world: &mut World, name: &str) -> HostId {
    let mut options = plain(name, OTHER, "198.51.100.61");
    options.incoming = Incoming::Answer;
    options.listen_port = Some(Destination::PORT);
    let bob = Phone::new(options, [61; 32], world.now());
    let bob = world.host("bob", "198.51.100.61", bob);
    world.must("registered", |world| world.told(bob, registered), seconds(20));
    bob
}

/// A phone that calls from the first.
fn calling(world: &mut World, whom: &str) -> HostId {
    let mut options = plain("alice", NODE, "198.51.100.60");
    options.destination = Some(Destination::parse(whom));
    options.hold = Some(seconds(1));
    let alice = Phone::new(options, [60; 32], world.now());
    world.host("alice", "198.51.100.60", alice)
}

/// Two gatekeepers in the open, with these neighbours.
fn two(here: &str, there: &str) -> Lab {
    let mut lab = lab(Plan { settings: keeper("Here", here), ..Plan::with(Chop::AsSent) });
    let node = Node::new(keeper("There", there), vec![ip(OTHER)], [9; 32], lab.world.now());
    lab.world.host("other", OTHER, node);
    lab.world.run_for(millis(100));
    lab
}

/// Whether somebody who is registered at the second can be called from the first.
fn reaches(here: &str, there: &str, called: &str) -> bool {
    let mut lab = two(here, there);
    let bob = answering(&mut lab.world, called);
    let alice = calling(&mut lab.world, called);
    let record = lab.record(alice, 1, seconds(60));
    let reached = record.cause == Some(16);
    assert_eq!(lab.world.told(bob, connected), reached, "{record:#?}");
    reached
}

const TRUST: &str = "[RasSrv::Neighbors]\nHere=GnuGk\n[Neighbor::Here]\nHost=198.51.100.10\n";

fn here(keys: &str) -> String {
    format!("[RasSrv::Neighbors]\nThere=GnuGk\n[Neighbor::There]\nHost=198.51.100.30\n{keys}\n")
}

#[test]
fn prefixes_and_aliases_say_who_is_asked() {
    for (keys, called, wanted) in [
        ("SendPrefixes=004,002:=1", "0041", true),
        ("SendPrefixes=004,002:=1", "0031", false),
        ("SendPrefixes=h323_ID", "bob", true),
        ("SendPrefixes=h323_ID", "0031", false),
        ("SendAliases=4526354,2000-2010,frank", "2005", true),
        ("SendAliases=4526354,2000-2010,frank", "2011", false),
        ("SendAliases=4526354,2000-2010,frank", "frank", true),
    ] {
        assert_eq!(reaches(&here(keys), TRUST, called), wanted, "{keys} {called}");
    }
}

/// Somebody who is called by his address is asked about at the neighbours of his network.
#[test]
fn addresses_say_who_is_asked() {
    for (keys, wanted) in [("SendIPs=198.51.100.0/24", 1), ("SendIPs=10.0.0.0/8", 0)] {
        let mut lab = two(&here(keys), TRUST);
        answering(&mut lab.world, "bob");
        lab.world.tap(lab.node);
        let alice = calling(&mut lab.world, "198.51.100.61");
        lab.record(alice, 1, seconds(60));
        let sent = lab.world.tap(lab.node);
        let asked = sent.iter().filter(|(to, _)| *to == at("198.51.100.30:1719")).count();
        assert_eq!(asked, wanted, "{keys}");
    }
}

#[test]
fn the_other_decides_what_it_answers() {
    let accept = |prefixes: &str| format!("{TRUST}AcceptPrefixes={prefixes}\n");
    let all = here("SendPrefixes=*");
    assert!(reaches(&all, &accept("*"), "0041"));
    assert!(reaches(&all, &accept("004"), "0041"));
    assert!(!reaches(&all, &accept("003"), "0041"));
    // A stranger is not answered.
    assert!(!reaches(&all, "", "0041"));
}

/// What the other answers to an LRQ for somebody who is known by all these names.
fn located(accepts: &str, names: &[&str]) -> RasMessage {
    let mut lab = lab(Plan { settings: keeper("Here", ""), ..Plan::with(Chop::AsSent) });
    let there = keeper("There", &format!("{TRUST}AcceptPrefixes={accepts}\n"));
    let other = Node::new(there, vec![ip(OTHER)], [9; 32], lab.world.now());
    let other = lab.world.host("other", OTHER, other);
    lab.world.run_for(millis(100));
    answering(&mut lab.world, "boss");
    lab.world.tap(other);
    let request = LocationRequest {
        request_seq_num: RequestSeqNum(7),
        destination_info: names.iter().map(|name| Alias::from_text(name).to_asn()).collect(),
        reply_address: to_h225(at("198.51.100.10:1719")),
        ..Default::default()
    };
    let request = Ras::new(RasMessage::locationRequest(Box::new(request))).encode().unwrap();
    lab.world.inject_datagram(at("198.51.100.10:1719"), at("198.51.100.30:1719"), &request);
    lab.world.run_for(millis(100));
    let answers = lab.world.tap(other);
    let answer = answers.iter().find(|(to, _)| *to == at("198.51.100.10:1719")).expect("an answer");
    Ras::decode(&answer.1).unwrap().message().clone()
}

#[test]
fn a_name_that_is_not_accepted_does_not_come_in_with_one_that_is() {
    for (accepts, names, found) in [
        ("*", &["boss", "491"][..], true),
        ("b", &["boss", "491"], true),
        ("49", &["boss"], false),
        ("49", &["boss", "491"], false),
        ("49", &["491", "boss"], false),
    ] {
        let answer = located(accepts, names);
        let confirmed = matches!(answer, RasMessage::locationConfirm(_));
        assert!(confirmed || matches!(answer, RasMessage::locationReject(_)), "{answer:?}");
        assert_eq!(confirmed, found, "{accepts} {names:?}");
    }
}

#[test]
fn passwords_of_neighbours_in_the_open() {
    let wants = format!("{TRUST}AuthUser=us\nPassword=secret\n");
    for (keys, wanted) in [
        ("SendAuthUser=us\nSendPassword=secret", true),
        ("SendAuthUser=us\nSendPassword=other", false),
        ("SendAuthUser=them\nSendPassword=secret", false),
        ("", false),
    ] {
        let here = here(&format!("SendPrefixes=*\n{keys}"));
        assert_eq!(reaches(&here, &wants, "0041"), wanted, "{keys}");
    }
    // Without names, the gatekeeper identifiers count.
    let proves = here("SendPrefixes=*\nSendPassword=secret");
    let wants = |name: &str| format!("{TRUST}GatekeeperIdentifier={name}\nPassword=secret\n");
    assert!(reaches(&proves, &wants("Here"), "0041"));
    assert!(!reaches(&proves, &wants("Her"), "0041"));
}

#[test]
fn a_whole_neighbour_in_one_line() {
    let here = "[RasSrv::Neighbors]\nCountryGK=198.51.100.30:1719;0\n";
    assert!(reaches(here, TRUST, "0041"));
    assert!(!reaches(here, TRUST, "141"));
}

/// Of two that fit equally long, the one with the better priority is asked alone, as long as it knows.
#[test]
fn priorities_come_first() {
    let both = |first: u8, second: u8| {
        format!(
            "[RasSrv::Neighbors]\nNobody=GnuGk\nThere=GnuGk\n[Neighbor::Nobody]\nHost=198.51.100.99\n\
             SendPrefixes=0:={first}\n[Neighbor::There]\nHost=198.51.100.30\nSendPrefixes=0:={second}\n"
        )
    };
    let took = [(2, 1), (1, 2)].map(|(first, second)| {
        let mut lab = two(&both(first, second), TRUST);
        answering(&mut lab.world, "0041");
        let begin = lab.world.elapsed();
        let alice = calling(&mut lab.world, "0041");
        lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
        lab.world.elapsed() - begin
    });
    // The silent one is waited for only when it comes first: twice half a second.
    assert!(took[0] + millis(900) < took[1], "{took:?}");
}

#[test]
fn who_is_not_here_is_asked_about_further_on_only_if_that_is_wanted() {
    // The client inside asks the one outside, which knows a third. Its name leads there only after a while.
    for (forward, wanted) in [("always", true), ("never", false), ("depends", true)] {
        let more = format!(
            "[RasSrv::LRQFeatures]\nForwardLRQ={forward}\n[RasSrv::Neighbors]\nThird=GnuGk\n\
             [Neighbor::Third]\nHost=there.example.org\nDynamic=1\nSendPrefixes=*\n[Proxy]\n"
        );
        let client = inner(NODE, "clientpw", PLAIN);
        let mut zone = zone_of(outer(&more), client, Rules::symmetric(), Chop::AsSent);
        zone.lab.world.run_for(seconds(5));
        let now = zone.lab.world.now();
        let third = Node::new(keeper("Third", TRUST), vec![ip(OTHER)], [9; 32], now);
        zone.lab.world.host("third", OTHER, third);
        zone.lab.world.name("there.example.org", Some(ip(OTHER)));
        zone.lab.world.run_for(seconds(61));
        answering(&mut zone.lab.world, "bob");
        let alice = zone.inside("alice", |options| {
            options.destination = Some(Destination::parse("bob"));
            options.hold = Some(seconds(1));
        });
        let record = zone.lab.record(alice, 1, seconds(60));
        assert_eq!(record.cause == Some(16), wanted, "{forward} {record:#?}");
    }
}

/// The first neighbour knows the called party, and the call cannot be made there: the second is asked, too. When that does
/// not know it, the caller hears why the first failed.
#[test]
fn when_one_neighbour_fails_the_others_are_asked() {
    const THIRD: &str = "198.51.100.31";
    for (known, first) in [(true, 1), (true, 2), (false, 1)] {
        let here = format!(
            "ActivateFailover=1\n[RasSrv::Neighbors]\nThere=GnuGk\nBeyond=GnuGk\n\
             [Neighbor::There]\nHost={OTHER}\nSendPrefixes=*:=1\n\
             [Neighbor::Beyond]\nHost={THIRD}\nSendPrefixes=*:={first}\n"
        );
        let config = keeper("Here", "").handling;
        assert!(!config.failover, "it has to be asked for");
        let here = settings(&format!(
            "[Gatekeeper::Main]\nName=Here\n[Proxy]\nEnable=1\n[RoutedMode]\nGKRouted=1\nH245Routed=1\n{here}"
        ));
        let mut lab = lab(Plan { settings: here, ..Plan::with(Chop::AsSent) });
        for (name, host) in [("There", OTHER), ("Beyond", THIRD)] {
            let node = Node::new(keeper(name, TRUST), vec![ip(host)], [9; 32], lab.world.now());
            lab.world.host(name, host, node);
        }
        lab.world.run_for(millis(100));
        // Bob is known there, and has gone without a word.
        let gone = answering(&mut lab.world, "bob");
        lab.world.vanish(gone);
        let found = known.then(|| {
            let mut options = plain("bob", THIRD, "198.51.100.62");
            options.incoming = Incoming::Answer;
            options.listen_port = Some(Destination::PORT);
            let bob = Phone::new(options, [62; 32], lab.world.now());
            let bob = lab.world.host("other bob", "198.51.100.62", bob);
            lab.world.must("registered", |world| world.told(bob, registered), seconds(20));
            bob
        });
        let alice = calling(&mut lab.world, "bob");
        let record = lab.record(alice, 1, seconds(120));
        let reached = found.is_some_and(|bob| lab.world.told(bob, connected));
        assert_eq!((reached, record.cause == Some(16)), (known, known), "{record:#?}");
        if !known {
            assert_eq!(
                record.cause,
                Some(27),
                "the failure, not that nobody knows him: {record:#?}"
            );
        }
    }
}

/// What the gatekeeper says of the call of somebody who calls `bob`.
fn refused(lab: &mut Lab) -> String {
    let alice = calling(&mut lab.world, "bob");
    let record = lab.record(alice, 1, seconds(60));
    assert_eq!(record.release_reason.as_deref(), Some("calledPartyNotRegistered"), "{record:#?}");
    let told = |(_, event): &(_, Event)| match event {
        Event::CallRefused { sentence, release_reason: "calledPartyNotRegistered", .. } => {
            Some(sentence.clone())
        }
        _ => None,
    };
    lab.world.events(lab.node).iter().find_map(told).expect("a refusal is told")
}

#[test]
fn a_refusal_names_the_neighbour_that_could_not_be_asked_and_why() {
    let mut lab = two(&here("SendPrefixes=*"), TRUST);
    assert_eq!(refused(&mut lab), "bob is not registered", "it was asked, and knows nobody");

    let settings = keeper("Here", &here("SendPrefixes=*"));
    let mut lab = super::lab(Plan { settings, ..Plan::with(Chop::AsSent) });
    let said = "bob is not registered, and the neighbour There, which was asked, did not answer";
    assert_eq!(refused(&mut lab), said);

    let settings = keeper("Here", &here("SendPrefixes=004"));
    let mut lab = super::lab(Plan { settings, ..Plan::with(Chop::AsSent) });
    assert_eq!(refused(&mut lab), "bob is not registered", "nobody was to be asked");

    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, "");
    let began = "bob is not registered, and the traversal zone Inner, which would have been asked, is down: ";
    zone.up();
    zone.lab.world.vanish(zone.inner);
    zone.lab.world.run_for(seconds(120));
    let said = refused(&mut zone.lab);
    assert!(
        said.strip_prefix(began).is_some_and(|why| why.starts_with("no keepalive came")),
        "{said}"
    );
}
