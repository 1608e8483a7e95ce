//! The world keeps to the face, and finds agents that do not.

use pinhole::event::Event;
use pinhole::face::{
    Bind, FlowCommand, FlowId, ListenerId, Output, PairId, Party, Ports, Side, SocketId, StreamId,
};

use crate::world::{Chop, HostId, Link, Raw, World, at, ip, millis, seconds};

fn one() -> (World, HostId) {
    let mut world = World::new(1);
    let host = world.host("it", "198.51.100.2", Raw::default());
    (world, host)
}

fn pushes(output: Output) {
    let (mut world, host) = one();
    world.with(host, |raw: &mut Raw, _| raw.push(output));
}

#[test]
#[should_panic(expected = "it broke the face: a datagram from SocketId(7), not bound")]
fn a_datagram_from_a_socket_not_bound_is_found() {
    pushes(Output::Datagram { socket: SocketId(7), to: at("192.0.2.1:1"), bytes: vec![1] });
}

#[test]
#[should_panic(expected = "it broke the face: octets sent on StreamId(7), which is not open")]
fn octets_on_an_unknown_stream_are_found() {
    pushes(Output::Send { stream: StreamId(7), bytes: vec![1] });
}

#[test]
#[should_panic(expected = "which is not open")]
fn octets_on_a_closed_stream_are_found() {
    let (mut world, host) = one();
    let stream = world.with(host, |raw: &mut Raw, _| raw.connect(at("198.51.100.2:9")));
    world.run_for(seconds(1));
    world.with(host, |raw: &mut Raw, _| raw.send(stream, b"x"));
}

#[test]
#[should_panic(expected = "is closed, but never was")]
fn closing_an_unknown_stream_is_found() {
    pushes(Output::Close { stream: StreamId(7) });
}

#[test]
#[should_panic(expected = "is given back, but not bound")]
fn giving_back_what_is_not_bound_is_found() {
    pushes(Output::Unbind(Bind::Tcp(ListenerId(7))));
}

#[test]
#[should_panic(expected = "has a number of the host")]
fn a_number_of_the_host_is_found() {
    pushes(Output::Connect {
        stream: StreamId::accepted(1),
        from: None,
        ports: 0..=0,
        to: at("192.0.2.1:1"),
        class: 0,
    });
}

#[test]
#[should_panic(expected = "relays between pairs not bound")]
fn a_flow_between_nothing_is_found() {
    pushes(Output::Flow(FlowCommand::Open { flow: FlowId(1), pairs: [PairId(1), PairId(2)] }));
}

#[test]
#[should_panic(expected = "its deadline stays in the past")]
fn a_deadline_that_nothing_satisfies_is_found() {
    let (mut world, host) = one();
    world.with(host, |raw: &mut Raw, now| raw.claims = Some(now + seconds(1)));
    world.run_for(seconds(10));
}

#[test]
#[should_panic(expected = "it did not come to this: pigs fly")]
fn what_must_come_and_does_not_fails() {
    let (mut world, _) = one();
    world.must("pigs fly", |_| false, seconds(1));
}

#[test]
fn what_is_left_over_is_listed() {
    let (mut world, host) = one();
    world.with(host, |raw: &mut Raw, _| raw.udp("198.51.100.2", 1719));
    world.mark_rest();
    assert_eq!(world.leftovers(), [""; 0]);
    let stream = world.with(host, |raw: &mut Raw, _| {
        raw.unbind(Bind::Udp(SocketId(1)));
        raw.bind(Bind::Media(PairId(3)), "198.51.100.2", 4000..=4001);
        raw.connect(at("192.0.2.1:1"))
    });
    assert_eq!(
        world.leftovers(),
        [
            "it: 0 UDP sockets instead of 1",
            "it: 1 media pairs instead of 0",
            "it: 1 streams instead of 0"
        ]
    );
    world.with(host, |raw: &mut Raw, _| {
        raw.close(stream);
        raw.unbind(Bind::Media(PairId(3)));
        raw.bind(Bind::Udp(SocketId(1)), "198.51.100.2", 1719..=1719);
    });
    assert_eq!(world.leftovers(), [""; 0]);
}

#[test]
fn events_are_kept_with_their_time() {
    let (mut world, host) = one();
    world.run_for(seconds(3));
    let event = Event::CallConnected { callid: "1".into(), setup_ms: 5 };
    world.with(host, |raw: &mut Raw, _| raw.push(Output::Event(event.clone())));
    assert_eq!(world.events(host), [(seconds(3), event)]);
    assert!(world.told(host, |event| matches!(event, Event::CallConnected { .. })));
    assert_eq!(world.count(host, |event| matches!(event, Event::CallEnded(_))), 0);
}

#[test]
fn the_media_plane_relays_learns_and_gives_its_ports_back() {
    let (mut world, relay) = one();
    let peers = [("a", "198.51.100.3"), ("b", "198.51.100.4")].map(|(name, ip)| {
        let host = world.host(name, ip, Raw::default());
        world.with(host, |raw: &mut Raw, _| raw.udp(ip, 6000));
        host
    });
    world.mark_rest();
    let flow = FlowId(1);
    world.with(relay, |raw: &mut Raw, _| {
        raw.bind(Bind::Media(PairId(1)), "198.51.100.2", 4000..=4001);
        raw.bind(Bind::Media(PairId(2)), "198.51.100.2", 4002..=4003);
        raw.push(Output::Flow(FlowCommand::Open { flow, pairs: [PairId(1), PairId(2)] }));
        let learned =
            Party { ip: ip("198.51.100.3"), ports: Ports::Learned { keepalive: None, key: None } };
        let told = Ports::Signalled { rtp: Some(6000), rtcp: None };
        let signalled = Party { ip: ip("198.51.100.4"), ports: told };
        for (side, party) in [(Side::A, learned), (Side::B, signalled)] {
            raw.push(Output::Flow(FlowCommand::Party { flow, side, party }));
        }
    });
    let packet = [0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0xd5, 0xd5];
    // A header alone is a keepalive: it tells where A is.
    world.with(peers[0], |raw: &mut Raw, _| {
        raw.say(SocketId(1), at("198.51.100.2:4000"), &packet[..12]);
    });
    for (host, to) in [(peers[0], "198.51.100.2:4000"), (peers[1], "198.51.100.2:4002")] {
        world.with(host, |raw: &mut Raw, _| raw.say(SocketId(1), at(to), &packet));
        world.run_for(millis(100));
    }
    for (host, from) in [(peers[0], "198.51.100.2:4000"), (peers[1], "198.51.100.2:4002")] {
        let came = world.with(host, |raw: &mut Raw, _| std::mem::take(&mut raw.datagrams));
        assert_eq!(came, [(SocketId(1), at(from), packet.to_vec())]);
    }
    assert_eq!(world.leftovers(), ["it: 1 flows instead of 0", "it: 2 media pairs instead of 0"]);
    world.with(relay, |raw: &mut Raw, _| raw.push(Output::Flow(FlowCommand::Close { flow })));
    assert_eq!(world.leftovers(), [""; 0]);
}

/// A busy minute, as one number.
fn fingerprint(seed: u64, chop: Chop) -> u64 {
    let mut world = World::new(seed);
    world.chop(chop);
    let a = world.host("a", "198.51.100.2", Raw::default());
    let b = world.host("b", "198.51.100.3", Raw::echo());
    let rough = Link { jitter: millis(30), loss: 0.1, reorders: true, ..Link::default() };
    *world.link(a) = rough;
    world.with(b, |raw: &mut Raw, _| {
        raw.listen("198.51.100.3", 1720);
        raw.udp("198.51.100.3", 1719);
    });
    let (socket, stream) = world.with(a, |raw: &mut Raw, _| {
        (raw.udp("198.51.100.2", 0), raw.connect(at("198.51.100.3:1720")))
    });
    world.with(a, |raw: &mut Raw, now| {
        raw.beat(now, socket, at("198.51.100.3:1719"), millis(100));
        for _ in 0..50 {
            raw.send(stream, b"some octets");
        }
    });
    world.run_for(seconds(60));
    world.fingerprint()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(fingerprint(1, Chop::Random), fingerprint(1, Chop::Random));
    assert_ne!(fingerprint(1, Chop::Random), fingerprint(2, Chop::Random));
    assert_ne!(fingerprint(1, Chop::Random), fingerprint(1, Chop::EachByte));
}

#[test]
fn an_idle_day_is_nothing() {
    let (mut world, host) = one();
    let socket = world.with(host, |raw: &mut Raw, _| raw.udp("198.51.100.2", 1719));
    let to = at("192.0.2.1:1");
    world.with(host, |raw: &mut Raw, now| raw.beat(now, socket, to, seconds(60)));
    let begin = world.now();
    world.run_for(seconds(86_400));
    assert_eq!(world.elapsed(), seconds(86_400));
    assert_eq!(world.now() - begin, seconds(86_400));
    assert_eq!(world.with(host, |raw: &mut Raw, _| raw.timeouts), 1440);
    assert!(world.run_until(|world| world.elapsed() >= seconds(86_460), seconds(60)));
}
