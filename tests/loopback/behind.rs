//! An agent behind a firewall, on real sockets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use pinhole::face::{
    Bind, FlowCommand, FlowId, Input, ListenerId, Output, PairId, Party, Ports, Side, SocketId,
    StreamId,
};
use pinhole::firewall::{Firewall, Rules};
use pinhole::net::{Behind, drive_behind, stopper};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::script::{Ear, HERE, Told, grapevine, moment, script, tell};

const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const SOCKET: SocketId = SocketId(1);
const STREAM: StreamId = StreamId(1);

/// A place behind a NAT whose outside address belongs to one test.
fn behind(outside: &str, rules: Rules) -> Behind {
    Behind::new(Firewall::nat(outside.parse().unwrap(), rules, [7; 32]), PRIVATE)
}

/// Binds a socket, sends a datagram from it to each address, and opens a connection to the last. Tells all it hears.
fn caller(to: Vec<SocketAddr>) -> (Box<dyn pinhole::face::Agent>, Ear) {
    let (teller, ear) = grapevine();
    let bind = |bind, ports| Output::Bind { bind, ip: PRIVATE, ports, class: 0 };
    let first = [bind(Bind::Udp(SOCKET), 1719..=1719), bind(Bind::Tcp(ListenerId(1)), 1720..=1720)];
    let agent = script(first, move |out, input| {
        tell(&teller, &input);
        if let Input::Bound { bind: Bind::Tcp(_), .. } = input {
            for to in &to {
                let bytes = b"hello".to_vec();
                out.push(Output::Datagram { socket: SOCKET, to: *to, bytes });
            }
            if let Some(to) = to.last() {
                out.push(Output::Connect {
                    stream: STREAM,
                    from: Some(PRIVATE),
                    ports: 0..=0,
                    to: *to,
                    class: 0,
                });
            }
        }
    });
    (agent, ear)
}

async fn play(
    agent: Box<dyn pinhole::face::Agent>,
    behind: Behind,
    scene: impl Future<Output = ()>,
) {
    let (_stopper, stop) = stopper();
    tokio::select! {
        ended = drive_behind(agent, behind, stop, |_| {}) => panic!("the agent ended: {ended:?}"),
        scene = tokio::time::timeout(Duration::from_secs(20), scene) => scene.unwrap(),
    }
}

#[tokio::test]
async fn replies_pass_and_the_uninvited_are_dropped_and_counted() {
    let peer = UdpSocket::bind((HERE, 0)).await.unwrap();
    let stranger = UdpSocket::bind((HERE, 0)).await.unwrap();
    let (agent, mut ear) = caller(vec![peer.local_addr().unwrap()]);
    let behind = behind("127.0.1.2", Rules::port_restricted());
    let drops = behind.drops();
    play(agent, behind, async {
        assert_eq!(ear.bound().await, SocketAddr::new(PRIVATE, 1719));
        assert_eq!(ear.bound().await, SocketAddr::new(PRIVATE, 1720));
        let mut buffer = [0; 16];
        let (length, seen) = peer.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], seen), (&b"hello"[..], "127.0.1.2:1719".parse().unwrap()));
        assert_eq!(ear.next().await, Told::Closed, "nobody accepts there");

        for _ in 0..3 {
            stranger.send_to(b"let me in", seen).await.unwrap();
        }
        moment().await;
        assert_eq!((ear.rest(), drops.borrow().uninvited), (vec![], 3));
        peer.send_to(b"welcome", seen).await.unwrap();
        assert!(
            matches!(ear.next().await, Told::Other(text) if text.contains("socket: SocketId(1)"))
        );
        assert_eq!(drops.borrow().uninvited, 3);
    })
    .await;
}

#[tokio::test]
async fn a_mapping_that_was_idle_too_long_lets_nobody_in() {
    let peer = UdpSocket::bind((HERE, 0)).await.unwrap();
    let (agent, mut ear) = caller(vec![peer.local_addr().unwrap()]);
    let rules = Rules { udp_idle: Duration::from_millis(400), ..Rules::full_cone() };
    let behind = behind("127.0.1.3", rules);
    let drops = behind.drops();
    play(agent, behind, async {
        let (_, seen) = peer.recv_from(&mut [0; 16]).await.unwrap();
        peer.send_to(b"in time", seen).await.unwrap();
        moment().await;
        assert_eq!(ear.rest().len(), 4, "two ports, the connection's end, the datagram");
        tokio::time::sleep(Duration::from_millis(400)).await;
        peer.send_to(b"too late", seen).await.unwrap();
        moment().await;
        assert_eq!((ear.rest(), drops.borrow().uninvited), (vec![], 1));
    })
    .await;
}

#[tokio::test]
async fn a_symmetric_nat_shows_another_port_to_each_peer() {
    let peers =
        [UdpSocket::bind((HERE, 0)).await.unwrap(), UdpSocket::bind((HERE, 0)).await.unwrap()];
    let to = peers.iter().map(|peer| peer.local_addr().unwrap()).collect();
    let (agent, mut ear) = caller(to);
    play(agent, behind("127.0.1.4", Rules::symmetric()), async {
        let mut seen = Vec::new();
        for peer in &peers {
            seen.push(peer.recv_from(&mut [0; 16]).await.unwrap().1);
        }
        assert_ne!(seen[0].port(), seen[1].port());
        moment().await;
        ear.rest();
        // Each reaches the agent through its own mapping only.
        peers[0].send_to(b"x", seen[1]).await.unwrap();
        moment().await;
        assert_eq!(ear.rest(), []);
        peers[1].send_to(b"x", seen[1]).await.unwrap();
        assert!(matches!(ear.next().await, Told::Other(_)));
    })
    .await;
}

#[tokio::test]
async fn connections_lead_outwards_only() {
    let server = TcpListener::bind((HERE, 0)).await.unwrap();
    let (agent, mut ear) = caller(vec![server.local_addr().unwrap()]);
    play(agent, behind("127.0.1.5", Rules::port_restricted()), async {
        let (_accepted, seen) = server.accept().await.unwrap();
        assert_eq!(seen.ip().to_string(), "127.0.1.5");
        ear.bound().await;
        ear.bound().await;
        assert_eq!(ear.next().await, Told::Connected(SocketAddr::new(PRIVATE, seen.port())));
        let inwards = TcpStream::connect("127.0.1.5:1720").await;
        assert!(inwards.is_err(), "nobody listens outside");
        moment().await;
        assert_eq!(ear.rest(), []);
    })
    .await;
}

#[tokio::test]
async fn private_ports_are_given_as_real_ones_are() {
    let (teller, mut ear) = grapevine();
    let bind =
        |bind, ip: &str, ports| Output::Bind { bind, ip: ip.parse().unwrap(), ports, class: 0 };
    let pair = |n| Bind::UdpPair(SocketId(n), SocketId(n + 1));
    let first = [
        bind(pair(10), "0.0.0.0", 5001..=5005),
        bind(pair(20), "10.0.0.2", 5001..=5005),
        bind(pair(30), "10.0.0.2", 5001..=5005),
        Output::Unbind(pair(10)),
        bind(pair(40), "10.0.0.2", 5001..=5005),
        bind(Bind::Udp(SOCKET), "10.0.0.2", 0..=0),
        bind(Bind::Udp(SOCKET), "127.0.0.1", 0..=0),
        bind(Bind::Media(PairId(1)), "10.0.0.2", 0..=0),
    ];
    let agent = script(first, move |_, input| tell(&teller, &input));
    play(agent, behind("127.0.1.6", Rules::full_cone()), async {
        let mut ports = [ear.bound().await.port(), ear.bound().await.port()];
        let freed = ports[0];
        ports.sort_unstable();
        assert_eq!(ports, [5002, 5004]);
        assert_eq!(ear.next().await, Told::Bound(pair(30), None));
        assert_eq!(ear.bound().await, SocketAddr::new(PRIVATE, freed));
        assert!(ear.bound().await.port() >= 49_152);
        assert_eq!(ear.next().await, Told::Bound(Bind::Udp(SOCKET), None), "not its address");
        assert_eq!(ear.bound().await.port() % 2, 0);
    })
    .await;
}

/// A place with a neighbour, at addresses that belong to one test.
fn among(outside: &str, private: IpAddr, neighbour: IpAddr) -> Behind {
    let firewall = Firewall::nat(outside.parse().unwrap(), Rules::symmetric(), [7; 32]);
    Behind::among(firewall, private, vec![neighbour])
}

#[tokio::test]
async fn neighbours_reach_the_agent_and_nobody_else_does() {
    let [private, neighbour] = [[127, 0, 1, 8], [127, 0, 1, 9]].map(IpAddr::from);
    let (teller, mut ear) = grapevine();
    let bind = |bind| Output::Bind { bind, ip: private, ports: 0..=0, class: 0 };
    let first = [bind(Bind::Udp(SOCKET)), bind(Bind::Tcp(ListenerId(1)))];
    let agent = script(first, move |out, input| {
        tell(&teller, &input);
        if let Input::Datagram { socket, from, bytes } = input {
            out.push(Output::Datagram { socket, to: from, bytes: bytes.to_vec() });
        }
    });
    let behind = among("127.0.1.7", private, neighbour);
    let drops = behind.drops();
    play(agent, behind, async {
        let [udp, tcp] = [ear.bound().await, ear.bound().await];
        let stranger = UdpSocket::bind((HERE, 0)).await.unwrap();
        stranger.send_to(b"let me in", udp).await.unwrap();
        // The system takes the connection; it is closed at once, and the agent does not hear of it.
        let mut closed = TcpStream::connect(tcp).await.unwrap();
        let read = tokio::io::AsyncReadExt::read(&mut closed, &mut [0; 1]).await;
        assert!(!matches!(read, Ok(1..)), "{read:?}");
        moment().await;
        assert_eq!(ear.rest(), []);
        assert_eq!((drops.borrow().uninvited, drops.borrow().syns), (1, 1));

        let friend = UdpSocket::bind((neighbour, 0)).await.unwrap();
        friend.send_to(b"hello", udp).await.unwrap();
        assert!(matches!(ear.next().await, Told::Other(_)));
        assert_eq!(friend.recv_from(&mut [0; 16]).await.unwrap(), (5, udp), "not translated");
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((neighbour, 0).into()).unwrap();
        let _stream = socket.connect(tcp).await.unwrap();
        assert!(matches!(ear.next().await, Told::Accepted(peer) if peer.ip() == neighbour));
    })
    .await;
}

#[tokio::test]
async fn media_of_an_agent_behind_passes_the_firewall() {
    const FLOW: FlowId = FlowId(5);
    const PAIRS: [PairId; 2] = [PairId(10), PairId(11)];
    const MEDIA: [u8; 16] = [0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5, 0xd5, 0xd5, 0xd5];
    let [private, neighbour] = [[127, 0, 1, 11], [127, 0, 1, 12]].map(IpAddr::from);
    let inside = UdpSocket::bind((neighbour, 0)).await.unwrap();
    let outside = UdpSocket::bind((HERE, 0)).await.unwrap();
    let ports = [&inside, &outside].map(|socket| socket.local_addr().unwrap());
    let (teller, mut ear) = grapevine();
    let mut bound = 0;
    let first = PAIRS.map(|pair| Output::Bind {
        bind: Bind::Media(pair),
        ip: private,
        ports: 0..=0,
        class: 0,
    });
    let agent = script(first, move |out, input| {
        tell(&teller, &input);
        bound += usize::from(matches!(input, Input::Bound { .. }));
        if matches!(input, Input::Bound { .. }) && bound == 2 {
            out.push(Output::Flow(FlowCommand::Open { flow: FLOW, pairs: PAIRS }));
            for (side, at) in [Side::A, Side::B].into_iter().zip(ports) {
                let ports = Ports::Signalled { rtp: Some(at.port()), rtcp: None };
                let party = Party { ip: at.ip(), ports };
                out.push(Output::Flow(FlowCommand::Party { flow: FLOW, side, party }));
            }
        }
    });
    let behind = among("127.0.1.10", private, neighbour);
    let drops = behind.drops();
    play(agent, behind, async {
        let near = ear.bound().await;
        ear.bound().await;
        let mut buffer = [0; 64];
        inside.send_to(&MEDIA, near).await.unwrap();
        let (length, seen) = outside.recv_from(&mut buffer).await.unwrap();
        assert_eq!(
            (&buffer[..length], seen.ip().to_string()),
            (&MEDIA[..], "127.0.1.10".to_owned())
        );
        // The same from another port of the party's address, which the firewall does not know: dropped before media.
        let other = UdpSocket::bind((HERE, 0)).await.unwrap();
        other.send_to(&MEDIA, seen).await.unwrap();
        outside.send_to(&MEDIA, seen).await.unwrap();
        assert_eq!(inside.recv_from(&mut buffer).await.unwrap(), (length, near));
        moment().await;
        assert_eq!((ear.rest(), drops.borrow().uninvited), (vec![], 1));
    })
    .await;
}
