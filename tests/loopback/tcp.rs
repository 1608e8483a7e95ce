//! Connections of an agent: beginnings, ends, limits.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole::face::{Bind, Input, ListenerId, Output, StreamId};
use pinhole::net::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::script::{HERE, Told, any, grapevine, moment, play, play_within, script, tell};

const LISTENER: ListenerId = ListenerId(1);

#[tokio::test]
async fn octets_are_echoed_and_the_peers_end_is_told_once() {
    let (teller, mut ear) = grapevine();
    let echo = script([any(Bind::Tcp(LISTENER))], move |out, input| {
        if let Input::Bytes { stream, bytes } = input {
            out.push(Output::Send { stream, bytes: bytes.to_vec() });
        }
        if let Input::Accepted { stream, listener, .. } = input {
            assert_eq!((listener, stream), (LISTENER, StreamId::accepted(0)));
        }
        tell(&teller, &input);
    });
    play(echo, async {
        let at = ear.bound().await;
        let mut client = TcpStream::connect(at).await.unwrap();
        assert_eq!(ear.next().await, Told::Accepted(client.local_addr().unwrap()));
        client.write_all(b"hello").await.unwrap();
        let mut buffer = [0; 5];
        client.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"hello");
        assert_eq!(ear.next().await, Told::Bytes(5));
        drop(client);
        assert_eq!(ear.next().await, Told::Closed);
        moment().await;
        assert_eq!(ear.rest(), []);
    })
    .await;
}

/// What waits in these tests is more than usual.
fn roomy() -> Limits {
    Limits { queue: 1 << 20, ..Limits::default() }
}

#[tokio::test]
async fn close_delivers_what_is_queued_and_nothing_comes_after_it() {
    const QUEUED: usize = 900_000;
    let (teller, mut ear) = grapevine();
    let farewell = script([any(Bind::Tcp(LISTENER))], move |out, input| {
        if let Input::Bytes { stream, .. } = input {
            out.push(Output::Send { stream, bytes: vec![1; QUEUED] });
            out.push(Output::Close { stream });
        }
        tell(&teller, &input);
    });
    play_within(roomy(), farewell, async {
        let mut client = TcpStream::connect(ear.bound().await).await.unwrap();
        client.write_all(b"go").await.unwrap();
        ear.next().await;
        assert_eq!(ear.next().await, Told::Bytes(2));
        // Octets that the agent no longer wants must not reset what it still sends.
        client.write_all(&[0; 100_000]).await.unwrap();
        moment().await;
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), QUEUED);
        drop(client);
        moment().await;
        assert_eq!(ear.rest(), []);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_has_ended_still_gets_its_answer() {
    let (teller, mut ear) = grapevine();
    let late = script([any(Bind::Tcp(LISTENER))], move |out, input| {
        if let Input::Bytes { stream, .. } = input {
            out.push(Output::Send { stream, bytes: vec![1; 500_000] });
        }
        tell(&teller, &input);
    });
    play_within(roomy(), late, async {
        let mut client = TcpStream::connect(ear.bound().await).await.unwrap();
        client.write_all(b"go").await.unwrap();
        client.shutdown().await.unwrap();
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 500_000);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_given_up_and_harms_nobody() {
    let (teller, mut ear) = grapevine();
    let flood = script([any(Bind::Tcp(LISTENER))], move |out, input| {
        if let Input::Bytes { stream, .. } = input {
            for _ in 0..40 {
                out.push(Output::Send { stream, bytes: vec![1; 256 << 10] });
            }
        }
        tell(&teller, &input);
    });
    play(flood, async {
        let at = ear.bound().await;
        let mut deaf = TcpStream::connect(at).await.unwrap();
        deaf.write_all(b"go").await.unwrap();
        ear.next().await;
        assert_eq!(ear.next().await, Told::Bytes(2));
        assert_eq!(ear.next().await, Told::Closed);
        let _other = TcpStream::connect(at).await.unwrap();
        assert!(matches!(ear.next().await, Told::Accepted(_)));
        moment().await;
        assert_eq!(ear.rest(), [], "it is closed once");
        let mut all = Vec::new();
        let _ = deaf.read_to_end(&mut all).await;
        assert!(all.len() < 10 << 20, "what was queued is forgotten");
    })
    .await;
}

#[tokio::test]
async fn peers_that_do_not_read_have_no_more_together_than_may_wait() {
    for (queues, given_up) in [(1 << 20, 1), (64 << 20, 0)] {
        let (teller, mut ear) = grapevine();
        let flood = script([any(Bind::Tcp(LISTENER))], move |out, input| {
            if let Input::Bytes { .. } = input {
                for _ in 0..12 {
                    for number in 0..2 {
                        let stream = StreamId::accepted(number);
                        out.push(Output::Send { stream, bytes: vec![1; 64 << 10] });
                    }
                }
            }
            tell(&teller, &input);
        });
        let limits = Limits { queue: 16 << 20, queues, ..Limits::default() };
        play_within(limits, flood, async {
            let at = ear.bound().await;
            let _deaf = TcpStream::connect(at).await.unwrap();
            assert!(matches!(ear.next().await, Told::Accepted(_)));
            let mut other = TcpStream::connect(at).await.unwrap();
            assert!(matches!(ear.next().await, Told::Accepted(_)));
            other.write_all(b"go").await.unwrap();
            assert_eq!(ear.next().await, Told::Bytes(2));
            moment().await;
            assert_eq!(ear.rest(), vec![Told::Closed; given_up], "{queues}");
        })
        .await;
    }
}

#[tokio::test]
async fn connections_are_opened_from_the_address_asked_for() {
    let server = TcpListener::bind((HERE, 0)).await.unwrap();
    let to = server.local_addr().unwrap();
    let (teller, mut ear) = grapevine();
    let stream = StreamId(9);
    let from = Some("127.0.0.3".parse().unwrap());
    let first = [
        Output::Connect { stream, from, ports: 0..=0, to, class: 0 },
        // Octets may be sent before the connection stands.
        Output::Send { stream, bytes: b"early".to_vec() },
    ];
    play(script(first, move |_, input| tell(&teller, &input)), async {
        let (mut accepted, peer) = server.accept().await.unwrap();
        assert_eq!(peer.ip().to_string(), "127.0.0.3");
        assert_eq!(ear.next().await, Told::Connected(peer));
        let mut buffer = [0; 5];
        accepted.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"early");
        accepted.write_all(b"yes").await.unwrap();
        assert_eq!(ear.next().await, Told::Bytes(3));
        drop(accepted);
        assert_eq!(ear.next().await, Told::Closed);
    })
    .await;
}

#[tokio::test]
async fn connections_are_opened_from_the_ports_asked_for() {
    let servers = [HERE; 2].map(|ip| std::net::TcpListener::bind((ip, 0)).unwrap());
    let [one, other] = servers.each_ref().map(|server| server.local_addr().unwrap());
    let (teller, mut ear) = grapevine();
    let from = Some("127.0.0.67".parse().unwrap());
    let first = [(1, one), (2, one), (3, one), (4, other)].map(|(n, to)| Output::Connect {
        stream: StreamId(n),
        from,
        ports: 24_680..=24_681,
        to,
        class: 0,
    });
    play(script(first, move |_, input| tell(&teller, &input)), async {
        let (mut ports, mut refused) = (Vec::new(), 0);
        for _ in 0..4 {
            match ear.next().await {
                Told::Connected(local) => ports.push(local.port()),
                Told::NoRoom => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        // Two ports are two connections to one peer, and serve another peer as well.
        ports.sort_unstable();
        assert_eq!(refused, 1, "{ports:?}");
        assert!(ports.starts_with(&[24_680]) && ports.ends_with(&[24_681]), "{ports:?}");
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_is_closed_once() {
    let nobody: SocketAddr = {
        let listener = std::net::TcpListener::bind((HERE, 0)).unwrap();
        listener.local_addr().unwrap()
    };
    let (teller, mut ear) = grapevine();
    let not_ours = Some("198.51.100.1".parse().unwrap());
    let first = [
        Output::Connect { stream: StreamId(1), from: None, ports: 0..=0, to: nobody, class: 0 },
        Output::Connect { stream: StreamId(2), from: not_ours, ports: 0..=0, to: nobody, class: 0 },
        Output::Connect { stream: StreamId(3), from: None, ports: 0..=0, to: nobody, class: 0 },
        Output::Close { stream: StreamId(3) },
    ];
    play(script(first, move |_, input| tell(&teller, &input)), async {
        assert_eq!(ear.next().await, Told::Closed);
        assert_eq!(ear.next().await, Told::Closed);
        moment().await;
        assert_eq!(ear.rest(), [], "the third was closed by the agent");
    })
    .await;
}

#[tokio::test]
async fn one_source_cannot_take_all_connections() {
    let (teller, mut ear) = grapevine();
    let listen = script([any(Bind::Tcp(LISTENER))], move |_, input| tell(&teller, &input));
    let limits = Limits { streams: 4, streams_per_source: 2, ..Limits::default() };
    play_within(limits, listen, async {
        let at = ear.bound().await;
        let from = async |ip: &str| {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
            socket.connect(at).await.unwrap()
        };
        let mut kept = vec![from("127.0.0.1").await, from("127.0.0.1").await];
        ear.next().await;
        ear.next().await;
        let mut turned_away = from("127.0.0.1").await;
        assert_eq!(turned_away.read(&mut [0; 1]).await.unwrap_or(0), 0);
        kept.push(from("127.0.0.2").await);
        assert!(
            matches!(ear.next().await, Told::Accepted(peer) if peer.ip().to_string() == "127.0.0.2")
        );
        kept.push(from("127.0.0.3").await);
        assert!(matches!(ear.next().await, Told::Accepted(_)));
        let mut fifth = from("127.0.0.4").await;
        assert_eq!(fifth.read(&mut [0; 1]).await.unwrap_or(0), 0);
        // A place that becomes free is given again.
        kept.remove(0);
        assert_eq!(ear.next().await, Told::Closed);
        tokio::time::sleep(Duration::from_millis(50)).await;
        kept.push(from("127.0.0.1").await);
        assert!(matches!(ear.next().await, Told::Accepted(_)));
    })
    .await;
}

/// Whoever fills the port of all cannot keep a call from the connection that it waits for.
#[tokio::test]
async fn the_last_connections_are_for_those_that_one_party_is_waited_for_on() {
    let (teller, mut ear) = grapevine();
    let other = ListenerId(77);
    let listen = script([any(Bind::Tcp(LISTENER)), any(Bind::Tcp(other))], move |_, input| {
        tell(&teller, &input);
    });
    let limits = Limits { streams: 16, streams_per_source: 100, ..Limits::default() };
    play_within(limits, listen, async {
        let (everybodys, its_own) = (ear.bound().await, ear.bound().await);
        let mut kept = Vec::new();
        for _ in 0..14 {
            kept.push(TcpStream::connect(everybodys).await.unwrap());
            assert!(matches!(ear.next().await, Told::Accepted(_)));
        }
        let mut turned_away = TcpStream::connect(everybodys).await.unwrap();
        assert_eq!(turned_away.read(&mut [0; 1]).await.unwrap_or(0), 0);
        for _ in 0..2 {
            kept.push(TcpStream::connect(its_own).await.unwrap());
            assert!(matches!(ear.next().await, Told::Accepted(_)));
        }
        let mut too_many = TcpStream::connect(its_own).await.unwrap();
        assert_eq!(too_many.read(&mut [0; 1]).await.unwrap_or(0), 0);
    })
    .await;
}

/// How much the kernel keeps at the most of what is sent on two connections that nobody reads.
fn kernel_keeps() -> usize {
    let most = |name: &str| -> usize {
        let limits = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap();
        limits.split_whitespace().next_back().unwrap().parse().unwrap()
    };
    2 * (most("tcp_rmem") + most("tcp_wmem"))
}

#[tokio::test]
async fn a_connection_that_feeds_another_is_read_at_its_pace() {
    let all = kernel_keeps() + (8 << 20);
    let (teller, mut ear) = grapevine();
    let (feeder, reader) = (StreamId::accepted(0), StreamId::accepted(1));
    let join = script([any(Bind::Tcp(LISTENER))], move |out, input| {
        match input {
            Input::Accepted { stream, .. } if stream == reader => {
                out.push(Output::Pace { stream: feeder, by: reader });
            }
            Input::Bytes { stream, bytes } if stream == feeder => {
                out.push(Output::Send { stream: reader, bytes: bytes.to_vec() });
                return;
            }
            _ => {}
        }
        tell(&teller, &input);
    });
    play(join, async {
        let at = ear.bound().await;
        let mut fast = TcpStream::connect(at).await.unwrap();
        assert!(matches!(ear.next().await, Told::Accepted(_)));
        let mut slow = TcpStream::connect(at).await.unwrap();
        assert!(matches!(ear.next().await, Told::Accepted(_)));
        let (progress, fed) = watch::channel(0);
        let feeding = tokio::spawn(async move {
            while *progress.borrow() < all {
                let some = vec![7; (all - *progress.borrow()).min(1 << 16)];
                let length = fast.write(&some).await.unwrap();
                progress.send_modify(|fed| *fed += length);
            }
            fast
        });
        let mut last = None;
        while last.replace(*fed.borrow()) != Some(*fed.borrow()) {
            moment().await;
        }
        assert!(!feeding.is_finished(), "it has to wait");
        let (mut left, mut some) = (all, vec![0; 1 << 16]);
        while left > 0 {
            let length = slow.read(&mut some).await.unwrap();
            assert!(length > 0 && some[..length].iter().all(|octet| *octet == 7));
            left -= length;
        }
        drop(feeding.await.unwrap());
        assert_eq!(ear.next().await, Told::Closed);
    })
    .await;
}

/// The peer's system keeps what is not read, and the peer has to wait.
#[tokio::test]
async fn a_connection_that_is_halted_is_not_read() {
    let (teller, mut ear) = grapevine();
    let stream = StreamId::accepted(0);
    let halt = Duration::from_millis(1500);
    let slow = script([any(Bind::Tcp(LISTENER))], move |out, input| {
        if let Input::Bytes { .. } = &input {
            out.push(Output::Halt { stream, time: halt });
        }
        tell(&teller, &input);
    });
    play(slow, async {
        let at = ear.bound().await;
        let mut peer = TcpStream::connect(at).await.unwrap();
        assert!(matches!(ear.next().await, Told::Accepted(_)));
        peer.write_all(&[1]).await.unwrap();
        ear.next().await;
        let begin = tokio::time::Instant::now();
        for _ in 0..5 {
            moment().await;
            peer.write_all(&[2; 100]).await.unwrap();
        }
        // All of it comes, at once, and not before its time.
        let told = ear.next().await;
        assert!(begin.elapsed() >= halt - Duration::from_millis(100));
        assert_eq!(told, Told::Bytes(500));
    })
    .await;
}
