//! genericInformation that two neighbours exchange, and generic messages of the same kind: it ends with its leg.

use pinhole_h323::asn::h245::{
    CapabilityIdentifier, GenericInformation, GenericMessage,
    H245NonStandardIdentifier as NonStandardIdentifier,
    H245NonStandardIdentifierH221NonStandard as H221NonStandard, IndicationMessage as Indication,
    MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response, UserInputIndication,
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

/// The keepalive that GnuGk sends on an H.245 connection to a server (H.460.18): a userInput of its own.
const KEEPALIVE: H221NonStandard =
    H221NonStandard { t35_country_code: 138, t35_extension: 3, manufacturer_code: 2 };

/// True for a message that only holds a connection open.
pub(super) fn is_keepalive(message: &Message) -> bool {
    let Message::indication(indication) = message else { return false };
    let Indication::userInput(input) = &**indication else { return false };
    let UserInputIndication::nonStandard(parameter) = &**input else { return false };
    matches!(&parameter.non_standard_identifier, NonStandardIdentifier::h221NonStandard(id) if *id == KEEPALIVE)
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
