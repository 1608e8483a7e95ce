//! Fast start of real endpoints: every address that passes is ours.

use pinhole_h323::Signal;
use pinhole_h323::address::{from_h225, from_h245};
use pinhole_h323::asn::decode_olc;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::asn::h245::{
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
};
use pinhole_h323::h46019::Traversal;
use pinhole_h323::tpkt;

use super::*;
use crate::face::{FlowCommand, Party, Ports, Side};

/// Setup of h323plus at 198.51.100.10 with G.711 both ways, to 198.51.100.20.
#[rustfmt::skip]
pub(super) const SETUP: &str = "0300014d080242b40504038090a52804657031007e01360520b8060008914a000701400200650070003122c00900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e302900000001400200650070003200c633641406b8001cd6ade8a4e3f111995e3afa59a46100006d1da00700c633640ad7c2110092ceade8a4e3f111995e3afa59a461008099042a400000060401004c2013801e9c000100c633640a138800c633640a1389010b300080b080018001fc0040200000640c201380188d000100c633640a138900800b300080b080018001fc00402a400000060401004c6013801e9c000100c633640a138800c633640a1389010b300080b080018001fc0040200000650c601380188d000100c633640a138900800b300080b080018001fc00400100010001000100070120656e2d757302800180";
/// Its answer: one channel each way is accepted, with ports 5000 and 5001 of 198.51.100.20.
#[rustfmt::skip]
pub(super) const CONNECT: &str = "030000d30802c2b4072804657032007e00c1052280060008914a000722c00900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e30290000001cd6ade8a4e3f111995e3afa59a461000f1e110092ceade8a4e3f111995e3afa59a461004d0224400064060401004c201380188d000100c6336414138900800b300080b080018001fc0040260000640c2013801e9c000100c6336414138800c63364141389010b300080b080018001fc004001000100070120656e2d757302800180";

pub(super) const CALLER: &str = "198.51.100.10:55234";
pub(super) const CALLED: &str = "198.51.100.20:1720";
/// The node's address in these tests.
const NODE: &str = "198.51.100.2";

/// Every address of a fast-start element, and where it asks for keepalives.
fn addresses(octets: &[u8]) -> (Vec<SocketAddr>, Option<SocketAddr>) {
    let olc = decode_olc(octets).unwrap();
    let mut all = Vec::new();
    if let Forward::h2250LogicalChannelParameters(parameters) =
        &olc.forward_logical_channel_parameters.multiplex_parameters
    {
        all.extend([&parameters.media_channel, &parameters.media_control_channel]);
    }
    let reverse = olc.reverse_logical_channel_parameters.as_ref();
    if let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
        reverse.and_then(|reverse| reverse.multiplex_parameters.as_ref())
    {
        all.extend([&parameters.media_channel, &parameters.media_control_channel]);
    }
    let keepalive = Traversal::read(olc.generic_information.as_ref()).unwrap();
    let all = all.into_iter().flatten().map(|address| from_h245(address).unwrap()).collect();
    (all, keepalive.and_then(|traversal| traversal.keep_alive_channel))
}

fn only_ours(signal: &Signal) -> usize {
    only(signal, NODE)
}

/// Every address of its fast start is this one; how many elements there are.
fn only(signal: &Signal, ours: &str) -> usize {
    for octets in signal.fast_start() {
        let (all, _) = addresses(octets);
        assert!(!all.is_empty());
        assert!(all.iter().all(|address| address.ip().to_string() == ours), "{all:?}");
    }
    signal.fast_start().len()
}

/// A call of the captured caller to whoever `called` is; its signalling streams.
pub(super) struct Line {
    pub(super) desk: Desk,
    pub(super) caller: StreamId,
    pub(super) called: StreamId,
    pub(super) setup: Signal,
    pub(super) outputs: Vec<Output>,
}

pub(super) fn sent(outputs: &[Output], on: StreamId) -> Option<Signal> {
    outputs.iter().find_map(|output| match output {
        Output::Send { stream, bytes } if *stream == on => {
            let (payload, _) = tpkt::split_first(bytes).unwrap().unwrap();
            Some(Signal::decode(payload).unwrap())
        }
        _ => None,
    })
}

fn parties(outputs: &[Output]) -> Vec<(Side, Party)> {
    let told = outputs.iter().filter_map(|output| match output {
        Output::Flow(FlowCommand::Party { side, party, .. }) => Some((*side, *party)),
        _ => None,
    });
    told.collect()
}

/// Calls a plain endpoint at 198.51.100.20.
pub(super) fn call() -> Line {
    call_with(Settings::default())
}

pub(super) fn call_with(settings: Settings) -> Line {
    call_edited(settings, |_| {})
}

/// The captured Setup.
pub(super) fn captured_setup() -> Signal {
    Signal::decode(&octets(SETUP)[4..]).unwrap()
}

/// The same with other words in Setup.
pub(super) fn call_edited(settings: Settings, edit: impl FnOnce(&mut Signal)) -> Line {
    let mut setup = Signal::decode(&octets(SETUP)[4..]).unwrap();
    edit(&mut setup);
    let setup = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let mut desk =
        Desk::with(Settings { accept_unregistered: true, unregistered_anywhere: true, ..settings });
    let (caller, peer) = (StreamId::accepted(1), CALLER.parse().unwrap());
    let local = SocketAddr::new(NODE.parse().unwrap(), 1720);
    desk.tell(Input::Accepted { listener: ListenerId(0), stream: caller, local, peer });
    let outputs = desk.tell(Input::Bytes { stream: caller, bytes: &setup });
    let dialled = outputs.iter().find_map(|output| match output {
        Output::Connect { stream, to, .. } => Some((*stream, *to)),
        _ => None,
    });
    let (called, to) = dialled.unwrap_or_else(|| panic!("no connection: {outputs:?}"));
    assert_eq!(to, CALLED.parse().unwrap());
    let local = SocketAddr::new(NODE.parse().unwrap(), 40_404);
    let outputs = desk.tell(Input::Connected { stream: called, local });
    let setup = sent(&outputs, called).expect("Setup");
    Line { desk, caller, called, setup, outputs }
}

#[test]
fn proposals_and_answers_carry_our_addresses() {
    let mut line = call();
    assert_eq!(only_ours(&line.setup), 4);
    let Some(Body::setup(setup)) = line.setup.body() else { panic!() };
    let source = setup.source_call_signal_address.as_ref().and_then(from_h225).unwrap();
    assert_eq!(source.to_string(), "198.51.100.2:1720");
    let caller = CALLER.parse::<SocketAddr>().unwrap().ip();
    let ports = Ports::Signalled { rtp: Some(5000), rtcp: Some(5001) };
    assert_eq!(parties(&line.outputs).last(), Some(&(Side::A, Party { ip: caller, ports })));

    let stream = line.called;
    let outputs = line.desk.tell(Input::Bytes { stream, bytes: &octets(CONNECT) });
    let connect = sent(&outputs, line.caller).expect("Connect");
    assert_eq!(only_ours(&connect), 2);
    let called = CALLED.parse::<SocketAddr>().unwrap().ip();
    assert_eq!(parties(&outputs).last(), Some(&(Side::B, Party { ip: called, ports })));
    let closed = outputs.iter().any(|o| matches!(o, Output::Flow(FlowCommand::Close { .. })));
    assert!(!closed, "one session serves all proposals");
}

#[test]
fn proposals_that_nobody_accepts_are_closed() {
    let mut line = call();
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    connect.set_fast_start(Vec::new());
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let closed = outputs.iter().any(|o| matches!(o, Output::Flow(FlowCommand::Close { .. })));
    assert!(closed, "{outputs:?}");
}

#[test]
fn what_was_not_proposed_cannot_be_accepted() {
    let mut line = call();
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    let elements: Vec<Vec<u8>> = connect.fast_start().into_iter().map(<[u8]>::to_vec).collect();
    let mut foreign = decode_olc(&elements[1]).unwrap();
    if let Forward::h2250LogicalChannelParameters(parameters) =
        &mut foreign.forward_logical_channel_parameters.multiplex_parameters
    {
        parameters.session_id = 2;
    }
    connect.set_fast_start(vec![pinhole_h323::asn::encode_olc(&foreign).unwrap(), vec![0xff; 9]]);
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    let connect = sent(&outputs, line.caller).expect("Connect");
    assert_eq!(connect.fast_start().len(), 0);
}

#[test]
fn peers_outside_are_told_the_external_address_in_every_field() {
    const EXTERNAL: &str = "203.0.113.200";
    let external = Some(EXTERNAL.parse().unwrap());
    let mut line = call_with(Settings { external, ..Settings::default() });
    assert_eq!(only(&line.setup, EXTERNAL), 4);
    let Some(Body::setup(setup)) = line.setup.body() else { panic!() };
    let source = setup.source_call_signal_address.as_ref().and_then(from_h225).unwrap();
    assert_eq!(source.ip().to_string(), EXTERNAL);
    let stream = line.called;
    let outputs = line.desk.tell(Input::Bytes { stream, bytes: &octets(CONNECT) });
    assert_eq!(only(&sent(&outputs, line.caller).expect("Connect"), EXTERNAL), 2);
}

#[test]
fn media_is_not_sent_to_our_own_ports_nor_to_addresses_of_nobody() {
    for told in [NODE, "0.0.0.0", "224.0.0.1", "255.255.255.255"] {
        let mut line = call();
        let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
        let told = SocketAddr::new(told.parse().unwrap(), 5000);
        let elements = connect.fast_start().into_iter().map(|octets| {
            let mut olc = decode_olc(octets).unwrap();
            if let Forward::h2250LogicalChannelParameters(parameters) =
                &mut olc.forward_logical_channel_parameters.multiplex_parameters
            {
                parameters.media_channel = Some(pinhole_h323::address::to_h245(told));
                parameters.media_control_channel = None;
            }
            if let Some(reverse) = &mut olc.reverse_logical_channel_parameters
                && let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
                    &mut reverse.multiplex_parameters
            {
                parameters.media_control_channel = Some(pinhole_h323::address::to_h245(told));
            }
            pinhole_h323::asn::encode_olc(&olc).unwrap()
        });
        let elements = elements.collect();
        connect.set_fast_start(elements);
        let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
        let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
        assert_eq!(only_ours(&sent(&outputs, line.caller).expect("Connect")), 2);
        assert_eq!(parties(&outputs), [], "{told}");
    }
}

#[test]
fn a_message_of_another_call_on_the_connection_does_not_end_this_one() {
    let mut line = call();
    let leg = |crv: u16| pinhole_h323::signal::Leg {
        crv: pinhole_h323::id::Crv::new(crv),
        from_destination: true,
        call_id: line.setup.call_id().unwrap(),
        tunnelling: false,
    };
    let reason = pinhole_h323::cause::Release::UndefinedReason;
    let own = line.setup.crv().value();
    let releases = [own ^ 1, own].map(|crv| {
        let release = Signal::release_complete(leg(crv), reason, None);
        tpkt::wrap(&release.encode().unwrap()).unwrap()
    });
    let stream = line.called;
    let outputs = line.desk.tell(Input::Bytes { stream, bytes: &releases[0] });
    assert_eq!((outputs.len(), line.desk.node.calls()), (0, 1), "{outputs:?}");
    let outputs = line.desk.tell(Input::Bytes { stream, bytes: &releases[1] });
    assert!(outputs.iter().any(|o| matches!(o, Output::Close { .. })), "{outputs:?}");
}
