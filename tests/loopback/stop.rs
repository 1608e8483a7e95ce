//! The end of agents, and several at once.

use std::time::Duration;

use pinhole::event::Event;
use pinhole::face::{Bind, Input, ListenerId, Output, SocketId, StreamId};
use pinhole::net::{Ended, drive, stopper};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::script::{HERE, any, grapevine, script, tell};

#[tokio::test]
async fn an_agent_asked_to_end_takes_leave_first() {
    let server = TcpListener::bind((HERE, 0)).await.unwrap();
    let (to, stream) = (server.local_addr().unwrap(), StreamId(1));
    let polite = script(
        [Output::Connect { stream, from: None, ports: 0..=0, to, class: 0 }],
        move |out, input| {
            if let Input::Shutdown = input {
                out.push(Output::Send { stream, bytes: b"goodbye".to_vec() });
                out.push(Output::Finished);
            }
        },
    );
    let (stopper, stop) = stopper();
    let peer = async {
        let (mut accepted, _) = server.accept().await.unwrap();
        stopper.stop();
        let mut all = Vec::new();
        accepted.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"goodbye");
    };
    let (ended, ()) = tokio::join!(drive(polite, stop, |_| {}), peer);
    assert_eq!(ended, Ended::Finished);
}

#[tokio::test]
async fn an_agent_asked_twice_is_not_asked() {
    let (teller, mut ear) = grapevine();
    let deaf = script([any(Bind::Udp(SocketId(1)))], move |_, input| tell(&teller, &input));
    let (stopper, stop) = stopper();
    let operator = async {
        let at = ear.bound().await;
        stopper.stop();
        assert_eq!(format!("{:?}", ear.next().await), "Other(\"Shutdown\")");
        stopper.stop();
        at
    };
    let both = async { tokio::join!(drive(deaf, stop, |_| {}), operator) };
    let (ended, at) = tokio::time::timeout(Duration::from_secs(2), both).await.unwrap();
    assert_eq!(ended, Ended::Stopped);
    // The readers end with the runtime's next turn.
    tokio::task::yield_now().await;
    std::net::UdpSocket::bind(at).expect("the port is free again");
}

#[tokio::test]
async fn an_agent_may_end_of_itself_and_its_events_are_heard() {
    let mut heard = Vec::new();
    let brief = script([any(Bind::Tcp(ListenerId(1)))], |out, input| {
        if let Input::Bound { at: Some(at), .. } = input {
            let role = "signalling";
            out.push(Output::Event(Event::Listening { role, transport: "tcp", at }));
            out.push(Output::Finished);
        }
    });
    let (_stopper, stop) = stopper();
    let ended = drive(brief, stop, |event| heard.push(event.clone())).await;
    assert_eq!(ended, Ended::Finished);
    assert!(matches!(heard[..], [Event::Listening { transport: "tcp", .. }]), "{heard:?}");
}

#[tokio::test]
async fn agents_of_one_process_talk_to_each_other() {
    let (told_at, at) = tokio::sync::oneshot::channel();
    let mut told_at = Some(told_at);
    let server = script([any(Bind::Udp(SocketId(1)))], move |out, input| match input {
        Input::Bound { at, .. } => {
            let _ = told_at.take().map(|tell| tell.send(at.unwrap()));
        }
        Input::Datagram { socket, from, bytes } => {
            out.push(Output::Datagram { socket, to: from, bytes: bytes.to_vec() });
            if bytes == b"end" {
                out.push(Output::Finished);
            }
        }
        _ => {}
    });
    let (_stopper, stop) = stopper();
    let client = async {
        let to = at.await.unwrap();
        let client = script([any(Bind::Udp(SocketId(1)))], move |out, input| match input {
            Input::Bound { .. } => {
                let bytes = b"end".to_vec();
                out.push(Output::Datagram { socket: SocketId(1), to, bytes });
            }
            Input::Datagram { from, .. } => {
                assert_eq!(from, to);
                out.push(Output::Finished);
            }
            _ => {}
        });
        drive(client, stop.clone(), |_| {}).await
    };
    let both = async { tokio::join!(drive(server, stop.clone(), |_| {}), client) };
    let ended = tokio::time::timeout(Duration::from_secs(5), both).await.unwrap();
    assert_eq!(ended, (Ended::Finished, Ended::Finished));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_end_is_not_waited_for_for_ever() {
    let deaf = script([], |_, _| {});
    let (stopper, stop) = stopper();
    stopper.stop();
    assert_eq!(drive(deaf, stop, |_| {}).await, Ended::Late);
}

#[tokio::test]
async fn a_peer_that_does_not_read_does_not_keep_an_agent_from_ending() {
    let server = TcpListener::bind((HERE, 0)).await.unwrap();
    let (to, stream) = (server.local_addr().unwrap(), StreamId(1));
    let talker = script(
        [Output::Connect { stream, from: None, ports: 0..=0, to, class: 0 }],
        move |out, input| {
            if let Input::Connected { .. } = input {
                for _ in 0..3 {
                    out.push(Output::Send { stream, bytes: vec![0; 300 << 10] });
                }
                out.push(Output::Finished);
            }
        },
    );
    let (_stopper, stop) = stopper();
    let deaf = async {
        let accepted = server.accept().await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        drop(accepted);
    };
    tokio::select! {
        ended = drive(talker, stop, |_| {}) => assert_eq!(ended, Ended::Finished),
        () = deaf => panic!("the agent waits for its peer"),
    }
}

#[tokio::test]
async fn what_an_agent_says_of_things_that_are_not_there_is_ignored() {
    use pinhole::face::{FlowCommand, FlowId, PairId, Party, Ports, Side};
    let server = TcpListener::bind((HERE, 0)).await.unwrap();
    let to = server.local_addr().unwrap();
    let (stream, flow, socket) = (StreamId(1), FlowId(1), SocketId(1));
    let (teller, mut ear) = grapevine();
    let confused = script(
        [
            Output::Send { stream, bytes: vec![1] },
            Output::Close { stream },
            Output::Datagram { socket, to, bytes: vec![1] },
            Output::Unbind(Bind::UdpPair(socket, SocketId(2))),
            Output::Unbind(Bind::Media(PairId(1))),
            Output::Unbind(Bind::Tcp(ListenerId(1))),
            Output::Flow(FlowCommand::Open { flow, pairs: [PairId(1), PairId(1)] }),
            Output::Flow(FlowCommand::Party {
                flow,
                side: Side::A,
                party: Party { ip: HERE, ports: Ports::Unknown },
            }),
            // The same number twice: the second connection takes the place of the first.
            Output::Connect { stream, from: None, ports: 0..=0, to, class: 0 },
            Output::Connect { stream, from: None, ports: 0..=0, to, class: 0 },
            any(Bind::Udp(socket)),
        ],
        move |out, input| {
            tell(&teller, &input);
            if let Input::Connected { .. } = input {
                out.push(Output::Finished);
            }
        },
    );
    let (_stopper, stop) = stopper();
    assert_eq!(drive(confused, stop, |_| {}).await, Ended::Finished);
    ear.bound().await;
    assert!(format!("{:?}", ear.next().await).starts_with("Connected"));
    assert_eq!(ear.rest(), []);
}
