//! What is too much is refused in the words of the protocol; what is there already is not touched.

use pinhole_h323::Signal;
use pinhole_h323::asn::h225::{AdmissionRejectReason, H323UUPDUH323MessageBody as Body};
use pinhole_h323::asn::h235::ClearToken;
use pinhole_h323::asn::h245::{
    CapabilityTableEntry, MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response,
};
use pinhole_h323::cause::Release;
use pinhole_h323::control::Control;
use pinhole_h323::signal::Leg;
use pinhole_h323::tpkt;

use super::fast_start::{CALLED, CALLER, CONNECT, Line, SETUP, call, call_with, sent};
use super::*;

const STRANGER: &str = "198.51.100.66:7000";

/// A connection from a peer to the signalling port.
fn connects(desk: &mut Desk, n: u64, peer: &str) -> (StreamId, Vec<Output>) {
    let (stream, peer) = (StreamId::accepted(n), peer.parse().unwrap());
    let local = SocketAddr::new("198.51.100.2".parse().unwrap(), 1720);
    let outputs = desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    (stream, outputs)
}

fn closed(outputs: &[Output], stream: StreamId) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Close { stream: on } if *on == stream))
}

/// The captured Setup as that of another call, and otherwise as `edit` says.
fn setup(n: u8, edit: impl FnOnce(&mut Signal)) -> Vec<u8> {
    let mut signal = Signal::decode(&octets(SETUP)[4..]).unwrap();
    signal.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        setup.call_identifier = Some(pinhole_h323::id::CallId([n; 16]).into());
    });
    edit(&mut signal);
    tpkt::wrap(&signal.encode().unwrap()).unwrap()
}

/// Sends a Setup on a connection of its own: cause and reason of the ReleaseComplete, if it is refused.
fn calls(
    desk: &mut Desk,
    n: u8,
    peer: &str,
    bytes: &[u8],
) -> Option<(Option<u8>, Option<Release>)> {
    let (stream, _) = connects(desk, u64::from(n) + 100, peer);
    let outputs = desk.tell(Input::Bytes { stream, bytes });
    let release = sent(&outputs, stream)?;
    assert!(closed(&outputs, stream));
    Some((release.q931().cause(), release.release()))
}

fn limited(limit: impl FnOnce(&mut Limits)) -> Settings {
    let mut settings =
        Settings { accept_unregistered: true, unregistered_anywhere: true, ..Settings::default() };
    limit(&mut settings.limits);
    settings
}

#[test]
fn a_flood_of_setups_is_released_and_keeps_no_other_from_calling() {
    let few = Allowance { rate: 1, burst: 3 };
    let mut desk = Desk::with(limited(|limits| limits.setups = few));
    let tries = (0..10).map(|n| calls(&mut desk, n, STRANGER, &setup(n, |_| ())));
    let refused: Vec<_> = tries.collect::<Vec<_>>().into_iter().flatten().collect();
    assert_eq!(refused, vec![(Some(47), Some(Release::GatekeeperResources)); 7]);
    assert_eq!(desk.node.counters().throttled, 7);
    assert_eq!(calls(&mut desk, 20, CALLER, &setup(20, |_| ())), None);
    assert_eq!(desk.node.calls(), 4);
}

#[test]
fn a_flood_from_everywhere_is_released_as_congestion() {
    let few = Some(Allowance { rate: 1, burst: 3 });
    let mut desk = Desk::with(limited(|limits| limits.setups_in_all = few));
    let peer = |n: u8| format!("203.0.113.{n}:7000");
    for n in 0..3 {
        assert_eq!(calls(&mut desk, n, &peer(n), &setup(n, |_| ())), None);
    }
    let refused = Some((Some(42), Some(Release::GatewayResources)));
    assert_eq!(calls(&mut desk, 3, &peer(3), &setup(3, |_| ())), refused);
    desk.wait(1);
    assert_eq!(calls(&mut desk, 4, &peer(4), &setup(4, |_| ())), None);
    assert_eq!(desk.node.counters().crowded, 1);
}

/// As many calls as may be; the caller of one more hears it, be it that it asks first or not.
#[test]
fn there_are_only_so_many_calls_and_those_that_are_there_stay() {
    for limits in
        [limited(|limits| limits.calls = 1), limited(|limits| limits.calls_per_source = 1)]
    {
        let per_source = limits.limits.calls_per_source == 1;
        let mut line = call_with(limits);
        let refused = Some((Some(47), Some(Release::GatekeeperResources)));
        let caller = "198.51.100.10:7001";
        assert_eq!(calls(&mut line.desk, 1, caller, &setup(1, |_| ())), refused);
        let other = calls(&mut line.desk, 2, STRANGER, &setup(2, |_| ()));
        assert_eq!(other.is_none(), per_source);
        let connect = octets(CONNECT);
        let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &connect });
        assert!(sent(&outputs, line.caller).is_some(), "the call goes on");
    }
    let mut line = call_with(limited(|limits| limits.calls = 1));
    let id = line.desk.register(NAT);
    let arq = pinhole_h323::asn::h225::AdmissionRequest {
        request_seq_num: pinhole_h323::asn::h225::RequestSeqNum(7),
        endpoint_identifier: id,
        ..Default::default()
    };
    let arq = Ras::new(RasMessage::admissionRequest(Box::new(arq))).encode().unwrap();
    let answers = line.desk.ask(NAT, &arq);
    let [RasMessage::admissionReject(reject)] = &answers[..] else { panic!("{answers:?}") };
    assert!(matches!(reject.reject_reason, AdmissionRejectReason::resourceUnavailable(())));
}

#[test]
fn a_setup_with_too_much_in_it_is_refused() {
    let mut desk = Desk::with(limited(|_| ()));
    let tokens = |count: usize| {
        setup(1, |signal| {
            signal.edit(|pdu| {
                let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
                setup.tokens = Some(vec![ClearToken::default(); count]);
            });
        })
    };
    let proposals = |count: usize| {
        setup(2, |signal| {
            let one = signal.fast_start()[0].to_vec();
            assert!(signal.set_fast_start(vec![one; count]));
        })
    };
    assert!(calls(&mut desk, 1, CALLER, &tokens(17)).is_some());
    assert!(calls(&mut desk, 2, CALLER, &proposals(33)).is_some());
    assert_eq!((desk.node.counters().excessive, desk.node.calls()), (2, 0));
    assert_eq!(calls(&mut desk, 3, CALLER, &tokens(16)), None);
    assert_eq!(calls(&mut desk, 4, CALLER, &proposals(32)), None);
}

#[test]
fn a_message_that_is_too_long_ends_its_connection_as_soon_as_it_says_so() {
    let mut desk = Desk::new();
    let (stream, _) = connects(&mut desk, 1, STRANGER);
    let outputs = desk.tell(Input::Bytes { stream, bytes: &[3, 0, 0x80, 4] });
    assert!(!closed(&outputs, stream), "32 KiB may be");
    let (stream, _) = connects(&mut desk, 2, STRANGER);
    let outputs = desk.tell(Input::Bytes { stream, bytes: &[3, 0, 0x80, 5] });
    assert!(closed(&outputs, stream));
    let datagram = vec![0x4a; 32_769];
    assert!(desk.ask(STRANGER, &datagram).is_empty());
    assert_eq!(desk.node.counters().malformed_ras, 1);
}

/// One octet every few seconds holds neither a new connection nor a call.
#[test]
fn a_message_that_dribbles_in_ends_its_connection() {
    let mut line = call();
    line.desk.tell(Input::Bytes { stream: line.caller, bytes: &[3, 0, 0, 200] });
    let mut ended = None;
    for second in (2..).step_by(2).take(10) {
        line.desk.now += Duration::from_secs(2);
        let outputs = line.desk.tell(Input::Bytes { stream: line.caller, bytes: &[8] });
        if closed(&outputs, line.caller) {
            ended = Some(second);
            let cause = sent(&outputs, line.called).and_then(|signal| signal.q931().cause());
            assert_eq!(cause, Some(111), "a protocol error of the other party");
            break;
        }
    }
    assert_eq!(ended, Some(8));
}

/// A pause between two messages is none in a message.
#[test]
fn messages_that_arrive_in_time_harm_no_call() {
    let mut line = call();
    let keepalives = [3, 0, 0, 4, 3, 0, 0, 4];
    for at in [1, 3, 5, 8] {
        line.desk.tell(Input::Bytes { stream: line.caller, bytes: &keepalives[..at] });
        line.desk.now += Duration::from_secs(7);
        line.desk.tell(Input::Timeout);
        line.desk.tell(Input::Bytes { stream: line.caller, bytes: &keepalives[at..] });
        line.desk.wait(1);
    }
    assert_eq!(line.desk.node.calls(), 1);
    assert_eq!(line.desk.node.counters().malformed_messages, 0);
}

#[test]
fn of_connections_that_say_nothing_one_source_has_so_many_and_of_all_the_oldest_goes() {
    let mut desk = Desk::with(limited(|limits| {
        (limits.fresh_streams, limits.fresh_in_all) = (3, 5);
    }));
    for n in 0..3 {
        let (stream, outputs) = connects(&mut desk, n, STRANGER);
        assert!(!closed(&outputs, stream));
    }
    let (stream, outputs) = connects(&mut desk, 3, STRANGER);
    assert!(closed(&outputs, stream));
    for n in 4..6 {
        let (_, outputs) = connects(&mut desk, n, &format!("203.0.113.{n}:7000"));
        assert!(outputs.iter().all(|output| !matches!(output, Output::Close { .. })));
    }
    let (stream, outputs) = connects(&mut desk, 6, CALLER);
    assert!(closed(&outputs, StreamId::accepted(0)) && !closed(&outputs, stream));
    let outputs = desk.tell(Input::Bytes { stream, bytes: &octets(SETUP) });
    assert_eq!(desk.node.calls(), 1, "{outputs:?}");
    // Who has said what it is for counts no more.
    let (_, outputs) = connects(&mut desk, 7, CALLER);
    assert!(outputs.iter().all(|output| !matches!(output, Output::Close { .. })));
}

/// The tunnelled messages that reach the other party.
fn tunnelled(line: &mut Line, messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    let leg = Leg {
        crv: connect.q931().crv(),
        from_destination: true,
        call_id: connect.call_id().unwrap(),
        tunnelling: true,
    };
    let mut facility = Signal::transport(leg);
    facility.set_h245_control(messages);
    let bytes = tpkt::wrap(&facility.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let forwarded = sent(&outputs, line.caller);
    forwarded.map_or_else(Vec::new, |signal| {
        signal.h245_control().into_iter().map(<[u8]>::to_vec).collect()
    })
}

#[test]
fn there_are_only_so_many_registrations_and_those_that_are_there_stay() {
    use super::ras::{confirmed, open_rrq, refused};
    use pinhole_h323::asn::h225::RegistrationRejectReason;
    let mut settings = Settings::default();
    settings.limits.registrations_in_all = 3;
    let mut desk = Desk::with(settings);
    let from = |n: u8| format!("192.0.2.{n}:1719");
    let rrq = |n: u8| open_rrq(&format!("phone{n}"), &from(n), |_| {});
    (1..=3).for_each(|n| {
        confirmed(&desk.ask(&from(n), &rrq(n)));
    });
    let answers = desk.ask(&from(4), &rrq(4));
    assert_eq!(*refused(&answers), RegistrationRejectReason::resourceUnavailable(()));
    // Who is there registers again.
    confirmed(&desk.ask(&from(2), &rrq(2)));
    assert_eq!(desk.node.registrations(), 3);
}

/// How long a connection is not to be read, if that was said.
fn halted(outputs: &[Output], on: StreamId) -> Option<Duration> {
    outputs.iter().find_map(|output| match output {
        Output::Halt { stream, time } if *stream == on => Some(*time),
        _ => None,
    })
}

/// Nothing of it is lost, but what comes after it waits, at the peer's: nobody has to read it.
#[test]
fn a_flood_of_h245_is_read_more_slowly() {
    let mut line = call();
    line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
    let message = Control::round_trip_delay_response(1).encode().unwrap();
    let passed: usize =
        (0..100).map(|_| tunnelled(&mut line, vec![message.clone(); 9]).len()).sum();
    // One is Connect, and every Facility counts, too.
    assert_eq!(passed, 50 * 9);
    assert_eq!(line.desk.node.counters().throttled, 1);
    let mut later = 0;
    for _ in 0..20 {
        line.desk.now += Duration::from_millis(250);
        let outputs = line.desk.tell(Input::Timeout);
        later += sent_all(&outputs, line.caller);
    }
    assert_eq!(later, 50, "the rest, a hundred messages a second");
    line.desk.wait(5);
    assert_eq!(tunnelled(&mut line, vec![message]).len(), 1);
    assert_eq!(line.desk.node.calls(), 1);
}

/// How many messages were sent on a connection.
fn sent_all(outputs: &[Output], on: StreamId) -> usize {
    let sent = |o: &&Output| matches!(o, Output::Send { stream, .. } if *stream == on);
    outputs.iter().filter(sent).count()
}

/// Many connections of one address count as one; those of another are not concerned.
#[test]
fn a_flood_on_many_connections_of_one_address_waits() {
    let mut desk = Desk::with(limited(|limits| {
        limits.messages_per_source = Allowance { rate: 10, burst: 30 };
    }));
    let keepalives = [3, 0, 0, 4].repeat(20);
    let halts = [0, 1, 2].map(|n| {
        let (stream, _) = connects(&mut desk, n, STRANGER);
        halted(&desk.tell(Input::Bytes { stream, bytes: &keepalives }), stream)
    });
    assert_eq!(halts, [None, Some(Duration::from_millis(250)), Some(Duration::from_millis(250))]);
    assert_eq!(calls(&mut desk, 9, CALLER, &setup(9, |_| ())), None, "another calls");
    assert_eq!(desk.node.counters().throttled, 2);
    for _ in 0..4 {
        desk.wait(1);
    }
    let before = desk.node.counters().throttled;
    let (stream, _) = connects(&mut desk, 4, STRANGER);
    let outputs = desk.tell(Input::Bytes { stream, bytes: &[3, 0, 0, 4] });
    assert_eq!(halted(&outputs, stream), None, "and the first, after a while");
    assert_eq!(desk.node.counters().throttled, before);
}

/// A peer that has much to say for long is heard as fast as it may speak, and keeps its call.
#[test]
fn a_connection_that_does_not_stop_flooding_keeps_its_call_and_waits() {
    let mut line = call_with(limited(|limits| {
        limits.messages = Allowance { rate: 10, burst: 50 };
    }));
    line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
    let burst = [3, 0, 0, 4].repeat(100);
    let outputs = line.desk.tell(Input::Bytes { stream: line.caller, bytes: &burst });
    assert_eq!(halted(&outputs, line.caller), Some(Duration::from_millis(250)));
    let mut halts = 1;
    for _ in 0..600 {
        line.desk.now += Duration::from_millis(100);
        let outputs = line.desk.tell(Input::Timeout);
        if halted(&outputs, line.caller).is_none() {
            continue;
        }
        halts += 1;
        // A host that reads four kibibytes whenever it may.
        line.desk.tell(Input::Bytes { stream: line.caller, bytes: &burst });
    }
    assert!(halts > 100, "{halts}");
    assert_eq!(line.desk.node.calls(), 1);
    assert_eq!(line.desk.node.counters().throttled, halts);
}

/// A host that goes on reading all the same, or a world that has no other end, does not fill memory.
#[test]
fn what_waits_is_bounded() {
    let mut line = call_with(limited(|limits| {
        limits.messages = Allowance { rate: 10, burst: 50 };
    }));
    line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
    let burst = [3, 0, 0, 4].repeat(1000);
    let ends = (1..).find(|_| {
        let outputs = line.desk.tell(Input::Bytes { stream: line.caller, bytes: &burst });
        closed(&outputs, line.caller)
    });
    assert_eq!(ends, Some(263), "a mebibyte");
}

/// A part of a message that has to wait is not late.
#[test]
fn who_waits_in_the_midst_of_a_message_is_not_called_slow() {
    let mut line = call_with(limited(|limits| {
        limits.messages = Allowance { rate: 1, burst: 20 };
    }));
    line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
    let burst = [3, 0, 0, 4].repeat(40);
    line.desk.tell(Input::Bytes { stream: line.caller, bytes: &burst });
    line.desk.tell(Input::Bytes { stream: line.caller, bytes: &[3, 0] });
    for _ in 0..21 {
        line.desk.wait(1);
    }
    line.desk.tell(Input::Bytes { stream: line.caller, bytes: &[0, 4] });
    for _ in 0..30 {
        line.desk.wait(1);
    }
    assert_eq!(line.desk.node.calls(), 1);
}

#[test]
fn a_capability_set_larger_than_any_real_one_is_rejected() {
    let mut settings = limited(|limits| limits.capabilities = 20);
    settings.mode = Mode::Proxied;
    let mut line = call_with(settings);
    line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
    let set = |count: u16| {
        let mut set = Control::terminal_capability_set(9, &[]);
        set.edit(|message| {
            let Message::request(Request::terminalCapabilitySet(set)) = message else { panic!() };
            let entry = |n| CapabilityTableEntry {
                capability_table_entry_number: pinhole_h323::asn::h245::CapabilityTableEntryNumber(
                    n,
                ),
                capability: None,
            };
            set.capability_table = Some((1..=count).map(entry).collect());
            set.capability_descriptors = None;
        });
        set.encode().unwrap()
    };
    assert_eq!(tunnelled(&mut line, vec![set(20)]), [set(20)]);
    let facility_to_called = |outputs: Vec<Output>, called| sent(&outputs, called);
    let connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    let leg = Leg {
        crv: connect.q931().crv(),
        from_destination: true,
        call_id: connect.call_id().unwrap(),
        tunnelling: true,
    };
    let mut facility = Signal::transport(leg);
    facility.set_h245_control(vec![set(21)]);
    let bytes = tpkt::wrap(&facility.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let answer = facility_to_called(outputs, line.called).expect("an answer");
    let rejects = answer.h245_control().iter().any(|octets| {
        let control = Control::decode(octets).unwrap();
        let Message::response(response) = control.message() else { return false };
        matches!(&**response, Response::terminalCapabilitySetReject(reject) if reject.sequence_number.0 == 9)
    });
    assert!(rejects, "{answer:?}");
}

/// What is asked for each request costs no more when there are many calls.
#[test]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn many_calls_make_no_request_slow() {
    let mut desk = Desk::with(limited(|limits| {
        limits.setups = Allowance { rate: 10_000, burst: 10_000 };
        limits.calls_per_source = 10_000;
        limits.messages_per_source = Allowance { rate: 100_000, burst: 100_000 };
    }));
    let (peer, call) =
        (CALLER.parse::<SocketAddr>().unwrap().ip(), pinhole_h323::id::CallId([1; 16]));
    let endpoint = EndpointId::from("nobody");
    let once = |desk: &mut Desk| {
        let begin = Instant::now();
        for _ in 0..2000 {
            assert!(desk.node.calls.made_from(peer) > 0 && desk.node.calls.are_with(peer));
            assert!(!desk.node.calls.has_party(&endpoint));
            let cx = Cx { now: desk.now, core: &mut desk.node.core };
            assert!(!zone::is_asked(&cx, call));
        }
        begin.elapsed()
    };
    // The best of several: the others have been interrupted.
    let cost = |desk: &mut Desk| (0..9).map(|_| once(desk)).min().expect("nine");
    let begins = |desk: &mut Desk, from: u16, to: u16| {
        for n in from..to {
            let mut bytes = Signal::decode(&octets(SETUP)[4..]).unwrap();
            bytes.edit(|pdu| {
                let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
                let [high, low] = n.to_be_bytes();
                let id = [[high, low]; 8].concat().try_into().unwrap();
                setup.call_identifier = Some(pinhole_h323::id::CallId(id).into());
            });
            let bytes = tpkt::wrap(&bytes.encode().unwrap()).unwrap();
            let (stream, _) = connects(desk, u64::from(n) + 1000, CALLER);
            let input = Input::Bytes { stream, bytes: &bytes };
            desk.node.handle_input(desk.now, input);
            while !matches!(desk.node.poll_output(), Output::Timeout(_)) {}
        }
    };
    begins(&mut desk, 1, 11);
    let few = cost(&mut desk);
    begins(&mut desk, 11, 1011);
    assert_eq!(desk.node.calls(), 1010);
    let many = cost(&mut desk);
    assert!(many < few * 20, "{many:?} with 1010 calls, {few:?} with 10");
    println!("{few:?} with 10 calls, {many:?} with 1010");
}

/// Made-up addresses leave a party of a call that is not registered what it may send.
#[test]
fn parties_of_calls_have_what_they_may_whoever_else_comes() {
    let mut line = call_with(limited(|limits| limits.ras = Allowance { rate: 1, burst: 2 }));
    let says = |desk: &mut Desk, from: SocketAddr| {
        let before = desk.node.counters().throttled;
        let input = Input::Datagram { socket: SocketId(0), from, bytes: &[0xff] };
        desk.node.handle_input(desk.now, input);
        desk.node.counters().throttled == before
    };
    let made_up = |n: u32| SocketAddr::new(std::net::Ipv4Addr::from(0x0b00_0000 + n).into(), 1719);
    for n in 0..17_000 {
        says(&mut line.desk, made_up(n));
    }
    line.desk.drain();
    assert!(!says(&mut line.desk, made_up(20_000)), "they share what is left");
    assert!(says(&mut line.desk, CALLER.parse().unwrap()));
}

/// The allowance of the configuration counts for each address, and made-up addresses leave the parties of a live call what
/// they may.
#[test]
fn parties_of_calls_may_try_to_call_whoever_else_does() {
    let text = "[Pinhole::Limits]\nSetupsPerSource=1\n";
    let setups = gateways::settings(text).limits.setups;
    let mut line = call_with(limited(|limits| (limits.setups, limits.calls) = (setups, 1)));
    let desk = &mut line.desk;
    let refused = Some((Some(47), Some(Release::GatekeeperResources)));
    let (bytes, mut n) = (setup(1, |_| ()), 1000);
    // There is a call, so that none of these becomes one; it counts why.
    let mut tries = |desk: &mut Desk, peer: &str| {
        n += 1;
        let (stream, _) = connects(desk, n, peer);
        let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
        let release = sent(&outputs, stream).expect("ReleaseComplete");
        assert_eq!(Some((release.q931().cause(), release.release())), refused);
        let counters = desk.node.counters();
        (counters.throttled, counters.crowded)
    };
    let burst = u64::from(setups.burst);
    let last = (0..burst + 3).map(|_| tries(desk, STRANGER)).last();
    assert_eq!(last, Some((3, burst)));
    desk.wait(1);
    assert_eq!([tries(desk, STRANGER), tries(desk, STRANGER)], [(3, burst + 1), (4, burst + 1)]);
    let before = desk.node.counters();
    for n in 0..17_000 {
        tries(desk, &format!("{}:7000", std::net::Ipv4Addr::from(0x0b00_0000 + n)));
    }
    let after = desk.node.counters();
    assert!(after.throttled > before.throttled, "they share what is left");
    let newcomer = tries(desk, "203.0.113.99:7000");
    assert_eq!(newcomer, (after.throttled + 1, after.crowded));
    let called = CALLED.replace("1720", "7000");
    assert_eq!(tries(desk, &called), (newcomer.0, newcomer.1 + 1), "it has its own");
}
