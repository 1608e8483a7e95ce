//! Call signalling: Q.931 with H.225.0 in its User-user element, and H.245 in that.

use pinhole_h323::Malformed;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::signal::Signal;

use super::control::{control, fast_start};
use super::{Message, Protocol, Role, Told, variant};

/// A call signalling message.
#[must_use]
pub fn signal(octets: &[u8]) -> Message {
    Message::new(Protocol::H225, octets, Signal::decode, encode, |message, signal| {
        // The body may be empty, in a Q.931 message of any type.
        message.name = signal.message_type().name().to_owned();
        message.call = signal.call_id().map(|call| call.to_string());
        message.reference = Some(signal.crv().value());
        message.note = match signal.body() {
            Some(Body::empty(())) => "empty".to_owned(),
            Some(Body::facility(facility)) => variant(&facility.reason),
            Some(Body::releaseComplete(release)) => {
                // The reason may be left out where the cause tells it (H.225.0 §7.3.5).
                let cause = || signal.cause().map(|cause| format!("cause {}", cause.value()));
                release.reason.as_ref().map(variant).or_else(cause).unwrap_or_default()
            }
            _ => String::new(),
        };
        addresses(message, signal);
        message.inside.extend(signal.fast_start().into_iter().map(fast_start));
        message.inside.extend(signal.parallel_h245_control().into_iter().map(control));
        message.inside.extend(signal.h245_control().into_iter().map(control));
        let data = signal.pdu().and_then(|pdu| pdu.generic_data.as_ref());
        data.into_iter().flatten().for_each(|data| message.look_into(data));
    })
}

fn encode(signal: &Signal) -> Result<Vec<u8>, Malformed> {
    let mut signal = signal.clone();
    // An edit that changes nothing makes the octets anew.
    signal.edit(|_| ());
    signal.encode()
}

fn addresses(message: &mut Message, signal: &Signal) {
    match signal.body() {
        Some(Body::setup(setup)) => {
            let source = &setup.source_call_signal_address;
            message.tell("sourceCallSignalAddress", Role::Other, source);
            let destination = &setup.dest_call_signal_address;
            message.tell("destCallSignalAddress", Role::Other, destination);
        }
        Some(Body::facility(facility)) => {
            message.tell("alternativeAddress", Role::Other, &facility.alternative_address);
        }
        _ => {}
    }
    let control = signal.h245_address();
    let told = control.map(|address| Told { name: "h245Address", role: Role::Control, address });
    message.addresses.extend(told);
}
