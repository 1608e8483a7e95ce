//! Capabilities of encrypted media (H.245 H235SecurityCapability): entries of their own, each beside the entry of the
//! media that it says can be encrypted.

use std::collections::{BTreeMap, BTreeSet};

use crate::asn::ObjectIdentifier;
use crate::asn::h245::{
    Capability, CapabilityTableEntry, CapabilityTableEntryNumber as Number,
    EncryptionAuthenticationAndIntegrity as Protection, EncryptionCapability,
    H235SecurityCapability, MediaEncryptionAlgorithm, TerminalCapabilitySet,
};

/// Entries that a table has room for, and numbers that a set of alternatives has.
const MOST: usize = 256;

/// What an entry says of encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryptable {
    /// The number of the entry of the media.
    pub media: u16,
    /// The ciphers, the preferred one first.
    pub algorithms: Vec<ObjectIdentifier>,
}

/// The ciphers that a protection names.
pub(super) fn algorithms(protection: &Protection) -> Vec<ObjectIdentifier> {
    let named = protection.encryption_capability.iter().flat_map(|capability| &capability.0);
    let algorithm = |named: &MediaEncryptionAlgorithm| match named {
        MediaEncryptionAlgorithm::algorithm(identifier) => Some(identifier.clone()),
        _ => None,
    };
    named.filter_map(algorithm).collect()
}

/// A protection by any of these ciphers.
pub(super) fn protection(algorithms: &[ObjectIdentifier]) -> Protection {
    let named = algorithms.iter().cloned().map(MediaEncryptionAlgorithm::algorithm).collect();
    Protection { encryption_capability: Some(EncryptionCapability(named)), ..Protection::default() }
}

fn security(entry: &CapabilityTableEntry) -> Option<&H235SecurityCapability> {
    match &entry.capability {
        Some(Capability::h235SecurityCapability(security)) => Some(security),
        _ => None,
    }
}

const fn is_media(capability: &Capability) -> bool {
    use Capability::{
        receiveAndTransmitAudioCapability, receiveAndTransmitDataApplicationCapability,
        receiveAndTransmitVideoCapability, receiveAudioCapability,
        receiveDataApplicationCapability, receiveVideoCapability, transmitAudioCapability,
        transmitDataApplicationCapability, transmitVideoCapability,
    };
    matches!(
        capability,
        receiveAudioCapability(_)
            | transmitAudioCapability(_)
            | receiveAndTransmitAudioCapability(_)
            | receiveVideoCapability(_)
            | transmitVideoCapability(_)
            | receiveAndTransmitVideoCapability(_)
            | receiveDataApplicationCapability(_)
            | transmitDataApplicationCapability(_)
            | receiveAndTransmitDataApplicationCapability(_)
    )
}

/// What a set says of encryption, entry by entry.
#[must_use]
pub fn capabilities(set: &TerminalCapabilitySet) -> Vec<Encryptable> {
    let entries = set.capability_table.iter().flatten().filter_map(security);
    let read = |security: &H235SecurityCapability| Encryptable {
        media: security.media_capability.0,
        algorithms: algorithms(&security.encryption_authentication_and_integrity),
    };
    entries.map(read).collect()
}

/// Takes everything of encryption out of a set. Where an alternative was offered encrypted only, the entry of its media
/// takes its place.
pub fn remove_capabilities(set: &mut TerminalCapabilitySet) {
    remove(set, |entry| security(entry).map(|security| Some(security.media_capability.0)));
}

/// Leaves only these ciphers in a set. An entry that has none of them goes, and the entry of its media takes its place.
pub fn keep_algorithms(set: &mut TerminalCapabilitySet, kept: &[ObjectIdentifier]) {
    let entries = set.capability_table.iter_mut().flatten();
    for capability in entries.filter_map(|entry| entry.capability.as_mut()) {
        let Capability::h235SecurityCapability(security) = capability else { continue };
        let protection = &mut security.encryption_authentication_and_integrity;
        if let Some(EncryptionCapability(named)) = &mut protection.encryption_capability {
            named.retain(|one| {
                matches!(one, MediaEncryptionAlgorithm::algorithm(identifier) if kept.contains(identifier))
            });
        }
    }
    remove(set, |entry| {
        let security = security(entry)?;
        let empty = algorithms(&security.encryption_authentication_and_integrity).is_empty();
        empty.then_some(Some(security.media_capability.0))
    });
}

/// Takes out what says that telephone events and tones are received as RTP of their own (RFC 4733); false when nothing
/// does.
pub fn remove_events(set: &mut TerminalCapabilitySet) -> bool {
    use Capability::{receiveRTPAudioTelephonyEventCapability, receiveRTPAudioToneCapability};
    remove(set, |entry| {
        let events = matches!(
            entry.capability,
            Some(receiveRTPAudioTelephonyEventCapability(_) | receiveRTPAudioToneCapability(_))
        );
        events.then_some(None)
    })
}

/// Takes entries out of a set: `which` says of each whether it goes, and which other entry takes its place where it is
/// named as an alternative. False when there were none.
pub(crate) fn remove(
    set: &mut TerminalCapabilitySet,
    which: impl Fn(&CapabilityTableEntry) -> Option<Option<u16>>,
) -> bool {
    let mut removed = BTreeMap::new();
    let Some(table) = &mut set.capability_table else { return false };
    table.retain(|entry| match which(entry) {
        Some(instead) => {
            removed.insert(entry.capability_table_entry_number.0, instead);
            false
        }
        None => true,
    });
    if removed.is_empty() {
        return false;
    }
    if table.is_empty() {
        set.capability_table = None;
    }
    let Some(descriptors) = &mut set.capability_descriptors else { return true };
    for descriptor in descriptors.iter_mut() {
        let Some(sets) = &mut descriptor.simultaneous_capabilities else { continue };
        for alternatives in sets.iter_mut() {
            let mut seen = BTreeSet::new();
            let numbers = alternatives.0.iter().map(|number| number.0);
            let left =
                numbers.filter_map(|number| removed.get(&number).map_or(Some(number), |put| *put));
            // Twice the same number says no more than once.
            let kept: Vec<_> = left.filter(|number| seen.insert(*number)).map(Number).collect();
            alternatives.0 = kept;
        }
        sets.retain(|alternatives| !alternatives.0.is_empty());
    }
    descriptors.retain(|descriptor| {
        descriptor.simultaneous_capabilities.as_ref().is_none_or(|s| !s.is_empty())
    });
    if descriptors.is_empty() {
        set.capability_descriptors = None;
    }
    true
}

/// Says of each medium in a set that it can be encrypted with these ciphers, with numbers that are free. Those for which
/// the table has no room any more stay without.
pub fn add_capabilities(set: &mut TerminalCapabilitySet, algorithms: &[ObjectIdentifier]) {
    let Some(table) = &mut set.capability_table else { return };
    let used: BTreeSet<u16> =
        table.iter().map(|entry| entry.capability_table_entry_number.0).collect();
    let mut free = (1..=u16::MAX).filter(|number| !used.contains(number));
    let media: Vec<u16> = table
        .iter()
        .filter(|entry| entry.capability.as_ref().is_some_and(is_media))
        .map(|entry| entry.capability_table_entry_number.0)
        .collect();
    let mut added = BTreeMap::new();
    for number in media.into_iter().take(MOST.saturating_sub(table.len())) {
        let Some(own) = free.next() else { break };
        let security = H235SecurityCapability {
            encryption_authentication_and_integrity: protection(algorithms),
            media_capability: Number(number),
            ..H235SecurityCapability::default()
        };
        table.push(CapabilityTableEntry {
            capability_table_entry_number: Number(own),
            capability: Some(Capability::h235SecurityCapability(Box::new(security))),
        });
        added.insert(number, own);
    }
    let descriptors = set.capability_descriptors.iter_mut().flatten();
    let sets = descriptors.flat_map(|descriptor| descriptor.simultaneous_capabilities.iter_mut());
    for alternatives in sets.flatten() {
        let both = alternatives.0.iter().flat_map(|number| {
            let encrypted = added.get(&number.0).copied();
            std::iter::once(number.0).chain(encrypted)
        });
        alternatives.0 = both.take(MOST).map(Number).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::h245::{
        AlternativeCapabilitySet, AudioCapability, AudioTelephonyEventCapability,
        CapabilityDescriptor, CapabilityDescriptorNumber, MultimediaSystemControlMessage,
        RequestMessage, UserInputCapability,
    };
    use crate::asn::{decode_h245, encode_h245};

    const AES128: [u32; 9] = [2, 16, 840, 1, 101, 3, 4, 1, 2];
    const AES256: [u32; 9] = [2, 16, 840, 1, 101, 3, 4, 1, 42];

    fn audio(number: u16) -> CapabilityTableEntry {
        CapabilityTableEntry {
            capability_table_entry_number: Number(number),
            capability: Some(Capability::receiveAudioCapability(Box::new(
                AudioCapability::g711Alaw64k(20),
            ))),
        }
    }

    fn input(number: u16) -> CapabilityTableEntry {
        let capability = Capability::receiveUserInputCapability(UserInputCapability::default());
        CapabilityTableEntry {
            capability_table_entry_number: Number(number),
            capability: Some(capability),
        }
    }

    fn set(table: Vec<CapabilityTableEntry>, alternatives: &[&[u16]]) -> TerminalCapabilitySet {
        let numbers = |numbers: &&[u16]| {
            AlternativeCapabilitySet(numbers.iter().map(|number| Number(*number)).collect())
        };
        TerminalCapabilitySet {
            capability_table: Some(table),
            capability_descriptors: Some(vec![CapabilityDescriptor {
                capability_descriptor_number: CapabilityDescriptorNumber(0),
                simultaneous_capabilities: Some(alternatives.iter().map(numbers).collect()),
            }]),
            ..TerminalCapabilitySet::default()
        }
    }

    fn alternatives(set: &TerminalCapabilitySet) -> Vec<Vec<u16>> {
        let descriptors = set.capability_descriptors.iter().flatten();
        let sets = descriptors.flat_map(|one| one.simultaneous_capabilities.iter().flatten());
        sets.map(|set| set.0.iter().map(|number| number.0).collect()).collect()
    }

    #[test]
    fn what_is_added_is_taken_out_again() {
        let clear = set(vec![audio(1), audio(101), input(2)], &[&[1, 101], &[2]]);
        let mut secure = clear.clone();
        add_capabilities(&mut secure, &[AES256.into(), AES128.into()]);
        assert_eq!(alternatives(&secure), [vec![1, 3, 101, 4], vec![2]], "free numbers");
        let told = capabilities(&secure);
        assert_eq!(told.iter().map(|one| one.media).collect::<Vec<_>>(), [1, 101]);
        let both: [ObjectIdentifier; 2] = [AES256.into(), AES128.into()];
        assert_eq!(told[1].algorithms, both);
        let message = MultimediaSystemControlMessage::request(
            RequestMessage::terminalCapabilitySet(Box::new(secure.clone())),
        );
        assert_eq!(decode_h245(&encode_h245(&message).unwrap()).unwrap(), message);
        remove_capabilities(&mut secure);
        assert_eq!(secure, clear);
        remove_capabilities(&mut secure);
        assert_eq!(secure, clear);
    }

    #[test]
    fn an_entry_is_these_octets() {
        let mut one = set(vec![audio(1)], &[&[1]]);
        add_capabilities(&mut one, &[AES128.into()]);
        let octets = encode_h245(&MultimediaSystemControlMessage::request(
            RequestMessage::terminalCapabilitySet(Box::new(one)),
        ))
        .unwrap();
        // The security capability of one cipher, for entry 1.
        let entry =
            [0x0f, 0x20, 0x00, 0x40, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 2, 0];
        assert!(octets.windows(entry.len()).any(|window| window == entry), "{octets:02x?}");
    }

    #[test]
    fn what_was_offered_encrypted_only_is_offered_clear() {
        let mut only = set(vec![audio(1), audio(7)], &[&[1], &[7]]);
        add_capabilities(&mut only, &[AES128.into()]);
        let sets =
            only.capability_descriptors.as_mut().unwrap()[0].simultaneous_capabilities.as_mut();
        for alternatives in sets.unwrap() {
            alternatives.0.remove(0);
        }
        assert_eq!(alternatives(&only), [vec![2], vec![3]]);
        remove_capabilities(&mut only);
        assert_eq!(alternatives(&only), [vec![1], vec![7]]);
    }

    #[test]
    fn ciphers_that_may_not_be_are_taken_out() {
        let mut both = set(vec![audio(1), audio(2)], &[&[1], &[2]]);
        add_capabilities(&mut both, &[AES256.into(), AES128.into()]);
        keep_algorithms(&mut both, &[AES256.into(), AES128.into()]);
        assert_eq!(capabilities(&both)[0].algorithms.len(), 2);
        keep_algorithms(&mut both, &[AES256.into()]);
        let only: [ObjectIdentifier; 1] = [AES256.into()];
        assert!(capabilities(&both).iter().all(|entry| entry.algorithms == only));
        assert_eq!(alternatives(&both), [vec![1, 3], vec![2, 4]]);
        keep_algorithms(&mut both, &[]);
        assert_eq!(both, set(vec![audio(1), audio(2)], &[&[1], &[2]]));
    }

    #[test]
    fn telephone_events_are_taken_out() {
        let events = CapabilityTableEntry {
            capability_table_entry_number: Number(9),
            capability: Some(Capability::receiveRTPAudioTelephonyEventCapability(
                AudioTelephonyEventCapability::default(),
            )),
        };
        let mut with = set(vec![audio(1), events, input(2)], &[&[1, 9], &[9], &[2]]);
        assert!(remove_events(&mut with));
        assert_eq!(with, set(vec![audio(1), input(2)], &[&[1], &[2]]));
        assert!(!remove_events(&mut with));
    }

    #[test]
    fn hundreds_of_entries_stay_within_a_table() {
        for count in [100_u16, 128, 129, 255, 256] {
            let numbers: Vec<u16> = (1..=count).collect();
            let mut many = set(numbers.iter().copied().map(audio).collect(), &[&numbers]);
            add_capabilities(&mut many, &[AES128.into()]);
            let table = many.capability_table.as_ref().unwrap();
            assert_eq!(table.len(), usize::from(count * 2).min(256));
            assert!(alternatives(&many)[0].len() <= 256);
            let message = MultimediaSystemControlMessage::request(
                RequestMessage::terminalCapabilitySet(Box::new(many)),
            );
            encode_h245(&message).unwrap();
        }
        let mut empty = TerminalCapabilitySet::default();
        add_capabilities(&mut empty, &[AES128.into()]);
        remove_capabilities(&mut empty);
        assert_eq!(empty, TerminalCapabilitySet::default());
    }
}
