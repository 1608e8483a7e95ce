//! Capability sets that are larger than any real one.

use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response, TerminalCapabilitySetReject,
    TerminalCapabilitySetRejectCause as Cause,
    TerminalCapabilitySetRejectCauseTableEntryCapacityExceeded as Exceeded,
};
use pinhole_h323::control::Control;

/// The reject of a TerminalCapabilitySet with more than so many capabilities (H.245 §B.2.3).
pub(super) fn reject(most: usize, message: &Message) -> Option<Control> {
    let Message::request(Request::terminalCapabilitySet(set)) = message else { return None };
    let table = set.capability_table.as_ref().map_or(0, Vec::len);
    let simultaneous = set.capability_descriptors.iter().flatten();
    let named = simultaneous
        .flat_map(|descriptor| descriptor.simultaneous_capabilities.iter().flatten())
        .map(|alternatives| alternatives.0.len());
    (table.saturating_add(named.sum()) > most).then(|| {
        let none = Exceeded::noneProcessed(());
        Control::response(Response::terminalCapabilitySetReject(TerminalCapabilitySetReject {
            sequence_number: set.sequence_number.clone(),
            cause: Cause::tableEntryCapacityExceeded(none),
            ..Default::default()
        }))
    })
}
