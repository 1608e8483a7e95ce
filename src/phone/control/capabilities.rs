//! What each side can receive (H.245 §8.3): G.711, A-law and µ-law; H.263, also as a second video (H.239); digits.

use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h245::{
    AlternativeCapabilitySet, Capability, CapabilityDescriptor, CapabilityDescriptorNumber,
    CapabilityIdentifier, CapabilityTableEntry, CapabilityTableEntryNumber, GenericCapability,
    H2250Capability, MediaDistributionCapability, MultimediaSystemControlMessage,
    MultiplexCapability, MultipointCapability, RequestMessage, ResponseMessage, SequenceNumber,
    TerminalCapabilitySet, TerminalCapabilitySetAck, UserInputCapability,
};
use pinhole_h323::version;

use crate::phone::g711::Law;
use crate::phone::medium::{Codec, Medium, audio, law_of, video, video_of};

/// The most the receiver lets audio wait, in milliseconds.
const MOST_JITTER: u16 = 250;

/// h239ControlCapability (H.239 §8.1): the commands and indications of H.239 are understood.
const H239_CONTROL: [u32; 6] = [0, 0, 8, 239, 1, 1];

/// What we can receive.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Ours {
    /// The audio that we like best, of the two.
    pub(in super::super) preferred: Law,
    /// Video, of at most so many kbit/s; 0 leaves that open.
    pub(in super::super) video: Option<u32>,
    /// A second video (H.239), in the same way.
    pub(in super::super) presentation: Option<u32>,
}

/// What the peer can receive.
#[derive(Debug, Default, PartialEq, Eq)]
struct Theirs {
    laws: Vec<Law>,
    video: bool,
    presentation: bool,
    /// Whether it understands the token of H.239.
    h239: bool,
    /// Whether it wants digits as signals (H.245 UserInputIndication.signal).
    dtmf: bool,
}

/// The two capability sets.
#[derive(Debug)]
pub(in super::super) struct Capabilities {
    ours: Ours,
    sequence: u8,
    acknowledged: bool,
    theirs: Option<Theirs>,
}

impl Capabilities {
    /// Nothing is said yet.
    pub(in super::super) const fn new(ours: Ours) -> Self {
        Self { ours, sequence: 0, acknowledged: false, theirs: None }
    }

    /// Our set, said again whenever it is asked for.
    pub(in super::super) fn offer(&mut self) -> MultimediaSystemControlMessage {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        self.acknowledged = false;
        let request =
            RequestMessage::terminalCapabilitySet(Box::new(set(self.sequence, self.ours)));
        MultimediaSystemControlMessage::request(request)
    }

    /// True when our set was offered.
    pub(in super::super) const fn is_offered(&self) -> bool {
        self.sequence != 0
    }

    /// terminalCapabilitySet of the peer; the answer to it.
    pub(in super::super) fn told(
        &mut self,
        set: &TerminalCapabilitySet,
    ) -> MultimediaSystemControlMessage {
        // A set without a table changes nothing but the multiplex part, unless it is empty altogether: then the
        // peer can receive nothing until it says more (H.323 §8.4.6).
        if set.capability_table.is_some() || set.multiplex_capability.is_none() {
            self.theirs = Some(Theirs::of(set));
        }
        let ack = TerminalCapabilitySetAck {
            sequence_number: SequenceNumber(set.sequence_number.0),
            ..TerminalCapabilitySetAck::default()
        };
        let response = ResponseMessage::terminalCapabilitySetAck(ack);
        MultimediaSystemControlMessage::response(Box::new(response))
    }

    /// terminalCapabilitySetAck of the peer.
    pub(in super::super) fn acknowledged(&mut self, sequence: &SequenceNumber) {
        self.acknowledged |= sequence.0 == self.sequence;
    }

    /// True when each side knows what the other can receive.
    pub(in super::super) const fn are_exchanged(&self) -> bool {
        self.acknowledged && self.theirs.is_some()
    }

    /// True when the peer wants nothing sent.
    pub(in super::super) fn is_paused(&self) -> bool {
        let nothing = |t: &Theirs| t.laws.is_empty() && !t.video && !t.presentation;
        self.theirs.as_ref().is_some_and(nothing)
    }

    /// What to send in a medium, if the peer can receive it: of audio what we prefer, or what it can.
    pub(in super::super) fn choose(&self, medium: Medium) -> Option<Codec> {
        let theirs = self.theirs.as_ref()?;
        match medium {
            Medium::Audio => {
                let preferred = Some(self.ours.preferred).filter(|law| theirs.laws.contains(law));
                preferred.or_else(|| theirs.laws.first().copied()).map(Codec::G711)
            }
            Medium::Video => theirs.video.then_some(Codec::H263),
            Medium::Presentation => (theirs.presentation && theirs.h239).then_some(Codec::H263),
        }
    }

    /// True when the peer wants digits as signals.
    pub(in super::super) fn takes_signals(&self) -> bool {
        self.theirs.as_ref().is_some_and(|theirs| theirs.dtmf)
    }
}

impl Theirs {
    fn of(set: &TerminalCapabilitySet) -> Self {
        let mut theirs = Self::default();
        let entries = set.capability_table.iter().flatten();
        for capability in entries.filter_map(|entry| entry.capability.as_ref()) {
            match capability {
                Capability::receiveAudioCapability(audio)
                | Capability::receiveAndTransmitAudioCapability(audio) => {
                    theirs.laws.extend(law_of(audio));
                }
                Capability::receiveVideoCapability(video)
                | Capability::receiveAndTransmitVideoCapability(video) => match video_of(video) {
                    Some(Medium::Presentation) => theirs.presentation = true,
                    Some(_) => theirs.video = true,
                    None => {}
                },
                Capability::genericControlCapability(control) => {
                    theirs.h239 |= control.capability_identifier == h239_control();
                }
                Capability::receiveUserInputCapability(UserInputCapability::dtmf(()))
                | Capability::receiveAndTransmitUserInputCapability(UserInputCapability::dtmf(
                    (),
                )) => theirs.dtmf = true,
                _ => {}
            }
        }
        theirs
    }
}

fn h239_control() -> CapabilityIdentifier {
    CapabilityIdentifier::standard(ObjectIdentifier::from(H239_CONTROL))
}

fn set(sequence: u8, ours: Ours) -> TerminalCapabilitySet {
    let sound = |law| Capability::receiveAudioCapability(Box::new(audio(law)));
    let picture = |medium, kbit| Capability::receiveVideoCapability(Box::new(video(medium, kbit)));
    let digits = Capability::receiveUserInputCapability(UserInputCapability::dtmf(()));
    let control = || {
        Capability::genericControlCapability(Box::new(GenericCapability {
            capability_identifier: h239_control(),
            ..GenericCapability::default()
        }))
    };
    // What stands in one row excludes each other; rows go together.
    let mut rows = vec![vec![sound(ours.preferred), sound(ours.preferred.other())], vec![digits]];
    rows.extend(ours.video.map(|kbit| vec![picture(Medium::Video, kbit)]));
    rows.extend(ours.presentation.map(|kbit| vec![picture(Medium::Presentation, kbit)]));
    rows.extend(ours.presentation.map(|_| vec![control()]));
    let (mut table, mut together) = (Vec::new(), Vec::new());
    for row in rows {
        let mut alternatives = Vec::new();
        for capability in row {
            let number = table.len() as u16 + 1;
            table.push(CapabilityTableEntry {
                capability_table_entry_number: CapabilityTableEntryNumber(number),
                capability: Some(capability),
            });
            alternatives.push(CapabilityTableEntryNumber(number));
        }
        together.push(AlternativeCapabilitySet(alternatives));
    }
    let descriptor = CapabilityDescriptor {
        capability_descriptor_number: CapabilityDescriptorNumber(0),
        simultaneous_capabilities: Some(together),
    };
    TerminalCapabilitySet {
        sequence_number: SequenceNumber(sequence),
        protocol_identifier: version::h245(),
        multiplex_capability: Some(MultiplexCapability::h2250Capability(Box::new(multiplex()))),
        capability_table: Some(table),
        capability_descriptors: Some(vec![descriptor]),
        ..TerminalCapabilitySet::default()
    }
}

fn multiplex() -> H2250Capability {
    let multipoint = MultipointCapability {
        media_distribution_capability: vec![MediaDistributionCapability::default()],
        ..MultipointCapability::default()
    };
    H2250Capability {
        maximum_audio_delay_jitter: MOST_JITTER,
        receive_multipoint_capability: multipoint.clone(),
        transmit_multipoint_capability: multipoint.clone(),
        receive_and_transmit_multipoint_capability: multipoint,
        ..H2250Capability::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinhole_h323::asn::{decode_h245, encode_h245};

    const fn plain(preferred: Law) -> Ours {
        Ours { preferred, video: None, presentation: None }
    }

    const fn capabilities(preferred: Law) -> Capabilities {
        Capabilities::new(plain(preferred))
    }

    fn request(message: &MultimediaSystemControlMessage) -> TerminalCapabilitySet {
        match message {
            MultimediaSystemControlMessage::request(RequestMessage::terminalCapabilitySet(set)) => {
                (**set).clone()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_one_offers_the_other_understands() {
        let (mut ours, mut theirs) = (capabilities(Law::Mu), capabilities(Law::A));
        let offer = ours.offer();
        let octets = encode_h245(&offer).unwrap();
        let arrived = decode_h245(&octets).unwrap();
        assert_eq!(arrived, offer);
        theirs.told(&request(&arrived));
        let expected = Theirs { laws: vec![Law::Mu, Law::A], dtmf: true, ..Theirs::default() };
        assert_eq!(theirs.theirs, Some(expected));
        assert_eq!(theirs.choose(Medium::Audio), Some(Codec::G711(Law::A)));
        assert_eq!(
            (theirs.choose(Medium::Video), theirs.choose(Medium::Presentation)),
            (None, None)
        );
        assert!(!theirs.are_exchanged(), "ours was not offered yet");
        ours.acknowledged(&SequenceNumber(9));
        assert!(!ours.acknowledged);
        ours.acknowledged(&SequenceNumber(1));
        assert!(ours.acknowledged);
    }

    #[test]
    fn pictures_are_offered_as_they_are_wanted() {
        let mut theirs = capabilities(Law::A);
        for (video, presentation) in [(Some(384), None), (None, Some(0)), (Some(0), Some(512))] {
            let mut ours = Capabilities::new(Ours { video, presentation, ..plain(Law::A) });
            let arrived = decode_h245(&encode_h245(&ours.offer()).unwrap()).unwrap();
            theirs.told(&request(&arrived));
            assert_eq!(theirs.choose(Medium::Video).is_some(), video.is_some());
            assert_eq!(theirs.choose(Medium::Presentation).is_some(), presentation.is_some());
        }
    }

    #[test]
    fn an_empty_set_is_a_pause() {
        let mut ours = capabilities(Law::A);
        ours.told(&set(1, plain(Law::A)));
        assert!(!ours.is_paused());
        ours.told(&TerminalCapabilitySet::default());
        assert!(ours.is_paused());
        assert_eq!(ours.choose(Medium::Audio), None);
        ours.told(&set(2, plain(Law::A)));
        assert!(!ours.is_paused());
    }
}
