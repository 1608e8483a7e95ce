//! What equipment does that has several addresses, or is of the first days of H.323.

use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::cause::Release;
use pinhole_h323::control::{Accept, Control};
use pinhole_h323::{Signal, tpkt};

use super::channels::open;
use super::fast_start::{CALLER, CONNECT, call_edited, captured_setup, sent};
use super::ras::{ALICE, BOB, arq, ask, at, confirmed, known, open_rrq, register};
use super::talk::Talk;
use super::*;
use crate::face::{FlowCommand, PairId, Side};
use crate::media::{Batch, Channel, Table};

#[test]
fn of_the_addresses_that_an_endpoint_lists_the_one_counts_that_it_comes_from() {
    let own = |port: u16| SocketAddr::new(at(BOB).ip(), port);
    let lists = [
        vec![at("[2001:db8::20]:1720"), own(1720)],
        vec![own(1720), at("10.0.0.2:1720")],
        vec![at("10.0.0.2:1720"), at("192.0.2.99:1720"), own(1720)],
    ];
    for list in lists {
        let mut desk = Desk::new();
        let id = register(&mut desk, "alice", ALICE);
        let rrq = open_rrq("bob", BOB, |request| {
            request.call_signal_address = list.iter().map(|at| to_h225(*at)).collect();
            let ras = list.iter().map(|told| SocketAddr::new(told.ip(), 1719));
            request.ras_address = ras.map(to_h225).collect();
        });
        confirmed(&desk.ask(BOB, &rrq));
        let bob = known(&desk, "bob").unwrap();
        assert_eq!((bob.natted, bob.signalling, bob.ras), (false, Some(own(1720)), own(1719)));
        let answers = ask(&mut desk, ALICE, arq(&id, 1, "bob"));
        assert!(matches!(&answers[..], [RasMessage::admissionConfirm(_)]), "{answers:?}");
    }
    // None of them is where it comes from: behind a NAT, or another host's.
    let mut desk = Desk::new();
    let rrq = open_rrq("bob", BOB, |request| {
        let told = ["[2001:db8::20]:1720", "10.0.0.2:1720"].map(|told| to_h225(at(told)));
        request.call_signal_address = told.to_vec();
    });
    confirmed(&desk.ask(BOB, &rrq));
    assert!(known(&desk, "bob").is_some_and(|bob| bob.natted));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
fn connections_come_from_the_only_address_of_a_kind_and_else_from_where_the_routes_say() {
    let locals = ["198.51.100.2", "198.51.100.3", "2001:db8::2", "127.0.0.1", "::1"];
    let locals = locals.map(|ip| ip.parse().unwrap()).to_vec();
    let node = Node::new(Settings::default(), locals, [1; 32], Instant::now());
    let from = |peer: &str| node.core.only_local(peer.parse().unwrap());
    assert_eq!(from("2001:db8:1::9"), "2001:db8::2".parse().ok());
    assert_eq!(from("::1"), "::1".parse().ok());
    assert_eq!(from("127.0.0.9"), "127.0.0.1".parse().ok());
    assert_eq!(from("192.0.2.9"), None);
}

/// Version 1 of H.225.0 knows no callIdentifier.
#[test]
fn a_setup_without_call_identifier_is_answered() {
    let mut desk = Desk::new();
    let mut setup = captured_setup();
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        setup.call_identifier = None;
        setup.destination_address = Some(vec![Alias::from_text("bob").to_asn()]);
    });
    let (stream, peer, local) = (StreamId::accepted(7), at(CALLER), at("198.51.100.2:1720"));
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    let release = sent(&outputs, stream).expect("ReleaseComplete");
    assert_eq!(release.release(), Some(Release::UndefinedReason));
    assert_eq!((release.call_id(), release.crv()), (None, setup.crv()));
    assert!(release.q931().from_destination());
    let closed = |output: &Output| matches!(output, Output::Close { stream: of } if *of == stream);
    assert!(outputs.iter().any(closed), "{outputs:?}");
    let told = |output: &Output| matches!(output, Output::Event(Event::CallRefused { .. }));
    assert!(outputs.iter().any(told), "{outputs:?}");
}

/// How much of ten packets of RTP passes that come from an address to the port of A's side.
fn passed(table: &mut Table, now: Instant, pair: PairId, from: &str) -> usize {
    let arrives = |sequence: u8| {
        let packet = [0x80, 8, 0, sequence, 0, 0, 0, 160, 0, 0, 0, 9, 0xd5, 0xd5];
        let mut batch = Batch::default();
        batch.room().unwrap()[..packet.len()].copy_from_slice(&packet);
        let leaving = table.relay(now, (pair, Channel::Rtp), at(from), &mut batch, packet.len());
        leaving.map(|leaving| leaving.egress().to)
    };
    let all = (0..10).filter_map(arrives).collect::<Vec<_>>();
    assert!(all.iter().all(|to| *to == at("198.51.100.20:5000")), "{all:?}");
    all.len()
}

/// A second video of EdgeProtect tells RTCP of another host, others tell port 0; and as it goes in one direction, no
/// acknowledgement of theirs ever tells another address.
#[test]
fn media_in_one_direction_passes_whatever_was_told_of_its_reports() {
    for told in ["10.0.0.7:5001", "198.51.100.10:0", "0.0.0.0:5001", "198.51.100.10:5001"] {
        let mut talk = Talk::plain();
        let mut outputs = talk.tell(Side::A, &Control::open(open(7, 2, told))).outputs;
        let (media, control) = (at("198.51.100.20:5000"), at("198.51.100.20:5001"));
        let ack =
            Accept { channel: 7, session: Some(2), media: Some(media), control: Some(control) };
        outputs.extend(talk.tell(Side::B, &Control::accept(ack.to_asn())).outputs);
        let commands = outputs.into_iter().filter_map(|output| match output {
            Output::Flow(command) => Some(command),
            _ => None,
        });
        let (mut table, mut pair) = (Table::default(), None);
        for command in commands {
            if let FlowCommand::Open { pairs, .. } = &command {
                pair = Some(pairs[0]);
            }
            table.command(command);
        }
        let (pair, now) = (pair.expect("a flow"), talk.desk.now);
        assert_eq!(passed(&mut table, now, pair, "203.0.113.66:5000"), 0, "{told}: a stranger");
        assert_eq!(passed(&mut table, now, pair, "198.51.100.10:5000"), 8, "{told}");
        assert_eq!(passed(&mut table, now, pair, "203.0.113.66:5000"), 0, "{told}: a stranger");
    }
}

/// Our connections carry one call each, whatever those of the other leg can.
#[test]
fn nobody_is_promised_that_a_connection_outlives_its_call() {
    let mut line = call_edited(Settings::default(), |setup| {
        setup.edit(|pdu| {
            let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
            (setup.multiple_calls, setup.maintain_connection) = (Some(true), Some(true));
        });
    });
    let Some(Body::setup(setup)) = line.setup.body() else { panic!() };
    assert_eq!((setup.multiple_calls, setup.maintain_connection), (Some(false), Some(false)));
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    connect.edit(|pdu| {
        let Body::connect(connect) = &mut pdu.h323_message_body else { panic!() };
        (connect.multiple_calls, connect.maintain_connection) = (None, Some(true));
    });
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let connect = sent(&outputs, line.caller).expect("Connect");
    let Some(Body::connect(connect)) = connect.body() else { panic!() };
    assert_eq!((connect.multiple_calls, connect.maintain_connection), (None, Some(false)));
}
