//! Keys of GnuGk's dialect, each by what it does to a call.

mod elsewhere;
mod neighbors;
mod particulars;
mod words;

use pinhole::node::{Mode, Settings};
use pinhole_h323::asn::h245::{
    AlternativeCapabilitySet, AudioCapability, Capability, CapabilityDescriptor,
    CapabilityDescriptorNumber, CapabilityTableEntry, CapabilityTableEntryNumber,
    MultimediaSystemControlMessage as Message, RequestMessage as Request, TerminalCapabilitySet,
};
use pinhole_h323::control::Control;

use super::parties::{Parties, Stage};
use super::zone::settings;

const CALLER: usize = 0;
const CALLED: usize = 1;

/// Calls that are routed with H.245, and their media relayed.
const MODE: &str = "[RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\n";

/// A call with this configuration beside the usual one.
fn call_at(stage: Stage, text: &str) -> Parties {
    let text = format!("{MODE}{text}");
    Parties::at(stage, Mode::Proxied, |known: &mut Settings| *known = settings(&text))
}

/// Receives these kinds of audio, with these numbers.
fn audio_set(all: &[(u16, AudioCapability)]) -> Control {
    let entry = |(number, audio): &(u16, AudioCapability)| CapabilityTableEntry {
        capability_table_entry_number: CapabilityTableEntryNumber(*number),
        capability: Some(Capability::receiveAudioCapability(Box::new(audio.clone()))),
    };
    let numbers = all.iter().map(|(number, _)| CapabilityTableEntryNumber(*number)).collect();
    let set = TerminalCapabilitySet {
        capability_table: Some(all.iter().map(entry).collect()),
        capability_descriptors: Some(vec![CapabilityDescriptor {
            capability_descriptor_number: CapabilityDescriptorNumber(1),
            simultaneous_capabilities: Some(vec![AlternativeCapabilitySet(numbers)]),
        }]),
        ..Default::default()
    };
    Control::new(Message::request(Request::terminalCapabilitySet(Box::new(set))))
}

/// The numbers of the capabilities that a set has.
fn numbers(control: &Control) -> Vec<u16> {
    let Message::request(Request::terminalCapabilitySet(set)) = control.message() else {
        panic!("{control:?}")
    };
    let table = set.capability_table.iter().flatten();
    table.map(|entry| entry.capability_table_entry_number.0).collect()
}
