//! genericInformation that two neighbours exchange, and generic messages of the same kind: it ends with its leg.

use pinhole_h323::asn::h245::{
    CapabilityIdentifier, GenericInformation, GenericMessage, IndicationMessage as Indication,
    MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response,
};

/// Traversal of NATs, which we do ourselves on each leg: H.460.19, and H.460.24, whose messages tell alternative
/// addresses for media that goes past us.
const PER_LEG: [[u64; 5]; 2] = [[0, 0, 8, 460, 19], [0, 0, 8, 460, 24]];

fn is_per_leg(message: &GenericMessage) -> bool {
    let CapabilityIdentifier::standard(oid) = &message.message_identifier else { return false };
    PER_LEG.iter().any(|known| oid.arcs().starts_with(known))
}

/// Takes everything of one leg out of the genericInformation of a message, and the list away when it is empty.
pub(super) fn strip(information: &mut Option<Vec<GenericInformation>>) {
    let Some(elements) = information else { return };
    let before = elements.len();
    elements.retain(|element| !is_per_leg(&element.0));
    if elements.len() != before && elements.is_empty() {
        *information = None;
    }
}

/// True for a generic message that is said to us, whoever else gets it.
pub(super) fn ends_here(message: &Message) -> bool {
    use pinhole_h323::asn::h245::CommandMessage as Command;
    match message {
        Message::request(Request::genericRequest(generic))
        | Message::command(Command::genericCommand(generic)) => is_per_leg(generic),
        Message::response(response) => match &**response {
            Response::genericResponse(generic) => is_per_leg(generic),
            _ => false,
        },
        Message::indication(indication) => match &**indication {
            Indication::genericIndication(generic) => is_per_leg(generic),
            _ => false,
        },
        _ => false,
    }
}
