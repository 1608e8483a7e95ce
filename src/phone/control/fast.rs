//! Fast start (H.323 §8.1.7): the caller proposes channels in Setup, the called party accepts one each way in its
//! answer. They are then as if H.245 had opened them.

use std::net::SocketAddr;

use pinhole_h323::address::to_h245;
use pinhole_h323::asn::h245::{
    DataType, H2250LogicalChannelParameters, LogicalChannelNumber, OpenLogicalChannel,
    OpenLogicalChannelForwardLogicalChannelParameters as ForwardPart,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParameters as ReversePart,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
};
use pinhole_h323::asn::{decode_olc, encode_olc};
use pinhole_h323::h46019::{self, Traversal};

use super::Effect;
use super::channels::{Channels, Out, acceptable_audio, usable};
use crate::phone::g711::Law;
use crate::phone::medium::{Codec, Medium, audio, law_of};
use crate::phone::punch::PAYLOAD_TYPE;
use crate::phone::talk::Towards;

/// Proposals, or answers, that are looked at; the rest is dropped.
pub(in super::super) const MOST_PROPOSALS: usize = 32;

/// The channels of a proposal or an answer that can be understood.
fn decoded(elements: &[Vec<u8>]) -> impl Iterator<Item = OpenLogicalChannel> {
    elements.iter().take(MOST_PROPOSALS).filter_map(|octets| decode_olc(octets).ok())
}

impl Channels {
    /// The proposals of a caller: either codec each way, the preferred one first. `client` is one of H.460.19.
    pub(in super::super) fn propose(&mut self, preferred: Law, client: bool) -> Vec<Vec<u8>> {
        let laws = [preferred, preferred.other()];
        let mut elements = Vec::new();
        for law in laws {
            let number = self.next_number();
            self.offered.push((number, law));
            elements.extend(encode_olc(&self.forward(number, law, client)).ok());
        }
        for law in laws {
            let number = self.next_number();
            elements.extend(encode_olc(&self.reverse(number, law)).ok());
        }
        elements
    }

    /// No proposal can be accepted any more: it was refused, or the call is answered.
    pub(in super::super) fn settle(&mut self) {
        self.offered.clear();
    }

    /// The called party has accepted some of what we proposed, perhaps not for the first time.
    pub(in super::super) fn accepted(&mut self, elements: &[Vec<u8>]) -> Vec<Effect> {
        if self.offered.is_empty() {
            return Vec::new();
        }
        let mut effects = Vec::new();
        for olc in decoded(elements) {
            match reversed(&olc) {
                Some((law, parameters)) if self.into.is_none() => {
                    self.into = Some(olc.forward_logical_channel_number.0);
                    let control = usable(parameters.media_control_channel.as_ref());
                    effects.push(listen(law));
                    effects.extend(self.punched(told(&olc).as_ref(), control));
                }
                Some(_) => {}
                None => effects.extend(self.accepted_forward(&olc)),
            }
        }
        effects
    }

    fn accepted_forward(&mut self, olc: &OpenLogicalChannel) -> Option<Effect> {
        let number = olc.forward_logical_channel_number.0;
        let (law, parameters) = acceptable_audio(olc).filter(|_| self.out == Out::Closed)?;
        let rtp = usable(parameters.media_channel.as_ref());
        let rtcp = usable(parameters.media_control_channel.as_ref());
        let to = self.towards(told(olc).as_ref(), rtp, rtcp)?;
        // Only what was proposed can be accepted.
        self.offered.contains(&(number, law)).then_some(())?;
        self.out = Out::Open(number);
        Some(talk(law, to))
    }

    /// Accepts proposals of a caller: of those for media to us the first that we can receive, of those for media from
    /// us the codec that we prefer, or the first. Nothing, if channels were opened by H.245 meanwhile.
    pub(in super::super) fn accept_proposed(
        &mut self,
        proposals: &[Vec<u8>],
        preferred: Law,
    ) -> (Vec<Vec<u8>>, Vec<Effect>) {
        let (mut answers, mut effects) = (Vec::new(), Vec::new());
        if self.out != Out::Closed || self.into.is_some() {
            return (answers, effects);
        }
        let proposals: Vec<OpenLogicalChannel> = decoded(proposals).collect();
        let receivable = |olc: &&OpenLogicalChannel| acceptable_audio(olc).is_some();
        let sendable = |olc: &&OpenLogicalChannel| sendable(olc).is_some();
        let law = |olc: &&OpenLogicalChannel| reversed(olc).map(|(law, _)| law);
        let found = proposals.iter().find(receivable);
        if let Some(olc) = found {
            answers.extend(self.accept_forward(olc.clone(), &mut effects));
        }
        // What is said of multiplexed media stands in forward proposals only, and is for the session.
        let told = found.and_then(told);
        let mut offers = proposals.iter().filter(sendable);
        let wanted = offers.clone().find(|olc| law(olc) == Some(preferred));
        if let Some(olc) = wanted.or_else(|| offers.next()) {
            answers.extend(self.accept_reverse(olc.clone(), told.as_ref(), &mut effects));
        }
        (answers, effects)
    }

    /// Media to us.
    fn accept_forward(
        &mut self,
        mut olc: OpenLogicalChannel,
        effects: &mut Vec<Effect>,
    ) -> Option<Vec<u8>> {
        let told = told(&olc);
        let (law, parameters) = acceptable_audio(&olc)?;
        let control = usable(parameters.media_control_channel.as_ref());
        let Forward::h2250LogicalChannelParameters(parameters) =
            &mut olc.forward_logical_channel_parameters.multiplex_parameters
        else {
            return None;
        };
        parameters.media_channel = Some(to_h245(self.rtp));
        parameters.media_control_channel = Some(to_h245(self.rtcp));
        h46019::remove(&mut olc.generic_information);
        if told.is_some() {
            let ours = Traversal { keep_alive_payload_type: Some(PAYLOAD_TYPE), ..self.receives() };
            // A payload type of seven bits is always in its bounds.
            let _ = ours.write(&mut olc.generic_information);
        }
        let octets = encode_olc(&olc).ok()?;
        self.into = Some(olc.forward_logical_channel_number.0);
        effects.push(listen(law));
        effects.extend(self.punched(told.as_ref(), control));
        Some(octets)
    }

    /// Media from us: the channel is ours, and gets a number of ours.
    fn accept_reverse(
        &mut self,
        mut olc: OpenLogicalChannel,
        told: Option<&Traversal>,
        effects: &mut Vec<Effect>,
    ) -> Option<Vec<u8>> {
        let number = self.next_number();
        let (law, rtp, rtcp) = sendable(&olc)?;
        let to = self.towards(told, Some(rtp), rtcp)?;
        let reverse = olc.reverse_logical_channel_parameters.as_mut()?;
        let Some(Reverse::h2250LogicalChannelParameters(parameters)) =
            &mut reverse.multiplex_parameters
        else {
            return None;
        };
        parameters.media_channel = None;
        parameters.media_control_channel = Some(to_h245(self.rtcp));
        olc.forward_logical_channel_number = LogicalChannelNumber(number);
        h46019::remove(&mut olc.generic_information);
        let octets = encode_olc(&olc).ok()?;
        self.out = Out::Open(number);
        effects.push(talk(law, to));
        Some(octets)
    }

    fn punched(&self, told: Option<&Traversal>, control: Option<SocketAddr>) -> Option<Effect> {
        let punch = told.and_then(|told| self.punch(told, control));
        punch.map(|punch| Effect::Punch(Medium::Audio, punch))
    }

    fn forward(&self, number: u16, law: Law, client: bool) -> OpenLogicalChannel {
        let parameters = H2250LogicalChannelParameters {
            session_id: Medium::Audio.session(true),
            media_control_channel: Some(to_h245(self.rtcp)),
            silence_suppression: Some(false),
            ..H2250LogicalChannelParameters::default()
        };
        let mut olc = OpenLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(number),
            forward_logical_channel_parameters: ForwardPart {
                data_type: DataType::audioData(Box::new(audio(law))),
                multiplex_parameters: Forward::h2250LogicalChannelParameters(Box::new(parameters)),
                ..ForwardPart::default()
            },
            ..OpenLogicalChannel::default()
        };
        if client {
            h46019::announce(&mut olc.generic_information);
        }
        olc
    }

    /// No element of H.460.19 here: some peers do not understand it in a reverse proposal.
    fn reverse(&self, number: u16, law: Law) -> OpenLogicalChannel {
        let parameters = H2250LogicalChannelParameters {
            session_id: Medium::Audio.session(true),
            media_channel: Some(to_h245(self.rtp)),
            media_control_channel: Some(to_h245(self.rtcp)),
            silence_suppression: Some(false),
            ..H2250LogicalChannelParameters::default()
        };
        OpenLogicalChannel {
            forward_logical_channel_number: LogicalChannelNumber(number),
            forward_logical_channel_parameters: ForwardPart {
                data_type: DataType::nullData(()),
                multiplex_parameters: Forward::none(()),
                ..ForwardPart::default()
            },
            reverse_logical_channel_parameters: Some(ReversePart {
                data_type: DataType::audioData(Box::new(audio(law))),
                multiplex_parameters: Some(Reverse::h2250LogicalChannelParameters(Box::new(
                    parameters,
                ))),
                ..ReversePart::default()
            }),
            ..OpenLogicalChannel::default()
        }
    }
}

fn listen(law: Law) -> Effect {
    Effect::Listen { medium: Medium::Audio, codec: Codec::G711(law) }
}

fn talk(law: Law, to: Towards) -> Effect {
    Effect::Talk { medium: Medium::Audio, codec: Codec::G711(law), to }
}

/// What a proposal or an answer says of H.460.19; what cannot be understood asks for nothing.
fn told(olc: &OpenLogicalChannel) -> Option<Traversal> {
    Traversal::read(olc.generic_information.as_ref()).unwrap_or_default()
}

/// A proposal of media from the called party: the codec, and the caller's addresses.
fn reversed(olc: &OpenLogicalChannel) -> Option<(Law, &H2250LogicalChannelParameters)> {
    let reverse = olc.reverse_logical_channel_parameters.as_ref()?;
    let law = match &reverse.data_type {
        DataType::audioData(audio) => law_of(audio),
        _ => None,
    };
    match &reverse.multiplex_parameters {
        Some(Reverse::h2250LogicalChannelParameters(parameters)) => Some((law?, parameters)),
        _ => None,
    }
}

/// A proposal of media from the called party that can be accepted: the codec, and where it goes.
fn sendable(olc: &OpenLogicalChannel) -> Option<(Law, SocketAddr, Option<SocketAddr>)> {
    // A channel with media both ways is no part of fast start.
    let forward = &olc.forward_logical_channel_parameters.data_type;
    let (law, parameters) = reversed(olc).filter(|_| matches!(forward, DataType::nullData(())))?;
    let rtp = usable(parameters.media_channel.as_ref())?;
    Some((law, rtp, usable(parameters.media_control_channel.as_ref())))
}
