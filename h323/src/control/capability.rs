//! What a capability is called in the standard (H.245 §C.2.2), for an operator to name it; and sets without some.

use std::collections::BTreeSet;

use crate::asn::h245::{
    AudioCapability as Audio, Capability, DataApplicationCapabilityApplication as Data, DataType,
    H235MediaMediaType, TerminalCapabilitySet, UserInputCapability as Input,
    VideoCapability as Video,
};
use crate::h235::capability::remove;
use crate::kept::name_of;

/// Declares the names of the alternatives of a CHOICE.
macro_rules! names {
    ($list:ident, $name:ident, $choice:ident [$($alternative:ident)+]) => {
        const $list: &[&str] = &[$(stringify!($alternative)),+];

        const fn $name(value: &$choice) -> &'static str {
            name_of!(value, $choice [$($alternative)+])
        }
    };
}

names!(KINDS, kind, Capability [
    nonStandard receiveVideoCapability transmitVideoCapability receiveAndTransmitVideoCapability receiveAudioCapability
    transmitAudioCapability receiveAndTransmitAudioCapability receiveDataApplicationCapability
    transmitDataApplicationCapability receiveAndTransmitDataApplicationCapability h233EncryptionTransmitCapability
    h233EncryptionReceiveCapability conferenceCapability h235SecurityCapability maxPendingReplacementFor
    receiveUserInputCapability transmitUserInputCapability receiveAndTransmitUserInputCapability
    genericControlCapability receiveMultiplexedStreamCapability transmitMultiplexedStreamCapability
    receiveAndTransmitMultiplexedStreamCapability receiveRTPAudioTelephonyEventCapability
    receiveRTPAudioToneCapability depFecCapability multiplePayloadStreamCapability fecCapability redundancyEncodingCap
    oneOfCapabilities
]);
names!(AUDIO, audio, Audio [
    nonStandard g711Alaw64k g711Alaw56k g711Ulaw64k g711Ulaw56k g722_64k g722_56k g722_48k g7231 g728 g729 g729AnnexA
    is11172AudioCapability is13818AudioCapability g729wAnnexB g729AnnexAwAnnexB g7231AnnexCCapability gsmFullRate
    gsmHalfRate gsmEnhancedFullRate genericAudioCapability g729Extensions vbd audioTelephonyEvent audioTone
    extendedAudioCapability
]);
names!(VIDEO, video, Video [
    nonStandard h261VideoCapability h262VideoCapability h263VideoCapability is11172VideoCapability
    genericVideoCapability extendedVideoCapability
]);
names!(DATA, data, Data [
    nonStandard t120 dsm_cc userData t84 t434 h224 nlpid dsvdControl h222DataPartitioning t30fax t140 t38fax
    genericDataCapability dataChannel extendedDataApplicationCapability
]);
names!(INPUT, input, Input [
    nonStandard basicString iA5String generalString dtmf hookflash extendedAlphanumeric encryptedBasicString
    encryptedIA5String encryptedGeneralString secureDTMF genericUserInputCapability
]);

/// True for the name of something that can be disabled, without regard to case.
#[must_use]
pub fn is_name(text: &str) -> bool {
    all_names().any(|name| same(name, text))
}

/// Every name of something that can be disabled.
pub fn all_names() -> impl Iterator<Item = &'static str> {
    [KINDS, AUDIO, VIDEO, DATA, INPUT].into_iter().flatten().copied()
}

/// What is written with a hyphen in the standard has an underline here. What has no name is nothing that is named.
fn same(name: &str, text: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    name.eq_ignore_ascii_case(text) || name.replace('_', "-").eq_ignore_ascii_case(text)
}

/// What a capability is called: its kind, and what it is a capability of.
fn names_of(capability: &Capability) -> [&'static str; 2] {
    use Capability as C;
    let codec = match capability {
        C::receiveVideoCapability(one)
        | C::transmitVideoCapability(one)
        | C::receiveAndTransmitVideoCapability(one) => video(one),
        C::receiveAudioCapability(one)
        | C::transmitAudioCapability(one)
        | C::receiveAndTransmitAudioCapability(one) => audio(one),
        C::receiveDataApplicationCapability(one)
        | C::transmitDataApplicationCapability(one)
        | C::receiveAndTransmitDataApplicationCapability(one) => data(&one.application),
        C::receiveUserInputCapability(one)
        | C::transmitUserInputCapability(one)
        | C::receiveAndTransmitUserInputCapability(one) => input(one),
        _ => "",
    };
    [kind(capability), codec]
}

/// True when a channel is of something that one of these names stands for.
#[must_use]
pub fn is_named(of: &DataType, names: &[String]) -> bool {
    let name = match of {
        DataType::audioData(one) => audio(one),
        DataType::videoData(one) => video(one),
        DataType::data(one) => data(&one.application),
        DataType::h235Media(media) => match &media.media_type {
            H235MediaMediaType::audioData(one) => audio(one),
            H235MediaMediaType::videoData(one) => video(one),
            H235MediaMediaType::data(one) => data(&one.application),
            _ => return false,
        },
        _ => return false,
    };
    names.iter().any(|text| same(name, text))
}

/// Takes out of a set what one of these names stands for, and what is said of its encryption. False when there is none.
pub fn remove_named(set: &mut TerminalCapabilitySet, names: &[String]) -> bool {
    let named = |capability: &Capability| {
        let known = names_of(capability);
        names.iter().any(|text| known.iter().any(|name| same(name, text)))
    };
    let table = set.capability_table.iter().flatten();
    let gone = table.filter(|entry| entry.capability.as_ref().is_some_and(named));
    let gone: BTreeSet<u16> = gone.map(|entry| entry.capability_table_entry_number.0).collect();
    remove(set, |entry| {
        let of_gone = matches!(&entry.capability, Some(Capability::h235SecurityCapability(one))
            if gone.contains(&one.media_capability.0));
        (of_gone || gone.contains(&entry.capability_table_entry_number.0)).then_some(None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::h245::{
        AlternativeCapabilitySet, CapabilityDescriptor, CapabilityDescriptorNumber,
        CapabilityTableEntry, CapabilityTableEntryNumber as Number, H235SecurityCapability,
    };

    fn entry(number: u16, capability: Capability) -> CapabilityTableEntry {
        CapabilityTableEntry {
            capability_table_entry_number: Number(number),
            capability: Some(capability),
        }
    }

    #[test]
    fn what_is_named_goes_and_what_encrypts_it() {
        let security = H235SecurityCapability { media_capability: Number(1), ..Default::default() };
        let audio = |audio| Capability::receiveAudioCapability(Box::new(audio));
        let numbers =
            |all: &[u16]| AlternativeCapabilitySet(all.iter().copied().map(Number).collect());
        let set = TerminalCapabilitySet {
            capability_table: Some(vec![
                entry(1, audio(Audio::g711Alaw64k(20))),
                entry(2, audio(Audio::g711Ulaw64k(20))),
                entry(3, Capability::h235SecurityCapability(Box::new(security))),
                entry(4, Capability::receiveUserInputCapability(Input::basicString(()))),
            ]),
            capability_descriptors: Some(vec![CapabilityDescriptor {
                capability_descriptor_number: CapabilityDescriptorNumber(1),
                simultaneous_capabilities: Some(vec![numbers(&[1, 2, 3]), numbers(&[4])]),
            }]),
            ..Default::default()
        };
        let left = |names: &[&str]| {
            let mut set = set.clone();
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let changed = remove_named(&mut set, &names);
            let table = set.capability_table.unwrap_or_default();
            let numbers = table.iter().map(|entry| entry.capability_table_entry_number.0);
            (changed, numbers.collect::<Vec<_>>())
        };
        assert_eq!(left(&["G711alaw64k"]), (true, vec![2, 4]));
        assert_eq!(left(&["receiveAudioCapability", "basicString"]), (true, vec![]));
        assert_eq!(left(&["h261VideoCapability", ""]), (false, vec![1, 2, 3, 4]));
        assert!(is_name("g722_64k") && is_name("g722-64k") && !is_name("g722"));
    }
}
