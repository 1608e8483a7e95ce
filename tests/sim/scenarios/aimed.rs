//! A party has its media sent where it could not send anything itself: nothing goes there. And one behind a router that
//! forwards its ports tells the address that it has inside: it is heard all the same.

use std::net::SocketAddr;

use pinhole::face::SocketId;
use pinhole::firewall::Rules;
use pinhole::phone::options::{Destination, Gatekeeper, Incoming, Options, Source};
use pinhole_h323::address::from_h245;
use pinhole_h323::asn::h245::{
    DataApplicationCapabilityApplication as Application,
    DataApplicationCapabilityApplicationT38fax as Fax, DataProtocolCapability as Protocol,
    LogicalChannelNumber, NetworkAccessParametersNetworkAddress as NetworkAddress,
    OpenLogicalChannelAck,
};
use pinhole_h323::control::{Accept, Control};

use super::data::{CALLER, Line, ack, acked, line, open, stack};
use super::lab::{NAT, Place, Plan, channel, heard, lab};
use super::reflected::{names, proposes};
use crate::world::{Chop, HostId, Raw, World, millis, seconds};
use Place::Outside;

/// A host inside, where nobody outside can send anything; it answers whatever comes.
const SECRET: &str = "10.0.0.5";
const TALK: u64 = 5;

fn came(world: &mut World, there: HostId) -> usize {
    world.with(there, |raw: &mut Raw, _| std::mem::take(&mut raw.datagrams)).len()
}

/// Mallory has two endpoints, which call each other.
#[test]
fn a_host_inside_hears_nothing_of_what_mallory_says() {
    for fast_start in [false, true] {
        let mut lab = lab(Plan::with(Chop::AsSent));
        let there = lab.world.host("there", SECRET, Raw::echo());
        for port in [161, 162] {
            lab.world.with(there, |raw: &mut Raw, _| raw.udp(SECRET, port));
        }
        let plain = |options: &mut Options| {
            (options.traversal, options.fast_start) = (false, fast_start);
        };
        let called = lab.answering("mallet", Outside, 880.0, plain);
        lab.world.mark_rest();
        let calling = lab.calling("mallory", Outside, ("mallet", 440.0, TALK), plain);
        let (rtp, rtcp) = ("10.0.0.5:161", "10.0.0.5:162");
        for host in [called, calling] {
            lab.world.tamper_control(host, |control| names(control, rtp, rtcp));
            lab.world.tamper_signals(host, |signal| proposes(signal, rtp, rtcp));
        }
        for (host, hertz) in [(calling, 880.0), (called, 440.0)] {
            heard(&lab.record(host, 1, seconds(60)), TALK, hertz);
        }
        assert_eq!(came(&mut lab.world, there), 0, "fast start: {fast_start}");
        lab.nothing_left();
    }
}

fn t38() -> Application {
    Application::t38fax(Box::new(Fax { t38_fax_protocol: Protocol::udp(()), ..Default::default() }))
}

/// The other party accepts a channel of fax, and wants it somewhere, in its stack or beside; where we want it.
fn accepts(line: &mut Line, number: u16, told: &str, stacked: bool) -> SocketAddr {
    if !stacked {
        let heard = line.say(1, &ack(number, told)).unwrap();
        return Accept::read(acked(&heard)).media.expect("an address");
    }
    let answer = Control::accept(OpenLogicalChannelAck {
        forward_logical_channel_number: LogicalChannelNumber(number),
        separate_stack: stack(told),
        ..Default::default()
    });
    let heard = line.say(1, &answer).unwrap();
    let network = &acked(&heard).separate_stack.as_ref().unwrap().network_address;
    let NetworkAddress::localAreaAddress(ours) = network else { panic!() };
    from_h245(ours).unwrap()
}

fn says(line: &mut Line, socket: SocketId, to: SocketAddr) {
    let word = |n| vec![0x30, n, 2, 1, 0];
    let rtp = |n| [&[0x80, 8, 0, n][..], &[9; 20]].concat();
    for packet in (0..20).map(word).chain((0..20).map(rtp)) {
        line.lab.world.with(line.hosts[0], |raw: &mut Raw, _| raw.say(socket, to, &packet));
        line.lab.world.run_for(millis(20));
    }
}

#[test]
fn no_word_goes_where_a_party_wants_its_fax_but_is_not() {
    for stacked in [false, true] {
        let mut line = line(Chop::AsSent);
        let third = "192.0.2.66";
        let [secret, stranger] = [("secret", SECRET), ("stranger", third)].map(|(name, ip)| {
            let host = line.lab.world.host(name, ip, Raw::echo());
            let socket = line.lab.world.with(host, |raw: &mut Raw, _| raw.udp(ip, 161));
            (host, socket)
        });
        let near = line.lab.world.with(line.hosts[0], |raw: &mut Raw, _| raw.udp(CALLER, 5000));
        for (number, told) in [(1, SECRET), (2, third)] {
            line.say(0, &open(number, Some(t38()), "198.51.100.31:5001")).unwrap();
            let to = accepts(&mut line, number, &format!("{told}:161"), stacked);
            says(&mut line, near, to);
            line.say(0, &Control::close(number)).unwrap();
        }
        for (host, _) in [secret, stranger] {
            assert_eq!(came(&mut line.lab.world, host), 0, "a stack: {stacked}");
        }
        // Who sends there by himself is spoken to from then on.
        line.say(0, &open(3, Some(t38()), "198.51.100.31:5001")).unwrap();
        let to = accepts(&mut line, 3, &format!("{third}:161"), stacked);
        says(&mut line, near, to);
        assert_eq!(came(&mut line.lab.world, stranger.0), 0);
        for port in line.lab.world.relaying_ports(line.lab.node) {
            let (host, socket) = stranger;
            line.lab.world.with(host, |raw: &mut Raw, _| raw.say(socket, port, &[0, 1, 1, 6, 0]));
        }
        line.lab.world.run_for(seconds(1));
        says(&mut line, near, to);
        assert!(came(&mut line.lab.world, stranger.0) > 30);
        line.hang_up();
    }
}

/// A plain endpoint that knows nothing of the router before it, which forwards its ports, is called at the router's address.
#[test]
fn a_forwarded_endpoint_hears_and_is_heard_at_once() {
    for [tunnelling, fast_start] in [[true, false], [true, true]] {
        let mut lab = lab(Plan { rules: Rules::full_cone(), ..Plan::with(Chop::AsSent) });
        let way = |options: &mut Options| {
            (options.tunnelling, options.fast_start) = (tunnelling, fast_start);
            options.traversal = false;
        };
        let room = lab.phone("room", Place::Inside, |options| {
            way(options);
            options.gatekeeper = Gatekeeper::None;
            options.incoming = Incoming::Answer;
            options.source = Source::Tone(880.0);
        });
        lab.world.forward(lab.gate, "10.0.0.11");
        lab.world.run_for(seconds(1));
        let alice = lab.calling("alice", Outside, ("", 440.0, TALK), |options| {
            way(options);
            options.destination = Some(Destination::parse(NAT));
        });
        for (host, hertz) in [(alice, 880.0), (room, 440.0)] {
            let record = lab.record(host, 1, seconds(60));
            heard(&record, TALK, hertz);
            let receive = channel(&record, "receive");
            assert!(receive.packets + 10 >= TALK * 50, "{record:#?}");
        }
    }
}
