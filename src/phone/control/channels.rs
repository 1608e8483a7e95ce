//! The logical channels of a call: one of audio each way (H.245 §8.4; H.460.19 §6 for a client).

use std::net::SocketAddr;

use pinhole_h323::address::{from_h245, to_h245};
use pinhole_h323::asn::h245::{
    CloseLogicalChannel, CloseLogicalChannelAck, CloseLogicalChannelSource, DataType,
    H245TransportAddress, H2250LogicalChannelAckParameters, H2250LogicalChannelParameters,
    LogicalChannelNumber, OpenLogicalChannel, OpenLogicalChannelAck,
    OpenLogicalChannelAckForwardMultiplexAckParameters as AckMultiplex,
    OpenLogicalChannelForwardLogicalChannelParameters as Forward,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Multiplex,
    OpenLogicalChannelReject, OpenLogicalChannelRejectCause as Cause, RequestChannelClose,
    RequestChannelCloseAck, RequestChannelCloseReject, RequestMessage, ResponseMessage,
};

use pinhole_h323::h46019::Traversal;
use pinhole_h323::mux::MultiplexId;

use super::capabilities::{audio, law_of};
use super::{Effect, request, respond};
use crate::phone::g711::Law;
use crate::phone::punch::{PAYLOAD_TYPE, Punch};
use crate::phone::talk::Towards;

/// The session of audio (H.245 H2250LogicalChannelParameters.sessionID).
pub(super) const AUDIO_SESSION: u8 = 1;

/// The channel that we open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Out {
    /// None.
    Closed,
    /// Asked for.
    Opening(u16, Law),
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
    /// No channels, and the addresses where audio is to be sent.
    pub(in super::super) const fn new((rtp, rtcp): (SocketAddr, SocketAddr)) -> Self {
        Self {
            rtp,
            rtcp,
            out: Out::Closed,
            into: None,
            offered: Vec::new(),
            marks: false,
            identifier: None,
            last: 100,
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

    /// True when audio goes both ways.
    pub(in super::super) const fn are_open(&self) -> bool {
        matches!(self.out, Out::Open(_)) && self.into.is_some()
    }

    /// True when we have opened nothing yet.
    pub(in super::super) const fn may_open(&self) -> bool {
        matches!(self.out, Out::Closed)
    }

    /// A number for a channel that we open or propose.
    pub(super) fn next_number(&mut self) -> u16 {
        self.last = self.last.checked_add(1).unwrap_or(1);
        self.last
    }

    /// Opens our channel.
    pub(in super::super) fn open(&mut self, law: Law) -> Effect {
        let number = self.next_number();
        self.out = Out::Opening(number, law);
        let parameters = H2250LogicalChannelParameters {
            session_id: AUDIO_SESSION,
            media_control_channel: Some(to_h245(self.rtcp)),
            silence_suppression: Some(false),
            ..H2250LogicalChannelParameters::default()
        };
        let forward = Forward {
            data_type: DataType::audioData(Box::new(audio(law))),
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
        vec![say(RequestMessage::closeLogicalChannel(close)), Effect::Hush]
    }

    /// openLogicalChannel of the peer.
    pub(in super::super) fn asked(&mut self, open: &OpenLogicalChannel) -> Vec<Effect> {
        let number = open.forward_logical_channel_number.0;
        match acceptable(open) {
            Ok((law, parameters)) => self.accept(number, law, parameters, open),
            Err(cause) => {
                let reject = OpenLogicalChannelReject {
                    forward_logical_channel_number: LogicalChannelNumber(number),
                    cause,
                    ..OpenLogicalChannelReject::default()
                };
                vec![answer(ResponseMessage::openLogicalChannelReject(reject))]
            }
        }
    }

    /// openLogicalChannelAck of the peer.
    pub(in super::super) fn acknowledged(&mut self, ack: &OpenLogicalChannelAck) -> Vec<Effect> {
        let Out::Opening(number, law) = self.out else { return Vec::new() };
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
                vec![Effect::Talk { law, to }]
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
                vec![Effect::Release("the peer refused the audio channel")]
            }
            _ => Vec::new(),
        }
    }

    /// closeLogicalChannel of the peer.
    pub(in super::super) fn closed(&mut self, number: &LogicalChannelNumber) -> Vec<Effect> {
        let ack = CloseLogicalChannelAck {
            forward_logical_channel_number: LogicalChannelNumber(number.0),
            ..CloseLogicalChannelAck::default()
        };
        let mut effects = vec![answer(ResponseMessage::closeLogicalChannelAck(ack))];
        if self.into == Some(number.0) {
            self.into = None;
            effects.push(Effect::Unhear);
        }
        effects
    }

    /// requestChannelClose of the peer: it wants our channel closed.
    pub(in super::super) fn close_asked(&mut self, request: &RequestChannelClose) -> Vec<Effect> {
        let number = request.forward_logical_channel_number.0;
        let ours = matches!(self.out, Out::Opening(n, _) | Out::Open(n) if n == number);
        if !ours {
            let reject = RequestChannelCloseReject {
                forward_logical_channel_number: LogicalChannelNumber(number),
                ..RequestChannelCloseReject::default()
            };
            return vec![answer(ResponseMessage::requestChannelCloseReject(reject))];
        }
        let ack = RequestChannelCloseAck {
            forward_logical_channel_number: LogicalChannelNumber(number),
            ..RequestChannelCloseAck::default()
        };
        let mut effects = vec![answer(ResponseMessage::requestChannelCloseAck(ack))];
        effects.extend(self.close());
        self.out = Out::Refused;
        effects
    }

    fn accept(
        &mut self,
        number: u16,
        law: Law,
        parameters: &H2250LogicalChannelParameters,
        open: &OpenLogicalChannel,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        // A second channel replaces the first; one peer has one voice.
        if self.into.is_some_and(|old| old != number) {
            effects.push(Effect::Unhear);
        }
        self.into = Some(number);
        effects.push(Effect::Listen { law });
        // What cannot be understood asks for nothing.
        let traversal = Traversal::read(open.generic_information.as_ref()).unwrap_or_default();
        let control = usable(parameters.media_control_channel.as_ref());
        effects.push(answer(self.acknowledge(number, parameters.session_id, traversal.is_some())));
        effects.extend(traversal.and_then(|told| self.punch(&told, control)).map(Effect::Punch));
        effects
    }

    fn acknowledge(&self, number: u16, session: u8, traversal: bool) -> ResponseMessage {
        let parameters = H2250LogicalChannelAckParameters {
            session_id: Some(if session == 0 { AUDIO_SESSION } else { session }),
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

/// What we take: unicast G.711 over RTP.
pub(super) fn acceptable(
    open: &OpenLogicalChannel,
) -> Result<(Law, &H2250LogicalChannelParameters), Cause> {
    let forward = &open.forward_logical_channel_parameters;
    let law = match &forward.data_type {
        DataType::audioData(audio) => law_of(audio),
        _ => None,
    };
    let law = law.ok_or(Cause::dataTypeNotSupported(()))?;
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
    Ok((law, parameters))
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

fn answer(message: ResponseMessage) -> Effect {
    Effect::Say(respond(message))
}
