//! Binding ports, and datagrams of an agent.

use pinhole::face::{Bind, Input, Output, SocketId};
use tokio::net::UdpSocket;

use crate::script::{HERE, Told, any, grapevine, play, script, tell};

const SOCKET: SocketId = SocketId(3);

#[tokio::test]
async fn datagrams_come_and_go_whole() {
    let (teller, mut ear) = grapevine();
    let echo = script([any(Bind::Udp(SOCKET))], move |out, input| match input {
        Input::Datagram { socket, from, bytes } => {
            out.push(Output::Datagram { socket, to: from, bytes: bytes.to_vec() });
        }
        input => tell(&teller, &input),
    });
    play(echo, async {
        let at = ear.bound().await;
        let client = UdpSocket::bind((HERE, 0)).await.unwrap();
        for length in [0, 1, 1500, 65_507] {
            let sent = vec![7; length];
            client.send_to(&sent, at).await.unwrap();
            let mut buffer = vec![0; 70_000];
            assert_eq!(client.recv_from(&mut buffer).await.unwrap(), (length, at));
            assert_eq!(buffer[..length], sent);
        }
    })
    .await;
}

#[tokio::test]
async fn a_port_in_use_is_answered_by_nothing_and_the_agent_lives_on() {
    let taken = UdpSocket::bind((HERE, 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let (teller, mut ear) = grapevine();
    let first = [
        Output::Bind { bind: Bind::Udp(SOCKET), ip: HERE, ports: port..=port, class: 0 },
        Output::Bind {
            bind: Bind::Udp(SOCKET),
            ip: "198.51.100.1".parse().unwrap(),
            ports: 0..=0,
            class: 0,
        },
        any(Bind::Udp(SOCKET)),
    ];
    play(script(first, move |_, input| tell(&teller, &input)), async {
        assert_eq!(ear.next().await, Told::Bound(Bind::Udp(SOCKET), None));
        assert_eq!(ear.next().await, Told::Bound(Bind::Udp(SOCKET), None), "not our address");
        ear.bound().await;
    })
    .await;
}

#[tokio::test]
async fn pairs_are_even_and_odd_and_a_range_gives_all_it_has() {
    let (teller, mut ear) = grapevine();
    let pair = |n: u32| Output::Bind {
        bind: Bind::UdpPair(SocketId(2 * n), SocketId(2 * n + 1)),
        ip: "127.0.0.77".parse().unwrap(),
        ports: 41_001..=41_006,
        class: 0,
    };
    play(script((0..3).map(pair), move |_, input| tell(&teller, &input)), async {
        let mut ports = [ear.bound().await.port(), ear.bound().await.port()];
        ports.sort_unstable();
        assert_eq!(ports, [41_002, 41_004], "41001 is odd, 41006 has no neighbour in the range");
        assert!(matches!(ear.next().await, Told::Bound(_, None)));
    })
    .await;
}

#[tokio::test]
async fn both_sockets_of_a_pair_speak_with_their_own_port() {
    let (teller, mut ear) = grapevine();
    let (rtp, rtcp) = (SocketId(1), SocketId(2));
    let echo = script([any(Bind::UdpPair(rtp, rtcp))], move |out, input| match input {
        Input::Datagram { socket, from, .. } => {
            let bytes = socket.0.to_be_bytes().to_vec();
            out.push(Output::Datagram { socket, to: from, bytes });
        }
        input => tell(&teller, &input),
    });
    play(echo, async {
        let mut at = ear.bound().await;
        assert_eq!(at.port() % 2, 0);
        let client = UdpSocket::bind((HERE, 0)).await.unwrap();
        for number in [1_u32, 2] {
            client.send_to(b"x", at).await.unwrap();
            let mut buffer = [0; 16];
            assert_eq!(client.recv_from(&mut buffer).await.unwrap(), (4, at));
            assert_eq!(buffer[..4], number.to_be_bytes());
            at.set_port(at.port() + 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_socket_given_back_delivers_nothing_more() {
    let (teller, mut ear) = grapevine();
    let once = script([any(Bind::Udp(SOCKET))], move |out, input| {
        if let Input::Datagram { .. } = input {
            out.push(Output::Unbind(Bind::Udp(SOCKET)));
        }
        tell(&teller, &input);
    });
    play(once, async {
        let at = ear.bound().await;
        let client = UdpSocket::bind((HERE, 0)).await.unwrap();
        // All three arrive before the agent has seen the first.
        let client = client.into_std().unwrap();
        for _ in 0..3 {
            client.send_to(b"x", at).unwrap();
        }
        ear.next().await;
        crate::script::moment().await;
        assert_eq!(ear.rest(), []);
        drop(UdpSocket::bind(at).await.expect("the port is free again"));
    })
    .await;
}

#[tokio::test]
async fn a_datagram_to_nobody_costs_nothing() {
    let (teller, mut ear) = grapevine();
    let nobody = {
        let socket = std::net::UdpSocket::bind((HERE, 0)).unwrap();
        socket.local_addr().unwrap()
    };
    let first = [any(Bind::Udp(SOCKET))];
    let echo = script(first, move |out, input| match input {
        Input::Datagram { socket, from, bytes } => {
            for to in [nobody, nobody, from] {
                out.push(Output::Datagram { socket, to, bytes: bytes.to_vec() });
            }
        }
        input => tell(&teller, &input),
    });
    play(echo, async {
        let at = ear.bound().await;
        let client = UdpSocket::bind((HERE, 0)).await.unwrap();
        let mut buffer = [0; 16];
        for _ in 0..3 {
            client.send_to(b"x", at).await.unwrap();
            client.recv_from(&mut buffer).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_on_one_socket_does_not_silence_another() {
    let (teller, mut ear) = grapevine();
    let (flooded, quiet) = (SocketId(1), SocketId(2));
    let first = [any(Bind::Udp(flooded)), any(Bind::Udp(quiet))];
    let slow = script(first, move |out, input| match input {
        Input::Datagram { socket, from, bytes } if socket == quiet => {
            out.push(Output::Datagram { socket, to: from, bytes: bytes.to_vec() });
        }
        // An agent that has much to do with each of them.
        Input::Datagram { .. } => std::thread::sleep(std::time::Duration::from_micros(200)),
        input => tell(&teller, &input),
    });
    play(slow, async {
        let (flooded, quiet) = (ear.bound().await, ear.bound().await);
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = std::sync::Arc::clone(&stop);
        let flooder = std::thread::spawn(move || {
            let socket = std::net::UdpSocket::bind((HERE, 0)).unwrap();
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = socket.send_to(&[0; 1000], flooded);
            }
        });
        let client = UdpSocket::bind((HERE, 0)).await.unwrap();
        for _ in 0..5 {
            crate::script::moment().await;
            client.send_to(b"are you there?", quiet).await.unwrap();
            let answer = client.recv_from(&mut [0; 16]).await;
            assert_eq!(answer.unwrap().1, quiet);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        flooder.join().unwrap();
    })
    .await;
}
