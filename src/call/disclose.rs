//! What a message that is passed on tells of addresses, beside those that are replaced one by one (source and next hop,
//! H.245, fast start): whatever names an address of the other leg is of no use here, and goes.

use std::net::IpAddr;

use pinhole_h323::asn::OctetString;
use pinhole_h323::asn::h225::{
    AliasAddress, Content, EnumeratedParameter, FeatureSet, GenericData,
    H323UUPDUH323MessageBody as Body,
};
use pinhole_h323::h450;
use pinhole_h323::signal::Signal;
use tracing::debug;

use super::Call;
use crate::face::Side;
use crate::node::Cx;

/// How deep data of features may be nested to be looked into.
const DEEPEST: u8 = 8;

/// Removes addresses of one leg from a message for the other.
pub(super) fn clean(cx: &Cx<'_>, call: &Call, to: Side, signal: &mut Signal) {
    let leg = call.leg(to);
    let ours = cx.core.signalling_at(leg.local, leg.peer);
    if !speaks(signal, ours.ip()) {
        return;
    }
    signal.edit(|pdu| {
        clean_services(&mut pdu.h4501_supplementary_service, ours.ip());
        if let Some(data) = &mut pdu.generic_data {
            data.iter_mut().for_each(clean_data);
        }
        match &mut pdu.h323_message_body {
            Body::setup(setup) => {
                for list in [
                    &mut setup.source_address,
                    &mut setup.destination_address,
                    &mut setup.dest_extra_call_info,
                ] {
                    clean_aliases(list);
                }
                clean_alias(&mut setup.remote_extension_address);
                if let Some(more) = &mut setup.additional_source_addresses {
                    more.retain(|extended| !names_address(&extended.address));
                }
                for features in [
                    &mut setup.needed_features,
                    &mut setup.desired_features,
                    &mut setup.supported_features,
                ] {
                    features.iter_mut().flatten().for_each(|feature| clean_data(&mut feature.0));
                }
            }
            Body::callProceeding(body) => clean_features(&mut body.feature_set),
            Body::connect(body) => {
                clean_aliases(&mut body.connected_address);
                clean_features(&mut body.feature_set);
            }
            Body::alerting(body) => {
                clean_aliases(&mut body.alerting_address);
                clean_features(&mut body.feature_set);
            }
            Body::releaseComplete(body) => {
                clean_aliases(&mut body.busy_address);
                clean_features(&mut body.feature_set);
            }
            Body::notify(body) => clean_aliases(&mut body.connected_address),
            Body::facility(body) => {
                clean_aliases(&mut body.alternative_alias_address);
                clean_aliases(&mut body.dest_extra_call_info);
                clean_alias(&mut body.remote_extension_address);
                for conference in body.conferences.iter_mut().flatten() {
                    clean_alias(&mut conference.conference_alias);
                }
                clean_features(&mut body.feature_set);
                // Whoever is named there is called through us.
                let known = body.alternative_alias_address.is_some();
                body.alternative_address = body
                    .alternative_address
                    .take()
                    .filter(|_| known)
                    .map(|_| pinhole_h323::address::to_h225(ours));
            }
            _ => {}
        }
    });
}

/// True when a message has a field that could name an address; others stay as they came.
fn speaks(signal: &Signal, ours: IpAddr) -> bool {
    let Some(pdu) = signal.pdu() else { return false };
    let services = pdu.h4501_supplementary_service.iter().flatten();
    pdu.generic_data.is_some()
        || services.map(|apdu| &apdu[..]).any(|apdu| is_of_no_use(apdu, ours))
        || match &pdu.h323_message_body {
            Body::setup(_) | Body::facility(_) => true,
            Body::callProceeding(body) => body.feature_set.is_some(),
            Body::connect(body) => body.connected_address.is_some() || body.feature_set.is_some(),
            Body::alerting(body) => body.alerting_address.is_some() || body.feature_set.is_some(),
            Body::releaseComplete(body) => {
                body.busy_address.is_some() || body.feature_set.is_some()
            }
            Body::notify(body) => body.connected_address.is_some(),
            _ => false,
        }
}

/// True for an APDU of H.450 that names somebody by an address, if that is not ours: who gets it could not call there, or
/// would pass us by.
fn is_of_no_use(apdu: &[u8], ours: IpAddr) -> bool {
    h450::addresses(apdu).any(|named| named.ip() != ours)
}

/// Supplementary services pass as they are, but for those that name an address.
fn clean_services(services: &mut Option<Vec<OctetString>>, ours: IpAddr) {
    if let Some(all) = services {
        let before = all.len();
        all.retain(|apdu| !is_of_no_use(apdu, ours));
        if all.len() < before {
            debug!("a supplementary service (H.450) that names an address is not passed on");
        }
        if all.is_empty() {
            *services = None;
        }
    }
}

const fn names_address(alias: &AliasAddress) -> bool {
    matches!(alias, AliasAddress::transportID(_))
}

fn clean_alias(alias: &mut Option<AliasAddress>) {
    *alias = alias.take().filter(|alias| !names_address(alias));
}

fn clean_aliases(aliases: &mut Option<Vec<AliasAddress>>) {
    if let Some(all) = aliases {
        all.retain(|alias| !names_address(alias));
        if all.is_empty() {
            *aliases = None;
        }
    }
}

fn clean_features(set: &mut Option<FeatureSet>) {
    let Some(set) = set else { return };
    for features in
        [&mut set.needed_features, &mut set.desired_features, &mut set.supported_features]
    {
        features.iter_mut().flatten().for_each(|feature| clean_data(&mut feature.0));
    }
}

fn clean_data(data: &mut GenericData) {
    clean_parameters(&mut data.parameters, DEEPEST);
}

fn clean_parameters(parameters: &mut Option<Vec<EnumeratedParameter>>, depth: u8) {
    let Some(all) = parameters else { return };
    for parameter in all.iter_mut() {
        parameter.content =
            parameter.content.take().and_then(|content| clean_content(content, depth));
    }
}

fn clean_content(content: Content, depth: u8) -> Option<Content> {
    let deeper = depth.checked_sub(1);
    match (content, deeper) {
        (Content::transport(_), _) => None,
        (Content::alias(alias), _) if names_address(&alias) => None,
        (Content::compound(_) | Content::nested(_), None) => None,
        (Content::compound(parameters), Some(depth)) => {
            let mut parameters = Some(parameters);
            clean_parameters(&mut parameters, depth);
            parameters.map(Content::compound)
        }
        (Content::nested(mut data), Some(depth)) => {
            for data in &mut data {
                clean_parameters(&mut data.parameters, depth);
            }
            Some(Content::nested(data))
        }
        (content, _) => Some(content),
    }
}
