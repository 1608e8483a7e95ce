//! A call between two endpoints that say what a test tells them, with what they say in H.245 and the media they send.

use pinhole::face::SocketId;
use pinhole::node::Mode;
use pinhole_h323::address;
use pinhole_h323::asn::h245::{
    DataApplicationCapability, DataApplicationCapabilityApplication as Application,
    DataProtocolCapability as Protocol, DataType, H2250LogicalChannelParameters,
    MultimediaSystemControlMessage as Message, OpenLogicalChannel,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    RequestMessage as Request, ResponseMessage as Response,
};
use pinhole_h323::control::{Accept, Audio, Codec, Control, Offer};

use super::lab::NODE;
use super::parties::{IPS, Parties, Stage};
use crate::world::{Raw, at, millis, seconds};

/// The ports on which the parties receive RTP.
const RTP: [u16; 2] = [5000, 6000];

/// A call that is answered, and the sockets for media of both.
pub(crate) struct Talk {
    pub(crate) parties: Parties,
    sockets: [SocketId; 2],
}

impl Talk {
    pub(crate) fn at(stage: Stage, mode: Mode) -> Self {
        let mut parties = Parties::at(stage, mode, |_| {});
        let open = |n: usize| {
            parties.lab.world.with(parties.hosts[n], |raw: &mut Raw, _| raw.udp(IPS[n], RTP[n]))
        };
        let sockets = [0, 1].map(open);
        Self { parties, sockets }
    }

    pub(crate) fn new() -> Self {
        Self::at(Stage::Talking, Mode::Proxied)
    }

    /// A party says something in H.245; what the other hears.
    pub(crate) fn tell(&mut self, from: usize, message: &Control) -> Vec<Control> {
        self.parties.fresh(1 - from);
        self.parties.control(from, message);
        self.parties.lab.world.run_for(millis(200));
        self.parties.fresh_control(1 - from)
    }

    /// The same, heard as it was said.
    pub(crate) fn passes(&mut self, from: usize, message: &Control) {
        assert_eq!(self.tell(from, message), std::slice::from_ref(message), "{}", message.name());
    }

    /// A party opens a channel; what the other sees of it.
    pub(crate) fn open(&mut self, from: usize, olc: OpenLogicalChannel) -> OpenLogicalChannel {
        let heard = self.tell(from, &Control::open(olc));
        let [one] = &heard[..] else { panic!("{heard:?}") };
        let Message::request(Request::openLogicalChannel(olc)) = one.message() else {
            panic!("{one:?}");
        };
        (**olc).clone()
    }

    /// A party accepts a channel; where the other is told to send.
    pub(crate) fn accept(&mut self, from: usize, number: u16, session: u8) -> Accept {
        let media = Some(at(&format!("{}:{}", IPS[from], RTP[from])));
        let accept = Accept { channel: number, session: Some(session), media, control: None };
        let heard = self.tell(from, &Control::accept(accept.to_asn()));
        let [one] = &heard[..] else { panic!("{heard:?}") };
        let Message::response(response) = one.message() else { panic!("{one:?}") };
        let Response::openLogicalChannelAck(ack) = &**response else { panic!("{one:?}") };
        Accept::read(ack)
    }

    /// A party sends RTP to an address; how many packets the other gets.
    pub(crate) fn sends(
        &mut self,
        from: usize,
        to: std::net::SocketAddr,
        payload_type: u8,
    ) -> usize {
        let heard =
            |raw: &mut Raw, socket| raw.datagrams.iter().filter(|(on, ..)| *on == socket).count();
        let (host, other) = (self.parties.hosts[from], self.parties.hosts[1 - from]);
        let (socket, far) = (self.sockets[from], self.sockets[1 - from]);
        let before = self.parties.lab.world.with(other, |raw: &mut Raw, _| heard(raw, far));
        for n in 0..20u8 {
            let mut packet = vec![0x80, payload_type, 0, n, 0, 0, 0, n, 0, 0, 0, from as u8 + 1];
            packet.extend([0x55; 160]);
            self.parties.lab.world.with(host, |raw: &mut Raw, _| raw.say(socket, to, &packet));
            self.parties.lab.world.run_for(millis(20));
        }
        self.parties.lab.world.run_for(millis(100));
        self.parties.lab.world.with(other, |raw: &mut Raw, _| heard(raw, far)) - before
    }

    /// Audio from one party to the other in a channel of this number; where it has to be sent to.
    pub(crate) fn audio(&mut self, from: usize, number: u16) -> std::net::SocketAddr {
        self.open(from, audio(number, 1, from));
        let accept = self.accept(1 - from, number, 1);
        let to = accept.media.expect("an address");
        assert_eq!(to.ip().to_string(), NODE);
        // The first packets prove their source.
        self.sends(from, to, 8);
        assert_eq!(self.sends(from, to, 8), 20, "channel {number}");
        to
    }

    pub(crate) fn hang_up(mut self) {
        for n in [0, 1] {
            let socket = pinhole::face::Bind::Udp(self.sockets[n]);
            self.parties
                .lab
                .world
                .with(self.parties.hosts[n], |raw: &mut Raw, _| raw.unbind(socket));
        }
        self.parties.release(0, None, None);
        self.parties.lab.world.run_for(seconds(1));
        self.parties.lab.nothing_left();
    }
}

/// A channel of G.711 in a session.
pub(crate) fn audio(number: u16, session: u8, from: usize) -> OpenLogicalChannel {
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    let control = Some(at(&format!("{}:{}", IPS[from], RTP[from] + 1)));
    Offer { channel: number, session, audio, media: None, control }.to_forward()
}

/// The far-end camera (H.224).
pub(crate) fn camera(number: u16, from: usize) -> OpenLogicalChannel {
    let application = Application::h224(Box::new(Protocol::hdlcFrameTunnelling(())));
    let data = DataApplicationCapability { application, max_bit_rate: 64, ..Default::default() };
    let mut olc = audio(number, 3, from);
    olc.forward_logical_channel_parameters.data_type = DataType::data(Box::new(data));
    olc
}

fn parameters(olc: &OpenLogicalChannel) -> &H2250LogicalChannelParameters {
    let Forward::h2250LogicalChannelParameters(parameters) =
        &olc.forward_logical_channel_parameters.multiplex_parameters
    else {
        panic!("{olc:?}");
    };
    parameters
}

pub(crate) fn session(olc: &OpenLogicalChannel) -> u8 {
    parameters(olc).session_id
}

pub(crate) fn rtcp(olc: &OpenLogicalChannel) -> std::net::SocketAddr {
    let parameters = parameters(olc);
    address::from_h245(parameters.media_control_channel.as_ref().expect("RTCP")).expect("of IP")
}
