//! Multiplexed media of a real client (H.460.19 §8): it is told our identifier, and gets its own.

use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response,
};
use pinhole_h323::h46019::{Ability, Traversal};
use pinhole_h323::mux::MultiplexId;
use pinhole_h323::signal::Leg;
use pinhole_h323::{Control, Signal, tpkt};

use super::fast_start::{CONNECT, sent};
use super::*;
use crate::face::{FlowCommand, Party, Ports, Side};

/// Setup of an h323plus client that can multiplex, to "ep2".
#[rustfmt::skip]
const SETUP: &str = "030000db08026a580504038090a52804657031007e00c40520b8060008914a000701400200650070003122c00900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e302900000001400200650070003200c633640a06b80060430fb2a5e3f11185729e4af640c00800bd0fa00807000a0a0102bcc0110056430fb2a5e3f11185729e4af640c008010001001d1a003500320036003500360030003200380038005f0065006e0064007001000100070120656e2d75730901400013000000000102800180";
/// Its OpenLogicalChannel, tunnelled: RTCP multiplexed at 10.10.1.2:2777 with identifier 0x0e250f.
#[rustfmt::skip]
const OPEN: &str = "0300005f08026a58621c007e0051052810010004c00180470145038000640c201380188d0001000a0a01020ad900800b300080b080018001fc00400440210120070008834c1300010100161370000a0a01020ad8000a0a01020ad9800e250f";
/// Its OpenLogicalChannelAck, tunnelled: the same, and keepalives with payload type 127.
#[rustfmt::skip]
const ACK: &str = "0300005708026a58621c007e0049052810010004c001803f013d22c0006406a0135c00000a0a01020ad8000a0a01020ad9010100220120070008834c1300010100161474000a0a01020ad8000a0a01020ad9800e250ffe";
/// An acknowledgement of a party that knows nothing of H.460: its ports are 5000 and 5001.
const PLAIN_ACK: &str = "22c000640280135c0000c6336414138800c6336414138901 0100";

/// Setup of an h323plus client that can multiplex, with fast start: its forward proposals have the empty element of H.460.19.
#[rustfmt::skip]
const H323PLUS_FAST: &str = "030001c4080237290504038090a52806616c696365007e01ab0520b8060008914a00070140040061006c00690063006522c00900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e30290000000140020062006f006200c633640206b80042be2ac14debf1119d64ca9527ea7f9f00bd1fa00807000a000102be84110038be2ac14debf1119d64ca9527ea7f9f80b3042a400000060401004c2013801e9c0001000a000102138b000a000102138c010b300080b080018001fc00402d8000640c201380188d0001000a000102138c00800b300080b080018001fc004004400a0100070008834c1300012a400000060401004c6013801e9c0001000a000102138b000a000102138c010b300080b080018001fc00402d8000650c601380188d0001000a000102138c00800b300080b080018001fc004004400a0100070008834c130001010001004b4800330033003400380061003000370030003800360038003200620037003700370065006400390063003300620030003600310030006600320034003800630039005f0065006e0064007001000100070120656e2d75730901400013000000000102800180";
/// Setup of GnuGk 5.15, which can multiplex too, as the client of a traversal zone: its proposals say nothing of H.460.19.
#[rustfmt::skip]
const GNUGK_FAST: &str = "03000102080205f20504038090a528036570317e00ec0520b8060008914a000701400200650070003122c0b50000000c50696e686f6c652070686f6e6504302e312e300001400200650070003200c633640206b8000e50c3727b24fb5c34d9a5fdc3a6d34500bd1d800807000a00010306b81100a60333ffef8efa314c707f6af4cc82cf6704130000640c2013800b050001000a000103c35100130000650c6013800b050001000a000103c351001e400066060401004c20138012150001000a000103c350000a000103c351001e400067060401004c60138012150001000a000103c350000a000103c3510001000100010001000901400013000000000102800180";

const CALLED: &str = "198.51.100.20:1720";
const THEIRS: u32 = 0x000e_250f;

fn message_of(outputs: &[Output], on: StreamId) -> Option<Control> {
    outputs.iter().find_map(|output| match output {
        Output::Send { stream, bytes } if *stream == on => {
            let signal = Signal::decode(tpkt::split_first(bytes).unwrap().unwrap().0).unwrap();
            signal.h245_control().first().map(|octets| Control::decode(octets).unwrap())
        }
        _ => None,
    })
}

fn identifiers(outputs: &[Output]) -> Vec<(Side, Option<u32>, Option<u32>)> {
    let told = outputs.iter().filter_map(|output| match output {
        Output::Flow(FlowCommand::Multiplex { side, receive, send, .. }) => {
            Some((*side, *receive, *send))
        }
        _ => None,
    });
    told.collect()
}

/// Octets from the called party: this H.245 message in a Facility.
fn facility(message: &[u8], call: &Signal) -> Vec<u8> {
    let leg = Leg {
        crv: call.q931().crv(),
        from_destination: true,
        call_id: call.call_id().unwrap(),
        tunnelling: true,
    };
    let mut signal = Signal::transport(leg);
    signal.set_h245_control(vec![message.to_vec()]);
    tpkt::wrap(&signal.encode().unwrap()).unwrap()
}

/// The OpenLogicalChannel of the client, as somebody without H.460.19 would send it.
fn plain_open() -> Vec<u8> {
    let signal = Signal::decode(&octets(OPEN)[4..]).unwrap();
    let mut open = Control::decode(signal.h245_control()[0]).unwrap();
    open.edit(|message| {
        let Message::request(Request::openLogicalChannel(olc)) = message else { panic!() };
        olc.generic_information = None;
    });
    open.encode().unwrap()
}

fn traversal(control: &Control) -> Traversal {
    let information = match control.message() {
        Message::request(Request::openLogicalChannel(olc)) => olc.generic_information.as_ref(),
        Message::response(response) => match &**response {
            Response::openLogicalChannelAck(ack) => ack.generic_information.as_ref(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    Traversal::read(information).unwrap().expect("traversal parameters")
}

/// A call of the captured client to a plain endpoint at 198.51.100.20.
pub(super) struct Line {
    pub(super) desk: Desk,
    pub(super) setup: Signal,
    pub(super) caller: StreamId,
    pub(super) called: StreamId,
    pub(super) local: SocketAddr,
}

pub(super) fn line(multiplex_port: Option<u16>) -> Line {
    line_with(multiplex_port, |_| {}).0
}

/// The same with an edited Setup, and what came of that.
pub(super) fn line_with(
    multiplex_port: Option<u16>,
    edit: impl FnOnce(&mut Signal),
) -> (Line, Vec<Output>) {
    let mut desk = Desk::with(Settings { multiplex_port, ..Settings::default() });
    desk.register(NAT);
    // "ep2" is not registered: the call goes to the address that is put into Setup.
    let mut setup = Signal::decode(&octets(SETUP)[4..]).unwrap();
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        setup.destination_address = None;
        let called = CALLED.parse().unwrap();
        setup.dest_call_signal_address = Some(pinhole_h323::address::to_h225(called));
    });
    edit(&mut setup);
    let (caller, called) = (StreamId::accepted(1), StreamId(1));
    let local = SocketAddr::new("198.51.100.2".parse().unwrap(), 1720);
    let peer = NAT.parse().unwrap();
    desk.tell(Input::Accepted { listener: ListenerId(0), stream: caller, local, peer });
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let mut outputs = desk.tell(Input::Bytes { stream: caller, bytes: &bytes });
    outputs.extend(desk.tell(Input::Connected { stream: called, local }));
    (Line { desk, setup, caller, called, local }, outputs)
}

#[test]
fn a_client_that_can_multiplex_is_given_the_shared_ports() {
    let Line { mut desk, setup, caller, called, local } = line(Some(3000));

    // The client opens a channel: its RTCP arrives where it asked, marked as it asked.
    let outputs = desk.tell(Input::Bytes { stream: caller, bytes: &octets(OPEN) });
    let told = identifiers(&outputs);
    let ours = told[0].1.expect("an identifier of ours");
    assert!(ours != 0 && ours != THEIRS);
    assert_eq!(told.last(), Some(&(Side::A, Some(ours), Some(THEIRS))));
    let open = message_of(&outputs, called).expect("OpenLogicalChannel");
    let Message::request(Request::openLogicalChannel(olc)) = open.message() else { panic!() };
    assert_eq!(olc.generic_information, None, "the other party knows nothing of it");

    // The answer tells it where to send, and with which identifier.
    let ack: String = PLAIN_ACK.split(' ').collect();
    let bytes = facility(&octets(&ack), &setup);
    let outputs = desk.tell(Input::Bytes { stream: called, bytes: &bytes });
    let ack = message_of(&outputs, caller).expect("OpenLogicalChannelAck");
    let at = |port| Some(SocketAddr::new(local.ip(), port));
    let told = traversal(&ack);
    assert_eq!((told.media, told.control), (at(3000), at(3001)));
    assert_eq!(told.multiplex_id, Some(MultiplexId(ours)));
    let ip = "198.51.100.20".parse().unwrap();
    let ports = Ports::Signalled { rtp: Some(5000), rtcp: Some(5001) };
    let party = Party { ip, ports };
    let telling = |o: &Output| matches!(o, Output::Flow(FlowCommand::Party { side: Side::B, party: p, .. }) if *p == party);
    assert!(outputs.iter().any(telling), "{outputs:?}");

    // The other way: where to keep the shared ports open, and media comes marked.
    let bytes = facility(&plain_open(), &setup);
    let outputs = desk.tell(Input::Bytes { stream: called, bytes: &bytes });
    let open = message_of(&outputs, caller).expect("OpenLogicalChannel");
    let told = traversal(&open);
    assert_eq!(told.keep_alive_channel, at(3000));
    assert_eq!((told.multiplex_id, told.keep_alive_interval), (Some(MultiplexId(ours)), Some(19)));
    let outputs = desk.tell(Input::Bytes { stream: caller, bytes: &octets(ACK) });
    let learned = Ports::Learned { keepalive: Some(127), key: None };
    let party = Party { ip: NAT.parse::<SocketAddr>().unwrap().ip(), ports: learned };
    let telling = |o: &Output| matches!(o, Output::Flow(FlowCommand::Party { side: Side::A, party: p, .. }) if *p == party);
    assert!(outputs.iter().any(telling), "{outputs:?}");
}

/// h323plus that hears it has all its media sent to two ports, and then ends every call three seconds late.
#[test]
fn only_a_gatekeeper_configured_to_multiplex_says_that_it_can() {
    for port in [None, Some(3000)] {
        let mut line = line(port);
        // Connect, with the call reference of this call.
        let mut bytes = octets(CONNECT);
        bytes[6..8].copy_from_slice(&[0xea, 0x58]);
        let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
        let connect = sent(&outputs, line.caller).expect("Connect");
        let ours = Ability::read(connect.feature(19).expect("H.460.19"));
        assert_eq!(ours, Ability { server: true, transmit_multiplexed: port.is_some() });
    }
}

/// GnuGk does not look for an identifier in the answer to fast start, and sends without one: it gets ports of its own then.
#[test]
fn proposals_without_a_word_of_h460_19_are_not_multiplexed() {
    for (setup, multiplexed) in [(H323PLUS_FAST, true), (GNUGK_FAST, false)] {
        let proposed = Signal::decode(&octets(setup)[4..]).unwrap();
        let ability = Ability::read(proposed.feature(19).expect("H.460.19"));
        assert!(ability.transmit_multiplexed, "it says that it can");
        let proposals = proposed.fast_start().into_iter().map(<[u8]>::to_vec).collect();
        let (mut line, outputs) = line_with(Some(3000), |setup| {
            setup.set_fast_start(proposals);
        });
        let told =
            identifiers(&outputs).iter().any(|(side, ours, _)| *side == Side::A && ours.is_some());
        assert_eq!(told, multiplexed, "{outputs:?}");

        // What is opened later without fast start is multiplexed all the same.
        let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
        connect.set_fast_start(Vec::new());
        let mut bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
        bytes[6..8].copy_from_slice(&[0xea, 0x58]);
        line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
        let outputs = line.desk.tell(Input::Bytes { stream: line.caller, bytes: &octets(OPEN) });
        assert!(identifiers(&outputs).iter().any(|(_, ours, _)| ours.is_some()), "{outputs:?}");
    }
}
