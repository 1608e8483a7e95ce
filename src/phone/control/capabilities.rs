//! What each side can receive (H.245 §8.3): G.711, A-law and µ-law.

use pinhole_h323::asn::h245::{
    AlternativeCapabilitySet, AudioCapability, Capability, CapabilityDescriptor,
    CapabilityDescriptorNumber, CapabilityTableEntry, CapabilityTableEntryNumber, H2250Capability,
    MediaDistributionCapability, MultimediaSystemControlMessage, MultiplexCapability,
    MultipointCapability, RequestMessage, ResponseMessage, SequenceNumber, TerminalCapabilitySet,
    TerminalCapabilitySetAck,
};
use pinhole_h323::version;

use crate::phone::g711::Law;

/// Frames in a packet, of a millisecond each.
const FRAMES: u16 = 20;

/// The most the receiver lets audio wait, in milliseconds.
const MOST_JITTER: u16 = 250;

/// The two capability sets.
#[derive(Debug, Default)]
pub(in super::super) struct Capabilities {
    sequence: u8,
    acknowledged: bool,
    theirs: Option<Vec<Law>>,
}

impl Capabilities {
    /// Our set, said again whenever it is asked for.
    pub(in super::super) fn offer(&mut self, preferred: Law) -> MultimediaSystemControlMessage {
        self.sequence = self.sequence.wrapping_add(1);
        self.acknowledged = false;
        let set = set(self.sequence, preferred);
        let request = RequestMessage::terminalCapabilitySet(Box::new(set));
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
            self.theirs = Some(laws(set));
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
        self.theirs.as_ref().is_some_and(Vec::is_empty)
    }

    /// What to send: what we prefer, if the peer can receive it, or what it can.
    pub(in super::super) fn choose(&self, preferred: Law) -> Option<Law> {
        let theirs = self.theirs.as_ref()?;
        if theirs.contains(&preferred) { Some(preferred) } else { theirs.first().copied() }
    }
}

/// The kinds of G.711 that a set can receive.
fn laws(set: &TerminalCapabilitySet) -> Vec<Law> {
    let entries = set.capability_table.iter().flatten();
    let law = |capability: &Capability| match capability {
        Capability::receiveAudioCapability(audio)
        | Capability::receiveAndTransmitAudioCapability(audio) => law_of(audio),
        _ => None,
    };
    entries.filter_map(|entry| law(entry.capability.as_ref()?)).collect()
}

/// The kind of G.711 that an audio capability is, if it is one of the two at 64 kbit/s.
pub(in super::super) const fn law_of(audio: &AudioCapability) -> Option<Law> {
    match audio {
        AudioCapability::g711Alaw64k(_) => Some(Law::A),
        AudioCapability::g711Ulaw64k(_) => Some(Law::Mu),
        _ => None,
    }
}

/// The audio capability of a kind of G.711.
pub(in super::super) const fn audio(law: Law) -> AudioCapability {
    match law {
        Law::A => AudioCapability::g711Alaw64k(FRAMES),
        Law::Mu => AudioCapability::g711Ulaw64k(FRAMES),
    }
}

fn set(sequence: u8, preferred: Law) -> TerminalCapabilitySet {
    let entry = |number, law| CapabilityTableEntry {
        capability_table_entry_number: CapabilityTableEntryNumber(number),
        capability: Some(Capability::receiveAudioCapability(Box::new(audio(law)))),
    };
    let either = vec![CapabilityTableEntryNumber(1), CapabilityTableEntryNumber(2)];
    let descriptor = CapabilityDescriptor {
        capability_descriptor_number: CapabilityDescriptorNumber(0),
        simultaneous_capabilities: Some(vec![AlternativeCapabilitySet(either)]),
    };
    TerminalCapabilitySet {
        sequence_number: SequenceNumber(sequence),
        protocol_identifier: version::h245(),
        multiplex_capability: Some(MultiplexCapability::h2250Capability(Box::new(multiplex()))),
        capability_table: Some(vec![entry(1, preferred), entry(2, preferred.other())]),
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
        let mut ours = Capabilities::default();
        let mut theirs = Capabilities::default();
        let offer = ours.offer(Law::Mu);
        let octets = encode_h245(&offer).unwrap();
        let arrived = decode_h245(&octets).unwrap();
        assert_eq!(arrived, offer);
        theirs.told(&request(&arrived));
        assert_eq!(theirs.theirs, Some(vec![Law::Mu, Law::A]));
        assert_eq!(theirs.choose(Law::A), Some(Law::A));
        assert!(!theirs.are_exchanged(), "ours was not offered yet");
        ours.acknowledged(&SequenceNumber(9));
        assert!(!ours.acknowledged);
        ours.acknowledged(&SequenceNumber(1));
        assert!(ours.acknowledged);
    }

    #[test]
    fn an_empty_set_is_a_pause() {
        let mut ours = Capabilities::default();
        ours.told(&set(1, Law::A));
        assert!(!ours.is_paused());
        ours.told(&TerminalCapabilitySet::default());
        assert!(ours.is_paused());
        assert_eq!(ours.choose(Law::A), None);
        ours.told(&set(2, Law::A));
        assert!(!ours.is_paused());
    }
}
