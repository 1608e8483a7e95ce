//! Two endpoints that say what they are told: data channels, and media that goes elsewhere in the midst of a call.

use pinhole::face::{Bind, SocketId, StreamId};
use pinhole::node::Settings;
use pinhole_h323::address::{from_h245, to_h225, to_h245};
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::asn::h245::{
    DataApplicationCapability, DataApplicationCapabilityApplication as Application,
    DataApplicationCapabilityApplicationT38fax as Fax, DataProtocolCapability as Protocol,
    DataType, LogicalChannelNumber, MultimediaSystemControlMessage as Message,
    NetworkAccessParameters, NetworkAccessParametersNetworkAddress as NetworkAddress,
    OpenLogicalChannelAck, RequestMessage as Request, ResponseMessage as Response,
};
use pinhole_h323::control::{Accept, Audio, Codec, Control, Offer};
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, tpkt};

use super::lab::{Lab, NODE, Plan, lab};
use super::mutants::octets;
use crate::world::{Chop, HostId, Raw, at, millis, seconds};

/// Setup of h323plus, which tunnels.
#[rustfmt::skip]
pub(super) const SETUP: &str = "030000db08026a580504038090a52804657031007e00c40520b8060008914a000701400200650070003122c00900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233506c75732076312e32382e302900000001400200650070003200c633640a06b80060430fb2a5e3f11185729e4af640c00800bd0fa00807000a0a0102bcc0110056430fb2a5e3f11185729e4af640c008010001001d1a003500320036003500360030003200380038005f0065006e0064007001000100070120656e2d75730901400013000000000102800180";

pub(super) const CALLER: &str = "198.51.100.31";
pub(super) const CALLED: &str = "198.51.100.32";

/// A call between two raw hosts, over one signalling connection each. It is never answered, so it has thirty seconds.
pub(super) struct Line {
    pub(super) lab: Lab,
    pub(super) hosts: [HostId; 2],
    pub(super) streams: [StreamId; 2],
    pub(super) setup: Signal,
}

pub(super) fn line(chop: Chop) -> Line {
    let settings =
        Settings { accept_unregistered: true, unregistered_anywhere: true, ..Settings::default() };
    let mut lab = lab(Plan { settings, ..Plan::with(chop) });
    let hosts = [("caller", CALLER), ("called", CALLED)]
        .map(|(name, ip)| lab.world.host(name, ip, Raw::default()));
    lab.world.with(hosts[1], |raw: &mut Raw, _| raw.listen(CALLED, 1720));
    let mut setup = Signal::decode(&octets(SETUP)[4..]).unwrap();
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        setup.destination_address = None;
        setup.endpoint_identifier = None;
        setup.source_call_signal_address = Some(to_h225(at("198.51.100.31:1720")));
        setup.dest_call_signal_address = Some(to_h225(at("198.51.100.32:1720")));
    });
    lab.world.mark_rest();
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let near = lab.world.with(hosts[0], |raw: &mut Raw, _| {
        let stream = raw.connect(at(&format!("{NODE}:1720")));
        raw.send(stream, &bytes);
        stream
    });
    lab.world.run_for(seconds(1));
    let far = lab.world.with(hosts[1], |raw: &mut Raw, _| raw.accepted().expect("the call"));
    Line { lab, hosts, streams: [near, far], setup }
}

impl Line {
    /// A party says this; what the other hears.
    pub(super) fn say(&mut self, from: usize, message: &Control) -> Option<Control> {
        let leg = Leg {
            crv: self.setup.q931().crv(),
            from_destination: from == 1,
            call_id: self.setup.call_id().unwrap(),
            tunnelling: true,
        };
        let mut signal = Signal::transport(leg);
        signal.set_h245_control(vec![message.encode().unwrap()]);
        let bytes = tpkt::wrap(&signal.encode().unwrap()).unwrap();
        let (stream, other) = (self.streams[from], self.streams[1 - from]);
        self.lab.world.with(self.hosts[1 - from], |raw: &mut Raw, _| {
            raw.lines.get_mut(&other).unwrap().got.clear();
        });
        self.lab.world.with(self.hosts[from], |raw: &mut Raw, _| raw.send(stream, &bytes));
        self.lab.world.run_for(millis(300));
        let got = self
            .lab
            .world
            .with(self.hosts[1 - from], |raw: &mut Raw, _| raw.lines[&other].got.clone());
        let (payload, _) = tpkt::split_first(&got).unwrap()?;
        let signal = Signal::decode(payload).unwrap();
        signal.h245_control().first().map(|octets| Control::decode(octets).unwrap())
    }

    pub(super) fn hang_up(mut self) {
        for (host, stream) in self.hosts.into_iter().zip(self.streams) {
            self.lab.world.with(host, |raw: &mut Raw, _| raw.close(stream));
            self.lab.world.run_for(seconds(1));
            if self.lab.world.streams(self.hosts[1]).is_empty() {
                break;
            }
        }
        self.lab.world.run_for(seconds(5));
    }
}

pub(super) fn stack(told: &str) -> Option<Box<NetworkAccessParameters>> {
    let network_address = NetworkAddress::localAreaAddress(to_h245(at(told)));
    Some(Box::new(NetworkAccessParameters { network_address, ..Default::default() }))
}

pub(super) fn open(number: u16, application: Option<Application>, rtcp: &str) -> Control {
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    let control = Some(at(rtcp));
    let offer = Offer { channel: number, session: 1, audio, media: None, control };
    let mut olc = offer.to_forward();
    if let Some(application) = application {
        let data = DataApplicationCapability { application, ..Default::default() };
        olc.forward_logical_channel_parameters.data_type = DataType::data(Box::new(data));
    }
    Control::open(olc)
}

pub(super) fn ack(number: u16, media: &str) -> Control {
    let media = Some(at(media));
    let accept = Accept { channel: number, session: Some(1), media, control: None };
    Control::accept(accept.to_asn())
}

pub(super) fn acked(control: &Control) -> &OpenLogicalChannelAck {
    let Message::response(response) = control.message() else { panic!("{control:?}") };
    let Response::openLogicalChannelAck(ack) = &**response else { panic!("{control:?}") };
    ack
}

fn t120_reaches_the_party_that_listens(chop: Chop) {
    let mut line = line(chop);
    line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| raw.listen(CALLED, 1503));
    let t120 = Application::t120(Box::new(Protocol::separateLANStack(())));
    let heard = line.say(0, &open(9, Some(t120), "198.51.100.31:5001")).expect("it is relayed");
    assert!(matches!(heard.message(), Message::request(Request::openLogicalChannel(_))));
    let answer = Control::accept(OpenLogicalChannelAck {
        forward_logical_channel_number: LogicalChannelNumber(9),
        separate_stack: stack("198.51.100.32:1503"),
        ..Default::default()
    });
    let heard = line.say(1, &answer).unwrap();
    let told = &acked(&heard).separate_stack.as_ref().unwrap().network_address;
    let NetworkAddress::localAreaAddress(told) = told else { panic!() };
    let told = from_h245(told).unwrap();
    assert_eq!(told.ip().to_string(), NODE);

    let near = line.lab.world.with(line.hosts[0], |raw: &mut Raw, _| {
        let near = raw.connect(told);
        raw.send(near, &[7; 100_000]);
        near
    });
    line.lab.world.run_for(seconds(5));
    let far = line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| {
        let far = raw.accepted().unwrap();
        raw.send(far, b"thanks");
        assert!(raw.lines[&far].got == [7; 100_000], "{} octets", raw.lines[&far].got.len());
        far
    });
    line.lab.world.run_for(seconds(1));
    let got = line.lab.world.with(line.hosts[0], |raw: &mut Raw, _| raw.lines[&near].got.clone());
    assert_eq!(got, b"thanks");
    // The end of one is the end of the other.
    line.lab.world.with(line.hosts[0], |raw: &mut Raw, _| raw.close(near));
    line.lab.world.run_for(seconds(1));
    assert!(line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| raw.lines[&far].closed));
    // A stranger is not connected to anybody.
    let mallory = line.lab.world.host("mallory", "192.0.2.66", Raw::default());
    let knock = line.lab.world.with(mallory, |raw: &mut Raw, _| raw.connect(told));
    line.lab.world.run_for(seconds(1));
    assert!(line.lab.world.with(mallory, |raw: &mut Raw, _| raw.lines[&knock].closed));
    let last = line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| raw.accepted().unwrap());
    assert_eq!(last, far);
    line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| {
        raw.unbind(Bind::Tcp(pinhole::face::ListenerId(2)))
    });
    line.hang_up();
}

/// Datagrams from one port to another, through the gatekeeper; true when they arrive.
pub(super) fn passes(
    line: &mut Line,
    sockets: [SocketId; 2],
    to: std::net::SocketAddr,
    packets: &[Vec<u8>],
) -> bool {
    line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| raw.datagrams.clear());
    for packet in packets {
        line.lab.world.with(line.hosts[0], |raw: &mut Raw, _| raw.say(sockets[0], to, packet));
        line.lab.world.run_for(millis(100));
    }
    line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| {
        let came = raw.datagrams.iter().filter(|(socket, ..)| *socket == sockets[1]);
        came.map(|(_, _, bytes)| bytes.clone()).collect::<Vec<_>>() == packets
    })
}

fn fax_and_audio_take_turns(chop: Chop) {
    let mut line = line(chop);
    let near = line.lab.world.with(line.hosts[0], |raw: &mut Raw, _| raw.udp(CALLER, 5000));
    let far = line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| raw.udp(CALLED, 6000));
    let rtp =
        |sequence: u8| [&[0x80, 8, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 9], &[0xd5; 160][..]].concat();
    let udptl = |sequence: u8| vec![0, sequence, 1, 6, 0, 0];
    let [audio, fax] = [[rtp(1), rtp(2), rtp(3)], [udptl(1), udptl(2), udptl(3)]];
    let media = |control: &Control| Accept::read(acked(control)).media.expect("an address");

    line.say(0, &open(1, None, "198.51.100.31:5001")).unwrap();
    let heard = line.say(1, &ack(1, "198.51.100.32:6000")).unwrap();
    // Both tell where they are; the caller's port is learned from what it sends.
    let to = media(&heard);
    assert!(
        passes(&mut line, [near, far], to, &audio[..])
            || passes(&mut line, [near, far], to, &audio[..])
    );
    assert!(!passes(&mut line, [near, far], to, &fax[..]), "no RTP");

    // The channel is closed, and one for fax is opened in its session.
    line.say(0, &Control::close(1)).unwrap();
    assert!(!passes(&mut line, [near, far], to, &audio[..]), "its ports are gone");
    let t38 = Fax { t38_fax_protocol: Protocol::udp(()), ..Default::default() };
    let t38 = Application::t38fax(Box::new(t38));
    line.say(0, &open(2, Some(t38), "198.51.100.31:5001")).unwrap();
    let heard = line.say(1, &ack(2, "198.51.100.32:6000")).unwrap();
    let to = media(&heard);
    assert!(
        passes(&mut line, [near, far], to, &fax[..])
            || passes(&mut line, [near, far], to, &fax[..])
    );
    line.say(0, &Control::close(2)).unwrap();

    // Hold, and a transfer: media goes to another host from then on.
    let other = line.lab.world.with(line.hosts[1], |raw: &mut Raw, _| raw.udp(CALLED, 7000));
    let empty = Control::terminal_capability_set(5, &[]);
    assert_eq!(line.say(1, &empty), Some(empty));
    line.say(0, &open(3, None, "198.51.100.31:5001")).unwrap();
    let heard = line.say(1, &ack(3, "198.51.100.32:7000")).unwrap();
    let to = media(&heard);
    assert!(
        passes(&mut line, [near, other], to, &audio[..])
            || passes(&mut line, [near, other], to, &audio[..])
    );
    line.hang_up();
}

as_sent_and_octet_by_octet! {
    t120_reaches_the_party_that_listens,
    fax_and_audio_take_turns,
}
