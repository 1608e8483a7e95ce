//! Data channels: T.120 over TCP, T.38 over UDP and TCP, far-end camera (H.224) over RTP.

use pinhole_h323::address::{from_h245, to_h245};
use pinhole_h323::asn::h245::{
    DataApplicationCapability, DataApplicationCapabilityApplication as Application,
    DataApplicationCapabilityApplicationT38fax as Fax, DataProtocolCapability as Protocol,
    DataType, LogicalChannelNumber, NetworkAccessParameters,
    NetworkAccessParametersNetworkAddress as NetworkAddress, OpenLogicalChannel,
    OpenLogicalChannelAck, ResponseMessage as Response,
};
use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as Message,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
};
use pinhole_h323::control::Control;

use super::channels::{at, open, opened};
use super::talk::Talk;
use super::*;
use crate::face::{FlowCommand, Ports, Side};

const NODE: &str = "198.51.100.2";

fn stack(told: &str) -> Option<Box<NetworkAccessParameters>> {
    Some(Box::new(NetworkAccessParameters {
        network_address: NetworkAddress::localAreaAddress(to_h245(at(told))),
        ..Default::default()
    }))
}

fn address(stack: Option<&NetworkAccessParameters>) -> Option<SocketAddr> {
    match &stack?.network_address {
        NetworkAddress::localAreaAddress(address) => from_h245(address),
        _ => None,
    }
}

fn data(application: Application) -> DataType {
    let capability = DataApplicationCapability { application, ..Default::default() };
    DataType::data(Box::new(capability))
}

pub(super) fn channel(application: Application, told: Option<&str>) -> OpenLogicalChannel {
    let mut olc = open(9, 3, "198.51.100.10:5011");
    olc.forward_logical_channel_parameters.data_type = data(application);
    olc.separate_stack = told.and_then(stack);
    olc
}

pub(super) fn t120(told: Option<&str>) -> Control {
    Control::open(channel(Application::t120(Box::new(Protocol::separateLANStack(()))), told))
}

pub(super) fn fax(protocol: Protocol) -> Application {
    Application::t38fax(Box::new(Fax { t38_fax_protocol: protocol, ..Default::default() }))
}

pub(super) fn ack(told: Option<&str>) -> Control {
    Control::accept(OpenLogicalChannelAck {
        forward_logical_channel_number: LogicalChannelNumber(9),
        separate_stack: told.and_then(stack),
        ..Default::default()
    })
}

fn acked(control: &Control) -> &OpenLogicalChannelAck {
    let Message::response(response) = control.message() else { panic!("{control:?}") };
    let Response::openLogicalChannelAck(ack) = &**response else { panic!("{control:?}") };
    ack
}

fn dialled(outputs: &[Output]) -> Option<(StreamId, SocketAddr)> {
    outputs.iter().find_map(|output| match output {
        Output::Connect { stream, to, .. } => Some((*stream, *to)),
        _ => None,
    })
}

fn sent(outputs: &[Output]) -> Vec<(StreamId, Vec<u8>)> {
    let all = outputs.iter().filter_map(|output| match output {
        Output::Send { stream, bytes } => Some((*stream, bytes.clone())),
        _ => None,
    });
    all.collect()
}

fn closed(outputs: &[Output]) -> Vec<StreamId> {
    let all = outputs.iter().filter_map(|output| match output {
        Output::Close { stream } => Some(*stream),
        _ => None,
    });
    all.collect()
}

fn unbound(outputs: &[Output]) -> usize {
    outputs.iter().filter(|o| matches!(o, Output::Unbind(Bind::Tcp(_)))).count()
}

/// The called party listens at 1503; the caller connects to our address.
fn standing() -> (Talk, [StreamId; 2]) {
    let mut talk = Talk::plain();
    let said = talk.tell(Side::A, &t120(None));
    assert_eq!(
        (said.flows(), address(opened(&said.forwarded()).separate_stack.as_deref())),
        ((0, 0), None)
    );
    let said = talk.tell(Side::B, &ack(Some("198.51.100.20:1503")));
    let ours = address(acked(&said.forwarded()).separate_stack.as_deref()).expect("an address");
    assert_eq!(ours.ip().to_string(), NODE);
    let (listener, stream) = (talk.desk.listener(ours), StreamId::accepted(50));
    let peer = at("198.51.100.10:33333");
    let outputs = talk.desk.tell(Input::Accepted { listener, stream, local: ours, peer });
    let (there, to) = dialled(&outputs).expect("a connection");
    assert_eq!(to, at("198.51.100.20:1503"));
    (talk, [stream, there])
}

#[test]
fn t120_goes_through_us_octet_for_octet() {
    let (mut talk, [here, there]) = standing();
    // The host keeps it until the connection stands.
    let outputs = talk.desk.tell(Input::Bytes { stream: here, bytes: &[3, 0, 0] });
    assert_eq!(sent(&outputs), [(there, vec![3, 0, 0])]);
    talk.desk.tell(Input::Connected { stream: there, local: at("198.51.100.2:55555") });
    let outputs = talk.desk.tell(Input::Bytes { stream: there, bytes: &[0xff; 5000] });
    assert_eq!(sent(&outputs), [(here, vec![0xff; 5000])]);
    let outputs = talk.desk.tell(Input::Closed { stream: there });
    assert_eq!(closed(&outputs), [here]);
    // The channel is closed: so is its listener.
    let said = talk.tell(Side::A, &Control::close(9));
    assert_eq!(unbound(&said.outputs), 1);
}

#[test]
fn the_opener_of_t120_may_listen() {
    let mut talk = Talk::plain();
    let said = talk.tell(Side::A, &t120(Some("198.51.100.10:1503")));
    let ours = address(opened(&said.forwarded()).separate_stack.as_deref()).expect("an address");
    assert_eq!(ours.ip().to_string(), NODE);
    talk.tell(Side::B, &ack(None));
    let (listener, stream) = (talk.desk.listener(ours), StreamId::accepted(50));
    // Only the other party may come.
    for (peer, comes) in
        [("198.51.100.10:9", false), ("192.0.2.66:9", false), ("198.51.100.20:9", true)]
    {
        let peer = at(peer);
        let outputs = talk.desk.tell(Input::Accepted { listener, stream, local: ours, peer });
        assert_eq!(dialled(&outputs).is_some(), comes, "{peer}");
        assert_eq!(closed(&outputs) == [stream], !comes);
    }
}

#[test]
fn the_end_of_the_call_ends_its_data_channels() {
    let (mut talk, [here, there]) = standing();
    let outputs = talk.desk.tell(Input::Closed { stream: talk.streams[0] });
    let closed = closed(&outputs);
    assert!(closed.contains(&here) && closed.contains(&there), "{closed:?}");
    assert_eq!(unbound(&outputs), 1);
}

#[test]
fn t120_has_so_many_connections_and_no_more() {
    let (mut talk, _) = standing();
    let ours = talk.desk.listeners.iter().find(|(id, _)| talk.desk.node.calls.waits_for_data(*id));
    let (listener, local) = *ours.expect("a listener");
    let peer = at("198.51.100.10:33334");
    let mut stands = 1;
    for number in 51..70 {
        let stream = StreamId::accepted(number);
        let outputs = talk.desk.tell(Input::Accepted { listener, stream, local, peer });
        stands += usize::from(dialled(&outputs).is_some());
    }
    assert_eq!(stands, 4);
}

#[test]
fn t120_to_another_host_or_to_one_behind_a_nat_is_refused() {
    // An address inside, as of a party that wants to see what answers there.
    let mut talk = Talk::plain();
    let said = talk.tell(Side::A, &t120(None));
    assert!(said.forward.is_some());
    for told in ["10.0.0.1:22", "198.51.100.2:1720", "127.0.0.1:80"] {
        let mut talk = Talk::plain();
        talk.tell(Side::A, &t120(None));
        let said = talk.tell(Side::B, &ack(Some(told)));
        assert_eq!(said.refusal().unwrap().0, "separateStackEstablishmentFailed");
        assert_eq!(
            (said.forwarded().name(), said.replied().name()),
            ("openLogicalChannelReject", "closeLogicalChannel")
        );
        assert_eq!(unbound(&said.outputs), 0);
    }
    // A client would have to listen.
    let mut talk = Talk::of_client(None);
    let said = talk.tell(Side::B, &t120(None));
    assert_eq!(said.replied().name(), "openLogicalChannelReject");
    assert!(said.refusal().unwrap().1.contains("behind a NAT"));
    // The other party does.
    let said = talk.tell(Side::B, &t120(Some("198.51.100.20:1503")));
    assert!(said.forward.is_some());
    // And so it does here: the address of the client is withheld.
    let said = talk.tell(Side::A, &t120(Some("10.10.1.2:1503")));
    assert_eq!(opened(&said.forwarded()).separate_stack, None);
}

#[test]
fn a_call_has_so_many_data_channels_and_no_more() {
    let mut talk = Talk::plain();
    for number in 1..=5 {
        let mut olc = channel(fax(Protocol::tcp(())), Some("198.51.100.10:1503"));
        olc.forward_logical_channel_number = LogicalChannelNumber(number);
        let said = talk.tell(Side::A, &Control::open(olc));
        assert_eq!(said.forward.is_some(), number <= 4);
    }
    let mut unbound_in_all = 0;
    for number in 1..=4 {
        unbound_in_all += unbound(&talk.tell(Side::A, &Control::close(number)).outputs);
    }
    assert_eq!(unbound_in_all, 4);
}

#[test]
fn t38_over_udp_is_relayed_though_it_is_no_rtp() {
    let mut talk = Talk::plain();
    let mut olc = channel(fax(Protocol::udp(())), None);
    let multiplex = &mut olc.forward_logical_channel_parameters.multiplex_parameters;
    if let Forward::h2250LogicalChannelParameters(parameters) = multiplex {
        parameters.media_control_channel = None;
    }
    let said = talk.tell(Side::A, &Control::open(olc));
    assert_eq!(said.flows(), (1, 0));
    let told = |o: &Output| matches!(o, Output::Flow(FlowCommand::Datagrams { .. }));
    assert_eq!(said.outputs.iter().filter(|o| told(o)).count(), 1);
    let forwarded = said.forwarded();
    let multiplex = &opened(&forwarded).forward_logical_channel_parameters.multiplex_parameters;
    let Forward::h2250LogicalChannelParameters(parameters) = multiplex else { panic!() };
    assert_eq!(parameters.media_control_channel, None, "T.38 has no RTCP");
}

#[test]
fn t38_over_udp_with_a_stack_of_its_own_has_our_address_there() {
    let mut talk = Talk::plain();
    let olc = channel(fax(Protocol::udp(())), Some("198.51.100.10:5020"));
    let said = talk.tell(Side::A, &Control::open(olc));
    let told = address(opened(&said.forwarded()).separate_stack.as_deref()).unwrap();
    assert_eq!(told.ip().to_string(), NODE);
    let party = said.parties().pop().unwrap();
    let Ports::Signalled { rtp, .. } = party.1.ports else { panic!() };
    assert_eq!((party.0, rtp), (Side::A, Some(5020)));
    let said = talk.tell(Side::B, &ack(Some("198.51.100.20:5022")));
    let told = address(acked(&said.forwarded()).separate_stack.as_deref()).unwrap();
    assert_eq!(told.ip().to_string(), NODE);
    let Ports::Signalled { rtp, .. } = said.parties().pop().unwrap().1.ports else { panic!() };
    assert_eq!(rtp, Some(5022));
}

#[test]
fn a_far_end_camera_is_a_session_like_any_other() {
    let mut talk = Talk::plain();
    let h224 = Application::h224(Box::new(Protocol::hdlcFrameTunnelling(())));
    let said = talk.tell(Side::A, &Control::open(channel(h224, None)));
    assert_eq!(said.flows(), (1, 0));
    let told = |o: &Output| matches!(o, Output::Flow(FlowCommand::Datagrams { .. }));
    assert!(!said.outputs.iter().any(told));
    assert_eq!(talk.tell(Side::A, &Control::close(9)).flows(), (0, 1));
}
