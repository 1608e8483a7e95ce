//! Call signalling: Q.931 with H.225.0 in its User-user element, and H.245 in that.

use pinhole_h323::asn::h225::{
    CallIdentifier, H323UUPDUH323MessageBody as Body, H323UserInformation,
};
use pinhole_h323::{Malformed, asn, q931};

use super::control::{control, fast_start};
use super::{Message, Protocol, Role, guid, variant};

/// A call signalling message.
#[must_use]
pub fn signal(octets: &[u8]) -> Message {
    Message::new(Protocol::H225, octets, decode, encode, |message, (header, information)| {
        message.name = header.message_type().name().to_owned();
        message.reference = Some(header.crv().value());
        if let Some(information) = information {
            look(message, information);
        }
    })
}

type Signal = (q931::Message, Option<H323UserInformation>);

fn decode(octets: &[u8]) -> Result<Signal, Malformed> {
    let header = q931::Message::decode(octets)?;
    let information = header.user_user().map(asn::decode_uuie).transpose()?;
    Ok((header, information))
}

fn encode((header, information): &Signal) -> Result<Vec<u8>, Malformed> {
    let mut header = header.clone();
    if let Some(information) = information {
        header.set_user_user(&asn::encode_uuie(information)?);
    }
    header.encode()
}

fn look(message: &mut Message, information: &H323UserInformation) {
    let pdu = &information.h323_uu_pdu;
    let body = &pdu.h323_message_body;
    message.note = match body {
        // It may be in a Q.931 message of any type.
        Body::empty(()) => "empty".to_owned(),
        Body::facility(facility) => variant(&facility.reason),
        Body::releaseComplete(release) => release.reason.as_ref().map(variant).unwrap_or_default(),
        _ => String::new(),
    };
    message.call = call(body).map(|call| guid(call.guid.0.as_ref()));
    addresses(message, body);
    let (fast, parallel) = channels(body);
    message.inside.extend(fast.iter().map(|octets| fast_start(octets)));
    message.inside.extend(parallel.iter().map(|octets| control(octets)));
    let tunnelled = pdu.h245_control.iter().flatten();
    message.inside.extend(tunnelled.map(|octets| control(octets)));
    let data = pdu.generic_data.iter().flatten();
    data.for_each(|data| message.look_into(data));
}

fn call(body: &Body) -> Option<&CallIdentifier> {
    match body {
        Body::setup(setup) => setup.call_identifier.as_ref(),
        Body::callProceeding(proceeding) => proceeding.call_identifier.as_ref(),
        Body::connect(connect) => connect.call_identifier.as_ref(),
        Body::alerting(alerting) => alerting.call_identifier.as_ref(),
        Body::information(information) => information.call_identifier.as_ref(),
        Body::releaseComplete(release) => release.call_identifier.as_ref(),
        Body::facility(facility) => facility.call_identifier.as_ref(),
        Body::progress(progress) => Some(&progress.call_identifier),
        Body::status(status) => Some(&status.call_identifier),
        Body::statusInquiry(inquiry) => Some(&inquiry.call_identifier),
        Body::setupAcknowledge(acknowledge) => Some(&acknowledge.call_identifier),
        Body::notify(notify) => Some(&notify.call_identifier),
        _ => None,
    }
}

fn addresses(message: &mut Message, body: &Body) {
    let control = match body {
        Body::setup(setup) => {
            let source = &setup.source_call_signal_address;
            message.tell("sourceCallSignalAddress", Role::Other, source);
            let destination = &setup.dest_call_signal_address;
            message.tell("destCallSignalAddress", Role::Other, destination);
            &setup.h245_address
        }
        Body::callProceeding(proceeding) => &proceeding.h245_address,
        Body::connect(connect) => &connect.h245_address,
        Body::alerting(alerting) => &alerting.h245_address,
        Body::progress(progress) => &progress.h245_address,
        Body::facility(facility) => {
            message.tell("alternativeAddress", Role::Other, &facility.alternative_address);
            &facility.h245_address
        }
        _ => &None,
    };
    message.tell("h245Address", Role::Control, control);
}

type Octets = asn::OctetString;

/// The elements of fastStart and of parallelH245Control.
fn channels(body: &Body) -> (&[Octets], &[Octets]) {
    let (fast, parallel) = match body {
        Body::setup(setup) => (&setup.fast_start, setup.parallel_h245_control.as_deref()),
        Body::callProceeding(proceeding) => (&proceeding.fast_start, None),
        Body::connect(connect) => (&connect.fast_start, None),
        Body::alerting(alerting) => (&alerting.fast_start, None),
        Body::progress(progress) => (&progress.fast_start, None),
        Body::information(information) => (&information.fast_start, None),
        Body::facility(facility) => (&facility.fast_start, None),
        _ => (&None, None),
    };
    (fast.as_deref().unwrap_or_default(), parallel.unwrap_or_default())
}
