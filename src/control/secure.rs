//! H.245 of calls on whose legs media is encrypted. Where the gatekeeper does it, a message is made that of a clear party
//! where it comes in from an encrypted leg, and that of an encrypting one where it leaves on one; between the two it passes
//! like any other. Where the parties do it themselves, it is looked at whether they do.

use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as Message, OpenLogicalChannel, RequestMessage as Request,
    ResponseMessage as Response,
};
use pinhole_h323::control::Control;
use pinhole_h323::control::channel::forward_parameters;
use pinhole_h323::h235::{self, static_payload_type};

use super::refusal::secured;
use super::relayable::{Transport, transport};
use super::{Verdict, codec, keys};
use crate::call::{Call, CallTimer, Index};
use crate::event::{Event, LegCipher};
use crate::face::{FlowCommand, Output, Side};
use crate::node::{Cx, Timer};
use crate::security::{Breach, Filtered, Key, Party, Refusal, Seen, Taken, cipher_name};

/// Takes an H.245 message of one leg.
pub(crate) fn receive(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut Index,
    from: Side,
    octets: &[u8],
) -> Verdict {
    if let Some(verdict) = call.of_former(from, octets) {
        return verdict;
    }
    if call.security.is_undecided() {
        if !call.security.keep(from, octets) {
            cx.core.counters.malformed_messages += 1;
        }
        return Verdict::default();
    }
    if call.security.is_half() {
        let incoming = match open(cx, call, from, octets) {
            Ok(octets) => octets,
            Err(verdict) => return verdict,
        };
        let verdict = super::pass(cx, call, index, from, &incoming);
        if verdict.forward.is_none() {
            unnote(call, from, &incoming);
        }
        return close(cx, call, from, verdict);
    }
    match call.security.between().is_some() {
        true => between(cx, call, index, from, octets),
        false => super::pass(cx, call, index, from, octets),
    }
}

/// A message of one of two parties that have agreed between themselves.
fn between(
    cx: &mut Cx<'_>,
    call: &mut Call,
    index: &mut Index,
    from: Side,
    octets: &[u8],
) -> Verdict {
    // What cannot be decoded is counted where it would pass.
    let Ok(mut control) = Control::decode(octets) else {
        return super::pass(cx, call, index, from, octets);
    };
    let replayed = call.security.is_replayed();
    let Some(parties) = call.security.between() else { return Verdict::default() };
    let strict = parties.is_strict();
    let mut seen = parties.see(cx.now, from, &mut control, replayed);
    if let Message::request(Request::openLogicalChannel(open)) = control.message()
        && strict
        && !is_rtp(open)
    {
        seen = Seen { refused: Some(Refusal::DataType), ..Seen::default() };
    }
    if seen.early {
        return Verdict::default();
    }
    if let Some(breach) = seen.breach {
        let [name, other] = [from, from.other()].map(|side| &call.leg(side).name);
        let why = match breach {
            Breach::NoCipher => {
                format!(
                    "{name} has agreed on a secret with {other}, and offers no cipher that would do"
                )
            }
            Breach::NoneInCommon => format!(
                "{name} and {other} have agreed on a secret, and have no cipher in common; with EndToEnd=0 each would \
                 have one with the gatekeeper"
            ),
        };
        call.security.breach(why);
        return Verdict::default();
    }
    if let Some(refusal) = seen.refused {
        return refuse(cx, call, from, &control, refusal);
    }
    let Ok(octets) = control.encode() else { return Verdict::default() };
    let verdict = super::pass(cx, call, index, from, &octets);
    if let Some(taken) = seen.taken {
        take(cx, call, taken, strict);
    }
    if let Some((opener, number)) = seen.settled
        && let Some(session) = call.sessions.of_channel(opener, number)
    {
        session.settled(cx.now, opener, number);
    }
    watch_keys(cx, call);
    verdict
}

/// A channel that the parties encrypt between themselves has a key: what is sent with its payload type passes.
fn take(cx: &mut Cx<'_>, call: &mut Call, taken: Taken, strict: bool) {
    let Taken { opener, number, algorithm, payload_type } = taken;
    let dh_bits = call.security.between().map_or(0, |parties| parties.dh_bits());
    let Some(session) = call.sessions.of_channel(opener, number) else { return };
    let flow = session.flow();
    let (cipher, by) = (cipher_name(algorithm), "endpoints");
    for leg in ["a", "b"] {
        session.is_encrypted(opener, LegCipher { leg, cipher, dh_bits, by });
    }
    session.has_key(cx.now, opener, number);
    let callid = call.id.to_string();
    let party = call.leg(opener).name.clone();
    let direction = "from-party";
    let channel = number;
    cx.event(Event::ChannelEncrypted {
        callid,
        party,
        direction,
        channel,
        cipher,
        dh_bits,
        payload_type,
        by,
    });
    if strict {
        let from = opener;
        let pass = FlowCommand::Pass { flow, from, channel, payload_type };
        cx.core.out.push(Output::Flow(pass));
    }
}

/// A channel that must not come about: its opener gets OpenLogicalChannelReject, and people a sentence. Of an answer nothing
/// is passed on: its channel stays without a key, and so without a packet.
fn refuse(
    cx: &mut Cx<'_>,
    call: &Call,
    from: Side,
    control: &Control,
    refusal: Refusal,
) -> Verdict {
    secured(cx, call, from, control, refusal);
    match control.message() {
        Message::request(Request::openLogicalChannel(open)) => {
            let number = open.forward_logical_channel_number.0;
            Verdict::reply(&Control::reject(number, refusal.cause()))
        }
        _ => Verdict::default(),
    }
}

/// True for a channel whose contents are RTP, which is all that H.235.6 encrypts.
fn is_rtp(open: &OpenLogicalChannel) -> bool {
    open.separate_stack.is_none() && transport(codec::carried(open)) == Transport::Rtp
}

/// Our end of a leg, if it is encrypted by us. No key of its gets the payload type of its party's keepalives.
pub(super) fn party(call: &mut Call, leg: Side) -> Option<&mut Party> {
    let party = call.security.party(leg)?;
    party.avoid(call.sessions.keepalive_types(leg));
    Some(party)
}

/// From the leg to the middle: what is left for a clear party, or what is to be answered.
fn open(cx: &mut Cx<'_>, call: &mut Call, from: Side, octets: &[u8]) -> Result<Vec<u8>, Verdict> {
    let replayed = call.security.is_replayed();
    // What cannot be decoded is counted where it would pass.
    let Ok(mut control) = Control::decode(octets) else { return Ok(octets.to_vec()) };
    match control.message() {
        // Nothing but RTP is encrypted, so nothing else may be on such a call.
        Message::request(Request::openLogicalChannel(open)) if !is_rtp(open) => {
            return Err(refuse(cx, call, from, &control, Refusal::DataType));
        }
        // There is no key for what has another payload type than its channel: digits go by H.245.
        Message::request(Request::terminalCapabilitySet(_)) => without_events(&mut control),
        _ => {}
    }
    let Some(party) = party(call, from) else {
        let octets = control.encode().map_err(|_| Verdict::default())?;
        note(call, from, &octets);
        return Ok(octets);
    };
    let filtered = party.receive(cx.now, &mut control, &mut cx.core.rng);
    let useless = party.has_no_cipher() && !replayed;
    apply(cx, call, from, &filtered);
    if useless {
        no_cipher(cx, call, from);
    }
    if let Some(refusal) = filtered.stopped {
        if let Some(refusal) = refusal {
            secured(cx, call, from, &control, refusal);
        }
        let reply = filtered.answer.and_then(|answer| answer.encode().ok());
        return Err(Verdict { forward: None, reply });
    }
    let octets = control.encode().map_err(|_| Verdict::default())?;
    note(call, from, &octets);
    Ok(octets)
}

/// Takes telephone events and tones out of a capability set.
fn without_events(control: &mut Control) {
    let mut without = control.clone();
    let changed = without.edit(|message| match message {
        Message::request(Request::terminalCapabilitySet(set)) => h235::remove_events(set),
        _ => false,
    });
    if changed {
        *control = without;
    }
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
    let Some(party) = party(call, to) else { return Ok(octets.to_vec()) };
    let Ok(mut control) = Control::decode(octets) else { return Ok(octets.to_vec()) };
    let filtered = party.say(&mut control, &mut cx.core.rng);
    apply(cx, call, to, &filtered);
    let Filtered { stopped, answer, .. } = filtered;
    if let Some(refusal) = stopped {
        if let Some(refusal) = refusal {
            secured(cx, call, to.other(), &control, refusal);
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
pub(super) fn apply(cx: &mut Cx<'_>, call: &mut Call, leg: Side, filtered: &Filtered) {
    let most = cx.core.settings.encryption.renewal.map_or(u64::MAX, |renewal| renewal.packets);
    for Key { channel, from_peer, key } in &filtered.keys {
        let opener = if *from_peer { leg } else { leg.other() };
        let clear = call.security.clear_payload_type(opener, *channel);
        let Some(session) = call.sessions.of_channel(opener, *channel) else { continue };
        let flow = session.flow();
        let cipher = cipher_name(key.key.algorithm());
        let dh_bits = call.security.party(leg).map_or(0, |party| party.dh_bits());
        let name = if leg == Side::A { "a" } else { "b" };
        let by = "gatekeeper";
        session.is_encrypted(opener, LegCipher { leg: name, cipher, dh_bits, by });
        session.has_key(cx.now, opener, *channel);
        cx.event(Event::ChannelEncrypted {
            callid: call.id.to_string(),
            party: call.leg(leg).name.clone(),
            direction: if *from_peer { "from-party" } else { "to-party" },
            channel: *channel,
            cipher,
            dh_bits,
            payload_type: key.payload_type,
            by,
        });
        let (key, channel) = (key.clone(), *channel);
        cx.core.out.push(Output::Flow(match from_peer {
            true => FlowCommand::Decrypt { flow, side: leg, channel, key, clear, most },
            false => FlowCommand::Encrypt { flow, side: leg, channel, key, clear, most },
        }));
    }
    if let Some(number) = filtered.settled
        && let Some(session) = call.sessions.of_channel(leg, number)
    {
        session.settled(cx.now, leg, number);
    }
    if !filtered.keys.is_empty() || filtered.settled.is_some() {
        watch_keys(cx, call);
    }
}

/// Sets the time to look after the keys of a call.
pub(super) fn watch_keys(cx: &mut Cx<'_>, call: &mut Call) {
    if let Some(due) = keys::next(cx, call) {
        cx.set(Timer::Call(call.key, CallTimer::Keys), due.saturating_duration_since(cx.now));
    }
}

/// A party that agreed on a secret has no cipher to use it with: its leg is in clear, or there is no call.
fn no_cipher(cx: &mut Cx<'_>, call: &mut Call, leg: Side) {
    let name = call.leg(leg).name.clone();
    if call.security.must_stay(leg) {
        let why = format!("{name} offers no cipher that would do, and encryption is required");
        call.security.breach(why);
    } else {
        call.security.give_up(leg);
        call.leg_mut(leg).encrypted = false;
        cx.event(Event::LegInClear {
            callid: call.id.to_string(),
            sentence: format!(
                "{name} has agreed on a secret and offers no cipher that would do: its leg is in clear from now on"
            ),
            party: name,
        });
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

/// Forgets the payload type of a channel that was refused, and so has no session.
fn unnote(call: &mut Call, from: Side, octets: &[u8]) {
    let Ok(control) = Control::decode(octets) else { return };
    if let Message::request(Request::openLogicalChannel(open)) = control.message() {
        let number = open.forward_logical_channel_number.0;
        if call.sessions.of_channel(from, number).is_none() {
            call.security.forget_channel(from, number);
        }
    }
}
