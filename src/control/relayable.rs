//! What a channel needs of us, and whether we have it.

use pinhole_h323::asn::h245::{
    H245TransportAddress, OpenLogicalChannel,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
};

use super::refusal::Refusal;
use super::session::Wanted;

/// The session of a channel that can be relayed: RTP over UDP to one address.
pub(super) fn session_of(olc: &OpenLogicalChannel) -> Result<Wanted, Refusal> {
    let forward = &olc.forward_logical_channel_parameters;
    let Forward::h2250LogicalChannelParameters(parameters) = &forward.multiplex_parameters else {
        return Err(Refusal::Multiplex);
    };
    if olc.separate_stack.is_some() {
        return Err(Refusal::Network);
    }
    if addresses(olc).any(is_multicast) {
        return Err(Refusal::Multicast);
    }
    let replaces = forward.replacement_for.as_ref().map(|number| number.0);
    Ok(Wanted { id: parameters.session_id, replaces })
}

/// Every address for media that a channel tells.
fn addresses(olc: &OpenLogicalChannel) -> impl Iterator<Item = &H245TransportAddress> {
    let forward = match &olc.forward_logical_channel_parameters.multiplex_parameters {
        Forward::h2250LogicalChannelParameters(parameters) => Some(parameters),
        _ => None,
    };
    let reverse = olc.reverse_logical_channel_parameters.as_ref();
    let reverse = match reverse.and_then(|reverse| reverse.multiplex_parameters.as_ref()) {
        Some(Reverse::h2250LogicalChannelParameters(parameters)) => Some(parameters),
        _ => None,
    };
    let both = forward.into_iter().chain(reverse);
    both.flat_map(|parameters| [&parameters.media_channel, &parameters.media_control_channel])
        .flatten()
}

const fn is_multicast(address: &H245TransportAddress) -> bool {
    matches!(address, H245TransportAddress::multicastAddress(_))
}
