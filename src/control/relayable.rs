//! What a channel needs of us, and whether we have it.

use pinhole_h323::asn::h245::{
    DataApplicationCapability, DataApplicationCapabilityApplication as Application,
    DataProtocolCapability as Protocol, DataType, H235MediaMediaType, H245TransportAddress,
    NetworkAccessParametersNetworkAddress as NetworkAddress, OpenLogicalChannel,
    OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Forward,
    OpenLogicalChannelReverseLogicalChannelParametersMultiplexParameters as Reverse,
};

use super::codec;
use super::refusal::Refusal;
use super::session::Wanted;

/// How a channel travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carriage {
    /// RTP over UDP, or, if so marked, datagrams that are no RTP.
    Session(Wanted),
    /// TCP.
    Connection,
}

/// How a channel travels, if it can be relayed.
pub(super) fn carriage(olc: &OpenLogicalChannel) -> Result<Carriage, Refusal> {
    let transport = transport(codec::carried(olc));
    if let Some(stack) = &olc.separate_stack {
        let NetworkAddress::localAreaAddress(address) = &stack.network_address else {
            return Err(Refusal::Network);
        };
        if is_multicast(address) {
            return Err(Refusal::Multicast);
        }
    }
    if transport == Transport::Tcp {
        return Ok(Carriage::Connection);
    }
    let forward = &olc.forward_logical_channel_parameters;
    let Forward::h2250LogicalChannelParameters(parameters) = &forward.multiplex_parameters else {
        return Err(Refusal::Multiplex);
    };
    let datagrams = transport == Transport::Udp;
    if olc.separate_stack.is_some() && !datagrams {
        return Err(Refusal::Network);
    }
    if addresses(olc).any(is_multicast) {
        return Err(Refusal::Multicast);
    }
    let replaces = forward.replacement_for.as_ref().map(|number| number.0);
    Ok(Carriage::Session(Wanted { id: parameters.session_id, replaces, datagrams }))
}

/// What carries the contents of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Rtp,
    Udp,
    Tcp,
}

/// What carries the contents of a channel.
pub(super) fn transport(data: &DataType) -> Transport {
    let data = match data {
        DataType::data(data) => data,
        DataType::h235Media(media) => match &media.media_type {
            H235MediaMediaType::data(data) => data,
            _ => return Transport::Rtp,
        },
        _ => return Transport::Rtp,
    };
    match (protocol(data), &data.application) {
        (Some(Protocol::separateLANStack(()) | Protocol::tcp(())), _)
        | (_, Application::t120(_)) => Transport::Tcp,
        (Some(Protocol::udp(())), _) | (_, Application::t38fax(_)) => Transport::Udp,
        _ => Transport::Rtp,
    }
}

fn protocol(data: &DataApplicationCapability) -> Option<&Protocol> {
    Some(match &data.application {
        Application::t120(protocol)
        | Application::dsm_cc(protocol)
        | Application::userData(protocol)
        | Application::t434(protocol)
        | Application::h224(protocol)
        | Application::h222DataPartitioning(protocol)
        | Application::t30fax(protocol)
        | Application::t140(protocol) => protocol,
        Application::t84(t84) => &t84.t84_protocol,
        Application::nlpid(nlpid) => &nlpid.nlpid_protocol,
        Application::t38fax(fax) => &fax.t38_fax_protocol,
        _ => return None,
    })
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
