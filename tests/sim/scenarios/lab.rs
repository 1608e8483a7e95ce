//! A gatekeeper on the open net, a NAT, and phones on both sides of it.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole::event::{CallRecord, ChannelRecord, Event};
use pinhole::face::StreamId;
use pinhole::firewall::Rules;
use pinhole::node::{Node, Settings};
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Gatekeeper, Incoming, Options, Source};

use crate::world::{Chop, GateId, HostId, Patience, World, at, ip, millis, seconds};

/// The gatekeeper's address.
pub(crate) const NODE: &str = "198.51.100.10";
/// The NAT's outside address.
pub(crate) const NAT: &str = "203.0.113.1";

/// How often a phone sends audio: every 20 ms.
const PACKETS_PER_SECOND: u64 = 50;

/// Which side of the NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Inside,
    Outside,
}

/// What differs between runs.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) chop: Chop,
    pub(crate) rules: Rules,
    pub(crate) settings: Settings,
}

impl Plan {
    /// Nothing special but how streams are cut.
    pub(crate) fn with(chop: Chop) -> Self {
        Self { seed: 1, chop, rules: Rules::port_restricted(), settings: Settings::default() }
    }
}

/// The laboratory.
pub(crate) struct Lab {
    pub(crate) world: World,
    pub(crate) gate: GateId,
    pub(crate) node: HostId,
    phones: u8,
}

/// Starts the gatekeeper and builds the NAT.
pub(crate) fn lab(plan: Plan) -> Lab {
    lab_at(plan, &[])
}

/// The same with more addresses of the gatekeeper.
pub(crate) fn lab_at(plan: Plan, more: &[&str]) -> Lab {
    let mut world = World::new(plan.seed);
    world.chop(plan.chop);
    *world.patience() = Patience::shell();
    let gate = world.nat(NAT, plan.rules);
    let locals: Vec<_> = std::iter::once(NODE).chain(more.iter().copied()).collect();
    let ips = locals.iter().map(|text| ip(text)).collect();
    let node = Node::new(plan.settings, ips, [plan.seed as u8; 32], world.now());
    let node = world.host_at("node", &locals, node);
    world.run_for(millis(10));
    Lab { world, gate, node, phones: 0 }
}

impl Lab {
    /// A phone that registers at the gatekeeper, and otherwise does what `adjust` says.
    pub(crate) fn phone(
        &mut self,
        name: &'static str,
        place: Place,
        adjust: impl FnOnce(&mut Options),
    ) -> HostId {
        self.phones += 1;
        let seed = [self.phones; 32];
        let text = match place {
            Place::Inside => format!("10.0.0.{}", self.phones + 10),
            Place::Outside => format!("198.51.100.{}", self.phones + 100),
        };
        let mut options = Options::new(name);
        options.gatekeeper = Gatekeeper::At(at(&format!("{NODE}:1719")));
        options.ip = ip(&text);
        adjust(&mut options);
        let phone = Phone::new(options, seed, self.world.now());
        match place {
            Place::Inside => self.world.host_behind(self.gate, name, &text, phone),
            Place::Outside => self.world.host(name, &text, phone),
        }
    }

    /// A phone that answers, playing this tone, and is registered.
    pub(crate) fn answering(
        &mut self,
        name: &'static str,
        place: Place,
        hertz: f64,
        adjust: impl FnOnce(&mut Options),
    ) -> HostId {
        let phone = self.phone(name, place, |options| {
            options.incoming = Incoming::Answer;
            options.source = Source::Tone(hertz);
            adjust(options);
        });
        self.world.must("registered", |world| world.told(phone, registered), seconds(60));
        self.world.run_for(millis(100));
        phone
    }

    /// A phone that registers, calls, plays this tone and hangs up after some seconds of talk.
    pub(crate) fn calling(
        &mut self,
        name: &'static str,
        place: Place,
        (whom, hertz, hold): (&str, f64, u64),
        adjust: impl FnOnce(&mut Options),
    ) -> HostId {
        self.phone(name, place, |options| {
            options.destination = Some(Destination::parse(whom));
            options.source = Source::Tone(hertz);
            options.hold = Some(seconds(hold));
            adjust(options);
        })
    }

    /// Runs until a host has told of so many ended calls, and the last one's record.
    pub(crate) fn record(&mut self, host: HostId, count: usize, limit: Duration) -> CallRecord {
        self.world.must("the call has ended", |world| world.count(host, ended) >= count, limit);
        records(&self.world, host).swap_remove(count - 1)
    }

    /// The gatekeeper's end of a phone's signalling connection.
    pub(crate) fn node_stream_of(&self, phone: HostId) -> StreamId {
        let mine = self.world.streams(phone);
        let other = mine.first().and_then(|(stream, _)| self.world.other_end(phone, *stream));
        other.unwrap_or_else(|| panic!("it has no connection"))
    }

    /// The address under which the gatekeeper registered a phone.
    pub(crate) fn seen(&self, name: &str) -> SocketAddr {
        let peer = |event: &Event| match event {
            Event::Registered { alias, peer, .. } if alias == name => Some(*peer),
            _ => None,
        };
        let seen = self.world.events(self.node).iter().find_map(|(_, event)| peer(event));
        seen.unwrap_or_else(|| panic!("{name} is not registered"))
    }

    /// Nothing but what was there in rest is there after a while.
    pub(crate) fn nothing_left(&mut self) {
        self.world.run_for(seconds(60));
        let left = self.world.leftovers();
        if !left.is_empty() {
            self.world.fail(&format!("left over: {left:?}"));
        }
    }
}

/// All records of ended calls of a host.
pub(crate) fn records(world: &World, host: HostId) -> Vec<CallRecord> {
    let record = |event: &Event| match event {
        Event::CallEnded(record) => Some((**record).clone()),
        _ => None,
    };
    world.events(host).iter().filter_map(|(_, event)| record(event)).collect()
}

/// An event that tells of a registration.
pub(crate) const fn registered(event: &Event) -> bool {
    matches!(event, Event::Registered { .. })
}

/// An event that tells of an answered call.
pub(crate) const fn connected(event: &Event) -> bool {
    matches!(event, Event::CallConnected { .. })
}

/// An event that tells of an ended call.
pub(crate) const fn ended(event: &Event) -> bool {
    matches!(event, Event::CallEnded(_))
}

/// The channel of a record that runs in a direction.
pub(crate) fn channel<'a>(record: &'a CallRecord, direction: &str) -> &'a ChannelRecord {
    let found = record.channels.iter().find(|channel| channel.direction == direction);
    found.unwrap_or_else(|| panic!("no {direction} channel: {record:#?}"))
}

/// The call was answered, lasted so many seconds, was heard with this tone, and ended normally.
pub(crate) fn heard(record: &CallRecord, seconds: u64, hertz: f64) {
    assert_eq!(record.cause, Some(16), "{record:#?}");
    assert!(record.setup_ms.is_some(), "{record:#?}");
    let receive = channel(record, "receive");
    let expected = seconds * PACKETS_PER_SECOND;
    assert!(receive.packets * 10 >= expected * 9, "{record:#?}");
    assert!(receive.packets * 10 <= expected * 12, "{record:#?}");
    assert_eq!(receive.lost, 0, "{record:#?}");
    let tone = receive.tone_hz.unwrap_or_else(|| panic!("no tone: {record:#?}"));
    assert!((tone - hertz).abs() < 5.0, "{record:#?}");
    assert!(channel(record, "transmit").packets * 10 >= expected * 9, "{record:#?}");
}

/// The gatekeeper relayed so many seconds of audio each way.
pub(crate) fn relayed(record: &CallRecord, seconds: u64) {
    assert_eq!(record.direction, "routed");
    assert_eq!(record.cause, Some(16), "{record:#?}");
    for direction in ["a-to-b", "b-to-a"] {
        let packets = channel(record, direction).packets;
        assert!(packets * 10 >= seconds * PACKETS_PER_SECOND * 9, "{record:#?}");
    }
}
