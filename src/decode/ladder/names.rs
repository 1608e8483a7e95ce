//! Short names of messages: those that H.225.0, H.245 and everybody's speech use.

/// RAS messages (H.225.0 §7.6) and H.245 messages whose names have a usual abbreviation.
const SHORT: [(&str, &str); 43] = [
    ("gatekeeperRequest", "GRQ"),
    ("gatekeeperConfirm", "GCF"),
    ("gatekeeperReject", "GRJ"),
    ("registrationRequest", "RRQ"),
    ("registrationConfirm", "RCF"),
    ("registrationReject", "RRJ"),
    ("unregistrationRequest", "URQ"),
    ("unregistrationConfirm", "UCF"),
    ("unregistrationReject", "URJ"),
    ("admissionRequest", "ARQ"),
    ("admissionConfirm", "ACF"),
    ("admissionReject", "ARJ"),
    ("bandwidthRequest", "BRQ"),
    ("bandwidthConfirm", "BCF"),
    ("bandwidthReject", "BRJ"),
    ("disengageRequest", "DRQ"),
    ("disengageConfirm", "DCF"),
    ("disengageReject", "DRJ"),
    ("locationRequest", "LRQ"),
    ("locationConfirm", "LCF"),
    ("locationReject", "LRJ"),
    ("infoRequest", "IRQ"),
    ("infoRequestResponse", "IRR"),
    ("infoRequestAck", "IACK"),
    ("infoRequestNak", "INAK"),
    ("requestInProgress", "RIP"),
    ("resourcesAvailableIndicate", "RAI"),
    ("resourcesAvailableConfirm", "RAC"),
    ("serviceControlIndication", "SCI"),
    ("serviceControlResponse", "SCR"),
    ("terminalCapabilitySet", "TCS"),
    ("terminalCapabilitySetAck", "TCSAck"),
    ("terminalCapabilitySetReject", "TCSReject"),
    ("masterSlaveDetermination", "MSD"),
    ("masterSlaveDeterminationAck", "MSDAck"),
    ("masterSlaveDeterminationReject", "MSDReject"),
    ("openLogicalChannel", "OLC"),
    ("openLogicalChannelAck", "OLCAck"),
    ("openLogicalChannelReject", "OLCReject"),
    ("closeLogicalChannel", "CLC"),
    ("closeLogicalChannelAck", "CLCAck"),
    ("endSessionCommand", "endSession"),
    ("IncomingCallIndication", "incoming call"),
];

/// The short name of a message; its whole name if it has none.
pub(super) fn short(name: &str) -> &str {
    SHORT.iter().find(|(long, _)| *long == name).map_or(name, |(_, short)| short)
}

/// What an RTP payload type is without negotiation (RFC 3551 §6).
pub(super) fn payload_type(number: u8) -> String {
    let name = match number {
        0 => "PCMU",
        3 => "GSM",
        4 => "G.723.1",
        8 => "PCMA",
        9 => "G.722",
        15 => "G.728",
        18 => "G.729",
        31 => "H.261",
        34 => "H.263",
        _ => return format!("payload type {number}"),
    };
    name.to_owned()
}
