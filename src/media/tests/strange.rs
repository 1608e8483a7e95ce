//! What is told of packets that are nobody's.

use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn strangers_are_counted_once_a_second_while_they_come() {
    let (mut table, start) = (table(None), now());
    let stranger = at("203.0.113.66".parse().unwrap(), 40_000);
    let mut told = Vec::new();
    for n in 0..300 {
        let now = start + Duration::from_millis(10) * n;
        table.forward(now, PAIRS[0], Channel::Rtp, stranger, &MEDIA);
        told.extend(table.take_facts());
    }
    let count = |count| (FLOW, FlowFact::Strangers { side: Side::A, count });
    let first = FlowFact::Stranger { side: Side::A, rtcp: false, from: stranger };
    assert_eq!(told, [(FLOW, first), count(101), count(201)]);
}

#[test]
fn strays_are_told_at_once_and_then_once_a_second_and_each_counts() {
    let (mut table, start) = (multiplexed(), now());
    let guesser = at("203.0.113.66".parse().unwrap(), 2776);
    let mut told = Vec::new();
    for n in 0..250 {
        let now = start + Duration::from_millis(10) * n;
        table.forward(now, SHARED, Channel::Rtp, guesser, &tagged(OURS ^ 1, &MEDIA));
        told.extend(table.take_facts());
    }
    let strays = |count| (FlowId::NONE, FlowFact::Strays { from: guesser, count });
    assert_eq!(told, [strays(1), strays(100), strays(100)]);
    // What is left is told as soon as anything comes.
    let client = at(CLIENT, 2776);
    table.forward(start + 4 * SECOND, SHARED, Channel::Rtp, client, &tagged(OURS, &KEEPALIVE));
    assert!(table.take_facts().contains(&strays(49)));
}
