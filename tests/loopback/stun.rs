//! How the shell asks a STUN server, which here is played by the test.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole::face::{Answer, Input, Output, Question, QuestionId};
use pinhole::net::Limits;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::script::{HERE, play_within, script};

const ID: QuestionId = QuestionId(4);

/// A success response to a request, which says 203.0.113.9:41234.
fn answer(request: &[u8]) -> Vec<u8> {
    let mut answer = vec![0x01, 0x01, 0x00, 0x0c];
    answer.extend(&request[4..20]);
    answer.extend([0x00, 0x20, 0x00, 0x08, 0x00, 0x01]);
    let port = 41_234_u16.to_be_bytes();
    let told: Vec<u8> = port.into_iter().chain([203, 0, 113, 9]).collect();
    let key = [&request[4..6], &request[4..8]].concat();
    answer.extend(told.iter().zip(key).map(|(octet, key)| octet ^ key));
    answer
}

/// Asks this server, while the test does something; the answer.
async fn asked(server: SocketAddr, meanwhile: impl Future<Output = ()>) -> Vec<SocketAddr> {
    let (teller, mut ear) = mpsc::unbounded_channel();
    let server = (server.ip().to_string(), server.port());
    let question = Question::Mapped { server, from: Some(HERE) };
    let first = [Output::Ask { id: ID, question }];
    let agent = script(first, move |_, input| {
        if let Input::Answer { id: ID, answer: Some(Answer::Addresses(addresses)) } = input {
            let _ = teller.send(addresses);
        }
    });
    let mut answer = None;
    play_within(Limits::default(), agent, async {
        meanwhile.await;
        let patience = Duration::from_secs(20);
        answer = tokio::time::timeout(patience, ear.recv()).await.expect("an answer");
    })
    .await;
    answer.expect("an answer")
}

#[tokio::test]
async fn the_address_that_a_server_sees_is_told_and_nobody_elses_word_for_it() {
    let server = UdpSocket::bind((HERE, 0)).await.unwrap();
    let stranger = UdpSocket::bind((HERE, 0)).await.unwrap();
    let found = asked(server.local_addr().unwrap(), async {
        let mut request = [0; 64];
        let (length, from) = server.recv_from(&mut request).await.unwrap();
        assert_eq!((length, &request[..4]), (20, &[0, 1, 0, 0][..]));
        assert_eq!(request[4..8], [0x21, 0x12, 0xa4, 0x42]);
        let good = answer(&request);
        let mut lie = good.clone();
        lie[31] ^= 1;
        stranger.send_to(&lie, from).await.unwrap();
        // Of another transaction, cut short, and of another kind.
        let mut other = lie.clone();
        other[8] ^= 1;
        for nonsense in [&other[..], &good[..30], &[], &[0xff; 20]] {
            server.send_to(nonsense, from).await.unwrap();
        }
        // The request is repeated, as it could have been lost.
        let (length, again) = server.recv_from(&mut request).await.unwrap();
        assert_eq!((length, again), (20, from));
        server.send_to(&answer(&request), from).await.unwrap();
    })
    .await;
    assert_eq!(found, ["203.0.113.9:41234".parse().unwrap()]);
}

#[tokio::test]
async fn a_server_that_is_not_there_tells_nothing() {
    let nobody = {
        let socket = UdpSocket::bind((HERE, 0)).await.unwrap();
        socket.local_addr().unwrap()
    };
    assert_eq!(asked(nobody, async {}).await, []);
}
