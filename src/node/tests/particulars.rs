//! Gateways of which something is said alone (`[EP::…]`): which of several takes a call, and when none can.

use pinhole_h323::asn::h225::{AdmissionRejectReason, EndpointIdentifier, EndpointType};
use pinhole_h323::cause::{Cause, Release};

use super::fast_start::sent;
use super::gateways::{all_fail, dialled, set_up, settings};
use super::ras::{arq, ask, confirmed, open_rrq, register};
use super::*;

const CALLER: &str = "192.0.2.10:1719";
const GATEWAYS: [&str; 3] = ["192.0.2.21:1719", "192.0.2.22:1719", "192.0.2.23:1719"];

/// A caller, and endpoints gw0, gw1 and gw2 that say nothing of themselves.
fn desk(text: &str) -> (Desk, EndpointIdentifier) {
    let mut desk = Desk::with(settings(text));
    for (n, from) in GATEWAYS.into_iter().enumerate() {
        let rrq = open_rrq(&format!("gw{n}"), from, |r| r.terminal_type = EndpointType::default());
        confirmed(&desk.ask(from, &rrq));
    }
    let id = register(&mut desk, "alice", CALLER);
    (desk, id)
}

/// Calls a number; which gateway is called, and the stream of it.
fn call(desk: &mut Desk, number: u8) -> Option<usize> {
    let (_, outputs) = set_up(desk, CALLER, number, "0123");
    let (_, to) = dialled(&outputs)?;
    GATEWAYS.iter().position(|at| at.parse::<SocketAddr>().is_ok_and(|at| at.ip() == to.ip()))
}

/// The third call: neither ARQ nor Setup finds a gateway that has room for it.
fn all_are_full(desk: &mut Desk, id: &EndpointIdentifier) {
    let answers = ask(desk, CALLER, arq(id, 3, "0123"));
    let [RasMessage::admissionReject(reject)] = &answers[..] else { panic!("{answers:?}") };
    assert!(matches!(reject.reject_reason, AdmissionRejectReason::resourceUnavailable(())));
    let (stream, outputs) = set_up(desk, CALLER, 3, "0123");
    assert_eq!(dialled(&outputs), None);
    let told = sent(&outputs, stream).expect("ReleaseComplete");
    assert_eq!(
        (told.cause(), told.release()),
        (Some(Cause::NO_CIRCUIT_AVAILABLE), Some(Release::GatewayResources))
    );
}

#[test]
fn the_priority_of_a_gateway_counts_where_its_prefix_has_none() {
    let text = "[EP::gw0]\nGatewayPrefixes=01\nGatewayPriority=5\n[EP::gw1]\nGatewayPrefixes=01,02\n\
                GatewayPriority=3\n[EP::gw2]\nGatewayPrefixes=01:=4\n";
    let (mut one, _) = desk(text);
    assert_eq!([1, 2].map(|n| call(&mut one, n)), [Some(1); 2]);
    let (mut one, _) = desk(&text.replace("01:=4", "01:=2,!0124"));
    assert_eq!(call(&mut one, 1), Some(2));
}

#[test]
fn a_full_gateway_is_passed_over_and_is_free_again_when_its_call_is_over() {
    let text = "[EP::gw0]\nGatewayPrefixes=01\nCapacity=1\n[EP::gw1]\nGatewayPrefixes=01\n\
                GatewayPriority=2\nCapacity=1\n";
    let (mut one, id) = desk(text);
    assert_eq!([1, 2].map(|n| call(&mut one, n)), [Some(0), Some(1)]);
    all_are_full(&mut one, &id);
    assert_eq!(one.node.core.registrations.occupied(), 3, "alice as well");
    for n in [1, 2] {
        one.tell(Input::Closed { stream: StreamId::accepted(n) });
    }
    assert_eq!(one.node.core.registrations.occupied(), 0);
    assert_eq!(call(&mut one, 4), Some(0));
}

/// Only calls to numbers that begin so count, and the next gateway takes what is too much for the first.
#[test]
fn a_gateway_takes_only_so_many_calls_to_a_prefix() {
    let text = "[EP::gw0]\nGatewayPrefixes=01\nPrefixCapacities=^012:=1,^(013|014):=2\n\
                [EP::gw1]\nGatewayPrefixes=01\nGatewayPriority=2\nPrefixCapacities=^01:=1\n";
    let (mut one, id) = desk(text);
    assert_eq!([1, 2].map(|n| call(&mut one, n)), [Some(0), Some(1)]);
    all_are_full(&mut one, &id);
    // Other numbers have a capacity of their own, or none.
    for (n, number, goes) in
        [(4, "0131", true), (5, "0142", true), (6, "0133", false), (7, "0177", true)]
    {
        let to = dialled(&set_up(&mut one, CALLER, n, number).1);
        assert_eq!(
            to.map(|(_, to)| to.ip()),
            goes.then(|| GATEWAYS[0].parse::<SocketAddr>().unwrap().ip())
        );
    }
    for n in 1..8 {
        one.tell(Input::Closed { stream: StreamId::accepted(n) });
    }
    assert_eq!(one.node.core.registrations.occupied(), 0);
    assert_eq!(call(&mut one, 8), Some(0));
}

#[test]
fn a_gateway_that_is_given_up_has_no_call_less_or_more() {
    let text = "[EP::gw0]\nGatewayPrefixes=01\n[EP::gw1]\nGatewayPrefixes=01\n[EP::gw2]\nGatewayPrefixes=01\n";
    let (mut one, _) = desk(text);
    let (_, outputs) = set_up(&mut one, CALLER, 1, "0123");
    assert_eq!(one.node.core.registrations.occupied(), 2);
    let (asked, _) = all_fail(&mut one, outputs, 1);
    assert_eq!((asked.len(), one.node.core.registrations.occupied()), (3, 0));
}

#[test]
fn the_least_used_gateway_is_the_one_with_the_most_lines_left() {
    let text = "[RasSrv::ARQFeatures]\nLeastUsedRouting=1\n[EP::gw0]\nGatewayPrefixes=01\nCapacity=10\n\
                [EP::gw1]\nGatewayPrefixes=01\nCapacity=2\n";
    // Where two are used alike, it is either.
    let taken = |text: &str, calls: u8| {
        let (mut one, _) = desk(text);
        let taken: Vec<_> = (1..=calls).filter_map(|n| call(&mut one, n)).collect();
        [0, 1].map(|gateway| taken.iter().filter(|one| **one == gateway).count())
    };
    assert_eq!(taken(text, 6), [5, 1], "half of what each can take");
    assert_eq!(taken(&text.replace("LeastUsedRouting=1", ""), 4), [2, 2], "they take turns");
}

#[test]
fn an_endpoint_counts_as_a_gateway_where_it_is_said() {
    let (one, _) = desk("[EP::gw1]\nForceGateway=1\n");
    let alias = |n: usize| pinhole_h323::alias::Alias::from_text(&format!("gw{n}"));
    let kind = |n| one.node.core.registrations.find(&alias(n)).unwrap().kind.name();
    assert_eq!([0, 1].map(kind), ["terminal", "gateway"]);
}

#[test]
fn a_number_that_is_given_to_an_endpoint_is_nobody_elses_and_goes_with_it() {
    let (mut one, id) = desk("[EP::gw1]\nAddNumbers=4711-4712\n");
    let found = |desk: &mut Desk, call: u8| {
        let answers = ask(desk, CALLER, arq(&id, call, "4712"));
        matches!(&answers[..], [RasMessage::admissionConfirm(_)])
    };
    assert!(found(&mut one, 1));
    let thief = "192.0.2.66:1719";
    let answers = one.ask(thief, &open_rrq("4712", thief, |_| {}));
    assert!(matches!(&answers[..], [RasMessage::registrationReject(_)]), "{answers:?}");
    let gone = one
        .node
        .core
        .registrations
        .find(&pinhole_h323::alias::Alias::from_text("gw1"))
        .unwrap()
        .id
        .clone();
    one.node.core.registrations.remove(&gone);
    assert!(!found(&mut one, 2));
    confirmed(&one.ask(thief, &open_rrq("4712", thief, |_| {})));
}
