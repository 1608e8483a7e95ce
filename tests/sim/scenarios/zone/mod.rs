//! Traversal zones: a gatekeeper outside, one inside behind a firewall, plain phones at both.

mod attackers;
mod chain;
mod faults;
mod foreign;
mod idle;
mod insiders;
mod lifetime;
mod neighbors;
mod strangers;
mod town;

use pinhole::event::{CallRecord, Event};
use pinhole::firewall::Rules;
use pinhole::node::{Node, Settings};
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Gatekeeper, Incoming, Options, Source};
use pinhole::zone::ZoneStatus;
use pinhole_config::{Config, Severity};

use super::lab::{Lab, NODE, Plan, connected, ended, heard, lab, registered};
use crate::world::{Chop, HostId, at, ip, millis, seconds};

/// The gatekeeper inside.
const INNER: &str = "10.0.0.2";
const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 5;

/// Settings as an operator writes them.
pub(super) fn settings(text: &str) -> Settings {
    let (config, problems) = Config::read(text);
    assert!(problems.iter().all(|p| p.severity == Severity::Warning), "{problems:?}");
    Settings::from(&config)
}

/// The interval is set by hand, so that nothing is measured.
const MODE: &str = "[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\n\
                    H46018KeepAliveInterval=19\n[Proxy]\nEnable=1\n";

fn outer_text(more: &str) -> String {
    format!(
        "[Gatekeeper::Main]\nName=Outer\n{MODE}{more}\n[RasSrv::Neighbors]\nInner=GnuGk\n\
         [Neighbor::Inner]\nGatekeeperIdentifier=Inner\nSendPrefixes=*\nH46018Server=1\n\
         AuthUser=clientuser\nPassword=clientpw\n"
    )
}

pub(super) fn outer(more: &str) -> Settings {
    settings(&outer_text(more))
}

fn inner_text(host: &str, password: &str, more: &str) -> String {
    format!(
        "[Gatekeeper::Main]\nName=Inner\n{MODE}{more}\n[RasSrv::Neighbors]\nOuter=GnuGk\n\
         [Neighbor::Outer]\nHost={host}\nSendPrefixes=*\nH46018Client=1\n\
         SendAuthUser=clientuser\nSendPassword={password}\n"
    )
}

pub(super) fn inner(host: &str, password: &str, more: &str) -> Settings {
    settings(&inner_text(host, password, more))
}

/// A zone of two gatekeepers.
pub(super) struct Zone {
    pub(super) lab: Lab,
    pub(super) inner: HostId,
    phones: u8,
    talks: usize,
}

/// Who calls, and who is called, time after time.
const NAMES: [[&str; 2]; 6] = [
    ["alice", "bob"],
    ["carol", "dave"],
    ["erin", "frank"],
    ["grace", "heidi"],
    ["ivan", "judy"],
    ["mike", "nina"],
];

pub(super) fn zone_with(rules: Rules, chop: Chop, more: &str) -> Zone {
    zone_at(NODE, rules, chop, more)
}

/// The same where the inside one finds the outside one at this name.
fn zone_at(host: &str, rules: Rules, chop: Chop, more: &str) -> Zone {
    zone_of(outer(more), inner(host, "clientpw", more), rules, chop)
}

/// A zone of gatekeepers with these settings.
pub(super) fn zone_of(outer: Settings, inner: Settings, rules: Rules, chop: Chop) -> Zone {
    let mut lab = lab(Plan { settings: outer, rules, ..Plan::with(chop) });
    lab.world.name("gk.example.org", Some(ip(NODE)));
    let node = Node::new(inner, vec![ip(INNER)], [9; 32], lab.world.now());
    let inner = lab.world.host_behind(lab.gate, "inner", INNER, node);
    Zone { lab, inner, phones: 0, talks: 0 }
}

fn state<'a>(wanted: &'a str) -> impl Fn(&Event) -> bool + 'a {
    move |event| matches!(event, Event::Zone { state, .. } if *state == wanted)
}

impl Zone {
    pub(super) fn up(&mut self) {
        let inner = self.inner;
        self.lab.world.must("the zone is up inside", |w| w.told(inner, state("up")), seconds(10));
        let node = self.lab.node;
        self.lab.world.must("the zone is up outside", |w| w.told(node, state("up")), seconds(5));
    }

    /// How a gatekeeper sees the zone.
    fn seen_by(&mut self, host: HostId) -> ZoneStatus {
        self.lab.world.with(host, |node: &mut Node, now| node.status(now).zones.swap_remove(0))
    }

    /// A plain phone inside.
    fn inside(&mut self, name: &'static str, adjust: impl FnOnce(&mut Options)) -> HostId {
        self.phones += 1;
        let text = format!("10.0.0.{}", self.phones + 100);
        let mut options = plain(name, INNER, &text);
        adjust(&mut options);
        let phone = Phone::new(options, [self.phones + 100; 32], self.lab.world.now());
        self.lab.world.host_behind(self.lab.gate, name, &text, phone)
    }

    /// A plain phone outside.
    fn outside(&mut self, name: &'static str, adjust: impl FnOnce(&mut Options)) -> HostId {
        self.phones += 1;
        let text = format!("198.51.100.{}", self.phones + 150);
        let keeper = self.lab.world.ip_of(self.lab.node).to_string();
        let mut options = plain(name, &keeper, &text);
        adjust(&mut options);
        let phone = Phone::new(options, [self.phones + 100; 32], self.lab.world.now());
        self.lab.world.host(name, &text, phone)
    }

    fn phone(
        &mut self,
        inside: bool,
        name: &'static str,
        adjust: impl FnOnce(&mut Options),
    ) -> HostId {
        if inside { self.inside(name, adjust) } else { self.outside(name, adjust) }
    }

    /// One who calls and one who answers, each on another side, for so long or without end.
    fn pair(
        &mut self,
        from_inside: bool,
        hold: Option<u64>,
        adjust: impl Fn(&mut Options),
    ) -> [HostId; 2] {
        let [caller, called] = NAMES[self.talks];
        self.talks += 1;
        let bob = self.phone(!from_inside, called, |options| {
            options.incoming = Incoming::Answer;
            options.source = Source::Tone(BOB);
            adjust(options);
        });
        self.lab.world.must("registered", |world| world.told(bob, registered), seconds(20));
        self.lab.world.run_for(millis(100));
        self.lab.world.mark_rest();
        let alice = self.phone(from_inside, caller, |options| {
            options.destination = Some(Destination::parse(called));
            options.source = Source::Tone(ALICE);
            options.hold = hold.map(seconds);
            adjust(options);
        });
        [alice, bob]
    }

    /// Calls from one side to the other, and looks at the records.
    pub(super) fn talk(&mut self, from_inside: bool, adjust: impl Fn(&mut Options)) {
        let nodes = [self.lab.node, self.inner];
        let before = nodes.map(|node| self.lab.world.count(node, ended));
        let [alice, bob] = self.pair(from_inside, Some(TALK), adjust);
        let record = self.lab.record(alice, 1, seconds(60));
        heard(&record, TALK, BOB);
        let record = self.lab.record(bob, 1, seconds(5));
        heard(&record, TALK, ALICE);
        self.lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
        self.lab.nothing_left();
        let after = nodes.map(|node| self.lab.world.count(node, ended));
        assert_eq!(after, before.map(|count| count + 1));
    }

    /// A call that does not end of itself.
    fn converse(&mut self, from_inside: bool, adjust: impl Fn(&mut Options)) -> [HostId; 2] {
        let [alice, bob] = self.pair(from_inside, None, adjust);
        for phone in [alice, bob] {
            self.lab.world.must("talking", |world| world.told(phone, connected), seconds(30));
        }
        self.lab.world.run_for(seconds(3));
        [alice, bob]
    }
}

fn plain(name: &str, gatekeeper: &str, own: &str) -> Options {
    let mut options = Options::new(name);
    options.gatekeeper = Gatekeeper::At(at(&format!("{gatekeeper}:1719")));
    options.ip = ip(own);
    options.traversal = false;
    options
}

/// The files of the manual, with nothing changed but that nothing is measured meanwhile.
#[test]
fn the_files_of_the_manual_make_a_zone() {
    let manual = include_str!("../../../../docs/zones.md");
    let blocks = manual.split("```ini\n").skip(1).filter_map(|text| text.split("```").next());
    let files: Vec<Settings> = blocks
        .map(|text| {
            let mut settings = settings(text);
            settings.zones.keepalive = Some(seconds(19));
            settings
        })
        .collect();
    let Ok([outer, inner]) = <[Settings; 2]>::try_from(files) else { panic!("two files") };
    let mut zone = zone_of(outer, inner, Rules::symmetric(), Chop::AsSent);
    zone.up();
    zone.talk(true, |_| {});
    zone.talk(false, |_| {});
}

#[test]
fn a_zone_comes_up() {
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, "");
    zone.up();
}

/// Calls in both directions, each in a world of its own.
fn both_ways(more: &str, chop: Chop, adjust: impl Fn(&mut Options)) {
    for rules in [Rules::port_restricted, Rules::symmetric] {
        for from_inside in [true, false] {
            let mut zone = zone_with(rules(), chop, more);
            zone.up();
            zone.talk(from_inside, &adjust);
        }
    }
}

const PLAIN: &str = "";
const MULTIPLEXED: &str = "RTPMultiplexing=1\n";

#[test]
fn calls_with_tunnelled_h245() {
    both_ways(PLAIN, Chop::AsSent, |_| {});
}

#[test]
fn calls_with_h245_on_its_own_connection() {
    both_ways(PLAIN, Chop::AsSent, |options| options.tunnelling = false);
}

#[test]
fn calls_with_fast_start() {
    both_ways(PLAIN, Chop::AsSent, |options| options.fast_start = true);
}

#[test]
fn calls_with_fast_start_and_h245_on_its_own_connection() {
    both_ways(PLAIN, Chop::AsSent, |options| {
        options.fast_start = true;
        options.tunnelling = false;
    });
}

#[test]
fn calls_with_multiplexed_media() {
    for chop in [Chop::AsSent, Chop::EachByte] {
        both_ways(MULTIPLEXED, chop, |_| {});
        both_ways(MULTIPLEXED, chop, |options| options.tunnelling = false);
        both_ways(MULTIPLEXED, chop, |options| options.fast_start = true);
    }
}

#[test]
fn calls_whose_streams_are_cut_and_glued_at_random() {
    both_ways(PLAIN, Chop::Random, |_| {});
    both_ways(PLAIN, Chop::Random, |options| options.tunnelling = false);
}
