//! H.245 of calls on whose legs the gatekeeper encrypts: a message is made that of a clear party where it comes in from
//! an encrypted leg, and that of an encrypting one where it leaves on one. Between the two it passes like any other.

use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response,
};
use pinhole_h323::control::Control;
use pinhole_h323::control::channel::forward_parameters;
use pinhole_h323::h235::{self, static_payload_type};

use super::Verdict;
use crate::call::{Call, Index};
use crate::event::{Event, LegCipher};
use crate::face::{FlowCommand, Output, Side};
use crate::node::Cx;
use crate::security::{Filtered, Key, Refusal, cipher_name, known};

/// What openLogicalChannel begins with (request, alternative 3).
const OPEN_LOGICAL_CHANNEL: u8 = 0x03;

/// Takes an H.245 message of one leg.
pub(crate) fn receive(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut Index,
    from: Side,
    octets: &[u8],
) -> Verdict {
    if call.security.is_undecided() {
        if !call.security.keep(from, octets) {
            cx.core.counters.malformed_messages += 1;
        }
        return Verdict::default();
    }
    if !call.security.is_half() {
        let verdict = super::pass(cx, call, index, from, octets);
        if octets.first() == Some(&OPEN_LOGICAL_CHANNEL) {
            end_to_end(call, from, octets);
        }
        return verdict;
    }
    let incoming = match open(cx, call, from, octets) {
        Ok(octets) => octets,
        Err(verdict) => return verdict,
    };
    let verdict = super::pass(cx, call, index, from, &incoming);
    close(cx, call, from, verdict)
}

/// From the leg to the middle: what is left for a clear party, or what is to be answered.
fn open(cx: &mut Cx<'_>, call: &mut Call, from: Side, octets: &[u8]) -> Result<Vec<u8>, Verdict> {
    let Some(party) = call.security.party(from) else {
        note(call, from, octets);
        return Ok(octets.to_vec());
    };
    // What cannot be decoded is counted where it would pass.
    let Ok(mut control) = Control::decode(octets) else { return Ok(octets.to_vec()) };
    let filtered = party.receive(cx.now, &mut control, &mut cx.core.rng);
    let useless = party.has_no_cipher();
    apply(cx, call, from, &filtered.keys);
    if useless {
        no_cipher(call, from);
    }
    if let Some(refusal) = filtered.stopped {
        if let Some(refusal) = refusal {
            refused(cx, call, from, &control, refusal);
        }
        let reply = filtered.answer.and_then(|answer| answer.encode().ok());
        return Err(Verdict { forward: None, reply });
    }
    let octets = control.encode().map_err(|_| Verdict::default())?;
    note(call, from, &octets);
    Ok(octets)
}

/// From the middle to the legs: what each of them gets to see.
fn close(cx: &mut Cx<'_>, call: &mut Call, from: Side, verdict: Verdict) -> Verdict {
    let mut replies: Vec<_> = verdict.reply.into_iter().collect();
    let mut forward = None;
    if let Some(octets) = verdict.forward {
        match say(cx, call, from.other(), &octets) {
            Ok(octets) => forward = Some(octets),
            Err(reply) => replies.extend(reply),
        }
    }
    let reply = replies.into_iter().find_map(|octets| say(cx, call, from, &octets).ok());
    Verdict { forward, reply }
}

/// Says a message to a leg; if it cannot be said there, what the one who said it is answered.
fn say(
    cx: &mut Cx<'_>,
    call: &mut Call,
    to: Side,
    octets: &[u8],
) -> Result<Vec<u8>, Option<Vec<u8>>> {
    let Some(party) = call.security.party(to) else { return Ok(octets.to_vec()) };
    let Ok(mut control) = Control::decode(octets) else { return Ok(octets.to_vec()) };
    let filtered = party.say(&mut control, &[], &mut cx.core.rng);
    apply(cx, call, to, &filtered.keys);
    let Filtered { stopped, answer, .. } = filtered;
    if let Some(refusal) = stopped {
        if let Some(refusal) = refusal {
            refused(cx, call, to.other(), &control, refusal);
        }
        // The channel does not come about.
        if let Message::request(Request::openLogicalChannel(open)) = control.message() {
            let number = open.forward_logical_channel_number.0;
            call.sessions.close_channel(cx, to.other(), number);
            call.security.forget_channel(to.other(), number);
        }
        return Err(answer.and_then(|answer| answer.encode().ok()));
    }
    control.encode().map_err(|_| None)
}

/// Tells the media plane of keys that came with messages of a leg.
fn apply(cx: &mut Cx<'_>, call: &mut Call, leg: Side, keys: &[Key]) {
    for Key { channel, from_peer, key } in keys {
        let opener = if *from_peer { leg } else { leg.other() };
        let clear = call.security.clear_payload_type(opener, *channel);
        let Some(session) = call.sessions.of_channel(opener, *channel) else { continue };
        let flow = session.flow();
        let cipher = cipher_name(key.key.algorithm());
        let dh_bits = call.security.party(leg).map_or(0, |party| party.dh_bits());
        let name = if leg == Side::A { "a" } else { "b" };
        session.is_encrypted(opener, LegCipher { leg: name, cipher, dh_bits, by: "gatekeeper" });
        cx.event(Event::ChannelEncrypted {
            callid: call.id.to_string(),
            party: call.leg(leg).name.clone(),
            direction: if *from_peer { "from-party" } else { "to-party" },
            channel: *channel,
            cipher,
            dh_bits,
            payload_type: key.payload_type,
        });
        let key = key.clone();
        cx.core.out.push(Output::Flow(match from_peer {
            true => FlowCommand::Decrypt { flow, side: leg, key, clear },
            false => FlowCommand::Encrypt { flow, side: leg, key, clear },
        }));
    }
}

/// A party that agreed on a secret has no cipher to use it with: its leg is in clear, or there is no call.
fn no_cipher(call: &mut Call, leg: Side) {
    if call.security.must_stay(leg) {
        let name = &call.leg(leg).name;
        let why = format!("{name} offers no cipher that would do, and encryption is required");
        call.security.breach(why);
    } else {
        call.security.give_up(leg);
        call.leg_mut(leg).encrypted = false;
    }
}

/// Tells of a channel that does not come about.
fn refused(cx: &mut Cx<'_>, call: &Call, from: Side, control: &Control, refusal: Refusal) {
    let Message::request(Request::openLogicalChannel(open)) = control.message() else { return };
    let data = &open.forward_logical_channel_parameters.data_type;
    let (media, codec) = super::codec::describe(data);
    let name = &call.leg(from).name;
    cx.event(Event::ChannelRefused {
        callid: call.id.to_string(),
        from: name.clone(),
        media,
        codec,
        cause: if refusal == Refusal::DataType { "dataTypeNotSupported" } else { "securityDenied" },
        sentence: format!("a channel of {name} was refused: {}", refusal.sentence()),
    });
}

/// Notes the cipher of a channel that the endpoints encrypt between themselves.
fn end_to_end(call: &mut Call, from: Side, octets: &[u8]) {
    let Some(dh_bits) = call.security.end_to_end_bits() else { return };
    let Ok(control) = Control::decode(octets) else { return };
    let Message::request(Request::openLogicalChannel(open)) = control.message() else { return };
    let data = &open.forward_logical_channel_parameters.data_type;
    let named = h235::unwrap(data).and_then(|(_, named)| known(&named).next());
    let number = open.forward_logical_channel_number.0;
    let Some((algorithm, session)) = named.zip(call.sessions.of_channel(from, number)) else {
        return;
    };
    for leg in ["a", "b"] {
        let (cipher, by) = (cipher_name(algorithm), "endpoints");
        session.is_encrypted(from, LegCipher { leg, cipher, dh_bits, by });
    }
}

/// Remembers the payload types that channels have in clear.
fn note(call: &mut Call, from: Side, octets: &[u8]) {
    let Ok(control) = Control::decode(octets) else { return };
    match control.message() {
        Message::request(Request::openLogicalChannel(open)) => {
            let data = &open.forward_logical_channel_parameters.data_type;
            let told = forward_parameters(open).and_then(|told| told.dynamic_rtppayload_type);
            let payload_type = told.or_else(|| static_payload_type(data));
            let number = open.forward_logical_channel_number.0;
            call.security.note_channel(from, number, payload_type);
        }
        Message::request(Request::closeLogicalChannel(close)) => {
            call.security.forget_channel(from, close.forward_logical_channel_number.0);
        }
        Message::response(response) => {
            if let Response::openLogicalChannelReject(reject) = &**response {
                let number = reject.forward_logical_channel_number.0;
                call.security.forget_channel(from.other(), number);
            }
        }
        _ => {}
    }
}
