//! Capabilities, master and slave, and the end of a session (H.245 §8.2-8.4, H.323 §8.2).

use super::{Audio, Control};
use crate::asn::h245::{
    AlternativeCapabilitySet, Capability, CapabilityDescriptor, CapabilityDescriptorNumber,
    CapabilityTableEntry, CapabilityTableEntryNumber, CommandMessage, EndSessionCommand,
    H2250Capability, MasterSlaveDetermination, MasterSlaveDeterminationAck,
    MasterSlaveDeterminationAckDecision, MediaDistributionCapability,
    MultimediaSystemControlMessage as Message, MultiplexCapability, MultipointCapability,
    RequestMessage, ResponseMessage, RoundTripDelayResponse, SequenceNumber, TerminalCapabilitySet,
    TerminalCapabilitySetAck,
};
use crate::version;

/// The terminalType of an endpoint without multipoint controller (H.323 table 1).
pub const TERMINAL: u8 = 50;
/// The terminalType of a gatekeeper without multipoint controller (H.323 table 1).
pub const GATEKEEPER: u8 = 120;

impl Control {
    /// TerminalCapabilitySet that says we can receive these, one at a time, the first best. None at all asks the
    /// peer to stop sending (third-party pause, H.323 §8.4.6).
    #[must_use]
    pub fn terminal_capability_set(sequence_number: u8, audio: &[Audio]) -> Self {
        let mut set = TerminalCapabilitySet {
            sequence_number: SequenceNumber(sequence_number),
            protocol_identifier: version::h245(),
            ..TerminalCapabilitySet::default()
        };
        if !audio.is_empty() {
            let numbers = || (1_u16..).map(CapabilityTableEntryNumber);
            let capability =
                |audio: &Audio| Capability::receiveAudioCapability(Box::new(audio.to_asn()));
            let entry =
                |(number, audio): (CapabilityTableEntryNumber, &Audio)| CapabilityTableEntry {
                    capability_table_entry_number: number,
                    capability: Some(capability(audio)),
                };
            let alternatives = AlternativeCapabilitySet(numbers().take(audio.len()).collect());
            set.multiplex_capability =
                Some(MultiplexCapability::h2250Capability(Box::new(multiplex())));
            set.capability_table = Some(numbers().zip(audio).map(entry).collect());
            set.capability_descriptors = Some(vec![CapabilityDescriptor {
                capability_descriptor_number: CapabilityDescriptorNumber(0),
                simultaneous_capabilities: Some(vec![alternatives]),
            }]);
        }
        Self::request(RequestMessage::terminalCapabilitySet(Box::new(set)))
    }

    /// The audio that the sender of a TerminalCapabilitySet can receive, as far as we know it, in the order of
    /// its table.
    #[must_use]
    pub fn receivable_audio(&self) -> Vec<Audio> {
        let Message::request(RequestMessage::terminalCapabilitySet(set)) = self.message() else {
            return Vec::new();
        };
        let capabilities =
            set.capability_table.iter().flatten().filter_map(|entry| entry.capability.as_ref());
        let audio = capabilities.filter_map(|capability| match capability {
            Capability::receiveAudioCapability(audio)
            | Capability::receiveAndTransmitAudioCapability(audio) => Audio::read(audio),
            _ => None,
        });
        audio.collect()
    }

    /// TerminalCapabilitySetAck.
    #[must_use]
    pub fn terminal_capability_set_ack(sequence_number: u8) -> Self {
        let sequence_number = SequenceNumber(sequence_number);
        let ack =
            TerminalCapabilitySetAck { sequence_number, ..TerminalCapabilitySetAck::default() };
        Self::response(ResponseMessage::terminalCapabilitySetAck(ack))
    }

    /// MasterSlaveDetermination; `status_determination_number` is a random number of 24 bits.
    #[must_use]
    pub fn master_slave_determination(terminal_type: u8, status_determination_number: u32) -> Self {
        Self::request(RequestMessage::masterSlaveDetermination(MasterSlaveDetermination {
            terminal_type,
            status_determination_number: status_determination_number & 0x00ff_ffff,
            unknown_ext: None,
        }))
    }

    /// MasterSlaveDeterminationAck, which tells the peer what the peer is.
    #[must_use]
    pub fn master_slave_determination_ack(peer_is_master: bool) -> Self {
        let decision = if peer_is_master {
            MasterSlaveDeterminationAckDecision::master(())
        } else {
            MasterSlaveDeterminationAckDecision::slave(())
        };
        let ack = MasterSlaveDeterminationAck { decision, unknown_ext: None };
        Self::response(ResponseMessage::masterSlaveDeterminationAck(ack))
    }

    /// RoundTripDelayResponse.
    #[must_use]
    pub fn round_trip_delay_response(sequence_number: u8) -> Self {
        let sequence_number = SequenceNumber(sequence_number);
        let response = RoundTripDelayResponse { sequence_number, unknown_ext: None };
        Self::response(ResponseMessage::roundTripDelayResponse(response))
    }

    /// EndSessionCommand(disconnect): the last message of a session.
    #[must_use]
    pub fn end_session() -> Self {
        let end = EndSessionCommand::disconnect(());
        Self::command(CommandMessage::endSessionCommand(Box::new(end)))
    }

    /// Whether it ends the session.
    #[must_use]
    pub fn is_end_session(&self) -> bool {
        matches!(self.message(), Message::command(CommandMessage::endSessionCommand(_)))
    }
}

/// Who is master of two terminals (H.245 C.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We are.
    Master,
    /// The peer is.
    Slave,
    /// The numbers do not decide; a new number has to be drawn.
    Undecided,
}

/// Decides who is master from the two MasterSlaveDetermination messages: terminal type and
/// statusDeterminationNumber of each.
#[must_use]
pub fn determine(ours: (u8, u32), theirs: (u8, u32)) -> Role {
    match ours.0.cmp(&theirs.0) {
        std::cmp::Ordering::Greater => return Role::Master,
        std::cmp::Ordering::Less => return Role::Slave,
        std::cmp::Ordering::Equal => {}
    }
    match theirs.1.wrapping_sub(ours.1) & 0x00ff_ffff {
        0 | 0x80_0000 => Role::Undecided,
        1..0x80_0000 => Role::Master,
        _ => Role::Slave,
    }
}

/// What every terminal can: centralized conferences of audio.
fn multiplex() -> H2250Capability {
    let point = || MultipointCapability {
        media_distribution_capability: vec![MediaDistributionCapability {
            centralized_control: true,
            centralized_audio: true,
            ..MediaDistributionCapability::default()
        }],
        ..MultipointCapability::default()
    };
    H2250Capability {
        maximum_audio_delay_jitter: 250,
        receive_multipoint_capability: point(),
        transmit_multipoint_capability: point(),
        receive_and_transmit_multipoint_capability: point(),
        ..H2250Capability::default()
    }
}
