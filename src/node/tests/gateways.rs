//! Several gateways for a number, and several places that a neighbour tells: when a call fails at one, it is made at the
//! next.

use pinhole_h323::address::{from_h225, to_h225};
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::*;
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::id::CallId;
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, tpkt};

use super::fast_start::{captured_setup, sent};
use super::ras::{arq, ask, at, gateway, open_rrq, register};
use super::*;

const CALLER: &str = "192.0.2.10:1719";
const GATEWAYS: [&str; 3] = ["192.0.2.21:1719", "192.0.2.22:1719", "192.0.2.23:1719"];
const NEIGHBOR: &str = "192.0.2.50:1719";

pub(super) fn settings(text: &str) -> Settings {
    let text = format!("[RoutedMode]\nGKRouted=1\nActivateFailover=1\n{text}");
    let (config, problems) = pinhole_config::Config::read(&text);
    assert!(problems.is_empty(), "{problems:?}");
    Settings::from(&config)
}

/// A caller, and gateways for numbers that begin with 01.
fn with_gateways(text: &str) -> (Desk, EndpointIdentifier) {
    let mut desk = Desk::with(settings(text));
    for (n, from) in GATEWAYS.into_iter().enumerate() {
        let rrq = open_rrq(&format!("gw{n}"), from, |r| r.terminal_type = gateway(&["01"]));
        let answers = desk.ask(from, &rrq);
        assert!(matches!(&answers[..], [RasMessage::registrationConfirm(_)]), "{answers:?}");
    }
    let id = register(&mut desk, "alice", CALLER);
    (desk, id)
}

/// A Setup to a number arrives from an address; what follows.
pub(super) fn set_up(desk: &mut Desk, from: &str, call: u8, to: &str) -> (StreamId, Vec<Output>) {
    let mut setup = captured_setup();
    setup.edit(|pdu| {
        let H323UUPDUH323MessageBody::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        setup.destination_address = Some(vec![Alias::from_text(to).to_asn()]);
        setup.dest_call_signal_address = None;
        setup.endpoint_identifier = None;
        setup.call_identifier = Some(CallId([call; 16]).into());
    });
    let stream = StreamId::accepted(call.into());
    let (local, peer) = (at("198.51.100.2:1720"), SocketAddr::new(at(from).ip(), 50_000));
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    (stream, desk.tell(Input::Bytes { stream, bytes: &bytes }))
}

/// Whom the gatekeeper connects to.
pub(super) fn dialled(outputs: &[Output]) -> Option<(StreamId, SocketAddr)> {
    outputs.iter().find_map(|output| match output {
        Output::Connect { stream, to, .. } => Some((*stream, *to)),
        _ => None,
    })
}

/// Whoever is connected to releases the call, until nobody is any more; who was asked, and the last outputs.
pub(super) fn all_fail(
    desk: &mut Desk,
    mut outputs: Vec<Output>,
    call: u8,
) -> (Vec<String>, Vec<Output>) {
    let mut asked = Vec::new();
    while let Some((stream, to)) = dialled(&outputs) {
        asked.push(to.to_string());
        let outputs_of_setup =
            desk.tell(Input::Connected { stream, local: at("198.51.100.2:40500") });
        let setup = sent(&outputs_of_setup, stream).expect("Setup");
        let call_id = CallId([call; 16]);
        let leg = Leg { crv: setup.crv(), from_destination: true, call_id, tunnelling: true };
        let cause = Some(Cause::NO_CIRCUIT_AVAILABLE);
        let release = Signal::release_complete(leg, Release::NoBandwidth, cause);
        let bytes = tpkt::wrap(&release.encode().unwrap()).unwrap();
        outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    }
    (asked, outputs)
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

const ALL: [&str; 3] = ["192.0.2.21:1720", "192.0.2.22:1720", "192.0.2.23:1720"];

#[test]
fn every_gateway_of_a_number_is_tried_and_the_caller_hears_of_the_last() {
    for admitted in [false, true] {
        let (mut desk, id) = with_gateways("");
        if admitted {
            let answers = ask(&mut desk, CALLER, arq(&id, 1, "0123"));
            assert!(matches!(&answers[..], [RasMessage::admissionConfirm(_)]), "{answers:?}");
        }
        let (caller, outputs) = set_up(&mut desk, CALLER, 1, "0123");
        let (asked, outputs) = all_fail(&mut desk, outputs, 1);
        assert_eq!(sorted(asked), ALL);
        let told = sent(&outputs, caller).expect("ReleaseComplete");
        assert_eq!(told.cause().map(Cause::value), Some(34));
    }
}

#[test]
fn without_failover_only_the_best_is_tried() {
    let (mut desk, _) = with_gateways("");
    desk.node.core.settings.handling.failover = false;
    let (caller, outputs) = set_up(&mut desk, CALLER, 1, "0123");
    let (asked, outputs) = all_fail(&mut desk, outputs, 1);
    assert_eq!(asked.len(), 1);
    assert!(sent(&outputs, caller).is_some());
}

#[test]
fn a_gateway_that_calls_out_is_not_called_back() {
    let (mut desk, _) = with_gateways("");
    let (_, outputs) = set_up(&mut desk, GATEWAYS[0], 1, "0123");
    let (asked, _) = all_fail(&mut desk, outputs, 1);
    assert!(!asked[1..].contains(&ALL[0].to_owned()), "{asked:?}");
}

#[test]
fn in_direct_mode_the_caller_is_told_of_the_other_gateways() {
    let (mut desk, id) = with_gateways("");
    desk.node.core.settings.mode = Mode::Direct;
    let answers = ask(&mut desk, CALLER, arq(&id, 1, "0123"));
    let [RasMessage::admissionConfirm(confirm)] = &answers[..] else { panic!("{answers:?}") };
    let others = confirm.alternate_endpoints.iter().flatten();
    let others = others.flat_map(|one| one.call_signal_address.iter().flatten());
    let places = others.chain([&confirm.dest_call_signal_address]).filter_map(from_h225);
    assert_eq!(sorted(places.map(|at| at.to_string()).collect()), ALL);
}

fn endpoint(place: &str) -> Endpoint {
    Endpoint { call_signal_address: Some(vec![to_h225(at(place))]), ..Default::default() }
}

/// The neighbour answers the LRQ among these outputs.
fn locate(desk: &mut Desk, outputs: &[Output]) -> Vec<Output> {
    let asked = outputs.iter().find_map(|output| match output {
        Output::Datagram { to, bytes, .. } if *to == at(NEIGHBOR) => {
            match Ras::decode(bytes).unwrap().into_message() {
                RasMessage::locationRequest(request) => Some(request.request_seq_num),
                _ => None,
            }
        }
        _ => None,
    });
    let confirm = RasMessage::locationConfirm(Box::new(LocationConfirm {
        request_seq_num: asked.expect("LRQ"),
        call_signal_address: to_h225(at("192.0.2.51:1720")),
        ras_address: to_h225(at(NEIGHBOR)),
        alternate_endpoints: Some(
            // The first once more, one without port, and two others.
            ["192.0.2.51:1720", "192.0.2.99:0", "192.0.2.52:1720", "192.0.2.53:1721"]
                .map(endpoint)
                .to_vec(),
        ),
        ..Default::default()
    }));
    let bytes = Ras::new(confirm).encode().unwrap();
    desk.tell(Input::Datagram { socket: SocketId(0), from: at(NEIGHBOR), bytes: &bytes })
}

#[test]
fn every_place_that_a_neighbour_tells_is_tried() {
    let text =
        "[RasSrv::Neighbors]\nNext=GnuGk\n[Neighbor::Next]\nHost=192.0.2.50\nSendPrefixes=*\n";
    for admitted in [false, true] {
        let mut desk = Desk::with(settings(text));
        let id = register(&mut desk, "alice", CALLER);
        let outputs = if admitted {
            let bytes = Ras::new(arq(&id, 1, "0123")).encode().unwrap();
            let socket = SocketId(0);
            let outputs = desk.tell(Input::Datagram { socket, from: at(CALLER), bytes: &bytes });
            locate(&mut desk, &outputs);
            set_up(&mut desk, CALLER, 1, "0123").1
        } else {
            let (_, outputs) = set_up(&mut desk, CALLER, 1, "0123");
            locate(&mut desk, &outputs)
        };
        let (asked, _) = all_fail(&mut desk, outputs, 1);
        assert_eq!(asked, ["192.0.2.51:1720", "192.0.2.52:1720", "192.0.2.53:1721"], "{admitted}");
    }
}

const NEIGHBORS: &str =
    "[RasSrv::Neighbors]\nNext=GnuGk\n[Neighbor::Next]\nHost=192.0.2.50\nSendPrefixes=01\n";

/// Registers somebody who tells these prefixes.
fn tells(desk: &mut Desk, name: &str, from: &str, prefixes: &[&str]) {
    let rrq = open_rrq(name, from, |request| request.terminal_type = gateway(prefixes));
    let answers = desk.ask(from, &rrq);
    assert!(matches!(&answers[..], [RasMessage::registrationConfirm(_)]), "{answers:?}");
}

/// The LRQ among these outputs.
fn question(outputs: &[Output]) -> Option<LocationRequest> {
    outputs.iter().find_map(|output| match output {
        Output::Datagram { to, bytes, .. } if *to == at(NEIGHBOR) => {
            match Ras::decode(bytes).unwrap().into_message() {
                RasMessage::locationRequest(request) => Some(*request),
                _ => None,
            }
        }
        _ => None,
    })
}

/// The neighbour knows nobody.
fn unknown(desk: &mut Desk, outputs: &[Output]) -> Vec<Output> {
    let reject = RasMessage::locationReject(Box::new(LocationReject {
        request_seq_num: question(outputs).expect("LRQ").request_seq_num,
        reject_reason: LocationRejectReason::notRegistered(()),
        ..Default::default()
    }));
    let bytes = Ras::new(reject).encode().unwrap();
    desk.tell(Input::Datagram { socket: SocketId(0), from: at(NEIGHBOR), bytes: &bytes })
}

/// Anybody may register and say that all numbers are his.
#[test]
fn prefixes_that_endpoints_tell_come_after_those_of_the_configuration() {
    let mut desk = Desk::with(settings("[RasSrv::GWPrefixes]\ngw0=0\n"));
    tells(&mut desk, "thief", GATEWAYS[1], &["0", "01", "0123", "9"]);
    tells(&mut desk, "gw0", GATEWAYS[0], &["2"]);
    register(&mut desk, "alice", CALLER);
    for (n, (number, expected)) in
        [("0123", vec![ALL[0], ALL[1]]), ("99", vec![ALL[1]]), ("23", vec![ALL[0]])]
            .into_iter()
            .enumerate()
    {
        let call = u8::try_from(n).unwrap() + 1;
        let (_, outputs) = set_up(&mut desk, CALLER, call, number);
        assert_eq!(all_fail(&mut desk, outputs, call).0, expected, "{number}");
    }
}

#[test]
fn prefixes_that_endpoints_tell_come_after_neighbours() {
    for (admitted, known) in [(false, true), (true, true), (false, false), (true, false)] {
        let mut desk = Desk::with(settings(NEIGHBORS));
        desk.node.core.settings.handling.failover = false;
        tells(&mut desk, "thief", GATEWAYS[1], &["0123"]);
        let id = register(&mut desk, "alice", CALLER);
        let answered = |desk: &mut Desk, outputs: &[Output]| match known {
            true => locate(desk, outputs),
            false => unknown(desk, outputs),
        };
        let outputs = if admitted {
            let bytes = Ras::new(arq(&id, 1, "0123")).encode().unwrap();
            let socket = SocketId(0);
            let outputs = desk.tell(Input::Datagram { socket, from: at(CALLER), bytes: &bytes });
            answered(&mut desk, &outputs);
            set_up(&mut desk, CALLER, 1, "0123").1
        } else {
            let (_, outputs) = set_up(&mut desk, CALLER, 1, "0123");
            assert_eq!(dialled(&outputs), None, "nobody before the neighbour");
            answered(&mut desk, &outputs)
        };
        let to = dialled(&outputs).map(|(_, to)| to.to_string());
        let expected = if known { "192.0.2.51:1720" } else { ALL[1] };
        assert_eq!(to.as_deref(), Some(expected), "admitted: {admitted}");
    }
}

/// A neighbour asks us: other neighbours come first, too, and then who says that the number is his.
#[test]
fn a_neighbour_that_asks_gets_the_gateway_that_tells_the_prefix_last() {
    let text = "[RasSrv::Neighbors]\nNext=GnuGk\nAsker=GnuGk\n[Neighbor::Next]\nHost=192.0.2.50\nSendPrefixes=01\n\
                [Neighbor::Asker]\nHost=192.0.2.60\nForwardLRQ=always\n";
    for (number, asks) in [("0123", true), ("99", false)] {
        let mut desk = Desk::with(settings(text));
        tells(&mut desk, "thief", GATEWAYS[1], &["0123", "9"]);
        let lrq = RasMessage::locationRequest(Box::new(LocationRequest {
            request_seq_num: RequestSeqNum(6),
            destination_info: vec![Alias::from_text(number).to_asn()],
            reply_address: to_h225(at("192.0.2.60:1719")),
            call_identifier: Some(CallId([3; 16]).into()),
            ..Default::default()
        }));
        let (bytes, from) = (Ras::new(lrq).encode().unwrap(), at("192.0.2.60:1719"));
        let mut outputs = desk.tell(Input::Datagram { socket: SocketId(0), from, bytes: &bytes });
        assert_eq!(question(&outputs).is_some(), asks);
        if asks {
            outputs = unknown(&mut desk, &outputs);
        }
        let confirmed = outputs.iter().any(|output| match output {
            Output::Datagram { to, bytes, .. } => {
                let message = Ras::decode(bytes).unwrap().into_message();
                *to == from && matches!(message, RasMessage::locationConfirm(_))
            }
            _ => false,
        });
        assert!(confirmed, "{number}: {outputs:?}");
    }
}

/// A called party sends the call on to somebody whom a neighbour knows.
#[test]
fn a_call_that_is_sent_on_to_a_neighbours_number_is_looked_for_there() {
    let mut desk = Desk::with(settings(&format!("{NEIGHBORS}[Proxy]\nEnable=1\n")));
    register(&mut desk, "bob", GATEWAYS[0]);
    register(&mut desk, "alice", CALLER);
    let (_, outputs) = set_up(&mut desk, CALLER, 1, "bob");
    let (stream, _) = dialled(&outputs).expect("bob");
    let outputs = desk.tell(Input::Connected { stream, local: at("198.51.100.2:40500") });
    let setup = sent(&outputs, stream).expect("Setup");
    let call_id = CallId([1; 16]);
    let leg = Leg { crv: setup.crv(), from_destination: true, call_id, tunnelling: true };
    let body = FacilityUUIE {
        protocol_identifier: pinhole_h323::version::h225(),
        alternative_alias_address: Some(vec![Alias::from_text("0199").to_asn()]),
        reason: FacilityReason::callForwarded(()),
        call_identifier: Some(call_id.into()),
        ..Default::default()
    };
    let facility = Signal::on(leg, H323UUPDUH323MessageBody::facility(Box::new(body)));
    let bytes = tpkt::wrap(&facility.encode().unwrap()).unwrap();
    let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    let asked = question(&outputs).expect("LRQ");
    assert_eq!(Alias::read_all(&asked.destination_info), [Alias::from_text("0199")]);
    let outputs = locate(&mut desk, &outputs);
    assert_eq!(dialled(&outputs).map(|(_, to)| to), Some(at("192.0.2.51:1720")));
}
