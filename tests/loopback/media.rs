//! The media plane: packets between two parties, by threads of their own.

use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use pinhole::face::{
    Bind, FlowCommand, FlowCounts, FlowFact, FlowId, Input, Output, PairId, Party, Ports, Side,
};
use pinhole::net::Limits;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::script::{HERE, any, moment, play_within, script};

/// A G.711 packet of four octets.
const MEDIA: [u8; 16] = [0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5, 0xd5, 0xd5, 0xd5];
/// An RTP header alone, payload type 127: a keepalive.
const KEEPALIVE: [u8; 12] = [0x80, 0x7f, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0];

const FLOW: FlowId = FlowId(5);
const PAIRS: [PairId; 2] = [PairId(10), PairId(11)];

/// What the test makes the agent do, and what the agent hears.
enum Line {
    Bound(SocketAddr),
    Fact(FlowFact),
}

#[tokio::test]
async fn a_flow_relays_between_a_learned_party_and_a_told_one() {
    let a = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let b = UdpSocket::bind("127.0.0.3:0").await.unwrap();
    let stranger = UdpSocket::bind("127.0.0.4:0").await.unwrap();
    let b_port = b.local_addr().unwrap().port();

    let (teller, mut ear) = mpsc::unbounded_channel();
    let mut bound = 0;
    let agent = script(PAIRS.map(|pair| any(Bind::Media(pair))), move |out, input| match input {
        Input::Bound { at, .. } => {
            let _ = teller.send(Line::Bound(at.unwrap()));
            bound += 1;
            if bound == 2 {
                // What came before the flow is for nobody; the parties are those of signalling.
                out.push(Output::Flow(FlowCommand::Open { flow: FLOW, pairs: PAIRS }));
                let ports = Ports::Learned { keepalive: Some(127), key: None };
                out.push(party(Side::A, Party { ip: "127.0.0.2".parse().unwrap(), ports }));
                let ports = Ports::Signalled { rtp: Some(b_port), rtcp: None };
                out.push(party(Side::B, Party { ip: "127.0.0.3".parse().unwrap(), ports }));
            }
        }
        Input::Flow { flow, fact } => {
            assert_eq!(flow, FLOW);
            let _ = teller.send(Line::Fact(fact));
            if matches!(fact, FlowFact::Learned { rtcp: true, .. }) {
                out.push(Output::Flow(FlowCommand::Close { flow }));
            }
        }
        _ => {}
    });

    let limits = Limits { media_workers: 2, ..Limits::default() };
    play_within(limits, agent, async {
        let (at_a, at_b) = (bound_at(&mut ear).await, bound_at(&mut ear).await);
        moment().await;
        stranger.send_to(&MEDIA, at_a).await.unwrap();
        stranger.send_to(&KEEPALIVE, at_a).await.unwrap();
        b.send_to(&MEDIA, at_b).await.unwrap();
        moment().await;

        let from = stranger.local_addr().unwrap();
        assert_eq!(fact(&mut ear).await, FlowFact::Stranger { side: Side::A, rtcp: false, from });
        a.send_to(&KEEPALIVE, at_a).await.unwrap();
        let from = a.local_addr().unwrap();
        assert_eq!(fact(&mut ear).await, FlowFact::Learned { side: Side::A, rtcp: false, from });
        for _ in 0..100 {
            relayed(&a, at_a, &b, at_b).await;
            relayed(&b, at_b, &a, at_a).await;
        }
        // RTCP of A is learned from its port, the even one plus one: with the second report, as nothing else speaks for
        // it.
        let mut report = [0; 28];
        report[..8].copy_from_slice(&[0x80, 200, 0, 6, 0, 0, 0, 9]);
        for _ in 0..2 {
            a.send_to(&report, SocketAddr::new(HERE, at_a.port() + 1)).await.unwrap();
        }
        assert_eq!(fact(&mut ear).await, FlowFact::Learned { side: Side::A, rtcp: true, from });

        let FlowFact::Ended { counts } = fact(&mut ear).await else { panic!("not ended") };
        let of_a = FlowCounts {
            relayed: 100,
            keepalives: 1,
            strangers: 2,
            unproven: 1,
            homeless: 1,
            ..none()
        };
        assert_eq!(counts, [of_a, FlowCounts { relayed: 100, homeless: 1, ..none() }]);
        UdpSocket::bind(at_a).await.expect("the ports of a closed flow are free");
    })
    .await;
}

#[tokio::test]
async fn what_came_before_a_flow_does_not_leak_into_it() {
    let b = UdpSocket::bind("127.0.0.3:0").await.unwrap();
    let b_port = b.local_addr().unwrap().port();
    let (teller, mut ear) = mpsc::unbounded_channel();
    let (to_agent, told) = std::sync::mpsc::channel::<()>();
    let socket = pinhole::face::SocketId(1);
    let mut first: Vec<_> = PAIRS.map(|pair| any(Bind::Media(pair))).into();
    first.push(any(Bind::Udp(socket)));
    let agent = script(first, move |out, input| match input {
        Input::Bound { at, .. } => {
            let _ = teller.send(Line::Bound(at.unwrap()));
        }
        // A datagram is the test's sign to go on.
        Input::Datagram { .. } if told.try_recv().is_ok() => {
            out.push(Output::Flow(FlowCommand::Open { flow: FLOW, pairs: PAIRS }));
            for (side, ip, port) in [(Side::A, "127.0.0.2", 9), (Side::B, "127.0.0.3", b_port)] {
                let ports = Ports::Signalled { rtp: Some(port), rtcp: None };
                out.push(party(side, Party { ip: ip.parse().unwrap(), ports }));
            }
        }
        Input::Datagram { .. } => out.push(Output::Flow(FlowCommand::Close { flow: FLOW })),
        Input::Flow { fact, .. } => {
            let _ = teller.send(Line::Fact(fact));
        }
        _ => {}
    });
    play_within(Limits::default(), agent, async {
        let (_, at_b) = (bound_at(&mut ear).await, bound_at(&mut ear).await);
        let sign = bound_at(&mut ear).await;
        b.send_to(&MEDIA, at_b).await.unwrap();
        moment().await;
        to_agent.send(()).unwrap();
        b.send_to(b"open", sign).await.unwrap();
        moment().await;
        b.send_to(&MEDIA, at_b).await.unwrap();
        moment().await;
        b.send_to(b"close", sign).await.unwrap();
        let FlowFact::Ended { counts } = fact(&mut ear).await else { panic!("not ended") };
        assert_eq!(counts, [none(), FlowCounts { relayed: 1, ..none() }]);
        // A flow that is not there ends as well.
        b.send_to(b"close", sign).await.unwrap();
        assert_eq!(fact(&mut ear).await, FlowFact::Ended { counts: [none(); 2] });
    })
    .await;
}

fn party(side: Side, party: Party) -> Output {
    Output::Flow(FlowCommand::Party { flow: FLOW, side, party })
}

fn none() -> FlowCounts {
    FlowCounts::default()
}

async fn bound_at(ear: &mut mpsc::UnboundedReceiver<Line>) -> SocketAddr {
    match ear.recv().await {
        Some(Line::Bound(at)) => at,
        _ => panic!("not bound"),
    }
}

async fn fact(ear: &mut mpsc::UnboundedReceiver<Line>) -> FlowFact {
    match ear.recv().await {
        Some(Line::Fact(fact)) => fact,
        _ => panic!("no fact"),
    }
}

/// Sends media to one port of the relay, and expects it from the other.
async fn relayed(sender: &UdpSocket, into: SocketAddr, receiver: &UdpSocket, out: SocketAddr) {
    sender.send_to(&MEDIA, into).await.unwrap();
    let mut buffer = [0; 64];
    let received = tokio::time::timeout(Duration::from_secs(2), receiver.recv_from(&mut buffer));
    assert_eq!(received.await.expect("relayed").unwrap(), (MEDIA.len(), out));
    assert_eq!(buffer[..MEDIA.len()], MEDIA);
}

#[tokio::test]
async fn many_flows_on_two_workers_lose_nothing() {
    const FLOWS: u32 = 40;
    const ROUNDS: usize = 60;
    let a = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let b = UdpSocket::bind("127.0.0.3:0").await.unwrap();
    let ports = [&a, &b].map(|socket| socket.local_addr().unwrap().port());
    let (teller, mut ear) = mpsc::unbounded_channel();
    let first = (0..2 * FLOWS).map(|n| any(Bind::Media(PairId(n))));
    let agent = script(first, move |out, input| {
        let Input::Bound { bind: Bind::Media(PairId(n)), at } = input else { return };
        let _ = teller.send(Line::Bound(at.unwrap()));
        if n % 2 == 1 {
            let flow = FlowId(n / 2);
            out.push(Output::Flow(FlowCommand::Open { flow, pairs: [PairId(n - 1), PairId(n)] }));
            for (side, port) in [(Side::A, ports[0]), (Side::B, ports[1])] {
                let ip = ["127.0.0.2", "127.0.0.3"][side.index()].parse().unwrap();
                let ports = Ports::Signalled { rtp: Some(port), rtcp: None };
                let party = Party { ip, ports };
                out.push(Output::Flow(FlowCommand::Party { flow, side, party }));
            }
        }
    });
    let limits = Limits { media_workers: 2, ..Limits::default() };
    play_within(limits, agent, async {
        let mut relays = Vec::new();
        for _ in 0..FLOWS {
            relays.push((bound_at(&mut ear).await, bound_at(&mut ear).await));
        }
        moment().await;
        // Twelve packets on each port between two looks: more than a port has relayed in one turn.
        for _ in 0..ROUNDS / 12 {
            for (at_a, at_b) in &relays {
                for _ in 0..12 {
                    a.send_to(&MEDIA, at_a).await.unwrap();
                    b.send_to(&MEDIA, at_b).await.unwrap();
                }
                let mut buffer = [0; 64];
                for _ in 0..12 {
                    for receiver in [&a, &b] {
                        let one = receiver.recv_from(&mut buffer);
                        let one = tokio::time::timeout(Duration::from_secs(2), one).await;
                        assert_eq!(one.expect("relayed").unwrap().0, MEDIA.len());
                    }
                }
            }
        }
    })
    .await;
}

/// The octet of the IP header that has the class of a packet, as the receiver's system tells it.
fn class_of_next(socket: &std::net::UdpSocket) -> u8 {
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
    let mut buffer = [0; 64];
    let mut room = [std::io::IoSliceMut::new(&mut buffer)];
    let mut control = nix::cmsg_space!(i32);
    let (descriptor, flags) = (socket.as_raw_fd(), MsgFlags::empty());
    let received = recvmsg::<SockaddrStorage>(descriptor, &mut room, Some(&mut control), flags);
    let class = received.unwrap().cmsgs().unwrap().find_map(|message| match message {
        ControlMessageOwned::Ipv4Tos(octet) => Some(octet),
        ControlMessageOwned::Ipv6TClass(octet) => u8::try_from(octet).ok(),
        _ => None,
    });
    class.expect("a class")
}

#[tokio::test]
async fn what_is_relayed_has_the_class_of_the_configuration() {
    let (text, class) = ("[Proxy]\nEnable=1\nRTPDiffServ=46\n", 46);
    let (config, problems) = pinhole_config::Config::read(text);
    assert_eq!(problems, []);
    for (limits, class) in [(Limits::from(&config), class), (Limits::default(), 4)] {
        for ip in ["127.0.0.1", "::1"] {
            let ip: std::net::IpAddr = ip.parse().unwrap();
            let ends = [(); 2].map(|()| {
                let socket = std::net::UdpSocket::bind((ip, 0)).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                let heard = SockRef::from(&socket);
                match ip.is_ipv4() {
                    true => heard.set_recv_tos_v4(true).unwrap(),
                    false => heard.set_recv_tclass_v6(true).unwrap(),
                }
                socket
            });
            let ports = ends.each_ref().map(|socket| socket.local_addr().unwrap().port());
            let (teller, mut ear) = mpsc::unbounded_channel();
            let bind = |pair| Output::Bind { bind: Bind::Media(pair), ip, ports: 0..=0, class: 0 };
            let mut bound = 0;
            let agent = script(PAIRS.map(bind), move |out, input| {
                let Input::Bound { at, .. } = input else { return };
                bound += 1;
                if bound == 2 {
                    out.push(Output::Flow(FlowCommand::Open { flow: FLOW, pairs: PAIRS }));
                    for (side, port) in [(Side::A, ports[0]), (Side::B, ports[1])] {
                        let ports = Ports::Signalled { rtp: Some(port), rtcp: None };
                        out.push(party(side, Party { ip, ports }));
                    }
                }
                let _ = teller.send(Line::Bound(at.unwrap()));
            });
            play_within(limits, agent, async {
                let at = [bound_at(&mut ear).await, bound_at(&mut ear).await];
                moment().await;
                for (from, to) in [(0, 1), (1, 0)] {
                    ends[from].send_to(&MEDIA, at[from]).unwrap();
                    let (from, to) = (&ends[from], &ends[to]);
                    let octet = class_of_next(to);
                    assert_eq!(octet, class << 2, "from {from:?}");
                }
            })
            .await;
        }
    }
}
