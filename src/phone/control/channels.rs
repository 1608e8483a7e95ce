//! The logical channels of a medium: one each way (H.245 §8.4; H.460.19 §6 for a client).

use std::net::SocketAddr;

use pinhole_h323::address::{from_h245, to_h245};
use pinhole_h323::asn::h245::{
    CloseLogicalChannel, CloseLogicalChannelSource, H245TransportAddress,
    H2250LogicalChannelAckParameters, H2250LogicalChannelParameters, LogicalChannelNumber,
    OpenLogicalChannel, OpenLogicalChannelAck,
    OpenLogicalChannelAckForwardMultiplexAckParameters as AckMultiplex,
    OpenLogicalChannelForwardLogicalChannelParameters as Forward,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Multiplex,
    OpenLogicalChannelRejectCause as Cause, RequestChannelCloseAck, RequestMessage,
    ResponseMessage,
};

use pinhole_h323::h46019::Traversal;
use pinhole_h323::mux::MultiplexId;

use super::{Effect, request, respond};
use crate::phone::g711::Law;
use crate::phone::medium::{Codec, Medium};
use crate::phone::punch::{PAYLOAD_TYPE, Punch};
use crate::phone::talk::Towards;

/// The channel that we open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Out {
    /// None.
    Closed,
    /// Asked for.
    Opening(u16, Codec),
    /// Open.
    Open(u16),
    /// Refused: it is not asked for again.
    Refused,
}

/// How a peer wants media multiplexed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    /// What packets begin with.
    mark: MultiplexId,
    /// Where RTP goes.
    rtp: SocketAddr,
    /// Where RTCP goes.
    rtcp: Option<SocketAddr>,
}

/// See the head of the file.
#[derive(Debug)]
pub(in super::super) struct Channels {
    pub(super) medium: Medium,
    /// What a channel of ours carries, in kbit/s; of audio, which is always the same, it says nothing.
    kbit: u32,
    pub(super) rtp: SocketAddr,
    pub(super) rtcp: SocketAddr,
    pub(super) out: Out,
    pub(super) into: Option<u16>,
    /// The numbers of the channels that we proposed to send, and their codecs (fast start).
    pub(super) offered: Vec<(u16, Law)>,
    /// Whether we can send multiplexed media.
    pub(super) marks: bool,
    /// What we want before the packets that we receive.
    identifier: Option<MultiplexId>,
    last: u16,
}

impl Channels {
    /// No channels of a medium, the rate of ours, and the addresses where the peer's media is to be sent.
    pub(in super::super) const fn new(
        medium: Medium,
        kbit: u32,
        (rtp, rtcp): (SocketAddr, SocketAddr),
    ) -> Self {
        Self {
            medium,
            kbit,
            rtp,
            rtcp,
            out: Out::Closed,
            into: None,
            offered: Vec::new(),
            marks: false,
            identifier: None,
            last: *medium.numbers().start() - 1,
        }
    }

    /// True while no channel is opened or proposed.
    pub(in super::super) const fn are_untouched(&self) -> bool {
        matches!(self.out, Out::Closed) && self.into.is_none() && self.offered.is_empty()
    }

    /// Wants media multiplexed, at these addresses.
    pub(in super::super) const fn receive_marked(
        &mut self,
        identifier: MultiplexId,
        (rtp, rtcp): (SocketAddr, SocketAddr),
    ) {
        if self.are_untouched() {
            self.identifier = Some(identifier);
            (self.rtp, self.rtcp) = (rtp, rtcp);
        }
    }

    /// Where we receive multiplexed media, if we do.
    pub(super) fn receives(&self) -> Traversal {
        self.identifier.map_or_else(Traversal::default, |identifier| Traversal {
            media: Some(self.rtp),
            control: Some(self.rtcp),
            multiplex_id: Some(identifier),
            ..Traversal::default()
        })
    }

    /// What the peer wants before packets, where it receives multiplexed RTP, and RTCP; nothing unless we can do it.
    pub(super) fn wanted(&self, told: Option<&Traversal>) -> Option<Marks> {
        let told = told.filter(|_| self.marks)?;
        let mark = told.multiplex_id.filter(|id| id.0 != 0)?;
        let rtp = told.media.filter(can_be_sent_to)?;
        Some(Marks { mark, rtp, rtcp: told.control.filter(can_be_sent_to) })
    }

    /// Where a channel goes that the peer has accepted: to the addresses of the answer, or multiplexed.
    pub(super) fn towards(
        &self,
        told: Option<&Traversal>,
        rtp: Option<SocketAddr>,
        rtcp: Option<SocketAddr>,
    ) -> Option<Towards> {
        match self.wanted(told) {
            Some(Marks { mark, rtp, rtcp: marked }) => {
                Some(Towards { rtp, rtcp: marked.or(rtcp), mark: Some(mark) })
            }
            None => Some(Towards { rtp: rtp?, rtcp, mark: None }),
        }
    }

    /// The keepalives that a traversal server asks for, if it does.
    pub(super) fn punch(&self, told: &Traversal, control: Option<SocketAddr>) -> Option<Punch> {
        let to = told.keep_alive_channel.filter(can_be_sent_to)?;
        let marks = self.wanted(Some(told));
        let control = marks.and_then(|marks| marks.rtcp).or(control);
        let mut punch = Punch::new(to, control, told.keep_alive_interval);
        punch.mark = marks.map(|marks| marks.mark);
        Some(punch)
    }

    /// True when the medium goes both ways.
    pub(in super::super) const fn are_open(&self) -> bool {
        matches!(self.out, Out::Open(_)) && self.into.is_some()
    }

    /// True when we have something to send, and have opened nothing yet.
    pub(in super::super) const fn may_open(&self) -> bool {
        matches!(self.out, Out::Closed) && self.sends()
    }

    /// True when the operator wants this medium sent.
    pub(super) const fn sends(&self) -> bool {
        matches!(self.medium, Medium::Audio) || self.kbit > 0
    }

    /// True when this is the channel that we asked for, or have.
    pub(in super::super) const fn has_opened(&self, number: u16) -> bool {
        matches!(self.out, Out::Opening(n, _) | Out::Open(n) if n == number)
    }

    /// A number for a channel that we open or propose.
    pub(super) fn next_number(&mut self) -> u16 {
        self.last = self.upcoming();
        self.last
    }

    /// The number that our next channel will have.
    pub(super) fn upcoming(&self) -> u16 {
        let numbers = self.medium.numbers();
        let next = self.last.saturating_add(1);
        if next > self.last && numbers.contains(&next) { next } else { *numbers.start() }
    }

    /// Opens our channel.
    pub(in super::super) fn open(&mut self, codec: Codec, is_master: bool) -> Effect {
        let number = self.next_number();
        self.out = Out::Opening(number, codec);
        let parameters = H2250LogicalChannelParameters {
            session_id: self.medium.session(is_master),
            media_control_channel: Some(to_h245(self.rtcp)),
            silence_suppression: matches!(self.medium, Medium::Audio).then_some(false),
            ..H2250LogicalChannelParameters::default()
        };
        let forward = Forward {
            data_type: codec.data_type(self.medium, self.kbit),
            multiplex_parameters: Multiplex::h2250LogicalChannelParameters(Box::new(parameters)),
            ..Forward::default()
        };
        let mut open = OpenLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(number),
            forward_logical_channel_parameters: forward,
            ..OpenLogicalChannel::default()
        };
        if self.identifier.is_some() {
            // All its values are in their bounds.
            let _ = self.receives().write(&mut open.generic_information);
        }
        say(RequestMessage::openLogicalChannel(Box::new(open)))
    }

    /// Closes our channel, if there is one.
    pub(in super::super) fn close(&mut self) -> Vec<Effect> {
        let (Out::Opening(number, _) | Out::Open(number)) = self.out else { return Vec::new() };
        self.out = Out::Closed;
        let close = CloseLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(number),
            source: CloseLogicalChannelSource::user(()),
            ..CloseLogicalChannel::default()
        };
        vec![say(RequestMessage::closeLogicalChannel(close)), Effect::Hush(self.medium)]
    }

    /// openLogicalChannelAck of the peer.
    pub(in super::super) fn acknowledged(&mut self, ack: &OpenLogicalChannelAck) -> Vec<Effect> {
        let Out::Opening(number, codec) = self.out else { return Vec::new() };
        if ack.forward_logical_channel_number.0 != number {
            return Vec::new();
        }
        let parameters = match &ack.forward_multiplex_ack_parameters {
            Some(AckMultiplex::h2250LogicalChannelAckParameters(parameters)) => Some(parameters),
            _ => None,
        };
        let at = |channel: &Option<H245TransportAddress>| usable(channel.as_ref());
        // What cannot be understood asks for nothing.
        let told = Traversal::read(ack.generic_information.as_ref()).unwrap_or_default();
        let rtp = parameters.and_then(|p| at(&p.media_channel));
        let rtcp = parameters.and_then(|p| at(&p.media_control_channel));
        match self.towards(told.as_ref(), rtp, rtcp) {
            Some(to) => {
                self.out = Out::Open(number);
                vec![Effect::Talk { medium: self.medium, codec, to }]
            }
            None => {
                let effects = self.close();
                self.out = Out::Refused;
                effects
            }
        }
    }

    /// openLogicalChannelReject of the peer.
    pub(in super::super) fn rejected(&mut self, number: &LogicalChannelNumber) -> Vec<Effect> {
        match self.out {
            Out::Opening(ours, _) if ours == number.0 => {
                self.out = Out::Refused;
                // Without video there is still a talk.
                match self.medium {
                    Medium::Audio => vec![Effect::Release("the peer refused the audio channel")],
                    Medium::Video | Medium::Presentation => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    /// closeLogicalChannel of the peer, which is answered already.
    pub(in super::super) fn closed(&mut self, number: u16) -> Option<Effect> {
        (self.into == Some(number)).then(|| {
            self.into = None;
            Effect::Unhear(self.medium)
        })
    }

    /// requestChannelClose of the peer, for our channel.
    pub(in super::super) fn close_asked(&mut self, number: u16) -> Vec<Effect> {
        let ack = RequestChannelCloseAck {
            forward_logical_channel_number: LogicalChannelNumber(number),
            ..RequestChannelCloseAck::default()
        };
        let mut effects = vec![answer(ResponseMessage::requestChannelCloseAck(ack))];
        effects.extend(self.close());
        self.out = Out::Refused;
        effects
    }

    /// openLogicalChannel of the peer, for something that we can receive.
    pub(super) fn accept(
        &mut self,
        open: &OpenLogicalChannel,
        accepted: &Acceptable<'_>,
        is_master: bool,
    ) -> Vec<Effect> {
        let number = open.forward_logical_channel_number.0;
        let (medium, codec) = (self.medium, accepted.codec);
        let parameters = accepted.parameters;
        let mut effects = Vec::new();
        // A second channel replaces the first; one peer has one voice.
        if self.into.is_some_and(|old| old != number) {
            effects.push(Effect::Unhear(medium));
        }
        self.into = Some(number);
        effects.push(Effect::Listen { medium, codec });
        // What cannot be understood asks for nothing.
        let traversal = Traversal::read(open.generic_information.as_ref()).unwrap_or_default();
        let control = usable(parameters.media_control_channel.as_ref());
        let session = match parameters.session_id {
            0 => medium.session(is_master),
            session => session,
        };
        effects.push(answer(self.acknowledge(number, session, traversal.is_some())));
        let punch = traversal.and_then(|told| self.punch(&told, control));
        effects.extend(punch.map(|punch| Effect::Punch(medium, punch)));
        effects
    }

    fn acknowledge(&self, number: u16, session: u8, traversal: bool) -> ResponseMessage {
        let parameters = H2250LogicalChannelAckParameters {
            session_id: Some(session),
            media_channel: Some(to_h245(self.rtp)),
            media_control_channel: Some(to_h245(self.rtcp)),
            flow_control_to_zero: Some(false),
            ..H2250LogicalChannelAckParameters::default()
        };
        let mut ack = OpenLogicalChannelAck {
            forward_logical_channel_number: LogicalChannelNumber(number),
            forward_multiplex_ack_parameters: Some(AckMultiplex::h2250LogicalChannelAckParameters(
                Box::new(parameters),
            )),
            ..OpenLogicalChannelAck::default()
        };
        if traversal {
            let told = Traversal { keep_alive_payload_type: Some(PAYLOAD_TYPE), ..self.receives() };
            // A payload type of seven bits is always in its bounds.
            let _ = told.write(&mut ack.generic_information);
        }
        ResponseMessage::openLogicalChannelAck(Box::new(ack))
    }
}

/// A channel that we can receive.
pub(super) struct Acceptable<'a> {
    pub(super) medium: Medium,
    pub(super) codec: Codec,
    pub(super) parameters: &'a H2250LogicalChannelParameters,
}

/// What we take: unicast G.711 and H.263 over RTP.
pub(super) fn acceptable(open: &OpenLogicalChannel) -> Result<Acceptable<'_>, Cause> {
    let forward = &open.forward_logical_channel_parameters;
    let (medium, codec) = Medium::of(&forward.data_type).ok_or(Cause::dataTypeNotSupported(()))?;
    if open.reverse_logical_channel_parameters.is_some() {
        return Err(Cause::unsuitableReverseParameters(()));
    }
    let Multiplex::h2250LogicalChannelParameters(parameters) = &forward.multiplex_parameters else {
        return Err(Cause::unspecified(()));
    };
    let addresses = [&parameters.media_channel, &parameters.media_control_channel];
    let multicast =
        |a: &H245TransportAddress| matches!(a, H245TransportAddress::multicastAddress(_));
    if addresses.into_iter().flatten().any(multicast) {
        return Err(Cause::multicastChannelNotAllowed(()));
    }
    Ok(Acceptable { medium, codec, parameters })
}

/// What we take of audio, as fast start proposes it.
pub(super) fn acceptable_audio(
    open: &OpenLogicalChannel,
) -> Option<(Law, &H2250LogicalChannelParameters)> {
    let Acceptable { codec, parameters, .. } = acceptable(open).ok()?;
    match codec {
        Codec::G711(law) => Some((law, parameters)),
        Codec::H263 => None,
    }
}

/// An address to which something can be sent.
pub(super) fn usable(address: Option<&H245TransportAddress>) -> Option<SocketAddr> {
    from_h245(address?).filter(can_be_sent_to)
}

fn can_be_sent_to(address: &SocketAddr) -> bool {
    let ip = address.ip();
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast()
}

fn say(message: RequestMessage) -> Effect {
    Effect::Say(request(message))
}

pub(super) fn answer(message: ResponseMessage) -> Effect {
    Effect::Say(respond(message))
}
