//! The world's TCP: ordered, complete, cut anywhere, and dead when it should be.

use pinhole::face::StreamId;

use crate::world::{Chop, HostId, Link, Patience, Raw, World, at, millis, seconds};
use pinhole::firewall::Rules;

struct Line {
    world: World,
    a: HostId,
    b: HostId,
    near: StreamId,
    far: StreamId,
}

fn line(seed: u64, link: Link) -> Line {
    let mut world = World::new(seed);
    let a = world.host("a", "198.51.100.2", Raw::default());
    let b = world.host("b", "198.51.100.3", Raw::default());
    world.with(b, |raw: &mut Raw, _| raw.listen("0.0.0.0", 1720));
    let near = world.with(a, |raw: &mut Raw, _| raw.connect(at("198.51.100.3:1720")));
    world.run_for(seconds(1));
    let far = world.with(b, |raw: &mut Raw, _| raw.accepted().unwrap());
    *world.link(a) = link;
    Line { world, a, b, near, far }
}

impl Line {
    fn send(&mut self, bytes: &[u8]) {
        let near = self.near;
        self.world.with(self.a, |raw: &mut Raw, _| raw.send(near, bytes));
    }

    fn got(&mut self) -> (Vec<u8>, usize, bool) {
        let far = self.far;
        self.world.with(self.b, |raw: &mut Raw, _| {
            let line = &raw.lines[&far];
            (line.got.clone(), line.portions, line.closed)
        })
    }

    fn near_closed(&mut self) -> bool {
        let near = self.near;
        self.world.with(self.a, |raw: &mut Raw, _| raw.lines[&near].closed)
    }
}

#[test]
fn however_a_stream_is_cut_its_content_stays() {
    for chop in [Chop::AsSent, Chop::EachByte, Chop::Random] {
        let link = Link { jitter: millis(80), loss: 0.2, reorders: true, ..Link::default() };
        let mut line = line(1, link);
        line.world.chop(chop);
        let content: Vec<u8> = (0..=255).cycle().take(3000).collect();
        for part in content.chunks(30) {
            line.send(part);
        }
        let near = line.near;
        line.world.with(line.a, |raw: &mut Raw, _| raw.close(near));
        line.world.run_for(seconds(120));
        let (got, portions, closed) = line.got();
        assert_eq!(got, content);
        assert!(closed, "the end comes after the octets");
        match chop {
            Chop::AsSent => assert_eq!(portions, 100),
            Chop::EachByte => assert_eq!(portions, 3000),
            Chop::Random => assert!(portions != 100 && portions < 3000, "{portions}"),
        }
        assert_eq!(line.world.streams(line.a), []);
        assert_eq!(line.world.streams(line.b), []);
    }
}

#[test]
fn a_refused_connection_ends_at_once_and_one_to_nowhere_late() {
    let mut line = line(2, Link::default());
    let [refused, nowhere] = ["198.51.100.3:9", "198.51.100.99:1720"]
        .map(|to| line.world.with(line.a, |raw: &mut Raw, _| raw.connect(at(to))));
    line.world.run_for(seconds(1));
    line.world.with(line.a, |raw: &mut Raw, _| {
        assert!(raw.lines[&refused].closed);
        assert!(!raw.lines[&nowhere].closed);
    });
    line.world.patience().syn = seconds(3);
    let impatient = line.world.with(line.a, |raw: &mut Raw, _| raw.connect(at("192.0.2.1:1")));
    line.world.run_for(seconds(4));
    line.world.with(line.a, |raw: &mut Raw, _| {
        assert!(raw.lines[&impatient].closed);
        assert!(!raw.lines[&nowhere].closed);
    });
}

#[test]
fn a_stalled_stream_delivers_later() {
    let mut line = line(3, Link::default());
    line.send(b"before");
    line.world.run_for(seconds(1));
    let near = line.near;
    line.world.stall(line.a, near, seconds(10));
    line.send(b", and");
    line.send(b" after");
    line.world.run_for(seconds(9));
    assert_eq!(line.got().0, b"before");
    line.world.run_for(seconds(2));
    assert_eq!(line.got().0, b"before, and after");
}

#[test]
fn octets_can_be_made_up_in_the_midst_of_a_stream() {
    let mut line = line(10, Link::default());
    line.send(b"before ");
    let far = line.far;
    assert_eq!(line.world.other_end(line.a, line.near), Some(far));
    line.world.inject_stream(line.b, far, b"FORGED ");
    line.send(b"after");
    line.world.run_for(seconds(1));
    assert_eq!(line.got().0, b"before FORGED after");
}

#[test]
fn a_reset_ends_both_sides_and_what_was_on_its_way() {
    let mut line = line(4, Link::default());
    line.send(b"lost");
    let near = line.near;
    line.world.reset(line.a, near);
    line.world.run_for(seconds(1));
    assert_eq!(line.got(), (Vec::new(), 0, true));
    assert!(line.near_closed());
}

#[test]
fn a_host_that_vanished_is_noticed_only_by_sending() {
    let mut line = line(5, Link::default());
    line.world.vanish(line.b);
    line.world.run_for(seconds(3600));
    assert!(!line.near_closed());
    line.send(b"anyone?");
    line.world.run_for(seconds(900));
    assert!(!line.near_closed());
    line.world.run_for(seconds(30));
    assert!(line.near_closed());
}

#[test]
fn a_system_that_probes_finds_a_vanished_host_and_holds_a_nat() {
    for probes in [false, true] {
        let mut world = World::new(8);
        if probes {
            *world.patience() = Patience::shell();
        }
        let gate = world.nat("203.0.113.1", Rules { tcp_idle: seconds(90), ..Rules::symmetric() });
        let a = world.host_behind(gate, "a", "10.0.0.2", Raw::default());
        let b = world.host("b", "198.51.100.3", Raw::default());
        world.with(b, |raw: &mut Raw, _| raw.listen("0.0.0.0", 1720));
        let near = world.with(a, |raw: &mut Raw, _| raw.connect(at("198.51.100.3:1720")));
        world.run_for(seconds(3600));
        world.with(a, |raw: &mut Raw, _| raw.send(near, b"still there?"));
        world.run_for(seconds(1));
        let got = world.with(b, |raw: &mut Raw, _| raw.lines[&raw.accepted().unwrap()].got.len());
        assert_eq!(got > 0, probes);
        world.vanish(b);
        world.run_for(seconds(91));
        let closed = world.with(a, |raw: &mut Raw, _| raw.lines[&near].closed);
        assert_eq!(closed, probes);
    }
}

#[test]
fn octets_for_an_end_that_closed_are_not_delivered() {
    let mut line = line(6, Link { latency: millis(100), ..Link::default() });
    let far = line.far;
    line.world.with(line.b, |raw: &mut Raw, _| raw.close(far));
    line.send(b"crossing");
    line.world.run_for(seconds(1));
    assert_eq!(line.got(), (Vec::new(), 0, false));
    assert!(line.near_closed());
}

#[test]
fn an_agent_that_ends_closes_what_it_held() {
    let mut line = line(7, Link::default());
    line.world.shutdown(line.a);
    line.world.run_for(seconds(1));
    assert!(line.world.ended(line.a));
    assert!(line.got().2);
}
